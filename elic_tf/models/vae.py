"""A variational autoencoder for faces, whose loss is a number of bits.

    z ~ N(0, I)                     the prior
    x ~ N(decoder(z), sigma^2 I)    the likelihood: one sigma for all pixels
    q(z|x) = N(mean, variance)      what the encoder says of z, a diagonal Gaussian

D. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014 (arXiv 1312.6114). The negative of the ELBO,
equation (10), is rate + distortion. The rate, KL(q || p), is about what it costs to send somebody a draw from q who
shares the sender's random numbers (relative entropy coding); a file of integers costs more, see `latent_model`. The
distortion is -log2 of the density of the face given z.

**sigma is the rate knob.** What z changes by less than sigma is not worth its bits. A linear VAE keeps the principal
components whose variance exceeds sigma^2 and lets the others collapse, see `linear_rate`. A weight beta on the rate is
the same knob: sigma and beta train the same networks as sigma sqrt(beta) and 1. And so is *averaging* the squared error
over the 12,288 values of a face: PyTorch-VAE's mean and kld_weight = 0.00025 are sigma = 1.24 for pixels in [-1, 1],
0.62 in [0, 1], and a weight of 1 is sigma = 39, at which every latent collapses.

**sigma can be learned** (O. Rybkin, K. Daniilidis, S. Levine, "Simple and effective VAE training with calibrated
decoders", ICML 2021, optimal sigma-VAE): the sigma^2 that costs fewest bits is the mean squared error itself.
"""

import math

import keras
import numpy as np
from keras import layers, ops

LN2 = math.log(2)
MOMENTUM = 0.98
"""Of the running mean of a learned sigma squared, which is what is used outside training."""
ACTIVE = 0.01


def kl(mean, log_variance):
    """KL(q(z|x) || p(z)) of each latent in bits, (n, K): Kingma and Welling, appendix B.

    -KL = 1/2 (1 + log variance - mean^2 - variance) nats.
    """
    return -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance)) / LN2


def rate(mean, log_variance):
    """Bits per face, (n,): the KL summed over latents, the first half of equation (10)."""
    return ops.sum(kl(mean, log_variance), 1)


def reparametrise(mean, log_variance, noise):
    """z = mean + standard deviation * noise, (n, K), for noise from N(0, I): Kingma and Welling, section 2.4."""
    return mean + ops.exp(0.5 * log_variance) * noise


def squared_error(faces, decoded):
    """Summed over pixels and colours, (n,)."""
    return ops.sum(ops.square(ops.cast(faces, "float32") - ops.cast(decoded, "float32")), (1, 2, 3))


def distortion(error, values, sigma):
    """-log2 N(x; x', sigma^2 I) in bits, (n,): the second half of equation (10), with one draw of z.

    error: squared error (n,) summed over the `values` pixels and colours of a face.

    = (error / (2 sigma^2) + values (log sigma + 1/2 log 2 pi)) / log 2. The constant is included, so a density above
    1 costs less than 0 bits. Sent without loss in steps of 1/255, a face would cost values * log2(255) more.
    """
    return (error / (2 * ops.square(sigma)) + values * (ops.log(sigma) + 0.5 * math.log(2 * math.pi))) / LN2


def optimal_sigma(error, values):
    """The sigma at which the mean `distortion` of a batch is least: the root of the mean squared error, ().

    The derivative by sigma is zero there, so gradients need not pass through it.
    """
    return ops.sqrt(ops.mean(error) / values + 1e-8)


def active_units(means):
    """Which latents say something about the face, (K,) bool, from posterior means (n, K) of many faces.

    The variance of the mean over faces is above 0.01 (Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted
    autoencoders", ICLR 2016, section 5). A collapsed latent has the prior as its posterior, whatever the face.
    """
    return np.asarray(means).var(0) > ACTIVE


def linear_rate(variances, sigma):
    """Bits of each latent of the best linear VAE, (K,), for eigenvalues (K,) of the covariance of faces.

    1/2 log2(variance / sigma^2), and none where that is negative (J. Lucas et al., "Don't blame the ELBO! A linear VAE
    perspective on posterior collapse", NeurIPS 2019). Reverse water-filling with the water at sigma^2.
    """
    return 0.5 * np.log2(np.maximum(np.asarray(variances) / sigma**2, 1))


