"""Models that stay open while the page runs."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from omz.cutout.flags import STARTER
from omz.cutout.in_memory import ImageInMemory, ModelInMemory
from omz.cutout.observer import Observer
from omz.errors import OmzError
from omz_demo.lazy_model import LazyModel
from omz_demo.web.settings import Settings

_Key: TypeAlias = tuple[str, str, str]

_MOST = 3  # models that stay open: each has memory of its own
_SIZE = (720, 1280)
_NAME = Path("warm.bmp")


class OpenModels:
    """Models, opened when they are first asked for, by any thread; those that were not used for longest are closed."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self._settings, self._observer, self._lock = settings, observer, Lock()
        self._models: OrderedDict[_Key, LazyModel] = OrderedDict()

    @property
    def device(self) -> str:
        """The device that was asked for when the page started."""
        return self._settings.options_of({}).device

    @property
    def precision(self) -> str:
        """The precision that was asked for then."""
        return self._settings.options_of({}).precision

    def opened(self, name: str, device: str, precision: str) -> ModelInMemory:
        """Return a model. Raises :class:`OmzError`."""
        key = name, device, precision
        with self._lock:
            model = self._models.get(key)
            if model is None:
                options = self._settings.options_of({"model": name, "device": device, "precision": precision})
                model = LazyModel(options, self._observer)
            self._models[key] = model
            self._models.move_to_end(key)
            while len(self._models) > _MOST:
                self._models.popitem(last=False)
        try:
            return model.opened()
        except OmzError:
            with self._lock:
                if self._models.get(key) is model:  # another thread may have opened it anew
                    del self._models[key]  # so that the next click tries again
            raise

    def warm_up(self) -> None:
        """Open the model that ships with the package, and run it once, so that the first picture comes soon."""
        from omz.images.files import encode_picture
        from omz.synthesis.scene import make_scene

        try:
            model = self.opened(STARTER, self.device, self.precision)
            scene = make_scene(0, _SIZE)
            picture, plate = (encode_picture(_NAME, each) for each in (scene.picture, scene.plate))
            model.cut(ImageInMemory(str(_NAME), picture, plate), self._settings.options_of({}))
        except OmzError as error:
            self._observer.on_failure(f"{STARTER}: {error}")
