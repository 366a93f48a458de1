"""Holes filled and islands dropped by the command: by default, by an area, or not at all, and said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.builders import save_difference_model
from helpers.clips import write_clip
from helpers.demo_command import block, demo, done, empty

from omz.cutout.options import make_options
from omz.images.files import read_pixels, write_picture

SIZE = (240, 320)
BOX = (60, 80, 180, 240)
SMALL, LARGE = np.s_[100:103, 120:123], np.s_[120:140, 180:210]
GIVEN = ("photo.png", "-m", "model.xml", "--plate", "plate.png", "--what", "alpha", "-o", "alpha.png")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A block of noise that the plate shows through in two places."""
    monkeypatch.chdir(tmp_path)
    save_difference_model(tmp_path / "model.xml", "height", "width")
    photo = block(SIZE, BOX)
    photo[SMALL] = photo[LARGE] = empty((1, 1))
    write_picture(tmp_path / "photo.png", photo)
    write_picture(tmp_path / "plate.png", empty(SIZE))
    return tmp_path


def holes(folder: Path) -> tuple[float, float]:
    """How opaque the small hole, and the middle of the large one, are."""
    alpha = read_pixels(folder / "alpha.png") / 255
    return float(alpha[SMALL].mean()), float(alpha[125:135, 188:202].mean())


@pytest.mark.parametrize(
    ("flags", "small", "large"),
    [
        (("--refine", "fast"), 1, 0),
        (("--refine", "fast", "--fill_holes", "0"), 0, 0),
        (("--refine", "fast", "--fill_holes", "1000"), 1, 1),
        (("--refine", "off"), 0, 0),
        (("--refine", "off", "--fill_holes", "20"), 1, 0),
        (("--plain", "--refine", "fast"), 0, 0),
        (("--plain", "--refine", "fast", "--fill_holes", "1000"), 1, 1),
    ],
)
def test_holes_are_filled_as_the_flags_say(folder, flags, small, large):
    done(*GIVEN, *flags)
    found = holes(folder)
    assert (found[0] > 0.9, found[1] > 0.9) == (bool(small), bool(large))


def test_the_profile_says_what_was_filled(folder):
    result = done(*GIVEN, "--refine", "fast", "--profile", "--report", "report.json")
    assert "filled 1 hole (less than 0.1% of the subject)" in result.stdout
    report = json.loads((folder / "report.json").read_text())
    assert report["repairs"] == ["filled 1 hole (less than 0.1% of the subject)"]
    assert "filled" not in done(*GIVEN, "--refine", "fast", "--profile", "--fill_holes", "0").output
    assert "filled" not in done(*GIVEN, "--refine", "fast").output


def test_the_profile_of_a_video_counts_its_frames(folder):
    whole, holed = block(SIZE, BOX), block(SIZE, BOX)
    holed[SMALL] = empty((1, 1))
    write_clip(folder / "clip.mkv", [whole, holed, holed], codec="ffv1", pixel_format="bgr0")
    given = ("clip.mkv", "-m", "model.xml", "--plate", "plate.png", "--refine", "fast", "--profile", "-o", "out.mov")
    assert "filled up to 1 hole (less than 0.1% of the subject; in 2 of 3 images)" in done(*given).stdout


def test_plain_stands_for_flags_that_can_be_given_besides():
    plain = make_options(("a.png",), {"plain": True})
    assert (plain.fill_holes, plain.drop_specks, plain.refine) == (0, 0, "off")
    assert plain.refinement_steps == ("off", False, False)
    assert make_options(("a.png",), {"plain": True, "drop_specks": 3}).refinement_steps == ("off", False, True)
    assert make_options(("a.png",), {}).refinement_steps == (None, True, True)


@pytest.mark.parametrize("flag", ["--fill_holes", "--drop_specks"])
def test_areas_below_0_are_refused(folder, flag):
    result = demo(*GIVEN, flag, "-1")
    assert result.exit_code == 2
    assert f"{flag} -1.0: give at least 0" in result.stderr
