"""False contracts, by construct: none of them may ever be proved."""

import pytest

from codegrad.prove.proof import prove
from codegrad.verdict import Status
from tests.prove import (
    false_contracts_aliasing,
    false_contracts_calls,
    false_contracts_control,
    false_contracts_names,
    false_contracts_names_of_scopes,
    false_contracts_numbers,
    false_contracts_sequences,
    false_contracts_states,
    false_contracts_values,
)
from tests.prove.judge import Case, cases, observe

CASES = [
    case
    for module in (
        false_contracts_aliasing,
        false_contracts_calls,
        false_contracts_control,
        false_contracts_names,
        false_contracts_names_of_scopes,
        false_contracts_numbers,
        false_contracts_sequences,
        false_contracts_states,
        false_contracts_values,
    )
    for case in cases(module.TEXT)
]
SHOWN = [c for c in CASES if c.witness is not None]


def _named(case: Case) -> str:
    return case.name.replace(" ", "-")


def test_there_are_enough_cases_and_no_two_have_one_name() -> None:
    assert len(CASES) >= 350
    assert len({c.name for c in CASES}) == len(CASES)


@pytest.mark.parametrize("case", SHOWN, ids=_named)
@pytest.mark.filterwarnings("ignore:coroutine")
def test_contract_is_false_on_its_witness(case: Case) -> None:
    assert case.witness is not None
    seen = observe(case.source, "f", case.witness)

    assert seen.is_in_domain
    assert seen.violated


@pytest.mark.parametrize("case", CASES, ids=_named)
def test_false_contract_is_not_proved(case: Case) -> None:
    result = prove(case.source, "f", cpu_s=0.6)

    assert result.status is Status.UNKNOWN
    assert not any(r.is_contradicted for r in result.conditions)
