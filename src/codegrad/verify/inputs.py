"""The inputs of a task: those it names, and what they have in common.

In: a task. Out: its known calls as positional arguments, the shapes of its parameters,
and a `Profile` that tells whether another input is like the known ones. Invariant:
every known input is like the known ones.
"""

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from codegrad.task import CallCheck, RaisesCheck, Task
from codegrad.tasks.literals import literal_call
from codegrad.verify.shapes import (
    ANY,
    Shape,
    admits,
    join,
    shape_of,
    shape_of_annotation,
)

Args = tuple[Any, ...]
"""Positional arguments of one call."""

_ENOUGH = 3
"""Known values from which a common trait is believed."""

_ROOM = 3.0
"""How much larger than the known ones a value may be and still be like them."""


@dataclass(frozen=True, slots=True)
class Known:
    """One call that the task names."""

    args: Args
    expected: Any = None
    has_expected: bool = False
    """Whether the task says what the call returns."""

    tolerance: float | None = None


def entry_node(
    source: str, entry_point: str
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the definition of the entry point, the last one if there are several."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    found = [
        node
        for node in body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name == entry_point
    ]
    return found[-1] if found else None


def known_calls(task: Task) -> list[Known]:
    """Return the distinct calls of the entry point that the task names, in order.

    Calls inside asserts count if their arguments are literals; calls that must raise
    do not: they are outside the domain.
    """
    node = entry_node(task.source, task.entry_point)
    names = _parameter_names(node)
    found: dict[str, Known] = {}
    for constraint in task.constraints:
        if constraint.is_guess:
            continue
        match constraint.check:
            case CallCheck() as check if (
                check.function or task.entry_point
            ) == task.entry_point:
                args = _positional(check.args, check.kwargs, names)
                known = Known(
                    args, check.expected, check.compares_result, check.tolerance
                )
                found.setdefault(repr(args), known)
            case RaisesCheck():
                continue
            case check:
                for args in _literal_calls(getattr(check, "source", ""), task, names):
                    found.setdefault(repr(args), Known(args))
    # Only arguments that cross into the sandbox can be called with.
    return [known for known in found.values() if _is_plain(known.args)]


def _parameter_names(node: ast.FunctionDef | ast.AsyncFunctionDef | None) -> list[str]:
    if node is None:
        return []
    return [a.arg for a in (*node.args.posonlyargs, *node.args.args)]


def _positional(args: Args, kwargs: Mapping[str, Any], names: Sequence[str]) -> Args:
    rest = dict(kwargs)
    filled = list(args)
    for name in names[len(args) :]:
        if name not in rest:
            break
        filled.append(rest.pop(name))
    return tuple(filled)


def _literal_calls(source: str, task: Task, names: Sequence[str]) -> Iterator[Args]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            call = literal_call(node)
            if call and call.function in {task.entry_point, "candidate"}:
                yield _positional(call.args, call.kwargs, names)


def _is_plain(value: object) -> bool:
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return True
        case list() | tuple() | set() | frozenset():
            return all(map(_is_plain, value))
        case dict():
            return all(_is_plain(k) and _is_plain(v) for k, v in value.items())
        case _:
            return False


def parameter_shapes(task: Task, known: Sequence[Args]) -> list[Shape] | None:
    """Return the shape of each positional parameter, or None if one is unknown.

    Annotations count first; where they say nothing, the known calls do. Parameters
    with a default that no call gives are left to their default.
    """
    node = entry_node(task.source, task.entry_point)
    if node is None:
        width = max(map(len, known), default=0)
        annotations: list[ast.expr | None] = [None] * width
        required = min(map(len, known), default=0)
    else:
        parameters = [*node.args.posonlyargs, *node.args.args]
        annotations = [p.annotation for p in parameters]
        required = len(parameters) - len(node.args.defaults)
        if node.args.vararg or any(d is None for d in node.args.kw_defaults):
            required = max(required, max(map(len, known), default=0))
            annotations += [None] * (required - len(annotations))
    width = max(required, max(map(len, known), default=0))
    shapes: list[Shape] = []
    for index in range(width):
        seen = join(shape_of(args[index]) for args in known if index < len(args))
        hint = annotations[index] if index < len(annotations) else None
        shape = _agreed(shape_of_annotation(hint), seen)
        if shape == ANY:
            return None
        shapes.append(shape)
    return shapes


