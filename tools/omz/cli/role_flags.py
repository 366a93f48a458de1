"""Flags that say what the inputs and outputs of a model are, for commands that run one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import click

from omz.cutout.flag import Flag, flag_of
from omz.cutout.flags import RoleFlags
from omz.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])


def role_flags(function: Function) -> Function:
    """Give a command the flags of :class:`omz.cutout.options.RoleFlags`, under the names of its fields."""
    for each in reversed(fields(RoleFlags)):
        flag = flag_of(each)
        kind = click.Choice(flag.choices) if flag.choices else str
        settings: dict[str, Any] = {"help": flag.help, "metavar": flag.metavar, "multiple": flag.many}
        function = click.option(*flag.names, each.name, type=kind, callback=_reader(flag), **settings)(function)
    return function


def _reader(flag: Flag) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def read(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if flag.read is None or value is None:
            return value
        try:
            return flag.value(value)
        except UsageError as error:
            raise click.UsageError(str(error)) from None

    return read
