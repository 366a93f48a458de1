from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from helpers.builders import own_names, write_card, write_companions, write_composite

from omz.cli import info_dumper

STARTER = "background-matting-starter"
OWN = own_names()
KEYS = [
    "name", "composite_model_name", "description", "framework", "license_url", "accuracy_config", "model_config",
    "precisions", "subdirectory", "task_type", "input_info", "model_stages",
]  # fmt: skip
DETAILS = [
    "license_kind", "tested_on_real_weights", "working_size", "refine", "rewrite", "files", "postprocessing",
    "conversion_to_onnx_args", "model_optimizer_args", "input_roles", "output_info", "model_info", "preprocessing",
]  # fmt: skip
NOT_A_CARD = "found ['no card'] where keys and values are expected"


@pytest.fixture(autouse=True)
def _no_models_dir(monkeypatch):
    monkeypatch.delenv("OMZ_MODELS_DIR", raising=False)


@pytest.fixture
def zoo(tmp_path) -> Path:
    """Two good models, a bad one between them, and a composite model; none has a README or an accuracy file."""
    write_card(tmp_path, "net-1")
    write_card(tmp_path, "net-2")
    (tmp_path / "net-2" / "model.yml").write_text("- no card")
    write_card(tmp_path, "net-3")
    write_composite(tmp_path, "duo", ["duo-b", "duo-a"])
    return tmp_path


def run(*arguments: object, **others: object) -> Result:
    result = CliRunner().invoke(
        info_dumper.main, [str(argument) for argument in arguments], catch_exceptions=False, **others
    )
    assert "Traceback" not in result.output
    return result


def dumped(*arguments: object, **others: object) -> list[dict[str, object]]:
    result = run(*arguments, **others)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_a_model_is_told_with_the_keys_of_open_model_zoo(tmp_path):
    write_card(tmp_path / "public", "net")
    (info,) = dumped("--models_dir", tmp_path, "--name", "net")
    assert list(info) == KEYS
    assert info == {
        "name": "net",
        "composite_model_name": None,
        "description": "A card for a test.",
        "framework": "onnx",
        "license_url": "https://example.com/license",
        "accuracy_config": None,
        "model_config": f"{tmp_path}/public/net/model.yml",
        "precisions": ["FP16", "FP32"],
        "subdirectory": "public/net",
        "task_type": "background_matting",
        "input_info": [
            {"name": "src", "shape": [1, 3, -1, -1], "layout": "NCHW"},
            {"name": "bgr", "shape": [1, 3, -1, -1], "layout": "NCHW"},
        ],
        "model_stages": [],
    }


def test_models_are_told_in_the_order_asked_for(zoo):
    assert [info["name"] for info in dumped("--models_dir", zoo, "--name", "net-3,duo-a,net-1")] == [
        "net-3", "duo-a", "net-1",
    ]  # fmt: skip


def test_a_composite_model_is_told_with_its_stages(zoo):
    (info,) = dumped("--models_dir", zoo, "--name", "duo")
    assert list(info) == KEYS
    assert (info["composite_model_name"], info["model_config"], info["input_info"]) == ("duo", None, [])
    assert [(stage["name"], stage["subdirectory"]) for stage in info["model_stages"]] == [
        ("duo-b", "public/duo/duo-b"), ("duo-a", "public/duo/duo-a"),
    ]  # fmt: skip
    (alone,) = dumped("--models_dir", zoo, "--name", "duo-a")
    assert alone == info["model_stages"][1]


def test_details_are_told_besides():
    (info,) = dumped("--name", STARTER, "--details")
    assert list(info) == KEYS + DETAILS
    (file,) = info["files"]
    assert (file["name"], file["size"], file["urls"]) == (f"{STARTER}.safetensors", 620768, [])
    assert file["checksum"]["$type"] == "sha384"
    assert "--scale=255" in info["model_optimizer_args"]
    for step, name in zip(info["preprocessing"], ("src", "bgr"), strict=True):
        assert step == {
            "input_name": name, "layout": "NCHW", "reverse_channels": True, "mean": [], "scale": [255],
            "original_layout": "", "element_type": "",
        }  # fmt: skip


