"""How many tasks of HumanEval are proved once somebody writes their contract?

Run as `python -m codegrad.bench.proof_humaneval --data DIR`. The functions are read
from `HumanEval.jsonl.gz` there; the contracts below are ours. They are written for the
tasks of the development split whose solutions stay inside the subset by their looks,
before the prover saw them. Invariants are always inferred. What is proved is run on
generated inputs; a proof that does not survive them makes the exit code 1.
"""

import argparse
import gzip
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codegrad.bench.proof_reach import SURVIVED_INPUTS, survive
from codegrad.contract import Clause, ClauseKind, Contract
from codegrad.prove.proof import prove
from codegrad.prove.result import ProofResult
from codegrad.verdict import Status

Runs = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class Written:
    """A contract for one task."""

    post: tuple[str, ...]
    """What has to hold afterwards."""

    pre: tuple[str, ...] = ()
    """What may be taken for granted."""

    ghosts: str = ""
    """Definitions that the clauses use."""

    runs: Runs = ()
    """Calls that show the types where the task has no annotations."""

    @property
    def contract(self) -> Contract:
        """The clauses in the prover's form."""
        return Contract(
            tuple(
                Clause(kind, text, 0, "docstring")
                for kind, texts in (
                    (ClauseKind.PRE, self.pre),
                    (ClauseKind.POST, self.post),
                )
                for text in texts
            )
        )


_NUMBERS: Runs = (([1, 2],),)
_TEXT: Runs = (("ab",),)

CONTRACTS = {
    3: Written(
        (
            "result == any(sum(operations[:k]) < 0 "
            "for k in range(1, len(operations) + 1))",
        )
    ),
    8: Written(
        ("result[0] == sum(numbers)", "result[1] == product(numbers, len(numbers))"),
        ghosts=(
            "def product(a: list[int], n: int) -> int:\n"
            "    'pre: 0 <= n <= len(a)'\n"
            "    return 1 if n == 0 else product(a, n - 1) * a[n - 1]\n"
        ),
    ),
    10: Written(("result[:len(string)] == string", "result == result[::-1]")),
    29: Written(
        (
            "all(x.startswith(prefix) for x in result)",
            "all(x in strings for x in result)",
            "len(result) <= len(strings)",
        )
    ),
    35: Written(
        ("all(x <= result for x in l)", "result in l"), ("len(l) > 0",), runs=_NUMBERS
    ),
    40: Written(
        (
            "result == any(l[i] + l[j] + l[k] == 0 for i in range(len(l)) "
            "for j in range(i + 1, len(l)) for k in range(j + 1, len(l)))",
        ),
        runs=_NUMBERS,
    ),
    41: Written(("result == n * n",)),
    48: Written(("result == (text == text[::-1])",)),
    49: Written(("result == 2 ** n % p",), ("n >= 0", "p > 1")),
    52: Written(("result == all(x < t for x in l)",), runs=(([1], 2),)),
    62: Written(
        (
            "len(result) == max(0, len(xs) - 1)",
            "all(result[i] == (i + 1) * xs[i + 1] for i in range(len(result)))",
        ),
        runs=_NUMBERS,
    ),
    64: Written(
        (
            "result == sum(1 for c in s if c in 'aeiouAEIOU') "
            "+ (1 if s[-1] in 'yY' else 0)",
        ),
        ("len(s) > 0",),
        runs=_TEXT,
    ),
    69: Written(
        ("result == -1 or lst.count(result) >= result > 0",),
        ("len(lst) > 0", "all(x > 0 for x in lst)"),
        runs=_NUMBERS,
    ),
    72: Written(("result == (q == q[::-1] and sum(q) <= w)",), runs=(([1], 2),)),
    78: Written(("result == sum(1 for c in num if c in '2357BD')",), runs=_TEXT),
    82: Written(
        (
            "result == (len(string) >= 2 and "
            "all(len(string) % i != 0 for i in range(2, len(string))))",
        ),
        runs=_TEXT,
    ),
    85: Written(
        (
            "result == sum(lst[i] for i in range(len(lst)) "
            "if i % 2 == 1 and lst[i] % 2 == 0)",
        ),
        runs=_NUMBERS,
    ),
    106: Written(
        (
            "len(result) == n",
            "all(result[i - 1] == (fact(i) if i % 2 == 0 else i * (i + 1) // 2) "
            "for i in range(1, n + 1))",
        ),
        ("n >= 0",),
        ghosts=(
            "def fact(n: int) -> int:\n"
            "    'pre: n >= 0'\n"
            "    return 1 if n == 0 else n * fact(n - 1)\n"
        ),
        runs=((3,),),
    ),
    132: Written(("implies(result, len(string) >= 4)",), runs=_TEXT),
}


def sources(data: Path) -> Iterator[tuple[int, str, str]]:
    """Yield number, entry point and source of the tasks that have a contract here."""
    with gzip.open(data / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            number = int(row["task_id"].split("/")[1])
            if number in CONTRACTS:
                text = row["prompt"] + row["canonical_solution"]
                yield number, row["entry_point"], text


def attempt(number: int, entry: str, source: str) -> tuple[ProofResult, int, int]:
    """Return the proof, and on how many inputs it was tried and broken."""
    written = CONTRACTS[number]
    whole = f"{source}\n{written.ghosts}"
    result = prove(whole, entry, written.contract, runs=written.runs)
    tried = broken = 0
    if result.status is Status.PROVED:
        tried, broken = survive(
            entry, whole, written.contract, count=SURVIVED_INPUTS, runs=written.runs
        )
    return result, tried, broken


def main() -> int:
    """Measure the tasks that have a contract; return 1 if a proof was wrong."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.proof_humaneval")
    parser.add_argument("--data", type=Path, required=True, help="where the file is")
    data: Path = parser.parse_args().data
    results, calls, wrong = [], 0, 0
    for number, entry, source in sources(data):
        result, tried, broken = attempt(number, entry, source)
        results.append(result)
        calls, wrong = calls + tried, wrong + broken
        reason = next((c.reason for c in result.clauses if c.reason), "")
        line = f"HumanEval/{number} {result.status.name} {result.cpu_s:.2f} s {reason}"
        sys.stdout.write(f"{line}\n")
    proved = sum(r.status is Status.PROVED for r in results)
    cost = statistics.median(r.cpu_s for r in results)
    sys.stdout.write(
        f"{proved} of {len(results)} proved, median {cost:.2f} s CPU; "
        f"{calls} calls, {wrong} broke a proved contract\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
