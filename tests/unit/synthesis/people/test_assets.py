from __future__ import annotations

import numpy as np
import pytest
from helpers.rendering import needs_mesh

from omz.errors import ModelFileError, UsageError
from omz.synthesis.people.assets import read_clothes, suits, wear
from omz.synthesis.people.base_mesh import base_mesh
from omz.synthesis.people.body import rotation
from omz.synthesis.people.outfit import Cut, Garment
from omz.synthesis.people.renderer import Material

pytestmark = needs_mesh

BOUND = np.array([[1400, 1410, 1500], [1400, 1405, 1520], [1410, 1405, 1500]])
WEIGHTS = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6], [1.0, 0.0, 0.0]])
OFFSET = np.array([[0.1, 0.0, 0.05], [0.0, -0.1, 0.1], [0.02, 0.03, 0.04]])


@pytest.fixture
def suit(tmp_path):
    rows = [
        " ".join(map(str, [*bound, *weight, *offset]))
        for bound, weight, offset in zip(BOUND, WEIGHTS, OFFSET, strict=True)
    ]
    path = tmp_path / "clothes" / "male_suit01" / "male_suit01.mhclo"
    path.parent.mkdir(parents=True)
    text = [
        "# clothes",
        "name suit",
        "x_scale 5399 11998 1.4",
        "verts 0",
        *rows,
        "1400",
        "delete_verts",
        "10 - 13 20",
        "30",
    ]
    path.write_text("\n".join(text) + "\n")
    path.with_suffix(".obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 3 4\n")
    return path


def test_vertices_lie_where_the_file_says(suit):
    vertices = base_mesh().vertices
    expected = np.einsum("nk,nkj->nj", WEIGHTS, vertices[BOUND]) + OFFSET
    found = read_clothes(suit).on(vertices)
    np.testing.assert_allclose(found[:3], expected, atol=1e-5)
    np.testing.assert_allclose(found[3], vertices[1400], atol=1e-6)


def test_clothes_turn_and_grow_with_the_body(suit):
    vertices = base_mesh().vertices
    turn = rotation(0.3, 1.1, -0.4)
    clothes = read_clothes(suit)
    found = clothes.on((1.5 * vertices @ turn.T).astype(np.float32))
    np.testing.assert_allclose(found, 1.5 * clothes.on(vertices) @ turn.T, atol=1e-4)


def test_the_body_below_is_hidden(suit):
    garment = Garment(Cut(), "helper-tights", 0.1, (0.5, 0.1, 0.1), Material())
    surface, covered = wear(base_mesh().vertices, suit, garment, garment)
    assert set(np.flatnonzero(covered > 0)) == {10, 11, 12, 13, 20, 30}
    assert len(surface.faces) == 2


def test_suits_are_found_below_a_folder(suit):
    (suit.parent.parent / "fedora01.mhclo").write_text("")
    assert suits(suit.parents[2]) == (suit,)
    with pytest.raises(UsageError, match=r"empty has no outfits \(\*suit\*\.mhclo\)"):
        suits(suit.parents[2] / "empty")


@pytest.mark.parametrize(
    ("suffix", "old", "new"),
    [
        (".mhclo", "1400\n", "14x0\n"),
        (".mhclo", "1400\n", "99999\n"),
        (".mhclo", "1400\n", "-1\n"),
        (".mhclo", "1400\n", "1 2 3 1 nan 0 0 0 0\n"),
        (".mhclo", "10 - 13 20", "- 13 20"),
        (".mhclo", "10 - 13 20", "10 -"),
        (".mhclo", "10 - 13 20", "99999"),
        (".obj", "v 0 0 1", "v 0 zero 1"),
        (".obj", "f 1 3 4", "f 1 3 5"),
        (".obj", "f 1 2 3\nf 1 3 4", ""),
    ],
)
def test_damaged_files_are_named(suit, suffix, old, new):
    file = suit.with_suffix(suffix)
    content = file.read_text()
    assert old in content
    file.write_text(content.replace(old, new))
    with pytest.raises(ModelFileError, match=r"male_suit01\.mhclo or its \.obj is damaged: .*; get them again"):
        read_clothes(suit)


def test_files_that_do_not_fit_are_named(suit):
    suit.write_text("verts 0\n1 2 3 1 0 0 0 0 0\n")
    with pytest.raises(ModelFileError, match=r"male_suit01\.mhclo binds 1 vertices, and its \.obj has 4"):
        read_clothes(suit)
    suit.with_suffix(".obj").unlink()
    read_clothes.cache_clear()
    with pytest.raises(ModelFileError, match=r"male_suit01\.mhclo cannot be read with its \.obj"):
        read_clothes(suit)
