"""The convolutional VAE of TensorFlow's tutorial "Convolutional Variational Autoencoder", in Keras 3 and in bits.

Same idea and nearly the same layers: p(z) = N(0, I), q(z|x) a diagonal Gaussian, p(x|z) a Bernoulli for each pixel, and
the ELBO of D. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014. What is mended, and how:

 1. It installs three packages, two of them for a GIF and TensorFlow Probability for one quantile of the normal
    distribution. Here `statistics.NormalDist` of the standard library gives the quantile, and nothing is installed.
 2. It has no seed, and shows other digits in every run. Here noise comes from a `SeedGenerator`, whose state is part of
    the model, and the caller chooses which images are shown.
 3. One `tf.function` serves every model and optimizer, so a second model fails with "Unknown variable". Here
    `train_step` belongs to the model, and each model makes an optimizer of its own.
 4. Noise of shape `mean.shape` needs a known batch size. Here it is `ops.shape(mean)`: `fit`, export and a smaller last
    batch work.
 5. `InputLayer(input_shape=)` is deprecated. Here both networks are functional and begin with `keras.Input`.
 6. It says that z is made from the decoder's parameters; they are the encoder's. And what it shows as samples
    are reconstructions. Here `reconstruct` passes images through the posterior, and `sample` draws from the prior.
 7. KL is one Monte Carlo draw. Here it is the closed form (`vae.rate`), without the noise of a draw.
 8. The plot of the manifold exchanges rows and columns. Here `manifold` says which latent is which axis.
 9. Its GIF takes whatever `image*.png` lie in the folder, also those of an earlier run. Here `Watch` keeps its pictures
    in memory.
10. It suggests 512 filters without a price. Twice the filters, here 32 and 64, take three to four times as long.
11. It does not say how long it takes: two quiet cores see about 3,000 MNIST digits a second, 20 seconds for an epoch.

And losses are in bits, so that they say what a file would cost. Transposed convolutions have 4x4 kernels in place of
3x3: a kernel that the stride divides does not paint a checkerboard.

Grey pictures: a Bernoulli has two values, so the tutorial cuts digits at 0.5 (`binarise`). A face would not survive
that. Cross-entropy with grey x is the mean cost of a picture of black and white dots, each white with probability x, as
newspapers print them. Random dots cost at least their entropy (`floor`), which no loss here subtracts.
"""

import math
import statistics

import keras
import numpy as np
from keras import layers, ops

from elic_tf.errors import ImageError
from elic_tf.models import vae


def binarise(images):
    """Images of float in [0, 1] as 0 or 1, cut at 0.5 as the tutorial does."""
    return (np.asarray(images) > 0.5).astype(np.float32)


def to_grey(faces):
    """Faces (n, size, size, 3) as luminance (n, size, size, 1), weights of ITU-R BT.601."""
    return (np.asarray(faces, np.float32) @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]


