"""Videos: read with their times, written with alpha and sound, joined from segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omz.lazy import lazy

if TYPE_CHECKING:
    from omz.video.reading import read

__all__ = ["read"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "read": "omz.video.reading:read",
    },
)
