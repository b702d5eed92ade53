"""Every baseline with the grid of settings worth trying.

Left out, because on a few CelebA validation faces they gained about 0.1 dB at most: progressive JPEG, JPEG with both
two quantisation tables and Huffman tables of its own, lossless WebP, grey JPEG XL and its other efforts, AVIF's other
speeds and tunings.
"""

import functools

from elic_tf.errors import ElicError, MissingExtraError
from elic_tf.measure import baselines_headers as headers
from elic_tf.measure.baselines_formats import Baseline
from elic_tf.measure.baselines_hashes import BlurHash, ThumbHash

SIDES = (4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
QUALITIES = (0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95)


def make():
    """Every baseline, available or not, in the order of their age."""
    grey = ("grey", True)
    colour = [("subsampling", name) for name in ("4:4:4", "4:2:2", "4:2:0")]
    jpeg = [(("tables", 1), ("optimize", True), option) for option in colour] + [(grey, ("optimize", True))]
    jpeg += [(option,) for option in colour] + [(grey,)]  # standard Huffman tables: better once headers are free
    jpeg2000 = [
        (("irreversible", irreversible), ("num_resolutions", levels), *extra)
        for irreversible, levels, extra in [
            (False, 1, ()), (False, 2, ()), (True, 1, ()), (True, 2, ()), (True, 3, ()), (False, 1, (grey,)),
        ]
    ]  # fmt: skip
    avif = [(("subsampling", name), ("speed", 0)) for name in ("4:4:4", "4:2:0", "4:0:0")]
    blocks = (4, 8, 12, 16, 20, 24, 32, 40, 48, 64)
    avif_sides, avif_qualities = (4, 8, 12, 16, 24, 32, 48, 64), tuple(range(0, 100, 5))
    jxl = [(("effort", effort),) for effort in (1, 6, 9)]
    jxl_qualities = (0, 3, 6, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90)
    webp = [(("method", method),) for method in (0, 4, 6)]
    return [
        Baseline("JPEG", "JPEG", jpeg, (8, 16, 24, 32, 40, 48, 56, 64), (1, *QUALITIES[1:]), headers.jpeg),
        Baseline("JPEG 2000", "JPEG2000", jpeg2000, blocks, tuple(range(8, 42, 2)), headers.jpeg2000),
        Baseline("WebP", "WEBP", webp, SIDES, QUALITIES, headers.webp),
        Baseline("AVIF", "AVIF", avif, avif_sides, avif_qualities, headers.avif),
        Baseline("JPEG XL", "JXL", jxl, blocks, jxl_qualities, headers.jxl),
        BlurHash(),
        ThumbHash(),
    ]


@functools.cache
def table():
    """Name to Baseline."""
    return {baseline.name: baseline for baseline in make()}


def get(name):
    """The baseline of that name, ready to run. MissingExtraError where its package is not installed."""
    baselines = table()
    if name not in baselines:
        raise ElicError(f"there is no baseline {name!r}; there are {', '.join(baselines)}")
    if baselines[name].missing:
        raise MissingExtraError(f"{name} {baselines[name].missing}")
    return baselines[name]
