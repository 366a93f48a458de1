"""Published graphs with seeded weights, their results in ONNX Runtime, and how far a rewritten graph is from them."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from helpers.generated_weights import generated_image, generated_tensor
from helpers.published_graph import save_published_graph
from omz.convert.facts import describe_graph
from omz.convert.ir_file import save_ir
from omz.convert.rewrite import rewrite
from omz.networks.background_matting import BackgroundMatting
from omz.runtime.quiet_openvino import core, ov

BLOCK = 4
TIE = 1e-5
"""Expected errors this close are ranked by rounding: they differ by up to 2e-6 between runtimes."""
_ERROR = 4  # the channel of the last layer of the decoder that has the expected errors


@dataclass(frozen=True)
class Matted:
    """Alpha and foreground (N, 4, H, W) of a graph, and the errors (N, H/4, W/4) that it chose blocks by."""

    matte: np.ndarray
    errors: np.ndarray


def published(path: Path, seed: int, blocks: int, offset: float = 0.0) -> Path:
    """Write a published graph that refines ``blocks`` blocks; ``offset`` is added to their expected errors.

    The exporter takes seconds, and graphs of one seed differ in two numbers alone: they are put into one export.
    """
    model = onnx.load_from_string(_exported(seed))
    (largest,) = (node for node in model.graph.node if node.op_type == "TopK")
    (count,) = (node for node in model.graph.node if node.output[0] == largest.input[1])
    count.attribute[0].t.CopyFrom(numpy_helper.from_array(np.array([blocks])))
    (bias,) = (each for each in model.graph.initializer if each.name.endswith("decoder.conv4.bias"))
    values = np.array(numpy_helper.to_array(bias))
    values[_ERROR] = 0.3 + offset
    bias.CopyFrom(numpy_helper.from_array(values, bias.name))
    onnx.save(model, path)
    return path


@functools.cache
def _exported(seed: int) -> bytes:
    network = BackgroundMatting(refine_sample_pixels=BLOCK**2).eval()
    state = {}
    for name, value in network.state_dict().items():
        state[name] = torch.from_numpy(np.array(generated_tensor(f"{seed}.{name}", tuple(value.shape))))
    network.load_state_dict(state)
    decoder = network.decoder
    with torch.no_grad():
        # Generated weights let every layer of the base network add noise. A little of it is enough here.
        decoder.conv4.weight[:, : decoder.conv3.out_channels] *= 0.02
        decoder.conv4.weight[_ERROR, -6:] *= 0.5
    with tempfile.TemporaryDirectory() as folder:
        return save_published_graph(Path(folder) / "net.onnx", network).read_bytes()


def pair(seed: int, height: int, width: int, batch: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return images and plates, RGB, 0 to 1."""
    shape = batch, 3, height, width
    return generated_image(seed, shape), generated_image(seed + 1, shape)


def original(path: Path, images: tuple[np.ndarray, np.ndarray]) -> Matted:
    """Run a published graph in ONNX Runtime."""
    model = onnx.load(path)
    (largest,) = (node for node in model.graph.node if node.op_type == "TopK")
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(largest.input[0]))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    pha, fgr, errors = session.run(["pha", "fgr", largest.input[0]], dict(zip(("src", "bgr"), images, strict=True)))
    batch, _, height, width = pha.shape
    return Matted(np.concatenate([pha, fgr], 1), errors.reshape(batch, height // BLOCK, width // BLOCK))


def read(path: Path, shape: tuple[int, ...]) -> ov.Model:
    """Read a published graph for images of one shape."""
    return reshaped(core().read_model(path), shape)


def save_rewritten(path: Path, height: int, width: int) -> Path:
    """Write the IR of a rewritten graph that refines 100 blocks; return its path."""
    model = read(published(path.with_suffix(".onnx"), 0, blocks=100), (1, 3, height, width))
    describe_graph(model, rewrite(model))
    save_ir(model, path, "FP32")
    return path


def reshaped(model: ov.Model, shape: tuple[int, ...]) -> ov.Model:
    """Give all inputs of a model this shape; return the model."""
    model.reshape({port.any_name: ov.PartialShape(list(shape)) for port in model.inputs})
    return model


def run(model: ov.Model, images: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Run a model in float32; return alpha and foreground (N, 4, H, W)."""
    compiled = core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled(dict(zip(("src", "bgr"), images, strict=True)))
    return np.concatenate([results["pha"], results["fgr"]], 1)


def exchanged(found: np.ndarray, expected: Matted, blocks: int, tolerance: float = 1e-4) -> int:
    """Return how many blocks one graph has refined and the other has not; no other pixel may differ.

    Fails if a pixel differs by more than ``tolerance`` in a block whose expected error is no tie with that of the last
    block that is refined.
    """
    differs = np.abs(found - expected.matte).max(1) > tolerance
    batch, height, width = expected.errors.shape
    of_blocks = differs.reshape(batch, height, BLOCK, width, BLOCK).any((2, 4))
    for image in range(batch):
        last = np.sort(expected.errors[image], axis=None)[-blocks]
        distances = np.abs(expected.errors[image][of_blocks[image]] - max(last, 0))
        assert distances.max(initial=0) <= TIE, f"blocks {distances.max()} from the last one differ"
    return int(of_blocks.sum())
