"""Shapes and poses: what a person's bare mesh looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from omz.synthesis.people.base_mesh import BaseMesh, Points, base_mesh, target, targets_of

Vector = NDArray[np.float64]

_FACE = ("nose", "chin", "cheek", "eyes", "mouth", "head", "forehead", "ears", "neck", "eyebrows")
_FEATURES = 26  # targets of the face that are mixed in
_SMILES = ("mouth-corner-puller", "mouth-part-later", "mouth-elevation", "mouth-retraction")


@dataclass(frozen=True)
class Shape:
    """Who somebody is; all numbers are from 0 to 1.

    ``ancestry`` are the shares of African, Asian and European, ``male`` that of the male shape. ``age`` is 0.19 at
    about 11 years, 0.5 at 25 and 1 at 90. ``weight``, ``muscle`` and ``height`` are in the middle at 0.5.
    """

    ancestry: tuple[float, float, float]
    male: float
    age: float
    weight: float
    muscle: float
    height: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> Shape:
        """Draw somebody; most are adults, and one in eight is a child."""
        african, asian, european = rng.dirichlet([0.5, 0.5, 0.5]).tolist()
        child = rng.random() < 0.12
        age = rng.uniform(0.2, 0.42) if child else 0.45 + 0.55 * rng.beta(1.1, 2)
        sex = rng.beta(0.25, 0.25)
        around = rng.beta(2.5, 2.5, 3)
        return cls((african, asian, european), float(sex), float(age), *map(float, around))


def shaped(shape: Shape, rng: np.random.Generator) -> Points:
    """Return the vertices of somebody in the rest pose, with features and an expression of their own."""
    vertices = base_mesh().vertices.copy()
    sexes = {"female": 1 - shape.male, "male": shape.male}
    ages = _between(shape.age, {"child": 0.1875, "young": 0.5, "old": 1.0})
    muscles = _between(shape.muscle, {"minmuscle": 0.0, "averagemuscle": 0.5, "maxmuscle": 1.0})
    weights = _between(shape.weight, {"minweight": 0.0, "averageweight": 0.5, "maxweight": 1.0})
    heights = _between(shape.height, {"minheight": 0.0, "": 0.5, "maxheight": 1.0})
    peoples = dict(zip(("african", "asian", "caucasian"), shape.ancestry, strict=True))
    _mix(vertices, "macrodetails/{}-{}-{}", peoples, sexes, ages)
    _mix(vertices, "macrodetails/universal-{}-{}-{}-{}", sexes, ages, muscles, weights)
    heights.pop("", None)
    _mix(vertices, "macrodetails/height/{}-{}-{}-{}-{}", sexes, ages, muscles, weights, heights)
    _add_features(vertices, rng)
    _add_expression(vertices, rng)
    return vertices


def _between(value: float, stops: dict[str, float]) -> dict[str, float]:
    """Return the shares of the two stops around a value, or of one."""
    names, places = list(stops), list(stops.values())
    shares = [float(np.interp(value, places, np.eye(len(places))[k])) for k in range(len(places))]
    return {name: share for name, share in zip(names, shares, strict=True) if share > 0}


def _mix(vertices: Points, pattern: str, *shares: dict[str, float]) -> None:
    for choice in product(*(each.items() for each in shares)):
        amount = math.prod(share for _, share in choice)
        if amount > 1e-3:
            _add(vertices, pattern.format(*(name for name, _ in choice)), amount)


def _add(vertices: Points, name: str, amount: float) -> None:
    indices, offsets = target(name)
    vertices[indices] += np.float32(amount) * offsets


def _add_features(vertices: Points, rng: np.random.Generator) -> None:
    """Mix in a face: some targets, those of left and right alike."""
    names = [name for folder in _FACE for name in targets_of(folder) if "/r-" not in name]
    for name in rng.choice(names, _FEATURES, replace=False):
        amount = float(rng.beta(1.3, 2.2)) * 0.8
        _add(vertices, name, amount)
        if "/l-" in name:
            _add(vertices, name.replace("/l-", "/r-"), amount)


def _add_expression(vertices: Points, rng: np.random.Generator) -> None:
    folder = "expression/units/caucasian"
    if rng.random() < 0.5:
        _add(vertices, f"{folder}/{_SMILES[int(rng.integers(len(_SMILES)))]}", float(rng.uniform(0.1, 0.6)))
    closure = float(rng.uniform(0, 0.3))
    for side in ("left", "right"):
        _add(vertices, f"{folder}/eye-{side}-closure", closure)


@dataclass(frozen=True)
class Pose:
    """Directions of limbs and turns of the body.

    ``aims`` gives bones a direction, ``turns`` an angle in radians about x, y and z on top of their parent's.
    """

    aims: dict[str, tuple[float, float, float]]
    turns: dict[str, tuple[float, float, float]]
    curl: float = 0.3

    @classmethod
    def random(cls, rng: np.random.Generator, seated: bool) -> Pose:
        """Draw a pose; someone ``seated`` bends the knees."""
        aims: dict[str, tuple[float, float, float]] = {}
        both = _ARMS[int(rng.choice(len(_ARMS), p=_LIKELY))]
        for side, sign in (("l", 1.0), ("r", -1.0)):
            arm = both if rng.random() < 0.55 else _ARMS[int(rng.choice(len(_ARMS), p=_LIKELY))]
            for bone, direction in zip((f"upperarm_{side}", f"lowerarm_{side}"), arm, strict=True):
                x, y, z = np.array(direction) + rng.normal(0, 0.08, 3)
                aims[bone] = (sign * float(x), float(y), float(z))
            step = float(rng.normal(0, 0.12))
            thigh = (0.12, -1.0, step) if not seated else (0.2, -0.15, 1.0)
            calf = (0.05, -1.0, min(0.0, step) - 0.05) if not seated else (0.05, -1.0, float(rng.normal(0.1, 0.2)))
            aims[f"thigh_{side}"] = (sign * thigh[0], thigh[1], thigh[2])
            aims[f"calf_{side}"] = (sign * calf[0], calf[1], calf[2])
        x, y, z = rng.normal(0, (0.12, 0.2, 0.08))
        lean_x, lean_y, lean_z = rng.normal(0, (0.05, 0.08, 0.04))
        turns = {
            "spine_01": (float(lean_x), float(lean_y), float(lean_z)),
            "spine_03": (float(lean_x), float(lean_y), float(lean_z)),
            "neck_01": (float(x) * 0.5, float(y) * 0.5, float(z) * 0.5),
            "head": (float(x) * 0.5, float(y) * 0.5, float(z) * 0.5),
            "hand_l": tuple(rng.normal(0, 0.2, 3).tolist()),
            "hand_r": tuple(rng.normal(0, 0.2, 3).tolist()),
        }
        return cls(aims, turns, float(rng.uniform(0, 0.6)))


_ARMS = (
    ((0.22, -1.0, 0.0), (0.12, -1.0, 0.25)),  # hanging
    ((0.22, -1.0, 0.0), (0.1, -1.0, 0.4)),
    ((0.3, -1.0, 0.2), (-0.25, -0.3, 1.0)),  # at a keyboard
    ((0.25, -1.0, 0.1), (-0.6, -0.25, 0.8)),  # hands in the lap
    ((0.7, -0.75, -0.15), (-0.55, -0.75, 0.35)),  # on the hip
    ((0.75, -0.6, 0.3), (0.15, 1.0, 0.25)),  # waving
    ((0.4, -0.8, 0.6), (-0.15, 0.95, 0.3)),  # the hand beside the face
    ((0.9, -0.25, 0.4), (0.9, 0.1, 0.45)),  # pointing
    ((0.45, -0.8, 0.5), (0.35, 0.3, 0.9)),  # explaining
)


_LIKELY = (0.22, 0.2, 0.16, 0.12, 0.08, 0.05, 0.06, 0.03, 0.08)  # of each pose of an arm


def posed(vertices: Points, pose: Pose) -> tuple[Points, dict[str, tuple[Vector, Vector]]]:
    """Return the vertices in a pose, by linear blending, and each bone's frame: (3, 3) rotation, and joint."""
    mesh = base_mesh()
    frames: dict[str, tuple[Vector, Vector]] = {}
    matrices = np.zeros((len(mesh.bones), 3, 4))
    heads: dict[str, Vector] = {}
    for number, bone in enumerate(mesh.bones):
        head = vertices[bone.head].mean(axis=0).astype(np.float64)
        along = vertices[bone.tail].mean(axis=0) - head
        heads[bone.name] = head
        turn, joint = np.eye(3), head
        if bone.parent:
            turn, parent_joint = frames[bone.parent]
            joint = parent_joint + turn @ (head - heads[bone.parent])
        if bone.name in pose.aims:
            turn = arc(turn @ along, np.array(pose.aims[bone.name])) @ turn
        if bone.name in pose.turns:
            turn = rotation(*pose.turns[bone.name]) @ turn
        if bone.name[:-4] in _FINGERS:
            turn = _about(turn @ _palm(vertices, mesh, bone.name[-1]), pose.curl) @ turn
        frames[bone.name] = turn, joint
        matrices[number] = np.column_stack([turn, joint - turn @ head])
    blended = (mesh.weights @ matrices.reshape(len(mesh.bones), 12)).reshape(-1, 3, 4)
    moved = np.einsum("nij,nj->ni", blended[..., :3], vertices) + blended[..., 3]
    return moved.astype(np.float32), frames


