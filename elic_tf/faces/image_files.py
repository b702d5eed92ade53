"""From whatever people call a picture to uint8 RGB: orientation, colour profile, transparency, bit depth."""

import contextlib
import functools
import io
import os
import pathlib
import threading
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from elic_tf.errors import ImageError

# Behind transparent parts. Mid-grey, not white: it is near the mean background of the training faces, so it
# costs few bits and leaves no bright edge around hair; the face finder sees it as zero.
BACKGROUND = (128, 128, 128)

_LOCK = threading.Lock()

_NOT_PILLOW = {  # the first bytes, or bytes 4 to 12, of files that people take for ordinary pictures
    b"ftypheic": "a HEIC photo; export it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)",
    b"ftypheix": "a HEIC photo; export it as JPEG",
    b"ftypmif1": "a HEIF photo; export it as JPEG",
    b"ftypmp42": "a video; save one frame of it as JPEG or PNG",
    b"ftypisom": "a video; save one frame of it as JPEG or PNG",
    b"%PDF": "a PDF document; save the picture in it as JPEG or PNG",
    b"<svg": "a drawing (SVG); save it as PNG",
    b"<!DO": "a web page, not the picture on it; save the picture itself",
    b"<htm": "a web page, not the picture on it; save the picture itself",
}


def read(source) -> np.ndarray:
    """The picture as uint8 (height, width, 3) in sRGB, upright as its EXIF data says.

    source: a path, the bytes of a file, a binary file object or a PIL image.

    The first frame of an animation is taken. Transparent parts show mid-grey. An embedded colour profile
    (RGB, grey or CMYK) is converted to sRGB. 16-bit and floating-point grey is scaled to 8 bits, not
    clipped.

    Raises ImageError if there is no such file, or it is empty, damaged, cut off, too large, or not a picture.
    """
    if isinstance(source, Image.Image):
        return _decode(source, "the picture")
    if isinstance(source, bytes | bytearray | memoryview):
        return _open(io.BytesIO(source), "the picture")
    if isinstance(source, str | os.PathLike):
        name = pathlib.Path(source).name or str(source)
        try:
            with open(source, "rb") as file:
                return _open(file, name)
        except FileNotFoundError:
            raise ImageError(f"there is no file {os.fspath(source)!r}; check the path") from None
        except OSError as error:
            raise ImageError(f"cannot read {os.fspath(source)!r}: {error.strerror or error}") from None
    if hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise ImageError("the file object gives text; open it in binary mode ('rb')")
        return _open(io.BytesIO(data), getattr(source, "name", None) or "the picture")
    raise ImageError(f"cannot read a picture from {type(source).__name__}; give a path, bytes or a PIL image")


def _open(file, name) -> np.ndarray:
    head = file.read(64)
    file.seek(0)
    if not head:
        raise ImageError(f"{name} is empty (0 bytes); was it copied completely?")
    for magic, what in _NOT_PILLOW.items():
        if b"avif" in head:  # it may begin like HEIF
            break
        if head[4:].startswith(magic) or head.lstrip().startswith(magic):
            raise ImageError(f"{name} is {what}")
    try:
        with _no_warnings():
            image = Image.open(file)
        with image:
            return _decode(image, name)
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a picture that can be read; use JPEG, PNG, WebP, AVIF or TIFF") from None
    except Image.DecompressionBombError:
        limit = 2 * Image.MAX_IMAGE_PIXELS // 10**6
        raise ImageError(f"{name} has more than {limit} megapixels; save a smaller copy") from None
    except ImageError:
        raise
    # Pillow raises SyntaxError, ValueError, struct.error, ... on damaged headers, depending on the format.
    except Exception as error:
        raise ImageError(f"{name} is damaged ({error}); get a fresh copy") from error


def _decode(image, name) -> np.ndarray:
    if 0 in image.size:
        raise ImageError(f"{name} has no pixels ({image.width}x{image.height})")
    try:
        image.load()
    except Exception as error:  # as above, now in the pixels
        raise ImageError(f"{name} is damaged or cut off ({error}); get a fresh copy") from error
    # Broken EXIF data is common and no reason to refuse the pixels.
    with contextlib.suppress(Exception), _no_warnings():
        image = ImageOps.exif_transpose(image)
    return np.ascontiguousarray(_to_rgb(image), np.uint8)


@contextlib.contextmanager
def _no_warnings():
    """Pillow warns of odd EXIF data, and above 89 megapixels (above 179 it refuses, which is enough).

    The lock is there because the readers decode in threads and warning filters belong to the whole process.
    """
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _to_rgb(image) -> Image.Image:
    """Any mode of Pillow to RGB in sRGB, over BACKGROUND where it is transparent."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_to_8_bits(np.asarray(image))).convert("RGB")
    profile = image.info.get("icc_profile")
    if not image.has_transparency_data:
        return _to_srgb(image, profile)
    layered = image.convert("RGBA")
    flat = Image.new("RGB", image.size, BACKGROUND)
    flat.paste(_to_srgb(layered.convert("RGB"), profile), mask=layered.getchannel("A"))
    return flat


def _to_8_bits(values) -> np.ndarray:
    """Grey values of any depth to uint8. White is 1, 255 or 65535, the first that is enough; else the max."""
    values = np.nan_to_num(np.asarray(values, np.float64), posinf=0.0, neginf=0.0)
    low, high = min(values.min(), 0.0), values.max()
    whole = bool((values == np.rint(values)).all())
    scales = (255, 65535) if whole and high > 1 else (1, 255, 65535)
    top = next((s for s in scales if high <= s), high)
    return np.rint(255 * (values - low) / (top - low)).astype(np.uint8)


@functools.cache
def _srgb():
    return ImageCms.createProfile("sRGB")


def _to_srgb(image, profile) -> Image.Image:
    """Convert by the embedded ICC profile where there is a usable one; else trust the numbers."""
    rgb = image.convert("RGB")
    if not profile:
        return rgb
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in (source.profile.profile_description or ""):
            return rgb
        mode = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}[source.profile.xcolor_space]
        if (mode == "CMYK") != (image.mode == "CMYK"):
            return rgb
        return ImageCms.profileToProfile(image.convert(mode), source, _srgb(), outputMode="RGB") or rgb
    except (ImageCms.PyCMSError, KeyError, OSError, ValueError):
        return rgb  # a broken or exotic profile: colours a little off are better than no picture
