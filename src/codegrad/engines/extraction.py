"""Code from a model's reply: fences, prose, thinking, edits, wrong names.

In: the text of a reply and the module it is about. Out: `Extraction`, a complete
module text or the reason why there is none. Invariant: whatever the text, nothing is
raised, and a module that is returned parses.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from codegrad.engines.clashes import without_clashes
from codegrad.engines.fences import closing, fences_of, language_of
from codegrad.engines.members import (
    gathered,
    goes_on_with,
    has_only_stub,
    housed,
    in_classes,
    is_method,
    is_quoted,
    is_version,
)
from codegrad.engines.merging import defined, merge, parse_quietly
from codegrad.engines.pieces import acts, answered_by_assignment, completed, goes_on
from codegrad.engines.renaming import renamed
from codegrad.engines.replies import without_thoughts
from codegrad.engines.scopes import Definition
from codegrad.engines.search_replace import EditError, apply_edits, find_edits
from codegrad.engines.signatures import callable_as_before
from codegrad.lines import lines_of

_CODE_START = re.compile(r"^(?:@|(?:async )?def |class |from \w|import \w)")
_PROGRAM_START = re.compile(
    r"^(?:@|(?:async )?def |class |from \w|import \w|#|print\(|try:"
    r"|(?:for|while|if|with) .*:|[A-Za-z_][\w, .\[\]*]*[-+*/%|&]?= ?\S)"
)
"""How a line of a program without functions may begin."""
_OTHER_LANGUAGES = frozenset(
    {"json", "text", "txt", "bash", "sh", "console", "output", "diff", "yaml", "sql"}
)
_NO_FENCE = "the code had no fence"

_MAX_CUTS = 50
_MAX_STARTS = 8


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found in one reply."""

    source: str | None = None
    """The complete module after the reply; None if there is none."""

    form: str = ""
    """How it was given: `code` or `edits`."""

    problem: str = ""
    """Why there is no module, in one sentence; it can be sent back to the model."""

    notes: tuple[str, ...] = ()
    """What had to be put right."""


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    language: str = ""
    is_closed: bool = True
    notes: tuple[str, ...] = field(default=())
    number: int = 0
    """Its place in the reply."""


def extract(
    reply: str, *, current: str, entry_point: str = "", is_cut: bool = False
) -> Extraction:
    r"""Return the module that `reply` asks for.

    `current` is the module as it is; edits are applied to it and functions of the
    reply take the place of its own. Without `entry_point` the whole code of the reply
    is the module. `is_cut` says that the model stopped at its length limit.

    Example:
        >>> found = extract("Sure!\n```python\ndef f(x):\n    return 2 * x\n```",
        ...     current="def f(x):\n    return x\n", entry_point="f")
        >>> found.source
        'def f(x):\n    return 2 * x\n'
    """
    text = without_thoughts(reply.replace("\r\n", "\n"))
    if not text.strip():
        return Extraction(problem=_nothing(reply, is_cut=is_cut))
    try:
        edits = find_edits(text)
        edited = apply_edits(current, edits) if edits else ""
    except EditError as error:
        return Extraction(form="edits", problem=str(error))
    if edits:
        return _checked(edited, "edits", current, entry_point, ())
    return _from_blocks(text, current, entry_point, is_cut=is_cut)


