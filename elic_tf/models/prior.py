"""The learned prior: one mixture of logistics, stretched to the scale of each latent.

p(y_i) = sum_j w_j Logistic(y_i; 0, a_j s_i), symmetric because a face is as likely as its mirror image. What a code can
be made of is the probability of a bin one step wide, a difference of two values of the cumulative distribution
(J. Ballé, V. Laparra, E. Simoncelli, "End-to-end optimized image compression", ICLR 2017: noise for rounding).
"""

import keras
import numpy as np

from elic_tf.coding.tables import frequencies

COMPONENTS = 3
_LEAST = 1e-7


class Prior(keras.layers.Layer):
    """Bits of latents under the mixture. `scales` (K,): standard deviations to start from."""

    def __init__(self, scales, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        scales = np.asarray(scales, np.float32)
        self.logits = self.add_weight(shape=(COMPONENTS,), initializer="zeros", name="logits")
        # A logistic of scale 1 has the standard deviation pi / sqrt(3).
        widths = np.log(np.array([0.3, 0.55, 0.95], np.float32))
        self.widths = self.add_weight(shape=(COMPONENTS,), initializer=_constant(widths), name="widths")
        self.log_scales = self.add_weight(shape=scales.shape, initializer=_constant(np.log(scales)), name="log_scales")
        self.built = True

    def mixture(self):
        """The mixture at scale 1, a TensorFlow Probability distribution."""
        import tensorflow as tf
        import tensorflow_probability as tfp

        tfd = tfp.distributions
        return tfd.MixtureSameFamily(
            tfd.Categorical(logits=tf.convert_to_tensor(self.logits)),
            tfd.Logistic(0.0, tf.exp(tf.convert_to_tensor(self.widths))),
        )

    def call(self, latents, steps, energy):
        """Bits (n, K) of bins one step wide around `latents` (n, K), for `steps` (n, 1) and `energy` (n, 1)."""
        scales = keras.ops.exp(self.log_scales) * energy
        near = -keras.ops.abs(latents)  # in the lower tail differences of the cdf keep their digits
        mixture = self.mixture()
        mass = mixture.cdf((near + steps / 2) / scales) - mixture.cdf((near - steps / 2) / scales)
        return -keras.ops.log2(keras.ops.maximum(mass, _LEAST))

    def rows(self, ratios):
        """Integer tables, one row of odd length for each ratio of scale to step in `ratios` (T,)."""
        mixture = self.mixture()
        out = []
        for ratio in ratios:
            limit = int(np.ceil(5.5 * ratio)) + 1
            edges = (np.arange(-limit, limit + 2) - 0.5) / ratio
            mass = np.diff(mixture.cdf(edges.astype(np.float32)).numpy().astype(np.float64))
            out.append(frequencies((mass + mass[::-1]) / 2 + _LEAST))
        return out


def _constant(value):
    return lambda shape, dtype=None: keras.ops.convert_to_tensor(value, dtype)
