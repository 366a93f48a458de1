"""Refinement of alpha: each step against a scene whose answer is known."""

import cv2
import numpy as np
import pytest
from helpers.shadows import shadowed

from omz.images.foreground import foreground_levels
from omz.images.refining import enlarging, tiles
from omz.images.refining.alpha import refine_alpha, without_haze
from omz.images.refining.band import project
from omz.images.refining.by_plate import refine_by_plate
from omz.images.refining.colours import carry_outwards
from omz.images.refining.enlarging import enlarge
from omz.images.refining.evidence import difference_in_noise, noise_level
from omz.images.refining.guided import guided_at
from omz.images.refining.holes import fill_holes
from omz.images.refining.repairs import Steps
from omz.images.refining.shadows import find_shadow, light_left

SIZE = 240, 320
NOWHERE = np.zeros(SIZE, bool)


def textured(seed: int, size=SIZE, low=60, high=200) -> np.ndarray:
    """A smooth random picture, (H, W, 3), levels as floats."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(low, high, (size[0] // 20, size[1] // 20, 3)).astype(np.float32)
    return cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)


def disc(radius: float, centre=None, size=SIZE, soft=1.5) -> np.ndarray:
    """A disc with a soft edge, as alpha."""
    y, x = np.mgrid[: size[0], : size[1]]
    centre = centre or (size[0] / 2, size[1] / 2)
    distance = np.hypot(y - centre[0], x - centre[1])
    return np.clip((radius - distance) / soft + 0.5, 0, 1).astype(np.float32)


def shot(levels: np.ndarray, seed: int, noise=2.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.clip(np.rint(levels + rng.normal(0, noise, levels.shape)), 0, 255).astype(np.uint8)


def unit(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float32) / 255


@pytest.mark.parametrize("noise", [1.5, 3.0, 6.0])
def test_the_noise_is_measured_on_the_background(noise):
    plate = textured(0)
    alpha = disc(60)
    picture = plate + alpha[..., None] * 50
    seen, empty = (shot(levels, seed, noise) for seed, levels in enumerate((picture, plate)))
    assert noise_level(seen, empty, alpha) * 255 == pytest.approx(noise * np.sqrt(2), rel=0.15)


def test_a_picture_all_of_subject_has_the_usual_noise():
    picture = shot(textured(0), 0)
    assert noise_level(picture, picture, np.ones(SIZE, np.float32)) == pytest.approx(3 / 255)


def test_an_edge_that_lies_a_fraction_of_a_pixel_elsewhere_is_no_difference():
    plate = np.full((*SIZE, 3), 40, np.uint8)
    plate[:, 160:] = 200
    moved = cv2.warpAffine(plate, np.float64([[1, 0, 0.3], [0, 1, 0]]), SIZE[::-1], borderMode=cv2.BORDER_REPLICATE)
    found = difference_in_noise(moved, plate, np.full(3, 2 / 255, np.float32))
    assert found[:, 20:-20].max() < 2


def test_a_difference_is_that_of_means_beside_noise_and_edges():
    """The definition, one pixel at a time."""
    rng = np.random.default_rng(3)
    picture, plate = rng.integers(0, 256, (2, 12, 14, 3), np.uint8)
    noise = np.float32([2, 3, 5]) / 255
    found = difference_in_noise(picture, plate, noise)
    means = np.stack([_means_of_nine(image) for image in (picture, plate)])
    for y, x in ((4, 4), (5, 7), (9, 3)):
        around = means[1, y - 1 : y + 2, x - 1 : x + 2].reshape(9, 3)
        tolerance = (around.max(0) - around.min(0)) / 2 + 1.2 * noise
        wanted = (np.abs(means[0, y, x] - means[1, y, x]) / tolerance).max()
        assert found[y, x] == pytest.approx(wanted, rel=1e-4)


def _means_of_nine(image: np.ndarray) -> np.ndarray:
    found = np.zeros(image.shape)
    for y in range(1, image.shape[0] - 1):
        for x in range(1, image.shape[1] - 1):
            found[y, x] = image[y - 1 : y + 2, x - 1 : x + 2].reshape(9, 3).mean(0) / 255
    return found


class TestHoles:
    def test_a_hole_where_the_subject_differs_from_the_plate_is_filled(self):
        alpha = disc(80) - disc(30)
        difference = disc(80) * 8
        assert fill_holes(alpha, difference, NOWHERE, max(SIZE))[90:150, 130:190].min() > 0.95

    def test_a_hole_through_which_the_plate_is_seen_stays(self):
        alpha = disc(80) - disc(30)
        difference = np.abs(np.random.default_rng(0).normal(0, 0.7, SIZE)).astype(np.float32)
        assert fill_holes(alpha, difference, NOWHERE, max(SIZE))[100:140, 140:180].max() < 0.05

    @pytest.mark.parametrize(("seen", "filled"), [(0.0, False), (0.4, True)])
    def test_a_gap_that_differs_in_part_is_filled_where_the_network_doubts(self, seen, filled):
        """As a shadow does, which lies in a part of it."""
        alpha = disc(80) - (1 - np.float32(seen)) * disc(30)
        difference = np.where(np.arange(SIZE[1]) < 160, np.float32(8), np.float32(0.5)) * np.ones(SIZE, np.float32)
        left = fill_holes(alpha, difference, NOWHERE, max(SIZE))[110:130, 142:154]
        assert (left.min() > 0.95) == filled
        assert (left.max() < 0.05) != filled

    def test_a_hole_too_small_to_be_told_from_noise_is_filled(self):
        alpha = disc(80) - disc(2, soft=0.5)
        assert fill_holes(alpha, np.zeros(SIZE, np.float32), NOWHERE, max(SIZE))[120, 160] == 1

    def test_nothing_grows_outside_of_the_subject(self):
        alpha = disc(50)
        filled = fill_holes(alpha, np.full(SIZE, 9, np.float32), NOWHERE, max(SIZE))
        outside = disc(52) == 0
        assert np.array_equal(filled[outside], alpha[outside])

    def test_alpha_never_falls(self):
        rng = np.random.default_rng(1)
        alpha = cv2.GaussianBlur(rng.uniform(0, 1, SIZE).astype(np.float32), (0, 0), 4)
        assert (fill_holes(alpha, rng.uniform(0, 6, SIZE).astype(np.float32), NOWHERE, max(SIZE)) >= alpha).all()


class TestShadows:
    NOISE = np.full(3, 2 / 255, np.float32)

    def test_a_soft_shadow_is_found_and_measured(self):
        plate = textured(2)
        depth = cv2.GaussianBlur(disc(50, (120, 230)), (0, 0), 12)
        picture = plate * (1 - 0.4 * depth[..., None])
        found = find_shadow(
            light_left(unit(shot(picture, 0)), unit(shot(plate, 1)), self.NOISE), np.zeros(SIZE, np.float32), SIZE
        )
        middle = slice(105, 135), slice(215, 245)
        assert found.share[middle].min() > 0.9
        assert found.gain[middle] == pytest.approx(1 - 0.4 * depth[middle], abs=0.05)

    def test_another_colour_or_texture_is_no_shadow(self):
        plate = textured(2)
        other = unit(shot(textured(3) * 0.6, 0))
        found = find_shadow(light_left(other, unit(shot(plate, 1)), self.NOISE), np.zeros(SIZE, np.float32), SIZE)
        assert (found.share > 0.5).mean() < 0.05

    def test_the_dark_rim_that_a_network_takes_for_the_subject_is_a_shadow(self):
        scene = shadowed(0.5, offset=(-18, 10))
        taken = np.maximum(scene.alpha, cv2.blur((scene.shadow > 0.4).astype(np.float32), (3, 3)))
        rim = (taken > 0.95) & (cv2.dilate(scene.alpha, np.ones((9, 9))) < 0.01)
        assert rim.sum() > 250
        found = find_shadow(light_left(unit(scene.picture), unit(scene.plate), self.NOISE), taken, SIZE)
        assert found.share[rim].mean() > 0.9
        assert found.share[scene.alpha > 0.99].mean() < 0.05

    def test_an_edge_that_looks_like_a_darkened_plate_is_no_shadow_without_one_beside(self):
        plate, alpha = textured(2), disc(60, soft=6)
        picture = plate * (1 - 0.3 * alpha[..., None])
        found = find_shadow(light_left(unit(shot(picture, 0)), unit(shot(plate, 1)), self.NOISE), alpha, SIZE)
        assert found.share[(alpha > 0.3) & (alpha < 0.9)].mean() < 0.2

    def test_a_limb_of_the_plates_tint_in_the_shadow_of_the_subject_is_none(self):
        """It looks like the plate with less light, and so does the background beside it."""
        plate = np.full((*SIZE, 3), (150, 155, 160), np.float32)
        alpha = np.maximum(disc(50, (120, 110)), 0)
        limb = np.zeros(SIZE, np.float32)
        cv2.line(limb, (160, 120), (290, 60), 1, 18, cv2.LINE_AA)
        alpha = np.maximum(alpha, limb)
        colours = np.where(disc(52, (120, 110))[..., None] > 0.5, np.float32((60, 110, 220)), 0.6 * plate)
        shadow = 0.4 * cv2.GaussianBlur(np.roll(alpha, (8, 10), (0, 1)), (0, 0), 6)
        lit = plate * (1 - shadow[..., None])
        picture = lit + alpha[..., None] * (colours - lit)
        found = find_shadow(light_left(unit(shot(picture, 0)), unit(shot(plate, 1)), self.NOISE), alpha, SIZE)
        assert found.rim[cv2.erode(limb, np.ones((7, 7))) > 0.9].max() == 0

    def test_the_inside_of_the_subject_is_never_a_shadow(self):
        plate = textured(2)
        found = find_shadow(
            light_left(unit(shot(plate * 0.7, 0)), unit(shot(plate, 1)), self.NOISE), np.ones(SIZE, np.float32), SIZE
        )
        assert found.share[10:-10, 10:-10].max() == 0


class TestProjection:
    def test_it_gives_the_alpha_of_a_mixture(self):
        rng = np.random.default_rng(0)
        foreground = rng.uniform(0.6, 1, (3, 500)).astype(np.float32)
        plate = rng.uniform(0, 0.3, (3, 500)).astype(np.float32)
        alpha = rng.uniform(0, 1, 500).astype(np.float32)
        mixed = alpha * foreground + (1 - alpha) * plate
        found = project(mixed, plate, foreground, np.full(500, 0.5, np.float32))
        assert found == pytest.approx(alpha, abs=0.02)

    def test_colours_that_cannot_be_told_apart_leave_alpha_as_it_is(self):
        plate = np.full((3, 4), 0.5, np.float32)
        alpha = np.float32([0, 0.3, 0.7, 1])
        found = project(plate + np.float32(0.014), plate, plate + np.float32(0.02), alpha)
        assert found == pytest.approx(alpha)


def test_colours_are_carried_from_where_they_are_known():
    picture = np.zeros((*SIZE, 3), np.float32)
    picture[:, :160], picture[:, 160:] = (0.2, 0.4, 0.6), (0.9, 0.8, 0.1)
    inside = disc(60)
    inside[:, 130:190] = 0
    found = carry_outwards(picture, np.round(inside))
    assert found[120, 90] == pytest.approx((0.2, 0.4, 0.6), abs=0.01)
    assert found[120, 235] == pytest.approx((0.9, 0.8, 0.1), abs=0.01)


def test_the_guided_filter_keeps_an_alpha_that_follows_the_guide():
    """A line in the guide is a fixed point, but for the little that its epsilon takes of the slope."""
    guide = cv2.GaussianBlur(np.random.default_rng(0).uniform(0, 1, SIZE).astype(np.float32), (0, 0), 3)
    guide = (guide - guide.min()) / (guide.max() - guide.min())
    places = np.flatnonzero(disc(60))
    assert guided_at(places, cv2.convertScaleAbs(guide, alpha=255), 0.8 * guide + 0.1) == pytest.approx(
        0.8 * guide.ravel()[places] + 0.1, abs=0.06
    )


def test_haze_goes_and_all_else_stays():
    alpha = np.linspace(-0.2, 1.2, 1401, dtype=np.float32)[None]
    found = without_haze(alpha)
    assert (found[alpha <= 0.01] == 0).all()
    assert (found[alpha >= 0.99] == 1).all()
    middle = (alpha > 0.03) & (alpha < 0.97)
    assert np.array_equal(found[middle], alpha[middle])
    assert (np.diff(found[0]) >= 0).all()
    assert np.diff(found[0]).max() < 0.0016  # no step


class TestEnlarging:
    def test_edges_are_those_of_the_picture(self):
        sharp = disc(320, size=(960, 1280), soft=1)
        picture = np.repeat(np.rint(40 + 160 * sharp).astype(np.uint8)[..., None], 3, axis=2)
        small = cv2.resize(sharp, (320, 240), interpolation=cv2.INTER_AREA)
        plain = cv2.resize(small, (1280, 960), interpolation=cv2.INTER_CUBIC)
        assert np.abs(enlarge(small, picture) - sharp).sum() < 0.4 * np.abs(plain - sharp).sum()

    @pytest.mark.parametrize("size", [(720, 960), (701, 899)])
    def test_without_edges_in_the_picture_it_is_a_linear_enlargement(self, size):
        small = cv2.GaussianBlur(disc(60), (0, 0), 5)
        flat = np.full((*size, 3), 90, np.uint8)
        wanted = cv2.resize(small, size[::-1], interpolation=cv2.INTER_LINEAR)
        assert np.abs(enlarge(small, flat) - wanted)[5:-5, 5:-5].max() < 0.06

    def test_strips_do_not_show(self, monkeypatch):
        small, picture = disc(60), shot(cv2.resize(textured(1), (900, 700)), 0)
        with monkeypatch.context() as undivided:
            undivided.setattr(enlarging, "_STRIP", 1 << 30)
            undivided.setattr(tiles, "_SIDE", 1 << 15)
            whole = enlarge(small, picture)
        monkeypatch.setattr(enlarging, "_STRIP", 900 * 37)
        assert enlarge(small, picture) == pytest.approx(whole, abs=0.02)  # older OpenCV: 1/32 pixel of a steep edge

    @pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
    def test_levels_are_the_rounded_share(self, dtype, full):
        small, picture = disc(60), shot(cv2.resize(textured(1), (900, 700)), 0)
        found = enlarge(small, picture, dtype)
        assert found.dtype == dtype
        assert np.abs(found / full - enlarge(small, picture)).max() <= 0.5 / full + 1e-6


def errors(alpha, truth) -> tuple[float, float]:
    """Mean error, of all pixels and of those of the band."""
    error, band = np.abs(alpha - truth), (truth > 0.01) & (truth < 0.99)
    return float(error.mean()), float(error[band].mean())


def furry_disc(seed: int) -> np.ndarray:
    """A disc with rays of random length, as alpha."""
    rng = np.random.default_rng(seed)
    rays = cv2.GaussianBlur(rng.uniform(0, 1, (2, 720)).astype(np.float32), (0, 0), 1.2)[0]
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    distance = np.hypot(y - 120, x - 160)
    length = 80 + 60 * (rays[((np.arctan2(y - 120, x - 160) + np.pi) * 114).astype(int)] - 0.5)
    return np.clip((length - distance) / 4 + 0.5, 0, 1).astype(np.float32)


def outline(truth: np.ndarray) -> np.ndarray:
    """What a network knows of an alpha: its outline, and no hair."""
    return cv2.GaussianBlur((cv2.GaussianBlur(truth, (0, 0), 4) > 0.5).astype(np.float32), (0, 0), 2)


def composite_on_grey(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return alpha[..., None] * colours.astype(np.float32) + 128 * (1 - alpha[..., None])


def greenness(levels: np.ndarray) -> np.ndarray:
    return levels[..., 1] - np.maximum(levels[..., 0], levels[..., 2])


class TestByPlate:
    def test_soft_edges_are_solved_for(self):
        """A matte that knows the outline and no more, of a furry disc before a plate, gets its hair back."""
        truth = furry_disc(4)
        plate = textured(5, low=20, high=90)
        picture = truth[..., None] * textured(6, low=150, high=240) + (1 - truth[..., None]) * plate
        rough = outline(truth)
        found = refine_by_plate(shot(picture, 0), shot(plate, 1), rough).alpha
        before, after = errors(rough, truth), errors(found, truth)
        assert after[0] < 0.5 * before[0]
        assert after[1] < 0.5 * before[1]

    def test_a_green_screen_leaves_no_green_in_hair(self):
        """Green is what exceeds red and blue: before a grey target, hair has hardly more of it than the truth."""
        truth = furry_disc(7)
        screen = np.float32([60, 180, 40]) * np.linspace(0.85, 1, SIZE[1], dtype=np.float32)[:, None]
        plate = np.broadcast_to(screen, (*SIZE, 3))
        own = np.repeat(textured(6, low=100, high=240)[..., :1], 3, axis=2) * np.float32([0.8, 0.9, 1])
        picture = shot(truth[..., None] * own + (1 - truth[..., None]) * plate, 0)
        alpha = np.rint(255 * refine_by_plate(picture, shot(plate, 1), outline(truth)).alpha).astype(np.uint8)
        found = composite_on_grey(foreground_levels(picture, alpha), alpha / 255)
        wanted = composite_on_grey(own, truth)
        band = (truth > 0.02) & (truth < 0.98)
        excess = np.maximum(greenness(found) - greenness(wanted), 0)[band]
        assert excess.mean() < 0.1 * np.maximum(greenness(picture.astype(np.float32)), 0)[band].mean()
        assert excess.mean() < 6
        assert np.abs(found - wanted)[band].mean() < 12

    def test_a_plate_that_does_not_fit_tells_nothing(self):
        """Where the two differ everywhere, the matte of the network is the better one."""
        truth = disc(80, soft=6)
        picture = truth[..., None] * textured(6, low=150, high=240) + (1 - truth[..., None]) * textured(5)
        found = refine_by_plate(shot(picture, 0), shot(textured(9), 1), truth).alpha
        assert errors(found, truth)[0] < 0.003

    def test_a_part_of_an_image_gets_what_the_whole_gets(self):
        """Faint specks in two corners of the image make all of it the part that is refined."""
        truth, rough = (cv2.copyMakeBorder(each, 80, 80, 80, 80, cv2.BORDER_CONSTANT) for each in self.hair())
        plate, own = (cv2.resize(textured(seed, low=20), truth.shape[::-1]) for seed in (5, 6))
        picture, empty = shot(truth[..., None] * own + (1 - truth[..., None]) * plate, 0), shot(plate, 1)
        marked = rough.copy()
        marked[2:6, 2:6] = marked[-6:-2, -6:-2] = 0.04
        part, whole = (refine_by_plate(picture, empty, alpha).alpha for alpha in (rough, marked))
        assert np.abs(part - rough).max() > 0.3
        assert np.abs(part - whole)[8:-8, 8:-8].max() < 0.01

    def test_what_is_far_from_a_subject_stays(self):
        truth, rough = (cv2.copyMakeBorder(each, 0, 240, 0, 320, cv2.BORDER_CONSTANT) for each in self.hair())
        rough[-40:, -40:] = 0.01
        picture = shot(cv2.resize(textured(5), truth.shape[::-1]) * (1 - 0.5 * truth[..., None]), 0)
        found = refine_by_plate(picture, shot(cv2.resize(textured(5), truth.shape[::-1]), 1), rough).alpha
        assert np.array_equal(found[-40:, -40:], rough[-40:, -40:])

    @staticmethod
    def hair() -> tuple[np.ndarray, np.ndarray]:
        """Return the alpha of a furry disc, and what a network sees of it that knows the outline and no more."""
        truth = furry_disc(4)
        return truth, outline(truth)

    @pytest.mark.parametrize("level", [0.0, 1.0])
    def test_nothing_and_everything_stay(self, level):
        picture = shot(textured(0), 0)
        alpha = np.full(SIZE, level, np.float32)
        found = refine_by_plate(picture, shot(textured(0), 1), alpha).alpha
        assert np.abs(found - alpha)[10:-10, 10:-10].max() < 0.02


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 5), (33, 1400), (719, 1281)])
@pytest.mark.parametrize("with_plate", [False, True])
def test_any_size_gives_a_finite_alpha_of_that_size(size, with_plate):
    rng = np.random.default_rng(size[1])
    picture, plate = rng.integers(0, 256, (2, *size, 3), np.uint8)
    small = max(1, size[0] // 3), max(1, size[1] // 3)
    alpha = rng.uniform(-0.2, 1.2, small).astype(np.float32)
    found = refine_alpha(picture, plate if with_plate else None, alpha).alpha
    assert found.shape == size
    assert np.isfinite(found).all()
    assert 0 <= found.min() <= found.max() <= 1
    levels = refine_alpha(picture, plate if with_plate else None, alpha, dtype=np.uint8).alpha
    assert np.abs(levels / 255 - found).max() <= 0.5 / 255 + 1e-6


def test_alpha_larger_than_its_image_is_averaged():
    alpha = np.zeros((360, 480), np.float32)
    alpha[:, ::6] = 1
    found = refine_alpha(np.full((120, 160, 3), 90, np.uint8), None, alpha).alpha
    np.testing.assert_allclose(found[:, ::2], 1 / 3, atol=0.01)
    np.testing.assert_allclose(found[:, 1::2], 0, atol=0.01)


def test_closed_form_matting_gains_on_a_rough_matte():
    size = 720, 960
    truth, rough = disc(240, size=size, soft=14), disc(240, size=size, soft=4)
    behind = (1 - truth[..., None]) * textured(5, size, low=20, high=80)
    picture = truth[..., None] * textured(6, size, low=170, high=240) + behind
    found = refine_alpha(shot(picture, 0, 1), None, rough, Steps(closed_form=True)).alpha
    assert errors(found, truth)[1] < 0.6 * errors(rough, truth)[1]
