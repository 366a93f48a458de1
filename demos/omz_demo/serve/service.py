"""The service: what all its routes share, and how a request becomes a cutout."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from omz.cutout.in_memory import CutImage, ImageInMemory
from omz.cutout.observer import Observer
from omz.cutout.options import Options
from omz.errors import UsageError
from omz.matting.backgrounds import Blur, named_target
from omz_demo.lazy_model import LazyModel
from omz_demo.serve.answers import RefusedError
from omz_demo.serve.fetch import Fetcher
from omz_demo.serve.metrics import Metrics
from omz_demo.serve.models import ServedModels
from omz_demo.serve.settings import Settings
from omz_demo.serve.uploads import Upload
from omz_demo.serve.work import WorkQueue, until

MEDIA_TYPES = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg"}
"""The formats of results."""

_MOST_BLUR = 250.0  # pixels: the work grows with them
_BOUNDS: Mapping[str, float] = {"feather": _MOST_BLUR, "shift": 100.0}


@dataclass(frozen=True)
class Order:
    """A request for one result: the image, the values of options by name, and a model, or empty for a suitable one."""

    image: ImageInMemory
    options: Mapping[str, Any]
    model: str = ""


@dataclass(frozen=True)
class Delivery:
    """What came of an order, and by which model."""

    cut: CutImage
    model: LazyModel
    suffix: str

    @property
    def content(self) -> bytes:
        """The file of the result."""
        (content,) = self.cut.contents.values()
        return content


class Service:
    """What the routes of a process share. Raises :class:`omz.errors.OmzError` for settings that cannot be used."""

    def __init__(self, settings: Settings, observer: Observer) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.models = ServedModels(settings, observer)
        self.queue = WorkQueue(settings.jobs, settings.flags.max_waiting)
        self._fetcher = Fetcher(settings.flags.max_bytes)

    async def fetched(self, request: Request, url: str) -> Upload:
        """Return the image behind a URL. Raises :class:`RefusedError`."""
        if not self.settings.flags.allow_urls:
            raise RefusedError(403, "this server fetches no URLs; send the image itself as file")
        fetching = asyncio.ensure_future(self._fetcher.fetch(url))
        return Upload("the image", await until(fetching, request, self.settings.flags.max_seconds))

    async def deliver(self, request: Request, order: Order) -> Delivery:
        """Return the result that was ordered. Raises :class:`omz.errors.OmzError`."""
        options = self.settings.options_of(order.options)
        self._check_costs(options)
        if order.model:
            self.models.named(order.model)

        def work(observer: Observer) -> Delivery:
            model = self._model(order)
            return Delivery(model.opened().cut(order.image, options, observer), model, options.format or ".png")

        delivery = await self.queue.run(work, request, self.settings.flags.max_seconds)
        self.metrics.cut(delivery.model.name, delivery.cut.stages)
        return delivery

    def _model(self, order: Order) -> LazyModel:
        if order.model:
            return self.models.named(order.model)
        return self.models.suitable(order.image.plate is not None)

    def _check_costs(self, options: Options) -> None:
        """Raise :class:`UsageError` for values that the command takes, and that would occupy a server for long."""
        if options.format is not None and options.format not in MEDIA_TYPES:
            known = ", ".join(suffix[1:] for suffix in MEDIA_TYPES)
            raise UsageError(f"format {options.format[1:]} is not one of {known}; choose one of these")
        for name, most in _BOUNDS.items():
            if abs(getattr(options, name)) > most:
                raise UsageError(f"{name} is {getattr(options, name):g}; at most {most:g} can be asked for here")
        target = named_target(options.target or "transparent")
        if isinstance(target, Blur) and target.pixels > _MOST_BLUR:
            raise UsageError(f"blur is {target.pixels}; at most {_MOST_BLUR:g} can be asked for here")
        if options.input_size and options.input_size[0] * options.input_size[1] > self.settings.flags.max_pixels:
            raise UsageError(f"input_size has more than {self.settings.flags.max_pixels} pixels; choose a smaller one")
        if len(options.whats) != 1:
            raise UsageError("what names several results; ask for one at a time")