_FINGERS = ("index_0", "middle_0", "ring_0", "pinky_0")


def _palm(vertices: Points, mesh: BaseMesh, side: str) -> Vector:
    """Return the axis about which fingers bend: across the palm."""
    knuckles = {bone.name: vertices[bone.head].mean(axis=0) for bone in mesh.bones if bone.name.endswith(f"_01_{side}")}
    across = knuckles[f"pinky_01_{side}"] - knuckles[f"index_01_{side}"]
    return across * (1 if side == "l" else -1)


def rotation(x: float, y: float, z: float) -> Vector:
    """Return the matrix that turns about z, then x, then y, in radians."""
    return _about(np.array([0, 1, 0]), y) @ _about(np.array([1, 0, 0]), x) @ _about(np.array([0, 0, 1]), z)


def arc(start: Vector, end: Vector) -> Vector:
    """Return the shortest turn of one direction into another."""
    one, other = start / np.linalg.norm(start), end / np.linalg.norm(end)
    axis = np.cross(one, other)
    sine = float(np.linalg.norm(axis))
    if sine < 1e-9:
        return np.eye(3)
    return _about(axis, math.atan2(sine, float(one @ other)))


def _about(axis: Vector, angle: float) -> Vector:
    """Return the rotation about an axis (Rodrigues)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def normals(vertices: Points, faces: NDArray[np.int32]) -> Points:
    """Return unit normals of vertices: sums of those of their triangles, which count by area."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    found = np.zeros((3, len(vertices)))
    for axis in range(3):
        for corner in range(3):
            found[axis] += np.bincount(faces[:, corner], across[:, axis], len(vertices))
    found /= np.linalg.norm(found, axis=0) + 1e-12
    return found.T.astype(np.float32)
