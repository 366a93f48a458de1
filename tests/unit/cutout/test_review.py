from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.demo_command import write_blocks, write_plate

import omz
from omz.cutout import review
from omz.errors import Interrupted

COUNT = 4


class Impatient(omz.Observer):
    """Stops the run after some cards of the review."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.steps: list[int] = []

    def on_progress(self, name: str, done: int, total: int | None) -> None:
        if name == "review":
            assert total == COUNT
            self.steps.append(done)

    def should_stop(self) -> bool:
        return len(self.steps) >= self.after


@pytest.fixture
def given(tmp_path) -> dict[str, object]:
    write_plate(tmp_path)
    write_blocks(tmp_path / "shots", COUNT)
    place = {"inputs": tmp_path / "shots", "output": tmp_path / "cut", "review": tmp_path / "page"}
    return {**place, "plate": tmp_path / "plate.png", "model": tmp_path / "model.xml"}


def page(given: dict[str, object]) -> Path:
    return Path(str(given["review"]), "review.html")


def test_a_run_that_is_stopped_at_its_review_goes_on(given):
    observer = Impatient(after=2)
    with pytest.raises(Interrupted, match=f"{COUNT} images are finished; add --resume"):
        omz.cut_out(**given, observer=observer)
    assert not page(given).exists()
    assert list(page(given).parent.iterdir()) == []
    observer = Impatient(after=COUNT + 1)
    assert omz.cut_out(**given, resume=True, observer=observer).skipped == COUNT
    assert observer.steps == [1, 2, 3, 4]
    assert page(given).read_text().count("<img") == 2 * COUNT


def test_a_large_job_has_pictures_of_the_worst_alone(given, monkeypatch):
    monkeypatch.setattr(review, "MOST_PICTURES", 1)
    omz.cut_out(**given)
    text = page(given).read_text()
    assert re.findall(r"<bdi>(.*)</bdi>", text) == ["0.png", "1.png", "2.png", "3.png"]
    assert text.count("<img") == 2
    assert text.index("1.png</bdi>") > text.rindex("<img")


def test_pictures_are_small_on_the_page(given, monkeypatch):
    monkeypatch.setattr(review, "LONGEST_SIDE", 16)
    omz.cut_out(**given)
    assert set(re.findall(r'width="\d+" height="\d+"', page(given).read_text())) == {'width="16" height="12"'}


def test_a_result_that_has_gone_since_leaves_its_image(given):
    class Thief(omz.Observer):
        def on_progress(self, name: str, done: int, total: int | None) -> None:
            if name == "images" and done == total:
                Path(str(given["output"]), "1.png").unlink()

    omz.cut_out(**given, observer=Thief())
    assert page(given).read_text().count("<img") == 2 * COUNT - 1


def test_the_same_job_gives_the_same_page(given):
    omz.cut_out(**given)
    before = page(given).read_bytes()
    omz.cut_out(**given)
    assert page(given).read_bytes() == before
