"""Addresses of servers: whether one is an address, and what of it may be shown.

In: what was typed or is in the environment. Out: an `Address`. Invariant: its `url`
holds no secret; a login, like a key, is taken from the environment at each start and
never stored. That a server is sent no key is a part of its address, so that it holds
wherever the address is passed on or stored.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from codegrad.errors import UsageError

BASE_URL_VARIABLE = "OPENAI_BASE_URL"
_FORM = "http://HOST:PORT/v1"
_LOGIN = re.compile(r"^(.*?//)?.*@", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and who asks."""

    url: str
    """Without a login, for requests, keys and people."""

    login: str = field(default="", repr=False)
    """`user:password` as it stood in the address."""

    is_keyless: bool = False
    """Whether it is asked as nobody, whatever keys there are."""

    @property
    def text(self) -> str:
        """The address as it is passed on and stored: without a login.

        Example:
            >>> read_address("http://@127.0.0.1:11434/v1").text
            'http://@127.0.0.1:11434/v1'
        """
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://@{rest}" if self.is_keyless else self.url

    @property
    def with_login(self) -> str:
        """The address as it is asked."""
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{self.login}@{rest}" if self.login else self.url

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown, as it is written and as it is sent."""
        if not self.login:
            return ()
        _, _, password = self.login.partition(":")
        return self.login, unquote(self.login), password, unquote(password)


def variables_set(names: Iterable[str]) -> list[str]:
    """Return which variables are set, of some that the network reads in either case.

    Example:
        >>> variables_set(["NO_SUCH_PROXY"])
        []
    """
    return [v for name in names for v in (name, name.lower()) if os.environ.get(v)]


def read_address(text: str, where: str = "the base address") -> Address:
    """Return the address that `text` is.

    An empty login is one: a server that is asked as nobody.

    Raises:
        UsageError: If it is none; no login and no query is in the sentence.

    Example:
        >>> read_address("https://me:secret@models.example/v1/").url
        'https://models.example/v1'
    """
    text = text.strip()
    if not text:
        raise UsageError(f"{where} is empty; write {_FORM}, or leave it out")
    shown = _LOGIN.sub(r"\1***@", text).partition("?")[0].partition("#")[0]
    try:
        parts = _parts(text)
    except ValueError as error:
        problem = f"{where} {shown!r} is no address: {error}; write {_FORM}"
        raise UsageError(problem) from None
    login, at, host = parts.netloc.rpartition("@")
    url = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
    return Address(url, login, is_keyless=bool(at and not login))


def _parts(text: str) -> SplitResult:
    """Return the parts of an address.

    Raises:
        ValueError: If it is none; says why.
    """
    if not text.isprintable() or " " in text:
        raise ValueError("it holds a blank or a control character")
    try:
        parts = urlsplit(text)
    except ValueError:
        what = "its host is no name of one"
        if set("[]") & set(text):
            what = "its brackets hold no IPv6 address"
        raise ValueError(what) from None
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in {"http", "https"}:
        raise ValueError("it does not begin with http:// or https://")
    if host.count(":") > 1 and "[" not in host:
        raise ValueError("an IPv6 address stands in brackets")
    if not parts.hostname:
        raise ValueError("it names no host")
    if parts.query or parts.fragment:
        raise ValueError("it goes on after the path")
    try:
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        is_port = False
    if not is_port:
        raise ValueError("its port is not a number from 1 to 65535")
    return parts


def environment_address() -> Address | None:
    """Return the server that the environment names, if it does.

    Raises:
        UsageError: If what it names is no address.
    """
    text = os.environ.get(BASE_URL_VARIABLE, "")
    return read_address(text, f"${BASE_URL_VARIABLE}") if text.strip() else None


def typed_address(text: str) -> Address:
    """Return the address that was typed after --base-url.

    Raises:
        UsageError: If it is none, or holds a login.
    """
    address = read_address(text, "--base-url")
    if address.login:
        raise UsageError(
            "--base-url holds a login, which others can read in the list of processes "
            f"and the history of the shell; put the whole address into "
            f"${BASE_URL_VARIABLE} and leave --base-url out"
        )
    return address


def known_login(address: Address) -> Address:
    """Return an address with its login, if the environment holds one for it."""
    if address.login or address.is_keyless:
        return address
    named = None
    # Whether what the environment names is an address matters to who asks there.
    with suppress(UsageError):
        named = environment_address()
    return named if named is not None and named.url == address.url else address
