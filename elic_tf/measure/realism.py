"""How far a set of faces is from a set of photographs, as sets: two distances, with confidence intervals.

PSNR and SSIM ask whether one decoded face equals its original. Here the question is whether a whole set of decoded
or generated faces could be photographs: sharp decoders invent detail, which the first question punishes and this
one does not (Blau and Michaeli 2018, "The perception-distortion tradeoff").

    from elic_tf.measure.realism import compare, features

    real, made = features(originals), features(decoded)      # (n, 256) each; keep them, they are the slow part
    compare(made, real, people, people)                       # the same people on both sides
    compare(features(samples), real, None, people)            # invented faces: nobody's

Both distances are the published ones, of Heusel et al. 2017 and Binkowski et al. 2018, but in the features of
`measure.realism_features`. **They are not FID and KID**: those names belong to Inception-v3 trained on ImageNet,
its 2048 features and tens of thousands of pictures, and no number here compares with a published one. Call them by
what they are, "Fréchet distance, age network" and "kernel distance, age network", and compare only numbers of one
feature space, one picture size and one kind of photographs.
"""

import dataclasses

import numpy as np

from elic_tf.errors import DataError, ImageError
from elic_tf.measure.realism_features import SPACES, features

__all__ = ["SPACES", "Realism", "compare", "features", "frechet_distance", "kernel_distance"]

GROUPS = 50
_T = 2.0096  # 97.5 % point of Student's t with GROUPS - 1 degrees of freedom


@dataclasses.dataclass(frozen=True)
class Realism:
    """Distances of a set of faces from a set of photographs; 0 is "cannot be told apart", and both estimates may
    fall a little below it. The intervals are 95 % ones, (low, high).

    frechet: without the bias of small sets. frechet_plain: as the formula gives it. n, reference_n: faces on each
    side. people: different people on each side together.
    """

    frechet: float
    frechet_interval: tuple[float, float]
    frechet_plain: float
    kernel: float
    kernel_interval: tuple[float, float]
    n: int
    reference_n: int
    people: int


def compare(faces, reference, people, reference_people, seed=0):
    """Distances between two sets of faces, given by their features, with 95 % confidence intervals: a `Realism`.

    faces, reference: (n, d) and (m, d) arrays from `features`. people, reference_people: who is on each face, n
    and m entries of any kind, the same person by the same entry on both sides, as when the faces are decoded from
    the reference; or None where every face is its own person and on one side only (generated faces, a set without
    identities). Raises DataError below 50 people a
    side, and where there are not more faces than features; ImageError for other arrays.

    People, not faces, are the unit: they are dealt at random (`seed`) into 50 groups, and the distances are taken
    50 times more, without one group on both sides. From these come the standard error (delete-a-group jackknife;
    Tukey 1958) and the interval, with Student's t; a bootstrap will not do, for faces drawn twice make covariances
    thinner and the Fréchet distance larger.

    The same 50 also remove the bias of the Fréchet distance (Quenouille 1956): with T from all and T' the mean of
    the 50, T - 49 (T' - T). That is the straight line in 1/n through both, followed to 1/n = 0: the extrapolation of
    Chong and Forsyth 2020 ("Effectively unbiased FID"). It matters. Between photographs of different people
    (CelebA, age network) the plain distance is 87, 43, 22, 11 and 5 for 235, 470, 941, 2000 and 4000 faces a side,
    and the corrected one 5.6, 0.4, 0.2, 0.1 and -0.1: use 400 faces or more, or the kernel distance, which has no
    bias.
    """
    faces, reference = _checked(faces, reference)
    if min(len(faces), len(reference)) <= faces.shape[1]:
        raise DataError(
            f"a Fréchet distance in {faces.shape[1]} features needs more faces than that on each side, "
            f"not {len(faces)} and {len(reference)}: take more, or the luminance spectrum, which has 64"
        )
    people, reference_people = _numbered(people, reference_people, len(faces), len(reference))
    for side in (people, reference_people):
        if len(np.unique(side)) < GROUPS:
            raise DataError(f"an interval needs {GROUPS} people or more on each side, not {len(np.unique(side))}")
    group, reference_group = _deal(people, reference_people, seed)
    sides = _moments(faces, group, GROUPS), _moments(reference, reference_group, GROUPS)
    kernels = _kernels(faces, reference, people, reference_people, group, reference_group)

    plain = _frechet(*sides)
    without = np.array([_frechet(*sides, leave_out=g) for g in range(GROUPS)])
    frechet = plain - (GROUPS - 1) * (without.mean() - plain)
    kernel = _kernel(kernels)
    without_kernel = np.array([_kernel(kernels, leave_out=g) for g in range(GROUPS)])
    return Realism(
        frechet=float(frechet),
        frechet_interval=_interval(frechet, without),
        frechet_plain=float(plain),
        kernel=float(kernel),
        kernel_interval=_interval(kernel, without_kernel),
        n=len(faces),
        reference_n=len(reference),
        people=len(np.union1d(people, reference_people)),
    )


def frechet_distance(faces, reference):
    """Fréchet distance between the normal distributions fitted to two sets of features (n, d) and (m, d).

        |mu_1 - mu_2|^2 + Tr(C_1 + C_2 - 2 (C_1 C_2)^(1/2))

    (Dowson and Landau 1982; for pictures, Heusel et al. 2017). It is the squared distance, as they use it. Plain:
    biased upwards in small sets, see `compare`.
    """
    return float(_frechet(*(_moments(side, np.zeros(len(side)), 1) for side in _checked(faces, reference))))


