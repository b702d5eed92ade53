"""What a picture format of today makes of a face at a given number of bits, at its very best.

For every face the whole grid of settings is searched: quality, encoder options, colour sampling, and the size
the face is shrunk to before encoding (and enlarged from after decoding). Of all files of equal size the one
with the highest PSNR stands for the format. `bits` is the size of the file on disk; with `headers=False` the
search counts only the bits that depend on the picture (`bits_without_header`), as if both ends had agreed on
the rest.
"""

import concurrent.futures
import dataclasses
import functools

import numpy as np

from elic_tf.errors import ImageError
from elic_tf.measure.baselines_formats import Setting, to_bytes
from elic_tf.measure.baselines_grid import get, table

# The search goes on until files are this much too large: sizes do not grow with every step of quality.
_MARGIN = 1.25


@dataclasses.dataclass(frozen=True, eq=False)
class Coded:
    """One face as one baseline codes it. image: (size, size, 3) float32 in [0, 1], decoded from `file`."""

    name: str
    setting: Setting
    file: bytes
    image: np.ndarray
    psnr: float
    bits_without_header: int

    @property
    def bits(self):
        """Size of the file on disk."""
        return 8 * len(self.file)


def names(available=True):
    """The baselines; with `available`, those whose packages are installed."""
    return [name for name, baseline in table().items() if not (available and baseline.missing)]


def missing():
    """Name to reason, for each baseline that cannot run here."""
    return {name: baseline.missing for name, baseline in table().items() if baseline.missing}


def smallest(name, images, headers=True):
    """The smallest files this format can make of the faces, whatever they look like: a list of `Coded`."""
    return [front[0].code(name, image) for front, image in _fronts(name, images, 1, headers)]


def within(name, images, bits, headers=True):
    """The best files of at most `bits`: a list of `Coded`, None where even the smallest is larger."""
    found = []
    for front, image in _fronts(name, images, bits, headers):
        fitting = [point for point in front if point.bits <= bits]
        found.append(fitting[-1].code(name, image) if fitting else None)
    return found


def nearest(name, images, bits, headers=True):
    """The best files as near to `bits` in size as the format comes, on either side: a list of `Coded`.

    Only settings that no other beats in both size and PSNR are candidates.
    """
    return [
        min(front, key=lambda point: abs(point.bits - bits)).code(name, image)
        for front, image in _fronts(name, images, bits, headers)
    ]


@dataclasses.dataclass(frozen=True)
class _Point:
    bits: int
    error: float
    setting: Setting

    def code(self, name, image):
        baseline = get(name)
        file = baseline.encode(image, self.setting)
        decoded = baseline.decode(file, self.setting, len(image))
        with np.errstate(divide="ignore"):
            psnr = float(-10 * np.log10(self.error))
        return Coded(name, self.setting, file, decoded, psnr, baseline.bits_without_header(file))


def _fronts(name, images, bits, headers):
    """For each face its front (see `_front`) and its pixels as uint8. Encoders run outside Python: two threads."""
    from tqdm.auto import tqdm

    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[3] != 3:
        raise ImageError(f"baselines need square faces, shape (n, size, size, 3), not {images.shape}")
    images = to_bytes(images)
    limit = 1024  # fronts are shared by all rates below the next power of two
    while limit < bits:
        limit *= 2
    get(name)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        fronts = pool.map(lambda image: _front(name, image.tobytes(), len(image), limit, headers), images)
        return list(zip(tqdm(fronts, name, len(images), leave=False, disable=None), images))


@functools.lru_cache(maxsize=20_000)
def _front(name, pixels, size, limit, headers):
    """The Pareto front of one face: points of growing size and falling error, to a little over `limit` bits.

    The first is the smallest file met. A ladder of qualities ends after two files in a row that are too
    large; larger pictures are not tried once two sizes in a row had no file that was small enough or smaller
    than before.
    """
    baseline = get(name)
    image = np.frombuffer(pixels, np.uint8).reshape(size, size, 3)
    target, points = image.astype(np.float32) / 255, []
    for group in baseline.ladders():
        hopeless, before = 0, np.inf
        for ladder in group:
            least, misses = np.inf, 0
            for setting in ladder:
                try:
                    file = baseline.encode(image, setting)
                except OSError:  # JPEG 2000 refuses more wavelet levels than a small picture has
                    continue
                bits = 8 * len(file) if headers else baseline.bits_without_header(file)
                error = float(np.mean((baseline.decode(file, setting, size) - target) ** 2, dtype=np.float64))
                points.append(_Point(bits, error, setting))
                least, misses = min(least, bits), misses + 1 if bits > _MARGIN * limit else 0
                if misses == 2:
                    break
            hopeless = hopeless + 1 if before <= least < np.inf and least > _MARGIN * limit else 0
            before = min(before, least)
            if hopeless == 2:
                break
    front = []
    for point in sorted(points, key=lambda point: (point.bits, point.error)):
        if not front or point.error < front[-1].error:
            front.append(point)
    return front
