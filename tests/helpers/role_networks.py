"""Networks whose alpha is known, presented in the ways of real ones; and recurrent ones, of a design of our own."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from helpers.builders import write_card
from omz.zoo.model_file import Checksum


def true_alpha(picture: np.ndarray) -> np.ndarray:
    """Return (2 green + red) / 765 of a uint8 BGR picture: not even between colours, and never at 0 or 1."""
    green, red = picture[..., 1].astype(np.float64), picture[..., 2].astype(np.float64)
    return 0.02 + 0.96 * (2 * green + red) / 765


@dataclass(frozen=True)
class Presentation:
    """How a network presents :func:`true_alpha`.

    ``layout`` has the dimensions of the output; ``channels`` with a C, ``channel`` of which is alpha. ``kind`` is
    ``plain``, ``sigmoid`` (a probability whose graph shows it), ``logit``, ``softmax`` (probabilities), ``logits``
    (before a softmax), ``levels`` (0 to 255), or ``spread`` (any range, for min_max).
    """

    layout: str = "NCHW"
    channels: int = 1
    channel: int = 0
    kind: str = "sigmoid"
    name: str = "out"
    picture: str = "image"
    nhwc_input: bool = False
    extra: int = 0
    size: tuple[int, int] | None = None


def save_presented(path: Path, form: Presentation) -> Path:
    """Write an ONNX file of a network."""
    weights = np.zeros((1, 3, 1, 1), np.float32)
    weights[0, :, 0, 0] = np.array((0, 2, 1), np.float32) * np.float32(0.96 / 765)
    nodes, constants = [], {"weights": weights, "least": np.array([0.02], np.float32), "one": np.float32(1)}
    source = form.picture
    if form.nhwc_input:
        nodes.append(helper.make_node("Transpose", [source], ["planes"], perm=[0, 3, 1, 2]))
        source = "planes"
    nodes += [
        helper.make_node("Conv", [source, "weights", "least"], ["truth"]),  # a convolution has no bounds
        helper.make_node("Sub", ["one", "truth"], ["rest"]),
        helper.make_node("Div", ["truth", "rest"], ["odds"]),
        helper.make_node("Log", ["odds"], ["logit"]),
    ]
    value = {"plain": "truth", "logit": "logit", "spread": "logit"}.get(form.kind, form.kind)
    if form.kind == "sigmoid":
        nodes.append(helper.make_node("Sigmoid", ["logit"], ["sigmoid"]))
    if form.kind == "levels":
        constants["scale"] = np.float32(255)
        nodes.append(helper.make_node("Mul", ["truth", "scale"], ["levels"]))
    if form.kind == "spread":
        constants["seven"] = np.float32(7)
        nodes.append(helper.make_node("Add", ["truth", "seven"], ["spread"]))
        value = "spread"
    if form.kind in ("softmax", "logits"):
        # Alpha is the softmax over (0, ..., logit, ..., 0) for two channels; others are far below.
        constants["far"], constants["zero"] = np.float32(-40), np.float32(0)
        nodes.append(helper.make_node("Mul", ["logit", "zero"], ["even"]))
        nodes.append(helper.make_node("Add", ["even", "far"], ["unlikely"]))
        others = ["even", *["unlikely"] * (form.channels - 2)]
        planes = [*others[: form.channel], "logit", *others[form.channel :]]
        nodes.append(helper.make_node("Concat", planes, ["logits"], axis=1))
        if form.kind == "softmax":
            nodes.append(helper.make_node("Softmax", ["logits"], ["softmax"], axis=1))
    elif form.channels > 1:
        planes = ["rest"] * form.channels
        planes[form.channel] = value
        nodes.append(helper.make_node("Concat", planes, ["planes_out"], axis=1))
        value = "planes_out"
    order = [letter for letter in "NCHW" if letter in form.layout]
    gone = [axis for axis, letter in enumerate("NCHW") if letter not in form.layout]
    if gone:
        constants["gone"] = np.array(gone, np.int64)
        nodes.append(helper.make_node("Squeeze", [value, "gone"], ["squeezed"]))
        value = "squeezed"
    nodes.append(helper.make_node("Transpose", [value], [form.name], perm=[order.index(side) for side in form.layout]))
    height, width = form.size or ("height", "width")
    sides = {"N": 1, "C": form.channels, "H": height, "W": width}
    outputs = [helper.make_tensor_value_info(form.name, TensorProto.FLOAT, [sides[side] for side in form.layout])]
    for number in range(form.extra):
        nodes.append(helper.make_node("Sigmoid", ["rest"], [f"side{number}"]))
        outputs.append(helper.make_tensor_value_info(f"side{number}", TensorProto.FLOAT, [1, 1, height, width]))
    taken = [1, height, width, 3] if form.nhwc_input else [1, 3, height, width]
    graph = helper.make_graph(
        nodes,
        "presented",
        [helper.make_tensor_value_info(form.picture, TensorProto.FLOAT, taken)],
        outputs,
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


class SmallUNet(nn.Module):
    """A network that gives several probabilities, each through a sigmoid."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.down = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.up = nn.Conv2d(20, 8, 3, padding=1)
        self.heads = nn.ModuleList(nn.Conv2d(8, 1, 1) for _ in range(outputs))

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        fine = functional.relu(self.first(image))
        coarse = functional.relu(self.down(fine))
        coarse = functional.interpolate(coarse, size=image.shape[2:], mode="bilinear", align_corners=False)
        both = functional.relu(self.up(torch.cat((fine, coarse), 1)))
        return tuple(torch.sigmoid(head(both)) for head in self.heads)


