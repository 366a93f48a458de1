"""Text of others, such as cards, servers and names of files, made fit to be shown on a line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

MASK = "***"
_LONGEST, _HEAD, _TAIL = 4000, 3000, 900  # letters; what to do stands at the end of a message
_USER = re.compile(r'(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/?#"<>]*@', re.IGNORECASE)
_PARAMETER = re.compile(r"(?P<key>[?&;#][^\s?&;#=]{1,100})=[^\s&#'\"<>]*[^\s&#'\"<>;:,.)]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE | re.ASCII)
_FORMULA = re.compile(r"(\A|[;\t\r\n])(\s*[=+\-@\uff0b\uff0d\uff1d\uff20]|\A[\t\r\n])")
_SECRET = re.compile(
    r"token|secret|passw|pwd|pass|signature|sig|credential|.*(access|api|private|account).?key.*|key|code|auth|jwt"
    r"|.*(token|secret|passw|signature|credential|authorization|session).*",
    re.IGNORECASE,
)


def one_line(text: str) -> str:
    """Return ``text`` as a line that nothing in it can break: without control characters, secrets and great length."""
    return _cut(printable(_cut(masked(text))))


def printable(text: str) -> str:
    """Return ``text`` with escapes for characters that would break a line, control a terminal or hide."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def spreadsheet_cell(text: str) -> str:
    """Return ``text`` for a cell of a CSV file, with ``'`` before what a spreadsheet takes for a formula.

    Some programs split at semicolons and tabs, too, and find cells in it. Numbers stay numbers, negative ones, too.
    """
    if _NUMBER.fullmatch(text):
        return text
    return _FORMULA.sub(r"\1'\2", text)


def masked(text: str) -> str:
    """Return ``text`` with ``***`` for users and passwords in addresses, and for tokens and signatures in queries."""
    if "://" not in text:
        return text
    return _PARAMETER.sub(_without_secret, _USER.sub(rf"\1{MASK}@", text))


def masked_data(value: Any) -> Any:
    """Return plain data with all its texts, keys among them, as :func:`masked` returns them."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {masked_data(key): masked_data(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked_data(each) for each in value]
    return value


def _cut(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_HEAD]} ... [{len(text) - _HEAD - _TAIL} letters] ... {text[-_TAIL:]}"


def _without_secret(found: re.Match[str]) -> str:
    if _SECRET.fullmatch(unquote(found["key"][1:])):
        return f"{found['key']}={MASK}"
    return found[0]
