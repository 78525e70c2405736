"""Small functions with contracts: how far does the prover reach?

`GIVEN` holds functions with the invariants that their loops need, `BARE` functions
without any. They are plain text, written for this measurement. Invariant: every
contract is true; the measurement checks that on generated inputs.
"""

from collections.abc import Iterator


def functions(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and source of the functions of a text; `##` starts one.

    Example:
        >>> next(functions(GIVEN))[0]
        'isqrt'
    """
    for block in text.split("\n## ")[1:]:
        name, _, source = block.partition("\n")
        yield name.strip(), source


GIVEN = '''
## isqrt
def isqrt(n: int) -> int:
    """pre: n >= 0
    post: result * result <= n < (result + 1) * (result + 1)"""
    r = 0
    while (r + 1) * (r + 1) <= n:
        assert r >= 0
        assert r * r <= n
        r += 1
    return r

## gcd
def g(a: int, b: int) -> int:
    return a if b == 0 else g(b, a % b)
def gcd(a: int, b: int) -> int:
    """pre: a >= 0 and b >= 0
    post: result == g(a, b)"""
    while b != 0:
        """invariant: a >= 0 and b >= 0
        invariant: g(a, b) == g(old_a, old_b)"""
        a, b = b, a % b
    return a

## sum_to
def sum_to(n: int) -> int:
    """pre: n >= 0
    post: 2 * result == n * (n + 1)"""
    s = 0
    for i in range(n + 1):
        assert 2 * s == i * (i - 1)
        s += i
    return s

## largest
def largest(a: list[int]) -> int:
    """pre: len(a) > 0
    post: all(x <= result for x in a)
    post: any(x == result for x in a)"""
    best = a[0]
    for k in range(1, len(a)):
        assert all(x <= best for x in a[:k])
        assert any(x == best for x in a[:k])
        if a[k] > best:
            best = a[k]
    return best

## is_sorted
def is_sorted(a: list[int]) -> bool:
    """post: result == all(a[i] <= a[j] for j in range(len(a)) for i in range(j))"""
    for k in range(1, len(a)):
        assert all(a[i] <= a[j] for j in range(k) for i in range(j))
        if a[k - 1] > a[k]:
            return False
    return True

## binary_search
def binary_search(a: list[int], x: int) -> int:
    """pre: all(a[i] <= a[j] for j in range(len(a)) for i in range(j))
    post: -1 <= result < len(a)
    post: result == -1 or a[result] == x
    post: result >= 0 or all(y != x for y in a)"""
    lo = 0
    hi = len(a)
    while lo < hi:
        assert 0 <= lo <= hi <= len(a)
        assert all(y < x for y in a[:lo])
        assert all(y > x for y in a[hi:])
        mid = (lo + hi) // 2
        if a[mid] < x:
            lo = mid + 1
        elif a[mid] > x:
            hi = mid
        else:
            return mid
    return -1

## factorial
def fact(n: int) -> int:
    """pre: n >= 0"""
    return 1 if n == 0 else n * fact(n - 1)
def factorial(n: int) -> int:
    """pre: n >= 0
    post: result == fact(n)"""
    r = 1
    for i in range(1, n + 1):
        assert r == fact(i - 1)
        r *= i
    return r

## reverse
def reverse(a: list[int]) -> list[int]:
    """post: len(result) == len(a)
    post: all(result[i] == a[len(a) - 1 - i] for i in range(len(a)))"""
    out = []
    i = len(a) - 1
    while i >= 0:
        assert -1 <= i < len(a)
        assert len(out) == len(a) - 1 - i
        assert all(out[k] == a[len(a) - 1 - k] for k in range(len(out)))
        out.append(a[i])
        i -= 1
    return out

## count
def cnt(a: list[int], n: int, x: int) -> int:
    """pre: 0 <= n <= len(a)"""
    return 0 if n == 0 else cnt(a, n - 1, x) + (1 if a[n - 1] == x else 0)
def count(a: list[int], x: int) -> int:
    """post: result == cnt(a, len(a), x)
    post: 0 <= result <= len(a)"""
    c = 0
    for i, e in enumerate(a):
        assert c == cnt(a, i, x)
        assert 0 <= c <= i
        if e == x:
            c += 1
    return c

## quotient
def quotient(a: int, b: int) -> tuple[int, int]:
    """pre: a >= 0 and b > 0
    post: result[0] * b + result[1] == a
    post: 0 <= result[1] < b"""
    q = 0
    r = a
    while r >= b:
        assert q * b + r == a
        assert r >= 0
        r -= b
        q += 1
    return q, r

## fib
def fibonacci(n: int) -> int:
    """pre: n >= 0"""
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)
def fib(n: int) -> int:
    """pre: n >= 0
    post: result == fibonacci(n)"""
    a, b = 0, 1
    for i in range(n):
        assert a == fibonacci(i)
        assert b == fibonacci(i + 1)
        a, b = b, a + b
    return a

## insert_step
def insert_step(a: list[int], n: int) -> int:
    """pre: 0 <= n and n < len(a)
    pre: all(a[i] <= a[j] for j in range(n) for i in range(j))
    post: all(a[i] <= a[j] for j in range(n + 1) for i in range(j))
    post: 0 <= result <= n and a[result] == old_a[n]
    post: all(a[i] == old_a[i] for i in range(result))
    post: all(a[i] == old_a[i - 1] for i in range(result + 1, n + 1))"""
    x = a[n]
    k = n
    while k > 0 and a[k - 1] > x:
        """invariant: 0 <= k <= n
        invariant: all(a[i] == old_a[i] for i in range(k))
        invariant: all(a[i] == old_a[i - 1] for i in range(k + 1, n + 1))
        invariant: all(x < old_a[i] for i in range(k, n))"""
        a[k] = a[k - 1]
        k -= 1
    a[k] = x
    return k

## below_zero
def below_zero(a: list[int]) -> bool:
    """post: result == any(sum(a[:k]) < 0 for k in range(len(a) + 1))"""
    s = 0
    for i in range(len(a)):
        assert s == sum(a[:i])
        assert all(sum(a[:k]) >= 0 for k in range(i + 1))
        s += a[i]
        if s < 0:
            return True
    return False

## running_maximum
def running_maximum(a: list[int]) -> list[int]:
    """post: len(result) == len(a)
    post: all(result[i] >= a[j] for i in range(len(a)) for j in range(i + 1))"""
    out = []
    for i in range(len(a)):
        assert len(out) == i
        assert all(out[k] >= a[j] for k in range(i) for j in range(k + 1))
        if i == 0 or a[i] > out[i - 1]:
            out.append(a[i])
        else:
            out.append(out[i - 1])
    return out

## swap_ends
def swap_ends(a: list[int]) -> None:
    """post: len(a) == len(old_a)
    post: all(a[k] == old_a[len(a) - 1 - k] for k in range(len(a)))"""
    i = 0
    j = len(a) - 1
    while i < j:
        """invariant: 0 <= i and i + j == len(a) - 1 and i <= j + 1
        invariant: len(a) == len(old_a)
        invariant: all(a[k] == old_a[len(a) - 1 - k] for k in range(i))
        invariant: all(a[k] == old_a[k] for k in range(i, j + 1))
        invariant: all(a[k] == old_a[len(a) - 1 - k] for k in range(j + 1, len(a)))"""
        a[i], a[j] = a[j], a[i]
        i += 1
        j -= 1

## evens_first
def evens(a: list[int]) -> list[int]:
    """post: result == [x for x in a if x % 2 == 0]"""
    out: list[int] = []
    for i, x in enumerate(a):
        assert out == [y for y in a[:i] if y % 2 == 0]
        if x % 2 == 0:
            out.append(x)
    return out
def evens_first(a: list[int]) -> list[int]:
    """post: all(x % 2 == 0 for x in result)
    post: len(result) <= len(a)"""
    return evens(a)

## palindrome
def palindrome(s: str) -> bool:
    """post: result == all(s[i] == s[len(s) - 1 - i] for i in range(len(s)))"""
    for i in range(len(s) // 2):
        assert all(s[k] == s[len(s) - 1 - k] for k in range(i))
        if s[i] != s[len(s) - 1 - i]:
            return False
    return True

## multiplication_table
def multiplication_table(n: int) -> int:
    """pre: n >= 0
    post: result == n * n"""
    c = 0
    for i in range(n):
        assert c == i * n
        for j in range(n):
            assert c == i * n + j
            c += 1
    return c

## power_of
def power_of(b: int, n: int) -> int:
    """pre: n >= 0
    post: result == b ** n"""
    r = 1
    for i in range(n):
        assert r == b ** i
        r = r * b
    return r

## collatz_bounded
def halvings(n: int) -> int:
    """pre: n > 0
    post: 0 <= result < n"""
    c = 0
    m = n
    while m > 1:
        assert m >= 1 and c >= 0 and c + m <= n
        m = m // 2
        c += 1
    return c
def collatz_bounded(n: int) -> int:
    """pre: n > 0
    post: result < n"""
    return halvings(n)

## common_prefix
def common_prefix(s: str, t: str) -> str:
    """post: len(result) <= len(s) and len(result) <= len(t)
    post: all(result[i] == s[i] and result[i] == t[i] for i in range(len(result)))"""
    i = 0
    while i < len(s) and i < len(t) and s[i] == t[i]:
        assert 0 <= i <= len(s) and i <= len(t)
        assert all(s[k] == t[k] for k in range(i))
        i += 1
    return s[:i]

## minimum_index
def minimum_index(a: list[int], start: int) -> int:
    """pre: 0 <= start < len(a)
    post: start <= result < len(a)
    post: all(a[result] <= a[k] for k in range(start, len(a)))"""
    best = start
    for k in range(start + 1, len(a)):
        assert start <= best < len(a)
        assert all(a[best] <= a[m] for m in range(start, k))
        if a[k] < a[best]:
            best = k
    return best

## dot
def dot(a: list[int], b: list[int]) -> int:
    """pre: len(a) == len(b)
    post: result == sum(a[i] * b[i] for i in range(len(a)))"""
    s = 0
    for i in range(len(a)):
        assert s == sum(a[k] * b[k] for k in range(i))
        s += a[i] * b[i]
    return s

## merge_length
def merge_length(a: list[int], b: list[int]) -> list[int]:
    """post: len(result) == len(a) + len(b)"""
    out = []
    i = 0
    j = 0
    while i < len(a) or j < len(b):
        """decreases: len(a) - i + len(b) - j"""
        assert 0 <= i <= len(a) and 0 <= j <= len(b)
        assert len(out) == i + j
        if j == len(b) or (i < len(a) and a[i] <= b[j]):
            out.append(a[i])
            i += 1
        else:
            out.append(b[j])
            j += 1
    return out

## partition_point
def partition_point(a: list[int], x: int) -> int:
    """pre: all(a[i] <= a[j] for j in range(len(a)) for i in range(j))
    post: 0 <= result <= len(a)
    post: all(y < x for y in a[:result])
    post: all(y >= x for y in a[result:])"""
    lo = 0
    hi = len(a)
    while lo < hi:
        assert 0 <= lo <= hi <= len(a)
        assert all(y < x for y in a[:lo])
        assert all(y >= x for y in a[hi:])
        mid = lo + (hi - lo) // 2
        if a[mid] < x:
            lo = mid + 1
        else:
            hi = mid
    return lo

## differences
def differences(a: list[int]) -> list[int]:
    """pre: len(a) > 0
    post: len(result) == len(a) - 1
    post: all(result[i] == a[i + 1] - a[i] for i in range(len(result)))"""
    out = []
    for i in range(1, len(a)):
        assert len(out) == i - 1
        assert all(out[k] == a[k + 1] - a[k] for k in range(len(out)))
        out.append(a[i] - a[i - 1])
    return out

## digits
def digit_count(n: int) -> int:
    """pre: n >= 0"""
    return 1 if n < 10 else 1 + digit_count(n // 10)
def digits(n: int) -> int:
    """pre: n >= 0
    post: result == digit_count(n)"""
    c = 1
    m = n
    while m >= 10:
        assert m >= 0
        assert c - 1 + digit_count(m) == digit_count(n)
        m //= 10
        c += 1
    return c

## selection_step
def selection_step(a: list[int]) -> None:
    """pre: len(a) > 0
    post: len(a) == len(old_a)
    post: all(a[0] <= x for x in a)"""
    for k in range(1, len(a)):
        """invariant: len(a) == len(old_a)
        invariant: all(a[0] <= x for x in a[:k])"""
        if a[k] < a[0]:
            a[0], a[k] = a[k], a[0]

## pairs_below
def pairs_below(a: list[int]) -> int:
    """post: 0 <= result
    post: 2 * result <= len(a) * (len(a) - 1)"""
    c = 0
    for i in range(len(a)):
        assert 0 <= c and 2 * c <= i * (i - 1)
        for j in range(i):
            assert 0 <= c and 2 * c <= i * (i - 1) + 2 * j
            if a[j] < a[i]:
                c += 1
    return c

## ascending_copy
def ascending_copy(a: list[int]) -> list[int]:
    """post: len(result) == len(a)
    post: all(result[i] <= result[j] for j in range(len(result)) for i in range(j))
    post: all(x in a for x in result)"""
    return sorted(a)

## ackermann_bound
def ackermann_bound(n: int) -> int:
    """pre: n >= 0
    post: result > n"""
    if n == 0:
        return 1
    return ackermann_bound(n - 1) + ackermann_bound(n - 1)

## longest_run
def longest_run(a: list[int]) -> int:
    """post: 0 <= result <= len(a)"""
    best = 0
    run = 0
    for i in range(len(a)):
        assert 0 <= run <= i and 0 <= best <= i
        if i > 0 and a[i] == a[i - 1]:
            run += 1
        else:
            run = 1
        best = max(best, run)
    return best
'''

BARE = '''
## absolute
def absolute(n: int) -> int:
    """post: result >= 0
    post: result == n or result == -n"""
    if n < 0:
        return -n
    return n

## clamp
def clamp(x: int, low: int, high: int) -> int:
    """pre: low <= high
    post: low <= result <= high
    post: result == x or x < low or x > high"""
    return max(low, min(x, high))

## median
def median(a: int, b: int, c: int) -> int:
    """post: result in (a, b, c)
    post: min(a, b, c) <= result <= max(a, b, c)
    post: (a <= result) + (b <= result) + (c <= result) >= 2"""
    if a <= b <= c or c <= b <= a:
        return b
    if b <= a <= c or c <= a <= b:
        return a
    return c

## total
def total(a: list[int]) -> int:
    """post: result == sum(a)"""
    s = 0
    for x in a:
        s += x
    return s

## smallest
def smallest(a: list[int]) -> int:
    """pre: len(a) > 0
    post: all(result <= x for x in a)
    post: result in a"""
    best = a[0]
    for x in a:
        if x < best:
            best = x
    return best

## contains
def contains(a: list[int], x: int) -> bool:
    """post: result == (x in a)"""
    for y in a:
        if y == x:
            return True
    return False

## all_positive
def all_positive(a: list[int]) -> bool:
    """post: result == all(x > 0 for x in a)"""
    for x in a:
        if x <= 0:
            return False
    return True

## count_zeros
def count_zeros(a: list[int]) -> int:
    """post: result == sum(1 for x in a if x == 0)"""
    c = 0
    for x in a:
        if x == 0:
            c += 1
    return c

## square_sum
def square_sum(a: list[int]) -> int:
    """post: result == sum(x * x for x in a)"""
    s = 0
    for i in range(len(a)):
        s += a[i] * a[i]
    return s

## doubled
def doubled(a: list[int]) -> list[int]:
    """post: len(result) == len(a)
    post: all(result[i] == 2 * a[i] for i in range(len(a)))"""
    out = []
    for x in a:
        out.append(2 * x)
    return out

## positives
def positives(a: list[int]) -> list[int]:
    """post: result == [x for x in a if x > 0]"""
    out = []
    for x in a:
        if x > 0:
            out.append(x)
    return out

## copy_reversed
def copy_reversed(a: list[int]) -> list[int]:
    """post: len(result) == len(a)
    post: all(result[i] == a[len(a) - 1 - i] for i in range(len(a)))"""
    out = []
    i = len(a) - 1
    while i >= 0:
        out.append(a[i])
        i -= 1
    return out

## linear_search
def linear_search(a: list[int], x: int) -> int:
    """post: -1 <= result < len(a)
    post: result == -1 or a[result] == x
    post: result >= 0 or all(y != x for y in a)"""
    for i in range(len(a)):
        if a[i] == x:
            return i
    return -1

## integer_root
def integer_root(n: int) -> int:
    """pre: n >= 0
    post: result * result <= n < (result + 1) * (result + 1)"""
    r = 0
    while (r + 1) * (r + 1) <= n:
        r += 1
    return r

## gauss
def gauss(n: int) -> int:
    """pre: n >= 0
    post: result == n * (n + 1) // 2"""
    s = 0
    for i in range(1, n + 1):
        s += i
    return s

## odd_numbers
def odd_numbers(n: int) -> int:
    """pre: n >= 0
    post: result == n * n"""
    s = 0
    for i in range(n):
        s += 2 * i + 1
    return s

## divide
def divide(a: int, b: int) -> tuple[int, int]:
    """pre: a >= 0 and b > 0
    post: result[0] * b + result[1] == a
    post: 0 <= result[1] < b"""
    q = 0
    r = a
    while r >= b:
        r -= b
        q += 1
    return q, r

## product
def product(a: int, b: int) -> int:
    """pre: b >= 0
    post: result == a * b"""
    r = 0
    i = 0
    while i < b:
        r += a
        i += 1
    return r

## greatest_divisor
def common(a: int, b: int) -> int:
    return a if b == 0 else common(b, a % b)
def greatest_divisor(a: int, b: int) -> int:
    """pre: a >= 0 and b >= 0
    post: result == common(a, b)"""
    while b != 0:
        a, b = b, a % b
    return a

## digit_sum
def digits_total(n: int) -> int:
    """pre: n >= 0"""
    return 0 if n == 0 else n % 10 + digits_total(n // 10)
def digit_sum(n: int) -> int:
    """pre: n >= 0
    post: result == digits_total(n)"""
    s = 0
    while n > 0:
        s += n % 10
        n //= 10
    return s

## is_palindrome
def is_palindrome(s: str) -> bool:
    """post: result == (s == s[::-1])"""
    return s == s[::-1]

## count_letter
def count_letter(s: str, c: str) -> int:
    """pre: len(c) == 1
    post: result == sum(1 for x in s if x == c)"""
    n = 0
    for x in s:
        if x == c:
            n += 1
    return n

## keep_short
def keep_short(words: list[str], n: int) -> list[str]:
    """post: all(len(w) <= n for w in result)
    post: len(result) <= len(words)"""
    return [w for w in words if len(w) <= n]

## has_pair
def has_pair(a: list[int], t: int) -> bool:
    """post: result == any(a[i] + a[j] == t for i in range(len(a)) for j in range(i))"""
    for i in range(len(a)):
        for j in range(i):
            if a[i] + a[j] == t:
                return True
    return False

## first_negative
def first_negative(a: list[int]) -> int:
    """post: 0 <= result <= len(a)
    post: all(x >= 0 for x in a[:result])
    post: result == len(a) or a[result] < 0"""
    i = 0
    while i < len(a) and a[i] >= 0:
        i += 1
    return i

## zeros
def zeros(n: int) -> list[int]:
    """pre: n >= 0
    post: len(result) == n
    post: all(x == 0 for x in result)"""
    out = []
    for _ in range(n):
        out.append(0)
    return out

## fill
def fill(a: list[int], x: int) -> None:
    """post: len(a) == len(old_a)
    post: all(y == x for y in a)"""
    for i in range(len(a)):
        a[i] = x

## increment_all
def increment_all(a: list[int]) -> None:
    """post: len(a) == len(old_a)
    post: all(a[i] == old_a[i] + 1 for i in range(len(a)))"""
    for i in range(len(a)):
        a[i] += 1

## power
def power(b: int, n: int) -> int:
    """pre: n >= 0
    post: result == b ** n"""
    r = 1
    for _ in range(n):
        r *= b
    return r

## steps_down
def steps_down(n: int) -> int:
    """pre: n >= 0
    post: result == 0"""
    while n > 0:
        n -= 1
    return n

## recursive_sum
def recursive_sum(n: int) -> int:
    """pre: n >= 0
    post: 2 * result == n * (n + 1)"""
    if n == 0:
        return 0
    return n + recursive_sum(n - 1)

## pairwise_sum
def pairwise_sum(a: list[int], b: list[int]) -> list[int]:
    """pre: len(a) == len(b)
    post: len(result) == len(a)
    post: all(result[i] == a[i] + b[i] for i in range(len(a)))"""
    out = []
    for x, y in zip(a, b):
        out.append(x + y)
    return out

## sorted_check
def sorted_check(a: list[int]) -> bool:
    """post: result == all(a[i] <= a[i + 1] for i in range(len(a) - 1))"""
    for i in range(len(a) - 1):
        if a[i] > a[i + 1]:
            return False
    return True

## find_sorted
def find_sorted(a: list[int], x: int) -> bool:
    """pre: all(a[i] <= a[j] for j in range(len(a)) for i in range(j))
    post: result == (x in a)"""
    lo = 0
    hi = len(a)
    while lo < hi:
        mid = (lo + hi) // 2
        if a[mid] == x:
            return True
        if a[mid] < x:
            lo = mid + 1
        else:
            hi = mid
    return False

## range_list
def range_list(n: int) -> list[int]:
    """pre: n >= 0
    post: result == [i for i in range(n)]"""
    out = []
    i = 0
    while i < n:
        out.append(i)
        i += 1
    return out

## range_of
def range_of(a: list[int]) -> int:
    """pre: len(a) > 0
    post: result >= 0
    post: all(x - y <= result for x in a for y in a)"""
    return max(a) - min(a)
'''
