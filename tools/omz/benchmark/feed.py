"""Tensors that models are timed on: a scene of the zoo for a matting network, noise for what is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from omz.errors import EngineError
from omz.images.arrays import Size
from omz.images.sizes import parse_size, size_text
from omz.matting.network import MattingNetwork, View, stretches
from omz.matting.resolution import roles_of
from omz.matting.roles import NOTHING_SAID, RoleOptions, description_of
from omz.runtime.engine import Engine, Tensor, TensorInfo, numpy_type
from omz.synthesis.scene import make_scene

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard

_LEVELS = 256  # of the pixels of an image
_WHATEVER = RoleOptions(activation="none")
"""For models that do not say how their alpha is to be read, which changes no time."""


class Feed:
    """What goes into a model at a ``size``, width x height, which may be empty for a model of fixed size.

    ``tensors`` are by the names of inputs, ``shapes`` those of the images among them. ``size`` is that of the images
    that the network sees. Raises :class:`EngineError` for a model of free size that matting does not know.
    """

    def __init__(self, engine: Engine, size: str, card: ModelCard | None = None) -> None:
        self._network = _network(engine, card)
        self.shapes: Mapping[str, tuple[int, ...]] = {}
        self.tensors: Mapping[str, Tensor]
        if self._network is None:
            self.size = ""
            self.tensors = _noise(engine.inputs)
            return
        height, width = self._network.size or parse_size(size)
        scene = make_scene(0, (height, width), "test")
        given = self._network.fit(scene.picture, scene.plate if self._network.takes_plate else None)
        self.size = size_text(height, width)
        self.tensors = given.tensors
        self.shapes = self._network.shapes((height, width))

    def later(self, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what goes in after a first run, whose ``outputs`` a recurrent network remembers."""
        states = self._network.states(outputs) if self._network else {}
        return {**self.tensors, **states}


def fixed_size(engine: Engine, card: ModelCard | None = None) -> str | None:
    """Return the size of images that a model takes, width x height; None if that is free, empty if it is unknown.

    Raises :class:`EngineError` for a model of free size that matting does not know.
    """
    network = _network(engine, card)
    if network is None:
        for info in engine.inputs:
            _check_closed(info)
        return ""
    return size_text(*network.size) if network.size else None


def matting_network(
    engine: Engine, card: ModelCard | None = None, size: Size | None = None, options: RoleOptions = NOTHING_SAID
) -> MattingNetwork:
    """Return the matting network in an engine, which sees images at ``size`` (height, width), or at its own.

    Raises :class:`EngineError` for a model that matting does not know.
    """
    return MattingNetwork(engine, View(stretches(engine, card), size), roles_of(engine, description_of(card), options))


def _network(engine: Engine, card: ModelCard | None) -> MattingNetwork | None:
    """Return the matting network in an engine; None for a model that matting does not know."""
    for options in (NOTHING_SAID, _WHATEVER):
        try:
            return matting_network(engine, card, options=options)
        except EngineError:
            continue
    return None


def _noise(infos: Sequence[TensorInfo]) -> dict[str, Tensor]:
    generator = np.random.default_rng(0)
    tensors = {}
    for info in infos:
        _check_closed(info)
        kind = numpy_type(info.element_type)
        tensors[info.name] = generator.integers(0, _LEVELS, info.shape).astype(kind)
    return tensors


def _check_closed(info: TensorInfo) -> None:
    if -1 in info.shape:
        shape = ", ".join(map(str, info.shape))
        raise EngineError(
            f"input {info.name} has an open shape [{shape}], and no image goes into it; convert the model for one size"
        )
