"""Spending exactly a number of bits: which level, and which integer for each latent.

For a Lagrangian weight, every latent takes the integer that minimises squared error + weight * bits (rate-distortion
optimised quantisation; P. Chou, T. Lookabaugh, R. Gray, "Entropy-constrained vector quantization", IEEE Trans. ASSP 37
(1989), for scalars). The weight is bisected until the code just fits, at several levels, and the best one stays.
"""

import numpy as np

WEIGHT = 0.12
"""What a bit may cost, in squared steps, where a level is at home: 2 ln 2 / 12, the slope dD/dR of a uniform quantiser
at high rate, D = step^2 / 12."""

_BISECTIONS = 9
_LEVELS_TRIED = 4


def quantise(code, latents, level, weight):
    """Quantise `latents` (n, K) at one level; returns symbols (n, K) int32, bits (n,), squared error (n,).

    `weight` (n,) is what one bit may cost in squared steps.
    """
    step = code.step(level)
    rows = code.rows[level]
    sent = np.flatnonzero(rows >= 0)
    rows = rows[sent]
    scaled = np.abs(latents[:, sent]) / step
    middle = code.bank.lengths.shape[1] // 2
    limits = code.bank.limits[rows].astype(np.float32)
    first = np.minimum(np.floor(scaled + 0.5), limits)
    best_cost = best = best_bits = None
    for candidate in (first, np.maximum(first - 1, 0), np.zeros_like(first)):
        shrink = code.centroids[rows[None], np.clip(candidate, 1, 3).astype(np.intp) - 1]
        error = np.square(scaled - np.maximum(candidate - shrink * (candidate > 0), 0))
        bits = code.bank.lengths[rows[None], middle + candidate.astype(np.intp)]
        cost = error + weight[:, None] * bits
        if best is None:
            best_cost, best, best_bits = cost, candidate, bits
        else:
            better = cost < best_cost
            best_cost = np.where(better, cost, best_cost)
            best = np.where(better, candidate, best)
            best_bits = np.where(better, bits, best_bits)
    symbols = np.zeros(latents.shape, np.int32)
    symbols[:, sent] = np.copysign(best, latents[:, sent]).astype(np.int32)
    bits = code.level_lengths[level] + best_bits.sum(1, dtype=np.float64)
    error = np.square(latents - code.dequantise(np.full(len(latents), level), symbols)).sum(1, dtype=np.float64)
    return symbols, bits, error


def spend(code, latents, bits):
    """Return (levels (n,), symbols (n, K)) of least squared error whose ideal code length is at most `bits` (n,)."""
    latents = np.asarray(latents, np.float32)
    budget = np.broadcast_to(np.asarray(bits, np.float64), len(latents))
    best_error = np.full(len(latents), np.inf)
    best_level = np.zeros(len(latents), np.intp)
    best_symbols = np.zeros(latents.shape, np.int32)
    for level, chosen in _promising(code, latents, budget):
        symbols, error, fits = _fit(code, latents[chosen], level, budget[chosen])
        better = fits & (error < best_error[chosen])
        index = chosen[better]
        best_error[index], best_level[index], best_symbols[index] = error[better], level, symbols[better]
    nothing = ~np.isfinite(best_error)
    if nothing.any():
        # Below the cost of the cheapest level with all latents 0 there is only that.
        best_level[nothing] = _cheapest_empty(code)
    return best_level, best_symbols


def spend_at(code, latents, levels, bits):
    """As `spend`, with the level of each face given. Returns symbols (n, K) and whether they fit, (n,) bool."""
    latents = np.asarray(latents, np.float32)
    levels = np.asarray(levels)
    budget = np.broadcast_to(np.asarray(bits, np.float64), len(latents))
    symbols = np.zeros(latents.shape, np.int32)
    fits = np.zeros(len(latents), bool)
    for level in np.unique(levels):
        mine = levels == level
        symbols[mine], _, fits[mine] = _fit(code, latents[mine], level, budget[mine])
    return symbols, fits


def _cheapest_empty(code):
    empty = np.zeros(len(code.scales), np.int32)
    return int(np.argmin([code.bits(level, empty) for level in range(code.levels)]))


def _promising(code, latents, budget):
    """Yield (level, indices of the faces it may suit): the levels whose bits at home come nearest the budget."""
    home = np.full(len(latents), WEIGHT)
    bits, cost = np.empty((2, code.levels, len(latents)))
    for level in range(code.levels):
        _, bits[level], error = quantise(code, latents, level, home)
        cost[level] = error + WEIGHT * code.step(level) ** 2 * bits[level]
    by_step = (len(code.steps), len(code.shifts), len(latents))
    shift = cost.reshape(by_step).argmin(1)
    bits = np.take_along_axis(bits.reshape(by_step), shift[:, None], 1)[:, 0]
    near = np.argsort(np.abs(np.log2(bits / budget)), axis=0, kind="stable")[:_LEVELS_TRIED]
    wanted = np.zeros((code.levels, len(latents)), bool)
    columns = np.arange(len(latents))
    for steps in near:
        wanted[steps * len(code.shifts) + shift[steps, columns], columns] = True
    for level in np.flatnonzero(wanted.any(1)):
        yield level, np.flatnonzero(wanted[level])


def _fit(code, latents, level, budget):
    """Bisect the weight at one level: symbols, squared error and whether the bits fit at all."""
    low = np.full(len(latents), np.log(WEIGHT / 1024))
    high = np.full(len(latents), np.log(WEIGHT * 1024))
    symbols, bits, error = quantise(code, latents, level, np.exp(high))
    fits = bits <= budget
    for _ in range(_BISECTIONS + 4):
        weight = (low + high) / 2
        tried, tried_bits, tried_error = quantise(code, latents, level, np.exp(weight))
        inside = tried_bits <= budget
        symbols[inside], error[inside] = tried[inside], tried_error[inside]
        fits |= inside
        high, low = np.where(inside, weight, high), np.where(inside, low, weight)
    return symbols, error, fits
