"""The flags by which commands choose models, and what they mean."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from omz.errors import CardError, UsageError

if TYPE_CHECKING:
    from omz.zoo import Catalog, CompositeCard, ModelCard

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Selection:
    """Which models were asked for, as given on the command line."""

    name: str | None
    list_file: TextIO | None
    all_models: bool
    models_dir: tuple[Path, ...]

    @functools.cached_property
    def catalog(self) -> Catalog:
        """The models there are."""
        from omz.zoo import Catalog

        return Catalog(*self.models_dir)

    @property
    def empty(self) -> bool:
        """Whether no models were asked for."""
        return self.name is None and self.list_file is None and not self.all_models

    def names(self) -> list[str]:
        """Return the names of the models that were asked for.

        Raises :class:`UsageError` where the flags do not make one request, :class:`CardError` where a pattern matches
        nothing.
        """
        if (self.name is not None) + (self.list_file is not None) + self.all_models != 1:
            raise UsageError("give one of --name, --list, --all and --print_all")
        if self.all_models:
            return list(self.catalog)
        if self.list_file is not None:
            return self.catalog.select(_patterns(self.list_file))
        return self.catalog.select((self.name or "").split(","))

    def cards(self) -> Iterator[tuple[str, ModelCard | CompositeCard | CardError]]:
        """Return the names that were asked for, each with its card, or with why that cannot be read."""
        for name in self.names():
            try:
                yield name, self.catalog.load(name)
            except CardError as error:
                yield name, error


def _patterns(lines: Iterable[str]) -> list[str]:
    """Return the first word of each line; a # starts a comment."""
    try:
        words = [shlex.split(line, comments=True) for line in lines]
    except UnicodeDecodeError as error:
        raise UsageError("--list: the file is not text") from error
    except ValueError as error:
        raise UsageError(f"--list: a line is not quoted as in a shell: {error}") from error
    return [found[0] for found in words if found]


_LIST = click.File(encoding="utf-8-sig")  # editors on Windows put a mark before the text


class _Folders(click.Path):
    """Folders in an environment variable; an empty one between separators is none."""

    def split_envvar_value(self, rv: str) -> Sequence[str]:
        return [part for part in super().split_envvar_value(rv) if part]


def models_dir_option(function: Function) -> Function:
    """Add ``--models_dir``, the zoo roots that the user adds."""
    return click.option(
        "--models_dir",
        multiple=True,
        type=_Folders(path_type=Path),
        envvar="OMZ_MODELS_DIR",
        metavar="DIR",
        help="A folder with more model cards, which come before the zoo's own; may be repeated. "
        "OMZ_MODELS_DIR is for the same.",
    )(function)


def selection_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add ``--name``, ``--list``, ``--all``, ``--print_all`` and ``--models_dir``, handed over as ``selection``.

    ``--print_all`` is answered here; the command is not run then.
    """

    @click.option("--name", metavar="PAT[,PAT...]", help="Models whose names match one of these shell patterns.")
    @click.option("--list", "list_file", type=_LIST, metavar="FILE", help="A pattern a line; - is stdin.")
    @click.option("--all", "all_models", is_flag=True, help="Every model.")
    @click.option("--print_all", is_flag=True, help="Print the names of all models, and stop.")
    @models_dir_option
    @functools.wraps(function)
    def with_selection(
        name: str | None,
        list_file: TextIO | None,
        all_models: bool,
        print_all: bool,
        models_dir: tuple[Path, ...],
        **others: Any,
    ) -> None:
        selection = Selection(name, list_file, all_models, models_dir)
        if print_all:
            for each in selection.catalog:
                click.echo(each)
        else:
            function(selection=selection, **others)

    return with_selection
