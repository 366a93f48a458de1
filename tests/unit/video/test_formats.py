from __future__ import annotations

from pathlib import Path

import pytest

from omz.errors import UsageError, VideoError
from omz.video.formats import check_encoder, choose_format


@pytest.mark.parametrize(
    ("name", "alpha", "codec"),
    [
        ("a.mp4", False, "libx264"),
        ("a.MKV", False, "libx264"),
        ("a.mov", False, "libx264"),
        ("a.mov", True, "prores_ks"),
        ("a.webm", False, "libvpx-vp9"),
        ("a.webm", True, "libvpx-vp9"),
        ("folder", True, "png"),
        ("a.gif", True, "magicyuv"),
        ("a.png", False, "magicyuv"),
    ],
)
def test_the_suffix_chooses(name, alpha, codec):
    form = choose_format(Path(name), alpha)
    assert (form.codec, form.has_alpha) == (codec, alpha)
    assert (form.container is None) == (codec == "png")


@pytest.mark.parametrize(
    ("name", "alpha", "options", "said"),
    [
        ("a.mp4", True, {}, r"no alpha; use \.mov, \.webm, or a folder"),
        ("a.mkv", True, {}, r"no alpha; use \.mov, \.webm, or a folder"),
        ("a.ogv", False, {}, r"use \.mp4, \.mov, \.webm, \.mkv"),
        ("a.mp4", False, {"lossless": True}, "cannot be lossless"),
    ],
)
def test_what_cannot_be_is_told(name, alpha, options, said):
    with pytest.raises(UsageError, match=said):
        choose_format(Path(name), alpha, **options)


def test_a_missing_encoder_is_told():
    check_encoder("libx264")
    with pytest.raises(VideoError, match="encoder none_such is missing"):
        check_encoder("none_such")
