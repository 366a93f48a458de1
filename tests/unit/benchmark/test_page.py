from __future__ import annotations

import re

from helpers.benchmarks import row, run_of
from helpers.evaluations import HOSTILE

from omz.benchmark.page import page_html


def test_names_of_others_cannot_become_a_part_of_the_page():
    page = page_html([run_of(row(HOSTILE, [10.0] * 12, error=3), row(HOSTILE, reason=HOSTILE), processor=HOSTILE)])
    assert "<script" not in page
    assert "<img" not in page
    assert "{{" not in page.replace("{{ 7 * 7 }}", "")
    assert "\u202e" not in page


def test_the_page_loads_nothing():
    page = page_html([run_of(row("a", [10.0] * 12, error=3), row("b", [20.0] * 12, error=1))])
    assert "default-src 'none'" in page
    assert set(re.findall(r"https?://[^\s\"')]+", page)) == set()
    assert re.findall(r"(?:src|href)=\"([^#\"][^\"]*)\"", page) == []


def test_runs_without_figures_and_without_errors_have_a_page_too():
    page = page_html([run_of(row("a", reason="its weights are not here")), run_of(row("b", [1.0])), run_of()])
    assert "its weights are not here" in page
    assert "Pareto" not in page
