"""Lesson 10: a face's place in a photograph, the check byte, the parser, text for a QR code, who is named rightly."""

import numpy as np

from elic_tf.course.checks import Wrong, check, expect
from elic_tf.errors import DamagedError, ElicError, NotElicError, VersionError

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def similarity(frame, photo, weights):
    """Complex a and b that minimise the weighted sum of |a frame + b - photo|**2 over points (n,), x + iy."""
    w = weights / np.sum(weights)
    u, v = frame - w @ frame, photo - w @ photo
    a = w @ (np.conj(u) * v) / (w @ np.abs(u) ** 2)
    return a, w @ photo - a * (w @ frame)


@check(
    "10.similarity",
    "From four points of a face to its place in the photograph",
    reference=similarity,
    hints=(
        "Divide the weights by their sum; then the weighted mean of the points is w @ points.",
        "Without their means, the points should obey v = a u. Multiply by the conjugate of u, then take weighted sums.",
        "a = w @ (np.conj(u) * v) / (w @ np.abs(u)**2), and then b moves the one mean onto the other.",
    ),
)
def _(student):
    square = np.array([0, 1, 1 + 1j, 1j])
    even = np.full(4, 0.25)
    what = "a square with corners at 0 and 1 + i, turned a quarter, twice as large, its first corner at 5 + 3i"
    likely = {
        "from the photograph to the frame; it should go the other way": similarity(2j * square + 5 + 3j, square, even),
        "without the conjugate of u: np.conj(u) * v": (0, 4 + 4j),
        "where the mean of the photograph's points is; b is where the frame's 0 goes": (2j, 4 + 4j),
        "of points of which the means were not subtracted": _uncentred(square, 2j * square + 5 + 3j, even),
        "the conjugate of a: it is u that is conjugated, not v": (-2j, 3 + 5j),
    }
    _pair(what, student(square.copy(), 2j * square + 5 + 3j, even.copy()), (2j, 5 + 3j), likely)
    random = np.random.default_rng(0)
    frame = random.uniform(size=4) + 1j * random.uniform(size=4)
    photo = (120 + 15j) * frame + 200 + 90j + random.normal(0, 3, 4) + 1j * random.normal(0, 3, 4)
    weights = np.array([2.0, 2, 1, 1])
    w = weights / 6
    u, v = frame - frame.mean(), photo - photo.mean()
    around = frame - w @ frame
    plain = np.sum(np.conj(around) * (photo - w @ photo)) / np.sum(np.abs(around) ** 2)
    mixed = w @ (np.conj(u) * v) / (w @ np.abs(u) ** 2)
    likely = {
        "without the weights": similarity(frame, photo, even),
        "with means that are not weighted": (mixed, photo.mean() - mixed * frame.mean()),
        "with weights in b, but none in a": (plain, w @ photo - plain * (w @ frame)),
        "of points of which the means were not subtracted": _uncentred(frame, photo, w),
        "not divided by the sum of the weights": _unnormalised(frame, photo, weights),
    }
    _pair("four points, the eyes with weight 2", student(frame.copy(), photo.copy(), weights.copy()),
          similarity(frame, photo, weights), likely)  # fmt: skip


def _uncentred(frame, photo, w):
    a = w @ (np.conj(frame) * photo) / (w @ np.abs(frame) ** 2)
    return a, w @ photo - a * (w @ frame)


def _unnormalised(frame, photo, w):
    u, v = frame - w @ frame, photo - w @ photo
    a = w @ (np.conj(u) * v) / (w @ np.abs(u) ** 2)
    return a, w @ photo - a * (w @ frame)


def _pair(what, got, wanted, likely):
    got = _some(what, got)
    if not isinstance(got, tuple | list | np.ndarray) or [*map(np.ndim, got)] != [0, 0]:
        raise Wrong(f"{what}: got {type(got).__name__}, should be (a, b), two complex numbers")
    values = (
        f"got a = {_complex(got[0])}, b = {_complex(got[1])}, should be {_complex(wanted[0])}, {_complex(wanted[1])}"
    )
    if np.allclose(got, wanted, rtol=1e-6, atol=1e-6):
        return
    if not np.all(np.isfinite(got)):
        raise Wrong(f"{what}: {values}; the sum of u**2 can be 0: divide by that of np.abs(u)**2")
    for mistake, value in likely.items():
        if np.allclose(got, value, rtol=1e-6, atol=1e-6):
            raise Wrong(f"{what}: {values}; yours is {mistake}")
    raise Wrong(f"{what}: {values}")


