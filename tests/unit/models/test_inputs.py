"""Images of every type that a caller may have: the same mattes, or an error that names the type."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import save_difference_model
from PIL import Image

import omz
from omz.errors import ImageError, UsageError
from omz.images.files import write_picture
from omz.synthesis.scene import make_scene
from omz.video.reading import VideoFrame

SCENE = make_scene(5, (48, 72), "inputs")
PICTURE, PLATE = SCENE.picture, SCENE.plate


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> omz.MattingModel:
    return omz.MattingModel(save_difference_model(tmp_path_factory.mktemp("net") / "m.xml", "height", "width"))


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _pil(picture: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))


def _file(picture: np.ndarray, folder: Path) -> Path:
    path = folder / f"{abs(hash(picture.tobytes()))}.png"
    write_picture(path, picture)
    return path


FORMS = {
    "str": lambda picture, folder: str(_file(picture, folder)),
    "Path": _file,
    "bytes": lambda picture, folder: _png(picture),
    "bytearray": lambda picture, folder: bytearray(_png(picture)),
    "file": lambda picture, folder: _file(picture, folder).open("rb"),
    "BytesIO": lambda picture, folder: io.BytesIO(_png(picture)),
    "PIL": lambda picture, folder: _pil(picture),
    "PIL RGBA": lambda picture, folder: _pil(picture).convert("RGBA"),
    "PIL of a file": lambda picture, folder: Image.open(_file(picture, folder)),
    "BGRA": lambda picture, folder: np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]),
    "uint16": lambda picture, folder: picture.astype(np.uint16) * np.uint16(257),
    "float32": lambda picture, folder: picture / np.float32(255),
    "float64": lambda picture, folder: picture / 255,
    "flipped twice": lambda picture, folder: np.ascontiguousarray(picture[::-1])[::-1],
    "columns first": lambda picture, folder: np.asfortranarray(picture),
    "frame": lambda picture, folder: VideoFrame(0, 0, 1, picture),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_image_gives_the_same_matte(model, tmp_path, form):
    wanted = model(PICTURE, PLATE)
    made = model(FORMS[form](PICTURE, tmp_path), FORMS[form](PLATE, tmp_path))
    np.testing.assert_array_equal(made.alpha, wanted.alpha)
    np.testing.assert_array_equal(made.foreground, wanted.foreground)
    (streamed,) = model.stream([FORMS[form](PICTURE, tmp_path)], FORMS[form](PLATE, tmp_path))
    np.testing.assert_array_equal(streamed.alpha, wanted.alpha)


@pytest.mark.parametrize("make", [lambda grey: grey, Image.fromarray, _png])
def test_grey_is_colour_without_hue(model, make):
    grey, plate = PICTURE[..., 1].copy(), PLATE[..., 1].copy()
    wanted = model(np.dstack([grey] * 3), np.dstack([plate] * 3))
    np.testing.assert_array_equal(model(make(grey), make(plate)).alpha, wanted.alpha)


def test_a_pil_image_is_turned_as_its_file_is(model, tmp_path):
    image, plate = _pil(PICTURE), _pil(PLATE)
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        np.testing.assert_array_equal(model(turned, plate).alpha, model(PICTURE, PLATE).alpha)


@pytest.mark.parametrize("bits", [8, 16])
def test_what_is_transparent_stays_so(model, bits):
    opacity = np.tile(np.linspace(0, 255, 72).round().astype(np.uint8), (48, 1))
    given = np.dstack([PICTURE, opacity])
    if bits == 16:
        given = given.astype(np.uint16) * np.uint16(257)
    matte = model(given, PLATE)
    assert (matte.alpha <= opacity / 255 + 1e-6).all()
    assert matte.alpha[:, 0].max() == 0
    assert matte.alpha.max() > 0.9


BAD = {
    "None": (None, "NoneType"),
    "int": (3, "int"),
    "list": ([[1, 2], [3, 4]], "list"),
    "dict": ({"image": 1}, "dict"),
    "object": (np.full((8, 8, 3), None), "object"),
    "text": (np.full((8, 8, 3), "a"), "<U1"),
    "bool": (np.zeros((8, 8, 3), bool), "bool"),
    "int64": (np.zeros((8, 8, 3), int), "int64"),
    "complex": (np.zeros((8, 8, 3), complex), "complex128"),
    "NaN": (np.full((8, 8, 3), np.nan), "0 to 1"),
    "infinite": (np.full((8, 8, 3), np.inf), "0 to 1"),
    "0 to 255": (np.full((8, 8, 3), 200.0), "0 to 1"),
    "below 0": (np.full((8, 8, 3), -0.5), "0 to 1"),
    "5 channels": (np.zeros((8, 8, 5), np.uint8), r"\[8, 8, 5\]"),
    "channels first": (np.zeros((3, 8, 8), np.uint8), r"\[3, 8, 8\]"),
    "batch": (np.zeros((1, 8, 8, 3), np.uint8), r"\[1, 8, 8, 3\]"),
    "no pixels": (np.zeros((0, 8, 3), np.uint8), r"\[0, 8, 3\]"),
    "one number": (np.float32(0.5), "float32"),
    "no bytes": (b"", "empty"),
    "other bytes": (b"not an image", "known format"),
    "cut bytes": (_png(PICTURE)[:200], "read"),
    "text file": (io.StringIO("text"), "'rb'"),
    "PIL of floats": (Image.fromarray(np.zeros((8, 8), np.float32)), "floating-point"),
    "no file": ("none.png", r"none\.png"),
}


@pytest.mark.parametrize("kind", BAD)
def test_others_are_refused_by_type(model, kind):
    given, text = BAD[kind]
    with pytest.raises(ImageError, match=text) as caught:
        model(given, PLATE)
    assert "\n" not in str(caught.value)
    if given is not None:
        with pytest.raises(ImageError, match=text):
            model(PICTURE, given)
    with pytest.raises(ImageError, match=text):
        list(model.stream([given], PLATE))


def test_a_plate_has_to_be_opaque(model):
    plate = np.dstack([PLATE, np.full(PLATE.shape[:2], 200, np.uint8)])
    with pytest.raises(ImageError, match="plate is partly transparent"):
        model(PICTURE, plate)


def test_text_serves_wherever_a_path_does(tmp_path):
    write_picture(tmp_path / "photo.png", PICTURE)
    write_picture(tmp_path / "plate.png", PLATE)
    (tmp_path / "cards").mkdir()
    for folders in (str(tmp_path / "cards"), [str(tmp_path / "cards")], tmp_path / "cards", (tmp_path / "cards",)):
        model = omz.MattingModel(models_dir=folders, download_dir=str(tmp_path / "downloads"))
        assert model(str(tmp_path / "photo.png"), str(tmp_path / "plate.png")).alpha.shape == (48, 72)
        assert omz.download_model("background-matting-starter", str(tmp_path / "zoo"), folders) == ()
    summary = omz.cut_out(
        str(tmp_path / "photo.png"), plate=str(tmp_path / "plate.png"), output=str(tmp_path / "out.png"),
        models_dir=str(tmp_path / "cards"), report=str(tmp_path / "report.json"),
    )  # fmt: skip
    assert summary.done == 1
    assert (tmp_path / "report.json").exists()


def test_a_video_is_read_by_text(tmp_path):
    from omz.video.formats import choose_format
    from omz.video.writing import VideoWriter

    path = tmp_path / "talk.mp4"
    with VideoWriter(path, choose_format(path, alpha=False), (48, 72), Fraction(1, 25), Fraction(25)) as writer:
        writer.write(PICTURE, 0)
    assert len(list(omz.video.read(str(path)))) == len(list(omz.video.read(path))) == 1


def test_the_argument_of_a_role_is_checked(tmp_path):
    with pytest.raises(UsageError, match="no argument 'plates'"):
        omz.MattingModel(plates="bgr")
