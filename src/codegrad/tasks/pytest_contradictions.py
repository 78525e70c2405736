"""Two asserts of test files that no program can satisfy together.

Only what can be read without running anything: `assert f(literals) == literal`, also
with the values of a `parametrize` list of literals. Invariant: what is reported is a
contradiction for every deterministic program.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codegrad.errors import ContradictionError
from codegrad.task import Sources


@dataclass(frozen=True, slots=True)
class _Claim:
    """One assert that says what one call returns."""

    call: str
    """The call with its arguments written out, as a key."""

    expected: object
    place: str
    """File and line."""

    @property
    def text(self) -> str:
        """The claim for people."""
        return f"{self.call} == {self.expected!r} ({self.place})"


def check_test_files(files: Sources) -> None:
    r"""Find two asserts on the same call with different expectations.

    Only tests that consist of asserts are read, and only calls with arguments:
    anything else may change what the same call returns. A file that does not parse is
    left out; pytest reports it.

    Args:
        files: Texts of test files by path.

    Raises:
        ContradictionError: For the first such pair, in order of file and line.

    Example:
        >>> check_test_files({"t.py": "def test():\n    assert f(1) == 2\n"})
        >>> text = "def test():\n    assert f(1) == 2\n    assert f(1) == 3\n"
        >>> check_test_files({"t.py": text})  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        codegrad.errors.ContradictionError: no program can satisfy both `f(1) == 2 ...
    """
    seen: dict[str, _Claim] = {}
    for path, text in files.items():
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        imports = _imports(tree)
        for claim in _claims(tree, path, imports):
            first = seen.setdefault(_key(claim.call, imports), claim)
            if _differ(first.expected, claim.expected):
                raise ContradictionError(first.text, claim.text)


def _imports(tree: ast.Module) -> dict[str, str]:
    """Return what the imported names of a file stand for."""
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                name = alias.asname or alias.name
                found[name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    found[alias.asname] = alias.name
    return found


def _key(call: str, imports: Mapping[str, str]) -> str:
    """Return the call with its function's full name, to compare across files."""
    name, bracket, rest = call.partition("(")
    first, dot, last = name.partition(".")
    return imports.get(first, first) + dot + last + bracket + rest


def _claims(
    tree: ast.Module, path: str, imports: Mapping[str, str]
) -> Iterator[_Claim]:
    for function in _test_functions(tree):
        if not all(_is_assert_or_text(node) for node in function.body):
            continue
        own = {
            node.id
            for node in ast.walk(function)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        } | {a.arg for a in _arguments(function)}
        # A fixture may replace the function or change what it depends on.
        for values, names in _parameter_sets(function):
            fixtures = {a.arg for a in _arguments(function)} - names - {"self"}
            if fixtures:
                continue
            for node in function.body:
                if isinstance(node, ast.Assert):
                    yield from _claim(node, path, values, imports, own)


def _is_assert_or_text(node: ast.stmt) -> bool:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return is_text or isinstance(node, ast.Assert)


def _test_functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield node
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (
                item
                for item in node.body
                if isinstance(item, ast.FunctionDef) and item.name.startswith("test")
            )


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    arguments = function.args
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _parameter_sets(
    function: ast.FunctionDef,
) -> Iterator[tuple[dict[str, ast.expr], set[str]]]:
    """Yield the values of the parameters, as expressions, and their names."""
    marks = [d for d in function.decorator_list if _is_parametrize(d)]
    if not function.decorator_list:
        yield {}, set()
    # Other decorators may do anything; two lists multiply.
    if len(marks) != 1 or len(function.decorator_list) != 1:
        return
    call = marks[0]
    assert isinstance(call, ast.Call)
    names = _parameter_names(call.args[0]) if call.args else []
    rows = call.args[1] if len(call.args) > 1 else None
    if not names or not isinstance(rows, ast.List | ast.Tuple):
        return
    for row in rows.elts:
        cells = [row] if len(names) == 1 else getattr(row, "elts", [])
        if len(cells) == len(names):
            yield dict(zip(names, cells, strict=True)), set(names)


def _is_parametrize(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "parametrize"
    )


def _parameter_names(node: ast.expr) -> list[str]:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        return []
    if isinstance(value, str):
        return [name.strip() for name in value.split(",") if name.strip()]
    is_list = isinstance(value, list | tuple)
    return [str(name) for name in value] if is_list else []


def _claim(
    node: ast.Assert,
    path: str,
    values: Mapping[str, ast.expr],
    imports: Mapping[str, str],
    own: set[str],
) -> Iterator[_Claim]:
    test = node.test
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return
    if not isinstance(test.ops[0], ast.Eq | ast.Is):
        return
    for call, other in (
        (test.left, test.comparators[0]),
        (test.comparators[0], test.left),
    ):
        if isinstance(call, ast.Call) and (call.args or call.keywords):
            with_values = _written_out(call, values, imports, own)
            is_known, expected = _literal(_value(other, values))
            if with_values and is_known:
                line = getattr(_value(other, values), "lineno", node.lineno)
                yield _Claim(with_values, expected, f"{path}:{line}")
            return


def _written_out(
    call: ast.Call,
    values: Mapping[str, ast.expr],
    imports: Mapping[str, str],
    own: set[str],
) -> str:
    """Return the call with literal arguments, or "" if it is none."""
    name = ast.unparse(call.func)
    first = name.partition(".")[0]
    is_plain = all(part.isidentifier() for part in name.split("."))
    # A local function or object may differ from test to test.
    if not is_plain or first in own or ("." in name and first not in imports):
        return ""
    written: list[str] = []
    for argument in call.args:
        is_known, value = _literal(_value(argument, values))
        if not is_known:
            return ""
        written.append(repr(value))
    for keyword in call.keywords:
        is_known, value = _literal(_value(keyword.value, values))
        if not is_known or keyword.arg is None:
            return ""
        written.append(f"{keyword.arg}={value!r}")
    return f"{name}({', '.join(written)})"


def _value(node: ast.expr, values: Mapping[str, ast.expr]) -> ast.expr:
    return values.get(node.id, node) if isinstance(node, ast.Name) else node


def _literal(node: ast.expr) -> tuple[bool, object]:
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False, None


def _differ(first: object, second: object) -> bool:
    # repr first: nan is not equal to itself.
    return repr(first) != repr(second) and not first == second  # noqa: SIM201 - values define == only
