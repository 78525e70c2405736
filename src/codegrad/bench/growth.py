"""Is the class of growth right? Functions of known growth, measured again and again.

    python -m codegrad.bench.growth [--runs 10] [--only NAME]

For each function and run the efficiency stage names a class or nothing. Printed: the
share that is right, that is UNKNOWN, and that is wrong by one class or by more.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence

from codegrad.tasks.python_file import task_from_text
from codegrad.verify.efficiency import measure
from codegrad.verify.generation import inputs_of
from codegrad.verify.growth import growth_of
from codegrad.verify.stage import Workbench

FUNCTIONS: tuple[tuple[str, str, str], ...] = (
    ("O(1)", "first", "def first(xs: list[int]):\n    return xs[0]"),
    ("O(1)", "ends", "def ends(xs: list[int]):\n    return xs[0] + xs[-1] * 2"),
    ("O(1)", "half", "def half(xs: list[int]):\n    return xs[len(xs) // 2]"),
    ("O(1)", "formula", "def formula(n: int):\n    return n * (n + 1) // 2"),
    (
        "O(1)",
        "peek",
        "def peek(s: str):\n    for c in s:\n        return c\n    return ''",
    ),
    (
        "O(log n)",
        "bisected",
        '''def bisected(xs: list[int]):
    """
    >>> bisected([1, 2, 3])
    0
    >>> bisected([2, 5, 7, 9])
    0
    >>> bisected([0, 4, 8])
    1

    pre: all(a <= b for a, b in zip(xs, xs[1:]))
    """
    low, high = 0, len(xs)
    while low < high:
        middle = (low + high) // 2
        if xs[middle] < 1:
            low = middle + 1
        else:
            high = middle
    return low''',
    ),
    (
        "O(log n)",
        "digits",
        """def digits(n: int):
    total = 0
    while n > 0:
        total += n % 2
        n //= 2
    return total""",
    ),
    (
        "O(log n)",
        "squared_power",
        """def squared_power(n: int):
    result, base = 1, 3
    while n > 0:
        if n % 2:
            result = result * base % 1000003
        base = base * base % 1000003
        n //= 2
    return result""",
    ),
    (
        "O(log n)",
        "halvings",
        """def halvings(xs: list[int]):
    n, steps = len(xs), 0
    while n > 1:
        n = n // 2
        steps += 1
    return steps""",
    ),
    (
        "O(log n)",
        "recursive_log",
        "def recursive_log(n: int):\n"
        "    return 0 if n <= 1 else 1 + recursive_log(n // 2)",
    ),
    (
        "O(n)",
        "largest",
        """def largest(xs: list[int]):
    best = xs[0]
    for x in xs:
        if x > best:
            best = x
    return best""",
    ),
    ("O(n)", "total", "def total(xs: list[int]):\n    return sum(x * x for x in xs)"),
    (
        "O(n)",
        "unique",
        """def unique(xs: list[int]):
    seen, found = set(), []
    for x in xs:
        if x not in seen:
            seen.add(x)
            found.append(x)
    return found""",
    ),
    (
        "O(n)",
        "vowels",
        "def vowels(s: str):\n    return sum(1 for c in s if c in 'aeiou')",
    ),
    (
        "O(n)",
        "fibonacci",
        """def fibonacci(n: int):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, (a + b) % 1000003
    return a""",
    ),
    (
        "O(n)",
        "numbers",
        """import re
