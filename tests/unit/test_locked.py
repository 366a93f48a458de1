from __future__ import annotations

import subprocess
import sys
import threading

from omz.locked import locked_folder


def test_one_works_at_a_time_and_the_others_hear_that_they_wait(tmp_path):
    order = []
    waiting = threading.Event()

    def second() -> None:
        with locked_folder(tmp_path / "deep", ".lock", waiting.set):
            order.append("second")

    with locked_folder(tmp_path / "deep", ".lock"):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(60)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_killed_process_leaves_no_lock(tmp_path):
    script = "import os, sys; from pathlib import Path; from omz.locked import locked_folder\n"
    script += "with locked_folder(Path(sys.argv[1]), '.lock'): os._exit(9)"
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert done.returncode == 9
    with locked_folder(tmp_path, ".lock", lambda: (_ for _ in ()).throw(AssertionError("still locked"))):
        pass
