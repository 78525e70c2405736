"""The differentiable variable: functions of a program and their gradients.

In: the texts of a task. Out: `Program`, which owns the texts and the call graph, and
one `Code` for each function, a live view of its part of the text. Invariant: a
program's texts change only through `Program.update`, which keeps the old ones.
"""

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codegrad.gradient import Gradient
from codegrad.lines import whole_lines
from codegrad.task import Sources, Task
from codegrad.verdict import Span

if TYPE_CHECKING:
    from codegrad.loss import Loss

MODULE = "<module>"
"""The name of the variable that stands for statements outside every function."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class FunctionSite:
    """Where a function stands in a file."""

    name: str
    """Qualified name, for example `Stack.push`."""

    path: str
    span: Span
    body: int
    """The first line of its body, docstring aside."""

    calls: tuple[str, ...]
    """Names of functions of the same program that it mentions, in order."""


class Code:
    """One function (or a whole module) that may change.

    `value` reads the current text; `grad` is None until a loss has been propagated.
    """

    def __init__(
        self, program: "Program", path: str, name: str, *, requires_grad: bool = True
    ) -> None:
        self.program = program
        self.path = path
        self.name = name
        self.requires_grad = requires_grad
        self.grad: Gradient | None = None

    @classmethod
    def from_task(cls, task: Task) -> "Code":
        """Return the task's entry point as a variable of a new `Program`."""
        return Program.from_task(task).entry

    @property
    def value(self) -> str:
        """The current source text of the function."""
        text = self.program.sources[self.path]
        if self.name == MODULE:
            return text
        for site in function_sites(self.path, text):
            if site.name == self.name:
                lines = whole_lines(text)
                return "".join(lines[site.span.line - 1 : site.span.end_line])
        return ""

    @property
    def history(self) -> tuple[Sources, ...]:
        """The texts of the program before each accepted step, oldest first."""
        return self.program.history

    def __repr__(self) -> str:
        grad = "no grad" if self.grad is None else f"{len(self.grad)} critiques"
        return f"Code({self.path}::{self.name}, {grad})"


class Program:
    '''The texts of a task and the functions in them.

    Example:
        >>> text = """
        ... def f(x): return g(x)
        ... def g(x): return x
        ... """
        >>> program = Program({"m.py": text}, "m.py", "f")
        >>> [code.name for code in program.parameters()]
        ['f', 'g']
        >>> program.call_graph[("m.py", "f")]
        (('m.py', 'g'),)
    '''

    def __init__(
        self,
        sources: Sources,
        main: str,
        entry_point: str = "",
        *,
        variables: tuple[str, ...] | None = None,
        task: Task | None = None,
    ) -> None:
        self.task = task
        self.sources: Sources = dict(sources)
        self.main = main
        self.entry_point = entry_point
        self.history: tuple[Sources, ...] = ()
        self.loss: Loss | None = None
        """The loss that was propagated last; None after the texts have changed."""
        self._variables = variables
        self._codes: dict[tuple[str, str], Code] = {}
        self._sites: dict[str, tuple[FunctionSite, ...]] = {}
        self._refresh()

    @classmethod
    def from_task(cls, task: Task) -> "Program":
        """Return the program that `task` starts from."""
        return cls(
            task.sources,
            task.main,
            task.entry_point,
            variables=task.variables,
            task=task,
        )

    @property
    def entry(self) -> Code:
        """The variable of the entry point, or of the main module if it has none."""
        key = (self.main, self.entry_point)
        return self._codes.get(key) or self._codes[(self.main, MODULE)]

    @property
    def codes(self) -> tuple[Code, ...]:
        """Every function and module, in file order; modules last."""
        return tuple(self._codes.values())

    @property
    def call_graph(self) -> Mapping[tuple[str, str], tuple[tuple[str, str], ...]]:
        """For each function (path, name) the functions of the program it calls."""
        owners: dict[str, list[tuple[str, str]]] = {}
        sites = list(self.sites())
        for site in sites:
            owners.setdefault(site.name.rpartition(".")[2], []).append(
                (site.path, site.name)
            )
        return {
            (site.path, site.name): tuple(
                key for name in site.calls for key in owners.get(name, ())
            )
            for site in sites
        }

    def parameters(self) -> Iterator[Code]:
        """Yield the functions that may change, in file order."""
        for code in self.codes:
            if code.requires_grad and code.name != MODULE:
                yield code
        if not any(code.name != MODULE for code in self.codes) or not self.entry_point:
            yield from (
                c for c in self.codes if c.name == MODULE and c.path == self.main
            )

    def sites(self) -> Iterator[FunctionSite]:
        """Yield where each function of the program stands now."""
        for sites in self._sites.values():
            yield from sites

    def owner(self, path: str, line: int) -> Code:
        """Return the innermost variable whose text holds `line` of `path`."""
        best: FunctionSite | None = None
        for site in self._sites.get(path, ()):
            inside = site.span.line <= line <= site.span.end_line
            if inside and (best is None or site.span.line >= best.span.line):
                best = site
        key = (path, best.name if best else MODULE)
        return self._codes[key if key in self._codes else (path, MODULE)]

    def update(self, sources: Sources) -> None:
        """Replace the texts; the old ones are kept in `history`."""
        self.history = (*self.history, self.sources)
        self.sources = dict(sources)
        self.loss = None
        self._refresh()

    def zero_grad(self) -> None:
        """Forget every gradient."""
        for code in self._codes.values():
            code.grad = None

    def _refresh(self) -> None:
        self._sites = {
            path: tuple(function_sites(path, text))
            for path, text in self.sources.items()
        }
        found: dict[tuple[str, str], Code] = {}
        for site in self.sites():
            key = (site.path, site.name)
            free = self._variables is None or site.name in self._variables
            found[key] = self._codes.get(key) or Code(
                self, site.path, site.name, requires_grad=free
            )
        for path in self.sources:
            key = (path, MODULE)
            found[key] = self._codes.get(key) or Code(self, path, MODULE)
        self._codes = found


def function_sites(path: str, text: str) -> Iterator[FunctionSite]:
    """Yield the module-level functions and methods of `text`; none if it is broken."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for prefix, node in _functions(tree):
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        span = Span(first, node.col_offset, node.end_lineno or first)
        body = node.body[1:] if ast.get_docstring(node) else node.body
        start = (body or node.body)[0].lineno
        name = prefix + node.name
        yield FunctionSite(name, path, span, start, tuple(_mentions(node)))


def _functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    for node in tree.body:
        if isinstance(node, _Function):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            for member in node.body:
                if isinstance(member, _Function):
                    yield f"{node.name}.", member


def _mentions(function: _Function) -> list[str]:
    names: dict[str, None] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            names[node.id] = None
        elif isinstance(node, ast.Attribute):
            names[node.attr] = None
    return list(names)


def fingerprint(sources: Sources) -> str:
    """Return a short text that tells texts apart."""
    text = json.dumps(sorted(sources.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
