"""Pipes that stand for files."""

from __future__ import annotations

import os
import threading
import time
from contextlib import closing

import pytest

from omz import pipes
from omz.errors import UsageError
from omz.pipes import is_pipe, open_pipe


def test_pipes_are_told_from_files(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    (tmp_path / "y.png").touch()
    read, write = os.pipe()
    with closing(os.fdopen(read)), closing(os.fdopen(write, "w")):
        assert is_pipe(tmp_path / "x.png")
        assert is_pipe(f"/dev/fd/{read}")
        assert is_pipe(f"/proc/self/fd/{read}")
        assert not any(map(is_pipe, (tmp_path / "y.png", tmp_path, tmp_path / "none", "/dev/null", "a\0b", "")))


def test_what_is_written_late_is_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        time.sleep(0.2)
        with path.open("wb") as file:
            file.write(b"first")
            file.flush()
            time.sleep(0.2)
            file.write(b" and last")

    writer = threading.Thread(target=write)
    writer.start()
    with open_pipe(path) as pipe:
        assert pipe.read() == b"first and last"
    writer.join()


@pytest.mark.parametrize("is_opened", [False, True])
def test_nobody_is_waited_for_without_end(tmp_path, monkeypatch, is_opened):
    monkeypatch.setattr(pipes, "WAIT", 0.1)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    kept = [os.open(path, os.O_RDWR)] if is_opened else []  # somebody who could write, and does not
    with pytest.raises(UsageError, match=r"nothing has come through .*pipe for 0\.1 seconds; write into it"):
        open_pipe(path)
    for descriptor in kept:
        os.close(descriptor)


def test_a_pipe_that_was_closed_is_empty_at_once():
    read, write = os.pipe()
    os.close(write)
    with closing(os.fdopen(read)), open_pipe(f"/dev/fd/{read}") as pipe:
        assert pipe.read() == b""


def test_what_cannot_be_opened_is_one_line():
    with pytest.raises(UsageError, match="/dev/fd/987 cannot be opened: Bad file descriptor; name a file"):
        open_pipe("/dev/fd/987")
