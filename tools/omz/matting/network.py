"""A matting network in any engine: images in, float32 mattes out."""

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
from omz.images.sizes import picture_size
from omz.runtime.engine import Engine, Tensor, TensorInfo

PLATE = "bgr"
"""The name networks give the plate: their *background*, not a colour order."""
STRETCHED = "standard"
"""Model API's ``resize_type`` of a network that sees the whole image stretched to its size."""
ALPHAS = ("pha", "alpha")
"""The names networks give alpha; each has one of the two."""
FOREGROUND = "fgr"
"""The name networks give the foreground, RGB."""
TRIMAP = "trimap"
"""The name networks give the logits of their trimap."""

Trimap: TypeAlias = NDArray[np.float32]
"""(H, W, 3), 0 to 1: the probability of each of the network's three classes, in its order; they add up to 1."""

_CHANNELS = {**dict.fromkeys(ALPHAS, 1), FOREGROUND: 3, TRIMAP: 3}
_MULTIPLE = 4  # the refiner works in blocks of 4x4 pixels


@dataclass(frozen=True)
class Matte:
    """``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, float32, 0 to 1, at the size of the image.

    ``trimap`` is None for networks that give none, and so is ``foreground``, unless it is estimated.
    """

    alpha: Alpha
    foreground: Colours | None = None
    trimap: Trimap | None = None


@dataclass(frozen=True)
class NetworkInput:
    """An image and its plate, and the tensors made of them, by the names of the inputs.

    ``fit`` says how they lie in the tensors; ``small`` is the image as the network sees it.
    """

    picture: Picture
    plate: Picture | None
    small: Picture
    fit: Fit
    tensors: Mapping[str, Tensor]


class MattingNetwork:
    """Inputs and outputs of a matting network: fits images to its size, and makes mattes of its results.

    A network of free size sees an image at its own size, padded to a multiple of 4 by repeating its edges. A network of
    fixed size sees the image as large as fits, in proportion, or with ``stretch`` resized to that size by cubic
    interpolation. ``size`` (height, width) fixes that of a free network; the attribute is None if the network sees each
    image at its own. ``alpha`` is the name of that output. Raises :class:`EngineError` for a model with other inputs or
    outputs.
    """

    def __init__(self, engine: Engine, stretch: bool = False, size: Size | None = None) -> None:
        inputs = {info.name: info for info in engine.inputs}
        names = ", ".join(inputs)
        self._plate = inputs.pop(PLATE, None)
        alphas = [name for name in ALPHAS if name in engine.outputs]
        if len(inputs) != 1 or not all(map(_is_picture, engine.inputs)) or not alphas:
            raise EngineError(
                f"the model takes {names} and gives {', '.join(engine.outputs)}; matting takes an image, or an image "
                f"and the plate {PLATE}, and gives {' or '.join(ALPHAS)}"
            )
        self.engine, self.alpha = engine, alphas[0]
        [self._picture] = inputs.values()
        layout = layout_of(self._picture)
        height, width = self._picture.shape[layout.index("H")], self._picture.shape[layout.index("W")]
        if (height == -1) != (width == -1):
            raise EngineError(f"the model takes {width}x{height}; both sides must be free (-1), or both fixed")
        if height != -1:
            size = height, width
        self.size, self._stretch = size, stretch

    @property
    def roles(self) -> Mapping[str, Literal["alpha", "foreground"]]:
        """The roles of the outputs that make the matte, by their names."""
        roles: dict[str, Literal["alpha", "foreground"]] = {self.alpha: "alpha"}
        if FOREGROUND in self.engine.outputs:
            roles[FOREGROUND] = "foreground"
        return roles

    @property
    def takes_plate(self) -> bool:
        """Whether the network takes a plate, and so needs one."""
        return self._plate is not None

    @property
    def gives_trimap(self) -> bool:
        """Whether mattes of the network have a trimap."""
        return TRIMAP in self.engine.outputs

    def __call__(self, picture: Picture, plate: Picture | None = None) -> Matte:
        """Matte ``picture``, with its ``plate`` if the network takes one: both (H, W, 3) uint8 BGR, of one size.

        Raises :class:`ImageError` for other arrays, and for a plate that is missing or too much.
        """
        given = self.fit(picture, plate)
        return self.matte(given, self.engine.infer(given.tensors))

    def fit(self, picture: Picture, plate: Picture | None = None, before: NetworkInput | None = None) -> NetworkInput:
        """Return the images as the network takes them; see :meth:`__call__`.

        The plate's tensor of the input ``before`` is used again if the plate is the same array, unchanged.
        """
        _check("image", picture)
        if plate is None and self.takes_plate:
            raise ImageError("the model needs the plate; pass the same scene without the subject")
        if plate is not None and not self.takes_plate:
            raise ImageError("the model takes no plate; leave it out")
        fit = self._fit((picture.shape[0], picture.shape[1]))
        small = fit.apply(picture)
        tensors = {self._picture.name: picture_tensor(small, self._picture)}
        if self._plate is not None and plate is not None:
            _check("plate", plate)
            if picture.shape != plate.shape:
                sizes = f"image {picture_size(picture)} and plate {picture_size(plate)}"
                raise ImageError(f"{sizes} differ in size; resize the plate")
            if before and before.plate is plate and before.fit == fit:
                tensors[PLATE] = before.tensors[PLATE]
            else:
                tensors[PLATE] = picture_tensor(fit.apply(plate), self._plate)
        return NetworkInput(picture, plate, small, fit, tensors)

    def matte(self, given: NetworkInput, outputs: Mapping[str, Tensor], clipped: bool = True) -> Matte:
        """Return the matte made of the engine's float32 ``outputs``, which are NCHW.

        Unless ``clipped``, alpha may leave 0 to 1, as networks let it. Raises :class:`EngineError` for outputs of other
        sizes than the input.
        """
        images = _images(outputs, given.fit.padded)
        alpha = given.fit.undo(images[self.alpha][..., 0])
        if clipped:
            alpha = np.clip(alpha, 0, 1)
        foreground = trimap = None
        if FOREGROUND in images:
            foreground = _full_foreground(given, images[FOREGROUND])
        if TRIMAP in images:
            trimap = full_trimap(given.fit, images[TRIMAP])
        return Matte(alpha, foreground, trimap)

    def shape(self, info: TensorInfo, size: Size) -> tuple[int, ...]:
        """Return the shape of an input for one image of ``size`` (height, width)."""
        return _shape(layout_of(info), (*self._fit(size).padded, 3))

    def _fit(self, size: Size) -> Fit:
        if self.size is None:
            return fit_padded(size, _MULTIPLE)
        if self._stretch:
            return fit_stretched(size, self.size)
        return fit_inside(size, self.size)


