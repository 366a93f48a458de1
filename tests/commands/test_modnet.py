"""The cards of MODNet, with code and weights that stand in for the published ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner
from helpers.accuracy_command import run
from helpers.clips import make_pictures, write_clip
from helpers.films import LOSSLESS, demo

from omz.cli.converter import main as converter
from omz.images.files import write_picture
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.zoo import Catalog
from omz.zoo.model_file import Checksum

NAMES = ("modnet-photographic-portrait-matting", "modnet-webcam-portrait-matting")
CODE = {
    "modnet_onnx.py": (
        "from torch import nn, sigmoid\n"
        "from src.models.backbones import SUPPORTED_BACKBONES\n\n\n"
        "class MODNet(nn.Module):\n"
        "    def __init__(self, backbone_pretrained=True):\n"
        "        super().__init__()\n"
        "        assert not backbone_pretrained\n"
        "        self.backbone = SUPPORTED_BACKBONES['mobilenetv2'](3)\n\n"
        "    def forward(self, image):\n"
        "        return sigmoid(self.backbone(image))\n"
    ),
    "src/models/backbones/__init__.py": (
        "from .wrapper import Backbone\n\nSUPPORTED_BACKBONES = {'mobilenetv2': Backbone}\n"
    ),
    "src/models/backbones/mobilenetv2.py": "from torch import nn\n\nLayer = nn.Conv2d\n",
    "src/models/backbones/wrapper.py": (
        "from torch import nn\nfrom .mobilenetv2 import Layer\n\n\n"
        "class Backbone(nn.Module):\n"
        "    def __init__(self, channels):\n"
        "        super().__init__()\n"
        "        self.layer = Layer(channels, 1, 3, padding=1)\n\n"
        "    def forward(self, image):\n"
        "        return self.layer(image)\n"
    ),
}


def write_stand_ins(root: Path, name: str) -> dict[str, torch.Tensor]:
    """Write the card of a model for files of our own, and the files; return the weights."""
    card = Catalog()[name]
    folder = root / "downloads" / card.subdirectory
    torch.manual_seed(1)
    weights = {"weight": torch.randn(1, 3, 3, 3), "bias": torch.randn(1)}
    content = yaml.safe_load(card.path.read_text())
    for file in content["files"]:
        path = folder / file["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if file["name"] in CODE:
            path.write_text(CODE[file["name"]])
        else:  # as DataParallel saves them
            torch.save({f"module.backbone.layer.{key}": value for key, value in weights.items()}, path)
        file["size"], file["checksum"] = path.stat().st_size, Checksum.of(path).value
    (root / "models" / name).mkdir(parents=True)
    (root / "models" / name / "model.yml").write_text(yaml.safe_dump(content))
    return weights


@pytest.mark.parametrize("name", NAMES)
def test_the_card_converts_its_code_and_weights(tmp_path, name):
    weights = write_stand_ins(tmp_path, name)
    folders = ["--models_dir", str(tmp_path / "models"), "-d", str(tmp_path / "downloads"), "-o", str(tmp_path / "ir")]
    refused = CliRunner().invoke(converter, ["--name", name, *folders])
    assert refused.exit_code == 1
    assert "give --trust_code if you trust its authors" in refused.output
    result = CliRunner().invoke(converter, ["--name", name, "--precisions", "FP32", "--trust_code", *folders])
    assert result.exit_code == 0, result.output
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 512, 512)).astype(np.float32)
    ir = tmp_path / "ir" / "public" / name / "FP32" / f"{name}.xml"
    alpha = OpenVINOEngine(ir, precision="f32").infer({"input": picture})["output"]
    rgb = torch.from_numpy((picture[:, ::-1] - 127.5) / 127.5)
    expected = torch.sigmoid(torch.conv2d(rgb, weights["weight"], weights["bias"], padding=1))
    np.testing.assert_allclose(alpha, expected.numpy(), atol=1e-4)


def test_images_and_videos_are_cut_out_by_name_and_variants_agree(tmp_path):
    name = NAMES[1]
    weights = write_stand_ins(tmp_path, name)
    frames = make_pictures(3, (512, 512))  # as the network sees them
    write_picture(tmp_path / "photo.png", frames[0])
    clip = write_clip(tmp_path / "clip.mp4", frames, **LOSSLESS)
    folders = ("--models_dir", tmp_path / "models", "--download_dir", tmp_path / "downloads", "--offline")
    flags = ("-m", name, *folders, "--trust_code", "--precision", "f32", "--what", "alpha", "--alpha_bits", "16")
    image = demo(tmp_path / "photo.png", *flags, "-o", tmp_path / "cut.png")
    video = demo(clip, *flags, "-o", tmp_path / "cuts")
    assert (image.exit_code, video.exit_code) == (0, 0), image.output + video.output
    found = [tmp_path / "cut.png", *sorted((tmp_path / "cuts").glob("*.png"))]
    for path, frame in zip(found, [frames[0], *frames], strict=True):
        rgb = torch.from_numpy((frame[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 127.5)
        expected = torch.sigmoid(torch.conv2d(rgb, weights["weight"], weights["bias"], padding=1))
        alpha = cv2.imread(str(path), cv2.IMREAD_UNCHANGED) / 65535
        np.testing.assert_allclose(alpha, expected.numpy()[0, 0], atol=2e-3)  # of weights in half precision
    given = ("--name", name, *folders, "--trust_code", "--num_frames", 2, "--models", "original,FP32,FP16")
    result = run(*given)
    assert result.exit_code == 0, result.output
    assert "PASSED" in result.output


def test_nothing_is_downloaded_for_code_that_is_not_trusted(tmp_path):
    folders = ["-d", str(tmp_path / "downloads"), "-o", str(tmp_path / "ir")]
    result = CliRunner().invoke(converter, ["--name", NAMES[0], *folders])
    assert result.exit_code == 1
    assert "give --trust_code if you trust its authors" in result.output
    assert "offline" not in result.output


@pytest.mark.parametrize("changed", ["modnet_onnx.py", "src/models/backbones/mobilenetv2.py", None])
def test_code_that_is_not_that_of_the_card_does_not_run_in_an_evaluation(tmp_path, changed):
    """The original runs in the process that scores, and a file that somebody has changed may do anything."""
    name = NAMES[0]
    write_stand_ins(tmp_path, name)
    ran = tmp_path / "ran"
    card = Catalog(tmp_path / "models")[name]
    if changed:
        path = tmp_path / "downloads" / card.subdirectory / changed
        path.write_text(f"open({str(ran)!r}, 'w')\n{path.read_text()}")
    folders = ["--models_dir", tmp_path / "models", "-d", tmp_path / "downloads", "--offline"]
    result = run("--name", name, *folders, "--models", "original", "--trust_code", "--num_frames", 1)
    assert not ran.exists()
    if changed is None:
        assert result.exit_code == 0, result.output
        return
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert f"{changed} " in result.stderr
    assert "omz_downloader --name" in result.stderr


@pytest.mark.slow
def test_card_code_converts_whatever_the_order_of_its_modules(tmp_path):
    """Modules are removed one by one, and a package without a file looks for its parent when it is asked."""
    name = NAMES[1]
    write_stand_ins(tmp_path, name)
    folders = ["--models_dir", str(tmp_path / "models"), "-d", str(tmp_path / "downloads")]
    asked = ["--name", name, "--precisions", "FP32", "--check", "none", "--trust_code", *folders]
    for seed in range(4):
        command = [sys.executable, "-m", "omz.cli.converter", *asked, "-o", str(tmp_path / f"ir{seed}")]
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
