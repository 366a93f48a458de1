"""Layouts of datasets in folders, as the field has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omz.accuracy.datasets.paths import PathPattern
from omz.accuracy.datasets.sample import Role
from omz.errors import DataError


@dataclass(frozen=True)
class Layout:
    """Where a dataset has which files, as :class:`PathPattern`.

    ``needs`` are roles that a dataset must have, or one of several; any other it has or has not, but then for all
    frames. Without pictures, foregrounds are placed before backgrounds, those of the folder ``bgr`` unless there are
    others. ``subfolder`` is where to look if there is such a folder. ``listing`` is the pattern of the lines in a text
    file, named after the folder, that says which frames count; without it, all do.
    """

    name: str
    paths: Mapping[Role, str]
    needs: tuple[tuple[Role, ...], ...]
    subfolder: str = ""
    listing: str = ""

    @property
    def is_composited(self) -> bool:
        """Whether pictures are made from foregrounds and backgrounds."""
        return "picture" not in self.paths

    def base(self, folder: Path) -> Path:
        """Return the folder that the paths start from."""
        inner = folder / self.subfolder
        return inner if inner.is_dir() else folder

    def lack(self, folder: Path) -> str:
        """Return which files a folder must have and has not, or nothing."""
        for roles in self.needs:
            patterns = [self.paths[role] for role in roles]
            base = self.base(folder)
            if not any(PathPattern(pattern).is_in(base) for pattern in patterns):
                return "no " + " or ".join(patterns)
        return ""


def _clips(picture: str, plate: str, alpha: str, foreground: str) -> Mapping[Role, str]:
    return {"picture": picture, "plate": plate, "alpha": alpha, "foreground": foreground}


LAYOUTS: Mapping[str, Layout] = {
    each.name: each
    for each in (
        Layout(
            "omz_clips",
            _clips("com/{clip}/{frame}", "bgr/{clip}/{frame}", "pha/{clip}/{frame}", "fgr/{clip}/{frame}"),
            needs=(("picture",), ("foreground", "alpha")),
        ),
        Layout(
            "per_clip",
            _clips("{clip}/com/{frame}", "{clip}/bgr/{frame}", "{clip}/pha/{frame}", "{clip}/fgr/{frame}"),
            needs=(("picture",), ("foreground", "alpha")),
        ),
        Layout(
            "videomatte",
            {"alpha": "pha/{clip}/{frame}", "foreground": "fgr/{clip}/{frame}"},
            needs=(("foreground",), ("alpha",)),
        ),
        Layout(
            "matting_human_generated",
            {
                "picture": "clip_img/{day}/clip_{clip}/{frame}",
                "alpha": "alpha/{day}/matting_{clip}/{frame}",
                "trimap": "trimap/{day}/matting_{clip}/{frame}",
            },
            needs=(("picture",), ("alpha",)),
            subfolder="test",
            listing="{day}/matting_{clip}/{frame}",
        ),
        Layout(
            "matting_human",
            {"picture": "clip_img/{day}/clip_{clip}/{frame}", "cutout": "matting/{day}/matting_{clip}/{frame}"},
            needs=(("picture",), ("cutout",)),
        ),
        Layout(
            "flat",
            {"picture": "images/{frame}", "plate": "bgr/{frame}", "alpha": "alpha/{frame}", "trimap": "trimap/{frame}"},
            needs=(("picture",), ("alpha",)),
        ),
        Layout("compositing", {"alpha": "pha/{frame}", "foreground": "fgr/{frame}"}, needs=(("foreground",),)),
        Layout("pictures", {"picture": "{frame}", "plate": "bgr/{frame}"}, needs=(("picture",),)),
    )
}
"""All of them, by name; where a folder has several, the first counts. The last has no truth."""


def detect_layout(folder: Path) -> str:
    """Return the name of the layout that ``folder`` has, or raise :class:`DataError` saying what it lacks of each."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; name that of a dataset")
    lacks = []
    for name, layout in LAYOUTS.items():
        lack = layout.lack(folder)
        if not lack:
            return name
        lacks.append(f"{name}: {lack}")
    raise DataError(f"{folder} has no known layout ({'; '.join(lacks)}); rename its folders, or name another folder")


def find_layout(folder: Path, name: str | Layout) -> Layout:
    """Return a layout by its name, that of ``folder`` for "auto", or the given one; raises :class:`DataError`."""
    if isinstance(name, Layout):
        return name
    if name == "auto":
        return LAYOUTS[detect_layout(folder)]
    if name not in LAYOUTS:
        raise DataError(f"no layout {name!r}; use auto or one of {', '.join(LAYOUTS)}")
    if lack := LAYOUTS[name].lack(folder):
        raise DataError(f"{folder} does not have the layout {name}: {lack}; rename its folders, or name another layout")
    return LAYOUTS[name]
