"""Run: images, videos or a live source, from options to files."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from PIL import Image

from omz.atomic import whole_file
from omz.cutout.flag import InputKind, default_of, flag_of
from omz.cutout.flags import WITHOUT_PLATE
from omz.cutout.image_files import NoPlaceError
from omz.cutout.images import image_plates, run_images
from omz.cutout.left_out import left_out_lines
from omz.cutout.observer import Observer
from omz.cutout.opening import Opened, open_ahead
from omz.cutout.options import Options, make_options
from omz.cutout.piped_files import piped_files
from omz.cutout.plan import Plan, make_plan
from omz.cutout.session import Session, check_plate_given, open_session
from omz.cutout.summary import Outcome, Summary
from omz.errors import Interrupted, UsageError
from omz.events import Event
from omz.matting.plates import PlateSource
from omz.models.choice import log_first_use
from omz.pipes import is_pipe

if TYPE_CHECKING:
    from omz.cutout.cluster import Cluster  # loads more than most runs need

FileName: TypeAlias = str | os.PathLike[str]

_OF_THE_COMMAND = ("json", "profile")  # options that say what it prints


def run(options: Options, observer: Observer | None = None, opening: Future[Opened] | None = None) -> Summary:
    """Do all that was asked for, and return a summary, which also goes into the report of the options.

    ``opening`` is the model, if :func:`omz.cutout.opening.open_ahead` has begun to open it.

    Raises :class:`omz.errors.OmzError` where nothing more can be done, and :class:`omz.errors.Interrupted` after Ctrl-C
    or where the observer stops the run; a live source ends well then, unless it gave nothing.
    """
    observer = observer or _Unobserved()
    with piped_files(options) as with_files:
        return _run(with_files, observer, opening or open_ahead(with_files))


def _run(options: Options, observer: Observer, opening: Future[Opened] | None) -> Summary:
    for hint in options.hints:
        observer.on_warning(hint)
    plan = _plan(options)
    for line in left_out_lines(options):
        observer.on_note(line)
    is_live = plan.live is not None
    if not options.model:
        options = options.with_model(is_live)
        if options.model == WITHOUT_PLATE:
            observer.on_note(f"no plate was given, so the model is {WITHOUT_PLATE}; choose another with --model")
    if options.cluster is not None:
        from omz.cutout.cluster import check_for_cluster

        check_for_cluster(options, plan)
    takes_plate = options.model_choice.takes_plate()
    check_plate_given(options, takes_plate, is_live)
    plates: PlateSource | None = None
    if plan.pictures or (options.watch and _takes_images(options)):
        plates = image_plates(options.plate, options.recursive, options.max_pixels)
    for line in _idle_flags(options, _kinds(plan, options.watch)):
        observer.on_warning(line)
    with open_session(options, plan.live, observer, opening) as session:
        started = time.perf_counter()
        try:
            outcome = _jobs(session, plan, plates)
            seconds = time.perf_counter() - started
            if options.review_page is not None:
                from omz.cutout.review import write_review

                write_review(options.review_page, session, plan)
        except KeyboardInterrupt:
            raise Interrupted(session.tally.hint) from None
        except NoPlaceError as error:
            raise NoPlaceError("; ".join(filter(None, (str(error), session.tally.hint)))) from error
        summary = _summary(session, plan, outcome, seconds)
    if options.report is not None:
        with whole_file(options.report) as temporary:
            temporary.write_text(f"{json.dumps(summary.as_json(), indent=2)}\n")
    return summary


def cut_out(
    inputs: FileName | int | Iterable[FileName | int],
    output: FileName | None = None,
    plate: FileName | None = None,
    target: FileName | None = None,
    observer: Observer | None = None,
    **options: Any,
) -> Summary:
    """Cut the subject out of images, videos or a live source, and write the results, as ``omz_demo`` does.

    Args:
        inputs: Image, video, folder, pattern, index of a camera (``0``) or URL, or several of these.
        output: File, whose suffix is the format, or a folder; None puts results beside the inputs.
        plate: The scene without the subject, for models that take one: an image, a folder or video with one a frame,
            ``"first"`` or ``"median"`` of the video itself, or ``"camera"``. Without plate and ``model``, u2netp is
            taken.
        target: Background of the result: an image, a folder, a video, a colour, ``"blur"``; None keeps it transparent.
        observer: Told of progress, warnings and failures; None ignores them, and logs the first use of a model. The
            summary has warnings and counts.
        **options: Other flags of ``omz_demo``, with underscores, such as ``model="u2netp"``, ``resume=True``, but not
            ``json`` and ``profile``, which say what the command prints.

    Returns:
        Summary with the counts of inputs and frames, the files written and the time each stage took.

    Raises:
        OmzError: Nothing more can be done. One input of many that fails does not raise; ``failed`` counts it.
        Interrupted: Ctrl-C, or the observer stopped the run; its ``hint`` says how to go on. That is how a live source
            ends, so it raises only if no frame of it was done.

    Example:
        >>> import omz
        >>> summary = omz.cut_out("talk.mp4", plate="first", target="beach.jpg", output="talk_beach.mp4", resume=True)
        >>> summary.done, summary.frames
        (1, 2)
    """
    for name in _OF_THE_COMMAND:
        if options.get(name):
            raise UsageError(f"{name} is for the command omz_demo; leave it out, and use the summary")
    _check_paths({"inputs": inputs, "plate": plate, "target": target})
    names: object = inputs
    if isinstance(inputs, Iterable) and not isinstance(inputs, (str, bytes, os.PathLike)):
        names = list(inputs)
    if names is None or (isinstance(names, list) and not names):
        raise UsageError("there is no input; name an image, a video, a folder or a camera")
    given = {"inputs": names, "output": output, "plate": plate, "target": target, **options}
    return run(make_options((), given), observer)


def _check_paths(given: Mapping[str, object]) -> None:
    """Raise :class:`UsageError` for images in memory, of NumPy or Pillow, or as bytes."""
    for name, value in given.items():
        several = value if isinstance(value, (list, tuple)) else (value,)
        for each in several:
            if isinstance(each, (bytes, np.ndarray, Image.Image)):
                kind = type(each).__name__
                raise UsageError(
                    f"{name} cannot be of type {kind}; give a path, or use MattingModel for images in memory"
                )


class _Unobserved(Observer):
    """Observer of a run that nobody observes."""

    def on_event(self, event: Event) -> None:
        """Log what takes long."""
        log_first_use(event)


def _idle_flags(options: Options, kinds: Collection[InputKind]) -> Iterator[str]:
    """Yield a line per flag without effect on these ``kinds`` of input, or by itself."""
    for each in fields(options):
        flag, value = flag_of(each), getattr(options, each.name)
        if value == default_of(each):
            continue
        if not {*kinds} & {*flag.works_on}:
            yield f"{flag.label} has no effect: it is for {' and '.join(flag.works_on)}"
        if flag.needs and not getattr(options, flag.needs) and "live input" not in kinds:
            yield f"{flag.label} has no effect without --{flag.needs}"
    if options.keep_shadow and not ({"cutout", "composite"} & {*options.whats} or options.compare or options.show):
        yield "--keep_shadow has no effect: alpha and foreground are those of the subject alone"
    if options.raw is not None and not any(text == "-" or is_pipe(text) for text in options.inputs):
        yield "--raw has no effect: it is for standard input (-)"


def _plan(options: Options) -> Plan:
    if not options.watch:
        return make_plan(options)
    from omz.cutout.watch_plan import plan_watch

    return plan_watch(options)


def _takes_images(options: Options) -> bool:
    from omz.cutout.watch_plan import takes_images

    return takes_images(options)


def _kinds(plan: Plan, is_watch: bool) -> list[InputKind]:
    if plan.live:
        return ["live input"]
    kinds: list[InputKind] = []
    if plan.pictures or is_watch:
        kinds.append("images")
    if plan.videos or is_watch:
        kinds.append("videos")
    return kinds


def _jobs(session: Session, plan: Plan, plates: PlateSource | None) -> Outcome:
    if session.options.watch:
        from omz.cutout.watch import run_watch

        run_watch(session, plates)
    if plan.live is not None:
        from omz.cutout.live import run_live

        return run_live(session, plan.live, plan)
    if session.options.cluster is None:
        return _files(session, plan, plates)
    from omz.cutout.cluster import open_cluster

    with open_cluster(session, plan) as cluster:
        return _files(session, plan, plates, cluster)


def _files(session: Session, plan: Plan, plates: PlateSource | None, cluster: Cluster | None = None) -> Outcome:
    outcome = Outcome()
    if plan.pictures:
        outcome += run_images(session, plan, plates, cluster)
    if plan.videos:
        from omz.cutout.videos import run_videos

        outcome += run_videos(session, plan, cluster)
    return outcome


def _summary(session: Session, plan: Plan, outcome: Outcome, seconds: float) -> Summary:
    info, tally = session.info, session.tally
    inputs = [*plan.pictures, *plan.videos]
    if plan.live:
        inputs.append(plan.live)
    return Summary(
        model=session.options.model or "",
        device=info.device,
        precision=info.precision,
        graph=session.opened.graph or "",
        requests=tally.requests,
        load_ms=session.opened.milliseconds,
        inputs=tuple(dict.fromkeys(item.source for item in inputs)),
        outputs=tuple(map(str, outcome.outputs)),
        sizes=tuple(tally.sizes),
        frames=outcome.frames,
        seconds=seconds,
        stages=tally.watch.milliseconds,
        done=outcome.done,
        failed=outcome.failed,
        skipped=outcome.skipped,
        dropped=outcome.dropped,
        warnings=tuple(tally.warnings),
        plates=tally.plates.lines,
        repairs=tally.repairs.lines,
    )
