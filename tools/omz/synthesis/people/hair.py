"""Hair: ten thousand strands that follow guide curves, in clumps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from omz.synthesis.people.base_mesh import Faces, Points, base_mesh, painted
from omz.synthesis.people.body import normals
from omz.synthesis.people.renderer import Strands

_GUIDES = 420
_STEPS = 14
_NEAREST = 3
_GATHERED_AT = np.array([0.0, 0.75, -0.85])  # in the head's frame, from its joint
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Style:
    """How somebody wears the hair; lengths are in units of 10 cm.

    ``lift`` is how steeply hair leaves the head, ``weight`` how soon it falls, ``flow`` where it is combed to (left,
    up, front), away from the ``part`` if there is one. ``curl`` and ``turns`` are radius and number of its curls,
    ``clump`` and ``frizz`` how much strands hold together and stray. ``gathered`` hair is drawn to the back of the
    head, from where a ``tail`` of some length falls. The hairline recedes by ``recession``.
    """

    length: float
    lift: float = 0.35
    weight: float = 0.5
    flow: tuple[float, float, float] = (0.0, -0.6, 0.3)
    part: float | None = None
    curl: float = 0.0
    turns: float = 3.0
    clump: float = 0.5
    frizz: float = 0.06
    fringe: float | None = None
    gathered: bool = False
    tail: float = 0.0
    recession: float = 0.0
    strands: int = 12_000

    @classmethod
    def random(cls, rng: np.random.Generator, male: float, age: float) -> Style | None:
        """Draw a style; None is a bald head."""
        if rng.random() < 0.12 * male:
            return None
        names = list(STYLES)
        short = np.array([STYLES[name].length < 1.2 for name in names])
        likely = np.where(short, 0.12 + male, 1.0 - 0.85 * male)
        style = STYLES[str(rng.choice(names, p=likely / likely.sum()))]
        recession = float(np.clip(rng.normal(0, 0.08) + male * max(0.0, age - 0.55) * rng.uniform(0, 0.9), 0, 0.45))
        fringe = style.fringe
        if style.part is not None and rng.random() < 0.3:
            fringe = float(rng.uniform(0.5, 0.8))
        return replace(
            style,
            length=style.length * float(rng.uniform(0.7, 1.35)),
            lift=style.lift * float(rng.uniform(0.7, 1.3)),
            part=None if style.part is None else float(rng.normal(0, 0.25)),
            curl=style.curl * float(rng.uniform(0.5, 1.5)),
            turns=style.turns * float(rng.uniform(0.7, 1.4)),
            clump=float(np.clip(style.clump + rng.normal(0, 0.15), 0, 0.9)),
            frizz=style.frizz * float(rng.lognormal(0, 0.5)),
            fringe=fringe,
            tail=style.tail * float(rng.uniform(0.6, 1.4)),
            recession=recession,
        )


STYLES = {
    "buzz": Style(0.13, lift=1.0, weight=0.05, clump=0.0, frizz=0.02),
    "crop": Style(0.5, lift=0.6, weight=0.25, flow=(0.1, -0.2, 0.9)),
    "side": Style(0.8, lift=0.5, weight=0.4, flow=(0.8, -0.3, 0.3), part=0.4),
    "back": Style(0.95, lift=0.45, weight=0.3, flow=(0.0, 0.1, -1.0), clump=0.6),
    "curls": Style(0.9, lift=0.9, weight=0.25, curl=0.09, turns=4.0, clump=0.75, frizz=0.1),
    "afro": Style(1.1, lift=1.0, weight=0.0, curl=0.05, turns=9.0, clump=0.2, frizz=0.16, strands=14_000),
    "bob": Style(2.0, lift=0.3, weight=0.8, flow=(0.65, -0.6, 0.0), part=0.0),
    "long": Style(3.8, lift=0.25, weight=0.9, flow=(0.65, -0.6, -0.15), part=0.0, strands=14_000),
    "waves": Style(3.4, lift=0.3, weight=0.8, flow=(0.65, -0.6, -0.1), part=0.0, curl=0.11, turns=3.0, strands=14_000),
    "ringlets": Style(2.6, lift=0.6, weight=0.6, flow=(0.6, -0.5, 0.0), part=0.0, curl=0.14, turns=7.0, clump=0.8),
    "ponytail": Style(2.0, lift=0.1, weight=0.0, gathered=True, tail=3.0, clump=0.3, frizz=0.035),
    "bun": Style(2.0, lift=0.1, weight=0.0, gathered=True, tail=0.0, clump=0.3, frizz=0.04),
}


@dataclass(frozen=True)
class Head:
    """A head to grow hair on: the body's ``position``, the head's ``joint`` and (3, 3) rotation ``facing``.

    ``solid`` and ``solid_out`` (N, 3) are points that hair does not pass, and the directions out of them.
    """

    position: Points
    joint: Array
    facing: Array
    solid: Points
    solid_out: Points


def scalp(recession: float) -> NDArray[np.float32]:
    """Return the share of hair at each vertex: 1 on the scalp, 0 on the face."""
    x, y, z = base_mesh().vertices.T
    line = np.interp(z, [-1.0, -0.35, 0.0, 0.3, 0.5, 0.68, 1.0, 1.3], [6.55, 6.65, 7.0, 7.25, 7.3, 7.72, 8.02, 8.1])
    line = line + recession * np.clip((z + 0.4) / 0.8, 0, 1) * (1.2 - 0.35 * np.abs(x))
    share = np.clip((y - line) / 0.12, 0, 1) * (y > 6.4) * (np.abs(x) < 1.1)
    return (share * (1 - np.clip(2 * painted("ears"), 0, 1))).astype(np.float32)


@cache
def _jaw() -> NDArray[np.float32]:
    x, y, z = base_mesh().vertices.T
    line = np.interp(z, [0.3, 0.6, 0.9, 1.2, 1.5], [7.1, 6.95, 6.72, 6.72, 6.78])
    share = np.clip((line - y) / 0.1, 0, 1) * (z > 0.32) * (y > 6.0) * (y > 6.35 - 0.35 * np.clip(z - 0.6, 0, 1))
    return (share * (1 - np.clip(3 * painted("lips"), 0, 1)) * (np.abs(x) < 1.0)).astype(np.float32)


def grow(head: Head, style: Style, colour: Array, rng: np.random.Generator) -> list[Strands]:
    """Return the hair of a style on a head; ``colour`` is linear RGB."""
    faces, shares = _seeds(head.position, scalp(style.recession))
    roots, out = _roots(head.position, faces, shares, _GUIDES, rng)
    guides = _guides(head, style, roots, out, rng)
    grown = [_strands(head, style, guides, (faces, shares), colour, rng)]
    if style.gathered:
        grown.append(_gathered(head, style, colour, rng))
    return grown


def beard(head: Head, length: float, colour: Array, rng: np.random.Generator) -> Strands:
    """Return a beard, of stubble or more."""
    style = Style(length, lift=0.5, weight=0.5, flow=(0.0, -0.9, 0.5), clump=0.3, frizz=0.05, strands=3500)
    faces, shares = _seeds(head.position, _jaw())
    roots, out = _roots(head.position, faces, shares, 120, rng)
    guides = _guides(head, style, roots, out, rng)
    return _strands(head, style, guides, (faces, shares), colour * 0.9, rng)


def _seeds(position: Points, share: NDArray[np.float32]) -> tuple[Faces, Array]:
    """Return the triangles that hair grows on, and the shares by which it does."""
    faces = base_mesh().faces["body"]
    of_face = share[faces].mean(axis=1)
    chosen = faces[of_face > 0.3]
    corners = position[chosen]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    weights = areas * of_face[of_face > 0.3]
    return chosen, weights / weights.sum()


def _roots(position: Points, faces: Faces, shares: Array, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return ``count`` points on triangles, and the directions out of the skin there."""
    drawn = faces[rng.choice(len(faces), count, p=shares)]
    weights = rng.dirichlet([1, 1, 1], count)
    out = normals(position, base_mesh().faces["body"])
    directions = np.einsum("nk,nkj->nj", weights, out[drawn].astype(np.float64))
    points = np.einsum("nk,nkj->nj", weights, position[drawn].astype(np.float64))
    return points, _unit(directions)


