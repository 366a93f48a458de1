from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from omz.atomic import whole_file


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
