"""Options: flags, what follows from them, and flags without effect."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.builders import save_difference_model
from helpers.demo_command import block, done, empty, write_blocks, write_plate

from omz.cutout.flags import GREEN
from omz.cutout.options import Options, make_options
from omz.errors import UsageError
from omz.images.files import write_picture
from omz_demo.cli import main

NO_PIXELS = {
    "inputs", "recursive", "part", "max_pixels", "loop", "raw", "plate", "output", "target", "trimap", "sound",
    "resume", "retry_failed", "model", "models_dir", "download_dir", "device", "precision", "graph", "num_requests",
    "num_streams", "num_threads", "hint", "show", "metrics", "show_with_original_frame", "output_resolution", "json",
    "report",
    "profile", "hints", "offline", "accept_license", "trust_code", "picture", "plate_input", "alpha", "foreground",
    "state", "activation", "alpha_range", "plain", "output_is_folder", "compare", "review", "watch",
    "cluster", "timeout", "mixed",
}  # fmt: skip
VIDEOS_ALONE = {"lossless", "smooth", "segment_seconds", "resize_changes", "limit"}
IMAGES_ALONE = {"quality", "strip"}
OLD_KEY = {
    "align": "auto", "match_exposure": "auto", "refine": "None", "whats": "('cutout',)", "format": "None",
    "alpha_bits": "8", "fit": "cover", "input_size": "None", "shift": "0.0", "feather": "0.0", "low": "0.0",
    "high": "1.0", "fill_holes": "None", "drop_specks": "None", "stretch": "None", "layouts": "{}",
    "keep_shadow": "False",
}  # fmt: skip
OLD_KEY_OF_VIDEOS = {
    "lossless": "False", "smooth": "0.0", "segment_seconds": "10.0", "resize_changes": "False", "limit": "None",
}  # fmt: skip


def test_all_options_are_part_of_the_key_but_those_that_change_no_pixels():
    names = {each.name for each in fields(Options)}
    assert {*Options().resume_key(video=False)} == names - NO_PIXELS - VIDEOS_ALONE
    assert {*Options().resume_key(video=True)} == names - NO_PIXELS - IMAGES_ALONE


def test_an_option_that_says_nothing_of_pixels_is_part_of_the_key():
    @dataclass(frozen=True, kw_only=True)
    class More(Options):
        forgotten: int = 7

    for video in (False, True):
        assert More().resume_key(video)["forgotten"] == "7"


def test_the_key_is_that_of_manifests_of_0_1_and_what_came_later():
    assert Options(inputs=("a",)).resume_key(video=False) == {**OLD_KEY, "quality": "None", "strip": "False"}
    assert Options(inputs=("a",)).resume_key(video=True) == {**OLD_KEY, **OLD_KEY_OF_VIDEOS}
    given = {"align": "auto", "what": "cutout,alpha", "limit": 5, "shift": 2, "input_size": "64x32", "format": "JPG"}
    changed = {"align": "auto", "whats": "('alpha', 'cutout')", "limit": "5", "shift": "2.0", "format": ".jpg"}
    assert make_options(("a.mov",), given).resume_key(video=True) == {
        **OLD_KEY, **OLD_KEY_OF_VIDEOS, **changed, "input_size": "(32, 64)",
    }  # fmt: skip


def test_a_changed_option_begins_again_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(write_plate(tmp_path))
    write_blocks(tmp_path / "in", 2)
    flags = ("in", "--plate", "plate.png", "-m", "model.xml", "-o", "out", "--resume")
    done(*flags)
    assert "omz_demo.jsonl" not in done(*flags, "--num_threads", "1").output
    assert "omz_demo.jsonl" in done(*flags, "--shift", "1").output


def test_each_option_has_a_default():
    options = Options(inputs=("a.jpg",))
    assert (options.inputs, options.whats, options.target) == (("a.jpg",), ("cutout",), None)
    assert make_options(("a.jpg",), {}) == options


@pytest.mark.parametrize(
    ("given", "whats", "target"),
    [
        ({"target": "beach.jpg"}, ("composite",), "beach.jpg"),
        ({"target": "transparent"}, ("cutout",), "transparent"),
        ({"what": "all"}, ("alpha", "cutout", "foreground", "composite"), GREEN),
        ({"what": "alpha", "output": "a.mp4"}, ("alpha",), None),
        ({"output": "a.mp4"}, ("composite",), GREEN),
        ({"output": "a.mov"}, ("cutout",), None),
    ],
)
def test_results_follow_from_the_target_and_the_output(given, whats, target):
    options = make_options((), given)
    assert (options.whats, options.target) == (whats, target)
    assert replace(options, json=True).hints == options.hints
    assert len(options.hints) == (target == GREEN)


def test_values_are_read_from_text_and_taken_as_they_are():
    text = {"output": "out", "shard": "1/4", "output_resolution": "1280x720", "num_streams": "CPU:4", "plate": "p.png"}
    values = {"output": Path("out"), "part": (1, 4), "output_resolution": (720, 1280), "num_streams": 4}
    values["plate"] = Path("p.png")
    assert make_options((), text) == make_options((), values)
    assert make_options((), values).plate == "p.png"
    assert make_options((), {"num_streams": "AUTO"}).num_streams is None
    assert make_options((), {"limit": 0, "models_dir": "zoo"}).models_dir == (Path("zoo"),)


@pytest.mark.parametrize(
    "given",
    [
        {"num_threads": -1},
        {"num_requests": -2},
        {"limit": -1},
        {"num_streams": "many"},
        {"num_streams": "0"},
        {"output_resolution": "1280"},
        {"output_resolution": "0x720"},
        {"align": "often"},
        {"quality": 101},
        {"shard": "x"},
        {"what": "shadow"},
        {"quality": "high"},
        {"quality": 2.5},
        {"quality": True},
        {"strip": "false"},
        {"shift": [1]},
        {"shift": float("nan")},
        {"output": 3},
        {"format": 5},
        {"input_size": 320},
        {"input_size": (0, 320)},
        {"shard": (1, 2, 3)},
    ],
)
def test_nonsense_is_refused_with_the_flag(given):
    (name,) = given
    with pytest.raises(UsageError, match=f"^--{name}.*"):
        make_options((), given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"whats": ("bogus",)}, "--what: 'bogus' is not a result"),
        ({"whats": (1,)}, r"--what \(1,\): write RESULT"),
        ({"hint": "fast"}, "hint fast: choose one of throughput, latency"),
        ({"part": 3}, "--shard 3: write I/N"),
        ({"whats": "alpha", "what": "alpha"}, "whats is given twice, once as what"),
        ({"input": "a.png"}, "inputs is given twice, once as input"),
    ],
)
def test_nonsense_from_python_is_refused_in_a_line(given, told):
    with pytest.raises(UsageError, match=f"^{told}"):
        make_options(("in",), given)


def test_results_are_a_list_too():
    assert make_options((), {"whats": ["cutout", "alpha"]}).whats == ("alpha", "cutout")
    assert make_options((), {"whats": []}).whats == ("cutout",)
    assert make_options((), {"quality": np.int64(80)}).quality == 80


def test_an_option_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match=r"no option 'plait'; did you mean plate\? see omz_demo --help"):
        make_options((), {"plait": "a.png"})
    with pytest.raises(UsageError, match=r"no option 'modle'; did you mean model\?"):
        make_options((), {"modle": "u2netp"})
    with pytest.raises(UsageError, match="no option 'xyz'; see omz_demo --help"):
        make_options((), {"xyz": 1})


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], []),
        (["--align", "auto", "--match_exposure", "--quality", "80", "--strip"], []),
        (["--smooth", "0.5"], ["--smooth has no effect: it is for videos and live input"]),
        (["--resize_changes"], ["--resize_changes has no effect: it is for videos"]),
        (["--lossless"], ["--lossless has no effect: it is for videos and live input"]),
        (["--loop"], ["--loop has no effect: it is for live input"]),
        (["--retry_failed"], ["--retry_failed has no effect without --resume"]),
        (["--raw", "2x2:bgr24@1"], ["--raw has no effect: it is for standard input (-)"]),
    ],
)
def test_what_has_no_effect_on_pictures_is_said(tmp_path, monkeypatch, flags, told):
    monkeypatch.chdir(tmp_path)
    save_difference_model(tmp_path / "model.xml", "height", "width")
    write_picture(tmp_path / "photo.png", block((48, 64), (5, 7, 17, 25)))
    write_picture(tmp_path / "plate.png", empty((48, 64)))
    result = CliRunner().invoke(main, ["photo.png", "--plate", "plate.png", "-m", "model.xml", *flags])
    assert result.exit_code == 0, result.output
    said = [line.removeprefix("warning: ") for line in result.stderr.splitlines() if "no effect" in line]
    assert said == told