def kernel_distance(faces, reference, people=None, reference_people=None):
    """Unbiased squared maximum mean discrepancy of two sets of features, (n, d) and (m, d), with k(x, y) =
    (x.y / d + 1)^3 (Binkowski et al. 2018; estimator of Gretton et al. 2012, section 2).

        mean k(x, x') + mean k(y, y') - 2 mean k(x, y)

    Each mean is over pairs of **different people** (as in `compare`; None: every face is its own person). Where
    nobody is on two faces that is the published estimator. Where the reference holds the originals of the faces,
    pairs of a face with its own original would make the third mean too large.
    """
    faces, reference = _checked(faces, reference)
    people, reference_people = _numbered(people, reference_people, len(faces), len(reference))
    if min(len(np.unique(people)), len(np.unique(reference_people))) < 2:
        raise DataError("a kernel distance needs two people or more on each side")
    groups = people % GROUPS, reference_people % GROUPS  # any will do: they only bound the memory
    return float(_kernel(_kernels(faces, reference, people, reference_people, *groups)))


def _moments(side, group, groups):
    """Number, sum and sum of outer products of each group's features."""
    parts = [side[group == g] for g in range(groups)]
    counts = np.array([len(part) for part in parts])
    return counts, np.array([part.sum(0) for part in parts]), np.array([part.T @ part for part in parts])


def _frechet(side, reference, leave_out=None):
    (mean, covariance), (reference_mean, reference_covariance) = (_normal(s, leave_out) for s in (side, reference))
    # Tr (C1 C2)^(1/2) from the eigenvalues of the symmetric R C2 R with R = C1^(1/2): no matrix root of a product.
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ reference_covariance @ root), 0)).sum()
    traces = np.trace(covariance) + np.trace(reference_covariance)
    return ((mean - reference_mean) ** 2).sum() + traces - 2 * overlap


def _normal(side, leave_out):
    """Mean and unbiased covariance of the groups' moments, one group left out if wanted."""
    n, total, outer = (moment.sum(0) - (0 if leave_out is None else moment[leave_out]) for moment in side)
    return total / n, (outer - np.outer(total, total) / n) / (n - 1)


def _kernels(faces, reference, people, reference_people, group, reference_group):
    """Grids of the pairs within the faces, within the reference, and across."""
    side, other = (faces, people, group), (reference, reference_people, reference_group)
    return _grid(*side, *side), _grid(*other, *other), _grid(*side, *other)


def _grid(x, people_x, group_x, y, people_y, group_y):
    """Sum of k(x, y), and number, of pairs of different people, by group against group: (2, GROUPS, GROUPS)."""
    grid = np.zeros((2, GROUPS, GROUPS))
    for g in range(GROUPS):
        rows = group_x == g
        different = people_x[rows, None] != people_y
        k = (x[rows] @ y.T / x.shape[1] + 1) ** 3 * different
        grid[:, g] = np.bincount(group_y, k.sum(0), GROUPS), np.bincount(group_y, different.sum(0), GROUPS)
    return grid


def _kernel(kernels, leave_out=None):
    kept = np.arange(GROUPS) != leave_out
    xx, yy, xy = (total / pairs for total, pairs in (k[:, kept][:, :, kept].sum((1, 2)) for k in kernels))
    return xx + yy - 2 * xy


def _interval(estimate, without):
    error = np.sqrt((GROUPS - 1) / GROUPS * ((without - without.mean()) ** 2).sum())
    return float(estimate - _T * error), float(estimate + _T * error)


def _deal(people, reference_people, seed):
    """The group of each face: people dealt evenly, those of the faces first, then those of the reference alone."""
    rng = np.random.default_rng(seed)
    groups = np.empty(max(people.max(), reference_people.max()) + 1, int)
    for some in (np.unique(people), np.setdiff1d(reference_people, people)):
        groups[rng.permutation(some)] = np.arange(len(some)) % GROUPS
    return groups[people], groups[reference_people]


def _numbered(people, reference_people, n, m):
    """People as integers, the same person the same number on both sides."""
    for side, size in ((people, n), (reference_people, m)):
        if side is not None and np.shape(side) != (size,):
            raise DataError(f"need one person for each of {size} faces, got shape {np.shape(side)}")
    if people is not None and reference_people is not None:
        numbers = np.unique(np.concatenate([people, reference_people]), return_inverse=True)[1]
        return numbers[:n], numbers[n:]
    first, second = (
        np.arange(size) if side is None else np.unique(side, return_inverse=True)[1]
        for side, size in ((people, n), (reference_people, m))
    )
    return first, second + n


def _checked(faces, reference):
    faces, reference = np.asarray(faces, np.float64), np.asarray(reference, np.float64)
    for side in (faces, reference):
        if side.ndim != 2 or len(side) < 2 or not np.isfinite(side).all():
            raise ImageError(f"need features, two rows or more of finite values, not {side.shape}; see features(faces)")
    if faces.shape[1] != reference.shape[1]:
        raise ImageError(f"{faces.shape[1]} and {reference.shape[1]} features: both sides need the same feature space")
    return faces, reference
