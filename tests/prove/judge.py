"""Runs our own small functions against their contracts, for the tests of the prover."""

import ast
import copy
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

from codegrad.contract import ClauseKind, read_contract
from codegrad.prove.result import ReplayResult

MAX_LINES = 20_000


class TooLongError(Exception):
    """The function ran for more lines than a test allows."""


@dataclass(frozen=True)
class Case:
    """A function whose contract is false, and an input that shows it."""

    name: str
    source: str
    witness: tuple[Any, ...] | None
    """Arguments of `f`; None where no call can show it (it does not return)."""


def cases(text: str) -> Iterator[Case]:
    """Yield the cases of a text: `# name | witness` and then the source, again."""
    for block in text.split("\n# ")[1:]:
        head, _, source = block.partition("\n")
        name, _, witness = head.partition(" | ")
        arguments = ast.literal_eval(witness) if witness.strip() != "-" else None
        yield Case(name.strip(), source, arguments)


def observe(source: str, name: str, arguments: tuple[Any, ...]) -> ReplayResult:
    """Call a function of our own and compare with its contract."""
    namespace: dict[str, Any] = {"implies": lambda a, b: not a or b}
    exec(compile(source, "<case>", "exec"), namespace)
    tree = ast.parse(source)
    node = next(
        n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name
    )
    contract = read_contract(node)
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    given = copy.deepcopy(arguments)
    env = dict(zip(names, given, strict=True))
    env |= _keywords(node)
    passed = dict(zip(names, copy.deepcopy(arguments), strict=True))
    old = {f"old_{n}": copy.deepcopy(v) for n, v in env.items()}
    try:
        for clause in contract.of(ClauseKind.PRE):
            if not eval(clause.expression, {**namespace, **env}):
                return ReplayResult(is_in_domain=False)
    except Exception:  # noqa: BLE001 - what raises does not hold
        return ReplayResult(is_in_domain=False)
    try:
        result = limited(namespace[name], given)
    except TooLongError:
        return ReplayResult(is_in_domain=True, violated="", observed="too long")
    except Exception as error:  # noqa: BLE001 - whatever our function raises
        kind = type(error).__name__
        return ReplayResult(is_in_domain=True, violated="no exception", observed=kind)
    for clause in contract.of(ClauseKind.POST):
        seen = env if contract.sees_change(clause) else {**env, **passed}
        scope = {**namespace, **seen, **old, "result": result}
        try:
            holds = bool(eval(clause.expression, scope))
        except RecursionError:
            holds = True
        except Exception:  # noqa: BLE001 - a clause that raises does not hold
            holds = False
        if not holds:
            return ReplayResult(
                is_in_domain=True, violated=clause.expression, observed=repr(result)
            )
    return ReplayResult(is_in_domain=True, observed=repr(result))


def _keywords(node: ast.FunctionDef) -> dict[str, Any]:
    pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return {a.arg: ast.literal_eval(d) for a, d in pairs if d is not None}


def limited(function: Any, arguments: tuple[Any, ...]) -> Any:
    """Call a function that may not end.

    Raises:
        TooLongError: If it runs for too many lines.
    """
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        del frame, argument
        if event == "line":
            lines += 1
            if lines > MAX_LINES:
                raise TooLongError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        return function(*arguments)
    finally:
        sys.settrace(before)
