"""What was asked of ``omz_accuracy``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from omz.accuracy.conventions import Levels, RegionName
from omz.cli.accuracy_labels import INT8
from omz.errors import UsageError

_MEANS_NOTHING = ("report", "resume", "jobs", "update_references", "locate", "thresholds")  # of these no figure depends
_APART = (
    ("config", ("convention", "region", "levels")),
    ("source", ("dataset", "layout", "backgrounds", "seed")),
    ("dataset", ("size",)),
)
_TOGETHER = (
    ("resume", "report"), ("update_references", "config"), ("definitions", "config"), ("source", "config"),
    ("layout", "dataset"), ("backgrounds", "dataset"), ("seed", "dataset"),
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line; see the flags of the same names."""

    name: str | None
    models_dir: tuple[Path, ...]
    download_dir: Path
    model_dir: Path | None
    models: str | None
    input_dir: tuple[Path, ...]
    dataset: Path | None
    layout: str | None
    backgrounds: Path | None
    seed: int | None
    allow_missing: bool
    num_frames: int | None
    size: str | None
    convention: str | None
    region: RegionName | None
    levels: Levels | None
    thresholds: tuple[str, ...]
    device: str
    precision: str
    calibration: Path | None
    trust_code: bool
    config: Path | None
    source: Path | None
    definitions: Path | None
    update_references: str | None
    locate: bool
    report: Path | None
    resume: bool
    jobs: int

    def settings(self) -> dict[str, str]:
        """Return what figures depend on, as text by name; nothing that was left open."""
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _MEANS_NOTHING}
        texts = {
            name: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in given.items()
            if value is not None
        }
        return {name: text for name, text in texts.items() if text}


def check_flags(request: Request) -> None:
    """Raise :class:`UsageError` for flags that would be ignored beside others, or need one that is not there."""
    given = {name for name, value in vars(request).items() if value not in (None, (), False)}
    for flag, others in _APART:
        if flag in given and (beside := sorted(given & {*others})):
            raise UsageError(f"--{flag} says what --{beside[0]} would; leave one of them out")
    for flag, needed in _TOGETHER:
        if flag in given and needed not in given:
            raise UsageError(f"--{flag} needs --{needed}, too")
    if request.calibration and INT8 not in (request.models or ""):
        raise UsageError(f"--calibration is for {INT8}; name it in --models")
