"""Make the pictures of the README and of docs/demo.md: photographs cut out, without a plate and with one.

    python docs/picture.py [--layers FOLDER] [FOLDER]

Those of the README come with scikit-image: a cat (Stefan van der Walt) and a coffee (Rachel Michetti), both CC0, and
an astronaut (NASA), in the public domain. ``omz.cut_out`` gets nothing but the photograph, and takes ``u2netp``.

The subject in docs/demo.md is Eileen Collins, photographed by NASA, and the new background a launch site, photographed
by SpaceX; both are in the public domain and come with scikit-image. Nobody photographed the studio without her, so its
plate is retouched: inside a rough outline of her, the backdrop is continued from its surroundings. ``omz.cut_out`` does
the rest.

``--layers`` has the layers of the frozen sets (benchmarks/starter_sets.py), of whose people ``starter.jpg`` shows some.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

import omz
from omz.images.arrays import Picture
from omz.images.files import encode_picture, read_picture, write_picture

Outline = list[tuple[int, int]]

HEIGHT = 340  # of the photograph's 512 rows: about three to two
SCALE = 2  # the model works best at the sizes of videos
PANEL = (768, 512)
SMALL_PANEL = (480, 320)
COLOUR = "#3ca0b4"
SHOWN = (4, 9, 7)  # of the people
# Outlines in pixels of the photograph, x and y
SUBJECT: Outline = [
    (19, 341), (36, 296), (50, 264), (72, 241), (95, 222), (104, 208), (102, 176), (122, 150), (160, 138), (142, 105),
    (140, 66), (158, 32), (192, 6), (235, -2), (274, 8), (304, 38), (314, 80), (308, 118), (284, 144), (300, 176),
    (314, 208), (318, 236), (346, 258), (360, 286), (366, 341),
]  # fmt: skip
FLAG: Outline = [(-1, -1), (62, -1), (106, 205), (106, 341), (-1, 341)]
SHUTTLE: Outline = [(340, 341), (340, 250), (370, 60), (390, -1), (450, -1), (480, 270), (512, 270), (512, 341)]
LAUNCH = np.s_[134:410, 46:460]  # the rocket, to the right of her


def main() -> None:
    """Write ``cut_out.jpg`` and ``steps.jpg`` into the folder, by default that of this file; and ``starter.jpg``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(__file__).parent)
    given = parser.parse_args()
    folder: Path = given.folder
    if given.layers:
        _write(folder / "starter.jpg", rendered(given.layers))
    _write(folder / "cut_out.jpg", without_plate())
    photo = _bgr(data.astronaut())[:HEIGHT]
    pictures = {"photo.png": _enlarge(photo), "plate.png": _enlarge(retouch(photo)), "launch.png": _launch()}
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        for name, picture in pictures.items():
            write_picture(work / name, picture)
        omz.cut_out(
            work / "photo.png",
            output=work / "out",
            plate=work / "plate.png",
            target=work / "launch.png",
            what="alpha,composite",
            fill_holes=0.02,
        )
        results = [read_picture(work / "out" / f"photo_{name}.png") for name in ("alpha", "composite")]
    panels = [_panel(picture) for picture in (pictures["photo.png"], pictures["plate.png"], *results)]
    _write(folder / "steps.jpg", np.vstack([np.hstack(panels[:2]), np.hstack(panels[2:])]))


def without_plate() -> Picture:
    """Return photographs, and below each the same before a colour."""
    photos = {"cat": data.chelsea(), "coffee": data.coffee(), "astronaut": data.astronaut()[:HEIGHT]}
    before, after = [], []
    with tempfile.TemporaryDirectory() as temporary:
        for name, photo in photos.items():
            path, result = Path(temporary, f"{name}.png"), Path(temporary, f"{name}_cut_out.png")
            write_picture(path, _bgr(photo))
            omz.cut_out(path, output=result, target=COLOUR)
            before.append(_panel(read_picture(path), SMALL_PANEL))
            after.append(_panel(read_picture(result), SMALL_PANEL))
    return np.vstack([np.hstack(before), np.hstack(after)])


def rendered(layers: Path) -> Picture:
    """Return rendered people of the frozen sets, their mattes, and the same before a colour."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    import starter_sets

    model = omz.MattingModel()
    people = next(each for each in starter_sets.staged_sets(starter_sets.layers(layers)) if each.name == "people")
    rows: list[list[Picture]] = [[], [], []]
    for number in SHOWN:
        frame = people.make(number)
        matte = model(frame.picture, frame.plate)
        alpha = cv2.merge([np.rint(255 * matte.alpha).astype(np.uint8)] * 3)
        for row, picture in zip(rows, (frame.picture, alpha, _bgr(np.asarray(matte.composite(COLOUR)))), strict=True):
            row.append(_panel(picture, SMALL_PANEL))
    return np.vstack([np.hstack(row) for row in rows])


def retouch(photo: Picture) -> Picture:
    """Return the photograph with the backdrop in place of the subject."""
    subject = _inside(SUBJECT, photo)
    known = (1 - subject) * (1 - _inside(FLAG, photo)) * (1 - _inside(SHUTTLE, photo))
    total = np.zeros(photo.shape, np.float32)
    weights = np.zeros((*known.shape, 1), np.float32)
    for sigma in (6, 12, 25, 50, 100):  # near pixels count most; far ones serve where no others are
        share = sigma**-4.0
        total += share * cv2.GaussianBlur(photo * known[..., None], (0, 0), sigma)
        weights += share * cv2.GaussianBlur(known, (0, 0), sigma)[..., None]
    backdrop = total / np.maximum(weights, 1e-12)
    inside = cv2.GaussianBlur(subject, (0, 0), 1)[..., None]
    return np.round(photo * (1 - inside) + backdrop * inside).astype(np.uint8)


def _inside(outline: Outline, photo: Picture) -> NDArray[np.float32]:
    """Return 1 inside the outline and 0 outside, at the size of the photograph."""
    mask = np.zeros(photo.shape[:2], np.float32)
    cv2.fillPoly(mask, [np.array(outline, np.int32)], 1)
    return mask


def _launch() -> Picture:
    return _bgr(data.rocket())[LAUNCH]


def _bgr(picture: Picture) -> Picture:
    return np.ascontiguousarray(picture[..., ::-1])


def _enlarge(picture: Picture) -> Picture:
    return cv2.resize(picture, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)


def _panel(picture: Picture, size: tuple[int, int] = PANEL) -> Picture:
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _write(path: Path, picture: Picture) -> None:
    path.write_bytes(encode_picture(path, picture, quality=85))


if __name__ == "__main__":
    main()
