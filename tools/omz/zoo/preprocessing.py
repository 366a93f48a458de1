"""What stands between a picture and the original network: one record, baked into the IR or applied outside it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preprocessing:
    """What one input of the original expects of a picture that the converted model takes as BGR, 0 to 255.

    Applied in this order: colours reversed (BGR to RGB) where ``reverse_channels``; ``mean`` subtracted; divided by
    ``scale``. Both have one value a channel, in the order of the channels after the reversal, or one value for all;
    empty means none. ``layout`` names the dimensions, such as NCHW.
    """

    input_name: str
    layout: str
    reverse_channels: bool = False
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
