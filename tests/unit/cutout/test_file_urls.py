from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.cutout.file_urls import local_path


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1))
def test_the_url_of_a_path_is_the_path(text):
    path = Path("/", text.lstrip("/"))  # what begins with two slashes is another root
    assert Path(local_path(path.as_uri())) == path


@pytest.mark.parametrize("text", ["file:///a/b.mp4", "file://localhost/a/b.mp4", "file:/a/b.mp4", "FILE:///a/b.mp4"])
def test_all_spellings(text):
    assert local_path(text) == "/a/b.mp4"


@pytest.mark.parametrize("text", ["12:30.mp4", "rtsp://host/a", "-", "0", "file.mp4", "file://host/a.mp4", "/file:/a"])
def test_other_texts_stay(text):
    assert local_path(text) == text


def test_files_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file:").mkdir()
    (tmp_path / "file:" / "a").touch()
    (tmp_path / "my%20a").touch()
    assert local_path("file:/a") == "file:/a"
    assert local_path(f"file://{tmp_path}/my%20a") == f"{tmp_path}/my%20a"
