"""What Open Model Zoo's background_subtraction_demo does wrong, and what its users are used to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import save_difference_model
from helpers.demo_command import BOX, SIZE, block, box_of, demo, done, empty, mask, write_blocks, write_pair
from helpers.films import make_film

import omz
from omz.cutout.observer import Action
from omz.cutout.rendering import on_screen
from omz.images.files import read_picture, read_pixels, write_picture
from omz.matting.frames import Frame, MattedFrame
from omz.runtime.quiet_openvino import PrePostProcessor, ov
from omz.synthesis.scene import make_scene
from omz.video.reading import read
from omz_demo.window import action


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_pair(tmp_path)


PAIR = ("-m", "model.xml", "--background", "plate.png")


def test_it_starts_and_takes_threads(folder):
    """No module of OpenVINO's, and no property, that this release does not have."""
    command = [sys.executable, "-m", "omz_demo.cli", *PAIR, "-i", "photo.png", "-o", "cut.png", "-nthreads", "2"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("cut.png: made from photo.png (32x24) in ")


@pytest.mark.parametrize("requests", [1, 2, 4, 8])
def test_each_picture_has_its_own_target_for_any_number_of_requests(folder, requests):
    levels = range(0, 201, 40)
    write_blocks(folder / "in", len(levels), SIZE)
    for number, level in enumerate(levels):
        write_picture(folder / "targets" / f"{number}.png", np.full((9, 9, 3), level, np.uint8))
    done(*PAIR, "-i", "in", "--target_bgr", "targets", "-nireq", requests, "-o", "out", "--no_show")
    for number, level in enumerate(levels):
        picture = read_picture(folder / "in" / f"{number}.png")
        expected = np.where(picture == 100, level, picture)
        np.testing.assert_array_equal(read_picture(folder / "out" / f"{number}.png"), expected)


def test_what_is_shown_is_never_in_files(folder):
    """Whole pictures are compared with what they have to be, and so is the corner in which figures were."""
    for number, flags in enumerate(([], ["--metrics", "--show_with_original_frame", "--output_resolution", "640x480"])):
        done(*PAIR, "-i", "photo.png", "--target", "#000064", "-o", f"{number}.png", *flags)
        picture = read_picture(folder / "photo.png")
        expected = np.where(mask(SIZE, BOX)[..., None] > 0, picture, np.uint8((100, 0, 0)))
        np.testing.assert_array_equal(read_picture(folder / f"{number}.png"), expected)


@pytest.mark.parametrize(
    ("suffix", "magic"),
    [(".png", b"\x89PNG\r\n\x1a\n"), (".jpg", b"\xff\xd8\xff"), (".webp", b"RIFF"), (".bmp", b"BM")],
)
def test_the_suffix_is_the_format(folder, suffix, magic):
    done(*PAIR, "-i", "photo.png", "--target", "white", "-o", f"x{suffix}")
    assert (folder / f"x{suffix}").read_bytes().startswith(magic)
    expected = np.where(mask(SIZE, BOX)[..., None] > 0, read_picture(folder / "photo.png"), np.uint8(255))
    found = read_picture(folder / f"x{suffix}")
    if suffix == ".jpg":
        assert np.abs(found.astype(int) - expected).mean() < 8
    else:
        np.testing.assert_array_equal(found, expected)


def test_nothing_ends_after_a_thousand(folder):
    write_blocks(folder / "in", 1001, (12, 16))
    done(*PAIR, "-i", "in", "-o", "out", "--what", "alpha")
    assert len(list((folder / "out").glob("*.png"))) == 1001


def test_a_limit_counts_pictures_and_0_is_none(folder):
    write_blocks(folder / "in", 12, SIZE)
    done(*PAIR, "-i", "in", "-o", "ten", "-limit", "10")
    assert {path.name for path in (folder / "ten").glob("*.png")} == {f"{number}.png" for number in range(10)}
    done(*PAIR, "-i", "in", "-o", "all", "-limit", "0")
    assert len(list((folder / "all").glob("*.png"))) == 12


@pytest.mark.parametrize("resize_type", [None, "standard", "fit_to_window", "fit_to_window_letterbox", "crop"])
@pytest.mark.parametrize(
    ("size", "box"),
    [((640, 360), (100, 150, 500, 210)), ((360, 640), (50, 300, 310, 340)), ((97, 151), (8, 30, 50, 44))],
)
def test_what_was_done_to_fit_a_network_of_fixed_size_is_undone(folder, resize_type, size, box):
    save_difference_model(folder / "fixed.xml", 720, 1280)
    write_picture(folder / "tall.png", block(size, box))
    write_picture(folder / "empty.png", empty(size))
    flags = ("--resize_type", resize_type) if resize_type else ()
    done("-m", "fixed.xml", "-i", "tall.png", "--background", "empty.png", "-o", "a.png", "--what", "alpha", *flags)
    alpha = read_pixels(folder / "a.png")
    assert alpha.shape == size
    assert np.abs(np.subtract(box_of(alpha), box)).max() <= 1


def test_a_plate_of_another_size_is_a_warning(folder):
    write_picture(folder / "photo.png", block((360, 640), (50, 300, 310, 340)))
    write_picture(folder / "plate.png", empty((300, 640)))
    result = done(*PAIR, "-i", "photo.png", "-o", "a.png", "--what", "alpha")
    assert "warning: the plate is 640x300, resized to the image's 640x360" in result.stderr
    assert box_of(read_pixels(folder / "a.png")) == (50, 300, 310, 340)


def test_the_pair_on_the_screen_is_twice_as_wide():
    picture = block(SIZE, BOX)
    cut = MattedFrame(Frame(0, picture, target=empty(SIZE)), mask(SIZE, BOX), picture)
    shown = on_screen(cut, {"composite": empty(SIZE)}, with_original=True, size=None)
    np.testing.assert_array_equal(shown, np.hstack([picture, empty(SIZE)]))
    assert on_screen(cut, {"composite": empty(SIZE)}, True, (48, 64)).shape == (48, 128, 3)


def test_q_quits():
    assert action(113) is Action.QUIT


def test_all_flags_are_understood_and_those_without_use_are_told(folder):
    write_blocks(folder / "in", 12, SIZE)
    flags = (
        "-d CPU -nireq 4 -nstreams 1 -nthreads 2 -limit 10 -t 0.4 --labels coco.txt --layout src:NCHW,bgr:NCHW -u cdm "
        "-r --resize_type crop --adapter ovms --no_show --loop --output_resolution 320x240 --blur_bgr 5"
    )
    result = done(*PAIR, "-i", "in", "-o", "out", "--target_bgr", "155,255,120", *flags.split())
    for flag in ("-t", "--labels", "-u", "-r", "--resize_type", "--adapter"):
        assert f"warning: {flag}" in result.stderr
    assert len(list((folder / "out").glob("*.png"))) == 10
    placed = read_picture(folder / "out" / "0.png")
    np.testing.assert_array_equal(placed[-1, -1], (155, 255, 120))


def test_flags_may_be_cut_short_and_values_joined(folder):
    done(*PAIR[:2], "--input=photo.png", "--backg=plate.png", "--target_b", "0,0,255", "--output=x.png", "-nireq=2")
    np.testing.assert_array_equal(read_picture(folder / "x.png")[0, 0], (0, 0, 255))
    result = demo(*PAIR, "-i", "photo.png", "--what", "composite", "-o", "green.png")
    assert result.exit_code == 0
    np.testing.assert_array_equal(read_picture(folder / "green.png")[0, 0], (155, 255, 120))


def test_blur_leaves_the_subject_out(folder):
    """Open Model Zoo blurs the subject into what is behind it, which puts a halo around it."""
    done(*PAIR, "-i", "photo.png", "--blur_bgr", "9", "-o", "x.png")
    np.testing.assert_array_equal(read_picture(folder / "x.png"), read_picture(folder / "photo.png"))


def test_a_layout_that_the_ir_does_not_tell_is_that_of_its_shape_or_told(folder):
    model = ov.Core().read_model(folder / "model.xml")
    steps = PrePostProcessor(model)
    for index in range(2):
        steps.input(index).tensor().set_layout(ov.Layout("NHWC"))
        steps.input(index).model().set_layout(ov.Layout("NCHW"))
    model = steps.build()
    for parameter in model.get_parameters():
        parameter.set_layout(ov.Layout("..."))
    ov.save_model(model, folder / "last.xml", compress_to_fp16=False)
    given = ("-m", "last.xml", "-i", "photo.png", "--background", "plate.png", "-o", "a.png", "--what", "alpha")
    for told in ((), ("--layout", "NHWC"), ("--layout", "src:NHWC,bgr:NHWC")):
        done(*given, *told)
        np.testing.assert_array_equal(read_pixels(folder / "a.png"), mask(SIZE, BOX))
        (folder / "a.png").unlink()
    assert demo(*given, "--layout", "NCHW").exit_code == 1
    result = demo(*given, "--layout", "image:NHWC")
    wrong = "--layout image: the model's inputs are src, bgr, its outputs pha, fgr"
    assert (result.exit_code, result.stderr) == (2, f"main: error: {wrong}\n")


def test_the_composite_is_theirs_within_two_levels(folder):
    """Their formula, in floats and cut off, on what the network gives for a scene with soft edges."""
    scene = make_scene(3, (96, 160), "demo")
    write_picture(folder / "photo.png", scene.picture)
    write_picture(folder / "plate.png", scene.plate)
    target = make_scene(4, (96, 160), "demo").plate
    write_picture(folder / "target.png", target)
    done("-i", "photo.png", "--background", "plate.png", "--target_bgr", "target.png", "-o", "x.png")
    matte = omz.MattingModel("background-matting-starter")(scene.picture, scene.plate)
    assert matte.foreground is not None
    weight = matte.alpha[..., None]
    theirs = np.uint8(255 * (matte.foreground * weight + target / 255 * (1 - weight)))
    ours = read_picture(folder / "x.png")
    assert cv2.absdiff(ours, theirs).max() <= 2
    assert ((matte.alpha > 0.1) & (matte.alpha < 0.9)).sum() > 50


def test_a_video_without_a_target_is_placed_before_its_green(folder):
    film = make_film(folder, 3, (32, 48))
    result = demo(*film.flags, "-o", folder / "out.mp4")
    assert result.exit_code == 0, result.output
    assert "out.mp4" in result.output
    assert ".mp4 has no alpha, so the background is #78ff9b" in result.output
    (named,) = [demo(*film.flags, "-o", folder / "named.mp4", "--target", "#78ff9b")]
    assert named.exit_code == 0
    for one, other in zip(read(folder / "out.mp4"), read(folder / "named.mp4"), strict=True):
        np.testing.assert_array_equal(one.picture, other.picture)
