"""What every command shares: how an error becomes one line and an exit code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from omz.errors import OmzError


class _OmzCommand(click.Command):
    """Prints an expected error as one line and exits with its code; Ctrl-C exits with 130."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except OmzError as error:
            click.echo(f"{ctx.info_name}: error: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo(f"{ctx.info_name}: interrupted", err=True)
            ctx.exit(130)


def omz_command() -> Callable[[Callable[..., None]], click.Command]:
    """Make a function a command; flags use underscores, ``-h`` shows the help."""
    return click.command(cls=_OmzCommand, context_settings={"help_option_names": ["-h", "--help"]})
