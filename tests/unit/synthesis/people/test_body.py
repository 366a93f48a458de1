from __future__ import annotations

import numpy as np
import pytest
from helpers.rendering import needs_mesh

from omz.synthesis.people.base_mesh import base_mesh
from omz.synthesis.people.body import Pose, Shape, arc, normals, posed, rotation, shaped
from omz.synthesis.people.outfit import Cut, cover_of, dress, random_outfit
from omz.synthesis.people.subdivision import subdivision


def test_an_arc_turns_one_direction_into_another():
    rng = np.random.default_rng(0)
    for _ in range(20):
        start, end = rng.normal(size=(2, 3))
        turn = arc(start, end)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
        found = turn @ start / np.linalg.norm(start)
        np.testing.assert_allclose(found, end / np.linalg.norm(end), atol=1e-9)


def test_a_rotation_about_one_axis_keeps_it():
    np.testing.assert_allclose(rotation(0, 0.7, 0) @ [0, 1, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(rotation(0, 0, np.pi / 2) @ [1, 0, 0], [0, 1, 0], atol=1e-12)


@needs_mesh
def test_the_rest_pose_moves_nothing():
    vertices = base_mesh().vertices
    found, frames = posed(vertices, Pose({}, {}, curl=0.0))
    np.testing.assert_allclose(found, vertices, atol=1e-4)
    np.testing.assert_allclose(frames["head"][0], np.eye(3))


@needs_mesh
def test_limbs_point_where_they_are_aimed_at_and_keep_their_length():
    vertices = base_mesh().vertices
    joints = {bone.name: vertices[bone.head].mean(axis=0) for bone in base_mesh().bones}
    pose = Pose({"upperarm_l": (0.0, 1.0, 0.0), "lowerarm_l": (0.0, 0.0, 1.0)}, {})
    _, frames = posed(vertices, pose)
    upper = frames["lowerarm_l"][1] - frames["upperarm_l"][1]
    lower = frames["hand_l"][1] - frames["lowerarm_l"][1]
    np.testing.assert_allclose(upper / np.linalg.norm(upper), [0, 1, 0], atol=1e-5)
    np.testing.assert_allclose(lower / np.linalg.norm(lower), [0, 0, 1], atol=1e-5)
    assert np.linalg.norm(lower) == pytest.approx(np.linalg.norm(joints["hand_l"] - joints["lowerarm_l"]), rel=1e-5)


@needs_mesh
def test_the_heavy_are_wide_and_the_tall_are_high():
    light = Shape((0, 0, 1), male=0, age=0.5, weight=0.1, muscle=0.5, height=0.5)
    heavy = Shape((0, 0, 1), male=0, age=0.5, weight=0.9, muscle=0.5, height=0.5)
    tall = Shape((0, 0, 1), male=0, age=0.5, weight=0.1, muscle=0.5, height=1.0)
    first, second, third = (shaped(each, np.random.default_rng(1)) for each in (light, heavy, tall))
    rest = base_mesh().vertices
    waist = (np.abs(rest[:, 1] - 2) < 0.3) & (np.abs(rest[:, 0]) < 2)
    assert np.ptp(second[waist, 0]) > 1.1 * np.ptp(first[waist, 0])
    assert np.ptp(third[:, 1]) > 1.05 * np.ptp(first[:, 1])


@needs_mesh
def test_finer_triangles_cover_the_same_area_where_the_surface_is_flat():
    finer = subdivision("body", 1)
    assert len(finer.faces) == 4 * len(finer.coarse)
    corners = finer.spread(base_mesh().vertices)[finer.faces]
    fine = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    corners = base_mesh().vertices[finer.coarse]
    coarse = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum()
    assert fine == pytest.approx(coarse, rel=1e-4)


@needs_mesh
def test_finer_triangles_bulge_as_a_ball_does():
    finer = subdivision("helper-l-eye", 1)
    vertices = base_mesh().vertices
    ball = np.unique(finer.coarse)
    middle = (vertices[ball].min(axis=0) + vertices[ball].max(axis=0)) / 2
    moved, _ = finer.bend(vertices)
    new = np.setdiff1d(np.unique(finer.faces), ball)
    flat = finer.spread(vertices)
    assert (np.linalg.norm(moved[new] - middle, axis=1) - np.linalg.norm(flat[new] - middle, axis=1)).mean() > 0


@needs_mesh
def test_clothes_end_where_they_are_cut():
    mesh = base_mesh()
    cover = cover_of(Cut(neck=5.4, sleeve=1.0, low=0.5))
    y = mesh.vertices[:, 1]
    head, hips = y > 6.5, y < 0.3
    skin = np.isin(np.arange(len(y)), mesh.vertices_of("body"))
    assert (cover[head & skin] < 0).all()
    assert (cover[hips & (np.abs(mesh.vertices[:, 0]) < 1.5)] < 0).all()
    chest = (np.abs(y - 3.5) < 0.5) & (np.abs(mesh.vertices[:, 0]) < 1)
    assert (cover[chest] > 0).all()


@needs_mesh
@pytest.mark.parametrize("seed", range(6))
def test_head_and_hands_are_never_covered_and_cloth_lies_outside_of_the_skin_it_hides(seed):
    mesh = base_mesh()
    rng = np.random.default_rng(seed)
    surfaces, covered = dress(mesh.vertices, random_outfit(rng), rng)
    assert (covered[mesh.vertices_of("body")] > 0).mean() > 0.2
    head = mesh.vertices[:, 1] > 6.6
    hands = np.abs(mesh.vertices[:, 0]) > 4.6
    assert (covered[head | hands] <= 0).all()
    for surface in surfaces:
        out = normals(surface.position, surface.faces)
        assert ((out * surface.normal).sum(axis=1)[np.unique(surface.faces)] > 0).mean() > 0.9
