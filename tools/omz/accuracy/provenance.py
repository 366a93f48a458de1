"""Origin of an evaluation: all that somebody else needs to make it again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from omz.accuracy.comparison import FrameResult
from omz.accuracy.datasets.sample import Entry
from omz.checksum import file_digest
from omz.convert.manifest import read_manifest
from omz.processor import usable_cpus, vector_extensions

PACKAGES = (
    "open-matting-zoo", "openvino", "onnx", "onnxruntime", "torch", "mindspore", "nncf", "numpy", "opencv-python",
    "pillow",
)  # fmt: skip
"""Packages that figures depend on."""


@dataclass(frozen=True)
class ModelFile:
    """A file of a model: ``path`` as it was given, ``sha256`` in hexadecimal."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """All that figures depend on.

    ``command`` is the command line; ``settings`` are flags by name, ``models`` files by a model's label; ``dataset``
    has its title, the number of its frames and ``sha256``, a digest of the contents of all frames in order;
    ``versions`` are those of packages by name, Python's too; ``machine`` tells processor, features, cores and system;
    ``origins`` tell by what, on which images and when IRs in 8 bits were made, by a model's label.
    """

    command: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, Sequence[ModelFile]] = field(default_factory=dict)
    dataset: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)


def model_files(paths: Iterable[Path]) -> tuple[ModelFile, ...]:
    """Describe the files of a model."""
    return tuple(ModelFile(str(path), file_digest(path, "sha256")) for path in paths)


def origin_in_words(paths: Iterable[Path]) -> str:
    """Say by what, on which images and when an IR in 8 bits was made, as its manifest tells; empty for other files."""
    for path in paths:
        try:
            manifest = read_manifest(path)
        except (OSError, ValueError):
            continue
        facts = manifest.arguments.get("quantisation", {})
        if facts:
            told = [f"by {facts['quantised_by']} on {facts['quantised_on']}"]
            if manifest.kept_in_float:
                told.append(f"{len(manifest.kept_in_float)} layers in float")
            if "made" in manifest.quantisation:
                told.append(f"made {manifest.quantisation['made']}")
            return ", ".join(told)
    return ""


def package_versions() -> dict[str, str]:
    """Return the versions of the installed packages that figures depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str]:
    """Describe the machine: its processor as OpenVINO sees it, its instructions, cores and system."""
    from omz.runtime.quiet_openvino import core

    return {
        "processor": str(core().get_property("CPU", "FULL_DEVICE_NAME")).strip(),
        "OpenVINO uses": ", ".join(core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
        "features": vector_extensions(),
        "cores": str(len(usable_cpus())),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
    }


def depends_on_files(entries: Iterable[Entry]) -> str:
    """Return what changes with the files of frames, without reading them: paths, sizes, and when they were written.

    A file that is not there has a size of its own; reading it tells.
    """
    stamps = [[entry.name, list(map(_stamp, entry.files.values()))] for entry in entries]
    return json.dumps(stamps)


def _stamp(path: Path) -> list[object]:
    try:
        stat = path.stat()
    except OSError:
        return [str(path), -1, 0]
    return [str(path), stat.st_size, stat.st_mtime_ns]


def dataset_digest(results: Iterable[FrameResult]) -> str:
    """Return a digest of all frames, in order; it changes with any pixel of any of them, and with their names."""
    digest = hashlib.sha256()
    for result in results:
        # Names of files need not be text.
        digest.update(f"{result.name}\0{result.sha256}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()
