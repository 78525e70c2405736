"""Calls that a model writes, as far as they can be made.

In: the text of a call, the source of its function. Out: the call, or nothing.
Invariant: a call that is returned fits the parameters and can be sent to a candidate;
one that was written with the wrong arguments says nothing about the function.
"""

import ast

from codegrad.sandbox import decode, encode
from codegrad.tasks.literals import LiteralCall, read_call
from codegrad.verify.inputs import entry_node
from codegrad.verify.oracles import is_sendable


def can_be_sent(value: object) -> bool:
    """Return whether a literal reaches a candidate as it is: `...` does not."""
    return is_sendable(decode(encode(value)))


def possible_call(text: str, source: str) -> LiteralCall | None:
    """Return the call that `text` is, if a function of `source` can be called so.

    Example:
        >>> source = "def f(x, *, key=None): ..."
        >>> possible_call("f([1], key=2)", source).args
        ([1],)
        >>> [possible_call(text, source) for text in ("f(1, 2)", "f()", "f(...)")]
        [None, None, None]
    """
    call = read_call(text)
    if call is None or not can_be_sent([*call.args, *call.kwargs.values()]):
        return None
    node = entry_node(source, call.function)
    return call if node is None or _fits(call, node.args) else None


def _fits(call: LiteralCall, parameters: ast.arguments) -> bool:
    """Return whether the arguments of a call can be bound to parameters."""
    only, both = parameters.posonlyargs, parameters.args
    places = [a.arg for a in (*only, *both)]
    named = {a.arg for a in (*both, *parameters.kwonlyargs)}
    if len(call.args) > len(places) and parameters.vararg is None:
        return False
    filled = set(places[: len(call.args)])
    if filled & call.kwargs.keys():
        return False
    if parameters.kwarg is None and not call.kwargs.keys() <= named:
        return False
    needed = places[: len(places) - len(parameters.defaults)]
    needed += [
        a.arg
        for a, default in zip(
            parameters.kwonlyargs, parameters.kw_defaults, strict=True
        )
        if default is None
    ]
    return set(needed) <= filled | call.kwargs.keys()
