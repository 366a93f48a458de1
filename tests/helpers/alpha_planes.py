"""The alpha of a video, to check what was written."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import av
import numpy as np
from av.codec import CodecContext

from omz.errors import VideoError
from omz.images.arrays import Pixels
from omz.video.opening import opened
from omz.video.planes import plane_levels

_DECODERS = {"vp9": "libvpx-vp9", "vp8": "libvpx"}  # FFmpeg's own decoders of these leave alpha out, and do not tell


def read_alpha(path: Path) -> Generator[Pixels, None, None]:
    """Yield the alpha of each frame, (H, W): uint8 where the file has 8 bits, else uint16, 0 to 65535.

    Raises :class:`VideoError` for what is no video, or has no alpha.
    """
    with opened(path) as (container, stream):
        name = _DECODERS.get(stream.codec_context.codec.canonical_name)
        decoder = CodecContext.create(name, "r") if name else stream.codec_context
        for packet in container.demux(stream):
            for frame in decoder.decode(packet):  # type: ignore[attr-defined]  # it is one for video
                yield _levels(path, frame)


def _levels(path: Path, frame: av.VideoFrame) -> Pixels:
    components = frame.format.components
    if not components[-1].is_alpha:
        raise VideoError(f"{path} has no alpha; write a .mov or a .webm with alpha, or a folder of PNG files")
    levels = plane_levels(frame, len(components) - 1)
    bits = components[-1].bits
    if bits == 8:
        return levels.astype(np.uint8)
    return np.rint(levels * (65535 / (2**bits - 1))).astype(np.uint16)
