"""The watch over a training: validations, with charts, samples and weights of each, and the rules that stop it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from omz.errors import OmzError
from omz.images.files import write_picture
from omz.networks.plate_matting import PlateMatting
from omz.networks.weights import save_half
from omz.training.batches import SceneMaker
from omz.training.charts import write_chart
from omz.training.journal import Journal
from omz.training.recipe import Recipe
from omz.training.validation import figures, held_out_scenes, predict, sheet, stencil

CHART, SAMPLES, VALIDATED = "chart.png", "samples", "validated"
_SHOWN = 6


class Stopped(OmzError):
    """A stop rule ended a training."""


class Watch:
    """Looks at the network on scenes that training never draws."""

    def __init__(self, recipe: Recipe, folder: Path, make: SceneMaker, device: torch.device, journal: Journal) -> None:
        self._recipe, self._folder, self._device, self._journal = recipe, folder, device, journal
        self._scenes = held_out_scenes(recipe, make)
        self._stencil = figures(self._scenes, stencil)

    def look(self, network: PlateMatting, step: int) -> None:
        """Validate ``network``, the state after ``step`` steps; raises :class:`Stopped` by the rules of the recipe.

        Writes its weights, a sheet of samples, an entry of the journal, and the chart.
        """
        found = figures(self._scenes, partial(predict, network, device=self._device))
        self._journal.note_validation({"step": step, **found})
        save_half(network, self._folder / VALIDATED / f"{step:06}.safetensors")
        shown = self._scenes[:_SHOWN]
        alphas = [predict(network, scene, self._device) for scene in shown]
        (self._folder / SAMPLES).mkdir(exist_ok=True)
        write_picture(self._folder / SAMPLES / f"{step:06}.jpg", sheet(shown, alphas))
        write_chart(self._folder / CHART, self._journal.steps(), self._journal.validations(), self._stencil)
        self._check(found, step)

    def _check(self, found: dict[str, float], step: int) -> None:
        for rule in self._recipe.stop_rules:
            past = [each for each in self._journal.validations() if rule.step <= each["step"] < step]
            if step < rule.step or past or rule.figure not in found:
                continue
            if found[rule.figure] > rule.most:
                value = f"{rule.figure} is {found[rule.figure]:.1f}, above {rule.most:g}"
                raise Stopped(f"stopped at step {step}: {value}; run it again to go on all the same")
