"""Reading whatever people call a picture. Every file is made here; the reference is what went into it."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile

from elic_tf.errors import ImageError
from elic_tf.faces.photos import read


@pytest.fixture(scope="module")
def picture():
    """Smooth colours with a dark corner at the top left: any turn or channel swap shows."""
    y, x = np.mgrid[:40, :60] / 60
    rgb = np.rint(255 * np.stack([0.2 + 0.7 * x, 0.9 - y, 0.3 + 0.4 * x * y], axis=-1)).astype(np.uint8)
    rgb[:10, :10] = 0
    return rgb


def saved(image, format, **options):
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def close(a, b, limit=3.0):
    return a.shape == b.shape and np.abs(a.astype(float) - b).mean() < limit


def png(bit_depth, colour_type, width, rows):
    """A PNG file from raw rows, for the depths Pillow cannot write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, len(rows), bit_depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


# where from


def test_path_string_bytes_file_object_and_image_are_the_same(picture, tmp_path):
    image = Image.fromarray(picture)
    path = tmp_path / "picture.png"
    path.write_bytes(saved(image, "PNG"))
    with open(path, "rb") as file:
        results = [read(s) for s in (path, str(path), path.read_bytes(), bytearray(path.read_bytes()), file, image)]
    for result in results:
        assert result.dtype == np.uint8 and result.flags.c_contiguous and (result == picture).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "PPM", "TGA"])
def test_the_usual_formats(picture, format):
    assert close(read(saved(Image.fromarray(picture), format)), picture, 8)


