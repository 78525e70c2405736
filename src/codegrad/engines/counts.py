"""What a reply says besides its text, where a client library cannot read it.

In: the bytes of a reply in one of the dialects of `streams`. Out: tokens, and whether
the text was cut. Invariant: what is not understood counts as nothing said.
"""

from dataclasses import dataclass

from codegrad.engines.streams import Json, documents, finish_reasons, row

_IN = ("prompt_tokens", "input_tokens", "promptTokenCount")
_OUT = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_CUT = frozenset({"length", "max_tokens", "MAX_TOKENS"})


@dataclass(frozen=True, slots=True)
class Counts:
    """What was used, and why it ended."""

    tokens_in: int = 0
    tokens_out: int = 0
    is_cut: bool = False


def counts_of(kind: str, body: bytes) -> Counts:
    """Return what a reply says of itself.

    Example:
        >>> counts_of("", b'{"choices": [{"finish_reason": "length"}]}').is_cut
        True
        >>> counts_of("", b'{"usage": {"prompt_tokens": 5, "completion_tokens": 4}}')
        Counts(tokens_in=5, tokens_out=4, is_cut=False)
    """
    tokens_in = tokens_out = 0
    is_cut = False
    for document in documents(kind, body):
        for usage in _usages(document):
            # A stream may count on from event to event; the last word is the most.
            tokens_in = max(tokens_in, _first(usage, _IN))
            thought = _first(usage, ("thoughtsTokenCount",))
            tokens_out = max(tokens_out, _first(usage, _OUT) + thought)
        is_cut = is_cut or any(end in _CUT for end in _ends(document))
    if not tokens_in or not tokens_out:
        # Half of it would be booked as the whole.
        return Counts(is_cut=is_cut)
    return Counts(tokens_in, tokens_out, is_cut)


def _usages(document: Json) -> list[Json]:
    message = row(document.get("message"))
    named = document.get("usage"), document.get("usageMetadata"), message.get("usage")
    return [row(one) for one in named]


def _ends(document: Json) -> list[str]:
    ends = finish_reasons(document)
    ends += [document.get("stop_reason"), row(document.get("delta")).get("stop_reason")]
    return [end for end in ends if isinstance(end, str)]


def _first(usage: Json, names: tuple[str, ...]) -> int:
    numbers = [usage.get(name) for name in names]
    return next((one for one in numbers if isinstance(one, int)), 0)
