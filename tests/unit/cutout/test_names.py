"""Where results go."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.cutout.inputs import Input, discover
from omz.cutout.names import WHATS, check_output, check_places, name_outputs, name_videos, without_results
from omz.errors import ImageError, UsageError


def inputs(*names: str, root: str = "in") -> list[Input]:
    return [Input(f"{root}/{name}", PurePosixPath(name), "picture") for name in names]


def names(items: list[Input], output: str | None, *whats: str, suffix: str = ".png") -> list[str]:
    named = name_outputs(items, output and Path(output), whats or ("cutout",), suffix)
    assert list(named) == items
    return [place.as_posix() for places in named.values() for place in places.values()]


def test_without_an_output_results_lie_beside_their_inputs():
    assert names(inputs("a.jpg", "sub/b.png"), None) == ["in/a_cutout.png", "in/sub/b_cutout.png"]
    assert names(inputs("a.jpg"), None, *WHATS) == [f"in/a_{what}.png" for what in WHATS]
    assert names([Input("-", PurePosixPath("stdin"), "stdin")], None) == ["stdin_cutout.png"]


def test_a_folder_mirrors_the_tree():
    assert names(inputs("a.jpg", "sub/b.c.png"), "out") == ["out/a.png", "out/sub/b.c.png"]
    assert names(inputs("a.jpg"), "out", "alpha", "composite", suffix=".webp") == [
        "out/a_alpha.webp", "out/a_composite.webp",
    ]  # fmt: skip


def test_a_file_takes_one_result():
    assert names(inputs("a.jpg"), "result.webp") == ["result.webp"]
    for items, whats in ((inputs("a.jpg", "b.jpg"), ("cutout",)), (inputs("a.jpg"), WHATS), ([], ("cutout",))):
        with pytest.raises(UsageError, match=r"do not go into result\.png; name a folder"):
            names(items, "result.png", *whats)


def test_a_folder_that_is_called_like_a_file_is_a_folder(tmp_path):
    (tmp_path / "x.png").mkdir()
    assert names(inputs("a.jpg"), str(tmp_path / "x.png")) == [f"{tmp_path}/x.png/a.png"]


def test_all_that_would_get_one_name_survive():
    items = inputs("a.jpg", "a.png", "A.webp", "sub/a.png", "b.png")
    assert names(items, "out") == ["out/a.jpg.png", "out/a.png.png", "out/A.webp.png", "out/sub/a.png", "out/b.png"]
    assert names(items[:2], None) == ["in/a.jpg_cutout.png", "in/a.png_cutout.png"]
    assert names(inputs("a.jpg", "a.png", "a.jpg.png"), "out") == [
        "out/a.jpg.png", "out/a.png.png", "out/a.jpg.png.png",
    ]  # fmt: skip


@given(
    st.lists(st.sampled_from(["", "sub/"]).flatmap(
        lambda folder: st.text("aäb._1", min_size=1, max_size=5).flatmap(
            lambda stem: st.sampled_from([".jpg", ".png", ".jpg.png"]).map(lambda suffix: f"{folder}x{stem}{suffix}")
        )
    ), unique=True, max_size=12),
    st.randoms(),
    st.sampled_from([("cutout",), WHATS]),
)  # fmt: skip
def test_no_two_results_share_a_name_in_any_order(found, random, whats):
    items = inputs(*found)
    named = name_outputs(items, Path("out"), whats)
    places = [place for each in named.values() for place in each.values()]
    assert len(set(places)) == len(found) * len(whats)
    random.shuffle(items)
    assert name_outputs(items, Path("out"), whats) == named


@pytest.mark.parametrize(
    ("what", "suffix"), [("cutout", ".jpg"), ("alpha", ".mp4"), ("composite", ""), ("all", ".gif")]
)
def test_a_suffix_that_cannot_hold_a_result_is_refused(what, suffix):
    with pytest.raises(UsageError, match="cannot hold a result of"):
        names(inputs("a.png"), "out", *(WHATS if what == "all" else (what,)), suffix=suffix)
    assert names(inputs("a.png"), "out", "composite", suffix=".JPG") == ["out/a.JPG"]


def test_what_a_run_wrote_beside_its_inputs_is_no_input_of_the_next(tmp_path):
    first = ["a.jpg", "a.png", "b.jpg", "c_alpha.png", "d_cutout_x.png"]
    for name in first:
        (tmp_path / name).touch()
    before = discover([str(tmp_path)])
    for places in name_outputs(before, None, WHATS).values():
        for place in places.values():
            place.touch()
    after = without_results(discover([str(tmp_path)]))
    assert [str(item.relative) for item in after] == first
    assert name_outputs(after, None, WHATS) == name_outputs(before, None, WHATS)
    named = discover([str(tmp_path / "a.jpg"), str(tmp_path / "a.jpg_cutout.png")])
    assert without_results(named) == named


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    check_places([tmp_path / "a.png", tmp_path / "new" / "deep" / "a.png"])
    assert not (tmp_path / "new").exists()
    for place in ("file/a.png", "file/new/a.png"):
        with pytest.raises(ImageError, match=r"file is not a folder; choose another place"):
            check_places([tmp_path / place])


@pytest.mark.parametrize(
    ("suffix", "expected"),
    [
        (None, ["out/a_alpha.mp4", "out/a_cutout.mov"]),
        (".webm", ["out/a_alpha.webm", "out/a_cutout.webm"]),
        (".png", ["out/a_alpha", "out/a_cutout"]),
    ],
)
def test_the_suffix_is_that_of_the_format(suffix, expected):
    film = Input("in/a.avi", PurePosixPath("a.avi"), "video")
    (outputs,) = name_videos([film], Path("out"), ("alpha", "cutout"), suffix).values()
    assert [path.as_posix() for path in outputs.values()] == expected


def test_a_folder_of_frames_is_never_called_like_a_file():
    films = [Input(f"in/{name}", PurePosixPath(name), "video") for name in ("a.mp4", "a.mov", "b.v1.mp4")]
    named = name_videos(films, Path("out"), ("composite",), ".png")
    assert [path.as_posix() for outputs in named.values() for path in outputs.values()] == [
        "out/a_mp4", "out/a_mov", "out/b_v1",
    ]  # fmt: skip


LONG = st.text(st.characters(exclude_characters="/\0.", codec="utf-8"), min_size=200, max_size=240)


@given(st.lists(LONG, min_size=1, max_size=5, unique_by=lambda stem: stem.casefold()), st.booleans())
def test_long_names_become_legal_ones_that_differ(stems, beside):
    stems = [stem for stem in stems if len(os.fsencode(stem)) <= 251]
    items = inputs(*(f"{stem}.jpg" for stem in stems))
    found = [Path(name).name for name in names(items, None if beside else "out", *WHATS)]
    assert len({*found}) == len(stems) * len(WHATS)
    assert all(len(os.fsencode(name)) <= 255 for name in found)
    videos = [Input(item.source, item.relative, "video") for item in items]
    for suffix in (".webm", ".webp", ".png"):
        named = name_videos(videos, None, WHATS, suffix)
        assert all(len(os.fsencode(path.name)) <= 255 for outputs in named.values() for path in outputs.values())


def test_results_beside_long_names_are_known_as_such(tmp_path):
    (tmp_path / f"{'n' * 250}.jpg").touch()
    (item,) = discover([str(tmp_path)])
    (outputs,) = name_outputs([item], None, WHATS).values()
    for path in outputs.values():
        path.touch()
    assert len(discover([str(tmp_path)])) == 5
    assert without_results(discover([str(tmp_path)])) == (item,)


@pytest.mark.parametrize("name", ["out.exr", "my.folder", "v1.2", "out.avi", "x.PNGX"])
def test_a_suffix_that_is_not_known_is_refused_and_the_formats_are_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=rf"{name}: \.\w+ is no format of results; use \.png, .*\.webm.* for a folder"):
        check_output(Path(name))
    Path(name).mkdir()
    check_output(Path(name))  # a folder that is there


def test_formats_and_names_without_a_suffix_are_taken():
    for name in ("out", "a/b", ".hidden", "a.PNG", "b.webm", "c.gif", "d.apng", "-", ".."):
        check_output(Path(name))


def test_a_name_that_ends_in_a_slash_is_that_of_a_folder():
    named = name_outputs(inputs("a.jpg"), Path("x.png"), ("cutout",), is_folder=True)
    assert [path.as_posix() for outputs in named.values() for path in outputs.values()] == ["x.png/a.png"]


def test_pipes_and_devices_are_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a\.png is a pipe, which no file can replace; name another output"):
        check_places([tmp_path / "a.png"])
    with pytest.raises(ImageError, match="/dev/full is a device, which no file can replace"):
        check_places([Path("/dev/full")])


def test_a_link_that_leads_nowhere_is_no_folder(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("none")
    for name in ("loop", "nowhere"):
        with pytest.raises(ImageError, match=f"because .*{name} is not a folder"):
            check_places([tmp_path / name / "out" / "a.png"])
