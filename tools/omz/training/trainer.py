"""Training by a recipe, on synthetic scenes; a run that was killed resumes and ends in the same weights."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from omz.atomic import whole_file
from omz.errors import EngineError, ModelFileError, os_reason
from omz.networks.background_matting import BackgroundMatting
from omz.networks.weights import save_half
from omz.synthesis.scene import make_scene
from omz.training.losses import Truth, base_terms, refine_terms
from omz.training.recipe import Recipe, Stage

CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"
WEIGHTS = "weights.safetensors"
_FLOOR = 0.02
_WARM_UP_STEPS = 50


@dataclass(frozen=True)
class Progress:
    """The result of one step: ``step`` counts from 1 over all stages, ``terms`` are the parts of ``loss``."""

    step: int
    stage: str
    loss: float
    terms: dict[str, float]
    seconds: float


def train(
    recipe: Recipe,
    folder: Path,
    device: str = "cpu",
    workers: int = 1,
    checkpoint_every: int = 200,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Train by ``recipe`` in ``folder`` and return the path of the weights, half precision.

    The folder also keeps the checkpoint, from which the same call continues after a kill, and a log of every step, one
    JSON object a line. On one machine with one number of threads, a resumed run ends in the weights of an unbroken one.
    Raises :class:`ModelFileError` if the folder holds another recipe's checkpoint.
    """
    target = _device(device)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFileError(f"{folder} cannot be created: {os_reason(error)}; choose another folder") from error
    torch.manual_seed(recipe.seed)
    network = BackgroundMatting(recipe.width, recipe.backbone_scale, refine_mode="full")
    start_from_differences(network)
    network.to(target, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(
        [{"params": part.parameters(), "name": name} for name, part in network.named_children()]
    )
    done = _resume(recipe, folder / CHECKPOINT, network, optimiser)
    _forget_steps_after(done, folder / LOG)
    network.train()
    with (folder / LOG).open("a", encoding="utf-8") as log:
        for step, batch in enumerate(batches(recipe, done, workers), start=done):
            progress = _step(recipe, step, network, optimiser, batch.to(target))
            log.write(json.dumps(progress.__dict__) + "\n")
            on_step(progress)
            if progress.step % checkpoint_every == 0 or progress.step == recipe.steps:
                log.flush()
                _save(recipe, progress.step, folder / CHECKPOINT, network, optimiser)
    save_half(network, folder / WEIGHTS)
    return folder / WEIGHTS


def learning_rate(stage: Stage, peak: float, step: int) -> float:
    """Return the rate at ``step`` (from 0) of a stage: a short climb to the peak, then a cosine down."""
    climb = min(1.0, (step + 1) / min(_WARM_UP_STEPS, stage.steps))
    fall = 0.5 * (1 + math.cos(math.pi * step / stage.steps))
    return peak * climb * (_FLOOR + (1 - _FLOOR) * fall)


def _step(
    recipe: Recipe, step: int, network: BackgroundMatting, optimiser: torch.optim.Optimizer, batch: Batch
) -> Progress:
    started = time.perf_counter()
    stage, step_in_stage = recipe.stage_at(step)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(stage, stage.learning_rates.get(group["name"], 0.0), step_in_stage)
    torch.manual_seed(hash((recipe.seed, step)))  # dropout: a resumed run draws the same as an unbroken one
    terms = _terms(stage, network, batch)
    loss = torch.stack(list(terms.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    values = {name: float(term.detach()) for name, term in terms.items()}
    return Progress(step + 1, stage.name, sum(values.values()), values, time.perf_counter() - started)


def _terms(stage: Stage, network: BackgroundMatting, batch: Batch) -> dict[str, Tensor]:
    with torch.autocast(batch.picture.device.type, torch.bfloat16, enabled=stage.mixed_precision):
        if stage.kind == "base":
            coarse = network.base(torch.cat([batch.picture, batch.plate], 1))
        else:
            output = network(batch.picture, batch.plate)
    if stage.kind == "base":
        return base_terms(type(coarse)(*map(Tensor.float, coarse)), batch.picture, batch.truth)
    return refine_terms(type(output)(*map(Tensor.float, output)), batch.truth)


def _save(recipe: Recipe, step: int, path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    state = {
        "recipe": recipe.fingerprint(step),
        "step": step,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    with whole_file(path) as temporary:
        torch.save(state, temporary)


def _resume(recipe: Recipe, path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Load the checkpoint where there is one; return the number of steps done."""
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        step = int(state["step"])
        if state["recipe"] != recipe.fingerprint(step):
            raise ModelFileError(f"{path} belongs to another recipe; train in another folder, or remove it")
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
    except ModelFileError:
        raise
    except Exception as error:  # the errors of the unpickler share no other base
        raise ModelFileError(f"{path} is not a checkpoint of a training; remove it to start again") from error
    return step


def _device(name: str) -> torch.device:
    """Return the device after trying it, for a device of any name can be made."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise EngineError(f"PyTorch has no device {name!r} here: {str(error).splitlines()[0]}") from error
    return device


def _forget_steps_after(step: int, log: Path) -> None:
    """Drop what a killed run logged after its last checkpoint, for those steps run again."""
    if not log.exists():
        return
    kept = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            logged = int(json.loads(line)["step"])
        except (ValueError, TypeError, KeyError):  # cut short by the kill
            break
        if logged > step:
            break
        kept.append(line + "\n")
    with whole_file(log) as temporary:
        temporary.write_text("".join(kept), encoding="utf-8")


def start_from_differences(network: BackgroundMatting) -> None:
    """Make half of the filters that see image and plate compute their difference, in pairs of opposite sign.

    Matting against a plate begins with seeing where the two differ. Random filters would first have to learn to cancel
    exactly what both images share; these begin there. Only weights are set; the network stays the same.
    """
    with torch.no_grad():
        for weight in (
            network.backbone.features[0][0].weight,  # type: ignore[index]
            network.refiner.conv1.weight,
            network.refiner.conv3.weight,
        ):
            _pair_differences(weight)


def _pair_differences(weight: Tensor) -> None:
    """Rewrite the first half of (out, in, h, w) filters, whose last six inputs are image and plate."""
    for first in range(0, weight.shape[0] // 2 - 1, 2):
        filters = weight[first : first + 2]
        filters[:, :-6] = 0
        filters[:, -3:] = -filters[:, -6:-3]
        filters[1] = -filters[0]


@dataclass(frozen=True)
class Batch:
    """Images and plates, (B, 3, H, W) RGB, 0 to 1, with their true mattes."""

    picture: Tensor
    plate: Tensor
    truth: Truth

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device, channels last, the layout in which convolutions are fastest."""
        move = partial(Tensor.to, device=device, memory_format=torch.channels_last)
        return Batch(move(self.picture), move(self.plate), Truth(move(self.truth.pha), move(self.truth.fgr)))


class _Steps(Dataset[Batch]):
    """Item i is the batch of step ``first + i``; it depends on the recipe alone, so a resumed run sees the same."""

    def __init__(self, recipe: Recipe, first: int) -> None:
        self._recipe = recipe
        self._first = first

    def __len__(self) -> int:
        return self._recipe.steps - self._first

    def __getitem__(self, item: int) -> Batch:
        step = self._first + item
        stage, _ = self._recipe.stage_at(step)
        largest_batch = max(stage.batch for stage in self._recipe.stages)
        series = f"train-{self._recipe.seed}"
        scenes = [make_scene(step * largest_batch + i, (stage.size, stage.size), series) for i in range(stage.batch)]
        parts = map(attrgetter("picture", "plate", "alpha", "foreground"), scenes)
        pictures, plates, alphas, foregrounds = map(np.stack, zip(*parts, strict=True))
        truth = Truth(torch.from_numpy(alphas[:, None]), _tensor(foregrounds))
        return Batch(_tensor(pictures), _tensor(plates), truth)


def batches(recipe: Recipe, first_step: int, workers: int) -> Iterator[Batch]:
    """Yield the batch of each step from ``first_step`` on, made ahead by ``workers`` processes (0: in this one)."""
    yield from DataLoader(
        _Steps(recipe, first_step), batch_size=None, num_workers=workers, worker_init_fn=_one_thread_a_worker
    )


def _one_thread_a_worker(worker: int) -> None:
    cv2.setNumThreads(1)


def _tensor(pictures: np.ndarray) -> Tensor:
    rgb = pictures[..., ::-1]
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(0, 3, 1, 2), np.float32) / 255)
