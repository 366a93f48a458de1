"""Open Model Zoo's flags: spelt as ours, and what they mean here."""

from __future__ import annotations

import pytest

from omz.cutout.flags import GREEN
from omz.cutout.options import Options, make_options
from omz.errors import UsageError
from omz_demo.open_model_zoo_flags import TheirFlags, normalise, translate, without_effect


def ours_of(**theirs: object) -> Options:
    return make_options((), translate(TheirFlags(**theirs)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("-i a.mp4 -nireq 4 -limit 10", "-i a.mp4 --num_infer_requests 4 --output_limit 10"),
        ("-nireq=4 -nstreams=2 -nthreads=1", "--num_infer_requests=4 --num_streams=2 --num_threads=1"),
        ("-nstreams  ", "--num_streams"),
        ("-o -limit -limit 3", "-o -limit --output_limit 3"),
        ("--output -nireq", "--output -nireq"),
        ("--output=-nireq -nireq 1", "--output=-nireq --num_infer_requests 1"),
        ("-nireq -limit -limit 1", "--num_infer_requests -limit --output_limit 1"),
        ("--no_show -limit 1", "--no_show --output_limit 1"),
        ("-- -nireq 4", "-- -nireq 4"),
        ("photo.jpg --plate -limit -limit 2", "photo.jpg --plate -limit --output_limit 2"),
        ("photo.jpg --recursive -limit 2", "photo.jpg --recursive --output_limit 2"),
        ("-nireqs 4 x-nireq", "-nireqs 4 x-nireq"),
        ("", ""),
    ],
)
def test_single_dashes_become_long_flags_and_values_stay(given, expected):
    assert normalise(given.split()) == expected.split()


def test_what_was_not_given_changes_nothing():
    assert ours_of() == Options()


def test_the_green_is_that_of_open_model_zoo():
    assert ours_of(target_bgr="155 255 120").target == GREEN == "#78ff9b"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("155,255,120", "#78ff9b"),
        ("(155, 255, 120)", "#78ff9b"),
        ("[0, 0, 255]", "#ff0000"),
        ("beach.jpg", "beach.jpg"),
        ("1.mp4", "1.mp4"),
        ("12", "12"),
        ("", None),
    ],
)
def test_targets_are_three_levels_blue_first_or_a_path(text, target):
    assert ours_of(target_bgr=text).target == target


def test_a_target_goes_before_the_blur():
    assert ours_of(blur_bgr=21).target == "blur:21"
    assert ours_of(blur_bgr=21, target_bgr="a.png").target == "a.png"


def test_numbers():
    ours = ours_of(output_limit=7, num_infer_requests=0)
    assert (ours.limit, ours.num_requests) == (7, 0)


def test_layouts():
    ours = ours_of(layout="src:NCHW,bgr:[NHWC]")
    assert ours.layouts == {"src": "NCHW", "bgr": "NHWC"}
    assert ours_of(layout="NCHW").layouts == {"": "NCHW"}


@pytest.mark.parametrize(
    ("resize_type", "stretch"),
    [(None, None), ("standard", True), ("fit_to_window", False), ("fit_to_window_letterbox", False), ("crop", False)],
)
def test_resize_types(resize_type, stretch):
    assert ours_of(resize_type=resize_type).stretch is stretch


@pytest.mark.parametrize(
    ("theirs", "flag"),
    [
        (TheirFlags(prob_threshold=0.5), "-t"),
        (TheirFlags(labels="coco.txt"), "--labels"),
        (TheirFlags(adapter="ovms"), "--adapter"),
        (TheirFlags(utilization_monitors="cdm"), "-u"),
        (TheirFlags(raw_output_message=True), "-r"),
        (TheirFlags(resize_type="crop"), "--resize_type"),
    ],
)
def test_what_has_no_effect_is_one_hint(theirs, flag):
    (hint,) = without_effect(theirs)
    assert hint.startswith(flag)
    assert "\n" not in hint


@pytest.mark.parametrize(
    "theirs",
    [
        TheirFlags(output_limit=-1),
        TheirFlags(num_infer_requests=-2),
        TheirFlags(target_bgr="0,0,256"),
        TheirFlags(blur_bgr=-3),
        TheirFlags(layout="NCXY"),
        TheirFlags(layout="NNHW"),
    ],
)
def test_nonsense_is_refused_in_one_line(theirs):
    with pytest.raises(UsageError, match=r"^-\S+ .*"):
        translate(theirs)
