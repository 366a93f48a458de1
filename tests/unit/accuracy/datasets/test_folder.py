from __future__ import annotations

import random
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from helpers.picture_files import SIZE, colours, grey, rgba, touch, write

from omz.accuracy.datasets.compositing import fingerprint
from omz.accuracy.datasets.folder import check_dataset, open_dataset
from omz.accuracy.datasets.layouts import LAYOUTS
from omz.errors import DataError
from omz.synthesis.scene import make_scene


def samples(folder: Path, **options: object) -> dict:
    dataset = open_dataset(folder, **options)
    return {entry.name: dataset.read(entry) for entry in dataset.entries}


def level(picture: np.ndarray | None) -> int | None:
    """The level of a picture that :func:`colours` made."""
    if picture is None:
        return None
    np.testing.assert_array_equal(picture, colours(int(picture[0, 0, 0])))
    return int(picture[0, 0, 0])


def test_omz_clips(tmp_path):
    for number, name in enumerate(("a/1", "a/2", "b/1")):
        write(tmp_path / f"com/{name}.png", colours(number))
        write(tmp_path / f"bgr/{name}.png", colours(10 + number))
        write(tmp_path / f"fgr/{name}.png", rgba(20 + number, 51 * number))
    found = samples(tmp_path)
    assert list(found) == ["a/1", "a/2", "b/1"]
    for number, sample in enumerate(found.values()):
        assert [level(each) for each in (sample.picture, sample.plate, sample.foreground)] == [
            number,
            10 + number,
            20 + number,
        ]
        assert (sample.alpha == 51 * number / 255).all()
    assert open_dataset(tmp_path).title == f"{tmp_path} (omz_clips)"


def test_per_clip_with_deep_alpha(tmp_path):
    write(tmp_path / "a/com/1.jpg", colours(128))
    write(tmp_path / "a/fgr/1.png", colours(5))
    write(tmp_path / "a/pha/1.png", np.full(SIZE, 257, np.uint16))
    (sample,) = samples(tmp_path).values()
    assert (level(sample.foreground), sample.plate) == (5, None)
    assert (sample.alpha == 257 / 65535).all()


def test_matting_human(tmp_path):
    write(tmp_path / "clip_img/18/clip_00/18-7.jpg", colours(128))
    write(tmp_path / "matting/18/matting_00/18-7.png", rgba(9, 102))
    touch(tmp_path, "matting/18/._matting_00/18-7.png", "clip_img/18/clip_00/._18-7.jpg")
    (sample,) = samples(tmp_path).values()
    assert (sample.entry.name, sample.entry.clip) == ("18/00/18-7", "18/00")
    assert (sample.alpha == 0.4).all()
    assert sample.foreground is None


def test_matting_human_generated(tmp_path):
    for split, alpha in (("train", 1), ("test", 102)):
        write(tmp_path / f"{split}/clip_img/18/clip_00/7.jpg", colours(128))
        write(tmp_path / f"{split}/alpha/18/matting_00/7.png", grey(alpha))
        write(tmp_path / f"{split}/trimap/18/matting_00/7.png", grey(128))
        write(tmp_path / f"{split}/matting/18/matting_00/7.png", rgba(0, 0))
    (sample,) = samples(tmp_path).values()
    assert (sample.alpha == 0.4).all()
    assert (sample.trimap == 128).all()
    (sample,) = samples(tmp_path / "train").values()
    assert (sample.alpha == 1 / 255).all()


def test_flat_pairs(tmp_path):
    write(tmp_path / "images/cat.bmp", colours(1))
    write(tmp_path / "alpha/cat.png", grey(255))
    write(tmp_path / "bgr/cat.webp", np.zeros((*SIZE, 3), np.uint8))
    write(tmp_path / "trimap/cat.tif", grey(255))
    (sample,) = samples(tmp_path).values()
    assert level(sample.picture) == 1
    assert (sample.alpha == 1).all()
    assert (sample.trimap == 255).all()
    assert (sample.plate == 0).all()


def test_pictures_without_truth(tmp_path):
    write(tmp_path / "1.png", colours(1))
    write(tmp_path / "bgr/1.png", colours(2))
    (sample,) = samples(tmp_path).values()
    assert (level(sample.picture), level(sample.plate), sample.alpha) == (1, 2, None)


def clips(folder: Path, count: int = 4) -> Path:
    for clip in range(count):
        for frame in range(2):
            write(folder / f"set/fgr/{clip}/{frame}.png", colours(200))
            write(folder / f"set/pha/{clip}/{frame}.png", grey(51))
    for number in range(5):
        write(folder / f"backgrounds/{number}.png", colours(10 * number, (12, 20)))
    return folder / "set"