class Spread(layers.Layer):
    """The decoder's sigma: a fixed number or, for None, the running mean of the best one of each batch."""

    START = 0.25
    """About the standard deviation of the pixels of faces."""

    def __init__(self, sigma=None, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.learned = sigma is None
        start = keras.initializers.Constant((self.START if sigma is None else float(sigma)) ** 2)
        self.variance = self.add_weight(
            shape=(), initializer=start, trainable=False, name="variance", aggregation="only_first_replica"
        )
        self.built = True

    def call(self, error, values, training=False):
        """sigma, (), for squared errors (n,) of faces of so many values."""
        if not (self.learned and training):
            return ops.sqrt(self.variance)
        sigma = ops.stop_gradient(_over_replicas(optimal_sigma(error, values)))
        self.variance.assign(MOMENTUM * self.variance + (1 - MOMENTUM) * ops.square(sigma))
        return sigma


def _over_replicas(sigma):
    """The root mean square over the devices of a tf.distribute strategy."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return sigma
    return ops.sqrt(context.all_reduce(tf.distribute.ReduceOp.MEAN, ops.square(sigma)))


class VAE(keras.Model):
    """Encoder and decoder as in `elic_tf.models.convolutional`, and how they are trained.

    A batch is a dictionary: face (n, size, size, 3) in [0, 1], noise (n, K) from N(0, I). Nothing else is random.

    sigma: of the decoder, in pixels of [0, 1]; None to learn it. Metrics: loss = rate + distortion in bits per face,
    db = mean PSNR of faces decoded from a draw of z, sigma.
    """

    def __init__(self, encoder, decoder, sigma=None):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.spread = Spread(sigma)
        names = ("loss", "rate", "distortion", "mse", "db", "sigma")
        self.trackers = {name: keras.metrics.Mean(name) for name in names}
        self.built = True
        self.compile(optimizer=keras.optimizers.Adam(1e-3), jit_compile=False)

    @property
    def metrics(self):
        return list(self.trackers.values())

    @property
    def sigma(self):
        """The decoder's standard deviation, a number."""
        return float(ops.sqrt(self.spread.variance))

    def call(self, faces):
        """Faces through the mean of the posterior and back."""
        return self.decoder(self.encoder(faces)[0])

    def sample(self, noise):
        """Faces of the prior for noise (n, K) from N(0, I); times less than 1, more usual ones."""
        return self.decoder(noise)

    def cost(self, batch, training=False):
        """Everything about a batch by name: (n,) each, but sigma ()."""
        mean, log_variance = self.encoder(batch["face"], training=training)
        z = reparametrise(mean, log_variance, batch["noise"])
        error = squared_error(batch["face"], self.decoder(z, training=training))
        values = math.prod(self.decoder.output_shape[1:])
        sigma = self.spread(error, values=values, training=training)
        parts = {"rate": rate(mean, log_variance), "distortion": distortion(error, values, sigma)}
        mse = error / values
        return parts | {"loss": parts["rate"] + parts["distortion"], "mse": mse, "sigma": sigma,
                        "db": -10 * ops.log(mse) / math.log(10)}  # fmt: skip

    def train_step(self, batch):
        import tensorflow as tf

        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            parts = self.cost(batch, training=True)
            # Bits per value rather than per face: the same direction, and in range for half precision.
            loss = ops.mean(parts["loss"]) / math.prod(self.decoder.output_shape[1:])
            loss = self.optimizer.scale_loss(loss / replicas)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return self._track(parts)

    def test_step(self, batch):
        return self._track(self.cost(batch))

    def _track(self, parts):
        for name, tracker in self.trackers.items():
            tracker.update_state(parts[name])
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def save_networks(self, folder):
        """Write the weights of encoder, decoder and sigma."""
        for part in (self.encoder, self.decoder):
            part.save_weights(f"{folder}/{part.name}.weights.h5")
        np.savez(f"{folder}/sigma.npz", variance=ops.convert_to_numpy(self.spread.variance))

    def load_networks(self, folder):
        """Read what `save_networks` wrote."""
        for part in (self.encoder, self.decoder):
            part.load_weights(f"{folder}/{part.name}.weights.h5")
        with np.load(f"{folder}/sigma.npz") as held:
            self.spread.variance.assign(held["variance"])


def collapse(encoder, faces, batch=256):
    """What each latent carries, over faces (n, size, size, 3) in [0, 1] or uint8: KL in bits (K,), active (K,) bool."""
    scale = 255 if np.asarray(faces[:0]).dtype == np.uint8 else 1
    bits, means = [], []
    for start in range(0, len(faces), batch):
        part = ops.convert_to_tensor(np.asarray(faces[start : start + batch], np.float32) / scale)
        mean, log_variance = encoder(part)
        means.append(ops.convert_to_numpy(mean))
        bits.append(ops.convert_to_numpy(kl(mean, log_variance)))
    return np.concatenate(bits).mean(0), active_units(np.concatenate(means))
