"""Requests with files: their form, and what OpenAPI says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.requests import Request

from omz.errors import first_line, os_reason
from omz_demo.serve.answers import RefusedError

_FIELDS = 100
_TEXT = 1 << 16  # bytes of a field


@dataclass(frozen=True)
class Upload:
    """A file of a request; ``name`` is the last part of what the client calls it, and never a path."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Form:
    """The files and the texts of a request, by name."""

    files: Mapping[str, Upload]
    texts: Mapping[str, str]


async def read_form(request: Request, files: Sequence[str]) -> Form:
    """Return what a request has in its query and in its form, which takes ``files`` of these names.

    Raises :class:`RefusedError` for other files, for one that comes twice, and for an empty one.
    """
    _check_encoding(request)
    uploads: dict[str, Upload] = {}
    texts = dict(request.query_params)
    try:
        async with request.form(max_files=len(files), max_fields=_FIELDS, max_part_size=_TEXT) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    _check_expected(name, files, uploads)
                    uploads[name] = Upload(_base_name(value.filename), await value.read())
                else:
                    texts[name] = value
    except FormParserError as error:
        raise RefusedError(400, f"the form cannot be read: {first_line(error)}; send multipart/form-data") from error
    except OSError as error:  # a large file lies on the disk while it comes
        raise RefusedError(503, f"there is no place for the upload: {os_reason(error)}; try again later") from error
    for name, upload in uploads.items():
        if not upload.content:
            raise RefusedError(422, f"the file {name} is empty; send an image")
    return Form(uploads, texts)


def _check_encoding(request: Request) -> None:
    """Raise :class:`RefusedError` for texts in other encodings than UTF-8: Python has some that raise, or take long."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise RefusedError(400, "the form names another encoding than UTF-8; leave charset out")


def _check_expected(name: str, files: Sequence[str], before: Mapping[str, Upload]) -> None:
    if name not in files or name in before:
        raise RefusedError(422, f"the file {name} is not expected here; send {', '.join(files)}, once each")


def _base_name(name: str | None) -> str:
    """Return the last part of a path of any system."""
    last = PurePosixPath((name or "").replace("\\", "/")).name
    return last[:200] or "the image"


def form_schema(files: Mapping[str, str], texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OpenAPI says of a form: descriptions of ``files``, and schemas of ``texts``, by name."""
    properties: dict[str, Any] = {}
    for name, description in files.items():
        properties[name] = {"type": "string", "format": "binary", "description": description}
    properties |= texts
    content = {"multipart/form-data": {"schema": {"type": "object", "properties": properties}}}
    return {"requestBody": {"content": content, "required": True}}
