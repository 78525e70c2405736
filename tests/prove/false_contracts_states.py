"""Changes: aliases, loops, what a contract sees before and after, measures."""

TEXT = r'''
# the argument is emptied and sorted | ([2, 1],)
def f(a: list[int]) -> list[int]:
    """post: result == sorted(a)"""
    a.clear()
    return []

# the argument is made to fit | ([2, 1],)
def f(a: list[int]) -> bool:
    """post: result == all(a[i] <= a[i + 1] for i in range(len(a) - 1))"""
    a.sort()
    return True

# the argument is changed and counted | ([2, 1], 2)
def f(a: list[int], n: int) -> int:
    """post: result == a.count(n)"""
    for i in range(len(a)):
        a[i] = n + 1
    return 0

# a tuple with a list is rebound by an augmented assignment | (([], 1),)
def f(t: tuple[list[int], int]) -> int:
    """post: len(t) == 3"""
    t += (5,)
    return 1

# two empty lists of different types may be one | -
def f(a: list[int], b: list[str]) -> int:
    """pre: len(a) == 0 and len(b) == 0
    post: len(b) == 0"""
    a.append(1)
    return 1

# a list of two names through a conditional in a loop | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = [0]
    for i in range(2):
        b = a if i == 1 else b
    b.append(2)
    return len(a)

# a list bound to a loop variable of a literal | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    for b in [a, a]:
        b.append(1)
    return len(a)

# a list reached through zip | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    for i, b in enumerate([a]):
        b.append(1)
    return len(a)

# a list reached through a comprehension | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    rows = [a for i in range(1)]
    b = rows[0]
    b.append(1)
    return len(a)

# a list reached through or | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = a or [1]
    b.append(1)
    return len(a)

# a list reached through and | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = a and a
    b[0] = 7
    return a[0] if a[0] == 1 else 2

# a list multiplied into a table | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 0"""
    t = [[0] * 2] * n
    r = t[0]
    r[0] = 1
    s = t[1]
    return s[0]

# an augmented assignment to an alias | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = a
    b += [2]
    return len(a)

# plain addition makes a new list | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 2"""
    b = a
    b = b + [2]
    return len(a)

# repeated in place | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = a
    b *= 2
    return len(a)

# the caller sees what the augmented assignment did | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: len(a) == len(old_a)"""
    a += [1]
    return 0

# the caller does not see a rebinding | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: len(a) == len(old_a) + 1"""
    a = a + [1]
    return 0

# a string is not changed in place | ("a",)
def f(s: str) -> int:
    """post: len(s) == len(old_s) + 1"""
    s += "x"
    return 0

# an element changed before it is read | ([1, 1],)
def f(a: list[int]) -> int:
    """pre: a == [1, 1]
    post: result == 2"""
    total = 0
    for i in range(len(a)):
        total += a[i]
        if i == 0:
            a[1] = 5
    return total

# an iteration over what the loop fills | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 1"""
    b = list(a)
    n = 0
    for x in b:
        n += 1
        if n < 3:
            b.append(x)
    return n

# an iteration over a reversed list that is changed | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: a == [1, 2]
    post: result == 3"""
    total = 0
    for x in reversed(a):
        total += x
        a[0] = 9
    return total

# removing while iterating skips | ([1, 1, 1],)
def f(a: list[int]) -> int:
    """pre: a == [1, 1, 1]
    post: len(a) == 0"""
    for x in a:
        a.remove(x)
    return 0

# the length is taken before the loop | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: a == [1, 2]
    post: result == 4"""
    n = 0
    for i in range(len(a)):
        a.append(i)
        n += 1
    return n

# a variable of the last round only | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: a == [1, 2]
    post: result == 1"""
    for x in a:
        y = x
    return y

# a variable that no round bound | ([],)
def f(a: list[int]) -> int:
    """post: result == 0 or len(a) > 0"""
    for x in a:
        y = 0
    return y

# a while that may not bind | (0,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result >= 0"""
    while n > 0:
        n -= 1
        y = n
    return y

# the inner loop's variable after both loops | (2,)
def f(n: int) -> int:
    """pre: n == 2
    post: result == 1"""
    for i in range(n):
        for j in range(i):
            pass
    return j

# the inner loop never ran | (1,)
def f(n: int) -> int:
    """pre: n == 1
    post: result == 0"""
    for i in range(n):
        for j in range(i):
            pass
    return j

# a target that hides the list it goes through | ([3],)
def f(a: list[int]) -> int:
    """pre: a == [3]
    post: result == 1"""
    for a in a:
        pass
    return a

# break leaves both the else and the rest | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 7"""
    r = 0
    for i in range(n):
        if i == 1:
            break
        r = 7
    else:
        r = 9
    return r + 1

# continue in a while skips the step | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 3"""
    i = r = 0
    while i < n:
        i += 1
        if i == 2:
            continue
        r += 1
    return r

# continue in a while skips the measure | -
def f(n: int) -> int:
    """pre: n >= 3
    post: result == 7"""
    i = 0
    while i < n:
        if i == 2:
            continue
        i += 1
    return 7

# a return in a finally | (1,)
def f(n: int) -> int:
    """post: result == n"""
    try:
        return n
    finally:
        return n + 1

# an exception changes the path | (0,)
def f(n: int) -> int:
    """post: result == 1"""
    try:
        x = 1 // n
        return 1
    except ZeroDivisionError:
        return 0

# a return in a with | (1,)
from contextlib import suppress
def f(n: int) -> int:
    """post: result == 2"""
    with suppress(ZeroDivisionError):
        return 1 // (n - n)
    return 1

# an exception inside any is not hidden by what follows | ([0, 1],)
def f(a: list[int]) -> bool:
    """post: result == any(x == 1 for x in a)"""
    return any(1 // x == 1 for x in a)

# an exception behind a filter | ([0],)
def f(a: list[int]) -> int:
    """post: result == 0 or True"""
    return sum(1 // x for x in a if x >= 0)

# an exception in an unused element | ([1, 0],)
def f(a: list[int]) -> int:
    """post: result == 0"""
    b = [1 // x for x in a]
    return 0

# an exception in an unused default | ([1],)
def f(a: list[int]) -> int:
    """post: result == max(a)"""
    return max(a, default=1 // (len(a) - 1))

# an exception before a mutation | ([1],)
def f(a: list[int]) -> int:
    """post: result == 0"""
    a[len(a)] = 1
    return 0

# the right side is evaluated before the target | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: a == [1, 2]
    post: a == [2, 1]"""
    i = 0
    i, a[i] = 1, 5
    return 0

# an augmented element evaluates its index once | ([1, 2], 0)
def f(a: list[int], i: int) -> int:
    """pre: a == [1, 2] and i == 0
    post: a == [1, 3]"""
    a[i] += 1
    return 0

# a measure that jumps over zero | -
def f(n: int) -> int:
    """post: result == 0"""
    while n != 0:
        n -= 2
    return n

# a measure of another variable | -
def f(n: int, m: int) -> int:
    """pre: n > 0 and m > 0
    post: result == 0"""
    while n > 0:
        m -= 1
        if m > 100:
            n -= 1
    return 0

# a recursion on the same argument through arithmetic | -
def f(n: int) -> int:
    """post: result == 3"""
    return f(n + 1 - 1)

# a recursion whose promise makes it true | -
def f(n: int) -> int:
    """pre: n >= 0
    post: result == 3 and n < 0"""
    return f(n) if n > 5 else f(n + 1)

# a recursion through a helper by contract | -
def g(n: int) -> int:
    """post: result == 3"""
    x = f(n)
    return x
def f(n: int) -> int:
    """post: result == 3"""
    x = g(n)
    return x

# a ghost that is not well founded on negatives | -
def h(n: int) -> int:
    return 0 if n == 0 else 1 + h(n - 1)
def f(n: int) -> int:
    """post: h(n) == h(n) + 1"""
    return 1

# a ghost whose value is asked outside its precondition | -
def h(n: int) -> int:
    """pre: n >= 0"""
    return 0 if n == 0 else 1 + h(n - 1)
def f(n: int) -> int:
    """post: h(n) >= 0 and h(n) == h(n - 1) + 1"""
    return n

# a precondition that is only sometimes contradictory | (1,)
def f(n: int) -> int:
    """pre: n > 0
    pre: n < 2
    post: result == 2"""
    return n

# a precondition no integer meets | -
def f(n: int) -> int:
    """pre: 2 * n == 7
    post: result == 8"""
    return n

# a precondition on a length below zero | -
def f(a: list[int]) -> int:
    """pre: len(a) < 0
    post: result == 8"""
    return 1
'''