# which way up


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_applied(picture, orientation, format):
    # The inverse of what a viewer does for each value of the EXIF tag 0x0112.
    stored = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.transpose(1, 0, 2),
        6: np.rot90(picture),
        7: picture[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(picture, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif} if format == "PNG" else {"exif": exif, "quality": 95}
    assert close(read(saved(Image.fromarray(np.ascontiguousarray(stored)), format, **options)), picture, 4)


def test_broken_exif_is_no_reason_to_refuse(picture):
    broken = saved(Image.fromarray(picture), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff\0\0")
    assert close(read(broken), picture)


# modes and depths


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"])
def test_every_mode_becomes_rgb(picture, mode):
    image = Image.fromarray(picture)
    if mode == "LAB":  # Pillow converts to it only with profiles
        srgb, lab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
        image = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    image = image.convert(mode)
    assert (read(image) == np.asarray(image.convert("RGB"))).all()


def test_grey_file(picture):
    grey = Image.fromarray(picture).convert("L")
    result = read(saved(grey, "PNG"))
    assert (result == np.asarray(grey)[..., None]).all() and result.shape == (40, 60, 3)


def test_cmyk_jpeg(picture):
    assert close(read(saved(Image.fromarray(picture).convert("CMYK"), "JPEG", quality=95)), picture, 4)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_not_clipped(format):
    values = np.linspace(0, 65535, 40 * 60).reshape(40, 60).astype(np.uint16)
    result = read(saved(Image.fromarray(values), format))
    assert (result == np.rint(values / 257)[..., None]).all()


@pytest.mark.parametrize("colour_type", [2, 6, 4], ids=["RGB", "RGBA", "LA"])
def test_16_bit_colour_png_is_scaled_not_clipped(colour_type):
    channels = {2: 3, 6: 4, 4: 2}[colour_type]
    values = np.linspace(0, 65535, 20 * 30).reshape(20, 30, 1).repeat(channels, -1).astype(">u2")
    if channels in (2, 4):
        values[..., -1] = 65535
    result = read(png(16, colour_type, 30, [row.tobytes() for row in values]))
    assert np.abs(result - values[..., :1] / 257.0).max() <= 1


@pytest.mark.parametrize(
    ("values", "white"),
    [
        (np.linspace(0, 1, 100, dtype=np.float32), 1),
        (np.linspace(0, 255, 100, dtype=np.float32), 255),
        (np.linspace(0, 65535, 100).astype(np.int32), 65535),
        (np.arange(100, dtype=np.int32), 255),
        (np.linspace(0, 1e6, 100).astype(np.int32), 1e6),
    ],
)
def test_deep_grey_images_are_scaled_by_their_range(values, white):
    result = read(Image.fromarray(values.reshape(10, 10)))
    assert np.abs(result[..., 0].ravel() - 255 * values / white).max() <= 0.51


def test_not_a_number_is_black():
    values = np.array([[np.nan, 1.0], [0.5, np.inf]], np.float32)
    assert read(Image.fromarray(values))[..., 1].tolist() == [[0, 255], [128, 0]]


# transparency


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF", "TIFF"])
def test_transparent_parts_are_mid_grey(picture, format):
    layered = Image.fromarray(np.dstack([picture, np.full((40, 60), 255, np.uint8)]))
    layered.paste((255, 0, 0, 0), (20, 10, 50, 30))
    options = {"lossless": True} if format == "WEBP" else {}
    result = read(saved(layered, format, **options))
    assert (result[12:28, 22:48] == 128).all()
    assert np.abs(result[:, :18].astype(int) - picture[:, :18]).mean() < (12 if format == "GIF" else 1)


def test_half_transparent_is_mixed():
    assert np.abs(read(Image.new("RGBA", (2, 2), (255, 0, 0, 128)))[0, 0].astype(int) - [192, 64, 64]).max() <= 1
    assert np.abs(read(Image.new("LA", (2, 2), (0, 128)))[0, 0].astype(int) - 64).max() <= 1


def test_palette_with_a_transparent_colour():
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((0, 0), 0)
    result = read(saved(image, "PNG", transparency=0))
    assert result[0, 0].tolist() == [128, 128, 128] and result[1, 1].tolist() == [0, 255, 0]


# animation


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame(format):
    frames = [Image.new("RGB", (30, 20), colour) for colour in ((200, 30, 30), (30, 200, 30), (30, 30, 200))]
    result = read(saved(frames[0], format, save_all=True, append_images=frames[1:]))
    assert np.abs(result.astype(int) - [200, 30, 30]).max() < 8


# colour profiles


def test_an_embedded_profile_is_converted_to_srgb():
    """Grey with a profile that calls its numbers linear light: half of sRGB's scale is stored as 0.2157."""
    linear = ImageCms.ImageCmsProfile(io.BytesIO(gray_profile(gamma=1.0))).tobytes()
    stored = Image.new("L", (4, 4), 55)
    assert np.abs(read(saved(stored, "PNG", icc_profile=linear)).astype(int) - 128).max() <= 2


def test_an_srgb_profile_changes_nothing(picture):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (read(saved(Image.fromarray(picture), "PNG", icc_profile=profile)) == picture).all()


def test_a_broken_profile_changes_nothing(picture):
    assert (read(saved(Image.fromarray(picture), "PNG", icc_profile=b"nonsense" * 40)) == picture).all()


def gray_profile(gamma):
    """A minimal ICC version 2 profile for grey with a pure power curve (ICC.1:2001-04, 6.3.1.1 and 6.5.3)."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ " + struct.pack(">Iiii", 0, 63190, 65536, 54061)
    text = b"desc" + struct.pack(">II", 0, 7) + b"linear\0" + struct.pack(">IIHB", 0, 0, 0, 0) + b"\0" * 67
    tags, body = [], b""
    start = 128 + 4 + 3 * 12
    for name, data in ((b"desc", text), (b"wtpt", white), (b"kTRC", curve)):
        data += b"\0" * (-len(data) % 4)
        tags.append(name + struct.pack(">II", start + len(body), len(data)))
        body += data
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"\0" * 4, 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + struct.pack(">iii", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", 3) + b"".join(tags) + body


# what cannot be read


def test_no_such_file(tmp_path):
    with pytest.raises(ImageError, match=r"no file .*nowhere\.jpg"):
        read(tmp_path / "nowhere.jpg")


def test_a_folder(tmp_path):
    with pytest.raises(ImageError, match="cannot read"):
        read(tmp_path)


def test_an_empty_file_is_named(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ImageError, match=r"empty\.jpg is empty"):
        read(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_a_cut_off_file_is_an_error_not_half_a_picture(format, part):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    whole = saved(noise, format)
    with pytest.raises(ImageError, match=r"damaged|cut off|not a picture"):
        read(whole[: int(len(whole) * part)])


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_flipped_bytes_are_an_image_or_an_image_error(format, picture):
    whole = saved(Image.fromarray(picture), format)
    rng = np.random.default_rng(1)
    for _ in range(60):
        broken = bytearray(whole)
        for place in rng.integers(0, len(whole), 5):
            broken[place] = rng.integers(256)
        try:
            assert read(bytes(broken)).dtype == np.uint8
        except ImageError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"just some text that is no picture", "not a picture"),
        (b"\0\0\0\x24ftypheic\0\0\0\0mif1heic", "HEIC.*JPEG"),
        (b"\0\0\0\x24ftypisom\0\0\2\0isom", "video"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "web page"),
    ],
)
def test_other_things_are_called_by_their_name(data, message):
    with pytest.raises(ImageError, match=message) as caught:
        read(data)
    assert "\n" not in str(caught.value)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked():
    bomb = png(8, 0, 30000, [b""] * 30000)
    with pytest.raises(ImageError, match="megapixels"):
        read(bomb)


def test_a_large_photo_below_the_limit_is_no_warning(picture, recwarn, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", picture[..., 0].size - 1)
    assert read(saved(Image.fromarray(picture), "PNG")).shape == picture.shape
    assert not [w for w in recwarn if issubclass(w.category, Image.DecompressionBombWarning)]


@pytest.mark.parametrize("source", [None, 7, np.zeros((4, 4, 3), np.uint8), io.StringIO("text")])
def test_a_source_of_the_wrong_kind(source):
    with pytest.raises(ImageError, match=r"cannot read a picture from|binary mode"):
        read(source)


def test_an_image_without_pixels():
    with pytest.raises(ImageError, match="no pixels"):
        read(Image.new("RGB", (0, 5)))


def test_reading_does_not_change_pillow():
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
