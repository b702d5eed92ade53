"""Spending bits: never too many, and as well as can be checked by brute force."""

import itertools

import numpy as np
import pytest

from elic_tf import weights
from elic_tf.coding import rate


@pytest.fixture(scope="module")
def code():
    return weights.load("klt").code


@pytest.fixture(scope="module")
def latents(code):
    random = np.random.default_rng(4)
    return (random.normal(size=(12, len(code.scales))) * 2.0 ** (code.scales / 8)).astype(np.float32)


def test_quantise_reports_the_bits_and_the_error_of_its_symbols(code, latents):
    symbols, bits, error = rate.quantise(code, latents, 20, np.full(len(latents), rate.WEIGHT))
    for row, cost in zip(symbols, bits):
        assert code.bits(20, row) == pytest.approx(cost, abs=0.01)
    decoded = code.dequantise(np.full(len(latents), 20), symbols)
    np.testing.assert_allclose(error, np.square(latents - decoded).sum(1), rtol=1e-4)


def test_each_integer_is_the_cheapest_of_all(code, latents):
    """Every integer of the table tried for every latent, not only the neighbours."""
    level, weight = 26, 0.2
    symbols, _, _ = rate.quantise(code, latents[:2], level, np.full(2, weight))
    step, worse = code.step(level), 0
    for face, k in itertools.product(range(2), range(0, 150, 3)):
        row = code.rows[level, k]
        if row < 0:
            continue
        values = np.arange(-code.bank.limits[row], code.bank.limits[row] + 1)
        shrink = code.centroids[row][np.clip(np.abs(values), 1, 3) - 1] * (values != 0)
        decoded = np.sign(values) * np.maximum(np.abs(values) - shrink, 0)
        middle = code.bank.lengths.shape[1] // 2
        cost = np.square(latents[face, k] / step - decoded) + weight * code.bank.lengths[row, middle + values]
        chosen = cost[values == symbols[face, k]][0]
        worse += chosen > cost.min() * (1 + 1e-4) + 1e-4
    assert worse == 0


@pytest.mark.parametrize("budget", [20, 60, 250, 1000, 4000])
def test_spend_stays_within_the_budget_and_uses_it(code, latents, budget):
    levels, symbols = rate.spend(code, latents, budget)
    bits = np.array([code.bits(level, row) for level, row in zip(levels, symbols)])
    assert (bits <= budget + 0.01).all()
    assert bits.mean() > budget - max(6, 0.02 * budget)


def test_spend_beats_every_level_at_home(code, latents):
    """Bisecting at several levels is better than taking the finest level whose plain quantisation fits."""
    budget = 300
    levels, symbols = rate.spend(code, latents, budget)
    spent = np.square(latents - code.dequantise(levels, symbols)).sum(1)
    best = np.full(len(latents), np.inf)
    for level in range(code.levels):
        _, bits, error = rate.quantise(code, latents, level, np.full(len(latents), rate.WEIGHT))
        best = np.where(bits <= budget, np.minimum(best, error), best)
    assert (spent <= best * 1.0001).all()


def test_a_budget_below_every_code_gives_the_empty_face(code, latents):
    _, symbols = rate.spend(code, latents[:2], 1)
    assert not symbols.any()


def test_each_face_may_have_its_own_budget(code, latents):
    budgets = np.linspace(40, 400, len(latents))
    levels, symbols = rate.spend(code, latents, budgets)
    for level, row, budget in zip(levels, symbols, budgets):
        assert code.bits(level, row) <= budget + 0.01
