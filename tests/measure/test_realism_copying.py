"""Copies of training faces are found, faces of their own are not, and blur is not mistaken for copying."""

import itertools

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from elic_tf.errors import DataError, ImageError
from elic_tf.measure import realism_copying as copying
from elic_tf.measure.realism_features import features, with_mirror_images


def blurred(faces, radius):
    from PIL import Image, ImageFilter

    return np.stack([np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(radius))) for face in faces])


def noisy(faces, grey_levels, seed=0):
    noise = np.random.default_rng(seed).normal(0, grey_levels, faces.shape)
    return np.clip(np.round(faces + noise), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def sets():
    """Training faces, held-out faces, and honest ones, all of the same kind and none twice."""
    from elic_tf.faces import synthetic

    images = synthetic.load(900, seed=1, size=32).images
    return images[:500], images[500:700], images[700:]


def check(made, training, held_out):
    return copying.copied(features(made, "pixels"), with_mirror_images(training), features(held_out, "pixels"))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda faces: noisy(faces, 5),
        lambda faces: blurred(faces, 1),
        lambda faces: noisy(faces[:, :, ::-1], 5),
        lambda faces: np.uint8(faces * 0.95),
    ],
    ids=["noise", "blur", "mirror image", "darker"],
)
def test_a_memorising_generator_is_flagged_and_the_source_named(sets, spoil):
    training, held_out, _ = sets
    found = check(spoil(training[40:140]), training, held_out)
    assert found.copied and found.share > 0.9 and found.p_value < 1e-20 and found.z < -5
    assert np.mean(found.nearest % 500 == np.arange(40, 140)) > 0.95


def test_honest_faces_are_not_flagged_sharp_or_blurred(sets):
    training, held_out, honest = sets
    for faces in (honest, blurred(honest, 1), noisy(honest, 5)):
        found = check(faces, training, held_out)
        assert not found.copied and found.share < 0.06


def test_a_few_copies_among_honest_faces_are_found_and_listed_first(sets):
    training, held_out, honest = sets
    made = honest.copy()
    made[::10] = noisy(training[:20], 5)
    found = check(made, training, held_out)
    assert found.copied and set(found.suspects()[:20]) == set(range(0, 200, 10))
    np.testing.assert_array_equal(found.nearest[::10], np.arange(20))


def test_exact_copies_have_distance_zero(sets):
    training, held_out, _ = sets
    found = check(training[:60], training, held_out)
    assert found.copied and not found.distance.any() and not found.closeness.any()


@pytest.mark.parametrize("size", [2100, 120])
def test_nearest_neighbours_by_brute_force(size):
    rng = np.random.default_rng(size)
    faces, training = rng.normal(size=(7, 5)).astype(np.float32), rng.normal(size=(size, 5)).astype(np.float32)
    distances, rows = copying.nearest_neighbours(faces, training, 60)
    for face, found, row in zip(faces, distances, rows):
        every = np.sqrt(((training - face) ** 2).sum(1))
        np.testing.assert_array_equal(row, np.argsort(every)[:60])
        np.testing.assert_allclose(found, np.sort(every)[:60], rtol=1e-5)
    assert copying.nearest_neighbours(faces, training)[0].shape == (7, 1)


def test_z_is_the_normal_score_of_the_mann_whitney_test():
    rng = np.random.default_rng(0)
    made, held_out = rng.normal(-0.3, 1, 80), rng.normal(0, 1, 60)
    z = copying.copying_z(made, held_out)
    test = mannwhitneyu(made, held_out, alternative="less", method="asymptotic", use_continuity=False)
    from scipy.stats import norm

    assert z < 0 and norm.cdf(z) == pytest.approx(test.pvalue)
    assert copying.copying_z([1, 2, 2], [2, 2, 3]) == -copying.copying_z([2, 2, 3], [1, 2, 2])


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_the_chance_of_so_many_by_counting_every_order(rank):
    n, m = 5, 4
    counts = []
    for ours in itertools.combinations(range(n + m), n):  # places of our n values among all
        threshold = [place for place in range(n + m) if place not in ours][rank - 1]
        counts.append(sum(place < threshold for place in ours))
    for below in range(n + 1):
        assert copying.exceedance(below, n, rank, m) == pytest.approx(np.mean(np.array(counts) >= below))


def test_errors_say_what_is_missing(sets):
    rows = np.zeros((60, 4), np.float32)
    with pytest.raises(ImageError, match="features"):
        copying.nearest_neighbours(np.zeros((2, 8, 8, 3)), rows)
    with pytest.raises(ImageError, match="one space"):
        copying.copied(rows, np.zeros((60, 5)), rows)
    with pytest.raises(DataError, match="too few"):
        copying.copied(rows, rows[:40], rows)
    with pytest.raises(DataError, match="too few"):
        copying.copied(rows[:0], rows, rows)


@pytest.mark.faces
def test_real_faces_of_other_people_are_honest_also_when_blurred(faces_root):
    from elic_tf.faces import celeba

    training, validation, test = (
        celeba.load(faces_root, split=split).images for split in ("train", "validation", "test")
    )
    training = training[:3000]
    near, held_out = with_mirror_images(training), features(test, "pixels")
    for faces in (validation, blurred(validation, 1.5)):
        assert not copying.copied(features(faces, "pixels"), near, held_out).copied
    mixed = np.concatenate([validation, noisy(training[:40], 10)])
    assert copying.copied(features(mixed, "pixels"), near, held_out).copied
