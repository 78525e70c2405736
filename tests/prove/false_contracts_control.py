TEXT = '''
# a loop variable after the loop | (0,)
def f(n: int) -> int:
    """post: result == 0"""
    i = 0
    for i in range(3):
        pass
    return i

# a loop variable after an empty loop | (0,)
def f(n: int) -> int:
    """pre: n <= 0
    post: result == n - 1"""
    i = 7
    for i in range(n):
        pass
    return i

# a loop variable that was never bound | (0,)
def f(n: int) -> int:
    """post: True"""
    for i in range(n):
        pass
    return i

# an element after the loop | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2
    post: result == 9"""
    e = 9
    for e in a:
        pass
    return e

# a loop variable overwritten in the body | (1,)
def f(n: int) -> int:
    """pre: n >= 1
    post: result == n"""
    s = 0
    for i in range(n):
        """invariant: s == i"""
        s += 1
        i = 7
    return i

# a break leaves the count behind | (9,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result == n"""
    k = 0
    for j in range(n):
        """invariant: k == j"""
        if j == 3:
            break
        k += 1
    return k

# continue skips the count | (3,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result == n"""
    k = 0
    for j in range(n):
        """invariant: k == j"""
        if j == 1:
            continue
        k += 1
    return k

# else of a loop that breaks | (5,)
def f(n: int) -> int:
    """pre: n == 5
    post: result == 1"""
    r = 0
    for i in range(n):
        if i == 2:
            break
    else:
        r = 1
    return r

# else of a loop that does not break | (5,)
def f(n: int) -> int:
    """pre: n == 5
    post: result == 0"""
    r = 0
    i = 0
    while i < n:
        """invariant: 0 <= i <= n
        decreases: n - i"""
        i += 1
    else:
        r = 1
    return r

# else is run when the loop is empty | (0,)
def f(n: int) -> int:
    """pre: n == 0
    post: result == 0"""
    r = 0
    for i in range(n):
        r = 5
    else:
        r = 1
    return r

# break in the inner loop only | (2,)
def f(n: int) -> int:
    """pre: n == 2
    post: result == 1"""
    c = 0
    for i in range(n):
        """invariant: c == i"""
        for j in range(n):
            break
        c += 1
    return c

# an inner loop changes the outer count | (3,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result == n"""
    c = 0
    for i in range(n):
        """invariant: c == i"""
        for j in range(2):
            c += 1
    return c

# an inner loop reuses the outer variable | (2,)
def f(n: int) -> int:
    """pre: n == 2
    post: result == 1"""
    i = 0
    for i in range(n):
        for i in range(10):
            pass
    return i

# an early return | ([0, 1],)
def f(a: list[int]) -> bool:
    """post: result == all(x == 0 for x in a)"""
    for x in a:
        if x == 0:
            return True
    return False

# falling off the end | (0,)
def f(n: int) -> int:
    """post: result == n"""
    if n > 0:
        return n

# an assertion that fails | (0,)
def f(n: int) -> int:
    """post: result > 0"""
    assert n > 0
    return n

# an exception on purpose | (0,)
def f(n: int) -> int:
    """post: result > 0"""
    if n <= 0:
        raise ValueError(n)
    return n

# a swallowed exception | (0,)
def f(n: int) -> int:
    """post: result == 1"""
    try:
        x = 1 // n
    except ZeroDivisionError:
        return 0
    return 1

# finally overrides a return | (0,)
def f(n: int) -> int:
    """post: result == 1"""
    try:
        return 1
    finally:
        return 2

# a loop that never ends | -
def f(n: int) -> int:
    """pre: n >= 0
    post: result == 5"""
    while True:
        pass

# a loop that never ends for some inputs | -
def f(n: int) -> int:
    """post: result == 0"""
    while n != 0:
        n -= 1
    return n

# a measure that does not fall | -
def f(n: int) -> int:
    """pre: n >= 0
    post: result == 0"""
    while n > 0:
        """decreases: n"""
        if n % 2 == 0:
            n -= 1
        else:
            n = n + 0
    return n

# a measure without a floor | -
def f(n: int) -> int:
    """post: result == 3"""
    i = 0
    while i != 1:
        """decreases: 0 - i"""
        i += 2
    return 3

# an invariant that does not hold | (3,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result == 0"""
    s = 0
    for i in range(n):
        """invariant: s == 0"""
        s += 1
    return s

# an assertion as invariant that fails at once | (3,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result == 0"""
    s = 0
    for i in range(n):
        assert s == 0
        s += 1
    return s

# the last round is not checked by the assertion | (1,)
def f(n: int) -> int:
    """pre: n == 1
    post: result == 0"""
    s = 0
    for i in range(n):
        assert s == i
        s += 1
    return s

# a range is fixed when the loop starts | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 1"""
    c = 0
    m = n
    for i in range(m):
        m = 1
        c += 1
    return c

# a range with a step | (5,)
def f(n: int) -> int:
    """pre: n == 5
    post: result == 2"""
    c = 0
    for i in range(0, n, 2):
        c += 1
    return c

# a range that goes down stops before its end | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 6 + 1"""
    s = 0
    for i in range(n, 0, -1):
        s += i
    return s

# a range that is empty because it goes the wrong way | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result > 0"""
    s = 0
    for i in range(n, 0):
        s += i
    return s

# one round too few | ([5],)
def f(a: list[int]) -> bool:
    """post: result == all(x != 5 for x in a)"""
    for i in range(len(a) - 1):
        if a[i] == 5:
            return False
    return True

# one index too many | ([1],)
def f(a: list[int]) -> int:
    """post: True"""
    s = 0
    for i in range(len(a) + 1):
        s += a[i]
    return s

# a name bound in one branch only | (0,)
def f(n: int) -> int:
    """post: True"""
    if n > 0:
        x = 1
    return x

# a name deleted | (1,)
def f(n: int) -> int:
    """post: result == n"""
    x = n
    del x
    return x

# a match statement | (1,)
def f(n: int) -> int:
    """post: result == 0"""
    match n:
        case 1:
            return 1
        case _:
            return 0

# a walrus in a condition | (1,)
def f(n: int) -> int:
    """post: result == 0"""
    x = 0
    if (x := n) > 0:
        pass
    return x

# short circuit keeps the exception away | ([],)
def f(a: list[int]) -> bool:
    """post: True"""
    return a[0] > 0 and len(a) > 0

# short circuit of or | ([],)
def f(a: list[int]) -> bool:
    """post: True"""
    return len(a) > 0 or a[0] > 0

# a side effect behind a short circuit | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    if len(a) > 5 or a.pop() > 0:
        pass
    return len(a)

# a conditional expression evaluates one side | (0,)
def f(n: int) -> int:
    """post: True"""
    return 1 // n if n == 0 else n

# a comprehension variable does not leak | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 2"""
    x = 9
    y = [x for x in range(n)]
    return x
'''
