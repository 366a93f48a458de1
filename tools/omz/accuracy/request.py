"""The request for an evaluation: a model, its variants, frames to score and rules to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omz.accuracy.conventions import RegionName, Rounding
from omz.download.first_use import writable_folder_of
from omz.errors import UsageError
from omz.events import Event
from omz.matting.roles import RoleOptions
from omz.zoo.card import ModelCard
from omz.zoo.vocabulary import QUANTISED, Activation

_CHANGES_NO_FIGURE = (
    "report", "resume", "jobs", "cluster", "timeout", "update_references", "locate", "thresholds", "command", "offline",
    "accept_license",
)  # fmt: skip
_APART = (
    ("config", ("convention", "region", "levels")),
    ("source", ("dataset", "layout", "backgrounds", "seed")),
    ("dataset", ("size",)),
)
_TOGETHER = (
    ("resume", "report"), ("update_references", "config"), ("definitions", "config"), ("source", "config"),
    ("layout", "dataset"), ("backgrounds", "dataset"), ("seed", "dataset"),
    ("timeout", "cluster"),
)  # fmt: skip


class EvaluationObserver:
    """Listener to an evaluation; subclasses override what they show."""

    def on_event(self, event: Event) -> None:
        """Take a step of a conversion that the evaluation needs."""

    def on_progress(self, done: int, total: int) -> None:
        """Take the number of finished frames, and that of all."""

    def on_warning(self, line: str) -> None:
        """Take what there is to say of a machine of the cluster."""


@dataclass(frozen=True)
class EvaluationRequest:
    """Options of an evaluation: the flags of ``omz_accuracy``, see its ``--help``; ``command`` is its command line."""

    name: str | None = None
    models_dir: tuple[Path, ...] = ()
    download_dir: Path | None = None
    offline: bool = False
    accept_license: tuple[str, ...] = ()
    model_dir: Path | None = None
    models: str | None = None
    input_dir: tuple[Path, ...] = ()
    dataset: Path | None = None
    layout: str | None = None
    backgrounds: Path | None = None
    seed: int | None = None
    allow_missing: bool = False
    num_frames: int | None = None
    size: str | None = None
    convention: str | None = None
    region: RegionName | None = None
    levels: Rounding | None = None
    thresholds: tuple[str, ...] = ()
    device: str = "CPU"
    precision: str = "f32"
    picture: str | None = None
    plate_input: str | None = None
    alpha: str | None = None
    foreground: str | None = None
    state: tuple[str, ...] = ()
    activation: Activation | None = None
    alpha_range: tuple[float, float] | None = None
    calibration: Path | None = None
    trust_code: bool = False
    config: Path | None = None
    source: Path | None = None
    definitions: Path | None = None
    update_references: str | None = None
    locate: bool = False
    report: Path | None = None
    resume: bool = False
    jobs: int = 1
    cluster: str | None = None
    timeout: float | None = None
    command: tuple[str, ...] = ()

    @property
    def roles(self) -> RoleOptions:
        """The roles of inputs and outputs that were said."""
        return RoleOptions.of(self)

    def settings(self) -> dict[str, str]:
        """Return the given options that figures depend on, as text by name."""
        texts = {}
        for name, value in vars(self).items():
            if name in _CHANGES_NO_FIGURE or value is None:
                continue
            text = str(value)
            if isinstance(value, tuple):
                text = ", ".join(map(str, value))
            if text:
                texts[name] = text
        return texts

    def downloads(self, card: ModelCard) -> Path:
        """Return the folder below which the files of the model are, or are to be."""
        return writable_folder_of(card, self.download_dir)

    def check(self) -> None:
        """Raise :class:`UsageError` for options that exclude each other, or need another one."""
        given = {name for name, value in vars(self).items() if value not in (None, (), False)}
        for flag, others in _APART:
            beside = sorted(given & {*others})
            if flag in given and beside:
                raise UsageError(f"--{flag} says what --{beside[0]} would; leave one of them out")
        for flag, needed in _TOGETHER:
            if flag in given and needed not in given:
                raise UsageError(f"--{flag} needs --{needed}, too")
        if self.calibration and not any(each in (self.models or "") for each in QUANTISED):
            raise UsageError(f"--calibration is for {' and '.join(QUANTISED)}; name one in --models")
