"""Videos as they come: joined streams, odd names, transparency, animations, and a command that is told to end."""

from __future__ import annotations

import shutil
import signal
import subprocess
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.clips import sound_packets, write_clip
from helpers.films import SIZE, Film, alphas, demo, make_film, matte, sequence, shots, times
from helpers.stopped_command import stopped_command
from PIL import Image

from omz.video.reading import read

STREAM = {"codec": "libx264", "pixel_format": "yuv420p", "options": {"bf": "0", "crf": "4"}}


def done(*arguments: object) -> str:
    result = demo(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def flags_for(film: Film, path: object) -> tuple[str, ...]:
    return (str(path), *film.flags[1:])


def test_a_joined_stream_keeps_all_frames_and_all_sound(tmp_path):
    film = make_film(tmp_path / "in", 12, name="a.ts", sound="aac", **STREAM)
    part = film.path.read_bytes()
    joined = film.path.with_name("joined.ts")
    joined.write_bytes(part * 3)
    done(*flags_for(film, joined), "--target", "green", "-o", tmp_path / "out.mp4")
    found = times(tmp_path / "out.mp4")
    assert len(found) == 36
    assert all(earlier < later for earlier, later in pairwise(found))
    heard = [at for at, _ in sound_packets(tmp_path / "out.mp4")]
    assert len(heard) == 3 * len(sound_packets(film.path))
    assert all(earlier < later for earlier, later in pairwise(heard))
    assert abs(heard[-1] - found[-1]) < 0.2


def test_a_joined_stream_over_standard_input(tmp_path):
    film = make_film(tmp_path / "in", 12, name="a.ts", **STREAM)
    result = demo(*flags_for(film, "-"), "-o", tmp_path / "out.mov", data=film.path.read_bytes() * 2)
    assert result.exit_code == 0, result.output
    assert len(alphas(tmp_path / "out.mov")) == 24


def test_names_with_colons_everywhere(tmp_path, monkeypatch):
    film = make_film(tmp_path / "in", 6, name="12:30.mp4", sound="aac")
    monkeypatch.chdir(tmp_path / "in")
    shutil.copy("12:30.mp4", "http:x.mp4")
    done("12:30.mp4", "--plate", "http:x.mp4", *film.flags[3:], "--target", "12:30.mp4", "-o", "take:1.mp4")
    assert len(times(Path("./take:1.mp4").absolute())) == 6
    assert len(sound_packets(Path("./take:1.mp4").absolute())) > 5


def test_a_url_of_a_file_is_the_file(tmp_path):
    film = make_film(tmp_path / "in", 30, name="my clip.mp4", sound="aac")
    output = (tmp_path / "out.mov").as_uri()
    said = done(film.path.as_uri(), "--plate", (tmp_path / "in" / "plate.png").as_uri(), *film.flags[3:], "-o", output)
    assert "dropped" not in said
    np.testing.assert_array_equal(alphas(tmp_path / "out.mov"), np.array(film.mattes).astype(np.uint8) * 255)
    assert len(sound_packets(tmp_path / "out.mov")) == len(sound_packets(film.path))


def test_what_is_transparent_stays_transparent(tmp_path):
    film = make_film(tmp_path / "in", 5)
    path = tmp_path / "in" / "alpha.mov"
    opacity = np.tile(np.linspace(0, 255, SIZE[1]).round().astype(np.uint8), (SIZE[0], 1))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("qtrle", 25)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "argb"
        for index, picture in enumerate(film.pictures):
            frame = av.VideoFrame.from_ndarray(np.dstack([picture, opacity]), format="bgra").reformat(format="argb")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    done(*flags_for(film, path), "-o", tmp_path / "out")
    for picture, subject in zip(sequence(tmp_path / "out"), film.mattes, strict=True):
        np.testing.assert_array_equal(picture[..., 3], np.where(subject, opacity, 0))
    done(*flags_for(film, path), "--what", "alpha", "--alpha_bits", "16", "-o", tmp_path / "deep")
    for picture, subject in zip(sequence(tmp_path / "deep"), film.mattes, strict=True):
        np.testing.assert_array_equal(picture, np.where(subject, opacity.astype(np.uint16) * 257, 0))


def animation(path: Path, count: int = 4) -> list[np.ndarray]:
    pictures = shots(count)
    first, *more = [Image.fromarray(picture[..., ::-1].copy()) for picture in pictures]
    options = {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=more, duration=[100, 40, 250, 80][:count], loop=0, **options)
    return pictures


@pytest.mark.parametrize("kind", [".gif", ".png", ".webp"])
@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".mov"])
def test_animations_are_videos(tmp_path, kind, suffix):
    film = make_film(tmp_path / "in", 1)
    path = tmp_path / "in" / f"anim{kind}"
    animation(path)
    done(*flags_for(film, path), "-o", tmp_path / f"out{suffix}")
    frames = list(read(tmp_path / f"out{suffix}"))
    assert [frame.time for frame in frames][:3] == [0, 100, 140]
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.opacity, matte(index).astype(np.uint8) * 255)
    assert len(frames) == 4


