"""Archives, good and hostile, made with the standard library, and what becomes of the folder and of all around it."""

from __future__ import annotations

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.download.unpack import unpack
from omz.errors import DownloadError

FORMS = ("zip", "tar", "gztar", "bztar", "xztar")
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "gztar": gzip.compress,
    "bztar": bz2.compress,
    "xztar": lambda content: lzma.compress(content, preset=0),
}
FILES = {"net.xml": b"<net/>", "a/b/net.bin": bytes(range(256)) * 9, "a/empty": b"", "ä b/c.txt": "é".encode()}
MEMBERS = 50_000
BOUND = 64 << 20
END = bytes(1024)
SYMLINK, HARD_LINK = tarfile.SYMTYPE, tarfile.LNKTYPE


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """Return what a member adds to a tar archive."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def claiming(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return the header of a member that says it has ``size`` bytes, and nothing of these."""
    info = tarfile.TarInfo("claims")
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, attributes: int = 0o100644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = method, attributes << 16
            file.writestr(info, content)
    return buffer.getvalue()


def packed(files: dict[str, bytes], form: str) -> bytes:
    if form == "zip":
        return zip_of(files)
    return COMPRESS[form](b"".join(member(name, content) for name, content in files.items()) + END)


def tree(root: Path) -> dict[str, bytes | str]:
    """Return everything below a folder: bytes of files, and what the rest is."""
    found: dict[str, bytes | str] = {}
    for path in root.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(root))] = f"link to {path.readlink()}"
        else:
            found[str(path.relative_to(root))] = path.read_bytes() if path.is_file() else "folder"
    return found


@contextlib.contextmanager
def unchanged(root: Path) -> Iterator[None]:
    before = tree(root)
    yield
    assert tree(root) == before


def world(root: Path) -> Path:
    """Make a model's folder, with files in and around it."""
    (root / "model" / "there").mkdir(parents=True)
    for name in ("secret", "model/net.xml", "model/there/file"):
        (root / name).write_text(f"old {name}")
    return root / "model"


@pytest.fixture
def model(tmp_path) -> Path:
    return world(tmp_path)


def refused(model: Path, content: bytes, form: str) -> str:
    """Have an archive refused, which must change nothing at all; return the one line that says why."""
    archive = model / "pack.tar"
    archive.write_bytes(content)
    with unchanged(model.parent), pytest.raises(DownloadError) as caught:
        unpack(archive, form)
    text = str(caught.value)
    assert text.startswith(f"{archive} cannot be unpacked: ")
    assert text.isprintable()
    return text


@pytest.mark.parametrize("form", FORMS)
def test_all_formats_give_the_same_files(model, form):
    archive = model / "sub" / f"pack.{form}"
    archive.parent.mkdir()
    content = packed(FILES, form)
    archive.write_bytes(content)
    files = unpack(archive, form)
    assert files == sorted(archive.parent / name for name in FILES)
    expected = {**FILES, "a": "folder", "a/b": "folder", "ä b": "folder", archive.name: content}
    assert tree(archive.parent) == expected


@pytest.mark.parametrize("form", FORMS)
def test_what_the_standard_library_packs_is_unpacked(model, tmp_path, form):
    source = tmp_path / "source"
    for name, content in FILES.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(content)
    archive = Path(shutil.make_archive(str(model / "pack"), form, source))
    assert {str(path.relative_to(model)): path.read_bytes() for path in unpack(archive, form)} == FILES
    assert archive.exists()


@pytest.mark.parametrize("form", FORMS)
def test_files_that_are_there_are_replaced_and_others_kept(model, form):
    archive = model / "pack"
    archive.write_bytes(packed({"net.xml": b"new", "there/other": b"also new"}, form))
    before = tree(model)
    assert unpack(archive, form) == [model / "net.xml", model / "there" / "other"]
    assert tree(model) == before | {"net.xml": b"new", "there/other": b"also new"}


def test_a_link_of_the_user_is_replaced_not_followed(model):
    (model / "link").symlink_to(model.parent / "secret")
    (model / "pack").write_bytes(packed({"link": b"new"}, "zip"))
    unpack(model / "pack", "zip")
    assert not (model / "link").is_symlink()
    assert (model.parent / "secret").read_text() == "old secret"


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_of_nothing_gives_nothing(model, form):
    archive = model / "pack"
    archive.write_bytes(packed({}, form))
    with unchanged(model.parent):
        assert unpack(archive, form) == []