def test_a_list_of_models_comes_from_stdin(zoo):
    listed = "# first\nnet-3 # the last\n\n'net-1' and more\n"
    assert [info["name"] for info in dumped("--models_dir", zoo, "--list", "-", input=listed)] == ["net-3", "net-1"]


def test_the_environment_may_say_where_models_are(tmp_path):
    for root in ("a", "b"):
        write_card(tmp_path / root, f"net-{root}")
    environment = {"OMZ_MODELS_DIR": os.pathsep.join([f"{tmp_path}/a", f"{tmp_path}/b"])}
    assert [info["name"] for info in dumped("--name", "net-?", env=environment)] == ["net-a", "net-b"]


def test_names_are_printed(zoo):
    result = run("--models_dir", zoo, "--print_all")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.split() == sorted([*OWN, "duo", "net-1", "net-2", "net-3"])


@pytest.mark.parametrize("form", ["json", "table"])
def test_a_bad_card_does_not_stop_the_others(zoo, form):
    result = run("--models_dir", zoo, "--name", "net-*", "--format", form)
    assert result.exit_code == 1
    assert result.stderr == f"main: error: {zoo}/net-2/model.yml: {NOT_A_CARD}\n"
    assert "net-1" in result.stdout
    assert "net-3" in result.stdout
    if form == "json":
        assert [info["name"] for info in json.loads(result.stdout)] == ["net-1", "net-3"]


def test_two_models_of_one_name_do_not_stop_the_others(tmp_path):
    for root in ("intel", "public"):
        write_card(tmp_path / root, "net-1")
    write_card(tmp_path / "public", "net-2")
    result = run("--models_dir", tmp_path, "--name", "net-*")
    assert result.exit_code == 1
    assert result.stderr.startswith("main: error: two models are called net-1, in ")
    assert [info["name"] for info in json.loads(result.stdout)] == ["net-2"]


def test_an_unknown_key_is_a_warning_and_no_failure(tmp_path):
    write_card(tmp_path, "net", note="x")
    result = run("--models_dir", tmp_path, "--name", "net")
    assert result.exit_code == 0
    assert result.stderr.startswith(f"warning: {tmp_path}/net/model.yml: note: is not a known key; ")
    assert [info["name"] for info in json.loads(result.stdout)] == ["net"]


def test_an_unknown_key_of_a_stage_is_a_warning_with_its_composite_model(tmp_path):
    write_composite(tmp_path, "duo", ["duo-a"], note="x")
    with (tmp_path / "duo" / "duo-a" / "model.yml").open("a") as file:
        file.write("remark: x\n")
    result = run("--models_dir", tmp_path, "--name", "duo")
    assert result.exit_code == 0
    assert [line.split(": is not a known key")[0] for line in result.stderr.splitlines()] == [
        f"warning: {tmp_path}/duo/composite-model.yml: note",
        f"warning: {tmp_path}/duo/duo-a/model.yml: remark",
    ]


def rows(table: str) -> dict[str, list[str]]:
    """Return the cells of a table by the first one of their line."""
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if "│" in line]
    return {cells[0]: cells[1:] for cells in lines}


def test_a_table_in_a_pipe_has_a_line_for_each_model_and_all_columns(zoo):
    result = run("--models_dir", zoo, "--name", f"net-1,duo,{STARTER}", "--format", "table", env={"COLUMNS": "20"})
    assert (result.exit_code, result.stderr) == (0, "")
    for heading in ("name", "task", "framework", "precisions", "inputs", "download", "licence"):
        assert heading in result.stdout
    cells = rows(result.stdout)
    assert list(cells) == ["net-1", "duo", STARTER]
    assert cells["net-1"] == [
        "background_matting", "onnx", "FP16, FP32", "src 1x3x-1x-1, bgr 1x3x-1x-1", "1 byte",
        "https://example.com/license",
    ]  # fmt: skip
    assert cells["duo"][4] == "2 bytes"
    assert cells[STARTER][1:5] == ["pytorch", "FP16, FP32", "src 1x3x-1x-1, bgr 1x3x-1x-1", "none"]


def test_a_table_tells_no_size_where_the_card_tells_none():
    result = run("--name", "semantic_human_matting", "--format", "table")
    assert rows(result.stdout)["semantic_human_matting"][4] == "unknown"


