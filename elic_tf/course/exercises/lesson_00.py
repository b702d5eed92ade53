"""Lesson 00: bits, decibels, entropy, eigenfaces, and how to share bits among them."""

import numpy as np

from elic_tf.course.checks import check, expect


def bits_per_face(file):
    """The size of a file (bytes) in bits."""
    return 8 * len(file)


@check(
    "00.bits_per_face",
    "The size of a file in bits",
    reference=bits_per_face,
    hints=("`len` of a bytes object counts bytes.", "A byte has eight bits, also if some of them are zero."),
)
def _(student):
    expect("a file of 4 bytes", student(b"face"), 32, unit="bits", likely={"a number of bytes": 4})
    zeros = {"the size without leading zeros, which are in the file too": 8, "the number of ones": 4}
    expect("the file 00 00 0f", student(b"\x00\x00\x0f"), 24, unit="bits", likely=zeros | {"not in bits": 4 / 8})
    expect("an empty file", student(b""), 0, unit="bits")


def psnr(a, b):
    """Peak signal-to-noise ratio in dB with peak 1, one number per face; a, b: (n, h, w, 3) in [0, 1]."""
    return -10 * np.log10(np.mean((a - b) ** 2, axis=(1, 2, 3)))


@check(
    "00.psnr",
    "PSNR in dB, one number per face",
    reference=psnr,
    hints=(
        "First the mean of the squared differences over rows, columns and channels: one number for each face.",
        "Give np.mean the axes: axis=(1, 2, 3).",
        "Then minus ten times the logarithm to base ten. The peak is 1, so it does not appear.",
    ),
)
def _(student):
    random = np.random.default_rng(0)
    a = random.uniform(0.3, 0.7, (3, 8, 8, 3))
    tenth = np.full(3, 20.0)
    likely = {
        "twice too large (10, not 20, as the squares are there already)": 2 * tenth,
        "half of it (the root was taken, so the factor is 20)": tenth / 2,
        "negative: mind the sign": -tenth,
        "a natural logarithm: np.log10": -10 * np.log(0.01) * np.ones(3),
        "for values up to 255; ours go up to 1": 10 * np.log10(255**2 / 0.01) * np.ones(3),
        "a sum over the pixels, where a mean is needed": -10 * np.log10(0.01 * 192) * np.ones(3),
        "one number for all faces together": 20.0,
    }
    expect("three faces that are 0.1 off everywhere", student(a, a + 0.1), tenth, unit="dB", likely=likely)
    b = a + random.normal(0, 1, a.shape) * np.array([0.02, 0.05, 0.1])[:, None, None, None]
    likely = {"of the absolute, not of the squared differences": -20 * np.log10(np.abs(a - b).mean((1, 2, 3)))}
    expect("three faces with different noise", student(a, b), psnr(a, b), unit="dB", likely=likely)


def entropy(counts):
    """Entropy in bits per symbol of a table of frequencies; zeros count nothing."""
    p = np.asarray(counts, float)
    p = p[p > 0] / p.sum()
    return -np.sum(p * np.log2(p))


@check(
    "00.entropy",
    "Entropy of a table of frequencies, in bits per symbol",
    reference=entropy,
    hints=(
        "Make probabilities first: divide by the sum of the counts.",
        "H = -Σ p log₂ p: each symbol costs -log₂ p bits and comes with probability p.",
        "p log₂ p goes to 0 with p: leave out symbols that never come.",
    ),
)
def _(student):
    quarter = np.array([2, 1, 1])
    likely = {
        "in nats; bits take np.log2": 1.5 * np.log(2),
        "negative: mind the sign": -1.5,
        "not of probabilities: divide the counts by their sum": -2.0,
        "the plain mean of the costs; a frequent symbol counts more often": 5 / 3,
        "the sum of the costs, not weighted by how often they come": 5.0,
        "of all symbols together; we want it per symbol": 6.0,
    }
    expect("entropy of the counts [2, 1, 1]", student(quarter), 1.5, unit="bits", likely=likely)
    expect("entropy of eight equal counts", student(np.full(8, 5)), 3, unit="bits")
    with np.errstate(divide="ignore", invalid="ignore"):
        expect("entropy of the counts [3, 0, 1]", student(np.array([3, 0, 1])), entropy([3, 1]), unit="bits")
    expect("entropy of one symbol that always comes", student(np.array([7])), 0, unit="bits")


