"""Strong augmentation: every face moved, turned, scaled, relit and partly covered, from a stateless seed."""

import math

from elic_tf.faces import framing

SCALE = (0.8, 1.12)
SHIFT = 4 / 64
"""Of the width; so is the half of the side of what is covered."""
TURN = math.radians(12)
SHEAR = 0.06
CONTRAST, BRIGHTNESS, SATURATION, WARMTH = 0.3, 0.15, 0.4, 0.06
GREY = 0.08
COVER, COVERED = 0.4, (4 / 64, 10 / 64)


def augmented(pixels, frame, seed):
    """Faces (n, size, size, 3) of float in [0, 1], in frames (n, 3) of `framing`, each changed at random.

    They come in the common frame. seed: a stateless one, (2,).
    """
    import tensorflow as tf

    size = pixels.shape[1]

    n = tf.shape(pixels)[0]
    seeds = iter(tf.unstack(tf.random.experimental.stateless_split(seed, 16)))

    def between(low, high, shape=(1,)):
        return tf.random.stateless_uniform([n, *shape], next(seeds), low, high)

    scale, turn, shear = between(*SCALE), between(-TURN, TURN), between(-SHEAR, SHEAR)
    mirror = tf.where(between(0, 1) < 0.5, -1.0, 1.0)
    a, b = scale * mirror * tf.cos(turn), scale * (shear - tf.sin(turn))
    d, e = scale * mirror * tf.sin(turn), scale * tf.cos(turn)
    middle = (size - 1) / 2
    x = middle + between(-SHIFT, SHIFT) * size - middle * (a + b)
    y = middle + between(-SHIFT, SHIFT) * size - middle * (d + e)
    zero = tf.zeros_like(a)
    pixels = framing.warped(pixels, frame, tf.concat([a, b, x, d, e, y, zero, zero], 1))

    picture = (1, 1, 1)
    grey = tf.reduce_mean(pixels, -1, keepdims=True)
    colour = between(1 - SATURATION, 1 + SATURATION, picture)
    colour = tf.where(between(0, 1, picture) < GREY, 0.0, colour)
    pixels = grey + colour * (pixels - grey)
    mean = tf.reduce_mean(pixels, (1, 2, 3), keepdims=True)
    pixels = mean + between(1 - CONTRAST, 1 + CONTRAST, picture) * (pixels - mean)
    pixels += between(-BRIGHTNESS, BRIGHTNESS, picture) + between(-WARMTH, WARMTH, picture) * [1.0, 0.0, -1.0]

    # A grey square over part of the face: no single place may decide everything (DeVries and Taylor 2017).
    half = tf.where(between(0, 1) < COVER, size * between(*COVERED), 0.0)
    place = tf.range(size, dtype=tf.float32)[None]
    across = tf.abs(place - size * between(0, 1)) < half
    down = tf.abs(place - size * between(0, 1)) < half
    covered = (across[:, None, :] & down[:, :, None])[..., None]
    return tf.clip_by_value(tf.where(covered, 0.5, pixels), 0.0, 1.0)
