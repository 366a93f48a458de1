"""omz.MattingModel: a model of the zoo or an IR, from Python, in a line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from helpers.builders import (
    published_file,
    save_brightness_model,
    save_brightness_onnx,
    save_difference_model,
    write_card,
)

import omz
from omz.convert.events import FirstUse
from omz.errors import CardError, EngineError, ImageError, UsageError
from omz.images.compositing import to_uint8
from omz.images.files import write_picture
from omz.images.foreground import foreground_levels
from omz.models.choice import ModelChoice
from omz.synthesis.scene import make_scene
from omz.video.reading import VideoFrame


def test_the_starter_mattes_pictures_and_files_alike(tmp_path):
    scene = make_scene(28, (97, 151), "api")
    write_picture(tmp_path / "photo.png", scene.picture)
    write_picture(tmp_path / "plate.png", scene.plate)
    matter = omz.MattingModel("background-matting-starter")
    assert matter.takes_plate
    assert matter.warnings == ()
    matte = matter(scene.picture, scene.plate)
    assert np.abs(matte.alpha - scene.alpha).mean() < min(0.1, scene.alpha.mean() / 2)
    again = matter(tmp_path / "photo.png", str(tmp_path / "plate.png"))
    np.testing.assert_array_equal(matte.alpha, again.alpha)
    np.testing.assert_array_equal(matte.foreground, again.foreground)


def test_colours_are_estimated_where_the_network_gives_none(tmp_path):
    matter = omz.MattingModel(save_brightness_model(tmp_path / "brightness.xml", "height", "width"))
    matte = matter(np.full((30, 40, 3), 240, np.uint8))
    assert not matter.takes_plate
    np.testing.assert_allclose(matte.foreground, 240 / 255, atol=0.01)


@pytest.mark.parametrize(("seen", "is_fine"), [((192, 288), True), ((96, 144), True), ((48, 72), False)])
def test_colours_are_estimated_on_fine_levels_unless_alpha_is_enlarged(seen, is_fine):
    scene = make_scene(28, (96, 144), "api")
    matte = omz.MattingModel("background-matting-starter", input_size=seen, refine="off")(scene.picture, scene.plate)
    alpha = to_uint8(matte.alpha)
    expected, others = (foreground_levels(scene.picture, alpha, each) for each in (is_fine, not is_fine))
    assert np.any(expected != others)
    np.testing.assert_array_equal(np.rint(255 * matte.foreground), expected)


def test_errors_are_those_of_the_command(tmp_path):
    with pytest.raises(CardError, match="no model is called 'nothing'"):
        omz.MattingModel("nothing")
    with pytest.raises(EngineError, match="no model at"):
        omz.MattingModel(tmp_path / "none.xml")
    with pytest.raises(ImageError, match="needs the plate"):
        omz.MattingModel(save_difference_model(tmp_path / "difference.xml", 8, 8))(np.zeros((8, 8, 3), np.uint8))


def test_a_card_tells_of_the_plate_before_anything_is_loaded():
    assert ModelChoice("background-matting-mobilenetv2").takes_plate() is True
    assert ModelChoice("semantic_human_matting").takes_plate() is False
    assert ModelChoice("model.xml").takes_plate() is None


def test_a_stream_gives_the_mattes_of_its_frames_in_order(tmp_path):
    model = omz.MattingModel(save_difference_model(tmp_path / "difference.xml", "height", "width"))
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (20, 28, 3), np.uint8) for _ in range(7)]
    write_picture(tmp_path / "third.png", frames[2])
    mixed = [frames[0], VideoFrame(1, 0, 1, frames[1]), tmp_path / "third.png", *frames[3:]]
    stream = model.stream(mixed, plate=frames[0])
    for frame, matte in zip(frames, stream, strict=True):
        alone = model(frame, frames[0])  # while the stream goes on
        np.testing.assert_array_equal(matte.alpha, alone.alpha)
        np.testing.assert_array_equal(matte.foreground, alone.foreground)


def test_what_is_transparent_in_a_frame_stays_so(tmp_path):
    model = omz.MattingModel(save_difference_model(tmp_path / "difference.xml", 8, 8))
    plate, picture = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 200, np.uint8)
    opacity = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    opaque, transparent = model.stream(
        [VideoFrame(0, 0, 1, picture), VideoFrame(1, 1, 1, picture, opacity=opacity)], plate=plate
    )
    np.testing.assert_array_equal(opaque.alpha, 1)
    assert (transparent.alpha <= opacity / np.float32(255)).all()
    np.testing.assert_allclose(transparent.alpha[4:], opacity[4:] / 255, atol=1e-6)


def test_a_stream_ends_at_a_frame_that_cannot_be_matted(tmp_path):
    model = omz.MattingModel(save_brightness_model(tmp_path / "brightness.xml", 8, 8))
    good = np.zeros((8, 8, 3), np.uint8)
    stream = model.stream([good, tmp_path / "none.png", good])
    assert next(stream).alpha.shape == (8, 8)
    with pytest.raises(ImageError, match=r"none\.png"):
        next(stream)
    assert model(good).alpha.shape == (8, 8)


def test_the_size_of_a_free_model_can_be_chosen_and_that_of_a_fixed_one_cannot(tmp_path):
    path = save_brightness_model(tmp_path / "free.xml", "height", "width")
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    small = omz.MattingModel(path, input_size=(20, 30))(picture)
    assert small.alpha.shape == (40, 60)
    assert np.abs(small.alpha - omz.MattingModel(path)(picture).alpha).max() > 0.1
    with pytest.raises(UsageError, match="leave input_size out"):
        omz.MattingModel(save_brightness_model(tmp_path / "fixed.xml", 8, 8), input_size=(20, 30))


def test_the_package_loads_nothing_until_it_is_asked_for_a_model():
    script = (
        "import sys, omz; before = {'numpy', 'openvino'} & {*sys.modules}; omz.MattingModel; print(before or 'nothing')"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "nothing"
    assert not hasattr(omz, "Other")


@pytest.fixture
def new_model(tmp_path, monkeypatch):
    """Folders with the card and the file of a model that was never used."""
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    file = save_brightness_onnx(tmp_path / "downloads" / "public" / "net" / "net.onnx", "height", "width")
    info = [{"name": "image", "shape": [1, 3, -1, -1], "layout": "NCHW"}]
    write_card(
        tmp_path / "zoo", "net", files=[published_file("net.onnx", file.read_bytes(), "https://example.com")],
        input_info=info, model_optimizer_args=["--input_model=$dl_dir/net.onnx", "--input=image"],
    )  # fmt: skip
    return {"models_dir": (tmp_path / "zoo",), "download_dir": tmp_path / "downloads"}


def test_the_first_use_of_a_model_is_logged_and_no_other(new_model, caplog):
    choice = ModelChoice("net", **new_model)
    assert choice.at_hand() is None
    assert omz.MattingModel("net", **new_model).takes_plate is False
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("omz", "WARNING")
    assert record.getMessage().startswith("first use of net: converting it")
    omz.MattingModel("net", **new_model)
    assert len(caplog.records) == 1


def test_where_somebody_takes_events_nothing_is_logged(new_model, caplog):
    events = []
    path = ModelChoice("net", **new_model).ir(events.append)
    assert isinstance(events[0], FirstUse)
    assert events[-1].path == str(path)
    ModelChoice("net", **new_model).ir(events.append)
    assert [isinstance(event, FirstUse) for event in events].count(True) == 1
    assert not caplog.records


def test_a_model_that_was_used_is_found_without_its_card(new_model):
    path = ModelChoice("net", **new_model).ir()
    again = ModelChoice("net", **new_model)
    assert again.at_hand() == path
    assert again.takes_plate() is False
    card = new_model["models_dir"][0] / "net" / "model.yml"
    card.write_text(card.read_text().replace("A card for a test.", "Another card."))
    changed = ModelChoice("net", **new_model)
    assert changed.at_hand() is None
    assert changed.ir() != path


def test_cutting_out_logs_it_too(new_model, tmp_path, caplog):
    write_picture(tmp_path / "photo.png", np.full((24, 32, 3), 240, np.uint8))
    for _ in range(2):
        omz.cut_out(tmp_path / "photo.png", model="net", **new_model)
    assert [record.name for record in caplog.records] == ["omz"]


def test_the_old_name_serves_with_a_warning():
    with pytest.warns(DeprecationWarning, match="now omz.MattingModel"):
        assert omz.Matter is omz.MattingModel
