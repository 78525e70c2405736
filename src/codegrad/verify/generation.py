"""The inputs on which a task's properties are checked.

In: a task. Out: `Inputs`: the known calls, then mutations of them, then values drawn
from the types, each marked as like the known ones or not. Invariant: the same task
gives the same inputs, whatever the candidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from codegrad.contract import ClauseKind
from codegrad.task import Task
from codegrad.verify.inputs import (
    Args,
    Known,
    Profile,
    known_calls,
    parameter_shapes,
    without_a_text,
)
from codegrad.verify.mutation import Pool, mutations
from codegrad.verify.shapes import Shape
from codegrad.verify.shrink import size
from codegrad.verify.strategies import drawn, explored
from codegrad.verify.sweep import swept

DEFAULT_INPUTS = 200
_SMALL = (15, 50.0)
_FEW = 12
_SURPLUS = 4
_EMPTIED = 3
"""Known inputs in which texts are emptied."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a function can be called with."""

    known: tuple[Known, ...] = ()
    generated: tuple[Args, ...] = ()
    shapes: tuple[Shape, ...] = ()
    profile: Profile = field(default_factory=Profile)
    pool: Pool | None = None
    problem: str = ""
    """Why nothing could be generated."""

    @property
    def like(self) -> list[Args]:
        """The generated inputs that are like the known ones."""
        return [args for args in self.generated if self.profile.admits(args)]

    @property
    def with_empty_texts(self) -> list[Args]:
        """Known inputs with one text replaced by the empty one.

        Left out are texts of a common form and those that depend on another argument,
        such as two of equal length.
        """
        found: dict[str, Args] = {}
        for known in self.known[:_EMPTIED]:
            for index, value in enumerate(known.args):
                if not self.profile.may_be_empty(index):
                    continue
                for emptied in without_a_text(value):
                    args = (*known.args[:index], emptied, *known.args[index + 1 :])
                    found.setdefault(repr(args), args)
        seen = {repr(known.args) for known in self.known}
        return [args for key, args in found.items() if key not in seen]

    @property
    def all(self) -> list[Args]:
        """The known inputs, then the generated ones."""
        return [*(known.args for known in self.known), *self.generated]

    def is_small(self, args: Args) -> bool:
        """Return whether an input is hardly larger than the largest known one.

        Only then is it a fault to run out of time, stack or memory.
        """
        parts, magnitude = size(args)
        known = [size(k.args) for k in self.known] or [_SMALL]
        return parts <= max(_FEW, *(2 * n for n, _ in known)) and magnitude <= max(
            _FEW, *(2 * weight for _, weight in known)
        )

    def explore(self, count: int) -> list[Args]:
        """Return inputs that Hypothesis draws from the same shapes, and sweeps."""
        if not self.shapes or self.pool is None:
            return []
        old = {repr(args) for args in self.all}
        found = swept([known.args for known in self.known], self.pool.ints)
        found += explored(self.shapes, count, pool=self.pool)
        return [args for args in found if repr(args) not in old]


def inputs_of(task: Task, count: int = DEFAULT_INPUTS, *, seed: int = 0) -> Inputs:
    """Return the known inputs of `task` and about `count` generated ones.

    They are mutations of known inputs and values drawn from the types of the
    parameters, where these are annotated or can be inferred.
    """
    known = known_calls(task)
    seeds = [k.args for k in known]
    shapes = parameter_shapes(task, seeds)
    contract = " ".join(
        f"({clause.expression})," for clause in task.contract.of(ClauseKind.PRE)
    )
    pool = Pool.of(seeds, (task.source, task.reference, contract))
    if not seeds and not shapes:
        problem = "no input is known and the parameters have no types; add an example"
        if shapes == []:
            problem = "the function has no parameters"
        return Inputs(problem=problem)
    profile = Profile.of(seeds, shapes or ())
    found = _mixed(seeds, shapes or (), count, profile, pool, seed)
    distinct = {repr(args): args for args in found}
    for args in seeds:
        distinct.pop(repr(args), None)
    return Inputs(
        known=tuple(known),
        generated=tuple(distinct.values()),
        shapes=tuple(shapes or ()),
        profile=profile,
        pool=pool,
    )


def _mixed(  # noqa: PLR0913, PLR0917 - what inputs are made from
    seeds: Sequence[Args],
    shapes: Sequence[Shape],
    count: int,
    profile: Profile,
    pool: Pool,
    seed: int,
) -> list[Args]:
    """Return mutations and drawn values, half of them like the known inputs.

    Few values happen to be like the known ones, so more are made than are kept.
    """
    many = count * _SURPLUS
    mutated = mutations(seeds, many // 2 if shapes else many, pool=pool, seed=seed)
    rest = (many - len(mutated)) // 2
    values = drawn(shapes, rest, pool=pool, seed=seed)
    bounded = drawn(shapes, rest, pool=replace(pool, is_bounded=True), seed=seed)
    near = [args for args in mutated if profile.admits(args)]
    far = [args for args in (*bounded, *values) if profile.admits(args)]
    # Mutations stay close to the known inputs; drawn values are longer and stranger.
    half = count // 4
    like = [*near[:half], *far[:half], *near[half:], *far[half:]][: 2 * half]
    chosen = {repr(args): args for args in like}
    for args in (*mutated[: count // 3], *values, *mutated):
        if len(chosen) >= count:
            break
        chosen.setdefault(repr(args), args)
    return list(chosen.values())
