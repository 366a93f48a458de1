"""A model that stays open while a service or a page runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal, TypeAlias

from omz.cutout.in_memory import ModelInMemory
from omz.cutout.observer import Observer
from omz.cutout.options import Options
from omz.errors import EngineError, OmzError

State: TypeAlias = Literal["opening", "ready", "failed"]

_PATIENCE = 30.0  # seconds in which a model that could not be opened is not tried again


@dataclass(frozen=True)
class ModelState:
    """A model as clients see it; what is not known before it is open is None. ``error`` is a line, or empty."""

    name: str
    state: State
    takes_plate: bool | None = None
    device: str | None = None
    precision: str | None = None
    error: str = ""


class LazyModel:
    """A model that is opened when it is first asked for, by any thread, and stays open.

    ``options`` choose it and its device. Raises :class:`OmzError` at once if there is no card, or no file, of its name.
    """

    def __init__(self, options: Options, observer: Observer) -> None:
        self._options = options
        choice = options.model_choice
        self.name = Path(choice.model).stem if choice.is_file else choice.model
        if choice.is_file:
            choice.ir()
        else:
            choice.takes_plate()
        self._observer, self._lock = observer, Lock()
        self._opened: ModelInMemory | None = None
        self._failure: tuple[float, str] | None = None

    def opened(self) -> ModelInMemory:
        """Return the model. Raises :class:`EngineError`, with a new error for each request: it keeps what that has."""
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> ModelInMemory:
        if self._failure is not None and time.monotonic() - self._failure[0] < _PATIENCE:
            raise EngineError(self._failure[1])
        try:
            model = ModelInMemory(self._options, self._observer)
        except OmzError as error:
            self._failure = time.monotonic(), str(error)
            raise EngineError(str(error)) from error
        self._failure = None
        for warning in model.warnings:
            self._observer.on_warning(f"{self.name}: {warning}")
        return model

    @property
    def state(self) -> ModelState:
        """What there is to say of the model, without waiting for it."""
        model, failure = self._opened, self._failure
        if model is not None:
            return ModelState(self.name, "ready", model.takes_plate, model.info.device, model.info.precision)
        if failure is not None:
            return ModelState(self.name, "failed", error=failure[1])
        return ModelState(self.name, "opening")
