"""Pictures, many or one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from omz.errors import ImageError, UsageError
from omz.events import Event
from omz.images.arrays import Picture
from omz.images.files import read_picture
from omz_demo.display import progress
from omz_demo.inputs.discovery import PICTURES, VIDEOS, Input
from omz_demo.inputs.standard_input import StdinPicture
from omz_demo.jobs.manifest import Manifest, manifest_name, open_manifest
from omz_demo.jobs.space import check_space, estimate_pixels, least_bytes
from omz_demo.jobs.still_tasks import PlateFor, Settings, StillEnded, TargetFor, Task
from omz_demo.jobs.stills import run_stills
from omz_demo.outputs.names import Outputs
from omz_demo.outputs.still_files import write_stills
from omz_demo.plan import STANDARD_OUTPUT, Plan
from omz_demo.plates import Fitted, OnePlate, Plates, PlatesByName, PlateSource
from omz_demo.run.manifest_folder import NOTHING_NOTED, manifest_folder
from omz_demo.run.outcome import Outcome
from omz_demo.workshop import Workshop


def run_pictures(shop: Workshop, plan: Plan, source: PlateSource | None, fail: Callable[[str], None]) -> Outcome:
    """Cut the pictures of a plan against the plates of ``source``; ``fail`` is given a line for each that fails.

    Raises :class:`OmzError` where none can follow, and where there is but one input, and that fails.
    """
    request = shop.request
    content = plan.stdin.data if isinstance(plan.stdin, StdinPicture) else None
    tasks = [Task(item, outputs, content if item.kind == "stdin" else None) for item, outputs in plan.pictures.items()]
    if request.show or request.show_with_original_frame:
        shop.warn("pictures are written, and not shown; --show is for videos and cameras")
    piped = request.output == STANDARD_OUTPUT
    threads = min(4, os.cpu_count() or 1)
    settings = Settings(request.quality, request.strip, request.retry_failed, threads, _pipe if piped else write_stills)
    is_alone, errors = len(tasks) == 1 and not plan.videos, list[str]()
    ended = _Ended(shop, errors.append if is_alone else fail)
    with ExitStack() as stack:
        manifest = None if piped else stack.enter_context(_manifest(shop, plan.pictures))
        if manifest:
            shop.finished["pictures"] = 0
        ended.advance = stack.enter_context(progress("pictures", len(tasks)))
        totals = run_stills(
            tasks,
            shop.cutter(follows=False),
            settings,
            manifest,
            ended,
            _plates(shop, source),
            _targets(shop, plan.numbers),
            shop.look,
            shop.watch,
        )
    if errors:
        raise ImageError(errors[0])
    outputs = (STANDARD_OUTPUT,) if piped else tuple(map(Path, ended.outputs))
    return Outcome(totals.done, totals.failed, totals.skipped, totals.done, outputs=outputs)


def _plates(shop: Workshop, source: PlateSource | None) -> PlateFor:
    plates = None if source is None else Plates(source, shop.request.care, fixed=False)

    def plate_for(task: Task, picture: Picture) -> Fitted | None:
        return None if plates is None else plates.at(0, str(task.input.relative), picture)

    return plate_for


def _targets(shop: Workshop, numbers: Mapping[Input, int]) -> TargetFor:
    def target_for(task: Task, picture: Picture) -> Picture | None:
        size = picture.shape[0], picture.shape[1]
        return None if shop.target is None else shop.target.at(numbers[task.input], 0.0, size)

    return target_for


def _pipe(contents: Mapping[Path, bytes]) -> None:
    """Write to standard output what goes there, which has no folder; anything else into its file."""
    write_stills({path: content for path, content in contents.items() if path.stem != STANDARD_OUTPUT.name})
    for path, content in contents.items():
        if path.stem == STANDARD_OUTPUT.name:
            sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


class _Ended:
    """Shows what has ended: failures and warnings as lines, the rest as progress."""

    def __init__(self, shop: Workshop, fail: Callable[[str], None]) -> None:
        self._shop, self._fail = shop, fail
        self.advance: Callable[[int], None] = lambda steps: None
        self.outputs: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take an event."""
        if not isinstance(event, StillEnded):
            return
        self.outputs.extend(event.outputs)
        if event.status == "failed":
            self._fail(event.error)
        elif "pictures" in self._shop.finished:
            self._shop.finished["pictures"] += 1
        for warning in event.warnings if event.status != "skipped" else ():  # they were said
            self._shop.warn(warning if event.total == 1 else f"{event.input}: {warning}")
        self.advance(1)


@contextmanager
def _manifest(shop: Workshop, pictures: Mapping[Input, Outputs]) -> Iterator[Manifest | None]:
    """Open the manifest of several pictures, or of one that is to be resumed; None: it has no place, or no use."""
    request = shop.request
    if len(pictures) < 2 and not request.resume:
        yield None
        return
    folder = manifest_folder(request, pictures.values())
    if folder is None:
        if request.resume:
            shop.warn(NOTHING_NOTED)
        yield None
        return
    missing = [item for item, outputs in pictures.items() if not all(path.exists() for path in outputs.values())]
    pixels = estimate_pixels([item.path for item in missing if item.kind != "stdin"])
    suffix = next((path.suffix for outputs in pictures.values() for path in outputs.values()), "")
    check_space(folder, least_bytes(pixels, request.whats, suffix, request.alpha_bits == "16"))
    with open_manifest(folder / manifest_name(request.part), shop.depends_on(video=False), request.resume) as manifest:
        if manifest.warning:
            shop.warn(manifest.warning)
        yield manifest


def picture_plates(text: str | None, recursive: bool) -> PlateSource | None:
    """Return where the plates of pictures come from: one picture, or a folder with one for each, by its name.

    Raises :class:`UsageError` for what has none, and :class:`ImageError` for one that cannot be read.
    """
    if text is None:
        return None
    path = Path(text)
    if path.suffix.lower() in VIDEOS or text in ("first", "median", "camera"):
        raise UsageError(f"--background {text} is for videos; for pictures, name a picture, or a folder of them")
    if not path.is_dir():
        return OnePlate(read_picture(path))
    files = path.rglob("*") if recursive else path.iterdir()
    plates = {
        str(PurePosixPath(file.relative_to(path).with_suffix("").as_posix())): file
        for file in sorted(files)
        if file.suffix.lower() in PICTURES
    }
    if not plates:
        raise UsageError(f"--background {path}: the folder has no pictures")
    return PlatesByName(path, plates)