def _guides(head: Head, style: Style, roots: Array, out: Array, rng: np.random.Generator) -> Array:
    """Return guide curves, (N, steps, 3)."""
    inside = (roots - head.joint) @ head.facing  # the head's own left, up and front
    flow = np.broadcast_to(np.array(style.flow), roots.shape).copy()
    length = np.full(len(roots), style.length)
    if style.part is not None:
        side = np.sign(inside[:, 0] - style.part)
        flow[:, 0] = np.abs(flow[:, 0]) * np.where(side == 0, 1.0, side)
    if style.fringe is not None:
        front = (inside[:, 2] > 0.55) & (np.abs(inside[:, 0]) < 0.55)
        flow[front] = np.array([0.15, -0.7, 0.8])
        length = np.where(front, np.minimum(length, style.fringe), length)
    target = head.joint + head.facing @ _GATHERED_AT
    flow = _unit(flow + rng.normal(0, 0.12, flow.shape)) @ head.facing.T
    down = np.array([0.0, -1.0, 0.0])
    length = length * rng.uniform(0.85, 1.1, len(roots))
    if style.gathered:
        length = np.linalg.norm(target - roots, axis=1) * 1.15
    points = np.empty((len(roots), _STEPS, 3))
    points[:, 0] = here = roots
    tangent = flow - (flow * out).sum(axis=1, keepdims=True) * out
    direction = _unit(style.lift * out + (1 - style.lift) * _unit(tangent))
    step = (length / (_STEPS - 1))[:, None]
    for k in range(1, _STEPS):
        along = k / (_STEPS - 1)
        if style.gathered:
            direction = _unit(0.35 * direction + _unit(target - here))
        else:
            held = max(0.0, 1 - k * float(step.mean()) / 0.55)  # combed as far as the head reaches
            direction = _unit(direction + 0.35 * held * flow + style.weight * (0.35 + along) * 0.8 * down)
        reach = step
        if style.gathered:  # what has arrived stays
            reach = np.minimum(step, np.linalg.norm(target - here, axis=1, keepdims=True))
        here = _outside(here + direction * reach, head, 0.05 + 0.05 * along)
        direction = _unit(0.5 * direction + 0.5 * _unit(here - points[:, k - 1]))
        points[:, k] = here
    return points


