"""Predictions to score, whoever makes them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from omz.accuracy.datasets.sample import Remark, Sample
from omz.matting.network import MattingNetwork, NetworkInput
from omz.metrics.differences import Values
from omz.runtime.engine import Engine, EngineInfo, Tensor

OutputRole = Literal["alpha", "foreground"]
"""Part of a matte that an output is: both go from 0 to 1."""


@dataclass(frozen=True)
class Prediction:
    """The matte of one frame.

    ``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, at the size of the frame's picture: 0 to 1, alpha as the network
    gives it, which may leave these; or levels, as they come from files. ``outputs`` are those of the network, by name,
    before they were brought to that size, and ``roles`` names those that make the matte. ``milliseconds`` are those of
    inference alone, None where nothing was inferred. ``remarks`` are on the files it was read from.
    """

    alpha: Values
    foreground: Values | None = None
    outputs: Mapping[str, Tensor] = field(default_factory=dict)
    roles: Mapping[str, OutputRole] = field(default_factory=dict)
    milliseconds: float | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def comparable(self) -> dict[str, Tensor]:
        """The outputs by role, those that have none by their names; networks call the same by different names."""
        return {self.roles.get(name, name): value for name, value in self.outputs.items()}


class Predictor(Protocol):
    """A variant of a model, or mattes that another tool has made."""

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""

    @property
    def remembers(self) -> bool:
        """Whether a prediction depends on the frames before it in the clip."""

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Return the matte of a frame.

        ``begins``: the frame before it is of another clip, or was not seen. Raises
        :class:`omz.errors.DataError` where this frame has no prediction, and :class:`omz.errors.EngineError` where the
        model does not run.
        """


class TimedEngine:
    """A stopwatch around an engine; the first run of each size, which prepares it, does not count."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._warm: set[tuple[tuple[int, ...], ...]] = set()

    def infer(self, tensors: Mapping[str, Tensor]) -> tuple[Mapping[str, Tensor], float]:
        """Return the outputs, and the milliseconds that they took."""
        shapes = tuple(tensor.shape for tensor in tensors.values())
        if shapes not in self._warm:
            self.engine.infer(tensors)
            self._warm.add(shapes)
        started = time.perf_counter()
        outputs = self.engine.infer(tensors)
        return outputs, 1e3 * (time.perf_counter() - started)


class NetworkPredictor:
    """A model in an engine, fed as its card says; a recurrent one remembers a clip from its first frame on."""

    def __init__(self, network: MattingNetwork) -> None:
        self._network = network
        self._timed = TimedEngine(network.engine)
        self._states: Mapping[str, Tensor] = {}

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""
        return self._network.engine.info

    @property
    def remembers(self) -> bool:
        """Whether the network is recurrent."""
        return self._network.remembers

    def fit(self, sample: Sample) -> NetworkInput:
        """Return a frame as the engine takes it."""
        return self._network.fit(sample.picture, sample.plate if self._network.takes_plate else None)

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Run the model on a frame; see :class:`Predictor`."""
        if begins:
            self._states = {}
        given = self.fit(sample)
        outputs, milliseconds = self._timed.infer({**given.tensors, **self._states})
        self._states = self._network.states(outputs)
        matte = self._network.matte(given, outputs, clipped=False)
        return Prediction(matte.alpha, matte.foreground, outputs, self._network.output_roles, milliseconds)
