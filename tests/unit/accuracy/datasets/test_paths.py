from __future__ import annotations

from pathlib import Path

import pytest
from helpers.picture_files import touch
from hypothesis import given
from hypothesis import strategies as st

from omz.accuracy.datasets.paths import SUFFIXES, PathPattern, natural_key
from omz.errors import DataError


def test_files_are_found_by_the_names_in_their_paths(tmp_path):
    touch(tmp_path, "com/a/1.png", "com/a/2.JPG", "com/b/1.tiff", "com/0.png", "com/a/deeper/3.png", "bgr/a/4.png")
    found = PathPattern("com/{clip}/{frame}").find(tmp_path)
    assert found == {
        ("a", "1"): [tmp_path / "com/a/1.png"],
        ("a", "2"): [tmp_path / "com/a/2.JPG"],
        ("b", "1"): [tmp_path / "com/b/1.tiff"],
    }


def test_hidden_files_and_folders_and_those_of_other_kinds_are_not_seen(tmp_path):
    touch(tmp_path, "im/._1.png", "im/.hidden.png", "im/Thumbs.db", "im/1.txt", "im/1.png", ".git/2.png", "._im/3.png")
    assert PathPattern("im/{frame}").find(tmp_path) == {("1",): [tmp_path / "im/1.png"]}
    assert PathPattern("{clip}/{frame}").find(tmp_path) == {("im", "1"): [tmp_path / "im/1.png"]}


def test_prefixes_suffixes_dots_and_signs_in_names_are_literal(tmp_path):
    touch(tmp_path, "clip_1/im_0.5+.png", "clip_1/imx0.png", "klip_1/im_1.png", "clip_2/im_7_m.png")
    assert set(PathPattern("clip_{clip}/im_{frame}").find(tmp_path)) == {("1", "0.5+"), ("2", "7_m")}
    assert set(PathPattern("clip_{clip}/im_{frame}_m").find(tmp_path)) == {("2", "7")}


def test_a_pattern_with_a_suffix_tells_files_of_one_folder_apart(tmp_path):
    touch(tmp_path, "1.jpg", "1.png", "2.jpg")
    assert PathPattern("{frame}.jpg").find(tmp_path) == {("1",): [tmp_path / "1.jpg"], ("2",): [tmp_path / "2.jpg"]}
    assert len(PathPattern("{frame}").find(tmp_path)[("1",)]) == 2


def test_nothing_is_found_where_there_is_nothing(tmp_path):
    touch(tmp_path, "com")
    for text in ("com/{frame}", "none/{clip}/{frame}"):
        assert PathPattern(text).find(tmp_path) == {}
        assert not PathPattern(text).is_in(tmp_path)
    assert PathPattern("com/{frame}").find(tmp_path / "none") == {}


def test_links_are_followed_and_those_to_nothing_are_missing_files(tmp_path):
    touch(tmp_path, "real/a/1.png")
    (tmp_path / "com").symlink_to(tmp_path / "real")
    (tmp_path / "real/a/2.png").symlink_to(tmp_path / "gone.png")
    assert set(PathPattern("com/{clip}/{frame}").find(tmp_path)) == {("a", "1")}


def test_a_folder_that_cannot_be_listed_is_one_line(tmp_path, monkeypatch):
    def refuse(_: Path) -> None:  # root, whom the tests may run as, is refused nothing
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match=r"cannot be listed: Permission denied; check"):
        PathPattern("{frame}").find(tmp_path)


_NAMES = st.text(st.characters(categories=("L", "N"), include_characters="-_. +()[]{}"), min_size=1, max_size=8)


@given(clip=_NAMES, frame=_NAMES, suffix=st.sampled_from(SUFFIXES))
def test_a_filled_path_is_parsed_to_its_names(clip, frame, suffix):
    pattern = PathPattern("com/clip_{clip}/{frame}_x")
    path = pattern.fill((clip, frame))
    assert path.endswith(".*")
    assert pattern.parse(path[:-2] + suffix) == (clip, frame)
    assert pattern.parse(f"bgr/{clip}/{frame}{suffix}") is None


def test_numbers_are_sorted_as_numbers():
    names = ["10", "9", "a2", "a10", "a", "1", "01", "b1c2", "b1c10"]
    assert sorted(([name] for name in names), key=natural_key) == [
        ["01"], ["1"], ["9"], ["10"], ["a"], ["a2"], ["a10"], ["b1c2"], ["b1c10"],
    ]  # fmt: skip


@given(st.lists(st.lists(st.text("0123456789ab٣²_.", max_size=5), min_size=1, max_size=3), max_size=12))
def test_any_names_have_one_order(names):
    forwards = sorted(set(map(tuple, names)))
    backwards = forwards[::-1]
    assert sorted(forwards, key=natural_key) == sorted(backwards, key=natural_key)
