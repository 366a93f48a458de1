"""Base of all records in cards, and texts for messages about them."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

_SHOWN = 60
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 3, _SHOWN, _SHOWN

UNKNOWN_KEYS = "unknown_keys"
"""Type of the error for unknown keys; its context has these, and the known ones."""


class Record(BaseModel):
    """A frozen record; an unknown key is an error.

    ``filled_in`` are the fields that are not keys of the card.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=(), allow_inf_nan=False)
    filled_in: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _know_every_key(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            known = cls.keys()
            unknown = [key for key in value if key not in known and key not in cls.filled_in]
            if unknown:
                raise PydanticCustomError(UNKNOWN_KEYS, "unknown keys", {"unknown": unknown, "known": known})
        return value

    @classmethod
    def keys(cls) -> list[str]:
        """Return the record's keys as they are written in a card."""
        return [field.alias or name for name, field in cls.model_fields.items() if name not in cls.filled_in]


def shown(value: Any) -> str:
    """Return a value of a file in short, for a message."""
    if value is None:
        return "nothing"
    text = _SHORT.repr(value)
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}..."
    return text


def suggestion(found: object, allowed: Iterable[str]) -> str:
    """Return a hint for a message: the name in ``allowed`` nearest to ``found``, and all of them."""
    allowed = sorted(allowed)
    near = difflib.get_close_matches(str(found), allowed, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}allowed: {', '.join(allowed) or 'none'}"


def _inside(name: str) -> str:
    path, windows = PurePosixPath(name), PureWindowsPath(name)
    outside = path.is_absolute() or windows.anchor or ".." in path.parts or name.startswith("~")
    if outside or "\\" in name or not path.parts:
        raise PydanticCustomError("outside", "must be a relative path that stays in the model's folder")
    if not name.isprintable():
        raise PydanticCustomError("unprintable", "must be printable")
    return path.as_posix()


RelativePath = Annotated[str, AfterValidator(_inside)]
"""A path with forward slashes that stays in the model's folder, normalised."""
