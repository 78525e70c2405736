"""The built-in engine: a typed program-repair search, steered by the gradient.

Needs no key, no weights and no network. In: a program, its task and the direction.
Out: programs that pass every visible test inside the batch child; they become the
answer only if the split verification accepts them. Deterministic: the same task, seed
and budget give the same proposals.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from codegrad.budget import Budget, Spent
from codegrad.code import MODULE, Program, fingerprint
from codegrad.contract import ClauseKind
from codegrad.engines.engine import Answer, Direction, Progress, Proposal, silent
from codegrad.engines.imports import with_imports
from codegrad.errors import EngineError
from codegrad.sandbox import encode
from codegrad.sandbox.repository import SearchRun
from codegrad.search.frontier import RIVAL_CANDIDATES, Frontier, JobRun
from codegrad.task import (
    AssertionCheck,
    CallCheck,
    Check,
    ClauseCheck,
    Constraint,
    PytestCheck,
    RaisesCheck,
    StdinCheck,
    Task,
)
from codegrad.tasks.literals import call_text, literal_call, text_condition
from codegrad.verify.clauses import clause_prelude, clause_test, known_inputs
from codegrad.verify.stage import Workbench

MAX_LEARNED = 24
"""Inputs beyond the given ones that the search is held to."""

STEP_CANDIDATES = 6000
"""Candidates of one step: a few seconds, which is what a kill can lose."""

FIRST_FILES = 4
"""Blamed files of a repository that have their turns before one is searched deeply."""

TURNS = 2
"""Turns of each: all single edits, then one step of what comes after."""

MAX_PARTS = 4
"""Partial repairs that are offered at once: each is verified by a run of all tests."""

IMPORTS = "add the imports that are missing"
"""The label of the proposal that does."""

_Json = dict[str, Any]


class SearchEngine:
    """Edits the functions at fault until the visible tests pass.

    One engine serves one task at a time; it keeps where it was in the search, so that
    each call of `propose` goes on from the last.
    """

    name = "search"

    def __init__(
        self,
        *,
        bench: Workbench | None = None,
        seed: int = 0,
        step_candidates: int = STEP_CANDIDATES,
    ) -> None:
        self._bench = bench or Workbench()
        self._seed = seed
        self._step_candidates = step_candidates
        self._frontiers: dict[_Goal, Frontier] = {}
        self._states: dict[_Goal, Any] = {}
        self._over: set[tuple[_Goal, str]] = set()
        """Goals, with the text of their file, for which nothing is left to try."""
        self._imported: set[tuple[str, str]] = set()
        """Files, with their text, for which the missing imports were proposed."""
        self._turns: dict[_Goal, int] = {}
        """By file of a repository: turns that are over, for the program as it is."""
        self._seen = ""
        """The texts of a repository, digested, for which this is true."""
        self._inputs: list[str] = []
        """Calls on which some candidate broke a postcondition, as source text."""

    def propose(
        self,
        task: Task,
        program: Program,
        direction: Direction,
        *,
        budget: Budget,
        progress: Progress = silent,
    ) -> Answer:
        """Search on for one step's candidates in the most suspicious file."""
        self._learn(program, direction)
        self._look_around(task, program)
        goal = self._next_goal(task, program, direction)
        if goal is None:
            parts = self._parts(task, program, direction)
            note = _parts_note(len(parts)) if parts else "nothing is left to try"
            return Answer(parts, exhausted=True, note=note)
        path, text = goal.path, program.sources[goal.path]
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self._over.add((goal, text))
            note = f"{path} does not parse; the search edits syntax trees"
            return Answer(exhausted=True, note=note)
        wanted = self._step_candidates
        if budget.candidates is not None:
            wanted = min(wanted, budget.candidates)
        whole = with_imports(text)
        if whole != text and (path, text) not in self._imported and wanted > 0:
            self._imported.add((path, text))
            sources = {**program.sources, path: whole}
            return Answer([Proposal(sources, IMPORTS)], Spent(candidates=1))
        frontier = self._frontier(task, program, goal, direction, progress)
        # A small budget is not overrun by the look at rivals.
        rivals = min(RIVAL_CANDIDATES, max(0, wanted))
        is_first = self._takes_turns(task, direction) and not self._turns.get(goal)
        batch = frontier.advance(text, max(1, wanted), rivals, single_only=is_first)
        if batch.exhausted:
            self._over.add((goal, text))
        if not is_first or frontier.has_tried_single:
            self._turns[goal] = self._turns.get(goal, 0) + 1
        proposals = [
            Proposal(
                {**program.sources, path: found.source},
                found.template,
                found.line,
                found.cost,
            )
            for found in batch.proposals
            if task.is_program or changes_bodies_only(text, found.source)
        ]
        note = batch.error or _note(len(proposals), batch.spent)
        if not proposals:
            proposals = self._parts(task, program, direction)
            note = _parts_note(len(proposals)) if proposals else note
        return Answer(
            proposals,
            Spent(candidates=batch.spent),
            exhausted=self._next_goal(task, program, direction) is None,
            note=note,
        )

    def _look_around(self, task: Task, program: Program) -> None:
        """Start over in a repository where any file has changed.

        What a search in one file found depends on the others.
        """
        if task.repository is None:
            return
        seen = fingerprint(program.sources)
        if seen != self._seen:
            self._seen = seen
            self._frontiers, self._states, self._turns = {}, {}, {}
            self._over = set()

    def _takes_turns(self, task: Task, direction: Direction) -> bool:
        """Whether faults may lie in several modules."""
        return task.repository is not None and len(direction.paths()) > 1

    def _parts(
        self, task: Task, program: Program, direction: Direction
    ) -> list[Proposal]:
        """Return edits that repair a part, once no file alone seems to be at fault.

        Each makes failing tests pass and breaks none. Where every failing test runs
        code of every file, they wait for a second turn: there one file may still
        have it all, and an edit for one test may lead away from it.
        """
        if not self._takes_turns(task, direction):
            return []
        goals = [_Goal(path) for path in direction.paths()[:FIRST_FILES]]
        known = {
            goal: self._frontier(task, program, goal, direction, silent)
            for goal in goals
            if goal in self._frontiers or goal in self._states
        }
        is_divided = any(found.is_one_of_several for found in known.values())
        due = 1 if is_divided else TURNS
        over = {goal for goal, _ in self._over}
        if any(self._turns.get(goal, 0) < due and goal not in over for goal in goals):
            return []
        found = [
            (part, goal.path)
            for goal, frontier in known.items()
            for part in frontier.take_parts()
            if changes_bodies_only(program.sources[goal.path], part.source)
        ]
        # Sorting is stable: each file's own order is kept among equal gains.
        found.sort(key=lambda pair: -pair[0].gained)
        return [
            Proposal(
                {**program.sources, path: part.source},
                part.template,
                part.line,
                part.cost,
            )
            for part, path in found[:MAX_PARTS]
        ]

    def _learn(self, program: Program, direction: Direction) -> None:
        """Take up inputs that broke a postcondition; with new ones start over.

        They were found by generated inputs, proofs or robustness checks, after the
        candidate had passed every test that the search could see.
        """
        inputs = set(self._inputs)
        if program.loss is not None:
            inputs.update(
                example.call
                for verdict in program.loss.verdicts
                for example in verdict.counterexamples
            )
        inputs.update(call for a in direction.momentum for call in a.inputs)
        if inputs != set(self._inputs):
            self._inputs = sorted(inputs)[:MAX_LEARNED]
            self._frontiers, self._states = {}, {}
            self._over = set()

    def _next_goal(
        self, task: Task, program: Program, direction: Direction
    ) -> "_Goal | None":
        """Return what to search for next, or None if nothing is left to try.

        The blamed files of a repository have turns, the most suspicious first.
        """
        left = [
            goal
            for goal in _goals(task, program, direction)
            if (goal, program.sources[goal.path]) not in self._over
        ]
        if self._takes_turns(task, direction) and left and not left[0].function:
            first = direction.paths()[:FIRST_FILES]
            waiting = [
                goal
                for goal in left
                if goal.path in first and self._turns.get(goal, 0) < TURNS
            ]
            left = sorted(waiting, key=lambda goal: self._turns.get(goal, 0)) or left
        return left[0] if left else None

    def _frontier(
        self,
        task: Task,
        program: Program,
        goal: "_Goal",
        direction: Direction,
        progress: Progress,
    ) -> Frontier:
        run_job = self._job_runner(task, program, goal.path, progress)
        if goal in self._frontiers:
            # The state holds everything; only the progress listener is new.
            found = Frontier.from_state(self._frontiers[goal].state(), run_job)
        elif goal in self._states:
            found = Frontier.from_state(self._states.pop(goal), run_job)
        else:
            payload = kernel_payload(task, program, goal, direction, self._inputs)
            found = Frontier(payload, run_job, self._seed)
        self._frontiers[goal] = found
        return found

    def _job_runner(
        self, task: Task, program: Program, path: str, progress: Progress
    ) -> Callable[[_Json], JobRun]:
        tried = 0

        def run_job(job: _Json) -> JobRun:
            nonlocal tried
            run = self._bench.search(task, program.sources, path, job)

            def report(done: int) -> None:
                progress(tried + done, f"{job['phase']} in {path}")

            def finish(done: int) -> None:
                nonlocal tried
                tried += done

            return _Reported(run, int(job["start"]), report, finish)

        return run_job

    def state(self) -> dict[str, Any]:
        """Return where the search is."""
        frontiers = {goal: f.state() for goal, f in self._frontiers.items()}
        return {
            "frontiers": [
                [*goal, state] for goal, state in {**self._states, **frontiers}.items()
            ],
            "over": sorted([*goal, text] for goal, text in self._over),
            "imported": sorted(self._imported),
            "turns": sorted([*goal, turns] for goal, turns in self._turns.items()),
            "seen": self._seen,
            "inputs": self._inputs,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state`."""
        self._frontiers = {}
        self._states = {
            _Goal(path, function): value for path, function, value in state["frontiers"]
        }
        self._imported = {(path, text) for path, text in state.get("imported", ())}
        self._turns = {
            _Goal(path, function): turns
            for path, function, turns in state.get("turns", ())
        }
        self._seen = state.get("seen", "")
        self._inputs = list(state["inputs"])
        self._over = {
            (_Goal(path, function), text) for path, function, text in state["over"]
        }

    def close(self) -> None:
        """Stop the isolated worker."""
        self._bench.close()


class _Goal(NamedTuple):
    """What one search is after."""

    path: str
    """The file that is edited."""

    function: str = ""
    """The function whose own examples have to hold; empty for the whole task."""


def _goals(task: Task, program: Program, direction: Direction) -> Iterator[_Goal]:
    """Yield what to search for, the smallest first.

    A function whose own examples fail is a smaller problem than the task that uses
    it: once its examples hold, the rest is closer by whole constraints.
    """
    failing = {
        critique.constraint for g in direction.gradients.values() for critique in g
    }
    own = {
        check.function
        for constraint in task.constraints
        if constraint.name in failing
        and isinstance(check := constraint.check, CallCheck | RaisesCheck)
        and check.function not in {"", task.entry_point}
    }
    for code in program.codes:
        if code.name in own and code.requires_grad:
            yield _Goal(code.path, code.name)
    blamed = direction.paths()
    yield from (_Goal(path) for path in blamed)
    if task.repository is None:
        yield from (_Goal(path) for path in program.sources if path not in blamed)


class _Reported:
    """A running job that reports how far it is while its frames are read."""

    def __init__(
        self,
        run: JobRun,
        start: int,
        report: Callable[[int], None],
        finish: Callable[[int], None],
    ) -> None:
        self._run = run
        self._start = start
        self._report = report
        self._finish = finish
        if isinstance(run, SearchRun):
            # Between two frames of a project's tests minutes can go by.
            run.on_mark = self._note

    def _note(self, mark: int) -> None:
        self._report(max(0, mark - self._start))

    @property
    def ended(self) -> str:
        return self._run.ended

    @property
    def mark(self) -> int:
        return self._run.mark

    def __iter__(self) -> Any:  # noqa: ANN401 - frames are JSON
        for frame in self._run:
            if "end" in frame:
                self._finish(int(frame["end"]["tried"]))
            else:
                self._note(self._run.mark)
            yield frame


def changes_bodies_only(before: str, after: str) -> bool:
    r"""Return whether two modules differ in the bodies of their functions alone.

    The batch child shares its process with the candidate's code, which could send a
    module of its own making; only what an edit may change is taken over.

    Example:
        >>> changes_bodies_only("def f(): return 1", "def f(): return 2")
        True
        >>> changes_bodies_only("def f(): return 1", "import os\ndef f(): return 2")
        False
    """
    try:
        return _skeleton(before) == _skeleton(after)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _skeleton(text: str) -> str:
    tree = ast.parse(text)
    classes = (node for node in tree.body if isinstance(node, ast.ClassDef))
    for body in [tree.body, *(node.body for node in classes)]:
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                node.body = []
    return ast.dump(tree)


def kernel_payload(
    task: Task,
    program: Program,
    goal: _Goal,
    direction: Direction,
    inputs: Sequence[str] = (),
) -> _Json:
    """Return the fields of a kernel job that stay the same during a search.

    Postconditions are tested on the task's own calls and on `inputs`.

    Raises:
        EngineError: If the task has no test that the search could run.
    """
    entry = goal.function or task.entry_point
    tests = [
        record
        for constraint in task.constraints
        if not goal.function or _concerns(constraint.check, goal.function)
        for record in _records(task, constraint, entry)
    ]
    if not goal.function:
        tests += _learned_records(task, inputs)
    if not tests and task.repository is None:
        raise EngineError(
            "the built-in search needs a test or example to follow; add doctests, "
            "or name tests with --tests"
        )
    free = [
        code.name
        for code in program.codes
        if code.path == goal.path and code.requires_grad and code.name != MODULE
    ]
    suspicion = {str(k): v for k, v in direction.suspicion(goal.path).items()}
    return {
        "context": "\n".join(filter(None, [task.context, _support(task)])),
        "entry": entry,
        "functions": None if task.variables is None else free,
        "tests": tests,
        "suspicion": suspicion or None,
        "prompt": task.prompt,
        "parts": task.repository is not None,
        "select": [
            constraint.check.node
            for constraint in task.constraints
            if isinstance(constraint.check, PytestCheck)
        ],
    }


def _learned_records(task: Task, inputs: Sequence[str]) -> list[_Json]:
    clauses = [
        constraint.check.clause
        for constraint in task.constraints
        if isinstance(constraint.check, ClauseCheck)
    ]
    known = {repr(arguments) for arguments in known_inputs(task)}
    found: list[_Json] = []
    for text in inputs:
        try:
            call = literal_call(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            continue
        if call is None or call.function != task.entry_point:
            continue
        if repr((call.args, call.kwargs)) in known:
            continue
        found += [
            {"kind": "code", "source": clause_test(task, c, (call.args, call.kwargs))}
            for c in clauses
        ]
    return found


def _concerns(check: Check, function: str) -> bool:
    return isinstance(check, CallCheck | RaisesCheck) and check.function == function


def _support(task: Task) -> str:
    return clause_prelude(task) if task.contract.of(ClauseKind.POST) else ""


def _records(task: Task, constraint: Constraint, entry: str) -> Sequence[_Json]:
    if not constraint.hard:
        return ()
    match constraint.check:
        case CallCheck() | RaisesCheck() as check:
            return [_call_record(check, check.function or task.entry_point, entry)]
        case AssertionCheck(source=source):
            return [{"kind": "code", "source": f"{task.prelude}\n{source}"}]
        case ClauseCheck(clause=clause):
            return [
                {"kind": "code", "source": clause_test(task, clause, arguments)}
                for arguments in known_inputs(task)
            ]
        case StdinCheck(stdin=stdin, stdout=stdout):
            return [{"kind": "stdin", "stdin": stdin, "stdout": stdout}]
        case _:
            return ()


def _call_record(check: CallCheck | RaisesCheck, function: str, entry: str) -> _Json:
    if isinstance(check, CallCheck) and check.prints is not None:
        return {"kind": "code", "source": _printing_test(function, check)}
    if function != entry and not (isinstance(check, CallCheck) and check.exact):
        return {"kind": "code", "source": _other_function_test(function, check)}
    record: _Json = {
        "args": encode(check.args),
        "kwargs": encode(dict(check.kwargs)),
    }
    if isinstance(check, RaisesCheck):
        return {"kind": "raises", "error": check.error, **record}
    return {
        "kind": "call",
        "expected": encode(check.expected),
        "tolerance": check.tolerance,
        "function": function,
        "exact": check.exact,
        **record,
    }


def _other_function_test(function: str, check: CallCheck | RaisesCheck) -> str:
    call = call_text(function, check.args, dict(check.kwargs))
    if isinstance(check, RaisesCheck):
        return (
            f"try:\n    {call}\nexcept Exception as _error:\n"
            f"    assert type(_error).__name__ == {check.error!r}\n"
            "else:\n    assert False\n"
        )
    if check.tolerance is not None:
        return f"assert abs({call} - {check.expected!r}) < {check.tolerance!r}\n"
    return f"assert {call} == {check.expected!r}\n"


def _printing_test(function: str, check: CallCheck) -> str:
    call = call_text(function, check.args, dict(check.kwargs))
    value = "('' if _value is None else repr(_value))"
    shown = "" if check.compares_result else f" + {value}"
    wanted = (check.prints or "").rstrip()
    same = text_condition(
        "_shown",
        wanted,
        any_spacing=check.any_spacing,
        any_at_dots=check.any_at_dots,
    )
    return (
        "import contextlib as _contextlib, io as _io\n"
        "_out = _io.StringIO()\n"
        "with _contextlib.redirect_stdout(_out):\n"
        f"    _value = {call}\n"
        f"_shown = (_out.getvalue(){shown}).rstrip()\n"
        f"assert {same}\n"
    )


def _parts_note(found: int) -> str:
    return f"{found} candidates pass some more tests and break none"


def _note(found: int, spent: int) -> str:
    if found:
        return f"{found} candidates of {spent} pass every visible test"
    if not spent:
        return "nothing is left to try"
    return f"none of {spent} more candidates passes every visible test"
