"""Uploads, taken as the files they are: Gradio would decode pictures and encode them anew."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from omz.cutout.in_memory import ImageInMemory
from omz.errors import ImageError
from omz_demo.web.settings import Settings


def picture_upload(label: str, **more: Any) -> gr.Image:
    """Return a place for a picture, by its file, from the clipboard or from the camera; its value is a path."""
    place = gr.Image(label=label, type="filepath", sources=["upload", "webcam", "clipboard"], buttons=[], **more)
    place.preprocess = _path_of  # type: ignore[method-assign]  # Gradio writes stubs beside classes derived from its own
    return place


def video_place(label: str, **more: Any) -> gr.Video:
    """Return a place for a video, which is taken and shown as it is; its value is a path."""
    place = gr.Video(label=label, buttons=[], **more)
    place.preprocess = _path_of
    place.postprocess = _file_at
    return place


def _path_of(payload: Any) -> str | None:
    return None if payload is None else payload.path


def _file_at(path: Any) -> FileData | None:
    return None if path is None else FileData(path=str(path), orig_name=Path(path).name)


def image_of(picture: str, plate: str | None, target: str | None, settings: Settings) -> ImageInMemory:
    """Return an image, its plate and what is to be behind it, by their paths.

    Raises :class:`omz.errors.ImageError` for what is too large.
    """
    contents = [None if path is None else read_upload(path, settings) for path in (plate, target)]
    return ImageInMemory(Path(picture).name, read_upload(picture, settings), *contents)


def read_upload(path: str, settings: Settings) -> bytes:
    """Return the content of an uploaded file. Raises :class:`ImageError` if it is too large, or not there any more."""
    check_upload(path, settings)
    return Path(path).read_bytes()


def check_upload(path: str, settings: Settings) -> None:
    """Raise :class:`ImageError` for a file that is too large, or not there any more."""
    name, most = Path(path).name, settings.flags.max_bytes
    if not os.path.isfile(path):
        raise ImageError(f"{name} is not here any more; drop it again")
    size = os.path.getsize(path)
    if size > most:
        raise ImageError(f"{name} has {size:,} bytes, and {most:,} are allowed; choose a smaller file")