def test_a_table_shows_what_the_card_says_and_does_not_read_it_as_markup(tmp_path):
    inputs = [{"name": "[/bold]x[red]:smile:", "shape": [1, 2]}]
    write_card(tmp_path, "net", license="https://example.com/[/b]", input_info=inputs)
    result = run("--models_dir", tmp_path, "--name", "net", "--format", "table")
    assert result.exit_code == 0
    assert "[/bold]x[red]:smile: 1x2" in result.stdout
    assert "https://example.com/[/b]" in result.stdout


def test_a_table_has_the_first_of_many_inputs(tmp_path):
    inputs = [{"name": f"r{number}", "shape": [1]} for number in range(60)]
    write_card(tmp_path, "net", input_info=inputs)
    result = run("--models_dir", tmp_path, "--name", "net", "--format", "table")
    assert rows(result.stdout)["net"][3] == "r0 1, r1 1, r2 1, r3 1, and 56 more"


def test_a_name_without_models_has_no_table_to_break(tmp_path):
    write_card(tmp_path, "net", framework="nonsense")
    result = run("--models_dir", tmp_path, "--name", "net", "--format", "table")
    assert result.exit_code == 1
    assert rows(result.stdout) == {}


def in_a_terminal(columns: int, *arguments: object) -> tuple[str, str]:
    """Return what the command prints on a terminal of so many columns, and on standard error."""
    pty = pytest.importorskip("pty", reason="the system has no pseudo-terminals")
    import fcntl
    import termios

    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "omz.cli.info_dumper", *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(command, stdout=terminal, stderr=subprocess.PIPE, text=True, env=environment) as process:
        os.close(terminal)
        printed = b""
        while part := read(master):
            printed += part
        said = process.stderr.read()
    os.close(master)
    assert process.returncode == 0
    return re.sub(r"\x1b\[[0-9;]*m", "", printed.decode()), said


def read(master: int) -> bytes:
    try:
        return os.read(master, 4096)
    except OSError:  # Linux: the other end is closed
        return b""


@pytest.mark.parametrize(("columns", "fewest", "most"), [(20, 1, 1), (80, 2, 6), (400, 7, 7)])
def test_a_table_in_a_terminal_has_whole_names_and_the_columns_that_fit(tmp_path, columns, fewest, most):
    names = [*OWN, f"net-{'x' * 36}"]
    write_card(tmp_path, names[-1])
    asked = ("--models_dir", tmp_path, "--name", ",".join(names), "--format", "table")
    table, said = in_a_terminal(columns, *asked)
    cells = rows(table)
    assert [name for name in cells if name] == names
    assert all(fewest <= len(each) + 1 <= most for each in cells.values())
    (width,) = {len(line) for line in table.splitlines()}
    assert width <= columns or most == 1  # where even names do not fit, the terminal wraps them
    if most == 7:
        assert said == ""
    else:
        assert re.fullmatch(r"not shown: task, .*precisions, .*licence; .*\n", said)


@pytest.mark.parametrize(
    ("arguments", "checked"),
    [([], len(OWN)), (["--all"], len(OWN)), (["--name", STARTER], 1), (["--name", f"{STARTER},semantic_*"], 2)],
)
def test_the_cards_of_the_package_are_good(arguments, checked):
    result = run("--lint", *arguments)
    assert (result.exit_code, result.stdout) == (0, f"{checked} checked, 0 bad\n")
    assert all(line.startswith("note: ") for line in result.stderr.splitlines())


def test_bad_and_odd_cards_are_found(zoo):
    write_card(zoo, "odd-1", licence="x")
    write_card(zoo, "odd-2", model_optimizer_args=["--config=$mo_dir/x"])
    with (zoo / "duo" / "duo-a" / "model.yml").open("a") as file:
        file.write("license: https://example.com/other\n")
    result = run("--lint", "--models_dir", zoo)
    assert result.exit_code == 1
    *lines, total = result.stdout.splitlines()
    assert total == f"{len(OWN) + 6} checked, 4 bad, 5 with warnings"
    warnings = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
    warned = [line.removeprefix(f"warning: {zoo}/").split("/")[0] for line in warnings]
    assert warned == ["duo", "net-1", "net-3", "odd-1", "odd-2"]
    found = [line.removeprefix(f"{zoo}/").split(";")[0] for line in lines]
    assert found[0].startswith("duo/duo-a/model.yml: license: is given twice (line ")
    assert found[1:] == [
        f"net-2/model.yml: {NOT_A_CARD}",
        "odd-1/model.yml: licence: is not a known key",
        "odd-2/model.yml: $mo_dir is a folder of Model Optimizer, which OpenVINO no longer has",
    ]


