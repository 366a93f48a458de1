from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from helpers.picture_files import touch
from hypothesis import given
from hypothesis import strategies as st

from omz.accuracy.datasets.frames import find_frames
from omz.accuracy.datasets.layouts import LAYOUTS, Layout
from omz.errors import DataError


def names(frames) -> list[str]:
    return [entry.name for entry in frames.entries]


def test_files_of_one_name_are_a_frame_whatever_their_format(tmp_path):
    touch(tmp_path, "com/a/1.jpg", "bgr/a/1.PNG", "fgr/a/1.webp")
    (entry,) = find_frames(tmp_path, LAYOUTS["omz_clips"]).entries
    assert (entry.name, entry.clip, entry.index) == ("a/1", "a", 0)
    assert entry.files == {
        "picture": tmp_path / "com/a/1.jpg",
        "plate": tmp_path / "bgr/a/1.PNG",
        "foreground": tmp_path / "fgr/a/1.webp",
    }


def test_frames_follow_in_natural_order_and_are_counted_by_clip(tmp_path):
    order = [("a2", "9"), ("a2", "10"), ("a10", "0"), ("a10", "1")]
    touch(tmp_path, *(f"{kind}/{clip}/{frame}.png" for clip, frame in reversed(order) for kind in ("com", "fgr")))
    entries = find_frames(tmp_path, LAYOUTS["omz_clips"]).entries
    assert [(entry.clip, entry.name.split("/")[1], entry.index) for entry in entries] == [
        ("a2", "9", 0), ("a2", "10", 1), ("a10", "0", 0), ("a10", "1", 1),
    ]  # fmt: skip


def test_pictures_without_clips_have_no_index(tmp_path):
    touch(tmp_path, *(f"{kind}/{name}.png" for kind in ("images", "alpha") for name in ("cat", "dog")))
    entries = find_frames(tmp_path, LAYOUTS["flat"]).entries
    assert [(entry.name, entry.clip, entry.index) for entry in entries] == [("cat", "", 0), ("dog", "", 0)]


def test_one_missing_file_shifts_nothing_and_is_named(tmp_path):
    """Where upstream pairs by position, each later frame gets the truth of another."""
    touch(tmp_path, *(f"clip_img/d/clip_1/d-{frame}.jpg" for frame in range(4)))
    touch(tmp_path, *(f"matting/d/matting_1/d-{frame}.png" for frame in (0, 2, 3)))
    frames = find_frames(tmp_path, LAYOUTS["matting_human"])
    assert names(frames) == ["d/1/d-0", "d/1/d-2", "d/1/d-3"]
    assert [entry.index for entry in frames.entries] == [0, 2, 3]
    assert all(entry.files["picture"].stem == entry.files["cutout"].stem for entry in frames.entries)
    assert [entry.name for entry in frames.incomplete] == ["d/1/d-1"]
    (problem,) = frames.missing
    assert problem.path == tmp_path / "matting/d/matting_1/d-1.*"
    assert "is missing, the cutout of a frame; add it" in str(problem)


def test_a_role_that_is_there_at_all_is_needed_by_every_frame(tmp_path):
    touch(tmp_path, "com/a/1.png", "fgr/a/1.png", "com/b/1.png", "fgr/b/1.png")
    assert len(find_frames(tmp_path, LAYOUTS["omz_clips"]).entries) == 2
    touch(tmp_path, "bgr/a/1.png", "bgr/c/7.png")
    frames = find_frames(tmp_path, LAYOUTS["omz_clips"])
    assert names(frames) == ["a/1"]
    assert [problem.path.relative_to(tmp_path).as_posix() for problem in frames.missing] == [
        "bgr/b/1.*", "com/c/7.*", "fgr/c/7.*",
    ]  # fmt: skip


def test_two_files_of_one_frame_are_ambiguous(tmp_path):
    touch(tmp_path, "images/1.jpg", "images/1.png", "alpha/1.png")
    (problem,) = find_frames(tmp_path, LAYOUTS["flat"]).ambiguous
    assert str(problem) == f"{tmp_path}/images/1.png stands for the same frame as 1.jpg; keep one of the two"


def generated(folder: Path, split: str = "test") -> Path:
    for frame in range(3):
        touch(folder / split, f"clip_img/d/clip_1/{frame}.jpg", f"alpha/d/matting_1/{frame}.png")
    return folder


@pytest.mark.parametrize(("split", "inner"), [("test", "."), ("test", "test"), ("eval", "eval")])
def test_the_list_of_a_generated_set_says_which_frames_count(tmp_path, split, inner):
    layout = LAYOUTS["matting_human_generated"]
    folder = generated(tmp_path, split) / inner
    assert names(find_frames(folder, layout)) == ["d/1/0", "d/1/1", "d/1/2"]
    listing = tmp_path / split / f"{split}.txt"
    listing.write_text("d/matting_1/2.png\nd/matting_1/0.png\n\nd/matting_1/9.png\n")
    frames = find_frames(folder, layout)
    assert names(frames) == ["d/1/0", "d/1/2"]
    assert {problem.path.name for problem in frames.missing} == {"9.*"}


@pytest.mark.parametrize(
    ("content", "reason"), [(b"elsewhere/1.png\n", "has a line 'elsewhere/1.png'"), (b"\xff", "list")]
)
def test_a_list_that_cannot_be_used_is_one_line(tmp_path, content, reason):
    (generated(tmp_path) / "test/test.txt").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        find_frames(tmp_path, LAYOUTS["matting_human_generated"])


def test_names_and_folders_can_be_others(tmp_path):
    """As Open Model Zoo's converters take them: folders, prefixes and suffixes of each kind of file."""
    touch(tmp_path, "x/in_1_c.png", "y/in_1.png", "x/other.png")
    layout = Layout("own", {"picture": "x/in_{frame}_c", "alpha": f"{tmp_path}/y/in_{{frame}}"}, needs=())
    (entry,) = find_frames(tmp_path, layout).entries
    assert entry.name == "1"
    assert entry.files == {"picture": tmp_path / "x/in_1_c.png", "alpha": tmp_path / "y/in_1.png"}


KINDS = {"com": "picture", "bgr": "plate", "pha": "alpha", "fgr": "foreground"}


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 12)),
        st.sets(st.sampled_from(sorted(KINDS)), min_size=1),
        max_size=10,
    )
)
def test_pairs_are_right_whatever_is_missing(there):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {(clip, frame, kind) for (clip, frame), kinds in there.items() for kind in kinds}
        touch(folder, *(f"{clip}/{kind}/{frame}.png" for clip, frame, kind in files))
        frames = find_frames(folder, LAYOUTS["per_clip"])
        needed = {kind for kinds in there.values() for kind in kinds}
        assert names(frames) == [f"{clip}/{frame}" for clip, frame in sorted(there) if there[clip, frame] == needed]
        for entry in frames.entries:
            clip, frame = entry.name.split("/")
            assert entry.files == {KINDS[kind]: folder / clip / kind / f"{frame}.png" for kind in needed}
        assert {problem.path.relative_to(folder).as_posix() for problem in frames.missing} == {
            f"{clip}/{kind}/{frame}.*" for clip, frame in there for kind in needed if (clip, frame, kind) not in files
        }
