from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from helpers.builders import published_file, write_card
from hypothesis import given, settings
from hypothesis import strategies as st

from omz.download.postprocess import original_path, postprocess, postprocessed
from omz.errors import CardError, DownloadError
from omz.zoo.card import ModelCard
from omz.zoo.card_reader import load_card
from omz.zoo.postprocessing import RegexReplace

TEXT = b"import torch\nx = torch.cuda()\ny = torch.cuda()\n"
RECORD = ".postprocessed.json"
ABSENT = os.strerror(errno.ENOENT)


def replacing(pattern: str, replacement: str, file: str = "net.py", **changes: object) -> dict[str, object]:
    return {"$type": "regex_replace", "file": file, "pattern": pattern, "replacement": replacement, **changes}


def unpacking(file: str, form: str = "zip") -> dict[str, object]:
    return {"$type": "unpack_archive", "file": file, "format": form}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


class Model:
    """A card below ``root``, and its files in the model's folder."""

    def __init__(self, root: Path, files: dict[str, bytes], *steps: dict[str, object]) -> None:
        self.root, self.folder, self.files = root, root / "model", files
        self.card = self.card_with("card", {}, *steps)
        for name, content in files.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(content)

    def card_with(self, zoo: str, files: dict[str, bytes], *steps: dict[str, object]) -> ModelCard:
        """Return the card with these steps, and with other or more files."""
        published = [
            published_file(name, content, "https://example.com/") for name, content in {**self.files, **files}.items()
        ]
        folder = write_card(self.root / zoo, "net", files=published, postprocessing=list(steps))
        return load_card(folder, PurePosixPath("public/net"))

    def run(self) -> None:
        postprocess(self.card, self.folder)

    def done(self) -> frozenset[str]:
        return postprocessed(self.card, self.folder)

    def read(self, name: str = "net.py") -> bytes:
        return (self.folder / name).read_bytes()

    def names(self) -> set[str]:
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix() for path in found}


def refused(model: Model, match: str) -> str:
    """Have a step fail; no file may change then."""
    before = {name: model.read(name) for name in model.names()}
    with pytest.raises(DownloadError, match=match) as caught:
        model.run()
    assert str(caught.value).isprintable()
    assert {name: model.read(name) for name in model.names()} == before
    assert model.done() == frozenset()
    return str(caught.value)


def test_all_that_is_found_is_replaced(tmp_path):
    model = Model(tmp_path, {"net.py": TEXT}, replacing(r"\.cuda\(\)", ".cpu()"))
    model.run()
    assert model.read() == b"import torch\nx = torch.cpu()\ny = torch.cpu()\n"
    assert model.names() == {"net.py", "net.py.orig", RECORD}


def test_the_original_is_kept_byte_by_byte(tmp_path):
    text = "\ufeffá = 1\r\nb = 2\n".encode()
    model = Model(tmp_path, {"deep/net.py": text}, replacing("1", "3", file="deep/net.py"))
    model.run()
    assert original_path(model.folder / "deep" / "net.py") == model.folder / "deep" / "net.py.orig"
    assert model.read("deep/net.py.orig") == text


@pytest.mark.parametrize(("count", "expected"), [(1, b"bbaa"), (2, b"bbbba"), (3, b"bbbbbb"), (0, b"bbbbbb")])
def test_a_count_replaces_so_many_and_no_more(tmp_path, count, expected):
    model = Model(tmp_path, {"net.py": b"aaa"}, replacing("a", "bb", count=count))
    model.run()
    assert model.read() == expected


def test_what_is_not_found_is_an_error(tmp_path):
    text = refused(Model(tmp_path, {"net.py": TEXT}, replacing("cuda9", "cpu")), "found 0 times, not at least 1")
    assert text.startswith(str(tmp_path / "model" / "net.py"))
    assert "'cuda9'" in text


