"""Every ONNX and PyTorch card of Open Model Zoo, converted here and by the last Model Optimizer.

Each card gets a synthetic ONNX file with its inputs and outputs. Half of the files have an output that the card does
not ask for, all have their outputs in another order than the card.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from helpers.builders import published_file
from helpers.open_model_zoo import LEGACY, PYTHON, convertible, models_dir, synthetic

import omz.cli.model_optimizer
import omz.convert
from omz.convert.onnx_to_ir import build_ir
from omz.convert.plan import ConversionSettings, plan_conversion
from omz.errors import ConversionError
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.quiet_openvino import ov
from omz.zoo import Catalog, ModelCard
from omz.zoo.model_file import ModelFile
from omz.zoo.optimizer_arguments import OptimizerArguments, card_arguments

pytestmark = LEGACY
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


@pytest.fixture(scope="module")
def converted(tmp_path_factory) -> dict[str, Converted]:
    folder = tmp_path_factory.mktemp("cards")
    catalog = Catalog(models_dir())
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
        [PYTHON, folder / "run.py", folder / "jobs.json"], capture_output=True, text=True, check=False
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


def offline(card: ModelCard, folder: Path) -> ModelCard:
    """Return the card as one of an ONNX file, the synthetic one, which is at hand."""
    source = folder / card.subdirectory / "net.onnx"
    synthetic(card, source, with_surplus_output=True)
    arguments = [each for each in card.model_optimizer_args or () if not each.startswith("--input_model")]
    file = ModelFile.model_validate(published_file(source.name, source.read_bytes(), "https://example.com/x"))
    return card.model_copy(
        update={
            "folder": source.parent,  # without a script that would make the real source
            "framework": "onnx",
            "files": (file,),
            "conversion_to_onnx_args": (),
            "model_optimizer_args": (*arguments, "--input_model=$dl_dir/net.onnx"),
        }
    )


@pytest.mark.parametrize("name", convertible())
def test_a_card_becomes_irs_that_give_what_their_source_gives(tmp_path, name):
    card = offline(Catalog(models_dir())[name], tmp_path)
    conversion = omz.convert.convert(card, tmp_path, tmp_path / "out")
    for precision, ir in conversion.irs.items():
        assert ir.manifest.parity[0].precision == "f32"
        assert ir.manifest.parity[0].problem(3e-4 if precision == "FP32" else 3e-3) is None  # sums of a million pixels


def test_the_last_model_optimizer_may_make_the_irs(tmp_path):
    """Where the original's converter and ours call it, they come to the same."""
    name = "robust-video-matting-mobilenetv3"
    card = offline(Catalog(models_dir())[name], tmp_path)
    program = (str(Path(PYTHON).with_name("mo")),)
    theirs = omz.convert.convert(card, tmp_path, tmp_path / "theirs", ConversionSettings(optimizer_program=program))
    ours = omz.convert.convert(card, tmp_path, tmp_path / "ours")
    for precision, ir in theirs.irs.items():
        models = [ov.Core().read_model(each.path) for each in (ir, ours.irs[precision])]
        assert interface(models[0]) == interface(models[1])
        assert ir.manifest.arguments["model_optimizer_program"] == "mo"
        assert ir.manifest.key != ours.irs[precision].manifest.key
        assert models[0].get_rt_info(["omz", "inputs"]).astype(str) == "src,r1,r2,r3,r4"
    other = ConversionSettings(optimizer_program=program, extra=("--output=nothing",), precisions=("FP32",))
    with pytest.raises(ConversionError, match="Model Optimizer failed with exit code 1"):
        omz.convert.convert(card, tmp_path, tmp_path / "theirs", other)
    assert theirs.irs["FP32"].path.is_file()


def test_the_original_converter_runs_our_model_optimizer(tmp_path):
    """Unmodified, with ``--mo``, on a card of its own."""
    card = Catalog(models_dir())["robust-video-matting-mobilenetv3"]
    source = tmp_path / card.subdirectory / card.files[0].name
    synthetic(card, source, with_surplus_output=True)
    ours = Path(omz.cli.model_optimizer.__file__)
    subprocess.run(
        [Path(PYTHON).with_name("omz_converter"), "--name", card.name, "-d", tmp_path, "-o", tmp_path / "out",
         "--mo", ours, "--python", sys.executable],
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    direct = offline(card, tmp_path)
    for precision, ir in omz.convert.convert(direct, tmp_path, tmp_path / "direct").irs.items():
        xml = tmp_path / "out" / card.subdirectory / precision / f"{card.name}.xml"
        assert interface(ov.Core().read_model(xml)) == interface(ov.Core().read_model(ir.path))
        sizes = [each.with_suffix(".bin").stat().st_size for each in (xml, ir.path)]
        assert sizes[0] == sizes[1]


def test_every_card_plans(tmp_path):
    catalog = Catalog(models_dir())
    for name in convertible():
        plan = plan_conversion(catalog[name], tmp_path, tmp_path)
        assert plan.precisions == ("FP16", "FP32")
        assert bool(plan.export) == (plan.card.framework == "pytorch")
    assert list(tmp_path.iterdir()) == []
