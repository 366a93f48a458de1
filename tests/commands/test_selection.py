"""The flags by which every command chooses models, tried on a command that prints what was chosen."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from helpers.builders import own_names, write_card, write_composite

from omz.cli.command import omz_command
from omz.cli.selection import Selection, selection_options
from omz.errors import CardError

OWN = own_names()


@omz_command()
@selection_options
@click.option("--nothing", is_flag=True)
def choose(selection: Selection, nothing: bool) -> None:
    if nothing:
        click.echo(f"empty: {selection.empty}")
        return
    for name, card in selection.cards():
        assert isinstance(card, CardError) or card.name == name
        click.echo(f"{name} is bad: {card}" if isinstance(card, CardError) else name)


@pytest.fixture(autouse=True)
def _no_models_dir(monkeypatch):
    monkeypatch.delenv("OMZ_MODELS_DIR", raising=False)


@pytest.fixture
def zoo(tmp_path) -> Path:
    root = tmp_path / "zoo"
    write_composite(root, "duo", ["duo-b", "duo-a"])
    for name in ("net-1", "net-2", "net-3"):
        write_card(root, name)
    return root


def run(*arguments: object, **others: object) -> Result:
    result = CliRunner().invoke(choose, [str(argument) for argument in arguments], catch_exceptions=False, **others)
    assert "Traceback" not in result.output
    return result


def chosen(*arguments: object, **others: object) -> list[str]:
    result = run(*arguments, **others)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.splitlines()


def test_names_are_patterns_with_commas_between(zoo):
    assert chosen("--models_dir", zoo, "--name", "net-2,duo-*,net-?") == ["net-2", "duo-b", "duo-a", "net-1", "net-3"]


def test_all_models_are_those_of_the_user_and_of_the_package(zoo):
    assert chosen("--models_dir", zoo, "--all") == sorted([*OWN, "duo", "net-1", "net-2", "net-3"])
    assert chosen("--all") == OWN


@pytest.mark.parametrize("others", [[], ["--all"], ["--name", "zzz"], ["--nothing"]])
def test_names_are_printed_one_a_line_whatever_else_is_asked(zoo, others):
    assert chosen("--models_dir", zoo, "--print_all", *others) == sorted([*OWN, "duo", "net-1", "net-2", "net-3"])


LIST = """\
# what we need

net-3   # the best one
'net-1' --precisions=FP16 "more words"
  "duo"
