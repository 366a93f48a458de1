"""Clothes cut out of the tights and the skirt that the base mesh wears."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omz.synthesis.people.base_mesh import Points, base_mesh
from omz.synthesis.people.renderer import Material, Surface
from omz.synthesis.people.subdivision import subdivision

_LEVELS = 2  # of subdivision
_CLOSE = 0.35  # units between the tights and the skin below them, at most
_MARGIN = 0.12  # units by which what lies below reaches under a piece of cloth
Cover = NDArray[np.float32]


@dataclass(frozen=True)
class Cut:
    """Where a garment ends, in units of the rest pose.

    ``neck`` is the height of its neckline in front, ``wide`` half the width there, and ``dip`` how much a V goes below;
    ``sleeve`` is 0 at the shoulder, 1 at the elbow, 2 at the wrist, None without arms; ``low`` the hem, ``high`` the
    waist. ``opening`` is half the width of a gap in front.
    """

    neck: float = 9.0
    wide: float = 0.9
    dip: float = 0.0
    sleeve: float | None = None
    low: float = -9.0
    high: float = 9.0
    opening: float = 0.0


@dataclass(frozen=True)
class Garment:
    """A piece of cloth: its ``cut``, the helper geometry it is made of, its distance from the body, and its look."""

    cut: Cut
    group: str
    distance: float
    colour: tuple[float, float, float]
    material: Material


def cover_of(cut: Cut, group: str | None = None) -> Cover:
    """Return how far each vertex of the mesh, or of a group's subdivision, lies inside a garment; negative outside."""
    vertices, on_arms, along = base_mesh().vertices, _on_arms(), _along_arm()
    if group is not None:
        finer = subdivision(group, _LEVELS)
        vertices, on_arms, along = finer.spread(vertices), finer.spread(on_arms), finer.spread(along)
    x, y, z = vertices.T
    arms = on_arms > 0.5
    slope = 0.6 * np.clip(0.7 - z, 0, 1.2)  # a neckline is higher behind
    vee = cut.dip * np.clip(1 - np.abs(x) / (0.3 + 0.35 * cut.dip), 0, 1) * (z > 0.2)
    below_neck = np.maximum(cut.neck + slope - vee - y + 0.25 * np.square(x), np.abs(x) - cut.wide)
    cover = np.minimum(below_neck, np.minimum(y - cut.low, cut.high - y))
    if cut.sleeve is None:
        cover = np.where(arms, -1, cover)
    elif cut.sleeve <= 0:
        cover = np.minimum(cover, 1.5 + cut.sleeve - np.abs(x) + 0.4 * (y < 4.2))
        cover = np.where(arms, -1, cover)
    else:
        cover = np.where(arms, (cut.sleeve - along) * 2.4, cover)
    if cut.opening:
        gap = cut.opening * (1 + 0.4 * np.clip(y - 1, 0, 5))
        cover = np.where(z > 0, np.minimum(cover, np.abs(x) - gap), cover)
    return cover.astype(np.float32)


@cache
def _on_arms() -> NDArray[np.float32]:
    """Return the share of the arms in each vertex."""
    mesh = base_mesh()
    arms = [number for number, bone in enumerate(mesh.bones) if bone.name.startswith(_ARM_BONES)]
    return mesh.weights[:, arms].sum(axis=1)


_ARM_BONES = ("upperarm", "lowerarm", "hand", "thumb", "index", "middle", "ring", "pinky")


@cache
def _along_arm() -> NDArray[np.float32]:
    """Return 0 at the shoulder, 1 at the elbow, 2 at the wrist, and above on the hand."""
    mesh = base_mesh()
    joints = {bone.name: mesh.vertices[bone.head].mean(axis=0) for bone in mesh.bones}
    found = np.zeros(len(mesh.vertices))
    for side in ("l", "r"):
        start, elbow, wrist = (joints[f"{name}_{side}"] for name in ("upperarm", "lowerarm", "hand"))
        upper, lower = elbow - start, wrist - elbow
        first = (mesh.vertices - start) @ upper / (upper @ upper)
        second = (mesh.vertices - elbow) @ lower / (lower @ lower)
        here = np.sign(mesh.vertices[:, 0]) == (1 if side == "l" else -1)
        found = np.where(here, np.minimum(first, 1) + np.maximum(second, 0), found)
    return found.astype(np.float32)


