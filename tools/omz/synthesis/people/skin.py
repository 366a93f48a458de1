"""Skin, eyes, lips, brows and lashes: colours of the bare mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omz.synthesis.people.base_mesh import Points, base_mesh, painted, target
from omz.synthesis.people.body import normals
from omz.synthesis.people.renderer import Material, Strands, Surface
from omz.synthesis.people.subdivision import subdivision

_DARK, _LIGHT = np.array([0.045, 0.022, 0.014]), np.array([0.72, 0.47, 0.36])  # linear RGB of skin
_IRISES = ((0.05, 0.02, 0.01), (0.10, 0.05, 0.02), (0.06, 0.07, 0.03), (0.07, 0.12, 0.2), (0.08, 0.09, 0.1))
_BROW_STRANDS = 300


@dataclass(frozen=True)
class Complexion:
    """Colours of somebody's skin, lips, irises and hair, linear RGB."""

    skin: NDArray[np.float64]
    lips: NDArray[np.float64]
    iris: tuple[float, float, float]
    hair: NDArray[np.float64]

    @classmethod
    def random(cls, rng: np.random.Generator, african: float, age: float) -> Complexion:
        """Draw colours; the share of African ancestry and the age move them."""
        tone = float(np.clip(rng.beta(2.4, 1.2) - 0.6 * african + 0.25, 0.02, 1))
        skin = _DARK ** (1 - tone) * _LIGHT**tone * (1 + rng.normal(0, (0.05, 0.04, 0.06)))
        lips = skin * np.array([0.95, 0.6, 0.6])
        if rng.random() < 0.2:
            lips = 0.4 * lips + 0.6 * rng.uniform([0.25, 0.01, 0.02], [0.6, 0.12, 0.15])
        light_eyes = rng.random() < 0.5 * tone
        iris = _IRISES[int(rng.integers(2, 5)) if light_eyes else int(rng.integers(0, 2))]
        return cls(skin, lips, iris, _hair_colour(rng, tone, age))


def _hair_colour(rng: np.random.Generator, tone: float, age: float) -> NDArray[np.float64]:
    black, brown, blond = np.array([0.012, 0.009, 0.008]), np.array([0.09, 0.04, 0.018]), np.array([0.55, 0.36, 0.17])
    red, grey = np.array([0.32, 0.09, 0.03]), np.array([0.45, 0.45, 0.46])
    lightness = rng.beta(1, 2.2) * (0.3 + 0.9 * tone)
    colour = np.where(
        lightness < 0.5, black + (brown - black) * 2 * lightness, brown + (blond - brown) * (2 * lightness - 1)
    )
    if rng.random() < 0.08:
        colour = red * rng.uniform(0.4, 1.2)
    if rng.random() < 0.03:
        colour = rng.uniform(0.02, 0.5, 3)  # dyed
    greying = float(np.clip((age - 0.68) * 2.5 + rng.normal(0, 0.2), 0, 1))
    return colour + (grey - colour) * greying


def skin_surface(
    position: Points, covered: NDArray[np.float32], look: Complexion, scalp: NDArray[np.float32]
) -> Surface:
    """Return the body: ``covered`` (N,) is positive below cloth, ``scalp`` (N,) the share of hair's colour."""
    mesh = base_mesh()
    colour = np.broadcast_to(look.skin, position.shape)
    lips = painted("lips")[:, None]
    colour = colour + lips * (look.lips - colour)
    blush = _cheeks()[:, None] * np.float32(0.35)
    colour = colour * (1 - blush * np.array([0.0, 0.35, 0.3], np.float32))
    colour = colour * (1 - 0.25 * painted("eyelids")[:, None])
    nails = np.maximum(painted("fingernails"), painted("toenails"))[:, None]
    colour = colour + nails * 0.4 * (np.minimum(look.skin * 1.5, 1) - colour)
    colour = colour + (scalp * 0.85)[:, None] * (look.hair * 0.7 - colour)
    finer = subdivision("body", 1)
    moved, out = finer.bend(position)
    cover = -finer.spread(covered)
    seen = (cover[finer.faces] >= 0).any(axis=1)
    return Surface(
        moved,
        out,
        finer.spread(mesh.vertices),
        finer.spread(colour.astype(np.float32)),
        cover,
        finer.faces[seen],
        Material(shine=0.06, gloss=14.0, flesh=1.0),
    )


@cache
def _cheeks() -> NDArray[np.float32]:
    vertices = base_mesh().vertices
    from_cheek = np.minimum.reduce(
        [np.linalg.norm((vertices - [side * 0.42, 6.95, 1.25]) / [0.3, 0.25, 0.4], axis=1) for side in (-1, 1)]
    )
    return np.clip(1 - from_cheek, 0, 1).astype(np.float32)


