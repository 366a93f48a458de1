"""The one place that prints: whatever comes from cards, servers or files is escaped here."""

from __future__ import annotations

import json
from typing import Any

import click

from omz.text import masked_data, one_line


def say(text: str, err: bool = False) -> None:
    """Print a line, on standard error if ``err``, with escapes for whatever would break it or control the terminal."""
    click.echo(one_line(text), err=err)


def say_json(value: Any, indent: int | None = None, err: bool = False) -> None:
    """Print plain data as JSON, in ASCII, without the secrets in addresses."""
    text = json.dumps(masked_data(value), indent=indent)
    click.echo(text.replace("\x7f", "\\u007f"), err=err)
