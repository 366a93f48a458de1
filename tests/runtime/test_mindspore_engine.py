from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from semantic_human_matting import generated_network, write_checkpoint

from omz.errors import CardError, EngineError, ModelFileError
from omz.networks.quiet_mindspore import ms
from omz.networks.semantic_human_matting import SemanticHumanMatting
from omz.runtime.engine import TensorInfo
from omz.runtime.mindspore_engine import MindSporeEngine, build_network, mindspore_process
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
        ("omz.networks.semantic_human_matting.neighbours", "no MindSpore network"),
        ("omz.networks.background_matting.BackgroundMatting", "no MindSpore network"),
    ],
)
def test_what_is_no_network_of_ours_is_refused(tmp_path, network, said):
    with pytest.raises(CardError, match=said):
        build_network(arguments(tmp_path, network=network))


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(ModelFileError, match="no checkpoint at"):
        MindSporeEngine(arguments(tmp_path), (IMAGE,), NAMES)
