"""Where the results of videos go."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from omz_demo.inputs.discovery import Input
from omz_demo.outputs.video_names import name_videos


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (None, ["out/a_alpha.mp4", "out/a_cutout.mov"]),
        (".webm", ["out/a_alpha.webm", "out/a_cutout.webm"]),
        (".png", ["out/a_alpha", "out/a_cutout"]),
    ],
)
def test_the_suffix_is_that_of_the_format(suffix, expected):
    film = Input("in/a.avi", PurePosixPath("a.avi"), "video")
    (outputs,) = name_videos([film], Path("out"), ("alpha", "cutout"), suffix).values()
    assert [path.as_posix() for path in outputs.values()] == expected


def test_a_folder_of_frames_is_never_called_like_a_file():
    films = [Input(f"in/{name}", PurePosixPath(name), "video") for name in ("a.mp4", "a.mov", "b.v1.mp4")]
    named = name_videos(films, Path("out"), ("composite",), ".png")
    assert [path.as_posix() for outputs in named.values() for path in outputs.values()] == [
        "out/a_mp4", "out/a_mov", "out/b_v1",
    ]  # fmt: skip
