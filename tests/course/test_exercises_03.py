"""The checks of lesson 03: each accepts right solutions, and rejects plausible mistakes by their names."""

from bisect import bisect_left, bisect_right
from fractions import Fraction

import numpy as np
import pytest

from elic_tf.coding import arithmetic, tables
from elic_tf.course import checks

TOTAL = 2**16


def floored(p):
    return np.floor(p * TOTAL).astype(int)


def at_least_one(p):
    return np.maximum(1, np.round(p * TOTAL)).astype(int)


def rest_to_the_first(p):
    f = np.maximum(1, np.floor(p * TOTAL)).astype(int)
    f[0] += TOTAL - f.sum()
    return f


def rounded_rest_to_the_first(p):
    f = at_least_one(p)
    f[0] += TOTAL - f.sum()
    return f


def floats(p):
    return np.maximum(1, p * TOTAL)


def below_the_end(value, end, scale, total):
    return value * total < end * scale


def first_fraction(low, width, shift, enough=below_the_end):
    """The right way, with what is enough as an argument."""
    for size in range(shift // 8 + 3):
        scale, total = 2 ** (8 * size), 2**shift
        value = -(-low * scale // total)
        if enough(value, low + width, scale, total):
            return value.to_bytes(size + (value >= scale), "big")
    raise AssertionError("nothing was enough")


def rounded_down(low, width, shift):
    for size in range(shift // 8 + 2):
        value = low * 2 ** (8 * size) // 2**shift
        if value * 2**shift < (low + width) * 2 ** (8 * size):
            return value.to_bytes(size, "big")
    return b""


def end_included(low, width, shift):
    return first_fraction(low, width, shift, lambda value, end, scale, total: value * total <= end * scale)


def whole_byte_inside(low, width, shift):
    """Shannon, Fano, Elias: every continuation of the code is inside, too."""
    return first_fraction(low, width, shift, lambda value, end, scale, total: (value + 1) * total <= end * scale)


def from_one_byte(low, width, shift):
    code = first_fraction(low, width, shift)
    return code or b"\0"


def without_leading_zeros(low, width, shift):
    return first_fraction(low, width, shift).lstrip(b"\0")


def decoder(find=bisect_right, less=1, narrow=True, number=int):
    """A decoder with a mistake to choose."""

    def decode(code, cumulatives):
        value, scale = int.from_bytes(code, "big"), 2 ** (8 * len(code))
        low, width, shift, symbols = 0, 1, 0, []
        for table in cumulatives:
            if number is float:
                position = int((value / scale - low) / width * TOTAL) if width else 0
            else:
                position = (value * 2**shift - low * scale) * TOTAL // (width * scale)
            symbol = find(table, position) - less
            symbols.append(symbol)
            start, end = table[min(symbol, len(table) - 2)], table[min(symbol, len(table) - 2) + 1]
            if narrow and number is float:
                low, width = low + width * start / TOTAL, width * (end - start) / TOTAL
            elif narrow:
                low, width, shift = low * TOTAL + width * start, width * (end - start), shift + 16
        return symbols

    return decode


def chosen(u, lengths, weight, power=2, by_bits=True, pick=np.argmin, shifted=True):
    """The right way, with mistakes to choose."""
    values = np.arange(lengths.shape[1]) - lengths.shape[1] // 2
    error = np.abs(u[:, :, None] - values) ** power
    column = pick(error + weight * lengths if by_bits else weight * error + lengths, axis=2)
    return values[column] if shifted else column


WRONG = {
    "03.frequencies": [
        (floored, "should be at least 1"),
        (at_least_one, "should be exactly 65536"),
        (rest_to_the_first, "matters least"),
        (rounded_rest_to_the_first, "should be at least 1"),
        (floats, "should be integers"),
        (lambda p: print(end=""), "`return` missing"),
    ],
    "03.narrow": [
        (lambda low, width, start, f: (low + width * start, width * f), "low over the old denominator"),
        (lambda low, width, start, f: (low + width * start / TOTAL, width * f / TOTAL), "no whole number"),
        (lambda low, width, start, f: (low * TOTAL + start, width * f), "multiplied by the width"),
        (lambda low, width, start, f: (low * TOTAL + width * start, width * (start + f)), "the end of the share"),
        (lambda low, width, start, f: (int(float(low) * TOTAL) + width * start, width * f), "digits"),
        (lambda low, width, start, f: low * TOTAL + width * start, "should be (low, width)"),
    ],
    "03.shortest": [
        (rounded_down, "not down"),
        (end_included, "below the end"),
        (whole_byte_inside, "a byte too long"),
        (from_one_byte, "a byte too long"),
        (without_leading_zeros, "leading zeros"),
        (lambda *interval: first_fraction(*interval)[::-1], "the wrong end"),
        (lambda low, width, shift: low, "should be bytes"),
    ],
    "03.decode": [
        (decoder(less=0), "one too many"),
        (decoder(narrow=False), "never narrowed"),
        (decoder(find=bisect_left), "the wrong side"),
        (decoder(number=float), "is the first wrong one"),
        (lambda code, cumulatives: decoder()(code, cumulatives)[:-1], "one for each table"),
    ],
    "03.quantise": [
        (lambda u, lengths, weight: np.round(u).astype(int), "whatever it costs"),
        (lambda u, lengths, weight: chosen(u, lengths, weight, shifted=False), "the column"),
        (lambda u, lengths, weight: chosen(u, lengths, weight, by_bits=False), "the wrong term"),
        (lambda u, lengths, weight: chosen(u, lengths, weight, power=1), "absolute"),
        (lambda u, lengths, weight: chosen(u, lengths, weight, pick=np.argmax), "the dearest"),
        (lambda u, lengths, weight: chosen(u, lengths[[0] * len(lengths)], weight), "the first latent"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_03_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("03")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    checks.accepts("03.frequencies", tables.frequencies)  # the library's, which this lesson leads to
    checks.accepts("03.narrow", lambda low, width, start, f: [(low << 16) + width * start, f * width])
    checks.accepts("03.shortest", first_fraction)
    checks.accepts("03.decode", decoder())

    def with_fractions(low, width, shift):
        low, end = Fraction(low, 2**shift), Fraction(low + width, 2**shift)
        size = next(n for n in range(shift) if Fraction(-(-low * 256**n // 1), 256**n) < end) if shift else 0
        return int(-(-low * 256**size // 1)).to_bytes(size, "big")

    def of_library(code, cumulatives):
        reader = arithmetic.Decoder(code)
        return np.array([reader.get(table) for table in cumulatives])

    def three_candidates(u, lengths, weight):
        """As `elic_tf.coding.rate.quantise`: the nearest integer, the one nearer to zero, and zero."""
        middle, rows = lengths.shape[1] // 2, np.arange(u.shape[1])
        near = np.clip(np.round(u), -middle, middle)
        while (impossible := ~np.isfinite(lengths[rows, near.astype(int) + middle])).any():
            near = np.where(impossible, near - np.sign(near), near)
        tried = np.stack([near, near - np.sign(near), 0 * near]).astype(int)
        cost = (u - tried) ** 2 + weight * lengths[rows, tried + middle]
        return np.take_along_axis(tried, cost.argmin(0)[None], 0)[0]

    checks.accepts("03.shortest", with_fractions)
    checks.accepts("03.decode", of_library)
    checks.accepts("03.quantise", three_candidates)
