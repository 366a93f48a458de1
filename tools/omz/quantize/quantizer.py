"""The quantisation of a model: made, judged, made again with the worst layers in float, and moved to its place."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from omz.atomic import replace_folder
from omz.convert.cache import another_place
from omz.convert.calibration import Calibration, FittedSamples
from omz.convert.events import ConversionStep
from omz.convert.float_layers import sums_of_layers
from omz.convert.ir_file import read_model
from omz.convert.manifest import Manifest, is_intact, manifest_path, read_manifest
from omz.convert.quantisation import Quantised, Recipe, quantise, workplace
from omz.convert.store import nncf_version, quantisation_key, stored_irs
from omz.convert.workplace import LOCK_FILE
from omz.download.first_use import missing_files
from omz.errors import ConversionError, OmzError, os_reason
from omz.events import Report, Waiting
from omz.isolated import apart
from omz.locked import locked_folder
from omz.quantize.events import QUANTISED, UP_TO_DATE, Change, QuantisationPlanned, QuantisedReady, State
from omz.quantize.judging import Judged, Verdict, check_outputs, frames_digest, judge
from omz.quantize.layers import Suspects, rank_layers
from omz.quantize.plan import QuantisationPlan
from omz.zoo.vocabulary import base_of


@dataclass(frozen=True)
class _Attempt:
    """A quantised IR, not in its place yet, with the layers that are in float, and the verdict on it."""

    made: Quantised
    in_float: tuple[str, ...]
    verdict: Verdict


def planned(plan: QuantisationPlan) -> QuantisationPlanned:
    """Return what :func:`carry_out` would do."""
    source = plan.source or f"the {base_of(plan.precision)} IR in the cache folder"
    return QuantisationPlanned(plan.card.name, str(plan.target), str(source), plan.settings.calibration().title)


def carry_out(plan: QuantisationPlan, report: Report = lambda event: None, trust_code: bool = False) -> Path:
    """Quantise an IR, and return the path of the result, which is in its place once its gates hold.

    An IR that is up to date is kept. The source is converted first if it is missing in the user's cache folder;
    ``trust_code`` runs code of the card for that. A process that is killed leaves a temporary folder, which the next
    one removes. Raises :class:`ConversionError` where the gates do not hold, unless the settings force it, and
    :class:`OmzError` if something is missing, or cannot be quantised.
    """
    calibration, nncf = plan.settings.calibration(), nncf_version()
    source = _source(plan, report, trust_code).absolute()
    check_outputs(plan.settings.limits, plan.card, source)
    work = _Work(plan, source, calibration, _key(plan, source, calibration, nncf), report)
    there, state = work.up_to_date(), UP_TO_DATE
    if there is None:
        there, state = _made(plan.target.absolute(), work, report)
    report(work.ready(there, state))
    return plan.target


def _made(target: Path, work: _Work, report: Report) -> tuple[Manifest, State]:
    """Put the IR at ``target``, unless another process has done so while this one waited for it."""
    place = target.parent.parent
    with ExitStack() as held:
        with _writing(target):
            held.enter_context(locked_folder(place, LOCK_FILE, lambda: report(Waiting(str(place)))))
        there = work.up_to_date()
        if there is not None:
            return there, UP_TO_DATE
        with _writing(target):
            folder = held.enter_context(workplace(target)).parent
        made = work.make_below(folder)
        with _writing(target):
            replace_folder(made, target.parent)
        return read_manifest(target), QUANTISED


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Say of what goes wrong with files in this block that ``target`` cannot be written."""
    try:
        yield
    except OSError as error:
        elsewhere = another_place(target, "give -o")
        raise ConversionError(f"{target} cannot be written: {os_reason(error)}; {elsewhere}") from error


def _source(plan: QuantisationPlan, report: Report, trust_code: bool) -> Path:
    """Return the IR to quantise; convert it if it is to be in the cache folder, and is missing there."""
    if plan.source is None:
        base = base_of(plan.precision)
        return stored_irs(plan.card, plan.downloads, (base,), report, trust_code)[base]
    if not plan.source.is_file():
        raise ConversionError(
            f"{plan.card.name}: there is no IR at {plan.source} to quantise; make it with omz_converter -o, or leave "
            "--model_dir out"
        )
    return plan.source


def _key(plan: QuantisationPlan, source: Path, calibration: Calibration, nncf: str) -> str:
    """Return what changes with everything that the result depends on.

    The frames to score decide on it, and so does the original, which ranks layers where it is at hand.
    """
    settings = plan.settings
    others = [frames_digest(settings.source), plan.card.model_dump_json(), *map(str, settings.limits)]
    if missing_files(plan.card, plan.downloads):
        others.append("without the original")
    return quantisation_key(source, calibration.digest, nncf, plan.precision, settings.target_device, *others)


