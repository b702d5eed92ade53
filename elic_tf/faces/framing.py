"""How a set frames its faces, and how to show them as CelebA's crops do: for a network that is used to those.

In UTKFace's pictures faces are 30 % larger than in CelebA's crops, and higher. What a CelebA crop would show beyond the
picture's edge nobody knows; the nearest pixels are put there.
"""

import dataclasses

import numpy as np

FRAMES = {"celeba": (1.0, 0.0, 0.0), "utkface": (1.305, -9.8 / 64, -19.4 / 64)}
"""(scale, x, y), x and y in widths of the picture: pixel p of the crop shows the picture's pixel scale * p + offset."""

SAME = (1.0, 0.0, 0.0)


def warped(pixels, frame, transforms=None):
    """TensorFlow faces (n, size, size, 3) of float in frames (n, 3), in the common one.

    transforms: (n, 8), a further map, as `tf.raw_ops.ImageProjectiveTransformV3` takes them.
    """
    import tensorflow as tf

    size = pixels.shape[1]
    if transforms is None:
        transforms = tf.tile(tf.constant([[1.0, 0, 0, 0, 1, 0, 0, 0]]), (tf.shape(pixels)[0], 1))
    scale, x, y = frame[:, 0, None], frame[:, 1, None] * size, frame[:, 2, None] * size
    a, b, c, d, e, f = (transforms[:, i, None] for i in range(6))
    zero = tf.zeros_like(a)
    both = tf.concat([scale * a, scale * b, scale * c + x, scale * d, scale * e, scale * f + y, zero, zero], 1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pixels, transforms=both, output_shape=[size, size], fill_value=0.0, interpolation="BILINEAR",
        fill_mode="NEAREST")  # fmt: skip


def as_celeba(faces):
    """A FaceSet in the frame of CelebA's crops; one that has it already is returned as it is."""
    import tensorflow as tf

    frame = FRAMES.get(faces.name, SAME)
    if frame == SAME:
        return faces
    parts = []
    for start in range(0, len(faces), 256):
        pixels = tf.cast(np.asarray(faces.images[start : start + 256]), tf.float32)
        parts.append(warped(pixels, tf.tile(tf.constant([frame]), (len(pixels), 1))).numpy())
    return dataclasses.replace(faces, images=np.round(np.concatenate(parts)).astype(np.uint8))
