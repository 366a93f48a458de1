"""Sound whose times, rates or codecs a container does not take."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from helpers.clips import SOUND_RATE, make_pictures, sound_packets, write_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.video.formats import CONTAINERS, choose_format
from omz.video.joining import join
from omz.video.reading import read
from omz.video.sound import Sound, plan_sound
from omz.video.writing import VideoWriter

SIZE = (32, 48)
UNIT = Fraction(1, 90_000)


def segment(folder: Path, suffix: str, seconds: float = 1) -> Path:
    path = folder / f"segment{suffix}"
    with VideoWriter(path, choose_format(path, False), SIZE, UNIT, Fraction(25)) as writer:
        for index in range(round(25 * seconds)):
            writer.write(np.zeros((*SIZE, 3), np.uint8), 3600 * index)
    return path


def write_tone(path: Path, rate: int, codec: str, channels: str = "mono", seconds: float = 1) -> Path:
    """A tone of 100 Hz, and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate)
        stream.layout = channels
        count = av.AudioLayout(channels).nb_channels
        wave = np.sin(2 * np.pi * 100 * np.arange(round(rate * seconds)) / rate) * 16_000
        samples = np.repeat(wave.astype(np.int16), count)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=channels)
        frame.sample_rate, frame.pts = rate, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def samples_of(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        return np.concatenate([frame[0] for frame in frames]), container.streams.audio[0].sample_rate


@pytest.mark.parametrize(
    ("rate", "written"), [(11024, 11025), (37800, 44100), (192_000, 96_000), (6000, 7350), (44_100, 44_100)]
)
def test_rates_that_the_encoder_lacks_are_resampled(tmp_path, rate, written):
    source = write_tone(tmp_path / "a.mkv", rate, "pcm_s16le")
    report = join([segment(tmp_path, ".mp4")], tmp_path / "out.mp4", Sound(source))
    (told,) = report.encoded
    assert (f"of {rate} Hz -> aac of {written} Hz" in told) == (rate != written)
    samples, found = samples_of(tmp_path / "out.mp4")
    assert found == written
    assert len(samples) / written == pytest.approx(1, abs=0.2)  # the encoder pads both ends
    spectrum = np.abs(np.fft.rfft(samples[:written] * np.hanning(len(samples[:written]))))
    assert np.argmax(spectrum) * written / len(samples[:written]) == pytest.approx(100, abs=2)


@pytest.mark.parametrize("channels", ["mono", "stereo", "3.0", "quad", "5.1", "7.1", "hexadecagonal"])
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_any_number_of_channels_is_encoded(tmp_path, channels, suffix):
    source = write_tone(tmp_path / "a.mkv", 48_000, "pcm_s16le", channels)
    report = join([segment(tmp_path, suffix)], tmp_path / f"out{suffix}", Sound(source))
    assert (len(report.encoded), report.warnings) == (1, ())
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 40_000


def test_what_the_container_refuses_is_encoded_and_known_before(tmp_path):
    source = write_tone(tmp_path / "a.mkv", 8000, "libmp3lame")
    assert plan_sound(source, CONTAINERS[".mkv"]).treatments == {0: "copied"}
    assert plan_sound(source, CONTAINERS[".mp4"]).treatments == {0: "encoded"}
    report = join([segment(tmp_path, ".mp4")], tmp_path / "out.mp4", Sound(source))
    assert report.encoded in {("mp3float -> aac",), ("mp3 -> aac",)}


def test_sound_of_an_unknown_codec_is_left_out_and_told_before(tmp_path):
    source = write_clip(tmp_path / "a.mkv", make_pictures(5, SIZE), sound="aac")
    source.write_bytes(source.read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    (warning,) = plan_sound(source, CONTAINERS[".mp4"]).warnings
    assert f"the sound of {source} is left out: its codec is unknown" in warning
    report = join([segment(tmp_path, ".mp4")], tmp_path / "out.mp4", Sound(source))
    assert (report.frames, report.warnings) == (25, (warning,))


def test_sound_that_is_gone_does_not_cost_the_picture(tmp_path):
    report = join([segment(tmp_path, ".mp4")], tmp_path / "out.mp4", Sound(tmp_path / "gone.mp4"))
    assert report.frames == 25
    (warning,) = report.warnings
    assert "the sound is left out" in warning
    assert "gone.mp4" in warning


def write_part(path: Path, start: float, seconds: float = 0.5) -> Path:
    """A transport stream of sound alone, whose clock begins at ``start`` seconds."""
    with av.open(str(path), "w", container_options={"muxdelay": "0"}) as container:
        stream = container.add_stream("aac", SOUND_RATE)
        stream.layout = "mono"
        tone = np.sin(np.arange(round(seconds * SOUND_RATE)) * (0.01 + start / 1000)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, round(start * SOUND_RATE), Fraction(1, SOUND_RATE)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@given(st.lists(st.integers(0, 12).map(lambda number: number / 2), min_size=2, max_size=5))
@settings(max_examples=12)
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_joined_sound_comes_whole_and_in_order(tmp_path_factory, suffix, starts):
    folder = tmp_path_factory.mktemp("parts")
    parts = [write_part(folder / f"{number}.ts", start) for number, start in enumerate(starts)]
    source = folder / "all.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    report = join([segment(folder, suffix)], folder / f"out{suffix}", Sound(source))
    assert report.warnings == ()
    times, given_bytes = zip(*sound_packets(folder / f"out{suffix}"), strict=True)
    assert all(earlier < later for earlier, later in pairwise(times))
    if suffix == ".mp4":
        raw = [data for part in parts for _, data in sound_packets(part)]
        assert [_without_header(data) for data in raw] == list(given_bytes)
    samples, rate = samples_of(folder / f"out{suffix}")
    assert len(samples) / rate >= 0.5 * len(parts)


def test_sound_stays_with_the_pictures_of_its_part(tmp_path):
    part = tmp_path / "part.ts"
    with av.open(str(part), "w") as container:
        video = container.add_stream("libx264", 25, options={"bf": "2"})
        video.height, video.width, video.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("aac", SOUND_RATE)
        sound.layout = "mono"
        packets = []
        for index in range(50):
            frame = av.VideoFrame(SIZE[1], SIZE[0], "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            packets += video.encode(frame)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, SOUND_RATE), np.float32), format="fltp", layout="mono")
        tone.sample_rate, tone.pts, tone.time_base = SOUND_RATE, SOUND_RATE // 2, Fraction(1, SOUND_RATE)
        packets += [*video.encode(None), *sound.encode(tone), *sound.encode(None)]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    source = tmp_path / "all.ts"
    source.write_bytes(part.read_bytes() * 4)  # in each, sound begins half a second later, and ends as much earlier
    frames = list(read(source))
    assert len(frames) == 200
    begins = [float(frame.time * UNIT) for frame in frames[::50]]
    join([segment(tmp_path, ".mkv")], tmp_path / "out.mkv", Sound(source))
    heard = [float(time) for time, _ in sound_packets(tmp_path / "out.mkv")]
    count = len(heard) // 4
    assert len(heard) == 4 * len(sound_packets(part))
    lead = [heard[count * number] - begins[number] for number in range(4)]
    np.testing.assert_allclose(lead, lead[0], atol=0.005)


def _without_header(data: bytes) -> bytes:
    """The payload of an ADTS packet (ISO/IEC 14496-3, 1.A.2.2), as MP4 has it."""
    return data[7 if data[1] & 1 else 9 :]


def test_one_packet_whose_time_stands_still(tmp_path):
    source = write_clip(tmp_path / "a.mkv", make_pictures(25, SIZE), sound="aac")
    still = tmp_path / "still.mkv"
    with av.open(str(source)) as read, av.open(str(still), "w") as written:
        stream = written.add_stream_from_template(read.streams.audio[0])
        for index, packet in enumerate(read.demux(read.streams.audio[0])):
            if packet.size:
                packet.stream = stream
                if index == 10:
                    packet.pts = packet.dts = packet.pts - round(packet.duration)
                written.mux(packet)
    report = join([segment(tmp_path, ".mp4")], tmp_path / "out.mp4", Sound(still))
    assert (report.copied, report.warnings) == (("aac",), ())
    assert [data for _, data in sound_packets(tmp_path / "out.mp4")] == [data for _, data in sound_packets(source)]


def test_sound_that_changes_its_rate_is_resampled(tmp_path):
    parts = [write_tone(tmp_path / f"{rate}.ts", rate, "mp2") for rate in (32_000, 48_000)]
    source = tmp_path / "both.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    report = join([segment(tmp_path, ".mp4", 2)], tmp_path / "out.mp4", Sound(source))
    assert (len(report.encoded), report.warnings) == (1, ())
    samples, rate = samples_of(tmp_path / "out.mp4")
    assert len(samples) / rate == pytest.approx(2, abs=0.2)
