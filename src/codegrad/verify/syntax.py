"""Stage 1: the source compiles and still defines the entry point."""

import ast
import warnings
from collections.abc import Sequence

from codegrad.code import function_sites
from codegrad.task import Constraint, Sources, Task
from codegrad.verdict import Finding, Span, Status, Verdict
from codegrad.verify.stage import Workbench


class SyntaxStage:
    """Compiles every module; nothing is executed."""

    name = "syntax"

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,  # noqa: ARG002 - every stage is given one
    ) -> list[Verdict]:
        """Return `PASSED` if all modules compile and define what they must."""
        findings = [
            finding
            for path, text in sources.items()
            if (finding := syntax_finding(path, text))
        ]
        if not findings and task.entry_point:
            findings = _missing_entry(sources[task.main], task)
        status = Status.REFUTED if findings else Status.PASSED
        reason = f"{findings[0].message} ({findings[0].span})" if findings else ""
        return [
            Verdict(
                constraint.name,
                self.name,
                status,
                reason,
                findings=tuple(findings),
                checked=len(sources),
                distance=1.0 if findings else 0.0,
            )
            for constraint in constraints
        ]


def syntax_finding(path: str, text: str) -> Finding | None:
    """Return why `text` does not compile, or None if it does.

    Example:
        >>> syntax_finding("m.py", "def f(:").message
        'm.py does not compile: invalid syntax'
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the linter reports these
            compile(text, path, "exec", dont_inherit=True)
    except SyntaxError as error:
        span = Span(
            max(1, error.lineno or 1),
            max(0, (error.offset or 1) - 1),
            error.end_lineno or 0,
            max(0, (error.end_offset or 1) - 1),
        )
        return Finding("syntax", f"{path} does not compile: {error.msg}", span)
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        message = f"{path} does not compile: {error or type(error).__name__}"
        return Finding("syntax", message, Span(1))
    return None


def _missing_entry(text: str, task: Task) -> list[Finding]:
    if any(site.name == task.entry_point for site in function_sites("", text)):
        return []
    for node in ast.parse(text).body:
        match node:
            case ast.ClassDef(name=name):
                bound = {name}
            case ast.Assign(targets=targets):
                bound = {t.id for t in targets if isinstance(t, ast.Name)}
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                bound = {(a.asname or a.name).partition(".")[0] for a in names}
            case ast.If() | ast.Try():
                return []  # conditional definitions: the tests will tell
            case _:
                bound = set()
        if task.entry_point in bound or "*" in bound:
            return []
    message = f"{task.main} does not define {task.entry_point}"
    return [Finding("missing", message, Span(1))]
