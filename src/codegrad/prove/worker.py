"""The child side of `process`: proves what it is asked, one function after the other.

In: JSON lines on standard input. Out: JSON lines on what was standard output; solvers
may print what they like, it goes nowhere. Invariant: a question gets one answer, or the
process ends; its memory and the CPU seconds of each question are limited.
"""

import ast
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from codegrad.contract import Clause, ClauseKind, Contract
from codegrad.prove.proof import prove
from codegrad.prove.result import ReplayResult

GRACE_CPU_S = 2.0
"""CPU seconds for what is not yet, or no longer, under the prover's own control."""


def limit_memory(memory_mb: int) -> None:
    """Let allocations fail beyond that much address space; leave no core files."""
    size = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_cpu(cpu_s: float) -> None:
    """End this process once it has spent twice the seconds, and a little grace."""
    allowed = time.process_time() + 2 * cpu_s + GRACE_CPU_S
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(allowed)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def answer(question: Mapping[str, Any], talk: "Conversation") -> dict[str, Any]:
    """Return the result of one question as JSON-able data."""
    contract = None
    if question["contract"] is not None:
        clauses = tuple(
            Clause(ClauseKind(kind), *rest) for kind, *rest in question["contract"]
        )
        contract = Contract(clauses, tuple(question["problems"]))
    result = prove(
        question["source"],
        question["entry"],
        contract,
        runs=ast.literal_eval(question["runs"]),
        replay=talk.replay if question["replays"] else None,
        cpu_s=question["cpu_s"],
        infer=question["infer"],
    )
    return result.to_dict()


class Conversation:
    """The two lines to the parent."""

    def __init__(self, incoming: TextIO, outgoing: TextIO) -> None:
        self.incoming = incoming
        self.outgoing = outgoing

    def say(self, message: Mapping[str, Any]) -> None:
        """Send one message."""
        self.outgoing.write(json.dumps(message) + "\n")
        self.outgoing.flush()

    def replay(self, arguments: tuple[object, ...]) -> ReplayResult:
        """Ask the parent to run the real function."""
        self.say({"replay": repr(arguments)})
        return ReplayResult(**json.loads(self.incoming.readline()))


def main() -> None:
    """Answer questions until there are no more."""
    # Ctrl-C goes to the whole group: end at once, the parent tells the user.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    outgoing = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    limit_memory(int(sys.argv[1]))
    talk = Conversation(sys.stdin, outgoing)
    for line in sys.stdin:
        question = json.loads(line)
        limit_cpu(question["cpu_s"])
        found: dict[str, Any]
        try:
            found = {"result": answer(question, talk)}
        except MemoryError:
            found = {"stopped": "out of memory"}
        except Exception as error:  # noqa: BLE001 - the parent turns it into UNKNOWN
            found = {"stopped": f"{type(error).__name__}: {error}"}
        talk.say(found)


if __name__ == "__main__":
    main()
