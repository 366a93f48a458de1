"""Decoding of a stream: all frames that can be had of it, progressive, and a count of the packets that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import av
from av.codec import CodecContext
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from omz.video.deinterlacing import Deinterlacer

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own decoders of these leave alpha out, and do not tell


class Decoder:
    """Decodes the packets of one stream, in order; ``failed`` counts those that could not be decoded.

    That a packet is marked as corrupt says little: transport streams mark whole ones after a gap. It is tried like any
    other, unless the file ``is_cut_short``: then it is the last one, of which the end is missing.
    """

    def __init__(self, stream: VideoStream, is_cut_short: bool = False) -> None:
        self.failed = 0
        self._is_cut_short = is_cut_short
        self._decode = _decoder_of(stream)

    def __call__(self, packets: Iterable[Packet[VideoStream]]) -> Iterator[av.VideoFrame]:
        """Yield the frames of ``packets``; the last packet is empty and flushes the decoder."""
        deinterlacer = Deinterlacer()
        for packet in packets:
            for frame in self._decoded(packet):
                yield from deinterlacer(frame)
        yield from deinterlacer.finish()

    def _decoded(self, packet: Packet[VideoStream]) -> list[av.VideoFrame]:
        if packet.is_corrupt and self._is_cut_short:
            self.failed += 1
            return []
        try:
            return self._decode(packet)
        except av.FFmpegError:
            self.failed += 1
            return []


def _decoder_of(stream: VideoStream) -> Callable[[Packet[VideoStream]], list[av.VideoFrame]]:
    name = _WITH_ALPHA.get(stream.codec_context.codec.canonical_name)
    modes = [value for key, value in stream.metadata.items() if key.lower() == "alpha_mode"]
    if name is None or modes != ["1"]:
        return Packet.decode
    context = CodecContext.create(name, "r")
    assert isinstance(context, VideoCodecContext)
    context.thread_type = "AUTO"
    return context.decode
