"""Open Model Zoo's own tools, in an environment of their own, whose Python ``OMZ_LEGACY_PYTHON`` names."""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from omz.zoo import ModelCard

PYTHON = os.environ.get("OMZ_LEGACY_PYTHON", "")
LEGACY = [
    pytest.mark.legacy,
    pytest.mark.skipif(not PYTHON, reason="OMZ_LEGACY_PYTHON names no Python with openvino-dev 2024.6"),
]
TYPES = {"long": TensorProto.INT64, "int32": TensorProto.INT32}


@functools.cache
def models_dir() -> Path:
    """Return the folder with its cards."""
    script = "import omz_tools, pathlib; print(pathlib.Path(omz_tools.__path__[0]) / 'models')"
    return Path(subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True).stdout.strip())


@functools.cache
def convertible() -> list[str]:
    """Return the names of its ONNX and PyTorch models; something to collect tests by, where it is not there."""
    if not PYTHON:
        return ["any"]
    models = models_dir()
    return sorted(
        path.parent.name
        for path in models.glob("**/model.yml")
        if re.search(r"^framework: (onnx|pytorch)$", path.read_text(), re.MULTILINE)
    )


def synthetic(card: ModelCard, path: Path, with_surplus_output: bool) -> None:
    """Write an ONNX file with the card's inputs and outputs; sizes are left open, but for the channels."""
    asked = dict.fromkeys(
        name for argument in card.model_optimizer_args or () if argument.startswith("--output=")
        for name in argument.partition("=")[2].split(",")
    )  # fmt: skip
    outputs = [*reversed(asked), *(["surplus"] if with_surplus_output or not asked else [])]
    kind = TensorProto.FLOAT
    for argument in card.conversion_to_onnx_args:
        if argument.startswith("--inputs-dtype="):
            kind = TYPES.get(argument.partition("=")[2], TensorProto.FLOAT)

    def number_of(name: str) -> str:
        return name if kind == TensorProto.FLOAT else f"{name}/float"

    inputs, nodes = [], []
    for info in card.input_info:
        rank = len(info.shape) or len(info.layout)
        shape = [
            (info.shape[axis] if info.shape else 3) if info.layout[axis : axis + 1] == "C" else f"{info.name}_{axis}"
            for axis in range(rank)
        ]
        inputs.append(helper.make_tensor_value_info(info.name, kind, shape))
        if kind != TensorProto.FLOAT:
            nodes.append(helper.make_node("Cast", [info.name], [number_of(info.name)], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("ReduceMean", [number_of(info.name)], [f"{info.name}/mean"], keepdims=0))
    results = []
    for number, name in enumerate(outputs):
        mine = card.input_info[number % len(card.input_info)]
        others = [info for index, info in enumerate(card.input_info) if index % (len(asked) or 1) == number]
        steps = [*(f"{name}/{step}" for step in range(len(others))), name]
        nodes.append(helper.make_node("Mul", [number_of(mine.name), f"factor_{number}"], [steps[0]]))
        for other, before, after in zip(others, steps, steps[1:], strict=False):
            nodes.append(helper.make_node("Add", [before, f"{other.name}/mean"], [after]))
        results.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    factors = [numpy_helper.from_array(np.float32(n + 2), f"factor_{n}") for n in range(len(outputs))]
    graph = helper.make_graph(nodes, card.name, inputs, results, factors)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7), path)
