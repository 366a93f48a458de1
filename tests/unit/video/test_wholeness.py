from __future__ import annotations

import pytest
from helpers.clips import make_pictures, write_clip

from omz.video.wholeness import is_cut_short


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.avi"])
def test_a_file_that_lacks_its_last_byte_is_cut_short(tmp_path, name):
    codec = "libvpx-vp9" if name == "a.webm" else "libx264"
    path = write_clip(tmp_path / name, make_pictures(5), codec=codec)
    assert not is_cut_short(path)
    data = path.read_bytes()
    for length in (len(data) - 1, len(data) // 2):
        path.write_bytes(data[:length])
        assert is_cut_short(path)
    path.write_bytes(data + b"\0" * 8)
    assert not is_cut_short(path)


def test_other_files_are_not(tmp_path):
    for content in (b"", b"RIFF", b"text that is long enough", b"\x1a\x45\xdf\xa3"):
        (tmp_path / "a").write_bytes(content)
        assert not is_cut_short(tmp_path / "a")
    assert not is_cut_short(tmp_path)
    assert not is_cut_short("rtsp://example.org/stream")
