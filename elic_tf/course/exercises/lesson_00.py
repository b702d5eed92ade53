"""Lesson 00: entropy, decibels, eigenfaces, sharing bits among them, and the codec they make."""

import numpy as np

from elic_tf.course.checks import Wrong, check, expect


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


def eigenfaces(x, k):
    """Mean (d,), first k eigenfaces (k, d) of unit length and their variances (k,) of faces x (n, d), n < d.

    With A the centred faces: if (1/n) A Aᵀ v = λ v, then C (Aᵀ v) = λ (Aᵀ v) for the covariance C = (1/n) Aᵀ A (Turk
    and Pentland 1991).
    """
    mean = x.mean(axis=0)
    a = x - mean
    variances, v = np.linalg.eigh(a @ a.T / len(x))
    vectors = v[:, ::-1][:, :k].T @ a
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return mean, vectors, variances[::-1][:k]


@check(
    "00.eigenfaces",
    "Mean, eigenfaces and variances",
    reference=eigenfaces,
    hints=(
        "mean = x.mean(axis=0), A = x - mean. The small matrix is A @ A.T / n, of shape (n, n).",
        "np.linalg.eigh gives the smallest eigenvalue first, and eigenvectors as columns: turn both round with [::-1].",
        "v.T @ A turns (k, n) into (k, d): the eigenfaces, but not yet of length 1.",
    ),
)
def _(student):
    random = np.random.default_rng(2)
    directions = np.linalg.qr(random.normal(size=(40, 11)))[0].T
    x = 0.5 + random.normal(size=(12, 11)) * np.linspace(2, 0.2, 11) @ directions
    mean, vectors, variances = _parts(student(x.copy(), 3), ("mean", "eigenfaces", "variances"))
    wanted_mean, wanted, wanted_variances = eigenfaces(x, 3)
    a = x - wanted_mean
    expect("mean of 12 faces of 40 values", mean, wanted_mean, likely={"the mean of each face": x.mean(axis=1)})
    every = np.linalg.eigvalsh(a @ a.T / 12)[::-1]
    likely = {
        "of A Aᵀ without the 1/n": 12 * wanted_variances,
        "the singular values of A: square them and divide by n": np.sqrt(12 * wanted_variances),
        "divided by n - 1; here we divide by n": wanted_variances * 12 / 11,
        "of faces of which the mean was not subtracted": np.linalg.eigvalsh(x @ x.T / 12)[::-1][:3],
        "the smallest; we want the largest": every[-3:],
        "the smallest; we want the largest, largest first": every[::-1][:3],
        "of the standard deviations, not of the variances": np.sqrt(wanted_variances),
        "all of them, not the first k": every,
        "the smallest first; we want the largest first": wanted_variances[::-1],
    }
    expect("variances of the first 3", variances, wanted_variances, tolerance=1e-4, likely=likely)
    vectors = np.asarray(vectors)
    if vectors.shape == (40, 3):
        raise Wrong("eigenfaces: got shape (40, 3), should be (3, 40); yours are columns, we want rows")
    if vectors.shape == (3, 12):
        raise Wrong("eigenfaces: got shape (3, 12), should be (3, 40); yours are still v: bring them back by v.T @ A")
    if vectors.shape != wanted.shape:
        raise Wrong(f"eigenfaces: got shape {vectors.shape}, should be (3, 40)")
    lengths = np.linalg.norm(vectors, axis=1)
    expect("lengths of the eigenfaces", lengths, np.ones(3), tolerance=1e-4)
    # Their signs are free, so only what they span is compared.
    overlap = np.abs(np.sum(vectors * wanted, axis=1))
    expect("|inner product| of your eigenfaces with ours", overlap, np.ones(3), tolerance=1e-4)


