"""Recurrent models in the commands: videos, images, stopped runs and clips, against a plain loop in ONNX Runtime."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.accuracy_command import run
from helpers.clips import make_mattes, make_pictures, write_clip
from helpers.films import LOSSLESS, demo
from helpers.role_networks import recurrent_loop, write_recurrent_zoo
from helpers.stopped_command import stopped_command

import omz
from omz.convert.converter import carry_out
from omz.convert.plan import plan_conversion
from omz.cutout.observer import Action
from omz.images.files import write_picture
from omz.zoo import Catalog

SIZE = (64, 96)
COUNT = 30
SEGMENT = ("--segment_seconds", "0.2")  # 5 frames
SIXTEEN = 65535
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Film:
    """A network, and a video of ``frames`` whose alpha is ``alphas``; ``flags`` are those of the command."""

    folder: Path
    frames: list[np.ndarray]
    alphas: list[np.ndarray]
    flags: tuple[str, ...]


@pytest.fixture(scope="module", params=[None, SIZE], ids=["any size", "one size"])
def film(request, tmp_path_factory) -> Film:
    folder = tmp_path_factory.mktemp("film")
    models, downloads, source = write_recurrent_zoo(folder, request.param)
    conversion = carry_out(plan_conversion(Catalog(models)["net"], downloads, folder / "ir"))
    frames = make_pictures(COUNT, SIZE)
    write_clip(folder / "clip.mp4", frames, **LOSSLESS)
    alphas = [alpha for alpha, _ in recurrent_loop(source, frames)]
    model = str(conversion.irs["FP32"].path)
    flags = ("-m", model, "--precision", "f32", "--what", "alpha", "--alpha_bits", "16", *SEGMENT)
    return Film(folder, frames, alphas, flags)


def video(film: Film) -> str:
    return str(film.folder / "clip.mp4")


def check(folder: Path, alphas: list[np.ndarray]) -> None:
    """Compare a sequence of pictures with alphas."""
    paths = sorted(folder.glob("*.png"))
    assert len(paths) == len(alphas)
    for path, alpha in zip(paths, alphas, strict=True):
        found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert found.dtype == np.uint16
        np.testing.assert_allclose(found / SIXTEEN, alpha, atol=TOLERANCE)


@pytest.mark.parametrize("requests", ["1", "4"])
def test_frames_of_a_video_follow_each_other(film, tmp_path, requests):
    result = demo(video(film), *film.flags, "-o", tmp_path / "out", "--num_requests", requests, "--json")
    assert result.exit_code == 0, result.output
    check(tmp_path / "out", film.alphas)
    assert '"requests": 1' in result.output


def test_each_video_begins_anew(film, tmp_path):
    videos = []
    (tmp_path / "in").mkdir()
    for name in ("a.mp4", "b.mp4"):
        videos.append(write_clip(tmp_path / "in" / name, film.frames[:6], **LOSSLESS))
    result = demo(tmp_path / "in", *film.flags, "-o", tmp_path / "out", "--format", "png")
    assert result.exit_code == 0, result.output
    for folder in [path for path in (tmp_path / "out").iterdir() if path.is_dir()]:
        check(folder, film.alphas[:6])
    assert len([path for path in (tmp_path / "out").iterdir() if path.is_dir()]) == len(videos)


@pytest.mark.parametrize("segments", [1, 3])
def test_a_killed_run_goes_on_from_the_states_it_had(film, tmp_path, segments):
    flags = (video(film), *film.flags, "-o", str(tmp_path / "out"))
    command = stopped_command("omz_demo", signal.SIGKILL, segments, *flags)
    stopped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert stopped.returncode == -signal.SIGKILL, stopped.stderr
    kept = {path: path.stat().st_mtime_ns for path in sorted((tmp_path / "out").glob("*.png"))[: 5 * segments]}
    result = demo(*flags, "--resume")
    assert result.exit_code == 0, result.output
    check(tmp_path / "out", film.alphas)
    assert len(kept) == 5 * segments
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_a_damaged_state_is_not_gone_on_from(film, tmp_path):
    flags = (video(film), *film.flags, "-o", str(tmp_path / "out"))
    stopped = subprocess.run(
        stopped_command("omz_demo", signal.SIGKILL, 3, *flags), capture_output=True, text=True, check=False
    )
    assert stopped.returncode == -signal.SIGKILL, stopped.stderr
    (tmp_path / ".out.omz_demo" / "states.00002.npz").write_bytes(b"")
    result = demo(*flags, "--resume")
    assert result.exit_code == 0, result.output
    assert "of 3 finished segments, number 3 is damaged" in result.output
    check(tmp_path / "out", film.alphas)


def test_an_image_depends_on_no_other(film, tmp_path):
    for index in (0, 9, 17):
        write_picture(tmp_path / "in" / f"{index:02d}.png", film.frames[index])
    result = demo(tmp_path / "in", *film.flags[:-2], "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    source = film.folder / "downloads" / "public" / "net" / "net.onnx"
    alphas = [next(iter(recurrent_loop(source, [film.frames[index]])))[0] for index in (0, 9, 17)]
    check(tmp_path / "out", alphas)
    assert np.abs(alphas[2] - film.alphas[17]).max() > 0.01  # so that it matters


def test_clips_are_scored_in_order_and_variants_agree(film, tmp_path):
    """The original remembers in ONNX Runtime, its IRs in OpenVINO: they agree only if each begins with its clip."""
    mattes = make_mattes(12, SIZE)
    for index, (frame, matte) in enumerate(zip(film.frames, mattes, strict=False)):
        name = f"clip{index // 6}/{index % 6:04d}.png"
        write_picture(tmp_path / "com" / name, frame)
        write_picture(tmp_path / "fgr" / name, np.dstack([frame, matte]))
        write_picture(tmp_path / "bgr" / name, frame)
    flags = ("--name", "net", "--models_dir", film.folder / "models", "-d", film.folder / "downloads")
    result = run(*flags, "--dataset", tmp_path, "--models", "original,FP32,FP16", "--threshold", "MAD=1%")
    assert result.exit_code == 0, result.output
    assert "PASSED" in result.output


class Screen(omz.Observer):
    """Sees frames as a window would."""

    def __init__(self) -> None:
        self.shown: list[np.ndarray] = []

    def watches(self, live: bool, recorded: bool) -> bool:
        return live

    def on_frame(self, picture: np.ndarray, lines: Sequence[str], pinned: bool = False) -> Action:
        self.shown.append(picture.copy())
        return Action.NONE


@pytest.mark.parametrize("smooth", [0.0, 0.5])
def test_a_video_in_a_loop_begins_anew_each_time(film, tmp_path, smooth):
    path = write_clip(tmp_path / "clip.mp4", film.frames[:5], **LOSSLESS)
    screen = Screen()
    options = {"model": film.flags[1], "precision": "f32", "target": "green", "show": True, "smooth": smooth}
    omz.cut_out(str(path), loop=True, limit=13, observer=screen, **options)
    assert len(screen.shown) == 13
    for index, picture in enumerate(screen.shown):
        np.testing.assert_array_equal(picture, screen.shown[index % 5])
    assert all((screen.shown[index] != screen.shown[0]).any() for index in range(1, 5))
