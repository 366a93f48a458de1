"""Training by a recipe; a run that was killed resumes and ends in the same weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from omz.atomic import sweep, whole_file
from omz.errors import EngineError, ModelFileError, os_reason
from omz.networks.plate_matting import PlateMatting, Separable
from omz.networks.weights import load_weights, save_half
from omz.training.averaging import average_of, follow, norms_of, settle
from omz.training.batches import Batch, SceneMaker, batches, settling_batches
from omz.training.journal import Journal
from omz.training.losses import loss_terms
from omz.training.recipe import Recipe, Stage
from omz.training.watch import Watch

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "weights.safetensors"
_FLOOR = 0.02
_WARM_UP_STEPS = 200
_LARGEST_GRADIENT = 1.0


@dataclass(frozen=True)
class Progress:
    """The result of one step: ``step`` counts from 1 over all stages, ``terms`` are the parts of ``loss``.

    ``seconds`` are those of the step, ``waited`` those until its scenes were there.
    """

    step: int
    stage: str
    loss: float
    terms: dict[str, float]
    seconds: float
    waited: float


@dataclass(frozen=True)
class Machine:
    """Where a training runs: the PyTorch ``device``, and how many processes make scenes (0: the training itself)."""

    device: str = "cpu"
    workers: int = 1


CPU = Machine()


def train(
    recipe: Recipe,
    folder: Path,
    make: SceneMaker,
    machine: Machine = CPU,
    checkpoint_every: int = 200,
    on_step: Callable[[Progress], None] = lambda progress: None,
) -> Path:
    """Train by ``recipe`` in ``folder``, on the scenes that ``make`` makes; return the path of the weights.

    These are the average over steps, in half precision. The folder also keeps the checkpoint, from which the same call
    continues after a kill, and the journal. On one machine with one number of threads, a resumed run ends in the
    weights of an unbroken one. Raises :class:`ModelFileError` if the folder holds the checkpoint of another recipe or
    other scenes, or the recipe starts with weights that do not fit, and :class:`omz.training.watch.Stopped` by a stop
    rule; the same call goes on regardless.
    """
    target = _device(machine.device)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFileError(f"{folder} cannot be created: {os_reason(error)}; choose another folder") from error
    run = _Run(recipe, folder, make, target)
    done = run.resume()
    if done < recipe.steps:
        run.steps(done, machine.workers, checkpoint_every, on_step)
    save_half(run.average, folder / WEIGHTS)
    return folder / WEIGHTS


def learning_rate(stage: Stage, step: int) -> float:
    """Return the rate at ``step`` (from 0) of a stage: a short climb to the peak, then a cosine down."""
    climb = min(1.0, (step + 1) / min(_WARM_UP_STEPS, stage.steps))
    fall = 0.5 * (1 + math.cos(math.pi * step / stage.steps))
    return stage.rate * climb * (_FLOOR + (1 - _FLOOR) * fall)


def begin_with(network: PlateMatting, path: Path) -> None:
    """Load weights of such a network, or of one with fewer blocks, whose result it then has: the others are bypasses.

    Raises :class:`ModelFileError` if the weights do not fit.
    """
    blocks = {
        name: module for name, module in network.named_modules() if isinstance(module, Separable) and module.keeps_shape
    }
    for block in blocks.values():
        nn.init.zeros_(block.norm.weight)
    dispensable = [f"{name}.{each}" for name, block in blocks.items() for each in block.state_dict()]
    load_weights(network, path, dispensable=dispensable)


@dataclass
class _Run:
    recipe: Recipe
    folder: Path
    make: SceneMaker
    device: torch.device
    network: PlateMatting = field(init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(self.recipe.seed)
        network = PlateMatting(**self.recipe.network)
        if self.recipe.start is not None:
            begin_with(network, self.recipe.start)
        self.network = network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = average_of(self.network)
        self.optimiser = torch.optim.Adam(self.network.parameters())
        self.journal = Journal(self.folder)
        self.scenes = self.make.identity
        self.settling: tuple[str, list[Batch]] = ("", [])

    def steps(self, done: int, workers: int, checkpoint_every: int, on_step: Callable[[Progress], None]) -> None:
        """Make the steps from ``done`` on."""
        watch = Watch(self.recipe, self.folder, self.make, self.device, self.journal)
        started = time.perf_counter()
        for step, batch in enumerate(batches(self.recipe, done, self.make, workers), start=done):
            waited = time.perf_counter() - started
            progress = self.step(step, batch, waited)
            self.journal.note_step(asdict(progress))
            is_last = progress.step == self.recipe.steps
            is_validated = progress.step % self.recipe.validation.every == 0 or is_last
            if is_validated:
                self.settle_average(step)
            if is_validated or progress.step % checkpoint_every == 0:
                self.save(progress.step)
            on_step(progress)
            if is_validated:
                watch.look(self.average, progress.step)
            started = time.perf_counter()

    def step(self, step: int, batch: Batch, waited: float) -> Progress:
        """Make the step (from 0) on its batch."""
        started = time.perf_counter()
        stage, step_in_stage = self.recipe.stage_at(step)
        if step_in_stage == 0 and stage.settled:
            settle(self.network, self.settling_scenes(step), self.device)
        self.network.train()
        if stage.settled:
            for norm in norms_of(self.network):
                norm.eval()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(stage, step_in_stage)
        in_bfloat16 = stage.mixed_precision and _has_bfloat16(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=in_bfloat16):
            alpha = self.network.raw(*batch.inputs(self.device))
        terms = loss_terms(alpha.float(), batch.truth(self.device), self.recipe.weights)
        loss = torch.stack(list(terms.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.optimiser.step()
        follow(self.average, self.network, self.recipe.average, step)
        values = {name: float(term.detach()) for name, term in terms.items()}
        return Progress(step + 1, stage.name, sum(values.values()), values, time.perf_counter() - started, waited)

    def settle_average(self, step: int) -> None:
        """Give the average the statistics of its own sums; in a settled stage it has those that the stage keeps."""
        if not self.recipe.stage_at(step)[0].settled:
            settle(self.average, self.settling_scenes(step), self.device)

    def settling_scenes(self, step: int) -> list[Batch]:
        """Return the scenes for statistics, made once a stage."""
        name = self.recipe.stage_at(step)[0].name
        if self.settling[0] != name:
            self.settling = name, settling_batches(self.recipe, step, self.make)
        return self.settling[1]

    def save(self, step: int) -> None:
        """Write the checkpoint after ``step`` steps."""
        self.journal.flush()
        state = {
            "recipe": self.recipe.fingerprint(step, self.scenes),
            "step": step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        with whole_file(self.folder / CHECKPOINT) as temporary:
            torch.save(state, temporary)

    def resume(self) -> int:
        """Load the checkpoint where there is one; return the number of steps done."""
        path = self.folder / CHECKPOINT
        sweep(path)
        step = 0
        if path.exists():
            step = self._load(path)
        self.journal.forget_after(step)
        return step

    def _load(self, path: Path) -> int:
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            step = int(state["step"])
            if state["recipe"] != self.recipe.fingerprint(step, self.scenes):
                what = "another recipe, or to other scenes"
                raise ModelFileError(f"{path} belongs to {what}; train in another folder, or remove it")
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
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


def _has_bfloat16(device: torch.device) -> bool:
    """Return whether the device computes in bfloat16; a processor that emulates it takes seven times as long."""
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
