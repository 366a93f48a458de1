"""Small videos of known frames, times, sound and orientation, made with PyAV alone."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

SIZE = (90, 160)
TIME_BASE = Fraction(1, 12800)
RATE = 25
SOUND_RATE = 48000


def make_pictures(count: int, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Smooth pictures, BGR, of which no two are alike: a disc moves over a slope of colours."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    slope = np.dstack([columns * 200 / width, rows * 200 / height, 200 - columns * 150 / width]).astype(np.uint8)
    pictures = []
    for index in range(count):
        centre = (width // 4 + (3 * index) % (width // 2), height // 2)
        disc = cv2.circle(slope.copy(), centre, height // 4, (40, 200, 90), -1, cv2.LINE_AA)
        pictures.append(np.roll(disc, index, axis=0))
    return pictures


def make_mattes(count: int, size: tuple[int, int] = SIZE) -> list[np.ndarray]:
    """Alpha with a hard edge, a soft one, every level, and a disc that moves."""
    height, width = size
    mattes = []
    for index in range(count):
        matte = np.zeros(size, np.uint8)
        matte[: height // 4] = np.linspace(0, 255, width).round().astype(np.uint8)
        matte[height // 3 : height // 2, width // 5 : width // 2] = 255
        cv2.circle(matte, (width // 4 + 3 * index, 3 * height // 4), height // 6, 255, -1, cv2.LINE_AA)
        matte[height // 2 :] = cv2.GaussianBlur(matte[height // 2 :], (0, 0), 1.5)
        mattes.append(matte)
    return mattes


def write_clip(
    path: Path,
    pictures: Sequence[np.ndarray],
    times: Sequence[int] | None = None,
    time_base: Fraction = TIME_BASE,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    sound: str | None = None,
    sound_start: int = 0,
    muxer_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip; ``sound`` is an encoder, whose samples start at ``sound_start`` and last as long as the frames."""
    if path.suffix == ".avi":  # counts frames
        time_base = Fraction(1, RATE)
    times = [round(index / (RATE * time_base)) for index in range(len(pictures))] if times is None else times
    with av.open(str(path), "w", container_options=muxer_options or {}) as container:
        stream = container.add_stream(codec, RATE, options=options or {})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixel_format
        stream.time_base = stream.codec_context.time_base = time_base
        heard = container.add_stream(sound, SOUND_RATE) if sound else None
        if heard:
            heard.metadata["language"] = "fin"
        packets = []
        for picture, time in zip(pictures, times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = time, time_base
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if heard:
            seconds = float((times[-1] - times[0]) * time_base) + 1 / RATE
            packets += encode_tone(heard, seconds, sound_start)
        container.mux(packets)
    return path


def encode_tone(stream: av.AudioStream, seconds: float, start: int = 0) -> list[av.Packet]:
    """Encode a tone that rises from 200 Hz by 800 Hz a second, so that no part of it is like another."""
    seconds_gone = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    samples = np.sin(2 * np.pi * (200 + 400 * seconds_gone) * seconds_gone).astype(np.float32) / 2
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
    return [*stream.encode(frame), *stream.encode(None)]


def write_sound(path: Path, encoder: str = "aac") -> Path:
    """Write a file of sound alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, SOUND_RATE)
        container.mux(encode_tone(stream, 0.5))
    return path


def set_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Set the display matrix in the track header of an MP4 file (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 4 + 40  # version 0: the matrix lies after 40 bytes
    one, unity = 1 << 16, 1 << 30
    struct.pack_into(">9i", data, start, a * one, b * one, 0, c * one, d * one, 0, 0, 0, unity)
    path.write_bytes(data)


def decoded(path: Path) -> list[tuple[Fraction, bytes]]:
    """The frames of a video as plain FFmpeg decodes them: times in seconds, and the bytes of all planes."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [
            (frame.pts * stream.time_base, b"".join(_without_padding(frame, plane) for plane in frame.planes))
            for frame in container.decode(stream)
        ]


def _without_padding(frame: av.VideoFrame, plane: av.video.plane.VideoPlane) -> bytes:
    """The bytes of a plane; those after the end of each row are anything."""
    bits = (
        frame.format.padded_bits_per_pixel if len(frame.planes) == 1 else 8 * -(-frame.format.components[0].bits // 8)
    )
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width * bits // 8].tobytes()


def sound_packets(path: Path) -> list[tuple[Fraction, bytes]]:
    """The packets of the first stream of sound: times in seconds, and bytes."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(stream) if packet.size]
