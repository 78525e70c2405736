"""A strategy that follows a critic has one, or says that there is none."""

from pathlib import Path

import pytest

from codegrad.budget import Budget
from codegrad.engines.critic import ScriptedCritic
from codegrad.engines.llm import LLMEngine, Style
from codegrad.engines.scripted import ScriptedEngine
from codegrad.engines.search import SearchEngine
from codegrad.errors import UsageError
from codegrad.optim.backward import reviewer_for
from codegrad.optim.strategy import STRATEGIES, Critic, strategy_of
from codegrad.refine import refine
from codegrad.store.calls import CallBook
from codegrad.tasks.python_file import task_from_text
from codegrad.verify.stage import Workbench
from tests.engines.chat_server import ChatServer

START = '''def middle(values):
    """Return the middle one of the sorted values.

    >>> middle([3, 1, 2])
    2
    """
    return values[0]
'''
WRONG = "```python\ndef middle(values):\n    return max(values)\n```"
RIGHT = "```python\ndef middle(values):\n    return sorted(values)[1]\n```"
REVIEW = '{"critiques": [{"problem": "takes the first", "change": "sort first"}]}'


def answer(prompt: str, _body: object) -> str:
    if "Review middle" in prompt:
        return REVIEW
    return RIGHT if "takes the first; sort first" in prompt else WRONG


@pytest.mark.parametrize("name", ["self-refine", "reflexion", "textgrad"])
def test_a_model_reviews_its_own_code_where_no_critic_is_named(
    name: str, bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    task = task_from_text(START, "middle.py", "middle")
    strategy = strategy_of(name)
    with ChatServer(answer).running() as server:
        engine = LLMEngine(
            "openai:loop",
            base_url=server.url,
            style=Style(width=1, plans=0),
            book=CallBook(tmp_path / "calls.db"),
        )
        critic = reviewer_for(strategy, None, [SearchEngine(), engine], bench)
        result = refine(
            task,
            engines=[engine],
            critic=critic,
            strategy=strategy,
            bench=bench,
            budget=Budget(calls=4),
        )
    assert result.verified
    assert result.spent.calls == len(server.requests) == 2


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_who_reviews_is_clear_for_every_strategy(name: str, bench: Workbench) -> None:
    strategy = strategy_of(name)
    named = ScriptedCritic([], bench=bench)
    found = reviewer_for(strategy, named, [ScriptedEngine([])], bench)
    assert found is (None if strategy.critic is Critic.OFF else named)
    if strategy.critic is not Critic.UNCHECKED:
        assert reviewer_for(strategy, None, [ScriptedEngine([])], bench) is None
        return
    with pytest.raises(UsageError, match=f"the strategy {name} follows what a critic"):
        reviewer_for(strategy, None, [ScriptedEngine([])], bench)
