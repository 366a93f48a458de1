from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.download.cache import BundleCache, FolderCache, cache_name, open_cache, pack_bundle
from omz.errors import DownloadError
from omz.zoo.model_file import Checksum

CONTENT = bytes(range(256)) * 9000  # more than is copied at once
ALGORITHMS = ("sha384", "sha256")


def checksum(content: bytes, algorithm: str = "sha384") -> Checksum:
    return Checksum.model_validate({"$type": algorithm, "value": hashlib.new(algorithm, content).hexdigest()})


def put(cache: FolderCache, folder: Path, *contents: bytes, algorithm: str = "sha384") -> list[Checksum]:
    for content in contents:
        (folder / "source").write_bytes(content)
        cache.put(checksum(content, algorithm), folder / "source")
    return [checksum(content, algorithm) for content in contents]


def files_in(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_file_lies_where_open_model_zoo_puts_it(tmp_path, algorithm):
    digest = hashlib.new(algorithm, CONTENT).hexdigest()
    put(FolderCache(tmp_path / "cache"), tmp_path, CONTENT, algorithm=algorithm)
    assert files_in(tmp_path / "cache") == {tmp_path / "cache" / "1" / digest[:2] / digest[2:]}
    assert cache_name(checksum(CONTENT, algorithm)) == f"1/{digest[:2]}/{digest[2:]}"


def test_digests_in_capitals_are_the_same_file():
    small = checksum(CONTENT)
    large = Checksum.model_validate({"$type": "sha384", "value": small.value.upper()})
    assert cache_name(large) == cache_name(small)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("content", [CONTENT, b""])
def test_what_is_put_can_be_taken(tmp_path, algorithm, content):
    cache = FolderCache(tmp_path / "new" / "cache")
    (key,) = put(cache, tmp_path, content, algorithm=algorithm)
    target = tmp_path / "out" / "deep" / "net.bin"
    assert cache.take(key, target)
    assert target.read_bytes() == content
    assert cache.path(key).read_bytes() == content
    assert files_in(target.parent) == {target}


def test_what_another_program_has_put_can_be_taken(tmp_path):
    digest = hashlib.sha384(CONTENT).hexdigest()
    path = tmp_path / "cache" / "1" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert FolderCache(tmp_path / "cache").take(checksum(CONTENT), tmp_path / "net.bin")
    assert (tmp_path / "net.bin").read_bytes() == CONTENT


def test_taking_replaces_what_is_there(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    (key,) = put(cache, tmp_path, CONTENT)
    (tmp_path / "net.bin").write_bytes(b"old")
    assert cache.take(key, tmp_path / "net.bin")
    assert (tmp_path / "net.bin").read_bytes() == CONTENT


def test_putting_replaces_a_damaged_file(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    (key,) = put(cache, tmp_path, CONTENT)
    cache.path(key).write_bytes(b"damaged")
    put(cache, tmp_path, CONTENT)
    assert cache.take(key, tmp_path / "net.bin")


def test_a_file_that_is_not_in_the_cache_is_not_taken(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    assert not cache.take(checksum(CONTENT), tmp_path / "out" / "net.bin")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT + b"+", b"\1" + CONTENT[1:], b"other"])
def test_a_damaged_file_is_not_taken(tmp_path, damage):
    cache = FolderCache(tmp_path / "cache")
    (key,) = put(cache, tmp_path, CONTENT)
    cache.path(key).write_bytes(damage)
    target = tmp_path / "out" / "net.bin"
    target.parent.mkdir()
    assert not cache.take(key, target)
    assert not list(target.parent.iterdir())
    target.write_bytes(b"old")
    assert not cache.take(key, target)
    assert files_in(target.parent) == {target}
    assert target.read_bytes() == b"old"


def test_what_cannot_be_read_is_as_good_as_missing(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    cache.path(checksum(b"folder")).mkdir(parents=True)
    below_file = cache.path(checksum(b"below a file")).parent
    below_file.touch()
    for content in (b"folder", b"below a file"):
        assert not cache.take(checksum(content), tmp_path / "net.bin")
    assert not (tmp_path / "net.bin").exists()


def test_a_file_that_cannot_be_kept_leaves_nothing(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    with pytest.raises(FileNotFoundError):
        cache.put(checksum(CONTENT), tmp_path / "missing")
    assert files_in(tmp_path) == set()
    (tmp_path / "file").write_bytes(CONTENT)
    with pytest.raises((NotADirectoryError, FileExistsError)):
        FolderCache(tmp_path / "file").put(checksum(CONTENT), tmp_path / "file")


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_only_the_right_bytes_are_taken(content, found):
    with tempfile.TemporaryDirectory() as root:
        cache, target = FolderCache(Path(root, "cache")), Path(root, "target")
        (key,) = put(cache, Path(root), content)
        cache.path(key).write_bytes(found)
        assert cache.take(key, target) == (content == found) == target.exists()


def bundle_of(folder: Path, *contents: bytes) -> Path:
    cache = FolderCache(folder / "cache")
    keys = put(cache, folder, *contents) + put(cache, folder, *contents, algorithm="sha256")
    pack_bundle(cache, keys, folder / "zoo.bundle")
    return folder / "zoo.bundle"


def test_a_bundle_gives_what_was_packed(tmp_path):
    contents = (CONTENT, b"", b"small")
    bundle = bundle_of(tmp_path, *contents)
    cache = open_cache(bundle)
    assert isinstance(cache, BundleCache)
    for algorithm in ALGORITHMS:
        for number, content in enumerate(contents):
            target = tmp_path / algorithm / str(number)
            assert cache.take(checksum(content, algorithm), target)
            assert target.read_bytes() == content


def test_a_bundle_lacks_what_was_not_packed(tmp_path):
    cache = open_cache(bundle_of(tmp_path, b"small"))
    assert not cache.take(checksum(CONTENT), tmp_path / "out" / "net.bin")
    assert not (tmp_path / "out").exists()


def test_nothing_is_put_into_a_bundle(tmp_path):
    bundle = bundle_of(tmp_path, b"small")
    before = bundle.read_bytes()
    (tmp_path / "net.bin").write_bytes(CONTENT)
    cache = open_cache(bundle)
    cache.put(checksum(CONTENT), tmp_path / "net.bin")
    assert bundle.read_bytes() == before
    assert not cache.take(checksum(CONTENT), tmp_path / "out")


def test_only_what_is_asked_for_is_packed_and_each_once(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    keys = put(cache, tmp_path, b"one", b"two", b"three")
    pack_bundle(cache, [keys[0], keys[1], keys[0]], tmp_path / "bundle")
    with tarfile.open(tmp_path / "bundle", "r:") as archive:
        names = archive.getnames()
    assert sorted(names) == sorted(f"1/{key.value[:2]}/{key.value[2:]}" for key in keys[:2])


def test_the_same_files_give_the_same_bundle(tmp_path):
    contents = [b"one", b"two", CONTENT]
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    a, b = bundle_of(first, *contents), bundle_of(second, *reversed(contents))
    assert a.read_bytes() == b.read_bytes()


def test_a_bundle_that_lacks_a_file_is_not_made(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    keys = put(cache, tmp_path, b"one")
    (tmp_path / "bundle").write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        pack_bundle(cache, [*keys, checksum(CONTENT)], tmp_path / "bundle")
    assert (tmp_path / "bundle").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "cache", "source"]


def test_a_damaged_file_in_a_bundle_is_not_taken(tmp_path):
    bundle = bundle_of(tmp_path, CONTENT, b"small")
    content = bundle.read_bytes()
    bundle.write_bytes(content.replace(CONTENT[:2000], CONTENT[:1999] + b"\1"))
    cache = open_cache(bundle)
    assert not cache.take(checksum(CONTENT), tmp_path / "out" / "net.bin")
    assert not list((tmp_path / "out").iterdir())
    assert cache.take(checksum(b"small"), tmp_path / "out" / "small.bin")


def tar_of(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"no bundle", bytes(range(256)) * 9, tar_of("1/ab/cd", b"compressed")])
def test_a_file_that_is_no_bundle_is_one_line(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DownloadError, match="is neither a folder nor a bundle of omz_downloader: ") as caught:
        open_cache(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).isprintable()


def test_a_bundle_that_was_cut_is_one_line(tmp_path):
    bundle = bundle_of(tmp_path, CONTENT)
    content = bundle.read_bytes()
    bundle.write_bytes(content[: len(content) // 3])
    with pytest.raises(DownloadError, match="is neither a folder nor a bundle of omz_downloader: "):
        open_cache(bundle)


def test_a_path_that_is_no_file_is_a_folder(tmp_path):
    for path in (tmp_path, tmp_path / "not there yet"):
        cache = open_cache(path)
        assert isinstance(cache, FolderCache)
        assert cache.folder == path
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes in folders")
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_an_entry_that_is_no_file_is_not_waited_for(tmp_path, make):
    cache = FolderCache(tmp_path / "cache")
    entry = cache.path(checksum(CONTENT))
    entry.parent.mkdir(parents=True)
    make(entry)
    assert not cache.take(checksum(CONTENT), tmp_path / "net.bin")
    assert not (tmp_path / "net.bin").exists()


def test_an_entry_is_not_read_beyond_the_size_of_the_file(tmp_path):
    cache = FolderCache(tmp_path / "cache")
    entry = cache.path(checksum(CONTENT))
    entry.parent.mkdir(parents=True)
    with entry.open("wb") as file:
        file.truncate(1 << 40)  # sparse
    assert not cache.take(checksum(CONTENT), tmp_path / "net.bin", len(CONTENT))


def test_a_header_of_a_bundle_that_claims_gigabytes_is_refused(tmp_path):
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 8 << 30
    bundle = tmp_path / "bundle.tar"
    with bundle.open("wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(9 << 30)  # sparse
    tracemalloc.start()
    with pytest.raises(DownloadError, match="a header in it is too large"):
        open_cache(bundle)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def test_a_device_is_no_cache():
    with pytest.raises(DownloadError, match="neither a folder nor a bundle"):
        open_cache(Path(os.devnull))