def test_folders_and_names_that_start_with_a_dot(model):
    archive = model / "pack"
    folders = member(".", kind=tarfile.DIRTYPE) + member("./a", kind=tarfile.DIRTYPE)
    archive.write_bytes(folders + member("./a/b", b"1") + member("./.hidden", b"2") + member("a//c", b"3") + END)
    assert unpack(archive, "tar") == [model / ".hidden", model / "a" / "b", model / "a" / "c"]
    archive.write_bytes(zip_of({"./": b"", "d/": b"", "./d/e": b"4"}))
    assert unpack(archive, "zip") == [model / "d" / "e"]


def test_names_longer_than_a_header_holds(model):
    archive = model / "pack"
    name = f"{'a' * 120}/{'b' * 120}/ä"
    for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        with tarfile.open(archive, "w", format=kind) as file:
            info = tarfile.TarInfo(name)
            info.size = 3
            file.addfile(info, io.BytesIO(b"abc"))
        assert unpack(archive, "tar") == [model / name]


def test_what_a_killed_process_left_is_cleared(model):
    archive = model / "pack.zip"
    archive.write_bytes(packed({"a": b"1"}, "zip"))
    rest = model / ".pack.zip.unpacking"
    (rest / "deep").mkdir(parents=True)
    (rest / "half").write_bytes(b"half")
    before = {name: content for name, content in tree(model).items() if not name.startswith(".")}
    assert unpack(archive, "zip") == [model / "a"]
    assert tree(model) == before | {"a": b"1"}


@pytest.mark.parametrize("form", ["zip", "tar", "gztar"])
@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "../new",
        "..",
        "a/../../new",
        "a/../new",
        "./../new",
        "/new",
        "//new",
        "C:new",
        "C:/new",
        "C:\\new",
        "\\new",
        "\\\\server\\share\\new",
        "..\\new",
        "a\\..\\..\\new",
        "a\nb/../../new",
    ],
)
def test_a_name_that_leads_out_is_refused_with_all_else(model, form, name):
    text = refused(model, packed({"net.xml": b"new", "new/file": b"1", name: b"bad", "z": b"2"}, form), form)
    assert "leads out of the folder" in text


def test_an_absolute_name_is_refused(model):
    assert "leads out" in refused(model, packed({str(model.parent / "secret"): b"bad"}, "tar"), "tar")
    assert "leads out" in refused(model, packed({str(model / "inside"): b"bad"}, "zip"), "zip")


@pytest.mark.parametrize("target", ["../secret", "a/../../secret", "/etc/passwd", "..\\secret", "\\\\server\\share\\a"])
def test_a_link_that_leads_out_is_refused(model, target):
    for kind in (SYMLINK, HARD_LINK):
        for name in ("link", "net.xml"):
            archive = member("a/new", b"1") + member(name, kind=kind, link=target) + END
            assert "a link, leads out of the folder" in refused(model, archive, "tar")
    assert "a link, leads out" in refused(model, zip_of({"link": target.encode()}, attributes=0o120777), "zip")


def test_a_link_to_an_existing_file_beside_the_archive_is_refused(model):
    for kind in (SYMLINK, HARD_LINK):
        text = refused(model, member("link", kind=kind, link="there/file") + END, "tar")
        assert text.endswith("link, a link, does not lead to a file")


def test_a_file_written_through_a_link_is_refused(model):
    for target in ("..", "../..", "/tmp", str(model.parent)):
        archive = member("out", kind=SYMLINK, link=target) + member("out/new", b"bad") + END
        assert "leads out" in refused(model, archive, "tar")
    refused(model, member("in", kind=SYMLINK, link="there") + member("in/new", b"bad") + END, "tar")


def test_links_become_copies(model):
    archive = model / "pack"
    archive.write_bytes(
        member("lib/real", b"content")
        + member("lib/beside", kind=SYMLINK, link="real")
        + member("other/across", kind=SYMLINK, link="../lib/real")
        + member("other/hard", kind=HARD_LINK, link="lib/real")
        + member("top", kind=HARD_LINK, link="./lib/real")
        + END
    )
    names = ["lib/beside", "lib/real", "other/across", "other/hard", "top"]
    assert unpack(archive, "tar") == [model / name for name in names]
    for name in names:
        assert not (model / name).is_symlink()
        assert (model / name).stat().st_nlink == 1
        assert (model / name).read_bytes() == b"content"


def test_a_link_in_a_zip_becomes_a_copy(model):
    buffer = io.BytesIO(zip_of({"lib/link": b"../real"}, attributes=0o120777))
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr("real", b"content")
    (model / "pack").write_bytes(buffer.getvalue())
    assert unpack(model / "pack", "zip") == [model / "lib" / "link", model / "real"]
    assert not (model / "lib" / "link").is_symlink()
    assert (model / "lib" / "link").read_bytes() == b"content"
    long = zip_of({"link": b"a/" * 3000}, attributes=0o120777)
    assert "too long" in refused(model, long, "zip")