def full_trimap(fit: Fit, logits: NDArray[np.float32]) -> Trimap:
    """Return the softmax of the network's logits, (h, w, 3), at the size of the image.

    Logits are resized, not their softmax, which cubic interpolation could bring below 0 and above 1.
    """
    full = fit.undo(np.ascontiguousarray(logits))
    likely = np.exp(full - full.max(axis=2, keepdims=True))
    return likely / likely.sum(axis=2, keepdims=True)


def check_output(name: str, shape: tuple[int, ...], size: Size, is_nhwc: bool = False) -> None:
    """Raise :class:`EngineError` unless an output, NCHW or NHWC, is one image of ``size`` (height, width)."""
    expected: tuple[int, ...] = (1, _CHANNELS[name], *size)
    if is_nhwc:
        expected = (1, *size, _CHANNELS[name])
    if shape != expected:
        raise EngineError(f"the model's output {name} is {list(shape)}; matting gives {list(expected)}")


def layout_of(info: TensorInfo) -> str:
    """Return the layout of an input, NCHW unless it says another order of these letters."""
    if sorted(info.layout) == sorted("NCHW"):
        return info.layout
    return "NCHW"


def picture_tensor(picture: Picture | Colours, info: TensorInfo) -> Tensor:
    """Return a picture, (H, W, 3), in the layout and type of an input: float32, or uint8."""
    kind: type[np.uint8 | np.float32] = np.float32
    if info.element_type == "u8":
        kind = np.uint8
    layout = layout_of(info)
    if layout == "NHWC" and picture.dtype == kind:
        return np.ascontiguousarray(picture)[None]
    tensor = np.empty(_shape(layout, picture.shape), kind)
    planes = tensor.transpose(list(map(layout.index, "NHWC")))[0]
    for channel, plane in enumerate(cv2.split(picture)):  # many times as fast as numpy with three channels
        planes[..., channel] = plane
    return tensor


def _shape(layout: str, picture: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a tensor for one picture of a shape (height, width, channels)."""
    sides = dict(zip("NHWC", (1, *picture), strict=True))
    return tuple(sides[side] for side in layout)


def _images(outputs: Mapping[str, Tensor], size: Size) -> dict[str, NDArray[np.float32]]:
    """Return the outputs that make a matte, (1, channels, h, w), as (h, w, channels)."""
    images = {}
    for name in _CHANNELS:
        if name not in outputs:
            continue
        check_output(name, outputs[name].shape, size)
        images[name] = outputs[name][0].transpose(1, 2, 0)
    return images


def _full_foreground(given: NetworkInput, rgb: NDArray[np.float32]) -> Colours:
    """Return the network's foreground, (h, w, 3) RGB, at the size of the image.

    If the network saw the image resized, only its change to the image is resized and added, so that detail stays.
    """
    foreground = cv2.merge([rgb[..., 2], rgb[..., 1], rgb[..., 0]])  # planes lie apart in what networks give
    if not given.fit.is_resized:
        undone = given.fit.undo(foreground)
        return np.clip(undone, 0, 1, out=undone)
    change = given.fit.undo(foreground - given.small.astype(np.float32) * np.float32(1 / 255))
    return np.clip(given.picture.astype(np.float32) * np.float32(1 / 255) + change, 0, 1)


def _is_picture(info: TensorInfo) -> bool:
    return len(info.shape) == 4 and info.shape[layout_of(info).index("C")] in (-1, 3)


def _check(role: str, image: Picture) -> None:
    """Raise :class:`ImageError` unless the array is an image."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ImageError(f"the {role} is {image.dtype} {list(image.shape)}, not uint8 [height, width, 3]")