def _agreed(hinted: Shape, seen: Shape) -> Shape:
    """Return the hint, completed by what was seen where the hint is silent."""
    if hinted == ANY:
        return seen
    if hinted.kind == seen.kind and len(hinted.items) == len(seen.items):
        pairs = zip(hinted.items, seen.items, strict=True)
        return Shape(hinted.kind, tuple(_agreed(a, b) for a, b in pairs))
    return hinted


def result_shape(task: Task, known: Sequence[Known]) -> Shape:
    """Return the shape of results: as annotated, else as the examples show."""
    node = entry_node(task.source, task.entry_point)
    hinted = shape_of_annotation(node.returns if node else None)
    if hinted != ANY:
        return hinted
    seen = [k.expected for k in known if k.has_expected]
    if len(seen) < _ENOUGH:
        return ANY
    return join(map(shape_of, seen))


@dataclass(frozen=True, slots=True)
class Profile:
    """What the known inputs have in common, so that others can be told apart.

    A guess about the domain, used for soft checks alone: hard ones have a contract
    or a reference to say what the domain is.
    """

    shapes: tuple[Shape, ...] = ()
    traits: tuple[tuple[str, str], ...] = ()
    """Pairs of a place (`0`, `1[]`, ...) and the name of a trait that holds there."""

    letters: tuple[tuple[str, frozenset[str]], ...] = ()
    """The classes of characters seen at a place."""

    marks: tuple[tuple[str, str], ...] = ()
    """The marks in texts, or the keys of dictionaries, if all at a place share them."""

    bounds: tuple[tuple[str, float], ...] = ()
    """The largest magnitude, or length, that is like those seen at a place."""

    signs: tuple[tuple[str, frozenset[str]], ...] = ()
    """The texts seen at a place where all of them are signs, such as operators."""

    relations: tuple[tuple[int, int, str], ...] = ()
    """Pairs of parameters and the relation that always holds between them."""

    known: frozenset[str] = field(default=frozenset())

    @classmethod
    def of(cls, known: Sequence[Args], shapes: Sequence[Shape]) -> "Profile":
        """Return the profile of the known inputs."""
        places: dict[str, list[Any]] = {}
        for args in known:
            for index, value in enumerate(args):
                _collect(str(index), value, places)
        traits = tuple(
            (place, name)
            for place, values in places.items()
            for name, holds in _TRAITS.items()
            if _is_trait(name, holds, values)
        )
        letters = tuple(
            (place, frozenset().union(*map(_classes, texts)))
            for place, values in places.items()
            if (texts := [v for v in values if isinstance(v, str)])
        )
        return cls(
            shapes=tuple(shapes),
            traits=traits,
            letters=letters,
            marks=tuple(_shared_marks(places)),
            bounds=tuple(
                (place, _ROOM * _largest(values)) for place, values in places.items()
            ),
            signs=tuple(_signs(places)),
            relations=tuple(_relations(known)),
            known=frozenset(map(repr, known)),
        )

    def may_be_empty(self, index: int) -> bool:
        """Return whether nothing seen speaks against an empty text in a parameter."""
        places = {place for place, _ in self.marks}
        places |= {place for place, name in self.traits if name == "digits"}
        places |= {place for place, _ in self.signs}
        return not any(
            place.partition("[")[0].partition(".")[0] == str(index) for place in places
        ) and not any(index in (a, b) for a, b, _ in self.relations)

    def admits(self, args: Args) -> bool:
        """Return whether an input is like the known ones."""
        if repr(args) in self.known:
            return True
        if not self.known or len(args) != len(self.shapes):
            return False
        if not all(map(admits, self.shapes, args)):
            return False
        places: dict[str, list[Any]] = {}
        for index, value in enumerate(args):
            _collect(str(index), value, places)
        return (
            all(
                all(map(_TRAITS[name], _concerned(name, places.get(place, ()))))
                for place, name in self.traits
            )
            and all(
                _classes(value) <= seen
                for place, seen in self.letters
                for value in places.get(place, ())
                if isinstance(value, str)
            )
            and all(
                _marks(value) == shared
                for place, shared in self.marks
                for value in places.get(place, ())
            )
            and all(
                value in seen
                for place, seen in self.signs
                for value in places.get(place, ())
            )
            and all(
                _largest(places.get(place, ())) <= top for place, top in self.bounds
            )
            and set(places) <= {place for place, _ in self.bounds}
            and all(_RELATIONS[name](args[a], args[b]) for a, b, name in self.relations)
        )


