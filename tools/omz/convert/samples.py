"""Seeded inputs for a model, to compare its variants."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omz.errors import ConversionError, OmzError

if TYPE_CHECKING:
    from omz.runtime.quiet_openvino import ov
    from omz.synthesis.scene import Scene

Sample = dict[str, NDArray[Any]]

_SMALL = (256, 320)  # height and width; networks can halve it six times
_SIZES = (_SMALL, (320, 192), (384, 512), (720, 1280))
_OPEN = {"N": 1, "C": 3}
_OPEN_OTHERWISE = 16
_COLOURS = 3
_RATIO = 0.5
_SERIES = "parity"


@dataclass(frozen=True)
class InputSpec:
    """An input of a model: the letters of its layout, empty if unknown, and numpy's name of its type.

    ``sides`` has the least and the most of each dimension, -1 for no limit. ``role`` is ``state``, ``ratio``, or empty.
    """

    name: str
    layout: str
    sides: tuple[tuple[int, int], ...]
    dtype: str
    role: str = ""


def input_specs(model: ov.Model) -> tuple[InputSpec, ...]:
    """Return the inputs of a model; raises :class:`ConversionError` for inputs that are not numbers."""
    specs, roles = [], _roles(model)
    for port in model.inputs:
        shape, sides = port.get_partial_shape(), []
        if shape.rank.is_static:
            sides = [(side.min_length, side.max_length) for side in shape]
        dtype = _dtype(port, model.get_friendly_name())
        role = roles.get(port.any_name, "")
        specs.append(InputSpec(port.any_name, _layout(port), tuple(sides), dtype.str, role))
    return tuple(specs)


def sample_inputs(model: ov.Model, count: int) -> Iterator[Sample]:
    """Yield ``count`` sets of inputs of a model, as :func:`make_samples` does."""
    return make_samples(input_specs(model), range(count))


def make_samples(specs: Sequence[InputSpec], numbers: Sequence[int], all_small: bool = False) -> Iterator[Sample]:
    """Yield the sets of inputs with these ``numbers``, always the same; where height and width are open, sizes differ.

    Inputs with three channels are images, 0 to 255: in turn the image and the plate of a synthetic scene, another one
    in each set. Other floats are uniform in 0 to 1, integers 0 or 1. An open side of a state is 1, and a ratio is a
    half. With ``all_small``, all sets have the size of the first.
    """
    for index in numbers:
        rng = np.random.default_rng(index)
        size = _SMALL if all_small else _SIZES[index % len(_SIZES)]
        pictures = 0
        sample = {}
        for spec in specs:
            shape, dtype = _shape(spec, size), np.dtype(spec.dtype)
            values: NDArray[Any]
            if spec.role == "state":
                values = rng.random([least if least == most else 1 for least, most in spec.sides])
            elif spec.role == "ratio":
                values = np.full(shape, _RATIO)
            elif _takes_pictures(spec.layout, shape):
                values = _pictures(spec.layout, shape, index, pictures)
                pictures += 1
            elif dtype.kind == "f":
                values = rng.random(shape)
            else:
                values = rng.integers(0, 2, shape)
            sample[spec.name] = values.astype(dtype)
        yield sample


def _roles(model: ov.Model) -> dict[str, str]:
    """Return the roles of inputs that are no pictures, of a network whose roles are known."""
    from omz.matting.resolution import resolve
    from omz.matting.roles import NOTHING_SAID, described
    from omz.runtime.openvino_engine import facts_of, output_infos, port_info

    infos = tuple(map(port_info, model.inputs))
    try:
        roles = resolve(infos, output_infos(model), described(facts_of(model)), NOTHING_SAID)
    except OmzError:
        return {}
    return {roles.ratio: "ratio", **{state.input: "state" for state in roles.states}}


def smaller_shapes(model: ov.Model) -> dict[str, ov.PartialShape]:
    """Return 320x256 or 256x320 as the shapes of all inputs that take images of a larger fixed size, by name."""
    from omz.runtime.quiet_openvino import ov

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
    from omz.runtime.openvino_engine import layout_letters

    shape = port.get_partial_shape()
    told = layout_letters(port.get_node().get_layout())
    if told and "?" not in told:
        return told
    if shape.rank.is_static and len(shape) == len("NCHW"):
        last = str(shape[3]) == str(_COLOURS) and str(shape[1]) != str(_COLOURS)
        return "NHWC" if last else "NCHW"
    return ""


def _shape(spec: InputSpec, size: tuple[int, int]) -> tuple[int, ...]:
    usual = {**_OPEN, "H": size[0], "W": size[1]}
    sides = []
    for axis, (least, most) in enumerate(spec.sides):
        if least == most:
            sides.append(least)
            continue
        otherwise = _OPEN_OTHERWISE if spec.layout or axis else 1
        wanted = max(usual.get(spec.layout[axis : axis + 1], otherwise), least)
        if most > 0:
            wanted = min(wanted, most)
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
    from omz.synthesis.scene import make_scene  # brings OpenCV

    return make_scene(index, (height, width), _SERIES)
