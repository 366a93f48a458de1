"""Charts of a training: the loss of its steps, and the figures of its validations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from omz.atomic import whole_file
from omz.training.validation import FIGURES

Entries: TypeAlias = Sequence[Mapping[str, Any]]

_SMOOTHED = 50  # steps


def write_chart(
    path: Path,
    steps: Entries,
    validations: Entries,
    stencil: Mapping[str, float],
) -> None:
    """Write a PNG with the loss by step, and each figure by step, dashed that of the ``stencil``."""
    figure = Figure(figsize=(14, 8), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(2, 4).ravel()
    losses = np.array([entry["loss"] for entry in steps])
    window = min(_SMOOTHED, len(losses))
    smooth = np.convolve(losses, np.ones(window) / window, "valid")
    axes[0].semilogy([entry["step"] for entry in steps][window - 1 :], smooth)
    axes[0].set_title(f"loss, mean of {window} steps")
    for axis, name in zip(axes[1:], FIGURES, strict=False):
        known = [entry for entry in validations if name in entry]
        axis.plot([entry["step"] for entry in known], [entry[name] for entry in known], marker=".")
        if name in stencil:
            axis.axhline(stencil[name], linestyle="--", color="grey")
        axis.set_ylim(bottom=0)
        axis.set_title(name)
    for axis in axes[1 + len(FIGURES) :]:
        axis.set_visible(False)
    with whole_file(path) as temporary:
        canvas.print_png(temporary)  # type: ignore[no-untyped-call]
