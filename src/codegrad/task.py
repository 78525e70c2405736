"""The whole statement of intent: what a piece of Python must satisfy.

In: what a reader found (`codegrad.tasks`). Out: `Task`, a list of `Constraint`s with
the source to start from. Invariant: a task is a value; it can be stored as JSON-able
data (`codegrad.store`) and read back equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from codegrad.contract import Clause, ClauseKind, Contract
from codegrad.errors import ContradictionError

Sources = Mapping[str, str]
"""Module texts by path relative to the task's root; one entry for most tasks."""


class Origin(StrEnum):
    """Who asked for a constraint."""

    GIVEN = "given"
    """The user: tests, contract, limits."""

    DERIVED = "derived"
    """Read from the docstring or the statement."""

    GENERATED = "generated"
    """A model or the tool made it; soft until it is trusted."""


@dataclass(frozen=True, slots=True)
class SyntaxCheck:
    """The source compiles and still defines what it has to define."""


@dataclass(frozen=True, slots=True)
class LintCheck:
    """No finding of the linter's error rules."""


@dataclass(frozen=True, slots=True)
class TypesCheck:
    """No finding of the type checker."""


@dataclass(frozen=True, slots=True)
class CallCheck:
    """One call of the entry point returns one value."""

    args: tuple[Any, ...]
    expected: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float | None = None
    """The result must differ by less than this; None compares with `==`."""

    prints: str | None = None
    """What the call has to print; None does not look."""

    any_spacing: bool = False
    """Whether a run of white space in what is printed is as good as another."""

    any_at_dots: bool = False
    """Whether `...` in `prints` stands for any text."""

    compares_result: bool = True
    """False if only what is printed counts."""

    function: str = ""
    """The function that is called; empty is the entry point."""

    exact: bool = False
    """Whether numbers must also be of the types that are expected: `4.0` is not `4`."""


@dataclass(frozen=True, slots=True)
class RaisesCheck:
    """One call of the entry point raises one type of exception."""

    args: tuple[Any, ...]
    error: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    function: str = ""


@dataclass(frozen=True, slots=True)
class AssertionCheck:
    """Statements with asserts that run beside the candidate.

    With `shares_process` they run in the candidate's own process (objects of its
    classes cannot cross a process border); the evidence then says that the result is
    isolated but not forge-proof.
    """

    source: str
    shares_process: bool = False


@dataclass(frozen=True, slots=True)
class StdinCheck:
    """A program prints `stdout` when it is fed `stdin`."""

    stdin: str
    stdout: str


@dataclass(frozen=True, slots=True)
class PytestCheck:
    """One pytest node passes in the user's own environment."""

    node: str


@dataclass(frozen=True, slots=True)
class ClauseCheck:
    """A postcondition holds after every known call that meets the preconditions."""

    clause: Clause


@dataclass(frozen=True, slots=True)
class UnreadableCheck:
    """Something that the user states and that cannot be read; it stays unknown."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReferenceCheck:
    """The entry point returns what it returns in `Task.reference`."""


class Behaviour(StrEnum):
    """A way in which nearly every correct function behaves."""

    RETURNS = "returns"
    """Inputs like the examples raise nothing and come to an end."""

    RESULT_TYPE = "result type"
    """Results have the type that is annotated, or that the examples show."""

    GENERALISES = "generalises"
    """What the examples have in common holds on inputs like them."""

    KEEPS_ARGUMENTS = "keeps arguments"
    """The arguments are as they were after the call."""

    STATELESS = "stateless"
    """A call returns the same whatever was called before it."""

    DETERMINISTIC = "deterministic"
    """Another process returns the same."""

    BOUNDARIES = "boundaries"
    """Empty, extreme and odd inputs neither hang nor end the process."""

    STEADY_MEMORY = "steady memory"
    """Repeated calls do not take more and more memory."""

    ONLY_RAISES = "only raises"
    """Nothing is raised but what the contract's `raises:` names."""


@dataclass(frozen=True, slots=True)
class BehaviourCheck:
    """The entry point behaves in one way on generated inputs."""

    behaviour: Behaviour


@dataclass(frozen=True, slots=True)
class AgreementCheck:
    """The entry point returns what nearly all other candidates return."""

    peers: tuple[str, ...] = ()
    """Module texts of other candidates for the same task."""


@dataclass(frozen=True, slots=True)
class CostCheck:
    """Processor time grows no faster than `limit` with the size of the input."""

    limit: str = ""
    """A growth class such as `O(n log n)`; empty only reports what was measured."""


Check = (
    SyntaxCheck
    | LintCheck
    | TypesCheck
    | CallCheck
    | RaisesCheck
    | AssertionCheck
    | StdinCheck
    | PytestCheck
    | ClauseCheck
    | UnreadableCheck
    | ReferenceCheck
    | BehaviourCheck
    | AgreementCheck
    | CostCheck
)


