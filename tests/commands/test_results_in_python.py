"""Results of omz.MattingModel as images: the pixels that the command writes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from helpers.demo_command import done, write_scene
from PIL import Image

import omz
from omz.errors import ImageError, UsageError
from omz.images.files import read_pixels, write_picture
from omz.synthesis.camera import Drift
from omz.synthesis.scene import make_scene

SIZE = (95, 161)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path, Drift(), SIZE)
    write_picture(tmp_path / "beach.png", make_scene(9, (70, 90), "beach").plate)
    return tmp_path


def as_bgr(image: Image.Image) -> np.ndarray:
    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGBA2BGRA if image.mode == "RGBA" else cv2.COLOR_RGB2BGR)


def test_a_cutout_is_that_of_the_command(folder):
    done("photo.png", "--plate", "plate.png", "-o", "command.png")
    matte = omz.MattingModel()("photo.png", "plate.png")
    matte.save("saved.png")
    wanted = read_pixels(folder / "command.png")
    assert matte.cutout().mode == "RGBA"
    np.testing.assert_array_equal(as_bgr(matte.cutout()), wanted)
    np.testing.assert_array_equal(read_pixels(folder / "saved.png"), wanted)


@pytest.mark.parametrize("target", ["beach.png", "#3ca0b4", "#3ca0b480", "blur", "blur:9"])
@pytest.mark.parametrize("fit", ["cover", "tile"])
def test_a_composite_is_that_of_the_command(folder, target, fit):
    done("photo.png", "--plate", "plate.png", "--target", target, "--fit", fit, "-o", "command.png")
    matte = omz.MattingModel()("photo.png", "plate.png")
    matte.save("saved.png", target, fit)
    wanted = read_pixels(folder / "command.png")
    np.testing.assert_array_equal(as_bgr(matte.composite(target, fit)), wanted)
    np.testing.assert_array_equal(read_pixels(folder / "saved.png"), wanted)


def test_a_target_may_be_any_image(folder):
    matte = omz.MattingModel()("photo.png", "plate.png")
    wanted = np.asarray(matte.composite("beach.png"))
    beach = cv2.imread("beach.png")
    for target in (beach, Image.open("beach.png"), (folder / "beach.png").read_bytes(), folder / "beach.png"):
        np.testing.assert_array_equal(np.asarray(matte.composite(target)), wanted)


def test_models_and_mattes_are_shown_in_short(folder):
    model = omz.MattingModel()
    assert repr(model) == "MattingModel('background-matting-starter', device='CPU')"
    assert repr(model("photo.png", "plate.png")) == f"<ImageMatte {SIZE[1]}x{SIZE[0]}>"


def test_transparency_of_the_image_stays(folder):
    photo = cv2.imread("photo.png")
    opacity = np.tile(np.linspace(0, 255, SIZE[1]).round().astype(np.uint8), (SIZE[0], 1))
    write_picture(folder / "faded.png", np.dstack([photo, opacity]))
    done("faded.png", "--plate", "plate.png", "-o", "command.png")
    matte = omz.MattingModel()("faded.png", "plate.png")
    np.testing.assert_array_equal(as_bgr(matte.cutout()), read_pixels(folder / "command.png"))
    done("faded.png", "--plate", "plate.png", "--target", "blur", "-o", "blurred.png")
    np.testing.assert_array_equal(as_bgr(matte.composite("blur")), read_pixels(folder / "blurred.png"))


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_formats_are_those_of_the_command(folder, suffix):
    done("photo.png", "--plate", "plate.png", "--target", "beach.png", "-o", f"command{suffix}")
    omz.MattingModel()("photo.png", "plate.png").save(f"saved{suffix}", "beach.png")
    assert (folder / f"saved{suffix}").read_bytes() == (folder / f"command{suffix}").read_bytes()


def test_metadata_of_the_image_are_kept(folder):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.open("photo.png").save("photo.jpg", exif=exif, quality=95)
    omz.MattingModel()("photo.jpg", "plate.png").save("saved.png")
    with Image.open("saved.png") as saved:
        assert saved.getexif()[0x010F] == "Maker"


def test_what_cannot_be_made_is_an_error(folder):
    matte = omz.MattingModel()("photo.png", "plate.png")
    with pytest.raises(ImageError, match="suffixes"):
        matte.save("result.exr", "blur")
    for target in (None, "transparent"):
        with pytest.raises(UsageError, match=r"\.jpg cannot hold a result of cutout; use \.png, \.webp"):
            matte.save("result.jpg", target)
    assert not (folder / "result.jpg").exists()
    with pytest.raises(ImageError, match="cannot be written"):
        matte.save(folder / "photo.png" / "result.png")
    with pytest.raises(ImageError, match="the plate: no image at none"):
        omz.MattingModel()("photo.png", "none.png")
    with pytest.raises(ImageError, match="no such file"):
        matte.composite("none.png")
    with pytest.raises(UsageError, match="needs a target"):
        matte.composite(None)
    with pytest.raises(ImageError, match="type int"):
        matte.composite(3)
