"""What real servers say when they refuse, and what it is taken for."""

import pytest

from codegrad.engines.chat import Trouble
from codegrad.engines.refusals import Feature, refusal, unreachable

ALL = frozenset(Feature)


@pytest.mark.parametrize(
    ("status", "said", "feature"),
    [
        (400, "System role not supported", Feature.SYSTEM),
        (
            400,
            "Unsupported value: 'messages[0].role' does not support 'system' with "
            "this model.",
            Feature.SYSTEM,
        ),
        (500, "Jinja Exception: System role not supported", Feature.SYSTEM),
        (
            400,
            "Conversation roles must alternate user/assistant/user/assistant/...",
            Feature.SYSTEM,
        ),
        (400, "Developer instruction is not enabled for models/g", Feature.SYSTEM),
        (400, "Unknown parameter: 'response_format'.", Feature.SCHEMA),
        (400, "This model does not support json_schema", Feature.SCHEMA),
        (
            400,
            "Unsupported value: 'temperature' does not support 0.8 with this model.",
            Feature.TEMPERATURE,
        ),
        (422, "streaming is not supported", Feature.STREAM),
        (400, "stream_options: unexpected field", Feature.STREAM),
        (400, "max_tokens and max_completion_tokens cannot both", Feature.OLD_LIMIT),
        (
            400,
            "Setting 'max_completion_tokens' and 'max_tokens' at the same time is "
            "not supported.",
            Feature.OLD_LIMIT,
        ),
        (
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            Feature.OLD_LIMIT,
        ),
        (
            400,
            "Please use max_completion_tokens instead of max_tokens",
            Feature.OLD_LIMIT,
        ),
        (
            400,
            "Unrecognized request argument supplied: max_completion_tokens",
            Feature.NEW_LIMIT,
        ),
        (
            422,
            "body.max_completion_tokens: Extra inputs are not permitted",
            Feature.NEW_LIMIT,
        ),
        (400, "max_completion_tokens is unknown, use max_tokens", Feature.NEW_LIMIT),
    ],
)
def test_a_feature_that_is_refused_is_left_out_once(
    status: int, said: str, feature: Feature
) -> None:
    found = refusal(status, said, name="m", endpoint="e", used=ALL)
    assert (found.trouble, found.feature) == (Trouble.ADAPTED, feature)
    again = refusal(status, said, name="m", endpoint="e", used=ALL - {feature})
    assert again.trouble is not Trouble.ADAPTED


def test_one_name_of_the_length_limit_is_left() -> None:
    for name in (Feature.OLD_LIMIT, Feature.NEW_LIMIT):
        said = f"Unrecognized request argument supplied: {name}"
        found = refusal(400, said, name="m", endpoint="e", used=ALL - {name})
        assert found.trouble is Trouble.REFUSED


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "This model's maximum context length is 4096 tokens. However, ..."),
        (400, "request (18019 tokens) exceeds the available context size (2048)"),
        (400, "prompt is too long: 210000 tokens > 200000 maximum"),
        (400, "The input token count (1) exceeds the maximum number of tokens (0)"),
        (413, ""),
    ],
)
def test_a_context_that_is_too_small_is_named(status: int, said: str) -> None:
    found = refusal(status, said, name="openai:m", endpoint="e", used=ALL)
    assert found.trouble is Trouble.REFUSED
    assert "too large for the context of openai:m; use a model with a" in str(found)
    assert "--context" in str(found)


@pytest.mark.parametrize(
    "said",
    [
        "max_tokens is too large: 16384. This model supports at most 4096 completion "
        "tokens",
        "max_tokens: 16384 > 8192, which is the maximum allowed number of output",
        "`max_completion_tokens` must be less than or equal to `8192`",
    ],
)
def test_a_reply_length_that_a_model_does_not_have_is_named(said: str) -> None:
    found = refusal(400, said, name="openai:m", endpoint="e", used=ALL)
    assert found.trouble is Trouble.REFUSED
    assert "openai:m does not answer at such a length; say --max-tokens N" in str(found)


GOOGLE_A_MINUTE = (
    "You exceeded your current quota, please check your plan and billing details. For "
    "more information on this error, head to: https://ai.google.dev/gemini-api/docs/"
    "rate-limits. * Quota exceeded for metric: generativelanguage.googleapis.com/"
    "generate_content_free_tier_requests, limit: 10 Please retry in 36.4s."
)


@pytest.mark.parametrize(
    ("said", "header", "wait_s"),
    [
        (GOOGLE_A_MINUTE, None, 36.4),
        ("You exceeded your current quota", 7.0, 7.0),
        ("Rate limit reached for m. Please try again in 6m0s.", None, 360.0),
        ("Please try again in 20ms. Visit", None, 0.02),
        ("Please retry after 26 seconds.", None, 26.0),
        ("retry in 1 hour", 3.0, 3.0),
        ("slow down", None, None),
    ],
)
def test_who_says_when_to_come_back_is_busy(
    said: str, header: float | None, wait_s: float | None
) -> None:
    found = refusal(429, said, name="m", endpoint="e", retry_after_s=header)
    assert found.trouble is Trouble.BUSY
    assert found.retry_after_s == wait_s
    assert len(str(found)) < 300


@pytest.mark.parametrize(
    ("status", "said", "trouble", "words"),
    [
        (401, "", Trouble.FINAL, "refused the key for m; check it (HTTP 401)"),
        (404, "no", Trouble.FINAL, "does not know m; check the model"),
        (429, "slow", Trouble.BUSY, "asks to slow down"),
        (429, "You exceeded your current quota", Trouble.FINAL, "no credit left"),
        (500, "upstream is down", Trouble.PASSING, "e failed (HTTP 500: upstream"),
        (400, "content policy", Trouble.REFUSED, "refused the request for m"),
        (407, "", Trouble.FINAL, "the proxy before e wants a login"),
        (400, "API key not valid.", Trouble.FINAL, "refused the key for m; check it"),
    ],
)
def test_other_refusals_say_what_to_do(
    status: int, said: str, trouble: Trouble, words: str
) -> None:
    found = refusal(status, said, name="m", endpoint="e", used=ALL)
    assert found.trouble is trouble
    assert words in str(found)


def test_a_connection_that_fails_says_what_to_check(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert "start the server, or correct the address (refused)" in str(
        unreachable("e", "refused")
    )
    monkeypatch.setenv("HTTPS_PROXY", "x")
    assert "check the proxy in HTTPS_PROXY" in str(unreachable("e", "refused"))
    assert unreachable("e", "certificate verify failed").trouble is Trouble.FINAL
