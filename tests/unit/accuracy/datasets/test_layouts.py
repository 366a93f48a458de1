from __future__ import annotations

import pytest
from helpers.picture_files import touch

from omz.accuracy.datasets.layouts import LAYOUTS, detect_layout, find_layout
from omz.errors import DataError

EXAMPLES = {
    "omz_clips": ("com/a/1.png", "bgr/a/1.png", "fgr/a/1.png"),
    "per_clip": ("a/com/1.png", "a/bgr/1.png", "a/fgr/1.png", "a/pha/1.png"),
    "videomatte": ("fgr/a/1.jpg", "pha/a/1.jpg"),
    "matting_human_generated": (
        "train/clip_img/d/clip_0/1.jpg",
        "test/clip_img/d/clip_1/2.jpg",
        "test/matting/d/matting_1/2.png",
        "test/mask/d/matting_1/2.png",
        "test/alpha/d/matting_1/2.png",
        "test/trimap/d/matting_1/2.png",
    ),
    "matting_human": ("clip_img/1803151818/clip_00000000/1.jpg", "matting/1803151818/matting_00000000/1.png"),
    "flat": ("images/1.jpg", "alpha/1.png"),
    "compositing": ("fgr/1.png", "pha/1.png", "bgr/x.jpg"),
    "pictures": ("1.png",),
}


def test_every_layout_has_an_example():
    assert set(EXAMPLES) == set(LAYOUTS)
    assert all(layout.name == name for name, layout in LAYOUTS.items())


@pytest.mark.parametrize("name", EXAMPLES)
def test_layouts_are_told_apart(tmp_path, name):
    touch(tmp_path, *EXAMPLES[name])
    assert detect_layout(tmp_path) == name
    assert find_layout(tmp_path, "auto") is LAYOUTS[name]


def test_a_clip_with_alpha_alone_needs_no_foreground(tmp_path):
    assert detect_layout(touch(tmp_path, "a/com/1.png", "a/pha/1.png")) == "per_clip"


def test_one_part_of_a_generated_set_has_its_layout(tmp_path):
    assert detect_layout(touch(tmp_path, *EXAMPLES["matting_human_generated"]) / "test") == "matting_human_generated"


def test_a_folder_of_none_says_what_it_lacks_of_each(tmp_path):
    touch(tmp_path, "images/1.png", "alphas/1.png", "._x.png")
    with pytest.raises(DataError) as caught:
        detect_layout(tmp_path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(tmp_path) in text
    assert "flat: no alpha/{frame};" in text
    assert "omz_clips: no com/{clip}/{frame}" in text
    assert all(f"{name}: no " in text for name in LAYOUTS)


def test_the_layout_asked_for_is_there_or_the_reason_is_given(tmp_path):
    touch(tmp_path, "fgr/a/1.png", "com/a/1.png")
    assert find_layout(tmp_path, "omz_clips").name == "omz_clips"
    with pytest.raises(DataError, match=r"does not have the layout videomatte: no pha/\{clip\}/\{frame\}; rename"):
        find_layout(tmp_path, "videomatte")
    with pytest.raises(DataError, match=r"no layout 'voc'; use auto or one of omz_clips, .*pictures"):
        find_layout(tmp_path, "voc")
    with pytest.raises(DataError, match=r"none is not a folder; name that of a dataset"):
        detect_layout(tmp_path / "none")
