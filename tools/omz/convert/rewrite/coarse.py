"""What both forms of a rewritten refiner make at the size of the coarse matte, or of that matte."""

from __future__ import annotations

from omz.convert.rewrite.ops import bias, convolution, integers, ops
from omz.convert.rewrite.published import HEADS, PublishedRefiner
from omz.convert.rewrite.weights import enlarging
from omz.runtime.quiet_openvino import ov

RESULTS = 4  # alpha, and the foreground less the image
COLOURS = 6  # of image and plate
FEATURES = 36  # hidden ones, and the coarse matte


def coarse_heads(found: PublishedRefiner) -> ov.Output:
    """Return what the decoder's last layer makes but hidden features: (N, 5, H/4, W/4)."""
    heads = convolution(found.decoded, found.last.weights[:HEADS], "decoder/heads", padding=1)
    return bias(heads, found.last.bias[:HEADS]).output(0)


def enlarged_coarse(found: PublishedRefiner) -> ov.Node:
    """Return the coarse matte enlarged bilinearly, with the 4x4 pixels of a block as channels: (N, 64, H/4, W/4).

    Channels are ordered channel, y, x.
    """
    pads = integers([0, 0, 1, 1])
    return convolution(ops.pad(found.coarse, pads, pads, "edge"), enlarging(RESULTS), "refiner/enlarged")
