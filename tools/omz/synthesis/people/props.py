"""Things that people wear and hold: glasses, headphones, a cap, a cup, a book, a chair."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from omz.synthesis.people.base_mesh import Faces, Points, base_mesh, painted
from omz.synthesis.people.body import normals
from omz.synthesis.people.outfit import Cut, Garment, dress
from omz.synthesis.people.renderer import Material, Surface

Array = NDArray[np.float64]
Frame = tuple[Array, Array]
"""A (3, 3) rotation and the place of a joint."""

_PLASTIC = Material(shine=0.4, gloss=60.0)


def glasses(position: Points, head: Frame, rng: np.random.Generator) -> list[Surface]:
    """Return glasses on a nose; some are dark."""
    eyes = [_local(position[base_mesh().vertices_of(f"helper-{side}-eye")].mean(axis=0), head) for side in ("l", "r")]
    ears = [_local(position[(painted("ears") > 0.5) & side].mean(axis=0), head) for side in _sides()]
    wide, high = rng.uniform(0.24, 0.3), rng.uniform(0.17, 0.26)
    square = rng.uniform(0.5, 1.0)
    radius = rng.uniform(0.012, 0.035)
    angle = np.linspace(0, 2 * math.pi, 33)
    curves, lenses = [], []
    for eye, ear, side in zip(eyes, ears, (1.0, -1.0), strict=True):
        centre = eye + [side * 0.02, -0.03, 0.33]
        cos, sin = np.cos(angle), np.sin(angle)
        around = np.stack([wide * np.sign(cos) * np.abs(cos) ** square, high * np.sign(sin) * np.abs(sin) ** square], 1)
        rim = centre + np.column_stack([around, -0.35 * np.square(around[:, 0] * 1.0) * 2])
        curves += [rim, np.stack([centre + [side * wide, 0.05, -0.03], ear + [0, 0.05, 0.12], ear + [0, -0.08, -0.05]])]
        lenses.append(rim)
    inner = [(eye + [side * (0.02 - wide), 0.02, 0.33]) for eye, side in zip(eyes, (1.0, -1.0), strict=True)]
    middle = (inner[0] + inner[1]) / 2 + [0, 0.04, 0.04]
    curves.append(np.stack([inner[0], middle, inner[1]]))
    colour = rng.uniform(0.005, 0.3, 3) if rng.random() < 0.3 else np.full(3, rng.uniform(0.005, 0.05))
    parts = [_solid(*_tube(_world(curve, head), radius), colour, _PLASTIC) for curve in curves]
    if rng.random() < 0.2:
        dark = Material(shine=0.8, gloss=90.0)
        parts += [_solid(*_fan(_world(rim, head)), np.array([0.01, 0.01, 0.012]), dark) for rim in lenses]
    return parts


def headphones(position: Points, head: Frame, rng: np.random.Generator) -> list[Surface]:
    """Return headphones, with a band over the head."""
    ears = [_local(position[(painted("ears") > 0.5) & side].mean(axis=0), head) for side in _sides()]
    top = _local(position[base_mesh().vertices[:, 1].argmax()], head)[1] + 0.22
    half = (ears[0][0] - ears[1][0]) / 2 + 0.12
    middle = (ears[0] + ears[1]) / 2
    angle = np.linspace(0, math.pi, 25)
    band = middle + np.stack([half * np.cos(angle), (top - middle[1]) * np.sin(angle), 0 * angle], axis=1)
    colour = np.full(3, rng.choice([0.02, 0.02, 0.6, 0.25]))
    parts = [_solid(*_tube(_world(band, head), rng.uniform(0.05, 0.1)), colour, _PLASTIC)]
    for ear, side in zip(ears, (1.0, -1.0), strict=True):
        cup = np.array([[0, -0.1], [0.36, -0.1], [0.4, 0.0], [0.36, 0.14], [0, 0.2]]) * rng.uniform(0.9, 1.2)
        points, faces = _lathe(cup)
        turned = points[:, [1, 0, 2]] * [side, 1, 1] + ear + [side * 0.02, 0.0, 0.05]
        parts.append(_solid(_world(turned, head), faces, colour * 0.8, _PLASTIC))
    return parts


def beanie(position: Points, rng: np.random.Generator) -> list[Surface]:
    """Return a knitted cap."""
    look = Material("bars", (0.1, 0.1, 0.1), scale=6.0, folds=0.25, shine=0.0)
    red, green, blue = rng.uniform(0.01, 0.6, 3).tolist()
    cap = Garment(
        Cut(low=float(rng.uniform(7.65, 7.85))), "body", float(rng.uniform(0.12, 0.3)), (red, green, blue), look
    )
    surfaces, _ = dress(position, [cap], rng)
    return surfaces


def held(frames: dict[str, Frame], side: str, rng: np.random.Generator) -> Surface:
    """Return something in the hand of a side: a cup, a telephone, a book, a ball."""
    wrist = frames[f"hand_{side}"][1]
    knuckle = frames[f"middle_01_{side}"][1]
    across = frames[f"index_01_{side}"][1] - frames[f"pinky_01_{side}"][1]
    along = (knuckle - wrist) / np.linalg.norm(knuckle - wrist)
    palm = np.cross(along, across) * (1.0 if side == "l" else -1.0)
    palm /= np.linalg.norm(palm) + 1e-9
    kind = str(rng.choice(["cup", "telephone", "book", "ball"]))
    if kind == "cup":
        high, wide = rng.uniform(0.8, 1.3), rng.uniform(0.32, 0.45)
        points, faces = _lathe(
            np.array([[0, 0], [wide * 0.85, 0], [wide, high], [wide * 0.92, high], [wide * 0.8, 0.05]])
        )
        centre = knuckle + palm * wide - np.array([0, high / 2, 0])
    elif kind == "ball":
        radius = rng.uniform(0.35, 1.1)
        angle = np.linspace(-math.pi / 2, math.pi / 2, 17)
        points, faces = _lathe(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
        centre = knuckle + palm * radius
    else:
        size = np.array([0.75, 1.5, 0.09]) if kind == "telephone" else rng.uniform([1.2, 1.7, 0.1], [1.8, 2.5, 0.4])
        points, faces = _box(size)
        basis = np.stack([np.cross(along, palm), along, palm], axis=1)
        points = points @ basis.T
        centre = knuckle + palm * size[2] / 2 + along * 0.3
    pattern = str(rng.choice(["plain", "plain", "stripes", "print"]))
    second = float(rng.uniform(0.02, 0.8)), float(rng.uniform(0.02, 0.8)), float(rng.uniform(0.02, 0.8))
    look = Material(pattern, second, second, scale=2.0, shine=0.25, gloss=40.0)
    return _solid(points + centre, faces, rng.uniform(0.02, 0.7, 3), look)


def chair(frames: dict[str, Frame], rng: np.random.Generator) -> Surface:
    """Return the back of a chair behind somebody who sits."""
    turn, centre = frames["spine_02"]
    points, faces = _box(rng.uniform([3.8, 4.5, 0.5], [5.2, 7.5, 0.9]), 0.35)
    place = centre + turn @ np.array([0.0, float(rng.uniform(-0.2, 1.8)), -1.75])
    colour = np.full(3, rng.uniform(0.01, 0.2)) if rng.random() < 0.6 else rng.uniform(0.02, 0.5, 3)
    return _solid(points @ turn.T + place, faces, colour, Material(folds=0.1, shine=0.1, gloss=20.0))


def _sides() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    x = base_mesh().vertices[:, 0]
    return x > 0, x < 0


def _local(point: NDArray[np.floating], frame: Frame) -> Array:
    return (point - frame[1]) @ frame[0]


def _world(points: Array, frame: Frame) -> Array:
    return points @ frame[0].T + frame[1]


def _solid(points: Array, faces: Faces, colour: Array, material: Material) -> Surface:
    position = points.astype(np.float32)
    rest = position - position.mean(axis=0)
    colours = np.broadcast_to(colour.astype(np.float32), position.shape)
    return Surface(
        position, normals(position, faces), rest, colours, np.ones(len(position), np.float32), faces, material
    )


def _grid(rows: int, columns: int) -> Faces:
    """Return triangles between neighbours of a grid whose columns close to a ring."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = row * columns + column, row * columns + (column + 1) % columns
    both = np.stack([a, b, a + columns, b, b + columns, a + columns], axis=-1)
    return both.reshape(-1, 3).astype(np.int32)


