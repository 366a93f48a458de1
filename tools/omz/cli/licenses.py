"""Licences that are not permissive: asked for at a terminal, once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from omz.text import one_line

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard


def ask_for_license(card: ModelCard) -> None:
    """Ask the user at the terminal to accept the licence of a model, and remember a yes.

    Without a terminal, nothing is asked; whoever downloads then says what to do.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    from omz.download.licenses import accept, terms

    if click.confirm(one_line(f"{terms(card)}; accept it?"), err=True):
        accept(card)
