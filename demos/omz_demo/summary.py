"""What a run did, for people in a line and for programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omz.images.arrays import Size


@dataclass(frozen=True)
class Summary:
    """What a run did.

    ``device`` and ``precision`` are those that really ran, ``sizes`` (height, width) those of the pictures, ``frames``
    all that were cut, in ``seconds`` from the first to the last. ``stages`` has milliseconds a frame; stages work side
    by side. ``done``, ``failed`` and ``skipped`` count inputs, ``dropped`` frames that a camera gave too soon.
    """

    model: str
    device: str
    precision: str
    requests: int
    load_ms: float
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: tuple[Size, ...]
    frames: int
    seconds: float
    stages: Mapping[str, float]
    done: int
    failed: int
    skipped: int
    dropped: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def rate(self) -> float:
        """Frames a second."""
        return self.frames / self.seconds if self.seconds else 0.0

    def line(self) -> str:
        """Return it in one line."""
        sizes = [f"{width}x{height}" for height, width in self.sizes]
        shown = ", ".join(sizes[:3]) + (", …" if len(sizes) > 3 else "")
        what = self.inputs[0] if len(self.inputs) == 1 else f"{len(self.inputs)} inputs"
        where = self.outputs[0] if len(self.outputs) == 1 else f"{len(self.outputs)} files"
        counts = [(self.failed, "failed"), (self.skipped, "there already"), (self.dropped, "frames dropped")]
        ended = "".join(f", {count} {word}" for count, word in counts if count)
        frames = f"{self.frames} frame{'' if self.frames == 1 else 's'}"
        stages = ", ".join(f"{stage} {milliseconds:.0f} ms" for stage, milliseconds in self.stages.items())
        return (
            f"{what}{f' {shown}' if shown else ''} -> {where}: {self.device}, {self.precision}, {frames} in "
            f"{self.seconds:.2f} s ({self.rate:.1f} a second){ended}; load model {self.load_ms:.0f} ms"
            f"{f'; a frame: {stages}' if stages else ''}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data; sizes are written width x height."""
        sizes = [f"{width}x{height}" for height, width in self.sizes]
        return {**asdict(self), "sizes": sizes, "frames_a_second": self.rate}
