"""Names that every file system takes, and paths that lead in circles."""

from __future__ import annotations

import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.paths import fitting_name, hidden_name, real_path, short_stem, what_else, without_links

LONGEST = 255  # bytes: NAME_MAX of Linux
STEMS = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=260)
ANY_BYTES = st.binary(min_size=1, max_size=250).map(
    lambda raw: os.fsdecode(raw.replace(b"/", b"_").replace(b"\0", b"_"))
)
ENDINGS = st.sampled_from([".png", "_composite.webp", "_foreground.apng", ".0123456789ab.part.json", ".omz_demo"])


@given(STEMS | ANY_BYTES, ENDINGS)
def test_names_are_legal_and_stay_as_they_are_where_they_can(stem, ending):
    for name, plain in ((fitting_name(stem, ending), stem + ending), (hidden_name(stem, ending), f".{stem}{ending}")):
        assert len(os.fsencode(name)) <= LONGEST
        assert name.endswith(ending)
        assert (name == plain) == (len(os.fsencode(plain)) <= LONGEST)
    os.fsencode(short_stem(stem)).decode(errors="surrogateescape")


@given(STEMS, STEMS)
def test_shortened_names_differ_where_names_do(one, other):
    assert (short_stem(one) == short_stem(other)) == (one == other)


def test_long_names_can_be_made_and_are_told_apart(tmp_path):
    names = {fitting_name(f"{'n' * 250}{number}", "_cutout.png") for number in range(100)}
    assert len(names) == 100
    for name in names:
        (tmp_path / name).touch()
    assert fitting_name("é" * 127, "_cutout.png").startswith("é")
    (tmp_path / fitting_name("é" * 127, "_cutout.png")).touch()


def test_links_in_a_circle_lead_nowhere_and_raise_nothing(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert real_path(tmp_path / "a" / "x.png").name == "x.png"
    (tmp_path / "c").symlink_to(tmp_path)
    assert real_path(tmp_path / "c" / "x.png") == tmp_path.resolve() / "x.png"


def test_what_is_neither_a_file_nor_a_folder_has_a_name(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        assert what_else(tmp_path / "socket") == "a socket"
    (tmp_path / "file").touch()
    assert [what_else(tmp_path / name) for name in ("pipe", "file", "none", "")] == ["a pipe", "", "", ""]
    assert what_else("/dev/null") == "a device"
    assert what_else("a\0b") == ""


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "other").write_text("kept")
    (tmp_path / "ours").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"), open(tmp_path / "ours", "w", opener=without_links):
        pass
    assert (tmp_path / "other").read_text() == "kept"
