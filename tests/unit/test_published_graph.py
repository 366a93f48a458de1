"""The graph the other tests take for a published one, against the network it comes from and the reference."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from helpers.generated_weights import generated_image
from helpers.published_graph import save_graph, save_published_graph
from onnx import numpy_helper

from omz.networks.background_matting import BackgroundMatting
from omz.networks.refiner import Refiner
from omz.runtime.quiet_openvino import ov

# The exporter folds normalisation into the convolutions, which costs a few last digits.
TOLERANCE = 3e-5
BLOCKS = 100

Matte = tuple[np.ndarray, np.ndarray]


def build(state, sample_pixels: int = 16 * BLOCKS) -> BackgroundMatting:
    network = BackgroundMatting(refine_sample_pixels=sample_pixels).eval()
    network.load_state_dict(state)
    return network


def images(*shape: int) -> Matte:
    return generated_image(1, shape), generated_image(2, shape)


def run_openvino(path: Path, pair: Matte, precision: str) -> Matte:
    core = ov.Core()
    compiled = core.compile_model(core.read_model(str(path)), "CPU", {"INFERENCE_PRECISION_HINT": precision})
    result = compiled(dict(zip(("src", "bgr"), pair, strict=True)))
    return result["pha"], result["fgr"]


@pytest.fixture(scope="module")
def network(generated_state) -> BackgroundMatting:
    return build(generated_state)


@pytest.fixture(scope="module")
def graph(network, tmp_path_factory) -> Path:
    return save_published_graph(tmp_path_factory.mktemp("published") / "published.onnx", network)


@pytest.fixture(scope="module")
def session(graph) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(graph), providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, pair: Matte) -> Matte:
    pha, fgr = session.run(["pha", "fgr"], dict(zip(("src", "bgr"), pair, strict=True)))
    return pha, fgr


def test_the_graph_crops_and_scatters_as_the_published_ones_do(graph):
    model = onnx.load(graph)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 11)]
    assert list(graph.parent.iterdir()) == [graph]

    operators = Counter(node.op_type for node in model.graph.node)
    wanted = {"RoiAlign": 3, "TopK": 1, "NonZero": 1, "ScatterElements": 2}  # one scatter selects, one pastes
    assert {name: operators[name] for name in wanted} == wanted
    for node in model.graph.node:
        if node.op_type == "RoiAlign":
            attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
            assert attributes == {"output_height": 8, "output_width": 8, "spatial_scale": 1.0, "sampling_ratio": 1}

    constants = {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    (largest,) = (node for node in model.graph.node if node.op_type == "TopK")
    assert numpy_helper.to_array(constants[largest.input[1]]) == BLOCKS


def test_batch_height_and_width_of_every_input_and_output_may_vary(graph):
    model = onnx.load(graph)
    shapes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    expected = {"src": 3, "bgr": 3, "pha": 1, "fgr": 3}
    assert shapes == {name: ["batch", channels, "height", "width"] for name, channels in expected.items()}


# A block on the other side of the selection by a rounding error would be a large difference. Here the predicted errors
# next to the limit are 1e-4 and more away from it, far beyond rounding. In the second image of 96x160 only 99 are above
# 0. 76x140 has a coarse matte of odd sides. The graph was traced with one image of 64x64.
@pytest.mark.parametrize("shape", [(2, 3, 64, 128), (2, 3, 96, 160), (1, 3, 76, 140)])
def test_cropped_windows_equal_the_dense_network_at_other_sizes_and_in_batches(shape, network, session):
    pair = images(*shape)
    with torch.no_grad():
        dense = network(*(torch.from_numpy(image) for image in pair))
    pha, fgr = run(session, pair)
    np.testing.assert_allclose(pha, dense.pha, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(fgr, dense.fgr, rtol=0, atol=TOLERANCE)


def test_the_graph_reproduces_the_reference(session, vectors):
    pha, fgr = run(session, images(1, 3, 96, 160))
    np.testing.assert_allclose(pha, vectors["sampling_pha"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(fgr, vectors["sampling_fgr"], rtol=0, atol=TOLERANCE)


def test_a_picture_with_fewer_blocks_than_are_to_be_refined_fails(session):
    with pytest.raises(Exception, match="TopK"):
        run(session, images(1, 3, 32, 32))


def test_openvino_and_onnxruntime_agree_on_a_larger_picture(graph, session):
    pair = images(2, 3, 320, 512)
    for ours, theirs in zip(run_openvino(graph, pair, "f32"), run(session, pair), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4)


def test_bfloat16_shifts_the_windows_of_a_wide_picture_and_leaves_the_dense_form_alone(generated_state, tmp_path):
    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16 units, so OpenVINO does not compute in it")
    height, width = 64, 2048
    steady = build(generated_state, sample_pixels=height * width)
    # Generated weights amplify any rounding in the base network until it hides everything else. So the coarse matte
    # comes from the small pictures alone here, and every block is refined whatever rounding does to its error.
    with torch.no_grad():
        steady.decoder.conv4.weight[:, : steady.decoder.conv3.out_channels] = 0
        steady.decoder.conv4.weight[4] = 0
        steady.decoder.conv4.bias[4] = 0.5
    pair = images(1, 3, height, width)

    moved = {}
    for name, save in (("windows", save_published_graph), ("dense", save_graph)):
        path = save(tmp_path / f"{name}.onnx", steady)
        whole, half = (np.concatenate(run_openvino(path, pair, precision), 1) for precision in ("f32", "bf16"))
        moved[name] = np.abs(whole - half)

    assert 1e-4 < moved["dense"].max() < 0.02
    assert moved["windows"].max() > 0.2
    # bfloat16 holds the half-integers of the boxes up to 128 only, and past 1024 no more than every eighth integer.
    assert moved["windows"][..., :112].mean() < 2 * moved["dense"].mean()
    assert moved["windows"][..., 256:1024].mean() > 4 * moved["dense"].mean()
    assert moved["windows"][..., 1024:].mean() > 10 * moved["dense"].mean()


def test_saving_leaves_the_network_as_it_is(network, graph):
    assert type(network.refiner) is Refiner


def test_only_sampling_has_a_published_graph(tmp_path):
    with pytest.raises(ValueError, match="sampling"):
        save_published_graph(tmp_path / "full.onnx", BackgroundMatting(width=0.25, refine_mode="full"))
    assert not list(tmp_path.iterdir())
