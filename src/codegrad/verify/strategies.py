"""New inputs from the types of the parameters.

In: the shapes of the parameters and the pool of values seen. Out: inputs, drawn in two
ways. `drawn` is our own generator: cheap and the same everywhere. `explored` asks
Hypothesis, whose generator reaches further; it costs half a second to import, so it is
asked only where a hard constraint can use what it finds. Candidate code is never run
here.
"""

import random
import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from codegrad.verify.inputs import Args
from codegrad.verify.mutation import Pool
from codegrad.verify.shapes import Shape

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

_MAX_DEPTH = 4
_LENGTHS = (0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 12)
_SPAN = 1000


def drawn(
    shapes: Sequence[Shape], count: int, *, pool: Pool, seed: int = 0
) -> list[Args]:
    """Return at most `count` distinct inputs of the given shapes.

    Example:
        >>> pool = Pool.of([([3], "xy")])
        >>> shapes = (Shape("list", (Shape("int"),)), Shape("str"))
        >>> {set(text) <= set("xy") for _, text in drawn(shapes, 20, pool=pool)}
        {True}
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible inputs, not secrets
    found: dict[str, Args] = {}
    for _ in range(count * 3):
        if len(found) >= count:
            break
        args = tuple(draw(shape, rng, pool) for shape in shapes)
        found.setdefault(repr(args), args)
    return list(found.values())


def draw(shape: Shape, rng: random.Random, pool: Pool, depth: int = 0) -> Any:  # noqa: ANN401 - of any plain type
    """Return one value of `shape`."""
    match shape.kind:
        case "union":
            return draw(rng.choice(shape.items), rng, pool, depth)
        case "record":
            return tuple(draw(item, rng, pool, depth + 1) for item in shape.items)
        case "dict":
            keys, values = shape.items
            return {
                _hashable(draw(keys, rng, pool, depth + 1)): draw(
                    values, rng, pool, depth + 1
                )
                for _ in range(_length(rng, depth))
            }
        case "list" | "tuple" | "set" | "frozenset":
            return _draw_items(shape, rng, pool, depth)
        case _:
            return _SCALARS.get(shape.kind, _draw_int)(rng, pool)


def _draw_items(shape: Shape, rng: random.Random, pool: Pool, depth: int) -> Any:  # noqa: ANN401 - a container
    length = _length(rng, depth)
    items = [draw(shape.items[0], rng, pool, depth + 1) for _ in range(length)]
    if length > 1 and rng.random() < 0.25:  # noqa: PLR2004 - repeated items are telling
        items[rng.randrange(length)] = items[rng.randrange(length)]
    if length > 1 and rng.random() < 0.15:  # noqa: PLR2004 - so is order
        try:
            items.sort(reverse=rng.random() < 0.3)  # noqa: PLR2004
        except TypeError:
            items.reverse()
    match shape.kind:
        case "tuple":
            return tuple(items)
        case "set":
            return {_hashable(item) for item in items}
        case "frozenset":
            return frozenset(map(_hashable, items))
        case _:
            return items


def _length(rng: random.Random, depth: int) -> int:
    return 0 if depth > _MAX_DEPTH else rng.choice(_LENGTHS[: len(_LENGTHS) - depth])


def _hashable(value: Any) -> Any:  # noqa: ANN401 - any plain value
    return tuple(value) if isinstance(value, list | set | dict) else value


def _draw_int(rng: random.Random, pool: Pool) -> int:
    choice = rng.random()
    if choice < 0.35:  # noqa: PLR2004 - values seen and their neighbours
        return rng.choice(pool.ints) + rng.choice((-1, 0, 0, 1))
    if choice < 0.75:  # noqa: PLR2004 - small numbers, where cases meet
        return rng.randint(-10, 20)
    top = max([10, *(abs(n) for n in pool.ints if abs(n) < _SPAN * _SPAN)])
    return rng.randint(-top, 2 * top)


def _draw_float(rng: random.Random, pool: Pool) -> float:
    choice = rng.random()
    if choice < 0.4:  # noqa: PLR2004
        return rng.choice(pool.floats)
    if choice < 0.6:  # noqa: PLR2004
        return float(rng.randint(-10, 20))
    return round(rng.uniform(-100, 100), rng.choice((0, 1, 2, 6)))


def _draw_text(rng: random.Random, pool: Pool) -> str:
    if rng.random() < 0.2:  # noqa: PLR2004
        return rng.choice(pool.texts)
    # A few letters of the alphabet at a time, so that repetitions occur.
    letters = [rng.choice(pool.letters) for _ in range(rng.choice((1, 2, 3, 8, 20)))]
    return "".join(rng.choice(letters) for _ in range(rng.choice(_LENGTHS)))


_SCALARS: dict[str, Callable[[random.Random, Pool], Any]] = {
    "None": lambda _rng, _pool: None,
    "bool": lambda rng, _pool: rng.random() < 0.5,  # noqa: PLR2004
    "int": lambda rng, pool: int(pool.raised(_draw_int(rng, pool))),
    "float": lambda rng, pool: pool.raised(_draw_float(rng, pool)),
    "complex": lambda rng, pool: complex(
        _draw_float(rng, pool), _draw_float(rng, pool)
    ),
    "str": _draw_text,
    "bytes": lambda rng, pool: _draw_text(rng, pool).encode(),
}


def explored(shapes: Sequence[Shape], count: int, *, pool: Pool) -> list[Args]:
    """Return at most `count` inputs of the given shapes, as Hypothesis draws them.

    Nothing is written below the working directory.
    """
    # Half a second of processor time to import: paid only by those who ask.
    from hypothesis import HealthCheck, Phase, given, settings  # noqa: PLC0415
    from hypothesis import strategies as st  # noqa: PLC0415
    from hypothesis.configuration import set_hypothesis_home_dir  # noqa: PLC0415

    found: dict[str, Args] = {}

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*(_strategy(shape, pool) for shape in shapes)))
    def collect(args: Args) -> None:
        found.setdefault(repr(args), args)

    with tempfile.TemporaryDirectory(prefix="codegrad-hypothesis-") as folder:
        # It keeps tables of characters and constants in its home, by default a hidden
        # folder in the user's working directory.
        set_hypothesis_home_dir(folder)
        try:
            collect()
        finally:
            set_hypothesis_home_dir(None)
    return list(found.values())


def _strategy(shape: Shape, pool: Pool) -> "SearchStrategy[Any]":  # noqa: C901, PLR0912 - one case a kind
    from hypothesis import strategies as st  # noqa: PLC0415 - see `explored`

    inner = [_strategy(item, pool) for item in shape.items]
    letters = sorted(set(pool.letters))
    match shape.kind:
        case "union":
            found = st.one_of(inner)
        case "record":
            found = st.tuples(*inner)
        case "list":
            found = st.lists(inner[0], max_size=12)
        case "tuple":
            found = st.lists(inner[0], max_size=8).map(tuple)
        case "set":
            found = st.sets(inner[0].map(_hashable), max_size=8)
        case "frozenset":
            found = st.frozensets(inner[0].map(_hashable), max_size=8)
        case "dict":
            found = st.dictionaries(inner[0].map(_hashable), inner[1], max_size=6)
        case "str":
            found = st.text(st.sampled_from(letters), max_size=20)
        case "float":
            found = st.floats(allow_nan=False, allow_infinity=False, width=32)
        case "bool":
            found = st.booleans()
        case "None":
            found = st.none()
        case "bytes":
            found = st.binary(max_size=20)
        case "complex":
            found = st.complex_numbers(allow_nan=False, allow_infinity=False)
        case _:
            found = st.sampled_from(pool.ints) | st.integers(-_SPAN, _SPAN)
    return found
