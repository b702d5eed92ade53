"""Records of factors: drawing them, their exact code length, and the exact entropy of the network."""

import functools
import math

import numpy as np

from elic_tf import errors
from elic_tf.faces.synthetic.factors import FACTORS, ORDER, TOTAL, frequencies, parents

DTYPE = np.dtype([(name, np.uint8) for name in FACTORS])
"""A record: one unsigned byte for each factor, the index of its level."""


def check(records) -> np.ndarray:
    """The records as a 1-D array of `DTYPE`; ImageError if they are anything else."""
    records = np.asarray(records)
    if records.dtype != DTYPE:
        raise errors.ImageError(
            f"records of dtype {records.dtype} are not face records; make them with synthetic.sample or "
            "numpy.zeros(n, synthetic.DTYPE)"
        )
    records = np.atleast_1d(records)
    if records.ndim != 1:
        raise errors.ImageError(f"records must have one axis, not shape {records.shape}")
    for name, levels in FACTORS.items():
        if len(records) and records[name].max() >= len(levels):
            raise errors.ImageError(
                f"{name} has levels 0 to {len(levels) - 1}, but a record says {records[name].max()}"
            )
    return records


def sample(n: int, seed: int = 0) -> np.ndarray:
    """n records (n,) of `DTYPE`, the same on every machine; the first m of n are `sample(m, seed)`.

    A draw is the top 10 bits of a Philox word (Salmon et al., 2011), compared with cumulative frequencies.
    """
    if n < 0 or n != int(n):
        raise errors.ImageError(f"the number of faces must be a whole number from 0 up, not {n}")
    if not 0 <= seed < 2**64 or seed != int(seed):
        raise errors.ImageError(f"the seed must be a whole number from 0 to 2**64 - 1, not {seed}")
    words = np.random.Philox(key=int(seed)).random_raw(int(n) * len(ORDER)).reshape(int(n), len(ORDER))
    draws = (words >> np.uint64(64 - TOTAL.bit_length() + 1)).astype(np.int64)
    records = np.zeros(int(n), DTYPE)
    for column, name in enumerate(ORDER):
        ends = np.cumsum(frequencies(name), axis=-1)[tuple(records[parent] for parent in parents(name))]
        records[name] = (draws[:, column, None] >= ends).sum(axis=-1)
    return records


def bits(records) -> np.ndarray:
    """Ideal code length of each record, -log2 p, float64 (n,)."""
    records = check(records)
    total = np.zeros(len(records))
    for name in FACTORS:
        index = (*(records[parent] for parent in parents(name)), records[name])
        total -= np.log2(frequencies(name)[index] / TOTAL)
    return total


def joint(wanted: tuple[str, ...]) -> np.ndarray:
    """Joint probabilities of some factors, float64, axes in the order given."""
    if not wanted:
        return np.ones(())
    needed = set(wanted)
    for name in reversed(ORDER):
        if name in needed:
            needed.update(parents(name))
    axis = {name: number for number, name in enumerate(name for name in ORDER if name in needed)}
    terms = []
    for name in axis:
        terms += [frequencies(name) / TOTAL, [axis[each] for each in (*parents(name), name)]]
    return np.einsum(*terms, [axis[name] for name in wanted], optimize="greedy")


@functools.cache
def marginal(name: str) -> np.ndarray:
    """Probability of each level of one factor, float64, summed over everything it depends on."""
    probabilities = joint((name,))
    probabilities.flags.writeable = False
    return probabilities


@functools.cache
def conditional_entropy_bits(name: str) -> float:
    """H(factor | parents) in bits: the entropy of each row of its table, weighted by the parents' joint."""
    conditional = frequencies(name) / TOTAL
    rows = -(conditional * np.log2(conditional)).sum(axis=-1)
    return float((joint(parents(name)) * rows).sum())


@functools.cache
def entropy_bits() -> float:
    """Entropy of a record in bits, exact: the sum over factors of H(factor | parents), by the chain rule."""
    return math.fsum(conditional_entropy_bits(name) for name in FACTORS)


def describe(record) -> dict[str, str]:
    """One record in words: factor -> name of its level."""
    records = check(record)
    if len(records) != 1:
        raise errors.ImageError(f"describe takes one record, not {len(records)}; index them first")
    return {name: levels[int(records[name][0])] for name, levels in FACTORS.items()}
