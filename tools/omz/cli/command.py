"""What every command shares: how an error becomes one line and an exit code."""

from __future__ import annotations

import errno
import functools
import io
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from omz.errors import OmzError


class _OmzCommand(click.Command):
    """Prints an expected error as one line and exits with its code; Ctrl-C exits with 130.

    Takes the beginning of a long flag for the flag where no other one begins so, as argparse does. ``respell`` changes
    arguments before they are parsed, for flags that are spelt otherwise elsewhere.
    """

    respell: Callable[[list[str]], list[str]] | None = None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        heading = "Options"
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            heading = getattr(parameter, "heading", heading)  # that of the one before, for flags that commands share
            if record:
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.respell:
            args = self.respell(args)
        flags = [name for parameter in self.get_params(ctx) for name in parameter.opts if name.startswith("--")]
        return super().parse_args(ctx, [_complete(argument, flags) for argument in args])

    def invoke(self, ctx: click.Context) -> Any:
        # OpenMP, on which PyTorch runs, lets its threads spin where those of OpenVINO want to work.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # for names that a terminal cannot show
        try:
            return super().invoke(ctx)
        except OmzError as error:
            click.echo(f"{ctx.info_name}: error: {error}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has had enough
                raise
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"{ctx.info_name}: error: {where}{error.strerror or error}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt as interrupt:  # which may say what was done by then
            click.echo(f"{ctx.info_name}: interrupted{''.join(f'; {text}' for text in interrupt.args)}", err=True)
            ctx.exit(130)


class _HeadedOption(click.Option):
    """A flag that the help has below a heading of its own."""

    def __init__(self, *args: Any, heading: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.heading = heading


def below(heading: str) -> Callable[..., Callable[[Any], Any]]:
    """Return what ``click.option`` is, for flags that the help has below ``heading``."""
    return functools.partial(click.option, cls=_HeadedOption, heading=heading)


def _complete(argument: str, flags: list[str]) -> str:
    beginning, equals, value = argument.partition("=")
    candidates = [flag for flag in flags if flag.startswith(beginning)]
    if len(beginning) > 2 and beginning.startswith("--") and beginning not in flags and len(candidates) == 1:
        return f"{candidates[0]}{equals}{value}"
    return argument


def omz_command(
    hands_on_flags: bool = False, respell: Callable[[list[str]], list[str]] | None = None
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function a command; flags use underscores, ``-h`` shows the help.

    One that ``hands_on_flags`` takes those that are not its own as arguments. ``respell`` changes arguments before
    they are parsed.
    """
    settings = {"help_option_names": ["-h", "--help"], "ignore_unknown_options": hands_on_flags}

    def decorate(function: Callable[..., None]) -> click.Command:
        command = click.command(cls=_OmzCommand, context_settings=settings)(function)
        command.respell = respell
        return command

    return decorate
