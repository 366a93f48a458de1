from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from helpers.evaluations import HOSTILE, LABELS, evaluated, frame, typical, unread

from omz.accuracy.agreement import agreement
from omz.accuracy.comparison import ModelFrame
from omz.accuracy.report.plots import distance_plot, score_plot, trade_off_plot

PLOTS = (score_plot, distance_plot, trade_off_plot)


def parse(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(svg).replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', 1))


def marks(svg: str, series: int) -> list[tuple[float, float]]:
    """Return where the marks of a model are."""
    used = [each for each in parse(svg).iter("use") if f"fill: var(--series-{series})" in each.get("style", "")]
    return [(float(each.get("x")), float(each.get("y"))) for each in used]


def test_each_frame_has_a_mark_at_its_height():
    evaluation = evaluated([frame(number) for number in range(5)])
    for svg in (score_plot(evaluation).wide, score_plot(evaluation).narrow):
        for series in range(3):
            x, y = np.array(marks(svg, series)).T
            np.testing.assert_allclose(np.diff(x), np.diff(x)[0], rtol=1e-4)
            np.testing.assert_allclose(np.diff(y), np.diff(y)[0], rtol=1e-4)  # MAD rises by 1 from frame to frame
            assert x[1] > x[0]
            assert y[1] < y[0]
    y = [marks(score_plot(evaluation).wide, series)[0][1] for series in range(3)]
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], rel=1e-4)


def test_distances_are_logarithmic_and_zero_is_left_out():
    same = {("original", label): {"alpha": agreement(np.zeros(4), np.zeros(4))} for label in LABELS[1:]}
    evaluation = evaluated([frame(0), frame(9), frame(99), replace(frame(3), agreements=same)])
    svg = distance_plot(evaluation).wide
    y = [place[1] for place in marks(svg, 1)]
    assert len(y) == 3
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], rel=1e-4)  # 10 times as far apart, from frame to frame
    assert marks(svg, 0) == []
    assert distance_plot(evaluated([replace(frame(3), agreements=same)])) is None


def test_the_trade_off_shows_each_model_where_its_time_and_error_are():
    evaluation = evaluated([frame(0)])
    places = [marks(trade_off_plot(evaluation).wide, series)[-1] for series in range(3)]
    milliseconds = [evaluation.summaries[label].median_ms for label in LABELS]
    span = places[0][0] - places[2][0]
    assert (places[0][0] - places[1][0]) / span == pytest.approx(
        (milliseconds[0] - milliseconds[1]) / (milliseconds[0] - milliseconds[2]), rel=1e-4
    )
    assert places[0][1] > places[1][1] > places[2][1]  # errors 10.1, 10.4, 10.7; upwards is less on a page


def test_thousands_of_frames_make_a_small_drawing():
    labels = [f"m{number}" for number in range(6)]
    evaluation = evaluated([frame(number, labels) for number in range(3000)], labels)
    for plot in (score_plot, distance_plot):
        drawing = plot(evaluation)
        assert len(drawing.wide) + len(drawing.narrow) < 500_000
        assert len(drawing.wide) > 10_000


def test_a_group_of_frames_shows_its_highest():
    results = [frame(0, ("a",)) for _ in range(3000)]
    results[1500] = replace(results[0], models={"a": ModelFrame({"MAD": 1000.0}, 1, 0, 1)})
    wide = score_plot(evaluated(results, ("a",))).wide
    ticks = [float(each.text) for each in parse(wide).iter("text") if re.fullmatch(r"\d+", each.text)]
    assert 1000 in ticks


@pytest.mark.parametrize("plot", PLOTS)
def test_colours_and_fonts_are_those_of_the_page(plot):
    drawing = plot(typical())
    for svg in (drawing.wide, drawing.narrow):
        assert re.findall(r"#[0-9a-f]{6}\b(?!\d)", re.sub(r'(href|url)[=(]"?#\w+|id="\w+"', "", svg)) == []
        assert "var(--muted)" in svg
        assert "font-family" not in svg
        assert "<style" not in svg
        names = [each.get("id") for each in parse(svg).iter() if each.get("id")]
        assert len(names) == len({*names})


def test_names_on_a_page_are_not_used_twice():
    svgs = [svg for plot in PLOTS for drawing in [plot(typical())] for svg in (drawing.wide, drawing.narrow)]
    names = [each.get("id") for svg in svgs for each in parse(svg).iter() if each.get("id")]
    assert len(names) == len({*names})


@pytest.mark.parametrize("plot", PLOTS)
def test_the_same_evaluation_is_drawn_the_same(plot):
    assert plot(typical()) == plot(typical())


def test_what_there_is_none_of_is_not_drawn():
    alone = evaluated([frame(0, ("a",), truth=False)], ("a",))
    assert [plot(alone) for plot in PLOTS] == [None] * 3
    without_truth = evaluated([frame(0, truth=False), unread()])
    assert score_plot(without_truth) is None
    assert distance_plot(without_truth) is not None
    assert trade_off_plot(without_truth) is not None
    stored = replace(frame(0, ("a",)), models={"a": ModelFrame({"MAD": 1}, None, 0, 1)})
    assert trade_off_plot(evaluated([stored], ("a",))) is None
    assert score_plot(evaluated([stored], ("a",))) is not None


def test_no_name_of_a_stranger_is_drawn():
    evaluation = evaluated([frame(0, (HOSTILE, "b"), name=HOSTILE)], (HOSTILE, "b"), title=HOSTILE)
    for plot in PLOTS:
        assert "script" not in plot(evaluation).wide
