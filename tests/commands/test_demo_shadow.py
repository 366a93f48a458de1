"""Shadows kept by the command, against the same scene before another background."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.builders import save_brightness_model
from helpers.clips import write_clip
from helpers.demo_command import demo, done
from helpers.shadows import SIZE, shadowed

import omz
from omz.errors import UsageError
from omz.images.files import read_pixels, write_picture
from omz.synthesis.scene import make_scene
from omz.video.reading import read

SCENE = shadowed()
GIVEN = ("photo.png", "--plate", "plate.png")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", SCENE.picture)
    write_picture(tmp_path / "plate.png", SCENE.plate)
    write_picture(tmp_path / "target.png", target())
    return tmp_path


def target() -> np.ndarray:
    return np.maximum(make_scene(5, SIZE, "target").plate, 60)


def before(rgba: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """A cutout before a target, in double precision."""
    weight = rgba[..., 3:].astype(np.float64) / 255
    return weight * rgba[..., :3] + (1 - weight) * behind


def error(image: np.ndarray, scene=SCENE) -> float:
    """Mean difference, in levels, from the scene before the target, where there is its shadow."""
    seen = scene.shadow * (1 - scene.alpha) > 0.05
    return float(np.abs(image - scene.over(target()))[seen].mean())


def test_a_cutout_with_its_shadow_is_the_scene_before_another_background(folder):
    for name, flags in {"plain": (), "kept": ("--keep_shadow",)}.items():
        done(*GIVEN, "--target", "target.png", "--what", "all", *flags, "-o", name)
    plain, kept = (read_pixels(folder / name / "photo_cutout.png") for name in ("plain", "kept"))
    assert error(before(kept, target())) < 0.25 * error(before(plain, target()))
    composite = read_pixels(folder / "kept" / "photo_composite.png")
    assert np.abs(before(kept, target()) - composite).max() <= 2
    for same in ("photo_alpha.png", "photo_foreground.png"):
        np.testing.assert_array_equal(read_pixels(folder / "kept" / same), read_pixels(folder / "plain" / same))
    assert (kept[..., 3] >= plain[..., 3]).all()


def test_alpha_of_16_bits_has_the_same_shadow(folder):
    done(*GIVEN, "--keep_shadow", "-o", "8.png")
    done(*GIVEN, "--keep_shadow", "--alpha_bits", "16", "-o", "16.png")
    eight, sixteen = read_pixels(folder / "8.png"), read_pixels(folder / "16.png")
    assert sixteen.dtype == np.uint16
    off = np.abs(sixteen[..., 3] / 257 - eight[..., 3])
    assert off.max() <= 4  # a shadow is found around alpha in 8 bits, which is rounded another way
    assert off.mean() <= 0.25  # half a level is the most that rounding itself makes


def test_python_gives_the_pixels_of_the_command(folder):
    model = omz.MattingModel(keep_shadow=True)
    matte = model(*GIVEN[::2])
    for name, image in {"cut.png": matte.cutout(), "me.png": matte.composite("target.png")}.items():
        done(*GIVEN, "--keep_shadow", *(("--target", "target.png") if name == "me.png" else ()), "-o", name)
        np.testing.assert_array_equal(np.asarray(image)[..., :3][..., ::-1], read_pixels(folder / name)[..., :3])
    np.testing.assert_array_equal(np.asarray(matte.cutout())[..., 3], read_pixels(folder / "cut.png")[..., 3])
    assert matte.shadow is not None
    assert matte.shadow.shape == matte.alpha.shape
    assert omz.MattingModel()(*GIVEN[::2]).shadow is None
    [streamed] = model.stream([SCENE.picture], SCENE.plate)
    assert streamed.shadow == pytest.approx(matte.shadow, abs=1e-3)


def test_videos_have_it_with_alpha_and_before_a_target(folder):
    write_clip(folder / "clip.mkv", [SCENE.picture] * 3, codec="ffv1", pixel_format="bgr0")
    for name in ("plain", "kept"):
        flags = ("--keep_shadow",) if name == "kept" else ()
        done("clip.mkv", "--plate", "plate.png", *flags, "-o", f"{name}.mov")
    [plain], [kept] = (list(read(folder / name))[:1] for name in ("plain.mov", "kept.mov"))
    levels = [before(np.dstack([frame.picture, frame.opacity]), target()) for frame in (plain, kept)]
    assert error(levels[1]) < 0.35 * error(levels[0])
    done("clip.mkv", "--plate", "plate.png", "--keep_shadow", "--target", "target.png", "-o", "kept.mkv")
    composite = next(iter(read(folder / "kept.mkv"))).picture
    assert error(composite) < 0.35 * error(levels[0])


def test_a_job_that_did_not_keep_shadows_begins_again(folder):
    write_picture(folder / "in" / "photo.png", SCENE.picture)
    flags = ("in", "--plate", "plate.png", "-o", "out", "--resume")
    done(*flags)
    plain = (folder / "out" / "photo.png").read_bytes()
    assert "omz_demo.jsonl" in done(*flags, "--keep_shadow").output
    assert (folder / "out" / "photo.png").read_bytes() != plain
    assert "1 there already" in done(*flags, "--keep_shadow").output


def test_a_transparent_image_hides_no_more_than_before(folder):
    opacity = np.tile(np.linspace(0, 255, SIZE[1]).round().astype(np.uint8), (SIZE[0], 1))
    write_picture(folder / "photo.png", np.dstack([SCENE.picture, opacity]))
    done(*GIVEN, "--keep_shadow", "-o", "cut.png")
    cut = read_pixels(folder / "cut.png")[..., 3]
    assert (cut <= opacity).all()
    assert (cut > 0).mean() > 0.1
    matte = omz.MattingModel(keep_shadow=True)(*GIVEN[::2])
    again = np.asarray(matte.cutout())[..., 3]
    assert (again <= opacity).all()
    assert np.abs(again.astype(int) - cut).max() <= 1  # of a shadow and an alpha that are rounded in another order


def test_before_its_own_background_blurred_it_darkens_once(folder):
    for name, flags in {"plain": (), "kept": ("--keep_shadow",)}.items():
        done(*GIVEN, "--target", "blur:9", *flags, "-o", f"{name}.png")
    assert (folder / "kept.png").read_bytes() == (folder / "plain.png").read_bytes()
    matte = omz.MattingModel(keep_shadow=True)(*GIVEN[::2])
    np.testing.assert_array_equal(np.asarray(matte.composite("blur:9"))[..., ::-1], read_pixels(folder / "kept.png"))


@pytest.mark.parametrize("flags", [(), ("-m", "brightness.xml")])
def test_without_a_plate_one_line_says_that_it_needs_one(folder, flags):
    save_brightness_model(folder / "brightness.xml", "height", "width")
    result = demo("photo.png", *flags, "--keep_shadow")
    assert result.exit_code == 2
    assert "--keep_shadow needs the plate" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(folder.glob("photo_*"))


def test_a_model_that_takes_no_plate_keeps_none_in_python(folder):
    save_brightness_model(folder / "brightness.xml", "height", "width")
    with pytest.raises(UsageError, match="takes no plate to find a shadow by"):
        omz.MattingModel("brightness.xml", keep_shadow=True)


def test_results_without_a_shadow_say_so(folder):
    assert "--keep_shadow has no effect" in done(*GIVEN, "--what", "alpha", "--keep_shadow").output
    assert "--keep_shadow has no effect" not in done(*GIVEN, "--keep_shadow").output