def _from_blocks(
    text: str, current: str, entry_point: str, *, is_cut: bool
) -> Extraction:
    blocks = _blocks(text)
    readable = _all_readable(blocks, _CODE_START if entry_point else _PROGRAM_START)
    if entry_point:
        readable = _housed(readable, entry_point, current)
    chosen = (
        _choose(readable, entry_point, current) if entry_point else _program(readable)
    )
    if chosen is None:
        cut = is_cut or any(not block.is_closed for block in blocks)
        return Extraction(problem=_why_not(blocks, entry_point, is_cut=cut))
    is_torn = (
        not chosen.is_closed and bool(chosen.notes)
        if not is_cut
        else not chosen.is_closed or _NO_FENCE in chosen.notes
    )
    if (is_cut and _ends_with(text, chosen.text)) or (is_torn and not entry_point):
        # Half a function can parse, half a program mostly does; neither was meant.
        return Extraction(problem=_why_not((), entry_point, is_cut=True))
    others = [
        block
        for block in readable
        if block.number != chosen.number and (block.is_closed or not is_cut)
    ]
    chosen, others = _gathered(chosen, others, entry_point, current)
    wanted = _changed_beside(others, entry_point, current)
    piece = completed(chosen.text, [b.text for b in others], wanted=wanted)
    notes = (*chosen.notes, *piece.notes)
    if not entry_point:
        return _checked(_ended(piece.text), "code", current, "", notes)
    apart = without_clashes(piece.text, current, entry_point)
    if apart is None:
        return Extraction(problem="the reply changes what a helper of the module takes")
    notes += apart.notes
    merged = merge(current, apart.text, entry_point)
    if merged is None:
        return Extraction(problem="the code of the reply does not fit the module")
    notes += tuple(f"left out: `{line}`" for line in merged.left_out)
    return _checked(merged.source, "code", current, entry_point, notes)


def _all_readable(blocks: Sequence[_Block], starts: re.Pattern[str]) -> list[_Block]:
    return [
        replace(found, number=number)
        for number, block in enumerate(blocks)
        if block.language not in _OTHER_LANGUAGES
        and (found := _readable(block, starts)) is not None
    ]


def _housed(blocks: Sequence[_Block], entry_point: str, current: str) -> list[_Block]:
    pieces = housed([block.text for block in blocks], entry_point, current)
    return [
        replace(block, text=piece.text, notes=(*block.notes, *piece.notes))
        for block, piece in zip(blocks, pieces, strict=True)
    ]


def _gathered(
    chosen: _Block, others: Sequence[_Block], entry_point: str, current: str
) -> tuple[_Block, list[_Block]]:
    """Return the blocks with the members of each class in one of them.

    A block with the entry point is a draft of the answer; of a program it is one with
    another version of something in a class.
    """
    blocks = sorted([chosen, *others], key=lambda block: block.number)
    answer = blocks.index(chosen)
    drafts = [
        number
        for number, block in enumerate(blocks)
        if (
            _gives(block, entry_point)
            if entry_point
            else is_version(block.text, chosen.text)
        )
    ]
    texts = [block.text for block in blocks]
    pieces = gathered(texts, answer, drafts=drafts, current=current)
    joined = [
        replace(block, text=piece.text, notes=(*block.notes, *piece.notes))
        for block, piece in zip(blocks, pieces, strict=True)
    ]
    return joined.pop(answer), joined


def _program(blocks: Sequence[_Block]) -> _Block | None:
    """Return the longest block, or a later one that puts it to work.

    A block that only defines things is no program; what it defines comes along.
    """
    if not blocks:
        return None
    longest = max(blocks, key=lambda block: len(block.text))
    if acts(longest.text):
        return longest
    for block in reversed(blocks):
        if acts(block.text) and (
            goes_on(block.text, longest.text) or goes_on_with(block.text, longest.text)
        ):
            return block
    return longest


def _changed_beside(
    others: Sequence[_Block], entry_point: str, current: str
) -> list[str]:
    """Return the functions of the module that other blocks than the answer change.

    A block with the entry point is a draft or a quotation.
    """
    tree = parse_quietly(current)
    if tree is None or not entry_point:
        return []
    known = {n.name: n for n in tree.body if isinstance(n, Definition)}
    return [
        node.name
        for block in others
        if not _gives(block, entry_point)
        for node in (parse_quietly(block.text) or tree).body
        if isinstance(node, Definition)
        and node.name in known
        and ast.dump(node) != ast.dump(known[node.name])
    ]


