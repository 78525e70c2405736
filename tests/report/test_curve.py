from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegrad.report.curve import CurvePoint, draw, number

losses = st.floats(0, 1e6, allow_subnormal=False)


def point(step: int, value: float, mark: str = "accepted") -> CurvePoint:
    return CurvePoint(step, value, mark, f"step {step}: {value} <&>")


@given(st.lists(losses, min_size=1, max_size=60), st.lists(losses, max_size=3))
def test_every_point_is_inside_the_drawing(
    values: list[float], rejected: list[float]
) -> None:
    svg = ET.fromstring(
        draw(
            [point(step, value) for step, value in enumerate(values)],
            [point(0, value, "rejected") for value in rejected],
            "described <here>",
        )
    )
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    circles = svg.findall("circle")
    assert len(circles) == len(values)
    for circle in circles:
        assert 0 < float(circle.attrib["cx"]) < width
        assert 0 < float(circle.attrib["cy"]) < height


def test_a_lower_loss_is_drawn_lower() -> None:
    svg = ET.fromstring(draw([point(0, 3), point(1, 1)], [], ""))
    first, second = (float(c.attrib["cy"]) for c in svg.findall("circle"))
    assert first < second


def test_points_and_the_whole_have_a_text() -> None:
    svg = ET.fromstring(draw([point(0, 3)], [point(1, 4, "rejected")], "in words"))
    assert svg.attrib["role"] == "img"
    described = {svg.findtext("title"), svg.findtext("desc")}
    assert described == {"Loss after each step", "in words"}
    assert svg.findtext("circle/title") == "step 0: 3 <&>"
    assert svg.findtext("path[@class='rejected']/title") == "step 1: 4 <&>"


def test_accepted_kept_and_rejected_look_different() -> None:
    text = draw(
        [point(0, 3, "start"), point(1, 2), point(2, 2, "kept")],
        [point(1, 4, "rejected")],
        "",
    )
    svg = ET.fromstring(text)
    marks = [circle.attrib["class"] for circle in svg.findall("circle")]
    assert marks == ["start", "accepted", "kept"]


@pytest.mark.parametrize("count", [1, 2, 12, 13, 300])
def test_the_step_axis_has_few_labels(count: int) -> None:
    svg = ET.fromstring(draw([point(step, 1) for step in range(count)], [], ""))
    labels = [t.text for t in svg.findall("text") if t.get("text-anchor") == "middle"]
    assert "start" in labels
    assert len(labels) < 34


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0.0, 2.0, 1 / 3)] == ["0", "2", "0.333"]
