"""Changes in folders, told by the system and found by polling, and which of the two a file system needs."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from omz.cutout.folder_events import file_system, folder_events, has_events
from omz.errors import ImageError

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw shared:7 master:2 - cifs //nas/photos rw
31 30 0:41 / /mnt/nas/My\\040shots rw - nfs4 nas:/shots rw
32 22 0:42 / /mnt/over rw - tmpfs tmpfs rw
33 22 0:43 / /mnt/over rw - fuse.sshfs host: rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me", "ext4"),
        ("/mnt/nas/2026", "cifs"),
        ("/mnt/nas/My shots/today", "nfs4"),
        ("/mnt/nasty", "ext4"),
        ("/mnt/over/x", "fuse.sshfs"),
    ],
)
def test_a_path_is_on_the_mount_that_is_nearest_above_it_and_was_mounted_last(path, kind):
    assert file_system(path, MOUNTS) == kind


def test_a_folder_of_this_machine_has_events(tmp_path):
    assert has_events(tmp_path)


@pytest.mark.parametrize("polls", [False, True])
def test_a_new_file_is_told(tmp_path, polls):
    with closing(folder_events([tmp_path], recursive=False, polls=polls)) as events:
        assert next(events) is False  # watched, and nothing has changed
        (tmp_path / "a.png").write_bytes(b"a")
        deadline = time.monotonic() + 30
        assert any(has_come or time.monotonic() > deadline for has_come in events)
        assert time.monotonic() < deadline


@pytest.mark.parametrize("polls", [False, True])
def test_a_folder_that_is_missing_is_one_line(polls):
    with pytest.raises(ImageError, match=r"^nowhere cannot be watched: "):
        next(folder_events([Path("nowhere")], recursive=False, polls=polls))
