"""The exact coder against an independent one on fractions, and its promises: lossless, and one bit over the ideal."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elic_tf.coding.arithmetic import PRECISION, Decoder, Encoder, Exhausted
from elic_tf.coding.tables import cumulative, frequencies

TOTAL = 1 << PRECISION


@st.composite
def messages(draw, largest=60):
    """Symbols, each with its own table, some of them very skewed."""
    count = draw(st.integers(0, largest))
    tables, symbols = [], []
    for _ in range(count):
        weights = draw(st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any))
        table = cumulative(frequencies(weights))
        tables.append(table)
        symbols.append(draw(st.integers(0, len(table) - 2)))
    return symbols, tables


def encode(symbols, tables):
    encoder = Encoder()
    for symbol, table in zip(symbols, tables):
        encoder.put(symbol, table)
    return encoder.finish()


def interval(symbols, tables):
    low, width = Fraction(0), Fraction(1)
    for symbol, table in zip(symbols, tables):
        low += width * Fraction(table[symbol], TOTAL)
        width *= Fraction(table[symbol + 1] - table[symbol], TOTAL)
    return low, width


@settings(max_examples=200, deadline=None)
@given(messages())
def test_decoding_gives_back_the_symbols(message):
    symbols, tables = message
    decoder = Decoder(encode(symbols, tables))
    assert [decoder.get(table) for table in tables] == symbols


@settings(max_examples=200, deadline=None)
@given(messages(largest=20))
def test_code_is_the_shortest_in_the_interval_of_fractions(message):
    symbols, tables = message
    low, width = interval(symbols, tables)
    code = encode(symbols, tables)
    for size in range(len(code) + 1):
        # The smallest fraction of that many bytes not below the interval.
        value = -(-low.numerator * 256**size // low.denominator)
        inside = Fraction(value, 256**size) < low + width
        assert inside == (size == len(code))
    assert code == value.to_bytes(len(code), "big")


def test_mean_cost_is_the_ideal_and_the_rounding_to_bytes():
    random = np.random.default_rng(0)
    excess = []
    for _ in range(300):
        tables = [cumulative(frequencies(random.dirichlet(np.full(9, 0.4)))) for _ in range(40)]
        draws = random.integers(0, TOTAL, 40)
        symbols = [int(np.searchsorted(table, draw, "right")) - 1 for table, draw in zip(tables, draws)]
        ideal = sum(-np.log2((t[s + 1] - t[s]) / TOTAL) for t, s in zip(tables, symbols))
        bits = 8 * len(encode(symbols, tables))
        assert bits < ideal + 9
        excess.append(bits - ideal)
    assert 2 < np.mean(excess) < 5


def test_certain_symbols_cost_nothing():
    assert encode([0] * 1000, [[0, TOTAL]] * 1000) == b""


@settings(max_examples=100, deadline=None)
@given(messages(), st.integers(0, 20), st.binary(max_size=6))
def test_a_cut_code_gives_a_prefix_whatever_is_missing(message, keep, tail):
    symbols, tables = message
    code = encode(symbols, tables)[:keep]
    decoder = Decoder(code, cut=True)
    seen = []
    try:
        for table in tables:
            seen.append(decoder.get(table))
    except Exhausted:
        pass
    assert seen == symbols[: len(seen)]
    # What it did determine holds for every continuation, not only for the true one.
    other = Decoder(code + tail)
    assert [other.get(table) for table in tables[: len(seen)]] == seen


def test_a_cut_code_determines_all_it_can():
    """With one-byte symbols, n bytes are n symbols, neither more nor fewer."""
    table = list(range(0, TOTAL + 1, 256))
    symbols = [7, 0, 255, 128, 1]
    code = encode(symbols, [table] * 5)
    for keep in range(5):
        decoder = Decoder(code[:keep], cut=True)
        assert [decoder.get(table) for _ in range(keep)] == symbols[:keep]
        with pytest.raises(Exhausted):
            decoder.get(table)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.lists(st.integers(1, 5), min_size=1, max_size=30))
def test_any_bytes_decode_to_symbols_of_the_tables(code, sizes):
    decoder = Decoder(code)
    for size in sizes:
        assert 0 <= decoder.get(cumulative(frequencies([1] * size))) < size
