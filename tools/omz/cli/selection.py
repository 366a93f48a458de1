"""Flags that choose models, shared by commands."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from omz.cli.printing import say
from omz.errors import CardError, OmzError, UsageError

if TYPE_CHECKING:
    from omz.zoo import Catalog, CompositeCard, ModelCard

Function = TypeVar("Function", bound=Callable[..., Any])


OFFLINE_HELP = "Download nothing, as with OMZ_OFFLINE=1; a missing file is an error."
ACCEPT_LICENSE_HELP = "Accept the licence of the model NAME, if it is not permissive; repeatable."


@dataclass(frozen=True)
class Selection:
    """Models to work on, as given on the command line."""

    name: str | None
    list_file: TextIO | None
    all_models: bool
    models_dir: tuple[Path, ...]

    @functools.cached_property
    def catalog(self) -> Catalog:
        """All known models."""
        from omz.zoo import Catalog

        return Catalog(*self.models_dir)

    @property
    def empty(self) -> bool:
        """Whether no models were chosen."""
        return self.name is None and self.list_file is None and not self.all_models

    def names(self) -> list[str]:
        """Return the names of the chosen models.

        Raises :class:`UsageError` unless exactly one way to choose was given, and :class:`CardError` for a pattern that
        matches nothing.
        """
        if (self.name is not None) + (self.list_file is not None) + self.all_models != 1:
            raise UsageError("give exactly one of --name, --list, --all and --print_all")
        if self.all_models:
            return list(self.catalog)
        if self.list_file is not None:
            return self.catalog.select(_patterns(self.list_file))
        return self.catalog.select((self.name or "").split(","))

    def cards(self) -> Iterator[tuple[str, ModelCard | CompositeCard | CardError]]:
        """Yield the chosen names, each with its card, or with the error that reading it raised."""
        for name in self.names():
            try:
                yield name, self.catalog.load(name)
            except CardError as error:
                yield name, error


def _patterns(lines: Iterable[str]) -> list[str]:
    """Return the first word of each line; a # starts a comment."""
    patterns = []
    try:
        for line in lines:
            patterns += shlex.split(line, comments=True)[:1]
    except UnicodeDecodeError as error:
        raise UsageError("--list: the file is not text; save it as UTF-8") from error
    except ValueError as error:
        raise UsageError(f"--list: a line has bad shell quoting: {error}") from error
    return patterns


class _List(click.File):
    """A list that exists; where it does not, that is a file that is missing, not a wrong use of the flag."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            raise OmzError(f"--list {error.message}; check the path") from None


_LIST = _List(encoding="utf-8-sig")  # editors on Windows put a mark before the text


class _Folders(click.Path):
    """Folders in an environment variable, without the empty ones between separators."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [part for part in super().split_envvar_value(rv) if part]


def models_dir_option(function: Function) -> Function:
    """Add ``--models_dir``, for more folders of model cards."""
    return click.option(
        "--models_dir",
        multiple=True,
        type=_Folders(path_type=Path),
        envvar="OMZ_MODELS_DIR",
        metavar="DIR",
        help="Folder with more model cards, which take precedence over the zoo's; repeatable. Or set OMZ_MODELS_DIR.",
    )(function)


def fetching_options(function: Function) -> Function:
    """Add ``--offline`` and ``--accept_license``, for commands that download what is missing."""
    for option in (
        click.option("--accept_license", multiple=True, metavar="NAME", help=ACCEPT_LICENSE_HELP),
        click.option("--offline", is_flag=True, help=OFFLINE_HELP),
    ):
        function = option(function)
    return function


def selection_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``--name``, ``--list``, ``--all``, ``--print_all`` and ``--models_dir``, passed on as ``selection``.

    With ``--print_all``, the names are printed and the command is not run.
    """

    @click.option("--name", metavar="PAT[,PAT...]", help="Models whose names match these patterns, such as back*.")
    @click.option("--list", "list_file", type=_LIST, metavar="FILE", help="File with one pattern per line; -: stdin.")
    @click.option("--all", "all_models", is_flag=True, help="All models.")
    @click.option("--print_all", is_flag=True, help="Print the names of all models and exit.")
    @models_dir_option
    @functools.wraps(function)
    def with_selection(print_all: bool, **flags: Any) -> None:
        selection = Selection(*(flags.pop(each.name) for each in fields(Selection)))
        if not print_all:
            function(selection=selection, **flags)
            return
        for name in selection.catalog:
            say(name)

    return with_selection
