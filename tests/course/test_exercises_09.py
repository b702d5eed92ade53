"""The checks of lesson 09: each accepts right solutions, and rejects plausible mistakes by their names."""

import numpy as np
import pytest

from elic_tf.course import checks


def between(value):
    """Right between the points; what it does elsewhere is for the caller to say."""

    def at(bits, quality, wanted):
        inside = bits[0] <= wanted <= bits[-1]
        return np.interp(np.log(wanted), np.log(bits), quality) if inside else value(bits, quality, wanted)

    return at


def frechet(means=1, root=lambda D: np.sqrt(np.maximum(np.linalg.eigvals(D).real, 0)).sum(), factor=2):
    """The right way, with mistakes to choose."""

    def distance(a, b):
        A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
        parts = np.trace(A) + np.trace(B) - factor * root(A @ B)
        return means * np.sum((a.mean(0) - b.mean(0)) ** 2) + parts

    return distance


def shares(p, male):
    right = (p > 0.5) == male
    return right[male].mean(), right[~male].mean()


def squares(decoded, originals):
    return ((decoded[:, None] - originals[None]) ** 2).sum(2)


def rows_of(people, drawn):
    return np.concatenate([np.flatnonzero(people == one) for one in drawn])


WRONG = {
    "09.at_bits": [
        (lambda b, q, w: np.interp(w, b, q), "linear in the bits"),
        (lambda b, q, w: np.interp(np.log(w), np.log(b), q), "nearest end"),
        (between(lambda b, q, w: None), "should be nan"),
        (between(lambda b, q, w: 0.0), "nothing was measured"),
        (lambda b, q, w: q[np.searchsorted(b, w)], "of the point after"),
        (lambda b, q, w: np.interp(np.log(w), np.log(b[[0, -1]]), q[[0, -1]]), "from the first point to the last"),
        (lambda b, q, w: print(end=""), "`return` missing"),
    ],
    "09.frechet": [
        (frechet(means=0), "without the part of the means"),
        (frechet(root=np.trace), "without the root"),
        (frechet(root=lambda D: np.trace(np.sqrt(np.abs(D)))), "should be"),
        (frechet(root=lambda D: np.sqrt(np.trace(D))), "root of the trace"),
        (frechet(factor=1), "without the factor 2"),
        (frechet(factor=0), "without the last part"),
        (frechet(factor=-2), "sign of the last part"),
        (lambda a, b: np.sqrt(frechet()(a, b)), "leave it squared"),
        (lambda a, b: np.sum((a.mean(0) - b.mean(0)) ** 2), "means alone"),
        (lambda a, b: frechet()(a, b) + 0j, "complex"),
        (lambda a, b: frechet()(a.T, b.T), "error"),
    ],
    "09.balanced": [
        (lambda p, male: np.mean((p > 0.5) == male), "plain accuracy"),
        (lambda p, male: shares(p, male)[0], "share of men"),
        (lambda p, male: shares(p, male)[1], "share of women"),
        (lambda p, male: sum(shares(p, male)), "the sum of the two"),
        (lambda p, male: 1 - np.mean(shares(p, male)), "wrong answers"),
        (lambda p, male: (male[p > 0.5].mean() + (~male[p <= 0.5]).mean()) / 2, "over what people are"),
        (lambda p, male: (p[male].mean() + 1 - p[~male].mean()) / 2, "above 0.5"),
    ],
    "09.others_nearer": [
        (lambda d, o: (squares(d, o) <= np.diag(squares(d, o))[:, None]).sum(1), "own original is not another"),
        (lambda d, o: (squares(d, o) < np.diag(squares(d, o))).sum(0), "other axis"),
        (lambda d, o: squares(d, o).argmin(1), "number of the nearest"),
        (lambda d, o: squares(d, o).argmin(1) == np.arange(len(d)), "count those who are nearer"),
        (lambda d, o: (squares(d, o) > np.diag(squares(d, o))[:, None]).sum(1), "further away"),
        (lambda d, o: (d @ o.T > np.diag(d @ o.T)[:, None]).sum(1), "scalar product"),
        (lambda d, o: np.diag(squares(d, o).argsort(1)), "argsort"),
    ],
    "09.resample": [
        (lambda people, random: random.integers(len(people), size=len(people)), "draw people"),
        (lambda people, random: np.arange(len(people)), "with replacement"),
        (lambda people, random: rows_of(people, random.permutation(np.unique(people))), "with replacement"),
        (lambda people, random: np.isin(people, random.choice(np.unique(people), 4)), "a mask"),
        (lambda people, random: np.flatnonzero(np.isin(people, random.choice(np.unique(people), 4))), "counts twice"),
        (lambda people, random: rows_of(people, random.choice(people, 4)), "drawn more often"),
        (lambda people, random: rows_of(people, random.choice(np.unique(people), 8)), "should be 4"),
        (lambda people, random: random.choice(np.unique(people), 4), "row numbers"),
        (lambda people, random: None, "`return` missing"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            result = checks.rejects(name, wrong)
        assert said in f"{result.status}: {result.message}"


def test_every_check_of_lesson_09_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("09")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    linalg = pytest.importorskip("scipy.linalg")
    spatial = pytest.importorskip("scipy.spatial")

    def by_hand(bits, quality, wanted):
        for (r1, q1), (r2, q2) in zip(zip(bits, quality), zip(bits[1:], quality[1:])):
            if r1 <= wanted <= r2:
                return q1 + (q2 - q1) * np.log(wanted / r1) / np.log(r2 / r1)
        return float("nan")

    checks.accepts("09.at_bits", by_hand)
    checks.accepts("09.at_bits", lambda b, q, w: np.interp(np.log2(w), np.log2(b), q, left=np.nan, right=np.nan))
    checks.accepts("09.frechet", frechet(root=lambda D: np.trace(linalg.sqrtm(D)).real))
    checks.accepts("09.balanced", lambda p, male: np.mean(shares(p, male)))

    def by_scipy(decoded, originals):
        apart = spatial.distance.cdist(decoded, originals)
        return np.array([np.sum(row < row[i]) for i, row in enumerate(apart)])

    checks.accepts("09.others_nearer", by_scipy)

    def by_lists(people, random):
        everybody = sorted(set(people.tolist()))
        drawn = [everybody[random.integers(len(everybody))] for _ in everybody]
        return [row for one in drawn for row, who in enumerate(people) if who == one]

    checks.accepts("09.resample", by_lists)
