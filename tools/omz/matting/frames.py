"""Frames on their way through matting, and their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from omz.errors import OmzError
from omz.images.arrays import Picture, Pixels
from omz.images.refining.repairs import NOTHING, Repairs
from omz.images.transparency import keep_transparency, over, shadow_levels_within
from omz.matting.network import Trimap
from omz.matting.plate_fitting import Fitted
from omz.runtime.engine import Tensor


@dataclass(frozen=True)
class Frame:
    """An image or a video frame, with its plate and the target behind its subject; of one size, but see ``fitted``.

    ``plate`` is None for a model that takes none, ``target`` for a subject on transparency. ``fitted`` says how
    the plate was fitted, where that was done; one that was moved may be smaller. ``index`` counts from 0 in the order
    of the source. ``time`` (a presentation timestamp) and ``duration`` are in units of the source.
    ``follows_damage`` says that something before the frame could not be decoded, and ``is_before_itself`` that the
    target is the scene itself, with all its shadows.

    An image with transparency has its own alpha as ``opacity``, (H, W) uint8 or uint16, and its own colours as
    ``colours``; its ``picture`` is what the network sees: the image before the plate, or before grey.
    """

    index: int
    picture: Picture
    plate: Picture | None = None
    target: Picture | None = None
    time: int = 0
    duration: int = 0
    follows_damage: bool = False
    opacity: Pixels | None = None
    colours: Picture | None = None
    fitted: Fitted | None = None
    is_before_itself: bool = False

    def with_opacity(self, opacity: Pixels | None) -> Frame:
        """Return the frame with the alpha that its image has itself, to be seen before its plate."""
        if opacity is None:
            return self
        return replace(self, picture=over(self.picture, opacity, self.plate), opacity=opacity, colours=self.picture)


@dataclass(frozen=True)
class MattedFrame:
    """The subject of a frame: ``alpha`` (H, W) uint8, or uint16 on demand; ``foreground`` (H, W, 3) uint8 BGR.

    ``trimap`` is None for networks that give none. ``states`` has what a recurrent network remembers of the frame, by
    its inputs. ``shadow`` (H, W), in the depth of alpha, is that of the subject as the alpha of black, if it is kept.
    ``repairs`` say what was done to alpha.
    """

    frame: Frame
    alpha: Pixels
    foreground: Picture
    trimap: Trimap | None = None
    states: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    shadow: Pixels | None = None
    repairs: Repairs = NOTHING

    @property
    def shadow_on_target(self) -> Pixels | None:
        """The shadow that falls on the target."""
        return None if self.frame.is_before_itself else self.shadow

    def with_alpha(self, alpha: Pixels) -> MattedFrame:
        """Return the frame with another alpha."""
        return replace(self, alpha=alpha)

    def within_input(self) -> MattedFrame:
        """Return the frame within the transparency of its input, see :func:`keep_transparency`."""
        opacity, colours = self.frame.opacity, self.frame.colours
        if opacity is None or colours is None:
            return self
        alpha, foreground = keep_transparency(self.alpha, self.foreground, opacity, colours)
        shadow = self.shadow
        if shadow is not None:
            shadow = shadow_levels_within(shadow, alpha, opacity)
        return replace(self, alpha=alpha, foreground=foreground, shadow=shadow)


@dataclass(frozen=True)
class Failure:
    """A frame that could not be matted, and why; the frames after it go on."""

    index: int
    error: OmzError
