"""Latents to bytes and back, on a small code made here."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elic_tf.coding.latent_code import LatentCode
from elic_tf.coding.tables import Bank, frequencies
from elic_tf.errors import DamagedError


@pytest.fixture(scope="module")
def code():
    """16 latents, three steps, two shifts; two-sided geometric tables."""
    rows = []
    for row in range(40):
        sigma = 2.0 ** ((row - 8) / 8)
        limit = int(4 * sigma) + 1
        rows.append(frequencies(np.exp(-np.abs(np.arange(-limit, limit + 1)) / sigma)))
    return LatentCode(
        bank=Bank.from_rows(rows),
        scales=np.arange(24, -8, -2),
        steps=np.array([8, 4, 0]),
        shifts=np.array([0, 3]),
        level_freqs=frequencies([4, 2, 4, 2, 2, 1]),
        first_ratio=-8,
        centroids=np.full((40, 3), 0.1, np.float32),
    )


def draw(code, level, seed):
    random = np.random.default_rng(seed)
    rows = code.rows[level]
    limits = np.where(rows >= 0, code.bank.limits[rows], 0)
    return np.clip(np.rint(random.normal(size=len(rows)) * limits / 3), -limits, limits).astype(int)


@settings(max_examples=150, deadline=None)
@given(level=st.integers(0, 5), seed=st.integers(0, 10_000))
def test_round_trip_costs_what_bits_says(code, level, seed):
    symbols = draw(code, level, seed)
    written = code.write(level, symbols)
    back_level, back, known, side = code.read(written)
    assert (back_level, known, side) == (level, len(symbols), None)
    np.testing.assert_array_equal(back, symbols)
    assert 8 * len(written) <= code.bits(level, symbols) + 9


@settings(max_examples=50, deadline=None)
@given(level=st.integers(0, 5), seed=st.integers(0, 10_000), side=st.integers(0, 2))
def test_side_information_goes_before_all(code, level, seed, side):
    more = dataclasses.replace(code, side_freqs=frequencies([0.7, 0.25, 0.05]))
    symbols = draw(code, level, seed)
    written = more.write(level, symbols, side)
    read = more.read(written)
    assert (read.level, read.side, read.known) == (level, side, len(symbols))
    np.testing.assert_array_equal(read.symbols, symbols)
    cost = more.bits(level, symbols, side) - code.bits(level, symbols)
    assert cost == pytest.approx(-np.log2([0.7, 0.25, 0.05][side]), abs=1e-2)
    assert 8 * len(written) <= more.bits(level, symbols, side) + 9
    back = LatentCode.from_arrays(more.arrays())
    assert back.read(written).side == side


def test_rows_depend_on_the_ratio_of_scale_to_step_alone(code):
    """A latent with twice the scale at twice the step uses the same table."""
    coarse, fine = code.rows[0], code.rows[4]
    np.testing.assert_array_equal(coarse[:-4], fine[4:])


def test_latents_far_below_the_step_are_not_sent(code):
    assert (code.rows[0] < 0).any()
    assert (code.rows[4] >= 0).all()


@settings(max_examples=60, deadline=None)
@given(level=st.integers(0, 5), seed=st.integers(0, 10_000), keep=st.integers(0, 12))
def test_a_cut_code_reads_as_the_first_latents(code, level, seed, keep):
    symbols = draw(code, level, seed)
    written = code.write(level, symbols)
    try:
        back_level, back, known, _ = code.read(written[:keep], partial=True)
    except DamagedError as error:
        assert keep < 2 and "too little" in str(error)
        return
    assert back_level == level
    np.testing.assert_array_equal(back[:known], symbols[:known])
    assert not back[known:].any()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=20))
def test_every_face_has_one_spelling(code, data):
    """Bytes either decode to something that is written just so, or are called damaged."""
    try:
        level, symbols, *_ = code.read(data)
    except DamagedError:
        return
    assert code.write(level, symbols) == data


def test_dequantise_puts_latents_at_the_centroid_of_their_bin(code):
    latents = code.dequantise([4], np.array([[0, 1, -1, 2, -3] + [0] * 11]))
    np.testing.assert_allclose(latents[0, :5], [0, 0.9, -0.9, 1.9, -2.9], rtol=1e-6)
    assert code.step(0) == 2 * code.step(4) == 2


def test_bits_is_the_sum_of_code_lengths(code):
    symbols = draw(code, 2, 5)
    expected = -np.log2(code.level_freqs[2] / 65536)
    for row, symbol in zip(code.rows[2], symbols):
        if row >= 0:
            expected -= np.log2(code.bank.rows[row][symbol + code.bank.limits[row]] / 65536)
    assert code.bits(2, symbols) == pytest.approx(expected, abs=1e-3)
