"""Models that crash their conversion, or need too much: each is one line, and the others are converted."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from helpers.builders import published_file, write_card
from onnx import TensorProto, helper, numpy_helper

import omz
from omz.cli import converter
from omz.convert.jobs import Limits, convert_apart
from omz.convert.plan import plan_conversion
from omz.errors import ConversionError
from omz.isolated import watches_memory
from omz.zoo import Catalog

needs_a_watch = pytest.mark.skipif(not watches_memory(), reason="this system does not tell what a process holds")


def write_model(root: Path, name: str, nodes: Sequence[onnx.NodeProto], side: int = 8, **constants: object) -> None:
    """Write a card and its ONNX file, which takes images of ``side`` x ``side``."""
    shape = [1, 3, side, side]
    graph = helper.make_graph(
        list(nodes), name, [helper.make_tensor_value_info("src", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), each) for each, value in constants.items()],
    )  # fmt: skip
    path = root / "dl" / "public" / name / "net.onnx"
    path.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    write_card(
        root / "zoo", name, files=[published_file("net.onnx", path.read_bytes(), "https://example.com/x")],
        input_info=[{"name": "src", "shape": shape, "layout": "NCHW"}],
    )  # fmt: skip


def write_crash(root: Path) -> None:
    """Write a model on which OpenVINO ends with a segmentation fault when it runs."""
    node = helper.make_node("ConvTranspose", ["src", "w"], ["out"], strides=[65536, 65536])
    write_model(root, "crash", [node], side=1, w=np.ones((3, 1, 1, 1), np.float32))


RUN = """
import sys
import numpy as np
import openvino as ov
ov.compile_model(sys.argv[1], "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(np.ones((1, 3, 1, 1), np.float32))
"""


@pytest.fixture(scope="module")
def openvino_crashes(tmp_path_factory: pytest.TempPathFactory) -> bool:
    """Whether this OpenVINO ends on that model with a segmentation fault; its older releases do not."""
    root = tmp_path_factory.mktemp("crash")
    write_crash(root)
    command = [sys.executable, "-c", RUN, str(root / "dl" / "public" / "crash" / "net.onnx")]
    return subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGSEGV


def write_bomb(root: Path, trips: int, step: int = 1 << 20) -> None:
    """Write a model of a few hundred bytes whose Loop makes ``step`` numbers more with every trip."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still_going"]),
            helper.make_node("Add", ["sum", "one"], ["more"]),
            helper.make_node("Expand", ["more", "large"], ["grown"]),
        ],
        "body",
        [
            value("trip", TensorProto.INT64, []),
            value("going", TensorProto.BOOL, []),
            value("sum", TensorProto.FLOAT, [1]),
        ],
        [
            value("still_going", TensorProto.BOOL, []),
            value("more", TensorProto.FLOAT, [1]),
            value("grown", TensorProto.FLOAT, None),
        ],
        [numpy_helper.from_array(np.ones(1, np.float32), "one"), numpy_helper.from_array(np.array([step]), "large")],
    )
    nodes = [
        helper.make_node("ReduceMax", ["src"], ["brightest"], keepdims=0),
        helper.make_node("Reshape", ["brightest", "single"], ["start"]),
        helper.make_node("Loop", ["trips", "true", "start"], ["last", "all"], body=body),
        helper.make_node("ReduceMean", ["all"], ["mean"], keepdims=0),
        helper.make_node("Add", ["src", "mean"], ["out"]),
    ]
    write_model(root, "bomb", nodes, trips=np.array(trips), true=np.array(True), single=np.array([1]))


