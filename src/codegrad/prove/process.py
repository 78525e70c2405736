"""Proofs in a process of their own, so that a solver may crash, hang or eat memory.

In: what `proof.prove` takes. Out: its result; `stopped` says why there is none. The
process is started with the first question and answers the next ones too, so a function
costs no start. Invariant: whatever happens in there, the caller gets a result or its
own interruption, and no process is left behind.

Example:
    >>> with Prover() as prover:
    ...     prover.prove('''
    ... def double(n: int) -> int:
    ...     "post: result == 2 * n"
    ...     return n + n
    ... ''', "double").status.name
    'PROVED'
"""

import ast
import json
import os
import selectors
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from codegrad.contract import Contract
from codegrad.prove.result import (
    NO_EXCEPTION,
    ClauseResult,
    ProofResult,
    Replay,
)
from codegrad.verdict import Status

DEFAULT_MEMORY_MB = 2048
_SILENCE_S = 300.0
"""Seconds without a word, on top of the share below, after which it hangs."""
_WALL_PER_CPU = 30.0
"""A busy machine gives a process this little of its time, at worst."""
_PIECE = 1 << 16


class Prover:
    """Proves contracts in child processes that are used again and again.

    Each thread that asks at the same time gets a process of its own. `close` ends
    them; they also end with this object and with this program.
    """

    def __init__(self, *, memory_mb: int = DEFAULT_MEMORY_MB) -> None:
        self.memory_mb = memory_mb
        self._idle: list[_Child] = []

    def prove(  # noqa: PLR0913 - the options of `proof.prove`
        self,
        source: str,
        entry: str,
        contract: Contract | None = None,
        *,
        runs: Sequence[tuple[object, ...]] = (),
        replay: Replay | None = None,
        cpu_s: float = 10.0,
        infer: bool = True,
    ) -> ProofResult:
        """Return what `proof.prove` returns; `UNKNOWN` if its process did not survive.

        `replay` is called in this process.
        """
        clauses = [
            (c.kind.value, c.expression, c.line, c.syntax)
            for c in (contract.clauses if contract else ())
        ]
        question = {
            "source": source,
            "entry": entry,
            "contract": None if contract is None else clauses,
            "problems": list(contract.problems) if contract else [],
            "runs": repr([run for run in runs if _is_plain(run)]),
            "replays": replay is not None,
            "cpu_s": cpu_s,
            "infer": infer,
        }
        child = self._take()
        try:
            found = child.ask(
                question, replay, silence_s=_SILENCE_S + _WALL_PER_CPU * cpu_s
            )
        except _GoneError as gone:
            child.end()
            return stopped(entry, str(gone))
        except BaseException:
            # Ctrl-C above all: an answer that nobody waits for must not come later.
            child.end()
            raise
        if "stopped" in found:
            # After a failed allocation a process is in no state to be trusted.
            child.end()
            return stopped(entry, found["stopped"])
        self._idle.append(child)
        return ProofResult.from_dict(found["result"])

    def _take(self) -> "_Child":
        while self._idle:
            child = self._idle.pop()
            if child.is_usable:
                return child
            child.end()
        return _Child(self.memory_mb)

    def close(self) -> None:
        """End the processes that are idle."""
        while self._idle:
            self._idle.pop().end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def stopped(entry: str, why: str) -> ProofResult:
    """Return the result of an attempt that ended before its answer."""
    reason = f"the prover stopped: {why}"
    clause = ClauseResult(NO_EXCEPTION, Status.UNKNOWN, reason)
    return ProofResult(entry, (clause,), stopped=why)


class _GoneError(Exception):
    """The process ended, or was ended, without an answer."""


class _Child:
    """One process and the pipes to it."""

    def __init__(self, memory_mb: int) -> None:
        # -P: a file of the user's directory must not pass for one of our modules.
        command = [sys.executable, "-P", "-m", "codegrad.prove.worker", str(memory_mb)]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.owner = os.getpid()
        self.rest = b""
        self._finalizer = weakref.finalize(self, _end, self.process, self.owner)

    @property
    def is_usable(self) -> bool:
        """Whether it lives and belongs to this process (not to one that forked)."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(
        self, question: Mapping[str, Any], replay: Replay | None, *, silence_s: float
    ) -> dict[str, Any]:
        """Return the answer; run what it wants replayed meanwhile.

        Raises:
            _GoneError: If the process ends or says nothing for too long.
        """
        self._say(question)
        while True:
            message = self._hear(silence_s)
            if "replay" not in message:
                return message
            assert replay is not None
            seen = replay(ast.literal_eval(message["replay"]))
            self._say(
                {
                    "is_in_domain": seen.is_in_domain,
                    "violated": seen.violated,
                    "observed": seen.observed,
                }
            )

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise _GoneError(self._cause()) from None

    def _hear(self, silence_s: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        pipe = self.process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while b"\n" not in self.rest:
                if not selector.select(silence_s):
                    message = f"no answer within {silence_s:.0f} s"
                    raise _GoneError(message)
                piece = os.read(pipe, _PIECE)
                if not piece:
                    raise _GoneError(self._cause())
                self.rest += piece
        line, _, self.rest = self.rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def _cause(self) -> str:
        code = self.process.wait()
        if code == -signal.SIGXCPU:
            return "its process used up its CPU limit"
        if code < 0:
            return f"its process was ended by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

    def end(self) -> None:
        """End the process, if it still runs."""
        self._finalizer()


def _end(process: "subprocess.Popen[bytes]", owner: int) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
    if owner == os.getpid():
        process.kill()
        process.wait()


def _is_plain(run: tuple[object, ...]) -> bool:
    """Return whether `repr` and `literal_eval` bring the arguments back."""
    try:
        return bool(ast.literal_eval(repr(run)) == run)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