def _complex(value):
    value = complex(value) + 0
    return f"{value.real:.4g}{value.imag:+.4g}i"


def crc8(data):
    """The remainder (0 to 255) of data (bytes) by x^8 + x^5 + x^3 + x^2 + x + 1, begun with 0xFF."""
    register = 0xFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register << 1 ^ (0x12F if register & 0x80 else 0)
    return register


@check(
    "10.crc8",
    "The check byte",
    reference=crc8,
    hints=(
        "register = 0xFF; for each byte: register ^= byte, and then eight times one step of the division.",
        "One step: if the highest bit (register & 0x80) is set, shift left and ^ 0x12F; otherwise only shift left.",
        "0x12F has nine bits. Its highest takes away what the shift has pushed out of the byte.",
    ),
)
def _(student):
    likely = {
        _crc(b"\0", start=0): "of a register that begins with 0: begin with 0xFF",
        _crc(b"\0", polynomial=0x107): "by another polynomial, x^8 + x^2 + x + 1",
        0xFF: "the register before the division: eight steps for each byte",
        _crc(b"\0", steps=1): "after one step: there are eight for each byte",
        _backwards(b"\0"): "with the lowest bit first: look at 0x80 and shift left",
        _shifted_first(b"\0"): "of a register that was shifted first: look at its highest bit before the shift",
        _shifted_first(b"\0", 0xFF): "of a register that was shifted first: look at its highest bit before the shift",
    }
    _byte("the byte 00", student(b"\0"), crc8(b"\0"), likely)
    _byte("no bytes", student(b""), 0xFF, {0: "0: the register begins with 0xFF"})
    text = b"123456789"
    likely = {
        crc8(text[::-1]): "of the bytes in reverse",
        crc8(text) ^ 0xFF: "inverted at the end, as in AUTOSAR's; ours is not",
        crc8(text[-1:]): "of the last byte alone: go on with the register of the bytes before",
        sum(text) & 0xFF: "a sum; it would not notice two bytes that changed places",
    }
    _byte('the text "123456789"', student(text), crc8(text), likely)
    _byte("600 bytes", student(bytes(range(200)) * 3), crc8(bytes(range(200)) * 3), {})


def _crc(data, start=0xFF, polynomial=0x12F, steps=8):
    register = start
    for byte in data:
        register ^= byte
        for _ in range(steps):
            register = register << 1 ^ (polynomial if register & 0x80 else 0)
    return register


def _backwards(data):
    register = 0xFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xF4 if register & 1 else 0)
    return register


def _shifted_first(data, mask=-1):
    register = 0xFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register <<= 1
            register = (register ^ (0x12F if register & 0x80 else 0)) & mask
    return register


def _byte(what, got, wanted, likely):
    got = _some(what, got)
    if not isinstance(got, int | np.integer) or isinstance(got, bool):
        raise Wrong(f"check of {what}: got {type(got).__name__}, should be a whole number from 0 to 255")
    if got == wanted:
        return
    values = f"check of {what}: got {got:#04x}, should be {wanted:#04x}"
    if not 0 <= got <= 255 and got not in likely:
        raise Wrong(f"{values}; yours does not fit in a byte: ^ with 0x12F, which has nine bits, or & 0xFF")
    raise Wrong(values + (f"; yours is {likely[got]}" if got in likely else ""))


def unpack(file):
    """(version, model, code) of a file (bytes); NotElicError, DamagedError or VersionError."""
    if not 2 <= len(file) <= 1024 or file[0] >> 4 == 0:
        raise NotElicError("not an .elic file")
    first, code = file[0], file[2:]
    if file[1] != crc8(bytes([len(code) & 0xFF, first]) + code):
        raise DamagedError("damaged .elic file")
    if first >> 4 > 1:
        raise VersionError("from the future: update elic_tf")
    return first >> 4, first & 0xF, code


