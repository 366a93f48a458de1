"""Pictures in, mattes out, whatever engine runs the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import EngineError, ImageError
from omz.images.arrays import Alpha, Colours, Picture, Size
from omz.images.geometry import Fit, fit_inside, fit_padded, fit_stretched
from omz.runtime.engine import Engine, Tensor, TensorInfo

PLATE = "bgr"
"""What networks call the plate: their *background*, which has nothing to do with the order of colours."""
STRETCHED = "standard"
"""What Model API calls it (``resize_type``) that a network sees the whole picture stretched to its size."""

Trimap: TypeAlias = NDArray[np.float32]
"""(H, W, 3), 0 to 1: how likely a pixel is of each of the network's three classes, in its order; their sum is 1."""

ALPHAS = ("pha", "alpha")
"""What networks call alpha; a model has one of the two."""
FOREGROUND = "fgr"
"""What networks call the colours of the foreground, RGB."""
TRIMAP = "trimap"
"""What networks call the logits of their trimap."""

_CHANNELS = {**dict.fromkeys(ALPHAS, 1), FOREGROUND: 3, TRIMAP: 3}
_MULTIPLE = 4  # the refiner works in blocks of 4x4 pixels


@dataclass(frozen=True)
class Matte:
    """``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, float32, 0 to 1, at the size of the picture; ``trimap`` too.

    ``foreground`` and ``trimap`` are None where the network gives none.
    """

    alpha: Alpha
    foreground: Colours | None = None
    trimap: Trimap | None = None


@dataclass(frozen=True)
class Shown:
    """Picture and plate, how they were fitted into what a network sees, and the engine's inputs by name.

    ``small`` is the picture as the network sees it.
    """

    picture: Picture
    plate: Picture | None
    small: Picture
    fit: Fit
    tensors: Mapping[str, Tensor]


class Matter:
    """Takes the subject out of a picture, given the plate where the model takes one: the scene without the subject.

    A model of free size sees a picture at its own size, padded by its edges to what the network needs; one of fixed
    size sees it as large as fits, proportions kept, or with ``stretch`` the whole of it stretched to that size, by
    cubic interpolation. ``size`` (height, width) fixes that of a model of free size. Raises :class:`EngineError` for a
    model that mattes otherwise.
    """

    def __init__(self, engine: Engine, stretch: bool = False, size: Size | None = None) -> None:
        pictures = [info for info in engine.inputs if info.name != PLATE]
        alphas = [name for name in ALPHAS if name in engine.outputs]
        if len(pictures) != 1 or len(engine.inputs) > 2 or not all(map(_is_picture, engine.inputs)) or not alphas:
            raise EngineError(
                f"the model takes {', '.join(info.name for info in engine.inputs)} and gives "
                f"{', '.join(engine.outputs)}; matting takes a picture, or a picture and the plate {PLATE}, and gives "
                f"{' or '.join(ALPHAS)}"
            )
        self.engine = engine
        self._picture = pictures[0]
        self._plate = next((info for info in engine.inputs if info.name == PLATE), None)
        self._alpha = alphas[0]
        height, width = (self._picture.shape[layout_of(self._picture).index(side)] for side in "HW")
        if (height == -1) != (width == -1):
            raise EngineError(f"the model takes {width}x{height}; both sides must be free (-1), or both fixed")
        self._fixed_size = size if height == -1 else (height, width)
        self._fit_fixed = fit_stretched if stretch else fit_inside

    @property
    def size(self) -> Size | None:
        """The size (height, width) at which the model sees every picture; None where it sees each at its own."""
        return self._fixed_size

    @property
    def roles(self) -> Mapping[str, Literal["alpha", "foreground"]]:
        """What the outputs are that make the matte, by their names."""
        foreground: dict[str, Literal["alpha", "foreground"]] = {FOREGROUND: "foreground"}
        return {self._alpha: "alpha", **(foreground if FOREGROUND in self.engine.outputs else {})}

    @property
    def alpha(self) -> str:
        """The name of the output that is alpha."""
        return self._alpha

    @property
    def takes_plate(self) -> bool:
        """Whether the model needs the plate; one that does not takes none."""
        return self._plate is not None

    @property
    def gives_trimap(self) -> bool:
        """Whether mattes of the model have a trimap."""
        return TRIMAP in self.engine.outputs

    def __call__(self, picture: Picture, plate: Picture | None = None) -> Matte:
        """Matte ``picture``, against ``plate`` where the model takes one: both (H, W, 3) uint8 BGR, of the same size.

        Raises :class:`ImageError` for what is no such picture, a plate that is missing, or one that is not needed.
        """
        shown = self.show(picture, plate)
        return self.matte(shown, self.engine.infer(shown.tensors))

    def show(self, picture: Picture, plate: Picture | None = None, before: Shown | None = None) -> Shown:
        """Return the pictures as the engine takes them; see :meth:`__call__`.

        What was made of the plate ``before`` serves again, if it is the same array and was not changed since.
        """
        _check("picture", picture)
        if (plate is None) == self.takes_plate:
            raise ImageError("the model needs the plate; give it, too" if plate is None else "the model takes no plate")
        fit = self._fit((picture.shape[0], picture.shape[1]))
        small = fit.apply(picture)
        tensors = {self._picture.name: picture_tensor(small, self._picture)}
        if self._plate is not None and plate is not None:
            _check("plate", plate)
            if picture.shape != plate.shape:
                raise ImageError(f"picture {_size(picture)} and plate {_size(plate)} differ in size; resize the plate")
            if before and before.plate is plate and before.fit == fit:
                tensors[PLATE] = before.tensors[PLATE]
            else:
                tensors[PLATE] = picture_tensor(fit.apply(plate), self._plate)
        return Shown(picture, plate, small, fit, tensors)

    def matte(self, shown: Shown, outputs: Mapping[str, Tensor], clipped: bool = True) -> Matte:
        """Return the matte that the engine's ``outputs`` for ``shown`` make.

        Without ``clipped`` alpha stays as the network gives it, which may leave 0 to 1. Raises :class:`EngineError` for
        outputs that are no pictures of the size that was shown.
        """
        fit, results = shown.fit, _images(outputs, shown.fit.padded)
        alpha = fit.undo(results[self._alpha][..., 0])
        foreground = results.get(FOREGROUND)
        return Matte(
            np.clip(alpha, 0, 1) if clipped else alpha,
            None if foreground is None else _full_foreground(fit, shown.picture, shown.small, foreground),
            full_trimap(fit, results[TRIMAP]) if TRIMAP in results else None,
        )

    def shape(self, info: TensorInfo, size: Size) -> tuple[int, ...]:
        """Return the shape in which an input takes one picture of ``size`` (height, width)."""
        height, width = self._fit(size).padded
        sides = {"N": 1, "C": 3, "H": height, "W": width}
        return tuple(sides[side] for side in layout_of(info))

    def _fit(self, size: Size) -> Fit:
        return self._fit_fixed(size, self._fixed_size) if self._fixed_size else fit_padded(size, _MULTIPLE)


