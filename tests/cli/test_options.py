"""Numbers on the command line: what cannot be used is one sentence."""

import pytest

from codegrad.cli.main import run


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--temperature", "nan"], "nan is no number that can be used"),
        (["--temperature", "2.5"], "2.5 is not in the range"),
        (["--reply-timeout", "inf"], "inf is no number that can be used"),
        (["--reply-timeout", "0"], "0.0 is not in the range"),
        (["--max-tokens", "1"], "1 is not in the range"),
        (["--context", "many"], "'many' is not a valid integer"),
        (["--parallel", "0"], "0 is not in the range"),
        (["--timeout", "nan"], "nan is no number that can be used"),
        (["--hard-from", "nan"], "nan is no number that can be used"),
        (["--budget", "money=" + "9" * 400], "too large a number"),
    ],
)
def test_a_number_that_cannot_be_used_is_one_sentence(
    options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["refine", "m.py", *options]) == 2
    out, err = capsys.readouterr()
    assert sentence in err
    assert "Traceback" not in out + err