def test_videomatte_is_placed_before_backgrounds(tmp_path):
    found = samples(clips(tmp_path), backgrounds=tmp_path / "backgrounds")
    assert len(found) == 8
    for sample in found.values():
        assert sample.entry.files["background"].parent == tmp_path / "backgrounds"
        background = 10 * int(sample.entry.files["background"].stem)
        assert level(sample.plate) == background
        assert level(sample.picture) == round(0.2 * 200 + 0.8 * background)
        assert level(sample.foreground) == 200
    by_clip = {sample.entry.clip: set() for sample in found.values()}
    for sample in found.values():
        by_clip[sample.entry.clip].add(sample.entry.files["background"])
    assert all(len(files) == 1 for files in by_clip.values())
    assert len(set.union(*by_clip.values())) > 1


def test_subset_order_and_repetition_change_no_pixel(tmp_path):
    folder = clips(tmp_path, 12)
    whole = open_dataset(folder, backgrounds=tmp_path / "backgrounds", seed=3)
    expected = {entry.name: fingerprint(whole.read(entry).picture) for entry in whole.entries}
    shuffled = random.Random(0).sample(whole.entries, k=9) * 2
    assert all(fingerprint(whole.read(entry).picture) == expected[entry.name] for entry in shuffled)
    for clip in (0, 2, 3, 7, 11):
        for kind in ("fgr", "pha"):
            (folder / kind / str(clip)).rename(tmp_path / f"{kind}{clip}")
    fewer = open_dataset(folder, backgrounds=tmp_path / "backgrounds", seed=3)
    assert len(fewer.entries) == 14
    assert all(fingerprint(fewer.read(entry).picture) == expected[entry.name] for entry in fewer.entries)
    other = open_dataset(folder, backgrounds=tmp_path / "backgrounds", seed=4)
    assert any(fingerprint(other.read(entry).picture) != expected[entry.name] for entry in other.entries)


def test_compositing_uses_its_own_backgrounds_one_a_picture(tmp_path):
    for number in range(30):
        write(tmp_path / f"fgr/{number}.png", rgba(100, 0))
    for number in range(5):
        write(tmp_path / f"bgr/{number}.jpg", np.full((3, 4, 3), 40 * number, np.uint8))
    found = samples(tmp_path, layout="compositing")
    assert {int(sample.picture[0, 0, 0]) for sample in found.values()} == {0, 40, 80, 120, 160}


def test_backgrounds_are_asked_for_where_they_are_needed_and_only_there(tmp_path):
    folder = clips(tmp_path)
    with pytest.raises(DataError, match=r"set/bgr has no backgrounds; name a folder of images"):
        open_dataset(folder)
    touch(tmp_path, "flat/images/1.png", "flat/alpha/1.png")
    with pytest.raises(DataError, match=r"flat has images \(flat\), which need no backgrounds; leave .* out"):
        open_dataset(tmp_path / "flat", backgrounds=tmp_path / "backgrounds")


def test_missing_pairs_stop_or_are_counted(tmp_path):
    touch(tmp_path, "images/1.jpg", "images/2.jpg", "images/3.jpg", "alpha/1.png", "alpha/4.png")
    with pytest.raises(DataError, match=r"alpha/2\.\* is missing, .*; 2 more such files, see --check_dataset"):
        open_dataset(tmp_path)
    dataset = open_dataset(tmp_path, allow_missing=True)
    assert [entry.name for entry in dataset.entries] == ["1"]
    assert dataset.left_out == ["2", "3", "4"]


def test_twins_stop_even_if_files_may_be_missing(tmp_path):
    touch(tmp_path, "images/1.jpg", "images/1.png", "alpha/1.png")
    with pytest.raises(DataError, match=r"1\.png stands for the same frame as 1\.jpg; keep one of the two$"):
        open_dataset(tmp_path, allow_missing=True)


def test_a_dataset_without_a_whole_frame_is_refused(tmp_path):
    touch(tmp_path, "images/1.jpg", "alpha/2.png")
    with pytest.raises(DataError, match="has no frame with all its files"):
        open_dataset(tmp_path, LAYOUTS["flat"], allow_missing=True)


