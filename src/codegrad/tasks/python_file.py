"""A Python file with a function (stub or buggy) -> task.

In: `FILE.py` or `FILE.py::NAME`. Out: a `Task` whose constraints are the docstring's
examples and the contract. The file is parsed, never executed.
"""

import ast
import doctest
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from codegrad.contract import read_contract
from codegrad.errors import TargetError
from codegrad.task import (
    AssertionCheck,
    CallCheck,
    Constraint,
    Task,
    clause_constraints,
    reconcile,
    static_constraints,
)
from codegrad.tasks.docstrings import Examples, read_examples

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def read_text(path: Path) -> str:
    """Return the text of a Python file.

    Raises:
        TargetError: If it is missing, a folder, empty, or not text.
    """
    if path.is_dir():
        raise TargetError(
            f"{path} is a folder; name a file and a function: {path}/module.py::name"
        )
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise TargetError(f"{path} does not exist; check the path") from None
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}") from error
    try:
        # Line ends are kept: what is not edited must come back byte for byte.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TargetError(
            f"{path} is not UTF-8 text (byte {error.start} is "
            f"0x{data[error.start]:02x}); convert the file to UTF-8 and try again"
        ) from error
    if not text.strip():
        raise TargetError(f"{path} is empty; it must define the function to refine")
    return text


def parse(text: str, path: str) -> ast.Module | None:
    """Return the tree of `text`, or None if it is not valid Python.

    A file that does not parse is a candidate that is wrong, not a user who is: the
    syntax stage refutes it.

    Raises:
        TargetError: If `text` cannot be Python source at all.
    """
    if "\0" in text:
        raise TargetError(f"{path} holds a NUL byte; it is not a Python source file")
    try:
        return ast.parse(text)
    except (SyntaxError, RecursionError, MemoryError):
        return None


def read_python_file(
    path: Path, name: str | None, *, extra: tuple[Constraint, ...] = ()
) -> Task:
    """Return the task that `path` states about its function `name`.

    Without a name the file must define exactly one public function. `extra`
    constraints (tests given by the user) come after the file's own.

    Raises:
        TargetError: If the file cannot be read or does not define the function.
    """
    text = read_text(path)
    return task_from_text(text, path.name, name, path=path, extra=extra)


def task_from_text(  # noqa: PLR0913 - one value for each field a reader may fill
    text: str,
    main: str,
    name: str | None,
    *,
    path: Path | None = None,
    extra: tuple[Constraint, ...] = (),
    context: str = "",
    prompt: str = "",
) -> Task:
    """Return the task that a module text states; see `read_python_file`.

    Examples that the `extra` constraints contradict are left out with a note.

    Raises:
        ContradictionError: If two constraints of one origin exclude each other.
    """
    tree = parse(text, main)
    if tree is None:
        if name is None:
            _raise_unparsable(text, main)
        return _unparsed_task(text, main, str(name), path, extra)
    functions = dict(module_functions(tree))
    entry_point = _choose(functions, name, main)
    node = functions[entry_point]
    contract = read_contract(node)
    if isinstance(node, ast.AsyncFunctionDef):
        raise TargetError(
            f"{main}::{entry_point} is an async function; it can be refined with the "
            "project's own pytest tests (--tests tests/), not with examples alone"
        )
    examples = _all_examples(text, tree, functions, entry_point)
    task = Task(
        name=f"{main}::{entry_point}",
        entry_point=entry_point,
        sources={main: text},
        main=main,
        constraints=(
            *static_constraints(),
            *examples.constraints,
            *clause_constraints(contract),
            *extra,
        ),
        prompt=prompt or ast.get_docstring(node) or "",
        context=context,
        contract=contract,
        path=path,
        notes=tuple(examples.notes),
    )
    return reconcile(task)


def module_functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    """Yield the module-level functions by name, the last definition of each."""
    for node in tree.body:
        if isinstance(node, _Function):
            yield node.name, node


def _choose(functions: dict[str, _Function], name: str | None, main: str) -> str:
    names = ", ".join(functions)
    if name is not None:
        if name in functions:
            return name
        if not functions or "." in name:
            raise TargetError(
                f"{main} defines no function called {name!r} at its top; methods are "
                "refined with the project's own pytest tests: --tests tests/"
            )
        raise TargetError(f"{main} defines no function {name!r}; it defines: {names}")
    public = [known for known in functions if not known.startswith("_")]
    choice = public or list(functions)
    if len(choice) == 1:
        return choice[0]
    if not choice:
        raise TargetError(
            f"{main} defines no function at its top (methods need pytest tests, "
            "--tests tests/); for a program that reads standard input, "
            "give its cases with --tests CASES.json"
        )
    raise TargetError(
        f"{main} defines {len(choice)} functions ({names}); "
        f"say which one: {main}::{choice[0]}"
    )


def _raise_unparsable(text: str, main: str) -> None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise TargetError(
            f"{main} is not valid Python (line {error.lineno}: {error.msg}); correct "
            f"it, or name the function so that it can be checked: {main}::NAME"
        ) from None
    except (RecursionError, MemoryError):
        raise TargetError(
            f"{main} is nested too deeply for Python to parse it"
        ) from None


def _unparsed_task(
    text: str,
    main: str,
    name: str,
    path: Path | None,
    extra: tuple[Constraint, ...],
) -> Task:
    return Task(
        name=f"{main}::{name}",
        entry_point=name,
        sources={main: text},
        main=main,
        constraints=(*static_constraints(), *extra),
        path=path,
        notes=("the file does not parse, so its examples and contract are not read",),
    )