def test_links_to_links_are_followed_in_any_order(model):
    real = member("lib.so.1.2", b"library")
    first = member("lib.so", kind=SYMLINK, link="lib.so.1")
    second = member("lib.so.1", kind=SYMLINK, link="lib.so.1.2")
    for archive in (first + second + real, real + second + first, second + real + first):
        (model / "pack").write_bytes(archive + END)
        files = unpack(model / "pack", "tar")
        assert [path.name for path in files] == ["lib.so", "lib.so.1", "lib.so.1.2"]
        assert {path.read_bytes() for path in files} == {b"library"}


def test_a_link_to_a_link_that_leads_out_is_refused(model):
    first = member("a", kind=SYMLINK, link="b")
    second = member("b", kind=SYMLINK, link="../secret")
    for archive in (first + second, second + first):
        assert "leads out" in refused(model, archive + END, "tar")


@pytest.mark.parametrize("kind", [SYMLINK, HARD_LINK])
def test_links_that_lead_nowhere_or_in_circles_are_refused(model, kind):
    folder = member("folder", kind=tarfile.DIRTYPE)
    for links in ({"a": "missing"}, {"a": "a"}, {"a": "b", "b": "a"}, {"a": "folder"}, {"a": "."}):
        archive = folder + b"".join(member(name, kind=kind, link=target) for name, target in links.items())
        assert "does not lead to a file" in refused(model, archive + END, "tar")
    refused(model, member("a", kind=kind) + END, "tar")


def test_a_file_packed_twice_as_a_link_to_itself_keeps_its_content(model):
    """Tar archives what is named twice on its command line like that."""
    (model / "pack").write_bytes(member("file", b"content") + member("file", kind=HARD_LINK, link="file") + END)
    assert unpack(model / "pack", "tar") == [model / "file"]
    assert (model / "file").read_bytes() == b"content"


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z"])
def test_devices_and_pipes_are_refused(model, kind):
    archive = member("net.xml", b"new") + member("special", kind=kind) + END
    assert refused(model, archive, "tar").endswith("special is neither file, folder nor link")


def test_very_many_members_are_refused(model):
    assert f"more than {MEMBERS} members" in refused(
        model, packed({f"{n}": b"" for n in range(MEMBERS + 1)}, "zip"), "zip"
    )
    assert f"more than {MEMBERS} members" in refused(model, member("a") * 100_000 + END, "tar")


@pytest.mark.parametrize("form", ["zip", "gztar", "bztar", "xztar"])
def test_a_bomb_is_refused(model, form):
    assert "more than 100 times" in refused(model, packed({"zeros": bytes(70_000_000)}, form), form)


def test_all_members_count_for_the_bound(model):
    half = bytes(BOUND // 2)
    archive = model / "pack"
    archive.write_bytes(zip_of({"a": half, "b": half}))
    assert [path.stat().st_size for path in unpack(archive, "zip")] == [BOUND // 2] * 2
    assert "more than 100 times" in refused(model, zip_of({"c": half, "d": half, "e": b"1"}), "zip")
    links = b"".join(member(name, kind=SYMLINK, link="real") for name in "fghi")
    archive_with_links = gzip.compress(member("real", bytes(BOUND // 4)) + links + END)
    assert "more than 100 times" in refused(model, archive_with_links, "gztar")


def test_a_large_archive_of_large_files_is_no_bomb(model):
    archive = model / "pack"
    archive.write_bytes(zip_of({"zeros": bytes(BOUND + 1)}, zipfile.ZIP_STORED))
    assert [path.stat().st_size for path in unpack(archive, "zip")] == [BOUND + 1]


def test_a_bomb_where_no_file_is_is_refused(model):
    assert "more than 100 times" in refused(model, gzip.compress(member("a", b"1") + END + bytes(70_000_000)), "gztar")
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE):
        bomb = claiming(2_000_000, kind) + bytes(2_000_384) + member("a", b"1") + END
        assert "a header in it is too large" in refused(model, gzip.compress(bomb), "gztar")


def test_a_file_of_holes_is_a_bomb_too(model):
    holes = tarfile.TarInfo("holes")
    holes.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 40)}
    assert "more than 100 times" in refused(model, holes.tobuf(tarfile.PAX_FORMAT) + END, "tar")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods_that_cannot_be_bounded_are_refused(model, method):
    """A few hundred bytes of them would fill the memory before a byte could be counted."""
    assert "is not compressed with deflate" in refused(model, zip_of({"a": bytes(1000)}, method), "zip")


@pytest.mark.parametrize("size", [-(1 << 70), -512, 1 << 33, 1 << 62, 1 << 70])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, b"Z"])
def test_sizes_that_cannot_be_are_refused(model, size, kind):
    refused(model, claiming(size, kind) + member("a", b"1") + END, "tar")
    refused(model, member("a", b"1") + claiming(size, kind) + END, "tar")


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_archive_is_refused_wherever_it_ends(model, form):
    content = packed({"a": b"content", "net.xml": bytes(range(256)) * 2, "b/c": b"1"}, form)
    end = len(content) - (len(END) if form == "tar" else 0)
    for length in range(0, end, 1 if end < 1000 else 64):
        refused(model, content[:length], form)
    refused(model, content[: end - 1], form)
    refused(model, content[:end] if form == "tar" else content[:-4], form)


