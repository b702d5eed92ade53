"""QR codes: what is drawn is read again, turned, tilted, blurred, noisy, covered; what is not ours is refused."""

import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from elic_tf.coding import qr
from elic_tf.errors import ImageError, NotElicError

for library in ("segno", "zxingcpp", "base45"):
    pytest.importorskip(library, reason='needs the extra "qr"')

BICUBIC = Image.Resampling.BICUBIC
FILE = bytes(np.random.default_rng(0).integers(0, 256, 32, np.uint8))


@given(st.binary(min_size=2, max_size=512))
@settings(max_examples=25, deadline=None)
def test_every_file_comes_back(file):
    assert qr.from_text(qr.to_text(file)) == file
    if len(file) <= 64:
        assert qr.read(qr.draw(file)) == file


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_text_is_a_file_or_a_typed_error(text):
    for each in (text, qr.PREFIX + text):
        with contextlib.suppress(NotElicError):
            assert isinstance(qr.from_text(each), bytes)


def test_text_is_rfc_9285_and_fits_alphanumeric_mode():
    assert qr.to_text(b"Hello!!") == "ELIC:%69 VD92EX0"  # the example of RFC 9285, 4.3
    text = qr.to_text(FILE)
    assert len(text) == 53 and set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert qr.describe(FILE) == "29x29 modules, version 3-M"


def test_a_drawn_code_has_its_quiet_zone():
    picture = qr.draw(FILE)
    assert picture.shape == (37 * qr.SCALE, 37 * qr.SCALE, 3) and picture.dtype == np.uint8
    margin = qr.QUIET_ZONE * qr.SCALE
    assert (picture[:margin] == 255).all() and (picture[:, -margin:] == 255).all()
    assert (picture[margin : margin + qr.SCALE, margin : margin + 7 * qr.SCALE] == 0).all()


def scene(**changes):
    """A photograph of a badge: the code on paper on a textured table."""
    random = np.random.default_rng(1)
    table = Image.fromarray(random.integers(60, 120, (12, 16, 3), np.uint8)).resize(
        (1200, 900), Image.Resampling.BICUBIC
    )
    code = Image.fromarray(qr.draw(FILE)).resize((400, 400), Image.Resampling.LANCZOS)
    if "cover" in changes:
        code.paste((200, 30, 30), (180, 180, 180 + changes["cover"], 180 + changes["cover"]))
    mask = Image.new("L", code.size, 255)
    if "angle" in changes:
        code, mask = (each.rotate(changes["angle"], BICUBIC, expand=True) for each in (code, mask))
    table.paste(code, (300, 150), mask)
    if "tilt" in changes:
        t = changes["tilt"]
        lines = (1 + t, 0, -200 * t, t / 2, 1, 0, t / 1000, 0, 1)
        table = table.transform(table.size, Image.Transform.PERSPECTIVE, lines, BICUBIC)
    if "blur" in changes:
        table = table.filter(ImageFilter.GaussianBlur(changes["blur"]))
    pixels = np.asarray(table).astype(float)
    if "noise" in changes:
        pixels += random.normal(0, changes["noise"], pixels.shape)
    if "shade" in changes:
        pixels *= np.linspace(1, changes["shade"], pixels.shape[1])[None, :, None]
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    if "jpeg" in changes:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=changes["jpeg"])
        pixels = np.asarray(Image.open(buffer))
    return pixels


EVERYTHING = {"angle": 20, "tilt": 0.2, "blur": 2, "noise": 20, "shade": 0.5, "jpeg": 40}


@pytest.mark.parametrize(
    "changes",
    [{}, *({"angle": angle} for angle in (7, 45, 90, 133, 180, 301)), {"blur": 3}, {"noise": 50}, {"shade": 0.3},
     {"tilt": 0.3}, {"cover": 60}, {"jpeg": 15}, EVERYTHING],
    ids=json.dumps,
)  # fmt: skip
def test_photographs_of_a_code(changes):
    assert qr.read(scene(**changes)) == FILE


def test_pictures_without_one_face_code():
    import segno

    with pytest.raises(ImageError, match="no QR code was found"):
        qr.read(np.full((300, 300, 3), 200, np.uint8))
    other = io.BytesIO()
    segno.make("https://example.org").save(other, kind="png", scale=8)
    other = np.asarray(Image.open(other).convert("RGB"))
    with pytest.raises(ImageError, match="holds no face"):
        qr.read(other)
    both = np.full((1000, 1000, 3), 255, np.uint8)
    for corner, code in ((0, qr.draw(FILE)), (500, qr.draw(FILE[::-1]))):
        both[corner : corner + len(code), corner : corner + len(code)] = code
    with pytest.raises(ImageError, match="2 QR codes"):
        qr.read(both)
    both[500:950, 500:950] = 255
    both[500 : 500 + len(other), 500 : 500 + len(other)] = other
    assert qr.read(both) == FILE


@given(st.integers(0, 2**32 - 1), st.integers(20, 90), st.integers(20, 90))
@settings(max_examples=20, deadline=None)
def test_noise_is_an_error_not_a_crash(seed, height, width):
    with pytest.raises(ImageError):
        qr.read(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))
