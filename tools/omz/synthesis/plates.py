"""Procedural plates: dead leaves, rooms in perspective, foliage, posters, and views of panoramas."""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from omz.images.arrays import Colours, Size
from omz.synthesis import textures
from omz.synthesis.layer import read_levels

_LETTERS = np.array(list(string.ascii_letters + string.digits + "    "))
_SURFACES: tuple[textures.Texture, ...] = (textures.cloudy, textures.cloudy, textures.striped, textures.tiled)


def plate(rng: np.random.Generator, size: Size, panoramas: tuple[Path, ...] = ()) -> Colours:
    """Return a plate of ``size`` (height, width), lit unevenly; a quarter are views of ``panoramas``, if any."""
    if panoramas and rng.random() < 0.25:
        return view(panoramas[int(rng.integers(len(panoramas)))], rng, size)
    kinds: tuple[Callable[[np.random.Generator, Size], Colours], ...] = (
        dead_leaves, room, room, room, foliage, posters, textures.background, textures.background, wall,
    )  # fmt: skip
    image = kinds[int(rng.integers(len(kinds)))](rng, size)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), min(size) * float(rng.uniform(0.0005, 0.008)))
    return np.clip(image * textures.lighting(rng, size)[..., None], 0, 1)


def dead_leaves(
    rng: np.random.Generator, size: Size, colours: np.ndarray | None = None, narrow: tuple[float, float] = (0.5, 1.0)
) -> Colours:
    """Draw shapes over one another, whose number falls with the cube of their radius, as in natural images.

    Lee, Mumford and Huang, "Occlusion models for natural images", 2001. Each has a colour and a texture of its own.
    ``narrow`` is the range of width to length.
    """
    height, width = size
    count = int(rng.integers(800, 5000))
    least, most = min(size) * 0.006, min(size) * float(rng.uniform(0.2, 0.5))
    radius = (least**-2 - rng.random(count) * (least**-2 - most**-2)) ** -0.5
    order = rng.random(count) < 0.5
    radius = np.where(order, np.sort(radius)[::-1], radius)
    owner = np.zeros(size, np.int32)
    for number in range(1, count):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(radius[number]) + 1, int(radius[number] * rng.uniform(*narrow)) + 1)
        angle = float(rng.uniform(0, 360))
        if rng.random() < 0.7:
            cv2.ellipse(owner, centre, axes, angle, 0, 360, number, -1)
        else:
            box = cv2.boxPoints((centre, (2 * axes[0], 2 * axes[1]), angle))
            cv2.fillConvexPoly(owner, box.astype(np.int32), number)
    own = textures.palette(rng, count) if colours is None else colours[rng.integers(len(colours), size=count)]
    own = own * rng.uniform(0.6, 1.2, (count, 1)).astype(np.float32)
    grain = textures.fractal_noise(rng, size, 4, 0.6) - 0.5
    contrast = rng.uniform(0, 0.6, count).astype(np.float32)
    shift = rng.integers(0, min(size), count)
    shift[0] = 0  # the ground has no seam
    rows, columns = np.mgrid[:height, :width]
    moved = grain[(rows + shift[owner]) % height, (columns + 3 * shift[owner]) % width]
    return np.clip(own[owner] * (1 + contrast[owner] * 2 * moved)[..., None], 0, 1).astype(np.float32)


def foliage(rng: np.random.Generator, size: Size) -> Colours:
    """Draw leaves, or bark and straw."""
    hue = rng.choice([[0.15, 0.45, 0.2], [0.12, 0.35, 0.3], [0.15, 0.3, 0.5], [0.25, 0.5, 0.45]])
    colours = np.clip(hue * rng.uniform(0.3, 1.8, (40, 1)) * rng.uniform(0.8, 1.2, (40, 3)), 0, 1).astype(np.float32)
    return dead_leaves(rng, size, colours, (0.15, 0.5))


