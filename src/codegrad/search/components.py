"""The operations from which expressions are built.

A component is one operation of the language or its standard library: how it is
written, what it takes, what it computes, and the words by which documentation speaks
of it. The table is general on purpose: an operation belongs here because programmers
use it, never because of one task.
"""

from __future__ import annotations

import builtins
import collections
import itertools
import math
import operator
import re
import statistics
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

_MAX_POWER = 60
_MAX_ITEMS = 300
_MAX_TEXT = 2_000
_MAX_FACTORIAL = 25
_RARE_COST = 2
_SUFFIXES = ("ing", "ed", "ly", "es", "s", "e")
_MIN_STEM = 3
_WORD = re.compile(r"[a-z]+")
_IDENTIFIER = re.compile(r"(?<![.\w'])[A-Za-z_]\w*")
_KEYWORDS = frozenset(
    {"and", "or", "not", "in", "for", "if", "key", "reverse", "lambda"}
)


class Component(NamedTuple):
    """One operation."""

    template: str
    """Python source with a `{}` for each operand."""

    signature: tuple[str, ...]
    """A group of kinds (see `kinds.GROUPS`) for each operand."""

    function: Callable[..., Any]
    """Computes the operation for plain values; raises where it is not defined."""

    words: frozenset[str]
    """Stems of the words that name or describe the operation."""

    is_rare: bool
    """Costs more unless the prompt speaks of it."""

    is_commutative: bool
    """Swapped operands give the same value."""

    names: frozenset[str]
    """The builtins and modules that the source needs."""

    is_atomic: bool
    """The source needs no parentheses as an operand."""

    cost: int
    """What the operation adds to the size of an expression."""


def stem(word: str) -> str:
    """Return a word without its common English endings.

    Example:
        >>> {stem(word) for word in ("reverse", "reversed", "reversing")}
        {'revers'}
    """
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _MIN_STEM:
            return word[: -len(suffix)]
    return word


def stems(text: str) -> frozenset[str]:
    """Return the stems of the words of a text."""
    return frozenset(stem(word) for word in _WORD.findall(text.lower()))


def select_components(
    prompt: str = "", *, names: Collection[str] | None = None
) -> list[Component]:
    """Return the usable components, those that the prompt speaks of first.

    A rare component costs more unless the prompt shares a word with its name or
    description. `names` are the builtins and modules that may be used; None allows
    every builtin and no module. The order is the same for the same arguments.
    """
    allowed = frozenset(dir(builtins)) if names is None else frozenset(names)
    spoken = stems(prompt)
    chosen = []
    for component in COMPONENTS:
        if not component.names <= allowed:
            continue
        is_meant = bool(component.words & spoken)
        extra = _RARE_COST if component.is_rare and not is_meant else 0
        order = (extra, not is_meant, component.is_rare)
        chosen.append((order, component._replace(cost=1 + extra)))
    chosen.sort(key=lambda item: item[0])
    return [component for _, component in chosen]


def _power(base: float, exponent: int) -> object:
    if abs(exponent) > _MAX_POWER:
        raise OverflowError
    return operator.pow(base, exponent)


def _repeat(text: Sequence[object], times: int) -> object:
    if len(text) * times > _MAX_TEXT:
        raise OverflowError
    return operator.mul(text, times)


def _range(*bounds: int) -> list[int]:
    numbers = range(*bounds)
    if len(numbers) > _MAX_ITEMS:
        raise OverflowError
    return list(numbers)


def _factorial(number: int) -> int:
    if number > _MAX_FACTORIAL:
        raise OverflowError
    return math.factorial(number)


def _character(code: int) -> str:
    if not 0 <= code < 0xD800:  # noqa: PLR2004 - where the surrogates begin
        raise ValueError
    return chr(code)


def _parse_int(text: str, base: int = 10) -> int:
    if len(text) > _MAX_ITEMS:
        raise OverflowError
    return int(text, base)