def without_a_text(value: object) -> list[Any]:
    """Return copies of a text or a list of texts with one text emptied.

    Example:
        >>> without_a_text("ab"), without_a_text(["a", "b"]), without_a_text(3)
        ([''], [['', 'b'], ['a', '']], [])
    """
    match value:
        case str():
            return [""]
        case list() if all(isinstance(item, str) for item in value):
            return [[*value[:n], "", *value[n + 1 :]] for n in range(len(value))]
        case _:
            return []


def _collect(place: str, value: object, places: dict[str, list[Any]]) -> None:
    places.setdefault(place, []).append(value)
    match value:
        case list() | set() | frozenset():
            for item in value:
                _collect(f"{place}[]", item, places)
        case tuple():
            for index, item in enumerate(value):
                _collect(f"{place}[{index}]", item, places)
        case dict():
            for key, item in value.items():
                _collect(f"{place}.keys", key, places)
                _collect(f"{place}.values", item, places)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_sized(value: object) -> bool:
    return isinstance(value, str | list | tuple | set | frozenset | dict)


def _is_ordered(value: Any) -> bool:  # noqa: ANN401 - any list
    try:
        return all(a <= b for a, b in pairwise(value))
    except TypeError:
        return False


_NUMBER = re.compile("[0-9]{1,300}")
_TRAITS: dict[str, Callable[[Any], bool]] = {
    "positive": lambda value: value > 0,
    "not negative": lambda value: value >= 0,
    "above one": lambda value: value > 1,
    "negative": lambda value: value < 0,
    "whole": lambda value: not isinstance(value, float) or value.is_integer(),
    "even": lambda value: value % 2 == 0,
    "not empty": lambda value: len(value) > 0,
    "several": lambda value: len(value) > 1,
    "even length": lambda value: len(value) % 2 == 0,
    "odd length": lambda value: len(value) % 2 == 1,
    "sorted": _is_ordered,
    "reversed": lambda value: _is_ordered(value[::-1]),
    "distinct": lambda value: len({repr(item) for item in value}) == len(value),
    "rectangular": lambda value: len({len(v) for v in value if _is_sized(v)}) <= 1,
    "square": lambda value: all(len(v) == len(value) for v in value if _is_sized(v)),
    "begins plain": lambda value: value[:1].isalnum(),
    "ends plain": lambda value: value[-1:].isalnum(),
    "one word": lambda value: " " not in value,
    "trimmed": lambda value: value == value.strip(),
    "single spaces": lambda value: "  " not in value,
    "balanced": lambda value: _depth(value) == 0,
    "digits": lambda value: value.isdecimal(),
    "positive inside": lambda value: all(int(n) > 0 for n in _NUMBER.findall(value)),
}
_OF_NUMBERS = frozenset(
    {"positive", "not negative", "above one", "negative", "whole", "even"}
)
_OF_TEXTS = frozenset(
    {
        "begins plain",
        "ends plain",
        "one word",
        "trimmed",
        "single spaces",
        "balanced",
        "digits",
        "positive inside",
    }
)
_OF_LISTS = frozenset({"sorted", "reversed", "distinct", "rectangular", "square"})


def _depth(text: str) -> int:
    depth = 0
    for letter in text:
        depth += (letter in "([{<") - (letter in ")]}>")
        if depth < 0:
            return -1
    return depth


