"""Results of matting an image."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from PIL import Image

from omz.errors import UsageError
from omz.images.arrays import Alpha, Colours, Picture, Pixels
from omz.images.compositing import blur_behind, cutout_levels, to_uint8
from omz.images.files import WITH_ALPHA, check_result, write_picture
from omz.images.given import load_image
from omz.images.placing import Placing
from omz.images.sizes import size_text
from omz.images.source import SourceImage
from omz.images.transparency import before_white, compose, premultiplied, shadow_levels_within
from omz.matting.backgrounds import TRANSPARENT, Blur, ImageTarget, Target, load_target
from omz.matting.network import Matte, Trimap


@dataclass(frozen=True, kw_only=True)
class ImageMatte(Matte):
    """The matte of an image, at its size: ``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, float32, 0 to 1.

    ``trimap`` is None for networks that give none. ``shadow`` (H, W), 0 to 1, is that of the subject as the alpha of
    black, of a model that keeps shadows; cutouts and composites have it under the subject. ``source`` is the image, and
    ``seen`` what the network saw of it. Results have the pixels of the command ``omz_demo``.
    """

    alpha: Alpha
    foreground: Colours
    trimap: Trimap | None = None
    shadow: Alpha | None = None
    source: SourceImage
    seen: Picture

    def __repr__(self) -> str:
        """Return the size, and not millions of pixels."""
        return f"<{type(self).__name__} {size_text(*self.alpha.shape)}>"

    def cutout(self) -> Image.Image:
        """Return the subject on transparency, RGBA with straight alpha."""
        return self._as_pillow(self._result(None, "cover"))

    def composite(self, target: Any, fit: Placing = "cover") -> Image.Image:
        """Return the subject before a target, RGB; RGBA where the target is partly transparent.

        ``target`` is an image as a model takes it, or text as for ``omz_demo --target``: a path, a colour, ``blur`` or
        ``blur:25``. ``fit`` places a target of another size. Raises :class:`omz.errors.OmzError`.
        """
        if target is None:
            raise UsageError("a composite needs a target; give an image or a colour, or use cutout()")
        return self._as_pillow(self._result(target, fit))

    def save(self, path: str | os.PathLike[str], target: Any = None, fit: Placing = "cover") -> None:
        """Write the cutout, or the composite before a ``target``, with the metadata of the image.

        The suffix of ``path`` is the format, which a cutout needs to have transparency, as PNG and WebP do; elsewhere,
        what is transparent in a target lies before white. Raises :class:`omz.errors.OmzError` if the format cannot hold
        it, or it cannot be written.
        """
        path = Path(path)
        if target is None or (isinstance(target, str) and target == TRANSPARENT):
            check_result(path.suffix, "cutout")
        picture = self._result(target, fit)
        if path.suffix.lower() not in WITH_ALPHA:
            picture = before_white(picture)
        write_picture(path, picture, self.source.metadata)

    def _result(self, target: Any, fit: Placing) -> Pixels:
        alpha, foreground = to_uint8(self.alpha), to_uint8(self.foreground)
        shadow: Pixels | None = None
        if self.shadow is not None:
            shadow = shadow_levels_within(to_uint8(self.shadow), alpha, self.source.opacity)
        loaded = None if target is None else _loaded(target, fit)
        if loaded is None:
            return cutout_levels(alpha, foreground, shadow)
        if isinstance(loaded, Blur):  # the image itself, with its shadow
            blurred = blur_behind(self.seen, alpha, loaded.pixels)
            return compose(alpha, foreground, premultiplied(blurred, self.source.opacity))
        return compose(alpha, foreground, loaded.at(0, 0.0, (alpha.shape[0], alpha.shape[1])), shadow)

    def _as_pillow(self, picture: Pixels) -> Image.Image:
        has_alpha = picture.shape[2] == 4
        image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if has_alpha else cv2.COLOR_BGR2RGB))
        if self.source.metadata.icc:
            image.info["icc_profile"] = self.source.metadata.icc
        return image


def _loaded(target: Any, fit: Placing) -> Target | Blur | None:
    """Return a target, given as text or as an image; None for transparency."""
    if isinstance(target, (str, os.PathLike)):
        return load_target(os.fsdecode(target), fit)
    image = load_image(target)
    return ImageTarget(premultiplied(image.picture, image.opacity), fit)
