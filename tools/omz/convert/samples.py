"""Seeded inputs for a model, to compare its variants."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omz.errors import ConversionError, OmzError
from omz.matting.resolution import resolve
from omz.matting.roles import NOTHING_SAID, described
from omz.runtime.openvino_engine import facts_of, layout_letters, output_infos, port_info
from omz.runtime.quiet_openvino import ov
from omz.synthesis.scene import Scene, make_scene

Sample = dict[str, NDArray[Any]]

_SMALL = (256, 320)  # height and width; networks can halve it six times
_SIZES = (_SMALL, (320, 192), (384, 512), (720, 1280))
_OPEN = {"N": 1, "C": 3}
_OPEN_OTHERWISE = 16
_COLOURS = 3
_RATIO = 0.5
_SERIES = "parity"


def sample_inputs(model: ov.Model, count: int) -> Iterator[Sample]:
    """Yield ``count`` sets of inputs, always the same; if height and width are open, their sizes differ.

    Inputs with three channels are images, 0 to 255: in turn the image and the plate of a synthetic scene. Other floats
    are uniform in 0 to 1, integers 0 or 1. An open side of a state is 1, and a ratio is a half. Raises
    :class:`ConversionError` for inputs that are not numbers.
    """
    states, ratio = _states_and_ratio(model)
    for index in range(count):
        rng = np.random.default_rng(index)
        pictures = 0
        sample = {}
        for port in model.inputs:
            layout = _layout(port)
            shape = _shape(port.get_partial_shape(), layout, _SIZES[index % len(_SIZES)])
            dtype = _dtype(port, model.get_friendly_name())
            values: NDArray[Any]
            if port.any_name in states:
                values = rng.random([side.get_length() if side.is_static else 1 for side in port.get_partial_shape()])
            elif port.any_name == ratio:
                values = np.full(shape, _RATIO)
            elif _takes_pictures(layout, shape):
                values = _pictures(layout, shape, index, pictures)
                pictures += 1
            elif dtype.kind == "f":
                values = rng.random(shape)
            else:
                values = rng.integers(0, 2, shape)
            sample[port.any_name] = values.astype(dtype)
        yield sample


def _states_and_ratio(model: ov.Model) -> tuple[set[str], str]:
    """Return the names of inputs that are no pictures, of a network whose roles are known."""
    try:
        roles = resolve(
            tuple(map(port_info, model.inputs)), output_infos(model), described(facts_of(model)), NOTHING_SAID
        )
    except OmzError:
        return set(), ""
    return {state.input for state in roles.states}, roles.ratio


def smaller_shapes(model: ov.Model) -> dict[str, ov.PartialShape]:
    """Return 320x256 or 256x320 as the shapes of all inputs that take images of a larger fixed size, by name."""
    shapes = {}
    for port in model.inputs:
        layout, shape = _layout(port), port.get_partial_shape()
        if shape.is_dynamic or not _takes_pictures(layout, tuple(shape.to_shape())):
            continue
        sides = dict(zip(layout, shape.to_shape(), strict=True))
        if sides["H"] * sides["W"] > _SMALL[0] * _SMALL[1]:
            sides["H"], sides["W"] = _SMALL if sides["W"] >= sides["H"] else reversed(_SMALL)
            shapes[port.any_name] = ov.PartialShape(list(sides.values()))
    return shapes


def _dtype(port: Any, title: str) -> np.dtype[Any]:
    kind = port.get_element_type()
    try:
        return np.dtype(kind.to_dtype())
    except (IndexError, RuntimeError, TypeError) as error:
        raise ConversionError(
            f"{title}: input {port.any_name} takes {kind.get_type_name()}, for which samples cannot be made; "
            "skip the comparison with --check none"
        ) from error


def _layout(port: Any) -> str:
    """Return the layout that the model tells, or the usual one of images of this rank."""
    shape = port.get_partial_shape()
    told = layout_letters(port.get_node().get_layout())
    if told and "?" not in told:
        return told
    if shape.rank.is_static and len(shape) == len("NCHW"):
        last = str(shape[3]) == str(_COLOURS) and str(shape[1]) != str(_COLOURS)
        return "NHWC" if last else "NCHW"
    return ""


def _shape(shape: ov.PartialShape, layout: str, size: tuple[int, int]) -> tuple[int, ...]:
    if shape.rank.is_dynamic:
        return ()
    usual = {**_OPEN, "H": size[0], "W": size[1]}
    sides = []
    for axis, side in enumerate(shape):
        if side.is_static:
            sides.append(side.get_length())
            continue
        otherwise = _OPEN_OTHERWISE if layout or axis else 1
        wanted = max(usual.get(layout[axis : axis + 1], otherwise), side.min_length)
        if side.max_length > 0:
            wanted = min(wanted, side.max_length)
        sides.append(wanted)
    return tuple(sides)


def _takes_pictures(layout: str, shape: tuple[int, ...]) -> bool:
    return sorted(layout) == sorted("NCHW") and len(shape) == len(layout) and shape[layout.index("C")] == _COLOURS


def _pictures(layout: str, shape: tuple[int, ...], index: int, turn: int) -> NDArray[Any]:
    """Return a batch of images, or of plates if ``turn`` is odd."""
    sides = dict(zip(layout, shape, strict=True))
    count, height, width = sides["N"], sides["H"], sides["W"]
    images = []
    for number in range(count):
        scene = _scene(index * count + number + 1000 * (turn // 2), height, width)
        images.append(scene.plate if turn % 2 else scene.picture)
    return np.stack(images).transpose(*map("NHWC".index, layout))


@functools.lru_cache(4)  # image and plate come from one scene, and many models take the same size
def _scene(index: int, height: int, width: int) -> Scene:
    return make_scene(index, (height, width), _SERIES)