def _file(first, code):
    return bytes([first, crc8(bytes([len(code) & 0xFF, first]) + code)]) + code


@check(
    "10.unpack",
    "The parser, which nothing surprises",
    reference=unpack,
    hints=(
        "Ask in this order: is it a file of ours at all; is it whole; can I read it?",
        "The first byte holds two numbers: file[0] >> 4 is the version, file[0] & 15 is the model.",
        "The check is of bytes([len(code) & 255, file[0]]) + code, in which code = file[2:].",
    ),
)
def _(student):
    _contents("a file of model 4 with the code 01 02 03", student, _file(0x14, b"\1\2\3"), (1, 4, b"\1\2\3"))
    _contents("a file of model 12 without a code", student, _file(0x1C, b""), (1, 12, b""))
    _contents("a file of 302 bytes", student, _file(0x11, bytes(300)), (1, 1, bytes(300)))
    whole = _file(0x14, bytes(range(30)))
    _refusal("one byte", student, b"\x14", NotElicError)
    _refusal("no bytes at all", student, b"", NotElicError)
    _refusal("a file that says version 0", student, _file(0x04, b"abc"), NotElicError)
    _refusal("1,025 bytes", student, _file(0x14, bytes(1023)), NotElicError)
    _refusal("a file with one bit of its code flipped", student, whole[:-1] + bytes([whole[-1] ^ 8]), DamagedError)
    _refusal("a file with one bit of its check flipped", student, whole[:1] + bytes([whole[1] ^ 1]) + whole[2:],
             DamagedError)  # fmt: skip
    zeros = _file(0x14, bytes(20))
    _refusal("a file of zeros that lost its last byte", student, zeros[:-1], DamagedError)
    _refusal("a whole file of version 2", student, _file(0x24, b"abc"), VersionError)
    _refusal("a file whose version was 1 until a bit flipped", student, bytes([whole[0] ^ 0x20]) + whole[1:],
             DamagedError)  # fmt: skip


def _contents(what, student, file, wanted):
    try:
        got = _some(what, student(file))
    except ElicError as error:
        raise Wrong(f"{what}: got {type(error).__name__}, should be accepted; what does your check speak of?") from None
    if not isinstance(got, tuple | list) or len(got) != 3:
        raise Wrong(f"{what}: got {type(got).__name__}, should be (version, model, code)")
    for name, value, right in zip(("version", "model", "code"), got, wanted):
        if value != right:
            shown = (_short(value), _short(right)) if name == "code" else (value, right)
            raise Wrong(f"{what}: {name}: got {shown[0]}, should be {shown[1]}")


def _refusal(what, student, file, error):
    why = {
        NotElicError: "there is nothing in it to be damaged",
        DamagedError: "nothing in a damaged file may be believed, not even its version",
        VersionError: "it is whole, and only too new",
    }[error]
    try:
        got = f"{student(file)!r:.40}"
    except ElicError as raised:
        if type(raised) is error:
            if not str(raised):
                raise Wrong(f"{what}: {error.__name__}, which is right, but it says nothing") from None
            return
        got = type(raised).__name__
    except NotImplementedError:
        raise
    except Exception as raised:
        got = f"{type(raised).__name__} ({raised})"
    raise Wrong(f"{what}: got {got}, should raise {error.__name__}: {why}")