def _ends_with(reply: str, code: str) -> bool:
    """Return whether nothing but the code's last line ends the reply."""
    last = code.rstrip().rpartition("\n")[2].strip()
    return reply.rstrip().rpartition("\n")[2].strip() == last


def _checked(
    source: str, form: str, current: str, entry_point: str, notes: tuple[str, ...]
) -> Extraction:
    tree = parse_quietly(source)
    if tree is None:
        return Extraction(
            form=form, problem=f"the module after the {form} is not valid Python"
        )
    if entry_point and entry_point not in defined(tree):
        return Extraction(form=form, problem=f"{entry_point} is no longer defined")
    kept = callable_as_before(source, current, entry_point)
    return Extraction(kept.text, form, notes=(*notes, *kept.notes))


def _blocks(text: str) -> list[_Block]:
    """Return the code blocks of a reply; without fences, what looks like code."""
    fences = fences_of(text)
    blocks: list[_Block] = []
    position = 0
    while position < len(fences):
        opening = fences[position]
        last = closing(fences, position)
        end = fences[last].start() if last is not None else len(text)
        body = text[opening.end() + 1 : end]
        blocks.append(_Block(body, language_of(opening), last is not None))
        if last is None:
            break
        position = last + 1
    return blocks or [_Block(text, notes=(_NO_FENCE,))]


def _choose(
    readable: Sequence[_Block], entry_point: str, current: str
) -> _Block | None:
    """Return the last block that defines the entry point, else one to put right."""
    exact = [block for block in readable if entry_point in _names(block)]
    exact = [b for b in exact if _gives(b, entry_point)] or exact
    for block in reversed(exact):
        if not _only_quotes(block, entry_point, current):
            return block
    if exact:
        return exact[-1]
    for block in reversed(readable):
        if piece := answered_by_assignment(block.text, entry_point):
            return replace(block, text=piece.text, notes=(*block.notes, *piece.notes))
    owner, _, method = entry_point.rpartition(".")
    # Who is asked for one method may find the fault in another one of the class.
    methods = {method, *_methods(owner, current)} if owner else set()

    def owners(node: Definition) -> str:
        return owner if node.name in methods or is_method(node) else ""

    for block in reversed(readable):
        if methods & set(_names(block)):
            piece = in_classes(block.text, owners)
            return replace(block, text=piece.text, notes=(*block.notes, *piece.notes))
    return _part_of(readable, entry_point, current) or _renamed(
        readable, entry_point, current
    )


def _methods(owner: str, current: str) -> set[str]:
    tree = parse_quietly(current)
    names = defined(tree) if tree else []
    return {
        name.removeprefix(f"{owner}.") for name in names if name.startswith(f"{owner}.")
    }


def _gives(block: _Block, name: str) -> bool:
    """Return whether a block gives a function, and does not only name it.

    A body that says nothing stands for the one of another block if the block has
    something else to say.
    """
    names = _names(block)
    return name in names and (
        set(names) == {name} or not has_only_stub(block.text, name)
    )


def _only_quotes(block: _Block, entry_point: str, current: str) -> bool:
    """Return whether a block repeats the entry point as it is, for comparison."""
    here, there = parse_quietly(block.text), parse_quietly(current)
    if here is None or there is None:
        return False
    name = entry_point.partition(".")[0]
    definitions = [n for n in here.body if isinstance(n, Definition)]
    return all(is_quoted(n, there) for n in definitions) and any(
        n.name == name for n in definitions
    )


def _part_of(blocks: Sequence[_Block], entry_point: str, current: str) -> _Block | None:
    """Return a block that defines a class which the current entry point goes through.

    The entry point itself stays as it is: it may only be the way into a class.
    """
    tree = parse_quietly(current)
    known = defined(tree) if tree else ()
    classes = {name.rpartition(".")[0] for name in known} - {""}
    for block in reversed(blocks):
        if entry_point in known and classes & set(_owners(block)):
            return block
    return None