def save_unet(path: Path, outputs: Sequence[str], size: tuple[int, int] | None = None, seed: int = 0) -> Path:
    """Write an ONNX file of :class:`SmallUNet`, with one input ``input.1``; without ``size`` (height, width) any."""
    torch.manual_seed(seed)
    network = SmallUNet(len(outputs)).eval()
    sides = {"input.1": {2: "h", 3: "w"}, **{name: {2: "h", 3: "w"} for name in outputs}}
    export(network, (torch.rand(1, 3, *(size or (32, 48))),), path, ["input.1"], outputs, {} if size else sides)
    return path


def export(
    network: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    names: Sequence[str],
    outputs: Sequence[str],
    axes: dict[str, dict[int, str]],
) -> None:
    """Write an ONNX file of a network."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, inputs, str(path), input_names=[*names], output_names=[*outputs], dynamic_axes=axes,
            opset_version=13, dynamo=False,
        )  # fmt: skip


class ConvGRU(nn.Module):
    """A gated recurrent unit of convolutions; a state of one pixel counts for all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        self.candidate = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        state = state + torch.zeros_like(x)
        update, reset = torch.sigmoid(self.gates(torch.cat((x, state), 1))).chunk(2, 1)
        candidate = torch.tanh(self.candidate(torch.cat((x, reset * state), 1)))
        return (1 - update) * state + update * candidate


