"""A MindSpore network to ONNX, and its outputs in three runtimes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from human_matting_oracle import matte
from semantic_human_matting import generated_network, write_checkpoint

from omz.cli.mindspore_exporter import main
from omz.convert.mindspore_to_onnx import export_mindspore, export_plain, mindspore_to_onnx
from omz.errors import ConversionError
from omz.networks.quiet_mindspore import ms, nn, ops
from omz.runtime.quiet_openvino import ov
from omz.zoo.export_arguments import ExportArguments, parse_mindspore_arguments

NETWORK = "omz.networks.semantic_human_matting.SemanticHumanMatting"
SIDE = 320
# Of an output's range, which is 90 for logits. In float32, MindSpore and the two runtimes are each up to 1.2e-4 of
# alpha and 4e-4 of logits away from the exact results, so up to twice that from each other.
LIKE_MINDSPORE = 1e-4


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "net.ckpt")


def flags(weights: Path, output: Path, **changes: str) -> list[str]:
    given = {
        "network": NETWORK, "weights": str(weights), "input_shape": f"1,3,{SIDE},{SIDE}", "input_names": "image",
        "output_names": "trimap,alpha", "output_file": str(output), **changes,
    }  # fmt: skip
    return [f"--{name}={value}" for name, value in given.items()]


def arguments(weights: Path, output: Path, **changes: str) -> ExportArguments:
    return parse_mindspore_arguments(flags(weights, output, **changes), "here")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.6, (1, 3, SIDE, SIDE)).astype(np.float32)


@pytest.fixture(scope="module")
def wanted(image) -> dict[str, np.ndarray]:
    trimap, alpha = generated_network()(ms.Tensor(image))
    return {"trimap": trimap.asnumpy(), "alpha": alpha.asnumpy()}


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("exported") / "net.onnx"
    mindspore_to_onnx(arguments(checkpoint, output))
    return output


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    return export_plain(generated_network(), arguments(folder / "w.ckpt", folder / "net.onnx"), folder)


def assert_like(wanted: dict[str, np.ndarray], results: dict[str, np.ndarray], share: float) -> None:
    for name, values in wanted.items():
        np.testing.assert_allclose(results[name], values, rtol=0, atol=share * np.ptp(values))


def run_onnxruntime(path: Path, image: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {session.get_inputs()[0].name: image}), strict=True))


def run_openvino(path: Path, image: np.ndarray) -> dict[str, np.ndarray]:
    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    results = compiled([image])
    return {port.any_name: results[port] for port in compiled.outputs}


@pytest.mark.parametrize("run", [run_onnxruntime, run_openvino])
def test_what_is_exported_gives_what_mindspore_gives(exported, image, wanted, run):
    results = run(exported, image)
    np.testing.assert_allclose(
        results["trimap"], wanted["trimap"], rtol=0, atol=LIKE_MINDSPORE * np.ptp(wanted["trimap"])
    )
    difference = np.abs(results["alpha"] - wanted["alpha"])
    assert np.quantile(difference, 0.999) < 1e-4
    assert difference.max() < 3e-4


@pytest.mark.parametrize("run", [run_onnxruntime, run_openvino])
def test_what_is_exported_is_as_exact_as_mindspore(exported, image, wanted, run):
    weights = {name: parameter.asnumpy() for name, parameter in generated_network().parameters_and_names()}
    exact = dict(zip(("trimap", "alpha"), matte(weights, image), strict=True))
    for name, values in run(exported, image).items():
        theirs = np.abs(wanted[name] - exact[name])
        assert np.abs(values - exact[name]).mean() < 1.5 * theirs.mean()
        assert np.abs(values - exact[name]).max() < 2 * theirs.max()


def test_weights_in_half_precision_stay_near(exported, image, wanted, tmp_path):
    ov.save_model(ov.Core().read_model(exported), tmp_path / "half.xml", compress_to_fp16=True)
    results = run_openvino(tmp_path / "half.xml", image)
    for name in wanted:
        np.testing.assert_allclose(results[name], wanted[name], rtol=0, atol=1e-2 * max(1, np.ptp(wanted[name])))


def test_it_is_valid_onnx_with_the_names_and_shapes_asked_for(exported):
    model = onnx.load(exported)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    ports = {
        value.name: [side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert ports == {"image": [1, 3, SIDE, SIDE], "trimap": [1, 3, SIDE, SIDE], "alpha": [1, 1, SIDE, SIDE]}
    operators = [node.op_type for node in model.graph.node]
    assert operators.count("Resize") == 4
    assert "Gather" not in operators


def test_the_batch_is_open_as_asked(checkpoint, tmp_path, image, wanted):
    mindspore_to_onnx(arguments(checkpoint, tmp_path / "net.onnx", input_shape=f"-1,3,{SIDE},{SIDE}"))
    sides = onnx.load(tmp_path / "net.onnx").graph.output[1].type.tensor_type.shape.dim
    assert (sides[0].dim_param, sides[2].dim_value) == ("batch", SIDE)
    both = np.concatenate([image[..., ::-1], image])
    for run in (run_onnxruntime, run_openvino):
        results = run(tmp_path / "net.onnx", both)
        assert_like(wanted, {name: values[1:] for name, values in results.items()}, 2 * LIKE_MINDSPORE)


def test_another_size(checkpoint, tmp_path):
    mindspore_to_onnx(arguments(checkpoint, tmp_path / "net.onnx", input_shape="1,3,64,96"))
    image = np.random.default_rng(1).uniform(-0.5, 0.6, (1, 3, 64, 96)).astype(np.float32)
    trimap, alpha = generated_network()(ms.Tensor(image))
    wanted = {"trimap": trimap.asnumpy(), "alpha": alpha.asnumpy()}
    assert_like(wanted, run_onnxruntime(tmp_path / "net.onnx", image), 2 * LIKE_MINDSPORE)


def test_mindspore_still_exports_what_onnxruntime_refuses(plain):
    """Once this fails, MindSpore has mended its exporter, and omz.convert.onnx_repair may go."""
    with pytest.raises(Exception, match="output_shape has incorrect size"):
        onnxruntime.InferenceSession(plain, providers=["CPUExecutionProvider"])
    with pytest.raises(onnx.shape_inference.InferenceError, match="output_shape"):
        onnx.checker.check_model(onnx.load(plain), full_check=True)


def test_mindspore_still_loses_an_output_that_is_given_a_name(tmp_path):
    """Once this fails, names may be told to MindSpore."""
    image = ms.Tensor(np.zeros((1, 3, 16, 16), np.float32))
    file = tmp_path / "named.onnx"
    ms.onnx.export(generated_network(), image, file_name=str(file), output_names=["trimap", "alpha"])
    graph = onnx.load(file).graph
    made = {name for node in graph.node for name in node.output} | {tensor.name for tensor in graph.initializer}
    made |= {value.name for value in graph.input}
    assert {name for node in graph.node for name in node.input if name} - made


def test_openvino_reads_the_plain_export_right(plain, image, wanted):
    results = run_openvino(plain, image)
    assert_like(wanted, dict(zip(wanted, results.values(), strict=True)), 2 * LIKE_MINDSPORE)


class Interpolating(nn.Cell):
    """Has an operator that MindSpore does not export."""

    def construct(self, x):
        return ops.interpolate(x, size=(4, 4), mode="bilinear")


def test_what_cannot_be_exported_is_one_line_and_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where MindSpore leaves notes
    asked = arguments(tmp_path / "w.ckpt", tmp_path / "net.onnx", input_shape="1,3,2,2", output_names="y")
    with pytest.raises(ConversionError, match="cannot become ONNX") as caught:
        export_mindspore(Interpolating(), asked)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"output_names": "alpha"}, "has 2 outputs, but 1 names are given"),
        ({"input_shape": "1,3,-1,16"}, "fixed sizes; give all sides of image but the batch"),
        ({"input_shape": "1,3,17,16"}, "cannot become ONNX"),
        ({"input_shape": "1,4,16,16"}, "cannot become ONNX"),
    ],
)
def test_what_the_network_does_not_take_is_one_line_and_no_file(checkpoint, tmp_path, monkeypatch, changes, said):
    monkeypatch.chdir(tmp_path)  # where MindSpore leaves notes
    with pytest.raises(ConversionError, match=said) as caught:
        mindspore_to_onnx(arguments(checkpoint, tmp_path / "net.onnx", **{"input_shape": "1,3,16,16", **changes}))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def run_command(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "omz.convert.mindspore_to_onnx", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_the_command(checkpoint, tmp_path):
    output = tmp_path / "new" / "net.onnx"
    code, said, wrong = run_command(*flags(checkpoint, output, input_shape="1,3,32,32"))
    assert (code, wrong) == (0, "")
    assert str(output) in said
    onnx.checker.check_model(onnx.load(output), full_check=True)


def refused(tmp_path: Path, weights: Path, **changes: str) -> str:
    """Return what the command says of weights that it cannot use: a line, exit code 1, and nothing is written."""
    before = sorted(tmp_path.rglob("*"))
    result = CliRunner().invoke(main, flags(weights, tmp_path / "net.onnx", **{"input_shape": "1,3,32,32", **changes}))
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before
    return result.stderr


def test_checkpoints_that_cannot_be_used(checkpoint, tmp_path):
    content = checkpoint.read_bytes()
    damaged = {
        "empty.ckpt": b"",
        "truncated.ckpt": content[: len(content) // 2],
        "corrupt.ckpt": bytes(reversed(content)),
        "text.ckpt": b"404 not found\n",
    }
    for name, bad in damaged.items():
        (tmp_path / name).write_bytes(bad)
        assert name in refused(tmp_path, tmp_path / name)
    (tmp_path / "folder.ckpt").mkdir()
    assert "no checkpoint at" in refused(tmp_path, tmp_path / "folder.ckpt")
    assert "no checkpoint at" in refused(tmp_path, tmp_path / "missing.ckpt")
    other = "omz.networks.semantic_human_matting.TNet"
    assert "does not fit TNet" in refused(tmp_path, checkpoint, network=other, output_names="trimap")


def test_wrong_usage_of_the_command(checkpoint, tmp_path):
    for arguments in (["--network=Net"], flags(checkpoint, tmp_path / "n.onnx", network="Net"), ["--nothing"]):
        assert CliRunner().invoke(main, arguments).exit_code == 2


def test_an_older_file_stays_where_the_export_fails(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"older")
    (tmp_path / "w.ckpt").write_bytes(b"")
    assert CliRunner().invoke(main, flags(tmp_path / "w.ckpt", tmp_path / "net.onnx")).exit_code == 1
    assert (tmp_path / "net.onnx").read_bytes() == b"older"
