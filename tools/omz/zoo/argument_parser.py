"""The argument lists inside cards, read as the tools they were written for read them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import NoReturn

from omz.errors import CardError


class CardArgumentParser(argparse.ArgumentParser):
    """Takes the spellings and abbreviations of argparse; raises :class:`CardError` that begins with ``where``.

    ``refused`` are flags that are known but cannot be followed, each with the reason.
    """

    def __init__(self, where: str, refused: Mapping[str, str] | None = None) -> None:
        super().__init__(add_help=False)
        self._where = where
        self._refused = refused or {}

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise CardError(f"{self._where}: {message}")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse all of ``arguments``; one that is not understood is an error."""
        for argument in arguments:
            flag = argument.partition("=")[0]
            if flag in self._refused:
                self.error(f"{flag} cannot be followed: {self._refused[flag]}")
        known, unknown = self.parse_known_args(arguments)
        if unknown:
            self.error(f"{unknown[0]} is not supported; remove it")
        return known
