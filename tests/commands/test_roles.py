"""Models that do not say what their inputs and outputs are, in the commands."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
from helpers.accuracy_command import run
from helpers.builders import write_card
from helpers.clips import make_pictures, write_clip
from helpers.demo_command import demo
from helpers.films import LOSSLESS
from helpers.role_networks import Presentation, save_presented, save_unet, true_alpha

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


def zoo(folder: Path, outputs: list[str], **keys: object) -> tuple[Path, tuple[str, ...]]:
    """Write a card for a network with seeded weights that takes RGB, -1 to 1; return the file, and flags."""
    source = save_unet(folder / "dl" / "public" / "net" / "net.onnx", outputs)
    file = {
        "name": "net.onnx", "size": source.stat().st_size, "checksum": Checksum.of(source).value,
        "source": "https://example.com/net.onnx",
    }  # fmt: skip
    arguments = [
        "--input_model=$dl_dir/net.onnx", "--reverse_input_channels", "--mean_values=input.1[127.5,127.5,127.5]",
        "--scale_values=input.1[127.5,127.5,127.5]",
    ]  # fmt: skip
    inputs = [{"name": "input.1", "shape": [1, 3, -1, -1], "layout": "NCHW", "role": "picture"}]
    write_card(folder / "models", "net", files=[file], input_info=inputs, model_optimizer_args=arguments, **keys)
    return source, ("--models_dir", "models", "--download_dir", "dl")


def of_first_output(source: Path, picture: np.ndarray) -> np.ndarray:
    image = (picture[..., ::-1] / 127.5 - 1).transpose(2, 0, 1)[None].astype(np.float32)
    session = onnxruntime.InferenceSession(str(source))
    return session.run([session.get_outputs()[0].name], {"input.1": image})[0][0, 0]


def test_a_network_without_plate_mattes_pictures_and_videos_by_name(folder):
    source, flags = zoo(folder, ["output"])
    frames = make_pictures(8, (32, 48))
    write_picture(folder / "still.png", frames[0])
    write_clip(folder / "clip.mp4", frames, **LOSSLESS)
    more = ("-m", "net", *flags, "--what", "alpha", "--precision", "f32")
    for name, output in (("still.png", "one.png"), ("clip.mp4", "out")):
        result = demo(name, *more, "-o", output)
        assert result.exit_code == 0, result.output
    found = [cv2.imread("one.png", 0), *(cv2.imread(str(path), 0) for path in sorted(Path("out").glob("*.png")))]
    for alpha, frame in zip(found, [frames[0], *frames], strict=True):
        np.testing.assert_allclose(alpha / 255, of_first_output(source, frame), atol=4e-3)  # FP16 weights, 8 bits
    data = folder / "data"
    write_picture(data / "images" / "0.png", frames[0])
    write_picture(data / "alpha" / "0.png", found[0])
    result = run("--name", "net", *flags[:2], "-d", "dl", "--dataset", "data", "--threshold", "MAD=2%")
    assert result.exit_code == 0, result.output


def test_a_card_says_which_of_seven_outputs_counts(folder):
    outputs = [f"d{number}" for number in range(7)]
    said = [{"name": "d0", "role": "alpha", "activation": "min_max"}]
    source, flags = zoo(folder, outputs, output_info=said)
    write_picture(folder / "still.png", make_pictures(1, (32, 48))[0])
    result = demo("still.png", "-m", "net", *flags, "--what", "alpha", "--precision", "f32", "-o", "one.png")
    assert result.exit_code == 0, result.output
    raw = of_first_output(source, make_pictures(1, (32, 48))[0])
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    np.testing.assert_allclose(cv2.imread("one.png", 0) / 255, expected, atol=1e-2)
