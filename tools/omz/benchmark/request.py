"""The request for a benchmark: models, and all that they are to be run with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from omz.accuracy.labels import PRECISIONS, WEIGHTS
from omz.benchmark.results import LATENCY, THROUGHPUT
from omz.errors import UsageError
from omz.events import Event
from omz.images.sizes import parse_size

STREAMS = (LATENCY, THROUGHPUT)
COMPARED = ("onnxruntime", "pytorch", "rembg")
"""What runs originals beside the IRs."""
SYNTHETIC = "synthetic"
"""Value of ``--dataset`` for the zoo's own scenes."""
_CHANGES_NO_FIGURE = ("command",)
_MOST_SECONDS = 3600.0


class BenchmarkObserver:
    """Listener to a benchmark; subclasses override what they show."""

    def on_event(self, event: Event) -> None:
        """Take a step of a conversion that is needed first."""

    def on_warning(self, line: str) -> None:
        """Take a line about what the figures may suffer from."""

    def on_progress(self, step: str, share: float) -> None:
        """Take what is done now, and the share that is done already, 0 to 1."""


@dataclass(frozen=True)
class BenchmarkRequest:
    """Options of a benchmark: the flags of ``omz_benchmark``, see its ``--help``; ``command`` is its command line.

    ``names`` are models of the zoo, ``models`` are files. ``time`` is None for a time that fits the number of
    candidates.
    """

    names: tuple[str, ...] = ()
    models: tuple[Path, ...] = ()
    models_dir: tuple[Path, ...] = ()
    download_dir: Path | None = None
    model_dir: Path | None = None
    precisions: tuple[str, ...] = ("FP32", "FP16")
    devices: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ("1280x720",)
    streams: tuple[str, ...] = (LATENCY,)
    compare: tuple[str, ...] = ()
    num_threads: int | None = None
    time: float | None = None
    dataset: str | None = None
    layout: str | None = None
    num_frames: int | None = None
    convention: str | None = None
    trust_code: bool = False
    command: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise :class:`UsageError` for values that mean nothing, and for flags that need another one."""
        if not self.names and not self.models:
            raise UsageError("nothing to measure; give --name, --list, --all or -m FILE")
        for label in self.precisions:
            _check_label(label)
        for size in self.sizes:
            parse_size(size)
        for streams in self.streams:
            if streams not in STREAMS and not (streams.isascii() and streams.isdigit() and int(streams)):
                raise UsageError(f"--streams {streams}: give latency, throughput, or a number of streams")
        _check_choices("--compare", self.compare, COMPARED)
        for flag, values in (("--precisions", self.precisions), ("--sizes", self.sizes), ("--streams", self.streams)):
            if not values:
                raise UsageError(f"{flag}: name at least one")
            _check_once(flag, values)
        _check_once("-d", self.devices)
        _check_once("-m", [str(path.absolute()) for path in self.models])
        _check_once("--compare", self.compare)
        if self.time is not None and not 0 < self.time <= _MOST_SECONDS:
            raise UsageError(f"--time {self.time:g}: give seconds, more than 0 and at most {_MOST_SECONDS:g}")
        for path in self.models:
            if path.suffix not in (".xml", ".onnx"):
                raise UsageError(f"-m {path}: give an IR (.xml) or an ONNX file (.onnx)")
        if not self.dataset and (self.num_frames or self.layout or self.convention):
            raise UsageError("--num_frames, --layout and --convention are for errors; give --dataset, too")

    def settings(self) -> dict[str, str]:
        """Return the options as text by name, without those that change nothing."""
        texts = {}
        for name, value in vars(self).items():
            if name in _CHANGES_NO_FIGURE or value in (None, (), False):
                continue
            text = str(value)
            if isinstance(value, tuple):
                text = ", ".join(map(str, value))
            texts[name] = text
        return texts


def _check_label(label: str) -> None:
    weights, mark, execution = label.partition("@")
    if weights not in WEIGHTS or (mark and execution not in PRECISIONS):
        raise UsageError(
            f"--precisions {label}: there are {', '.join(WEIGHTS)}; one of @{', @'.join(PRECISIONS)} may be added, for "
            "the precision of execution"
        )


def _check_once(flag: str, given: Sequence[str]) -> None:
    for each in given:
        if given.count(each) > 1:
            raise UsageError(f"{flag} {each} is there twice; name it once")


def _check_choices(flag: str, given: Sequence[str], known: Sequence[str]) -> None:
    for each in given:
        if each not in known:
            raise UsageError(f"{flag} {each}: there are {', '.join(known)}")