def test_what_cannot_be_used_is_told_with_the_files_beside_the_card(tmp_path):
    folder = write_card(tmp_path, "net")
    write_companions(folder)
    asked = ("--lint", "--models_dir", tmp_path, "--name", "net")
    result = run(*asked)
    assert (result.exit_code, result.output) == (0, "1 checked, 0 bad\n")
    for name in ("README.md", "accuracy-check.yml"):
        (folder / name).write_text("")
    result = run(*asked)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.splitlines() == [
        f"{folder}/model.yml: README.md is empty; write it",
        f"{folder}/accuracy-check.yml: found nothing where keys and values are expected",
        "1 checked, 1 bad",
    ]


def test_only_the_cards_asked_for_are_checked(zoo):
    result = run("--lint", "--models_dir", zoo, "--name", "net-1,net-3")
    assert (result.exit_code, result.stdout) == (0, "2 checked, 0 bad, 2 with warnings\n")
    result = run("--lint", "--models_dir", zoo, "--list", "-", input="net-2\n")
    assert (result.exit_code, result.stdout) == (1, f"{zoo}/net-2/model.yml: {NOT_A_CARD}\n1 checked, 1 bad\n")


def test_every_odd_thing_of_a_card_has_its_line(tmp_path):
    write_card(tmp_path, "net", note="x", remark="y", model_optimizer_args=["$home"])
    result = run("--lint", "--models_dir", tmp_path, "--name", "net")
    *lines, total = result.stdout.splitlines()
    assert total == "1 checked, 1 bad, 1 with warnings"
    assert [line.removeprefix(f"{tmp_path}/net/model.yml: ").split()[0] for line in lines] == ["note:", "remark:", "an"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--details"],
        ["--all", "--name", "net"],
        ["--all", "--list", "-"],
        ["--lint", "--all", "--name", "net"],
        ["--all", "--format", "xml"],
        ["--all", "--nonsense"],
        ["--all", "net"],
        ["--li", "-"],
        ["--name"],
    ],
)
def test_wrong_usage_has_exit_code_2_and_prints_no_models(arguments):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "rror: " in result.stderr


@pytest.mark.parametrize("lint", [[], ["--lint"]])
def test_a_name_that_matches_nothing_is_one_line(lint):
    result = run("--name", "zzz", *lint)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith('main: error: No matching models: "zzz"; there are: ')
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["--nam", STARTER], [f"--na={STARTER}"], ["--name", STARTER, "--form", "json"], ["--na", STARTER]]
)
def test_a_flag_may_be_cut_short(arguments):
    assert [info["name"] for info in dumped(*arguments)] == [STARTER]
    assert list(dumped("--name", STARTER, "--det")[0]) == KEYS + DETAILS


BAD_CARDS = ["", "\x00", "[" * 100_000, "a: !!bool x", "files: [" + "{a: " * 10 + "1" + "}" * 10 + "]", "? [a]\n: b"]


def test_as_a_program_it_prints_neither_tracebacks_nor_warnings_of_python(tmp_path):
    for number, text in enumerate(BAD_CARDS):
        (tmp_path / f"bad-{number}").mkdir()
        (tmp_path / f"bad-{number}" / "model.yml").write_text(text)
    step = {"$type": "regex_replace", "file": "net.onnx", "pattern": "[[a]", "replacement": ""}
    write_card(tmp_path, "good", postprocessing=[step])
    command = [
        sys.executable,
        "-W",
        "error",
        "-W",
        "ignore::DeprecationWarning",  # of libraries
        "-m",
        "omz.cli.info_dumper",
        "--models_dir",
        tmp_path,
        "--name",
        "bad-*,good",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert [info["name"] for info in json.loads(done.stdout)] == ["good"]
    lines = done.stderr.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["error"] * len(BAD_CARDS)
    for number, line in enumerate(lines):
        assert line.startswith(f"python -m omz.cli.info_dumper: error: {tmp_path}/bad-{number}/model.yml")
