"""The keys of providers: where they are found, whether they can be sent, who sees them.

In: the environment. Out: a key, and replies and sentences without it. Invariant: no
sentence holds a key, and no key is returned that cannot be sent.
"""

import base64
import json
import os
import re
from collections.abc import Mapping, Sequence

from codegrad.engines.chat import RawReply
from codegrad.errors import UsageError

PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
}
"""Providers by name, with the environment variables that hold their keys."""

NO_KEY = "no-key"
"""What is sent to a server of one's own that wants none."""

_HIDDEN = "[key]"
_SHORTEST = 8
_SHORTEST_SURE = 16
_WORDS = frozenset(
    {
        *(NO_KEY, "no-key-required", "sk-no-key-required", "no-api-key", "sk-no-key"),
        *("not-needed", "not-required", "key-not-needed", "api-key-not-needed"),
        *("lm-studio", "placeholder", "sk-placeholder", "your-api-key", "changeme"),
        *("dummy-key", "sk-dummy", "dummy-api-key", "fake-key", "sk-fake", "test-key"),
    }
)
"""What people write where a server wants no key: hidden, it would spoil replies."""


def key_variable(provider: str) -> str | None:
    """Return the name of the variable that holds the provider's key, if it is set."""
    names = PROVIDERS[provider]
    return next((name for name in names if os.environ.get(name, "").strip()), None)


def key_of(provider: str) -> str | None:
    """Return the provider's key; None if there is none.

    Raises:
        UsageError: If it cannot be sent.
    """
    variable = key_variable(provider)
    return None if variable is None else sendable(os.environ[variable], f"${variable}")


def sendable(key: str, where: str) -> str:
    r"""Return a key without the blanks around it, which copying often adds.

    Raises:
        UsageError: If it cannot stand in a header of HTTP.

    Example:
        >>> sendable(" sk-1\r\n", "$KEY")
        'sk-1'
    """
    key = key.strip()
    for place, character in enumerate(key, 1):
        if character.isascii() and character.isprintable():
            continue
        kind = "a line break or another control character"
        if not character.isascii():
            kind = "not an ASCII character"
        raise UsageError(
            f"the key in {where} cannot be sent: character {place} of {len(key)} is "
            f"{kind}; copy the key once more"
        )
    return key


class Secrets:
    """What must not be shown or stored, and how it is hidden.

    A model may write a word that also stands where a key is wanted, `password` for
    one: in its own text only what looks like a key is one.

    Example:
        >>> Secrets("sk-0123456789").hide("bad key sk-0123456789")
        'bad key [key]'
        >>> Secrets("password").hide_in_text("check(password)")
        'check(password)'
    """

    def __init__(self, *secrets: str) -> None:
        known = list(filter(_is_secret, secrets))
        self._known = _Forms(known)
        self._sure = _Forms(list(filter(_is_sure, known)))

    def hide(self, text: str) -> str:
        """Return a sentence without the secrets."""
        return self._known.hidden(text)

    def hide_in_text(self, text: str) -> str:
        """Return what a model said without what can only be a secret."""
        return self._sure.hidden(text)

    def hidden(self, raw: RawReply, *, has_text: bool = False) -> RawReply:
        """Return a reply without the secrets that its server sent back.

        `has_text` says that a model's text is in it.
        """
        forms = self._sure if has_text else self._known
        return RawReply(raw.status, self.hide(raw.kind), forms.hidden_bytes(raw.body))

    def are_in(self, text: str) -> bool:
        """Return whether a model's text holds what can only be a secret."""
        return self._sure.hidden(text) != text


class _Forms:
    """Texts in the ways in which they are written on the line."""

    def __init__(self, texts: Sequence[str]) -> None:
        forms = {
            form
            for text in texts
            for form in (
                text,
                json.dumps(text)[1:-1],
                text.replace("/", "\\/"),
                base64.b64encode(text.encode()).decode(),
            )
        }
        # The longest first: a form may be a part of another.
        self._forms = sorted(forms, key=len, reverse=True)
        # JSON may write any character as an escape, and JSON within JSON twice.
        self._escaped = "|".join("".join(map(_any_form, text)) for text in texts)

    def hidden(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, _HIDDEN)
        if self._escaped and "\\u" in text:
            text = re.sub(self._escaped, _HIDDEN, text)
        return text

    def hidden_bytes(self, body: bytes) -> bytes:
        for form in self._forms:
            body = body.replace(form.encode(), _HIDDEN.encode())
        if self._escaped and b"\\u" in body:
            body = re.sub(self._escaped.encode(), _HIDDEN.encode(), body)
        return body


def _any_form(character: str) -> str:
    """Return the pattern of a character, as it is or as an escape of JSON."""
    plain = r"\\*+/" if character == "/" else re.escape(character)
    return rf"(?:{plain}|\\++u(?i:{ord(character):04x}))"


def _is_secret(text: str) -> bool:
    return len(text) >= _SHORTEST and text.casefold() not in _WORDS


def _is_sure(text: str) -> bool:
    has_both = any(map(str.isalpha, text)) and any(map(str.isdigit, text))
    return text.startswith("sk-") or (has_both and len(text) >= _SHORTEST_SURE)
