import json
from pathlib import Path

import pytest

from codegrad.bench import scale


@pytest.mark.slow
def test_what_is_measured_predicts_what_happens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "scale.json"
    assert scale.main(["--samples", "300", "--json", str(path)]) == 0
    document = json.loads(path.read_text())
    costs, check = document["costs"], document["check"]
    assert costs["outside_s"] > 0
    assert costs["sample_bytes"] > 0
    # Processor time, which other work on the machine sways, but not by this much.
    assert 0.2 < check["predicted_cpu_s"] / check["cpu_s"] < 5
    assert "a million samples" in capsys.readouterr().out