def water_filling(variances, distortion):
    """Bits for each component by reverse water-filling (Cover, Thomas, theorem 10.3.3).

    R_i = 1/2 log2(variance_i / D_i), D_i = min(level, variance_i), with the level at which sum D_i = distortion.
    """
    variances = np.asarray(variances, float)
    low, high = 0.0, variances.max()
    for _ in range(60):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, variances).sum() < distortion else (low, level)
    return 0.5 * np.log2(variances / np.minimum(high, variances))


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
    clipped = np.maximum(0.5 * np.log2(variances), 0)
    likely = {
        "negative for the smallest; nothing costs less than no bits": 0.5 * np.log2(variances),
        "from distortion / 4, but the last component cannot use up its share: raise the level": clipped,
    }
    what, wanted = "variances [16, 4, 1, 0.25], distortion 4", water_filling(variances, 4.0)
    expect(what, student(variances, 4.0), wanted, unit="bits", tolerance=1e-4, likely=likely)
    unequal = np.array([1.0, 9.0, 0.5])
    expect("all of the variance as distortion", student(unequal, 10.5), np.zeros(3), unit="bits", tolerance=1e-4)


def transform_code(x, mean, vectors, step):
    """Integers (n, k) for faces x (n, d), and the faces (n, d) decoded from those integers alone."""
    symbols = np.round((x - mean) @ vectors.T / step).astype(int)
    return symbols, mean + (symbols * step) @ vectors


@check(
    "00.transform_code",
    "The codec: analysis, rounding, synthesis",
    reference=transform_code,
    hints=(
        "Analysis: latents are inner products with what is left of a face without the mean: (n, d) @ (d, k).",
        "Rounding: np.round(latents / step), then .astype(int). astype(int) alone cuts towards zero.",
        "Synthesis uses nothing but the integers: times step, (n, k) @ (k, d), plus the mean.",
    ),
)
def _(student):
    random = np.random.default_rng(1)
    basis = np.linalg.qr(random.normal(size=(12, 5)))[0].T
    mean = random.uniform(0.3, 0.7, 12)
    x = mean + random.normal(size=(4, 5)) * [4, 2, 1, 1, 0.5] @ basis + random.normal(0, 0.01, (4, 12))
    vectors, step = basis[:3], 0.5
    symbols, decoded = _parts(student(x.copy(), mean, vectors, step), ("integers", "decoded faces"))
    latents = (x - mean) @ vectors.T
    wanted, wanted_faces = transform_code(x, mean, vectors, step)
    likely = {
        "cut towards zero: np.round before .astype(int)": np.trunc(latents / step),
        "rounded down: np.round": np.floor(latents / step),
        "rounded latents, not numbers of steps: divide by the step first": np.round(latents),
        "times the step already: the file holds the integers": wanted * step,
        "not rounded": latents / step,
        "of faces of which the mean was not subtracted": np.round(x @ vectors.T / step),
        "multiplied by the step; divide": np.round(latents * step),
    }
    expect("integers of four faces, three eigenfaces, step 0.5", symbols, wanted, likely=likely)
    if np.asarray(symbols).dtype.kind != "i":
        raise Wrong(f"integers: got {np.asarray(symbols).dtype}, should be integers: add .astype(int)")
    likely = {
        "from latents that were not rounded: the decoder has only the integers": mean + latents @ vectors,
        "from the integers without the step": mean + wanted @ vectors,
        "without the mean, which has to be added again": wanted * step @ vectors,
        "the dequantised latents, not yet the faces": wanted * step,
        "the faces you were given": x,
    }
    expect("faces decoded from them", decoded, wanted_faces, likely=likely)


def _parts(result, names):
    """The parts of a tuple that a student's function gave; Wrong unless it is one of as many parts as `names`."""
    wanted = f"should be ({', '.join(names)})"
    if result is None:
        raise Wrong(f"your function returned nothing; is a `return` missing? It {wanted}")
    if not isinstance(result, tuple | list) or len(result) != len(names):
        size = f" of {len(result)}" if isinstance(result, tuple | list) else ""
        raise Wrong(f"got {type(result).__name__}{size}, {wanted}")
    return result
