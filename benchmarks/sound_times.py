"""How long omz_demo takes for a video of ten minutes whose sound times go back every minute, beside the same without.

    python benchmarks/sound_times.py

Three transport streams have the same frames and the same AAC packets: one with times that increase, one where those of
the sound go back by a second every minute, and one where both begin anew every minute, as those of joined files do.
Commands take turns on them. Every result must have all frames and all sound.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from commands import machine, time_command

from omz.images.compositing import blend
from omz.images.files import write_picture
from omz.synthesis.scene import make_scene

MINUTES, RATE, SIZE = 10, 25, (180, 320)
TONE_RATE, TONE = 48_000, 440.0  # Hz
ROUNDS = 3
PACKET = 188  # bytes of a transport stream
CLOCK = 90_000  # ticks a second
SOUND, PICTURE = range(0xC0, 0xE0), range(0xE0, 0xF0)  # stream numbers of elementary packets
FLAGS = ("--target", "green", "--input_size", "64x36", "--precision", "f32")


@dataclass(frozen=True)
class Film:
    """Number of frames and packets of sound."""

    frames: int
    sounds: int


def main() -> None:
    """Write the streams, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        sources = write_sources(Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in sources}
        cores: dict[str, list[float]] = {name: [] for name in sources}
        for _ in range(ROUNDS):
            for name, source in sources.items():
                before = os.times()
                seconds[name].append(cut_out(source))
                after = os.times()
                cores[name].append(sum(after[2:4]) - sum(before[2:4]))
        print(f"{machine()}\n")
        print("| times | seconds, median | beside increasing ones | time of cores beside |\n|---|---|---|---|")
        good = next(iter(sources))
        for name in sources:
            ratios = [f"{ratio(values[name], values[good]):.3f}" for values in (seconds, cores)]
            print(f"| {name} | {statistics.median(seconds[name]):.1f} | {' | '.join(ratios)} |")


def write_sources(folder: Path) -> dict[str, Path]:
    """Write the plate, and the streams, which differ in their times alone; return the latter."""
    scene = make_scene(1, SIZE, "test")
    write_picture(folder / "plate.png", scene.plate)
    good = folder / "increasing.ts"
    alpha = np.rint(255 * scene.alpha).astype(np.uint8)
    write_stream(good, [blend(np.roll(alpha, step, 1), scene.foreground, scene.plate) for step in range(0, 50, 2)])
    stream, last = good.read_bytes(), (MINUTES - 1) * 60
    faults: dict[str, Callable[[int, int], int]] = {
        "the sound's go back": lambda number, minute: minute if number in SOUND else 0,
        "all begin anew": lambda _, minute: min(60 * minute, last),
    }
    sources = {"increasing": good}
    for name, seconds_back in faults.items():
        sources[name] = folder / f"{name.split()[0]}.ts"
        sources[name].write_bytes(with_times(stream, seconds_back))
    return sources


def write_stream(path: Path, pictures: list[np.ndarray]) -> None:
    """Write the pictures over and over, with a tone beside them."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", RATE, options={"preset": "ultrafast", "g": str(RATE)})
        video.height, video.width, video.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("aac", TONE_RATE, layout="mono")
        step = TONE_RATE // RATE
        for index in range(MINUTES * 60 * RATE):
            frame = av.VideoFrame.from_ndarray(pictures[index % len(pictures)], format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(frame))
            times = np.arange(index * step, (index + 1) * step) / TONE_RATE
            wave = (0.3 * np.sin(2 * np.pi * TONE * times)).astype(np.float32)
            tone = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            tone.sample_rate, tone.pts, tone.time_base = TONE_RATE, index * step, Fraction(1, TONE_RATE)
            container.mux(sound.encode(tone))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))


def with_times(stream: bytes, seconds_back: Callable[[int, int], int]) -> bytes:
    """Return a transport stream with earlier times: by so many seconds, given an elementary stream and the minute."""
    changed, begin = bytearray(stream), None
    for start in range(0, len(stream), PACKET):
        is_first, adaptation = stream[start + 1] & 0x40, stream[start + 3] & 0x20
        at = start + 4
        if adaptation:
            at += 1 + stream[at]
        if not is_first or stream[at : at + 3] != b"\0\0\1" or stream[at + 3] not in (*SOUND, *PICTURE):
            continue
        for place in range(at + 9, at + 9 + 5 * (stream[at + 7] >> 6).bit_count(), 5):  # presentation, and decoding
            ticks = read_time(stream, place)
            begin = ticks if begin is None else begin
            minute = max(0, ticks - begin) // (60 * CLOCK)
            write_time(changed, place, ticks - seconds_back(stream[at + 3], minute) * CLOCK)
    return bytes(changed)


def read_time(stream: bytes, at: int) -> int:
    """Return the 33 bits of a time in the head of a packet."""
    high, middle, low = stream[at], stream[at + 1 : at + 3], stream[at + 3 : at + 5]
    return (high >> 1 & 7) << 30 | int.from_bytes(middle, "big") >> 1 << 15 | int.from_bytes(low, "big") >> 1


def write_time(stream: bytearray, at: int, ticks: int) -> None:
    """Write the 33 bits of a time, and leave the marks between them."""
    stream[at] = (stream[at] & 0xF1) | (ticks >> 30 & 7) << 1
    stream[at + 1 : at + 3] = ((ticks >> 15 & 0x7FFF) << 1 | 1).to_bytes(2, "big")
    stream[at + 3 : at + 5] = ((ticks & 0x7FFF) << 1 | 1).to_bytes(2, "big")


def cut_out(source: Path) -> float:
    """Return the seconds that the command takes, whose result must have all frames and all sound."""
    result = source.with_suffix(".mp4")
    command = (Path(sys.executable).parent / "omz_demo", source, "--plate", source.with_name("plate.png"), *FLAGS)
    seconds, _ = time_command((*command, "-o", result))
    found, expected = count(result), count(source)
    assert found == expected, (source.name, found, expected)
    assert found.frames == MINUTES * 60 * RATE
    result.unlink()
    return seconds


def count(path: Path) -> Film:
    """Return what a file has."""
    with av.open(str(path)) as container:
        numbers = [packet.stream.type for packet in container.demux() if packet.size]
    return Film(numbers.count("video"), numbers.count("audio"))


def ratio(values: list[float], others: list[float]) -> float:
    """Return the median of the ratios of the rounds."""
    return statistics.median(value / other for value, other in zip(values, others, strict=True))


if __name__ == "__main__":
    main()
