"""What a run may cost is said before it costs anything."""

import pytest

from codegrad.budget import Budget
from codegrad.engines.chat import Wire
from codegrad.engines.estimate import Estimate, estimate
from codegrad.engines.llm import Style
from codegrad.engines.providers import ProviderWire
from codegrad.task import Task
from codegrad.tasks.python_file import task_from_text

TEXT = '''def middle(values):
    """Return the middle one.

    >>> middle([3, 1, 2])
    2
    """
    return values[0]
'''


@pytest.fixture
def task() -> Task:
    return task_from_text(TEXT, "middle.py", "middle")


def wire(price: tuple[float, float] | None) -> Wire:
    return ProviderWire(
        "openai:m", base_url="http://127.0.0.1:9/v1", key="k", price=price
    )


def of(task: Task, budget: Budget, price: tuple[float, float] | None) -> Estimate:
    return estimate(task, budget, wire(price), model="openai:m", style=Style(width=3))


def test_a_known_price_is_multiplied_out(task: Task) -> None:
    found = of(task, Budget(calls=10), (10.0, 100.0))
    assert (found.calls, found.calls_a_step) == (10, 4)
    a_call = (found.tokens_in * 10 + found.tokens_out * 100) / 1e6
    assert found.money_a_call == pytest.approx(a_call)
    said = found.sentence()
    assert f"${4 * a_call:.4f} a step" in said
    assert f"at most 10 calls: about {10 * (found.tokens_in + found.tokens_out):,}" in (
        said
    )
    assert f"${10 * a_call:.2f}, never more than $" in said


def test_an_unknown_price_is_said_and_never_a_number(task: Task) -> None:
    said = of(task, Budget(calls=10), None).sentence()
    assert "price unknown" in said
    assert "$" not in said


def test_what_costs_nothing_is_free_of_charge(task: Task) -> None:
    assert "free of charge" in of(task, Budget(), (0.0, 0.0)).sentence()


def test_a_budget_of_tokens_limits_the_calls(task: Task) -> None:
    found = of(task, Budget(tokens=10_000), None)
    assert found.calls == 10_000 // (found.tokens_in + found.tokens_out)
    assert of(task, Budget(), None).calls is None


def test_hosted_models_have_a_dated_price(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    hosted = ProviderWire("openai:gpt-5-mini", key="k")
    found = estimate(task, Budget(calls=5), hosted, model="openai:gpt-5-mini")
    assert found.money_a_call
    assert 0 < found.money_a_call < 0.1
    unknown = ProviderWire("openai:no-such-model-x", key="k")
    assert unknown.cost(1, 1) is None


def test_a_task_larger_than_the_context_still_has_an_estimate(task: Task) -> None:
    style = Style(context_tokens=200, max_tokens=100)
    found = estimate(task, Budget(), wire(None), model="openai:m", style=style)
    assert found.tokens_in == 100