def face_surfaces(position: Points, look: Complexion, facing: NDArray[np.float64]) -> list[Surface]:
    """Return eyes, lashes and teeth; ``facing`` is the (3, 3) rotation of the head."""
    mesh = base_mesh()
    parts = []
    for side in ("l", "r"):
        group = f"helper-{side}-eye"
        vertices = mesh.vertices_of(group)
        middle = position[vertices].mean(axis=0)
        from_middle = position - middle
        radius = np.linalg.norm(from_middle[vertices], axis=1).max()
        rest = (from_middle @ facing / radius).astype(np.float32)
        eye = Material("eye", look.iris, shine=0.5, gloss=120.0)
        parts.append(_part(position, group, (0.8, 0.76, 0.73), eye, rest))
        for row in ("1", "2"):
            parts.append(_part(position, f"helper-{side}-eyelashes-{row}", (0.02, 0.015, 0.012), Material(shine=0.0)))
    for group, colour in (
        ("upper-teeth", (0.7, 0.66, 0.58)),
        ("lower-teeth", (0.6, 0.56, 0.5)),
        ("tongue", (0.4, 0.13, 0.12)),
    ):
        parts.append(_part(position, f"helper-{group}", colour, Material(shine=0.2, gloss=40.0)))
    return parts


def _part(
    position: Points, group: str, colour: tuple[float, float, float], material: Material, rest: Points | None = None
) -> Surface:
    mesh = base_mesh()
    faces = mesh.faces[group]
    return Surface(
        position,
        normals(position, faces),
        mesh.vertices if rest is None else rest,
        np.broadcast_to(np.array(colour, np.float32), position.shape),
        np.ones(len(position), np.float32),
        faces,
        material,
    )


@cache
def _brow_triangles() -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the triangles of the brows, and shares by which to draw from them."""
    mesh = base_mesh()
    indices, offsets = target("eyebrows/eyebrows-trans-up")
    moved = np.zeros(len(mesh.vertices))
    moved[indices] = offsets[:, 1]
    faces = mesh.faces["body"]
    middle = mesh.vertices[faces].mean(axis=1)
    arch = 7.42 + 0.09 * np.clip(np.abs(middle[:, 0]) / 0.35, 0, 1) - 0.35 * np.clip(np.abs(middle[:, 0]) - 0.42, 0, 1)
    inside = (np.abs(middle[:, 1] - arch) < 0.05) & (np.abs(middle[:, 0]) > 0.1) & (np.abs(middle[:, 0]) < 0.62)
    chosen = np.flatnonzero(inside & (middle[:, 2] > 0.8) & (moved[faces].mean(axis=1) > 0))
    corners = mesh.vertices[faces[chosen]]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return faces[chosen], areas / areas.sum()


def brows(position: Points, look: Complexion, facing: NDArray[np.float64], rng: np.random.Generator) -> Strands:
    """Return the hair of both brows."""
    faces, shares = _brow_triangles()
    drawn = faces[rng.choice(len(faces), _BROW_STRANDS, p=shares)]
    weights = rng.dirichlet([1, 1, 1], _BROW_STRANDS)
    roots = np.einsum("nk,nkj->nj", weights, position[drawn])
    corners = position[drawn]
    out = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out /= np.linalg.norm(out, axis=1, keepdims=True) + 1e-9
    side = np.sign(np.einsum("nk,nk->n", weights, base_mesh().vertices[drawn][..., 0]))
    along = np.stack([side, np.full(len(side), 0.15), np.zeros(len(side))], axis=1) @ facing.T
    along += rng.normal(0, 0.2, along.shape)
    length = rng.uniform(0.04, 0.1, (_BROW_STRANDS, 1, 1))
    t = np.linspace(0, 1, 4)[None, :, None]
    points = roots[:, None] + out[:, None] * 0.012 + length * (along[:, None] * t + 0.15 * out[:, None] * t * (1 - t))
    colour = np.broadcast_to(0.75 * np.minimum(look.hair, 0.25) * 0.8 + 0.25 * look.skin, points.shape)
    width = np.broadcast_to(0.008 * (1 - 0.8 * t[..., 0]), points.shape[:2])
    outward = np.broadcast_to(out[:, None], points.shape)
    parts = [np.ascontiguousarray(each, np.float32) for each in (points, outward, colour, width)]
    return Strands(parts[0], parts[1], parts[2], parts[3], shine=0.02)
