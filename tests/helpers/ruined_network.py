"""A matting network of which 8 bits ruin one layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from helpers.builders import published_file, write_card
from helpers.onnx_graphs import graph_of, node, tensor

RUINED = "narrow"
"""The layer: one of its inputs is 20,000 and more, and its results depend on the others, which are about 1."""
SIDE = 64


def write_ruined_network(root: Path) -> tuple[str, ...]:
    """Write a card and its ONNX file below ``root``, and return the flags that name both.

    Its alpha is three times the mean difference of image and plate, clipped to 1, by convolutions of one pixel.
    """
    path = root / "dl" / "public" / "net" / "net.onnx"
    path.parent.mkdir(parents=True)
    content = _network().SerializeToString()
    path.write_bytes(content)
    info = [{"name": name, "shape": [1, 3, SIDE, SIDE], "layout": "NCHW"} for name in ("src", "bgr")]
    files = [published_file("net.onnx", content, "https://example.com/net.onnx")]
    write_card(root / "zoo", "net", files=files, input_info=info)
    return "--models_dir", str(root / "zoo"), "-d", str(root / "dl"), "--name", "net"


def _network() -> onnx.ModelProto:
    apart = np.concatenate([np.eye(3), -np.eye(3)], axis=1) / 255
    narrow = np.eye(8)
    narrow[7] = narrow[0]  # what is large goes no further
    layers = {
        "first": np.concatenate([apart, -apart]),
        "spread": np.full((8, 6), 1 / 2),
        RUINED: narrow,
        "copy": np.eye(8),
        "last": np.full((1, 8), 1 / 4),
    }
    nodes, before = [node("Concat", ["src", "bgr"], ["both"], axis=1)], "both"
    constants: dict[str, object] = {"low": np.float32(0), "high": np.float32(1)}
    for name, weights in layers.items():
        constants[f"{name}_w"] = weights.astype(np.float32)[..., None, None]
        constants[f"{name}_b"] = np.zeros(len(weights), np.float32)
        nodes.append(node("Conv", [before, f"{name}_w", f"{name}_b"], [f"{name}_out"], name=name))
        nodes.append(node("Relu", [f"{name}_out"], [f"{name}_relu"], name=f"{name}_relu"))
        before = f"{name}_relu"
    nodes.append(node("Clip", [before, "low", "high"], ["pha"]))
    constants["spread_b"] = np.float32([0] * 7 + [20_000])
    ports = [tensor(name, (1, 3, SIDE, SIDE)) for name in ("src", "bgr")]
    return graph_of(nodes, ports, [tensor("pha", (1, 1, SIDE, SIDE))], constants)
