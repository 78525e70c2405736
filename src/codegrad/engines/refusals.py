"""What a refusal of a server means: a sentence, and what to do about it.

In: an HTTP status, the server's own words, the features that the request used. Out: a
`WireError`. Invariant: every sentence says what to do.

Servers that speak one protocol speak it differently: some have no system role, no
structured output, no streams, no temperature. They say so with an error that names
the feature; a request is then sent once more without it (`Feature`).
"""

import math
import re
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum

from codegrad.engines.addresses import variables_set
from codegrad.engines.chat import Trouble, WireError


class Feature(StrEnum):
    """Something that a request can do without."""

    SCHEMA = "structured output"
    SYSTEM = "system role"
    STREAM = "streaming"
    TEMPERATURE = "temperature"
    OLD_LIMIT = "max_tokens"
    NEW_LIMIT = "max_completion_tokens"


# In the order in which an error is searched: the first that is named is given up.
_NAMED = {
    Feature.SCHEMA: r"response_?format|json_?schema|structured.?output|responseSchema|"
    r"schema is too complex|compiled grammar",
    Feature.SYSTEM: r"system\W* (role|message|prompt|instruction)|role\W+system|"
    r"support\W+'?system|developer instruction|roles must alternate|only user and",
    Feature.TEMPERATURE: r"temperature|top_p",
    Feature.STREAM: r"\bstream(ing|_options)?\b",
}
_LIMITS = frozenset({Feature.OLD_LIMIT, Feature.NEW_LIMIT})
_LIMIT_NAMED = re.compile(r"\bmax_(?:completion_)?tokens\b")
_LIMIT_WANTED = re.compile(
    r"\b(?:use|try|specify|replaced by|in favou?r of)\W+(?:the\W+|parameter\W+)*"
    rf"({_LIMIT_NAMED.pattern})",
    re.IGNORECASE,
)
_BOTH = re.compile(r"\bboth\b|same time|together|mutually", re.IGNORECASE)
_CONTEXT = re.compile(
    r"context.?(length|window|size)|maximum context|n_ctx|too many (input )?tokens|"
    r"prompt is too long|input is too long|exceeds? the (available )?context|"
    r"exceed.{0,40}token",
    re.IGNORECASE,
)
_MISUSE = frozenset({400, 404, 405, 415, 422, 501, 500})
"""Where an unknown feature can be the reason; templates of llama.cpp fail with 500."""

_LATER = frozenset({408, 409, 425, 500, 502, 503, 504, 529})
_TOO_MANY = 429
_BAD_REQUEST = 400
_TOO_LARGE = 413
_FOR_ALL = {
    401: "{endpoint} refused the key for {name}; check it",
    402: "{endpoint} says that there is no credit left for {name}",
    403: "{endpoint} refused the key for {name}; check it",
    404: "{endpoint} does not know {name}; check the model and the address",
    407: "the proxy before {endpoint} wants a login; correct HTTPS_PROXY",
}
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_BAD_KEY = re.compile(
    r"\bapi.?key\b.{0,20}\b(not valid|invalid|expired)", re.IGNORECASE
)
_NO_CREDIT = re.compile(
    r"insufficient_quota|exceeded your current quota|billing|credit balance",
    re.IGNORECASE,
)
_REPLY_LENGTH = re.compile(
    r"max_(completion_|output_)?tokens.{0,80}(too large|at most|maximum|less than|<=)",
    re.IGNORECASE | re.DOTALL,
)
_WAIT = re.compile(
    r"\b(?:retry|try again|wait)(?:\s+[a-z]+){0,3}?\s+((?:\d+(?:\.\d+)?\s*(?:hours?|h|"
    r"minutes?|mins?|ms|m|seconds?|secs?|s)(?![a-z])\s*)+)",
    re.IGNORECASE,
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[hms])", re.IGNORECASE)
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_MAX_SHOWN = 200