def _outside(points: Array, head: Head, margin: float) -> Array:
    """Return points moved out of what is solid."""
    solid = head.solid.astype(np.float32)
    near = np.square(solid).sum(axis=1) - 2 * points.astype(np.float32) @ solid.T
    nearest = near.argmin(axis=1)
    out = head.solid_out[nearest].astype(np.float64)
    depth = ((points - head.solid[nearest]) * out).sum(axis=1, keepdims=True)
    return points + np.clip(margin - depth, 0, 0.6) * out


def _strands(
    head: Head, style: Style, guides: Array, seeds: tuple[Faces, Array], colour: Array, rng: np.random.Generator
) -> Strands:
    """Return strands between guides: each follows the nearest ones, and is drawn to the first."""
    roots, out = _roots(head.position, *seeds, style.strands, rng)
    starts = guides[:, 0]
    apart = np.square(roots).sum(axis=1)[:, None] + np.square(starts).sum(axis=1) - 2 * roots @ starts.T
    nearest = np.argpartition(apart, _NEAREST, axis=1)[:, :_NEAREST]
    distance = np.take_along_axis(apart, nearest, axis=1)
    shares = 1 / (distance + 1e-3)
    if style.part is not None:  # no strand runs between two sides
        left = ((starts - head.joint) @ head.facing)[:, 0] > style.part
        own = ((roots - head.joint) @ head.facing)[:, 0] > style.part
        shares = np.where(left[nearest] == own[:, None], shares, 1e-6)
    shares /= shares.sum(axis=1, keepdims=True)
    shapes = guides - starts[:, None]
    paths = np.einsum("nk,nksj->nsj", shares, shapes[nearest])
    first = nearest[np.arange(len(nearest)), shares.argmax(axis=1)]
    t = np.linspace(0, 1, _STEPS)[None, :, None]
    points = roots[:, None] + paths
    points += style.clump * t**1.2 * (guides[first] - points)
    points += _curls(style, first, len(guides), rng)
    points = _cut(points, rng.beta(4, 1.0, len(points)) if style.length > 0.3 else rng.uniform(0.6, 1, len(points)))
    tint = np.exp(rng.normal(0, 0.16, (len(guides), 1))[first] + rng.normal(0, 0.12, (len(points), 1)))
    return _coloured(points, out, colour * tint, rng)


