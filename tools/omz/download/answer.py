"""What a server's answer means: pure decisions on its status and headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from omz.zoo.record import printable

_NUMBER = r"[0-9]{1,18}"
_WORTH_ANOTHER_TRY = frozenset((408, 425, 429))


class TransferError(Exception):
    """A transfer failed; its text says why."""


class Refused(TransferError):
    """Asking this address again would not help."""


class Retryable(TransferError):
    """Asking again may help, after ``wait`` seconds where the server said so."""

    def __init__(self, cause: str, wait: float | None = None) -> None:
        super().__init__(cause)
        self.wait = wait


class Unusable(TransferError):
    """What was received does not belong to the file; starting over may help."""


@dataclass(frozen=True)
class Body:
    """What the body of an answer is.

    It begins at byte ``start`` of the file, and ends at byte ``end``, None where the server does not say. ``validator``
    is for ``If-Range`` when the rest is asked for another time.
    """

    start: int
    end: int | None
    validator: str | None


def read_answer(status: int, reason: str, headers: Mapping[str, str], asked: int, size: int | None) -> Body:
    """Return what follows the headers of an answer to a request for a file from byte ``asked`` on.

    ``headers`` have lower-case names; ``size`` is that of the whole file in bytes, where it is known. Raises
    :class:`Refused`, :class:`Retryable` or :class:`Unusable`.
    """
    if status == 416:
        raise Unusable("the server has no such part of the file")
    if status not in (200, 206):
        failure = f"the server answers {status} {printable(reason)}".rstrip()
        if status in _WORTH_ANOTHER_TRY or status >= 500:
            wait = retry_after(headers.get("retry-after"), datetime.now(timezone.utc))
            raise Retryable(failure if wait is None else f"{failure}, and asks to wait {wait:.0f} s", wait)
        raise Refused(failure)
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Refused(f"the server sends the file {printable(encoding)}-encoded, though asked for it as it is")
    length = headers.get("content-length", "")
    body_size = int(length) if re.fullmatch(_NUMBER, length) else None
    if status == 206:
        start, total = _read_range(headers.get("content-range", ""), asked)
        end = total if total is not None else None if body_size is None else start + body_size
    else:
        start, end = 0, body_size
    if size is not None and end is not None and end != size:
        page = ", a web page," if headers.get("content-type", "").startswith("text/html") else ""
        raise Refused(f"the server's file{page} has {end} bytes, not {size} as on the card")
    return Body(start, end if end is not None else size, _validator(headers))


def _read_range(text: str, asked: int) -> tuple[int, int | None]:
    match = re.fullmatch(rf"bytes ({_NUMBER})-{_NUMBER}/({_NUMBER}|\*)", text.strip())
    if not match or int(match[1]) != asked:
        raise Unusable("the server sends another part of the file than was asked for")
    return asked, None if match[2] == "*" else int(match[2])


def _validator(headers: Mapping[str, str]) -> str | None:
    """Return a strong ETag, or the time of the last change, if a header of ours may hold it."""
    etag, changed = headers.get("etag", ""), headers.get("last-modified", "")
    if re.fullmatch(r'"[ !#-~]*"', etag):
        return etag
    return changed if is_header_value(changed) else None


def is_header_value(value: object) -> bool:
    """Tell whether a header of a request may hold ``value``."""
    return isinstance(value, str) and bool(re.fullmatch(r"[!-~]([ -~]*[!-~])?", value))


def retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, as a number or as a date; None without one."""
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