def _images(results: Mapping[str, Tensor], size: Size) -> dict[str, NDArray[np.float32]]:
    """Return those outputs that have to do with matting, (1, channels, h, w), as (h, w, channels)."""
    images = {}
    for name, channels in _CHANNELS.items():
        if name in results:
            expected, shape = (1, channels, *size), results[name].shape
            if shape != expected:
                raise EngineError(f"the model's output {name} is {list(shape)}; matting gives {list(expected)}")
            images[name] = results[name][0].transpose(1, 2, 0)
    return images


def _full_foreground(fit: Fit, picture: Picture, small: Picture, rgb: NDArray[np.float32]) -> Colours:
    """Return the network's foreground, (h, w, 3) RGB, at the picture's size.

    Where the network saw the picture at another size, only what it changed is resized and added to the picture, which
    so keeps its detail.
    """
    foreground = cv2.merge([rgb[..., channel] for channel in (2, 1, 0)])  # planes lie apart in what networks give
    if not fit.is_resized:
        undone = fit.undo(foreground)
        return np.clip(undone, 0, 1, out=undone)
    change = fit.undo(foreground - small.astype(np.float32) * np.float32(1 / 255))
    return np.clip(picture.astype(np.float32) * np.float32(1 / 255) + change, 0, 1)


def full_trimap(fit: Fit, logits: NDArray[np.float32]) -> Trimap:
    """Return the softmax of the network's logits, (h, w, 3), at the picture's size.

    Logits are resized, not their softmax, which cubic interpolation could bring below 0 and above 1.
    """
    full = fit.undo(np.ascontiguousarray(logits))
    likely = np.exp(full - full.max(axis=2, keepdims=True))
    return likely / likely.sum(axis=2, keepdims=True)


def _is_picture(info: TensorInfo) -> bool:
    return len(info.shape) == 4 and info.shape[layout_of(info).index("C")] in (-1, 3)


def layout_of(info: TensorInfo) -> str:
    """Return the layout of an input; NCHW where none of four letters is told."""
    return info.layout if sorted(info.layout) == sorted("NCHW") else "NCHW"


def picture_tensor(picture: Picture | Colours, info: TensorInfo) -> Tensor:
    """Return a picture, (H, W, 3), in the layout and type that an input takes: float32, or uint8."""
    layout, kind = layout_of(info), np.uint8 if info.element_type == "u8" else np.float32
    if layout == "NHWC" and picture.dtype == kind:
        return np.ascontiguousarray(picture)[None]
    tensor = np.empty([dict(zip("NHWC", picture[None].shape, strict=True))[side] for side in layout], kind)
    planes = tensor.transpose([layout.index(side) for side in "NHWC"])[0]
    for channel, plane in enumerate(cv2.split(picture)):  # many times as fast as what numpy does with three channels
        planes[..., channel] = plane
    return tensor


def _check(role: str, image: Picture) -> None:
    """Raise where an image is no picture."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ImageError(f"the {role} is {image.dtype} {list(image.shape)}, not uint8 [height, width, 3]")


def _size(picture: Picture) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
