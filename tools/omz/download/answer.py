"""Decisions on a server's answer, by its status and headers alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from omz.text import printable

_NUMBER = r"[0-9]{1,18}"
_GONE = (404, 410)
_WORTH_ANOTHER_TRY = frozenset((408, 425, 429))


class TransferError(Exception):
    """A transfer failed; its text says why."""


class Refused(TransferError):
    """Another request to this address would not help."""


class Retryable(TransferError):
    """Another request may help, after ``wait`` seconds if the server said so.

    ``answered`` says that the server has given an answer, which was of no use.
    """

    def __init__(self, cause: str, wait: float | None = None, answered: bool = False) -> None:
        super().__init__(cause)
        self.wait, self.answered = wait, answered


class Unusable(TransferError):
    """The bytes received do not belong to the file; a new start may help."""


class NoRest(Unusable):
    """The server does not give the rest of the file, but may give all of it; the bytes so far may be right."""


@dataclass(frozen=True)
class Body:
    """Part of the file in the body of an answer.

    It begins at byte ``start`` of the file, and ends at byte ``end``, None if the server does not say. ``validator`` is
    for ``If-Range`` when the rest is requested later.
    """

    start: int
    end: int | None
    validator: str | None


def read_answer(status: int, reason: str, headers: Mapping[str, str], asked: int, size: int | None) -> Body:
    """Return the body of an answer to a request for a file from byte ``asked`` on.

    ``headers`` have lower-case names; ``size`` is that of the whole file in bytes, if known. Raises :class:`NoRest`,
    where only the rest of the file was asked for, :class:`Refused`, :class:`Retryable` or :class:`Unusable`.
    """
    try:
        return _read_answer(status, reason, headers, asked, size)
    except (Refused, Unusable) as error:
        if not asked or status in (200, *_GONE):  # then it is about all of the file
            raise
        raise NoRest(str(error)) from error


def _read_answer(status: int, reason: str, headers: Mapping[str, str], asked: int, size: int | None) -> Body:
    if status == 416:
        raise Unusable("the server has no such part of the file")
    if status not in (200, 206):
        failure = f"the server answers {status} {printable(reason)}".rstrip()
        if status not in _WORTH_ANOTHER_TRY and status < 500:
            raise Refused(failure)
        wait = retry_after(headers.get("retry-after"), datetime.now(timezone.utc))
        if wait is not None:
            failure += f", and asks to wait {wait:.0f} s"
        raise Retryable(failure, wait, answered=True)
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Refused(f"the server sends the file {printable(encoding)}-encoded, although asked not to")
    start = 0
    end: int | None = None
    if status == 206:
        start, end = _read_range(headers.get("content-range", ""), asked)
    length = headers.get("content-length", "")
    if end is None and re.fullmatch(_NUMBER, length):
        end = start + int(length)
    if end is None:
        end = size
    if size is not None and end != size:
        page = ", a web page," if headers.get("content-type", "").startswith("text/html") else ""
        raise Refused(f"the server's file{page} has {end} bytes, not {size} as on the card")
    return Body(start, end, _validator(headers))


def _read_range(text: str, asked: int) -> tuple[int, int | None]:
    match = re.fullmatch(rf"bytes ({_NUMBER})-{_NUMBER}/({_NUMBER}|\*)", text.strip())
    if not match or int(match[1]) != asked:
        raise Unusable("the server sends another part of the file than requested")
    if match[2] == "*":
        return asked, None
    return asked, int(match[2])


def _validator(headers: Mapping[str, str]) -> str | None:
    """Return a strong ETag, or the time of the last change, if it can be sent in a header."""
    etag, changed = headers.get("etag", ""), headers.get("last-modified", "")
    if re.fullmatch(r'"[ !#-~]*"', etag):
        return etag
    return changed if is_header_value(changed) else None


def is_header_value(value: object) -> bool:
    """Tell whether ``value`` can be sent in a header."""
    return isinstance(value, str) and bool(re.fullmatch(r"[!-~]([ -~]*[!-~])?", value))


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds of a ``Retry-After`` header, a number or a date; None without one."""
    text = (text or "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return max(0.0, (when - now).total_seconds())
