"""The search over kernel jobs: which candidates to try next, and what they came to.

Single edits first, cheapest first; then again with more steps those that ran out of
them; then, in turns by their promise, synthesised expressions and a second edit on
programs that a first one made better. Everything that a later call needs is in a state
of plain values, so that a killed search goes on where it was. This file runs in our own
process and starts no child itself: it is given `run_job`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from codegrad.search.ranking import penalised_cost, rank

Json = dict[str, Any]

CHUNK = 4096
"""Candidates of one job at most."""

RIVAL_CANDIDATES = 1500
"""Candidates tried after the first plausible one, to see how many others there are."""

MAX_RETRIED = 400
"""Candidates that ran out of steps and are tried with more."""

MAX_RETRIED_AGAIN = 16
"""Of those, how many are tried with more steps still: a right program may be slow."""

RETRY_TICKS = {"ticks": 200_000, "patience": 2_000_000, "holes": 20_000}
"""Steps of one test in the phases that do not go by the program's own."""

MAX_SECOND_EDITS = 6000
"""Edits of a program that is itself one edit away."""

SECOND_SLICE = 1500
"""Of these, how many are tried before other programs have their turn."""

SLICE_PENALTY = 0.25
"""What the promise of a program falls by with each slice that found nothing."""

HOLE_PROMISE = 0.2
"""Promise of synthesis for the program itself, beside that of second edits."""

HOLE_SLICE = 3000
HOLE_PENALTY = 0.15

NO_SLICES = 1 << 60

MAX_PARTS = 4
"""Edits that repair a part of what fails and are remembered."""

MAX_QUEUE = 300
"""Partly better programs that are remembered."""

MAX_DEPTH = 2
"""Edits in a row."""

MAX_DEATHS = 8
"""Children that may die in one program before it is given up."""


class JobRun(Protocol):
    """A running job: iterate for its frames, then ask how it ended."""

    @property
    def ended(self) -> str:
        """`finished`, `timeout` or `died`; valid after iteration."""

    @property
    def mark(self) -> int:
        """Index of the candidate that was tried last, -1 if none was."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the frames as they come."""


RunJob = Callable[[Json], JobRun]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A program that passed every test the kernel could see."""

    source: str
    """Text of the whole module."""
    cost: float
    """Priors and suspicion of its edits together; lower is likelier."""
    template: str
    """Kind of the edit; two edits are joined by `+`."""
    line: int
    """Line of the last edit, in the program that it was made in."""
    edit: str
    """The new text, short."""
    plausible: bool
    """Whether every visible test passed."""
    score: float
    """Tests passed, with partial credit."""
    strict: bool
    """Whether results also had the expected types."""
    lost: int
    """Lines that the tests reached before the last edit and reach no more."""
    depth: int
    """Number of edits."""
    rivals: int
    """How many other plausible programs were found beside it."""
    gained: int = 0
    """Failing tests that pass now, of a program that is not plausible."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call of `Frontier.advance` found."""

    proposals: Sequence[Proposal]
    """New plausible programs, the likeliest first."""
    spent: int
    """Candidates tried; those that took many steps count more than once."""
    exhausted: bool
    """Whether nothing is left to try."""
    error: str = ""
    """Why the program could not be searched, if it could not."""
    passed: int = 0
    """Tests that the program passed as it was."""
    total: int = 0
    """Number of tests."""


@dataclass(slots=True)
class _Node:
    """A program whose edits are being tried."""

    source: str
    depth: int = 0
    cost: float = 0.0
    template: str = ""
    promise: float = 0.0
    phase: str = "edits"
    next: int = 0
    generated: int = -1
    slice_end: int = NO_SLICES
    """Where the node must wait for its next turn."""
    out_of_ticks: list[int] = field(default_factory=list)
    """Candidates of this phase that ran out of steps."""
    retried: list[int] = field(default_factory=list)
    """Candidates that this phase tries with more."""
    deaths: int = 0
    hanging: list[int] = field(default_factory=list)
    """Tests that hang with this program."""