net\\-3
"""


def test_a_list_has_a_pattern_a_line_quoted_as_in_a_shell(zoo, tmp_path):
    (tmp_path / "models.lst").write_text(LIST)
    assert chosen("--models_dir", zoo, "--list", tmp_path / "models.lst") == ["net-3", "net-1", "duo"]


def test_a_list_may_come_from_stdin(zoo):
    assert chosen("--models_dir", zoo, "--list", "-", input=LIST) == ["net-3", "net-1", "duo"]


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n"])
def test_a_list_may_be_empty(text):
    assert chosen("--list", "-", input=text) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"'net-1\n", "choose: error: --list: a line has bad shell quoting: No closing quotation\n"),
        (b"net-1\n\xff\xfe\x00\n", "choose: error: --list: the file is not text; save it as UTF-8\n"),
    ],
)
def test_a_list_that_cannot_be_understood_is_wrong_usage(tmp_path, content, expected):
    (tmp_path / "models.lst").write_bytes(content)
    result = run("--list", tmp_path / "models.lst")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", expected)


def test_a_list_that_cannot_be_opened_is_a_missing_file(tmp_path):
    for path, reason in ((tmp_path / "missing", errno.ENOENT), (tmp_path, errno.EISDIR)):
        result = run("--list", path)
        expected = f"choose: error: --list '{path}': {os.strerror(reason)}; check the path\n"
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", expected)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--all", "--name", "net-1"],
        ["--all", "--list", "-"],
        ["--name", "net-1", "--list", "-"],
        ["--name", "net-1", "--list", "-", "--all"],
    ],
)
def test_one_request_is_needed_and_no_more(arguments):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "choose: error: give exactly one of --name, --list, --all and --print_all\n"


@pytest.mark.parametrize(
    ("arguments", "empty"), [([], True), (["--all"], False), (["--name", "x"], False), (["--list", "-"], False)]
)
def test_whether_nothing_was_asked_for(arguments, empty):
    assert chosen("--nothing", *arguments) == [f"empty: {empty}"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--nam", "net-1"], ["net-1"]),
        (["--nam=net-1"], ["net-1"]),
        (["--na", "net-1,net-2"], ["net-1", "net-2"]),
        (["--li", "-"], ["net-2"]),
        (["--al"], sorted([*OWN, "duo", "net-1", "net-2", "net-3"])),
        (["--pri"], sorted([*OWN, "duo", "net-1", "net-2", "net-3"])),
    ],
)
def test_a_flag_may_be_cut_short(zoo, arguments, expected):
    assert chosen("--model", zoo, *arguments, input="net-2\n") == expected


@pytest.mark.parametrize("flag", ["--n", "--nmae", "-n", "--", "--NAME"])
def test_a_flag_that_is_not_clear_is_wrong_usage(flag):
    result = run(flag, "net-1")
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(r"choose: error: [^\n]*; see choose --help\n", result.stderr)


@pytest.mark.parametrize("pattern", ["zzz", "NET-1", ""])
def test_a_pattern_that_matches_nothing_ends_the_command(zoo, pattern):
    result = run("--models_dir", zoo, "--name", f"net-1,{pattern}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f'choose: error: No matching models: "{pattern}"')
    assert result.stderr.count("\n") == 1


def test_models_dir_may_be_repeated_and_the_first_counts(tmp_path):
    for root in ("first", "second"):
        write_card(tmp_path / root, "net", description=root)
        write_card(tmp_path / root, f"only-{root}")
    roots = [part for root in ("second", "first") for part in ("--models_dir", tmp_path / root)]
    assert chosen(*roots, "--all") == sorted([*OWN, "net", "only-first", "only-second"])
    selection = Selection("net", None, False, (tmp_path / "second", tmp_path / "first"))
    assert [card.description for _, card in selection.cards()] == ["second"]


def test_the_environment_may_say_where_models_are(tmp_path):
    for root in ("first", "second"):
        write_card(tmp_path / root, f"only-{root}")
    several = os.pathsep.join(str(tmp_path / root) for root in ("first", "second"))
    assert chosen("--all", env={"OMZ_MODELS_DIR": several}) == sorted([*OWN, "only-first", "only-second"])
    assert chosen("--all", env={"OMZ_MODELS_DIR": str(tmp_path / "first")}) == sorted([*OWN, "only-first"])
    assert chosen("--all", env={"OMZ_MODELS_DIR": ""}) == OWN


def test_the_flag_takes_the_place_of_the_environment(tmp_path):
    for root in ("first", "second"):
        write_card(tmp_path / root, f"only-{root}")
    environment = {"OMZ_MODELS_DIR": str(tmp_path / "first")}
    assert chosen("--all", "--models_dir", tmp_path / "second", env=environment) == sorted([*OWN, "only-second"])


@pytest.mark.parametrize("request_", [["--all"], ["--print_all"], ["--name", "background-matting-starter"]])
def test_a_models_dir_that_is_no_folder_is_one_line(tmp_path, request_):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "missing"):
        for result in (run("--models_dir", path, *request_), run(*request_, env={"OMZ_MODELS_DIR": str(path)})):
            assert (result.exit_code, result.stdout) == (1, "")
            assert result.stderr == (
                f"choose: error: {path} is not a folder; "
                "--models_dir and OMZ_MODELS_DIR take folders with model cards\n"
            )


def test_a_bad_card_takes_its_place_among_the_others(zoo):
    (zoo / "net-2" / "model.yml").write_text("- no card")
    first, bad, third = chosen("--models_dir", zoo, "--name", "net-1,net-2,net-3")
    assert (first, third) == ("net-1", "net-3")
    assert bad == f"net-2 is bad: {zoo}/net-2/model.yml: found ['no card'] where keys and values are expected"