def _tube(curve: Array, radius: float, sides: int = 8) -> tuple[Array, Faces]:
    along = np.gradient(curve, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    helper = np.where(np.abs(along[:, 1:2]) < 0.8, np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    one = np.cross(along, helper)
    one /= np.linalg.norm(one, axis=1, keepdims=True) + 1e-9
    other = np.cross(along, one)
    angle = np.linspace(0, 2 * math.pi, sides, endpoint=False)
    ring = one[:, None] * np.cos(angle)[None, :, None] + other[:, None] * np.sin(angle)[None, :, None]
    return (curve[:, None] + radius * ring).reshape(-1, 3), _grid(len(curve), sides)


def _lathe(profile: Array, sides: int = 32) -> tuple[Array, Faces]:
    """Return a profile (radius, height) turned about y."""
    angle = np.linspace(0, 2 * math.pi, sides, endpoint=False)
    circle = np.stack([np.cos(angle), np.zeros(sides), np.sin(angle)], axis=1)
    points = profile[:, None, :1] * circle + profile[:, None, 1:] * [0.0, 1.0, 0.0]
    return points.reshape(-1, 3), _grid(len(profile), sides)


def _box(size: Array, roundness: float = 0.1) -> tuple[Array, Faces]:
    """Return a box with round edges: a superellipsoid."""
    up, around = np.linspace(-math.pi / 2, math.pi / 2, 25), np.linspace(0, 2 * math.pi, 48, endpoint=False)

    def power(values: Array) -> Array:
        return np.sign(values) * np.abs(values) ** roundness

    x = power(np.cos(up))[:, None] * power(np.cos(around))
    y = power(np.cos(up))[:, None] * power(np.sin(around))
    z = power(np.sin(up))[:, None] * np.ones(48)
    return np.stack([x, y, z], axis=-1).reshape(-1, 3) * size / 2, _grid(25, 48)


def _fan(rim: Array) -> tuple[Array, Faces]:
    points = np.concatenate([rim, rim.mean(axis=0, keepdims=True)])
    first = np.arange(len(rim) - 1)
    return points, np.stack([first, first + 1, np.full(len(first), len(rim))], axis=1).astype(np.int32)
