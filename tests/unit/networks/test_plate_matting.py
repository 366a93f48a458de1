from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from helpers.builders import write_card
from torch.nn import functional as F

import omz
from omz.convert.converter import Conversion
from omz.convert.plan import ConversionSettings
from omz.matting.network import MattingNetwork
from omz.networks.plate_matting import DifferenceFold, PlateMatting, Pyramid, TolerantComparison, enlarge
from omz.networks.weights import save_half
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine
from omz.synthesis.scene import make_scene
from omz.zoo import Catalog
from omz.zoo.model_file import Checksum

SMALL = {"widths": (8, 12, 16), "depths": (1, 1, 2), "fine": 8, "fine_blocks": 1, "tolerant": 8}
ODD = (180, 316)  # a quarter is 45x79, and so on: every level is rounded up


def scattered(seed: int = 0) -> PlateMatting:
    """Return a small network that has left its start: no weight is 0, and statistics are not those of the start."""
    torch.manual_seed(seed)
    network = PlateMatting(**SMALL)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        network.train()
        for _ in range(3):
            network.raw(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64))
    return network.eval()


@pytest.mark.parametrize("size", [(64, 96), ODD, (4, 4), (36, 20)])
def test_alpha_has_the_size_of_the_image_for_all_multiples_of_4(size):
    src, bgr = torch.rand(2, 3, *size), torch.rand(2, 3, *size)
    with torch.no_grad():
        alpha = scattered()(src, bgr)
    assert alpha.shape == (2, 1, *size)
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_the_fold_starts_as_the_difference_of_images():
    src, bgr = torch.rand(2, 3, 12, 16), torch.rand(2, 3, 12, 16)
    folded = DifferenceFold()(src, bgr)
    # differences of numbers up to 1, in float32
    torch.testing.assert_close(folded, F.pixel_unshuffle(src - bgr, 2), rtol=0, atol=4 * 2**-24)


def test_with_its_slope_the_network_can_give_the_linear_alpha_of_known_colours():
    """With one foreground colour and one plate colour, alpha is <I - B, F - B> / |F - B|²."""
    foreground, plate = torch.tensor([0.9, 0.2, 0.4]), torch.tensor([0.1, 0.6, 0.3])
    span = foreground - plate
    network = PlateMatting(**SMALL).eval()
    truth = torch.rand(1, 1, 32, 48)
    with torch.no_grad():
        for parameter in network.alpha.parameters():
            parameter.zero_()
        network.slope.bias.copy_((span / span.square().sum()).repeat_interleave(4))
        bgr = plate[None, :, None, None].expand(1, 3, 32, 48)
        src = truth * foreground[None, :, None, None] + (1 - truth) * bgr
        torch.testing.assert_close(network(src, bgr), truth, rtol=0, atol=1e-5)


def test_only_what_leaves_the_surroundings_in_the_plate_is_beyond_them():
    torch.manual_seed(0)
    compare = TolerantComparison(8, 8)
    with torch.no_grad():
        compare.image.weight.zero_()
        compare.plate.weight.zero_()
        scene = torch.rand(1, 3, 48, 64)
        for dx, dy in ((0, 0), (4, 0), (0, -4), (-4, 4)):  # whole blocks, so that each one has its like in the plate
            moved = torch.roll(scene, (dy, dx), (2, 3))
            inside = (compare(moved, scene) - compare.image.bias[None, :, None, None])[..., 1:-1, 1:-1]
            assert inside.abs().max() < 1e-5
        brighter = scene.clone()
        brighter[..., 16:32, 16:32] += 1
        found = (compare(brighter, scene) - compare.image.bias[None, :, None, None]).abs().amax(1)[0] > 0.01
    assert found[4:8, 4:8].all()
    assert found.sum() == 16


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (5, 1), (1, 1)])
def test_the_pyramid_returns_to_any_size(size):
    pyramid = Pyramid((4, 6, 8, 8), (1, 1, 1, 1)).eval()
    with torch.no_grad():
        assert pyramid(torch.rand(1, 4, *size)).shape == (1, 4, *size)


