"""From image files to one uint8 array: decode, crop, resize, and keep the result in a cache.

Every set goes through `crop_resize`, so that faces of different sets are resampled in the same way.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import tempfile
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from elic_tf.errors import DataError, ImageError
from elic_tf.faces import cache_root, image_files

_RECIPE = 1  # raise it when the pixels that come out change: old cache files are then ignored
_BLOCK = 1024  # images decoded before they are written: bounds the memory

# Rows 52 to 184 and columns 24 to 156 of the official 178x218: the face with some hair and neck.
CELEBA_BOX = (24 / 178, 52 / 218, 156 / 178, 184 / 218)


def crop_box(crop: str, width: int, height: int) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) in pixels for crop = "center" (largest square), "celeba" or "none" (all)."""
    if crop == "none":
        return (0, 0, width, height)
    if crop == "celeba":
        left, top, right, bottom = CELEBA_BOX
        return (left * width, top * height, right * width, bottom * height)
    if crop == "center":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return (left, top, left + side, top + side)
    raise DataError(f'crop must be "center", "celeba" or "none", got {crop!r}')


def crop_resize(image: Image.Image, box, size: int) -> np.ndarray:
    """The part of an RGB `image` inside `box` (in pixels), antialiased: uint8 (size, size, 3)."""
    return np.asarray(image.resize((size, size), Image.Resampling.LANCZOS, box=box, reducing_gap=None))


def read_image(path, size: int, crop: str = "center") -> np.ndarray:
    """One file as uint8 (size, size, 3). ImageError if it is empty, damaged or not an image."""
    try:
        with Image.open(path) as image:
            plain = image.mode in ("RGB", "L") and not image.getexif().get(0x0112, 1) > 1
            if plain and not image.info.keys() & {"transparency", "icc_profile"}:
                image = image.convert("RGB")
            else:  # turned, transparent, CMYK, 16 bits, other colour spaces
                image = Image.fromarray(image_files.read(path))
            return crop_resize(image, crop_box(crop, *image.size), size)
    except UnidentifiedImageError:
        empty = os.path.getsize(path) == 0
        raise ImageError("empty file" if empty else "not an image") from None
    except FileNotFoundError:
        raise ImageError("missing") from None
    except ImageError:
        raise
    # Pillow raises SyntaxError, ValueError, struct.error, ... on damaged files, depending on the format.
    except Exception as error:
        raise ImageError(f"damaged: {error}") from None


def read_images(root, names, size: int, crop: str, *, title: str, cache: bool = True):
    """Decode `names` (paths below `root`) with threads.

    Returns (images uint8 (m, size, size, 3), indices (m,) of the names that could be read, {name: reason} for
    the others). With `cache`, the images are a read-only memory map of a file below `cache_root()`.
    """
    if not (isinstance(size, int | np.integer) and 1 <= size <= 1024):
        raise DataError(f"size must be a whole number of pixels from 1 to 1024, got {size!r}")
    crop_box(crop, 1, 1)
    root = pathlib.Path(root)
    if not cache:
        return _collect(_decode(root, names, size, crop, title), names, size)
    stem = cache_root() / "faces" / _key(root, names, size, crop)
    found = _open_cache(stem, names, size)
    if found is None:
        try:
            _write_cache(stem, _decode(root, names, size, crop, title), names, size)
            found = _open_cache(stem, names, size)
        except OSError as error:
            warnings.warn(f"no cache in {stem.parent} ({error}); set ELIC_CACHE to a writable folder", stacklevel=3)
    return found or _collect(_decode(root, names, size, crop, title), names, size)


def report(title: str, problems: dict[str, str], on_error: str, stacklevel: int = 3) -> None:
    """Say which files are left out: one warning for on_error="skip", a DataError for "raise"."""
    if on_error not in ("skip", "raise"):
        raise DataError(f'on_error must be "skip" or "raise", got {on_error!r}')
    if not problems:
        return
    shown = ", ".join(f"{name} ({reason})" for name, reason in list(problems.items())[:5])
    more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
    files = f"{len(problems)} file{'s' * (len(problems) != 1)}"
    if on_error == "raise":
        raise DataError(f'{title}: {files} cannot be used: {shown}{more}; repair them or pass on_error="skip"')
    warnings.warn(f"{title}: {files} left out: {shown}{more}", stacklevel=stacklevel)


def _decode(root, names, size, crop, title):
    """Yield an array or, where the file cannot be read, an ImageError for each name, in order."""

    def one(name):
        try:
            return read_image(root / name, size, crop)
        except ImageError as error:
            return error

    workers = min(8, os.cpu_count() or 1)
    with (
        concurrent.futures.ThreadPoolExecutor(workers) as pool,
        tqdm(total=len(names), desc=f"Reading {title}", unit="image", disable=None, leave=False) as bar,
    ):
        for start in range(0, len(names), _BLOCK):
            for result in pool.map(one, names[start : start + _BLOCK]):
                bar.update()
                yield result


def _collect(results, names, size):
    images, kept, bad = [], [], {}
    for index, result in enumerate(results):
        if isinstance(result, ImageError):
            bad[names[index]] = str(result)
        else:
            images.append(result)
            kept.append(index)
    stacked = np.stack(images) if images else np.zeros((0, size, size, 3), np.uint8)
    return stacked, np.array(kept, np.intp), bad


def _key(root, names, size, crop):
    """What the cached pixels depend on; size and time of change stand for a file's content."""

    def stamp(name):
        try:
            status = (root / name).stat()
        except OSError:
            return [str(name), None, None]
        return [str(name), status.st_size, status.st_mtime_ns]

    parts = [_RECIPE, str(root.resolve()), int(size), crop, [stamp(name) for name in names]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _open_cache(stem, names, size):
    """The cached result, or None if it is not there or not what was written."""
    try:
        bad = json.loads(stem.with_suffix(".json").read_text(encoding="utf-8"))
        images = np.load(stem.with_suffix(".npy"), mmap_mode="r")
        whole = images.nbytes + images.offset == os.path.getsize(stem.with_suffix(".npy"))
        kept = np.array([i for i, name in enumerate(names) if str(name) not in bad], np.intp)
    except (OSError, ValueError, TypeError, AttributeError, EOFError):
        return None
    if not whole or images.dtype != np.uint8 or images.shape != (len(kept), size, size, 3):
        return None
    return images, kept, bad


def _write_cache(stem, results, names, size):
    """Write the pixels row by row, so that a large set never has to fit in memory; rename when complete."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    bad = {}

    def header(file, rows):
        described = {"descr": "|u1", "fortran_order": False, "shape": (rows, size, size, 3)}
        np.lib.format.write_array_header_1_0(file, described)

    with tempfile.NamedTemporaryFile(dir=stem.parent, prefix=stem.name, suffix=".part", delete=False) as part:
        try:
            header(part, len(names))  # NumPy leaves room in the header for another number of rows
            for name, result in zip(names, results, strict=True):
                if isinstance(result, ImageError):
                    bad[str(name)] = str(result)
                else:
                    part.write(result.tobytes())
            part.seek(0)
            header(part, len(names) - len(bad))
        except BaseException:
            part.close()
            os.unlink(part.name)
            raise
    replace_text(stem.with_suffix(".json"), json.dumps(bad))
    os.replace(part.name, stem.with_suffix(".npy"))


def replace_text(path, text):
    """Write a text file so that a reader sees the old one or the new one, never half of it."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".part", delete=False, encoding="utf-8") as part:
        part.write(text)
    os.replace(part.name, path)
