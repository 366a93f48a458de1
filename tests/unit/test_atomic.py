from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

from omz.atomic import committed_file, first_file, replace_folder, stamp_of, sweep, temporary_prefix, whole_file


def test_the_file_appears_whole(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    with whole_file(target) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".txt"
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_an_error_keeps_the_old_file_and_leaves_nothing(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")

    def fail() -> None:
        with whole_file(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match="it is a folder or a device"), whole_file(tmp_path / name):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "pipe"]


def test_a_killed_process_keeps_the_old_file(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom omz.atomic import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    assert os.path.getsize(target) == 3


def folder(path, **files):
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def contents(path):
    return {entry.name: entry.read_text() for entry in path.iterdir()}


@pytest.mark.parametrize("in_one_step", [True, False])
def test_a_folder_takes_the_place_of_another_which_keeps_what_only_it_had(tmp_path, monkeypatch, in_one_step):
    if not in_one_step:
        monkeypatch.setattr("omz.atomic.sys.platform", "other")
    target = folder(tmp_path / "target", a="old", mine="notes")
    replace_folder(folder(tmp_path / "new", a="new", b="new"), target)
    assert contents(target) == {"a": "new", "b": "new", "mine": "notes"}


def test_a_folder_takes_an_empty_place(tmp_path):
    replace_folder(folder(tmp_path / "new", a="new"), tmp_path / "target")
    assert contents(tmp_path / "target") == {"a": "new"}
    assert not (tmp_path / "new").exists()


def test_what_killed_processes_left_of_a_file_is_swept_away_and_nothing_else(tmp_path):
    kept = ["net.bin", ".net.0123abcd.part.onnx", ".other.0123abcd.part.bin", ".net.short.part.bin"]
    for name in [*kept, ".net.0123abcd.part.bin"]:
        (tmp_path / name).touch()
    sweep(tmp_path / "net.bin")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "é" * 125 + ".webp", "a." + "b" * 253, "\udcff.png"])
def test_names_as_long_as_they_can_be(tmp_path, name):
    target, other = tmp_path / name, tmp_path / f"{name[:90]}-other.png"
    other.touch()
    with whole_file(target) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == (target.suffix if len(target.suffix) < 10 else ".part")
        assert temporary.name.startswith(temporary_prefix(target))
    assert {*tmp_path.iterdir()} == {target, other}
    temporary.touch()  # as a killed process leaves it
    sweep(other)
    assert temporary.exists()
    sweep(target)
    assert {*tmp_path.iterdir()} == {target, other}


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "other.txt").write_text("kept")
    (tmp_path / "link.txt").symlink_to("other.txt")
    os.link(tmp_path / "other.txt", tmp_path / "hard.txt")
    for name in ("link.txt", "hard.txt"):
        with whole_file(tmp_path / name) as temporary:
            temporary.write_text("new")
        assert (tmp_path / name).read_text() == "new"
        assert not (tmp_path / name).is_symlink()
    assert (tmp_path / "other.txt").read_text() == "kept"


def test_a_planted_link_is_not_written_through(tmp_path, monkeypatch):
    monkeypatch.setattr("secrets.token_hex", lambda count: "0" * 2 * count)
    (tmp_path / "victim").write_text("kept")
    (tmp_path / ".file.00000000.part.txt").symlink_to("victim")
    with pytest.raises(FileExistsError), whole_file(tmp_path / "file.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "victim").read_text() == "kept"
    assert not (tmp_path / "file.txt").exists()


def commit(target, text: str, replaces=None) -> None:
    with committed_file(target, replaces) as temporary:
        temporary.write_text(text)


def test_the_first_that_commits_a_file_stays_and_others_drop_the_same(tmp_path):
    target = tmp_path / "deep" / "file.txt"
    commit(target, "new")
    first = target.stat().st_ino
    commit(target, "new")
    assert (target.read_text(), target.stat().st_ino) == ("new", first)
    assert list(target.parent.iterdir()) == [target]


def test_what_somebody_else_has_written_is_not_replaced(tmp_path):
    target = tmp_path / "file.txt"
    commit(target, "theirs")
    with pytest.raises(FileExistsError):
        commit(target, "ours")
    assert target.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_what_was_there_before_is_replaced_but_not_what_came_since(tmp_path):
    target = tmp_path / "file.txt"
    target.write_text("old")
    before = stamp_of(target)
    commit(target, "new", before)
    assert target.read_text() == "new"
    with pytest.raises(FileExistsError):
        commit(target, "newer", before)
    assert stamp_of(tmp_path / "none") is None


def test_without_hard_links_the_first_stays_too(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    target = tmp_path / "file.txt"
    commit(target, "new")
    commit(target, "new")
    with pytest.raises(FileExistsError):
        commit(target, "other")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_the_first_file_stays_whatever_comes_later(tmp_path):
    target = tmp_path / "file.txt"
    for text in ("first", "second"):
        with first_file(target) as temporary:
            temporary.write_text(text)
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]
