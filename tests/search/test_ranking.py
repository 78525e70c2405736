from __future__ import annotations

from dataclasses import replace

from codegrad.search.frontier import Proposal
from codegrad.search.ranking import rank

PLAIN = Proposal(
    source="plain",
    cost=1.0,
    template="compare",
    line=1,
    edit="a < b",
    plausible=True,
    score=2.0,
    strict=True,
    lost=0,
    depth=1,
    rivals=2,
)


def test_the_cheaper_edit_comes_first() -> None:
    dear = replace(PLAIN, source="dear", cost=2.0)
    assert [p.source for p in rank([dear, PLAIN], {})] == ["plain", "dear"]


def test_values_of_another_type_come_later() -> None:
    loose = replace(PLAIN, source="loose", cost=0.9, strict=False)
    assert [p.source for p in rank([loose, PLAIN], {})] == ["plain", "loose"]


def test_edits_that_make_code_dead_come_later() -> None:
    dead = replace(PLAIN, source="dead", cost=0.9, lost=2)
    assert [p.source for p in rank([dead, PLAIN], {})] == ["plain", "dead"]


def test_equals_keep_their_order() -> None:
    twin = replace(PLAIN, source="twin")
    assert [p.source for p in rank([PLAIN, twin], {})] == ["plain", "twin"]