def _component(
    template: str, signature: str, function: Callable[..., Any], words: str = ""
) -> Component:
    """Build a component; words after a `?` make it rare, a leading `=` commutative."""
    is_commutative = words.startswith("=")
    is_rare = "?" in words
    names = frozenset(_IDENTIFIER.findall(re.sub(r"'[^']*'", "", template)))
    first = template.replace("{}", "")
    infix = template.startswith(("{} ", "-", "not "))
    return Component(
        template=template,
        signature=tuple(signature.split()),
        function=function,
        words=stems(words) | (stems(first) if is_rare else frozenset()),
        is_rare=is_rare,
        is_commutative=is_commutative,
        names=names - _KEYWORDS - {"True", "False", "None"},
        is_atomic=not infix,
        cost=1,
    )


_c = _component

COMPONENTS: tuple[Component, ...] = (
    # Numbers
    _c("{} + {}", "number number", operator.add, "=add plus sum total"),
    _c("{} - {}", "number number", operator.sub, "subtract minus difference"),
    _c("{} * {}", "number number", operator.mul, "=multiply times product"),
    _c("{} // {}", "int int", operator.floordiv, "divide quotient half integer"),
    _c("{} % {}", "number int", operator.mod, "remainder modulo divisible even odd"),
    _c("{} / {}", "number number", operator.truediv, "divide ratio average half"),
    _c("{} ** {}", "number int", _power, "? power square cube root exponent"),
    _c("-{}", "number", operator.neg, "negative minus opposite"),
    _c("abs({})", "number", abs, "absolute distance difference"),
    _c("max({}, {})", "number number", max, "=maximum larger greater least"),
    _c("min({}, {})", "number number", min, "=minimum smaller most"),
    _c("int({})", "float", int, "integer whole truncate part"),
    _c("round({})", "float", round, "? round nearest closest"),
    _c("round({}, {})", "float int", round, "? round decimal digits precision"),
    _c("str({})", "number", str, "string digits text"),
    _c("int({})", "str", _parse_int, "integer number digit"),
    _c("float({})", "str", float, "? float number decimal"),
    _c("bin({})", "int", bin, "? binary bits base"),
    _c("bin({})[2:]", "int", lambda a: bin(a)[2:], "? binary bits base"),
    _c("hex({})", "int", hex, "? hexadecimal hex"),
    _c("int({}, 2)", "str", lambda a: _parse_int(a, 2), "? binary bits base"),
    _c("{} ^ {}", "int int", operator.xor, "=? xor exclusive bits bitwise"),
    _c("{} & {}", "int int", operator.and_, "=? bits bitwise mask"),
    _c("{} | {}", "int int", operator.or_, "=? bits bitwise mask"),
    _c("math.gcd({}, {})", "int int", math.gcd, "=? greatest common divisor gcd"),
    _c("math.ceil({})", "float", math.ceil, "? ceiling round up"),
    _c("math.floor({})", "float", math.floor, "? floor round down"),
    _c("math.sqrt({})", "number", math.sqrt, "? square root"),
    _c("math.factorial({})", "int", _factorial, "? factorial"),
    # Comparison and logic
    _c("{} < {}", "number number", operator.lt, "less smaller below under before"),
    _c("{} <= {}", "number number", operator.le, "most least between within"),
    _c("{} == {}", "scalar scalar", operator.eq, "=equal same match is"),
    _c("{} != {}", "scalar scalar", operator.ne, "=different not unequal"),
    _c("{} == {}", "list list", operator.eq, "=equal same match"),
    _c("{} == {}", "set set", operator.eq, "=equal same"),
    _c("{} <= {}", "set set", operator.le, "? subset contains only"),
    _c("{} < {}", "str str", operator.lt, "? alphabetical lexicographic before order"),
    _c("not {}", "bool", operator.not_, "not"),
    _c("{} and {}", "bool bool", lambda a, b: a and b, "=and both"),
    _c("{} or {}", "bool bool", lambda a, b: a or b, "=or either"),
    # Lists and sequences
    _c("len({})", "sequence", len, "length number count size many"),
    _c("len({})", "set", len, "number count different distinct"),
    _c("len({})", "dict", len, "number count keys"),
    _c("sum({})", "numbers", sum, "sum total add"),
    _c("sum({})", "bools", sum, "count number many"),
    _c("max({})", "sortable", max, "maximum largest greatest biggest highest"),
    _c("min({})", "sortable", min, "minimum smallest least lowest"),
    _c("sorted({})", "sortable", sorted, "sort order ascending increasing"),
    _c("sorted({})", "str", sorted, "? sort order alphabetical"),
    _c("sorted({})", "set", sorted, "sort order unique distinct ascending"),
    _c(
        "sorted({}, reverse=True)",
        "sortable",
        lambda a: sorted(a, reverse=True),
        "? descending reverse decreasing largest",
    ),
    _c(
        "sorted({}, key=len)",
        "strs",
        lambda a: sorted(a, key=len),
        "? length short long sort",
    ),
    _c("max({}, key=len)", "strs", lambda a: max(a, key=len), "? long length"),
    _c("min({}, key=len)", "strs", lambda a: min(a, key=len), "? short length"),
    _c("{}[::-1]", "sequence", lambda a: a[::-1], "reverse backwards last order"),
    _c("set({})", "sortable", set, "? unique distinct different set same"),
    _c("set({})", "str", set, "? unique distinct different set same characters"),
    _c(
        "list(dict.fromkeys({}))",
        "sortable",
        lambda a: list(dict.fromkeys(a)),
        "? unique distinct duplicates order",
    ),
    _c("any({})", "bools", any, "any some exists at least one"),
    _c("all({})", "bools", all, "all every each only"),
    _c("math.prod({})", "numbers", math.prod, "? product multiply"),
    _c("statistics.mean({})", "numbers", statistics.mean, "? mean average"),
    _c("statistics.median({})", "numbers", statistics.median, "? median middle"),
    _c("{}[{}]", "sequence int", operator.getitem, "index position element item at"),
    _c("{}[{}:]", "sequence int", lambda a, b: a[b:], "from after rest suffix drop"),
    _c("{}[:{}]", "sequence int", lambda a, b: a[:b], "first before prefix up take"),
    _c("{}[{}:{}]", "sequence int int", lambda a, b, c: a[b:c], "? slice between part"),
    _c("{}[::{}]", "sequence int", lambda a, b: a[::b], "? every step even odd"),
    _c("{}[1::2]", "sequence", lambda a: a[1::2], "? odd every second"),
    _c("{} + {}", "list list", operator.add, "append concatenate join add both"),
    _c("{} * {}", "list int", _repeat, "? repeat times"),
    _c(
        "{}.count({})",
        "list scalar",
        lambda a, b: a.count(b),
        "count occurrences times",
    ),
    _c("{} in {}", "scalar list", lambda a, b: a in b, "in contains present member"),
    _c("{} in {}", "scalar set", lambda a, b: a in b, "in contains present"),
    _c("{} in {}", "scalar dict", lambda a, b: a in b, "in contains key"),
    _c("{}.index({})", "list scalar", lambda a, b: a.index(b), "? index position"),
    _c("[{}]", "scalar", lambda a: [a], "list"),
    _c("[{}, {}]", "scalar scalar", lambda a, b: [a, b], "list both pair"),
    _c("({}, {})", "scalar scalar", lambda a, b: (a, b), "tuple pair"),
    _c("({}, {})", "list scalar", lambda a, b: (a, b), "tuple pair"),
    _c("tuple({})", "list", tuple, "? tuple"),
    _c("list({})", "tuple", list, "? list"),
    _c("{}[{}]", "tuple int", operator.getitem, "element item first second"),
    _c("len({})", "tuple", len, "? length number"),
    _c(
        "list(itertools.accumulate({}))",
        "numbers",
        lambda a: list(itertools.accumulate(a)),
        "? accumulate running cumulative prefix",
    ),
    _c(
        "max({}, key={}.count)",
        "sortable sortable",
        lambda a, b: max(a, key=b.count),
        "? frequent common most mode",
    ),
    # Sets and dictionaries
    _c("{} & {}", "set set", operator.and_, "=intersection common both"),
    _c("{} | {}", "set set", operator.or_, "=union either all"),
    _c("{} - {}", "set set", operator.sub, "difference only without"),
    _c("{}.get({})", "dict scalar", lambda a, b: a.get(b), "? get key value"),
    _c("{}[{}]", "dict scalar", operator.getitem, "key value"),
    _c("list({})", "dict", list, "? keys list"),
    _c("list({}.values())", "dict", lambda a: list(a.values()), "? values list"),
    _c("list({}.items())", "dict", lambda a: list(a.items()), "? items pairs"),
    _c("dict({})", "pairs", dict, "? dictionary mapping"),
    _c(
        "dict(collections.Counter({}))",
        "sortable",
        lambda a: dict(collections.Counter(a)),
        "? count occurrences frequency times",
    ),
    _c(
        "dict(collections.Counter({}))",
        "str",
        lambda a: dict(collections.Counter(a)),
        "? count occurrences frequency letters",
    ),
    # Text
    _c("{} + {}", "str str", operator.add, "append concatenate join add prefix suffix"),
    _c("{} * {}", "str int", _repeat, "repeat times"),
    _c("''.join({})", "strs", "".join, "join concatenate string characters"),
    _c("' '.join({})", "strs", " ".join, "join words spaces sentence"),
    _c("{}.join({})", "str strs", lambda a, b: a.join(b), "? join separator delimiter"),
    _c("{}.split()", "str", str.split, "split words spaces"),
    _c("{}.split({})", "str str", str.split, "split separator delimiter"),
    _c("list({})", "str", list, "characters letters list"),
    _c("{}.count({})", "str str", str.count, "count occurrences times"),
    _c("{} in {}", "str str", lambda a, b: a in b, "in contains substring"),
    _c("{}.find({})", "str str", str.find, "? find substring position index"),
    _c("{}.replace({}, {})", "str str str", str.replace, "? replace remove substitute"),
    _c("{}.startswith({})", "str str", str.startswith, "? starts begins prefix"),
    _c("{}.endswith({})", "str str", str.endswith, "? ends suffix"),
    _c("{}.upper()", "str", str.upper, "? upper uppercase capital case"),
    _c("{}.lower()", "str", str.lower, "? lower lowercase case"),
    _c("{}.swapcase()", "str", str.swapcase, "? swap case flip"),
    _c("{}.title()", "str", str.title, "? title capitalize words"),
    _c("{}.capitalize()", "str", str.capitalize, "? capitalize first"),
    _c("{}.strip()", "str", str.strip, "? strip trim spaces whitespace"),
    _c("{}.isalpha()", "str", str.isalpha, "? alphabetic letters"),
    _c("{}.isdigit()", "str", str.isdigit, "? digits number numeric"),
    _c("{}.isupper()", "str", str.isupper, "? upper uppercase capital"),
    _c("{}.islower()", "str", str.islower, "? lower lowercase"),
    _c("ord({})", "str", ord, "? code ascii character ordinal"),
    _c("chr({})", "int", _character, "? code ascii character"),
    # Ranges and types
    _c("list(range({}))", "int", _range, "range numbers from to until"),
    _c("list(range({}, {}))", "int int", _range, "range numbers from to between"),
    _c(
        "list(range({}, {} + 1))",
        "int int",
        lambda a, b: _range(a, b + 1),
        "range numbers from to inclusive between",
    ),
    _c("isinstance({}, int)", "value", lambda a: isinstance(a, int), "? integer type"),
    _c("isinstance({}, str)", "value", lambda a: isinstance(a, str), "? string type"),
)
"""Every component, each at the cost it has when it is not rare."""
