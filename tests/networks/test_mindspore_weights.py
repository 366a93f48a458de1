from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from semantic_human_matting import generated_network, write_checkpoint

from omz.errors import ModelFileError
from omz.networks.mindspore_weights import load_checkpoint
from omz.networks.quiet_mindspore import ms, nn
from omz.networks.semantic_human_matting import SemanticHumanMatting, TNet


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
