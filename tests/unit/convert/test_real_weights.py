"""The conversion of ``u2netp``, real and trained, whose rounding to half precision hurts in one layer."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.builders import convert
from skimage import data

from omz.convert.events import IRReady
from omz.convert.manifest import manifest_path
from omz.convert.plan import ConversionSettings, plan_conversion
from omz.events import Event
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.zoo import Catalog

SIDE = 320
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory, u2netp_weights: Path) -> tuple[dict[str, Path], list[Event]]:
    """The IRs of the default conversion, and what was told of it."""
    root = tmp_path_factory.mktemp("u2netp")
    card = Catalog()["u2netp"]
    (file,) = card.files
    path = card.file_path(file, root)
    path.parent.mkdir(parents=True)
    path.write_bytes(u2netp_weights.read_bytes())
    events: list[Event] = []
    return dict(convert(plan_conversion(card, root, root / "out", ConversionSettings()), events.append)), events


def photo(name: str) -> np.ndarray:
    """Return a photograph as IRs take it: (1, 3, 320, 320), BGR, 0 to 255."""
    rgb = getattr(data, name)()[..., :3]
    small = cv2.resize(rgb, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(small[..., ::-1].transpose(2, 0, 1)[None], np.float32)


def original(weights: Path, name: str, output: str) -> np.ndarray:
    """Return what ONNX Runtime computes of a photograph, normalised as the authors of the network do."""
    rgb = photo(name)[:, ::-1].astype(np.float64) / 255
    mean, deviation = (np.reshape(each, (1, 3, 1, 1)) for each in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    engine = OnnxRuntimeEngine(weights, outputs=(output,))
    (taken,) = engine.inputs
    return engine.infer({taken.name: ((rgb - mean) / deviation).astype(np.float32)})[output]


@pytest.mark.parametrize("name", PHOTOS)
def test_in_full_precision_it_gives_what_its_original_gives(converted, u2netp_weights, name):
    engine = OpenVINOEngine(converted[0]["FP32"])
    (taken,), (output, *_) = engine.inputs, engine.outputs
    found = engine.infer({taken.name: photo(name)})[output]
    # The largest seen is 7e-5, with sums that are 1,000 times the result.
    np.testing.assert_allclose(found, original(u2netp_weights, name, output), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", PHOTOS)
def test_in_half_precision_hardly_anything_of_a_photograph_changes(converted, name):
    mattes = []
    for xml in converted[0].values():
        engine = OpenVINOEngine(xml)
        mattes.append(engine.infer({engine.inputs[0].name: photo(name)})[engine.outputs[0]])
    far = np.abs(mattes[0] - mattes[1])
    assert far.mean() < 1 / 2550  # without the layer in full precision, it is ten times that
    assert np.quantile(far, 0.999) < 0.01


def test_the_manifest_tells_what_half_precision_costs_and_spares_one_layer(converted):
    irs, events = converted
    manifest = json.loads(manifest_path(irs["FP16"]).read_text())
    compression = manifest["compression"]
    assert compression["source"] == "FP32 IR"
    assert len(compression["samples"]) == 4
    (output,) = compression["outputs"]
    assert {"mean", "p99_9", "largest", "beyond"} <= {*output}
    assert 0 < output["mean"] < output["p99_9"] <= output["largest"] < 0.05
    assert "2258" in manifest["kept_in_f32"]
    sizes = {precision: xml.with_suffix(".bin").stat().st_size for precision, xml in irs.items()}
    assert sizes["FP16"] < 0.55 * sizes["FP32"]
    (ready,) = [each for each in events if isinstance(each, IRReady) and each.precision == "FP16"]
    assert ready.warning is None
