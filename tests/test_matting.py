"""omz.Matter: a model of the zoo or an IR, from Python, in a line."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from builders import save_brightness_model, save_difference_model

import omz
from omz.errors import CardError, EngineError, ImageError
from omz.images.files import write_picture
from omz.matting import ModelChoice
from omz.synthesis.scene import make_scene


def test_the_starter_mattes_pictures_and_files_alike(tmp_path):
    scene = make_scene(28, (97, 151), "api")
    write_picture(tmp_path / "photo.png", scene.picture)
    write_picture(tmp_path / "plate.png", scene.plate)
    matter = omz.Matter("background-matting-starter")
    assert matter.takes_plate
    assert matter.warnings == ()
    matte = matter(scene.picture, scene.plate)
    assert np.abs(matte.alpha - scene.alpha).mean() < min(0.1, scene.alpha.mean() / 2)
    again = matter(tmp_path / "photo.png", str(tmp_path / "plate.png"))
    np.testing.assert_array_equal(matte.alpha, again.alpha)
    np.testing.assert_array_equal(matte.foreground, again.foreground)


def test_colours_are_estimated_where_the_network_gives_none(tmp_path):
    matter = omz.Matter(save_brightness_model(tmp_path / "brightness.xml", "height", "width"))
    matte = matter(np.full((30, 40, 3), 240, np.uint8))
    assert not matter.takes_plate
    np.testing.assert_allclose(matte.foreground, 240 / 255, atol=0.01)


def test_errors_are_those_of_the_command(tmp_path):
    with pytest.raises(CardError, match="no model is called 'nothing'"):
        omz.Matter("nothing")
    with pytest.raises(EngineError, match="no model at"):
        omz.Matter(tmp_path / "none.xml")
    with pytest.raises(ImageError, match="needs the plate"):
        omz.Matter(save_difference_model(tmp_path / "difference.xml", 8, 8))(np.zeros((8, 8, 3), np.uint8))


def test_a_card_tells_of_the_plate_before_anything_is_loaded():
    assert ModelChoice("background-matting-mobilenetv2").takes_plate() is True
    assert ModelChoice("semantic_human_matting").takes_plate() is False
    assert ModelChoice("model.xml").takes_plate() is None


def test_the_package_loads_nothing_until_it_is_asked_for_a_matter():
    script = "import sys, omz; before = {'numpy', 'openvino'} & {*sys.modules}; omz.Matter; print(before or 'nothing')"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "nothing"
    assert not hasattr(omz, "Other")
