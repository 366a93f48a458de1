"""Pictures in, mattes out, whatever engine runs the model."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from omz.errors import EngineError, ImageError
from omz.images.arrays import Alpha, Colours, Picture
from omz.images.geometry import Fit, fit_inside, fit_padded
from omz.runtime.engine import Engine, Tensor, TensorInfo

_MULTIPLE = 4  # the refiner works in blocks of 4x4 pixels


@dataclass(frozen=True)
class Matte:
    """``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, float32, 0 to 1, at the size of the picture."""

    alpha: Alpha
    foreground: Colours


class Matter:
    """Takes the subject out of a picture, given the plate: the same scene without the subject.

    A model of free size sees a picture at its own size, padded by its edges to what the network needs; one of fixed
    size sees it as large as fits, proportions kept. Raises :class:`EngineError` for a model that mattes otherwise.
    """

    def __init__(self, engine: Engine) -> None:
        names = [info.name for info in engine.inputs]
        if sorted(names) != ["bgr", "src"] or not {"pha", "fgr"} <= set(engine.outputs):
            raise EngineError(
                f"the model takes {', '.join(names)} and gives {', '.join(engine.outputs)}; "
                "background matting takes src and bgr, and gives pha and fgr"
            )
        self._engine = engine
        self._inputs = {info.name: info for info in engine.inputs}
        height, width = (engine.inputs[0].shape[_layout(engine.inputs[0]).index(side)] for side in "HW")
        if (height == -1) != (width == -1):
            raise EngineError(f"the model takes {width}x{height}; both sides must be free (-1), or both fixed")
        self._fixed_size = None if height == -1 else (height, width)

    def __call__(self, picture: Picture, plate: Picture) -> Matte:
        """Matte ``picture`` against ``plate``: both (H, W, 3) uint8 BGR, of the same size."""
        for name, image in (("picture", picture), ("plate", plate)):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
                raise ImageError(f"the {name} is {image.dtype} {list(image.shape)}, not uint8 [height, width, 3]")
        if picture.shape != plate.shape:
            raise ImageError(f"picture {_size(picture)} and plate {_size(plate)} differ in size; resize the plate")
        fit = self._fit(picture)
        small = fit.apply(picture)
        results = self._engine.infer(
            {"src": _tensor(small, self._inputs["src"]), "bgr": _tensor(fit.apply(plate), self._inputs["bgr"])}
        )
        alpha = np.clip(fit.undo(results["pha"][0, 0]), 0, 1)
        foreground = cv2.cvtColor(results["fgr"][0].transpose(1, 2, 0), cv2.COLOR_RGB2BGR)
        return Matte(alpha, self._full_foreground(fit, picture, small, foreground))

    def _fit(self, picture: Picture) -> Fit:
        size = picture.shape[0], picture.shape[1]
        return fit_inside(size, self._fixed_size) if self._fixed_size else fit_padded(size, _MULTIPLE)

    @staticmethod
    def _full_foreground(fit: Fit, picture: Picture, small: Picture, foreground: Colours) -> Colours:
        """Return the foreground at the picture's size.

        Where the network saw the picture at another size, only what it changed is resized and added to the picture,
        which so keeps its detail.
        """
        if not fit.is_resized:
            return np.clip(fit.undo(foreground), 0, 1)
        change = fit.undo(foreground - small.astype(np.float32) * np.float32(1 / 255))
        return np.clip(picture.astype(np.float32) * np.float32(1 / 255) + change, 0, 1)


def _layout(info: TensorInfo) -> str:
    return info.layout if sorted(info.layout) == sorted("NCHW") else "NCHW"


def _tensor(picture: Picture, info: TensorInfo) -> Tensor:
    """Return a picture in the layout and type that an input takes: float32, or as it is."""
    tensor = picture[None].transpose(["NHWC".index(side) for side in _layout(info)])
    return np.ascontiguousarray(tensor, np.uint8 if info.element_type == "u8" else np.float32)


def _size(picture: Picture) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