def _all_examples(
    text: str, tree: ast.Module, functions: dict[str, _Function], entry_point: str
) -> Examples:
    """Collect the examples of the entry point, of what it calls and what calls it.

    Those of other functions say nothing about it; a note names them.
    """
    found = Examples()
    related = _related(functions, entry_point)
    order = [entry_point, *(name for name in functions if name != entry_point)]
    unrelated: list[str] = []
    for name in order:
        docstring = ast.get_docstring(functions[name]) or ""
        if name == entry_point and ">>>" not in docstring:
            docstring = "\n".join([docstring, *_loose_strings(tree)])
        if name != entry_point and ">>>" not in docstring:
            continue  # prose of a helper is not a statement about this task
        if name not in related:
            unrelated.append(name)
            continue
        part = read_examples(
            docstring,
            name,
            entry_point=entry_point,
            parameters=_parameters(functions[name]),
            as_written=_as_written(text, functions[name]),
        )
        found.constraints += [_beside(c, tree) for c in part.constraints]
        found.notes += part.notes
        if name == entry_point:
            _add_worded(found, docstring, name, _parameters(functions[name]))
    if unrelated:
        found.notes.append(
            f"not checked: examples of {', '.join(unrelated)}, which {entry_point} "
            "neither calls nor is called by"
        )
    return found


def _add_worded(
    found: Examples, docstring: str, name: str, parameters: Sequence[str]
) -> None:
    """Add what a docstring states in words beside its doctests.

    A doctest is what its writer could run: what is stated in words about a call of a
    doctest, or returns another type than all of them, gives way.
    """
    beside = _beside_doctests(docstring)
    tests = [c.check for c in found.constraints if isinstance(c.check, CallCheck)]
    if not beside or not found.constraints:
        return
    said = read_examples(beside, name, entry_point=name, parameters=parameters)
    known = {_arguments(check, parameters): check for check in tests}
    kinds = {_kind(check.expected) for check in tests if check.compares_result}
    for constraint in said.constraints:
        check = constraint.check
        if not isinstance(check, CallCheck) or not constraint.hard:
            continue
        first = known.get(_arguments(check, parameters))
        if first is None and (_kind(check.expected) in kinds or not kinds):
            number = len(found.constraints) + 1
            found.constraints.append(replace(constraint, name=f"example {number}"))
            known[_arguments(check, parameters)] = check
        elif first is None or repr(first.expected) != repr(check.expected):
            why = (
                "which no doctest returns anything like"
                if first is None
                else "which a doctest shows otherwise"
            )
            found.notes.append(f"not checked: `{constraint.text}`, in words, {why}")


def _beside_doctests(docstring: str) -> str:
    """Return a docstring without its doctests; empty if none can be read."""
    try:
        parts = doctest.DocTestParser().parse(docstring)
    except ValueError:
        return ""
    texts = [part for part in parts if isinstance(part, str)]
    return "\n".join(texts) if len(texts) < len(parts) else ""


def _arguments(check: CallCheck, parameters: Sequence[str]) -> str:
    """Return the arguments of a call, the same whether they are named or not."""
    given = dict(zip(parameters, check.args, strict=False)) | dict(check.kwargs)
    return repr((check.args[len(parameters) :], sorted(given.items())))


def _kind(value: object) -> type:
    """Return the type of a value; numbers are of one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float if is_number else type(value)


def _parameters(node: _Function) -> list[str]:
    """Return the parameters by position; none if some of them may be left out.

    A text that gives a value to an optional one means a call with it.
    """
    if node.args.defaults or node.args.kwonlyargs:
        return []
    return [a.arg for a in (*node.args.posonlyargs, *node.args.args)]


def _as_written(text: str, node: _Function) -> str:
    """Return the docstring as it stands in the file, with its escapes."""
    first = node.body[0]
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return ""
    written = ast.get_source_segment(text, first.value) or ""
    try:
        value = ast.literal_eval(f"r{written}")
    except (SyntaxError, ValueError):
        return ""  # it has a prefix, or is several strings
    return inspect.cleandoc(value)


def _related(functions: dict[str, _Function], entry_point: str) -> set[str]:
    """Return the functions that the entry point reaches or is reached from."""
    calls = {
        name: {
            part.id
            for part in ast.walk(node)
            if isinstance(part, ast.Name) and part.id in functions
        }
        for name, node in functions.items()
    }
    callers = {
        name: {other for other, called in calls.items() if name in called}
        for name in functions
    }
    return _reached(calls, entry_point) | _reached(callers, entry_point)


def _reached(edges: Mapping[str, set[str]], start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _beside(constraint: Constraint, tree: ast.Module) -> Constraint:
    """Return a constraint that runs beside the code if it makes objects of its classes.

    Such objects cannot cross a process border.
    """
    check = constraint.check
    if not isinstance(check, AssertionCheck):
        return constraint
    classes = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    try:
        test = ast.parse(check.source)
    except (SyntaxError, ValueError, RecursionError):
        return constraint
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    if not classes & names:
        return constraint
    return replace(constraint, check=replace(check, shares_process=True))


def _loose_strings(tree: ast.Module) -> Iterator[str]:
    """Yield the strings that stand alone at module level, docstring included."""
    for node in tree.body:
        value = node.value if isinstance(node, ast.Expr) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
