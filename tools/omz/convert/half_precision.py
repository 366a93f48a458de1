"""Weights in half precision, and the few that have to stay in full precision.

A bias of 1,360 is rounded by up to 0.5, and where it is subtracted from a sum of that size, the rounding is the result.
Trained networks have a few such layers, which folding batch normalisation makes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from openvino._offline_transformations import compress_model_transformation

from omz.runtime.quiet_openvino import ov

_SMALL = 1024  # elements: those of a bias; together a hundredth of a network's weights
_SUSPICIOUS = 0.1
"""The rounding error of a bias from which the weights before it are spared without a trial."""
_WORTH_IT = 0.25
"""The share of the weights, in elements, above which nothing is gained by storing the others in half precision."""
_FEW = 0.02
"""The share of the weights below which it is not worth looking for fewer."""


@dataclass(frozen=True)
class _Weights:
    """A constant: its name, its elements, and whether it is to be spared at first.

    ``suspicion`` is the rounding error of the small constant behind it, the bias: where that is large, sums are large,
    and so is what the rounding of their weights makes of them.
    """

    name: str
    size: int
    is_cheap: bool
    suspicion: float = 0.0


def in_half_precision(model: ov.Model, kept: Collection[str] = ()) -> ov.Model:
    """Return a copy of ``model`` whose weights are in half precision, except for the constants named ``kept``."""
    half = model.clone()
    compress_model_transformation(half)
    if not kept:
        return half
    originals = {}
    for node in model.clone().get_ordered_ops():
        if _is_weights(node) and node.get_friendly_name() in kept:
            originals[node.get_friendly_name()] = node
    for node in half.get_ordered_ops():
        name = node.get_friendly_name()
        if node.get_type_name() == "Convert" and name in originals:
            node.output(0).replace(originals[name].output(0))
    return half


def suspects(model: ov.Model) -> tuple[str, ...]:
    """Return the names of the constants that are better left in full precision, as can be told without a run.

    These are the large ones behind which large sums are rounded, with all small ones; none, if there are none of those.
    """
    small = (node.data for node in model.get_ordered_ops() if _is_weights(node) and node.data.size <= _SMALL)
    if max(map(_rounding, small), default=0.0) < _SUSPICIOUS:
        return ()  # without a look at all the weights
    weights = _weights(model)
    if all(each.suspicion < _SUSPICIOUS for each in weights):
        return ()
    return _worth_it([each for each in weights if each.is_cheap or each.suspicion >= _SUSPICIOUS], weights)


def weights_to_keep(model: ov.Model, harm: Callable[[Collection[str]], float], allowed: float) -> tuple[str, ...]:
    """Return the names of the constants that have to stay in full precision; empty if that does not help, or not much.

    ``harm`` tells how far half precision moves the outputs if it spares the constants of these names; ``allowed`` is
    how far it may. First, small constants are spared, and those with values out of the range of half precision. If that
    is not enough, so are 1, 4, 16, … large ones, the most suspicious first; of many, those are dropped that can be
    rounded, one half after the other. ``harm`` is asked some 5 times, and at most 20 times.
    """
    weights = _weights(model)
    cheap = [each for each in weights if each.is_cheap]
    dear = sorted((each for each in weights if not each.is_cheap), key=lambda each: each.suspicion, reverse=True)

    def suffices(some: Sequence[_Weights]) -> bool:
        return harm(_names([*cheap, *some])) <= allowed

    count = 0
    while count < len(dear) and not suffices(dear[:count]):
        count = 4 * count or 1
    enough = dear[:count]
    while len(enough) > 1 and _size(enough) > _FEW * _size(weights):
        middle = len(enough) // 2
        smaller = next(filter(suffices, (enough[:middle], enough[middle:])), None)
        if smaller is None:
            break
        enough = smaller
    return _worth_it([*cheap, *enough], weights)


def _weights(model: ov.Model) -> list[_Weights]:
    """Return the constants of the main graph that half precision would round, in their order in the network."""
    found: list[_Weights] = []
    for node in model.get_ordered_ops():
        if not _is_weights(node):
            continue
        values = node.data
        error = _rounding(values)
        if not error:
            continue
        is_cheap = values.size <= _SMALL or not math.isfinite(error)
        found.append(_Weights(node.get_friendly_name(), values.size, is_cheap))
        if is_cheap and len(found) > 1:
            before = found[-2]
            found[-2] = replace(before, suspicion=max(before.suspicion, error))
    return found


def _rounding(values: NDArray[np.float32]) -> float:
    """Return the largest error of rounding to half precision."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = values.astype(np.float16).astype(np.float32)
        return float(np.abs(values - rounded).max(initial=0.0))


def _worth_it(kept: Sequence[_Weights], weights: Sequence[_Weights]) -> tuple[str, ...]:
    return _names(kept) if _size(kept) <= _WORTH_IT * _size(weights) else ()


def _is_weights(node: ov.Node) -> bool:
    return bool(node.get_type_name() == "Constant" and node.get_element_type() == ov.Type.f32)


def _size(weights: Sequence[_Weights]) -> int:
    return sum(each.size for each in weights)


def _names(weights: Sequence[_Weights]) -> tuple[str, ...]:
    return tuple(each.name for each in weights)
