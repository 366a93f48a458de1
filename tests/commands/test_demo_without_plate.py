"""The demo with a model that takes one picture and no plate, gives alpha and a trimap, and no foreground.

The model takes brightness for alpha, which is exact for a subject of grey 240 before grey 10.
"""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import (
    published_file,
    save_brightness_model,
    save_brightness_onnx,
    save_difference_model,
    write_card,
)
from helpers.demo_command import demo
from scipy.special import softmax

from omz.images.files import read_picture, write_picture
from omz.synthesis.scene import make_scene

SUBJECT, BEHIND = 240, 10


def read_whole(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def soft_subject(height: int, width: int) -> np.ndarray:
    """Alpha of something whose edge takes a quarter of the width."""
    ramp = np.clip((np.arange(width) / width - 0.4) * 4, 0, 1)
    return np.broadcast_to(ramp, (height, width))


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    grey = np.rint(BEHIND + (SUBJECT - BEHIND) * soft_subject(60, 200)).astype(np.uint8)
    write_picture(tmp_path / "photo.png", np.dstack([grey] * 3))
    write_picture(tmp_path / "plate.png", np.full((60, 200, 3), BEHIND, np.uint8))
    save_brightness_model(tmp_path / "brightness.xml", "height", "width")
    save_difference_model(tmp_path / "difference.xml", "height", "width")
    return tmp_path


def test_a_cutout_has_no_fringe_of_the_old_background(folder):
    result = demo("-m", "brightness.xml", "-i", "photo.png", "-o", "cut.png")
    assert result.exit_code == 0, result.output
    cut, alpha = read_whole(folder / "cut.png"), soft_subject(60, 200)
    np.testing.assert_allclose(cut[..., 3], 255 * alpha, atol=2)
    soft = (alpha > 0.1) & (alpha < 0.9)
    np.testing.assert_allclose(cut[soft][:, :3], SUBJECT, atol=12)


def test_a_composite_has_none_either(folder):
    result = demo("-m", "brightness.xml", "-i", "photo.png", "--target", "#ffffff", "-o", "white.png")
    assert result.exit_code == 0, result.output
    alpha = soft_subject(60, 200)
    expected = SUBJECT * alpha + 255 * (1 - alpha)
    np.testing.assert_allclose(read_whole(folder / "white.png").mean(2), expected, atol=10)


def test_red_green_and_blue_of_the_trimap_are_its_classes(folder):
    picture = make_scene(3, (60, 90), "demo").picture
    write_picture(folder / "scene.png", picture)
    result = demo("-m", "brightness.xml", "-i", "scene.png", "-o", "cut.png", "--trimap", "maps/trimap.png")
    assert result.exit_code == 0, result.output
    rgb = read_whole(folder / "maps" / "trimap.png")[..., ::-1]
    np.testing.assert_allclose(rgb, 255 * softmax(picture / 32, axis=2), atol=0.51)
    assert (folder / "cut.png").exists()


def test_a_model_that_gives_a_foreground_keeps_it(folder):
    result = demo("-m", "difference.xml", "-i", "photo.png", "--plate", "plate.png", "-o", "cut.png")
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(read_whole(folder / "cut.png")[..., :3], read_whole(folder / "photo.png"))


@pytest.mark.parametrize(("resize_type", "stretched"), [("standard", True), ("fit_to_window", False), (None, False)])
def test_the_ir_says_whether_pictures_are_stretched(folder, resize_type, stretched):
    save_brightness_model(folder / "fixed.xml", 64, 64, resize_type)
    result = demo("-m", "fixed.xml", "-i", "photo.png", "-o", "cut.png")
    assert result.exit_code == 0, result.output
    way = cv2.INTER_CUBIC if stretched else cv2.INTER_AREA
    small = cv2.resize(read_picture(folder / "photo.png"), (64, 64 if stretched else 19), interpolation=way)
    alpha = ((small.mean(2) - BEHIND) / (SUBJECT - BEHIND)).astype(np.float32)
    full = cv2.resize(alpha, (200, 60), interpolation=cv2.INTER_CUBIC if stretched else cv2.INTER_LINEAR)
    alpha = read_whole(folder / "cut.png")[..., 3]
    np.testing.assert_allclose(alpha, 255 * full.clip(0, 1), atol=1.01)  # rounded before and after


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["-m", "brightness.xml", "--background", "plate.png"], 2, "brightness.xml takes no plate; leave --plate"),
        (["-m", "difference.xml"], 2, "difference.xml needs the plate, .*; add --plate PLATE"),
        (["-m", "difference.xml", "--plate", "plate.png", "--trimap", "t.png"], 2, "gives no trimap; leave --trimap"),
        (["-m", "brightness.xml", "--trimap", "photo.png"], 2, "photo.png is where something else is"),
        (["-m", "brightness.xml", "--trimap", "./cut.png"], 2, "cut.png is where something else is"),
        (["-m", "brightness.xml", "--trimap", "t.gif"], 1, "t.gif: an image needs one of the suffixes"),
        (["-m", "brightness.xml", "--trimap", "."], 1, "needs one of the suffixes"),
        (["-m", "brightness.xml", "--trimap", "photo.png/t.png"], 1, "photo.png is not a folder; choose another place"),
    ],
)
def test_errors_say_what_to_do_and_leave_nothing(folder, arguments, code, message):
    before = sorted(folder.iterdir())
    result = demo("-i", "photo.png", "-o", "cut.png", *arguments)
    assert result.exit_code == code
    error = result.output.splitlines()[-1]
    assert error.startswith("main: error: ")
    assert re.search(message, error)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("blocked", ["cut.webp", "trimap.webp"])
