"""Inputs that texts stand for, on real folders."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.cutout.inputs import Input, discover, shard
from omz.errors import ImageError, UsageError
from omz.images.suffixes import natural
from omz.video.sequence import SequenceWriter


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(*texts: object, **options: object) -> list[str]:
    return [str(item.relative) for item in discover(map(str, texts), **options)]


@pytest.fixture
def tree(tmp_path, monkeypatch) -> Path:
    touch(tmp_path / "in", "b10.jpg", "b9.JPG", "a.png", "clip.mp4", "notes.txt", ".hidden.png", "sub/a.png")
    touch(tmp_path / "in", "sub/deep/c.tiff", ".git/d.png", "out/a.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_folder_gives_its_pictures_and_videos_in_natural_order(tree):
    assert found("in") == ["a.png", "b9.JPG", "b10.jpg", "clip.mp4"]
    assert [item.kind for item in discover(["in"])] == ["picture"] * 3 + ["video"]
    assert discover(["in"])[0].path == Path("in/a.png")


def test_a_tree_is_gone_through_but_for_what_is_hidden_or_excluded(tree):
    everything = ["a.png", "b9.JPG", "b10.jpg", "clip.mp4", "out/a.png", "sub/a.png", "sub/deep/c.tiff"]
    assert found("in", recursive=True) == everything
    assert found("in", recursive=True, exclude=[tree / "in" / "out", tree / "in" / "a.png"]) == [
        name for name in everything if name not in ("out/a.png", "a.png")
    ]
    assert found("in", recursive=True, exclude=[tree / "in"]) == everything  # results beside their inputs


def test_a_limit_is_of_the_pictures_that_each_text_stands_for(tree):
    assert found("in", "in/sub", limit=1) == ["a.png", "clip.mp4", "a.png"]
    assert found("in/b9.JPG", "in/b10.jpg", limit=1) == ["b9.JPG", "b10.jpg"]


def test_what_is_sifted_out_does_not_count(tree):
    def odd(items):
        return tuple(item for item in items if not item.source.endswith("a.png"))

    assert found("in", "in/sub/a.png", "in/b9.JPG", limit=1, sift=odd) == ["b9.JPG", "clip.mp4"]


def test_what_is_found_is_told_from_what_is_named(tree):
    (tree / "list.txt").write_text("in/a.png\n")
    for text, is_found in (("in", True), ("in/*.png", True), ("in/a.png", False), ("@list.txt", False)):
        item = discover([text])[0]
        assert (item.is_found, item.root) == (is_found, Path("in"))
    assert [item.root for item in discover(["in"], recursive=True)] == [Path("in")] * 7


def test_frames_that_were_written_are_no_inputs_unless_their_folder_is_named(tree):
    with SequenceWriter(tree / "in" / "frames", Fraction(1, 25)) as writer:
        writer.write(np.zeros((2, 3, 3), np.uint8), 0)
    touch(tree / "in", "others/00000000.png", "others/times.csv", "more/times.csv", "more/a.png")
    assert [name for name in found("in", recursive=True) if "/0" in name] == ["others/00000000.png"]
    assert found("in/**/*0.png") == ["others/00000000.png"]
    assert "more/a.png" in found("in", recursive=True)
    assert found("in/frames") == found("in/frames/*.png") == found("in/frames/00000000.png") == ["00000000.png"]


def test_links_to_folders_are_not_followed(tree):
    (tree / "in" / "sub" / "loop").symlink_to(tree / "in")
    (tree / "in" / "sub" / "linked.png").symlink_to(tree / "in" / "a.png")
    assert [name for name in found("in", recursive=True) if "l" in name] == ["clip.mp4", "sub/linked.png"]


def test_a_pattern_is_below_its_fixed_part(tree):
    assert found("in/b*.[jJ]*") == ["b9.JPG", "b10.jpg"]
    assert found("in/**/*.png") == ["a.png", "out/a.png", "sub/a.png"]
    assert found("in/**/*.png", exclude=[tree / "in" / "out"]) == ["a.png", "sub/a.png"]
    assert found(tree / "in" / "*") == ["a.png", "b9.JPG", "b10.jpg", "clip.mp4"]
    touch(tree, "odd[1].png")
    assert found("odd[1].png") == ["odd[1].png"]


def test_a_list_gives_its_files_below_what_they_share(tree):
    (tree / "list.txt").write_text(f"in/sub/a.png\n\n{tree}/in/a.png\nin/notes.txt\n")
    assert found("@list.txt") == ["sub/a.png", "a.png", "notes.txt"]


def test_a_file_that_is_named_is_taken_whatever_its_suffix(tree):
    assert discover(["in/notes.txt", "in/clip.mp4"]) == (
        Input("in/notes.txt", PurePosixPath("notes.txt"), "picture"),
        Input("in/clip.mp4", PurePosixPath("clip.mp4"), "video"),
    )


def test_what_is_live(tree):
    texts = ["-", "0", "rtsp://user@host/a?b", "http://host/" + "long" * 99]
    assert [(item.source, item.kind) for item in discover(texts)] == [
        ("-", "stdin"), ("0", "camera"), (texts[2], "stream"), (texts[3], "stream"),
    ]  # fmt: skip
    touch(tree, "0")
    assert discover(["0"])[0].kind == "picture"


def test_nothing_comes_twice(tree):
    assert found("in/b9.JPG", "in", tree / "in" / "a.png", "0", "0") == [
        "b9.JPG", "a.png", "b10.jpg", "clip.mp4", "camera0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("empty", UsageError, "empty has no images or videos"),
        ("in/*.gif", UsageError, r"matches in/\*\.gif"),
        ("none.png", ImageError, "no file at none.png; check the path"),
        ("@none.txt", ImageError, "list none.txt cannot be read"),
        ("@empty.txt", UsageError, "list empty.txt is empty"),
        ("@bad.txt", ImageError, "no file at in/gone.png, which is in bad.txt"),
        ("x" * 5000, ImageError, "no file at"),
    ],
)
def test_what_stands_for_nothing_is_one_line(tree, text, error, said):
    (tree / "empty").mkdir()
    (tree / "empty.txt").touch()
    (tree / "bad.txt").write_text("in/a.png\nin/gone.png\n")
    with pytest.raises(error, match=said) as raised:
        discover([text])
    assert "\n" not in str(raised.value)


def test_a_folder_that_cannot_be_read_is_not_passed_over(tree):
    os.chmod(tree / "in" / "sub", 0)
    try:
        if os.access(tree / "in" / "sub", os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(ImageError, match=r"sub cannot be read: .*; check its permissions"):
            discover(["in"], recursive=True)
    finally:
        os.chmod(tree / "in" / "sub", 0o755)


@given(st.integers(0, 60), st.integers(1, 12))
def test_shards_are_a_partition(count, shards):
    inputs = [Input(f"{number}.png", PurePosixPath(f"{number}.png"), "picture") for number in range(count)]
    shares = [shard(inputs, number, shards) for number in range(1, shards + 1)]
    assert sorted((item for share in shares for item in share), key=inputs.index) == inputs
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize(("number", "count"), [(0, 3), (4, 3), (1, 0), (-1, -1)])
def test_a_shard_that_is_none_is_refused(number, count):
    with pytest.raises(UsageError, match=f"no shard {number} of {count}"):
        shard([], number, count)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2000)), max_size=20))
def test_numbers_are_sorted_by_value(pairs):
    names = [f"{letter}{number}.png" for letter, number in pairs]
    assert sorted(names, key=natural) == [f"{letter}{number}.png" for letter, number in sorted(pairs)]
