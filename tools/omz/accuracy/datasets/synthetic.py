"""Synthetic scenes with exact truth, as a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from omz.accuracy.datasets.compositing import fingerprint
from omz.accuracy.datasets.sample import Entry, Sample
from omz.images.arrays import Size
from omz.synthesis.scene import make_scene


@dataclass(frozen=True)
class SyntheticScenes:
    """The first ``count`` scenes of a series, of ``size`` (height, width); they need no files."""

    count: int
    size: Size
    series: str = "test"

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.count} synthetic scenes of {self.size[1]}x{self.size[0]}"

    @property
    def entries(self) -> Sequence[Entry]:
        """All scenes; none belongs to a clip."""
        return [Entry(str(number), "", 0, {}) for number in range(self.count)]

    def read(self, entry: Entry) -> Sample:
        """Make a scene; none fails."""
        scene = make_scene(int(entry.name), self.size, self.series)
        alpha = scene.alpha.astype(np.float64)
        return Sample(entry, scene.picture, scene.plate, alpha, scene.foreground, sha256=fingerprint(scene.picture))
