"""The errors that Open Matting Zoo raises on purpose.

::

    OmzError                 one line: what is wrong, where, what to do
    ├── UsageError           the request makes no sense (a command exits with 2)
    ├── CardError            a model card or a model's name
    ├── ImageError           reading, writing or using an image
    ├── VideoError           reading or writing a video, or a camera
    ├── DataError            a dataset, or a frame of it
    ├── ModelFileError       a model's file that is missing, damaged or of another network
    ├── DownloadError        fetching, unpacking or placing a file
    ├── ConversionError      converting a model to an IR
    └── EngineError          a device or a runtime that cannot run a model

The commands print the message of an :class:`OmzError` and nothing else; any other exception is a defect.
"""

from __future__ import annotations

import errno

from omz.text import one_line


class OmzError(Exception):
    """Base of all errors raised on purpose; its text is one line for the user.

    Whatever text of others is in it, the line is bounded, cannot control a terminal, and has no passwords of addresses.
    """

    exit_code = 1

    def __init__(self, text: str = "") -> None:
        super().__init__(one_line(text))


class UsageError(OmzError):
    """The request makes no sense."""

    exit_code = 2


class CardError(OmzError):
    """A model card cannot be used, or no model has the name asked for."""


class ImageError(OmzError):
    """An image cannot be read, written or used."""


class VideoError(OmzError):
    """A video, or a camera, cannot be read or written."""


class DataError(OmzError):
    """A dataset, or a frame of it, cannot be used to measure anything."""


class ModelFileError(OmzError):
    """A model's file is missing, damaged or of another network."""


class DownloadError(OmzError):
    """A file could not be fetched, unpacked or put in its place."""


class ConversionError(OmzError):
    """A model cannot become an IR."""


class EngineError(OmzError):
    """A device or a runtime cannot run a model."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or an observer, has stopped a run; ``hint`` says in one line how to go on, and is empty if nobody can."""

    def __init__(self, hint: str = "") -> None:
        super().__init__(hint)
        self.hint = hint


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, or its type if it has no text."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def os_reason(error: BaseException) -> str:
    """Return the reason that the system, or FFmpeg, gives for an error, without its number and path."""
    return getattr(error, "strerror", None) or first_line(error)


def os_remedy(error: BaseException, otherwise: str) -> str:
    """Return what to do about a file that cannot be read: ``otherwise``, unless the system tells more."""
    if isinstance(error, PermissionError):
        return "check its permissions"
    if isinstance(error, IsADirectoryError):
        return "name a file"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "mend the link"
    return otherwise
