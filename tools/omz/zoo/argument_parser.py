"""The argument lists inside cards, read as the tools they were written for read them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from omz.errors import CardError
from omz.zoo.card import ModelCard


class CardArgumentParser(argparse.ArgumentParser):
    """Takes the spellings and abbreviations of argparse; raises :class:`CardError` naming card and key."""

    def __init__(self, card: ModelCard, key: str) -> None:
        super().__init__(add_help=False)
        self._where = f"{card.path}: {key}"

    def error(self, message: str) -> NoReturn:
        """Raise instead of exiting."""
        raise CardError(f"{self._where}: {message}")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse all of ``arguments``; one that is not understood is an error."""
        known, unknown = self.parse_known_args(arguments)
        if unknown:
            self.error(f"{unknown[0]} is not supported; remove it from the card")
        return known
