"""The ``metrics`` of a configuration, as a convention and as references."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from omz.accuracy.configuration.problems import Place, shown
from omz.accuracy.configuration.schema import Adapter, MaskedMetric, Metric, SadMetric
from omz.accuracy.conventions import Compute, Convention, Measure, Rounding, ScoredFrame, inside
from omz.accuracy.verdict import Reference
from omz.metrics.differences import Region, Values, mad, mse, sad, unit
from omz.metrics.perceptual import gradient_error
from omz.zoo.record import suggestion

_EIGHT_BITS = ("mae", "mse")
_LEVELS = 255
_UNITS: dict[str, tuple[str, float, Callable[[Values, Values, Region | None], float]]] = {
    "mad": ("x1e3", 1e3, mad),
    "mse_with_mask": ("x1e3", 1e3, mse),
    "spatial_gradient": ("/1e3", 1e-3, gradient_error),
    "sad": ("/1e3", 1e-3, sad),
    "mae": ("of 255", _LEVELS, mad),
    "mse": ("of 255^2", _LEVELS**2, mse),
}
"""Unit, scale and formula of each type."""


def check_metrics(metrics: Sequence[Metric], adapter: Adapter, place: Place) -> None:
    """Raise :class:`omz.errors.UsageError` where metrics, at ``place``, contradict each other or the ``adapter``."""
    seen: set[str] = set()
    for index, metric in enumerate(metrics):
        here = place / index
        if metric.title in seen:
            raise (here / "name").error(f"{metric.title} is the name of two metrics; give each its own")
        seen.add(metric.title)
        _check_source(metric, adapter, here)
        if (metric.type in _EIGHT_BITS) != (metrics[0].type in _EIGHT_BITS):
            raise (here / "type").error(f"{' and '.join(_EIGHT_BITS)} see 8 bits; no other type can stand beside them")


def build_convention(metrics: Sequence[Metric], adapter: Adapter) -> Convention:
    """Return what ``metrics``, which were checked, measure, under their own names.

    The convention is ``omz``; ``omz_modnet`` for those of 8 bits, which are cut off; ``shm`` for SAD.
    """
    names = dict.fromkeys(map(_convention, metrics))
    measures = []
    for metric in metrics:
        told, scale, formula = _UNITS[metric.type]
        compute = _compute(metric, formula, is_image(metric, adapter))
        measures.append(Measure(metric.title, told, scale, compute))
    rounding: Rounding = "truncate" if metrics[0].type in _EIGHT_BITS else "none"
    return Convention(" and ".join(names), "whole", rounding, tuple(measures))


def build_references(metrics: Sequence[Metric]) -> tuple[Reference, ...]:
    """Return what figures were elsewhere; thresholds hold for means."""
    references = []
    for metric in metrics:
        if metric.reference is None:
            continue
        mean, absolute = metric.reference.mean, metric.abs_threshold
        if absolute is None:
            absolute = metric.threshold
        references.append(Reference(metric.title, mean, absolute, metric.rel_threshold, metric.two_sided))
        if metric.reference.std is not None:
            references.append(Reference(metric.title, metric.reference.std, of="std"))
    return tuple(references)


def is_image(metric: Metric, adapter: Adapter) -> bool:
    """Tell whether a metric is of the foreground, by its type of process, or by its output."""
    if metric.process_type:
        return metric.process_type == "image"
    return bool(adapter.foreground) and metric.prediction_source == adapter.foreground


def _check_source(metric: Metric, adapter: Adapter, place: Place) -> None:
    source, image = metric.prediction_source, is_image(metric, adapter)
    kind, right, others = "alpha", adapter.alpha, {adapter.alpha, adapter.foreground}
    if image:
        kind, right = "image", adapter.foreground
    if image and not adapter.foreground:
        raise (place / "process_type").error(f"the adapter {adapter.type} gives no foreground to measure; use alpha")
    if source and all(others) and source not in others:
        known = (adapter.foreground, adapter.alpha)
        raise (place / "prediction_source").error(f"found {shown(source)}; {suggestion(source, known)}")
    if source and right and source != right:
        raise (place / "process_type").error(f"{source} is not {kind}, which is {right}; correct one of them")
    if image and metric.type not in ("mad", "mse_with_mask"):
        raise (place / "type").error(f"{metric.type} measures alpha alone; choose mad or mse_with_mask")


def _convention(metric: Metric) -> str:
    if isinstance(metric, SadMetric):
        return metric.convention
    if metric.type in _EIGHT_BITS:
        return "omz_modnet"
    return "omz"


def _compute(metric: Metric, formula: Callable[[Values, Values, Region | None], float], image: bool) -> Compute:
    """Return the formula on alphas or foregrounds, of all pixels or those of the subject."""

    def compute(frame: ScoredFrame, region: Region | None) -> float | None:
        predicted, true = (frame.foreground, frame.true_foreground) if image else (frame.alpha, frame.truth)
        if isinstance(metric, MaskedMetric) and metric.use_mask:
            region = inside(unit(frame.truth) > metric.pha_tolerance, region)
        if predicted is None or true is None or (region is not None and not region.any()):
            return None
        return formula(predicted, true, region)

    return compute
