"""The interpreter: what it answers is what Python answers."""

import pytest

from codegrad.bench.proof_corpus import BARE, GIVEN, functions
from codegrad.prove.inputs import inputs
from codegrad.prove.interpret import RAISES, Abandoned, Interpreter
from codegrad.prove.kinds import kind_of_annotation
from codegrad.prove.subset import Module, parameters
from tests.prove.judge import observe

CORPUS = [*functions(GIVEN), *functions(BARE)]


@pytest.mark.parametrize(("name", "source"), CORPUS, ids=lambda v: v[:20])
def test_interpreted_functions_keep_and_break_contracts_as_in_python(
    name: str, source: str
) -> None:
    module = Module(source)
    function = module.function(name)
    kinds = {
        p.arg: kind_of_annotation(p.annotation)
        for p in parameters(function.node)
        if p.annotation is not None
    }
    interpreter = Interpreter(module)
    for arguments in inputs(kinds, function.node, count=12, seed=5):
        seen = observe(source, name, arguments)
        assert interpreter.accepts(function, arguments) == seen.is_in_domain
        if seen.is_in_domain:
            assert not interpreter.violates(function, arguments)
            try:
                result = interpreter.call(name, arguments)
            except Abandoned:
                continue
            assert repr(result) == seen.observed


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "return 10 ** 10 ** 10",
        "return [0] * 10 ** 9",
        "return sum(range(10 ** 12))",
        "return f(n)",
        "import os",
        "return open('/etc/hostname')",
        "return (lambda: 1)()",
        "s = 'ab'\n    while True: s += s",
        "return n.real",
        "return '%999999999d' % n",
        "t = u = ()\n    for i in range(60): t = t, t; u = u, u\n    return t == u",
        "return '{0.__class__}'.format(n)",
    ],
)
def test_what_is_huge_endless_or_foreign_is_abandoned(body: str) -> None:
    interpreter = Interpreter(Module(f"def f(n: int) -> int:\n    {body}\n"))

    with pytest.raises(Abandoned):
        interpreter.call("f", (1,))


def test_exceptions_of_the_code_are_passed_on() -> None:
    interpreter = Interpreter(Module("def f(n: int) -> int:\n    return 1 // n\n"))

    with pytest.raises(RAISES):
        interpreter.call("f", (0,))


def test_arguments_of_the_caller_are_not_changed() -> None:
    interpreter = Interpreter(Module("def f(a: list[int]) -> None:\n    a.append(1)\n"))
    given = [5]

    interpreter.call("f", (given,))

    assert given == [5]


def test_states_are_recorded_at_each_head_and_at_the_exit() -> None:
    source = (
        "def f(n: int) -> int:\n    for i in range(n):\n        pass\n    return n\n"
    )
    interpreter = Interpreter(Module(source))

    interpreter.call("f", (2,))

    states = interpreter.states["f:2"]
    assert [(s.env["i"], s.is_exit) for s in states] == [
        (0, False),
        (1, False),
        (2, True),
    ]