def test_what_is_found_too_seldom_is_an_error(tmp_path):
    refused(Model(tmp_path, {"net.py": TEXT}, replacing("cuda", "cpu", count=3)), "found 2 times, not 3")
    refused(Model(tmp_path / "b", {"net.py": TEXT}, replacing("cuda9", "cpu", count=1)), "found 0 times, not 1")


@pytest.mark.parametrize(
    ("pattern", "replacement", "expected"),
    [
        (r"(\w+) = torch", r"\1 = numpy", b"x = numpy"),
        (r"(?P<name>\w+) = torch", r"\g<name>2 = torch", b"x2 = torch"),
        (r"x( = )torch", r"x\g<0>", b"xx = torch"),
        (r"(y)|(x)", r"[\1\2]", b"[x] = torch"),
        (r"(?i)TORCH", "$dl_dir", b"x = $dl_dir"),
        (r"^x", r"\\n", b"\\n = torch"),
        (" = ", r"\n", b"x\ntorch"),
        (" = ", "é", "xétorch".encode()),
        (r"(?s).*", "", b""),
    ],
)
def test_replacements_as_python_writes_them(tmp_path, pattern, replacement, expected):
    model = Model(tmp_path, {"net.py": b"x = torch"}, replacing(pattern, replacement))
    model.run()
    assert model.read() == expected


@pytest.mark.parametrize("replacement", [r"\1", r"\g<name>", r"\g<1", "\\"])
def test_a_group_that_is_not_there_is_an_error(tmp_path, replacement):
    with pytest.raises(CardError, match="replacement does not fit the pattern"):
        Model(tmp_path / "card", {"net.py": b"x"}, replacing("x", replacement))
    model = Model(tmp_path, {"net.py": b"x"}, replacing("x", "y"))
    step = RegexReplace.model_construct(
        type="regex_replace", file="net.py", pattern="x", replacement=replacement, count=0
    )
    model.card = model.card.model_copy(update={"postprocessing": (step,)})
    refused(model, "'x' of the card cannot be replaced: ")


def test_steps_on_one_file_follow_each_other_and_keep_the_first_original(tmp_path):
    model = Model(tmp_path, {"net.py": b"ab"}, replacing("a", "b"), replacing("b", "c"), replacing("c", "dd", count=1))
    model.run()
    assert model.read() == b"ddc"
    assert model.read("net.py.orig") == b"ab"
    assert model.done() == {"net.py"}


def test_a_pattern_sees_lines_that_end_in_cr_lf_as_others_do(tmp_path):
    model = Model(tmp_path, {"net.py": b"one\r\ntwo\r\nfour\r\n"}, replacing(r"one\ntwo\n", r"three\n"))
    model.run()
    assert model.read() == b"three\nfour\n"
    assert model.read("net.py.orig") == b"one\r\ntwo\r\nfour\r\n"


