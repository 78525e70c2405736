"""Values: types that mix, text against lists, bounds of slices, keyword arguments."""

TEXT = r'''
# sorting backwards by nothing is an error | ([1],)
def f(a: list[int]) -> list[int]:
    """post: len(result) == len(a)"""
    return sorted(a, reverse=None)

# sorting backwards by a text is an error | ([1],)
def f(a: list[int]) -> list[int]:
    """post: len(result) == len(a)"""
    return sorted(a, reverse="yes")

# sorting backwards by a fraction is an error | ([1],)
def f(a: list[int]) -> list[int]:
    """post: len(result) == len(a)"""
    return sorted(a, reverse=1.5)

# sorting backwards by zero is forwards | ([1, 2],)
def f(a: list[int]) -> list[int]:
    """pre: a == [1, 2]
    post: result == [2, 1]"""
    return sorted(a, reverse=0)

# sorting by a key | ([1, -2],)
def f(a: list[int]) -> list[int]:
    """pre: a == [1, -2]
    post: result == [-2, 1]"""
    return sorted(a, key=abs)

# the sign of a remainder | (-7, 3)
def f(a: int, b: int) -> int:
    """pre: b > 0
    post: result == -1 or a != -7 or b != 3"""
    return a % b

# a quotient times its divisor | (-7, 2)
def f(a: int, b: int) -> int:
    """pre: b != 0
    post: result * b <= a and (a - result * b) < 1"""
    return a // b

# division of negatives by negatives | (-8, -2)
def f(a: int, b: int) -> int:
    """pre: a < 0 and b < 0
    post: result * b > a"""
    return a // b

# halving a negative | (-3,)
def f(n: int) -> int:
    """post: result * 2 == n or result * 2 + 1 == n and n > -3"""
    return n >> 1

# true division makes a float | (-3,)
def f(n: int) -> int:
    """post: 2 * result == n - n % 2"""
    return int(n / 2)

# true division of a huge number | (9007199254740993,)
def f(n: int) -> int:
    """pre: n >= 0
    post: result == n"""
    return int(n / 1)

# a float that spreads | (3,)
def f(n: int) -> int:
    """post: result == n + 1"""
    x = 0.5
    return n + x + x + x

# a huge power | (64,)
def f(n: int) -> int:
    """pre: n == 64
    post: result < 2 ** 63"""
    return 2 ** n

# a bool that is added up | ([True, True],)
def f(a: list[bool]) -> int:
    """post: result <= 1"""
    return sum(a)

# a comparison that is a number | (1, 2)
def f(a: int, b: int) -> int:
    """post: result == 0 or a > b"""
    return (a < b) + (a != b)

# true is one | (1,)
def f(n: int) -> bool:
    """post: result == (n > 1)"""
    return n == True

# inverting a bool is not negation | (True,)
def f(p: bool) -> bool:
    """post: result == p"""
    return ~p == False

# a bool index | ([1, 2], True)
def f(a: list[int], p: bool) -> int:
    """pre: a == [1, 2]
    post: result == 1"""
    return a[p]

# a text is not the list of its characters | ("ab",)
def f(s: str) -> bool:
    """pre: s == "ab"
    post: result"""
    return s == ["a", "b"]

# a tuple is not a list | ([1],)
def f(a: list[int]) -> bool:
    """pre: a == [1]
    post: result"""
    return a == (1,)

# a number in a text | ("1",)
def f(s: str) -> bool:
    """pre: s == "1"
    post: result"""
    return 1 in [1] and s == 1

# a character is itself a text | ("a",)
def f(s: str) -> bool:
    """pre: s == "a"
    post: not result"""
    return s[0] == s and s[0][0] == s

# a slice beyond the end is empty | ([1, 2], 5)
def f(a: list[int], k: int) -> int:
    """pre: len(a) == 2 and k >= 0
    post: result == len(a) - k or k <= 2 and result == 7"""
    return len(a[k:])

# a slice from before the start | ([1, 2], -5)
def f(a: list[int], k: int) -> int:
    """pre: len(a) == 2 and k < 0
    post: result == -k"""
    return len(a[k:])

# a slice to a negative bound | ([1, 2, 3], 0)
def f(a: list[int], k: int) -> int:
    """pre: len(a) == 3 and 0 <= k <= 3
    post: result == 3 - k"""
    return len(a[:-k])

# a step from the end | ([1, 2, 3, 4],)
def f(a: list[int]) -> list[int]:
    """pre: a == [1, 2, 3, 4]
    post: result == [4, 2, 1]"""
    return a[::-2]

# a step with bounds the wrong way round | ([1, 2, 3],)
def f(a: list[int]) -> int:
    """pre: len(a) == 3
    post: result == 2"""
    return len(a[0:2:-1])

# a backward slice that stops before zero | ([1, 2, 3],)
def f(a: list[int]) -> int:
    """pre: len(a) == 3
    post: result == 3"""
    return len(a[2:0:-1])

# a backward slice to minus one | ([1, 2, 3],)
def f(a: list[int]) -> int:
    """pre: len(a) == 3
    post: result == 3"""
    return len(a[2:-1:-1])

# a step of zero | ([1],)
def f(a: list[int]) -> int:
    """post: result >= 0"""
    return len(a[::0])

# a step that is a variable | ([1], 0)
def f(a: list[int], k: int) -> int:
    """post: result >= 0"""
    return len(a[::k])

# a range step that is a variable | (0,)
def f(k: int) -> int:
    """post: result >= 0"""
    n = 0
    for i in range(0, 3, k):
        n += 1
    return n

# a range downwards | (3,)
def f(n: int) -> int:
    """pre: n == 3
    post: result == 6 + 1"""
    s = 0
    for i in range(n, 0, -1):
        s += i
    return s

# a range by two ends below its end | (5,)
def f(n: int) -> int:
    """pre: n == 5
    post: result == 5"""
    last = 0
    for i in range(0, n, 2):
        last = i
    return last

# unpacking a list | ([1, 2, 3],)
def f(a: list[int]) -> int:
    """post: result == a[0]"""
    x, y = a
    return x

# starred unpacking | ([1, 2, 3],)
def f(a: list[int]) -> int:
    """pre: len(a) == 3
    post: result == 3"""
    x, *y = a
    return len(y)

# unpacking a text | ("ab",)
def f(s: str) -> str:
    """pre: len(s) == 2
    post: result == s"""
    x, y = s
    return y

# a tuple of the wrong size | ((1, 2),)
def f(t: tuple[int, int]) -> int:
    """post: result == t[0]"""
    x, y, z = t + (1, 2)
    return x

# a chain stops at the first false | (1, 0)
def f(a: int, b: int) -> bool:
    """post: result == (a < 3)"""
    return a < 3 < 10 // b

# a chain with an in | (1, [1])
def f(n: int, a: list[int]) -> bool:
    """pre: n == 1 and a == [1]
    post: result == ((n == 1) in a)"""
    return not (n == 1 in a)

# a chain of in | (1, [1])
def f(n: int, a: list[int]) -> bool:
    """pre: n == 1 and a == [1]
    post: not result"""
    return n in a == [1]

# a not in binds weaker | (0, [1])
def f(n: int, a: list[int]) -> bool:
    """pre: n == 0 and a == [1]
    post: result"""
    return (not n) not in a

# is for numbers is not equality | (1000,)
def f(n: int) -> bool:
    """post: result"""
    return n is n + 1 - 1 + 0 and n is not n

# is for an empty list | ([],)
def f(a: list[int]) -> bool:
    """post: result == (len(a) == 0)"""
    return a is []

# is of None with a falsy value | (0,)
def f(n: int) -> bool:
    """post: result == (not n)"""
    return n is None

# min of nothing with a default | ([],)
def f(a: list[int]) -> int:
    """post: result > 0"""
    return min(a, default=0)

# min of nothing | ([],)
def f(a: list[int]) -> int:
    """post: result in a"""
    return min(a)

# max of an empty filter | ([1],)
def f(a: list[int]) -> int:
    """pre: len(a) == 1
    post: result > 1"""
    return max([x for x in a if x > 1])

# max with a key | ([1, -2],)
def f(a: list[int]) -> int:
    """pre: a == [1, -2]
    post: result == 1"""
    return max(a, key=abs)

# sum from a text | ([1],)
def f(a: list[int]) -> int:
    """post: result == sum(a)"""
    return sum(a, "")

# sum of texts | (["a"],)
def f(a: list[str]) -> int:
    """post: result == 0"""
    return sum(a)

# a specification that divides by zero | (0,)
def f(n: int) -> int:
    """post: result // n == 1 or True"""
    return n

# a specification that looks beyond the end | ([],)
def f(a: list[int]) -> int:
    """post: a[0] == a[0]"""
    return 1

# a specification with a side effect | -
def f(a: list[int]) -> int:
    """post: a.append(1) is None and False or len(a) == len(old_a)"""
    return 1

# a specification that asks for nothing's maximum | ([],)
def f(a: list[int]) -> int:
    """post: all(x <= max(a) for x in a) and max(a) == max(a)"""
    return 1

# counting characters, not their sum | ("aab",)
def f(s: str) -> int:
    """post: result == s.count("a") + s.count("ab")"""
    return s.count("a")

# a prefix longer than the text | ("a",)
def f(s: str) -> bool:
    """pre: s == "a"
    post: result"""
    return s.startswith("ab") or s.endswith("ba")

# a join with a separator | (["a", "b"],)
def f(a: list[str]) -> str:
    """pre: a == ["a", "b"]
    post: result == "ab" """
    return ",".join(a)

# a list times a negative | ([1], -1)
def f(a: list[int], n: int) -> int:
    """pre: len(a) == 1
    post: result == n"""
    return len(a * n)

# a text times a bool | ("ab", True)
def f(s: str, p: bool) -> int:
    """pre: s == "ab"
    post: result == 0"""
    return len(s * p)
'''
