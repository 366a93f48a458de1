"""A candidate: all that an isolated process needs to measure a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omz.benchmark.results import OPENVINO, Case

if TYPE_CHECKING:
    from omz.zoo.card import ModelCard
    from omz.zoo.vocabulary import Graph

ONNX_RUNTIME, PYTORCH, REMBG = "ONNX Runtime", "PyTorch", "rembg"


@dataclass(frozen=True)
class Candidate:
    """A case, and where its model is.

    ``path`` is what is loaded; ``files`` are all that the model takes on the disk. ``card`` and ``downloads`` are those
    of an original, None where a file has no card. ``threads`` bounds those of the engine, None for its own choice.
    ``notes`` are for the row. ``has_graphs`` says that the model was rewritten, and has two graphs; ``graph`` is the
    one of them that runs.
    """

    case: Case
    path: Path
    files: tuple[Path, ...] = ()
    card: ModelCard | None = field(default=None, repr=False)
    downloads: Path | None = None
    threads: int | None = None
    trust_code: bool = False
    notes: tuple[str, ...] = ()
    has_graphs: bool = False
    graph: Graph | None = None

    @property
    def is_converted(self) -> bool:
        """Whether OpenVINO runs it."""
        return self.case.engine == OPENVINO

    @property
    def execution(self) -> str:
        """The precision in which OpenVINO runs it: ``auto`` unless the case names one."""
        return self.case.precision.partition("@")[2] or "auto"

    @property
    def disk(self) -> int:
        """The bytes of its files."""
        return sum(path.stat().st_size for path in self.files)


def parts(path: Path) -> tuple[Path, ...]:
    """Return a model's file, with the weights that lie beside it."""
    found = [path]
    if path.suffix == ".xml":
        found.append(path.with_suffix(".bin"))
    elif path.suffix == ".onnx":
        from omz.convert.onnx_file import side_files

        found += side_files(path)
    return tuple(each for each in found if each.is_file())
