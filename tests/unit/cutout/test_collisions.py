"""Results that would take the place of something."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from omz.cutout.collisions import check_apart, check_collisions
from omz.cutout.inputs import Input, discover
from omz.errors import UsageError


def picture(path: str) -> Input:
    return Input(path, PurePosixPath(Path(path).name), "picture")


@pytest.mark.parametrize("pair", [("a.png", "A.png"), ("\u00e9.png", "e\u0301.png"), ("a.png", "new/../a.png")])
def test_names_that_some_systems_take_for_one_are_refused(pair):
    results = {picture(name): [Path("out", result)] for name, result in zip("xy", pair, strict=True)}
    with pytest.raises(UsageError, match=r"x and y would both become out/.*; rename one of them"):
        check_collisions(results)


def test_nothing_that_is_read_is_replaced(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").touch()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    read = picture(str(tmp_path / "in" / "a.png"))
    for place in ("in/a.png", "link/a.png", "in/A.PNG"):
        with pytest.raises(UsageError, match=r"would replace .*in/a\.png, which is read"):
            check_collisions({read: [], picture("b.jpg"): [tmp_path / place]})
    with pytest.raises(UsageError, match=r"would replace plate\.png, which is read"):
        check_collisions({picture("b.jpg"): [Path("plate.png")]}, [Path("plate.png")])
    check_collisions({read: [tmp_path / "in" / "a_cutout.png"]}, [Path("plate.png")])


def test_a_folder_of_frames_is_for_them_alone():
    film, frames = Input("clip.mp4", PurePosixPath("clip.mp4"), "video"), Path("out/clip")
    for place in ("out/clip/00000000.png", "out/Clip/deep/a.png"):
        with pytest.raises(UsageError, match=f"out/clip is for the frames of a video alone, and {place} is in it"):
            check_collisions({film: [frames], picture("a.jpg"): [Path(place)]}, sequences=[frames])
    with pytest.raises(UsageError, match=r"and out/clip/plate\.png is in it"):
        check_collisions({film: [frames]}, [Path("out/clip/plate.png")], [frames])
    check_collisions({film: [frames], picture("a.jpg"): [Path("out/clip.png")]}, [Path("out/plate.png")], [frames])


@pytest.mark.parametrize(
    ("text", "recursive", "output", "result", "is_apart"),
    [
        ("t/in", False, "t/in", "t/in/a.png", False),
        ("t/in", False, "t/in/../in", "t/in/a.png", False),
        ("t/in/*.jpg", False, "t/in", "t/in/a.png", False),
        ("t/in", True, "t", "t/in/b.png", False),
        ("t/in", True, "t", "t/a.png", True),
        ("t/in", True, "t/in/out", "t/in/out/a.png", True),  # which is left out of the search
        ("t/in", True, "out", "out/a.png", True),
        ("t/in/a.jpg", False, "t/in", "t/in/a.png", True),  # no other is looked for
    ],
)
def test_results_are_apart_from_where_inputs_are_looked_for(
    tmp_path, monkeypatch, text, recursive, output, result, is_apart
):
    monkeypatch.chdir(tmp_path)
    Path("t/in/in").mkdir(parents=True)
    for name in ("a.jpg", "in/b.jpg"):
        Path("t/in", name).touch()
    inputs = discover([text], recursive, [Path(output)])
    if is_apart:
        check_apart(inputs, Path(output), [Path(result)])
    else:
        with pytest.raises(UsageError, match="t/in has the inputs, and results there would be inputs, too"):
            check_apart(inputs, Path(output), [Path(result)])


def test_links_in_a_circle_and_links_to_the_input(tmp_path):
    (tmp_path / "a.png").symlink_to("b.png")
    (tmp_path / "b.png").symlink_to("a.png")
    (tmp_path / "in.png").touch()
    (tmp_path / "link.png").symlink_to("in.png")
    read = picture(str(tmp_path / "in.png"))
    check_collisions({read: [tmp_path / "a.png"]})
    with pytest.raises(UsageError, match=r"link\.png would replace .*in\.png, which is read"):
        check_collisions({read: [tmp_path / "link.png"]})