def write_hidden_weights(root: Path) -> None:
    """Write a model with weights in the body of an If, in a file that its card does not list."""
    tensor = numpy_helper.from_array(np.ones((1, 3, 8, 8), np.float32), "w")
    onnx.external_data_helper.set_external_data(tensor, "hidden.bin")
    tensor.ClearField("raw_data")
    value = helper.make_tensor_value_info
    bodies = []
    for name in ("then", "else"):
        nodes = [helper.make_node("Mul", ["src", "w"], [name])]
        bodies.append(helper.make_graph(nodes, name, [], [value(name, TensorProto.FLOAT, None)], [tensor]))
    chosen = helper.make_node("If", ["bright"], ["out"], then_branch=bodies[0], else_branch=bodies[1])
    nodes = [
        helper.make_node("ReduceMax", ["src"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["bright"]),
        chosen,
    ]
    write_model(root, "hidden", nodes, zero=np.float32(0))
    (root / "dl" / "public" / "hidden" / "hidden.bin").write_bytes(bytes(4 * 192))


def run(root: Path, names: str, *flags: str) -> tuple[int, list[str]]:
    """Run the command; return its exit code, and the lines of errors."""
    command = [
        sys.executable, "-m", "omz.cli.converter", "--name", names, "--models_dir", "zoo", "-d", "dl", "-o", "out",
        "--precisions", "FP32", *flags,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.returncode, [line.removeprefix("python -m omz.cli.converter: ") for line in done.stderr.splitlines()]


def is_made(root: Path, name: str) -> bool:
    return (root / "out" / "public" / name / "FP32" / f"{name}.xml").is_file()


@needs_a_watch
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_falls_is_one_line_each_and_the_others_are_converted(tmp_path, jobs, openvino_crashes):
    write_crash(tmp_path)
    write_bomb(tmp_path, trips=1500)  # 6 GB
    write_hidden_weights(tmp_path)
    for name in ("first", "last"):
        write_model(tmp_path, name, [helper.make_node("Relu", ["src"], ["out"])])
    code, errors = run(tmp_path, "first,crash,bomb,hidden,last", "-j", jobs, "--max_memory", "900MB")
    assert code == 1
    if openvino_crashes:
        assert errors.pop(0) == (
            "error: crash: the conversion ended its process with SIGSEGV, the crash of a library; "
            "omz_converter --check none does not run the model"
        )
    assert errors[0] == (
        "error: bomb: the conversion was stopped for it needed more than 900 MiB of memory; "
        "omz_converter --max_memory allows more, --check none does not run the model"
    )
    assert errors[1].endswith("hidden/model.yml: files: hidden.bin is used, but not listed")
    assert len(errors) == 2
    made = [name for name in ("first", "crash", "bomb", "hidden", "last") if is_made(tmp_path, name)]
    assert made == (["first", "last"] if openvino_crashes else ["first", "crash", "last"])


def test_a_model_that_takes_too_long_is_stopped(tmp_path):
    write_bomb(tmp_path, trips=1 << 40, step=1)  # weeks
    code, errors = run(tmp_path, "bomb", "--timeout", "2")
    assert code == 1
    assert errors == [
        "error: bomb: the conversion was stopped after 2 s; omz_converter --timeout allows more, "
        "--check none does not run the model"
    ]


def test_without_a_comparison_nothing_crashes(tmp_path):
    write_crash(tmp_path)
    assert run(tmp_path, "crash", "--check", "none") == (0, [])
    assert is_made(tmp_path, "crash")


def test_whoever_converts_from_python_survives_a_crash(tmp_path, monkeypatch, openvino_crashes):
    if not openvino_crashes:
        pytest.skip("this OpenVINO does not crash on the model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMZ_CACHE_DIR", str(tmp_path / "cache"))
    write_crash(tmp_path)
    given = {"download_dir": Path("dl"), "models_dir": [Path("zoo")]}
    with pytest.raises(ConversionError, match="crash: the conversion ended its process with SIGSEGV"):
        omz.convert_model("crash", "out", **given)
    with pytest.raises(ConversionError, match="crash: the conversion ended its process with SIGSEGV"):
        omz.MattingModel("crash", **given)  # which converts it on first use


@needs_a_watch
def test_limits_grow_with_the_files_of_a_model_unless_one_is_asked_for(tmp_path):
    write_bomb(tmp_path, trips=1500)
    plan = plan_conversion(Catalog(tmp_path / "zoo")["bomb"], tmp_path / "dl", tmp_path / "out")
    with pytest.raises(ConversionError, match="needed more than 700 MiB of memory"):
        convert_apart(plan, limits=Limits(memory=700 << 20))
    larger = plan.card.model_copy(update={"files": (plan.card.files[0].model_copy(update={"size": 1 << 30}),)})
    assert Limits().memory_for(plan) < 4.01 * (1 << 30)
    assert Limits().memory_for(plan_conversion(larger, tmp_path, tmp_path)) == 24 << 30


@pytest.mark.parametrize("size", ["0GB", "much", "-1GB", "7", "1TB"])
def test_a_size_that_is_none_is_wrong_usage(size):
    result = CliRunner().invoke(converter.main, ["--all", "--max_memory", size])
    assert result.exit_code == 2
    assert "must be a size such as 6GB or 500MB" in result.stderr
