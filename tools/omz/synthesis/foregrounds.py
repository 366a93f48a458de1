"""Procedural foregrounds: people-like figures and free shapes, with edges that make matting hard."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from omz.images.arrays import Colours, Field, Size
from omz.synthesis import textures

_SUPERSAMPLING = 2
_SUBPIXEL_BITS = 4
_HAIR = (0.2, 1.0)
_FUR = (0.05, 0.4)


@dataclass(frozen=True)
class Foreground:
    """A subject without its background: ``alpha`` (H, W) and ``colour`` (H, W, 3) BGR, both 0 to 1.

    Colours are defined wherever alpha is above 0, and continue smoothly where it is 0.
    """

    alpha: Field
    colour: Colours


class _Canvas:
    """A canvas for masks drawn at twice the size; later ones cover earlier ones."""

    def __init__(self, size: Size, ground: Colours) -> None:
        self.size = size
        self.alpha: Field = np.zeros(size, np.float32)
        self.colour = ground

    def paint(self, mask: Field, colour: Colours) -> None:
        """Paint ``colour`` over the canvas, with ``mask`` as its opacity."""
        left, top, width, height = cv2.boundingRect(cv2.convertScaleAbs(mask, alpha=255.0))
        box = slice(top, top + height), slice(left, left + width)
        self.colour[box] += mask[box][..., None] * (colour[box] - self.colour[box])
        self.alpha[box] += mask[box] * (1 - self.alpha[box])

    def polygon(self, points: np.ndarray) -> Field:
        """Return the mask of a closed outline; ``points`` (N, 2) are x, y in pixels."""
        mask = self._blank()
        cv2.fillPoly(mask, [_fixed_point(points)], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
        return self._shrink(mask)

    def strokes(self, lines: list[np.ndarray], widths: list[float], opacities: list[float]) -> Field:
        """Return the mask of open lines; ``widths`` in pixels, at least half of one."""
        mask = self._blank()
        for points, width, opacity in zip(lines, widths, opacities, strict=True):
            thickness = max(1, round(width * _SUPERSAMPLING))
            shade = int(255 * opacity)
            cv2.polylines(mask, [_fixed_point(points)], False, shade, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
        return self._shrink(mask)

    def _blank(self) -> np.ndarray:
        return np.zeros((self.size[0] * _SUPERSAMPLING, self.size[1] * _SUPERSAMPLING), np.uint8)

    def _shrink(self, mask: np.ndarray) -> Field:
        return cv2.resize(mask, self.size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) * (1 / 255)


def foreground(rng: np.random.Generator, size: Size, near: np.ndarray | None = None) -> Foreground:
    """Return one subject; ``near`` is a colour that its surfaces resemble (the camouflage case)."""
    canvas = _Canvas(size, _surface(rng, size, near))
    if rng.random() < 0.6:
        _figure(rng, canvas, near)
    else:
        _free_shapes(rng, canvas, near)
    alpha = canvas.alpha
    if rng.random() < 0.35:
        alpha = _with_holes(rng, canvas, alpha)
    if rng.random() < 0.15:
        alpha = alpha * _veil(rng, size)
    if rng.random() < 0.5:
        alpha = _softened(rng, alpha)
    subject = Foreground(np.clip(alpha, 0, 1), np.clip(canvas.colour, 0, 1))
    return _motion_blurred(rng, subject) if rng.random() < 0.2 else subject


def _figure(rng: np.random.Generator, canvas: _Canvas, near: np.ndarray | None) -> None:
    """Shoulders, arms, neck, head and hair, standing on the lower edge."""
    height, width = canvas.size
    head = height * rng.uniform(0.1, 0.2)
    centre = np.array([width * rng.uniform(0.25, 0.75), height * rng.uniform(0.18, 0.45)])
    chin, shoulder = centre[1] + head * 1.15, centre[1] + head * rng.uniform(1.6, 2.1)
    reach = head * rng.uniform(1.7, 2.6)
    x = centre[0]
    skin = np.clip(np.array([0.45, 0.6, 0.8]) * rng.uniform(0.35, 1.15), 0, 1).astype(np.float32)
    skin_texture = _surface(rng, canvas.size, skin if near is None else near, contrast=0.3, kinds=(textures.cloudy,))
    cloth = _surface(rng, canvas.size, near)
    hair_colour = rng.uniform(0.05, 0.9) * textures.random_colour(rng)
    hair = _surface(rng, canvas.size, hair_colour, contrast=0.5, kinds=(textures.cloudy, textures.striped))

    strands = _strands(rng, centre, head * rng.uniform(0.8, 1.1), int(rng.integers(60, 320)), canvas.size, _HAIR)
    canvas.paint(canvas.strokes(*strands), hair)
    canvas.paint(canvas.polygon(_round(centre - [0, head * 0.12], head * 1.02, head * 1.25, rng, 0.06)), hair)
    lower = height * 1.1
    waist = reach * rng.uniform(0.6, 0.95)
    torso = np.array(
        [
            [x - waist, lower], [x - reach * 0.9, shoulder + head * 0.8], [x - reach * 0.8, shoulder + head * 0.15],
            [x - head * 0.45, chin], [x + head * 0.45, chin],
            [x + reach * 0.8, shoulder + head * 0.15], [x + reach * 0.9, shoulder + head * 0.8], [x + waist, lower],
        ]
    )  # fmt: skip
    for side in (-1, 1):
        start = np.array([x + side * reach * 0.75, shoulder + head * 0.5])
        elbow = start + np.array([side * head * rng.uniform(0.2, 2.2), head * rng.uniform(-0.5, 2.2)])
        hand = elbow + head * rng.uniform(-2, 2, 2)
        arm = _curve(start, elbow, hand)
        sleeve, bare = (arm[:12], arm[11:]) if rng.random() < 0.5 else (arm, arm[-3:])
        canvas.paint(canvas.strokes([bare], [head * 0.45], [1.0]), skin_texture)
        canvas.paint(canvas.strokes([sleeve], [head * rng.uniform(0.6, 0.9)], [1.0]), cloth)
    canvas.paint(canvas.polygon(_smooth(torso)), cloth)
    canvas.paint(canvas.polygon(_round(centre + [0, head * 0.9], head * 0.42, head * 0.6, rng, 0.02)), skin_texture)
    canvas.paint(canvas.polygon(_round(centre + [0, head * 0.12], head * 0.8, head * 1.05, rng, 0.03)), skin_texture)
    fringe = _strands(rng, centre - [0, head * 0.75], head * 0.3, int(rng.integers(20, 120)), canvas.size, _HAIR)
    canvas.paint(canvas.strokes(*fringe), hair)


def _free_shapes(rng: np.random.Generator, canvas: _Canvas, near: np.ndarray | None) -> None:
    """One to four round, pointed or lobed bodies, with or without fur."""
    extent = min(canvas.size)
    for _ in range(int(rng.integers(1, 5))):
        centre = rng.uniform(0.1, 0.9, 2) * canvas.size[::-1]
        radius = extent * rng.uniform(0.06, 0.32)
        surface = _surface(rng, canvas.size, near)
        if rng.random() < 0.6:
            fur = _strands(rng, centre, radius, int(rng.integers(100, 500)), canvas.size, _FUR)
            canvas.paint(canvas.strokes(*fur), surface)
        outline = _round(centre, radius, radius * rng.uniform(0.5, 1.5), rng, rng.uniform(0.02, 0.3))
        canvas.paint(canvas.polygon(outline), surface)


def _strands(
    rng: np.random.Generator, centre: np.ndarray, radius: float, count: int, size: Size, reach: tuple[float, float]
) -> tuple[list[np.ndarray], list[float], list[float]]:
    """Return hair around a centre: curves that leave a disc outwards, combed one way, with widths and opacities.

    ``reach`` is the range of their length, in radii of the disc.
    """
    angles = rng.uniform(0, 2 * math.pi, count)
    comb = rng.normal(0, 0.5, 2) + [0, rng.uniform(-0.2, 1.0)]
    length = radius * rng.uniform(*reach)
    thickness = min(size) * rng.uniform(0.0008, 0.004)
    lines = []
    for angle in angles:
        outward = np.array([math.cos(angle), math.sin(angle)])
        start = centre + radius * outward * rng.uniform(0.7, 1.0)
        span = length * rng.uniform(0.4, 1.6)
        middle = start + span * 0.5 * outward
        lines.append(_curve(start, middle, middle + span * 0.6 * (outward + comb + rng.normal(0, 0.4, 2)), steps=8))
    widths = (thickness * rng.uniform(0.5, 1.5, count)).tolist()
    return lines, widths, rng.uniform(0.4, 1.0, count).tolist()


def _with_holes(rng: np.random.Generator, canvas: _Canvas, alpha: Field) -> Field:
    """Cut openings through which the background shows."""
    for _ in range(int(rng.integers(1, 6))):
        ys, xs = np.nonzero(alpha[::8, ::8] > 0.9)
        if len(ys) == 0:
            break
        pick = int(rng.integers(0, len(ys)))
        radius = min(canvas.size) * rng.uniform(0.008, 0.06)
        hole = _round(np.array([xs[pick] * 8.0, ys[pick] * 8.0]), radius, radius * rng.uniform(0.5, 2), rng, 0.1)
        alpha = alpha * (1 - canvas.polygon(hole))
    return alpha


def _veil(rng: np.random.Generator, size: Size) -> Field:
    """Return a factor that makes part of a subject semi-transparent: smoke, glass, gauze."""
    where = np.clip(6 * (textures.fractal_noise(rng, size, 2, 0.4) - rng.uniform(0.5, 0.8)), 0, 1)
    weave = 0.6 + 0.4 * textures.fractal_noise(rng, size, int(rng.integers(4, 32)))
    return 1 - where * weave * np.float32(rng.uniform(0.3, 0.9))


def _softened(rng: np.random.Generator, alpha: Field) -> Field:
    """Blur the edge, in some places more than in others, as a lens with little depth of field does."""
    sigma = min(alpha.shape) * rng.uniform(0.001, 0.02)
    blurred = cv2.GaussianBlur(alpha, (0, 0), sigma)
    where = textures.fractal_noise(rng, alpha.shape, 2, 0.3)
    return alpha + where * (blurred - alpha)


def _motion_blurred(rng: np.random.Generator, subject: Foreground) -> Foreground:
    """Move the subject during the exposure; alpha and light move together, so the result is exact."""
    length = max(3, int(min(subject.alpha.shape) * rng.uniform(0.01, 0.05)) | 1)
    line = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, math.pi)
    half = length // 2
    step = half * np.array([math.cos(angle), math.sin(angle)])
    start, end = (half - step).round().astype(int).tolist(), (half + step).round().astype(int).tolist()
    cv2.line(line, start, end, 1.0)
    line /= line.sum()
    alpha = np.clip(cv2.filter2D(subject.alpha, -1, line), 0, 1)
    light = cv2.filter2D(subject.colour * subject.alpha[..., None], -1, line)
    seen = alpha[..., None]
    colour = np.where(seen > 1e-3, light / np.maximum(seen, 1e-3), subject.colour)
    return Foreground(alpha, np.clip(colour, 0, 1))


def _surface(
    rng: np.random.Generator,
    size: Size,
    near: np.ndarray | None,
    contrast: float = 1.0,
    kinds: tuple[textures.Texture, ...] = (textures.cloudy, textures.cloudy, textures.striped, textures.tiled),
) -> Colours:
    """Return a lit texture of one of ``kinds``; ``contrast`` below 1 draws its colours together."""
    colours = textures.palette(rng, int(rng.integers(2, 5)), near)
    middle = colours.mean(0) if near is None else near
    colours = (middle + contrast * (colours - middle)).clip(0, 1)
    texture = kinds[int(rng.integers(0, len(kinds)))](rng, size, colours.astype(np.float32))
    return np.clip(texture * textures.lighting(rng, size)[..., None], 0, 1)


def _round(centre: np.ndarray, radius_x: float, radius_y: float, rng: np.random.Generator, rough: float) -> np.ndarray:
    """Return an ellipse whose radius wavers by the share ``rough``: (64, 2) points."""
    angle = np.linspace(0, 2 * math.pi, 64, endpoint=False)
    orders = np.arange(2, 9)
    phases = rng.uniform(0, 2 * math.pi, len(orders))
    waver = 1 + rough * (np.cos(orders[:, None] * angle + phases[:, None]) / np.sqrt(orders)[:, None]).sum(0)
    return centre + np.stack([radius_x * waver * np.cos(angle), radius_y * waver * np.sin(angle)], 1)


def _curve(start: np.ndarray, middle: np.ndarray, end: np.ndarray, steps: int = 24) -> np.ndarray:
    """Return a quadratic Bezier curve: (``steps``, 2) points."""
    t = np.linspace(0, 1, steps)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end


def _smooth(points: np.ndarray, rounds: int = 3) -> np.ndarray:
    """Round the corners of a closed outline by Chaikin's corner cutting."""
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], 1).reshape(-1, 2)
    return points


def _fixed_point(points: np.ndarray) -> np.ndarray:
    return np.round(points * (_SUPERSAMPLING << _SUBPIXEL_BITS)).astype(np.int32)
