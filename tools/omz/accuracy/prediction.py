"""What is scored: anything that says of a frame where its subject is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from omz.accuracy.datasets.sample import Sample
from omz.accuracy.metrics.differences import Values
from omz.runtime.engine import Engine, EngineInfo, Tensor
from omz.runtime.matter import Matter, Shown

OutputRole = Literal["alpha", "foreground"]
"""What an output is of a matte: both go from 0 to 1."""


@dataclass(frozen=True)
class Prediction:
    """What is said of one frame.

    ``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, at the size of the frame's picture: 0 to 1, alpha as the network
    gives it, which may leave these; or levels, as they come from files. ``outputs`` are those of the network, by name,
    before they were brought to that size, and ``roles`` what those of them are that make the matte. ``milliseconds``
    are those of inference alone, None where nothing was.
    """

    alpha: Values
    foreground: Values | None = None
    outputs: Mapping[str, Tensor] = field(default_factory=dict)
    roles: Mapping[str, OutputRole] = field(default_factory=dict)
    milliseconds: float | None = None

    @property
    def comparable(self) -> dict[str, Tensor]:
        """The outputs by role, those that have none by their names; networks call the same by different names."""
        return {self.roles.get(name, name): value for name, value in self.outputs.items()}


class Predictor(Protocol):
    """A model in one of its forms, or mattes that some other tool has made."""

    @property
    def info(self) -> EngineInfo:
        """What really runs."""

    @property
    def remembers(self) -> bool:
        """Whether what it says of a frame depends on the frames of the clip before it."""

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Say where the subject of a frame is.

        ``begins``: the frame before it is not of the same clip, or was not seen. Raises
        :class:`omz.errors.DataError` where this frame has no prediction, and :class:`omz.errors.EngineError` where the
        model does not run.
        """


class TimedEngine:
    """An engine whose runs are timed; the first of each size, which prepares it, does not count."""

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


class MatterPredictor:
    """A model in an engine."""

    remembers = False

    def __init__(self, matter: Matter) -> None:
        self._matter = matter
        self._timed = TimedEngine(matter.engine)

    @property
    def info(self) -> EngineInfo:
        """What really runs."""
        return self._matter.engine.info

    def show(self, sample: Sample) -> Shown:
        """Return a frame as the engine takes it."""
        return self._matter.show(sample.picture, sample.plate if self._matter.takes_plate else None)

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """Run the model on a frame; see :class:`Predictor`."""
        del begins
        shown = self.show(sample)
        outputs, milliseconds = self._timed.infer(shown.tensors)
        matte = self._matter.matte(shown, outputs, clipped=False)
        return Prediction(matte.alpha, matte.foreground, outputs, self._matter.roles, milliseconds)
