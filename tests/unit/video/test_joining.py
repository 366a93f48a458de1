from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from helpers.alpha_planes import read_alpha
from helpers.clips import (
    RATE,
    SOUND_RATE,
    decoded,
    make_mattes,
    make_pictures,
    set_matrix,
    sound_packets,
    write_clip,
    write_sound,
)

from omz.errors import UsageError, VideoError
from omz.video.formats import choose_format
from omz.video.info import probe
from omz.video.joining import join
from omz.video.reading import read
from omz.video.sound import Sound
from omz.video.writing import VideoWriter

UNITS = Fraction(1, 12800)
COUNT = 24


def write_segments(folder, suffix, frames, times, parts=3, alpha=False, time_base=UNITS, **options):
    form = choose_format(folder / f"a{suffix}", alpha, **options)
    length = -(-len(frames) // parts)
    paths = []
    for number in range(parts):
        paths.append(folder / f"segment{number}{suffix}")
        with VideoWriter(paths[-1], form, frames[0].shape[:2], time_base, Fraction(RATE)) as writer:
            for picture, time in list(zip(frames, times, strict=True))[number * length : (number + 1) * length]:
                writer.write(picture, time)
    return paths


def with_alpha(count):
    return [np.dstack(pair) for pair in zip(make_pictures(count), make_mattes(count), strict=True)]


@pytest.mark.parametrize(
    ("suffix", "options"), [(".mp4", {}), (".mov", {}), (".mkv", {}), (".webm", {"lossless": True})]
)
def test_segments_decode_to_their_frames_at_their_times(tmp_path, suffix, options):
    times = [777 * 64 + 512 * index + 64 * (index % 3) for index in range(COUNT)]
    segments = write_segments(tmp_path, suffix, make_pictures(COUNT), times, **options)
    report = join(segments, tmp_path / f"joined{suffix}")
    assert (report.frames, report.copied, report.encoded, report.warnings) == (COUNT, (), (), ())
    joined = decoded(tmp_path / f"joined{suffix}")
    assert joined == [frame for segment in segments for frame in decoded(segment)]
    assert [time for time, _ in joined] == [time * UNITS for time in times]


@pytest.mark.parametrize(("suffix", "options"), [(".mov", {}), (".webm", {"lossless": True})])
def test_three_segments_with_alpha_equal_one(tmp_path, suffix, options):
    times = [512 * index for index in range(COUNT)]
    results = {}
    for parts in (1, 3):
        folder = tmp_path / str(parts)
        segments = write_segments(folder, suffix, with_alpha(COUNT), times, parts, alpha=True, **options)
        join(segments, folder / f"joined{suffix}")
        results[parts] = decoded(folder / f"joined{suffix}"), list(read_alpha(folder / f"joined{suffix}"))
    assert results[1][0] == results[3][0]
    np.testing.assert_array_equal(results[1][1], results[3][1])
    expected = make_mattes(COUNT)
    for levels, matte in zip(results[3][1], expected, strict=True):
        np.testing.assert_array_equal(np.rint(levels / (1 if levels.dtype == np.uint8 else 257)), matte)


@pytest.mark.parametrize("sound_start", [0, 5000])
@pytest.mark.parametrize(
    ("source", "codec", "suffix"),
    [(".mp4", "aac", ".mp4"), (".mp4", "aac", ".mov"), (".mkv", "libopus", ".webm"), (".mov", "pcm_s16le", ".mkv")],
)
def test_sound_is_copied_to_the_bit_at_its_time(tmp_path, source, codec, suffix, sound_start):
    clip = write_clip(
        tmp_path / f"source{source}",
        make_pictures(COUNT),
        sound=codec,
        sound_start=sound_start,
        muxer_options={"movie_timescale": "192000"} if source in (".mp4", ".mov") else {},
    )
    frames = list(read(clip))
    segments = write_segments(
        tmp_path, suffix, [f.picture for f in frames], [f.time for f in frames], time_base=probe(clip).time_base
    )
    report = join(segments, tmp_path / f"joined{suffix}", Sound(clip))
    given, kept = sound_packets(clip), sound_packets(tmp_path / f"joined{suffix}")
    assert report.copied == (probe(clip).audio_codec,)
    assert [data for _, data in kept] == [data for _, data in given]
    unit = 0 if suffix in (".mp4", ".mov") else Fraction(1, 1000)
    assert all(abs(now - before) <= unit for (now, _), (before, _) in zip(kept, given, strict=True))
    times = zip(decoded(tmp_path / f"joined{suffix}"), decoded(clip), strict=True)
    assert all(abs(now - before) <= unit for (now, _), (before, _) in times)
    with av.open(str(tmp_path / f"joined{suffix}")) as container:
        assert container.streams.audio[0].language == "fin"


def heard(path):
    """The samples of a file, and when they begin."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SOUND_RATE)
        frames = [new for frame in container.decode(audio=0) for new in resampler.resample(frame)]
    return frames[0].pts * frames[0].time_base, np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize(
    ("codec", "suffix", "told"), [("aac", ".webm", "aac -> opus"), ("pcm_s16le", ".mp4", "pcm_s16le -> aac")]
)
def test_sound_that_does_not_fit_is_encoded_and_the_report_says_so(tmp_path, codec, suffix, told):
    clip = write_clip(tmp_path / "source.mov", make_pictures(50), sound=codec, sound_start=4800)
    frames = list(read(clip))
    segments = write_segments(tmp_path, suffix, [f.picture for f in frames], [f.time for f in frames])
    report = join(segments, tmp_path / f"joined{suffix}", Sound(clip))
    assert (report.copied, report.encoded) == ((), (told,))
    (begin, before), (start, after) = heard(clip), heard(tmp_path / f"joined{suffix}")
    assert abs(start - begin) < 0.025  # a frame of the codec
    assert abs((start + len(after) / SOUND_RATE) - (begin + len(before) / SOUND_RATE)) < 0.025
    part = after[20000:68000]
    lags = range(-3000, 3000)
    lag = lags[int(np.argmax(np.correlate(before[17000:70999], part, "valid")))]
    assert abs(lag - (start - begin) * SOUND_RATE) <= 0.0015 * SOUND_RATE  # WebM counts milliseconds


def test_players_are_told_of_the_alpha_in_webm(tmp_path):
    segments = write_segments(tmp_path, ".webm", with_alpha(4), [0, 512, 1024, 1536], 2, alpha=True)
    join(segments, tmp_path / "joined.webm")
    assert b"\x53\xc0\x81\x01" in (tmp_path / "joined.webm").read_bytes()  # the element AlphaMode


def test_sound_ends_where_it_is_told_to(tmp_path):
    clip = write_clip(tmp_path / "source.mp4", make_pictures(50), sound="aac")
    segments = write_segments(tmp_path, ".mp4", make_pictures(10), [512 * index for index in range(10)], 1)
    join(segments, tmp_path / "joined.mp4", Sound(clip, end=Fraction(10, 25)))
    kept = sound_packets(tmp_path / "joined.mp4")
    assert kept == sound_packets(clip)[: len(kept)]
    assert Fraction(10, 25) - Fraction(1024, SOUND_RATE) <= kept[-1][0] < Fraction(10, 25)


def test_frames_and_sound_move_together(tmp_path):
    times = [900_000 + 3600 * index for index in range(20)]
    clip = write_clip(
        tmp_path / "a.ts", make_pictures(20), times, Fraction(1, 90000), sound="aac", sound_start=10 * SOUND_RATE + 2400
    )
    info, frames = probe(clip), list(read(clip))
    segments = write_segments(
        tmp_path, ".mp4", [f.picture for f in frames], [f.time for f in frames], time_base=info.time_base
    )
    join(segments, tmp_path / "joined.mp4", Sound(clip), shift=info.origin)
    first, sound = decoded(tmp_path / "joined.mp4")[0][0], heard(tmp_path / "joined.mp4")[0]
    assert 0 <= first < 0.1
    assert abs((sound - first) - (heard(clip)[0] - frames[0].time * info.time_base)) < 0.001


def test_a_turned_source_gives_an_upright_video_that_is_not_turned_again(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", make_pictures(4), sound="aac")
    set_matrix(clip, 0, 1, -1, 0)
    frames = list(read(clip))
    join(
        write_segments(tmp_path, ".mp4", [f.picture for f in frames], [f.time for f in frames], 2),
        tmp_path / "joined.mp4",
        Sound(clip),
    )
    info = probe(tmp_path / "joined.mp4")
    assert (info.size, info.turn.degrees) == ((160, 90), 0)
    picture = next(read(tmp_path / "joined.mp4")).picture
    assert np.abs(picture.astype(int) - frames[0].picture).mean() < 4


def test_colours_and_pixels_keep_their_tags(tmp_path):
    join(write_segments(tmp_path, ".mp4", make_pictures(4), [0, 512, 1024, 1536], 2), tmp_path / "joined.mp4")
    assert str(probe(tmp_path / "joined.mp4").colour) == "BT.709 limited"


def test_damaged_sound_is_told_and_the_frames_are_kept(tmp_path):
    clip = write_clip(
        tmp_path / "a.mp4", make_pictures(50), sound="aac", muxer_options={"movflags": "faststart"}, options={"bf": "0"}
    )
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    segments = write_segments(tmp_path, ".mp4", make_pictures(6), [512 * index for index in range(6)], 2)
    report = join(segments, tmp_path / "joined.mp4", Sound(clip))
    assert report.frames == len(decoded(tmp_path / "joined.mp4")) == 6


def test_a_source_without_sound(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", make_pictures(3))
    segments = write_segments(tmp_path, ".mp4", make_pictures(3), [0, 512, 1024], 1)
    assert join(segments, tmp_path / "joined.mp4", Sound(clip)).copied == ()


def test_what_does_not_fit_is_told_and_leaves_nothing(tmp_path):
    one = write_segments(tmp_path / "one", ".mp4", make_pictures(3), [0, 512, 1024], 1)
    other = write_segments(tmp_path / "other", ".mp4", make_pictures(3, (64, 64)), [1536, 2048, 2560], 1)
    output = tmp_path / "out" / "joined.mp4"
    with pytest.raises(VideoError, match=r"segment0\.mp4 differs from the segments before"):
        join([*one, *other], output)
    with pytest.raises(VideoError, match="no video at"):
        join([*one, tmp_path / "none.mp4"], output)
    with pytest.raises(VideoError, match="cannot be written"):  # the times go back
        join([*one, *one], output)
    with pytest.raises(UsageError, match="nothing to join"):
        join([], output)
    assert not list((tmp_path / "out").glob("*"))


def test_sound_alone_is_no_segment(tmp_path):
    with pytest.raises(VideoError, match="has no video in it"):
        join([write_sound(tmp_path / "a.m4a")], tmp_path / "joined.mp4")
