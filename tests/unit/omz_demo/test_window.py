"""The window: what keys mean, what is drawn, and that nothing is where there is no display."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from omz.cutout.observer import Action
from omz.errors import UsageError
from omz_demo.window import TITLE, Window, action, has_display, overlay

needs_display = pytest.mark.skipif(not has_display(), reason="there is no display")


@pytest.mark.parametrize(
    ("key", "wanted"),
    [
        (113, Action.QUIT),  # q: Open Model Zoo compared the number with a letter
        (81, Action.QUIT),
        (27, Action.QUIT),
        (0x100000 | 113, Action.QUIT),  # with Num Lock, as GTK tells it
        (32, Action.RECAPTURE),
        (98, Action.BACKGROUND),
        (115, Action.SNAPSHOT),
        (9, Action.OVERLAY),
        (-1, Action.NONE),
        (120, Action.NONE),
    ],
)
def test_keys(key, wanted):
    assert action(key) is wanted


def test_the_overlay_is_drawn_on_a_copy():
    picture = np.full((360, 640, 3), 128, np.uint8)
    shown = overlay(picture, ["30.0 fps", "12 ms old"])
    assert np.all(picture == 128)
    changed = np.any(shown != picture, axis=2)
    assert changed[:60, :200].sum() > 200
    assert not changed[100:].any()
    assert not changed[:, 320:].any()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a display is always there")
@pytest.mark.parametrize("display", [None, ":97"])
def test_without_a_display_it_is_one_line_and_the_process_lives(display, monkeypatch):
    if display:
        monkeypatch.setenv("DISPLAY", display)
    else:
        monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(UsageError, match=r"no display .*--no_show"):
        Window()


@needs_display
def test_a_window_shows_pictures_at_their_size():
    window = Window()
    picture = np.full((120, 200, 3), 90, np.uint8)
    assert all(window.show(picture, ["line"], always=True) is Action.NONE for _ in range(5))
    assert cv2.getWindowImageRect(TITLE)[2:] == (200, 120)
    assert np.all(picture == 90)
    window.close()


@needs_display
def test_qt_keeps_its_warnings_to_itself():
    program = "import numpy; from omz_demo.window import Window; Window().show(numpy.zeros((9, 9, 3), 'uint8'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stderr == ""
