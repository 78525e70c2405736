"""What a run may cost is said before it costs anything."""

import pytest

from codegrad.budget import Budget
from codegrad.engines.capacity import Capacity
from codegrad.engines.estimate import Estimate, Share, estimate
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
STYLE = Style(max_tokens=1000, context_tokens=11_000)


@pytest.fixture
def task() -> Task:
    return task_from_text(TEXT, "middle.py", "middle")


def wire(price: tuple[float, float] | None, name: str = "m") -> ProviderWire:
    return ProviderWire(
        f"openai:{name}", base_url="http://127.0.0.1:9/v1", key="k", price=price
    )


def of(task: Task, budget: Budget, *prices: tuple[float, float] | None) -> Estimate:
    shares = [Share(wire(price, f"m{n}"), 4, STYLE) for n, price in enumerate(prices)]
    return estimate(task, budget, shares)


def test_a_known_price_is_multiplied_out(task: Task) -> None:
    found = of(task, Budget(calls=10), (10.0, 100.0))
    (model,) = found.models
    a_call = (model.tokens_in * 10 + model.tokens_out * 100) / 1e6
    assert model.money == pytest.approx(a_call)
    said = found.sentence()
    assert said.startswith(
        f"estimate: a step asks openai:m0 4 times, about {model.tokens_in:,} tokens in"
    )
    assert f"${4 * a_call:.4f} a step" in said
    assert f"at most 10 calls: typically {10 * model.tokens:,} tokens" in said
    # The largest prompt and the longest reply, for each of the calls.
    assert f"${10 * a_call:.2f}, never more than $2.00" in said


def test_the_worst_is_that_of_the_dearest_model(task: Task) -> None:
    cheap, dear = (1.0, 10.0), (10.0, 100.0)
    found = of(task, Budget(calls=10), cheap, dear)
    assert found.worst == pytest.approx(10 * (10_000 * 10 + 1000 * 100) / 1e6)
    a_step = found.money_a_step
    assert a_step == pytest.approx(sum(4 * (m.money or 0) for m in found.models))
    assert found.typical == pytest.approx((a_step or 0) * 10 / 8)
    said = found.sentence()
    assert "a step asks openai:m0 4 times" in said
    assert "a step asks openai:m1 4 times" in said


def test_a_budget_in_money_is_the_most(task: Task) -> None:
    found = of(task, Budget(calls=10, money=0.25), (10.0, 100.0))
    assert found.worst == 0.25
    assert "never more than $0.25" in found.sentence()


def test_what_is_asked_once_is_paid_once(task: Task) -> None:
    price = (10.0, 100.0)
    engine = Share(wire(price), 4, STYLE)
    source = Share(wire(price, "reader"), 3, STYLE, is_once=True)
    found = estimate(task, Budget(calls=11), [engine, source])
    assert "openai:reader is asked 3 times before, about" in found.sentence()
    a_call = found.models[0].money or 0
    assert found.money_a_step == pytest.approx(4 * a_call)
    assert found.typical == pytest.approx(11 * a_call)
    alone = estimate(task, Budget(calls=3), [source])
    assert "a step" not in alone.sentence()
    assert alone.typical == pytest.approx(3 * a_call)


def test_an_unknown_price_is_said_and_never_a_number(task: Task) -> None:
    said = of(task, Budget(calls=10), None).sentence()
    assert "price unknown" in said
    assert "$" not in said
    both = of(task, Budget(calls=10), (1.0, 1.0), None).sentence()
    assert "price of openai:m1 unknown" in both
    assert "$" not in both


def test_what_costs_nothing_is_free_of_charge(task: Task) -> None:
    assert "free of charge" in of(task, Budget(), (0.0, 0.0)).sentence()


def test_a_budget_of_tokens_limits_the_calls(task: Task) -> None:
    found = of(task, Budget(tokens=10_000), None)
    assert found.calls == 10_000 // found.models[0].tokens
    assert of(task, Budget(), None).calls is None


def test_hosted_models_have_a_dated_price_and_may_think(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    hosted = ProviderWire("openai:gpt-5-mini", key="k")
    assert hosted.thinks
    style = Capacity().style(hosted.name, thinks=hosted.thinks)
    found = estimate(task, Budget(calls=5), [Share(hosted, 4, style)])
    (model,) = found.models
    assert model.money
    assert 0 < model.money < 0.1
    assert model.tokens_out > 2000, "thoughts are paid for"
    assert not ProviderWire("openai:gpt-4o", key="k").thinks
    unknown = ProviderWire("openai:no-such-model-x", key="k")
    assert unknown.cost(1, 1) is None


def test_a_task_larger_than_the_context_still_has_an_estimate(task: Task) -> None:
    style = Style(context_tokens=200, max_tokens=100)
    found = estimate(task, Budget(), [Share(wire(None), 1, style)])
    assert found.models[0].tokens_in == 100