@pytest.mark.parametrize("side", [1, 2, 23, 45, 1081])
def test_a_value_fills_its_places_also_where_one_is_cut_off(side):
    x = torch.arange((side + 1) // 2, dtype=torch.float32)[None, None, None]
    like = torch.zeros(1, 1, 1, side)
    assert torch.equal(enlarge(x, like)[0, 0, 0], torch.arange(side) // 2 * 1.0)


def test_a_clipped_alpha_still_learns():
    network = PlateMatting(**SMALL)
    with torch.no_grad():
        network.alpha.bias.fill_(3.0)
    raw = network.raw(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))
    assert raw.min() > 1
    raw.mean().backward()
    assert network.alpha.bias.grad is not None
    assert network.alpha.bias.grad.abs().min() > 0


def test_the_network_of_the_recipe_weighs_less_than_2_megabytes(tmp_path):
    from omz.training.recipe import CONTINUED

    save_half(PlateMatting(**CONTINUED.network), tmp_path / "weights.safetensors")
    assert (tmp_path / "weights.safetensors").stat().st_size < 2_000_000


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> Conversion:
    """The network behind a card, like that of the starter."""
    folder = tmp_path_factory.mktemp("plate_matting")
    weights = folder / "weights.safetensors"
    save_half(scattered(), weights)
    axes = {name: {2: "height", 3: "width"} for name in ("src", "bgr", "pha")}
    file = {"name": weights.name, "size": weights.stat().st_size, "checksum": Checksum.of(weights).value}
    card = write_card(
        folder / "zoo", "small", framework="pytorch", files=[{**file, "source": {"$type": "bundled"}}],
        conversion_to_onnx_args=[
            "--model-name=PlateMatting", "--import-module=omz.networks.plate_matting",
            *(f"--model-param={name}={value}" for name, value in SMALL.items()),
            f"--weights=$config_dir/{weights.name}", "--input-shapes=[1,3,256,256],[1,3,256,256]",
            "--input-names=src,bgr", "--output-names=pha", "--output-file=$conv_dir/small.onnx", "--opset_version=17",
            f"--conversion-param=dynamic_axes={axes}",
        ],
        model_optimizer_args=[
            "--output=pha", "--scale=255", "--reverse_input_channels", "--input_model=$conv_dir/small.onnx",
        ],
    )  # fmt: skip
    weights.rename(card / weights.name)
    return omz.convert.convert(
        Catalog(folder / "zoo")["small"], folder / "dl", folder / "out", ConversionSettings(precisions=("FP32",))
    )


@pytest.fixture(scope="module")
def half() -> PlateMatting:
    """The network with the weights of the file, which are rounded."""
    network = scattered()
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.ndim > 1:
                value.copy_(value.half().float())
    return network


@pytest.mark.parametrize("size", [(64, 96), ODD])
def test_what_is_exported_gives_what_pytorch_gives(converted, half, size):
    rng = np.random.default_rng(0)
    given = {name: rng.random((1, 3, *size), np.float32) for name in ("src", "bgr")}
    with torch.no_grad():
        expected = half(*(torch.from_numpy(each) for each in given.values())).numpy()
    found = OnnxRuntimeEngine(converted.onnx_file).infer(given)["pha"]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)  # 3e-6 seen


@pytest.mark.parametrize("size", [(64, 96), (178, 315)])
def test_its_ir_takes_images_of_all_sizes_and_one(converted, half, size):
    scene = make_scene(1, size, "test")
    engine = OpenVINOEngine(converted.irs["FP32"].path)
    matting = MattingNetwork(engine)
    alpha = matting(scene.picture, scene.plate).alpha
    assert alpha.shape == size
    rows, columns = (-side % 16 for side in size)
    rgb = [
        np.pad(each[..., ::-1], ((0, rows), (0, columns), (0, 0)), mode="edge") for each in (scene.picture, scene.plate)
    ]
    tensors = [torch.from_numpy(each.astype(np.float32).transpose(2, 0, 1)[None] / 255) for each in rgb]
    with torch.no_grad():
        expected = half(*tensors)[0, 0, : size[0], : size[1]].numpy()
    np.testing.assert_allclose(alpha, expected, rtol=0, atol=2e-5)
    given = matting.fit(scene.picture, scene.plate)
    fixed = engine.at(matting.shapes(size)).infer(given.tensors)["pha"]
    np.testing.assert_allclose(fixed[0, 0, : size[0], : size[1]], alpha, rtol=0, atol=2e-5)


def test_nothing_behind_the_last_convolution_loses_by_bfloat16(converted):
    """OpenVINO keeps whatever lies between a result and the first convolution before it in full precision."""
    graph = onnx.load(converted.onnx_file).graph
    makers = {name: node for node in graph.node for name in node.output}
    behind, waiting = set(), ["pha"]
    while waiting:
        node = makers.get(waiting.pop())
        if node is not None and node.op_type != "Conv":
            behind.add(node.op_type)
            waiting += node.input
    assert "Resize" not in behind
    assert {"DepthToSpace"} <= behind


def test_images_are_read_by_convolutions_alone(converted):
    """So that scale and order of colours become part of their weights."""
    graph = onnx.load(converted.onnx_file).graph
    readers = {node.op_type for node in graph.node for name in node.input if name in ("src", "bgr")}
    assert readers == {"Conv"}
