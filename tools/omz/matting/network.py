"""A matting network in any engine: images in, float32 mattes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from omz.errors import ImageError
from omz.images.arrays import Alpha, Colours, Picture, Size
from omz.images.geometry import Fit, fit_inside, fit_padded, fit_stretched
from omz.images.sizes import picture_size
from omz.matting.readings import read_logits, read_output
from omz.matting.resolution import roles_of
from omz.matting.roles import Roles
from omz.matting.signature import input_size, picture_layout
from omz.runtime.engine import Engine, Tensor, TensorInfo, numpy_type

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard

STRETCHED = "standard"
"""Model API's ``resize_type`` of a network that sees the whole image stretched to its size."""

Trimap: TypeAlias = NDArray[np.float32]
"""(H, W, 3), 0 to 1: the probability of each of the network's three classes, in its order; they add up to 1."""

_COLOURS = 3
_SHRUNK = 512.0  # pixels of the longer side that a network with a ratio sees at first
MOST_SEEN = 32_000_000
"""Pixels of an image that a network of free size sees; it needs 170 bytes for each, and sees larger ones shrunk."""

_MULTIPLE = 16  # BackgroundMattingV2 halves sides four times; where one is odd on the way, its maps do not fit exactly
_GROWTH = 3.0  # times: from enlarging an image more, a network gains nothing


def stretches(engine: Engine, card: ModelCard | None = None) -> bool:
    """Tell whether a network sees whole images stretched to its size, by what its IR or its card says."""
    said = card is not None and card.model_info.resize_type == STRETCHED
    return said or getattr(engine, "resize_type", None) == STRETCHED


@dataclass(frozen=True)
class Matte:
    """``alpha`` (H, W) and ``foreground`` (H, W, 3) BGR, float32, 0 to 1, at the size of the image.

    ``trimap`` is None for networks that give none, and so is ``foreground``, unless it is estimated.
    """

    alpha: Alpha
    foreground: Colours | None = None
    trimap: Trimap | None = None


@dataclass(frozen=True)
class View:
    """The size at which a network sees images.

    A network of fixed size sees the image as large as fits, in proportion, or with ``stretch`` resized to that size by
    cubic interpolation. ``size`` (height, width) fixes that of a free network. ``side`` is the longer side at which it
    sees images: larger ones shrunk, and smaller ones enlarged, at most three times; unless ``enlarge``, those stay.
    """

    stretch: bool = False
    size: Size | None = None
    side: int | None = None
    enlarge: bool = True


OWN_SIZE = View()


class Pair(NamedTuple):
    """An image and its plate, (H, W, 3) uint8 BGR; ``plate`` is None for a network that takes none.

    With ``small``, the image at the size at which the network sees it, the plate has that size, too.
    """

    picture: Picture
    plate: Picture | None = None
    small: Picture | None = None


@dataclass(frozen=True)
class NetworkInput:
    """An image and its plate, a :class:`Pair`, and the tensors made of them, by the names of the inputs.

    ``fit`` says how they lie in the tensors; ``small`` and ``small_plate`` are the two as the network sees them.
    """

    picture: Picture
    plate: Picture | None
    small: Picture
    small_plate: Picture | None
    fit: Fit
    tensors: Mapping[str, Tensor]


