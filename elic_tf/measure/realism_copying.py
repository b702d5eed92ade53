"""Are the faces a model makes its own, or photographs it was trained on?

    from elic_tf.measure.realism_copying import copied
    from elic_tf.measure.realism_features import features, with_mirror_images

    found = copied(features(made, "pixels"), with_mirror_images(training, "pixels"), features(held_out, "pixels"))
    found.copied, found.share, found.suspects()[:10]

"pixels" finds copies however noisy, blurred or compressed they are; "age network" finds those that are also shifted
or relit, as long as they are sharp. Ask both.
"""

import dataclasses
import math

import numpy as np

from elic_tf.errors import DataError, ImageError

NEIGHBOURS = 50
_TAIL = 0.01
_LEVEL = 0.001
_CHUNK = 1000  # training faces at once: bounds the memory, not the result


@dataclasses.dataclass(frozen=True, eq=False)
class Copying:
    """What `copied` found. nearest, distance, closeness: (n,), one per face.

    nearest: row of the nearest training face. distance: Euclidean, to it. closeness: that distance over the mean
    distance to the 50 nearest; a face of its own has about as far to go to all of them, a copy has one much nearer.
    share: of faces closer than all but 1 % of the held-out ones, so about 0.01 in the absence of copying. p_value:
    of as many or more by chance. copied: whether that is below 0.001.

    z: the global Z_U of Meehan, Chaudhuri and Dasgupta 2020. Far below 0 means nearer to the training faces than
    held-out faces are. For sharp faces that is copying too; but blurred faces are nearer to everything, and honest
    ones get it as well (decoded from 256 bits of eigenfaces: -10). It is therefore no part of the verdict.
    """

    nearest: np.ndarray
    distance: np.ndarray
    closeness: np.ndarray
    share: float
    p_value: float
    copied: bool
    z: float

    def suspects(self):
        """Indices of the faces, the closest first: put them beside their `nearest` and look."""
        return np.argsort(self.closeness, kind="stable")


def copied(faces, training, held_out):
    """Compare how close faces come to the training set with how close held-out photographs come: a `Copying`.

    faces, training, held_out: features, (n, d), (m, d) and (l, d), of one space. training: all that the model was
    trained on, best `with_mirror_images`. held_out: photographs of the same kind and of other people; a few hundred.
    Raises DataError below 51 training faces or without the others, ImageError for other arrays.

    Closeness is the distance of Carlini et al. 2023 ("Extracting training data from diffusion models", adaptive
    threshold), less their constant. It does not change when all distances shrink, as they do when a face is blurred.
    Where copies are rare the test needs a few of them: 3 in 100 of a thousand faces.
    """
    distance, nearest = nearest_neighbours(faces, training, NEIGHBOURS)
    usual = nearest_neighbours(held_out, training, NEIGHBOURS)[0]
    closeness, usual_closeness = _closeness(distance), np.sort(_closeness(usual))
    rank = max(1, round(_TAIL * len(usual)))
    below = int((closeness < usual_closeness[rank - 1]).sum())
    p_value = exceedance(below, len(closeness), rank, len(usual))
    return Copying(
        nearest=nearest[:, 0],
        distance=distance[:, 0],
        closeness=closeness,
        share=below / len(closeness),
        p_value=p_value,
        copied=p_value < _LEVEL,
        z=copying_z(distance[:, 0], usual[:, 0]),
    )


def nearest_neighbours(faces, training, count=1):
    """The nearest training faces of each face: distances and rows of training, both (n, count), nearest first.

    faces, training: features, (n, d) and (m, d), of any space. Distances are Euclidean; in "pixels", divide by
    sqrt(3072) for the root mean square difference of values in [0, 1].
    """
    faces, training = np.asarray(faces, np.float32), np.asarray(training)
    if faces.ndim != 2 or training.ndim != 2 or faces.shape[1] != training.shape[1]:
        raise ImageError(f"need features of one space, got {faces.shape} and {training.shape}; see features(faces)")
    if not len(faces) or len(training) < count:
        raise DataError(f"{count} neighbours of {len(faces)} faces among {len(training)}: too few")
    from tqdm.auto import tqdm

    found = np.zeros((len(faces), 0), np.float32)
    rows = np.zeros((len(faces), 0), int)
    for start in tqdm(range(0, len(training), _CHUNK), "nearest neighbours", leave=False, disable=None):
        part = np.asarray(training[start : start + _CHUNK], np.float32)
        # Squared distance, less the face's own square, which does not change the order.
        found = np.concatenate([found, (part**2).sum(1) - 2 * faces @ part.T], 1)
        rows = np.concatenate([rows, np.broadcast_to(start + np.arange(len(part)), (len(faces), len(part)))], 1)
        best = np.argpartition(found, min(count, found.shape[1]) - 1, 1)[:, :count]
        found, rows = np.take_along_axis(found, best, 1), np.take_along_axis(rows, best, 1)
    # Again, by subtraction: the way above loses the small distances, which are the ones that matter.
    distances = np.stack([np.linalg.norm(training[row] - face, axis=1) for face, row in zip(faces, rows)])
    order = np.argsort(distances, 1, kind="stable")
    return np.take_along_axis(distances, order, 1), np.take_along_axis(rows, order, 1)


def copying_z(distances, held_out_distances):
    """Z_U of Meehan, Chaudhuri and Dasgupta 2020 ("A non-parametric test to detect data-copying in generative
    models"), on the whole space: the Mann-Whitney statistic of nearest-neighbour distances, (n,) and (l,), in
    standard deviations. Far below 0: the faces are nearer to the training set than held-out ones. Far above: farther.
    """
    made, held_out = np.asarray(distances), np.sort(held_out_distances)
    n, m = len(made), len(held_out)
    u = (np.searchsorted(held_out, made, "left") + np.searchsorted(held_out, made, "right")).sum() / 2
    return float((u - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))


def exceedance(below, n, rank, m):
    """Chance that `below` or more of n values fall under the rank-th smallest of m others of the same distribution.

    That is so when among the first below + rank - 1 of all n + m at most rank - 1 are of the m: a hypergeometric tail.
    Exact, in whole numbers.
    """
    first = below + rank - 1
    ways = sum(math.comb(m, others) * math.comb(n, first - others) for others in range(min(rank, first + 1)))
    return ways / math.comb(n + m, first)


def _closeness(distances):
    """Distance to the nearest over the mean distance to the 50 nearest; 0 for an exact copy, even of 50."""
    return distances[:, 0] / np.maximum(distances.mean(1), np.finfo(np.float32).tiny)
