"""What all jobs of a run share: the model, the plates, the target, threads, a stopwatch, and what there is to say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from omz.checksum import file_digest
from omz.errors import UsageError
from omz.events import Report
from omz.images.arrays import Size
from omz.images.plate_check import NOT_THE_SCENE, check_plate, swapped
from omz.images.refinement import Smoother
from omz.matting import OpenedModel, open_model
from omz.runtime.eight_bits import in_eight_bits, with_float_alpha
from omz.runtime.level_matter import LevelMatter
from omz.runtime.quiet_openvino import ov
from omz_demo.cutter import Cutter, Finish
from omz_demo.frames import Cut
from omz_demo.request import Request
from omz_demo.stopwatch import Stopwatch
from omz_demo.targets import Blur, Target, load_target, target_file

Say = Callable[[str], None]


@dataclass
class Workshop:
    """What jobs work with. ``say`` is given each warning once.

    ``finished`` has how many pictures and frames would stay if somebody stopped the run, by these words; it is empty
    where nobody could go on after them.
    """

    request: Request
    opened: OpenedModel
    matter: LevelMatter
    target: Target | None
    finish: Finish
    pool: ThreadPoolExecutor
    facts: dict[str, str]
    say: Say
    watch: Stopwatch = field(default_factory=Stopwatch)
    said: dict[str, None] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)
    sizes: dict[Size, None] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Say a warning, if it has not been said."""
        if text not in self.said:
            self.said[text] = None
            self.say(text)

    def depends_on(self, video: bool) -> dict[str, str]:
        """Return all that the pixels of pictures, or of a ``video``, depend on but their own files, by name."""
        return {**self.facts, **self.request.options(video)}

    def cutter(self, follows: bool) -> Cutter:
        """Return what takes subjects out of frames; those of a video ``follows`` each other."""
        smoother = Smoother(self.finish.smooth) if follows and self.finish.smooth else None
        return Cutter(self.matter, self.finish, self.pool, self.watch, smoother)

    def look(self, cut: Cut) -> tuple[str, ...]:
        """Return what is to be said of a plate, now that the subject is known."""
        self.sizes[cut.alpha.shape[0], cut.alpha.shape[1]] = None
        if cut.frame.plate is None:
            return ()
        plate, target, picture = cut.frame.plate, cut.frame.target, cut.frame.picture
        with self.watch("check plate"):
            warnings = check_plate(plate, picture, cut.alpha)
            if NOT_THE_SCENE in warnings and target is not None and swapped(plate, target, picture):
                return ("the target looks like the empty scene, and the plate does not; change --target and --plate",)
            return warnings


@contextmanager
def open_workshop(request: Request, live: bool, say: Say, report: Report) -> Iterator[Workshop]:
    """Load what all jobs need. Raises :class:`omz.errors.OmzError`."""
    target = load_target(request.target, request.fit)
    blur = target.pixels if isinstance(target, Blur) else 0
    finish = request.finish(blur)
    path = request.model_choice.ir(report)
    deep = request.alpha_bits == "16"

    def adapt(model: ov.Model) -> ov.Model:
        is_free = all(port.get_partial_shape().is_dynamic for port in model.inputs)
        in_bytes = is_free and not request.input_size and not deep  # what is resized is rounded afterwards
        return (in_eight_bits if in_bytes else with_float_alpha)(_laid_out(model, request.layouts))

    opened = open_model(path, request.device, request.precision, request.tuning(live), adapt)
    stretch = opened.stretches if request.stretch is None else request.stretch
    matter = LevelMatter(opened.engine, stretch, request.input_size, request.num_requests or None, deep)
    if request.input_size and matter.matter.size != request.input_size:
        raise UsageError(
            f"the network sees pictures at {_text(matter.matter.size)} and no other size; drop --input_size"
        )
    check_plate_given(request.model, matter.matter.takes_plate, request.plate is not None or live)
    if request.trimap and not matter.matter.gives_trimap:
        raise UsageError(f"{request.model} gives no trimap; leave --trimap out")
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        facts = _facts(request, path, opened)
        shop = Workshop(request, opened, matter, None if isinstance(target, Blur) else target, finish, pool, facts, say)
        for warning in opened.warnings:
            shop.warn(warning)
        yield shop


def _laid_out(model: ov.Model, layouts: Mapping[str, str]) -> ov.Model:
    """Return a model whose inputs have these layouts, by their names; "" is all others. It changes the one given."""
    unknown = {*layouts} - {"", *(port.any_name for port in model.inputs)}
    if unknown:
        names = ", ".join(port.any_name for port in model.inputs)
        raise UsageError(f"--layout {min(unknown)}: the model's inputs are {names}")
    for parameter in model.get_parameters():
        layout = layouts.get(parameter.output(0).any_name, layouts.get(""))
        if layout:
            parameter.set_layout(ov.Layout(layout))
    return model


def check_plate_given(model: str, takes_plate: bool | None, is_given: bool) -> None:
    """Raise where the model takes a plate and there is none, or the other way round; None: that is not known yet."""
    if takes_plate is True and not is_given:
        raise UsageError(f"{model} needs the plate, the same scene without the subject; add --background PLATE")
    if takes_plate is False and is_given:
        raise UsageError(f"{model} takes no plate; leave --background out")


def _facts(request: Request, model: Path, opened: OpenedModel) -> dict[str, str]:
    """Return all that pixels of results depend on but flags, by name."""
    info = opened.engine.info
    return {
        "version": version("open-matting-zoo"),
        "openvino": version("openvino"),
        "model": f"{file_digest(model, 'sha256')} {file_digest(model.with_suffix('.bin'), 'sha256')}",
        "device": f"{info.device} {info.precision}",
        "plate": _content(request.plate),
        "target": _content(request.target),
    }


def _content(text: str | None) -> str:
    """Return what tells the content of a file or a folder from another; a text that names none stands for itself."""
    path = target_file(text)
    if path is None:
        return text or ""
    if path.is_file():
        return file_digest(path, "sha256")
    facts = [f"{file.relative_to(path)} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in path.rglob("*")]
    return sha256("\n".join(sorted(facts)).encode(errors="surrogateescape")).hexdigest()


def _text(size: Size | None) -> str:
    return "their own size" if size is None else f"{size[1]}x{size[0]}"