@dataclass(frozen=True, slots=True)
class Constraint:
    """One thing that must hold."""

    name: str
    """Unique in its task, for example `test 3`."""

    stage: str
    """The stage that decides it."""

    text: str
    """The constraint in one line, for people."""

    check: Check
    """The constraint, for the stage."""

    origin: Origin = Origin.GIVEN
    hard: bool = True
    """Whether it may veto; soft constraints only order what the hard ones allow."""

    trust: float | None = None
    """How far a generated constraint is trusted, 0 to 1; None if nobody doubts it."""

    @property
    def is_guess(self) -> bool:
        """Whether it is generated and soft: its input may lie outside the domain."""
        return self.origin is Origin.GENERATED and not self.hard


@dataclass(frozen=True, slots=True)
class Repository:
    """Where a task lives when its tests are the project's own."""

    root: Path
    """The folder that is copied and in which pytest runs."""

    tests: tuple[str, ...]
    """Files or folders given to pytest, relative to `root`."""

    python: Path
    """The interpreter that has the project's dependencies."""

    files: tuple[str, ...] = ()
    """Modules of the project that may be at fault, relative to `root`."""


@dataclass(frozen=True, slots=True)
class Task:
    """What must hold, and the text to start from."""

    name: str
    """For people: usually `file.py::function`."""

    entry_point: str
    """The function under test; empty for a program that reads standard input."""

    sources: Sources
    """The texts to start from."""

    main: str
    """The key in `sources` of the file that holds the entry point."""

    constraints: tuple[Constraint, ...] = ()
    prompt: str = ""
    """The statement in words: docstring or problem text."""

    context: str = ""
    """Source that is executed before the module and never changed."""

    prelude: str = ""
    """Source that is executed before the tests."""

    variables: tuple[str, ...] | None = None
    """Qualified names of the functions that may change; None is all of them."""

    contract: Contract = field(default_factory=Contract)
    repository: Repository | None = None
    path: Path | None = None
    """The user's file, if there is one; written only with `--apply`."""

    notes: tuple[str, ...] = ()
    """What the reader left out and why, one sentence each."""

    reference: str = ""
    """A correct program whose behaviour has to be kept; empty if there is none."""

    @property
    def source(self) -> str:
        """The starting text of the main module."""
        return self.sources[self.main]

    @property
    def is_program(self) -> bool:
        """Whether the task is a program that reads standard input."""
        return not self.entry_point and self.repository is None

    def of_stage(self, stage: str) -> tuple[Constraint, ...]:
        """Return the constraints that `stage` decides, in order."""
        return tuple(c for c in self.constraints if c.stage == stage)

    @classmethod
    def from_file(
        cls,
        path: Path | str,
        *,
        tests: Path | str | Sequence[Path | str] = (),
        python: Path | None = None,
    ) -> "Task":
        """Read a task from `FILE.py`, `FILE.py::NAME` or a JSON record.

        Tests may be a JSON file of examples, a file of asserts or pytest files; see
        `codegrad.tasks.reader.read_task`.

        Raises:
            TargetError: If the file is missing, empty, or names no function.
            TestsError: If the tests cannot be used.
        """
        # The readers build on this module; only this shortcut looks the other way.
        from codegrad.tasks.reader import read_task  # noqa: PLC0415

        given = [tests] if isinstance(tests, Path | str) else tests
        return read_task(str(path), tests=[str(test) for test in given], python=python)


def static_constraints() -> tuple[Constraint, ...]:
    """Return what every Python task has to satisfy before anything is run."""
    return (
        Constraint(
            "syntax", "syntax", "the source compiles", SyntaxCheck(), Origin.DERIVED
        ),
        Constraint(
            "lint", "lint", "no lint errors", LintCheck(), Origin.DERIVED, hard=False
        ),
        Constraint(
            "types", "types", "no type errors", TypesCheck(), Origin.DERIVED, hard=False
        ),
    )


def clause_constraints(contract: Contract) -> tuple[Constraint, ...]:
    """Return one constraint for each postcondition of `contract`.

    What looks like a clause and cannot be read is one, too: nothing is verified while
    a part of the contract is unknown.
    """
    posts = (
        Constraint(
            f"post {number}",
            "tests",
            f"post: {clause.expression}",
            ClauseCheck(clause),
        )
        for number, clause in enumerate(contract.of(ClauseKind.POST), 1)
    )
    unreadable = (
        Constraint(
            f"clause {number}",
            "tests",
            "a clause of the contract",
            UnreadableCheck(why),
        )
        for number, why in enumerate(contract.problems, 1)
    )
    return (*posts, *unreadable)


_BEHAVIOURS = (
    (Behaviour.RETURNS, "properties", "calls like the examples return"),
    (Behaviour.RESULT_TYPE, "properties", "results are of the expected type"),
    (Behaviour.GENERALISES, "properties", "what the examples share holds beyond them"),
    (Behaviour.KEEPS_ARGUMENTS, "robustness", "arguments are not changed"),
    (Behaviour.STATELESS, "robustness", "earlier calls do not matter"),
    (Behaviour.DETERMINISTIC, "robustness", "another process returns the same"),
    (Behaviour.BOUNDARIES, "robustness", "odd inputs neither hang nor crash"),
    (Behaviour.STEADY_MEMORY, "robustness", "repeated calls keep memory steady"),
)


