"""Finer triangles: each becomes four, with vertices in the middle of its edges, bent as the normals say."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from omz.synthesis.people.base_mesh import Points, base_mesh
from omz.synthesis.people.body import normals

_ROUNDNESS = 0.6


class Subdivision:
    """One group of the base mesh, each of whose triangles becomes ``4 ** levels``.

    ``faces`` are the new triangles; the vertices are those of the mesh, followed by new ones.
    """

    def __init__(self, group: str, levels: int) -> None:
        self.coarse = base_mesh().faces[group]
        self.faces = self.coarse
        self._edges: list[NDArray[np.int64]] = []
        count = len(base_mesh().vertices)
        for _ in range(levels):
            corners = self.faces.astype(np.int64)
            pairs = np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1)
            edges, number = np.unique(np.sort(pairs.reshape(-1, 2), axis=1), axis=0, return_inverse=True)
            middle = count + number.reshape(-1, 3)
            a, b, c = corners.T
            ab, bc, ca = middle.T
            split = np.stack([a, ab, ca, ab, b, bc, ca, bc, c, ab, bc, ca], axis=1)
            self.faces = split.reshape(-1, 3).astype(np.int32)
            self._edges.append(edges)
            count += len(edges)

    def spread(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return values of the mesh's vertices at all vertices: between two, their mean."""
        for edges in self._edges:
            values = np.concatenate([values, values[edges].mean(axis=1)])
        return values

    def bend(self, position: Points) -> tuple[Points, Points]:
        """Return positions and normals of all vertices (Phong tessellation: Boubekeur and Alexa, 2008)."""
        out = normals(position, self.coarse)
        for edges in self._edges:
            middle = position[edges].mean(axis=1)
            off = ((middle[:, None] - position[edges]) * out[edges]).sum(axis=-1, keepdims=True)
            middle = middle - _ROUNDNESS * (off * out[edges]).mean(axis=1)
            between = out[edges].sum(axis=1)
            between /= np.linalg.norm(between, axis=1, keepdims=True) + 1e-9
            position, out = np.concatenate([position, middle]), np.concatenate([out, between])
        return position, out


@cache
def subdivision(group: str, levels: int) -> Subdivision:
    """Return a group's subdivision, which is made once."""
    return Subdivision(group, levels)
