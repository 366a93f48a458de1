"""Open Matting Zoo: image matting models from their card to a verified OpenVINO IR, and to a matte on your picture.

Importing this package loads no framework; each stage is a package of its own, see the README. ``omz.Matter`` mattes
pictures with a model of the zoo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omz.matting import Matter

__all__ = ["Matter"]


def __getattr__(name: str) -> object:
    if name != "Matter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from omz.matting import Matter

    return Matter
