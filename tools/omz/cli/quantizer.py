"""``omz_quantizer``: quantise models of the zoo to 8 bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from omz.cli.command import omz_command
from omz.cli.conversion_display import ConversionDisplay
from omz.cli.printing import say
from omz.cli.selection import Selection, fetching_options, selection_options
from omz.errors import CardError, OmzError, UsageError, os_reason
from omz.events import Event, ModelSkipped
from omz.zoo.vocabulary import QUANTISED, QuantisedPrecision, TargetDevice

if TYPE_CHECKING:
    from omz.cli.display import Display
    from omz.download.first_use import FetchOptions
    from omz.quantize.events import QuantisedReady
    from omz.quantize.plan import QuantisationPlan, QuantisationSettings
    from omz.zoo import ModelCard

_PATH = click.Path(path_type=Path)
_MOST_NAMES = 4  # of layers


@omz_command()
@selection_options
@click.option("--model_dir", type=_PATH, metavar="DIR",
              help="Where omz_converter wrote the IRs; default: the cache folder.")  # fmt: skip
@click.option("--dataset_dir", type=_PATH, metavar="PATH",
              help="Folder of images, dataset or video to calibrate on; default: synthetic scenes.")  # fmt: skip
@click.option("--plate", default="", metavar="FILE|first",
              help="Plate of images without one of their own; first: the first frame of the video.")  # fmt: skip
@click.option("--num_images", type=click.IntRange(1), default=32, show_default=True, help="Images to calibrate on.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the choice of images.")
@click.option("-d", "--download_dir", type=_PATH, metavar="DIR", help="Folder of downloaded models; default: OMZ_HOME.")
@click.option("-o", "--output_dir", type=_PATH, metavar="DIR",
              help="Folder for the IRs; default: --model_dir, or else --download_dir.")  # fmt: skip
@click.option("--precisions", metavar="PREC[,PREC...]", help=f"Precisions to make; default: {','.join(QUANTISED)}.")
@click.option("--target_device", type=click.Choice(get_args(TargetDevice), case_sensitive=False), default="ANY",
              show_default=True, help="Device that the models are quantised for.")  # fmt: skip
@click.option("--max_drop", multiple=True, metavar="MAD=5%|MAD=0.5",
              help="Most that a figure may rise; layers that hurt more stay in float. Default: MAD=5%.")  # fmt: skip
@click.option("--force", is_flag=True, help="Write an IR that exceeds --max_drop, too.")
@fetching_options
@click.option("--trust_code", is_flag=True, help="Run code that comes with cards and weights.")
@click.option("--dry_run", "--dry-run", is_flag=True, help="Print what would be done, and exit.")
@click.option("--progress_format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--pot", type=_PATH, metavar="POT", help="No effect: NNCF has replaced the Post-training Optimization Tool."
)
@click.option("-p", "--python", metavar="PYTHON", help="No effect: no other program is run.")
def main(
    selection: Selection,
    model_dir: Path | None,
    download_dir: Path | None,
    output_dir: Path | None,
    precisions: str | None,
    offline: bool,
    accept_license: tuple[str, ...],
    trust_code: bool,
    dry_run: bool,
    progress_format: str,
    **flags: Any,
) -> None:
    """Quantise models of the zoo to 8 bits, and judge whether they are as good as before.

    IRs are saved as OUTPUT_DIR/public/NAME/FP16-INT8/NAME.xml, with weights and a manifest, if their mattes are nearly
    as near the truth as those of the IR that they are made of. Layers that 8 bits hurt too much stay in float. If a
    model fails, the others are still quantised; the failed ones are listed at the end, and the exit code is 1.
    """
    from omz.cli.display import JsonDisplay, end
    from omz.cli.licenses import ask_for_license
    from omz.download.first_use import FetchOptions
    from omz.quantize.quantizer import planned

    settings = _settings(flags)
    for flag in ("pot", "python"):
        if flags[flag]:
            say(f"warning: --{flag} has no effect: NNCF quantises, in this interpreter", err=True)
    display: Display = JsonDisplay() if progress_format == "json" else _QuantizerDisplay()
    places = _Places(model_dir, download_dir, output_dir)
    plans, failures = _plan(selection, places, _precisions(precisions), settings, display)
    options = FetchOptions(offline, accept_license, selection.catalog.roots, ask_for_license)
    for name, plan in plans:
        if dry_run:
            display.show(planned(plan))
            continue
        problem = _quantise(plan, options, display, trust_code)
        if problem is not None:
            failures.setdefault(name, []).append(problem)
    end(display, failures)


def _settings(flags: dict[str, Any]) -> QuantisationSettings:
    from omz.accuracy.conventions import OMZ
    from omz.accuracy.verdict import parse_threshold
    from omz.quantize.judging import check_truth
    from omz.quantize.plan import USUAL_DROP, QuantisationSettings

    limits = tuple(parse_threshold(text, "--max_drop") for text in flags["max_drop"]) or (USUAL_DROP,)
    for limit in limits:
        if limit.figure not in OMZ.units:
            raise UsageError(f"--max_drop {limit.figure}: the figures are {', '.join(OMZ.units)}")
    if flags["plate"] and not flags["dataset_dir"]:
        raise UsageError("--plate is that of the images in --dataset_dir; give both")
    settings = QuantisationSettings(
        dataset=flags["dataset_dir"],
        count=flags["num_images"],
        seed=flags["seed"],
        plate=flags["plate"],
        limits=limits,
        target_device=flags["target_device"],
        force=flags["force"],
    )
    settings.calibration()  # what cannot be calibrated on is said before a model is touched
    check_truth(limits, settings.source)
    return settings


def _precisions(text: str | None) -> Sequence[QuantisedPrecision]:
    """Return those that were asked for and that a quantisation makes; the others are ignored, as for a converter."""
    from omz.zoo.vocabulary import parse_precisions

    wanted = parse_precisions(text, QUANTISED)
    return [each for each in QUANTISED if each in wanted]


@dataclass(frozen=True)
class _Places:
    """The folders that were given."""

    models: Path | None
    downloads: Path | None
    output: Path | None

    def plan(self, card: ModelCard, precision: QuantisedPrecision, settings: QuantisationSettings) -> QuantisationPlan:
        from omz.convert.store import int8_folder
        from omz.download.first_use import writable_folder_of
        from omz.quantize.plan import QuantisationPlan

        downloads = writable_folder_of(card, self.downloads)
        output = self.output or int8_folder(self.downloads, self.models)
        return QuantisationPlan(card, precision, downloads, self.models, output, settings)


def _plan(
    selection: Selection,
    places: _Places,
    precisions: Sequence[QuantisedPrecision],
    settings: QuantisationSettings,
    display: Display,
) -> tuple[list[tuple[str, QuantisationPlan]], dict[str, list[str]]]:
    """Return the plans, and why there is none for a model; both by the names on the command line."""
    plans: list[tuple[str, QuantisationPlan]] = []
    failures: dict[str, list[str]] = {}
    for name, card in selection.cards():
        if isinstance(card, CardError):
            failures.setdefault(name, []).append(str(card))
            continue
        for model in card.models:
            reason = _why_not(model, precisions)
            if reason:
                display.show(ModelSkipped(model.name, reason))
                continue
            plans += [(name, places.plan(model, precision, settings)) for precision in precisions]
    return plans, failures


def _why_not(card: ModelCard, precisions: Sequence[str]) -> str:
    """Return why a model is skipped; empty if it is not."""
    if card.quantized:
        return "it is quantised already"
    if card.quantizable is False:
        return "its card says that it cannot be quantised"
    if not precisions:
        return f"it can be quantised to {' and '.join(QUANTISED)} only"
    return ""


def _quantise(plan: QuantisationPlan, options: FetchOptions, display: Display, trust_code: bool) -> str | None:
    """Quantise one model; return why it failed, if it did."""
    from omz.convert.fetch import fetch_model
    from omz.quantize.events import QuantisationEnd
    from omz.quantize.quantizer import carry_out

    problem = None
    try:
        if plan.model_dir is None:
            fetch_model(plan.card, plan.downloads, options, display.show, trust_code)
        carry_out(plan, display.show, trust_code)
    except OmzError as error:
        told = str(error)
        problem = told if told.startswith(f"{plan.card.name}: ") else f"{plan.card.name}: {told}"
    except OSError as error:
        problem = f"{plan.card.name}: {error.filename or 'a file'} cannot be used: {os_reason(error)}"
    display.show(QuantisationEnd(plan.card.name, plan.precision, problem is None, problem))
    return problem


class _QuantizerDisplay(ConversionDisplay):
    """A line per step, and a few per IR."""

    def show(self, event: Event) -> None:
        """Print the event."""
        super().show(event)
        for line in _in_words(event):
            say(line)


def _in_words(event: Event) -> Iterator[str]:
    from omz.quantize.events import QuantisationPlanned, QuantisedReady

    if isinstance(event, QuantisationPlanned):
        yield f"{event.model}: would write {event.writes}, of {event.source}, on {event.calibration}"
    if isinstance(event, QuantisedReady):
        yield from _ready(event)


def _ready(event: QuantisedReady) -> Iterator[str]:
    line = f"{event.model}: {event.path}"
    if event.state == "up to date":
        line += " is up to date"
    yield line
    share = event.size / event.source_size
    yield f"{event.model}:   {event.size / 1e6:.2f} MB, {share:.0%} of the weights before"
    for name, (before, after, most) in event.figures.items():
        risen = f" ({after / before - 1:+.1%})" if before and after is not None else ""
        told = f"{before:.4g} before, {_figure(after)} now{risen}, allowed {_figure(most)}"
        yield f"{event.model}:   {name} {told}; {event.frames}"
    if event.in_float:
        yield f"{event.model}:   kept in float because INT8 hurts them: {_listed(event.in_float)}"
    if not event.passed:
        yield f"{event.model}:   it fails its gate, and was written by force"


def _listed(names: Sequence[str]) -> str:
    """Return some names, and the number of the others."""
    told, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return f"{told} and {more} more, which the manifest names" if more > 0 else told


def _figure(value: float | None) -> str:
    return "not finite" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    main()