def _owners(block: _Block) -> list[str]:
    return [name.rpartition(".")[0] for name in _names(block) if "." in name]


def _renamed(blocks: Sequence[_Block], entry_point: str, current: str) -> _Block | None:
    """Return a block whose only new function is taken for the entry point."""
    tree = parse_quietly(current)
    known = set(defined(tree)) if tree else set()
    for block in reversed(blocks):
        new = [name for name in _names(block) if name not in known and "." not in name]
        if len(new) == 1 and "." not in entry_point:
            note = f"{new[0]} was taken for {entry_point}"
            text = renamed(block.text, new[0], entry_point)
            if text is not None:
                return replace(block, text=text, notes=(*block.notes, note))
    return None


def _readable(block: _Block, starts: re.Pattern[str]) -> _Block | None:
    """Return the block as Python that parses, or None."""
    text = _dedented(block.text)
    tree = parse_quietly(text)
    is_fenced = not block.notes
    if tree is not None and tree.body and (is_fenced or _looks_like_code(text, starts)):
        return _Block(text, block.language, block.is_closed, block.notes)
    found = _inner_code(text, starts)
    if found is None:
        return None
    return _Block(
        found,
        is_closed=block.is_closed,
        notes=(*block.notes, "text around the code was left out"),
    )


def _looks_like_code(text: str, starts: re.Pattern[str] = _CODE_START) -> bool:
    return any(starts.match(line) for line in lines_of(text))


def _inner_code(text: str, starts: re.Pattern[str]) -> str | None:
    """Return the code between lines of prose.

    A line that does not parse ends the code only if it is not indented: an indented
    one is the middle of a function, and half a function is worse than none.
    """
    lines = lines_of(text)
    first = [n for n, line in enumerate(lines) if starts.match(line)]
    found = [_parsed_part(lines[start:], starts) for start in first[:_MAX_STARTS]]
    longest = max(found, key=len, default="")
    return _ended(longest) if longest else None


def _parsed_part(lines: Sequence[str], starts: re.Pattern[str]) -> str:
    """Return the code with which `lines` begin; empty if there is none."""
    for _ in range(_MAX_CUTS):
        text = "\n".join(lines)
        if _has_statement(text):
            return text
        cut = _last_prose(lines, starts)
        if cut is None:
            break
        lines = lines[:cut]
    return ""


def _has_statement(text: str) -> bool:
    tree = parse_quietly(text)
    return tree is not None and bool(tree.body)


def _last_prose(lines: Sequence[str], starts: re.Pattern[str]) -> int | None:
    """Return the last unindented line before which the code may end."""
    for number in range(len(lines) - 1, 0, -1):
        line = lines[number]
        if line.strip() and not line[0].isspace() and not starts.match(line):
            return number
    return None


def _names(block: _Block) -> list[str]:
    tree = parse_quietly(block.text)
    return defined(tree) if tree else []


def _dedented(text: str) -> str:
    lines = lines_of(text)
    depths = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
    depth = min(depths, default=0)
    return _ended("\n".join(line[depth:] for line in lines)) if depth else _ended(text)


def _ended(text: str) -> str:
    return text.strip("\n") + "\n"


def _nothing(reply: str, *, is_cut: bool) -> str:
    if is_cut:
        # What is left of a reply that only thought may be nothing at all.
        return "the reply was cut off while the model was still thinking"
    if not reply.strip():
        return "the reply is empty"
    return "the reply holds only thinking and no answer"


def _why_not(blocks: Sequence[_Block], entry_point: str, *, is_cut: bool) -> str:
    if is_cut:
        return "the reply was cut off in the middle of the code"
    if all(block.notes for block in blocks) and not any(
        _looks_like_code(block.text) for block in blocks
    ):
        return "the reply holds no code"
    if not any(_readable(block, _CODE_START) for block in blocks):
        return "the code of the reply is not valid Python"
    return f"the code of the reply does not define {entry_point}"
