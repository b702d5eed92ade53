"""Fitting the eigenface codec; `python -m elic_tf.train klt` is the recipe.

Three steps. The eigenvectors, from training faces and their mirror images. The integer tables, by iterating
entropy-constrained quantisation: quantise the training faces with the tables there are, count, make new tables (Chou,
Lookabaugh and Gray 1989). The grain of the stored basis, fine enough that rounding it costs nothing visible at the
highest rate.
"""

import numpy as np

from elic_tf.coding import rate
from elic_tf.coding.latent_code import OCTAVE, LatentCode
from elic_tf.coding.tables import Bank, frequencies
from elic_tf.models.klt import KLT, to_frequency

LATENTS = 1200
ZONE = 2560
"""DCT coefficients kept per parity, the ones of largest variance."""

GRAIN = 6e-4
STEPS = np.arange(5 * OCTAVE // 2, -5 * OCTAVE, -OCTAVE // 4)
SHIFTS = np.array([-3, 0, 3])
FIRST_RATIO = -12
RATIOS = 66
ROUNDS = 4


def eigenfaces(faces, latents=LATENTS):
    """Fit mean and eigenvectors to faces (n, 64, 64, 3) uint8 and their mirror images.

    Returns mean (3, 64, 64), odd (K,), zones (2, m), vectors (K, m) of unit length, variances (K,), largest first.
    Mirror images make even and odd coefficients uncorrelated, so the two eigenproblems are separate.
    """
    spectra = np.concatenate([to_frequency(part.astype(np.float32) / 255).astype(np.float32)
                              for part in np.array_split(faces, max(1, len(faces) // 512))])  # fmt: skip
    is_odd = np.broadcast_to(np.arange(spectra.shape[-1]) % 2 == 1, spectra.shape[1:]).ravel()
    spectra = spectra.reshape(len(spectra), -1)
    mean = np.where(is_odd, 0, spectra.mean(0, dtype=np.float64)).astype(np.float32)
    spectra -= mean
    variance = np.square(spectra).mean(0, dtype=np.float64)
    zones, vectors, variances = [], [], []
    for parity in (False, True):
        order = np.argsort(-np.where(is_odd == parity, variance, -1), kind="stable")
        zone = np.sort(order[:ZONE])
        part = spectra[:, zone]
        values, columns = np.linalg.eigh((part.T @ part).astype(np.float64) / len(part))
        zones.append(zone)
        variances.append(values[::-1][:latents])
        vectors.append(columns.T[::-1][:latents])
    all_variances = np.concatenate(variances)
    # Few faces span few dimensions: leave out what is rounding error.
    count = min(latents, int((all_variances > 1e-6 * all_variances.max()).sum()))
    order = np.argsort(-all_variances, kind="stable")[:count]
    odd = np.repeat([False, True], [len(v) for v in variances])[order]
    shape = (3, *faces.shape[1:3])
    return mean.reshape(shape), odd, np.stack(zones), np.concatenate(vectors)[order], all_variances[order]


def gaussian_rows():
    """Tables to start from: a Gaussian of each ratio, cut into unit steps."""
    from math import erf

    rows = []
    for t in range(RATIOS):
        sigma = 2.0 ** ((t + FIRST_RATIO) / OCTAVE)
        limit = int(np.ceil(5.5 * sigma)) + 1
        edges = np.arange(-limit, limit + 2) - 0.5
        share = np.diff([0.5 * (1 + erf(e / sigma / 2**0.5)) for e in edges])
        rows.append(frequencies(share + 1e-7))
    return rows


def fit_code(latents, variances, rows=None):
    """Fit the tables to training latents (n, K); returns a LatentCode. rows: tables to start from, else Gaussian."""
    scales = np.round(OCTAVE * np.log2(np.sqrt(variances))).astype(np.int16)
    bank = Bank.from_rows(rows or gaussian_rows())
    levels = len(STEPS) * len(SHIFTS)
    # Coarse levels are for small files, where a bit counts most, so they get the short names.
    by_step = 0.92 ** np.arange(len(STEPS))
    by_shift = np.full(len(SHIFTS), 1 / len(SHIFTS))
    code = LatentCode(bank, scales, STEPS.astype(np.int16), SHIFTS.astype(np.int16),
                      frequencies(np.outer(by_step, by_shift).ravel()).astype(np.int32), FIRST_RATIO,
                      np.zeros((RATIOS, 3), np.float32))  # fmt: skip
    home = np.full(len(latents), rate.WEIGHT)
    for _ in range(ROUNDS):
        counts = [np.zeros(2 * int(limit) + 1) for limit in bank.limits]
        moments = np.zeros((2, RATIOS, 3))
        used = np.zeros(levels)
        for q in range(len(STEPS)):
            shift = _shifts(latents, scales, STEPS[q])
            for g in range(len(SHIFTS)):
                level = q * len(SHIFTS) + g
                mine = shift == g
                used[level] = mine.sum()
                symbols, _, _ = rate.quantise(code, latents[mine], level, home[mine])
                _count(code, latents[mine], level, symbols, counts, moments)
        rows = [_smooth(count) for count in counts]
        centroids = np.where(moments[0] > 100, moments[1] / np.maximum(moments[0], 1), 0).astype(np.float32)
        share = used.reshape(len(STEPS), -1) + 1
        share = share / share.sum(1, keepdims=True) * by_step[:, None]
        code = LatentCode(Bank.from_rows(rows), scales, code.steps, code.shifts,
                          frequencies(share.ravel()).astype(np.int32), FIRST_RATIO, centroids)  # fmt: skip
    return code


def _shifts(latents, scales, step):
    """Which of SHIFTS suits each face: the likeliest for Gaussian latents, from those that deviate by a step."""
    large = scales >= min(step, scales.max())
    energy = np.square(latents[:, large] / 2.0 ** (scales[large] / OCTAVE)).mean(1)
    return np.abs(OCTAVE / 2 * np.log2(energy)[:, None] - SHIFTS).argmin(1)


def _count(code, latents, level, symbols, counts, moments):
    """Add to the histogram and to the bin centroids of every row that this level uses."""
    rows, step = code.rows[level], code.step(level)
    for t in np.unique(rows[rows >= 0]):
        columns = rows == t
        values, scaled = symbols[:, columns].ravel(), np.abs(latents[:, columns]).ravel() / step
        limit = len(counts[t]) // 2
        counts[t] += np.bincount(values + limit, minlength=2 * limit + 1)
        magnitude = np.abs(values)
        some = magnitude > 0
        kind = np.minimum(magnitude[some], 3) - 1
        moments[0, t] += np.bincount(kind, minlength=3)
        moments[1, t] += np.bincount(kind, weights=magnitude[some] - scaled[some], minlength=3)


def _smooth(count):
    """Symmetric frequencies from a histogram, with a geometric tail where nothing was seen."""
    count = count + count[::-1]
    middle = len(count) // 2
    distance = np.abs(np.arange(len(count)) - middle)
    spread = max(0.3, float((count * distance).sum() / max(count.sum(), 1)))
    tail = np.exp(-distance / spread)
    return frequencies(count + max(1.0, 1e-4 * count.sum()) * tail / tail.sum())


def fit(faces, latents=LATENTS):
    """Fit a KLT of at most `latents` eigenfaces to faces (n, 64, 64, 3) uint8."""
    mean, odd, zones, vectors, variances = eigenfaces(faces, latents)
    basis = np.round(vectors * np.sqrt(variances)[:, None] / GRAIN)
    basis = basis.astype(np.int16)
    exact = KLT(mean, odd, zones.astype(np.int16), basis, GRAIN, None)
    latents = np.concatenate(
        [exact.analysis(part.astype(np.float32) / 255) for part in np.array_split(faces, max(1, len(faces) // 512))]
    )
    code = fit_code(latents, variances)
    return KLT(mean, odd, zones.astype(np.int16), basis, GRAIN, code)
