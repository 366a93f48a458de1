"""From Python and from the command the same pixels, before they are rounded and after."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.demo_command import done, write_scene
from helpers.films import sequence

import omz
from omz.images.files import read_pixels
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene
from omz.video.formats import choose_format
from omz.video.writing import VideoWriter


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("input_size", [None, (192, 320)])
def test_the_command_gives_the_pixels_of_the_python_class(tmp_path, monkeypatch, bits, input_size):
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path, Drift(), (287, 481))
    flags = ["--what", "alpha,foreground", "--alpha_bits", bits, "-o", "out"]
    if input_size:
        flags += ["--input_size", f"{input_size[1]}x{input_size[0]}"]
    done("photo.png", "--plate", "plate.png", *flags)
    matte = omz.MattingModel(input_size=input_size)("photo.png", "plate.png")
    assert matte.foreground is not None
    assert matte.alpha.dtype == matte.foreground.dtype == np.float32
    alpha = read_pixels(tmp_path / "out" / "photo_alpha.png")
    assert alpha.dtype == (np.uint16 if bits == 16 else np.uint8)
    assert_nearest(alpha, matte.alpha, 2**bits - 1)
    assert np.count_nonzero((matte.alpha > 0) & (matte.alpha < 1)) > 50
    foreground = read_pixels(tmp_path / "out" / "photo_foreground.png")
    assert_nearest(foreground, matte.foreground, 255)


def test_a_hand_held_video_whose_plate_is_moved_in_a_smaller_copy_has_the_same_pixels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path, Drift(), size := (756, 1344))
    video, picture = Path("hand.mp4"), make_scene(3, size, "demo", Drift()).picture
    with VideoWriter(video, choose_format(video, alpha=False), size, Fraction(1, 25), Fraction(25)) as writer:
        for index in range(3):
            move = np.float32([[1, 0.002 * index, 6 - 5 * index], [-0.002 * index, 1, 2 * index]])
            writer.write(cv2.warpAffine(picture, move, size[::-1], borderMode=cv2.BORDER_REPLICATE), index)
    for seconds in ("0.04", "10"):
        done(video, "--plate", "plate.png", "--what", "alpha", "--segment_seconds", seconds, "-o", f"{seconds}/")
    mattes = omz.MattingModel().stream(omz.video.read(video), plate="plate.png")
    expected = np.array([matte.alpha for matte in mattes])
    assert expected.mean() > 0.04
    for seconds in ("0.04", "10"):
        assert_nearest(np.array(sequence(tmp_path / seconds)), expected, 255)


def assert_nearest(levels: np.ndarray, shares: np.ndarray, full: int) -> None:
    """Assert that levels are the nearest ones; next to a half, the last digit of a product in float32 decides."""
    assert levels.shape == shares.shape
    assert np.abs(levels - full * shares.astype(np.float64)).max() <= 0.5 + full * 2.0**-23
