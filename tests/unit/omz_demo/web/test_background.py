"""Work that a page follows, and leaves."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import pytest

pytest.importorskip("gradio")

from gradio import HTML

from omz_demo.web.background import Follower, followed, told
from omz_demo.web.results import Results


def test_a_folder_goes_once_the_work_in_it_has_ended(tmp_path):
    follower, written = Follower(), list[Path]()

    def write(folder: Path) -> None:
        while not follower.should_stop():
            time.sleep(0.01)
        (folder / "last.mov").write_bytes(b"frame")  # which fails where the folder is gone
        written.append(folder)

    def page() -> Generator[object, None, None]:
        with Results(tmp_path / "results").folder_if_done() as folder:
            work = followed(lambda: write(folder), follower)
            yield from told(work, follower, HTML())

    updates = page()
    next(updates)
    updates.close()  # as when the tab is closed
    assert len(written) == 1
    assert list((tmp_path / "results").iterdir()) == []