def _curls(style: Style, clump: NDArray[np.int64], clumps: int, rng: np.random.Generator) -> Array:
    """Return what curls and single strands' straying add to strands, (N, steps, 3)."""
    count = len(clump)
    t = np.linspace(0, 1, _STEPS)[None, :, None]
    phase = rng.uniform(0, 6.28, clumps)[clump] + rng.normal(0, 0.5, count)
    angle = phase[:, None] + 6.28 * style.turns * t[..., 0]
    radius = style.curl * rng.uniform(0.6, 1.2, (count, 1)) * np.minimum(1, 3 * t[..., 0])
    curl = np.stack([np.cos(angle), 0.3 * np.sin(2 * angle), np.sin(angle)], axis=-1) * radius[..., None]
    reach = style.frizz * max(style.length, 0.3) ** 0.6 * rng.lognormal(-0.8, 0.65, (count, 1, 1))
    bend, wiggle = rng.normal(0, 1, (count, 1, 3)), rng.normal(0, 0.35, (count, 1, 3))
    return curl + reach * (bend * t**1.5 + wiggle * np.sin(6.28 * t * rng.uniform(0.6, 1.6, (count, 1, 1))))


def _cut(points: Array, share: Array) -> Array:
    """Return strands cut to a share of their length, with as many points."""
    place = share[:, None] * np.linspace(0, 1, points.shape[1])[None] * (points.shape[1] - 1)
    low = np.minimum(place.astype(np.int64), points.shape[1] - 2)
    rows = np.arange(len(points))[:, None]
    between = (place - low)[..., None]
    return points[rows, low] * (1 - between) + points[rows, low + 1] * between


def _gathered(head: Head, style: Style, colour: Array, rng: np.random.Generator) -> Strands:
    """Return a tail, or a bun where it has no length."""
    centre = head.joint + head.facing @ _GATHERED_AT
    t = np.linspace(0, 1, _STEPS)
    count = 4000
    if style.tail:
        back = head.facing @ np.array([0.0, 0.15, -1.0])
        spread = rng.normal(0, 1, (count, 1, 3)) * (0.05 + 0.13 * np.sin(np.pi * np.minimum(t, 0.8)))[:, None]
        fall = np.outer(0.5 * t * (1 - 0.5 * t), back) + np.outer(-(t**1.5) * style.tail, [0, 1, 0])
        points = centre + fall + spread
        swing = rng.normal(0, style.frizz, (count, 1, 3)) * t[:, None] ** 2 * 2
        for k in range(2, _STEPS):
            points[:, k] = _outside(points[:, k] + swing[:, k], head, 0.12)
    else:
        axis, start = _unit(rng.normal(0, 1, (count, 3))), _unit(rng.normal(0, 1, (count, 3)))
        other = np.cross(axis, start)
        angle = np.linspace(0, 2.5, _STEPS)[None, :, None]
        radius = rng.uniform(0.3, 0.4) * rng.uniform(0.75, 1.05, (count, 1, 1))
        points = (
            centre
            - head.facing @ [0, 0, 0.1]
            + radius * (start[:, None] * np.cos(angle) + other[:, None] * np.sin(angle))
        )
    tint = np.exp(rng.normal(0, 0.22, (count, 1)))
    return _coloured(points, _unit(points.mean(axis=1) - centre + 1e-6), colour * tint, rng)


def _coloured(points: Array, out: Array, colour: Array, rng: np.random.Generator) -> Strands:
    t = np.linspace(0, 1, points.shape[1])[None, :, None]
    shade = 0.72 + 0.4 * t
    width = 0.0105 * rng.uniform(0.5, 1.3, (len(points), 1)) * (1 - 0.8 * t[..., 0])
    outward = np.broadcast_to(out[:, None], points.shape)
    shaded = np.clip(colour[:, None] * shade, 0, 1)
    parts = [np.ascontiguousarray(part, np.float32) for part in (points, outward, shaded, width)]
    return Strands(parts[0], parts[1], parts[2], parts[3])


def _unit(vectors: Array) -> Array:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-9)
