"""What a dataset asks: problems, each with the cases that judge a sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codegrad.bench.oracles import EQUAL, Oracle


@dataclass(frozen=True, slots=True)
class Case:
    """One call that judges a sample."""

    args: Sequence[Any]
    """Positional arguments."""

    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments."""

    expected: Any = None
    """The value that is expected, if the dataset states it."""

    tolerance: float = 0.0
    """The absolute tolerance that the dataset states."""


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that are judged together."""

    name: str
    """What the verdict on them is called: `base`, `plus`, `public`, `private`."""

    cases: tuple[Case, ...] = ()
    """Calls, in the order of the dataset."""

    states_expected: bool = True
    """Whether the cases hold the expected values; otherwise the reference gives
    them."""

    checks: tuple[str, ...] = ()
    """Pieces of test code that cannot be written as cases."""

    prelude: str = ""
    """Code that the checks need before them."""

    shares_process: bool = False
    """Whether the checks need the candidate's objects; they can then be fooled."""

    programs: tuple[tuple[str, str], ...] = ()
    """Standard input and expected standard output of each run of a program."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One task of a dataset."""

    task_id: str
    """Its name in the dataset."""

    entry_point: str
    """The function that is called; empty for a program."""

    prompt: str
    """What a completion is appended to."""

    reference: str
    """A right program; empty if the dataset has none."""

    suites: tuple[Suite, ...]
    """What judges a sample, in order; one suite that fails ends the judging."""

    oracle: Oracle = EQUAL
    """How a value is compared with the expected one."""

    context: str = ""
    """Code that is put before every sample."""

    empty: str = ""
    """A program without a solution, for the self-test."""

    date: str = ""
    """When it was published, as `YYYY-MM-DD`."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """The problems of one file."""

    name: str
    """The name by which it was asked for."""

    path: Path
    """The file."""

    checksum: str
    """SHA-256 of the file's content."""

    problems: Mapping[str, Problem]
    """The problems by their names, in the order of the file."""

    notes: tuple[str, ...] = ()
    """What a reader of the results has to know."""
