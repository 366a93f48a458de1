"""The models that are served, by their names; each is opened once, and stays open."""

from __future__ import annotations

from collections.abc import Sequence

from omz.cutout.observer import Observer
from omz.errors import CardError, OmzError, UsageError
from omz_demo.lazy_model import LazyModel, ModelState
from omz_demo.serve.settings import Settings


class ServedModels:
    """The models of a service. Raises :class:`omz.errors.OmzError` for two of one name."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self._models: dict[str, LazyModel] = {}
        for name in dict.fromkeys(settings.models):
            model = LazyModel(settings.options_of({"model": name}), observer)
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

    def named(self, name: str) -> LazyModel:
        """Return a model. Raises :class:`CardError` for one that is not served."""
        if name not in self._models:
            raise CardError(f"model {name} is not served here; choose from {', '.join(self._models)}")
        return self._models[name]

    def suitable(self, with_plate: bool) -> LazyModel:
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
