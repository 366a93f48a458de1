"""Commands: how flags are read, and how an error becomes one line and an exit code."""

from __future__ import annotations

import errno
import functools
import gc
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import click
from click.exceptions import Exit

from omz import home
from omz.cli.printing import say
from omz.errors import Interrupted, OmzError, UsageError, os_reason

Respell = Callable[[list[str]], list[str]]


class _OmzCommand(click.Command):
    """A command that prints an expected error as one line and exits with its code.

    Ctrl-C exits with 130, SIGTERM with 143. An option or argument with an empty value, which an unset variable of a
    shell leaves, is an error. A long flag may be cut short where that is unambiguous, as with argparse. ``respell``
    changes arguments before they are parsed. ``commands`` have flags of their own: by their first word, the place of
    each, ``module:name``, which is loaded when it is used.
    """

    respell: Respell | None = None
    commands: Mapping[str, str] = MappingProxyType({})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as the whole of a process."""
        try:
            return super().__call__(*args, **kwargs)
        finally:
            gc.freeze()  # the process ends: to look for garbage once more takes a twentieth of the time of an image

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, *more: Any, **extra: Any) -> Any:
        """Run the command, or the one that the first word names."""
        words = [*(sys.argv[1:] if args is None else args)]
        place = self.commands.get(words[0]) if words else None
        if place is None:
            return super().main(args, prog_name, *more, **extra)
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        whole = f"{prog_name or os.path.basename(sys.argv[0])} {words[0]}"
        return command.main(words[1:], whole, *more, **extra)

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

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> click.Context:
        with _errors_told(info_name, "standard output"):  # to which the help goes
            return super().make_context(info_name, args, *more, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.respell:
            args = self.respell(args)
        flags = []
        for parameter in self.get_params(ctx):
            flags += [name for name in parameter.opts + parameter.secondary_opts if name.startswith("--")]
        args = [_completed(argument, flags) for argument in args]
        args = _with_values(args, [each for each in self.get_params(ctx) if isinstance(each, _HeadedOption)])
        if not ctx.resilient_parsing:
            self._check_values(ctx, args)
        return super().parse_args(ctx, args)

    def _check_values(self, ctx: click.Context, args: Sequence[str]) -> None:
        """Raise :class:`UsageError` for an empty value, before an empty path becomes the current folder."""
        values, _, order = self.make_parser(ctx).parse_args(list(args))
        for parameter in dict.fromkeys(order):
            given = values.get(str(parameter.name))
            several = given if isinstance(given, (list, tuple)) else (given,)
            if "" in several and parameter.default != "" and parameter.type is not click.UNPROCESSED:
                raise UsageError(f"{_spelling(parameter)} is empty; give a value, or leave it out")

    def invoke(self, ctx: click.Context) -> Any:
        # OpenMP, on which PyTorch runs, lets its threads spin where those of OpenVINO want to work.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # for names that a terminal cannot show
        home.tell = _warn
        ending = _Ending()
        with _errors_told(ctx.info_name, ending=ending), ending.told_of_sigterm():
            result = super().invoke(ctx)
            sys.stdout.flush()  # while an error can be told
        return result


class _Ending:
    """How a command that is interrupted ends: by Ctrl-C, or in the same order by SIGTERM."""

    name, code = "interrupted", 130

    @contextmanager
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


@contextmanager
def _errors_told(command: str | None, place: str = "", ending: _Ending | None = None) -> Iterator[None]:
    """Print an expected error as one line, and raise its exit code; ``place`` is where an unnamed file is."""
    ending = ending or _Ending()
    try:
        yield
    except OmzError as error:
        _tell(f"{command}: error: {error}")
        raise Exit(error.exit_code) from None
    except click.UsageError as error:
        _tell(f"{command}: error: {_one_line(error)}; see {command} --help")
        raise Exit(error.exit_code) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output has closed it
            raise
        _tell(f"{command}: error: {_where(error, place)}{os_reason(error)}")
        raise Exit(1) from None
    except KeyboardInterrupt as interrupt:
        hint = interrupt.hint if isinstance(interrupt, Interrupted) else ""
        _tell("; ".join(filter(None, (f"{command}: {ending.name}", hint))))
        raise Exit(ending.code) from None


def _warn(line: str) -> None:
    _tell(f"warning: {line}")


def _tell(line: str) -> None:
    try:
        say(line, err=True)
    except OSError:  # standard error is full or closed: the exit code has to do
        _discard(sys.stderr)


def _one_line(error: click.UsageError) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    return text[:1].lower() + text[1:]


def _where(error: OSError, place: str) -> str:
    """Return the file that an error is about, with a colon, or nothing; drop what standard output cannot take."""
    place = error.filename or place
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
        place = place or "standard output"
    return f"{place}: " if place else ""


def _discard(stream: Any) -> None:
    """Let a stream lead nowhere; Python would try once more to write the rest at its end, and complain."""
    try:
        number = stream.fileno()
    except OSError:  # a stream in memory
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _spelling(parameter: click.Parameter) -> str:
    """Return the first long spelling of an option, or the name of an argument."""
    long = [name for name in parameter.opts if name.startswith("--")]
    return long[0] if long else parameter.make_metavar(click.get_current_context()).strip("[].")


class _HeadedOption(click.Option):
    """A flag with a heading of its own in the help; one that may stand ``alone`` means that value then."""

    def __init__(self, *args: Any, heading: str, alone: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.heading, self.alone = heading, alone


def below(heading: str) -> Callable[..., Callable[[Any], Any]]:
    """Return ``click.option`` for flags below ``heading`` in the help."""
    return functools.partial(click.option, cls=_HeadedOption, heading=heading)


def _with_values(args: list[str], options: Sequence[_HeadedOption]) -> list[str]:
    """Return arguments in which a flag that may stand alone has its value, unless the next word is one of its own."""
    values = {}
    for option in options:
        if option.alone and isinstance(option.type, click.Choice):
            values.update(dict.fromkeys(option.opts, (option.alone, option.type.choices)))
    end = args.index("--") if "--" in args else len(args)
    whole: list[str] = []
    for argument in args[:end]:
        if whole and whole[-1] in values and argument in values[whole[-1]][1]:
            whole[-1] = f"{whole[-1]}={argument}"
        else:
            whole.append(argument)
    alone = {name: f"{name}={value}" for name, (value, _) in values.items()}
    return [*(alone.get(argument, argument) for argument in whole), *args[end:]]


def _completed(argument: str, flags: list[str]) -> str:
    """Return an argument with a flag that was cut short in full."""
    beginning, equals, value = argument.partition("=")
    if len(beginning) < 3 or not beginning.startswith("--") or beginning in flags:
        return argument
    candidates = [flag for flag in flags if flag.startswith(beginning)]
    return f"{candidates[0]}{equals}{value}" if len(candidates) == 1 else argument


def omz_command(
    passes_unknown_flags: bool = False, respell: Respell | None = None, commands: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], click.Command]:
    """Make a function a command with flags in underscores, ``-h`` for help, and ``--version``.

    With ``passes_unknown_flags``, it takes flags that it does not know as arguments. ``respell`` changes arguments
    before they are parsed. ``commands`` has the places of commands, ``module:name``, by their first word.
    """
    settings = {"help_option_names": ["-h", "--help"], "ignore_unknown_options": passes_unknown_flags}

    def decorate(function: Callable[..., None]) -> click.Command:
        command = click.command(cls=_OmzCommand, context_settings=settings)(function)
        command.respell, command.commands = respell, commands or {}
        return click.version_option(package_name="open-matting-zoo")(command)

    return decorate
