"""IR and ONNX files in OpenVINO."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from omz.errors import EngineError
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs
from omz.runtime.openvino_errors import reason
from omz.runtime.quiet_openvino import core, ov

_VIRTUAL_DEVICES = ("HETERO", "MULTI", "BATCH")
_HINT = "INFERENCE_PRECISION_HINT"


@dataclass(frozen=True)
class Tuning:
    """What a device is asked to be good at: the ``latency`` of one run, or the ``throughput`` of many at a time.

    ``streams`` and ``threads`` are those of OpenVINO, which chooses where they are None.
    """

    hint: Literal["latency", "throughput"] = "latency"
    streams: int | None = None
    threads: int | None = None

    def config(self) -> dict[str, object]:
        """Return the properties that say so."""
        asked = {"NUM_STREAMS": self.streams, "INFERENCE_NUM_THREADS": self.threads}
        chosen = {name: value for name, value in asked.items() if value is not None}
        return {"PERFORMANCE_HINT": self.hint.upper(), **chosen}


LATENCY = Tuning()


class OpenVINOEngine:
    """Runs a model on an OpenVINO device, in ``precision``.

    ``default`` leaves that to the device; ``auto`` does so where the converter has seen the model keep its results in
    the precision that the device prefers, and asks for f32 where it has not. ``cache_dir`` keeps compiled models
    between processes. ``shapes`` are those of inputs, in the place of their own. ``adapt`` changes the model that was
    read, before it is compiled. Raises :class:`EngineError` where the file cannot be read, or the device is not there:
    no other device takes its place.
    """

    def __init__(
        self,
        model: Path,
        device: str = "CPU",
        precision: str = "f32",
        cache_dir: Path | None = None,
        shapes: Mapping[str, ov.PartialShape] | None = None,
        tuning: Tuning = LATENCY,
        adapt: Callable[[ov.Model], ov.Model] = lambda model: model,
    ) -> None:
        _check_device(device)
        config = tuning.config()
        if cache_dir:
            config["CACHE_DIR"] = str(cache_dir)
        try:
            read = core().read_model(model)
            self.facts = _facts(read)
            self._resize_type = _resize_type(read)
            if shapes:
                read.reshape(shapes)
            read = adapt(read)
            # Names of the model as it was read: a compiled one can merge a tensor with another, and take that name.
            self._inputs = tuple(map(_info, read.inputs))
            self._outputs = tuple(port.any_name for port in read.outputs)
            if precision == "auto":
                kept = self.facts.get("keeps_model_in", "").split(",")
                preferred = default_precision(device)
                precision = "default" if preferred and preferred in kept else "f32"
            if precision != "default":
                config[_HINT] = precision
            self._read, self._device, self._config = read, device, config
            self._compiled = core().compile_model(read, device, config)
        except RuntimeError as error:
            raise EngineError(f"{model} does not run on {device}: {reason(error)}") from error
        self._request = self.request()

    def at(self, shapes: Mapping[str, tuple[int, ...]]) -> OpenVINOEngine:
        """Return the model compiled for inputs of these ``shapes``, and no other: a sixth faster than for all.

        Raises :class:`EngineError`.
        """
        engine = copy(self)
        try:
            model = self._read.clone()
            model.reshape({name: ov.PartialShape(shape) for name, shape in shapes.items()})
            engine._inputs = tuple(map(_info, model.inputs))
            engine._compiled = core().compile_model(model, self._device, self._config)
        except RuntimeError as error:
            raise EngineError(f"the model does not run on {dict(shapes)}: {reason(error)}") from error
        engine._request = engine.request()
        return engine

    @property
    def info(self) -> EngineInfo:
        """The devices and the precision that OpenVINO reports of the compiled model."""
        devices = self._compiled.get_property("EXECUTION_DEVICES")
        return EngineInfo("OpenVINO", ", ".join(devices), _precision(self._compiled), _layers(self._compiled))

    @property
    def resize_type(self) -> str | None:
        """How pictures come to the model's size, in the words of Model API, such as ``standard``; None: not told."""
        return self._resize_type

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The inputs, in the model's order."""
        return self._inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in the model's order."""
        return self._outputs

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once; see :class:`omz.runtime.engine.Engine`."""
        self._request.start(inputs)
        return self._request.outputs()

    @property
    def best_requests(self) -> int:
        """How many runs at a time the device does best with."""
        return int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    def request(self) -> Request:
        """Return what runs the model once at a time; several run it side by side."""
        return Request(self._compiled.create_infer_request(), self._inputs, self._outputs)


class Request:
    """One run of a model at a time, begun by :meth:`start`, ended by :meth:`outputs`."""

    def __init__(self, request: ov.InferRequest, inputs: tuple[TensorInfo, ...], outputs: tuple[str, ...]) -> None:
        self._request, self._inputs, self._outputs = request, inputs, outputs
        self._given: Mapping[str, Tensor] = {}

    def start(self, inputs: Mapping[str, Tensor]) -> None:
        """Begin a run; arrays that lie in memory in order are read where they are. Raises :class:`EngineError`."""
        check_inputs(self._inputs, inputs)
        self._given = {info.name: np.asarray(inputs[info.name], order="C") for info in self._inputs}
        try:
            self._request.start_async(dict(enumerate(self._given.values())), share_inputs=True)
        except RuntimeError as error:
            raise self._failed(error) from error

    def outputs(self) -> dict[str, Tensor]:
        """Wait for the end of the run, and return copies of its outputs by name. Raises :class:`EngineError`."""
        try:
            self._request.wait()
        except RuntimeError as error:
            raise self._failed(error) from error
        return {name: np.array(self._request.get_output_tensor(index).data) for index, name in enumerate(self._outputs)}

    @property
    def milliseconds(self) -> float:
        """How long the last run took, from its start."""
        return float(self._request.latency)

    def _failed(self, error: RuntimeError) -> EngineError:
        shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in self._given.items())
        return EngineError(f"the model does not run on {shapes}: {reason(error)}")


def _info(port: ov.Output) -> TensorInfo:
    shape = port.get_partial_shape()
    return TensorInfo(
        port.any_name,
        tuple(-1 if side.is_dynamic else side.get_length() for side in shape) if shape.rank.is_static else (),
        port.get_element_type().get_type_name(),
        layout_letters(port.get_node().get_layout()),
    )


def default_precision(device: str) -> str:
    """Return the precision in which a device runs models unless told otherwise; empty where it does not tell."""
    kind = device.partition(":")[0]
    if kind in ("AUTO", *_VIRTUAL_DEVICES) or _HINT not in core().get_property(device, "SUPPORTED_PROPERTIES"):
        return ""
    return str(core().get_property(device, _HINT).get_type_name())


def layout_letters(layout: ov.Layout) -> str:
    """Return a layout such as ``[N,C,H,W]`` as its letters; empty where it is not known, or of any rank."""
    letters = str(layout).strip("[]").replace(",", "")
    return "" if "..." in letters else letters


def _check_device(device: str) -> None:
    """Raise where a device that is named is not there; AUTO also takes names to leave out, such as -GPU."""
    present = list(core().available_devices)
    kind, _, members = device.partition(":")
    if kind == "AUTO" or (kind in _VIRTUAL_DEVICES and members):
        asked = [member.partition("(")[0] for member in members.split(",") if member and not member.startswith("-")]
    else:
        asked = [device]
    for one in asked:
        if not any(one == there or there.startswith(f"{one}.") for there in present):
            raise EngineError(
                f"device {one} is not there; present: {', '.join(present)}, AUTO. (A GPU or NPU needs its driver.)"
            )


def _precision(compiled: ov.CompiledModel) -> str:
    """Return the precision a device reports; AUTO and HETERO report it for each device they use."""
    if _HINT in compiled.get_property("SUPPORTED_PROPERTIES"):
        return str(compiled.get_property(_HINT).get_type_name())
    used = compiled.get_property("DEVICE_PROPERTIES").values()
    return ", ".join(sorted({properties[_HINT].get_type_name() for properties in used if _HINT in properties}))


def _layers(compiled: ov.CompiledModel) -> str:
    """Count the layers that a device runs, by the precision it says of each; empty where it does not tell."""
    try:
        operations = compiled.get_runtime_model().get_ops()
    except RuntimeError:
        return ""
    told = [operation.get_rt_info() for operation in operations]
    counts = Counter(
        str(info["runtimePrecision"].astype(str)) for info in told if "runtimePrecision" in info and _computes(info)
    )
    return ", ".join(f"{precision} {count}" for precision, count in counts.most_common())


def _computes(info: Mapping[str, ov.OVAny]) -> bool:
    return "layerType" not in info or str(info["layerType"].astype(str)) not in ("Input", "Const", "Output", "Reorder")


def _facts(model: ov.Model) -> dict[str, str]:
    """Return what the converter wrote into the IR about the model; empty for a file it did not make."""
    if "omz" not in model.get_rt_info():
        return {}
    section = model.get_rt_info("omz")
    return {str(key): str(value.astype(str)) for key, value in section.astype(dict).items()}


def _resize_type(model: ov.Model) -> str | None:
    path = ["model_info", "resize_type"]
    return str(model.get_rt_info(path).astype(str)) if model.has_rt_info(path) else None