class _Work:
    """The work on one plan: IRs made of ``source`` with ``calibration``."""

    def __init__(
        self, plan: QuantisationPlan, source: Path, calibration: Calibration, key: str, report: Report
    ) -> None:
        self._plan, self._source, self._key, self._report = plan, source, key, report
        self._calibration = calibration
        self._samples = FittedSamples.of(plan.card, source, calibration)

    def up_to_date(self) -> Manifest | None:
        """Return the manifest of the result if it is there, was made in the same way, and may be there."""
        try:
            manifest = read_manifest(self._plan.target)
        except (OSError, ValueError):
            return None
        said = manifest.quantisation
        may_be = said.get("passed") or self._plan.settings.force
        return manifest if said.get("key") == self._key and may_be and is_intact(self._plan.target) else None

    def make_below(self, place: Path) -> Path:
        """Write the quantised IR and its manifest into a folder below ``place``; return that folder.

        Of several attempts it is the first that passes, or by force, the one that comes nearest to that. Raises
        :class:`ConversionError`.
        """
        self._say(f"to {self._plan.precision}, on {self._calibration.title}; this takes a few minutes")
        best = self._attempt(place, ())
        for more_in_float in (self._sums_in_float, self._worst_in_float):
            if not best.verdict.passed:
                best = self._best_of(best, more_in_float(best), place)
        if not best.verdict.passed and not self._plan.settings.force:
            raise ConversionError(f"{self._refused(best)}; --max_drop allows more, --force writes it all the same")
        xml = best.made.path
        with _writing(self._plan.target):
            dataclasses.replace(read_manifest(xml), quantisation=self._facts(best)).write(manifest_path(xml))
        return xml.parent

    def _best_of(self, best: _Attempt, others: Iterable[tuple[str, ...]], place: Path) -> _Attempt:
        """Attempt with ``others`` in float until one passes; return it, or the one that comes nearest to that."""
        for in_float in others:
            attempt = self._attempt(place, in_float)
            worse = attempt
            if attempt.verdict.excess < best.verdict.excess:
                best, worse = attempt, best
            shutil.rmtree(worse.made.path.parent, ignore_errors=True)
            if best.verdict.passed:
                break
        return best

    def _attempt(self, place: Path, in_float: tuple[str, ...]) -> _Attempt:
        plan, settings = self._plan, self._plan.settings
        xml = place / str(len(in_float)) / plan.target.name
        recipe = Recipe(plan.precision, settings.target_device, in_float)
        made = quantise(self._source, self._samples, xml, self._calibration.title, plan.card.parity, recipe)
        task = Judged(plan.card, plan.precision, self._source, xml, settings.source, settings.limits)
        verdict = apart("the verdict", judge, task)
        said = "all layers that can be"
        if in_float:
            said = f"all but {len(in_float)} of these"
        self._say(f"{said} in 8 bits: {verdict.line}")
        return _Attempt(made, in_float, verdict)

    def _sums_in_float(self, attempt: _Attempt) -> Iterator[tuple[str, ...]]:
        """Yield the arithmetic between layers, if there is any."""
        sums = sums_of_layers(read_model(self._source))
        if sums:
            yield (*attempt.in_float, *sums)

    def _worst_in_float(self, attempt: _Attempt) -> Iterator[tuple[str, ...]]:
        """Yield with the layers in float the worst others: one, two, four and so on, up to half, until nobody asks."""
        plan = self._plan
        self._say("looking for the layers that 8 bits hurt")
        asked = Suspects(plan.card, plan.downloads.absolute(), self._source, attempt.made.path, self._samples)
        try:
            ranked: Sequence[str] = apart("the search for layers", rank_layers, asked)
        except OmzError as error:
            if plan.settings.force:
                return
            told = f"{self._refused(attempt)}, and the layers that hurt cannot be found: {error}"
            raise ConversionError(told) from error
        count = 1
        while ranked and count <= max(1, len(ranked) // 2):
            yield (*attempt.in_float, *ranked[:count])
            count *= 2

    def _refused(self, attempt: _Attempt) -> str:
        plan, beside = self._plan, ""
        if attempt.in_float:
            noun = "layer" if len(attempt.in_float) == 1 else "layers"
            beside = f", even with {len(attempt.in_float)} {noun} in float"
        return f"{plan.card.name}: {plan.precision} fails its gate{beside}: {attempt.verdict.line}"

    def _facts(self, attempt: _Attempt) -> dict[str, Any]:
        settings = self._plan.settings
        return {
            "key": self._key,
            "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "calibration": self._calibration.title,
            "images": attempt.made.samples,
            "seed": settings.seed,
            "images_sha256": attempt.made.sha256,
            "nncf": attempt.made.nncf,
            "target_device": settings.target_device,
            "limits": list(map(str, settings.limits)),
            **attempt.verdict.facts(),
        }

    def ready(self, manifest: Manifest, state: State) -> QuantisedReady:
        """Return the event that tells of the result."""
        plan, said = self._plan, manifest.quantisation
        return QuantisedReady(
            model=plan.card.name,
            precision=plan.precision,
            path=str(plan.target),
            state=state,
            size=_weights(plan.target),
            source_size=_weights(self._source),
            figures=_figures(said["figures"][base_of(plan.precision)], said["gates"]),
            frames=said["frames"],
            in_float=manifest.kept_in_float,
            passed=said["passed"],
        )

    def _say(self, step: str) -> None:
        self._report(ConversionStep(self._plan.card.name, step))


def _figures(before: Mapping[str, float], gates: Sequence[Mapping[str, Any]]) -> dict[str, Change]:
    """Return the figures that gates are on, of several on one figure beside the lowest limit."""
    found: dict[str, Change] = {}
    for gate in gates:
        name, limit = gate["what"], gate["limit"]
        if name not in before:
            continue
        known = found[name][2] if name in found else None
        limits = [each for each in (limit, known) if each is not None]
        found[name] = (before[name], gate["value"], min(limits, default=None))
    return found


def _weights(xml: Path) -> int:
    return xml.with_suffix(".bin").stat().st_size