def with_dynamic_constraints(task: Task) -> Task:
    """Return the task with what the stages after the tests can look at."""
    return replace(task, constraints=(*task.constraints, *dynamic_constraints(task)))


def dynamic_constraints(task: Task) -> tuple[Constraint, ...]:
    """Return what the stages after the tests can look at for `task`.

    Hard are only what the task states itself: its reference, and the `raises:` and
    `cost:` clauses of its contract. What the tool guesses is soft. Programs and
    projects with tests of their own have no function that could be called.
    """
    if task.repository is not None or not task.entry_point:
        return ()
    found: list[Constraint] = []
    if task.reference:
        found.append(
            Constraint(
                "reference", "properties", "agrees with the reference", ReferenceCheck()
            )
        )
    raises = task.contract.of(ClauseKind.RAISES)
    if raises:
        text = f"raises: {'; '.join(clause.expression for clause in raises)}"
        check = BehaviourCheck(Behaviour.ONLY_RAISES)
        found.append(Constraint("raises", "robustness", text, check))
    costs = task.contract.of(ClauseKind.COST)
    found += [
        Constraint(
            f"cost {number}",
            "efficiency",
            f"cost: {clause.expression}",
            CostCheck(clause.expression),
        )
        for number, clause in enumerate(costs, 1)
    ]
    if not costs:
        check_cost = CostCheck()
        text = "how processor time grows"
        found.append(
            Constraint(
                "growth", "efficiency", text, check_cost, Origin.GENERATED, hard=False
            )
        )
    found += [
        Constraint(
            str(behaviour),
            stage,
            text,
            BehaviourCheck(behaviour),
            Origin.GENERATED,
            hard=False,
        )
        for behaviour, stage, text in _BEHAVIOURS
    ]
    return tuple(found)


def reconcile(task: Task) -> Task:
    """Return `task` without derived examples that the user's own tests contradict.

    A docstring's example gives way to a given test on the same input, a guess to
    whatever came before it, and a note says so. Two given tests, or two examples, that
    exclude each other are an error: no program could satisfy both.

    Raises:
        ContradictionError: For the first such pair, in order.
    """
    seen: dict[str, Constraint] = {}
    dropped: dict[str, str] = {}
    given_first = sorted(
        task.constraints, key=lambda c: (c.origin is not Origin.GIVEN, not c.hard)
    )
    for constraint in given_first:
        key = _input_of(constraint.check, task.entry_point)
        if key is None:
            continue
        first = seen.setdefault(key, constraint)
        if not _contradict(first.check, constraint.check):
            continue
        if first.origin is constraint.origin and constraint.hard:
            raise ContradictionError(first.text, constraint.text)
        dropped[constraint.name] = (
            f"not checked: `{constraint.text}` ({constraint.origin}) contradicts "
            f"`{first.text}` ({first.origin})"
        )
    if not dropped:
        return task
    kept = tuple(c for c in task.constraints if c.name not in dropped)
    return replace(task, constraints=kept, notes=(*task.notes, *dropped.values()))


def _input_of(check: Check, entry_point: str) -> str | None:
    match check:
        case CallCheck(compares_result=True) | RaisesCheck():
            function = check.function or entry_point
            return repr((function, check.args, sorted(check.kwargs.items())))
        case StdinCheck():
            return check.stdin
        case _:
            return None


def _contradict(first: Check, second: Check) -> bool:
    match first, second:
        case CallCheck(), CallCheck():
            room = (first.tolerance or 0.0) + (second.tolerance or 0.0)
            return not _can_agree(
                first.expected,
                second.expected,
                room,
                exact=first.exact and second.exact,
            )
        case StdinCheck(), StdinCheck():
            return first.stdout.split() != second.stdout.split()
        case RaisesCheck(), RaisesCheck():
            return False
        case _:
            return True


def _can_agree(first: Any, second: Any, room: float, *, exact: bool) -> bool:  # noqa: ANN401 - any plain value
    """Return whether one value can pass both tests, their tolerances added.

    If both are `exact`, numbers must be of the same types, too.
    """
    # repr first: a value that is not equal to itself (nan) agrees with itself.
    if repr(first) == repr(second):
        return True
    match first, second:
        case (list(), list()) | (tuple(), tuple()):
            return len(first) == len(second) and all(
                _can_agree(a, b, room, exact=exact)
                for a, b in zip(first, second, strict=True)
            )
        case (dict(), dict()):
            return first.keys() == second.keys() and all(
                _can_agree(value, second[key], room, exact=exact)
                for key, value in first.items()
            )
        case (int() | float() | complex(), int() | float() | complex()) if (
            exact and type(first) is not type(second)
        ):
            return False
        case (float() | int(), float() | int()) if room:
            return bool(first == second or abs(first - second) < room)
        case _:
            return bool(first == second)
