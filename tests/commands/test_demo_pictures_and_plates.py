"""Pictures against plates of every kind, through the command."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from helpers.demo_command import (
    SIZE,
    block,
    box_of,
    cutout,
    demo,
    done,
    empty,
    names,
    write_blocks,
    write_pair,
    write_scene,
)

from omz.cutout.flags import WITHOUT_PLATE
from omz.cutout.options import make_options
from omz.images.files import read_picture, read_pixels, write_picture
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_pair(tmp_path)


def test_plates_by_name_and_one_that_is_missing(folder):
    sizes = {"a": (24, 32), "b": (33, 21), "sub/c": (12, 60), "sub/d": (20, 20)}
    for number, (name, size) in enumerate(sizes.items()):
        picture = block(size, (2, 3, 10, 12))
        picture[picture == 100] = 20 * number
        write_picture(folder / "in" / f"{name}.png", picture)
        if name != "b":
            write_picture(folder / "plates" / f"{name}.bmp", np.full((*size, 3), 20 * number, np.uint8))
    result = demo("in", "-m", "model.xml", "--recursive", "--plate", "plates", "-o", "out", "--what", "alpha")
    assert result.exit_code == 1
    assert "failed: there is no plate for b.png in plates; name it like the image\n" in result.stderr
    assert names(folder / "out") == {"a.png", "sub/c.png", "sub/d.png"}
    for name in names(folder / "out"):
        assert box_of(read_pixels(folder / "out" / name)) == (2, 3, 10, 12)


def test_no_result_replaces_a_plate(folder):
    write_blocks(folder / "in", 2)
    for number in range(2):
        write_picture(folder / "plates" / f"{number}.png", empty(SIZE))
    result = demo("in", "-m", "model.xml", "--plate", "plates", "-o", "plates")
    assert result.exit_code == 2
    assert "plates/0.png would replace plates/0.png, which is read; name another output" in result.stderr


def alpha_error(folder: Path, truth: np.ndarray, *flags: str) -> tuple[float, str]:
    """Return the mean error of alpha, and what was said."""
    result = done("photo.png", "--plate", "plate.png", "--what", "alpha", "-o", "alpha.png", *flags)
    return float(np.abs(read_pixels(folder / "alpha.png") / 255 - truth).mean()), result.output


def test_a_moved_plate_is_aligned_unless_that_is_turned_off(folder):
    truth = write_scene(folder, Drift(shift=(9.0, -6.0), rotation=1.0), (240, 400), number=4)
    aligned, said = alpha_error(folder, truth)
    assert "warning" not in said
    assert float(said.partition("; the camera moved by ")[2].split(" px; corrected")[0]) == pytest.approx(11, abs=2)
    for flags in (("--align", "off"), ("--plain",)):
        moved, said = alpha_error(folder, truth, *flags)
        assert aligned < 0.5 * moved
        assert "camera" not in said
    for flags in (("--align",), ("--align", "auto"), ("--align=frame",)):
        again, said = alpha_error(folder, truth, *flags)
        assert again == aligned
        assert "the camera moved by" in said
    assert "the camera moved by" in alpha_error(folder, truth, "--plain", "--align")[1]


def test_a_dark_plate_is_made_as_bright_as_the_picture_unless_that_is_turned_off(folder):
    truth = write_scene(folder, Drift(gain=(0.7, 0.75, 0.8)))
    matched, said = alpha_error(folder, truth)
    assert re.search("; the plate was 3[1-5]% darker than the image; matched", said)
    assert "--match_exposure" not in said
    dark, said = alpha_error(folder, truth, "--match_exposure", "off", "--refine", "off")
    assert matched < 0.7 * dark
    assert "darker than the plate" not in said
    assert re.search("the image is 3[1-5]% brighter than the plate; use --match_exposure", said)
    assert alpha_error(folder, truth, "--match_exposure")[0] == matched


def test_a_flag_that_stands_alone_leaves_the_next_word_to_the_command(folder):
    for flag in ("--match_exposure", "--align", "--match"):
        result = done("--plate", "plate.png", "-m", "model.xml", "-o", "cut.png", flag, "photo.png")
        np.testing.assert_array_equal(read_pixels(folder / "cut.png"), cutout(read_picture(folder / "photo.png")))
        assert "cut.png: made from photo.png" in result.output


def test_a_plate_of_a_plain_wall_is_used_as_it_is(folder):
    result = done("photo.png", "-m", "model.xml", "--plate", "plate.png", "-o", "cut.png")
    assert "aligned" not in result.output
    np.testing.assert_array_equal(read_pixels(folder / "cut.png"), cutout(read_picture(folder / "photo.png")))


def test_a_plate_with_the_subject_in_another_pose_is_one_warning(folder):
    made = make_scene(5, (240, 400), "demo")
    foreground, alpha = made.foreground, made.alpha[..., None]
    moved, soft = np.roll(foreground, 90, axis=1), np.roll(alpha, 90, axis=1)
    write_picture(folder / "photo.png", made.picture)
    plate = made.plate * (1 - soft) + moved * soft
    write_picture(folder / "plate.png", plate.round().astype(np.uint8))
    said = done("photo.png", "--plate", "plate.png", "-o", "x.png").stderr
    assert said.count("warning") == 1
    assert "warning: the subject seems to be in the plate, too" in said


def test_without_a_plate_a_model_that_needs_none_is_taken(folder):
    options = make_options(("photo.png",), {"plate": "none"})
    assert (options.plate, options.model) == (None, WITHOUT_PLATE)
    result = demo("photo.png", "--plate", "none", "-m", "model.xml")
    assert result.exit_code == 2
    assert "needs the plate" in result.stderr


def test_plate_and_target_that_changed_places_are_told(folder):
    write_scene(folder, Drift(), (240, 400))
    write_picture(folder / "beach.png", make_scene(4, (240, 400), "demo").plate)
    result = done("photo.png", "--plate", "beach.png", "--target", "plate.png", "-o", "x.png")
    assert "the target looks like the empty scene, and the plate does not; change --target and --plate" in result.stderr
    result = done("photo.png", "--plate", "beach.png", "-o", "x.png")
    assert "this does not look like the empty scene of the image; perhaps plate and target are swapped" in result.stderr
    result = done("photo.png", "--plate", "plate.png", "--target", "beach.png", "-o", "x.png")
    assert "scene" not in result.stderr


EMPTY = "nothing differs from the plate, so the matte is empty; take the plate without the subject"


def test_the_input_is_not_its_own_plate(folder):
    (folder / "link.png").symlink_to("photo.png")
    before = names(folder)
    for plate in ("photo.png", "./photo.png", folder / "photo.png", "link.png"):
        result = demo("photo.png", "-m", "model.xml", "--plate", plate)
        assert result.exit_code == 1
        assert result.stderr.endswith("main: error: photo.png is its own plate; take the plate without the subject\n")
    assert names(folder) == before


def test_an_image_of_one_colour_may_be_its_own_plate(folder):
    write_picture(folder / "blank.png", np.full((24, 32, 3), 7, np.uint8))
    result = done("blank.png", "-m", "model.xml", "--plate", "blank.png", "-o", "x.png")
    assert EMPTY in result.stderr


def test_a_copy_of_the_input_is_no_plate_either(folder):
    write_picture(folder / "same.png", read_picture(folder / "photo.png"))
    result = demo("photo.png", "-m", "model.xml", "--plate", "same.png", "-o", "a.png")
    assert result.exit_code == 1
    assert result.stderr.endswith("main: error: photo.png is its own plate; take the plate without the subject\n")
    assert not (folder / "a.png").exists()


@pytest.mark.parametrize("bits", ["8", "16"])
def test_a_matte_that_is_empty_is_a_warning(folder, bits):
    same = read_picture(folder / "photo.png")
    same[0, 0] ^= 1
    write_picture(folder / "same.png", same)
    said = done("photo.png", "-m", "model.xml", "--plate", "same.png", "-o", "a.png", "--alpha_bits", bits).stderr
    assert f"warning: {EMPTY}\n" in said
    assert not read_pixels(folder / "a.png")[..., 3].any()
    said = done("photo.png", "-m", "model.xml", "--plate", "plate.png", "-o", "a.png", "--alpha_bits", bits).stderr
    assert EMPTY not in said


def test_of_many_the_empty_ones_are_named(folder):
    write_blocks(folder / "in", 2)
    almost = empty(SIZE)
    almost[0, 0] ^= 1
    write_picture(folder / "in" / "empty.png", almost)
    said = done("in", "-m", "model.xml", "--plate", "plate.png", "-o", "out").stderr
    assert [line for line in said.splitlines() if EMPTY in line] == [f"warning: in/empty.png: {EMPTY}"]
