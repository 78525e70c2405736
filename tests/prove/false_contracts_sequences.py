TEXT = '''
# the length of a slice of nothing | ([],)
def f(a: list[int]) -> int:
    """post: result == len(a) - 1"""
    return len(a[:-1])

# a negative index | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2
    post: result == a[0]"""
    return a[-1]

# a negative index by a variable | ([1, 2], -1)
def f(a: list[int], i: int) -> int:
    """pre: len(a) == 2 and -2 <= i < 2
    post: i >= 0 or result == a[0]"""
    return a[i]

# an index out of range | ([], 0)
def f(a: list[int], i: int) -> int:
    """pre: i >= 0
    post: True"""
    return a[i]

# a negative index out of range | ([1], -2)
def f(a: list[int], i: int) -> int:
    """pre: i < len(a)
    post: True"""
    return a[i]

# an assignment out of range | ([],)
def f(a: list[int]) -> int:
    """post: True"""
    a[0] = 1
    return 0

# an assignment to a negative index | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2
    post: result == old_a[1]"""
    a[-1] = old = 5
    return a[1]

# a slice does not raise and is shorter | ([1], 3)
def f(a: list[int], n: int) -> list[int]:
    """pre: n >= 0
    post: len(result) == n"""
    return a[:n]

# a slice with a negative bound | ([1, 2, 3], -1)
def f(a: list[int], n: int) -> list[int]:
    """pre: -2 <= n <= 2 and len(a) == 3
    post: n >= 0 and len(result) == n or n < 0 and len(result) == 0"""
    return a[:n]

# a slice with crossed bounds | ([1, 2, 3], 2, 1)
def f(a: list[int], i: int, j: int) -> int:
    """pre: 0 <= i <= len(a) and 0 <= j <= len(a)
    post: result == j - i"""
    return len(a[i:j])

# a slice with a step | ([1, 2, 3],)
def f(a: list[int]) -> int:
    """post: result == len(a) // 2"""
    return len(a[::2])

# a slice with a negative step | ([1, 2, 3],)
def f(a: list[int]) -> list[int]:
    """pre: len(a) == 3
    post: result[0] == a[0]"""
    return a[::-1]

# a slice backwards with a bound | ([1, 2, 3],)
def f(a: list[int]) -> list[int]:
    """pre: len(a) == 3
    post: len(result) == 2"""
    return a[0::-1]

# a slice backwards stops before its end | ([1, 2, 3],)
def f(a: list[int]) -> list[int]:
    """pre: len(a) == 3
    post: len(result) == 3"""
    return a[2:0:-1]

# a repetition of nothing | (-1,)
def f(n: int) -> list[int]:
    """post: len(result) == n"""
    return [0] * n

# a concatenation has an order | ([1], [2])
def f(a: list[int], b: list[int]) -> list[int]:
    """pre: len(a) == 1 and len(b) == 1
    post: result == b + a"""
    return a + b

# lists are compared by elements, in order | ([1, 2], [2, 1])
def f(a: list[int], b: list[int]) -> bool:
    """pre: len(a) == 2 and len(b) == 2 and a[0] == b[1] and a[1] == b[0]
    post: result"""
    return a == b

# the order of lists is that of words | ([2], [1, 1])
def f(a: list[int], b: list[int]) -> bool:
    """pre: len(a) == 1 and len(b) == 2
    post: result"""
    return a < b

# the order of tuples is that of words | (1, 5, 2, 0)
def f(a: int, b: int, c: int, d: int) -> bool:
    """post: result == (a < c and b < d)"""
    return (a, b) < (c, d)

# the order of strings is that of words | ("b", "aa")
def f(s: str, t: str) -> bool:
    """pre: len(s) == 1 and len(t) == 2
    post: result"""
    return s < t

# a prefix comes first | ("a", "ab")
def f(s: str, t: str) -> bool:
    """pre: len(s) == 1 and len(t) == 2 and s[0] == t[0]
    post: not result"""
    return s < t

# capital letters come first | ("a", "B")
def f(s: str, t: str) -> bool:
    """pre: s == "a" and t == "B"
    post: result"""
    return s < t

# in a string means a part of it | ("ab", "xaby")
def f(s: str, t: str) -> bool:
    """pre: len(s) == 2
    post: not result"""
    return s in t

# in a string does not mean a subsequence | ("ac", "abc")
def f(s: str, t: str) -> bool:
    """pre: s == "ac" and t == "abc"
    post: result"""
    return s in t

# the empty string is in every string | ("", "")
def f(s: str, t: str) -> bool:
    """pre: len(s) == 0
    post: not result"""
    return s in t

# membership in a range | (5,)
def f(n: int) -> bool:
    """post: result == (0 <= n <= 5)"""
    return n in range(5)

# membership in a range with a step | (1,)
def f(n: int) -> bool:
    """post: result == (0 <= n < 6)"""
    return n in range(0, 6, 2)

# all of nothing | ([],)
def f(a: list[int]) -> bool:
    """post: result == (len(a) > 0 and all(x > 0 for x in a))"""
    return all(x > 0 for x in a)

# any of nothing | ([],)
def f(a: list[int]) -> bool:
    """post: result or any(x <= 0 for x in a)"""
    return any(x > 0 for x in a)

# max of nothing | ([],)
def f(a: list[int]) -> int:
    """post: True"""
    return max(a)

# max is attained, not exceeded | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) > 0
    post: all(x < result for x in a)"""
    return max(a)

# sum of nothing | ([],)
def f(a: list[int]) -> int:
    """pre: all(x > 0 for x in a)
    post: result > 0"""
    return sum(a)

# sum from a start | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == a[0]"""
    return sum(a, 1)

# sorting may move things | ([2, 1],)
def f(a: list[int]) -> list[int]:
    """pre: len(a) == 2
    post: result == a"""
    return sorted(a)

# sorting keeps duplicates | ([1, 1],)
def f(a: list[int]) -> list[int]:
    """pre: len(a) == 2
    post: result[0] < result[1]"""
    return sorted(a)

# sorting backwards | ([1, 2],)
def f(a: list[int]) -> list[int]:
    """pre: len(a) == 2
    post: result[0] <= result[1]"""
    return sorted(a, reverse=True)

# sorted leaves its argument alone | ([2, 1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2 and a[0] == 2 and a[1] == 1
    post: result == 1"""
    b = sorted(a)
    return a[0]

# a filter may drop something | ([-1],)
def f(a: list[int]) -> list[int]:
    """post: len(result) == len(a)"""
    return [x for x in a if x > 0]

# a filter keeps the order | ([2, 1],)
def f(a: list[int]) -> list[int]:
    """pre: len(a) == 2 and a[0] > 0 and a[1] > 0
    post: result[0] <= result[1]"""
    return [x for x in a if x > 0]

# a map over a filter | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2 and a[0] == 1 and a[1] == 2
    post: result == 3"""
    return sum(x for x in a if x > 1)

# a zip stops at the shorter | ([1, 2], [1])
def f(a: list[int], b: list[int]) -> int:
    """post: result == len(a)"""
    c = 0
    for x, y in zip(a, b):
        c += 1
    return c

# an enumeration from a start | ([5],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result == 0"""
    r = 7
    for i, x in enumerate(a, 1):
        r = i
    return r

# a reversed range | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 2"""
    r = 0
    for i in reversed(range(n)):
        r = i
    return r

# a list comprehension over a string | ("ab",)
def f(s: str) -> list[str]:
    """pre: len(s) == 2
    post: result[0] == s"""
    return [c for c in s]

# the index of an unpacked pair | ((1, 2),)
def f(p: tuple[int, int]) -> int:
    """post: result == p[0]"""
    a, b = p
    return b

# a swap is simultaneous | (1, 2)
def f(a: int, b: int) -> int:
    """post: result == b"""
    a, b = b, a
    return b

# swapped elements, then read | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2 and a[0] != a[1]
    post: result == old_a[0]"""
    a[0], a[1] = a[1], a[0]
    return a[0]

# a target evaluated after the first assignment | ([1, 0],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2 and a[0] == 1 and a[1] == 0
    post: result == 0"""
    i = 0
    i, a[i] = 1, 5
    return a[1]

# pop of nothing | ([],)
def f(a: list[int]) -> int:
    """post: True"""
    x = a.pop()
    return x

# pop takes the last | ([1, 2],)
def f(a: list[int]) -> int:
    """pre: len(a) == 2
    post: result == old_a[0]"""
    x = a.pop()
    return x

# extend appends all of it | ([1], [2, 3])
def f(a: list[int], n: int) -> int:
    """pre: len(a) == 1
    post: result == 2"""
    a.extend([n, n])
    return len(a)

# the length of a product string | ("ab", -1)
def f(s: str, n: int) -> int:
    """post: result == len(s) * n"""
    return len(s * n)

# ord of the wrong length | ("ab",)
def f(s: str) -> int:
    """post: True"""
    return ord(s)

# chr out of range | (-1,)
def f(n: int) -> str:
    """post: len(result) == 1"""
    return chr(n)

# count of elements | ([1, 1],)
def f(a: list[int]) -> int:
    """post: result <= 1"""
    return a.count(1)

# upper may lengthen | ("\\u00df",)
def f(s: str) -> str:
    """post: len(result) == len(s)"""
    return s.upper()

# a decimal text | (10,)
def f(n: int) -> str:
    """post: len(result) == 1"""
    return str(n)

# an element of a set | ([1, 1],)
def f(a: list[int]) -> int:
    """post: result == len(a)"""
    return len(set(a))

# a key of a dictionary | (1,)
def f(n: int) -> int:
    """post: result == 0"""
    d = {n: 1}
    return len(d)

# a condition that raises is not true | ([],)
def f(a: list[int]) -> int:
    """post: a[5] == a[5]"""
    return 0

# an any that stops early says nothing about the rest | ([0],)
def f(a: list[int]) -> int:
    """pre: any(a[i] == 0 for i in range(10))
    post: len(a) >= 10"""
    return 0

# both sides of implies are evaluated | ([],)
def f(a: list[int]) -> int:
    """post: implies(len(a) > 0, a[0] == a[0])"""
    return 0
'''
