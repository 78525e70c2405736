TEXT = '''
# two parameters may be one list | ([1], [1])
def f(a: list[int], b: list[int]) -> int:
    """pre: len(a) == 1 and len(b) == 1
    post: result == 2"""
    a.append(3)
    return len(b)

# one list under two names | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = a
    b.append(5)
    return len(a)

# a name for the other branch | ([1], [1])
def f(a: list[int], b: list[int]) -> int:
    """pre: len(a) == 1 and len(b) == 1
    post: result == 1"""
    c = a if a[0] > 0 else b
    c.append(5)
    return len(a)

# a list in a tuple | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    t, k = a, 0
    t.append(5)
    return len(a)

# a list behind a tuple index | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    t = (a, 0)
    b = t[0]
    b.append(5)
    return len(a)

# a callee that changes its argument | ([1],)
def g(a: list[int]) -> int:
    """post: result == 0"""
    a.append(1)
    return 0
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    x = g(a)
    return len(a)

# a callee that returns its argument | ([1],)
def g(a: list[int]) -> list[int]:
    """post: len(result) == len(a)"""
    i = 0
    while i < 0:
        i += 1
    return a
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = g(a)
    b.append(1)
    return len(a)

# an inlined callee that returns its argument | ([1],)
def g(a: list[int]) -> list[int]:
    return a
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = g(a)
    b.append(1)
    return len(a)

# a row of a table | ([[1]],)
def f(t: list[list[int]]) -> int:
    """pre: len(t) == 1 and len(t[0]) == 1
    post: result == 1"""
    row = t[0]
    row.append(2)
    return len(t[0])

# a row reached by a loop | ([[1]],)
def f(t: list[list[int]]) -> int:
    """pre: len(t) == 1 and len(t[0]) == 1
    post: result == 1"""
    for row in t:
        row.append(2)
    return len(t[0])

# a row reached by a loop over a copy | ([[1]],)
def f(t: list[list[int]]) -> int:
    """pre: len(t) == 1 and len(t[0]) == 1
    post: result == 1"""
    for row in t[:]:
        row.append(2)
    return len(t[0])

# a row appended twice | ([1],)
def f(a: list[int]) -> int:
    """post: result == 0"""
    row = [0]
    out = []
    out.append(row)
    row.append(1)
    return len(out[0]) - 1

# rows that are one row | (2,)
def f(n: int) -> int:
    """pre: n == 2
    post: result == 0"""
    t = [[0]] * n
    t[0][0] = 1
    return t[1][0]

# a chained assignment | (1,)
def f(n: int) -> int:
    """post: result == 0"""
    a = b = []
    a.append(n)
    return len(b)

# an augmented assignment changes in place | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = a
    b += [2]
    return len(a)

# a swapped pair | ([1], [2, 3])
def f(a: list[int], b: list[int]) -> int:
    """pre: len(a) == 1 and len(b) == 2
    post: result == 1"""
    x, y = b, a
    y.append(1)
    return len(a)

# a shallow copy shares its rows | ([[1]],)
def f(t: list[list[int]]) -> int:
    """pre: len(t) == 1 and len(t[0]) == 1
    post: result == 1"""
    u = t[:]
    row = u[0]
    row.append(5)
    return len(t[0])

# a filtered table shares its rows | ([[1]],)
def f(t: list[list[int]]) -> int:
    """pre: len(t) == 1 and len(t[0]) == 1
    post: result == 1"""
    u = [r for r in t if len(r) > 0]
    row = u[0]
    row.append(5)
    return len(t[0])

# a parameter rebound after a change | ([1],)
def f(a: list[int]) -> int:
    """post: a == [7]"""
    a.append(1)
    a = [7]
    return 0

# a parameter rebound without a change | ([1],)
def f(a: list[int]) -> int:
    """post: a == [7]"""
    a = [7]
    return 0

# the list is changed while it is read | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: len(a) == 2"""
    for x in a:
        if len(a) < 5:
            a.append(x)
    return 0

# the list is shortened while it is read | ([1, 2, 3, 4],)
def f(a: list[int]) -> int:
    """pre: len(a) == 4
    post: result == 4"""
    c = 0
    for x in a:
        a.pop()
        c += 1
    return c

# elements are changed while they are read | ([1, 1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2 and a[0] == 1 and a[1] == 1
    post: result == 2"""
    s = 0
    for i, x in enumerate(a):
        s += x
        a[1] = 5
    return s

# the change shows through a zip | ([1, 1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2 and a[0] == 1 and a[1] == 1
    post: result == 2"""
    s = 0
    for x, y in zip(a, a):
        s += y
        a[1] = 5
    return s

# the postcondition sees the changed list | ([3],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == a[0] and len(old_a) == 1"""
    x = a[0]
    a[0] = x + 1
    return x

# a list in an optional | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = None
    if len(a) > 0:
        b = a
    if b is not None:
        b.append(2)
    return len(a)
'''
