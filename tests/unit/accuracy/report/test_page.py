from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from helpers.evaluations import GATES, HOSTILE, LABELS, evaluated, frame, hostile, typical, unread, view

from omz.accuracy.evaluation import Evaluation
from omz.accuracy.report.gallery import View
from omz.accuracy.report.rows import MOST_PROBLEMS
from omz.accuracy.report.writing import page_html
from omz.accuracy.verdict import Reference
from omz.text import printable

VOID = {"meta", "img", "br", "link", "input", "hr"}
REFERENCES = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "background", "formaction"}


class Page(HTMLParser):
    """What is in a page: tags with their attributes, and text by the tag it stands in; it must be well nested."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.sections: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.sections.append(dict(attrs)["id"])
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def text(self) -> str:
        """Return what is read outside plots, with one space between words, and hyphens for dashes and minus signs."""
        text = " ".join(" ".join(text for tag, text in self.texts if tag not in ("style", "text")).split())
        return text.replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")


def show(evaluation: Evaluation, *views: View) -> Page:
    return Page(page_html(evaluation, views))


@pytest.fixture(scope="module")
def typical_page() -> Page:
    return show(typical(), view())


def test_nothing_comes_from_elsewhere():
    text = page_html(typical(), [view()])
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form")
        assert not [name for name in attributes if name.startswith("on")]
        for name in REFERENCES & attributes.keys():
            assert re.match(r"#\w|data:image/(png|jpeg);base64,", attributes[name]), (tag, attributes)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_hostile_names_are_text_and_nothing_else():
    evaluation, shown = hostile()
    page = show(evaluation, shown)
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert not [attributes for _, attributes in page.tags if {"onerror", "onload"} & attributes.keys()]
    assert {attributes["src"][:11] for tag, attributes in page.tags if tag == "img"} == {"data:image/"}
    escaped = printable(HOSTILE)
    assert page.text().count(" ".join(escaped.split())) > 20
    assert [escaped in text for tag, text in page.texts if tag == "title"] == [True]
    assert "49" not in page.text().replace(" ", "").split("7*7")[0]


def test_the_verdict_comes_first_and_says_what_failed(typical_page):
    text = typical_page.text()
    assert "3 of 4 gates do not hold." in text
    verdict = text[: text.index("Scores Means")]
    for told in (
        "Failed",
        "FP16 alpha: 99.9 % within 0.25 0.01 no",
        "FP16 MAD - 1.5 no",
        "foreground: 99.9 % within ∞",
    ):
        assert told in verdict
    passed = show(evaluated([frame(0)], gates=GATES[:1])).text()
    assert "Passed The one gate holds." in passed
    assert "Failed" not in passed
    assert "There was no gate" in show(evaluated([frame(0)], gates=())).text()


def test_scores_have_differences_and_those_clear_of_0_are_marked():
    worse = [frame(number, clip="") for number in range(5)]
    better = [replace(each, models=dict(zip(LABELS, reversed(each.models.values()), strict=True))) for each in worse]
    told = "12.400 ▲ worse +0.3 [+0.3, +0.3] 12.700 ▲ worse +0.6 [+0.6, +0.6]"
    assert told in show(evaluated(worse)).text()
    assert "▼ better -0.6 [-0.6, -0.6]" in show(evaluated(better)).text()
    text = show(evaluated([worse[0], better[1]])).text()
    assert not {"▲", "▼"} & {*text}
    assert "[-0.6, +0.6]" in text


def test_few_clips_make_ranges_rough_and_one_gives_none():
    rough = show(evaluated([frame(0), frame(1, clip="other")])).text()
    assert "+0.3 [+0.3, +0.3]" in rough
    assert not {"▲", "▼"} & {*rough}
    assert "chance alone may have made. 2 clips or images make ranges rough." in rough
    one = show(evaluated([frame(0), frame(1)])).text()
    assert "10.900 +0.3 11.200 +0.6" in one
    assert "its difference from original . One clip or image gives no range." in one
    assert not {"▲", "▼"} & {*one}
    assert "95 %" not in one
    many = show(evaluated([frame(number, clip="") for number in range(5)])).text()
    assert "[+0.3, +0.3]" in many
    assert "rough" not in many


def test_references_stand_beside_what_the_models_gave():
    references = (
        Reference("MAD", 4.35),
        Reference("MAD", 10, abs_threshold=2),
        Reference("GRAD", 0.25, rel_threshold=0.1, two_sided=True),
        Reference("MAD", 3, abs_threshold=1, of="std"),
        Reference("nothing", 7, abs_threshold=1, higher_is_better=True),
    )
    page = show(evaluated([frame(0), frame(2)], references=references))
    text = page.text()
    for told in (
        "MAD 4.35 no threshold 11.1 11.4 11.7",
        "MAD 10 2 higher 11.1 11.4 11.7",
        "GRAD 0.25 0.025 away 0.66667 0.375 0.26667",  # (1 + 1/3) / 2, and so on
        "MAD@std 3 1 higher 1 1 1",
        "nothing 7 1 lower - - -",
    ):
        assert told in text
    assert page.sections[:2] == ["scores", "references"]


def test_agreements_stand_by_cause():
    causes = {("original", "FP32"): "original to FP32: conversion", ("original", "FP16"): "original to FP16"}
    text = show(evaluated([frame(0)], causes=causes)).text()
    assert "original → FP32 conversion alpha 2e-7" in text
    assert "original → FP16 all steps together alpha 0.0002" in text


def test_pictures_have_words_and_sizes(typical_page):
    images = [attributes for tag, attributes in typical_page.tags if tag == "img"]
    assert len(images) == 6
    assert all("clip/0003" in each["alt"] and each["width"] == "320" and each["height"] == "180" for each in images)
    assert sum("0.05" in each["alt"] for each in images) == 1  # what the heat map's brightest colour stands for


def test_tables_have_headers_with_a_scope(typical_page):
    page = typical_page
    assert {attributes.get("scope") for tag, attributes in page.tags if tag == "th"} == {"col", "row", "rowgroup"}
    assert [attributes["lang"] for tag, attributes in page.tags if tag == "html"] == ["en"]
    boxes = [attributes for _, attributes in page.tags if attributes.get("class", "").startswith("scroll")]
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)
    assert len(boxes) == len([tag for tag, _ in page.tags if tag == "table"])


def test_frames_without_figures_are_named_and_why(typical_page):
    text = typical_page.text()
    assert "clip/0004 FP16 2 pixels of alpha are no numbers" in text
    assert "clip/lost all x.png cannot be read" in text


def test_too_many_problems_are_cut():
    page = show(evaluated([frame(0), *(unread(f"x{number}") for number in range(MOST_PROBLEMS + 5))]))
    assert f"The first {MOST_PROBLEMS} of {MOST_PROBLEMS + 5}" in page.text()
    assert f"x{MOST_PROBLEMS - 1} " in page.text()
    assert f"x{MOST_PROBLEMS} " not in page.text()


@pytest.mark.parametrize(
    ("evaluation", "sections"),
    [
        (typical(), ["scores", "agreement", "frames", "time", "problems", "provenance"]),
        (evaluated([frame(0, ("a",))], ("a",)), ["scores", "frames", "time", "provenance"]),
        (evaluated([frame(0, ("a",), truth=False)], ("a",)), ["time", "provenance"]),
        (evaluated([frame(0, truth=False)]), ["agreement", "frames", "time", "provenance"]),
    ],
)
def test_there_is_a_section_for_what_there_is(evaluation, sections):
    page = show(evaluation)
    assert page.sections == sections
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == [f"#{name}" for name in ["verdict", *sections]]


def test_the_origin_of_an_ir_in_8_bits_is_told():
    evaluation = evaluated([frame(0, ("a",))], ("a",))
    provenance = replace(evaluation.provenance, origins={"a": "by NNCF 3 on <4> samples"})
    assert "by NNCF 3 on <4> samples" in Page(page_html(replace(evaluation, provenance=provenance), ())).text()


def test_provenance_is_told(typical_page):
    text = typical_page.text()
    for told in (
        "omz_accuracy --name 'a model on frames'",
        "ab" * 32,
        "cd" * 32,
        "python 3.11",
        "a processor",
        "seed 0",
    ):
        assert told in text
