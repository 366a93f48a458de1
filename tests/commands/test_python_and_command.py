"""From Python and from the command the same pixels, before they are rounded and after."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.demo_command import done, write_scene

import omz
from omz.convert.store import stored_ir
from omz.images.files import read_pixels
from omz.runtime.quiet_openvino import core, ov
from omz.synthesis.camera import Drift
from omz.zoo import Catalog


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
    np.testing.assert_array_equal(alpha, np.rint((2**bits - 1) * matte.alpha))
    assert np.count_nonzero((matte.alpha > 0) & (matte.alpha < 1)) > 50
    foreground = read_pixels(tmp_path / "out" / "photo_foreground.png")
    np.testing.assert_array_equal(foreground, np.rint(255 * matte.foreground))


@pytest.mark.parametrize("input_size", [None, (192, 320)])
def test_the_foreground_that_no_network_gives_is_the_same_too(tmp_path, monkeypatch, input_size):
    monkeypatch.chdir(tmp_path)
    write_scene(tmp_path, Drift(), (287, 481))
    network = core().read_model(stored_ir(Catalog()["background-matting-starter"], tmp_path))
    for port in network.outputs:
        if port.any_name == "fgr":
            network.remove_result(port.get_node())
    ov.save_model(network, "alpha_alone.xml")
    flags = ["--what", "alpha,foreground", "-o", "out", "-m", "alpha_alone.xml"]
    if input_size:
        flags += ["--input_size", f"{input_size[1]}x{input_size[0]}"]
    done("photo.png", "--plate", "plate.png", *flags)
    matte = omz.MattingModel("alpha_alone.xml", input_size=input_size)("photo.png", "plate.png")
    np.testing.assert_array_equal(read_pixels(tmp_path / "out" / "photo_alpha.png"), np.rint(255 * matte.alpha))
    foreground = read_pixels(tmp_path / "out" / "photo_foreground.png")
    np.testing.assert_array_equal(foreground, np.rint(255 * matte.foreground))