@cache
def _nearest(group: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the vertex of a group that is nearest to each vertex of the mesh in the rest pose, and how far it is."""
    mesh = base_mesh()
    of_group = mesh.vertices_of(group)
    found, distance = np.empty(len(mesh.vertices), np.int64), np.empty(len(mesh.vertices), np.float32)
    targets = mesh.vertices[of_group].astype(np.float64)
    for first in range(0, len(found), 1024):
        rows = mesh.vertices[first : first + 1024].astype(np.float64)
        square = np.square(targets).sum(axis=1) - 2 * rows @ targets.T + np.square(rows).sum(axis=1)[:, None]
        found[first : first + 1024] = of_group[square.argmin(axis=1)]
        distance[first : first + 1024] = np.sqrt(np.maximum(square.min(axis=1), 0))
    return found, distance


def dress(position: Points, garments: list[Garment], rng: np.random.Generator) -> tuple[list[Surface], Cover]:
    """Return the garments on somebody, and where they cover the body, (N,): positive below them.

    Later garments lie over earlier ones, of which nothing is drawn below them.
    """
    surfaces: list[Surface] = []
    body = np.full(len(position), -1.0, np.float32)
    for number, garment in enumerate(garments):
        cover = cover_of(garment.cut, garment.group)
        for above in garments[number + 1 :]:
            if above.group == garment.group:
                cover = np.minimum(cover, _MARGIN - cover_of(above.cut, garment.group))
        surfaces.append(_sewn(position, garment, cover, rng))
        if garment.group == "helper-tights":
            nearest, distance = _nearest("helper-tights")
            below = np.minimum(cover_of(garment.cut)[nearest] - _MARGIN, _CLOSE - distance)
            body = np.maximum(body, below)
    return surfaces, body


def _sewn(position: Points, garment: Garment, cover: Cover, rng: np.random.Generator) -> Surface:
    finer = subdivision(garment.group, _LEVELS)
    moved, out = finer.bend(position)
    rest = finer.spread(base_mesh().vertices)
    waves = rng.normal(0, 1.0, (4, 3))
    hang = np.sin(rest @ waves.T + rng.uniform(0, 6.28, 4)).mean(axis=1)
    loose = garment.distance * (1 + 0.6 * hang) * np.clip(0.35 + cover, 0.35, 1)
    moved = moved + out * loose[:, None].astype(np.float32)
    seen = (cover[finer.faces] >= 0).any(axis=1)
    colour = np.broadcast_to(np.array(garment.colour, np.float32), moved.shape)
    return Surface(moved, out, rest, colour, cover, finer.faces[seen], garment.material)


def random_outfit(rng: np.random.Generator) -> list[Garment]:
    """Draw what somebody wears, from the inside out."""
    kind = rng.choice(["shirt", "shirt", "shirt", "sweater", "jacket", "dress", "top"])
    bottoms = _garment(rng, Cut(high=1.1, low=float(rng.choice([-7.6, -7.4, -6.5, -3.6, -2.0]))), 0.08)
    shoes = _garment(rng, Cut(high=-7.1), 0.14, plain=True)
    worn = [bottoms, replace(shoes, colour=_darker(shoes.colour))]
    neck, dip = float(rng.uniform(5.2, 5.6)), float(rng.choice([0.0, 0.0, 0.4, 0.9]))
    wide = float(rng.uniform(0.7, 1.1))
    sleeve = float(rng.choice([0.45, 0.6, 1.9, 1.95, 2.0, 1.0]))
    low = float(rng.uniform(-0.6, 0.6))
    if kind == "shirt":
        worn.append(_garment(rng, Cut(neck, wide, dip, sleeve, low), float(rng.uniform(0.06, 0.16))))
    elif kind == "sweater":
        high_neck = Cut(float(rng.uniform(5.5, 6.2)), 0.8, 0, 2.0, low)
        worn.append(_garment(rng, high_neck, float(rng.uniform(0.14, 0.26))))
    elif kind == "top":
        worn.append(_garment(rng, Cut(neck - 0.2, wide, dip, float(rng.uniform(-0.4, 0)), low), 0.05))
    elif kind == "jacket":
        worn.append(_garment(rng, Cut(5.55, 0.75, dip, 1.9, low), 0.07))
        opening = float(rng.uniform(0.05, 0.5))
        worn.append(_garment(rng, Cut(5.6, 0.85, 0, 2.0, low - 0.3, opening=opening), float(rng.uniform(0.2, 0.3))))
    else:
        upper = _garment(rng, Cut(neck, wide, dip, sleeve, 0.9), 0.07)
        hem = float(rng.uniform(-7.0, -2.5))
        worn += [upper, replace(upper, cut=Cut(low=hem), group="helper-skirt", distance=0.1)]
    return worn


def _garment(rng: np.random.Generator, cut: Cut, distance: float, plain: bool = False) -> Garment:
    pattern = (
        "plain" if plain else str(rng.choice(["plain", "plain", "plain", "stripes", "checks", "dots", "print", "bars"]))
    )
    first, second, third = (_cloth_colour(rng) for _ in range(3))
    material = Material(
        pattern, second, third, float(rng.uniform(0.8, 4)), float(rng.uniform(0.05, 0.3)), float(rng.uniform(0, 0.12)),
        float(rng.uniform(4, 30)),
    )  # fmt: skip
    return Garment(cut, "helper-tights", distance, first, material)


def _darker(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    red, green, blue = colour
    return 0.4 * red, 0.4 * green, 0.4 * blue


def _cloth_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Draw a linear RGB colour: many are grey, dark or light, some bright."""
    value = rng.choice([rng.uniform(0.01, 0.08), rng.uniform(0.08, 0.4), rng.uniform(0.4, 0.85)])
    tint = rng.dirichlet([1.0, 1.0, 1.0]) * 3
    red, green, blue = np.clip(value * (1 + rng.beta(0.8, 1.6) * (tint - 1)), 0.004, 0.9).tolist()
    return red, green, blue
