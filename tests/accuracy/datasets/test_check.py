from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from accuracy.datasets.picture_files import SIZE, colours, grey, rgba, touch, write

from omz.accuracy.datasets.check import check_dataset
from omz.errors import DataError


def told(folder: Path, **options: object) -> list[tuple[str, str, str]]:
    """What is wrong, with paths from the folder on, and messages up to the first punctuation."""
    problems = check_dataset(folder, **options)
    assert all("\n" not in str(problem) and str(problem).startswith(str(problem.path)) for problem in problems)
    return [
        (problem.severity, problem.path.relative_to(folder).as_posix(), problem.message.split(";")[0].split(",")[0])
        for problem in problems
    ]


def soft(size: tuple[int, int] = SIZE) -> np.ndarray:
    return np.tile(np.linspace(0, 255, size[1]).astype(np.uint8), (size[0], 1))


def pair(folder: Path, name: str = "1", alpha: np.ndarray | None = None, suffix: str = ".png") -> Path:
    write(folder / f"images/{name}.png", colours(9))
    write(folder / f"alpha/{name}{suffix}", soft() if alpha is None else alpha)
    return folder


def test_a_sound_dataset_has_no_problem(tmp_path):
    pair(pair(tmp_path), "2")
    write(tmp_path / "trimap/1.png", grey(128))
    write(tmp_path / "trimap/2.png", np.dstack([grey(128)] * 3))
    touch(tmp_path, "images/._1.png", "alpha/.DS_Store")
    done = []
    assert check_dataset(tmp_path, on_progress=lambda *progress: done.append(progress)) == ()
    assert done == [(1, 2), (2, 2)]


def test_every_problem_of_every_file_is_named(tmp_path):
    for number in range(1, 9):
        pair(tmp_path, str(number))
    (tmp_path / "alpha/1.png").unlink()
    (tmp_path / "images/2.png").unlink()
    write(tmp_path / "alpha/3.png", soft((6, 7)))
    cut = (tmp_path / "images/4.png").read_bytes()[:-30]
    (tmp_path / "images/4.png").write_bytes(cut)
    (tmp_path / "alpha/4.png").write_bytes(b"")
    write(tmp_path / "alpha/5.png", colours(5))
    write(tmp_path / "alpha/6.png", rgba(5, 6))
    write(tmp_path / "images/7.jpg")
    (tmp_path / "images/8.png").write_text("no picture")
    assert told(tmp_path) == [
        ("error", "images/7.png", "stands for the same frame as 7.jpg"),
        ("error", "alpha/1.*", "is missing"),
        ("error", "images/2.*", "is missing"),
        ("error", "alpha/3.png", "is 7x6"),
        ("error", "images/4.png", "cannot be read as a picture: image file is truncated"),
        ("error", "alpha/4.png", "is empty"),
        ("error", "alpha/5.png", "is coloured: its channels differ"),
        ("error", "alpha/6.png", "has an alpha channel beside its greys"),
        ("error", "images/8.png", "is no picture in a format that can be read"),
    ]


def test_files_of_frames_that_are_not_whole_are_read_too(tmp_path):
    pair(tmp_path)
    write(tmp_path / "alpha/2.png", colours(5))
    assert told(tmp_path, allow_missing=True) == [
        ("remark", "images/2.*", "is missing"),
        ("error", "alpha/2.png", "is coloured: its channels differ"),
    ]


def test_a_missing_file_of_alpha_is_told_once(tmp_path):
    for name in ("1", "2"):
        write(tmp_path / f"com/a/{name}.png")
        write(tmp_path / f"fgr/a/{name}.png")
    write(tmp_path / "pha/a/1.png", soft())
    assert told(tmp_path) == [("error", "pha/a/2.*", "is missing")]


def test_a_foreground_without_alpha_is_an_error_unless_it_is_elsewhere(tmp_path):
    write(tmp_path / "com/a/1.png")
    write(tmp_path / "fgr/a/1.png")
    assert told(tmp_path) == [("error", "fgr/a/1.png", "has no alpha channel")]
    write(tmp_path / "pha/a/1.png", soft())
    assert told(tmp_path) == []
    (tmp_path / "pha/a/1.png").write_bytes(b"")
    assert told(tmp_path) == [("error", "pha/a/1.png", "is empty")]


@pytest.mark.parametrize(
    ("alpha", "suffix", "remark"),
    [
        (grey(0), ".png", "is empty: a frame without a subject"),
        (soft() // 255, ".png", "is nowhere above 0.0039 of the range of its depth"),
        (soft().astype(np.uint16) * 16, ".png", "is nowhere above 0.062 of the range of its depth"),
        (soft() // 255 * 255, ".png", "has 0 and 1 alone: a mask"),
        (soft(), ".jpg", "is a JPEG"),
    ],
)
def test_what_is_odd_and_no_error_is_a_remark(tmp_path, alpha, suffix, remark):
    assert told(pair(tmp_path, "1", alpha, suffix)) == [("remark", f"alpha/1{suffix}", remark)]


def test_sixteen_bits_are_right_for_alpha_and_a_remark_for_colours(tmp_path):
    pair(tmp_path, alpha=soft().astype(np.uint16) * 257)
    write(tmp_path / "images/1.png", colours(9).astype(np.uint16) * 257)
    assert told(tmp_path) == [("remark", "images/1.png", "has 16 bits")]


@pytest.mark.parametrize(
    ("level", "problem"),
    [
        (127, ("error", "trimap/1.png", "has the greys 127")),
        (255, ("remark", "trimap/1.png", "has no unknown pixel (grey 128)")),
    ],
)
def test_trimaps(tmp_path, level, problem):
    write(pair(tmp_path) / "trimap/1.png", grey(level))
    assert told(tmp_path) == [problem]


def test_backgrounds_are_checked(tmp_path):
    write(tmp_path / "fgr/1.png", np.dstack([colours(0), soft()]))
    write(tmp_path / "bgr/1.png", colours(0, (3, 3)))
    write(tmp_path / "bgr/2.png").write_bytes(b"\x89PNG")
    done = []
    assert told(tmp_path, on_progress=lambda *progress: done.append(progress)) == [
        ("error", "bgr/2.png", "is no picture in a format that can be read"),
    ]
    assert done[-1] == (3, 3)
    with pytest.raises(DataError, match="has no backgrounds"):
        check_dataset(tmp_path, backgrounds=tmp_path / "none")


def test_a_dataset_without_a_whole_frame_is_an_error(tmp_path):
    touch(tmp_path, "images/1.png", "alpha/2.png")
    assert told(tmp_path, allow_missing=True)[-1] == ("error", ".", "has no frame with all its files")
    with pytest.raises(DataError, match="no known layout"):
        check_dataset(touch(tmp_path / "other", "1.txt"))


def test_memory_does_not_grow_with_the_number_of_frames(tmp_path):
    def peak(count: int) -> int:
        for number in range(count):
            pair(tmp_path, str(number), soft((400, 300)))
            write(tmp_path / f"images/{number}.png", colours(0, (400, 300)))
        tracemalloc.start()
        try:
            assert check_dataset(tmp_path) == ()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    check_dataset(pair(tmp_path))  # imports
    assert peak(30) < peak(3) + 500_000
