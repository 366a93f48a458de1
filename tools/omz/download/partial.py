"""Partial files: the bytes of a download so far."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from omz.checksum import CHUNK, new_digest
from omz.download.answer import is_header_value
from omz.paths import hidden_name, what_else, without_links
from omz.zoo.model_file import Checksum

_SETTLE_EVERY = 32 << 20  # bytes
_DIGITS = 12  # of the checksum, in the names of partial files
_AHEAD = 32  # chunks that may wait for the digest


class Partial:
    """The bytes of ``target`` received so far, in a hidden file beside it that a later run can continue.

    The hidden file is named after the checksum, so that another version of the file does not continue it. ``size`` is
    in bytes. A note beside it keeps the last address and validator, for :meth:`validator`.
    """

    def __init__(self, target: Path, checksum: Checksum) -> None:
        self._target = target
        self._checksum = checksum
        self.path = target.with_name(hidden_name(target.name, f".{checksum.value[:_DIGITS]}.part"))
        self._note = target.with_name(hidden_name(target.name, f".{checksum.value[:_DIGITS]}.part.json"))
        self._digest = new_digest(checksum.algorithm)
        self.size = 0
        target.parent.mkdir(parents=True, exist_ok=True)
        for path in (self.path, self._note):
            if what_else(path) or path.is_symlink():  # which no transfer has left
                path.unlink()
        with contextlib.suppress(FileNotFoundError), open(self.path, "rb", opener=without_links) as file:
            while chunk := file.read(CHUNK):
                self._digest.update(chunk)
                self.size += len(chunk)

    def validator(self, url: str) -> str | None:
        """Return the value of ``If-Range`` to continue from ``url``; None if the bytes came from elsewhere."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            if note["url"] == url and is_header_value(note["validator"]):
                return str(note["validator"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    @contextlib.contextmanager
    def writing(self, start: int, url: str, validator: str | None) -> Iterator[Writer]:
        """Take the bytes from ``start`` on, which is 0 or :attr:`size`; keep them, however the block ends."""
        if start == 0:
            self.discard()
        with open(self._note, "w", encoding="utf-8", opener=without_links) as note:
            json.dump({"url": url, "validator": validator}, note)
        with (
            open(self.path, "ab", buffering=0, opener=without_links) as file,
            Writer(file.fileno(), self._digest) as writer,
        ):
            try:
                yield writer
            finally:
                self.size += writer.written

    def discard(self) -> None:
        """Forget all bytes."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self._digest = new_digest(self._checksum.algorithm)
        self.size = 0

    def is_right(self) -> bool:
        """Tell whether the bytes are those of the whole file, and still on the disk."""
        size = 0
        if self.path.exists():
            size = self.path.stat().st_size
        return size == self.size and self._digest.hexdigest() == self._checksum.value

    def move_into_place(self) -> None:
        """Rename the hidden file to the target, and remove those of other versions."""
        with open(self.path, "ab", opener=without_links) as file:  # which makes one where nothing was to transfer
            os.fsync(file.fileno())
        self.path.replace(self._target)
        forget_partials(self._target)


def partials(target: Path) -> Iterator[Path]:
    """Yield the partial files of ``target`` in all versions, and their notes."""
    for end in (".part", ".part.json"):
        name = hidden_name(target.name, f".{'0' * _DIGITS}{end}")
        start = glob.escape(name.removesuffix(f"{'0' * _DIGITS}{end}"))
        yield from target.parent.glob(f"{start}{'?' * _DIGITS}{end}")


def forget_partials(target: Path) -> None:
    """Remove partial files of ``target`` in all versions."""
    for rest in partials(target):
        rest.unlink(missing_ok=True)


class Writer:
    """Writes chunks, and digests them in a thread of its own; ``written`` counts bytes."""

    def __init__(self, descriptor: int, digest: hashlib._Hash) -> None:
        self._descriptor = descriptor
        self._digest = digest
        self._chunks: queue.Queue[memoryview | None] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.written = self._settled = 0

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._chunks.put(None)
        self._thread.join()

    def write(self, chunk: bytes) -> None:
        """Write all of ``chunk``."""
        rest = memoryview(chunk)
        while rest:
            count = os.write(self._descriptor, rest)
            self._chunks.put(rest[:count])
            rest = rest[count:]
            self.written += count
        if self.written - self._settled >= _SETTLE_EVERY:
            self._settled = self.written
            _settle(self._descriptor)

    def _work(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._digest.update(chunk)


def _settle(descriptor: int) -> None:
    """Bring the bytes to the disk, and free their memory for other programs."""
    if sys.platform == "linux":
        os.fdatasync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