def _concerned(name: str, values: Sequence[Any]) -> list[Any]:
    """Return the values that a trait can be asked of."""
    if name in _OF_NUMBERS:
        return [v for v in values if _is_number(v)]
    if name in _OF_TEXTS:
        return [v for v in values if isinstance(v, str)]
    if name in _OF_LISTS:
        return [v for v in values if isinstance(v, list | tuple)]
    return [v for v in values if _is_sized(v)]


def _is_trait(name: str, holds: Callable[[Any], bool], values: Sequence[Any]) -> bool:
    concerned = _concerned(name, values)
    if name in _OF_LISTS:
        telling = [v for v in concerned if len(v) > 1]
        return len(telling) >= _ENOUGH - 1 and all(map(holds, concerned))
    if name in {"even", "even length", "odd length"}:
        # Parity is shared by chance by a few values.
        return len({repr(v) for v in concerned}) > _ENOUGH and all(
            map(holds, concerned)
        )
    return bool(concerned) and all(map(holds, concerned))


def _classes(text: str) -> frozenset[str]:
    """Return the classes of the characters of a text; a mark is its own class."""
    found = set()
    for letter in text:
        if letter.isdigit():
            found.add("digit")
        elif letter.isascii() and letter.isalpha():
            found.add("lower" if letter.islower() else "upper")
        else:
            found.add(letter)
    return frozenset(found)


def _marks(value: object) -> str:
    """Return the marks of a text with their numbers, or the keys of a dictionary."""
    if isinstance(value, str):
        return "".join(sorted(c for c in value if not c.isalnum() and c != " "))
    return repr(sorted(map(repr, value))) if isinstance(value, dict) else ""


def _shared_marks(places: Mapping[str, Sequence[Any]]) -> Iterator[tuple[str, str]]:
    for place, values in places.items():
        found = {_marks(value) for value in values}
        distinct = {repr(value) for value in values}
        if len(found) == 1 and found != {""} and len(distinct) > 1:
            yield place, found.pop()


def _signs(
    places: Mapping[str, Sequence[Any]],
) -> Iterator[tuple[str, frozenset[str]]]:
    for place, values in places.items():
        texts = [str(v) for v in values if isinstance(v, str)]
        if len(texts) < max(_ENOUGH, len(values)) or len(set(texts)) == len(texts):
            continue
        if all(
            text and not any(c.isalnum() or c == " " for c in text) for text in texts
        ):
            yield place, frozenset(texts)


def _largest(values: Sequence[Any]) -> float:
    """Return the largest magnitude or length, at least 1."""
    sizes: list[float] = [abs(v) for v in values if _is_number(v) and v == v]  # noqa: PLR0124 - nan
    sizes += [len(v) for v in values if _is_sized(v)]
    return max([1.0, *(float(s) for s in sizes if s < 1e300)])  # noqa: PLR2004 - far below overflow


def _is_below_length(a: object, b: object) -> bool:
    return bool(isinstance(a, int) and _is_sized(b) and a < len(b))  # type: ignore[arg-type]


def _is_up_to_length(a: object, b: object) -> bool:
    return bool(isinstance(a, int) and _is_sized(b) and a <= len(b))  # type: ignore[arg-type]


_RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "same length": lambda a, b: _is_sized(a) and _is_sized(b) and len(a) == len(b),
    "at most": lambda a, b: _is_number(a) and _is_number(b) and a <= b,
    "below": lambda a, b: _is_number(a) and _is_number(b) and a < b,
    "one longer": lambda a, b: _is_sized(a) and _is_sized(b) and len(a) == len(b) + 1,
    "not longer": lambda a, b: _is_sized(a) and _is_sized(b) and len(a) <= len(b),
    "below length": _is_below_length,
    "up to length": _is_up_to_length,
    "an item": lambda a, b: isinstance(b, list | tuple) and a in b,
}


def _relations(known: Sequence[Args]) -> Iterator[tuple[int, int, str]]:
    width = min(map(len, known), default=0)
    if len(known) < _ENOUGH:
        return
    for first in range(width):
        for second in range(width):
            if first == second:
                continue
            for name, holds in _RELATIONS.items():
                if all(holds(args[first], args[second]) for args in known):
                    yield first, second, name
