"""`tf.data` from any face set: uint8 in memory, float32 in [0, 1] per batch, never waiting.

Everything random is a function of the seed and of the number of the batch, so a training that was interrupted
continues with the very batches it would have seen: pass the number of batches already used as `skip`.
"""

import numpy as np

from elic_tf.errors import DataError, ImageError
from elic_tf.faces.faceset import FaceSet

SHIFT = 2  # pixels, at most, in each direction
CONTRAST = 0.1  # the factor is between 0.9 and 1.1
BRIGHTNESS = 0.06  # of the range [0, 1]
WARMTH = 0.03  # added to red and taken from blue


def steps(faces, batch_size: int, drop_remainder: bool = False) -> int:
    """Batches in one pass over `faces` (anything with a length)."""
    return len(faces) // batch_size if drop_remainder else -(-len(faces) // batch_size)


def dataset(
    faces,
    batch_size: int,
    *,
    seed: int = 0,
    shuffle: bool = True,
    repeat: bool = False,
    augment: str | None = None,
    labels=(),
    drop_remainder: bool = False,
    skip: int = 0,
):
    """A tf.data.Dataset of `faces`: a FaceSet, or an array (n, size, size, 3) of uint8 or of float in [0, 1].

    Yields float32 in [0, 1] of shape (batch_size, size, size, 3); with `labels` (names in a FaceSet), pairs
    of that and {name: (batch_size,)}. The last batch of a pass is smaller, unless `drop_remainder`.

    repeat: pass after pass, each shuffled anew: what training wants, with `steps_per_epoch=steps(faces,
        batch_size)`. Without it one pass, which is the same whenever it is iterated.
    augment: "flip" mirrors half of the faces; "full" also shifts by up to 2 pixels (edges replicated) and
        changes contrast, brightness and warmth.
    skip: leave out so many batches, counted over all passes, and go on as if they had been used.

    The pixels are kept in memory as they are: 12 kB for a 64x64 face of uint8.

    ImageError for an array of another shape or type, DataError for an unknown label or an empty data set.
    """
    # All work is done by TensorFlow's ops: a Python call inside tf.data can hang the process when it ends.
    import tensorflow as tf

    images, columns = _columns(faces, labels)
    with tf.device("CPU:0"):  # held once, outside the graph, never on a GPU
        images = tf.convert_to_tensor(images)
        columns = {label: tf.convert_to_tensor(values) for label, values in columns.items()}
    if augment not in (None, "flip", "full"):
        raise DataError(f'augment must be None, "flip" or "full", got {augment!r}')
    count = len(faces)
    per_pass = steps(faces, batch_size, drop_remainder)
    if per_pass == 0:
        raise DataError(f"{count} faces make no batch of {batch_size}")
    if not repeat and skip > per_pass:
        raise DataError(f"skip={skip} is more than the {per_pass} batches of one pass; did you mean repeat=True?")

    def order(epoch):
        indices = tf.range(count)
        if shuffle:
            indices = tf.random.experimental.stateless_shuffle(indices, _fold(seed, 0, epoch))
        return tf.data.Dataset.from_tensor_slices(indices).batch(batch_size, drop_remainder)

    def batch(step, indices):
        pixels = _pixels(images, indices, augment, _fold(seed, 1, step))
        if not labels:
            return pixels
        return pixels, {label: tf.gather(values, indices) for label, values in columns.items()}

    if repeat:
        first, within = divmod(skip, per_pass)
        passes = tf.data.Dataset.counter(start=first)
        total = tf.data.INFINITE_CARDINALITY
    else:
        within, passes = skip, tf.data.Dataset.range(1)
        total = per_pass - skip
    result = passes.flat_map(order).skip(within).enumerate(start=skip)
    result = result.map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return result.apply(tf.data.experimental.assert_cardinality(total)).prefetch(tf.data.AUTOTUNE)


def _columns(faces, labels):
    """The pixels as an array, and the labels asked for."""
    if isinstance(faces, FaceSet):
        for label in labels:
            if label not in faces.labels:
                raise DataError(f"{faces.name} has no label {label!r}; it has {', '.join(faces.labels)}")
        return faces.images, {label: faces.labels[label] for label in labels}
    if labels:
        raise DataError("labels need a FaceSet; an array of pixels has none")
    images = np.asanyarray(faces)
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype.kind not in "uf":
        raise ImageError(f"faces must be uint8 or float of shape (n, size, size, 3), got {images.dtype} {images.shape}")
    if images.dtype.kind == "u" and images.dtype != np.uint8:
        raise ImageError(f"faces must be uint8 or float in [0, 1], got {images.dtype}")
    return images, {}


def _fold(seed, purpose, number):
    """A stateless seed, shape (2,), for the `number`-th use for one purpose."""
    import tensorflow as tf

    return tf.random.experimental.stateless_fold_in(tf.constant([seed, purpose], tf.int64), number)


def _pixels(images, indices, augment, seed):
    """The images at `indices` as one batch of float32 in [0, 1], augmented."""
    import tensorflow as tf

    scale = 1 / 255 if images.dtype == tf.uint8 else 1.0
    if augment is None:
        return tf.cast(tf.gather(images, indices), tf.float32) * scale

    _, height, width, _ = images.shape
    batch = tf.size(indices)
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 6))

    def between(which, limit):
        return tf.random.stateless_uniform([batch, 1, 1, 1], seeds[which], -limit, limit)

    def moved(which, length):  # the row or column that each one is taken from
        shift = tf.random.stateless_uniform([batch, 1], seeds[which], -SHIFT, SHIFT + 1, tf.int32)
        return tf.clip_by_value(tf.range(length) + (shift if augment == "full" else 0), 0, length - 1)

    # Mirroring and shifting choose rows and columns; done on the uint8 pixels they cost a quarter of what
    # they would on floats, and gathering columns is several times faster than tf.reverse and tf.where.
    flip = tf.random.stateless_uniform([batch, 1], seeds[0]) < 0.5
    columns = moved(2, width)
    columns = tf.where(flip, width - 1 - columns, columns)
    if augment == "flip":
        pixels = tf.gather(images, indices)
    else:
        rows = indices[:, None] * height + moved(1, height)
        pixels = tf.reshape(tf.gather(tf.reshape(images, [-1, width * 3]), rows), [-1, height, width, 3])
    pixels = tf.cast(tf.gather(pixels, columns, axis=2, batch_dims=1), tf.float32)
    pixels = tf.ensure_shape(pixels, [*indices.shape, height, width, 3])
    if augment == "flip":
        return pixels * scale
    contrast = 1 + between(3, CONTRAST)
    offset = 0.5 - 0.5 * contrast + between(4, BRIGHTNESS) + between(5, WARMTH) * [1.0, 0.0, -1.0]
    return tf.clip_by_value(pixels * (contrast * scale) + offset, 0.0, 1.0)
