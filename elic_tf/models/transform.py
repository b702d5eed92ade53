"""The learned codec: eigenfaces with a learned correction before them and a learned residual after them.

Analysis: y = KLT(x + f(x)), synthesis: x' = KLT^-1(y) + g(KLT^-1(y), y, step), f and g convolutional and zero before
training, so that training starts at the best linear codec and can only leave it for something better. A residual
network for the decoder because that is where nonlinearity pays: for given bits the best reconstruction is E[x | bits],
which a linear decoder reaches for Gaussian faces only. Both work at 16x16 on 4x4 blocks of pixels, where a convolution
sees much of a face.

The loss is R + lambda D in bits (J. Ballé, V. Laparra, E. Simoncelli, "End-to-end optimized image compression", ICLR
2017, section 3), one global latent vector, lambda and step drawn for each face: one model serves all rates.
"""

import keras
import numpy as np
from keras import layers, ops

from elic_tf.models import runtime
from elic_tf.models.klt import SIZE, to_pixels
from elic_tf.models.runtime import BLOCK, DEPTH, GLOBAL, GRID


def to_blocks(faces):
    """Faces (n, 64, 64, 3) to (n, 16, 16, 48): the pixels of a 4x4 block as channels."""
    x = ops.reshape(faces, (-1, GRID, BLOCK, GRID, BLOCK, 3))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, GRID, GRID, DEPTH))


def from_blocks(blocks):
    """The inverse of `to_blocks`."""
    x = ops.reshape(blocks, (-1, GRID, GRID, BLOCK, BLOCK, 3))
    return ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, SIZE, SIZE, 3))


@keras.saving.register_keras_serializable(package="elic_tf")
class Place(layers.Layer):
    """Adds a learned map: faces are aligned, and a network should know where on a face it is."""

    def build(self, shape):
        self.map = self.add_weight(shape=shape[1:], initializer="zeros", name="map")

    def call(self, x):
        return x + ops.cast(self.map, x.dtype)


def _conv(x, filters, size=3, stride=1, gain=2.0):
    start = keras.initializers.VarianceScaling(gain) if gain else "zeros"
    return layers.Conv2D(filters, size, strides=stride, padding="same", kernel_initializer=start)(x)


def _residual(x, condition, relu=ops.relu):
    """A residual block whose hidden channels are scaled and moved by the condition (FiLM, Perez et al. 2018)."""
    filters = x.shape[-1]
    hidden = _conv(x, filters)
    if condition is not None:
        film = layers.Dense(2 * filters, kernel_initializer=keras.initializers.RandomNormal(0.01))(condition)
        film = layers.Reshape((1, 1, 2 * filters))(film)
        gain, offset = ops.split(film, 2, axis=-1)
        hidden = hidden * (1 + gain) + offset
    return x + _conv(relu(hidden), filters, gain=0.1)


def synthesis_network(filters=80, deep=160, blocks=(2, 3, 2), width=160, gender=False, relu=ops.relu):
    """The residual g of a reconstruction (n, 16, 16, 48), latents (n, 384) over their scales, and log2 step (n, 1).

    gender: whether it is also told the gender (n, 1): -1 woman, 1 man, 0 not known. relu: what to put in its place;
    LiteRT knows the gradient of other functions only.
    """
    base = keras.Input((GRID, GRID, DEPTH), name="base")
    vector = keras.Input((GLOBAL,), name="latents")
    step = keras.Input((1,), name="log_step")
    inputs = [base, vector, step, *([keras.Input((1,), name="gender")] if gender else [])]
    condition = layers.Concatenate()(inputs[1:])
    for _ in range(2):
        condition = relu(layers.Dense(width)(condition))
    x = Place()(_conv(4 * (base - 0.5), filters, gain=1.0))
    for _ in range(blocks[0]):
        x = _residual(x, condition, relu)
    y = Place()(_conv(x, deep, size=2, stride=2, gain=1.0))
    for _ in range(blocks[1]):
        y = _residual(y, condition, relu)
    y = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(y)
    x = x + y
    for _ in range(blocks[2]):
        x = _residual(x, condition, relu)
    last = layers.Conv2D(DEPTH, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="last")
    network = keras.Model(inputs, last(relu(x)), name="synthesis")
    network.shape_arguments = {"filters": filters, "deep": deep, "blocks": blocks, "width": width, "gender": gender}
    return network


def analysis_network(filters=64, blocks=2):
    """The correction f: blocks (n, 16, 16, 48) -> (n, 16, 16, 48)."""
    face = keras.Input((GRID, GRID, DEPTH), name="face")
    x = Place()(_conv(4 * (face - 0.5), filters, gain=1.0))
    whole = layers.Dense(filters, activation="relu")(layers.Flatten()(_conv(x, 8, size=2, stride=2, gain=1.0)))
    for _ in range(blocks):
        x = _residual(x, whole)
    last = layers.Conv2D(DEPTH, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="last")
    network = keras.Model(face, last(ops.relu(x)), name="analysis")
    network.shape_arguments = {"filters": filters, "blocks": blocks}
    return network


def pixel_basis(klt):
    """Mean (16, 16, 48) and eigenvectors (K, 16 * 16 * 48) of a KLT, in blocks of pixels."""
    count = len(klt.odd)
    rows = np.zeros((count, klt.mean.size), np.float32)
    for index, zone, vectors in klt._vectors:
        rows[index[:, None], np.asarray(zone, np.intp)[None]] = vectors
    shape = (-1, *klt.mean.shape)
    pixels = np.concatenate([to_pixels(part.reshape(shape)) for part in np.array_split(rows, 10)])
    mean = runtime.to_blocks(to_pixels(klt.mean[None]))[0]
    return mean, runtime.to_blocks(pixels).reshape(count, -1)


def cost(distortion, bits, step, weight, reference):
    """The Lagrangian of each face, (n,): (D + weight * step^2 * R) / D_klt, where lambda = 1 / weight / step^2.

    distortion, reference: squared error summed over the face, of the model and of the linear reconstruction from the
    same integers, the latter a constant. What is reported is PSNR averaged over faces, so the error counts relative to
    what is usual for this face at this rate: -10 log10 of it is then improved alike on easy and on hard faces.
    """
    return (distortion + weight * ops.square(step) * bits) / reference
