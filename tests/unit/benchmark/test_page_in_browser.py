"""The page as people see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.benchmarks import row, run_of
from helpers.browser import errors, needs_browser, show_as

from omz.benchmark.page import page_html

pytestmark = needs_browser

ROWS = (
    row("fast", [9.0, 10.0, 11.0] * 4, error=9, size="320x192"),
    row("good", [38.0, 40.0, 42.0] * 4, error=2, size="640x360"),
    row("bad", [80.0] * 12, error=9.5),
    row("elsewhere", reason="its weights are not here; omz_downloader --name elsewhere fetches them"),
)


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "benchmark.html"
    path.write_text(page_html([run_of(*ROWS), run_of(*ROWS[:2], processor="another")]), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read(driver, page, scheme, width):
    show_as(driver, scheme, width)
    driver.get(page.as_uri())
    driver.execute_script("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert driver.execute_script("return document.scrollingElement.scrollWidth <= innerWidth")
    text = driver.execute_script("return document.body.innerText")
    for told in ("a processor", "another", "milliseconds an image", "slower", "governor", "powersave", "fetches them"):
        assert told in text
    assert errors(driver) == []


def test_the_front_is_marked_in_the_table_and_drawn_through_its_rows(driver, page):
    show_as(driver, "light", 1440)
    driver.get(page.as_uri())
    stars = driver.execute_script(
        "return [...document.querySelectorAll('#run-1 .best > bdi')].map(each => each.textContent)"
    )
    assert stars == ["fast", "good"]
    plots = driver.execute_script(
        "return [...document.querySelectorAll('#run-1 .plot svg')].map(each => each.getBoundingClientRect())"
        ".filter(box => box.width).map(box => [box.left, box.right, box.height])"
    )
    assert len(plots) == 2
    for left, right, height in plots:
        assert 0 <= left < right <= 1440
        assert right - left > 0.7 * 1100
        assert 180 < height < 320
    places = driver.execute_script(
        "return [...document.querySelectorAll('#run-1 .plot .wide')][0].querySelectorAll('use[style*=series]').length"
    )
    assert places == 3
