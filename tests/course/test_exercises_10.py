"""The checks of lesson 10: each accepts right solutions, and rejects plausible mistakes by their names."""

import numpy as np
import pytest

from elic_tf.coding import container
from elic_tf.course import checks
from elic_tf.course.exercises import lesson_10
from elic_tf.course.exercises.lesson_10 import DIGITS, crc8
from elic_tf.errors import DamagedError, FileError, NotElicError, VersionError


def unsigned(frame, photo, weights):
    """Divides by the sum of u**2, which is 0 for a square."""
    w = weights / weights.sum()
    u, v = frame - w @ frame, photo - w @ photo
    a = w @ (np.conj(u) * v) / (w @ u**2)
    return a, w @ photo - a * (w @ frame)


def placed(weighted=True, centred=True, conjugate=True, mean="w", divide=True):
    """The reference with one step wrong."""

    def similarity(frame, photo, weights):
        w = weights / weights.sum() if divide else weights
        average = w if mean == "w" else np.ones(len(w)) / len(w)
        u, v = (frame - average @ frame, photo - average @ photo) if centred else (frame, photo)
        each = w if weighted else np.ones(len(w))
        a = each @ ((np.conj(u) if conjugate else u) * v) / (each @ np.abs(u) ** 2)
        return a, average @ photo - a * (average @ frame)

    return similarity


def remainder(start=0xFF, polynomial=0x12F, steps=8, mask=True, carry=True):
    """A division with a mistake to choose."""

    def divide(data):
        register = start
        for byte in data:
            register = register ^ byte if carry else start ^ byte
            for _ in range(steps):
                register = register << 1 ^ (polynomial if register & 0x80 else 0)
                register = register & 0xFF if mask else register
        return register

    return divide


def parser(checked=lambda first, code: bytes([len(code) & 0xFF, first]) + code, order="check first", swap=False):
    """A parser with a mistake to choose. checked: what its check speaks of."""

    def unpack(file):
        if len(file) < 2 or len(file) > 1024 or file[0] >> 4 == 0:
            raise NotElicError("not an .elic file")
        first, code = file[0], file[2:]
        if order == "version first" and first >> 4 > 1:
            raise VersionError("too new")
        if order != "no check" and file[1] != crc8(checked(first, code)):
            raise DamagedError("damaged")
        if first >> 4 > 1:
            raise VersionError("too new")
        return (first & 15, first >> 4, code) if swap else (first >> 4, first & 15, code)

    return unpack


def shifted_first(data):
    register = 0xFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register <<= 1
            if register & 0x80:
                register ^= 0x12F
    return register


def without_limits(file):
    first, code = file[0], file[2:]
    if file[1] != crc8(bytes([len(code) & 0xFF, first]) + code):
        raise DamagedError("damaged")
    return first >> 4, first & 15, code


def silent(file):
    try:
        return lesson_10.unpack(file)
    except FileError as error:
        raise type(error) from None


def text(order=1, endian="big", last=2, digits=DIGITS, drop_zeros=False):
    """Base 45 with a mistake to choose."""

    def base45(data):
        out = ""
        for i in range(0, len(data), 2):
            pair = data[i : i + 2]
            number, found = int.from_bytes(pair, endian), ""
            for _ in range(3 if len(pair) == 2 else last):
                number, digit = divmod(number, 45)
                found += digits[digit]
            out += (found.rstrip("0") if drop_zeros else found)[::order]
        return out

    return base45


def one_number(data):
    number, out = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 45)
        out += DIGITS[digit]
    return out


