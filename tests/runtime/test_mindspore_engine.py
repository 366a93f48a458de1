from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from semantic_human_matting import generated_network, write_checkpoint

from omz.errors import CardError, EngineError, ModelFileError
from omz.networks.quiet_mindspore import nn, ops
from omz.runtime.engine import TensorInfo
from omz.runtime.mindspore_engine import MindSporeEngine, build_network
from omz.zoo.export_arguments import parse_mindspore_arguments
from omz.zoo.preprocessing import Preprocessing

NETWORK = "omz.networks.semantic_human_matting.SemanticHumanMatting"


def arguments(folder: Path, network: str = NETWORK):
    given = {
        "network": network, "weights": folder / "net.ckpt", "input_shape": "1,3,32,32", "input_names": "image",
        "output_names": "trimap,alpha", "output_file": folder / "net.onnx",
    }  # fmt: skip
    return parse_mindspore_arguments([f"--{name}={value}" for name, value in given.items()], "here")


class Net(nn.Cell):
    def construct(self, a, b):
        return ops.add(a, b), ops.sub(a, b), a


def test_it_applies_the_preprocessing_and_names_the_outputs(capfd):
    infos = (TensorInfo("a", (1, 3, 2, 2)), TensorInfo("b", (1, 3, 2, 2)))
    engine = MindSporeEngine(Net(), infos, ("sum", "difference"), (Preprocessing("a", "NCHW", mean=(4,), scale=(2,)),))
    x = np.full((1, 3, 2, 2), 8, np.float32)
    result = engine.infer({"b": x, "a": x})
    assert engine.outputs == tuple(result) == ("sum", "difference")
    assert result["sum"].max() == 10
    assert result["difference"].min() == -6
    assert (engine.info.framework, engine.info.device, engine.info.precision) == ("MindSpore", "CPU", "f32")
    assert capfd.readouterr() == ("", "")


def test_results_are_copies():
    engine = MindSporeEngine(Net(), (TensorInfo("a", (2,)), TensorInfo("b", (2,))), ("sum",))
    first = engine.infer({"a": np.ones(2, np.float32), "b": np.ones(2, np.float32)})["sum"]
    engine.infer({"a": np.zeros(2, np.float32), "b": np.zeros(2, np.float32)})
    first += 1
    np.testing.assert_array_equal(first, [3, 3])


def test_inputs_that_do_not_fit_are_one_line():
    engine = MindSporeEngine(generated_network(), (TensorInfo("image", (1, 3, -1, -1)),), ("trimap", "alpha"))
    with pytest.raises(EngineError, match="takes the shape"):
        engine.infer({"image": np.zeros((1, 4, 16, 16), np.float32)})
    with pytest.raises(EngineError, match="MindSpore does not run the network") as caught:
        engine.infer({"image": np.zeros((1, 3, 17, 16), np.float32)})  # no multiple of 16
    assert "\n" not in str(caught.value)


def test_the_network_of_a_card_gets_its_checkpoint(tmp_path):
    write_checkpoint(tmp_path / "net.ckpt")
    engine = MindSporeEngine(build_network(arguments(tmp_path)), (TensorInfo("image", (1, 3, 32, 32)),), ("trimap",))
    image = np.random.default_rng(0).random((1, 3, 32, 32), np.float32)
    wanted = MindSporeEngine(generated_network(), (TensorInfo("image", (1, 3, 32, 32)),), ("trimap",))
    np.testing.assert_array_equal(engine.infer({"image": image})["trimap"], wanted.infer({"image": image})["trimap"])


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("os.system", "code from outside"),
        ("omz.networks.nothing.Net", "no network"),
        ("omz.networks.semantic_human_matting.Nothing", "no network"),
        ("omz.networks.semantic_human_matting._Encoder", "no network"),
        ("omz.networks.semantic_human_matting.neighbours", "no MindSpore network"),
        ("omz.networks.background_matting.BackgroundMatting", "no MindSpore network"),
    ],
)
def test_what_is_no_network_of_ours_is_refused(tmp_path, network, said):
    with pytest.raises(CardError, match=said):
        build_network(arguments(tmp_path, network))


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(ModelFileError, match="no checkpoint at"):
        build_network(arguments(tmp_path))
