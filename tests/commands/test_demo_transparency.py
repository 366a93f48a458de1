"""Transparent images, plates and targets, formats and sizes of images, through the command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.demo_command import BOX, SIZE, cutout, demo, done, mask, names, write_pair
from PIL import Image, features

import omz
from omz.images.files import read_image, read_picture, read_pixels
from omz.video.reading import read

GIVEN = ("-m", "model.xml", "--plate", "plate.png")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_pair(tmp_path)


def ramp(most: int = 255) -> np.ndarray:
    """Alpha from 0 in the first column to the largest in the last."""
    return np.tile(np.linspace(0, most, SIZE[1]).round().astype(np.uint16 if most > 255 else np.uint8), (SIZE[0], 1))


def write(path: Path, picture: np.ndarray, alpha: np.ndarray) -> None:
    if alpha.dtype == np.uint16:
        picture = picture.astype(np.uint16) * 257
    if path.suffix in (".png", ".tif"):
        assert cv2.imwrite(str(path), np.dstack([picture, alpha]))
        return
    rgba = cv2.cvtColor(np.dstack([picture, alpha]), cv2.COLOR_BGRA2RGBA)
    Image.fromarray(rgba).save(path, lossless=True, quality=100)


@pytest.mark.parametrize("name", ["a.png", "a16.png", "a.webp", "a.tif", "a16.tif", "a.avif", "a.gif"])
def test_what_is_transparent_in_an_image_stays_transparent(folder, name):
    if name == "a.avif" and not features.check("avif"):
        pytest.skip("no AVIF here")
    alpha = ramp(65535 if "16" in name else 255)
    if name == "a.gif":
        alpha = np.where(np.arange(SIZE[1]) < 8, 0, np.full(SIZE, 255, np.uint8))
    write(folder / name, read_picture(folder / "photo.png"), alpha)
    given = read_image(folder / name)
    done(name, *GIVEN, "-o", "cut.png")
    found = read_pixels(folder / "cut.png")
    limit = given.opacity // (257 if given.opacity.dtype == np.uint16 else 1)
    assert (found[..., 3] <= limit).all()
    inside = (mask(SIZE, BOX) > 0) & (limit > 25)  # what is nearly transparent is nearly the plate
    inside &= found[..., 3] > 0  # some pixels of the subject are nearly the plate's
    assert inside.sum() > 190
    np.testing.assert_array_equal(found[inside][:, 3], limit[inside])
    assert not found[mask(SIZE, BOX) == 0][:, 3].any()
    np.testing.assert_array_equal(found[inside][:, :3], given.picture[inside])
    done(name, *GIVEN, "-o", "deep.png", "--alpha_bits", "16", "--what", "alpha")
    assert (read_pixels(folder / "deep.png") / 65535 <= given.opacity / np.iinfo(given.opacity.dtype).max).all()


def test_python_gives_what_the_command_gives(folder):
    write(folder / "a.png", read_picture(folder / "photo.png"), ramp())
    done("a.png", *GIVEN, "-o", "cut.png")
    summary = omz.cut_out("a.png", output="again.png", plate="plate.png", model="model.xml")
    assert summary.done == 1
    np.testing.assert_array_equal(read_pixels(folder / "again.png"), read_pixels(folder / "cut.png"))


def test_standard_input_may_be_transparent(folder):
    write(folder / "a.png", read_picture(folder / "photo.png"), ramp())
    done("a.png", *GIVEN, "-o", "cut.png")
    done("-", *GIVEN, "-o", "sent.png", sent=(folder / "a.png").read_bytes())
    np.testing.assert_array_equal(read_pixels(folder / "sent.png"), read_pixels(folder / "cut.png"))


def test_a_transparent_target_leaves_the_result_transparent_where_it_can_be(folder):
    colours = np.full((*SIZE, 3), (10, 200, 90), np.uint8)
    write(folder / "target.png", colours, ramp())
    picture, subject = read_picture(folder / "photo.png"), mask(SIZE, BOX) > 0
    for suffix in (".png", ".webp"):
        result = done("photo.png", *GIVEN, "--target", "target.png", "-o", f"out{suffix}")
        assert "white" not in result.output
        found = read_pixels(folder / f"out{suffix}")
        np.testing.assert_array_equal(found[..., 3], np.where(subject, 255, ramp()))
        seen = found[..., 3] > 20
        expected = np.where(subject[..., None], picture, colours)
        np.testing.assert_allclose(found[seen][:, :3].astype(int), expected[seen], atol=8)
    result = done("photo.png", *GIVEN, "--target", "target.png", "-o", "out.bmp")
    assert "warning: .bmp has no transparency, so the target lies before white; use .png" in result.output
    share = ramp()[..., None] / 255
    expected = np.where(subject[..., None], picture, share * colours + (1 - share) * 255)
    np.testing.assert_allclose(read_picture(folder / "out.bmp").astype(int), expected, atol=2)


def test_a_colour_may_be_half_transparent(folder):
    done("photo.png", *GIVEN, "--target", "#ff000080", "-o", "out.png")
    found = read_pixels(folder / "out.png")
    outside = mask(SIZE, BOX) == 0
    assert np.unique(found[outside], axis=0).tolist() == [[0, 0, 255, 128]]


@pytest.mark.parametrize("suffix", [".mov", ".webp", ".mp4"])
def test_a_transparent_animation_is_a_transparent_target(folder, suffix):
    frames = [np.dstack([np.full((*SIZE, 3), shade, np.uint8), np.full(SIZE, 0, np.uint8)]) for shade in (50, 200)]
    for frame in frames:
        frame[:, 16:, 3] = 255
    first, second = map(Image.fromarray, frames)
    first.save(folder / "target.gif", save_all=True, append_images=[second], duration=100, disposal=2)
    pages = [Image.open(folder / "photo.png").convert("RGB") for _ in range(2)]
    pages[1].putpixel((0, 0), (0, 0, 0))
    pages[0].save(folder / "film.webp", save_all=True, append_images=pages[1:], duration=[100, 90], lossless=True)
    result = done("film.webp", *GIVEN, "--target", "target.gif", "-o", f"out{suffix}")
    assert ("so the target lies before white" in result.output) == (suffix == ".mp4")
    for frame in read(folder / f"out{suffix}"):
        transparent = (mask(SIZE, BOX) == 0) & (np.arange(SIZE[1]) < 14) & (np.arange(SIZE[0]) > 0)[:, None]
        if suffix == ".mp4":
            assert frame.opacity is None
            assert np.median(frame.picture[transparent]) > 250
        else:
            assert frame.opacity[transparent].max() == 0
            assert frame.opacity[~transparent & (np.arange(SIZE[1]) > 17)].min() == 255


def test_blur_of_a_transparent_image_is_as_transparent(folder):
    write(folder / "a.png", read_picture(folder / "photo.png"), ramp())
    done("a.png", *GIVEN, "--target", "blur:5", "-o", "out.png")
    found = read_pixels(folder / "out.png")
    np.testing.assert_allclose(found[mask(SIZE, BOX) == 0][:, 3], ramp()[mask(SIZE, BOX) == 0], atol=1)


@pytest.mark.parametrize("suffix", [".avif", ".jp2", ".tga", ".pbm", ".webp"])
def test_a_folder_gives_what_its_file_gives(folder, suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("no AVIF here")
    (folder / "in").mkdir()
    image = Image.open(folder / "photo.png")
    (image.convert("1") if suffix == ".pbm" else image).save(folder / "in" / f"b{suffix}")
    done(f"in/b{suffix}", *GIVEN, "-o", "alone.png")
    result = done("in", *GIVEN, "-o", "out")
    assert "left out" not in result.output
    np.testing.assert_array_equal(read_pixels(folder / "out" / "b.png"), read_pixels(folder / "alone.png"))


def test_what_folders_hold_besides_is_told_in_a_line(folder):
    (folder / "in").mkdir()
    shutil.copy("photo.png", "in")
    for name in ("a.psd", "b.PSD", "notes.txt", "README", ".hidden"):
        (folder / "in" / name).touch()
    result = done("in", *GIVEN, "-o", "out")
    line = "in: left out 2 .psd, 1 .txt, 1 without suffix (no images or videos that can be read)"
    assert line in result.output.splitlines()
    assert names(folder / "out") == {"photo.png"}
    np.testing.assert_array_equal(read_pixels(folder / "out" / "photo.png"), cutout(read_picture(folder / "photo.png")))


@pytest.mark.parametrize("role", ["input", "plate", "target"])
def test_more_pixels_are_allowed_by_a_flag(folder, role):
    large = f"{role}.png"
    cv2.imwrite(large, cv2.resize(read_picture(folder / "photo.png"), None, fx=2, fy=2))
    flags = [large if role == "input" else "photo.png", "-m", "model.xml"]
    flags += ["--plate", large if role == "plate" else "plate.png", "--target", large if role == "target" else "green"]
    result = demo(*flags, "-o", "out.png", "--max_pixels", 1000)
    assert result.exit_code == 1
    assert f"{large} has 64x48, 0 million pixels, more than 0 million;" in result.output
    assert "allow them with --max_pixels 3072, or" in result.output
    assert not os.path.exists("out.png")
    done(*flags, "-o", "out.png", "--max_pixels", 3072)
