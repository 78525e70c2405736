"""Small functions in the styles that different people write, with contracts.

Written without looking at what the prover can do, to measure its reach on code that it
was not made for. `STYLES_GIVEN` has invariants where there are loops, `STYLES_BARE` has
none. Invariant: every contract is true; the measurement checks that on inputs.
"""
# ruff: noqa: E501 - a clause of a contract is one line

STYLES_GIVEN = '''
## running_max
def running_max(xs: list[int]) -> list[int]:
    """post: len(result) == len(xs)
    post: all(result[i] >= xs[j] for i in range(len(xs)) for j in range(i + 1))
    post: all(result[i] in xs for i in range(len(xs)))"""
    out: list[int] = []
    for i, x in enumerate(xs):
        assert len(out) == i
        assert all(out[p] >= xs[q] for p in range(i) for q in range(p + 1))
        assert all(out[p] in xs for p in range(i))
        if out and out[-1] > x:
            out.append(out[-1])
        else:
            out.append(x)
    return out

## prefix_sums
def prefix_sums(xs: list[int]) -> list[int]:
    """post: len(result) == len(xs) + 1
    post: all(result[k] == sum(xs[:k]) for k in range(len(xs) + 1))"""
    acc = [0]
    for i in range(len(xs)):
        assert len(acc) == i + 1
        assert all(acc[k] == sum(xs[:k]) for k in range(i + 1))
        acc.append(acc[-1] + xs[i])
    return acc

## has_pair_sum
def has_pair_sum(xs: list[int], target: int) -> bool:
    """post: result == any(xs[i] + xs[j] == target for j in range(len(xs)) for i in range(j))"""
    for j in range(len(xs)):
        assert all(xs[p] + xs[q] != target for q in range(j) for p in range(q))
        for i in range(j):
            assert all(xs[p] + xs[q] != target for q in range(j) for p in range(q))
            assert all(xs[p] + xs[j] != target for p in range(i))
            if xs[i] + xs[j] == target:
                return True
    return False

## two_pointers
def two_pointers(s: str) -> bool:
    """post: result == (s == s[::-1])"""
    i = 0
    j = len(s) - 1
    while i < j:
        assert i + j == len(s) - 1 and i >= 0
        assert all(s[k] == s[len(s) - 1 - k] for k in range(i))
        if s[i] != s[j]:
            return False
        i += 1
        j -= 1
    return True

## lower_bound
def lower_bound(xs: list[int], x: int) -> int:
    """pre: all(xs[i] <= xs[i + 1] for i in range(len(xs) - 1))
    pre: all(xs[i] <= xs[j] for i in range(len(xs)) for j in range(i, len(xs)))
    post: 0 <= result <= len(xs)
    post: all(y < x for y in xs[:result])
    post: all(y >= x for y in xs[result:])"""
    left, right = 0, len(xs)
    while left != right:
        assert 0 <= left <= right <= len(xs)
        assert all(xs[k] < x for k in range(left))
        assert all(xs[k] >= x for k in range(right, len(xs)))
        middle = left + (right - left) // 2
        if xs[middle] < x:
            left = middle + 1
        else:
            right = middle
    return left

## partition_by
def partition_by(xs: list[int], pivot: int) -> tuple[list[int], list[int]]:
    """post: all(x < pivot for x in result[0])
    post: all(x >= pivot for x in result[1])
    post: len(result[0]) + len(result[1]) == len(xs)"""
    small: list[int] = []
    large: list[int] = []
    for n, x in enumerate(xs):
        assert all(y < pivot for y in small)
        assert all(y >= pivot for y in large)
        assert len(small) + len(large) == n
        if x < pivot:
            small.append(x)
        else:
            large.append(x)
    return small, large

## digit_sum
def dsum(n: int) -> int:
    """pre: n >= 0"""
    return n if n < 10 else n % 10 + dsum(n // 10)
def digit_sum(n: int) -> int:
    """pre: n >= 0
    post: result == dsum(n)"""
    total = 0
    rest = n
    while rest > 0:
        assert rest >= 0
        assert total + dsum(rest) == dsum(n)
        total += rest % 10
        rest //= 10
    return total

## count_digits
def count_digits(n: int) -> int:
    """pre: n > 0
    post: 10 ** (result - 1) <= n < 10 ** result"""
    digits = 1
    bound = 10
    while bound <= n:
        assert digits >= 1
        assert bound == 10 ** digits
        assert 10 ** (digits - 1) <= n
        digits += 1
        bound *= 10
    return digits

## power_loop
def pw(b: int, e: int) -> int:
    """pre: e >= 0"""
    return 1 if e == 0 else b * pw(b, e - 1)
def power_loop(b: int, e: int) -> int:
    """pre: e >= 0
    post: result == pw(b, e)"""
    r = 1
    for i in range(e):
        assert r == pw(b, i)
        r *= b
    return r

## remove_value
def remove_value(xs: list[int], v: int) -> list[int]:
    """post: v not in result
    post: result == [x for x in xs if x != v]"""
    kept = []
    for k in range(len(xs)):
        assert kept == [x for x in xs[:k] if x != v]
        assert v not in kept
        if xs[k] != v:
            kept.append(xs[k])
    return kept

## zip_add
def zip_add(a: list[int], b: list[int]) -> list[int]:
    """pre: len(a) == len(b)
    post: len(result) == len(a)
    post: all(result[i] == a[i] + b[i] for i in range(len(a)))"""
    total = []
    for n, (x, y) in enumerate(zip(a, b)):
        assert len(total) == n
        assert all(total[k] == a[k] + b[k] for k in range(n))
        total.append(x + y)
    return total

## no_duplicates
def no_duplicates(xs: list[int]) -> bool:
    """post: result == all(xs[i] != xs[j] for i in range(len(xs)) for j in range(i))"""
    i = 0
    while i < len(xs):
        assert 0 <= i <= len(xs)
        assert all(xs[p] != xs[q] for p in range(i) for q in range(p))
        j = 0
        while j < i:
            assert 0 <= j <= i < len(xs)
            assert all(xs[i] != xs[q] for q in range(j))
            assert all(xs[p] != xs[q] for p in range(i) for q in range(p))
            if xs[i] == xs[j]:
                return False
            j += 1
        i += 1
    return True

## last_index
def last_index(xs: list[int], x: int) -> int:
    """post: -1 <= result < len(xs)
    post: result == -1 or xs[result] == x
    post: all(xs[k] != x for k in range(result + 1, len(xs)))"""
    for k in range(len(xs) - 1, -1, -1):
        assert all(xs[q] != x for q in range(k + 1, len(xs)))
        if xs[k] == x:
            return k
    return -1

## gcd_loop
def g(a: int, b: int) -> int:
    return a if b == 0 else g(b, a % b)
def gcd_loop(a: int, b: int) -> int:
    """pre: a >= 0 and b >= 0
    post: result == g(a, b)"""
    x, y = a, b
    while y:
        assert x >= 0 and y >= 0
        assert g(x, y) == g(a, b)
        x, y = y, x % y
    return x

## min_max
def min_max(xs: list[int]) -> tuple[int, int]:
    """pre: len(xs) >= 1
    post: result[0] == min(xs) and result[1] == max(xs)"""
    lo = hi = xs[0]
    for k in range(1, len(xs)):
        assert lo == min(xs[:k])
        assert hi == max(xs[:k])
        if xs[k] < lo:
            lo = xs[k]
        elif xs[k] > hi:
            hi = xs[k]
    return lo, hi

## bubble_pass
def bubble_pass(xs: list[int]) -> list[int]:
    """pre: len(xs) > 0
    post: len(result) == len(xs)
    post: all(y <= result[-1] for y in result)"""
    out = xs[:]
    for i in range(len(out) - 1):
        assert len(out) == len(xs)
        assert all(out[q] <= out[i] for q in range(i + 1))
        if out[i] > out[i + 1]:
            out[i], out[i + 1] = out[i + 1], out[i]
    return out

## every_other
def every_other(xs: list[int]) -> list[int]:
    """post: result == xs[::2]"""
    out = []
    i = 0
    while i < len(xs):
        assert i == 2 * len(out)
        assert i <= len(xs) + 1
        assert all(out[k] == xs[2 * k] for k in range(len(out)))
        out.append(xs[i])
        i += 2
    return out

## sum_even
def sum_even(xs: list[int]) -> int:
    """post: result == sum(x for x in xs if x % 2 == 0)"""
    s = 0
    for n, x in enumerate(xs):
        assert s == sum(y for y in xs[:n] if y % 2 == 0)
        if x % 2:
            continue
        s += x
    return s

## longest_run
def longest_run(xs: list[int]) -> int:
    """post: 0 <= result <= len(xs)"""
    best = run = 0
    for n, x in enumerate(xs):
        assert 0 <= run <= n
        assert 0 <= best <= n
        run = run + 1 if n > 0 and xs[n - 1] == x else 1
        best = max(best, run)
    return best

## caesar
def caesar(s: str, shift: int) -> str:
    """pre: all("a" <= c <= "z" for c in s) and shift >= 0
    post: len(result) == len(s)
    post: all("a" <= c <= "z" for c in result)"""
    out = ""
    for n, c in enumerate(s):
        assert len(out) == n
        assert all("a" <= d <= "z" for d in out)
        out += chr((ord(c) - ord("a") + shift) % 26 + ord("a"))
    return out

## merge_sorted
def merge_sorted(a: list[int], b: list[int]) -> list[int]:
    """pre: all(a[i] <= a[j] for j in range(len(a)) for i in range(j))
    pre: all(b[i] <= b[j] for j in range(len(b)) for i in range(j))
    post: len(result) == len(a) + len(b)
    post: all(result[i] <= result[i + 1] for i in range(len(result) - 1))"""
    out: list[int] = []
    i = j = 0
    while i < len(a) or j < len(b):
        assert 0 <= i <= len(a) and 0 <= j <= len(b) and len(out) == i + j
        assert all(out[k] <= out[k + 1] for k in range(len(out) - 1))
        assert not out or i == len(a) or out[-1] <= a[i]
        assert not out or j == len(b) or out[-1] <= b[j]
        if j == len(b) or i < len(a) and a[i] <= b[j]:
            out.append(a[i])
            i += 1
        else:
            out.append(b[j])
            j += 1
    return out
'''

