"""Mattes of a real subject before real photographs: the table of benchmarks/README.md.

    python benchmarks/real_pictures.py FOLDER_WITH_LEMUR pairs
    python benchmarks/real_pictures.py FOLDER_WITH_LEMUR sizes [astronaut|chelsea|coffee|rocket]
    python benchmarks/real_pictures.py FOLDER_WITH_LEMUR save DATASET

The folder has ``lemur_foreground.png`` and ``lemur_alpha.png``, the colours and the alpha of a subject. It is set
before photographs that scikit-image ships, with the same scene without it as the plate, in two ways:

- clean: noise of 2 levels, JPEG of quality 95;
- real: the plate is moved by (2, -1) pixels and 5 % brighter, the subject casts a soft shadow of 35 %, JPEG 92.

``pairs`` are eight of 1280x720, ``sizes`` a real one from 480 to 8000 pixels wide, at which all but the noise is
enlarged. With ``save`` the eight become a dataset for ``omz_accuracy --dataset DATASET --convention parts``.

Times are of the process on all cores, from the decoded images to the matte, since those of a clock stretch on a shared
machine.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from commands import machine
from numpy.typing import NDArray

from omz.accuracy.comparison import FrameResult
from omz.accuracy.datasets.sample import Entry, Remark, Sample
from omz.accuracy.prediction import Prediction, Predictor
from omz.accuracy.request import EvaluationObserver, EvaluationRequest
from omz.accuracy.run import run
from omz.accuracy.setup import set_up
from omz.images.arrays import Picture, Size
from omz.images.compositing import cover
from omz.images.files import read_picture, write_picture
from omz.images.geometry import resize
from omz.runtime.engine import EngineInfo

MODEL = "background-matting-starter"
VARIANTS = {"FP16": "network", "FP16+default": "default", "FP16+best": "best"}
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
KINDS = ("clean", "real")
FIGURES = ("MAD", "band", "inside", "background", "holes", "ghosts", "fringe", "GRAD")
WIDTHS = (480, 640, 960, 1280, 1920, 2560, 3840, 6000, 8000)

_REFERENCE = 1280  # pixels of width for which movement and shadow are given
_NOISE = 2.0
_QUALITY = {"clean": 95, "real": 92}
_SHIFT, _GAIN = (2.0, -1.0), 1.05
_SHADOW, _SHADOW_AT, _SHADOW_BLUR = 0.35, (40.0, 15.0), 18.0

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Pairs:
    """The subject of ``folder`` before photographs; frames are called KIND/PHOTOGRAPH/WIDTH."""

    folder: Path
    names: Sequence[str]
    remarks: Sequence[Remark] = ()

    @property
    def title(self) -> str:
        """Their number."""
        return f"{len(self.names)} pairs"

    @property
    def entries(self) -> Sequence[Entry]:
        """All pairs; none belongs to a clip."""
        return [Entry(name, "", 0, {}) for name in self.names]

    def read(self, entry: Entry) -> Sample:
        """Make a pair."""
        kind, photograph, width = entry.name.split("/")
        rng = np.random.default_rng(PHOTOGRAPHS.index(photograph) + 10 * KINDS.index(kind))
        size = round(int(width) * 9 / 16), int(width)
        foreground, alpha = subject(self.folder, size)
        scene = cover(stock(photograph), size).astype(np.float32)
        plate = scene
        if kind == "real":
            scale = size[1] / _REFERENCE
            plate = moved(scene, _SHIFT, scale, cv2.BORDER_REPLICATE) * np.float32(_GAIN)
            cast = cv2.GaussianBlur(moved(alpha, _SHADOW_AT, scale), (0, 0), _SHADOW_BLUR * scale)
            scene = scene * (1 - np.float32(_SHADOW) * cast[..., None])
        image = scene + alpha[..., None] * (foreground - scene)
        quality = _QUALITY[kind]
        return Sample(
            entry,
            photographed(image, rng, quality),
            photographed(plate, rng, quality),
            alpha.astype(np.float64),
            levels(foreground),
        )


def stock(photograph: str) -> Picture:
    """Return a photograph of scikit-image, BGR."""
    from skimage import data

    return cv2.cvtColor(getattr(data, photograph)(), cv2.COLOR_RGB2BGR)


def subject(folder: Path, size: Size) -> tuple[Plane, Plane]:
    """Return the subject's colours, 0 to 255, and alpha, 0 to 1: as high as the image, in its middle."""
    colours = read_picture(folder / "lemur_foreground.png").astype(np.float32)
    opacity = read_picture(folder / "lemur_alpha.png")[..., 0].astype(np.float32) / 255
    height, width = size
    own = height, round(colours.shape[1] * height / colours.shape[0])
    left = (width - own[1]) // 2
    foreground, alpha = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)
    foreground[:, left : left + own[1]] = resize(colours, own)
    alpha[:, left : left + own[1]] = np.clip(resize(opacity, own), 0, 1)
    return foreground, alpha


