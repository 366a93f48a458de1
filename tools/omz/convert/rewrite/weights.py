"""Weights of 3x3 layers, and fixed ones, for the forms in which a rewritten refiner computes.

Cells are 4x4 pixels, places 2x2. The channels of a window or of a place are ordered y, x, channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PLACES = 2
"""The sides of a cell in places, and those of a place in pixels."""
AROUND = PLACES + 2
"""The sides of a cell in places, with those around it that a layer reads."""
CELL = PLACES**2
"""The sides of a cell in pixels."""
_KERNEL = 3

Weights = NDArray[np.float32]
Matrix = NDArray[np.float64]


def of_cells(weights: Weights) -> Matrix:
    """Return the weights (O, C, 3, 3) of a layer on places as a matrix for cells: (16 C, 4 O)."""
    outputs, inputs = weights.shape[:2]
    matrix = np.zeros((AROUND, AROUND, inputs, PLACES, PLACES, outputs))
    for y, x, v, u in np.ndindex(PLACES, PLACES, _KERNEL, _KERNEL):
        matrix[y + v, x + u, :, y, x] = weights[:, :, v, u].T
    return matrix.reshape(AROUND**2 * inputs, PLACES**2 * outputs)


def of_places(weights: Weights) -> Matrix:
    """Return the weights (O, C, 3, 3) of a layer on pixels for places: (4 O, 4 C, 2, 2)."""
    outputs, inputs = weights.shape[:2]
    folded = np.zeros((PLACES, PLACES, outputs, PLACES, PLACES, inputs, PLACES, PLACES))
    for y, x, v, u in np.ndindex(PLACES, PLACES, _KERNEL, _KERNEL):
        row, column = y + v, x + u
        folded[y, x, :, row % 2, column % 2, :, row // 2, column // 2] += weights[:, :, v, u]
    return folded.reshape(PLACES**2 * outputs, PLACES**2 * inputs, PLACES, PLACES)


def of_plain_places(weights: Weights) -> Matrix:
    """Return :func:`of_places` for places whose pixels are all alike: (4 O, C, 2, 2)."""
    folded = of_places(weights)
    outputs = folded.shape[0]
    summed: Matrix = folded.reshape(outputs, PLACES**2, -1, PLACES, PLACES).sum(1)
    return summed


def doubling(channels: int) -> Matrix:
    """Return a matrix (9 C, 16 C) that makes the places of a cell, and those around it, of 3x3 cells, bilinearly."""
    taps = np.array([[3, 1, 0], [1, 3, 0], [0, 3, 1], [0, 1, 3]]) / 4
    return np.kron(np.kron(taps, taps), np.eye(channels)).T


def copying(channels: int) -> Matrix:
    """Return weights that make the pixels of each place its channels: (4 C, C, 2, 2)."""
    weights = np.zeros((PLACES, PLACES, channels, channels, PLACES, PLACES))
    for y, x in np.ndindex(PLACES, PLACES):
        weights[y, x, :, :, y, x] = np.eye(channels)
    return weights.reshape(-1, channels, PLACES, PLACES)


def enlarging(channels: int) -> Matrix:
    """Return weights (16 C, C, 3, 3) that enlarge cells bilinearly to 4x4 pixels: channel, y, x."""
    taps = np.zeros((CELL, _KERNEL))
    for pixel in range(CELL):
        place = (pixel + 0.5) / CELL + 0.5  # counted from the cell before
        before = int(place)
        taps[pixel, before] = before + 1 - place
        taps[pixel, before + 1] = place - before
    weights = np.zeros((channels, CELL, CELL, channels, _KERNEL, _KERNEL))
    for channel in range(channels):
        weights[channel, :, :, channel] = np.einsum("yv,xu->yxvu", taps, taps)
    return weights.reshape(-1, channels, _KERNEL, _KERNEL)
