"""The keys of providers: where they are found, whether they can be sent, who sees them.

In: the environment. Out: a key, and replies and sentences without it. Invariant: no
sentence holds a key, and no key is returned that cannot be sent.
"""

import base64
import json
import os
from collections.abc import Mapping

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
_WORDS = frozenset(
    {NO_KEY, "lm-studio", "not-needed", "placeholder", "dummy-key", "no-key-required"}
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

    Example:
        >>> Secrets("sk-0123456789").hide("bad key sk-0123456789")
        'bad key [key]'
    """

    def __init__(self, *secrets: str) -> None:
        forms = [
            form
            for secret in secrets
            if _is_secret(secret)
            for form in (
                secret,
                json.dumps(secret)[1:-1],
                secret.replace("/", "\\/"),
                base64.b64encode(secret.encode()).decode(),
            )
        ]
        # The longest first: a form may be a part of another.
        self._forms = sorted(set(forms), key=len, reverse=True)

    def hide(self, text: str) -> str:
        """Return `text` without the secrets."""
        for form in self._forms:
            text = text.replace(form, _HIDDEN)
        return text

    def hidden(self, raw: RawReply) -> RawReply:
        """Return a reply without the secrets that its server sent back."""
        body = raw.body
        for form in self._forms:
            body = body.replace(form.encode(), _HIDDEN.encode())
        return RawReply(raw.status, self.hide(raw.kind), body)

    def are_in(self, text: str) -> bool:
        """Return whether `text` holds any of the secrets."""
        return any(form in text for form in self._forms)


def _is_secret(text: str) -> bool:
    return len(text) >= _SHORTEST and text.casefold() not in _WORDS