WRONG = {
    "10.similarity": [
        (placed(weighted=False), "none in a"),
        (placed(weighted=False, mean="plain"), "without the weights"),
        (placed(mean="plain"), "means that are not weighted"),
        (placed(centred=False), "not subtracted"),
        (placed(conjugate=False), "without the conjugate"),
        (placed(divide=False), "sum of the weights"),
        (lambda frame, photo, w: placed()(photo, frame, w), "the other way"),
        (lambda frame, photo, w: (placed()(frame, photo, w)[0], np.average(photo, weights=w)), "where the frame's 0"),
        (lambda frame, photo, w: placed()(frame, photo, w)[0], "should be (a, b)"),
        (unsigned, "np.abs(u)**2"),
        (lambda frame, photo, w: None, "`return` missing"),
    ],
    "10.crc8": [
        (remainder(start=0), "begin with 0xFF"),
        (remainder(polynomial=0x107), "another polynomial"),
        (remainder(steps=1), "eight for each byte"),
        (remainder(polynomial=0x2F, mask=False), "0x12F, which has nine bits"),
        (remainder(carry=False), "the last byte alone"),
        (shifted_first, "before the shift"),
        (lambda data: crc8(data) ^ 0xFF if len(data) > 1 else crc8(data), "inverted"),
        (lambda data: sum(data, 0xFF) & 0xFF, "eight steps"),
        (lambda data: bytes([crc8(data)]), "whole number"),
    ],
    "10.unpack": [
        (parser(order="version first"), "not even its version"),
        (parser(order="no check"), "should raise DamagedError"),
        (parser(lambda first, code: code), "what does your check speak of"),
        (parser(lambda first, code: bytes([first]) + code), "what does your check speak of"),
        (parser(lambda first, code: bytes([len(code) + 2 & 0xFF, first]) + code), "what does your check speak of"),
        (parser(swap=True), "version: got 4, should be 1"),
        (without_limits, "should raise NotElicError"),
        (lambda file: lesson_10.unpack(file)[::2], "should be (version, model, code)"),
        (silent, "says nothing"),
    ],
    "10.base45": [
        (text(order=-1), "counts least comes first"),
        (text(endian="little"), "256 times"),
        (text(last=3), "it takes two"),
        (text(last=0), "has no partner"),
        (text(drop_zeros=True), "three digits, always"),
        (text(digits="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 $%*+-./:"), "before numerals"),
        (one_number, "should be"),
        (lambda data: "".join(text()(bytes([b])) for b in data), "each byte alone"),
        (lambda data: [DIGITS.index(c) for c in text()(data)], "should be text"),
    ],
    "10.rightly_named": [
        (lambda h, f, n: h, "others are named too"),
        (lambda h, f, n: 1 - f, "false alarms"),
        (lambda h, f, n: h / (h + n * f), "among the strangers"),
        (lambda h, f, n: h / (h + f), "only once"),
        (lambda h, f, n: (n - 1) * f / (h + (n - 1) * f), "named wrongly"),
        (lambda h, f, n: 1 / (1 + (n - 1) * f), "always finds"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_10_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("10")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    checks.accepts("10.crc8", container.crc8)  # the library's, which this lesson leads to
    checks.accepts("10.crc8", remainder(polynomial=0x2F))
    checks.accepts("10.base45", text())

    def by_matrix(frame, photo, weights):
        """The same least squares, of real numbers."""
        rows = [[u.real, -u.imag, 1, 0] for u in frame] + [[u.imag, u.real, 0, 1] for u in frame]
        root = np.sqrt(np.concatenate([weights, weights]))
        wanted = np.concatenate([photo.real, photo.imag])
        (p, q, x, y), *_ = np.linalg.lstsq(np.array(rows) * root[:, None], wanted * root, rcond=None)
        return np.array([p + 1j * q, x + 1j * y])

    checks.accepts("10.similarity", by_matrix)

    def of_library(file):
        held = container.unpack(file)
        return [held.version, held.model, held.code]

    checks.accepts("10.unpack", of_library)
    checks.accepts("10.rightly_named", lambda h, f, n: 1 / (1 + (n - 1) * f / h))


def test_base_45_is_that_of_the_standards_example_and_of_the_package():
    assert lesson_10.base45(b"Hello!!") == "%69 VD92EX0"  # RFC 9285, 4.3
    base45 = pytest.importorskip("base45", reason='needs base45: pip install "elic_tf[qr]"')
    data = np.random.default_rng(1).integers(0, 256, 101, np.uint8).tobytes()
    assert lesson_10.base45(data) == base45.b45encode(data).decode()
    checks.accepts("10.base45", lambda data: base45.b45encode(data).decode())
