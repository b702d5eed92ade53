"""Networks for faces of 32x32 or 64x64, shared by the VAE, the GAN and the VAE/GAN.

All are functional models of convolutions and residual blocks between the face and a map of 4x4. None of them normalises
over the batch, though Larsen et al. (2016) and Radford et al. (2016) do. Batch normalisation sets four traps here:

- A batch with real faces beside generated ones has the statistics of the mixture, so a discriminator sees from
  the company a face is in, not from the face, what it is; two batches instead are normalised with two statistics.
- Training and use differ: the moving averages lag behind (Keras's momentum of 0.99 needs hundreds of steps), and a
  decoder then shows other colours than it was trained to.
- What a file decodes to must not depend on the other files of the batch.
- Under `tf.distribute` every device has statistics of its own, so two devices are not one with twice the batch.

What keeps signals and gradients in bounds instead is their start: residual blocks begin near the identity (H. Zhang, Y.
Dauphin, T. Ma, "Fixup initialization", ICLR 2019).

Images grow by repeating pixels and then convolving, as a strided transposed convolution paints a checkerboard (A.
Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill 2016). Outputs are float32 under every
dtype policy.
"""

import keras
from keras import layers, ops

from elic_tf.errors import ImageError

SIZES = (32, 64)
GRID = 4
"""Side of the map between the convolutions and the latents."""


def encoder(size=64, latents=128, width=32, outputs=2):
    """Faces (n, size, size, 3) in [0, 1] to `outputs` vectors (n, latents): mean and log variance, in this order.

    One output, for a code without noise, is not in a list. The log variance starts as 0.
    """
    faces = keras.Input((size, size, 3), name="faces")
    x = 4 * (faces - 0.5)
    first, *rest = _widths(size, width)
    x = _convolution(x, first, 5, strides=2)
    for filters in rest:
        x = _convolution(ops.relu(x), filters, strides=2)
    x = layers.Flatten()(ops.relu(_residual(x)))
    starts = {"mean": "glorot_uniform", "log_variance": "zeros"}
    vectors = [
        layers.Dense(latents, kernel_initializer=start, dtype="float32", name=name)(x)
        for name, start in list(starts.items())[:outputs]
    ]
    network = keras.Model(faces, vectors if outputs > 1 else vectors[0], name="encoder")
    network.shape_arguments = {"size": size, "latents": latents, "width": width, "outputs": outputs}
    return network


def decoder(size=64, latents=128, width=32, condition=0):
    """Latents (n, latents) to faces (n, size, size, 3) in [0, 1].

    condition: length of a second input (n, condition), say the gender as -1 or 1; 0 for none.
    """
    z = keras.Input((latents,), name="latents")
    inputs, x = z, z
    if condition:
        inputs = [z, keras.Input((condition,), name="condition")]
        x = layers.Concatenate()(inputs)
    last, *rest = _widths(size, width)
    filters = rest[-1]
    x = layers.Dense(GRID * GRID * filters)(x)
    x = layers.Reshape((GRID, GRID, filters))(x)
    for filters in reversed(rest[:-1]):
        x = _residual(_larger(x, filters))
    # The larger the picture, the more a convolution costs: one at half size, and half the channels at full size.
    x = _larger(x, last)
    x = x + _convolution(ops.relu(x), last, gain=0.5)
    x = ops.relu(_larger(ops.relu(x), last // 2))
    x = layers.Conv2D(3, 3, padding="same", activation="sigmoid", dtype="float32", name="last")(x)
    network = keras.Model(inputs, x, name="decoder")
    network.shape_arguments = {"size": size, "latents": latents, "width": width, "condition": condition}
    return network


def discriminator(size=64, width=32, spectral=False):
    """Faces (n, size, size, 3) in [0, 1] to a dictionary of its named layers.

    shallow (n, size/2, size/2, width), middle (n, size/4, size/4, 2 width), deep (n, size/8, size/8, 4 width), as they
    are before the rectifier; logits (n,), positive for "real".

    spectral: every weight matrix is divided by its largest singular value (T. Miyato et al., "Spectral normalization
    for generative adversarial networks", ICLR 2018); that estimate moves on with each call with `training=True`.
    """
    wrap = layers.SpectralNormalization if spectral else lambda layer: layer
    faces = keras.Input((size, size, 3), name="faces")
    x = 4 * (faces - 0.5)
    named = {}
    for name, filters, kernel in zip(("shallow", "middle", "deep"), (width, 2 * width, 4 * width), (5, 5, 3)):
        x = wrap(_layer(filters, kernel, strides=2))(x)
        # In float32, because losses are sums over them.
        named[name] = layers.Activation("linear", dtype="float32", name=name)(x)
        x = ops.leaky_relu(x, 0.2)
    if size == 64:
        x = ops.leaky_relu(wrap(_layer(4 * width, 3, strides=2))(x), 0.2)
    x = wrap(layers.Dense(1, dtype="float32"))(layers.Flatten()(x))
    named["logits"] = layers.Reshape((), dtype="float32", name="logits")(x)
    network = keras.Model(faces, named, name="discriminator")
    network.shape_arguments = {"size": size, "width": width, "spectral": spectral}
    return network


def in_float32(network):
    """A float32 copy of a network of this module that was trained in mixed precision."""
    build = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}[network.name]
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        plain = build(**network.shape_arguments)
    finally:
        keras.config.set_dtype_policy(policy)
    plain.set_weights(network.get_weights())
    return plain


def _widths(size, width):
    """Channels at size/2, size/4 ... 4."""
    if size not in SIZES:
        raise ImageError(f"the networks are for faces of {SIZES[0]} or {SIZES[1]} pixels, not {size}: resize them")
    return [width, 2 * width, 4 * width, 4 * width][: {32: 3, 64: 4}[size]]


def _layer(filters, kernel, strides=1, gain=2.0):
    start = keras.initializers.VarianceScaling(gain)  # keeps the variance through a rectifier (He et al. 2015)
    return layers.Conv2D(filters, kernel, strides, padding="same", kernel_initializer=start)


def _convolution(x, filters, kernel=3, strides=1, gain=2.0):
    return _layer(filters, kernel, strides, gain)(x)


def _residual(x):
    """x + F(relu(x)), F nearly zero before training."""
    hidden = _convolution(ops.relu(x), x.shape[-1])
    return x + _convolution(ops.relu(hidden), x.shape[-1], gain=0.1)


def _larger(x, filters):
    """Twice the size: the channels are mixed where that is cheap, then each pixel is repeated in a square of four."""
    return layers.UpSampling2D(2)(_convolution(x, filters, 1, gain=1.0))
