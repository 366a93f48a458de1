"""The named ways in which the field scores mattes: which formulas, of which pixels, in which units.

The same letters mean other numbers elsewhere, so every figure carries its convention, its region and its unit.

=========  =======================================================================================
``omz``    Open Model Zoo's accuracy checker: alpha as the network gives it, the whole picture
``dim``    Deep Image Matting and BackgroundMattingV2's benchmark: 8 bits, the trimap's unknown region
``rvm_lr`` Robust Video Matting, low resolution: 8 bits, the whole picture, by frame index over clips
``rvm_hr`` Robust Video Matting, high resolution: as ``rvm_lr``, without CONN, edges not stretched
``shm``    MindSpore's Semantic Human Matting: alpha as the network gives it, the whole picture
``parts``  this project's: alpha as given, the whole picture, and what its parts add to the error
=========  =======================================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from omz.errors import UsageError
from omz.metrics.differences import Region, Values, check_shapes, dtssd, mad, mse, sad, unit
from omz.metrics.parts import ghosts, holes, part_of_mad
from omz.metrics.perceptual import connectivity_error, gradient_error
from omz.metrics.regions import background, edge_band, hair_band, subject, uncertain_region, unknown_region

Rounding = Literal["none", "truncate", "round"]
"""Rounding of a predicted 0 to 1 to one of 256 levels: none, the next below, the nearest."""

RegionName = Literal["whole", "unknown", "edge"]
"""Pixels that count: all, those that the trimap leaves open, or those near the edge of the true alpha."""

EDGE_WIDTH = 10
"""Reach of the edge to either side, in pixels."""

FLICKER, UNBIASED_FLICKER = "dtSSD", "dtSSD of pairs"
_LEVELS = 255
_DIM_MULTIPLE = 4


@dataclass(frozen=True)
class ScoredFrame:
    """A prediction and its truth: alphas (H, W), foregrounds (H, W, 3), trimap (H, W) of 0, 128 and 255.

    Alphas and foregrounds are 0 to 1 in any floating type, or levels in uint8 or uint16. Foregrounds are None where
    there is none to compare, the trimap where there is none.
    """

    alpha: Values
    truth: Values
    foreground: Values | None = None
    true_foreground: Values | None = None
    trimap: NDArray[np.uint8] | None = None


Compute = Callable[[ScoredFrame, Region | None], float | None]
"""One number of a frame, and of the region that counts; None where there is nothing to measure."""


@dataclass(frozen=True)
class Measure:
    """One figure of a convention, lower is better: ``compute`` times ``scale``, in ``unit``.

    ``of_foreground`` tells that it needs the colours of a foreground, and the true ones.
    """

    name: str
    unit: str
    scale: float
    compute: Compute
    of_foreground: bool = False


@dataclass(frozen=True)
class Convention:
    """Measures of a frame, and the way to average frames.

    ``flicker`` is the scale of dtSSD, None where it is not measured. Frames are averaged as they come, or where
    ``by_index``, those of one index over clips first, and then the indices.
    """

    name: str
    region: RegionName
    levels: Rounding
    measures: tuple[Measure, ...]
    flicker: float | None = None
    by_index: bool = False
    multiple: int = 1

    @property
    def units(self) -> dict[str, str]:
        """The units of its figures by name; empty for those of the pixels' own."""
        units = {each.name: each.unit for each in self.measures}
        if self.flicker:
            units[FLICKER] = units[UNBIASED_FLICKER] = f"x{self.flicker:g}"
        return units

    @property
    def described(self) -> str:
        """Its name, region and rounding, in a few words."""
        levels = {"none": "alpha as given", "truncate": "256 levels, cut off", "round": "256 levels, rounded"}
        regions = {
            "whole": "the whole image",
            "unknown": "the trimap's unknown region",
            "edge": f"the edge, {EDGE_WIDTH} pixels to either side",
        }
        return f"convention {self.name}: {regions[self.region]}; {levels[self.levels]}"

    def score(self, frame: ScoredFrame, before: ScoredFrame | None = None, is_first: bool = True) -> dict[str, float]:
        """Return the figures of a frame by name, without those that have nothing to measure.

        ``before`` is the clip's frame before it. Without it the dtSSD of the first is 0, and others have none; that of
        pairs leaves firsts out. Where a prediction is not finite, neither are its figures. Raises :class:`ValueError`
        if shapes differ, or the region is empty.
        """
        prepared = self._prepare(frame)
        region = self._region(prepared)
        figures = {}
        for measure in self.measures:
            number = measure.compute(prepared, region)
            if number is not None:
                figures[measure.name] = measure.scale * number
        if self.flicker is not None:
            if is_first and before is None:
                figures[FLICKER] = 0.0
            if before is not None:
                earlier = self._prepare(ScoredFrame(before.alpha, before.truth))
                change = dtssd(prepared.alpha, earlier.alpha, prepared.truth, earlier.truth, region)
                figures[FLICKER] = figures[UNBIASED_FLICKER] = self.flicker * change
        return figures

    def _prepare(self, frame: ScoredFrame) -> ScoredFrame:
        _check(frame)
        height, width = (side // self.multiple * self.multiple for side in frame.truth.shape)
        if not height or not width:
            raise ValueError(f"the frame is smaller than {self.multiple}x{self.multiple}, of which images are cut")
        cut = {name: values[:height, :width] for name, values in vars(frame).items() if values is not None}
        for name in cut.keys() & {"alpha", "foreground"}:
            cut[name] = _quantised(cut[name], self.levels)
        return ScoredFrame(**cut)

    def _region(self, frame: ScoredFrame) -> Region | None:
        if self.region == "whole":
            return None
        if self.region == "edge":
            band = edge_band(frame.truth, EDGE_WIDTH)
            if not band.any():
                raise ValueError("the true alpha has no edge: it is the same everywhere")
            return band
        return uncertain_region(frame.truth) if frame.trimap is None else unknown_region(frame.trimap)


def _check(frame: ScoredFrame) -> None:
    """Raise :class:`ValueError` where sizes differ, which cutting would hide."""
    check_shapes(frame.alpha, frame.truth)
    if frame.trimap is not None and frame.trimap.shape != frame.truth.shape:
        raise ValueError(f"shapes differ: {frame.trimap.shape} trimap, {frame.truth.shape} true")
    for colours in (frame.foreground, frame.true_foreground):
        if colours is not None and colours.shape != (*frame.truth.shape, 3):
            raise ValueError(f"shapes differ: {colours.shape} foreground, {frame.truth.shape} true")


def _quantised(values: Values, levels: Rounding) -> Values:
    """Return levels as they are, and 0 to 1 as 256 levels of it; what is not finite becomes NaN.

    Computed in float32, as those do who write mattes to files: a level that came from a file stays what it was.
    """
    if levels == "none" or values.dtype == np.uint8:
        return values
    single = unit(values).astype(np.float32)
    scaled = np.clip(single, 0, 1) * np.float32(_LEVELS)
    scaled[np.isinf(single)] = np.nan
    rounded = np.floor if levels == "truncate" else np.rint
    return rounded(scaled) / np.float64(_LEVELS)


def _alpha(metric: Callable[..., float], **options: object) -> Compute:
    return lambda frame, region: metric(frame.alpha, frame.truth, region, **options)


def _foreground(metric: Callable[..., float], above: float) -> Compute:
    """Compare colours where there is a subject: where the true alpha is above ``above``."""

    def compute(frame: ScoredFrame, region: Region | None) -> float | None:
        counted = inside(unit(frame.truth) > above, region)
        if frame.foreground is None or frame.true_foreground is None or not counted.any():
            return None
        return metric(frame.foreground, frame.true_foreground, counted)

    return compute


def inside(mask: Region, region: Region | None) -> Region:
    """Return the pixels of a mask that count."""
    return mask if region is None else mask & region


def _masked_foreground(frame: ScoredFrame, region: Region | None) -> float | None:
    """Compare the colours of a region as they are where there is a subject, and as black where there is none."""
    if frame.foreground is None or frame.true_foreground is None:
        return None
    counted = inside(frame.truth > 0, region)
    if not counted.any():
        return 0.0
    # Black on both sides differs nowhere, and weighs in the mean.
    whole = counted.size if region is None else np.count_nonzero(region)
    return np.count_nonzero(counted) / whole * mse(frame.foreground, frame.true_foreground, counted)


def _in(part: Callable[[Values], Region], compute: Compute) -> Compute:
    """Measure in a part of the image alone; there is nothing to measure where the image has no such part."""

    def within(frame: ScoredFrame, region: Region | None) -> float | None:
        counted = inside(part(frame.truth), region)
        return compute(frame, counted) if counted.any() else None

    return within


def _part(part: Callable[[Values], Region]) -> Compute:
    return lambda frame, region: part_of_mad(frame.alpha, frame.truth, part(frame.truth), region)


def _fringe(frame: ScoredFrame, region: Region | None) -> float | None:
    if frame.foreground is None or frame.true_foreground is None:
        return None
    return mad(frame.foreground, frame.true_foreground, region)


def _means(**options: object) -> tuple[Measure, ...]:
    return (
        Measure("MAD", "x1e3", 1e3, _alpha(mad)),
        Measure("MSE", "x1e3", 1e3, _alpha(mse)),
        Measure("GRAD", "/1e3", 1e-3, _alpha(gradient_error, **options)),
    )


_fgr = partial(Measure, unit="x1e3", scale=1e3, of_foreground=True)

OMZ = Convention("omz", "whole", "none", (*_means(), _fgr("foreground MSE", compute=_foreground(mse, 0.01))))
_RVM = Convention(
    "rvm_lr",
    "whole",
    "truncate",
    (
        *_means(border="replicate", normalised=True),
        Measure("CONN", "/1e3", 1e-3, _alpha(connectivity_error)),
        _fgr("foreground MAD", compute=_foreground(mad, 0)),
        _fgr("foreground MSE", compute=_foreground(mse, 0)),
    ),
    flicker=1e2,
    by_index=True,
)
_DIM = Convention(
    "dim",
    "unknown",
    "truncate",
    (
        Measure("MSE", "", 1.0, _alpha(mse)),
        Measure("SAD", "/1e3", 1e-3, _alpha(sad)),
        Measure("GRAD", "", 1.0, _alpha(gradient_error, border="replicate", normalised=True)),
        Measure("CONN", "", 1.0, _alpha(connectivity_error)),
        Measure("foreground MSE", "", 1.0, _masked_foreground, of_foreground=True),
    ),
    multiple=_DIM_MULTIPLE,
)
_RVM_HR = (*_means(border="replicate"), _fgr("foreground MSE", compute=_foreground(mse, 0)))
_SHM = Convention("shm", "whole", "none", (Measure("SAD", "/1e3", 1e-3, _alpha(sad)),))
_PARTS = Convention(
    "parts",
    "whole",
    "none",
    (
        *_means(),
        Measure("band", "x1e3", 1e3, _in(hair_band, _alpha(mad))),
        Measure("inside", "x1e3", 1e3, _part(subject)),
        Measure("background", "x1e3", 1e3, _part(background)),
        Measure("holes", "%", 1e2, _in(subject, _alpha(holes))),
        Measure("ghosts", "%", 1e2, _in(background, _alpha(ghosts))),
        Measure("fringe", "x1e3", 1e3, _in(hair_band, _fringe), of_foreground=True),
    ),
)
CONVENTIONS = {
    "omz": OMZ,
    "dim": _DIM,
    "rvm_lr": _RVM,
    "rvm_hr": replace(_RVM, name="rvm_hr", measures=_RVM_HR),
    "shm": _SHM,
    "parts": _PARTS,
}
"""All of them, by name."""


def find_convention(name: str, region: RegionName | None = None, levels: Rounding | None = None) -> Convention:
    """Return a convention by its name, or one that differs from it in its region or levels alone.

    Raises :class:`UsageError` for an unknown name.
    """
    if name not in CONVENTIONS:
        raise UsageError(f"--convention {name}: there are {', '.join(CONVENTIONS)}")
    found = CONVENTIONS[name]
    return replace(found, region=region or found.region, levels=levels or found.levels)