def refusal(  # noqa: PLR0913 - what a refusal consists of
    status: int,
    said: str,
    *,
    name: str,
    endpoint: str,
    used: AbstractSet[Feature] = frozenset(),
    retry_after_s: float | None = None,
) -> WireError:
    """Return what an HTTP status other than 200 means for a request to `name`.

    The `feature` of an error that is `ADAPTED` is what to leave out. Who says when to
    come back is busy, whatever else the text says: Google words a limit per minute
    as if there were no credit.
    """
    if retry_after_s is None:
        retry_after_s = named_wait_s(said)
    tail = f" (HTTP {status}{': ' + shortened(said) if said else ''})"
    if status in _MISUSE and _REPLY_LENGTH.search(said):
        return WireError(
            f"{name} does not answer at such a length; say --max-tokens N{tail}",
            Trouble.REFUSED,
        )
    if status == _TOO_LARGE or (status in _MISUSE and _CONTEXT.search(said)):
        return WireError(
            f"the task is too large for the context of {name}; use a model with a "
            f"larger one, or say with --context how large it is{tail}",
            Trouble.REFUSED,
        )
    if status in _MISUSE and (feature := _named_in(said, used)):
        said_no = f"{name} has no {feature}{tail}"
        return WireError(said_no, Trouble.ADAPTED, feature=feature)
    if status == _TOO_MANY and (retry_after_s or not _NO_CREDIT.search(said)):
        sentence, trouble = f"{endpoint} asks to slow down", Trouble.BUSY
    elif status == _TOO_MANY:
        sentence, trouble = _FOR_ALL[402], Trouble.FINAL
    elif status == _BAD_REQUEST and _BAD_KEY.search(said):
        sentence, trouble = _FOR_ALL[401], Trouble.FINAL
    elif status in _FOR_ALL:
        sentence, trouble = _FOR_ALL[status], Trouble.FINAL
    elif status in _LATER:
        sentence, trouble = f"{endpoint} failed", Trouble.PASSING
    else:
        sentence, trouble = (
            f"{endpoint} refused the request for {name}",
            Trouble.REFUSED,
        )
    sentence = sentence.format(name=name, endpoint=endpoint)
    return WireError(sentence + tail, trouble, retry_after_s=retry_after_s)


def unreachable(endpoint: str, cause: str) -> WireError:
    """Return what a connection means that did not come about."""
    lower = cause.lower()
    trouble = Trouble.UNREACHABLE
    if "certificate" in lower:
        trouble = Trouble.FINAL
        advice = (
            "its certificate is not trusted; name the right authority with "
            "SSL_CERT_FILE, or correct the address"
        )
    elif "ssl" in lower or "tls" in lower:
        trouble = Trouble.FINAL
        advice = "it does not speak TLS; write http:// or correct the port"
    elif proxies := variables_set(_PROXIES):
        advice = f"check the proxy in {' and '.join(proxies)}, or correct the address"
    else:
        advice = "start the server, or correct the address"
    return WireError(f"{endpoint} cannot be reached: {advice} ({cause})", trouble)


def retry_after_s(text: str) -> float | None:
    """Return the wait that a `Retry-After` header asks for, in seconds or as a date.

    None if it asks for none: a moment that is past and a number that is none count
    as nothing said.

    Example:
        >>> retry_after_s("2.5"), retry_after_s("soon"), retry_after_s("-1")
        (2.5, None, None)
    """
    try:
        return _wait(float(text))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return _wait((until - datetime.now(UTC)).total_seconds())


def _wait(seconds: float) -> float | None:
    return seconds if math.isfinite(seconds) and seconds > 0 else None


def named_wait_s(said: str) -> float | None:
    """Return the wait that a server asks for in words, in seconds.

    Example:
        >>> named_wait_s("Please retry in 36.4s."), named_wait_s("try again in 6m0s")
        (36.4, 360.0)
        >>> named_wait_s("try again in 20ms"), named_wait_s("try again later")
        (0.02, None)
    """
    found = _WAIT.search(said)
    if found is None:
        return None
    parts = _PART.findall(found[1])
    return _wait(sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts))


def shortened(text: str) -> str:
    r"""Return a server's words, cut where they are too long to show.

    Without what would command a terminal.

    Example:
        >>> shortened("no\x1b[2J more")
        'no?[2J more'
    """
    text = "".join(c if c.isprintable() else "?" for c in text[: _MAX_SHOWN + 1])
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def _named_in(said: str, used: AbstractSet[Feature]) -> Feature | None:
    named = (
        feature
        for feature, pattern in _NAMED.items()
        if feature in used and re.search(pattern, said, re.IGNORECASE)
    )
    return next(named, None) or _limit_in(said, used)


def _limit_in(said: str, used: AbstractSet[Feature]) -> Feature | None:
    """Return which name of the length limit is refused, if the other one is left.

    Without any, a reply could be longer than what was reserved for it.
    """
    said = said.lower()
    names = [Feature(name) for name in _LIMIT_NAMED.findall(said)]
    if not names or not used >= _LIMITS:
        return None
    if wanted := _LIMIT_WANTED.search(said):
        (refused,) = _LIMITS - {Feature(wanted[1])}
        return refused
    return Feature.OLD_LIMIT if _BOTH.search(said) else names[0]
