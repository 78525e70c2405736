TEXT = '''
# a shadowed builtin in the module | ([1, 2],)
def len(a: list[int]) -> int:
    return 7
def f(a: list[int]) -> int:
    """post: result >= 0 and result != 7"""
    return len(a)

# a builtin assigned in the module | (-1,)
abs = int
def f(n: int) -> int:
    """post: result >= 0"""
    return abs(n)

# a builtin as a parameter | (1, 2)
def f(max: int, n: int) -> int:
    """post: result >= n"""
    return max

# a local function name | (1,)
def f(n: int) -> int:
    """post: result == n"""
    abs = lambda x: x + 1
    return abs(n)

# an imported name over a builtin | ([3],)
from math import prod as sum
def f(a: list[int]) -> int:
    """pre: len(a) == 0 or len(a) == 1
    post: len(a) > 0 or result == 0
    post: len(a) == 0 or result == a[0] + 1"""
    return sum(a)

# a star import | (2,)
from math import *
def f(n: int) -> int:
    """pre: n > 0
    post: result == n * n * n"""
    return pow(n, 2)

# a function defined twice | (1,)
def g(n: int) -> int:
    return n
def g(n: int) -> int:
    return n + 1
def f(n: int) -> int:
    """post: result == n"""
    return g(n)

# a function rebound | (1,)
def h(n: int) -> int:
    return n + 1
def g(n: int) -> int:
    return n
g = h
def f(n: int) -> int:
    """post: result == n"""
    return g(n)

# the entry defined twice | (1,)
def f(n: int) -> int:
    """post: result == n"""
    return n
def f(n: int) -> int:
    """post: result == n"""
    return n + 1

# a decorated function | (1,)
def twice(g):
    return lambda n: g(g(n))
@twice
def f(n: int) -> int:
    """post: result == n + 1"""
    return n + 1

# a decorator that looks like a contract | (1,)
def require(condition):
    return lambda g: lambda n: 5
@require(lambda n: n > 0)
def f(n: int) -> int:
    """post: result == n"""
    return n

# a decorated callee | (1,)
def twice(g):
    return lambda n: g(g(n))
@twice
def g(n: int) -> int:
    return n + 1
def f(n: int) -> int:
    """post: result == n + 1"""
    return g(n)

# a global that changes | (1,)
K = 1
def bump() -> None:
    global K
    K += 1
bump_now = [bump]
def f(n: int) -> int:
    """post: result == n + 2"""
    return n + K

# a global assigned twice | (1,)
K = 1
K = 2
def f(n: int) -> int:
    """post: result == n + 1"""
    return n + K

# a global statement | (1,)
K = 1
def f(n: int) -> int:
    """post: result == n + 1"""
    global K
    K = 5
    return n + K

# a patched builtin | -
import builtins
builtins.zip = None
def f(a: list[int]) -> int:
    """post: result == 1"""
    for x, y in zip(a, a):
        pass
    return 1

# an executed string | (1,)
exec("def g(n): return n + 1")
def g2(n: int) -> int:
    return n
def f(n: int) -> int:
    """post: result == n + 1"""
    return g2(n)

# a nested function | (1,)
def f(n: int) -> int:
    """post: result == n"""
    def g(x):
        return x + 1
    return g(n)

# a lambda | (1,)
def f(n: int) -> int:
    """post: result == n"""
    g = lambda x: x + 1
    return g(n)

# a generator | (1,)
def f(n: int) -> int:
    """post: result == n"""
    yield n

# a coroutine | -
async def f(n: int) -> int:
    """post: result == n"""
    return n

# a default value | (1,)
def g(n: int, k: int = 2) -> int:
    return n + k
def f(n: int) -> int:
    """post: result == n + 1"""
    return g(n)

# a mutable default value | (1, [5])
def f(n: int, seen: list[int] = []) -> int:
    """post: result == 1"""
    seen.append(n)
    return len(seen) + 1

# keyword arguments in another order | (5, 3)
def g(a: int, b: int) -> int:
    return a - b
def f(a: int, b: int) -> int:
    """post: result == a - b"""
    return g(b=a, a=b)

# the name of the result as a parameter | (1, 2)
def f(result: int, n: int) -> int:
    """post: result == n + 1"""
    return n

# the name of an old value as a local | (1,)
def f(n: int) -> int:
    """post: result != old_n"""
    old_n = n + 1
    return n

# a local that only later shadows a global | (1,)
K = 1
def f(n: int) -> int:
    """post: result == n + 1"""
    x = n + K
    K = 2
    return x

# a class in place of a function | (1,)
class g:
    def __init__(self, n):
        self.n = n
def f(n: int) -> int:
    """post: result == n"""
    return g(n).n + 1

# an attribute of a module | (4,)
import math
def f(n: int) -> int:
    """pre: n == 4
    post: result == 3"""
    return math.isqrt(n)

# a with statement | (1,)
import contextlib
def f(n: int) -> int:
    """post: result == 1"""
    with contextlib.suppress(ZeroDivisionError):
        x = 1 // 0
        return 1
    return 2
'''
