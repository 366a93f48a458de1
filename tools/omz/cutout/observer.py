"""Observer of a run: told what happens, asked whether to go on."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from omz.events import Event
from omz.images.arrays import Picture


class Action(enum.Enum):
    """Wish of a user who looks at frames."""

    NONE = enum.auto()
    QUIT = enum.auto()
    RECAPTURE = enum.auto()
    BACKGROUND = enum.auto()
    SNAPSHOT = enum.auto()
    OVERLAY = enum.auto()


class Observer:
    """Observer that ignores everything; override the methods you need.

    Any thread of the run may call them, but ``watches`` and ``on_frame`` are called by the one that started it.

    Example:
        >>> import omz
        >>> class Lines(omz.Observer):
        ...     def on_progress(self, name, done, total):
        ...         print(f"{name}: {done} of {total}")
        >>> summary = omz.cut_out("photo.jpg", plate="empty.jpg", observer=Lines())
        images: 1 of 1
    """

    def on_note(self, text: str) -> None:
        """Take a line that is worth knowing."""

    def on_warning(self, text: str) -> None:
        """Take a warning, one line."""

    def on_failure(self, text: str) -> None:
        """Take the error of an input that failed, one line; the others go on."""

    def on_progress(self, name: str, done: int, total: int | None) -> None:
        """Take how many of ``total`` images, or frames of a video, are done; None: nobody knows how many there are."""

    def on_event(self, event: Event) -> None:
        """Take an event: steps of a conversion, images that ended."""

    def watches(self, live: bool, recorded: bool) -> bool:
        """Return whether frames are to be rendered for ``on_frame``.

        It is asked once before the first frame of a live source, and of each video if the option ``show`` is set;
        images are never shown.

        ``live``: it is a camera, a stream or a video that is only shown. ``recorded``: the result is also written.
        """
        return False

    def on_frame(self, picture: Picture, lines: Sequence[str], pinned: bool = False) -> Action:
        """Show a frame, (H, W, 3) uint8 BGR, and return what the user wants.

        ``lines`` tell about it; if ``pinned``, the user has to see them.
        """
        return Action.NONE

    def should_stop(self) -> bool:
        """Return whether to stop; asked after each image and frame.

        The run then ends as after Ctrl-C: a live source ends well if a frame was done, anything else is interrupted.
        """
        return False
