"""Errors as answers: a status and one line of JSON."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.responses import JSONResponse

from omz.cutout.in_memory import StoppedError
from omz.errors import CardError, ImageError, OmzError, UsageError
from omz.images.opening import TooManyPixelsError
from omz.text import one_line

GONE = 499
"""The status, of nginx, of a request whose client has left: nobody sees it but the metrics."""


class RefusedError(OmzError):
    """A request that is answered with ``status`` and a line."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.headers = status, dict(headers or {})


_STATUSES: tuple[tuple[type[OmzError], int], ...] = (
    (TooManyPixelsError, 413),
    (ImageError, 422),
    (UsageError, 422),
    (CardError, 404),
    (StoppedError, 503),
)


def answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return an error as FastAPI has it, in one line."""
    return JSONResponse({"detail": one_line(text)}, status, dict(headers or {}))


def answer_of(error: OmzError) -> JSONResponse:
    """Return the answer to a request that failed; a model that cannot run is a fault of the service, not of it."""
    if isinstance(error, RefusedError):
        return answer(error.status, str(error), error.headers)
    for kind, status in _STATUSES:
        if isinstance(error, kind):
            return answer(status, str(error))
    return answer(503, str(error))
