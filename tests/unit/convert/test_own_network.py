"""Networks looked up in their source, next to the same ones built by PyTorch."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from omz.convert.own_network import network_problems
from omz.errors import CardError
from omz.runtime.original import build_own
from omz.zoo import Catalog
from omz.zoo.export_arguments import ExportArguments, parse_export_arguments

FOLDER = Path(importlib.import_module("omz.networks").__file__ or "").parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if "mindspore" not in path.read_text())
MATTING = "omz.networks.background_matting"


def export(name: str = "background-matting-starter", **changes: object) -> ExportArguments:
    return replace(parse_export_arguments(Catalog()[name], Path("dl"), Path("out")), **changes)


def narrow(**changes: object) -> ExportArguments:
    """Return the arguments of a narrow network of the published kind, which has parameters of many types."""
    own = {"import_module": MATTING, "model_name": "BackgroundMatting", "model_params": {"width": 0.4}}
    return export(**{**own, **changes})


def problems(arguments: ExportArguments, framework: str = "pytorch") -> list[str]:
    return list(network_problems(arguments, framework))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model_params": {}},
        {"model_params": {"width": 1}},
        {"model_params": {"refine_sample_pixels": 5_000, "refine_threshold": 0.5, "backbone_scale": 0.25}},
        {"model_name": "Refiner", "import_module": "omz.networks.refiner", "model_params": {"width": 0.4},
         "input_shapes": ((1, 6, 8, 8),) * 4},
        {"model_name": "ASPP", "model_params": {"in_channels": 4, "out_channels": 4}, "input_shapes": ((1, 4, 8, 8),)},
    ],
)  # fmt: skip
def test_what_is_built_has_no_problems(changes):
    arguments = narrow(**changes)
    build_own(arguments, torch.nn.Module, "PyTorch")
    assert problems(arguments) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"import_module": "omz.networks.backgroundmatting"},
         "--import-module: omz.networks.backgroundmatting has no pytorch networks; did you mean " + MATTING + "? "
         f"allowed: {MATTING}, omz.networks.mobilenet_v2, omz.networks.plate_matting, "
         "omz.networks.refiner"),
        ({"import_module": "omz.networks.channels", "model_name": "scaled"}, "--import-module: omz.networks.channels "),
        ({"import_module": "omz.networks.Background_Matting"}, "--import-module: omz.networks.Background_"),
        ({"import_module": "omz.networks."}, "--import-module: omz.networks. has no pytorch networks; "),
        ({"import_module": MATTING + ".deep"}, f"--import-module: {MATTING}.deep has no pytorch networks; "),
        ({"model_name": "Backgroundmatting"},
         f"--model-name: {MATTING} has no pytorch network Backgroundmatting; did you mean BackgroundMatting? "
         "allowed: ASPP, BackgroundMatting, Decoder"),
        ({"model_name": "CoarseMatte", "model_params": {}}, f"--model-name: {MATTING} has no pytorch network CoarseM"),
        ({"model_name": "MobileNetV2Encoder", "model_params": {"in_channels": 6}}, f"--model-name: {MATTING} has no "),
        ({"model_name": "_join"}, f"--model-name: {MATTING} has no pytorch network _join; "),
        ({"model_params": {"widht": 0.4}}, f"--model-param: {MATTING}.BackgroundMatting has no parameter widht; did "),
        ({"model_params": {"self": 1}}, f"--model-param: {MATTING}.BackgroundMatting has no parameter self; "),
        ({"model_params": {"width": "wide"}}, f"--model-param: {MATTING}.BackgroundMatting takes a float as width, "),
        ({"model_name": "ASPP", "model_params": {"in_channels": 4}, "input_shapes": ((1, 4, 8, 8),)},
         f"--model-param: {MATTING}.ASPP needs out_channels; "),
    ],
)  # fmt: skip
def test_what_cannot_be_built_has_its_problem(changes, expected):
    arguments = narrow(**changes)
    with pytest.raises(CardError):
        build_own(arguments, torch.nn.Module, "PyTorch")
    (line,) = problems(arguments)
    assert line.startswith(expected)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_network_runs_on_as_many_inputs_as_it_takes(count):
    arguments = narrow(input_shapes=((1, 3, 64, 64),) * count)
    network, _ = build_own(arguments, torch.nn.Module, "PyTorch")
    with pytest.raises(TypeError):
        network(*map(torch.zeros, arguments.input_shapes))
    expected = f"--input-shapes: has {count} shapes, but {MATTING}.BackgroundMatting takes src, bgr"
    assert problems(arguments) == [expected]


def test_a_network_of_mindspore_is_none_of_pytorch_and_none_the_other_way():
    arguments = export("semantic_human_matting")
    assert problems(arguments, "mindspore") == []
    (line,) = problems(arguments, "pytorch")
    assert line.startswith("--import-module: omz.networks.semantic_human_matting has no pytorch networks; ")
    (line,) = problems(narrow(), "mindspore")
    assert line.startswith(f"--network: {MATTING} has no mindspore networks; ")
    assert line.endswith("allowed: omz.networks.semantic_human_matting")
    (line,) = problems(replace(arguments, input_shapes=((1, 3, 8, 8),) * 2), "mindspore")
    assert line.endswith("has 2 shapes, but omz.networks.semantic_human_matting.SemanticHumanMatting takes image")


@pytest.mark.parametrize("file", MODULES)
def test_the_networks_of_a_module_are_those_that_pytorch_knows(file):
    module = importlib.import_module(f"omz.networks.{file}")
    for name, value in vars(module).items():
        if inspect.isclass(value):
            own = value.__module__ == module.__name__ and not name.startswith("_")
            is_network = own and issubclass(value, torch.nn.Module)
            lines = problems(export(import_module=module.__name__, model_name=name))
            found = not any(line.startswith(("--import-module: ", "--model-name: ")) for line in lines)
            assert found == is_network, name


def test_no_framework_is_imported():
    code = (
        "import sys; from pathlib import Path; from omz.convert.lint import lint; from omz.zoo import Catalog\n"
        "found = [each for name in Catalog() for each in lint(Catalog().load(name))]\n"
        "assert not [each for each in found if each.is_error]\n"
        "assert not {'torch', 'mindspore'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
