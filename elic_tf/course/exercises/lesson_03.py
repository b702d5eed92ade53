"""Lesson 03: integer tables, the interval step, the shortest code, the decoder, and which integer to choose."""

from bisect import bisect_right

import numpy as np

from elic_tf.coding import arithmetic
from elic_tf.course.checks import Wrong, check, expect

TOTAL = 2**16


def frequencies(p):
    """Round probabilities (m,) to integers (m,) that are at least 1 and sum to 2**16."""
    f = np.maximum(1, np.floor(p * TOTAL)).astype(int)
    f[np.argmax(p)] += TOTAL - f.sum()
    return f


@check(
    "03.frequencies",
    "Probabilities as integer frequencies",
    reference=frequencies,
    hints=(
        "`np.floor(p * 2**16)` is nearly there. Which two demands does it miss?",
        "`np.maximum(1, ...)` keeps every symbol possible. The sum is then off by a few units.",
        "A unit more or less changes a price by about 1 / (f ln 2) bits: it matters least where f is large.",
    ),
)
def _(student):
    _table(student, "probabilities [1/2, 1/4, 1/4]", np.array([0.5, 0.25, 0.25]))
    _table(student, "probabilities [0.6, 0.4, 2e-7, 1e-7]", np.array([0.6 - 3e-7, 0.4, 2e-7, 1e-7]))
    _table(student, "probabilities [1/3, 1/3, 1/3]", np.full(3, 1 / 3))
    bell = np.exp(-np.square(np.arange(-40, 41) / 12.0) / 2)
    _table(student, "a bell of 81 probabilities", bell / bell.sum())
    _table(student, "probabilities [1e-7, 2e-7, 0.4, 0.6]", np.array([1e-7, 2e-7, 0.4, 0.6 - 3e-7]))


def _table(student, what, p):
    """Raise `Wrong` unless the student's table for p is a table, and costs hardly more than p itself."""
    got = np.asarray(_some(what, student(p.copy())))
    if got.shape != p.shape:
        raise Wrong(f"{what}: got an array of shape {got.shape}, should be {p.shape}: one frequency for each symbol")
    if got.dtype.kind not in "iu":
        raise Wrong(f"{what}: got numbers of type {got.dtype}, should be integers; see `.astype(int)`")
    if got.min() < 1:
        raise Wrong(f"{what}: got a smallest frequency of {got.min()}, should be at least 1, or it cannot be coded")
    if got.sum() != TOTAL:
        raise Wrong(f"{what}: got a sum of {got.sum()}, should be exactly {TOTAL}")
    extra = float(np.sum(p * (np.log2(p) - np.log2(got / TOTAL))))
    if extra > 1e-4:
        raise Wrong(
            f"{what}: got {extra:.5f} bits per symbol more than with p itself, should be under 0.0001; "
            "take or give what rounding leaves over where it matters least"
        )


def narrow(low, width, start, frequency):
    """Keep the share of one symbol; (low, width) as numerators over a denominator 2**16 times as large."""
    return low * TOTAL + width * start, width * frequency


@check(
    "03.narrow",
    "The interval step of arithmetic coding",
    reference=narrow,
    hints=(
        "Take the two formulas and multiply both sides by the new denominator, 2**(shift + 16).",
        "low / 2**shift is low * 2**16 / 2**(shift + 16). And width * start / 2**16 / 2**shift?",
    ),
)
def _(student):
    what = "[1/4, 3/4) = (1, 2) over 2**2, a share from 16384 with frequency 8192"
    likely = {
        "with low over the old denominator: multiply it by 2**16": (1 + 2 * 16384, 2 * 8192),
        "without the old low": (2 * 16384, 2 * 8192),
        "with the share of the whole of [0, 1): the start has to be multiplied by the width": (TOTAL + 16384, 2 * 8192),
        "over the old denominator, where it is no whole number in general": (1.5, 0.25),
        "with the end of the share for its width": (TOTAL + 2 * 16384, 2 * (16384 + 8192)),
    }
    _pair(what, student(1, 2, 16384, 8192), (TOTAL + 2 * 16384, 2 * 8192), likely)
    low, width = 3**200, 5**120
    _pair("an interval with numbers of 300 bits", student(low, width, 777, 4242), narrow(low, width, 777, 4242), {})