def reconstruct(faces, mean, eigenfaces, k):
    """Faces (n, d) from their first k coordinates in orthonormal eigenfaces (m, d) around the mean (d,)."""
    coordinates = (faces - mean) @ eigenfaces[:k].T
    return mean + coordinates @ eigenfaces[:k]


@check(
    "00.reconstruct",
    "Faces from their first k eigenfaces",
    reference=reconstruct,
    hints=(
        "Eigenfaces are directions around the mean: subtract it before you project.",
        "The coordinates are inner products: (n, d) @ (d, k) gives (n, k). `eigenfaces[:k]` are the first k.",
        "Back: coordinates (n, k) @ eigenfaces (k, d), and the mean again.",
    ),
)
def _(student):
    random = np.random.default_rng(1)
    basis = np.linalg.qr(random.normal(size=(12, 5)))[0].T
    mean = random.uniform(0.3, 0.7, 12)
    faces = mean + random.normal(size=(4, 5)) * [2, 1, 0.5, 0.2, 0.1] @ basis + random.normal(0, 0.01, (4, 12))
    coordinates = faces - mean
    likely = {
        "without the mean, which has to be added again": coordinates @ basis[:2].T @ basis[:2],
        "from faces of which the mean was not subtracted": mean + faces @ basis[:2].T @ basis[:2],
        "around zero instead of around the mean": faces @ basis[:2].T @ basis[:2],
        "from the last eigenfaces; the first are the most important": mean + coordinates @ basis[-2:].T @ basis[-2:],
        "from all eigenfaces, not from k of them": reconstruct(faces, mean, basis, 5),
        "the coordinates, not yet the faces": coordinates @ basis[:2].T,
    }
    expect(
        "four faces from 2 of 5 eigenfaces",
        student(faces, mean, basis, 2),
        reconstruct(faces, mean, basis, 2),
        likely=likely,
    )
    expect("four faces from none", student(faces, mean, basis, 0), np.tile(mean, (4, 1)))


def water_filling(variances, distortion):
    """Bits for each component by reverse water-filling (Cover, Thomas, theorem 10.3.3).

    R_i = 1/2 log2(variance_i / D_i), D_i = min(level, variance_i), with the level at which sum D_i = distortion.
    """
    variances = np.asarray(variances, float)
    if distortion >= variances.sum():
        return np.zeros(len(variances))
    low, high = 0.0, variances.max()
    for _ in range(100):
        level = (low + high) / 2
        if np.minimum(level, variances).sum() < distortion:
            low = level
        else:
            high = level
    return 0.5 * np.log2(variances / np.minimum(level, variances))


@check(
    "00.water_filling",
    "Reverse water-filling: bits for each component",
    reference=water_filling,
    hints=(
        "Every component gets the same distortion, the water level, unless its variance is below the level.",
        "The level is where Σ min(level, variance) is the distortion: halve an interval around it some 60 times.",
        "Then the rate is ½ log₂(variance / min(level, variance)), which is 0 for what is under water.",
    ),
)
def _(student):
    likely = {
        "without the one half: a variance is a square": [4.0, 2.0],
        "in nats; bits take np.log2": [2 * np.log(2), np.log(2)],
        "the distortion given to each component; it is for all together": [1.5, 0.5],
        "with the same share of its variance for each component": [0.5 * np.log2(10)] * 2,
    }
    rates = student(np.array([16.0, 4.0]), 2.0)
    expect("variances [16, 4], distortion 2", rates, [2, 1], unit="bits", tolerance=1e-4, likely=likely)
    variances = np.array([16.0, 4.0, 1.0, 0.25])
    level = 4.0 / 4
    clipped = np.maximum(0.5 * np.log2(variances / level), 0)
    likely = {
        "negative for the smallest; nothing costs less than no bits": 0.5 * np.log2(variances / level),
        "from distortion / 4, but the last component cannot use up its share: raise the level": clipped,
    }
    wanted = water_filling(variances, 4.0)
    expect(
        "variances [16, 4, 1, 0.25], distortion 4",
        student(variances, 4.0),
        wanted,
        unit="bits",
        tolerance=1e-4,
        likely=likely,
    )
    unequal = np.array([1.0, 9.0, 0.5])
    expect("more distortion than variance", student(unequal, 20.0), np.zeros(3), unit="bits", tolerance=1e-4)
