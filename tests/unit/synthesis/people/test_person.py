from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest
from helpers.rendering import needs_mesh, needs_renderer

from omz.errors import EngineError
from omz.synthesis.people import renderer
from omz.synthesis.people.base_mesh import base_mesh
from omz.synthesis.people.body import normals
from omz.synthesis.people.hair import STYLES, Head, grow, scalp


@needs_renderer
@pytest.mark.slow
def test_a_seed_gives_the_same_bytes_in_another_process_and_another_seed_others():
    script = (
        "import hashlib, sys, numpy as np\n"
        "from omz.synthesis.people.person import person\n"
        "layer = person(np.random.default_rng(int(sys.argv[1])))\n"
        "print(hashlib.sha256(layer.colour.tobytes() + layer.alpha.tobytes()).hexdigest())"
    )
    digests = []
    for seed in ("3", "3", "4"):
        run = subprocess.run([sys.executable, "-c", script, seed], capture_output=True, text=True, check=True)
        digests.append(run.stdout)
    assert digests[0] == digests[1] != digests[2]


@needs_renderer
def test_a_person_is_one_closed_subject_with_a_soft_edge():
    from omz.synthesis.people.person import person

    layer = person(np.random.default_rng(11))
    solid = (layer.alpha > 250).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    assert stats[1:, cv2.CC_STAT_AREA].max() > 0.9 * solid.sum()
    assert count >= 2
    soft = (layer.alpha > 3) & (layer.alpha < 252)
    assert 0.002 < soft.mean() < 0.3
    assert len(np.unique(layer.alpha)) >= 15


@needs_renderer
def test_a_square_covers_the_share_of_a_pixel_that_it_covers():
    corners = np.float32([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    faces = np.int32([[0, 1, 2], [0, 2, 3]])
    ones = np.ones((4, 3), np.float32)
    square = renderer.Surface(corners, normals(corners, faces), corners, ones, np.ones(4, np.float32), faces)
    light = renderer.Light.random(np.random.default_rng(0))
    camera = renderer.Camera(np.array([0.0, 0, 50]), np.zeros(3), 64 * 2 / 20.5)
    image = renderer.render([square], [], camera, light, (64, 64))
    alpha = image[..., 3]
    assert alpha.sum() == pytest.approx(20.5**2, rel=0.02)
    row = alpha[32]
    assert row[32] == 1
    assert row[0] == 0
    assert 0.1 < row[(row > 0) & (row < 1)].mean() < 0.9


@needs_mesh
@pytest.mark.parametrize("name", STYLES)
def test_hair_grows_from_the_head_and_not_into_it(name):
    mesh = base_mesh()
    body = mesh.vertices_of("body")
    body = body[mesh.vertices[body, 1] > 5.9]
    out = normals(mesh.vertices, mesh.faces["body"])
    joint = np.array([0, 6.97, 0.16])
    head = Head(mesh.vertices, joint, np.eye(3), mesh.vertices[body], out[body])
    grown = grow(head, STYLES[name], np.array([0.1, 0.05, 0.02]), np.random.default_rng(0))
    assert sum(len(strands.points) for strands in grown) >= 10_000
    roots = grown[0].points[:, 0]
    nearest = np.linalg.norm(mesh.vertices[mesh.vertices_of("body")] - roots[0], axis=1).min()
    assert nearest < 0.25
    inside = np.linalg.norm((grown[0].points - [0, 7.6, 0.55]) / [0.6, 0.75, 0.8], axis=-1) < 0.8
    assert inside.mean() < 0.002


@needs_mesh
def test_no_hair_grows_on_the_face():
    share = scalp(0.0)
    x, y, z = base_mesh().vertices.T
    face = (z > 1.0) & (y < 7.8) & (y > 6.4) & (np.abs(x) < 0.5)
    assert share[face].max() == 0
    crown = (y > 8.3) & (z < 0.8)
    assert share[crown].min() > 0.9


def test_without_egl_there_is_one_line(monkeypatch):
    class Library:
        @staticmethod
        def create_standalone_context(backend: str) -> None:
            raise Exception("libEGL.so not found")  # what moderngl raises

    renderer._context.cache_clear()
    monkeypatch.setattr(renderer, "import_extra", lambda name: Library)
    with pytest.raises(EngineError, match=r"without a window: libEGL.so not found; install EGL .*libegl1"):
        renderer._context()
    renderer._context.cache_clear()
