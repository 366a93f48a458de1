from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.semantic_human_matting import generated_network, write_checkpoint

from omz.errors import CardError, EngineError, ModelFileError
from omz.networks.quiet_mindspore import ms, nn
from omz.networks.semantic_human_matting import SemanticHumanMatting, TNet
from omz.runtime.engine import TensorInfo
from omz.runtime.mindspore_engine import MindSporeEngine, build_network, load_checkpoint, mindspore_process
from omz.zoo.export_arguments import ExportArguments, parse_mindspore_arguments
from omz.zoo.preprocessing import Preprocessing

NETWORK = "omz.networks.semantic_human_matting.SemanticHumanMatting"


def flags(folder: Path) -> dict[str, object]:
    return {
        "network": NETWORK, "weights": folder / "net.ckpt", "input_shape": "1,3,32,32", "input_names": "image",
        "output_names": "trimap,alpha", "output_file": folder / "net.onnx",
    }  # fmt: skip


def arguments(folder: Path, **changes: str) -> ExportArguments:
    return parse_mindspore_arguments([f"--{name}={value}" for name, value in (flags(folder) | changes).items()], "here")


IMAGE = TensorInfo("image", (1, 3, -1, -1))
NAMES = ("trimap", "alpha")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a checkpoint."""
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder / "net.ckpt")
    return folder


def test_it_applies_the_preprocessing_and_names_the_outputs(folder, capfd):
    steps = (Preprocessing("image", "NCHW", reverse_channels=True, mean=(1, 2, 3), scale=(2, 4, 8)),)
    engine = MindSporeEngine(arguments(folder), (IMAGE,), NAMES, steps)
    image = np.random.default_rng(0).random((2, 3, 32, 48), np.float32)[:1]
    result = engine.infer({"image": image})
    mean, scale = (np.float32(values)[:, None, None] for values in ((1, 2, 3), (2, 4, 8)))
    wanted = generated_network()(ms.Tensor((image[:, ::-1] - mean) / scale))
    assert engine.outputs == tuple(result) == NAMES
    for ours, theirs in zip(result.values(), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs.asnumpy(), rtol=0, atol=1e-5)
    assert (engine.info.framework, engine.info.device, engine.info.precision) == ("MindSpore", "CPU", "f32")
    assert capfd.readouterr() == ("", "")


def test_this_process_stays_without_mindspore(folder):
    script = f"""
import signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np
from omz.runtime.engine import TensorInfo
from omz.runtime.mindspore_engine import MindSporeEngine
from omz.zoo.export_arguments import parse_mindspore_arguments
flags = {[f"--{name}={value}" for name, value in flags(folder).items()]!r}
engine = MindSporeEngine(parse_mindspore_arguments(flags, ""), (TensorInfo("image", (1, 3, 16, 16)),), ("trimap",))
print(engine.infer({{"image": np.zeros((1, 3, 16, 16), np.float32)}})["trimap"].shape, "mindspore" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("(1, 3, 16, 16) False\n", "")


def test_two_networks_in_one_process(folder, tmp_path):
    process = mindspore_process()
    write_checkpoint(tmp_path / "net.ckpt", SemanticHumanMatting())
    first, second = (MindSporeEngine(arguments(each), (IMAGE,), NAMES, (), process) for each in (folder, tmp_path))
    image = {"image": np.random.default_rng(0).random((1, 3, 16, 16), np.float32)}
    before = first.infer(image)["trimap"]
    assert np.abs(second.infer(image)["trimap"] - before).max() > 0.1
    np.testing.assert_array_equal(first.infer(image)["trimap"], before)


def test_inputs_that_do_not_fit_are_one_line(folder):
    engine = MindSporeEngine(arguments(folder), (IMAGE,), NAMES)
    with pytest.raises(EngineError, match="takes the shape"):
        engine.infer({"image": np.zeros((1, 4, 16, 16), np.float32)})
    with pytest.raises(EngineError, match="height and width must be divisible by 16") as caught:
        engine.infer({"image": np.zeros((1, 3, 17, 16), np.float32)})
    assert "\n" not in str(caught.value)
    assert engine.infer({"image": np.zeros((1, 3, 16, 16), np.float32)})


def test_a_path_from_the_working_directory(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert MindSporeEngine(arguments(Path()), (IMAGE,), NAMES).outputs == NAMES


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("omz.networks.nothing.Net", "no network"),
        ("omz.networks.semantic_human_matting.Nothing", "no network"),
        ("omz.networks.semantic_human_matting._Encoder", "no network"),
        ("omz.networks.semantic_human_matting.neighbours", "not a MindSpore network"),
        ("omz.networks.background_matting.BackgroundMatting", "not a MindSpore network"),
    ],
)
def test_what_is_no_network_of_ours_is_refused(tmp_path, network, said):
    with pytest.raises(CardError, match=said):
        build_network(arguments(tmp_path, network=network))


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(ModelFileError, match="no checkpoint at"):
        MindSporeEngine(arguments(tmp_path), (IMAGE,), NAMES)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("weights") / "net.ckpt")


