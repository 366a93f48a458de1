"""Clothes of MakeHuman, from a folder of its assets: ``.mhclo`` files beside their ``.obj``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omz.errors import ModelFileError, UsageError, first_line, os_reason
from omz.synthesis.people.base_mesh import Faces, Points, base_mesh, read_obj
from omz.synthesis.people.body import normals
from omz.synthesis.people.outfit import Garment
from omz.synthesis.people.renderer import Surface

_WAIST = 1.0  # height in the rest pose at which an outfit changes its colour


@dataclass(frozen=True)
class FittedMesh:
    """Clothes that follow the base mesh.

    A vertex lies on the triangle of the mesh's vertices ``bound`` (N, 3), at ``weights``, and ``offset`` from it in the
    triangle's own frame. ``hidden`` are the vertices of the body below.
    """

    bound: NDArray[np.int64]
    weights: NDArray[np.float32]
    offset: Points
    faces: Faces
    hidden: NDArray[np.int64]

    def on(self, position: Points) -> Points:
        """Return the vertices on a mesh in any shape and pose."""
        corners = position[self.bound]
        on_triangle = np.einsum("nk,nkj->nj", self.weights, corners)
        frames = _frames(corners)
        return (on_triangle + np.einsum("nij,nj->ni", frames, self.offset)).astype(np.float32)


def _frames(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (N, 3, 3) frames of triangles, whose columns are as long as the triangle is large."""
    first = corners[:, 1] - corners[:, 0]
    across = np.cross(first, corners[:, 2] - corners[:, 0])
    size = np.sqrt(np.linalg.norm(across, axis=1, keepdims=True)) + 1e-9
    one = first / (np.linalg.norm(first, axis=1, keepdims=True) + 1e-9)
    two = across / (np.linalg.norm(across, axis=1, keepdims=True) + 1e-9)
    return np.stack([one, two, np.cross(one, two)], axis=-1) * size[..., None]


@cache
def read_clothes(path: Path) -> FittedMesh:
    """Read a ``.mhclo`` file. Raises :class:`~omz.errors.ModelFileError` if it is not one, or has no ``.obj``."""
    try:
        return _read(path)
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read with its .obj: {os_reason(error)}") from error
    except (ValueError, IndexError) as error:
        raise ModelFileError(f"{path} or its .obj is damaged: {first_line(error)}; get them again") from error


def _read(path: Path) -> FittedMesh:
    vertices, groups, _ = read_obj(path.with_suffix(".obj"))
    rows, hidden = _bindings(path)
    if len(rows) != len(vertices):
        raise ModelFileError(f"{path} binds {len(rows)} vertices, and its .obj has {len(vertices)}; get it again")
    table = np.array([row[:9] if len(row) >= 9 else [row[0]] * 3 + [1, 0, 0, 0, 0, 0] for row in rows])
    if not np.isfinite(table).all():
        raise ValueError("a number is not finite")
    bound = table[:, :3].astype(np.int64)
    weights = table[:, 3:6].astype(np.float32)
    triangles = np.concatenate(list(groups.values()))
    below = np.array(hidden, np.int64)
    body = base_mesh().vertices
    for indices, count in ((bound, len(body)), (below, len(body)), (triangles, len(vertices))):
        if ((indices < 0) | (indices >= count)).any():
            raise ValueError("a vertex is named that is not there")
    frames = _frames(body[bound])
    size = np.square(np.linalg.norm(frames[:, :, 0], axis=1))[:, None]
    offset = np.einsum("nji,nj->ni", frames, table[:, 6:].astype(np.float32)) / np.maximum(size, 1e-6)
    offset[(bound[:, 0] == bound[:, 1]) | (size[:, 0] < 1e-6)] = 0  # a single vertex has no frame
    return FittedMesh(bound, weights, offset.astype(np.float32), triangles, below)


def _bindings(path: Path) -> tuple[list[list[float]], list[int]]:
    """Return the numbers by which each vertex of the clothes is bound, and the hidden vertices of the body."""
    rows: list[list[float]] = []
    hidden: list[int] = []
    section = ""
    for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0][0].isalpha():
            section = words[0]
        elif section == "verts":
            rows.append([float(word) for word in words])
        elif section == "delete_verts":
            hidden += _ranges(words)
    return rows, hidden


def _ranges(words: list[str]) -> list[int]:
    """Return the numbers of a list such as ``3 5 - 7``."""
    found: list[int] = []
    for number, word in enumerate(words):
        if word == "-":
            found += range(found[-1] + 1, int(words[number + 1]))
        else:
            found.append(int(word))
    return found


@cache
def suits(folder: Path) -> tuple[Path, ...]:
    """Return the outfits below a folder, sorted by name: those that have ``suit`` in it.

    Raises :class:`~omz.errors.UsageError` if there are none.
    """
    found = tuple(sorted(folder.rglob("*suit*.mhclo"), key=lambda path: (path.name, path)))
    if not found:
        raise UsageError(f"{folder} has no outfits (*suit*.mhclo); choose another folder for --makehuman")
    return found


def wear(position: Points, path: Path, upper: Garment, lower: Garment) -> tuple[Surface, NDArray[np.float32]]:
    """Return an outfit in the look of two garments, and where it covers the body, (N,): positive below it."""
    clothes = read_clothes(path)
    moved, rest = clothes.on(position), clothes.on(base_mesh().vertices)
    above = rest[:, 1:2] > _WAIST
    colour = np.where(above, upper.colour, lower.colour).astype(np.float32)
    covered = np.full(len(position), -1.0, np.float32)
    covered[clothes.hidden] = 1
    cover = np.ones(len(moved), np.float32)
    return Surface(moved, normals(moved, clothes.faces), rest, colour, cover, clothes.faces, upper.material), covered
