"""Every ONNX and PyTorch card of Open Model Zoo, converted here and by the last Model Optimizer.

Each card gets a synthetic ONNX file with its inputs and outputs. Half of the files have an output that the card does
not ask for, all have their outputs in another order than the card.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import plan_conversion
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog, ModelCard
from omz.zoo.optimizer_arguments import OptimizerArguments, card_arguments

LEGACY = os.environ.get("OMZ_LEGACY_PYTHON")
pytestmark = [
    pytest.mark.legacy,
    pytest.mark.skipif(not LEGACY, reason="OMZ_LEGACY_PYTHON names no Python with openvino-dev 2024.6"),
]
TYPES = {"long": TensorProto.INT64, "int32": TensorProto.INT32}

RUN_MODEL_OPTIMIZER = """
import json, sys
from openvino.tools.mo.main import main
from openvino.tools.mo.utils.cli_parser import get_all_cli_parser
failed = []
for arguments in json.load(open(sys.argv[1])):
    sys.argv[1:] = arguments
    if main(get_all_cli_parser(), None):
        failed.append(arguments)
assert not failed, failed
"""


@dataclass(frozen=True)
class Converted:
    """A card, its synthetic source, and the IRs that Model Optimizer made of it."""

    card: ModelCard
    source: Path
    arguments: OptimizerArguments
    reference: Path


@functools.cache
def legacy_models() -> Path:
    script = "import omz_tools, pathlib; print(pathlib.Path(omz_tools.__path__[0]) / 'models')"
    return Path(subprocess.run([str(LEGACY), "-c", script], capture_output=True, text=True, check=True).stdout.strip())


@functools.cache
def convertible() -> list[str]:
    if not LEGACY:
        return ["any"]
    models = legacy_models()
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


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> dict[str, Converted]:
    folder = tmp_path_factory.mktemp("cards")
    catalog = Catalog(legacy_models())
    made, jobs = {}, []
    for number, name in enumerate(convertible()):
        card = catalog[name]
        arguments = card_arguments(card, folder, folder)
        synthetic(card, arguments.input_model, with_surplus_output=number % 2 == 1)
        made[name] = Converted(card, arguments.input_model, arguments, folder / "reference" / f"{name}.xml")
        jobs.append(model_optimizer_command(card, folder))
    (folder / "jobs.json").write_text(json.dumps(jobs))
    (folder / "run.py").write_text(RUN_MODEL_OPTIMIZER)
    done = subprocess.run(
        [str(LEGACY), folder / "run.py", folder / "jobs.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return made


def model_optimizer_command(card: ModelCard, folder: Path) -> list[str]:
    """Return the arguments as Open Model Zoo's converter gives them."""
    layouts = ",".join(f"{info.name}({info.layout})" for info in card.input_info if info.layout)
    shapes = ",".join(str(list(info.shape)) for info in card.input_info if info.shape)
    return [
        "--framework=onnx",
        f"--output_dir={folder / 'reference'}",
        f"--model_name={card.name}",
        f"--input={','.join(info.name for info in card.input_info)}",
        *card.substitute(card.model_optimizer_args or (), folder, folder),
        *([f"--layout={layouts}"] if layouts else []),
        *([f"--input_shape={shapes}"] if shapes else []),
        "--compress_to_fp16=False",
    ]


def interface(model: ov.Model) -> list[tuple[object, ...]]:
    """Return what a program sees of a model."""
    ports = [(port, port.get_node().layout) for port in model.inputs]
    ports += [(port, port.get_node().layout) for port in model.outputs]
    return [
        (sorted(port.get_names()), str(port.get_partial_shape()), port.get_element_type().get_type_name(), str(layout))
        for port, layout in ports
    ]


def pictures(model: ov.Model) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    feed = {}
    for port in model.inputs:
        shape = [side.get_length() if side.is_static else 7 for side in port.get_partial_shape()]
        feed[port.any_name] = (255 * random.random(shape)).astype(port.get_element_type().to_dtype())
    return feed


def infer(model: ov.Model, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    request = ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    request.infer(feed)
    return [np.array(request.get_output_tensor(index).data) for index in range(len(model.outputs))]


@pytest.mark.parametrize("name", convertible())
def test_a_card_becomes_what_model_optimizer_made_of_it(converted, name):
    case = converted[name]
    ours, _ = build_ir(case.source, case.arguments, name)
    theirs = ov.Core().read_model(case.reference)
    assert interface(ours) == interface(theirs)
    feed = pictures(ours)
    for mine, reference in zip(infer(ours, feed), infer(theirs, feed), strict=True):
        scale = max(1.0, float(np.abs(reference).max()))
        assert np.abs(mine - reference).max() <= 1e-4 * scale


@pytest.mark.parametrize("name", convertible())
def test_a_card_becomes_what_numpy_and_onnx_runtime_compute(converted, name):
    case = converted[name]
    ours, preprocessing = build_ir(case.source, case.arguments, name)
    feed = pictures(ours)
    expected = OnnxRuntimeEngine(case.source, preprocessing).infer(feed)
    for port, value in zip(ours.outputs, infer(ours, feed), strict=True):
        reference = expected[next(iter(port.get_names() & set(expected)))]
        assert np.abs(value - reference).max() <= 1e-4 * max(1.0, float(np.abs(reference).max()))


def test_every_card_plans(tmp_path):
    catalog = Catalog(legacy_models())
    for name in convertible():
        plan = plan_conversion(catalog[name], tmp_path, tmp_path)
        assert plan.precisions == ("FP16", "FP32")
        assert bool(plan.export) == (plan.card.framework == "pytorch")
    assert list(tmp_path.iterdir()) == []
