"""Integer frequency tables: what turns a model's probabilities into something every machine agrees on.

Probabilities are floating-point numbers, and two machines may disagree in their last bit; a decoder that disagrees once
reads garbage for the rest of the file. So they are rounded once, when a model is made, to integers that are
stored with it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elic_tf.coding.arithmetic import PRECISION

TOTAL = 1 << PRECISION


def frequencies(probabilities):
    """Round probabilities (m,) to integer frequencies (m,) that sum to 2**16, each at least 1.

    What rounding leaves over goes where it costs fewest bits: a unit more or less for symbol i changes the expected
    code length by about p_i / f_i, so units are given to the largest and taken from the smallest such ratio.

    Raises ValueError where a probability is negative or not finite, all are zero, or there are more than 2**16.
    """
    p = np.asarray(probabilities, np.float64)
    if p.ndim != 1 or not 0 < len(p) <= TOTAL:
        raise ValueError(f"one row of 1 to {TOTAL} probabilities is needed, not shape {p.shape}")
    if not np.isfinite(p).all() or (p < 0).any() or p.sum() <= 0:
        raise ValueError("probabilities must be finite, not negative and not all zero")
    p = p / p.sum()
    f = np.maximum(1, np.floor(p * TOTAL)).astype(np.int64)
    while (rest := TOTAL - f.sum()) != 0:
        if rest > 0:
            chosen = np.argsort(-p / f, kind="stable")[:rest]
            f[chosen] += 1
        else:
            cost = np.where(f > 1, p / f, np.inf)
            chosen = np.argsort(cost, kind="stable")[: min(-rest, int((f > 1).sum()))]
            f[chosen] -= 1
    return f


def cumulative(freqs):
    """Return `[0, f0, f0 + f1, ..., 2**16]` as Python integers, what `arithmetic` reads."""
    table = [0, *np.cumsum(np.asarray(freqs, np.int64)).tolist()]
    if table[-1] != TOTAL or min(freqs) < 1:
        raise ValueError(f"frequencies must be at least 1 and sum to {TOTAL}, not {table[-1]}")
    return table


def code_lengths(freqs):
    """Return the ideal code length -log2(f / 2**16) of each symbol, in bits."""
    return PRECISION - np.log2(np.asarray(freqs, np.float64))


@dataclass(frozen=True)
class Bank:
    """Tables for signed integers: row t serves the values -limits[t] ... limits[t].

    `freqs` holds the rows one after the other, 2 * limits[t] + 1 numbers each.
    """

    freqs: np.ndarray
    limits: np.ndarray

    def __post_init__(self):
        if len(self.freqs) != int((2 * self.limits.astype(np.int64) + 1).sum()):
            raise ValueError("a bank needs 2 * limit + 1 frequencies in each row")

    def __len__(self):
        return len(self.limits)

    @classmethod
    def from_rows(cls, rows):
        """Make a bank from a list of frequency rows of odd length."""
        limits = np.array([len(row) // 2 for row in rows], np.int16)
        return cls(np.concatenate(rows).astype(np.int32), limits)

    @cached_property
    def rows(self):
        """The frequencies of each row, a list of arrays."""
        ends = np.cumsum(2 * self.limits.astype(np.int64) + 1)
        return np.split(self.freqs, ends[:-1])

    @cached_property
    def cumulatives(self):
        """The cumulative table of each row, a list of lists of Python integers."""
        return [cumulative(row) for row in self.rows]

    @cached_property
    def lengths(self):
        """Code lengths in bits, (rows, 2 * largest limit + 1), value v at column v + largest limit; inf outside."""
        largest = int(self.limits.max())
        out = np.full((len(self), 2 * largest + 1), np.inf, np.float32)
        for t, (row, limit) in enumerate(zip(self.rows, self.limits)):
            out[t, largest - limit : largest + limit + 1] = code_lengths(row)
        return out