class MattingNetwork:
    """Inputs and outputs of a matting network: fits images to its size, and makes mattes of its results.

    A network of free size sees an image at its own size, but at most :data:`MOST_SEEN` pixels, padded to a multiple of
    16 by repeating its edges, unless ``view`` says otherwise. ``size`` is (height, width), or None if the network sees
    each image at its own. ``roles`` are those of :func:`omz.matting.resolution.roles_of` unless given. Raises
    :class:`EngineError` for a model whose inputs and outputs matting does not know.
    """

    def __init__(self, engine: Engine, view: View = OWN_SIZE, roles: Roles | None = None) -> None:
        self.engine, self.roles = engine, roles or roles_of(engine)
        inputs = {info.name: info for info in engine.inputs}
        self._picture = inputs[self.roles.picture]
        self._plate = inputs.get(self.roles.plate)
        self._ratio = inputs.get(self.roles.ratio)
        self._states = [inputs[state.input] for state in self.roles.states]
        fixed = input_size(self._picture)
        self._is_free = -1 in fixed
        self.size, self._view = view.size if self._is_free else fixed, view

    @property
    def output_roles(self) -> Mapping[str, Literal["alpha", "foreground"]]:
        """The roles of the outputs that make the matte, by their names."""
        found: dict[str, Literal["alpha", "foreground"]] = {}
        if self.roles.foreground is not None:
            found[self.roles.foreground.name] = "foreground"
        return {**found, self.roles.alpha.name: "alpha"}

    @property
    def takes_plate(self) -> bool:
        """Whether the network takes a plate, and so needs one."""
        return self._plate is not None

    @property
    def gives_trimap(self) -> bool:
        """Whether mattes of the network have a trimap."""
        return self.roles.trimap is not None

    @property
    def sees_own_size(self) -> bool:
        """Whether the network sees images at their own size, up to :data:`MOST_SEEN` pixels."""
        return self.size is None and self._view.side is None

    @property
    def remembers(self) -> bool:
        """Whether the network is recurrent: a frame depends on those before it."""
        return bool(self._states)

    def __call__(self, picture: Picture, plate: Picture | None = None) -> Matte:
        """Matte ``picture``, with its ``plate`` if the network takes one: both (H, W, 3) uint8 BGR, of one size.

        Raises :class:`ImageError` for other arrays, and for a plate that is missing or too much.
        """
        given = self.fit(picture, plate)
        return self.matte(given, self.engine.infer(given.tensors))

    def fit(
        self,
        picture: Picture,
        plate: Picture | None = None,
        small: Picture | None = None,
        before: NetworkInput | None = None,
    ) -> NetworkInput:
        """Return the images, a :class:`Pair`, as the network takes them, with no frame before them.

        The plate's tensor of the input ``before`` is used again if the plate is the same array, unchanged. Raises
        :class:`ImageError` as :meth:`__call__` does.
        """
        _check("image", picture)
        if plate is None and self.takes_plate:
            raise ImageError("the model needs the plate; pass the same scene without the subject")
        if plate is not None and not self.takes_plate:
            raise ImageError("the model takes no plate; leave it out")
        fit = self._fit((picture.shape[0], picture.shape[1]))
        given = picture if small is None else small
        seen = fit.apply(given)
        small_plate: Picture | None = None
        tensors = {self._picture.name: picture_tensor(seen, self._picture)}
        if self._plate is not None and plate is not None:
            _check("plate", plate)
            if given.shape != plate.shape:
                sizes = f"image {picture_size(given)} and plate {picture_size(plate)}"
                raise ImageError(f"{sizes} differ in size; resize the plate")
            if before and before.plate is plate and before.fit == fit:
                small_plate, tensors[self._plate.name] = before.small_plate, before.tensors[self._plate.name]
            else:
                small_plate = fit.apply(plate)
                tensors[self._plate.name] = picture_tensor(small_plate, self._plate)
        if self._ratio is not None:
            tensors[self._ratio.name] = _ratio(self._ratio, fit.padded)
        for info in self._states:
            tensors[info.name] = np.zeros(_closed(info.shape), numpy_type(info.element_type))
        return NetworkInput(picture, plate, seen, small_plate, fit, tensors)

    def matte(self, given: NetworkInput, outputs: Mapping[str, Tensor], clipped: bool = True) -> Matte:
        """Return the matte made of the engine's ``outputs``.

        Unless ``clipped``, alpha may leave 0 to 1, as networks let it. Raises :class:`EngineError` for outputs of other
        sizes than the input.
        """
        roles, size = self.roles, given.fit.padded
        alpha = given.fit.undo(read_output(outputs, roles.alpha, 1, size)[..., 0])
        if clipped:
            alpha = np.clip(alpha, 0, 1)
        foreground = trimap = None
        if roles.foreground is not None:
            foreground = _full_foreground(given, read_output(outputs, roles.foreground, _COLOURS, size))
        if roles.trimap is not None:
            trimap = full_trimap(given.fit, read_logits(outputs, roles.trimap, size))
        return Matte(alpha, foreground, trimap)

    def states(self, outputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the inputs that remember a frame for the next, given the outputs for it, by their names."""
        return {state.input: outputs[state.output] for state in self.roles.states}

    def seen_size(self, size: Size) -> Size:
        """Return the size at which the network sees images of ``size``, (height, width) both."""
        return self._fit(size).inner

    def shapes(self, size: Size) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the inputs for one image of ``size`` (height, width) and its plate, by their names."""
        padded = (*self._fit(size).padded, _COLOURS)
        pictures = [info for info in (self._picture, self._plate) if info is not None]
        return {info.name: _shape(picture_layout(info), padded) for info in pictures}

    def _fit(self, size: Size) -> Fit:
        if self.size is None:
            growth = _GROWTH if self._view.enlarge else 1.0
            return fit_padded(size, _MULTIPLE, MOST_SEEN, self._view.side, growth)
        if self._view.stretch:
            return fit_stretched(size, self.size)
        return fit_inside(size, self.size, _MULTIPLE if self._is_free else 1)


def full_trimap(fit: Fit, logits: NDArray[np.float32]) -> Trimap:
    """Return the softmax of the network's logits, (h, w, 3), at the size of the image.

    Logits are resized, not their softmax, which cubic interpolation could bring below 0 and above 1.
    """
    full = fit.undo(np.ascontiguousarray(logits))
    likely = np.exp(full - full.max(axis=2, keepdims=True))
    return likely / likely.sum(axis=2, keepdims=True)


def picture_tensor(picture: Picture | Colours, info: TensorInfo) -> Tensor:
    """Return a picture, (H, W, 3), in the layout and type of an input: float32, or uint8."""
    kind: type[np.uint8 | np.float32] = np.float32
    if info.element_type == "u8":
        kind = np.uint8
    layout = picture_layout(info)
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


def _closed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without open dimensions: 1 takes the place of each."""
    return tuple(max(side, 1) for side in shape)


def _ratio(info: TensorInfo, size: Size) -> Tensor:
    """Return by how much a network is to shrink a picture of ``size`` at first: to 512 pixels in the longer side."""
    return np.full(_closed(info.shape), min(1.0, _SHRUNK / max(size)), numpy_type(info.element_type))


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


def _check(role: str, image: Picture) -> None:
    """Raise :class:`ImageError` unless the array is an image."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ImageError(f"the {role} is {image.dtype} {list(image.shape)}, not uint8 [height, width, 3]")