def test_animations_without_a_name_for_the_result_stay_animations(tmp_path):
    film = make_film(tmp_path / "in", 1)
    folder = tmp_path / "many"
    folder.mkdir()
    for name in ("a.gif", "b.png", "c.webp"):
        animation(folder / name)
    cv2.imwrite(str(folder / "d.png"), shots(1)[0])
    done(*flags_for(film, folder), "-o", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").glob("[!.o]*"))
    assert names == ["a.webp", "b.png", "c.webp", "d.png"]
    for name in ("a.webp", "b.png", "c.webp"):
        assert len(list(read(tmp_path / "out" / name))) == 4


@pytest.mark.parametrize("kind", [".gif", ".png", ".webp"])
def test_animations_move_behind_the_subject_again_and_again(tmp_path, kind):
    film = make_film(tmp_path / "in", 20)
    target = tmp_path / f"target{kind}"
    colours = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 255)]
    first, *more = [Image.new("RGB", SIZE[::-1], colour[::-1]) for colour in colours]
    options = {"lossless": True} if kind == ".webp" else {}
    first.save(target, save_all=True, append_images=more, duration=[80, 40, 160, 120], loop=0, **options)
    done(*film.flags, "--target", target, "-o", tmp_path / "out")
    shown = [0, 0, 1, 2, 2, 2, 2, 3, 3, 3] * 2  # frames come every 40 ms
    for picture, subject, number in zip(sequence(tmp_path / "out"), film.mattes, shown, strict=True):
        assert (picture[~subject] == colours[number]).all()


def test_a_gif_says_that_it_has_no_soft_edges(tmp_path):
    film = make_film(tmp_path / "in", 3)
    assert "out.gif has hard edges" in done(*film.flags, "-o", tmp_path / "out.gif")
    assert "hard edges" not in done(*film.flags, "-o", tmp_path / "out.webp")


def test_an_animation_over_standard_input_is_refused(tmp_path):
    film = make_film(tmp_path / "in", 1)
    animation(tmp_path / "a.gif")
    result = demo(*flags_for(film, "-"), "-o", tmp_path / "out.png", data=(tmp_path / "a.gif").read_bytes())
    assert result.exit_code == 1
    assert "name a file" in result.output


def test_times_that_webm_lacks_are_told(tmp_path):
    film = make_film(tmp_path / "in", 12)
    path = tmp_path / "in" / "fast.mp4"
    write_clip(path, film.pictures, [4 * index for index in range(12)], Fraction(1, 12_000))
    said = done(*flags_for(film, path), "-o", tmp_path / "out.webm")
    assert "7 frames come at the time of the one before, for .webm counts 1 ms" in said
    assert "come at the time" not in done(*flags_for(film, path), "-o", tmp_path / "out.mov")
    assert times(tmp_path / "out.mov") == [Fraction(4 * index, 12_000) for index in range(12)]


def test_sound_that_cannot_be_written_is_told_before_the_first_frame(tmp_path):
    film = make_film(tmp_path / "in", 5, name="a.mkv", sound="aac")
    film.path.write_bytes(film.path.read_bytes().replace(b"A_AAC", b"A_ZZZ"))
    lines = done(*film.flags, "-o", tmp_path / "out.mov").splitlines()
    told = [number for number, line in enumerate(lines) if "the sound of" in line]
    assert len(told) == 1
    assert "its codec is unknown" in lines[told[0]]
    assert len(alphas(tmp_path / "out.mov")) == 5


def test_interlaced_frames_are_deinterlaced(tmp_path):
    options = {"flags": "+ildct+ilme", "qp": "0"}
    film = make_film(tmp_path / "in", 5, name="a.mkv", codec="libx264", pixel_format="yuv444p", options=options)
    with av.open(str(film.path)) as container:
        woven = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    done(*film.flags, "--what", "foreground", "-o", tmp_path / "out")
    found = sequence(tmp_path / "out")
    assert len(found) == 5
    assert not np.array_equal(found, woven)


def test_sigterm_ends_in_order(tmp_path):
    film = make_film(tmp_path / "in", 100)
    arguments = [*film.flags, "-o", tmp_path / "out.mov", "--segment_seconds", "0.2"]
    command = stopped_command("omz_demo", signal.SIGTERM, 3, *arguments)
    stopped = subprocess.run(command, capture_output=True, text=True, check=False)
    said = stopped.stderr.splitlines()
    assert stopped.returncode == 143
    assert "terminated" in said[-1]
    assert "--resume" in said[-1]
    done(*arguments, "--resume")
    np.testing.assert_array_equal(
        alphas(tmp_path / "out.mov"),
        np.array([matte(index) for index in range(100)]).astype(np.uint8) * 255,
    )
