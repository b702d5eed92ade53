"""Integer tables: exact sums, nothing impossible, and close to the probabilities they came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elic_tf.coding.tables import TOTAL, Bank, code_lengths, cumulative, frequencies


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=300).filter(lambda p: sum(p) > 1e-3))
def test_frequencies_sum_exactly_and_are_never_zero(probabilities):
    freqs = frequencies(probabilities)
    assert freqs.sum() == TOTAL
    assert freqs.min() >= 1
    assert cumulative(freqs)[-1] == TOTAL


def test_rounding_costs_next_to_nothing():
    random = np.random.default_rng(1)
    for _ in range(50):
        p = random.dirichlet(np.full(100, 0.1))
        cost = p @ code_lengths(frequencies(p))
        entropy = -(p[p > 0] @ np.log2(p[p > 0]))
        assert 0 <= cost - entropy < 0.01


def test_as_many_symbols_as_units_get_one_each():
    assert (frequencies(np.random.default_rng(0).random(TOTAL)) == 1).all()


@pytest.mark.parametrize("bad", [[], [0, 0], [-1, 2], [np.nan, 1], [np.inf, 1], [[0.5, 0.5]]])
def test_bad_probabilities_are_refused(bad):
    with pytest.raises(ValueError):
        frequencies(bad)


@pytest.mark.parametrize("bad", [[TOTAL - 1], [0, TOTAL], [TOTAL, 1]])
def test_bad_frequencies_are_refused(bad):
    with pytest.raises(ValueError):
        cumulative(bad)


def test_bank_rows_and_lengths_agree():
    rows = [frequencies([1, 2, 1]), frequencies([1]), frequencies([1, 5, 90, 5, 1])]
    bank = Bank.from_rows(rows)
    assert len(bank) == 3
    assert bank.limits.tolist() == [1, 0, 2]
    for row, back in zip(rows, bank.rows):
        np.testing.assert_array_equal(row, back)
    np.testing.assert_allclose(bank.lengths[0], [np.inf, 2, 1, 2, np.inf], atol=1e-3)
    np.testing.assert_allclose(bank.lengths[1], [np.inf, np.inf, 0, np.inf, np.inf])
    assert np.isfinite(bank.lengths[2]).all()


def test_bank_of_wrong_length_is_refused():
    with pytest.raises(ValueError):
        Bank(np.ones(4, np.int32), np.array([1]))
