"""Plates and targets that come through pipes, kept as files while a run needs them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from omz.cutout.options import Options
from omz.errors import ImageError
from omz.pipes import is_pipe, open_pipe

_LARGEST = 1 << 30  # bytes
_CHUNK = 1 << 20  # bytes


@contextmanager
def piped_files(options: Options) -> Iterator[Options]:
    """Give options whose plate and target are files where they were pipes, until the block ends.

    Raises :class:`omz.errors.UsageError` where nothing comes, and :class:`ImageError` for more than a file may have.
    """
    if not any(text and is_pipe(text) for text in (options.plate, options.target)):
        yield options
        return
    with tempfile.TemporaryDirectory(prefix="omz-") as folder:
        plate = _kept(options.plate, Path(folder, "plate"))
        yield replace(options, plate=plate, target=_kept(options.target, Path(folder, "target")))


def _kept(text: str | None, path: Path) -> str | None:
    """Return the file that keeps what comes through a pipe; any other text as it is."""
    if text is None or not is_pipe(text):
        return text
    from omz.cutout.standard_input import HEAD, is_video_head  # loads FFmpeg

    with open_pipe(text) as pipe:
        content = pipe.read(HEAD)
        if is_video_head(content):
            path = path.with_suffix(".mkv")  # of a video; FFmpeg looks at its bytes
        size = 0
        with path.open("wb") as file:
            while content:
                size += file.write(content)
                if size > _LARGEST:
                    raise ImageError(f"{text} has more than {_LARGEST >> 20} MB; save it, and name the file")
                content = pipe.read(_CHUNK)
    return str(path)
