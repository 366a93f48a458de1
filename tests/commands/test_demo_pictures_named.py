"""What is an input, what is a result, and where it goes, through the command."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from helpers.demo_command import block, content, demo, done, names, write_blocks, write_plate
from helpers.films import make_film
from helpers.full_disk import small_disk

from omz.images.files import write_picture

SIZE = (24, 32)
GIVEN = ("-m", "model.xml", "--plate", "plate.png")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_plate(tmp_path)


def refused(folder: Path, *arguments: object) -> str:
    """Run the command, which has to end with a line and to change nothing; return the line."""
    before = content(folder)
    result = demo(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert content(folder) == before
    (line,) = result.stderr.splitlines()
    return line


def test_a_file_that_is_named_is_an_input_whatever_it_is_called(folder):
    for number, name in enumerate(("a.jpg", "a_cutout.png")):
        write_picture(folder / "in" / name, block(SIZE, (2, 2, 9, 9), number))
    pair = ("in/a.jpg", "in/a_cutout.png")
    assert "in/a_cutout.png would replace in/a_cutout.png, which is read" in refused(folder, *pair, *GIVEN)
    assert "would replace" in refused(folder, "in", "in/a_cutout.png", *GIVEN)
    for inputs in (pair, ("in",)):
        done(*inputs, *GIVEN, "-o", "out")
        assert names(folder / "out") == {"a.png", "a_cutout.png"}
    done("in/*.jpg", "in/*.png", *GIVEN)  # of what is found it is the result of an earlier run
    assert names(folder / "in") == {"a.jpg", "a_cutout.png"}


def test_a_limit_counts_no_results(folder):
    write_blocks(folder / "in", 5)
    done("in", *GIVEN, "--limit", 3)
    first = names(folder / "in")
    assert {name for name in first if "cutout" in name} == {f"{number}_cutout.png" for number in range(3)}
    (folder / "in" / "2_cutout.png").unlink()
    assert ", 2 there already" in done("in", *GIVEN, "--limit", 3, "--resume").stdout
    assert names(folder / "in") == first


def test_results_do_not_go_where_inputs_are_looked_for(folder):
    write_blocks(folder / "t" / "in" / "in", 2)
    (folder / "t" / "in" / "a.bmp").write_bytes((folder / "t" / "in" / "in" / "0.png").read_bytes())
    for arguments in (("t/in", "-o", "t/in"), ("t/in", "--recursive", "-o", "t")):
        assert "t/in has the inputs, and results there would be inputs, too" in refused(folder, *arguments, *GIVEN)
    done("t/in", *GIVEN, "-o", "t")
    assert "t/a.png" in names(folder)


def test_frames_beside_their_video_are_no_inputs_of_the_next_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film = make_film(tmp_path, 2)
    (tmp_path / "t").mkdir()
    film.path.rename(tmp_path / "t" / "clip.mp4")
    arguments = ("t", "--recursive", "--format", "png", "-m", "difference.xml", "--plate", "plate.png")
    done(*arguments)
    before = names(tmp_path / "t")
    assert before == {"clip.mp4", *(f"clip_cutout/{name}" for name in ("00000000.png", "00000001.png", "times.csv"))}
    done(*arguments)
    assert names(tmp_path / "t") == before


def test_pictures_do_not_go_among_frames(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film = make_film(tmp_path, 2)
    write_picture(tmp_path / "t" / "clip" / "00000000.jpg", film.pictures[0])
    film.path.rename(tmp_path / "t" / "clip.mp4")
    model = ("-m", "difference.xml", "--plate")
    line = refused(tmp_path, "t", "--recursive", "--format", "png", "-o", "out", *model, "plate.png")
    assert "out/clip is for the frames of a video alone, and out/clip/00000000.png is in it" in line
    write_picture(tmp_path / "plates" / "00000000.png", film.pictures[0])
    line = refused(tmp_path, "t/clip.mp4", "-o", "plates", *model, "plates")
    assert "plates is for the frames of a video alone, and plates/00000000.png is in it" in line


def manifests(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*.jsonl")}


def test_no_manifest_lies_where_nobody_put_anything(folder):
    pair = ("one/0.png", "two/0.png")
    for name in ("one", "two"):
        write_blocks(folder / name, 1)
    done(*pair, *GIVEN)
    result = done(*pair, *GIVEN, "--resume")
    assert "results lie in several folders" in result.stderr
    assert "2 frames in" in result.stdout
    assert not manifests(folder)
    write_blocks(folder / "one", 2)
    done("one/0.png", "one/1.png", *GIVEN)
    assert manifests(folder) == {"one/omz_demo.jsonl"}
    done(".", "--recursive", *GIVEN)
    assert manifests(folder) == {"one/omz_demo.jsonl", "omz_demo.jsonl"}
    assert ", 3 there already" in done(".", "--recursive", *GIVEN, "--resume").stdout


def test_videos_of_two_folders_have_no_manifest_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        make_film(tmp_path / name, 2)
    flags = ("one/clip.mp4", "two/clip.mp4", "--plate", "one/plate.png", "-m", "one/difference.xml")
    result = done(*flags, "--resume")
    assert "results lie in several folders" in result.stderr
    assert not manifests(tmp_path)


def test_standard_output_is_in_no_folder(folder):
    write_blocks(folder / "in", 1)
    (folder / "-.png").mkdir()
    with small_disk(folder / "disk", 100) as disk, pytest.MonkeyPatch.context() as patch:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        patch.chdir(disk)
        result = done("../in/0.png", "-m", "../model.xml", "--plate", "../plate.png", "-o", "-")
    assert result.stdout_bytes.startswith(b"\x89PNG")


def test_a_report_replaces_nothing(folder):
    write_blocks(folder / "in", 2)
    for name in ("out/omz_demo.jsonl", "out/OMZ_demo.1-of-2.jsonl", "out/omz_demo_videos.jsonl"):
        assert f"--report {name} is the name of what jobs go on from" in refused(
            folder, "in", *GIVEN, "-o", "out", "--report", name
        )
    assert "--report in is where something else is" in refused(folder, "in", *GIVEN, "-o", "out", "--report", "in")
    done("in", *GIVEN, "-o", "out", "--report", "out/omz_demo.json")
