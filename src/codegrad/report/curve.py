"""The loss curve as a drawing.

In: points. Out: SVG that needs no style sheet of another file and no script.
Invariant: every point is also written as text, in its title.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH, _HEIGHT = 560, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 18, 22, 40
_TICKS = 4
_MOST_LABELS = 16
_MOST_X_LABELS = 12
_RADIUS, _SMALL_RADIUS, _MOST_LARGE = 5, 2.2, 40


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """The loss at one moment."""

    step: int
    value: float
    mark: str
    """`start`, `accepted`, `kept` (a step that changed nothing) or `rejected`."""

    text: str
    """The point in words."""


def draw(
    path: Sequence[CurvePoint], rejected: Sequence[CurvePoint], description: str
) -> str:
    """Return the curve through `path` with the `rejected` points beside it."""
    scale = _Scale.of([*path, *rejected])
    parts = [
        f'<svg class="curve" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-labelledby="curve-title curve-text">',
        '<title id="curve-title">Loss after each step</title>',
        f'<desc id="curve-text">{html.escape(description)}</desc>',
        *_axes(scale),
    ]
    for point in rejected:
        x, y = scale.at(point)
        parts.append(
            f'<path class="rejected" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8">'
            f"<title>{html.escape(point.text)}</title></path>"
        )
    corners = " ".join("{:.1f},{:.1f}".format(*scale.at(point)) for point in path)
    parts.append(f'<polyline class="line" points="{corners}"/>')
    labelled = _labelled(path)
    radius = _RADIUS if len(path) <= _MOST_LARGE else _SMALL_RADIUS
    for index, point in enumerate(path):
        x, y = scale.at(point)
        parts.append(
            f'<circle class="{point.mark}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">'
            f"<title>{html.escape(point.text)}</title></circle>"
        )
        if index in labelled:
            anchor = "end" if index and index == len(path) - 1 else "middle"
            dx = 6 if anchor == "end" else 0
            parts.append(
                f'<text class="value" x="{x + dx:.1f}" y="{y - 10:.1f}" '
                f'text-anchor="{anchor}">{number(point.value)}</text>'
            )
    return "".join([*parts, "</svg>"])


def number(value: float) -> str:
    """Return `value` in at most three digits that matter.

    Example:
        >>> [number(v) for v in (2.0, 0.333333, 12.75, 0.00001)]
        ['2', '0.333', '12.8', '1e-05']
    """
    return f"{value:.3g}"


@dataclass(frozen=True, slots=True)
class _Scale:
    last: int
    top: float
    unit: float

    @classmethod
    def of(cls, points: Sequence[CurvePoint]) -> "_Scale":
        last = max((point.step for point in points), default=0)
        highest = max((point.value for point in points), default=0.0)
        unit = _nice(highest / _TICKS) if highest > 0 else 0.25
        return cls(max(last, 1), unit * max(1, math.ceil(highest / unit - 1e-9)), unit)

    def x(self, step: int) -> float:
        return _LEFT + 14 + (_WIDTH - _LEFT - _RIGHT - 28) * step / self.last

    def y(self, value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / self.top)

    def at(self, point: CurvePoint) -> tuple[float, float]:
        return self.x(point.step), self.y(point.value)


def _nice(value: float) -> float:
    """Return the next of 1, 2, 2.5, 5 times a power of ten."""
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= value * 0.999)


def _axes(scale: _Scale) -> list[str]:
    bottom = _HEIGHT - _BOTTOM
    parts = []
    ticks = round(scale.top / scale.unit)
    for tick in range(ticks + 1):
        y = scale.y(tick * scale.unit)
        kind = "axis" if tick == 0 else "grid"
        parts.append(f'<path class="{kind}" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{number(tick * scale.unit)}</text>"
        )
    every = math.ceil(_nice((scale.last + 1) / _MOST_X_LABELS))
    for step in range(0, scale.last + 1, every):
        label = "start" if step == 0 else str(step)
        parts.append(
            f'<text x="{scale.x(step):.1f}" y="{bottom + 17}" text-anchor="middle">'
            f"{label}</text>"
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(
        f'<text x="{middle:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">step</text>'
    )
    parts.append(f'<text x="{_LEFT - 38}" y="11">loss</text>')
    return parts


def _labelled(path: Sequence[CurvePoint]) -> set[int]:
    """Return which points carry their value: all, or those that say most."""
    if len(path) <= _MOST_LABELS:
        return {
            index
            for index, point in enumerate(path)
            if index in {0, len(path) - 1} or point.value != path[index - 1].value
        }
    return {0, len(path) - 1}