@settings(max_examples=8)  # each starts a process
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")), st.text("ab\n", min_size=1))
def test_what_is_not_found_stays_as_it_is(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("model")
    marked = before.replace("@", "") + "@" + after
    model = Model(folder, {"net.py": marked.encode()}, replacing("@", ""))
    model.run()
    assert model.read().decode() == marked.replace("@", "")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x\x80", "x = é".encode("latin-1"), "x".encode("utf-16")])
def test_a_file_that_is_not_utf_8_is_an_error(tmp_path, content):
    refused(Model(tmp_path, {"net.py": content}, replacing("x", "y")), "'x' of the card cannot be replaced: .*utf-8")


def test_a_missing_file_is_an_error(tmp_path):
    refused(Model(tmp_path, {"net.py": b"x"}, replacing("x", "y", file="other.py")), rf"other\.py: .*{ABSENT}")
    refused(
        Model(tmp_path / "b", {"net.py": b"x"}, unpacking("other.zip")), rf"other\.zip cannot be unpacked: .*{ABSENT}"
    )
    refused(Model(tmp_path / "c", {"a/b": b"x"}, replacing("x", "y", file="a")), rf"a: .*{os.strerror(errno.EISDIR)}")


def test_an_archive_becomes_its_files(tmp_path):
    model = Model(
        tmp_path, {"deep/net.zip": zipped({"a": b"1", "sub/b": b"2"}), "other.bin": b"3"}, unpacking("deep/net.zip")
    )
    model.run()
    assert model.names() == {"deep/a", "deep/sub/b", "other.bin", RECORD}
    assert (model.read("deep/a"), model.read("deep/sub/b")) == (b"1", b"2")
    assert model.done() == {"deep/net.zip", "deep/a", "deep/sub/b"}


def test_an_unpacked_file_is_changed_without_an_original(tmp_path):
    files = {"net.zip": zipped({"src/net.py": TEXT})}
    model = Model(tmp_path, files, unpacking("net.zip"), replacing("cuda", "cpu", file="src/net.py"))
    model.run()
    assert model.read("src/net.py") == TEXT.replace(b"cuda", b"cpu")
    assert model.names() == {"src/net.py", RECORD}
    assert model.done() == {"net.zip", "src/net.py"}


def test_an_archive_in_an_archive(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        info = tarfile.TarInfo("inner/net.zip")
        inner = zipped({"a": b"1", "b": b"2"})
        info.size = len(inner)
        archive.addfile(info, io.BytesIO(inner))
    model = Model(tmp_path, {"net.xz": buffer.getvalue()}, unpacking("net.xz", "xztar"), unpacking("inner/net.zip"))
    model.run()
    assert model.names() == {"inner/a", "inner/b", RECORD}
    assert model.done() >= {"net.xz", "inner/a", "inner/b"}


def test_an_archive_of_nothing_is_done(tmp_path):
    model = Model(tmp_path, {"net.zip": zipped({})}, unpacking("net.zip"))
    model.run()
    assert model.names() == {RECORD}
    assert model.done() == {"net.zip"}


def test_a_bad_archive_is_an_error_and_stays(tmp_path):
    refused(Model(tmp_path, {"net.zip": b"no zip"}, unpacking("net.zip")), r"net\.zip cannot be unpacked: ")


def test_a_step_that_fails_leaves_the_archive_and_no_record(tmp_path):
    model = Model(tmp_path, {"net.zip": zipped({"a": b"1"})}, unpacking("net.zip"), replacing("x", "y", file="a"))
    with pytest.raises(DownloadError, match="found 0 times"):
        model.run()
    assert model.names() == {"net.zip", "a"}
    assert model.done() == frozenset()


@pytest.fixture
def finished(tmp_path) -> Model:
    """A model with one file of each kind: as it was, changed, unpacked, unpacked and changed."""
    steps = [unpacking("pack.zip"), replacing("1", "2", file="b"), replacing("cuda", "cpu")]
    model = Model(tmp_path, {"same.bin": b"same", "net.py": TEXT, "pack.zip": zipped({"a": b"1", "b": b"1"})}, *steps)
    assert model.done() == frozenset()
    model.run()
    return model


def test_all_that_was_dealt_with_is_covered(finished):
    assert finished.names() == {"same.bin", "net.py", "net.py.orig", "a", "b", RECORD}
    assert finished.done() == {"net.py", "pack.zip", "a", "b"}


@pytest.mark.parametrize("name", ["net.py", "a", "b"])
def test_nothing_is_covered_once_a_made_file_changes_or_vanishes(finished, name):
    path, content = finished.folder / name, finished.read(name)
    for other in (content + b"\n", b"", content[:-1] + b"?"):
        path.write_bytes(other)
        assert finished.done() == frozenset()
    path.unlink()
    assert finished.done() == frozenset()
    path.mkdir()
    assert finished.done() == frozenset()
    path.rmdir()
    path.write_bytes(content)
    assert finished.done() == {"net.py", "pack.zip", "a", "b"}


def test_originals_and_other_files_do_not_matter(finished):
    (finished.folder / "net.py.orig").unlink()
    (finished.folder / "same.bin").write_bytes(b"other")
    (finished.folder / "new").touch()
    assert finished.done() == {"net.py", "pack.zip", "a", "b"}


def test_nothing_is_covered_once_the_card_changes(finished):
    unpacked, first, last = unpacking("pack.zip"), replacing("1", "2", file="b"), replacing("cuda", "cpu")
    same = finished.card_with("same", {}, unpacked, first, last)
    assert postprocessed(same, finished.folder) == finished.done() != frozenset()
    others = [
        finished.card_with("fewer", {}, unpacked, first),
        finished.card_with("order", {}, last, unpacked, first),
        finished.card_with("more", {}, unpacked, first, last, replacing("x", "z")),
        finished.card_with("pattern", {}, unpacked, first, replacing("cud.", "cpu")),
        finished.card_with("replacement", {}, unpacked, first, replacing("cuda", "gpu")),
        finished.card_with("count", {}, unpacked, first, replacing("cuda", "cpu", count=2)),
        finished.card_with("format", {}, unpacking("pack.zip", "tar"), first, last),
        finished.card_with("checksum", {"net.py": TEXT + b"#"}, unpacked, first, last),
        finished.card_with("file", {"new.bin": b"new"}, unpacked, first, last),
    ]
    assert [postprocessed(card, finished.folder) for card in others] == [frozenset()] * len(others)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b"1",
        b'"text"',
        b"{}",
        b'{"card": "other", "files": {}}',
        b'{"files": {}}',
    ],
)
def test_a_record_of_garbage_covers_nothing(finished, garbage):
    (finished.folder / RECORD).write_bytes(garbage)
    assert finished.done() == frozenset()


