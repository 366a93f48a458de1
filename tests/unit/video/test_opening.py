"""Names that FFmpeg would take for URLs, patterns or options are names of files."""

from __future__ import annotations

import os
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from helpers.clips import make_pictures, write_clip
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.video.formats import choose_format
from omz.video.info import probe
from omz.video.joining import join
from omz.video.reading import read
from omz.video.sound import Sound
from omz.video.writing import VideoWriter

NAMES = ("12:30", "http:x", "file:x", "concat:a|b", "a%03d", "a%d:b", "a*[1]?", "-i", "subfile,,start,0:x", "a b'\"\\n")
LETTERS = st.text(":%,;|*?[]{}=&#@!~$'\"\\ -+.aé0", min_size=1, max_size=40).filter(lambda text: text.strip(". "))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "a.mp4", make_pictures(3, (32, 48)), sound="aac")


def check(clip: Path, folder: Path, name: str) -> None:
    source, output = folder / f"{name}.mp4", folder / f"{name} out.mp4"
    shutil.copy(clip, source)
    assert probe(source).size == (32, 48)
    assert len(list(read(source))) == 3
    segment = folder / f"{name} segment.mp4"
    with VideoWriter(segment, choose_format(segment, False), (32, 48), Fraction(1, 25), Fraction(25)) as writer:
        writer.write(np.zeros((32, 48, 3), np.uint8), 0)
    report = join([segment], output, Sound(source))
    assert (report.frames, report.copied, report.warnings) == (1, ("aac",), ())
    assert {path.name for path in folder.iterdir()} == {source.name, output.name, segment.name}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_names(clip, tmp_path, name):
    check(clip, tmp_path, name)


@given(name=LETTERS)
@settings(max_examples=25)
def test_any_name_is_a_name(clip, tmp_path_factory, name):
    check(clip, tmp_path_factory.mktemp("names"), name)


def test_relative_names_too(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(clip, "12:30.mp4")
    assert len(list(read("12:30.mp4"))) == 3
    assert len(list(read(Path("12:30.mp4")))) == 3


def test_names_that_are_not_text(clip, tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\xfe.mp4")
    shutil.copy(clip, path)
    assert len(list(read(path))) == 3
