"""Train, validation and test, decided by a hash: the same on every machine, in every copy of a set."""

import hashlib

import numpy as np

from elic_tf.errors import DataError

FRACTIONS = {"train": 0.8, "validation": 0.1, "test": 0.1}


def position(key: str) -> float:
    """A stable number in [0, 1) for `key`: the first 8 bytes of its SHA-256."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64


def assign(keys, fractions=None) -> np.ndarray:
    """The split name of each key, in the order and proportions of `fractions` (default 80/10/10).

    Keys of the same person must be equal: then no person is in two splits. Adding or removing keys moves no
        other.
    """
    fractions = FRACTIONS if fractions is None else fractions
    if not fractions or any(part < 0 for part in fractions.values()) or abs(sum(fractions.values()) - 1) > 1e-9:
        raise DataError(f"split fractions must be at least 0 and sum to 1, got {fractions}")
    ends = np.cumsum(list(fractions.values()))
    ends[-1] = 1.0
    places = {key: position(key) for key in dict.fromkeys(keys)}
    numbers = np.searchsorted(ends, [places[key] for key in keys], side="right")
    return np.array(list(fractions))[numbers]


def select(keys, split: str, fractions=None) -> np.ndarray:
    """Boolean mask, shape (n,): which keys belong to `split` ("all": every one)."""
    fractions = FRACTIONS if fractions is None else fractions
    if split == "all":
        return np.ones(len(keys), bool)
    if split not in fractions:
        raise DataError(f"there is no split {split!r}; choose one of {', '.join(fractions)}, all")
    return assign(keys, fractions) == split