class RecurrentMatting(nn.Module):
    """A matting network with four states, that sees the picture smaller; inputs and outputs as Robust Video Matting's.

    ``ratio`` is a number of the network where None is given with the picture.
    """

    def __init__(self, channels: Sequence[int] = (4, 5, 6, 8)) -> None:
        super().__init__()
        given = [3, *channels[:-1]]
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 3, 2, 1) for before, after in zip(given, channels, strict=True)
        )
        self.memory = nn.ModuleList(map(ConvGRU, channels))
        self.head = nn.Conv2d(sum(channels) + 3, 4, 1)

    def forward(
        self, src: Tensor, r1: Tensor, r2: Tensor, r3: Tensor, r4: Tensor, downsample_ratio: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        small = src
        if downsample_ratio is not None:
            sides = (torch.stack((torch.tensor(src.shape[2]), torch.tensor(src.shape[3]))) * downsample_ratio).long()
            small = functional.interpolate(src, size=(sides[0], sides[1]), mode="bilinear", align_corners=False)
        x, states, features = small, [], [src]
        for down, memory, before in zip(self.down, self.memory, (r1, r2, r3, r4), strict=True):
            x = torch.tanh(down(x))
            states.append(memory(x, before))
            x = states[-1]
            size = src.shape[2:]
            features.append(functional.interpolate(x, size=size, mode="bilinear", align_corners=False))
        made = self.head(torch.cat(features, 1))
        return torch.clamp(src + made[:, :3], 0, 1), torch.clamp(0.5 + made[:, 3:], 0, 1), *states


def save_recurrent(path: Path, size: tuple[int, int] | None = None, seed: int = 0) -> Path:
    """Write an ONNX file: of a fixed ``size`` (height, width) without ratio, as in Open Model Zoo, else of any size."""
    torch.manual_seed(seed)
    network = RecurrentMatting().eval()
    for each in network.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.normal_(each.weight, std=1.5 / (each.in_channels * each.kernel_size[0]) ** 0.5)
    channels = (4, 5, 6, 8)
    outputs = ["fgr", "pha", *(f"r{number}o" for number in range(1, 5))]
    if size is not None:
        states = [
            torch.zeros(1, count, -(-size[0] // 2**number), -(-size[1] // 2**number))
            for number, count in enumerate(channels, 1)
        ]
        names, inputs, axes = ["src", "r1", "r2", "r3", "r4"], (torch.rand(1, 3, *size), *states), {}
    else:
        states = [torch.zeros(1, count, 1, 1) for count in channels]
        names = ["src", "r1i", "r2i", "r3i", "r4i", "downsample_ratio"]
        inputs = (torch.rand(1, 3, 64, 96), *states, torch.tensor([0.5]))
        open_sides = {2: "h", 3: "w"}
        axes = {name: {side: f"{name}_{each}" for side, each in open_sides.items()} for name in names[:-1] + outputs}
    export(network, inputs, path, names, outputs, axes)
    return path


def write_recurrent_zoo(root: Path, size: tuple[int, int] | None = None) -> tuple[Path, Path, Path]:
    """Write a card, ``net``, that says the roles; return --models_dir, --download_dir and the ONNX file."""
    source = save_recurrent(root / "downloads" / "public" / "net" / "net.onnx", size)
    inputs, names = [], []
    for node in onnxruntime.InferenceSession(str(source)).get_inputs():
        role = {"src": "picture", "downsample_ratio": "ratio"}.get(node.name, "state")
        shape = [side if isinstance(side, int) else -1 for side in node.shape]
        inputs.append({"name": node.name, "role": role, "shape": shape})
        if role == "state":
            names.append(node.name)
    inputs[0]["layout"] = "NCHW"
    outputs: list[dict[str, object]] = [{"name": "pha", "role": "alpha"}, {"name": "fgr", "role": "foreground"}]
    for name in names:
        outputs.append({"name": f"{name[:2]}o", "role": "state", "input": name})
    file = {
        "name": source.name, "size": source.stat().st_size, "checksum": Checksum.of(source).value,
        "source": "https://example.com/net.onnx",
    }  # fmt: skip
    arguments = ["--input_model=$dl_dir/net.onnx", "--reverse_input_channels", "--scale_values=src[255,255,255]"]
    write_card(
        root / "models", "net", files=[file], input_info=inputs, output_info=outputs, model_optimizer_args=arguments
    )
    return root / "models", root / "downloads", source


def recurrent_loop(source: Path, frames: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield alpha and foreground (RGB) of each frame, uint8 BGR: a plain loop in ONNX Runtime."""
    session = onnxruntime.InferenceSession(str(source))
    states = {}
    for node in session.get_inputs():
        if node.name.startswith("r"):
            states[node.name] = np.zeros([side if isinstance(side, int) else 1 for side in node.shape], np.float32)
    outputs = [node.name for node in session.get_outputs()]
    for frame in frames:
        feed = {"src": (frame[..., ::-1] / np.float32(255)).transpose(2, 0, 1)[None].astype(np.float32), **states}
        if len(session.get_inputs()) == 6:
            feed["downsample_ratio"] = np.array([min(1, 512 / max(frame.shape[:2]))], np.float32)
        found = dict(zip(outputs, session.run(None, feed), strict=True))
        states = {name: found[f"{name[:2]}o"] for name in states}
        yield found["pha"][0, 0], found["fgr"][0].transpose(1, 2, 0)