def problem(path: Path, network: nn.Cell | None = None) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_checkpoint(network or SemanticHumanMatting(), path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def said_of(path: Path) -> str:
    try:
        load_checkpoint(SemanticHumanMatting(), path)
    except ModelFileError as error:
        return str(error)
    return ""


def save(path: Path, parameters: dict[str, np.ndarray], **notes: str | float) -> Path:
    entries = [{"name": name, "data": ms.Tensor(value)} for name, value in parameters.items()]
    ms.save_checkpoint(entries, str(path), append_dict=notes or None)
    return path


class Line(nn.Cell):
    """Two parameters, a and b, of two numbers each."""

    def __init__(self):
        super().__init__()
        self.a = ms.Parameter(ms.Tensor(np.zeros(2, np.float32)), name="a")
        self.b = ms.Parameter(ms.Tensor(np.zeros(2, np.float32)), name="b")


ONES = np.ones(2, np.float32)


def test_every_parameter_gets_its_value(checkpoint):
    network = SemanticHumanMatting()
    load_checkpoint(network, checkpoint)
    wanted = dict(generated_network().parameters_and_names())
    for name, parameter in network.parameters_and_names():
        np.testing.assert_array_equal(parameter.asnumpy(), wanted[name].asnumpy())


def test_notes_of_a_training_run_are_no_parameters(tmp_path):
    network = Line()
    notes = {"scheduler": "cosine", "epoch": 3, "rate": 0.1, "ended": True}
    load_checkpoint(network, save(tmp_path / "net.ckpt", {"a": ONES, "b": 2 * ONES}, **notes))
    np.testing.assert_array_equal(network.b.asnumpy(), 2 * ONES)


@pytest.mark.parametrize("kind", [np.float16, np.float64, np.int32])
def test_other_precisions_become_that_of_the_network(tmp_path, capfd, kind):
    network = Line()
    load_checkpoint(network, save(tmp_path / "net.ckpt", {"a": ONES.astype(kind), "b": 2 * ONES.astype(kind)}))
    assert network.b.asnumpy().dtype == np.float32
    np.testing.assert_array_equal(network.b.asnumpy(), 2 * ONES)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"a": ONES}, "b is missing"),
        ({"a": ONES, "b": ONES, "c": ONES}, "c is not part of the network"),
        ({"a": ONES, "b": np.ones((2, 2), np.float32)}, "b is [2, 2] instead of [2]"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, parameters, said):
    network = Line()
    assert said in problem(save(tmp_path / "net.ckpt", parameters), network)
    np.testing.assert_array_equal(network.a.asnumpy(), 0 * ONES)


def test_a_checkpoint_of_another_network(tmp_path, checkpoint):
    said = problem(write_checkpoint(tmp_path / "t_net.ckpt", TNet()))
    assert "does not fit SemanticHumanMatting: t_net.feature.head_conv.0.weight is missing" in said
    assert "and " in said
    assert "more" in said
    assert "does not fit Line: a is missing" in problem(checkpoint, Line())


def test_a_missing_file(tmp_path):
    assert "no checkpoint at" in problem(tmp_path / "none.ckpt")


def test_a_folder(tmp_path):
    folder = tmp_path / "folder.ckpt"
    folder.mkdir()
    assert "is a folder" in problem(folder)


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.ckpt"
    path.touch()
    assert "is empty" in problem(path)


def test_a_file_of_another_kind(tmp_path):
    for name, content in {"text.ckpt": b"not found", "zeros.ckpt": bytes(4096), "page.ckpt": b"<html>" * 99}.items():
        (tmp_path / name).write_bytes(content)
        assert "cannot be read as a checkpoint" in problem(tmp_path / name)


def test_a_name_that_mindspore_does_not_take(tmp_path, checkpoint):
    other = tmp_path / "net.bin"
    other.write_bytes(checkpoint.read_bytes())
    assert ".ckpt" in problem(other)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has such a file")
def test_a_file_whose_disk_gives_an_error(tmp_path):
    path = tmp_path / "net.ckpt"
    path.symlink_to("/proc/self/mem")
    assert "cannot be read: Input/output error" in problem(path)


def test_whatever_is_cut_off_or_changed_is_one_line(checkpoint, tmp_path, capfd):
    content = checkpoint.read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "net.ckpt"
    loaded = 0
    for index in range(40):
        damaged = bytearray(content)
        if index % 2:
            del damaged[rng.integers(len(damaged)) :]
        else:
            for position in rng.integers(0, len(damaged), 200 if index % 4 else 3):
                damaged[position] = rng.integers(256)
        path.write_bytes(damaged)
        said = said_of(path)
        loaded += not said  # where the values alone were hit
        assert "\n" not in said
    assert loaded < 20
    assert capfd.readouterr() == ("", "")
