"""Stage 3: the type checker (ty), which needs no execution."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ty import find_ty_bin

from codegrad.task import Constraint, Sources, Task
from codegrad.verdict import Finding, Span, Status, Verdict
from codegrad.verify.lint import static_verdicts
from codegrad.verify.stage import Workbench

_TIMEOUT_S = 30

# The module is looked at alone: what it imports may live elsewhere, and a linter
# already reports names that do not exist.
_IGNORED = ("import-not-found", "unresolved-import", "renamed-rule", "unused-ignore")


class TypesStage:
    """Runs ty over the modules in a folder of their own."""

    name = "types"

    def run(
        self,
        sources: Sources,
        task: Task,
        constraints: Sequence[Constraint],
        bench: Workbench,
    ) -> list[Verdict]:
        """Return `REFUTED` with the findings, or `PASSED`."""
        try:
            findings = check_types(sources, task.context, bench.python)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            reason = f"ty did not answer: {error}"
            return [
                Verdict(c.name, self.name, Status.UNKNOWN, reason) for c in constraints
            ]
        return static_verdicts(self.name, constraints, findings, len(sources))


def check_types(
    sources: Sources, context: str = "", python: Path | None = None
) -> list[Finding]:
    r"""Return ty's findings on the modules, in file order.

    Names that `context` defines are known to the modules at run time only, so with a
    context unresolved names are not reported.

    Example:
        >>> found = check_types({"m.py": "def f(x: int) -> str:\n    return x\n"})
        >>> found[0].code, found[0].span.line
        ('invalid-explicit-return', 2)
    """
    ignored = {*_IGNORED, *(("unresolved-reference",) if context else ())}
    with tempfile.TemporaryDirectory(prefix="codegrad-types-") as folder:
        root = Path(folder).resolve()
        paths = []
        for name, text in sources.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
            paths.append(path)
        environment = [f"--python={python}"] if python else []
        done = subprocess.run(  # noqa: S603 - our own checker on our own folder
            [
                find_ty_bin(),
                "check",
                "--output-format=gitlab",
                "--color=never",
                "--no-progress",
                f"--project={root}",
                *environment,
                *map(str, paths),
            ],
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
            cwd=root,
        )
    if done.returncode not in (0, 1):
        raise ValueError(done.stderr.decode(errors="replace").strip()[:200])
    found = []
    for row in json.loads(done.stdout or b"[]"):
        begin = row["location"]["positions"]["begin"]
        end = row["location"]["positions"]["end"]
        if row["check_name"] in ignored:
            continue
        message = row["description"].partition(": ")[2] or row["description"]
        span = Span(begin["line"], begin["column"] - 1, end["line"], end["column"] - 1)
        found.append(Finding(row["check_name"], message, span))
    return sorted(found, key=lambda finding: finding.span)
