"""The models that are served, by their names; each is opened once, and stays open."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal, TypeAlias

from omz.cutout.in_memory import ModelInMemory
from omz.cutout.observer import Observer
from omz.errors import CardError, EngineError, OmzError, UsageError
from omz_demo.serve.settings import Settings

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


class ServedModel:
    """A model that is opened when it is first asked for, by any thread.

    Raises :class:`OmzError` at once if there is no card, or no file, of that name.
    """

    def __init__(self, name: str, settings: Settings, observer: Observer) -> None:
        self.name = Path(name).stem if name.endswith(".xml") else name
        self._options = settings.options_of({"model": name})
        choice = self._options.model_choice
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


class ServedModels:
    """The models of a service. Raises :class:`omz.errors.OmzError` for two of one name."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self._models: dict[str, ServedModel] = {}
        for name in dict.fromkeys(settings.models):
            model = ServedModel(name, settings, observer)
            if model.name in self._models:
                raise UsageError(f"two models are called {model.name}; rename one file, or leave one out")
            self._models[model.name] = model

    @property
    def states(self) -> Sequence[ModelState]:
        """What there is to say of each model."""
        return [model.state for model in self._models.values()]

    def open_all(self, observer: Observer) -> None:
        """Open all models; one that fails is a line, and is tried again when it is asked for."""
        for model in self._models.values():
            try:
                model.opened()
            except OmzError as error:
                observer.on_failure(f"{model.name}: {error}")

    def named(self, name: str) -> ServedModel:
        """Return a model. Raises :class:`CardError` for one that is not served."""
        if name not in self._models:
            raise CardError(f"model {name} is not served here; choose from {', '.join(self._models)}")
        return self._models[name]

    def suitable(self, with_plate: bool) -> ServedModel:
        """Return the first model that takes a plate, or takes none. Raises :class:`OmzError`; it may have to open some.

        One that cannot be opened is passed over.
        """
        error: OmzError | None = None
        for model in self._models.values():
            try:
                if model.opened().takes_plate == with_plate:
                    return model
            except OmzError as failure:
                error = failure
        if error is not None:
            raise error
        remedy = "leave the plate out" if with_plate else "send the plate, the same scene without the subject"
        raise UsageError(f"no model here works {'with' if with_plate else 'without'} a plate; {remedy}")
