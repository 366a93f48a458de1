"""Parser for the argument lists inside cards."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import NoReturn

from omz.errors import CardError

_MOST, _LONGEST = 1000, 10_000  # arguments, and letters of one


class CardArgumentParser(argparse.ArgumentParser):
    """Takes the spellings and abbreviations of argparse; raises :class:`CardError` that begins with ``where``.

    ``refused`` maps flags that are known but not supported to the reason.
    """

    def __init__(self, where: str, refused: Mapping[str, str] | None = None) -> None:
        super().__init__(add_help=False)
        self._where = where
        self._refused = refused or {}

    def add_texts(self, *flags: str, required: bool = False) -> None:
        """Add flags with a text, which is "" by default."""
        for flag in flags:
            self.add_argument(flag, required=required, default="")

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise CardError(f"{self._where}: {message}")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse all of ``arguments``; an unknown one is an error."""
        if len(arguments) > _MOST:  # argparse takes the time of their square
            self.error(f"there are {len(arguments)} arguments; at most {_MOST} are taken")
        for argument in arguments:
            if len(argument) > _LONGEST:
                self.error(f"an argument has {len(argument)} letters; at most {_LONGEST} are taken")
            flag = argument.partition("=")[0]
            if flag in self._refused:
                self.error(f"{flag} is not supported: {self._refused[flag]}")
        known, unknown = self.parse_known_args(arguments)
        if unknown:
            self.error(f"{unknown[0]} is not supported; remove it")
        return known
