"""Commands: how flags are read, and how an error becomes one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import functools
import gc
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import click

from omz.errors import Interrupted, OmzError, os_reason

Respell = Callable[[list[str]], list[str]]


class _OmzCommand(click.Command):
    """A command that prints an expected error as one line and exits with its code.

    Ctrl-C exits with 130, SIGTERM with 143. A long flag may be cut short where that is unambiguous, as with argparse.
    ``respell`` changes arguments before they are parsed.
    """

    respell: Respell | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as the whole of a process."""
        try:
            return super().__call__(*args, **kwargs)
        finally:
            gc.freeze()  # the process ends: to look for garbage once more takes a twentieth of the time of an image

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        heading = "Options"
        for parameter in self.get_params(ctx):
            heading = getattr(parameter, "heading", heading)  # flags that commands share keep the previous one
            record = parameter.get_help_record(ctx)
            if record and isinstance(parameter, click.Option):
                sections.setdefault(heading, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.respell:
            args = self.respell(args)
        flags = []
        for parameter in self.get_params(ctx):
            flags += [name for name in parameter.opts + parameter.secondary_opts if name.startswith("--")]
        return super().parse_args(ctx, [_completed(argument, flags) for argument in args])

    def invoke(self, ctx: click.Context) -> Any:
        # OpenMP, on which PyTorch runs, lets its threads spin where those of OpenVINO want to work.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # for names that a terminal cannot show
        ending = _Ending()
        try:
            with ending.told_of_sigterm():
                return super().invoke(ctx)
        except OmzError as error:
            click.echo(f"{ctx.info_name}: error: {error}", err=True)
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has closed it
                raise
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"{ctx.info_name}: error: {where}{os_reason(error)}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt as interrupt:
            hint = interrupt.hint if isinstance(interrupt, Interrupted) else ""
            click.echo("; ".join(filter(None, (f"{ctx.info_name}: {ending.name}", hint))), err=True)
            ctx.exit(ending.code)


class _Ending:
    """How a command that is interrupted ends: by Ctrl-C, or in the same order by SIGTERM."""

    name, code = "interrupted", 130

    @contextlib.contextmanager
    def told_of_sigterm(self) -> Iterator[None]:
        """Raise :class:`KeyboardInterrupt` at SIGTERM, unless somebody else handles it."""
        is_ours = threading.current_thread() is threading.main_thread()
        if not is_ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            yield
            return
        signal.signal(signal.SIGTERM, self._interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _interrupt(self, *_: object) -> None:
        self.name, self.code = "terminated", 143
        raise KeyboardInterrupt


class _HeadedOption(click.Option):
    """A flag with a heading of its own in the help."""

    def __init__(self, *args: Any, heading: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.heading = heading


def below(heading: str) -> Callable[..., Callable[[Any], Any]]:
    """Return ``click.option`` for flags below ``heading`` in the help."""
    return functools.partial(click.option, cls=_HeadedOption, heading=heading)


def _completed(argument: str, flags: list[str]) -> str:
    """Return an argument with a flag that was cut short in full."""
    beginning, equals, value = argument.partition("=")
    if len(beginning) < 3 or not beginning.startswith("--") or beginning in flags:
        return argument
    candidates = [flag for flag in flags if flag.startswith(beginning)]
    return f"{candidates[0]}{equals}{value}" if len(candidates) == 1 else argument


def omz_command(
    passes_unknown_flags: bool = False, respell: Respell | None = None
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function a command with flags in underscores, ``-h`` for help, and ``--version``.

    With ``passes_unknown_flags``, it takes flags that it does not know as arguments. ``respell`` changes arguments
    before they are parsed.
    """
    settings = {"help_option_names": ["-h", "--help"], "ignore_unknown_options": passes_unknown_flags}

    def decorate(function: Callable[..., None]) -> click.Command:
        command = click.command(cls=_OmzCommand, context_settings=settings)(function)
        command.respell = respell
        return click.version_option(package_name="open-matting-zoo")(command)

    return decorate
