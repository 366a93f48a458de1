"""Models that do not say what their inputs and outputs are, in the commands."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.accuracy_command import run
from helpers.builders import write_card
from helpers.demo_command import demo
from helpers.role_networks import Presentation, save_presented, true_alpha

from omz.images.files import write_picture
from omz.runtime.quiet_openvino import core, ov
from omz.synthesis.scene import make_scene
from omz.zoo.model_file import Checksum

PICTURE = np.random.default_rng(0).integers(0, 256, (31, 45, 3), np.uint8)

TOLD = {
    "softmax": (Presentation(channels=2, channel=1, kind="softmax"), ("--alpha", "out:1")),
    "logit": (Presentation(kind="logit"), ("--activation", "sigmoid")),
    "NHWC": (Presentation(layout="NHWC", kind="levels"), ("--alpha_range", "0,255")),
    "batch-free": (Presentation(layout="HW", kind="plain"), ("--activation", "none")),
    "oddly named": (Presentation(name="net/out:0", extra=2), ("--alpha", "net/out:0")),
    "layout": (
        Presentation(layout="WH", kind="logit"),
        ("--activation", "sigmoid", "--layout", "out:WH"),
    ),
    "layouts": (
        Presentation(layout="WHNC", channels=3, channel=2, kind="logits", nhwc_input=True),
        ("--alpha", "out:2", "--activation", "softmax", "--layout", "out:WHNC,image:NHWC"),
    ),
}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_picture(tmp_path / "photo.png", PICTURE)
    return tmp_path


@pytest.mark.parametrize("kind", TOLD)
def test_an_output_that_is_told_is_cut_out_and_untold_is_one_line(folder, kind):
    form, flags = TOLD[kind]
    ov.save_model(core().read_model(save_presented(folder / "net.onnx", form)), folder / "net.xml")
    given = ("photo.png", "-m", "net.xml", "-o", "cut.png", "--what", "alpha", "--alpha_bits", "16")
    result = demo(*given, *flags)
    assert result.exit_code == 0, result.output
    alpha = cv2.imread("cut.png", cv2.IMREAD_UNCHANGED) / 65535
    np.testing.assert_allclose(alpha, true_alpha(PICTURE), atol=2e-3)  # of weights in half precision
    Path("cut.png").unlink()
    result = demo(*given)
    assert result.exit_code == 1
    error = [line for line in result.output.splitlines() if "(f32 [" in line]
    assert len(error) == 1
    assert "--alpha NAME:CHANNEL" in error[0]
    assert not Path("cut.png").exists()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (("--alpha", "mask"), "there is no output mask: the model takes image (f32 [1,3,?,?]) and gives out (f32"),
        (("--alpha_range", "3"), "--alpha_range"),
        (("--alpha_range", "1,1"), "--alpha_range: give two different numbers, such as 0,255"),
        (("--activation", "tanh"), "'tanh' is not one of 'none', 'sigmoid', 'softmax', 'min_max'"),
        (("--layout", "mask:HW"), "--layout mask: the model's inputs are image, its outputs out"),
        (("--state", "out"), "--state out: write OUTPUT=INPUT, such as r1o=r1"),
    ],
)
def test_what_is_said_wrongly_is_wrong_usage(folder, flags, expected):
    source = save_presented(folder / "net.onnx", Presentation())
    ov.save_model(core().read_model(source), folder / "net.xml")
    result = demo("photo.png", "-m", "net.xml", "-o", "cut.png", *flags)
    assert result.exit_code == 2, result.output
    assert expected in result.output
    assert not Path("cut.png").exists()


def test_what_was_said_is_part_of_what_results_depend_on(folder):
    source = save_presented(folder / "net.onnx", Presentation(channels=2, channel=1, kind="softmax"))
    ov.save_model(core().read_model(source), folder / "net.xml")
    flags = ("photo.png", "-m", "net.xml", "-o", "out", "--resume")
    first = demo(*flags, "--alpha", "out:1")
    assert first.exit_code == 0, first.output
    assert "1 there already" in demo(*flags, "--alpha", "out:1").output
    again = demo(*flags, "--alpha", "out:0")
    assert "1 there already" not in again.output


def test_variants_are_compared_by_the_same_roles(folder):
    source = save_presented(
        folder / "dl" / "public" / "net" / "net.onnx", Presentation(channels=2, channel=1, kind="logits", layout="NHWC")
    )
    file = {
        "name": "net.onnx", "size": source.stat().st_size, "checksum": Checksum.of(source).value,
        "source": "https://example.com/net.onnx",
    }  # fmt: skip
    inputs = [{"name": "image", "shape": [1, 3, -1, -1], "layout": "NCHW"}]
    write_card(
        folder / "models", "net", files=[file], input_info=inputs,
        model_optimizer_args=["--input_model=$dl_dir/net.onnx"],
    )  # fmt: skip
    for index in range(2):
        scene = make_scene(index, (32, 48), "roles")
        truth = np.rint(255 * true_alpha(scene.picture)).astype(np.uint8)
        write_picture(folder / "data" / "images" / f"{index}.png", scene.picture)
        write_picture(folder / "data" / "alpha" / f"{index}.png", truth)
    given = ("--name", "net", "--models_dir", "models", "-d", "dl", "--dataset", "data", "--threshold", "MAD=1")
    told = run(*given, "--alpha", "out:1", "--activation", "softmax")
    assert told.exit_code == 0, told.output
    assert "PASSED" in told.output
    untold = run(*given)
    assert untold.exit_code == 2
    assert "--alpha NAME:CHANNEL" in untold.output
