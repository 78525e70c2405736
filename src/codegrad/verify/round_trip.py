"""There and back: a function whose opposite stands beside it.

In: a candidate whose text, or whose context, defines `decode` beside `encode`. Out: an
input that does not come back. Invariant: it is believed only if every known input comes
back, so a violation is a soft finding.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from codegrad.sandbox import Call, CallOutcome, Ending
from codegrad.verdict import Counterexample
from codegrad.verify.inputs import Args
from codegrad.verify.oracles import ENOUGH, agree, is_opaque
from codegrad.verify.session import Session

_OPPOSITES = (
    ("encode", "decode"),
    ("encrypt", "decrypt"),
    ("encipher", "decipher"),
    ("compress", "decompress"),
    ("compress", "expand"),
    ("serialize", "deserialize"),
    ("pack", "unpack"),
    ("escape", "unescape"),
    ("quote", "unquote"),
    ("dump", "load"),
    ("format", "parse"),
    ("flatten", "unflatten"),
    ("to_", "from_"),
)
_BOTH = "_codegrad_there_and_back"
_MAX_TRIED = 60


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """What there and back showed."""

    text: str
    checked: int
    example: Counterexample | None = None


def round_trip(session: Session, inputs: Sequence[Args]) -> RoundTrip | None:
    """Return whether `inputs` come back; None if there is no reason to expect it."""
    known = [k.args for k in session.inputs.known]
    opposite = opposite_of(session.entry, f"{session.task.context}\n{session.source}")
    if not opposite or len(known) < ENOUGH or any(len(args) != 1 for args in known):
        return None
    tried = [*known, *(args for args in inputs[:_MAX_TRIED] if args not in known)]
    outcomes = _there_and_back(session, opposite, tried)
    pairs = [
        (args, outcome)
        for args, outcome in zip(tried, outcomes, strict=True)
        if outcome.kind is Ending.RETURNED and not is_opaque(outcome.value)
    ]
    back = {repr(args) for args, outcome in pairs if agree(outcome.value, args[0])}
    if not all(repr(args) in back for args in known):
        return None
    text = f"{opposite} takes {session.entry} back"
    lost = [(args, outcome) for args, outcome in pairs if repr(args) not in back]
    if not lost:
        return RoundTrip(text, len(pairs))
    args, outcome = min(lost, key=lambda pair: len(repr(pair[0])))
    example = session.counterexample(
        args, f"{text}: {opposite}({session.entry}(x)) == x", outcome, args
    )
    return RoundTrip(text, len(pairs), example)


def opposite_of(entry: str, source: str) -> str:
    """Return the function of `source` that undoes `entry`; empty if none is named so.

    Example:
        >>> opposite_of("encode_cyclic", "def decode_cyclic(s): ...")
        'decode_cyclic'
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return ""
    names = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    for there, back in (*_OPPOSITES, *((b, a) for a, b in _OPPOSITES)):
        if entry.startswith(there) or f"_{there}" in entry:
            name = entry.replace(there, back, 1)
            if name in names and name != entry:
                return name
    return ""


def _there_and_back(
    session: Session, opposite: str, inputs: Sequence[Args]
) -> Sequence[CallOutcome]:
    glue = f"\n\ndef {_BOTH}(value):\n    return {opposite}({session.entry}(value))\n"
    return session.bench.sandbox.call(
        session.source + glue,
        _BOTH,
        [Call(args) for args in inputs],
        limits=session.candidate.limits,
        context=session.task.context,
    ).calls