STYLES_BARE = '''
## argmax
def argmax(xs: list[int]) -> int:
    """pre: xs
    post: 0 <= result < len(xs)
    post: all(x <= xs[result] for x in xs)"""
    best = 0
    for i in range(1, len(xs)):
        if xs[i] > xs[best]:
            best = i
    return best

## count_if
def count_if(xs: list[int], limit: int) -> int:
    """post: result == len([x for x in xs if x > limit])"""
    n = 0
    for x in xs:
        if x > limit:
            n += 1
    return n

## clamp_all
def clamp_all(xs: list[int], lo: int, hi: int) -> list[int]:
    """pre: lo <= hi
    post: len(result) == len(xs)
    post: all(lo <= y <= hi for y in result)"""
    return [lo if x < lo else hi if x > hi else x for x in xs]

## any_negative
def any_negative(xs: list[int]) -> bool:
    """post: result == any(x < 0 for x in xs)"""
    for x in xs:
        if x < 0:
            return True
    return False

## find_first
def find_first(xs: list[int], x: int) -> int:
    """post: (result == -1) == (x not in xs)
    post: result == -1 or xs[result] == x"""
    i = 0
    while i < len(xs):
        if xs[i] == x:
            return i
        i += 1
    return -1

## dot
def dot(a: list[int], b: list[int]) -> int:
    """pre: len(a) == len(b)
    post: result == sum(a[i] * b[i] for i in range(len(a)))"""
    total = 0
    for i in range(len(a)):
        total = total + a[i] * b[i]
    return total

## negate_all
def negate_all(xs: list[int]) -> list[int]:
    """post: result == [-x for x in xs]"""
    out = []
    for x in xs:
        out.append(-x)
    return out

## my_reversed
def my_reversed(xs: list[int]) -> list[int]:
    """post: result == xs[::-1]"""
    out = []
    for i in range(len(xs)):
        out.append(xs[len(xs) - 1 - i])
    return out

## reverse_string
def reverse_string(s: str) -> str:
    """post: result == s[::-1]"""
    out = ""
    for c in s:
        out = c + out
    return out

## triangle
def triangle(n: int) -> int:
    """pre: n >= 0
    post: result == n * (n + 1) // 2"""
    total = 0
    for i in range(1, n + 1):
        total += i
    return total

## sum_squares
def sum_squares(n: int) -> int:
    """pre: n >= 0
    post: 6 * result == n * (n + 1) * (2 * n + 1)"""
    s = 0
    i = 0
    while i < n:
        i += 1
        s += i * i
    return s

## int_sqrt
def int_sqrt(n: int) -> int:
    """pre: n >= 0
    post: result >= 0 and result ** 2 <= n and n < (result + 1) ** 2"""
    lo, hi = 0, n + 1
    while hi - lo > 1:
        mid = (lo + hi) // 2
        if mid * mid <= n:
            lo = mid
        else:
            hi = mid
    return lo

## multiply
def multiply(a: int, b: int) -> int:
    """pre: b >= 0
    post: result == a * b"""
    result = 0
    while b > 0:
        if b % 2 == 1:
            result += a
        a = a + a
        b = b // 2
    return result

## fib
def fb(n: int) -> int:
    """pre: n >= 0"""
    return n if n < 2 else fb(n - 1) + fb(n - 2)
def fib(n: int) -> int:
    """pre: n >= 0
    post: result == fb(n)"""
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a

## sum_list_recursive
def sum_list_recursive(xs: list[int]) -> int:
    """post: result == sum(xs)"""
    if len(xs) == 0:
        return 0
    return xs[-1] + sum_list_recursive(xs[:-1])

## contains_recursive
def contains_recursive(xs: list[int], x: int) -> bool:
    """post: result == (x in xs)"""
    if not xs:
        return False
    if xs[0] == x:
        return True
    return contains_recursive(xs[1:], x)

## second_largest
def second_largest(xs: list[int]) -> int:
    """pre: len(xs) >= 2
    post: result == sorted(xs)[-2]"""
    return sorted(xs)[-2]

## sort_copy
def sort_copy(xs: list[int]) -> list[int]:
    """post: sorted(result) == sorted(xs)
    post: all(result[i] >= result[i + 1] for i in range(len(result) - 1))"""
    ys = list(xs)
    ys.sort()
    ys.reverse()
    return ys

## evens
def evens(xs: list[int]) -> list[int]:
    """post: all(y % 2 == 0 for y in result)
    post: all(y in xs for y in result)
    post: len(result) <= len(xs)"""
    return [x for x in xs if x % 2 == 0]

## vowel_count
def vowel_count(s: str) -> int:
    """post: 0 <= result <= len(s)
    post: result == sum(1 for c in s if c in "aeiou")"""
    n = 0
    for c in s:
        if c in "aeiou":
            n += 1
    return n

## duplicates
def duplicates(xs: list[int]) -> bool:
    """post: result == any(xs[i] == xs[j] for i in range(len(xs)) for j in range(i + 1, len(xs)))"""
    for i in range(len(xs)):
        for j in range(i + 1, len(xs)):
            if xs[i] == xs[j]:
                return True
    return False

## alternate
def alternate(n: int) -> list[int]:
    """pre: n >= 0
    post: len(result) == n
    post: all(result[i] == i % 2 for i in range(n))"""
    out = []
    bit = 0
    while len(out) < n:
        out.append(bit)
        bit = 1 - bit
    return out

## monotonic
def monotonic(xs: list[int]) -> bool:
    """post: result == all(xs[i] <= xs[i + 1] for i in range(len(xs) - 1))"""
    for a, b in zip(xs, xs[1:]):
        if a > b:
            return False
    return True

## fill_zero
def fill_zero(xs: list[int]) -> None:
    """post: len(xs) == len(old_xs)
    post: all(x == 0 for x in xs)"""
    for i in range(len(xs)):
        xs[i] = 0

## median_of_three
def median_of_three(a: int, b: int, c: int) -> int:
    """post: result == sorted([a, b, c])[1]"""
    return max(min(a, b), min(max(a, b), c))

## leap
def leap(y: int) -> bool:
    """post: result == ((y % 4 == 0) - (y % 100 == 0) + (y % 400 == 0) == 1)"""
    if y % 400 == 0:
        return True
    if y % 100 == 0:
        return False
    return y % 4 == 0
'''