@pytest.mark.parametrize("files", [None, [], 1, "text", {"a": None}, {"a": 1}, {"missing": "0" * 96}, {"\0": ""}])
def test_a_record_with_garbage_for_its_files_covers_nothing(finished, files):
    record = json.loads(finished.read(RECORD))
    (finished.folder / RECORD).write_text(json.dumps({**record, "files": files}))
    assert finished.done() == frozenset()


def test_a_record_that_is_missing_or_a_folder_covers_nothing(finished):
    (finished.folder / RECORD).unlink()
    assert finished.done() == frozenset()
    (finished.folder / RECORD).mkdir()
    assert finished.done() == frozenset()


def test_the_record_has_the_digests_of_what_was_made(finished):
    record = json.loads(finished.read(RECORD))
    made = {name: hashlib.sha384(finished.read(name)).hexdigest() for name in ("a", "b", "net.py")}
    assert record["files"] == made


def test_what_a_killed_run_had_begun_to_write_is_removed(tmp_path):
    model = Model(tmp_path, {"net.py": TEXT}, replacing("cuda", "cpu"))
    begun = [".net.0123abcd.part.py", ".net.py.0123abcd.part.orig", "..postprocessed.0123abcd.part.json"]
    for name in begun:
        (model.folder / name).write_bytes(b"half")
    model.run()
    assert model.names() == {"net.py", "net.py.orig", RECORD}


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [("(a+)+$", "x"), ("(?:a|a)*b", "x"), ("a", "y" * 100_000)],
    ids=["nested", "alternatives", "growing"],
)
def test_a_pattern_that_never_ends_ends(tmp_path, monkeypatch, pattern, replacement):
    monkeypatch.setattr("omz.download.postprocess._LONGEST_SEARCH", 3.0)
    text = b"a" * (2000 if replacement != "x" else 60) + b"c"
    refused(Model(tmp_path, {"net.py": text}, replacing(pattern, replacement)), "stopped after 3 s|too large")


def test_a_pattern_that_never_ends_on_nothing_does_not_hold_up_the_card(tmp_path):
    assert Model(tmp_path, {"net.py": b"x"}, replacing("(?:(?:)|(?:)){60}x", "y")).card.postprocessing
