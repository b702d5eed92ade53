"""The checks of lesson 00: each accepts right solutions, and rejects plausible mistakes by their names."""

import numpy as np
import pytest

from elic_tf.course import checks
from elic_tf.measure import distortion


def mean_of_all(a, b):
    return -10 * np.log10(np.mean((a - b) ** 2))


def naive_filling(variances, distortion):
    return np.maximum(0.5 * np.log2(variances / (distortion / len(variances))), 0)


def entropy_with_zeros(counts):
    p = counts / counts.sum()
    return -np.sum(p * np.log2(p))


def no_mean(faces, mean, vectors, k):
    return faces @ vectors[:k].T @ vectors[:k]


WRONG = {
    "00.bits_per_face": [
        (len, "number of bytes"),
        (lambda file: int.from_bytes(file, "big").bit_length(), "got 31"),
        (lambda file: max(int.from_bytes(file, "big").bit_length() + 7, 0) // 8 * 8, "leading zeros"),
        (lambda file: print(end=""), "`return` missing"),
    ],
    "00.psnr": [
        (mean_of_all, "one number for all faces"),
        (lambda a, b: -10 * np.log(np.mean((a - b) ** 2, axis=(1, 2, 3))), "natural logarithm"),
        (lambda a, b: -20 * np.log10(np.mean((a - b) ** 2, axis=(1, 2, 3))), "twice too large"),
        (lambda a, b: -20 * np.log10(np.abs(a - b).mean((1, 2, 3))), "absolute"),
        (lambda a, b: 10 * np.log10(np.mean((a - b) ** 2, axis=(1, 2, 3))), "sign"),
        (lambda a, b: -10 * np.log10(np.sum((a - b) ** 2, axis=(1, 2, 3))), "a sum over the pixels"),
    ],
    "00.entropy": [
        (lambda counts: -np.sum(counts / counts.sum() * np.log(counts / counts.sum())), "nats"),
        (entropy_with_zeros, "NaN"),
        (lambda counts: -np.sum(counts * np.log2(counts)), "divide the counts"),
        (lambda counts: -np.mean(np.log2(counts / counts.sum())), "plain mean"),
    ],
    "00.reconstruct": [
        (no_mean, "around zero"),
        (lambda faces, mean, v, k: (faces - mean) @ v[:k].T @ v[:k], "added again"),
        (lambda faces, mean, v, k: mean + faces @ v[:k].T @ v[:k], "not subtracted"),
        (lambda faces, mean, v, k: mean + (faces - mean) @ v.T @ v, "not from k"),
        (lambda faces, mean, v, k: (faces - mean) @ v[:k].T, "not yet the faces"),
        (lambda faces, mean, v, k: mean + (faces - mean) @ v[:k] @ v[:k].T, "ValueError"),
    ],
    "00.water_filling": [
        (naive_filling, "raise the level"),
        (lambda v, d: 0.5 * np.log2(v / (d / len(v))), "nothing costs less"),
        (lambda v, d: np.log2(v / (d / len(v))), "one half"),
        (lambda v, d: 0.5 * np.log(v / (d / len(v))), "nats"),
        (lambda v, d: np.maximum(0.5 * np.log2(v / d), 0), "for all together"),
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