def test_result_and_trimap_are_both_written_or_neither(folder, blocked):
    write_picture(folder / "wide.png", np.full((2, 16400, 3), 99, np.uint8))  # WebP holds 16383
    outputs = {"cut": "cut.png", "trimap": "trimap.png", blocked.partition(".")[0]: blocked}
    for name in outputs.values():
        (folder / name).write_text("as it was")
    before = sorted(folder.iterdir())
    result = demo("-m", "brightness.xml", "-i", "wide.png", "-o", outputs["cut"], "--trimap", outputs["trimap"])
    assert result.exit_code == 1
    assert "the format cannot hold 16400x2 pixels" in result.output
    assert sorted(folder.iterdir()) == before
    assert {(folder / name).read_text() for name in outputs.values()} == {"as it was"}


def write_zoo(folder: Path) -> None:
    """Write the card of a model that takes no plate, and that of one that takes it; the first is downloaded."""
    content = save_brightness_onnx(folder / "public" / "portrait" / "net.onnx", 64, 64).read_bytes()
    write_card(
        folder / "cards",
        "portrait",
        files=[published_file("net.onnx", content, "https://example.com/net.onnx")],
        input_info=[{"name": "image", "shape": [1, 3, 64, 64], "layout": "NCHW"}],
        model_info={"resize_type": "standard"},
    )
    write_card(folder / "cards", "pair")


def test_a_named_model_without_a_plate(folder):
    write_zoo(folder)
    result = demo("--models_dir", "cards", "-m", "portrait", "-i", "photo.png", "-o", "cut.png")
    assert result.exit_code == 0, result.output
    small = cv2.resize(read_picture(folder / "photo.png"), (64, 64), interpolation=cv2.INTER_CUBIC)
    alpha = ((small.mean(2) - BEHIND) / (SUBJECT - BEHIND)).astype(np.float32)
    full = cv2.resize(alpha, (200, 60), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(read_whole(folder / "cut.png")[..., 3], 255 * full.clip(0, 1), atol=1)


@pytest.mark.parametrize(
    ("model", "plate", "message"),
    [
        ("portrait", ["--plate", "plate.png"], "portrait takes no plate; leave --plate out"),
        ("pair", [], "pair needs the plate, the same scene without the subject; add --plate PLATE"),
    ],
)
def test_the_card_tells_about_the_plate_before_anything_is_converted(folder, model, plate, message, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(folder / "cache"))
    write_zoo(folder)
    (folder / "public" / "portrait" / "net.onnx").unlink()
    result = demo("--models_dir", "cards", "-m", model, "-i", "photo.png", *plate)
    assert result.exit_code == 2
    assert result.output == f"main: error: {message}\n"


def test_the_error_names_a_model_that_needs_no_plate_once_it_is_ready(folder, monkeypatch):
    monkeypatch.setenv("OMZ_CACHE_DIR", str(folder / "cache"))  # nothing is ready there
    write_zoo(folder)
    expected = "main: error: pair needs the plate, the same scene without the subject; add --plate PLATE"
    given = ("--models_dir", "cards", "-i", "photo.png", "-o", "cut.png")
    assert demo(*given, "-m", "pair").output == f"{expected}\n"
    assert demo(*given, "-m", "portrait").exit_code == 0
    assert demo(*given, "-m", "pair").output == f"{expected}; or use -m portrait, which needs none\n"


def test_without_a_picture_it_shows_itself_on_one(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    result = demo("-m", "brightness.xml")
    assert result.exit_code == 0, result.output
    rows = {
        line.split("│")[1].strip(): line.split("│")[2].strip() for line in result.output.splitlines() if "│" in line
    }
    assert {"matte", "foreground", "alpha error (MAD x1e3)"} <= set(rows)
    assert not any("difference key" in name for name in rows)
    written = {path.name for path in (folder / "out").iterdir()}
    assert written == {"picture.png", "foreground.png", "alpha.png", "cutout.png", "composite.png", "overview.jpg"}


def test_a_trimap_needs_a_picture(folder):
    result = demo("-m", "brightness.xml", "--trimap", "t.png")
    assert result.exit_code == 2
    assert "add -i IMAGE" in result.output
