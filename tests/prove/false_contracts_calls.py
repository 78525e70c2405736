TEXT = '''
# a callee that breaks its promise | (1,)
def g(n: int) -> int:
    """post: result == n"""
    if n > 0:
        return n + 1
    x = n
    return x
def f(n: int) -> int:
    """post: result == n"""
    return g(n)

# a callee called outside its precondition | (0,)
def g(n: int) -> int:
    """pre: n > 0
    post: result > 0"""
    x = 10 // n
    return n
def f(n: int) -> int:
    """post: True"""
    return g(n)

# a callee that raises | (0,)
def g(n: int) -> int:
    """post: result == n"""
    if n == 0:
        raise ValueError
    return n
def f(n: int) -> int:
    """post: result == n"""
    return g(n)

# a callee that never returns | -
def g(n: int) -> int:
    """post: result == n and result != n"""
    while True:
        pass
def f(n: int) -> int:
    """post: result == 5"""
    x = g(n)
    return 6

# a recursion that never ends | -
def f(n: int) -> int:
    """post: result == 5"""
    return f(n)

# a recursion that goes up | -
def f(n: int) -> int:
    """pre: n >= 0
    post: result == 0"""
    if n == 0:
        return 0
    return f(n + 1)

# a recursion that steps over its end | -
def f(n: int) -> int:
    """pre: n >= 0
    post: result == 0"""
    if n == 1:
        return 0
    return f(n - 2)

# a recursion that breaks its precondition | -
def f(n: int) -> int:
    """pre: n >= 0
    post: result >= 0"""
    if n == 3:
        return 1
    return f(n - 1)

# mutual recursion that never ends | -
def g(n: int) -> int:
    """post: result == 5"""
    x = f(n)
    return x
def f(n: int) -> int:
    """post: result == 5"""
    x = g(n)
    return x

# a wrong base case | (0,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result == n"""
    if n == 0:
        return 1
    return f(n - 1) + 1

# a wrong step | (2,)
def f(n: int) -> int:
    """pre: n >= 0
    post: 2 * result == n * (n + 1)"""
    if n == 0:
        return 0
    return f(n - 1) + n + (1 if n == 2 else 0)

# an inconsistent definition | -
def b(n: int) -> int:
    return b(n) + 1
def f(n: int) -> int:
    """post: b(n) == b(n) and result == 7"""
    return n

# an inconsistent definition by two | -
def b(n: int) -> int:
    return c(n) + 1
def c(n: int) -> int:
    return b(n) + 1
def f(n: int) -> int:
    """post: b(n) == c(n) and result == 7"""
    return n

# an inconsistent definition behind a condition | -
def b(n: int) -> bool:
    return not b(n) if n > 0 else True
def f(n: int) -> int:
    """post: b(n) == b(n) and result == 7"""
    return n

# a definition that hides its end behind itself | -
def b(n: int) -> int:
    return b(n - 1) + 1 if b(n - 1) > n else b(n) + 1
def f(n: int) -> int:
    """post: b(n) == b(n) and result == 7"""
    return n

# a definition beyond its precondition | -
def b(n: int) -> int:
    """pre: n >= 0"""
    return 0 if n == 0 else b(n - 1) + 1
def f(n: int) -> int:
    """post: b(n) == n"""
    return n

# a definition with a promise that it does not keep | (1,)
def b(n: int) -> int:
    """pre: n >= 0
    post: result == 3"""
    return 0 if n == 0 else b(n - 1) + 1
def f(n: int) -> int:
    """pre: n >= 0
    post: b(n) == 3"""
    return n

# preconditions that contradict each other | -
def f(n: int) -> int:
    """pre: n > 0 and n < 0
    post: result == 7"""
    return n

# preconditions that no list meets | -
def f(a: list[int]) -> int:
    """pre: len(a) < 0
    post: result == 7"""
    return 0

# preconditions that contradict through a definition | -
def half(n: int) -> int:
    return n // 2
def f(n: int) -> int:
    """pre: half(n) * 2 > n
    post: result == 7"""
    return n

# the type of a callee's result | (3,)
def g(n: int) -> bool:
    """post: result == result"""
    x = n
    return x
def f(n: int) -> int:
    """post: result <= 1"""
    x = g(n)
    return x + 0

# a callee's result is not an earlier one | (1,)
def g(n: int) -> int:
    """post: result >= n"""
    x = n
    if n > 5:
        return x + 1
    return x
def f(n: int) -> int:
    """post: result == n"""
    return g(n + 1)

# a precondition with a side effect | -
def f(a: list[int]) -> int:
    """pre: a.pop() == 1
    post: len(a) == 1"""
    return 0

# a comparison with None | (None,)
def f(n: int | None) -> bool:
    """post: True"""
    return n > 0

# arithmetic with None | (None,)
def f(n: int | None) -> int:
    """post: True"""
    return n + 1

# None is not zero | (None,)
def f(n: int | None) -> bool:
    """post: result == (n is None)"""
    return n == 0

# zero is false like None | (0,)
def f(n: int | None) -> bool:
    """post: result == (n is None)"""
    return not n

# definitions that call each other without end | -
def h(n: int) -> int:
    return 0 if n <= 0 else g(n - 1)
def g(n: int) -> int:
    return h(n + 1) + 1
def f(n: int) -> int:
    """pre: n > 0
    post: result == h(n)"""
    return h(n)

# the same, asked for the other | -
def h(n: int) -> int:
    return g(n - 1) if n > 0 else 0
def g(n: int) -> int:
    return h(n + 1) + 1 if n >= 0 else g(n)
def f(n: int) -> int:
    """post: g(n) == g(n)"""
    return n
'''