@pytest.mark.parametrize("form", FORMS)
def test_another_format_is_refused(model, form):
    for other in FORMS:
        if other != form:
            refused(model, packed(FILES, other), form)
    for content in (b"", b"\0", b"<html></html>", b"PK", gzip.compress(b""), bytes(100)):
        refused(model, content, form)


def test_a_missing_archive_is_one_line(model):
    absent = os.strerror(errno.ENOENT)
    for form in FORMS:
        with unchanged(model.parent), pytest.raises(DownloadError, match=f"none cannot be unpacked: .*{absent}"):
            unpack(model / "none", form)


def test_an_encrypted_zip_is_refused(model):
    content = bytearray(zip_of({"a": b"content"}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    assert "encrypted" in refused(model, bytes(content), "zip")


def test_a_member_with_a_wrong_checksum_is_refused(model):
    content = zip_of({"net.xml": b"new", "a": b"right content"}, zipfile.ZIP_STORED)
    assert "CRC" in refused(model, content.replace(b"right", b"wrong"), "zip")
    compressed = bytearray(gzip.compress(packed({"a": b"1"}, "tar")))
    compressed[-8] ^= 1
    assert "CRC" in refused(model, bytes(compressed), "gztar")


def test_damage_between_members_does_not_pass_for_the_end(model):
    for damage in (b"\1" * 512, member("b").replace(b"b", b"c", 1)):
        assert "damaged" in refused(model, member("a", b"1") + damage + member("c", b"2") + END, "tar")


@pytest.mark.parametrize("form", ["zip", "tar"])
@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a/b"), ("", "a"), (".", "a")])
def test_a_file_that_is_also_a_folder_is_refused(model, form, names):
    refused(model, packed(dict.fromkeys(names, b"1"), form), form)


@pytest.mark.parametrize("form", ["zip", "tar"])
@pytest.mark.parametrize(
    "name",
    [
        "there",  # a folder
        "there/file/a",  # below a file
        "there/file/a/b",
        "pack.tar",  # the archive itself
        "pack.tar/a",
        ".pack.tar.unpacking/a",  # where it is unpacked
        ".pack.tar.unpacking",
    ],
)
def test_what_is_there_and_in_the_way_is_kept(model, form, name):
    text = refused(model, packed({"a": b"1", "net.xml": b"new", name: b"bad", "z/z": b"2"}, form), form)
    assert "in the way" in text


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_folders_too_deep_are_refused(model, form):
    first = "a/" * 800
    refused(model, packed({f"{first}file": b"1", f"{first}{first}file": b"2"}, form), form)
    assert "within each other" in refused(model, packed({"a/" * 500 + "file": b"1"}, form), form)


@given(form=st.sampled_from(FORMS), content=st.binary(max_size=2000))
def test_noise_is_refused(form, content):
    with tempfile.TemporaryDirectory() as root:
        refused(world(Path(root)), content, form)


@given(
    form=st.sampled_from(FORMS),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_a_damaged_archive_is_unpacked_whole_or_not_at_all(form, damage):
    content = bytearray(packed(FILES, form))
    for place, change in damage:
        content[int(place * len(content))] ^= change
    with tempfile.TemporaryDirectory() as root:
        model = world(Path(root))
        before = tree(model.parent)
        (model / "pack.tar").write_bytes(content)
        files: list[Path] = []
        with contextlib.suppress(DownloadError):
            files = unpack(model / "pack.tar", form)
        new = {str(path.relative_to(root)) for path in files}
        changed = {
            name for name, found in tree(model.parent).items() if found != "folder" and before.get(name) != found
        }
        assert changed <= new | {"model/pack.tar"}
        assert not list(model.glob(".*"))
