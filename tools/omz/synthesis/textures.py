"""Procedural textures of surfaces and rooms, (H, W, 3) float32, BGR, 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np

from omz.images.arrays import Colours, Field, Size

Texture: TypeAlias = Callable[[np.random.Generator, Size, np.ndarray], Colours]
"""A kind of surface: generator, (height, width), palette (N, 3) BGR 0 to 1 -> image."""
_FAINTEST = 0.01


def fractal_noise(rng: np.random.Generator, size: Size, coarsest: int = 2, roughness: float = 0.55) -> Field:
    """Return a (H, W) field, 0 to 1, whose octaves lose ``roughness`` in amplitude at each doubling of frequency.

    ``coarsest`` is the number of grid cells of the first octave; natural images have such a 1/f spectrum.
    """
    height, width = size
    total = np.zeros(size, np.float32)
    amplitude, cells = 1.0, coarsest
    while cells <= max(size) // 2 and amplitude > _FAINTEST:
        grid = rng.random((max(2, cells * height // max(size) + 1), max(2, cells * width // max(size) + 1)), np.float32)
        total += amplitude * cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
        amplitude *= roughness
        cells *= 2
    return cv2.normalize(total, None, 0.0, 1.0, cv2.NORM_MINMAX)


def random_colour(rng: np.random.Generator) -> np.ndarray:
    """Return one BGR colour, 0 to 1, drawn so that greys and muted colours are as common as bright ones."""
    hue, saturation, value = rng.uniform(0, 360), rng.beta(1.2, 1.8), rng.beta(1.8, 1.3)
    pixel = np.array([[[hue, saturation, value]]], np.float32)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2BGR)[0, 0]


def palette(rng: np.random.Generator, count: int, around: np.ndarray | None = None) -> np.ndarray:
    """Return (``count``, 3) colours, near the colour ``around`` where one is given."""
    colours = np.stack([random_colour(rng) for _ in range(count)])
    if around is not None:
        colours = around + 0.25 * (colours - 0.5)
    return np.clip(colours, 0, 1).astype(np.float32)


def colourise(field: Field, colours: np.ndarray) -> Colours:
    """Map a field, 0 to 1, through a palette, linearly between its colours."""
    table = cv2.resize(colours[None], (256, 1), interpolation=cv2.INTER_LINEAR)[0]
    lut = np.clip(table * 255, 0, 255).astype(np.uint8)[None]
    index = cv2.convertScaleAbs(field, alpha=255.0)
    return cv2.LUT(cv2.merge([index] * 3), lut).astype(np.float32) * (1 / 255)


def cloudy(rng: np.random.Generator, size: Size, colours: np.ndarray) -> Colours:
    """Draw clouds, foliage, plaster: fractal noise through a palette."""
    field = fractal_noise(rng, size, int(rng.integers(2, 9)), float(rng.uniform(0.4, 0.75)))
    return colourise(field, colours)


def striped(rng: np.random.Generator, size: Size, colours: np.ndarray) -> Colours:
    """Draw curtains, blinds, cloth, bark: bent stripes, soft or hard."""
    y, x = _coordinates(size)
    angle, waves = rng.uniform(0, math.pi), rng.uniform(3, 40)
    bend = fractal_noise(rng, size, 2, 0.4) * rng.uniform(0, 3)
    wave = np.sin(2 * math.pi * waves * (x * math.cos(angle) + y * math.sin(angle)) + 2 * bend)
    sharpness = rng.uniform(0.6, 6)
    return colourise(np.clip(0.5 + 0.5 * sharpness * wave, 0, 1), colours)


def tiled(rng: np.random.Generator, size: Size, colours: np.ndarray) -> Colours:
    """Draw bricks, tiles, books on a shelf: a grid of cells, each with a shade of its own, with joints between them."""
    height, width = size
    cell_h = max(4, int(height * rng.uniform(0.03, 0.2)))
    cell_w = max(4, int(width * rng.uniform(0.02, 0.25)))
    joint = max(1, int(min(cell_h, cell_w) * rng.uniform(0.02, 0.15)))
    rows = np.arange(height) // cell_h
    offset = (rows % 2) * (cell_w // 2) * int(rng.integers(0, 2))
    columns = (np.arange(width)[None, :] + offset[:, None]) // cell_w
    shade = rng.random((rows[-1] + 1, int(columns.max()) + 1), np.float32)
    image = colourise(shade[rows[:, None], columns], colours)
    joints = (np.arange(height) % cell_h < joint)[:, None] | (
        (np.arange(width)[None, :] + offset[:, None]) % cell_w < joint
    )
    image[joints] = random_colour(rng)
    return image


def cluttered(rng: np.random.Generator, size: Size, colours: np.ndarray) -> Colours:
    """Draw a street, a desk, a wall of posters: many flat shapes over a cloudy ground."""
    image = cloudy(rng, size, colours)
    extent = max(size)
    for _ in range(int(rng.integers(10, 60))):
        centre = rng.uniform(0, 1, 2) * size[::-1]
        radius = extent * rng.uniform(0.01, 0.15)
        colour = random_colour(rng).tolist()
        kind = rng.integers(0, 3)
        if kind == 0:
            angles = np.sort(rng.uniform(0, 2 * math.pi, int(rng.integers(3, 8))))
            points = centre + radius * np.stack([np.cos(angles), np.sin(angles)], 1)
            cv2.fillPoly(image, [points.astype(np.int32)], colour, cv2.LINE_AA)
        elif kind == 1:
            cv2.circle(image, centre.astype(int).tolist(), int(radius), colour, -1, cv2.LINE_AA)
        else:
            end = centre + rng.normal(0, 4 * radius, 2)
            thickness = max(1, int(radius * 0.2))
            cv2.line(image, centre.astype(int).tolist(), end.astype(int).tolist(), colour, thickness, cv2.LINE_AA)
    return image


def room(rng: np.random.Generator, size: Size, colours: np.ndarray) -> Colours:
    """Draw a wall with pictures, windows and shelves above a floor."""
    height, width = size
    image = cloudy(rng, size, palette(rng, 2, colours[0]))
    floor = int(height * rng.uniform(0.6, 0.95))
    image[floor:] = striped(rng, (height - floor, width), palette(rng, 3, colours[1]))
    for _ in range(int(rng.integers(2, 9))):
        frame_h, frame_w = int(height * rng.uniform(0.08, 0.4)), int(width * rng.uniform(0.06, 0.3))
        top, left = int(rng.uniform(0, max(1, floor - frame_h))), int(rng.uniform(-0.05, 0.95) * width)
        border = max(1, int(min(size) * rng.uniform(0.004, 0.02)))
        box = image[top : top + frame_h, max(0, left) : left + frame_w]
        if box.shape[0] > 2 * border + 2 and box.shape[1] > 2 * border + 2:
            box[:] = random_colour(rng)
            inner = box[border:-border, border:-border]
            fill = (cloudy, striped, tiled)[int(rng.integers(0, 3))]
            inner[:] = fill(rng, inner.shape[:2], palette(rng, 3))
    return image


def background(rng: np.random.Generator, size: Size) -> Colours:
    """Return one structured background of ``size`` (height, width), unevenly lit, in focus or not."""
    kinds = (room, room, cluttered, cluttered, cloudy, striped, tiled)
    image = kinds[int(rng.integers(0, len(kinds)))](rng, size, palette(rng, int(rng.integers(2, 6))))
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), max(0.3, min(size) * rng.uniform(0.001, 0.012)))
    return np.clip(image * lighting(rng, size)[..., None], 0, 1)


def lighting(rng: np.random.Generator, size: Size) -> Field:
    """Return a smooth (H, W) factor, about 0.5 to 1.3: one side brighter than the other, and large soft patches."""
    corners = cv2.resize(rng.uniform(0.6, 1.2, (2, 2)).astype(np.float32), size[::-1], interpolation=cv2.INTER_LINEAR)
    return corners * (0.85 + 0.3 * fractal_noise(rng, size, 2, 0.3))


def _coordinates(size: Size) -> tuple[Field, Field]:
    extent = np.float32(max(size))
    y = np.arange(size[0], dtype=np.float32)[:, None] / extent
    x = np.arange(size[1], dtype=np.float32)[None, :] / extent
    return y, x
