"""Where the results of videos go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from omz_demo.inputs.discovery import PICTURES, Input
from omz_demo.outputs.names import Outputs, What, name_outputs


def name_videos(
    films: Sequence[Input], output: Path | None, whats: Sequence[What], suffix: str | None
) -> Mapping[Input, Outputs]:
    """Return the files that come of each video, like those of pictures; ``suffix`` is that of the format asked for.

    A folder of PNG files has no suffix. Raises :class:`omz.errors.UsageError` as
    :func:`omz_demo.outputs.names.name_outputs` does.
    """
    return {
        item: {what: _as_video(path, _suffix(suffix, what)) for what, path in outputs.items()}
        for item, outputs in name_outputs(films, output, whats).items()
    }


def _suffix(suffix: str | None, what: What) -> str:
    """Return that of a video's result: ProRes where it needs alpha, for others H.264 is small; none for PNG files."""
    if suffix and suffix not in PICTURES:
        return suffix
    if suffix == ".png":
        return ""
    return ".mov" if what == "cutout" else ".mp4"


def _as_video(path: Path, suffix: str) -> Path:
    """Return the path with another suffix; that of a folder has no dots, which would begin the suffix of a file."""
    return path.with_suffix(suffix) if suffix else path.with_name(path.stem.replace(".", "_"))