def base45(data):
    """data (bytes) as text of the 45 characters that a QR code holds best (RFC 9285)."""
    text = ""
    for i in range(0, len(data), 2):
        pair = data[i : i + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            number, digit = divmod(number, 45)
            text += DIGITS[digit]
    return text


@check(
    "10.base45",
    "Bytes as text for a QR code",
    reference=base45,
    hints=(
        "Two bytes are a number n = 256 * first + second; int.from_bytes(pair, 'big') says so too.",
        "Three digits: n % 45 first, then n // 45 % 45, then n // 45 // 45. divmod gives quotient and rest in one go.",
        "A single byte at the end becomes two digits, since 45 * 45 is more than 256.",
    ),
)
def _(student):
    likely = {
        _variant(b"AB", order=-1): "with the digits in reverse: the one that counts least comes first",
        _variant(b"AB", endian="little"): "with the bytes in reverse: the first byte counts 256 times",
        base45(b"A") + base45(b"B"): "of each byte alone: two together take three characters",
        _variant(b"AB", digits="ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 $%*+-./:"): "with letters before numerals",
    }
    _text("the bytes 41 42", student(b"AB"), likely, base45(b"AB"))
    short = "without zeros: a pair has three digits, always"
    _text("the bytes 00 00", student(b"\0\0"), {"0": short, "": short, "00": short}, "000")
    last = base45(b"AB\x01")
    likely = {
        base45(b"AB") + base45(b"\0\1"): "with three digits for the single last byte: it takes two",
        base45(b"AB") + base45(b"\1\0"): "as if a byte 00 stood behind the last one",
        base45(b"AB"): "without the last byte, which has no partner",
    }
    _text("the bytes 41 42 01", student(b"AB\x01"), likely, last)
    _text("the bytes ff ff", student(b"\xff\xff"), {}, "FGW")
    _text("no bytes", student(b""), {}, "")
    data = bytes(np.random.default_rng(0).integers(0, 256, 33, np.uint8))
    whole, number = "", int.from_bytes(data, "big")
    while number:
        number, digit = divmod(number, 45)
        whole += DIGITS[digit]
    _text(
        "33 bytes", student(data), {whole: "all bytes as one number: shorter, but not what RFC 9285 says"}, base45(data)
    )


def _variant(data, order=1, endian="big", digits=DIGITS):
    number, text = int.from_bytes(data, endian), ""
    for _ in range(3):
        number, digit = divmod(number, 45)
        text += digits[digit]
    return text[::order]


def _text(what, got, likely, wanted):
    got = _some(what, got)
    if not isinstance(got, str):
        raise Wrong(f"{what}: got {type(got).__name__}, should be text (str)")
    if got == wanted:
        return
    said = f"; yours is {likely[got]}" if got in likely else ""
    raise Wrong(f"{what}: got {_short(got)}, should be {_short(wanted)}{said}")


def rightly_named(hit, false_alarm, people):
    """Of those whom a search among so many people names, the share who are the person looked for."""
    return hit / (hit + (people - 1) * false_alarm)


@check(
    "10.rightly_named",
    "Of those who are named, how many rightly?",
    reference=rightly_named,
    hints=(
        "How many people does the search name, on average? First the right one: that is hit.",
        "Each of the other people - 1 is named with probability false_alarm.",
        "The share is hit / (hit + (people - 1) * false_alarm).",
    ),
)
def _(student):
    h, f, n = 0.9, 0.001, 1001
    likely = {
        "how often the right one is named; others are named too": h,
        "one minus the false alarms; that is not who is right": 1 - f,
        "the share who are named wrongly": 1 - rightly_named(h, f, n),
        "as if a stranger were compared only once": h / (h + f),
        "with the right person among the strangers too: there are people - 1 of those": h / (h + n * f),
        "without the hits below: the right one is among those named": h / ((n - 1) * f),
        "with a search that always finds the right one": 1 / (1 + (n - 1) * f),
    }
    expect("hit 0.9, false alarm 0.001, 1,001 people", student(h, f, n), rightly_named(h, f, n), likely=likely)
    expect("hit 0.5, false alarm 0.5, 2 people", student(0.5, 0.5, 2), 0.5)
    expect("hit 0.3, no false alarms, a million people", student(0.3, 0.0, 10**6), 1)
    many = np.array([2, 100, 10**6])
    expect("hit 0.4, false alarm 0.01, several numbers of people at once", student(0.4, 0.01, many),
           rightly_named(0.4, 0.01, many))  # fmt: skip


def _short(value):
    text = repr(value) if isinstance(value, str) else value.hex(" ") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 60 else f"{text[:40]}… ({len(value)})"


def _some(what, got):
    if got is None:
        raise Wrong(f"{what}: your function returned nothing; is a `return` missing?")
    return got
