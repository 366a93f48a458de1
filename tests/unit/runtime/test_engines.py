from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers.builders import save_difference_model
from torch import nn

from omz.errors import CardError, EngineError
from omz.runtime.engine import TensorInfo, check_inputs, prepare
from omz.runtime.onnxruntime_engine import OnnxRuntimeEngine
from omz.runtime.openvino_engine import OpenVINOEngine, Tuning
from omz.runtime.pytorch_engine import PyTorchEngine, build_network
from omz.zoo.export_arguments import ExportArguments
from omz.zoo.preprocessing import Preprocessing


def test_preprocessing_reverses_subtracts_and_divides_in_this_order():
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    step = Preprocessing("x", "NCHW", reverse_channels=True, mean=(1, 2, 3), scale=(2, 4, 8))
    expected = np.stack([(x[0, 2] - 1) / 2, (x[0, 1] - 2) / 4, (x[0, 0] - 3) / 8])[None]
    np.testing.assert_array_equal(prepare({"x": x, "y": x}, (step,))["x"], expected)
    np.testing.assert_array_equal(prepare({"x": x, "y": x}, (step,))["y"], x)


def test_preprocessing_knows_channels_last_and_one_value_for_all():
    x = np.arange(12, dtype=np.float32).reshape(1, 2, 2, 3)
    step = Preprocessing("x", "NHWC", reverse_channels=True, mean=(1,), scale=(2,))
    np.testing.assert_array_equal(prepare({"x": x}, (step,))["x"], (x[..., ::-1] - 1) / 2)


def test_inputs_are_checked_by_name_and_shape():
    expected = (TensorInfo("src", (1, 3, -1, 8)),)
    check_inputs(expected, {"src": np.zeros((1, 3, 5, 8), np.float32)})
    with pytest.raises(EngineError, match="takes the inputs src, not scr"):
        check_inputs(expected, {"scr": np.zeros((1, 3, 5, 8), np.float32)})
    for shape in ((1, 3, 5, 9), (3, 5, 8), (1, 4, 5, 8)):
        with pytest.raises(EngineError, match="input src takes the shape"):
            check_inputs(expected, {"src": np.zeros(shape, np.float32)})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_difference_model(tmp_path_factory.mktemp("model") / "m.xml", 8, 8)


def test_it_reports_what_really_runs(model):
    engine = OpenVINOEngine(model)
    assert (engine.info.framework, engine.info.device, engine.info.precision) == ("OpenVINO", "CPU", "f32")
    assert [info.name for info in engine.inputs] == ["src", "bgr"]
    assert engine.outputs == ("pha", "fgr")


@pytest.mark.parametrize("device", ["AUTO:CPU", "AUTO:-GPU,CPU", "HETERO:CPU"])
def test_a_device_that_chooses_tells_what_it_chose(model, device):
    info = OpenVINOEngine(model, device).info
    assert info.device == "CPU"
    assert info.precision == "f32"


@pytest.mark.parametrize("device", ["GPU.7", "NPU.3", "MARTIAN", "AUTO:MARTIAN", "HETERO:CPU,MARTIAN", "HETERO", ""])
def test_an_absent_device_is_an_error_that_lists_the_present_ones(model, device):
    with pytest.raises(EngineError, match="present: CPU"):
        OpenVINOEngine(model, device)


def test_results_are_copies(model):
    engine = OpenVINOEngine(model)
    black = np.zeros((1, 3, 8, 8), np.float32)
    first = engine.infer({"src": black + 255, "bgr": black})
    engine.infer({"src": black, "bgr": black})
    assert first["pha"].min() == 1


def test_a_damaged_model_is_one_line(tmp_path, model):
    (tmp_path / "m.xml").write_text(model.read_text()[:300])
    with pytest.raises(EngineError) as caught:
        OpenVINOEngine(tmp_path / "m.xml")
    assert "\n" not in str(caught.value)
    with pytest.raises(EngineError):
        OpenVINOEngine(tmp_path / "none.xml")


def test_onnxruntime_refuses_what_is_no_model(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"nothing")
    for name in ("m.onnx", "none.onnx"):
        with pytest.raises(EngineError, match=name) as caught:
            OnnxRuntimeEngine(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_pytorch_applies_the_preprocessing_and_names_the_outputs():
    class Net(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return a + b, a - b, a

    infos = (TensorInfo("a", (1, 3, 2, 2)), TensorInfo("b", (1, 3, 2, 2)))
    engine = PyTorchEngine(Net(), infos, ("sum", "difference"), (Preprocessing("a", "NCHW", scale=(2,)),))
    x = np.full((1, 3, 2, 2), 8, np.float32)
    result = engine.infer({"b": x, "a": x})
    assert set(result) == {"sum", "difference"}
    assert result["sum"].max() == 12
    assert result["difference"].min() == -4


def _arguments(tmp_path, module="omz.networks.background_matting", name="BackgroundMatting", **params):
    return ExportArguments(
        module, name, params, tmp_path / "w.pth", ((1, 3, 8, 8),), ("src",), ("pha",), tmp_path / "n.onnx", 17, {}
    )


@pytest.mark.parametrize(
    ("module", "name", "params", "message"),
    [
        ("os", "system", {}, "is code that comes with the card; give --trust_code if you trust its authors"),
        ("omz.networks.nothing", "Net", {}, "no network"),
        ("omz.networks.background_matting", "Nothing", {}, "no network"),
        ("omz.networks.background_matting", "BackgroundMatting", {"widht": 1}, "widht"),
        ("omz.networks.background_matting", "BackgroundMatting", {"refine_mode": "none"}, "refine mode"),
        ("omz.networks.channels", "scaled", {"channels": 1, "width": 1}, "not a PyTorch network"),
    ],
)
def test_a_card_that_names_no_network_of_ours_is_refused(tmp_path, module, name, params, message):
    with pytest.raises(CardError, match=message):
        build_network(_arguments(tmp_path, module, name, **params))


def test_openvino_is_loaded_without_its_telemetry():
    script = "import sys, omz.runtime.openvino_engine, omz.convert.converter; print(sys.modules['openvino_telemetry'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"


def test_a_model_is_compiled_late_on_demand(tmp_path):
    path = save_difference_model(tmp_path / "m.xml", "height", "width")
    folder = tmp_path / "cache"
    engine = OpenVINOEngine(path, tuning=Tuning(cache_dir=folder), deferred=True)
    assert [info.shape for info in engine.inputs] == [(1, 3, -1, -1)] * 2
    picture = np.random.default_rng(0).integers(0, 256, (1, 3, 8, 12)).astype(np.float32)
    given = {"src": picture, "bgr": np.full_like(picture, 128)}
    fixed = engine.at(dict.fromkeys(given, picture.shape)).infer(given)
    assert list(folder.glob("*.blob")) == []  # not compiled for all sizes yet
    assert len(list((folder / "sizes").iterdir())) == 1
    found = engine.infer(given)
    assert len(list(folder.glob("*.blob"))) == 1
    for name in engine.outputs:
        np.testing.assert_array_equal(found[name], fixed[name])


def test_a_model_that_no_device_can_compile_is_an_error_when_it_is(tmp_path):
    path = save_difference_model(tmp_path / "m.xml", 8, 8)
    tuning = Tuning(streams=-7)
    with pytest.raises(EngineError, match="does not run on CPU"):
        OpenVINOEngine(path, tuning=tuning)
    late = OpenVINOEngine(path, tuning=tuning, deferred=True)
    with pytest.raises(EngineError, match="does not run on CPU"):
        late.request()
