"""Numbers inside texts, two at a time.

In: known inputs such as `("03-11-2000",)` and the numbers seen in them and in the
source. Out: the same texts with two neighbouring numbers exchanged for each pair of
those: bounds of dates, times and fractions are met in pairs, which chance seldom draws.
"""

import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from codegrad.verify.inputs import Args

_NUMBER = re.compile("[0-9]{1,9}")
_MAX_NUMBERS = 4
_MAX_FORMS = 2
_MOST = 700
_MAX_VALUE = 99


def swept(known: Sequence[Args], numbers: Sequence[int]) -> list[Args]:
    """Return at most 700 inputs, the same for the same arguments.

    Example:
        >>> swept([("1/2",)], [5])[:3]
        [('4/4',), ('4/5',), ('4/6',)]
        >>> swept([("a",), (3,)], [5])
        []
    """
    near = {n + step for n in numbers for step in (-1, 0, 1)}
    values = sorted(n for n in near if 0 <= n <= _MAX_VALUE)
    forms: dict[tuple[int, str], tuple[Args, str]] = {}
    for args in known:
        for index, text in enumerate(args):
            if isinstance(text, str):
                forms.setdefault((index, _NUMBER.sub(_blank, text)), (args, text))
    several = [
        (index, args, text)
        for (index, _), (args, text) in forms.items()
        if 1 < len(_NUMBER.findall(text)) <= _MAX_NUMBERS
    ]
    found = [
        (*args[:index], changed, *args[index + 1 :])
        for index, args, text in several[:_MAX_FORMS]
        for changed in _exchanged(text, values)
    ]
    if len(found) <= _MOST:
        return found
    return random.Random(0).sample(found, _MOST)  # noqa: S311 - reproducible inputs


def _blank(number: re.Match[str]) -> str:
    return "#" * len(number[0])


def _exchanged(text: str, values: Sequence[int]) -> Iterator[str]:
    for first, second in pairwise(list(_NUMBER.finditer(text))):
        for one, other in product(values, values):
            yield (
                text[: first.start()]
                + str(one).zfill(len(first[0]))
                + text[first.end() : second.start()]
                + str(other).zfill(len(second[0]))
                + text[second.end() :]
            )