def wall(rng: np.random.Generator, size: Size) -> Colours:
    """Draw a plain wall, such as stands behind somebody at a desk."""
    colour = np.array([0.62, 0.72, 0.8]) * rng.uniform(0.4, 1.2) * rng.uniform(0.85, 1.15, 3)
    colours = np.clip(np.stack([colour, colour * rng.uniform(0.9, 1.1)]), 0, 1).astype(np.float32)
    return textures.cloudy(rng, size, colours)


def posters(rng: np.random.Generator, size: Size) -> Colours:
    """Draw sheets with text in several sizes."""
    image = wall(rng, size)
    height, width = size
    for _ in range(int(rng.integers(2, 9))):
        tall, wide = int(height * rng.uniform(0.2, 0.7)), int(width * rng.uniform(0.12, 0.4))
        top, left = int(rng.integers(-tall // 3, height)), int(rng.integers(-wide // 3, width))
        paper, ink = (np.rint(255 * textures.random_colour(rng)) for _ in range(2))
        sheet = np.tile(paper.astype(np.uint8), (tall, wide, 1))
        y = 0.0
        while y < tall:
            scale = float(rng.uniform(0.3, 2.5)) * height / 720
            y += 34 * scale
            line = "".join(rng.choice(_LETTERS, int(wide / (16 * scale)) + 1))
            font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
            cv2.putText(sheet, line, (6, int(y)), font, scale, ink.tolist(), max(1, int(2 * scale)), cv2.LINE_AA)
        _paste(image, sheet.astype(np.float32) * np.float32(1 / 255), top, left)
    return image


def room(rng: np.random.Generator, size: Size) -> Colours:
    """Draw a room in perspective: walls, floor and ceiling, with windows, pictures and shelves on the walls."""
    height, width = size
    back_w, back_h = width * rng.uniform(0.35, 0.9), height * rng.uniform(0.35, 0.8)
    x, y = width * rng.uniform(0.25, 0.75), height * rng.uniform(0.3, 0.6)
    inner = np.array([[x - back_w / 2, y - back_h / 2], [x + back_w / 2, y - back_h / 2]])
    inner = np.concatenate([inner, inner[::-1] + [0, back_h]])
    outer = inner + 2.5 * (inner - [x, y]) * np.array([width / back_w, height / back_h])
    image = np.zeros((*size, 3), np.float32)
    colours = textures.palette(rng, 4)
    colours += np.float32(rng.uniform(0, 0.8)) * (colours.mean(axis=1, keepdims=True) - colours)  # walls are pale
    quads = [np.stack([inner[k], inner[(k + 1) % 4], outer[(k + 1) % 4], outer[k]]) for k in range(4)]
    shades = (1.1, 0.8, 0.9, 0.75)
    for number, quad in enumerate(quads):
        kind = _SURFACES[int(rng.integers(len(_SURFACES)))] if number == 2 else textures.cloudy
        texture = kind(rng, (256, 256), textures.palette(rng, 3, colours[number % 4 if number != 3 else 1]))
        if number in (1, 3):
            _furnish(rng, texture)
        _project(image, texture * np.float32(shades[number]), quad)
    back = textures.cloudy(rng, (512, 768), textures.palette(rng, 2, colours[1]))
    _furnish(rng, back)
    _project(image, back, inner)
    return np.clip(image, 0, 1)


def _furnish(rng: np.random.Generator, surface: Colours) -> None:
    """Hang windows, pictures and shelves on a wall."""
    height, width = surface.shape[:2]
    for _ in range(int(rng.integers(0, 4))):
        tall, wide = int(height * rng.uniform(0.15, 0.6)), int(width * rng.uniform(0.12, 0.45))
        top, left = int(rng.uniform(0.05, 0.8) * height), int(rng.uniform(-0.1, 0.9) * width)
        make = (_shelf, _window, _picture)[int(rng.integers(3))]
        _paste(surface, make(rng, (tall, wide)), top, left)


def _picture(rng: np.random.Generator, size: Size) -> Colours:
    image = np.broadcast_to(textures.random_colour(rng), (*size, 3)).astype(np.float32).copy()
    border = max(1, int(min(size) * rng.uniform(0.03, 0.12)))
    inner = image[border:-border, border:-border]
    if min(inner.shape[:2]) > 8:
        kind = (textures.cluttered, textures.cloudy, textures.striped)[int(rng.integers(3))]
        inner[:] = kind(rng, inner.shape[:2], textures.palette(rng, 4))
    return image


def _window(rng: np.random.Generator, size: Size) -> Colours:
    outside = textures.cloudy(rng, size, textures.palette(rng, 3) * 0.3 + 0.7)
    frame = max(2, int(min(size) * 0.05))
    colour = np.full(3, float(rng.uniform(0.2, 1)), np.float32)
    for axis in (0, 1):
        for place in np.linspace(0, size[axis] - frame, int(rng.integers(2, 4))).astype(int):
            outside[
                (slice(place, place + frame), slice(None)) if axis == 0 else (slice(None), slice(place, place + frame))
            ] = colour
    return outside


def _shelf(rng: np.random.Generator, size: Size) -> Colours:
    """Draw books on boards."""
    image = np.broadcast_to(textures.random_colour(rng) * 0.3, (*size, 3)).astype(np.float32).copy()
    board = textures.random_colour(rng)
    rows = int(rng.integers(2, 6))
    high = size[0] // rows
    for row in range(rows):
        floor = (row + 1) * high
        image[floor - max(1, high // 12) : floor] = board
        x = 0
        while x < size[1] and high > 8:
            wide = int(rng.uniform(0.06, 0.22) * high) + 1
            tall = int(rng.uniform(0.5, 0.88) * high)
            if rng.random() < 0.88:
                shade = np.linspace(0.75, 1.1, wide, dtype=np.float32)[None, :, None]
                book = image[floor - high // 12 - tall : floor - high // 12, x : x + wide]
                book[:] = (textures.random_colour(rng) * shade)[:, : book.shape[1]]
            x += wide
    return image


def view(panorama: Path, rng: np.random.Generator, size: Size) -> Colours:
    """Return a view of a panorama, an image of 360 by 180 degrees, as a camera sees it."""
    levels = read_levels(panorama, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH)
    sphere = levels.astype(np.float32) / (255 if levels.dtype == np.uint8 else 1)
    height, width = size
    focal = width / 2 / math.tan(math.radians(float(rng.uniform(25, 45))))
    x = (np.arange(width, dtype=np.float32) - width / 2)[None, :]
    y = (np.arange(height, dtype=np.float32) - height / 2)[:, None]
    pitch, yaw = float(rng.normal(0, 0.1)), float(rng.uniform(-math.pi, math.pi))
    up, ahead = y * math.cos(pitch) - focal * math.sin(pitch), focal * math.cos(pitch) + y * math.sin(pitch)
    longitude = np.arctan2(x + 0 * ahead, ahead) + yaw
    latitude = np.arctan2(up, np.hypot(x, ahead))
    columns = ((longitude / (2 * math.pi) + 0.5) % 1 * sphere.shape[1]).astype(np.float32)
    rows = ((latitude / math.pi + 0.5) * sphere.shape[0]).astype(np.float32)
    seen = cv2.remap(sphere, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    seen *= np.float32(rng.uniform(0.35, 0.6) / max(float(np.median(seen)), 1e-3))
    return (seen / (1 + np.maximum(seen - 0.6, 0))).clip(0, 1) ** np.float32(1 / 1.8)


def _project(image: Colours, texture: Colours, quad: np.ndarray) -> None:
    height, width = texture.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, quad.astype(np.float32))
    cv2.warpPerspective(texture, matrix, image.shape[1::-1], image, cv2.INTER_LINEAR, borderMode=cv2.BORDER_TRANSPARENT)


def _paste(image: Colours, part: Colours, top: int, left: int) -> None:
    """Lay a part over an image, as far as it lies inside."""
    height, width = image.shape[:2]
    rows, columns = (
        slice(max(0, top), min(height, top + part.shape[0])),
        slice(max(0, left), min(width, left + part.shape[1])),
    )
    if rows.start < rows.stop and columns.start < columns.stop:
        image[rows, columns] = part[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
