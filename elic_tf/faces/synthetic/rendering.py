"""From records to pictures: the layers in the order they lie on each other, a chunk of faces at a time."""

import numpy as np

from elic_tf import errors
from elic_tf.faces.synthetic import beard, features, hair, scene, wear
from elic_tf.faces.synthetic.head import Head
from elic_tf.faces.synthetic.light import Light
from elic_tf.faces.synthetic.network import check
from elic_tf.faces.synthetic.view import View

_PIXELS = 16 * 64 * 64
"""Pixels of a chunk: its planes stay in a core's cache."""


def _to_srgb(light):
    """Linear light to [0, 1] sRGB: a soft shoulder, then the sRGB curve fitted by square roots."""
    np.maximum(light, 0, out=light)
    light *= 1.16 / (1 + 0.16 * light)
    np.minimum(light, 1, out=light)
    root = np.sqrt(light)
    fourth = np.sqrt(root)
    eighth = np.sqrt(fourth)
    encoded = 0.662002687 * root + 0.684122060 * fourth - 0.323583601 * eighth - 0.0225411470 * light
    return np.clip(encoded, 0, 1, out=encoded)


def _chunk(records, size):
    view = View(records, size)
    light = Light(view)
    head = Head(view, light)
    locks = hair.Hair(view, head, light)
    picture = scene.background(view)
    locks.paint_bun(picture)
    locks.paint_back(picture)
    head.paint_neck(picture)
    wear.paint_clothing(head, picture)
    head.paint_ears(picture)
    occlusion = locks.shadow()
    wear.hat_shadow(head, occlusion)
    head.paint_skin(picture, occlusion)
    features.paint_nostrils(head, picture)
    features.paint_mouth(head, picture)
    features.paint_eyes(head, picture)
    features.paint_brows(head, picture)
    beard.paint_beard(head, picture)
    locks.paint_front(picture)
    wear.paint_earrings(head, picture)
    wear.paint_hat(head, picture)
    wear.paint_glasses(head, picture, locks.alpha)
    return np.moveaxis(_to_srgb(picture), 0, -1)


def render(records, size: int = 64) -> np.ndarray:
    """Pictures of records, float32 (n, size, size, 3) in [0, 1]: a function of the record alone.

    `size` is 32 to 256 pixels and changes the sampling, not the picture.
    """
    records = check(records)
    if size != int(size) or not 32 <= size <= 256:
        raise errors.ImageError(f"synthetic faces are 32 to 256 pixels wide, not {size}")
    size = int(size)
    step = max(1, _PIXELS // (size * size))
    pictures = np.empty((len(records), size, size, 3), np.float32)

    for start in range(0, len(records), step):
        pictures[start : start + step] = _chunk(records[start : start + step], size)
    return pictures
