"""What is said of a model is kept to; all else suits the model."""

import pytest

from codegrad.engines.capacity import Capacity
from codegrad.errors import UsageError


@pytest.mark.parametrize(
    ("said", "name", "thinks", "context", "longest"),
    [
        ({}, "openai:m", False, 32_000, 4096),
        ({}, "openai:m", True, 64_000, 16_384),
        ({}, "local:m.gguf", False, 16_384, 4096),
        ({"context_tokens": 4096}, "openai:m", False, 4096, 2048),
        ({"context_tokens": 4096}, "local:m.gguf", False, 4096, 2048),
        ({"max_tokens": 1000}, "openai:m", True, 64_000, 1000),
        ({"max_tokens": 40_000}, "openai:m", False, 80_000, 40_000),
        ({"max_tokens": 3000, "context_tokens": 4096}, "m", False, 4096, 3000),
    ],
)
def test_context_and_reply_go_together(
    *, said: dict[str, int], name: str, thinks: bool, context: int, longest: int
) -> None:
    style = Capacity(**said).style(name, thinks=thinks)
    assert (style.context_tokens, style.max_tokens) == (context, longest)


def test_a_reply_that_leaves_no_room_is_one_sentence() -> None:
    Capacity(max_tokens=4000).check()
    with pytest.raises(UsageError, match="leaves too little of a context of 4096"):
        Capacity(max_tokens=4000, context_tokens=4096).check()


def test_a_temperature_of_nothing_is_kept() -> None:
    assert Capacity(temperature=0.0).style("openai:m").temperature == 0.0
    assert Capacity().style("openai:m").temperature == 0.8


def test_weights_at_home_are_waited_for() -> None:
    local, hosted = (Capacity().patience(n) for n in ("local:m.gguf", "openai:m"))
    assert (local.parallel, hosted.parallel) == (1, 8)
    assert local.timeout_s > hosted.timeout_s
    said = Capacity(timeout_s=3600.0, parallel=2).patience("openai:m")
    assert (said.timeout_s, said.longest_s, said.parallel) == (3600.0, 3600.0, 2)
