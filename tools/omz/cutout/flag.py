"""Flags as plain data: how a flag is spelt, what it takes, and what it changes.

A flag lies in the metadata of the option's dataclass field. The command line, the check of a value, the key of a job to
resume and the hints about flags without effect all follow from it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, replace
from numbers import Integral, Real
from pathlib import Path
from reprlib import repr as short
from typing import Any, Literal, TypeAlias

from omz.errors import UsageError

InputKind: TypeAlias = Literal["images", "videos", "live input"]

ALL_KINDS: tuple[InputKind, ...] = ("images", "videos", "live input")

_ACCEPTED: Mapping[type, tuple[tuple[type, ...], str]] = {
    bool: ((bool,), "True or False"),
    int: ((str, Integral), "a whole number"),
    float: ((str, Real), "a number"),
    str: ((str, os.PathLike, Integral), "text"),
    Path: ((str, os.PathLike), "a path"),
}


@dataclass(frozen=True, kw_only=True)
class Flag:
    """A flag of the command line.

    ``names`` are its spellings; one with a slash (``--show/--no_show``) is a pair of switches. ``takes`` is the type of
    its value: ``bool``, ``int``, ``float``, ``str`` or ``Path``. A text, or a value, becomes the value by ``read``;
    ``lowest`` and ``highest`` bound a number. ``many`` says that it may be repeated. A text that ``names_files`` can be
    completed by a shell. A flag with ``choices`` that may stand ``alone`` takes a value only if the next word is one of
    them, and means that one otherwise. ``option`` is the field's name.

    ``works_on`` has the kinds of input it has an effect on; ``changes_pixels_of`` those whose results depend on it, the
    same unless given. Without the option ``needs``, the flag has no effect.
    """

    names: tuple[str, ...] = ()
    help: str = ""
    takes: type = str
    choices: tuple[str, ...] = ()
    alone: str = ""
    lowest: float | None = None
    highest: float | None = None
    many: bool = False
    names_files: bool = False
    read: Callable[[Any], Any] | None = None
    metavar: str | None = None
    shows_default: bool = False
    hidden: bool = False
    works_on: tuple[InputKind, ...] = ALL_KINDS
    changes_pixels_of: tuple[InputKind, ...] | None = None
    needs: str = ""
    option: str = ""

    @property
    def label(self) -> str:
        """The spelling for messages: the first long one; the option itself where two switches choose its value."""
        if self.choices and "/" in self.names[0]:
            return self.option
        long = [name for name in self.names if name.startswith("--")]
        return long[0].partition("/")[0]

    def changes_pixels(self, kind: InputKind) -> bool:
        """Whether results of this kind of input depend on the flag."""
        if self.changes_pixels_of is None:
            return kind in self.works_on
        return kind in self.changes_pixels_of

    def value(self, given: object) -> object:
        """Return what a user gave, as text of the command line or as a value, as the value of the option.

        Raises :class:`UsageError` for text that cannot be read, and for a value of another type.
        """
        if not self.names:
            return given
        if self.many:
            several = given if isinstance(given, (list, tuple)) else (given,)
            return tuple(map(self._taken, several))
        if self.read is None:
            return self._taken(given)
        try:
            return self.read(given)
        except UsageError as error:
            raise UsageError(f"{self.label}: {error}") from None
        except (AttributeError, TypeError, ValueError):
            raise UsageError(f"{self.label} {_shown(given)}: write {self.metavar}") from None

    def _taken(self, given: Any) -> object:
        types, noun = _ACCEPTED[self.takes]
        if isinstance(given, str) and not given:  # an empty path would be the current folder
            raise UsageError(f"{self.label} is empty; give {noun}, or leave it out")
        try:
            if isinstance(given, types) and (self.takes is bool or not isinstance(given, bool)):
                value = self.takes(os.fspath(given) if isinstance(given, os.PathLike) else given)
                if self.takes is not float or math.isfinite(value):
                    return value
        except (OverflowError, ValueError):
            pass
        raise UsageError(f"{self.label} {_shown(given)}: give {noun}")

    def check(self, value: Any) -> None:
        """Raise :class:`UsageError` if the option cannot have this value."""
        if value is None:
            return
        if self.choices and value not in self.choices:
            raise UsageError(f"{self.label} {value}: choose one of {', '.join(self.choices)}")
        if self.lowest is not None and value < self.lowest:
            raise UsageError(f"{self.label} {value}: give at least {self.lowest:g}")
        if self.highest is not None and value > self.highest:
            raise UsageError(f"{self.label} {value}: give at most {self.highest:g}")


def _shown(value: object) -> str:
    return " ".join(short(value).split())


def option(default: object, help: str, *names: str, **facts: Any) -> Any:
    """Return a dataclass field with this default, and a :class:`Flag` of these facts in its metadata.

    Without ``names``, the flag is spelt as the field. It takes what the default is, or ``takes``.
    """
    if isinstance(default, (bool, float)):
        facts.setdefault("takes", type(default))
    return field(default=default, metadata={"flag": Flag(names=names, help=help, **facts)})


def setting(default: object, help: str, *names: str, **facts: Any) -> Any:
    """Return :func:`option` for one that changes no pixels."""
    return option(default, help, *names, changes_pixels_of=(), **facts)


def flag_of(each: Field[Any]) -> Flag:
    """Return the flag of a field. One that has none gets a flag without names, which changes all pixels."""
    flag: Flag = replace(each.metadata.get("flag", Flag()), option=each.name)
    if flag.names or not flag.help:
        return flag
    return replace(flag, names=(f"--{each.name}",))


def default_of(each: Field[Any]) -> Any:
    """Return the value of a field that nobody sets."""
    return each.default if each.default_factory is MISSING else each.default_factory()