def numbers(s: str):
    return len(re.findall("[0-9]|[a-z]", s))""",
    ),
    (
        "O(n)",
        "shortened",
        """def shortened(xs: list[int]):
    xs = list(xs)
    while len(xs) > 1:
        del xs[-1]
    return xs""",
    ),
    ("O(n log n)", "in_order", "def in_order(xs: list[int]):\n    return sorted(xs)"),
    (
        "O(n log n)",
        "merge_sort",
        """def merge_sort(xs: list[int]):
    if len(xs) < 2:
        return xs
    half = len(xs) // 2
    a, b, out, i, j = merge_sort(xs[:half]), merge_sort(xs[half:]), [], 0, 0
    while i < len(a) and j < len(b):
        if a[i] <= b[j]:
            out.append(a[i])
            i += 1
        else:
            out.append(b[j])
            j += 1
    return out + a[i:] + b[j:]""",
    ),
    (
        "O(n log n)",
        "heap_sort",
        """def heap_sort(xs: list[int]):
    import heapq
    heap = []
    for x in xs:
        heapq.heappush(heap, x)
    return [heapq.heappop(heap) for _ in xs]""",
    ),
    (
        "O(n log n)",
        "halving_loops",
        """def halving_loops(xs: list[int]):
    count = 0
    for x in xs:
        n = len(xs)
        while n > 0:
            n //= 2
            count += x
    return count""",
    ),
    (
        "O(n log n)",
        "closest",
        """def closest(xs: list[int]):
    ordered = list(xs)
    ordered.sort(key=lambda x: (x % 1009, x))
    return ordered""",
    ),
    (
        "O(n^2)",
        "pairs",
        """def pairs(xs: list[int]):
    count = 0
    for i in range(len(xs)):
        for j in range(i + 1, len(xs)):
            if xs[i] + xs[j] == 0:
                count += 1
    return count""",
    ),
    (
        "O(n^2)",
        "bubble",
        """def bubble(xs: list[int]):
    xs = list(xs)
    for i in range(len(xs)):
        for j in range(len(xs) - 1 - i):
            if xs[j] > xs[j + 1]:
                xs[j], xs[j + 1] = xs[j + 1], xs[j]
    return xs""",
    ),
    (
        "O(n^2)",
        "slow_unique",
        """def slow_unique(xs: list[int]):
    found = []
    for x in xs:
        if x not in found:
            found.append(x)
    return found""",
    ),
    (
        "O(n^2)",
        "smaller",
        "def smaller(xs: list[int]):\n"
        "    return sum(1 for x in xs for y in xs if x < y)",
    ),
    (
        "O(n^2)",
        "suffixes",
        "def suffixes(s: str):\n    return sum(len(s[i:]) for i in range(len(s)))",
    ),
    (
        "O(n^2)",
        "all_pairs",
        """import itertools
def all_pairs(xs: list[int]):
    return len(list(itertools.combinations(xs, 2)))""",
    ),
    (
        "O(n^3)",
        "triples",
        """def triples(xs: list[int]):
    count, n = 0, len(xs)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                if xs[i] + xs[j] + xs[k] == 0:
                    count += 1
    return count""",
    ),
    (
        "O(n^3)",
        "substrings",
        """def substrings(s: str):
    count = 0
    for i in range(len(s)):
        for j in range(i, len(s)):
            for k in range(i, j):
                if s[k] == s[i]:
                    count += 1
    return count""",
    ),
    (
        "O(n^3)",
        "cubes",
        """def cubes(n: int):
    r = range(n)
    return sum(1 for a in r for b in r for c in r if a + b == c)""",
    ),
    (
        "O(2^n)",
        "naive_fibonacci",
        "def naive_fibonacci(n: int):\n"
        "    return n if n < 2 else naive_fibonacci(n - 1) + naive_fibonacci(n - 2)",
    ),
    (
        "O(2^n)",
        "subset_sums",
        """def subset_sums(xs: list[int]):
    def go(i, total):
        if i == len(xs):
            return total == 0
        return go(i + 1, total) + go(i + 1, total + xs[i])
    return go(0, 0)""",
    ),
    (
        "O(2^n)",
        "hanoi",
        """def hanoi(n: int):
    if n == 0:
        return 0
    return hanoi(n - 1) + 1 + hanoi(n - 1)""",
    ),
)
"""Class, name and text of each function."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print one line a function and a summary."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.growth")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--only", default="")
    options = parser.parse_args(arguments)
    totals: Counter[str] = Counter()
    seconds: list[float] = []
    with Workbench() as bench:
        for expected, name, text in FUNCTIONS:
            if options.only and name not in options.only.split(","):
                continue
            task = task_from_text(text, "m.py", name)
            inputs = inputs_of(task)
            truth = growth_of(expected)
            assert truth is not None
            seen: Counter[str] = Counter()
            for _ in range(options.runs):
                start = time.perf_counter()
                found = measure(text, task, inputs, bench)
                seconds.append(time.perf_counter() - start)
                if found.growth is None:
                    seen[f"UNKNOWN ({found.reason})"] += 1
                    totals["unknown"] += 1
                    continue
                seen[str(found.growth)] += 1
                off = abs(found.growth - truth)
                totals["right" if not off else f"wrong by {min(off, 2)}"] += 1
            answers = ", ".join(f"{text} x{n}" for text, n in seen.most_common())
            _say(f"{name:16} {expected:11} {answers}")
    runs = sum(totals.values())
    if runs:
        parts = (
            f"{kind} {n} ({100 * n / runs:.1f} %)" for kind, n in sorted(totals.items())
        )
        median = statistics.median(seconds)
        _say(f"{runs} runs: {', '.join(parts)}; wall s median {median:.2f}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is a program


if __name__ == "__main__":
    sys.exit(main())
