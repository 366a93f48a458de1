"""Preprocessing between a picture and the original network: baked into the IR, or applied outside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omz.errors import CardError
from omz.zoo.optimizer_arguments import Dimension, Group, Layouts, OptimizerArguments

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard

_COLOURS = 3
_GUESSED_RANKS = (3, 4, 5)


@dataclass(frozen=True)
class Preprocessing:
    """Steps from a picture, BGR, 0 to 255, as the converted model takes it, to one input of the original.

    Applied in this order: colours reversed (BGR to RGB) where ``reverse_channels``; ``mean`` subtracted; divided by
    ``scale``; dimensions brought from ``layout`` into the order of ``original_layout``. Mean and scale have one value a
    channel, in the order of the channels after the reversal, or one value for all; empty means none. A layout names the
    dimensions, such as NCHW, or is empty if unknown; ``?`` is a dimension without a name. ``element_type`` is the type
    in which the converted model takes the input, ``u8`` or, empty, that of the original; it becomes float32 first.
    """

    input_name: str
    layout: str
    reverse_channels: bool = False
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    original_layout: str = ""
    element_type: str = ""


def by_input(preprocessing: Iterable[Preprocessing]) -> dict[str, Preprocessing]:
    """Return preprocessing by the names of the inputs."""
    return {step.input_name: step for step in preprocessing}


def card_preprocessing(card: ModelCard, arguments: OptimizerArguments) -> tuple[Preprocessing, ...]:
    """Return the preprocessing of the inputs that ``arguments`` of a card name, which come from its ``input_info``.

    Raises :class:`CardError` if the arguments contradict each other, whatever the model's file holds.
    """
    where = f"{card.path}: model_optimizer_args"
    if not arguments.inputs:
        raise CardError(f"{where}: the inputs are unknown; list them in input_info")
    unnamed = arguments.shapes.get("", ())
    shapes = {name: arguments.shapes.get(name, unnamed) for name in arguments.inputs}
    return resolve_preprocessing(arguments, shapes, where)


def resolve_preprocessing(
    arguments: OptimizerArguments, inputs: Mapping[str, Sequence[Dimension]], where: str
) -> tuple[Preprocessing, ...]:
    """Return the preprocessing of each input, given the shapes of the original's ``inputs``, in their order.

    As Model Optimizer did: colours are reversed in each input with three channels, or an unknown number of them;
    without a layout, the channels are the only dimension of that size. Raises :class:`CardError` that begins with
    ``where`` for an unknown name, or channels that do not fit.
    """
    names = arguments.inputs or tuple(inputs)  # some may have been cut off with outputs
    layouts = _by_name(arguments.layouts, names, f"{where}: --layout")
    mean = _values(arguments.mean, names, f"{where}: --mean_values")
    scale = _values(arguments.scale, names, f"{where}: --scale_values")
    if arguments.scale_all is not None:
        scale = dict.fromkeys(inputs, (arguments.scale_all,))
    steps = []
    for name, shape in inputs.items():
        layout = layouts.get(name, Layouts("", ""))
        _check_layout(name, layout, shape, f"{where}: --layout")
        reverse = arguments.reverse_input_channels and _has_colours(layout.source, shape)
        sizes = {len(mean.get(name, ())), len(scale.get(name, ()))} - {0, 1}
        if reverse:
            sizes.add(_COLOURS)
        for size in sizes:
            layout = _with_channels(name, layout, shape, size, where)
        original = layout.source if layout.source != layout.target else ""
        step = Preprocessing(name, layout.target, reverse, mean.get(name, ()), scale.get(name, ()), original)
        steps.append(step)
    if arguments.reverse_input_channels and not any(step.reverse_channels for step in steps):
        raise CardError(f"{where}: --reverse_input_channels needs an input with three channels, but there is none")
    return _for_pictures(steps, arguments, inputs, where)


def _for_pictures(
    steps: Sequence[Preprocessing],
    arguments: OptimizerArguments,
    inputs: Mapping[str, Sequence[Dimension]],
    where: str,
) -> tuple[Preprocessing, ...]:
    """Let the inputs with three channels take pictures in the type and layout asked for."""
    if not (arguments.picture_type or arguments.picture_layout):
        return tuple(steps)
    changed, pictures = [], 0
    for step in steps:
        source = step.original_layout or step.layout
        if not _has_colours(source, inputs[step.input_name]):
            changed.append(step)
            continue
        pictures += 1
        target = arguments.picture_layout or step.layout
        if sorted(target) != sorted(source):
            raise CardError(
                f"{where}: {step.input_name} cannot take images as {target}, for its layout is "
                f"{source or 'unknown'}; --add_mo_arg '--layout={step.input_name}(NCHW)' sets it"
            )
        original = source if source != target else ""
        changed.append(
            dataclasses.replace(step, layout=target, original_layout=original, element_type=arguments.picture_type)
        )
    if not pictures:
        raise CardError(f"{where}: no input has three channels, so none takes images")
    return tuple(changed)


def _by_name(layouts: Mapping[str, Layouts], inputs: Sequence[str], where: str) -> Mapping[str, Layouts]:
    """Return the layouts by name; an unnamed one belongs to the only input."""
    if "" in layouts:
        if len(inputs) != 1:
            raise CardError(f"{where} leaves out the name of an input; there are {', '.join(inputs)}")
        return {inputs[0]: layouts[""]}
    _check_names(layouts, inputs, where)
    return layouts


def _values(groups: tuple[Group, ...], inputs: Sequence[str], where: str) -> dict[str, tuple[float, ...]]:
    """Return the values of each input: by its name, in their order, or one group for all of them."""
    if groups and groups[0][0]:
        _check_names(dict(groups), inputs, where)
        return dict(groups)
    if len(groups) == 1:
        return dict.fromkeys(inputs, groups[0][1])
    if groups and len(groups) != len(inputs):
        raise CardError(f"{where} has {len(groups)} groups of values for {len(inputs)} inputs")
    return {name: values for name, (_, values) in zip(inputs, groups, strict=False)}


def _check_names(names: Iterable[str], inputs: Sequence[str], where: str) -> None:
    for name in names:
        if name not in inputs:
            raise CardError(f"{where} names {name!r}, but the inputs are {', '.join(inputs)}")


def _check_layout(name: str, layout: Layouts, shape: Sequence[Dimension], where: str) -> None:
    if layout.source and shape and len(layout.source) != len(shape):
        raise CardError(f"{where}: {layout.source} does not fit the {len(shape)} dimensions of {name}")
    if sorted(layout.source) != sorted(layout.target):
        raise CardError(f"{where}: {layout.source} cannot become {layout.target}")


def _channel_axis(layout: str, shape: Sequence[Dimension], size: int) -> int | None:
    """Return the axis of the channels: the C of the layout or, without one, the only dimension of that size."""
    if "C" in layout:
        return layout.index("C")
    if layout or len(shape) not in _GUESSED_RANKS or list(shape).count(size) != 1:
        return None
    return list(shape).index(size)


def _has_colours(layout: str, shape: Sequence[Dimension]) -> bool:
    axis = _channel_axis(layout, shape, _COLOURS)
    return axis is not None and _may_be(shape, axis, _COLOURS)


def _may_be(shape: Sequence[Dimension], axis: int, size: int) -> bool:
    """Tell whether a dimension can have ``size`` elements; one of an unknown shape can."""
    dimension = shape[axis] if shape else -1
    if isinstance(dimension, tuple):
        least, most = dimension
        return least <= size and most in (-1, max(most, size))
    return dimension in (-1, size)


def _with_channels(name: str, layout: Layouts, shape: Sequence[Dimension], size: int, where: str) -> Layouts:
    """Return the layout with a C; raise :class:`CardError` if the input does not have ``size`` channels."""
    axis = _channel_axis(layout.source, shape, size)
    if axis is None or not _may_be(shape, axis, size):
        raise CardError(f"{where}: {name} has no {size} channels; its layout is {layout.source or 'unknown'}")
    if layout.source:
        return layout
    guessed = "?" * axis + "C" + "?" * (len(shape) - axis - 1)
    return Layouts(guessed, guessed)
