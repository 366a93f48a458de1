"""IR and ONNX files in OpenVINO."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Literal

import numpy as np

from omz.errors import EngineError
from omz.paths import what_else
from omz.runtime.engine import EngineInfo, Tensor, TensorInfo, check_inputs
from omz.runtime.forks import PerProcess, begin_use_of, starting
from omz.runtime.quiet_openvino import core, ov, reason
from omz.runtime.value_bounds import value_bounds
from omz.zoo.vocabulary import Graph

_VIRTUAL_DEVICES = ("HETERO", "MULTI", "BATCH")
_HINT = "INFERENCE_PRECISION_HINT"
_CACHE = "CACHE_DIR"
_SIZES, _KEPT = "sizes", 16
"""The folder for models that were compiled for one size, and how many stay there: images come in countless sizes."""


@dataclass(frozen=True)
class Tuning:
    """The goal of a device: ``latency`` of one run, or ``throughput`` of many at a time.

    ``streams`` and ``threads`` are those of OpenVINO, which chooses if they are None. ``cache_dir`` keeps compiled
    models between processes. ``graph`` is the one of a rewritten model that runs; ``auto`` is the faster one.
    """

    hint: Literal["latency", "throughput"] = "latency"
    streams: int | None = None
    threads: int | None = None
    cache_dir: Path | None = None
    graph: Literal["auto"] | Graph = "auto"

    def config(self) -> dict[str, object]:
        """Return the properties for OpenVINO."""
        config: dict[str, object] = {"PERFORMANCE_HINT": self.hint.upper()}
        for name, value in (("NUM_STREAMS", self.streams), ("INFERENCE_NUM_THREADS", self.threads)):
            if value is not None:
                config[name] = value
        if self.cache_dir is not None:
            config[_CACHE] = str(self.cache_dir)
        return config


LATENCY = Tuning()


class OpenVINOEngine:
    """Runs a model on an OpenVINO device, in ``precision``.

    ``default`` leaves that to the device; ``auto`` does so if the converter has seen the model keep its results in the
    precision that the device prefers, and otherwise asks for f32. ``adapt`` changes the model before it is compiled.
    With ``deferred``, it is compiled when it first runs, or never, if it only runs :meth:`at` a size. Raises
    :class:`EngineError` if the file cannot be read, or the device is missing: no other device takes its place.

    ``inputs`` and names of ``outputs`` are in the model's order. ``facts`` is the converter's description of the model;
    ``resize_type`` says how images are resized to it, in the words of Model API, such as ``standard``, None if unknown.
    """

    def __init__(
        self,
        model: Path,
        device: str = "CPU",
        precision: str = "f32",
        tuning: Tuning = LATENCY,
        adapt: Callable[[ov.Model], ov.Model] = lambda model: model,
        deferred: bool = False,
    ) -> None:
        _check_device(device)
        config = tuning.config()
        for part in (Path(model), Path(model).with_suffix(".bin")):
            if what_else(part):  # which OpenVINO would wait for, or read without end
                raise EngineError(f"{part} is {what_else(part)}, and no file; name an IR (.xml) beside its .bin file")
        try:
            read = core().read_model(model)
            self.facts = facts_of(read)
            self.resize_type = _resize_type(read)
            read = adapt(read)
            # Not the names of the compiled model, which can merge a tensor with another and take that name.
            self.inputs = tuple(map(port_info, read.inputs))
            self.output_infos = output_infos(read)
            self.outputs = tuple(info.name for info in self.output_infos)
            if precision == "auto":
                kept = self.facts.get("keeps_model_in", "").split(",")
                preferred = default_precision(device)
                precision = "default" if preferred and preferred in kept else "f32"
            if precision != "default":
                config[_HINT] = precision
        except RuntimeError as error:
            raise EngineError(f"{model} does not run on {device}: {reason(error)}") from error
        self._read, self._device, self._config = read, device, config
        self._compile_late(read, config, f"{model} does not run on {device}")
        if not deferred:
            self._compiled()

    def _compile_late(self, model: ov.Model, config: dict[str, object], wrong: str) -> None:
        """Have the model compiled when it first runs; ``wrong`` begins the error if it cannot be."""
        self._compiled = PerProcess(partial(_compile, model, self._device, config, wrong))
        self._pool = PerProcess(partial(_Pool, self._compiled))

    def at(self, shapes: Mapping[str, tuple[int, ...]]) -> OpenVINOEngine:
        """Return the model compiled for inputs of just these ``shapes``: a sixth faster than for all shapes.

        Raises :class:`EngineError`.
        """
        engine, config = copy(self), dict(self._config)
        if _CACHE in config:
            config[_CACHE] = str(Path(str(config[_CACHE]), _SIZES))
        wrong = f"the model does not run on {dict(shapes)}"
        try:
            model = self._read.clone()
            model.reshape({name: ov.PartialShape(shape) for name, shape in shapes.items()})
            engine.inputs = tuple(map(port_info, model.inputs))
        except RuntimeError as error:
            raise EngineError(f"{wrong}: {reason(error)}") from error
        engine._compile_late(model, config, wrong)
        engine._compiled()
        if _CACHE in config:
            _keep_newest(Path(str(config[_CACHE])), _KEPT)
        return engine

    def prefer_latency(self) -> None:
        """Have one run at a time use the whole device; for a model that is not compiled yet."""
        self._config["PERFORMANCE_HINT"] = "LATENCY"

    @property
    def compiled(self) -> ov.CompiledModel:
        """OpenVINO's compiled model; it is compiled now if it is not yet. Raises :class:`EngineError`."""
        return self._compiled()

    @property
    def info(self) -> EngineInfo:
        """The devices, the precision and the layers that OpenVINO reports of the compiled model."""
        return replace(self.brief_info, layers=_layers(self._compiled()))

    @property
    def brief_info(self) -> EngineInfo:
        """The information without the layers, which take milliseconds to count."""
        devices = self._compiled().get_property("EXECUTION_DEVICES")
        return EngineInfo("OpenVINO", ", ".join(devices), _precision(self._compiled()))

    def infer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once; see :class:`omz.runtime.engine.Engine`."""
        with self.borrowed() as request:
            request.start(inputs)
            return request.outputs()

    @property
    def best_requests(self) -> int:
        """The number of simultaneous runs that suits the device best."""
        return _best_requests(self._compiled())

    def request(self) -> Request:
        """Return a request, which runs the model once at a time; several requests run it side by side."""
        return Request(self._compiled, self.inputs, self.outputs)

    @contextmanager
    def borrowed(self) -> Iterator[Request]:
        """Lend a request; a thread waits for it while others have as many as suit the device, and one more."""
        pool = self._pool()
        with pool.places:
            try:
                request = pool.idle.pop()
            except IndexError:
                request = self.request()
            yield request
            pool.idle.append(request)  # unless the run was interrupted, and may go on


class _Pool:
    def __init__(self, compiled: PerProcess[ov.CompiledModel]) -> None:
        self.places = Semaphore(_best_requests(compiled()) + 1)
        self.idle = deque[Request]()


class Request:
    """One run of a model at a time, begun by :meth:`start`, ended by :meth:`outputs`."""

    def __init__(
        self, compiled: PerProcess[ov.CompiledModel], inputs: tuple[TensorInfo, ...], outputs: tuple[str, ...]
    ) -> None:
        self._request = PerProcess(lambda: compiled().create_infer_request())
        self._running = self._request()
        self._inputs, self._outputs = inputs, outputs
        self._given: dict[str, Tensor] = {}

    def start(self, inputs: Mapping[str, Tensor]) -> None:
        """Begin a run; contiguous arrays are not copied. Raises :class:`EngineError`."""
        check_inputs(self._inputs, inputs)
        self._given = {}
        for info in self._inputs:
            self._given[info.name] = np.asarray(inputs[info.name], order="C")
        self._running = self._request()
        try:
            with starting:
                self._running.start_async(dict(enumerate(self._given.values())), share_inputs=True)
        except RuntimeError as error:
            raise self._failed(error) from error

    def outputs(self) -> dict[str, Tensor]:
        """Wait for the run, and return copies of its outputs by name. Raises :class:`EngineError`."""
        try:
            self._running.wait()
        except RuntimeError as error:
            raise self._failed(error) from error
        results = {}
        for index, name in enumerate(self._outputs):
            results[name] = np.array(self._running.get_output_tensor(index).data)
        return results

    @property
    def milliseconds(self) -> float:
        """The duration of the last run."""
        return float(self._running.latency)

    def _failed(self, error: RuntimeError) -> EngineError:
        shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in self._given.items())
        return EngineError(f"the model does not run on {shapes}: {reason(error)}")


def _compile(model: ov.Model, device: str, config: dict[str, object], wrong: str) -> ov.CompiledModel:
    begin_use_of(device)
    if _CACHE in config:
        with suppress(RuntimeError):  # another process may be writing the cached model, or have removed it
            return core().compile_model(model, device, config)
        config = {name: value for name, value in config.items() if name != _CACHE}
    try:
        return core().compile_model(model, device, config)
    except RuntimeError as error:
        raise EngineError(f"{wrong}: {reason(error)}") from error


def _best_requests(compiled: ov.CompiledModel) -> int:
    return int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))


def _keep_newest(folder: Path, count: int) -> None:
    """Remove all but the newest files of a folder; other processes may do so, too."""
    with suppress(OSError):
        files = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in files[count:]:
            path.unlink(missing_ok=True)


def output_infos(model: ov.Model) -> tuple[TensorInfo, ...]:
    """Return the outputs of a model, with the bounds of their values."""
    infos = []
    for port in model.outputs:
        infos.append(replace(port_info(port), bounds=value_bounds(port.get_node().input_value(0))))
    return tuple(infos)


def port_info(port: ov.Output) -> TensorInfo:
    """Return an input or output."""
    shape, sides = port.get_partial_shape(), []
    if shape.rank.is_static:
        sides = [-1 if side.is_dynamic else side.get_length() for side in shape]
    layout = layout_letters(port.get_node().get_layout())
    kind, names = port.get_element_type().get_type_name(), frozenset(port.get_names())
    name = port.any_name if names else port.get_node().get_friendly_name()
    return TensorInfo(name, tuple(sides), kind, layout, aliases=names)


def default_precision(device: str) -> str:
    """Return the precision in which a device runs models by default; empty if it does not tell."""
    kind = device.partition(":")[0]
    if kind in ("AUTO", *_VIRTUAL_DEVICES) or _HINT not in core().get_property(device, "SUPPORTED_PROPERTIES"):
        return ""
    return str(core().get_property(device, _HINT).get_type_name())


def layout_letters(layout: ov.Layout) -> str:
    """Return the letters of a layout such as ``[N,C,H,W]``; empty if it is unknown or of any rank."""
    letters = str(layout).strip("[]").replace(",", "")
    return "" if "..." in letters else letters


def _check_device(device: str) -> None:
    """Raise if a named device is missing; AUTO also takes devices to leave out, such as -GPU.

    The CPU is there, and need not wait until the drivers of all other devices have been asked.
    """
    if device == "CPU":
        return
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
    """Return the precision that a device reports; AUTO and HETERO report one for each device they use."""
    if _HINT in compiled.get_property("SUPPORTED_PROPERTIES"):
        return str(compiled.get_property(_HINT).get_type_name())
    names = set()
    for properties in compiled.get_property("DEVICE_PROPERTIES").values():
        if _HINT in properties:
            names.add(properties[_HINT].get_type_name())
    return ", ".join(sorted(names))


def _layers(compiled: ov.CompiledModel) -> str:
    """Count the layers that a device runs by precision; empty if it does not tell."""
    try:
        operations = compiled.get_runtime_model().get_ops()
    except RuntimeError:
        return ""
    counts: Counter[str] = Counter()
    for operation in operations:
        info = operation.get_rt_info()
        if "runtimePrecision" in info and _computes(info):
            counts[str(info["runtimePrecision"].astype(str))] += 1
    return ", ".join(f"{precision} {count}" for precision, count in counts.most_common())


def _computes(info: Mapping[str, ov.OVAny]) -> bool:
    return "layerType" not in info or str(info["layerType"].astype(str)) not in ("Input", "Const", "Output", "Reorder")


def facts_of(model: ov.Model) -> dict[str, str]:
    """Return the converter's description of the model; empty if the converter did not make the file."""
    if "omz" not in model.get_rt_info():
        return {}
    section = model.get_rt_info("omz")
    return {str(key): str(value.astype(str)) for key, value in section.astype(dict).items()}


def _resize_type(model: ov.Model) -> str | None:
    path = ["model_info", "resize_type"]
    return str(model.get_rt_info(path).astype(str)) if model.has_rt_info(path) else None
