"""The cards of MODNet, with code and weights that stand in for the published ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from omz.cli.converter import main as converter
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


def test_nothing_is_downloaded_for_code_that_is_not_trusted(tmp_path):
    folders = ["-d", str(tmp_path / "downloads"), "-o", str(tmp_path / "ir")]
    result = CliRunner().invoke(converter, ["--name", NAMES[0], *folders])
    assert result.exit_code == 1
    assert "give --trust_code if you trust its authors" in result.output
    assert "offline" not in result.output
