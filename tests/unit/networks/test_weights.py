from __future__ import annotations

import os
import pickle

import pytest
import torch
from torch import nn

from omz.errors import ModelFileError
from omz.networks.weights import load_weights, save_half


@pytest.fixture
def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_half_precision_round_trip(tmp_path, network):
    save_half(network, tmp_path / "w.safetensors")
    copy = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    load_weights(copy, tmp_path / "w.safetensors")
    assert torch.equal(copy[0].weight, network[0].weight.half().float())
    assert torch.equal(copy[0].bias, network[0].bias)


def test_a_published_checkpoint_loads_strictly(tmp_path, generated_state):
    from omz.networks.background_matting import BackgroundMatting

    torch.save(generated_state, tmp_path / "pytorch_mobilenetv2.pth")
    network = BackgroundMatting()
    load_weights(network, tmp_path / "pytorch_mobilenetv2.pth")
    assert all(torch.equal(value, generated_state[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda state: state.pop("0.bias"), "0.bias is missing"),
        (lambda state: state.update({"9.weight": torch.zeros(1)}), "9.weight is not part of the network"),
        (lambda state: state.update({"0.bias": torch.zeros(5)}), r"0.bias is \[5\] instead of \[4\]"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, network, change, named):
    state = network.state_dict()
    change(state)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(ModelFileError, match=named):
        load_weights(network, tmp_path / "w.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_and_missing_files_are_one_line(tmp_path, network, suffix):
    save_half(network, tmp_path / "whole.safetensors")
    torch.save(network.state_dict(), tmp_path / "whole.pth")
    damaged = tmp_path / f"damaged{suffix}"
    for content in (b"", b"no weights at all", (tmp_path / f"whole{suffix}").read_bytes()[:-200]):
        damaged.write_bytes(content)
        with pytest.raises(ModelFileError) as caught:
            load_weights(network, damaged)
        assert str(damaged) in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(ModelFileError, match="download the model"):
        load_weights(network, tmp_path / f"absent{suffix}")


class _Bomb:
    def __reduce__(self):
        return os.mkdir, (os.environ["BOMB"],)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, network, monkeypatch):
    monkeypatch.setenv("BOMB", str(tmp_path / "executed"))
    torch.save({"0.bias": _Bomb()}, tmp_path / "w.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"0.bias": _Bomb()}))
    for name in ("w.pth", "plain.pth"):
        with pytest.raises(ModelFileError):
            load_weights(network, tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_the_prefix_of_data_parallel_is_taken_off(tmp_path):
    network, other = nn.Linear(3, 2), nn.Linear(3, 2)
    torch.save(nn.DataParallel(network).state_dict(), tmp_path / "wrapped.pth")
    load_weights(other, tmp_path / "wrapped.pth")
    assert torch.equal(other.weight, network.weight)
    wrapper = nn.Sequential()
    wrapper.add_module("module", nn.Linear(3, 2))
    load_weights(wrapper, tmp_path / "wrapped.pth")  # whose own names begin so
    assert torch.equal(wrapper.state_dict()["module.weight"], network.weight)
