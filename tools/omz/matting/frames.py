"""Frames on their way through matting, and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from omz.errors import OmzError
from omz.images.arrays import Picture, Pixels
from omz.matting.network import Trimap
from omz.runtime.engine import Tensor


@dataclass(frozen=True)
class Frame:
    """An image or a video frame, with its plate and the target behind its subject; all of one size.

    ``plate`` is None for a model that takes none, ``target`` for a subject on transparency. ``index`` counts from 0 in
    the order of the source. ``time`` (a presentation timestamp) and ``duration`` are in units of the source.
    ``follows_damage`` says that something before the frame could not be decoded. ``opacity`` is the alpha that the
    image has itself, (H, W) uint8; None where all is opaque.
    """

    index: int
    picture: Picture
    plate: Picture | None = None
    target: Picture | None = None
    time: int = 0
    duration: int = 0
    follows_damage: bool = False
    opacity: NDArray[np.uint8] | None = None


@dataclass(frozen=True)
class MattedFrame:
    """The subject of a frame: ``alpha`` (H, W) uint8, or uint16 on demand; ``foreground`` (H, W, 3) uint8 BGR.

    ``trimap`` is None for networks that give none. ``states`` has what a recurrent network remembers of the frame, by
    its inputs.
    """

    frame: Frame
    alpha: Pixels
    foreground: Picture
    trimap: Trimap | None = None
    states: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    def with_alpha(self, alpha: Pixels) -> MattedFrame:
        """Return the frame with another alpha."""
        return replace(self, alpha=alpha)

    def within_input(self) -> MattedFrame:
        """Return the frame with an alpha of at most that of its input: what is transparent there stays so."""
        opacity: Pixels | None = self.frame.opacity
        if opacity is None:
            return self
        if self.alpha.dtype == np.uint16:
            opacity = opacity.astype(np.uint16) * np.uint16(257)
        return self.with_alpha(np.minimum(self.alpha, opacity))


@dataclass(frozen=True)
class Failure:
    """A frame that could not be matted, and why; the frames after it go on."""

    index: int
    error: OmzError
