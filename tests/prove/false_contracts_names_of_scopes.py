"""What a name means: scopes, dead code, imports, decorators, annotations, defaults."""

TEXT = r'''
# a name that dead code makes local by an except clause | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    try:
        pass
    except ValueError as len:
        pass

# a name that dead code makes local by a pattern | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    match a:
        case [len]:
            pass

# a name that dead code makes local by a starred pattern | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    match a:
        case [_, *len]:
            pass

# a name that dead code makes local by the rest of a mapping | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    match a:
        case {"x": 1, **len}:
            pass

# a name that dead code makes local by an import | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    import os.path as len

# a name that dead code makes local by a with | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    with open("x") as len:
        pass

# a name that dead code makes local by a loop | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    for len in a:
        pass

# a name that dead code makes local by deleting it | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    del len

# a name that dead code makes local by annotating it | ([1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(a)
    len: int

# dead code in a callee makes its builtin local | ([1],)
def g(a: list[int]) -> int:
    return len(a)
    try:
        pass
    except ValueError as len:
        pass
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return g(a)

# a decorator that only has the name of a contract | (3,)
from tests.prove.no_contracts import ensure as require
@require(lambda n: True)
def f(n: int) -> int:
    """post: result == n"""
    return n

# a contract library that is something else | (3,)
import tests.prove.no_contracts as icontract
@icontract.ensure(lambda n: True)
def f(n: int) -> int:
    """post: result == n"""
    return n

# a walrus in an annotation rebinds a builtin | ([1, 5],)
def g(n: (len := max)) -> int:
    return n
def f(a: list[int]) -> int:
    """pre: len(a) > 0
    post: result == 1"""
    return len([1, len([2, 3])]) - 2 + 1

# a walrus in the annotation of a variable | ([7, 5],)
X: (len := max) = 3
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 2"""
    return len(a)

# a walrus in a return annotation | ([7, 5],)
def g(n: int) -> (sum := max):
    return n
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 12"""
    return sum(a)

# a walrus in a decorator | ([7, 5],)
from functools import wraps
@wraps(len := max)
def g(n: int) -> int:
    return n
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 2"""
    return len(a)

# a decorator elsewhere that patches the module | ([7, 5],)
def patch(function):
    function.__globals__["len"] = max
    return function
@patch
def g(n: int) -> int:
    return n
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 2"""
    return len(a)

# a decorator elsewhere that patches by a name in a text | ([7, 5],)
def patch(function):
    getattr(function, "__glo" + "bals__")["len"] = max
    return function
@patch
def g(n: int) -> int:
    return n
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 2"""
    return len(a)

# a default value that is computed elsewhere | ([7, 5],)
def patch() -> int:
    patch.__globals__["len"] = max
    return 1
def g(n: int = patch()) -> int:
    return n
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 2"""
    return len(a)

# the other branch of the script guard | ([7, 5],)
def patch() -> None:
    patch.__globals__["len"] = max
if __name__ == "__main__":
    pass
else:
    patch()
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 2"""
    return len(a)

# a guard that only has the name of one | ([7, 5],)
TYPE_CHECKING = True
def patch() -> None:
    patch.__globals__["len"] = max
if TYPE_CHECKING:
    patch()
def f(a: list[int]) -> int:
    """pre: a == [7, 5]
    post: result == 2"""
    return len(a)

# code of one function put into another | (3,)
def g(n: int) -> int:
    return n + 1
def h(decorated):
    decorated.__code__ = g.__code__
    return decorated
@h
def f(n: int) -> int:
    """post: result == n"""
    return n

# a default of None where a list is annotated | (1, None)
def f(n: int, a: list[int] = None) -> int:
    """post: result == len(a)"""
    return len(a)

# a default that is a float | (1, 0.5)
def f(n: int, step: int = 0.5) -> int:
    """post: result >= n + 1 or result <= n"""
    return n + step

# a default that is a text | (1, "x")
def f(n: int, step: int = "x") -> int:
    """post: result == n + step"""
    return n + step

# the name of the result as a keyword-only parameter | (1,)
def f(n: int, *, result: int = 5) -> int:
    """post: result == 5"""
    return n

# the name of the result as a positional parameter | (1, 5)
def f(n: int, result: int, /) -> int:
    """post: result == 5"""
    return n

# star arguments | -
def f(*n: int) -> int:
    """post: result == 1"""
    return len(n)

# star arguments in a call | ([1, 2],)
def g(a: int, b: int) -> int:
    return a - b
def f(a: list[int]) -> int:
    """pre: len(a) == 2
    post: result == a[0] + a[1]"""
    return g(*a)

# a call leaves a default to be filled in | (4,)
def g(a: int, b: int = 7) -> int:
    return a + b
def f(n: int) -> int:
    """post: result == n"""
    return g(n)

# keyword-only arguments in a call | (4,)
def g(a: int, *, b: int) -> int:
    return a - b
def f(n: int) -> int:
    """post: result == 1"""
    return g(b=n + 1, a=n)

# a comprehension's second source is its own variable | ([1], [2])
def f(a: list[int], y: list[int]) -> int:
    """post: result == len(a) * len(y) or True"""
    return 0 if all(q > x for x in a for y in y for q in [x + 1]) else 1

# a filter reads a variable bound later | ([1], 1)
def f(a: list[int], y: int) -> bool:
    """post: result == (y > 0) or True"""
    return any(x > 0 for x in a if y > 0 for y in a)

# a comprehension variable hides a parameter | ([5], 1)
def f(a: list[int], n: int) -> int:
    """pre: a == [5]
    post: result == n"""
    return sum(n for n in a)

# a comprehension variable hides a function | ([5],)
def g(n: int) -> int:
    return n
def f(a: list[int]) -> int:
    """pre: a == [5]
    post: result == 5"""
    return sum(g(g) for g in a)

# the first source of a comprehension is outside | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: a == [1, 2]
    post: result == 1"""
    return sum(a for a in a)

# a local builtin bound after its use | ([1, 2],)
def f(a: list[int]) -> int:
    """post: result == sum(a)"""
    total = sum(a)
    sum = 0
    return total

# a module constant hidden by a local bound later | (1,)
K = 3
def f(n: int) -> int:
    """post: result == 3"""
    m = K
    K = 4
    return m

# a nested function over a variable that changes | (1,)
def f(n: int) -> int:
    """post: result == n"""
    def g() -> int:
        return n
    n += 1
    return g()

# a lambda over a loop variable | (2,)
def f(n: int) -> int:
    """pre: n == 2
    post: result == 0"""
    gs = [lambda: i for i in range(n)]
    return gs[0]()

# state kept between calls | (1,)
CACHE: list = []
def f(n: int) -> int:
    """post: result == 0"""
    CACHE.append(n)
    return len(CACHE)

# a class attribute instead of a name | (1,)
class C:
    x = 1
def f(n: int) -> int:
    """post: result == 2"""
    return C.x
'''
