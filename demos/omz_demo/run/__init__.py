"""What was asked for, job by job: pictures, videos, what is live."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import BinaryIO

from omz.errors import UsageError
from omz.events import Report
from omz_demo.idle_flags import Kind, idle_flags
from omz_demo.outputs.still_files import NoPlaceError
from omz_demo.plan import Plan, make_plan
from omz_demo.plates import PlateSource
from omz_demo.request import Request
from omz_demo.run.live import run_live
from omz_demo.run.outcome import Outcome
from omz_demo.run.pictures import picture_plates, run_pictures
from omz_demo.run.videos import run_videos
from omz_demo.summary import Summary
from omz_demo.workshop import Workshop, check_plate_given, open_workshop


def run(request: Request, say: Callable[[str], None], fail: Callable[[str], None], report: Report) -> Summary:
    """Do all that was asked for, and return what was done.

    ``say`` is given warnings, ``fail`` a line for each input that failed, ``report`` what happens where a model is
    converted first. Raises :class:`omz.errors.OmzError` where nothing more can be done, and :class:`KeyboardInterrupt`
    with what there is to go on from.
    """
    plan = make_plan(request, _standard_input)
    is_live = plan.live is not None
    choice = request.model_choice
    check_plate_given(request.model, choice.takes_plate(), request.plate is not None or is_live)
    plates = picture_plates(request.plate, request.recursive) if plan.pictures else None
    for line in idle_flags(request, _kinds(plan)):
        say(line)
    with open_workshop(request, is_live, say, report) as shop:
        started = time.perf_counter()
        try:
            outcome = _jobs(shop, plan, plates, fail)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(*_stays(shop.finished)) from None
        except NoPlaceError as error:
            raise NoPlaceError("; ".join([str(error), *_stays(shop.finished)])) from error
        return _summary(shop, plan, outcome, time.perf_counter() - started)


def _kinds(plan: Plan) -> list[Kind]:
    there: dict[Kind, object] = {"pictures": plan.pictures, "videos": plan.videos, "what is live": plan.live}
    return ["what is live"] if plan.live else [kind for kind, inputs in there.items() if inputs]


def _standard_input() -> BinaryIO:
    """Return standard input; raises :class:`UsageError` where that is closed."""
    if sys.stdin is None:
        raise UsageError("standard input is closed; pipe a picture or a video into it, or name a file")
    return sys.stdin.buffer


def _stays(finished: Mapping[str, int]) -> tuple[str, ...]:
    """Return what stays of a run that ends before its end, and how to go on; nothing where nobody can."""
    counts = " and ".join(f"{count} {what}" for what, count in finished.items())
    return (f"{counts} are finished; add --resume to go on",) if finished else ()


def _jobs(shop: Workshop, plan: Plan, plates: PlateSource | None, fail: Callable[[str], None]) -> Outcome:
    if plan.live is not None:
        return run_live(shop, plan.live, plan.videos.get(plan.live, {}), plan.formats)
    outcome = Outcome()
    if plan.pictures:
        outcome += run_pictures(shop, plan, plates, fail)
    if plan.videos:
        outcome += run_videos(shop, plan, fail)
    return outcome


def _summary(shop: Workshop, plan: Plan, outcome: Outcome, seconds: float) -> Summary:
    info = shop.opened.engine.info
    inputs = [*plan.pictures, *plan.videos, *([plan.live] if plan.live else [])]
    return Summary(
        model=shop.request.model,
        device=info.device,
        precision=info.precision,
        requests=shop.matter.requests,
        load_ms=shop.opened.milliseconds,
        inputs=tuple(dict.fromkeys(item.source for item in inputs)),
        outputs=tuple(map(str, outcome.outputs)),
        sizes=tuple(shop.sizes),
        frames=outcome.frames,
        seconds=seconds,
        stages=shop.watch.milliseconds,
        done=outcome.done,
        failed=outcome.failed,
        skipped=outcome.skipped,
        dropped=outcome.dropped,
        warnings=tuple(shop.said),
    )
