"""The checks of lesson 00: each accepts right solutions, and rejects plausible mistakes by their names."""

import numpy as np
import pytest

from elic_tf.course import checks
from elic_tf.course.exercises import lesson_00
from elic_tf.measure import distortion


def entropy_with_zeros(counts):
    p = counts / counts.sum()
    return -np.sum(p * np.log2(p))


def mean_of_all(a, b):
    return -10 * np.log10(np.mean((a - b) ** 2))


def eigenfaces_but(centre=True, divide=True, largest=True, back=True, unit=True, rows=True, root=False):
    """The reference with one step wrong."""

    def eigenfaces(x, k):
        mean = x.mean(0)
        a = x - mean if centre else x
        values, v = np.linalg.eigh(a @ a.T / (len(x) if divide else 1))
        order = slice(None, None, -1) if largest else slice(None)
        values, v = values[order][:k], v[:, order][:, :k]
        vectors = v.T @ a if back else v.T
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if unit else vectors
        return mean, vectors if rows else vectors.T, np.sqrt(values) if root else values

    return eigenfaces


def with_singular_values(x, k):
    _, singular, rows = np.linalg.svd(x - x.mean(0))
    return x.mean(0), rows[:k], singular[:k]


def naive_filling(variances, distortion):
    return np.maximum(0.5 * np.log2(variances / (distortion / len(variances))), 0)


def coder_but(quantise=lambda latents, step: np.round(latents / step).astype(int), decode=None):
    """The reference with another quantiser, or with another decoder."""

    def transform_code(x, mean, vectors, step):
        latents = (x - mean) @ vectors.T
        symbols = quantise(latents, step)
        return symbols, (
            mean + symbols * step @ vectors if decode is None else decode(latents, symbols, mean, vectors, step)
        )

    return transform_code


WRONG = {
    "00.entropy": [
        (lambda counts: -np.sum(counts / counts.sum() * np.log(counts / counts.sum())), "nats"),
        (entropy_with_zeros, "NaN"),
        (lambda counts: -np.sum(counts * np.log2(counts)), "divide the counts"),
        (lambda counts: -np.mean(np.log2(counts / counts.sum())), "plain mean"),
        (lambda counts: print(end=""), "`return` missing"),
    ],
    "00.psnr": [
        (mean_of_all, "one number for all faces"),
        (lambda a, b: -10 * np.log(np.mean((a - b) ** 2, axis=(1, 2, 3))), "natural logarithm"),
        (lambda a, b: -20 * np.log10(np.mean((a - b) ** 2, axis=(1, 2, 3))), "twice too large"),
        (lambda a, b: -20 * np.log10(np.abs(a - b).mean((1, 2, 3))), "absolute"),
        (lambda a, b: 10 * np.log10(np.mean((a - b) ** 2, axis=(1, 2, 3))), "sign"),
        (lambda a, b: -10 * np.log10(np.sum((a - b) ** 2, axis=(1, 2, 3))), "a sum over the pixels"),
    ],
    "00.eigenfaces": [
        (eigenfaces_but(centre=False), "not subtracted"),
        (eigenfaces_but(divide=False), "without the 1/n"),
        (eigenfaces_but(largest=False), "the smallest"),
        (eigenfaces_but(back=False), "still v"),
        (eigenfaces_but(unit=False), "lengths of the eigenfaces"),
        (eigenfaces_but(rows=False), "columns"),
        (eigenfaces_but(root=True), "standard deviations"),
        (lambda x, k: np.linalg.svd(x - x.mean(0))[2][:k], "got ndarray, should be (mean, eigenfaces, variances)"),
        (with_singular_values, "square them"),
        (lambda x, k: None, "`return` missing"),
    ],
    "00.water_filling": [
        (naive_filling, "raise the level"),
        (lambda v, d: 0.5 * np.log2(v / (d / len(v))), "nothing costs less"),
        (lambda v, d: np.log2(v / (d / len(v))), "one half"),
        (lambda v, d: 0.5 * np.log(v / (d / len(v))), "nats"),
        (lambda v, d: np.maximum(0.5 * np.log2(v / d), 0), "for all together"),
    ],
    "00.transform_code": [
        (coder_but(lambda latents, step: (latents / step).astype(int)), "towards zero"),
        (coder_but(lambda latents, step: np.floor(latents / step).astype(int)), "rounded down"),
        (coder_but(lambda latents, step: np.round(latents / step)), "add .astype(int)"),
        (coder_but(lambda latents, step: np.round(latents / step) * step), "times the step already"),
        (coder_but(lambda latents, step: latents / step), "not rounded"),
        (coder_but(lambda latents, step: np.round(latents).astype(int)), "divide by the step"),
        (coder_but(decode=lambda y, q, mean, e, step: mean + y @ e), "only the integers"),
        (coder_but(decode=lambda y, q, mean, e, step: mean + q @ e), "without the step"),
        (coder_but(decode=lambda y, q, mean, e, step: q * step @ e), "added again"),
        (lambda x, mean, e, step: np.round((x - mean) @ e.T / step).astype(int), "got ndarray"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_00_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("00")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    checks.accepts("00.psnr", lambda a, b: list(distortion.psnr(a, b)))  # the library's, which this lesson leads to
    checks.accepts("00.entropy", lambda counts: sum(-c / sum(counts) * np.log2(c / sum(counts)) for c in counts if c))

    def by_sorting(variances, distortion):
        ordered = np.sort(variances)
        for below in range(len(ordered)):
            level = (distortion - ordered[:below].sum()) / (len(ordered) - below)
            if level <= ordered[below]:
                return np.maximum(0.5 * np.log2(variances / level), 0)
        return np.zeros(len(ordered))

    checks.accepts("00.water_filling", by_sorting)

    def by_svd(x, k):
        mean = x.mean(0)
        _, singular, rows = np.linalg.svd(x - mean, full_matrices=False)
        return mean, -rows[:k], singular[:k] ** 2 / len(x)

    checks.accepts("00.eigenfaces", by_svd)

    def by_covariance(x, k):
        values, vectors = np.linalg.eigh(np.cov(x.T, bias=True))
        return x.mean(0), vectors.T[::-1][:k], values[::-1][:k]

    checks.accepts("00.eigenfaces", by_covariance)
    checks.accepts("00.transform_code", lambda *given: list(lesson_00.transform_code(*given)))


def test_more_distortion_than_variance_costs_nothing():
    assert np.array_equal(lesson_00.water_filling([1.0, 9.0], 20.0), [0, 0])
