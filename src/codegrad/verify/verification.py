"""The loss function: run the ladder on a program and order what it found."""

import ast
from collections.abc import Callable

from codegrad.blame.critiques import Critic
from codegrad.code import Code, Program
from codegrad.loss import Loss
from codegrad.task import Sources, Task
from codegrad.verify.ladder import Ladder, LadderRun
from codegrad.verify.stage import Workbench


class VerificationLoss:
    r'''Verifies programs against one task.

    Example:
        >>> from codegrad.tasks.python_file import task_from_text
        >>> task = task_from_text(r"""
        ... def inc(x):
        ...     "For example inc(1) == 2."
        ...     return x
        ... """, "m.py", "inc")
        >>> with VerificationLoss(task) as loss_fn:
        ...     code = Code.from_task(task)
        ...     loss = loss_fn(code)
        ...     loss.backward()
        >>> loss.verified, code.grad.critiques[0].direction
        (False, 'inc(1) must return 2; it returns 1')
    '''

    def __init__(
        self,
        task: Task,
        *,
        bench: Workbench | None = None,
        ladder: Ladder | None = None,
        on_stage: Callable[[str], None] | None = None,
    ) -> None:
        self.task = task
        self.bench = bench or Workbench()
        self.ladder = ladder or Ladder()
        self._on_stage = on_stage

    def __call__(self, code: Code | Program) -> Loss:
        """Return the loss of a program; `backward` on it fills the gradients.

        Soft constraints of dear stages are left for `complete`.
        """
        program = code.program if isinstance(code, Code) else code
        return self._loss(program.sources, program)

    def evaluate(self, sources: Sources) -> Loss:
        """Return the loss of a candidate; it has no program to propagate to."""
        return self._loss(sources, None)

    def complete(self, loss: Loss, sources: Sources) -> Loss:
        """Return `loss`, that of `sources`, with the soft constraints left out of it.

        What was established stays as it is.
        """
        run = self.ladder.complete(
            LadderRun(loss.verdicts, loss.not_run),
            sources,
            self.task,
            self.bench,
            on_stage=self._on_stage,
        )
        return self._loss_of(run, sources, loss.program)

    def _loss(self, sources: Sources, program: Program | None) -> Loss:
        run = self.ladder.quick(sources, self.task, self.bench, on_stage=self._on_stage)
        return self._loss_of(run, sources, program)

    def _loss_of(
        self, run: LadderRun, sources: Sources, program: Program | None
    ) -> Loss:
        return Loss(
            self.task.constraints,
            run.verdicts,
            ladder=self.ladder.names,
            not_run=run.not_run,
            size=sum(map(_size, sources.values())),
            program=program,
            blamer=Critic(self.task, self.bench.observe),
            judge=self.evaluate,
        )

    def close(self) -> None:
        """Stop the isolated worker."""
        self.bench.close()

    def __enter__(self) -> "VerificationLoss":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _size(text: str) -> int:
    try:
        return sum(1 for _ in ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return len(text)
