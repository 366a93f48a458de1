"""``omz_info_dumper``: print model cards, as JSON or as a table; check them, and write new ones."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import click

from omz.cli.command import omz_command
from omz.cli.printing import say, say_json
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError, ModelFileError, OmzError, UsageError
from omz.paths import real_path

if TYPE_CHECKING:
    from omz.zoo.new_card import NewFile, Ports

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_NEW = "Write a minimal card, NAME/model.yml, below --models_dir (default: here). Overwrites nothing."
_NEW_FILE = (
    "With --new: the model's file, for its size, SHA-384 and, where it is ONNX, inputs. Without --url, it is copied "
    "into the folder of the card, and ships with it."
)

_PREFIXES = {(True, False): "", (False, False): "warning: ", (False, True): "note: "}
"""Beginnings of findings, by whether they are errors, and notes."""


@omz_command()
@selection_options
@click.option("--details", is_flag=True, help="Include files, sizes, hashes, sources, arguments and preprocessing.")
@click.option("--format", "form", type=click.Choice(["json", "table"]), default="json", show_default=True)
@click.option("--lint", is_flag=True, help="Check cards, by default all: 0 if all are good, 1 if any is bad.")
@click.option("--installed", is_flag=True, help="List downloaded and converted files, by default of all models.")
@click.option("--new", metavar="NAME", help=_NEW)
@click.option("--file", type=_FILE, metavar="FILE", help=_NEW_FILE)
@click.option("--url", metavar="URL", help="With --new: the address that the file is downloaded from.")
def main(
    selection: Selection,
    details: bool,
    form: str,
    lint: bool,
    installed: bool,
    new: str | None,
    file: Path | None,
    url: str | None,
) -> None:
    """Print information about models, check their cards, or write a new card.

    Bad cards are reported on standard error, and the others still printed; the exit code is then 1. With --lint, errors
    are printed, a line each, and warnings go to standard error; those do not change the exit code.
    """
    if new is not None:
        if not selection.empty or details or lint or installed:
            raise UsageError("--new writes a card and does nothing else; of the other flags it takes --models_dir only")
        _write_new_card(new, selection.models_dir, file, url or "")
        return
    if file or url:
        raise UsageError("--file and --url belong to --new NAME")
    if lint and installed:
        raise UsageError("--lint and --installed exclude each other; give one")
    if lint:
        _lint(selection)
        return
    if installed:
        _installed(selection, form)
        return
    _print(selection, details, form)


def _print(selection: Selection, details: bool, form: str) -> None:
    from omz.zoo.info import card_info

    infos, failed = [], False
    for _, card in selection.cards():
        if isinstance(card, CardError):
            say(f"{click.get_current_context().info_name}: error: {card}", err=True)
            failed = True
            continue
        for part in (card, *getattr(card, "stages", ())):
            for remark in part.remarks:
                say(f"warning: {part.path}: {remark}", err=True)
        infos.append(card_info(card, details or form == "table"))
    if form == "json":
        say_json(infos, indent=4)
    else:
        from omz.cli.card_table import print_table

        print_table(infos)
    if failed:
        raise click.exceptions.Exit(1)


def _installed(selection: Selection, form: str) -> None:
    from omz.home import home_folder
    from omz.installed import stored_files

    if selection.empty:
        selection = dataclasses.replace(selection, all_models=True)
    models = []
    for name, card in selection.cards():
        if isinstance(card, CardError):
            say(f"error: {card}", err=True)
            continue
        files = stored_files(card, home_folder())
        if files:
            sizes = {"downloaded": 0, "converted": 0}
            for file in files:
                sizes[file.kind] += file.size
            models.append({"name": name, **sizes, "files": [str(file.path) for file in files]})
    if form == "json":
        say_json(models, indent=4)
        return
    from omz.cli.card_table import print_installed

    print_installed(models, home_folder())


def _lint(selection: Selection) -> None:
    from omz.accuracy.lint import lint_accuracy
    from omz.convert.lint import lint
    from omz.zoo.lint import Finding

    if selection.empty:
        selection = dataclasses.replace(selection, all_models=True)
    checked = bad = warned = 0
    for _, card in selection.cards():
        if isinstance(card, CardError):
            findings = [Finding(str(card))]
        else:
            findings = [*lint(card), *lint_accuracy(card)]
        for finding in findings:
            prefix = _PREFIXES[finding.is_error, finding.is_note]
            say(prefix + finding.line, err=not finding.is_error)
        checked += 1
        bad += any(finding.is_error for finding in findings)
        warned += any(not (finding.is_error or finding.is_note) for finding in findings)
    warnings = f", {warned} with warnings" if warned else ""
    say(f"{checked} checked, {bad} bad{warnings}")
    if bad:
        raise click.exceptions.Exit(1)


def _write_new_card(name: str, models_dir: tuple[Path, ...], file: Path | None, url: str) -> None:
    from omz.zoo.catalog import cards_folder
    from omz.zoo.new_card import NewModel, Ports, check_name, check_url, framework_of, read_onnx_ports, write_card

    check_name(name)
    if len(models_dir) > 1:
        raise UsageError("--new writes into one folder; give one --models_dir")
    if url:
        check_url(url)
    root = models_dir[0] if models_dir else Path()
    files = _new_files(name, file, url)
    framework = framework_of(Path(files[0].name))
    hidden = _hidden_card(name, root)
    ports, unclear = Ports(), ""
    if file and framework == "onnx":
        ports, unclear = _with_roles(file, read_onnx_ports(file))
    card = write_card(NewModel(name, framework, files, ports, url), cards_folder(root) / name)
    check = shlex.join(["omz_info_dumper", "--lint", "--name", name, "--models_dir", str(root)])
    say(f"{card}: written; fill it in, then check it: {check}")
    if unclear:
        say(f"warning: roles are not clear, so write them into the card: {unclear}", err=True)
    if hidden:
        say(f"warning: with --models_dir {root}, it hides the model {name} of the package", err=True)


def _with_roles(file: Path, ports: Ports) -> tuple[Ports, str]:
    """Return ports with the roles that a file shows, and why there are none otherwise."""
    from omz.convert.card_roles import find_roles
    from omz.isolated import IsolatedProcess

    process = IsolatedProcess("OpenVINO")
    try:
        return ports.with_roles(*process(find_roles, file.absolute())), ""
    except OmzError as error:
        return ports, str(error).rpartition("; ")[0] or str(error)  # without its advice, which is for other commands
    finally:
        process.close()


def _hidden_card(name: str, root: Path) -> Path | None:
    """Return the card of the package's own model called ``name``, which a new one below ``root`` will hide.

    Raises :class:`CardError` if there is one of that name below ``root`` already, in whatever folder.
    """
    from omz.zoo.catalog import Catalog

    there = Catalog(root).find(name)
    if there and there.is_relative_to(real_path(root)):
        raise CardError(f"a model is called {name} already, in {there.parent}; edit its card, or choose another name")
    return there


def _new_files(name: str, file: Path | None, url: str) -> tuple[NewFile, ...]:
    """Return the files of a new model: the one given, and those that an ONNX file keeps its weights in."""
    from omz.zoo.new_card import NewFile

    if file is None:
        at_url = PurePosixPath(unquote(urlsplit(url).path)).name
        return (NewFile(at_url or f"{name}.onnx"),)
    files = [NewFile(file.name, file)]
    if file.suffix.lower() == ".onnx":
        from omz.convert.onnx_file import side_files

        for path in side_files(file):
            if not path.is_file() or not path.is_relative_to(file.parent):
                raise ModelFileError(f"{file} keeps weights in {path}, which is missing; put it beside the other")
            files.append(NewFile(path.relative_to(file.parent).as_posix(), path))
    return tuple(files)


if __name__ == "__main__":
    main()
