"""Stage 8, optional: symbolic execution by CrossHair, last because it is dear.

CrossHair runs the candidate, so it gets a confined process of its own with a limit on
processor time that it cannot overrun. What it reports is a hint: a counterexample
counts only if it meets the preconditions and fails again in the sandbox. That all
paths were explored is reported as the reason of `PASSED`; it is no proof, because
CrossHair models floats and some of the library only approximately.
"""

import ast
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codegrad.contract import ClauseKind
from codegrad.errors import SandboxError
from codegrad.sandbox import Limits, run_confined
from codegrad.task import ClauseCheck, Constraint, ReferenceCheck, Sources, Task
from codegrad.verdict import Status, Verdict
from codegrad.verify.clauses import clause_prelude
from codegrad.verify.inputs import Args, entry_node
from codegrad.verify.postconditions import clause_failure
from codegrad.verify.reference import reference_failure
from codegrad.verify.session import Session, unknown
from codegrad.verify.shapes import Shape
from codegrad.verify.stage import Workbench

STAGE = "symbolic"
CPU_S = 5.0
"""Processor seconds that CrossHair is told to spend on one constraint."""

_OVERRUN = 2.5
"""How far it may overrun before it is killed; it also needs a second to start."""

_TARGET = "_codegrad_target"
_REPORT = re.compile(rf"when calling {_TARGET}(\(.*\))", re.DOTALL)
_CONFIRMED = "Confirmed over all paths"


