"""The refiner of BackgroundMattingV2 in a dense form: everything is refined, and what is not selected stays coarse.

It computes more than the sparse form, in plain convolutions without lists of blocks. Where many blocks of an image are
refined, as in small ones, or where a processor multiplies matrices much faster than it moves memory, it is the faster
one. Each layer of the published refiner works on windows without padding, so here only what the first one reads is
padded, by all that a window reaches over the edge. The third and fourth layer work on places of 2x2 pixels, as in the
sparse form.
"""

from __future__ import annotations

import numpy as np

from omz.convert.rewrite.coarse import COLOURS, FEATURES, enlarged_coarse
from omz.convert.rewrite.ops import Value, bias, convolution, floats, integers, ops, shape, sides
from omz.convert.rewrite.published import HEADS, PublishedRefiner
from omz.convert.rewrite.weights import CELL, PLACES, copying, of_places, of_plain_places
from omz.runtime.quiet_openvino import ov

_REACH = 3
"""How far a window of half the size reaches over its block."""


def dense_refiner(found: PublishedRefiner, chosen: ov.Output) -> ov.Output:
    """Return the refined matte, (N, 4, H, W), of what a published refiner reads; H and W are multiples of 4.

    ``chosen`` (N, 1, H/4, W/4) is 1 for the blocks to refine, and 0 for others.
    """
    refined = ops.depth_to_space(_refined(found), "blocks_first", PLACES)
    coarse = ops.depth_to_space(enlarged_coarse(found), "depth_first", CELL)
    mask = _resized(chosen, found.pictures, "nearest", "asymmetric")
    whole = ops.select(ops.greater(mask, floats(0)), refined, coarse)
    whole.set_friendly_name("refiner/dense")
    return whole.output(0)


def _refined(found: PublishedRefiner) -> ov.Node:
    """Return the refined matte in places: (N, 16, H/2, W/2), ordered y, x, channel."""
    hidden = convolution(found.decoded, found.last.weights[HEADS:], "refiner/hidden", padding=1)
    hidden = ops.relu(bias(hidden, found.last.bias[HEADS:]))
    features = _resized(ops.concat([hidden, found.coarse], 1), found.halves, "linear_onnx", "half_pixel")
    of_features, of_halves = np.split(found.conv1.weights, [FEATURES], axis=1)
    x = ops.add(
        convolution(features, of_features, "refiner/conv1/features", padding=_REACH),
        convolution(found.halves, of_halves, "refiner/conv1/halves", padding=_REACH),
    )
    x = ops.relu(bias(x, found.conv1.bias))
    x = ops.relu(bias(convolution(x, found.conv2.weights, "refiner/conv2"), found.conv2.bias))
    of_near, of_colours = np.split(found.conv3.weights, [len(found.conv2.bias)], axis=1)
    places = convolution(found.pictures, copying(COLOURS), "refiner/places", stride=PLACES)
    x = ops.add(
        convolution(x, of_plain_places(of_near), "refiner/conv3/features"),
        convolution(places, of_places(of_colours), "refiner/conv3/pictures", padding=1),
    )
    x = ops.relu(bias(x, np.tile(found.conv3.bias, PLACES**2)))
    x = convolution(x, of_places(found.conv4.weights), "refiner/conv4")
    return bias(x, np.tile(found.conv4.bias, PLACES**2))


def _resized(maps: Value, like: ov.Output, mode: str, coordinates: str) -> ov.Node:
    """Return maps resized to the height and width of others."""
    _, _, height, width = sides(like)
    none, axes = [0, 0, 0, 0], integers([2, 3])
    return ops.interpolate(
        maps, shape(height, width), mode, "sizes", none, none, coordinates, "floor", antialias=False, axes=axes
    )