def _pair(what, got, wanted, likely):
    """Raise `Wrong` unless `got` is the two integers `wanted`, exactly."""
    got = _some(what, got)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise Wrong(f"{what}: got {type(got).__name__}, should be (low, width)")
    for mistake, value in likely.items():
        if tuple(got) == value:
            raise Wrong(f"{what}: got {got[0]}, {got[1]}, should be {wanted[0]}, {wanted[1]}; yours is {mistake}")
    if any(isinstance(number, float | np.floating) for number in got):
        raise Wrong(f"{what}: got floats, should be Python integers; floats forget digits, so do not divide")
    if tuple(got) != wanted:
        names = [name for name, a, b in zip(("low", "width"), got, wanted) if a != b]
        values = "; ".join(f"{name} {_short(got[name == 'width'])}, should be {_short(wanted[name == 'width'])}"
                           for name in names)  # fmt: skip
        raise Wrong(f"{what}: got {values}")


def _short(number):
    text = str(number)
    return text if len(text) <= 12 else f"{text[:6]}…{text[-4:]} ({len(text)} digits)"


def shortest(low, width, shift):
    """The fewest bytes whose fraction lies in [low, low + width) / 2**shift; of those, the smallest value."""
    size = 0
    while True:
        value = -(-low * 2 ** (8 * size) // 2**shift)
        if value * 2**shift < (low + width) * 2 ** (8 * size):
            return value.to_bytes(size, "big")
        size += 1


@check(
    "03.shortest",
    "The fewest bytes that lie in an interval",
    reference=shortest,
    hints=(
        "Try n = 0, 1, 2, ... bytes. For no bytes at all the fraction is 0.",
        "low / 2**shift, rounded up to n bytes: -(-low * 2**(8 * n) // 2**shift).",
        "It lies inside if value * 2**shift < (low + width) * 2**(8 * n). Then: value.to_bytes(n, 'big').",
    ),
)
def _(student):
    _bytes("the interval [0, 1)", student, (0, 1, 0), {b"\0": "a byte too long: the file without bytes is 0, inside"})
    likely = {
        b"": "0, which is below low: round low up, not down",
        b"\x3f": "the byte below low: round up, not down",
        b"\x40\0": "longer than needed",
        b"\xc0": "the end, which is outside",
        b"\x80": "in the middle; we want the smallest",
    }
    _bytes("the interval [1/4, 3/4)", student, (1, 2, 2), likely)
    likely = {
        b"\x01": "a fraction of 1/256, where the interval ends: it has to lie below the end",
        b"\0\x80\0": "longer than needed",
        b"\x80\0": "the right bytes from the wrong end: to_bytes(n, 'big')",
        b"\x80": "0.5: leading zeros are needed, so give to_bytes the number of bytes",
    }
    _bytes("the interval [1/512, 1/256)", student, (1, 1, 9), likely)
    likely = {b"\x80\0": "a byte too long: need not all continuations of the bytes be inside, as the file has an end"}
    _bytes("the interval [1/2, 1/2 + 1/1024)", student, (512, 1, 10), likely)
    low, width = 7**150 * 2**16, 3**100
    _bytes("an interval of 300 bits", student, (low, width, 480), {})


def _bytes(what, student, interval, likely):
    got, wanted = _some(what, student(*interval)), shortest(*interval)
    if not isinstance(got, bytes | bytearray):
        raise Wrong(f"{what}: got {type(got).__name__}, should be bytes; see int.to_bytes")
    if got != wanted:
        values = f"got {_hex(got)}, should be {_hex(wanted)}"
        said = f"; yours is {likely[bytes(got)]}" if bytes(got) in likely else ""
        raise Wrong(f"{what}: {values}{said}")


def _hex(code):
    text = f"{code[:6].hex(' ')}{' …' * (len(code) > 6)}" or "none"
    return f"{len(code)} byte{'s' * (len(code) != 1)} ({text})"


def decode(code, cumulatives):
    """The symbols (list of int) of a code (bytes), given its tables [0, f0, f0 + f1, ..., 2**16]."""
    value, scale = int.from_bytes(code, "big"), 2 ** (8 * len(code))
    low, width, shift, symbols = 0, 1, 0, []
    for table in cumulatives:
        position = (value * 2**shift - low * scale) * TOTAL // (width * scale)
        symbols.append(bisect_right(table, position) - 1)
        start, end = table[symbols[-1]], table[symbols[-1] + 1]
        low, width, shift = low * TOTAL + width * start, width * (end - start), shift + 16
    return symbols


@check(
    "03.decode",
    "The arithmetic decoder",
    reference=decode,
    hints=(
        "Begin as the encoder did, with low, width, shift = 0, 1, 0, and value = int.from_bytes(code, 'big').",
        "With scale = 2**(8 n): position = (value * 2**shift - low * scale) * 2**16 // (width * scale).",
        "After each symbol: narrow(low, width, start, frequency), and shift += 16.",
    ),
)
def _(student):
    quarter = [0, 49152, 65536]
    likely = {"one too many: bisect_right gives the place behind the symbol": [1]}
    _symbols("the code 80 (0.5), one symbol with P(0) = 3/4", student(b"\x80", [quarter]), [0], likely)
    likely = {"the wrong side: the share of 1 begins there, so it is 1": [0]}
    _symbols("the code c0 (0.75), one symbol with P(0) = 3/4", student(b"\xc0", [quarter]), [1], likely)
    what = "the code a5, five symbols with P(0) = 3/4"
    likely = {"what you get if the interval is never narrowed, or shift never grows": [0] * 5}
    _symbols(what, student(b"\xa5", [quarter] * 5), [0, 1, 0, 0, 1], likely)
    _symbols("no bytes, three symbols with P(0) = 3/4", student(b"", [quarter] * 3), [0, 0, 0], {})
    random = np.random.default_rng(0)
    cumulatives = [[0, *np.cumsum(frequencies(p)).tolist()] for p in random.dirichlet(np.full(5, 0.5), 200)]
    sent = random.integers(0, 5, 200).tolist()
    encoder = arithmetic.Encoder()
    for symbol, table in zip(sent, cumulatives):
        encoder.put(symbol, table)
    _symbols("200 symbols of 5 kinds", student(encoder.finish(), cumulatives), sent, {})


def _symbols(what, got, wanted, likely):
    got = [int(symbol) for symbol in _some(what, got)]
    if len(got) != len(wanted):
        raise Wrong(f"{what}: got {len(got)} symbols, should be {len(wanted)}, one for each table")
    if got == wanted:
        return
    for mistake, value in likely.items():
        if got == value:
            raise Wrong(f"{what}: got {got}, should be {wanted}; this is {mistake}")
    at = next(i for i, (a, b) in enumerate(zip(got, wanted)) if a != b)
    raise Wrong(f"{what}: symbol {at + 1} is the first wrong one: got {got[at]}, should be {wanted[at]}")


def quantise(u, lengths, weight):
    """Integers (n, K) of least cost (u - k)**2 + weight * lengths[:, k]; lengths: (K, 2 * L + 1) for -L ... L."""
    values = np.arange(lengths.shape[1]) - lengths.shape[1] // 2
    cost = (u[:, :, None] - values) ** 2 + weight * lengths
    return values[np.argmin(cost, axis=2)]


@check(
    "03.quantise",
    "Rate-distortion optimised quantisation",
    reference=quantise,
    hints=(
        "The integers to try are np.arange(-L, L + 1), with L = lengths.shape[1] // 2.",
        "u[:, :, None] - values has shape (n, K, 2 * L + 1), and lengths (K, 2 * L + 1) fits it by broadcasting.",
        "np.argmin gives the column, not yet the integer: values[column].",
    ),
)
def _(student):
    lengths = np.array([[6.0, 3.0, 0.5, 3.0, 6.0], [4.0, 2.5, 1.0, 2.5, 4.0]])
    u = np.array([[0.6, 0.6], [-1.4, 1.9], [0.9, -0.4]])
    what = "three faces of two latents, weight 0.12"
    wanted = quantise(u, lengths, 0.12)
    values = np.arange(-2, 3)
    squared = (u[:, :, None] - values) ** 2
    likely = {
        "rounded to the nearest, whatever it costs": np.round(u),
        "the column of the table, not the integer in it": wanted + 2,
        "with the weight at the wrong term: it multiplies the bits": values[np.argmin(0.12 * squared + lengths, 2)],
        "the dearest one; take the least": values[np.argmax(squared + 0.12 * lengths, 2)],
        "with the bits of the first latent for all": quantise(u, lengths[[0, 0]], 0.12),
    }
    expect(what, student(u.copy(), lengths.copy(), 0.12), wanted, likely=likely)
    random = np.random.default_rng(3)
    lengths = np.abs(np.arange(-4, 5)) * random.uniform(0.5, 2, (6, 1)) + 0.3
    lengths[:3, [0, 1, 7, 8]] = np.inf
    u = random.normal(0, 2, (5, 6))
    got, wanted = student(u.copy(), lengths.copy(), 0.8), quantise(u, lengths, 0.8)
    error = np.abs(u[:, :, None] - np.arange(-4, 5))
    likely = {"with the absolute, not the squared error": np.argmin(error + 0.8 * lengths, 2) - 4}
    expect("five faces of six latents, some integers impossible, weight 0.8", got, wanted, likely=likely)


def _some(what, got):
    if got is None:
        raise Wrong(f"{what}: your function returned nothing; is a `return` missing?")
    return got
