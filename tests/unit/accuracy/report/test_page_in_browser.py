"""The page as people see it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.browser import errors, needs_browser, show_as
from helpers.evaluations import LABELS, evaluated, frame, hostile, typical, view

from omz.accuracy.report.writing import page_html
from omz.accuracy.verdict import Reference

pytestmark = needs_browser

PHONE, DESK = 390, 1440

# Each element with a text of its own that is seen: that text, its colour, and the colour behind it.
TEXTS = """
const seen = [];
for (const element of document.querySelectorAll("body *")) {
  const pieces = [...element.childNodes].filter(each => each.nodeType === 3).map(each => each.data.trim());
  const own = pieces.join(" ").trim();
  const box = element.getBoundingClientRect();
  if (!own || !box.width || !box.height || box.right < 0) continue;
  let behind = element;
  while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  const style = getComputedStyle(element);
  const colour = element instanceof SVGElement ? style.fill : style.color;
  seen.push([own, colour, behind ? getComputedStyle(behind).backgroundColor : "none"]);
}
return seen;
"""
PLOTS = """
return [...document.querySelectorAll(".plot svg")].map(each => each.getBoundingClientRect())
  .filter(box => box.width).map(box => [box.left, box.right, box.height]);
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    evaluation = replace(typical(), references=[Reference("MAD", 4.35), Reference("MAD", 9, 0.5)])
    path.write_text(page_html(evaluation, [view(), view("clip/0001", ("original", "FP32"))]), encoding="utf-8")
    return path


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2."""
    channels = [int(each) / 255 for each in re.fullmatch(r"rgb\((\d+), (\d+), (\d+)\)", colour).groups()]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def does_not_scroll_sideways(driver) -> bool:
    return driver.execute_script("return document.scrollingElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read(driver, page, scheme, width):
    show_as(driver, scheme, width)
    driver.get(page.as_uri())
    assert driver.execute_script("return innerWidth") == width
    assert does_not_scroll_sideways(driver)
    driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert does_not_scroll_sideways(driver)
    texts = driver.execute_script(TEXTS)
    assert {"Failed", "Scores", "no threshold", "MAD x1e3", "frame", "milliseconds a frame", "worse +0.3"} <= {
        text.removeprefix("▲ ") for text, *_ in texts
    }
    weak = [(text, colour, behind) for text, colour, behind in texts if contrast(colour, behind) < 4.5]
    assert weak == []
    paper = luminance(driver.execute_script("return getComputedStyle(document.documentElement).backgroundColor"))
    assert paper > 0.8 if scheme == "light" else paper < 0.05
    assert errors(driver) == []


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_pictures_load_and_plots_fill_the_page(driver, page, width):
    show_as(driver, "light", width)
    driver.get(page.as_uri())
    sizes = driver.execute_script("return [...document.images].map(each => [each.naturalWidth, each.clientWidth])")
    assert len(sizes) == 12
    assert all(natural == 320 and shown > 100 for natural, shown in sizes)
    plots = driver.execute_script(PLOTS)
    assert len(plots) == 3
    for left, right, height in plots:
        assert 0 <= left < right <= width
        assert right - left > 0.7 * width
        assert 180 < height < 320


def test_marks_are_in_the_colours_of_the_scheme(driver, page):
    colours = {}
    for scheme in ("light", "dark"):
        show_as(driver, scheme, DESK)
        driver.get(page.as_uri())
        found = driver.execute_script(
            "return [...document.querySelectorAll('.plot .wide use[style*=series]')].map(e => getComputedStyle(e).fill)"
        )
        colours[scheme] = {*found}
        assert len(colours[scheme]) == len(LABELS)
        behind = driver.execute_script("return getComputedStyle(document.documentElement).backgroundColor")
        assert all(contrast(colour, behind) >= 3 for colour in found)
    assert not colours["light"] & colours["dark"]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_names_do_no_harm_and_long_ones_do_not_widen_the_page(driver, tmp_path, width):
    evaluation, shown = hostile()
    (tmp_path / "hostile.html").write_text(page_html(evaluation, [shown]), encoding="utf-8")
    label = "a/" + "very" * 60
    long = evaluated([frame(0, (label, "b"), name="x" * 300)], (label, "b"), title="y" * 300, path="z" * 300)
    (tmp_path / "long.html").write_text(page_html(long, [view("x" * 300, (label, "b"))]), encoding="utf-8")
    show_as(driver, "light", width)
    for name in ("hostile", "long"):
        driver.get((tmp_path / f"{name}.html").as_uri())
        driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert does_not_scroll_sideways(driver)
        assert driver.execute_script("return document.scripts.length") == 0
        assert errors(driver) == []


def test_what_opens_and_scrolls_can_be_reached_with_the_keyboard(driver, page):
    show_as(driver, "light", PHONE)
    driver.get(page.as_uri())
    unreachable = driver.execute_script(
        "return [...document.querySelectorAll('body *')].filter(each => each.scrollWidth > each.clientWidth + 1"
        " && getComputedStyle(each).overflowX === 'auto' && each.tabIndex < 0).length"
    )
    assert unreachable == 0
    assert driver.execute_script("return [...document.querySelectorAll('summary')].every(each => each.tabIndex === 0)")
