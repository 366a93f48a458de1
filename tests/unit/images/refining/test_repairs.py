"""Holes filled and islands dropped, where the picture shows that this is right, and nowhere else."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from omz.images.refining.by_plate import refine_by_plate
from omz.images.refining.holes import fill_holes
from omz.images.refining.islands import find_islands
from omz.images.refining.repairs import Steps

SIZE = 240, 320
ORANGE = np.float32((60, 110, 220))


def disc(radius: float, centre: tuple[float, float]) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.clip((radius - np.hypot(y - centre[0], x - centre[1])) / 1.5 + 0.5, 0, 1).astype(np.float32)


def wall(seed: int = 0) -> np.ndarray:
    """A wall in uneven light, (H, W, 3), levels."""
    light = np.random.default_rng(seed).uniform(0.85, 1.15, (5, 6, 1)).astype(np.float32)
    return np.float32((150, 155, 160)) * cv2.resize(light, SIZE[::-1], interpolation=cv2.INTER_CUBIC)[..., None]


def shot(levels: np.ndarray, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 2, levels.shape)
    return np.clip(np.rint(levels + noise), 0, 255).astype(np.uint8)


def before(alpha: np.ndarray, colours: np.ndarray, behind: np.ndarray) -> np.ndarray:
    return behind + alpha[..., None] * (colours - behind)


class TestIslands:
    subject = disc(60, (150, 120))
    ghost = disc(8, (50, 270))

    def test_one_that_looks_like_the_plate_goes_and_the_subject_stays(self):
        plate = wall()
        picture = before(self.subject, ORANGE, plate)
        found = refine_by_plate(shot(picture, 0), shot(plate, 1), np.maximum(self.subject, self.ghost))
        assert found.alpha[40:60, 260:280].max() < 0.02
        assert np.abs(found.alpha - self.subject).mean() < 0.006
        assert found.repairs.islands == 1
        assert found.repairs.dropped == pytest.approx(self.ghost.sum() / self.subject.sum(), rel=0.2)

    def test_it_stays_where_islands_are_not_to_be_dropped(self):
        plate = wall()
        picture = before(self.subject, ORANGE, plate)
        alpha = np.maximum(self.subject, self.ghost)
        found = refine_by_plate(shot(picture, 0), shot(plate, 1), alpha, Steps(islands=False))
        assert found.alpha[40:60, 260:280].max() > 0.5
        assert found.repairs.islands == 0

    @pytest.mark.parametrize("radius", [3, 5, 9])
    @pytest.mark.parametrize("colour", [ORANGE, np.float32((110, 115, 120)), np.float32((185, 190, 195))])
    def test_a_ball_in_the_air_stays(self, radius, colour):
        """Whatever its colour, as long as it differs from the wall; grey ones look like a shadow or a light."""
        plate, ball = wall(), disc(radius, (50, 270))
        difference = np.abs(before(ball, colour, plate) - plate).max(axis=2) / 3
        assert find_islands(np.maximum(self.subject, ball), difference, max(SIZE))[0] == 0

    def test_a_second_person_stays_also_in_the_clothes_of_the_wall(self):
        other = disc(25, (60, 270))
        assert find_islands(np.maximum(self.subject, other), np.zeros(SIZE, np.float32), max(SIZE))[0] == 0

    def test_what_is_near_the_subject_stays(self):
        curl = disc(4, (150, 120 + 60 + 7))
        assert find_islands(np.maximum(self.subject, curl), np.zeros(SIZE, np.float32), max(SIZE))[0] == 0

    def test_without_anything_there_is_none(self):
        number, where = find_islands(np.zeros(SIZE, np.float32), np.zeros(SIZE, np.float32), max(SIZE))
        assert number == 0
        assert not where.any()


class TestHolesAtTheEdge:
    """A person of whom the image shows the upper part."""

    bust = np.maximum(disc(110, (230, 160)), disc(35, (70, 160)))
    shirt = disc(45, (245, 160))

    def test_one_in_clothes_that_differ_is_filled(self):
        plate = wall()
        colours = np.where(self.shirt[..., None] > 0, plate * np.float32((0.9, 1.12, 1.0)), ORANGE)
        picture = before(self.bust, colours, plate)
        found = refine_by_plate(shot(picture, 0), shot(plate, 1), self.bust * (1 - self.shirt))
        assert np.abs(found.alpha - self.bust).mean() < 0.01
        assert found.repairs.holes >= 1
        assert found.repairs.filled > 0.1

    @pytest.mark.parametrize("shadow", [0.0, 0.4])
    def test_one_through_which_the_wall_is_seen_stays_in_the_shadow_too(self, shadow):
        plate = wall()
        truth = self.bust * (1 - self.shirt)
        dark = cv2.GaussianBlur(np.roll(truth, (6, 20), (0, 1)), (0, 0), 6)
        picture = before(truth, ORANGE, plate * (1 - shadow * dark[..., None]))
        found = refine_by_plate(shot(picture, 0), shot(plate, 1), truth)
        hole = cv2.erode(self.shirt, np.ones((9, 9))) > 0.9
        assert found.alpha[hole].max() < 0.2
        assert found.repairs.filled < 0.02

    def test_what_is_wider_than_the_parts_beside_it_is_outside(self):
        """Two people at the edges of an image are not one with a hole."""
        arms = np.zeros(SIZE, np.float32)
        arms[20:40] = arms[:, :25] = arms[:, -25:] = 1
        filled = fill_holes(arms, np.full(SIZE, 9, np.float32), np.zeros(SIZE, bool), max(SIZE))
        assert filled[150, 160] == 0

    def test_holes_stay_where_they_are_not_to_be_filled(self):
        plate = wall()
        picture = before(self.bust, ORANGE, plate)
        alpha = self.bust * (1 - disc(22, (150, 160)))
        for steps, level in ((Steps(), 1.0), (Steps(holes=False), 0.0)):
            found = refine_by_plate(shot(picture, 0), shot(plate, 1), alpha, steps)
            assert found.alpha[145:155, 155:165].mean() == pytest.approx(level, abs=0.1)
            assert (found.repairs.holes > 0) == steps.holes
