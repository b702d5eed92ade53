"""Synthetic faces: drawn from a small Bayesian network of named factors, rendered by shading a head's relief.

The default data everywhere, and the only data with known ground truth: a face is a function of its record
and of nothing else, so the entropy of the record is the least number of bits any lossless codec could
need on average.

    records = synthetic.sample(1000, seed=0)      # (1000,) structured uint8: one level for each factor
    faces = synthetic.render(records)             # (1000, 64, 64, 3) float32 in [0, 1]
    synthetic.describe(records[0])                # {"gender": "woman", "age": "55-64", ...}
    synthetic.entropy_bits()                      # the floor, in bits a face

    python -m elic_tf.faces.synthetic --out sheet.png --card card.md     # a contact sheet, and the data card
"""

import numpy as np

from elic_tf.faces.synthetic.factors import FACTORS, MONK, ORDER, TOTAL, frequencies, parents
from elic_tf.faces.synthetic.network import (
    DTYPE,
    bits,
    conditional_entropy_bits,
    describe,
    entropy_bits,
    marginal,
    sample,
)
from elic_tf.faces.synthetic.rendering import render

__all__ = [
    "DTYPE",
    "FACTORS",
    "MONK",
    "ORDER",
    "TOTAL",
    "bits",
    "conditional_entropy_bits",
    "describe",
    "entropy_bits",
    "faces",
    "frequencies",
    "load",
    "marginal",
    "parents",
    "render",
    "sample",
]


def faces(n: int, seed: int = 0, size: int = 64) -> np.ndarray:
    """n faces, float32 (n, size, size, 3) in [0, 1]: `render(sample(n, seed), size)`."""
    return render(sample(n, seed), size)


def load(n: int, seed: int = 0, size: int = 64):
    """n faces as a `FaceSet` of uint8 images.

    labels: every factor (uint8 level, named in `FACTORS`), and "male" (bool). Every face is its own person.
    """
    from elic_tf.faces.faceset import FaceSet

    records = sample(n, seed)
    images = np.round(render(records, size) * 255).astype(np.uint8)
    labels = {name: records[name].copy() for name in FACTORS}
    labels["male"] = records["gender"] == FACTORS["gender"].index("man")
    names = [f"synthetic-{seed}-{number:06d}" for number in range(n)]
    return FaceSet("synthetic", images, labels, np.arange(n), names)
