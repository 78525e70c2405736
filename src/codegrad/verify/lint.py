"""Stage 2: the linter's error rules (ruff), which need no execution."""

import json
import subprocess
from collections.abc import Sequence

from ruff import find_ruff_bin

from codegrad.errors import CodeGradError
from codegrad.task import Constraint, Sources, Task
from codegrad.verdict import Finding, Span, Status, Verdict
from codegrad.verify.stage import Workbench

RULES = "E9,F63,F7,F82,F811,F841,PLE,B006,B008,B012,B018,B020,B023,B035,PLR0124,PLW0127"
"""Rules whose findings are usually faults; style is none of our business."""

_TIMEOUT_S = 20


class LintStage:
    """Runs ruff over each module, without the project's configuration."""

    name = "lint"

    def run(
        self,
        sources: Sources,
        task: Task,  # noqa: ARG002 - every stage is given one
        constraints: Sequence[Constraint],
        bench: Workbench,  # noqa: ARG002 - every stage is given one
    ) -> list[Verdict]:
        """Return `REFUTED` with the findings, or `PASSED`."""
        findings: list[Finding] = []
        for path, text in sources.items():
            try:
                findings += lint(path, text)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                reason = f"ruff did not answer: {error}"
                return [
                    Verdict(c.name, self.name, Status.UNKNOWN, reason)
                    for c in constraints
                ]
        return static_verdicts(self.name, constraints, findings, len(sources))


def static_verdicts(
    stage: str,
    constraints: Sequence[Constraint],
    findings: Sequence[Finding],
    files: int,
) -> list[Verdict]:
    """Return one verdict for each constraint of a static stage."""
    reason = f"{findings[0].message} ({findings[0].span})" if findings else ""
    return [
        Verdict(
            constraint.name,
            stage,
            Status.REFUTED if findings else Status.PASSED,
            reason,
            findings=tuple(findings),
            checked=files,
        )
        for constraint in constraints
    ]


def lint(path: str, text: str) -> list[Finding]:
    r"""Return ruff's findings on one module, in file order.

    Example:
        >>> [f.code for f in lint("m.py", "def f(x=[]):\n    return y\n")]
        ['B006', 'F821']
    """
    command = [
        find_ruff_bin(),
        "check",
        "--isolated",
        "--no-cache",
        "--output-format=json",
        f"--select={RULES}",
        f"--stdin-filename={path}",
        "-",
    ]
    done = subprocess.run(  # noqa: S603 - our own linter, text on standard input
        command,
        input=text.encode("utf-8", "surrogatepass"),
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise CodeGradError(done.stderr.decode(errors="replace").strip()[:200])
    return [
        Finding(
            row["code"] or "syntax",
            row["message"],
            Span(
                row["location"]["row"],
                row["location"]["column"] - 1,
                row["end_location"]["row"],
                row["end_location"]["column"] - 1,
            ),
        )
        for row in json.loads(done.stdout or b"[]")
    ]
