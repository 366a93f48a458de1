"""Videos: read with their times, written with alpha and sound, joined from segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omz.video.reading import read

__all__ = ["read"]


def __getattr__(name: str) -> object:
    if name == "read":
        from omz.video.reading import read

        return read
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