def test_no_file_is_left_behind(tmp_path):
    folder = clips(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    samples(folder, backgrounds=tmp_path / "backgrounds")
    assert sorted(tmp_path.rglob("*")) == before


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
    write(folder / f"images/{name}.png", colours(9 + int(name)))
    write(folder / f"alpha/{name}{suffix}", soft() if alpha is None else alpha)
    return folder


def test_a_sound_dataset_has_no_problem(tmp_path):
    pair(pair(tmp_path), "2")
    write(tmp_path / "trimap/1.png", grey(128))
    write(tmp_path / "trimap/2.png", np.dstack([grey(128)] * 3))
    touch(tmp_path, "images/._1.png", "alpha/.DS_Store")
    assert check_dataset(tmp_path) == ()


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
        ("error", "images/4.png", "cannot be read as an image: image file is truncated"),
        ("error", "alpha/4.png", "is empty"),
        ("error", "alpha/5.png", "is coloured: its channels differ"),
        ("error", "alpha/6.png", "has an alpha channel beside its greys"),
        ("error", "images/8.png", "is not an image in a known format"),
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
        (grey(255), ".png", "is 1 everywhere: a constant"),
        (grey(200), ".png", "is 0.78 everywhere: a constant"),
        (soft() // 255, ".png", "is nowhere above 0.0039 of the range of its depth"),
        (soft() // 2, ".png", "is nowhere above 0.5 of the range of its depth"),
        (soft().astype(np.uint16) * 16, ".png", "is nowhere above 0.062 of the range of its depth"),
        (soft() // 255 * 255, ".png", "has 0 and 1 alone: a mask"),
        (soft(), ".jpg", "is a JPEG"),
    ],
)
def test_what_is_odd_and_no_error_is_a_remark(tmp_path, alpha, suffix, remark):
    assert told(pair(tmp_path, "1", alpha, suffix)) == [("remark", f"alpha/1{suffix}", remark)]


def scene_files(folder: Path, number: int = 0, **changed: np.ndarray) -> Path:
    """Write an image with its plate, its alpha, and its foreground; ``changed`` are written instead."""
    scene = make_scene(number, (48, 64), "test")
    alpha = np.rint(255 * scene.alpha).astype(np.uint8)
    files = {"com": scene.picture, "bgr": scene.plate, "pha": alpha, "fgr": scene.foreground} | changed
    for role, levels in files.items():
        write(folder / f"{role}/clip/{number}.png", levels)
    return folder


@pytest.mark.parametrize("left_out", [(), ("bgr",), ("fgr",)])
@pytest.mark.parametrize("number", range(4))
def test_alpha_that_is_inverted_is_a_remark(tmp_path, number, left_out):
    upright = np.rint(255 * make_scene(number, (48, 64), "test").alpha).astype(np.uint8)
    for folder, alpha in (("right", upright), ("wrong", 255 - upright)):
        scene_files(tmp_path / folder, number, pha=alpha)
        for role in left_out:
            shutil.rmtree(tmp_path / folder / role)
    assert told(tmp_path / "right") == []
    assert told(tmp_path / "wrong") == [("remark", f"pha/clip/{number}.png", "looks inverted")]


def test_alpha_that_is_1_at_its_edges_is_a_remark_where_nothing_else_tells(tmp_path):
    disc = np.zeros((48, 64), np.uint8)
    disc[12:, 20:44] = 255  # a person, who reaches out of the lower edge
    for name, alpha in (("right", disc), ("wrong", 255 - disc)):
        write(tmp_path / name / "images/1.png", make_scene(0, (48, 64), "test").picture)
        write(tmp_path / name / "alpha/1.png", np.where(alpha == 255, 255, alpha // 2 + 3).astype(np.uint8))
    assert told(tmp_path / "right") == []
    assert told(tmp_path / "wrong") == [("remark", "alpha/1.png", "looks inverted")]


def test_images_that_are_transparent_in_parts_are_a_remark(tmp_path):
    write(pair(tmp_path) / "images/1.png", rgba(9, 200))
    write(tmp_path / "bgr/1.png", rgba(9, 255))
    assert told(tmp_path) == [("remark", "images/1.png", "is transparent in parts")]


def test_frames_that_are_there_twice_are_a_remark_unless_a_clip_stands_still(tmp_path):
    pair(pair(tmp_path, "1"), "2")
    shutil.copy(tmp_path / "images/1.png", tmp_path / "images/2.png")
    assert told(tmp_path) == [("remark", "images/2.png", f"is the same as {tmp_path / 'images/1.png'}")]
    write(tmp_path / "alpha/2.png", soft()[:, ::-1])
    assert told(tmp_path) == []
    clip = tmp_path / "clip"
    for path in [*scene_files(clip).rglob("*.png")]:
        shutil.copy(path, path.with_name("1.png"))
    assert told(clip) == []


REMARKED = {
    "masks of 0 and 1": {"pha": grey(1, (48, 64))},
    "inverted": {"pha": 255 - np.rint(255 * make_scene(0, (48, 64), "test").alpha).astype(np.uint8)},
    "constant": {"pha": grey(255, (48, 64))},
    "empty": {"pha": grey(0, (48, 64))},
    "16 bits": {"com": make_scene(0, (48, 64), "test").picture.astype(np.uint16) * 257},
    "transparent": {"bgr": np.dstack([make_scene(0, (48, 64), "test").plate, grey(7, (48, 64))])},
}


@pytest.mark.parametrize("changed", REMARKED.values(), ids=REMARKED)
def test_reading_a_frame_tells_all_that_the_check_tells(tmp_path, changed):
    folder = scene_files(tmp_path, **changed)
    problems = check_dataset(folder)
    assert {problem.severity for problem in problems} == {"remark"}
    (sample,) = samples(folder).values()
    assert [*map(str, sample.remarks)] == [*map(str, problems)]


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
    assert told(tmp_path) == [
        ("error", "bgr/2.png", "is not an image in a known format"),
    ]
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
            write(tmp_path / f"images/{number}.png", colours(number, (400, 300)))
        tracemalloc.start()
        try:
            assert check_dataset(tmp_path) == ()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    check_dataset(pair(tmp_path))  # imports
    assert peak(30) < peak(3) + 500_000
