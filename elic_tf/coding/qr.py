"""An `.elic` file as a QR code to print, and back from a photograph of it. Needs the extra "qr".

The code holds text, so that any reader can pass it on: `ELIC:` and the file in base 45 (RFC 9285), whose digits
are what a QR code holds best, 11 bits for two. A file of 32 bytes takes 53 characters, a code of 29x29 modules
(version 3) that can still be read with 15 % of it destroyed (level M or better).
"""

import numpy as np

from elic_tf.coding import container
from elic_tf.errors import ImageError, MissingExtraError, NotElicError

PREFIX = "ELIC:"
SCALE = 12
"""Pixels per module: a code of a 32-byte face is 444 pixels wide with its margin."""
QUIET_ZONE = 4
"""Modules of white around the code, as ISO/IEC 18004 asks."""


def to_text(file):
    """The file (bytes) as text of 0-9, A-Z, space and $%*+-./: alone."""
    return PREFIX + _library("base45").b45encode(bytes(file)).decode()


def from_text(text):
    """The file in what `to_text` made. NotElicError if it is something else."""
    text = text.strip("\r\n")
    if len(text) > 2 * container.MAX_BYTES or not text.startswith(PREFIX):
        raise NotElicError(f"not an .elic file: the text does not begin with {PREFIX}")
    try:
        return _library("base45").b45decode(text[len(PREFIX) :])
    except ValueError:
        raise NotElicError(f"not an .elic file: what follows {PREFIX} is not base 45; characters are missing") from None


def draw(file):
    """The QR code of a file, uint8 (side, side, 3), black on white, with its quiet zone."""
    modules = np.array([list(row) for row in _code(file).matrix_iter(SCALE, QUIET_ZONE)], np.uint8)
    return np.repeat(np.where(modules, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def describe(file):
    """What the code of a file is like, in words: its modules, version and level of error correction."""
    code = _code(file)
    side = code.symbol_size(1, 0)[0]
    return f"{side}x{side} modules, version {code.designator}"


def read(picture):
    """The file (bytes) in the one face's QR code in a picture, uint8 (height, width, 3).

    The code may be turned, tilted, blurred a little and partly covered. ImageError if there is none, or several that
    differ; other QR codes are passed over.
    """
    reader = _library("zxingcpp")
    found = reader.read_barcodes(np.ascontiguousarray(picture), formats=reader.BarcodeFormat.QRCode)
    texts = {code.text for code in found}
    ours = {text for text in texts if text.startswith(PREFIX)}
    if not ours:
        what = "holds no face" if texts else "was found"
        raise ImageError(f"no QR code {what} in the picture: take it sharper, straight on, with white around the code")
    if len(ours) > 1:
        raise ImageError(f"{len(ours)} QR codes with faces in the picture: crop it to one of them")
    return from_text(ours.pop())


def _code(file):
    return _library("segno").make(to_text(file), error="m", micro=False)


def _library(name):
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingExtraError(f'QR codes need {name}: pip install "elic_tf[qr]"') from None
