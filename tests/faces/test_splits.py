import hashlib

import numpy as np
import pytest

from elic_tf.errors import DataError
from elic_tf.faces import splits


def test_the_rule_is_the_documented_hash():
    keys = [f"celeba:{i}" for i in range(2000)]
    places = [int(hashlib.sha256(key.encode()).hexdigest()[:16], 16) / 2**64 for key in keys]
    expected = ["train" if place < 0.8 else "validation" if place < 0.9 else "test" for place in places]
    assert splits.assign(keys).tolist() == expected


def test_proportions_and_partition():
    keys = [f"celeba:{i}" for i in range(10_000)]
    masks = [splits.select(keys, name) for name in ("train", "validation", "test")]
    assert np.all(np.sum(masks, axis=0) == 1)
    np.testing.assert_allclose([mask.mean() for mask in masks], [0.8, 0.1, 0.1], atol=0.01)
    assert splits.select(keys, "all").all()


def test_other_keys_change_nothing():
    keys = [f"celeba:{i}" for i in range(100)]
    assert splits.assign(keys[::3]).tolist() == splits.assign(keys)[::3].tolist()


def test_own_fractions():
    keys = list(map(str, range(1000)))
    assert set(splits.assign(keys, {"a": 0.5, "b": 0.0, "c": 0.5})) == {"a", "c"}


@pytest.mark.parametrize("fractions", [{}, {"train": 0.5}, {"train": 1.5, "test": -0.5}])
def test_impossible_fractions_are_refused(fractions):
    with pytest.raises(DataError, match="sum to 1"):
        splits.assign(["a"], fractions)


def test_an_unknown_split_names_the_known_ones():
    with pytest.raises(DataError, match="train, validation, test, all"):
        splits.select(["a"], "valid")
