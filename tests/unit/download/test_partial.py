"""Partial files: their names, and links that somebody planted at their places."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from omz.download.partial import Partial, forget_partials
from omz.zoo.model_file import Checksum

CONTENT = b"weights"


def new_partial(target: Path) -> Partial:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return Partial(target, Checksum.model_validate({"$type": "sha256", "value": digest}))


def transfer(partial: Partial) -> None:
    with partial.writing(partial.size, "https://example.com/x", '"a"') as writer:
        writer.write(CONTENT[partial.size :])
    assert partial.is_right()
    partial.move_into_place()


def test_a_planted_link_is_not_written_through(tmp_path):
    target, victim = tmp_path / "model.onnx", tmp_path / "victim"
    victim.write_bytes(b"kept")
    for path in (new_partial(target).path, Path(f"{new_partial(target).path}.json")):
        path.symlink_to(victim)
    transfer(new_partial(target))
    assert (target.read_bytes(), victim.read_bytes()) == (CONTENT, b"kept")
    assert not target.is_symlink()


def test_a_link_that_is_planted_later_is_refused(tmp_path):
    target, victim = tmp_path / "model.onnx", tmp_path / "victim"
    victim.write_bytes(b"")
    partial = new_partial(target)
    with partial.writing(0, "https://example.com/x", None) as writer:
        writer.write(CONTENT[:3])
    partial.path.unlink()
    partial.path.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"), partial.writing(3, "https://example.com/x", None):
        pass
    assert victim.read_bytes() == b""


@pytest.mark.parametrize("name", ["n" * 250 + ".onnx", "é" * 125 + ".bin"])
def test_names_as_long_as_they_can_be(tmp_path, name):
    target = tmp_path / name
    partial = new_partial(target)
    with partial.writing(0, "https://example.com/x", '"a"') as writer:
        writer.write(CONTENT[:3])
    again = new_partial(target)
    assert (again.size, again.validator("https://example.com/x")) == (3, '"a"')
    (tmp_path / "other").touch()
    forget_partials(target)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
    transfer(new_partial(target))
    assert {path.name for path in tmp_path.iterdir()} == {name, "other"}