class SymbolicStage:
    """Asks CrossHair for inputs that break a contract or tell apart a reference.

    Args:
        cpu_s: Processor seconds for one constraint.
    """

    name = STAGE

    def __init__(self, *, cpu_s: float = CPU_S) -> None:
        self._cpu_s = cpu_s

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return one verdict for each constraint, in order."""
        session = Session(sources, bench.memory.of(task), bench)
        return [self._judge(constraint, session) for constraint in constraints]

    def _judge(self, constraint: Constraint, session: Session) -> Verdict:
        text, problem = _program(constraint, session)
        if problem:
            return unknown(constraint, STAGE, problem)
        try:
            found = explore(text, session.bench, cpu_s=self._cpu_s)
        except (OSError, SandboxError) as error:
            return unknown(constraint, STAGE, f"CrossHair did not run: {error}")
        verdict = _verdict(constraint, session, found)
        return replace(verdict, cpu_s=found.cpu_s)


@dataclass(frozen=True, slots=True)
class Exploration:
    """What CrossHair said about one program."""

    inputs: tuple[Args, ...]
    """Arguments that it claims to fail."""

    is_complete: bool
    """Whether it says that it explored all paths."""

    message: str
    """Why nothing was found out, if so."""

    cpu_s: float


def explore(program: str, bench: Workbench, *, cpu_s: float = CPU_S) -> Exploration:
    """Run CrossHair on the function `_codegrad_target` of a module text.

    Raises:
        SandboxError: If no confined process can be started.
    """
    limits = Limits(
        wall_s=cpu_s * 2 * _OVERRUN + 5,
        cpu_s=cpu_s * _OVERRUN,
        memory_mb=max(4096, bench.limits.memory_mb),
    )
    with tempfile.TemporaryDirectory(prefix="codegrad-symbolic-") as folder:
        root = Path(folder).resolve()
        path = root / "candidate.py"
        path.write_text(program, encoding="utf-8", errors="surrogatepass")
        run = run_confined(
            [
                sys.executable,
                "-m",
                "crosshair",
                "check",
                "--analysis_kind=asserts",
                "--report_all",
                f"--per_condition_timeout={cpu_s:g}",
                f"{path}:{_line_of_target(program)}",
            ],
            cwd=root,
            limits=limits,
            allow_unsafe=bench.allow_unsafe,
        )
    inputs = tuple(
        args
        for report in _REPORT.finditer(run.stdout)
        if (args := _arguments(report[1])) is not None
    )
    is_complete = not inputs and _CONFIRMED in run.stdout
    message = ""
    if not inputs and not is_complete:
        text = (run.stdout.strip() or run.stderr.strip() or run.kind).splitlines()[-1]
        message = text.replace(str(root) + "/", "")[-200:]
        if "Not confirmed" in message or run.kind == "timeout":
            message = "not all paths were explored within the limit"
    return Exploration(inputs, is_complete, message, run.cpu_s)


def _line_of_target(program: str) -> int:
    return program[: program.index(f"def {_TARGET}(")].count("\n") + 1


def _arguments(text: str) -> Args | None:
    """Return the arguments of a reported call, if they are plain."""
    for end in range(len(text), 0, -1):
        if text[end - 1] != ")":
            continue
        try:
            node = ast.parse(f"f{text[:end]}", mode="eval").body
        except (SyntaxError, ValueError, RecursionError):
            continue
        if not isinstance(node, ast.Call):
            continue
        try:
            args = [ast.literal_eval(argument) for argument in node.args]
            args += [ast.literal_eval(keyword.value) for keyword in node.keywords]
        except (ValueError, TypeError, SyntaxError, RecursionError):
            return None
        return tuple(args)
    return None


def _program(constraint: Constraint, session: Session) -> tuple[str, str]:
    """Return the module to explore, or why there is none."""
    task, inputs = session.task, session.inputs
    hints = [_hint(shape) for shape in inputs.shapes]
    if not hints or None in hints:
        return "", inputs.problem or "the types of the parameters are not known"
    match constraint.check:
        case ClauseCheck(clause=clause):
            body = [
                "import copy as _copy",
                *(f"old_{n} = _copy.deepcopy({n})" for n in _names(session)),
                f"result = {session.entry}({', '.join(_names(session))})",
                f"assert {clause.expression}",
            ]
        case ReferenceCheck():
            names = ", ".join(_names(session))
            body = [
                "import copy as _copy",
                "try:",
                f"    _expected = _codegrad_reference(*_copy.deepcopy(({names},)))",
                "except Exception:",
                "    return",
                f"assert {session.entry}({names}) == _expected",
            ]
        case _:
            return "", "there is neither a contract nor a reference"
    signature = ", ".join(
        f"{name}: {hint}" for name, hint in zip(_names(session), hints, strict=True)
    )
    before = [
        f"assert {clause.expression}" for clause in task.contract.of(ClauseKind.PRE)
    ]
    return (
        "\n".join(
            [
                _without_future(task.context),
                _without_future(session.source),
                clause_prelude(task),
                _reference(task),
                f"def {_TARGET}({signature}) -> None:",
                *(f"    {line}" for line in [*before, *body]),
                "",
            ]
        ),
        "",
    )


def _reference(task: Task) -> str:
    """Return the reference as a function of its own, its helpers hidden inside."""
    if not task.reference:
        return ""
    lines = [
        "def _codegrad_make_reference():",
        *(f"    {line}" for line in _without_future(task.reference).splitlines()),
        f"    return {task.entry_point}",
        "_codegrad_reference = _codegrad_make_reference()",
    ]
    return "\n".join(lines)


def _without_future(source: str) -> str:
    return "\n".join(
        line for line in source.splitlines() if not line.startswith("from __future__")
    )


def _names(session: Session) -> list[str]:
    """Return the names of the parameters, by which clauses speak of them."""
    width = len(session.inputs.shapes)
    node = entry_node(session.task.source, session.entry)
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)] if node else []
    spare = [f"_argument_{index}" for index in range(width)]
    return (names + spare[len(names) :])[:width]


def _hint(shape: Shape) -> str | None:
    """Return the annotation that CrossHair understands, or None."""
    inner = [_hint(item) for item in shape.items]
    if None in inner or shape.kind == "any":
        return None
    texts = [str(text) for text in inner]
    match shape.kind:
        case "union":
            return " | ".join(texts)
        case "record":
            return f"tuple[{', '.join(texts)}]" if texts else None
        case "tuple":
            return f"tuple[{texts[0]}, ...]"
        case _:
            return f"{shape.kind}[{', '.join(texts)}]" if texts else shape.kind


def _verdict(constraint: Constraint, session: Session, found: Exploration) -> Verdict:
    for args in found.inputs:
        failure = (
            clause_failure(constraint, session, args)
            if isinstance(constraint.check, ClauseCheck)
            else reference_failure(session, args)
        )
        if failure is not None:
            return Verdict(
                constraint.name,
                STAGE,
                Status.REFUTED,
                str(failure),
                counterexamples=(failure,),
                checked=1,
                distance=1.0,
            )
    if found.inputs:
        return unknown(constraint, STAGE, "what was reported does not fail in fact")
    if found.is_complete:
        reason = "symbolic execution explored all paths"
        return Verdict(constraint.name, STAGE, Status.PASSED, reason, checked=1)
    return unknown(constraint, STAGE, found.message)
