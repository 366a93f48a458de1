"""The window: frames while they are made, and keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import cv2

from omz.cutout.observer import Action
from omz.errors import UsageError
from omz.images.arrays import Picture

TITLE = "Open Matting Zoo"
KEYS = "q or Esc quit, space retake the plate, b next background, s snapshot, Tab overlay"

_TRY = "import cv2; cv2.namedWindow('display'); cv2.destroyAllWindows()"
_PATIENCE = 20.0  # seconds


_ACTIONS = {
    ord("q"): Action.QUIT,
    ord("Q"): Action.QUIT,
    27: Action.QUIT,  # Esc
    ord(" "): Action.RECAPTURE,
    ord("b"): Action.BACKGROUND,
    ord("s"): Action.SNAPSHOT,
    9: Action.OVERLAY,  # Tab
}


def action(key: int) -> Action:
    """Return what a key, as ``cv2.waitKey`` tells it, asks for; -1 is none. Bits above the lowest 8 are modifiers."""
    if key < 0:
        return Action.NONE
    return _ACTIONS.get(key & 0xFF, Action.NONE)


def overlay(picture: Picture, lines: Sequence[str]) -> Picture:
    """Return a copy of ``picture`` with ``lines`` in its upper left corner; the picture stays as it is."""
    shown = picture.copy()
    scale = max(0.5, picture.shape[0] / 900)
    for number, line in enumerate(lines, start=1):
        place = (round(12 * scale), round(28 * scale * number))
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):  # readable on any picture
            cv2.putText(
                shown, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.8 * scale, colour, round(thickness * scale) or 1
            )
    return shown


def has_display() -> bool:
    """Tell whether a window can be opened.

    A process of its own tries it, for where there is no display, OpenCV ends the process that asks.
    """
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return False  # OpenCV's Qt speaks X11 alone
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _TRY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


class Window:
    """A window on the screen; raises :class:`UsageError` where there is no display. Use it in the main thread."""

    def __init__(self, title: str = TITLE) -> None:
        if not has_display():
            raise UsageError("there is no display to show anything on; add --no_show")
        self._title = title
        self._has_overlay = False
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # OpenCV's Qt comes without fonts, and says so
        cv2.namedWindow(title, cv2.WINDOW_AUTOSIZE)

    def show(self, picture: Picture, lines: Sequence[str] = (), always: bool = False) -> Action:
        """Show a picture, with ``lines`` where the overlay is asked for or ``always``; return what the user wants."""
        if lines and (always or self._has_overlay):
            picture = overlay(picture, lines)
        cv2.imshow(self._title, picture)
        wanted = action(cv2.waitKey(1))
        if cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
            return Action.QUIT
        if wanted is Action.OVERLAY:
            self._has_overlay = not self._has_overlay
        return wanted

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
