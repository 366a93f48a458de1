"""Manifests of earlier runs."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from omz.cutout.manifest import Entry, Fingerprint, fingerprint, fingerprint_of, manifest_name, open_manifest
from omz.errors import ImageError, UsageError

HEADER = {"tool": "1.0", "options": "ab", "model": "cd", "plate": ""}


def entry(name: str, content: bytes = b"result", **changes: object) -> Entry:
    outputs = {f"out/{name}.png": hashlib.sha256(content).hexdigest()}
    made = Entry(name, 10, "ef", outputs, "done", 1, 0.5, "", ("a warning \udcff ü\n",))
    return replace(made, **changes)


def write(path: Path, *entries: Entry, header: dict[str, str] = HEADER, resume: bool = False) -> str:
    with open_manifest(path, header, resume) as manifest:
        for each in entries:
            manifest.add(each)
        return manifest.warning


def known(path: Path, *names: str, header: dict[str, str] = HEADER) -> list[Entry | None]:
    with open_manifest(path, header, resume=True) as manifest:
        return [manifest.before({"cutout": path.parent / "out" / f"{name}.png"}) for name in names]


def test_entries_come_back_as_they_were_and_the_last_holds(tmp_path):
    path = tmp_path / "deep" / "manifest"
    first, second = entry("a"), entry("b", status="failed", error="a.png is empty", outputs={"out/b.png": ""})
    write(path, first, second)
    assert known(path, "a", "b", "c") == [first, second, None]
    again = entry("b", attempts=2)
    assert write(path, again, resume=True) == ""
    assert known(path, "a", "b") == [first, again]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("input") for line in lines] == [None, "a", "b", "b"]
    assert lines[0] == {"schema": "1", **HEADER}


def test_a_line_that_was_begun_is_cut_away(tmp_path):
    path = tmp_path / "manifest"
    write(path, entry("a"), entry("b"))
    whole = path.read_bytes()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        count = max(whole[:end].count(b"\n") - 1, 0)
        assert known(path, "a", "b") == [entry("a"), entry("b")][:count] + [None] * (2 - count), end
        write(path, *[entry("a"), entry("b")][count:], resume=True)
        assert path.read_bytes() == whole, end


def test_another_run_begins_anew_and_says_so(tmp_path):
    path = tmp_path / "manifest"
    write(path, entry("a"))
    warning = write(path, header={**HEADER, "model": "xy"}, resume=True)
    assert warning == f"{path} is of a run with another model (cd, not xy); everything is done anew"
    assert known(path, "a", header={**HEADER, "model": "xy"}) == [None]
    write(path, entry("a"))
    assert write(path) == ""  # not resumed
    assert known(path, "a") == [None]


def test_results_are_verified(tmp_path):
    path, result = tmp_path / "manifest", tmp_path / "out" / "a.png"
    outputs = {"cutout": result}
    with open_manifest(path, HEADER) as manifest:
        assert not manifest.holds(entry("a"), outputs)
        result.parent.mkdir()
        result.write_bytes(b"result")
        assert manifest.holds(entry("a"), outputs)
        assert not manifest.holds(entry("a", status="failed"), outputs)
        result.write_bytes(b"resulT")
        assert not manifest.holds(entry("a"), outputs)


def test_two_runs_do_not_share_a_manifest_but_shards_have_their_own(tmp_path):
    assert len({manifest_name(), *(manifest_name((number, 3)) for number in (1, 2, 3)), manifest_name((1, 2))}) == 5
    path = tmp_path / manifest_name()
    with open_manifest(path, HEADER) as manifest:
        manifest.add(entry("a"))
        with pytest.raises(UsageError, match=r"another run works on .*; wait for it, or give each a shard"):
            write(path)
        write(tmp_path / manifest_name((1, 2)))
        script = (
            "import sys; from pathlib import Path; from omz.cutout.manifest import open_manifest\n"
            "from omz.errors import UsageError\n"
            "try:\n    open_manifest(Path(sys.argv[1]), {}).__enter__()\n"
            "except UsageError as error:\n    print(error)\n"
        )
        done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
        assert "another run works on" in done.stdout
    assert known(path, "a") == [entry("a")]


def test_a_manifest_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "manifest", tmp_path / "folder"):
        with pytest.raises(ImageError, match=r"cannot be used: .*; choose another place"):
            write(path)


def test_a_file_is_known_again_by_its_content(tmp_path):
    content = bytes(range(256)) * 9999  # more than is read at once
    (tmp_path / "a").write_bytes(content)
    assert fingerprint(tmp_path / "a") == Fingerprint(len(content), hashlib.sha256(content).hexdigest())
    assert fingerprint_of(content) == fingerprint(tmp_path / "a")
    assert fingerprint(tmp_path / "none") == fingerprint(tmp_path) == Fingerprint()