def encoder(size=28, latents=2, filters=32):
    """Images (n, size, size, 1) to mean and log variance of q(z|x), each (n, latents)."""
    if size % 4:
        raise ImageError(f"the CVAE halves its image twice: {size} pixels must be a multiple of 4")
    image = keras.Input((size, size, 1), name="image")
    x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Conv2D(2 * filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    mean = layers.Dense(latents, dtype="float32", name="mean")(x)
    log_variance = layers.Dense(latents, dtype="float32", name="log_variance")(x)
    return keras.Model(image, [mean, log_variance], name="encoder")


def decoder(size=28, latents=2, filters=32):
    """Latents (n, latents) to logits of white (n, size, size, 1)."""
    z = keras.Input((latents,), name="latents")
    side = size // 4
    x = layers.Dense(side * side * filters, activation="relu")(z)
    x = layers.Reshape((side, side, filters))(x)
    x = layers.Conv2DTranspose(2 * filters, 4, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(1, 3, padding="same", dtype="float32", name="logits")(x)
    return keras.Model(z, x, name="decoder")


def distortion(images, logits):
    """-log2 p(x|z) of each image, (n,) bits: cross-entropy summed over pixels (Kingma and Welling, appendix C.1)."""
    each = ops.maximum(logits, 0) - logits * images + ops.log1p(ops.exp(-ops.abs(logits)))  # no overflow
    return ops.sum(each, (1, 2, 3)) / math.log(2)


def floor(images):
    """The least `distortion` there is, (n,) bits: the entropy of the dots of grey images; 0 for black and white."""
    x = ops.clip(ops.convert_to_tensor(images), 1e-7, 1 - 1e-7)
    return -ops.sum(x * ops.log(x) + (1 - x) * ops.log(1 - x), (1, 2, 3)) / math.log(2)


class CVAE(keras.Model):
    """Train with `fit(images)`, images (n, size, size, 1) in [0, 1] as array or tf.data.Dataset.

    Metrics, in bits per image: loss = rate + distortion. Compiled with an optimizer of its own.
    """

    def __init__(self, size=28, latents=2, filters=32, seed=0, learning_rate=1e-3):
        super().__init__()
        self.encoder = encoder(size, latents, filters)
        self.decoder = decoder(size, latents, filters)
        self.noise = keras.random.SeedGenerator(seed)
        self.trackers = {name: keras.metrics.Mean(name) for name in ("loss", "rate", "distortion")}
        self.built = True
        self.compile(optimizer=keras.optimizers.Adam(learning_rate), jit_compile=False)

    @property
    def metrics(self):
        return list(self.trackers.values())

    def call(self, images):
        """The same as `reconstruct`, as logits."""
        return self.decoder(self.encoder(images)[0])

    def reconstruct(self, images):
        """Images through the mean of the posterior and back, (n, size, size, 1) in [0, 1]."""
        return ops.convert_to_numpy(ops.sigmoid(self(ops.convert_to_tensor(images))))

    def sample(self, count, seed=0):
        """Images of latents drawn from the prior, (count, size, size, 1): probabilities of white."""
        z = np.random.default_rng(seed).standard_normal((count, self.decoder.input_shape[1]))
        return ops.convert_to_numpy(ops.sigmoid(self.decoder(ops.convert_to_tensor(z, "float32"))))

    def manifold(self, side=20):
        """One picture (side * size, side * size) of the plane of two latents, at equal steps of probability.

        To the right z[0] grows, upwards z[1], as in any diagram.
        """
        quantiles = [statistics.NormalDist().inv_cdf(p) for p in np.linspace(0.05, 0.95, side)]
        right, up = np.meshgrid(quantiles, quantiles[::-1])
        z = ops.convert_to_tensor(np.stack([right.ravel(), up.ravel()], 1), "float32")
        images = ops.convert_to_numpy(ops.sigmoid(self.decoder(z)))
        size = images.shape[1]
        return images.reshape(side, side, size, size).transpose(0, 2, 1, 3).reshape(side * size, side * size)

    def _cost(self, data):
        images, *_ = keras.utils.unpack_x_y_sample_weight(data)  # labels, if any, are not looked at
        images = ops.cast(images, "float32")
        mean, log_variance = self.encoder(images)
        noise = keras.random.normal(ops.shape(mean), seed=self.noise)
        logits = self.decoder(vae.reparametrise(mean, log_variance, noise))
        rate = vae.rate(mean, log_variance)
        bits = {"rate": rate, "distortion": distortion(images, logits)}
        bits["loss"] = bits["rate"] + bits["distortion"]
        for name, value in bits.items():
            self.trackers[name].update_state(value)
        return bits["loss"]

    def train_step(self, data):
        import tensorflow as tf

        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            loss = self.optimizer.scale_loss(ops.mean(self._cost(data)) / replicas)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def test_step(self, data):
        self._cost(data)
        return {name: tracker.result() for name, tracker in self.trackers.items()}


class Watch(keras.callbacks.Callback):
    """Keeps what the decoder makes of the same latents after each epoch: `pictures`, (n, size, size, 1) each."""

    def __init__(self, count=16, seed=0):
        super().__init__()
        self.count, self.seed, self.pictures = count, seed, []

    def on_epoch_end(self, epoch, logs=None):
        self.pictures.append(self.model.sample(self.count, self.seed))
