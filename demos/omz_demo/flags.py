"""Flags of ``omz_demo`` as options of click, made from the records that describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from omz.cli.command import below
from omz.cli.selection import models_dir_option
from omz.cutout.flag import Flag, default_of, flag_of
from omz.cutout.flags import GROUPS
from omz_demo.open_model_zoo_flags import TheirFlags

Function = TypeVar("Function", bound=Callable[..., Any])

FILE_OR_TEXT = click.Path(readable=False)
"""A text that can name a file, which shells complete; what it is, is seen later."""

_LAST_HEADING = [*GROUPS][-1]
_SHARED = {"models_dir": models_dir_option}  # flags that other commands have, too


def with_flags(function: Function) -> Function:
    """Give a command the flags of all groups, and those of Open Model Zoo, which the help leaves out."""
    groups = {heading: [*fields(group)] for heading, group in GROUPS.items()}
    groups[_LAST_HEADING] += fields(TheirFlags)
    return decorated(groups)(function)


def decorated(groups: Mapping[str, Sequence[Field[Any]]]) -> Callable[[Function], Function]:
    """Return a decorator that gives a command flags, by the headings below which the help has them."""

    def decorate(function: Function) -> Function:
        for option in reversed([*_decorators(groups)]):
            function = option(function)
        return function

    return decorate


def _decorators(groups: Mapping[str, Sequence[Field[Any]]]) -> Iterator[Callable[[Any], Any]]:
    for heading, group in groups.items():
        option = below(heading)
        for each in group:
            flag = flag_of(each)
            if each.name in _SHARED:
                yield _SHARED[each.name]
            else:
                yield option(*flag.names, each.name, **_settings(flag, default_of(each)))


def _settings(flag: Flag, default: object) -> dict[str, Any]:
    """Return the settings of a click option; :class:`Options` checks the bounds of numbers itself."""
    settings: dict[str, Any] = {"help": flag.help, "default": default, "hidden": flag.hidden}
    settings |= {"metavar": flag.metavar, "show_default": flag.shows_default, "multiple": flag.many}
    is_pair = "/" in flag.names[0]
    if is_pair and flag.choices:
        settings["callback"] = _chosen(flag.choices)
    elif flag.takes is bool:
        settings["is_flag"] = True
    elif flag.alone:
        settings |= {"default": None, "type": click.Choice(flag.choices), "alone": flag.alone}
    elif flag.read is not None:  # the text is read later, and so is the default
        settings |= {"default": None, "type": click.UNPROCESSED}
    elif flag.choices:
        settings["type"] = click.Choice(flag.choices)
    elif flag.names_files:
        settings["type"] = FILE_OR_TEXT
    elif flag.takes is Path:
        settings["type"] = click.Path()  # a text, for a path forgets that it ended in a slash
    else:
        settings["type"] = flag.takes
    return settings


def _chosen(choices: tuple[str, ...]) -> Callable[[click.Context, click.Parameter, bool | None], str | None]:
    """Return a callback that makes a pair of switches one of two choices."""

    def choose(context: click.Context, parameter: click.Parameter, value: bool | None) -> str | None:
        if value is None:
            return None
        return choices[0] if value else choices[1]

    return choose