@dataclass(slots=True)
class _State:
    """Everything that a later call needs; plain values only."""

    root: str = ""
    node: _Node | None = None
    queue: list[tuple[float, float, int, Json]] = field(default_factory=list)
    """Heap of (-promise, cost, number, node) of partly better programs."""
    seen: list[str] = field(default_factory=list)
    """Programs that were searched or queued."""
    proposed: list[str] = field(default_factory=list)
    """Programs that were found plausible."""
    found: list[Json] = field(default_factory=list)
    """Plausible programs not yet handed over."""
    parts: list[Json] = field(default_factory=list)
    """Edits of the program itself that make failing tests pass and break none, the
    best first."""
    apart: int = 0
    """Failing tests that run none of the functions that may change."""
    has_tried_single: bool = False
    """Whether every single edit of the program itself was tried."""
    pushed: int = 0
    """Items that were ever put into the queue."""
    window: int = -1
    """Candidates left to try for rivals; -1 while none was found."""
    spent: int = 0
    passed: int = 0
    total: int = 0
    stub: bool = False
    error: str = ""
    exhausted: bool = False


class Frontier:
    """A search that can be continued, saved and resumed.

    Args:
        payload: The job fields that stay the same: `context`, `entry`, `functions`,
            `tests`, `suspicion`, `prompt`.
        run_job: Runs one job in a child of its own.
        seed: Carried into the jobs.

    The same payload, seed, programs and budgets give the same batches, also when the
    frontier was saved by `state` and restored by `from_state` between two calls.
    """

    def __init__(
        self, payload: Mapping[str, Any], run_job: RunJob, seed: int = 0
    ) -> None:
        self._payload = dict(payload)
        self._run_job = run_job
        self._seed = seed
        self._rivals = RIVAL_CANDIDATES
        self._state = _State()

    # -- saving

    def state(self) -> Json:
        """Return what `from_state` needs, as plain JSON values."""
        return {"payload": self._payload, "seed": self._seed, **asdict(self._state)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], run_job: RunJob) -> Frontier:
        """Return a frontier that goes on where the saved one was."""
        fields = dict(state)
        frontier = cls(fields.pop("payload"), run_job, fields.pop("seed"))
        node = fields.pop("node")
        queue = [(q[0], q[1], q[2], q[3]) for q in fields.pop("queue")]
        frontier._state = _State(
            **fields, node=_Node(**node) if node else None, queue=queue
        )
        return frontier

    # -- what a repair in several modules needs

    @property
    def has_tried_single(self) -> bool:
        """Whether every single edit was tried, or nothing is left to try."""
        return self._state.has_tried_single or self._state.exhausted

    @property
    def is_one_of_several(self) -> bool:
        """Whether some failing test runs none of the functions that may change.

        Then no edit here makes all tests pass.
        """
        return self._state.apart > 0

    def take_parts(self) -> Sequence[Proposal]:
        """Hand over what makes failing tests pass and breaks none, the best first.

        Each is handed over once. Empty unless the payload asks for `parts`.
        """
        parts, self._state.parts = self._state.parts, []
        return tuple(Proposal(**item, rivals=0) for item in parts)

    # -- searching

    def advance(
        self,
        source: str,
        budget_candidates: int,
        rivals: int = RIVAL_CANDIDATES,
        *,
        single_only: bool = False,
    ) -> Batch:
        """Search on from `source` for about so many candidates.

        Returns as soon as something plausible was found and its rivals were looked
        for, which may overrun the budget by `rivals`. Another program than in the
        last call starts a new search. With `single_only` it returns when every
        single edit was tried.
        """
        self._rivals = rivals
        if source != self._state.root:
            self._state = _State(root=source, node=_Node(source), seen=[source])
        state = self._state
        before = state.spent
        while not state.exhausted:
            left = budget_candidates - (state.spent - before)
            if state.window == 0 or (state.window < 0 and left <= 0):
                break
            if single_only and state.has_tried_single and state.window < 0:
                break
            self._step(left if state.window < 0 else state.window)
        proposals = self._hand_over() if state.window == 0 or state.exhausted else ()
        return Batch(
            proposals=proposals,
            spent=state.spent - before,
            exhausted=state.exhausted,
            error=state.error,
            passed=state.passed,
            total=state.total,
        )

    def _hand_over(self) -> Sequence[Proposal]:
        state = self._state
        rivals = max(0, len(state.found) - 1)
        proposals = [Proposal(**item, rivals=rivals) for item in state.found]
        state.found, state.window = [], -1
        return rank(proposals, self._payload)

    def _step(self, at_most: int) -> None:
        """Run one job, or choose what to do next where the node has none left."""
        state = self._state
        node = state.node
        if node is None:
            self._next_node()
        elif node.phase == "done":
            state.node = None
        elif self._is_over(node):
            self._next_phase(node)
        elif node.next >= node.slice_end:
            node.slice_end += HOLE_SLICE if node.phase == "holes" else SECOND_SLICE
            node.promise -= HOLE_PENALTY if node.phase == "holes" else SLICE_PENALTY
            self._wait(node)
        else:
            self._run(node, min(CHUNK, node.slice_end - node.next, at_most))

    def _wait(self, node: _Node) -> None:
        """Let more promising programs have their turn."""
        state = self._state
        self._push(node)
        state.node = None

    def _push(self, node: _Node) -> None:
        state = self._state
        # The number makes items distinct: nodes themselves have no order.
        state.pushed += 1
        item = (-node.promise, node.cost, state.pushed, asdict(node))
        heapq.heappush(state.queue, item)

    def _is_over(self, node: _Node) -> bool:
        if node.deaths > MAX_DEATHS:
            return True
        if node.generated < 0:
            return False
        limit = node.generated
        if node.depth and node.phase == "edits":
            limit = min(limit, MAX_SECOND_EDITS)
        if self._retries(node):
            return not any(index >= node.next for index in node.retried)
        return node.next >= limit

    def _next_phase(self, node: _Node) -> None:
        if self._state.window > 0:
            # Rivals of what was found cheaply are not looked for at all costs.
            self._state.window = 0
            return
        node.phase = self._following_phase(node)
        if not node.depth and not self._retries(node):
            self._state.has_tried_single = True
        at_most = {"ticks": MAX_RETRIED, "patience": MAX_RETRIED_AGAIN}
        if node.phase in at_most:
            # Indices are in the order of cost: the likeliest come first.
            node.retried = node.out_of_ticks[: at_most[node.phase]]
        node.out_of_ticks = []
        node.next, node.generated, node.deaths = 0, -1, 0
        if node.phase == "holes":
            node.slice_end, node.promise = HOLE_SLICE, HOLE_PROMISE
            self._wait(node)

    def _following_phase(self, node: _Node) -> str:
        if node.depth or self._has_found():
            return "done"
        if node.phase == "edits" and node.out_of_ticks:
            return "ticks"
        if node.phase == "ticks" and node.out_of_ticks:
            return "patience"
        if node.phase in {"edits", "ticks", "patience"}:
            return "stub" if self._state.stub else "holes"
        return "done"

    def _retries(self, node: _Node) -> bool:
        return node.phase in {"ticks", "patience"}

    def _has_found(self) -> bool:
        return bool(self._state.found)

    def _next_node(self) -> None:
        state = self._state
        if not state.queue or self._has_found():
            state.exhausted = True
            return
        _, _, _, node = heapq.heappop(state.queue)
        state.node = _Node(**node)

    def _job(self, node: _Node, count: int) -> Json:
        return {
            "context": "",
            "functions": None,
            "suspicion": None,
            "prompt": "",
            **self._payload,
            "source": node.source,
            "phase": "ticks" if self._retries(node) else node.phase,
            "start": node.next,
            "count": count,
            "indices": node.retried if self._retries(node) else None,
            "hanging": node.hanging,
            "tick_limit": RETRY_TICKS.get(node.phase),
            "extra": self._rivals if self._state.window < 0 else count,
            "seed": self._seed,
            # What the caller blames holds for the program it blamed.
            **({"suspicion": None} if node.depth else {}),
        }

    def _run(self, node: _Node, count: int) -> None:
        state = self._state
        run = self._run_job(self._job(node, count))
        start = node.next
        first: int | None = None
        following: int | None = None
        tried = spent = 0
        for frame in run:
            if "analysis" in frame:
                self._note_analysis(node, frame["analysis"])
            elif "hit" in frame:
                hit = frame["hit"]
                if self._note_hit(node, hit) and first is None:
                    first = hit["index"]
            elif "end" in frame:
                end = frame["end"]
                following, tried, spent = end["next"], end["tried"], end["spent"]
        if following is None:
            # The child died or stood still: what it was trying is left out.
            self._note_death(node, run.mark)
            following = max(start, run.mark + 1)
            tried = spent = max(1, following - start)
        elif not tried and node.generated > 0 and not self._retries(node):
            following = node.generated
        node.next = following
        state.spent += spent
        self._close_window(first, following, spent)

    def _note_death(self, node: _Node, mark: int) -> None:
        """Make the next job leave out what a child died of."""
        test = -2 - mark
        if test >= 0 and test not in node.hanging:
            node.hanging.append(test)
            node.deaths += 1
        else:
            node.deaths += 1 if mark >= node.next else MAX_DEATHS + 1

    def _close_window(self, first: int | None, following: int, spent: int) -> None:
        state = self._state
        if state.window >= 0:
            state.window = max(0, state.window - max(1, spent))
        elif first is not None:
            state.window = max(0, self._rivals - (following - 1 - first))

    def _note_analysis(self, node: _Node, analysis: Json) -> None:
        state = self._state
        node.generated = analysis["generated"]
        if node.depth:
            return
        state.passed, state.total = analysis["passed"], analysis["total"]
        state.stub = bool(analysis.get("stub"))
        state.apart = analysis.get("apart", 0)
        state.error = analysis.get("error", "")
        if state.error or state.passed == state.total:
            state.exhausted = True

    def _note_hit(self, node: _Node, hit: Json) -> bool:
        """Keep what a hit says; return whether it is plausible."""
        if hit["status"] == "ticks":
            if node.phase in {"edits", "ticks"}:
                node.out_of_ticks.append(hit["index"])
            return False
        cost = node.cost + hit["cost"]
        template = "+".join(filter(None, [node.template, hit["template"]]))
        if hit["status"] == "partial":
            self._enqueue(node, hit, cost, template)
            return False
        state = self._state
        is_part = hit["status"] == "part"
        # What a second edit gains, it gains over a program that may have lost more.
        if hit["source"] not in state.proposed and not (is_part and node.depth):
            state.proposed.append(hit["source"])
            item = {key: hit[key] for key in ("source", "line", "edit", "score")}
            item.update(cost=cost, template=template, depth=node.depth + 1)
            item.update(plausible=not is_part, strict=hit["strict"], lost=hit["lost"])
            item.update(gained=hit["gained"] if is_part else 0)
            (state.parts if is_part else state.found).append(item)
        if is_part:
            state.parts = sorted(state.parts, key=_part_order)[:MAX_PARTS]
        return not is_part

    def _enqueue(self, node: _Node, hit: Json, cost: float, template: str) -> None:
        state = self._state
        if node.depth + 1 >= MAX_DEPTH or hit["source"] in state.seen:
            return
        state.seen.append(hit["source"])
        child = _Node(hit["source"], node.depth + 1, cost, template)
        child.promise, child.slice_end = hit["promise"], SECOND_SLICE
        self._push(child)
        if len(state.queue) > MAX_QUEUE:
            state.queue = heapq.nsmallest(MAX_QUEUE, state.queue)


def _part_order(item: Json) -> tuple[int, float]:
    return -item["gained"], penalised_cost(Proposal(**item, rivals=0))
