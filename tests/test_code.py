"""Functions are the variables of a program."""

from codegrad.code import MODULE, Code, Program
from codegrad.gradient import Critique, Gradient
from codegrad.task import Task
from codegrad.verdict import Span

TEXT = """import math

def f(x):
    return g(x) + Box(x).size()

@decorated
def g(x):
    def inner(y):
        return y
    return inner(x)

class Box:
    def __init__(self, x):
        self.x = x

    def size(self):
        return g(self.x)
"""


def program() -> Program:
    return Program({"m.py": TEXT}, "m.py", "f")


def test_functions_and_methods_are_variables() -> None:
    names = [code.name for code in program().parameters()]
    assert names == ["f", "g", "Box.__init__", "Box.size"]


def test_a_variable_reads_its_own_text_with_decorators() -> None:
    codes = {code.name: code for code in program().codes}
    assert codes["g"].value.startswith("@decorated\ndef g(x):")
    assert codes["Box.size"].value == "    def size(self):\n        return g(self.x)\n"
    assert codes[MODULE].value == TEXT


def test_the_call_graph_follows_names_and_attributes() -> None:
    graph = program().call_graph
    assert ("m.py", "g") in graph["m.py", "f"]
    assert ("m.py", "Box.size") in graph["m.py", "f"]
    assert graph["m.py", "Box.size"] == (("m.py", "g"),)


def test_a_line_belongs_to_the_innermost_variable() -> None:
    found = program()
    assert found.owner("m.py", 4).name == "f"
    assert found.owner("m.py", 9).name == "g"
    assert found.owner("m.py", 17).name == "Box.size"
    assert found.owner("m.py", 1).name == MODULE


def test_an_update_keeps_variables_history_and_forgets_the_loss() -> None:
    found = program()
    entry = found.entry
    new = {"m.py": TEXT.replace("return g(x) +", "return 1 +")}
    found.update(new)
    assert found.entry is entry
    assert "return 1 +" in entry.value
    assert entry.history == ({"m.py": TEXT},)
    assert found.loss is None


def test_only_named_functions_require_a_gradient() -> None:
    found = Program({"m.py": TEXT}, "m.py", "f", variables=("g",))
    assert [code.name for code in found.parameters()] == ["g"]


def test_a_program_without_functions_is_one_variable() -> None:
    task = Task("p.py", "", {"p.py": "print(1)\n"}, "p.py")
    code = Code.from_task(task)
    assert code.name == MODULE
    assert [c.name for c in code.program.parameters()] == [MODULE]


def test_a_text_that_does_not_parse_is_still_a_program() -> None:
    found = Program({"m.py": "def f(:\n"}, "m.py", "f")
    assert found.entry.name == MODULE


def test_zero_grad_clears_every_variable() -> None:
    found = program()
    for code in found.codes:
        code.grad = Gradient([Critique("t", "k", "m.py", code.name, Span(1), "d")])
    found.zero_grad()
    assert all(code.grad is None for code in found.codes)