def moved(plane: Plane, by: tuple[float, float], scale: float, border: int = cv2.BORDER_CONSTANT) -> Plane:
    """Return an image moved by ``scale`` times ``by`` pixels, right and down."""
    matrix = np.array([[1, 0, by[0] * scale], [0, 1, by[1] * scale]], np.float32)
    height, width = plane.shape[:2]
    return cv2.warpAffine(plane, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=border)


def photographed(image: Plane, rng: np.random.Generator, quality: int) -> Picture:
    """Return what a camera makes of an image, 0 to 255: with noise, and as JPEG."""
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(_NOISE)
    _, content = cv2.imencode(".jpg", levels(image + noise), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(content, cv2.IMREAD_COLOR)


def levels(image: Plane) -> Picture:
    """Return 0 to 255, clipped and rounded."""
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


class CpuClock:
    """A predictor whose milliseconds are those of all cores, without the first run of each size, and with all steps."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._warm: set[tuple[int, ...]] = set()

    @property
    def info(self) -> EngineInfo:
        """The engine that really runs."""
        return self._predictor.info

    @property
    def remembers(self) -> bool:
        """Whether the network is recurrent."""
        return self._predictor.remembers

    def predict(self, sample: Sample, begins: bool) -> Prediction:
        """See :class:`Predictor`."""
        if sample.picture.shape not in self._warm:
            self._predictor.predict(sample, begins)
            self._warm.add(sample.picture.shape)
        started = time.process_time()
        prediction = self._predictor.predict(sample, begins)
        return replace(prediction, milliseconds=1e3 * (time.process_time() - started))


def score(pairs: Pairs) -> Sequence[FrameResult]:
    """Return the results of all variants on all pairs."""
    request = EvaluationRequest(name=MODEL, models=",".join(VARIANTS), convention="parts")
    [setup] = set_up(request, EvaluationObserver())
    variants = {}
    for label, variant in setup.variants.items():
        variants[label] = replace(variant, predictor=CpuClock(variant.predictor))
    return run(replace(setup, dataset=pairs, variants=variants), EvaluationObserver()).results


def row(label: str, results: Iterable[FrameResult]) -> str:
    """Return the cells of a variant's mean figures; empty where it has none, such as those of the foreground."""
    frames = [result.models[label] for result in results]
    cells = []
    for name in FIGURES:
        found = [frame.figures[name] for frame in frames if name in frame.figures]
        cells.append(f"{statistics.fmean(found):.2f}" if found else "")
    milliseconds = statistics.fmean(frame.milliseconds or 0 for frame in frames)
    return " | ".join([*cells, f"{milliseconds:.0f}"])


def heading(*first: str) -> str:
    """Return the head of a table."""
    cells = [*first, *FIGURES, "CPU ms"]
    return f"| {' | '.join(cells)} |\n{'|---' * len(cells)}|"


def show_pairs(folder: Path) -> None:
    """Print means over the pairs of each kind, and the MAD of each pair."""
    results = score(Pairs(folder, all_pairs()))
    print(heading("pairs", "variant"))
    for kind in KINDS:
        of_kind = [result for result in results if result.name.startswith(kind)]
        for label, name in VARIANTS.items():
            print(f"| {kind} | {name} | {row(label, of_kind)} |")
    print(f"\n| MAD | {' | '.join(VARIANTS.values())} |\n{'|---' * (1 + len(VARIANTS))}|")
    for result in results:
        cells = [f"{result.models[label].figures['MAD']:.2f}" for label in VARIANTS]
        print(f"| {result.name.rpartition('/')[0]} | {' | '.join(cells)} |")


def show_sizes(folder: Path, photograph: str) -> None:
    """Print the figures of one real pair at each size, as they come."""
    print(heading("width", "variant"))
    for width in WIDTHS:
        [result] = score(Pairs(folder, [f"real/{photograph}/{width}"]))
        for label, name in VARIANTS.items():
            print(f"| {width} | {name} | {row(label, [result])} |", flush=True)


def all_pairs() -> Sequence[str]:
    """Return the names of the eight pairs."""
    return [f"{kind}/{photograph}/{_REFERENCE}" for kind in KINDS for photograph in PHOTOGRAPHS]


def save(folder: Path, dataset: Path) -> None:
    """Write the pairs as a dataset."""
    pairs = Pairs(folder, all_pairs())
    for entry in pairs.entries:
        sample = pairs.read(entry)
        clip, name, _ = entry.name.split("/")
        images = {"com": sample.picture, "bgr": sample.plate, "fgr": sample.foreground}
        if sample.alpha is not None:
            images["pha"] = np.rint(255 * sample.alpha).astype(np.uint8)
        for role, image in images.items():
            if image is not None:
                write_picture(dataset / role / clip / f"{name}.png", image)


def main() -> None:
    folder, what, *more = sys.argv[1:]
    if what == "save":
        save(Path(folder), Path(*more))
        return
    print(f"{machine()}\n")
    if what == "pairs":
        show_pairs(Path(folder))
    else:
        show_sizes(Path(folder), *more or ["astronaut"])


if __name__ == "__main__":
    main()
