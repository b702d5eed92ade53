"""The learned codec as a Keras model: one training step, differentiable where rounding is not."""

import keras
import numpy as np
import tensorflow as tf

from elic_tf.coding import rate
from elic_tf.coding.latent_code import OCTAVE
from elic_tf.models import transform
from elic_tf.models.prior import Prior

DEAD = 0.3
"""Latents nearer zero than this many steps stay zero whatever a small change does, so no gradient passes them."""


class TransformModel(keras.Model):
    """Trains analysis, synthesis and prior around a fixed KLT.

    A batch is a dictionary: face (n, 64, 64, 3), step (n,) index into `code.steps`, weight (n,) of a bit in squared
    steps relative to `rate.WEIGHT`, noise (n, K) uniform in [-0.5, 0.5]. Nothing else is random.
    """

    def __init__(self, klt, analysis=None, synthesis=None):
        super().__init__()
        self.klt = klt
        self.analysis = analysis or transform.analysis_network()
        self.synthesis = synthesis or transform.synthesis_network()
        self.prior = Prior(2.0 ** (klt.code.scales / OCTAVE))
        mean, basis = transform.pixel_basis(klt)
        self._mean, self._basis = tf.constant(mean), tf.constant(basis)
        self._columns = tf.constant(
            np.ascontiguousarray(basis.T)
        )  # four times faster than a product with the transpose
        code = klt.code
        self._steps = tf.constant(code.steps, tf.int32)
        self._shifts = tf.constant(code.shifts, tf.int32)
        self._scales = tf.constant(code.scales, tf.int32)
        self._centroids = tf.constant(code.centroids, tf.float32)
        self._lengths = tf.constant(np.minimum(code.bank.lengths, 1e6), tf.float32)
        self._limits = tf.constant(code.bank.limits, tf.float32)
        self.trackers = {name: keras.metrics.Mean(name) for name in ("loss", "gain", "bits", "db")}
        self.built = True  # all variables exist

    @property
    def metrics(self):
        return list(self.trackers.values())

    def call(self, face, step):
        """Reconstruction (n, 64, 64, 3) of faces at steps, for a look; training uses `parts`."""
        n = tf.shape(face)[0]
        zero = tf.zeros((n, len(self.klt.code.scales)))
        batch = {"face": face, "step": step, "weight": tf.ones((n,)), "noise": zero}
        return transform.from_blocks(self.parts(batch)["output"])

    def project(self, blocks):
        """Blocks (n, 16, 16, 48) to latents (n, K)."""
        return tf.matmul(tf.reshape(blocks - self._mean, (-1, self._basis.shape[1])), self._columns)

    def reconstruct(self, latents):
        """Latents (n, K) to blocks (n, 16, 16, 48), not clipped."""
        return tf.reshape(tf.matmul(latents, self._basis), (-1, *self._mean.shape)) + self._mean

    def quantise(self, latents, step, weight):
        """`rate.quantise` and `LatentCode.dequantise` in TensorFlow; returns values, where gradients pass, what is
        sent (all (n, K)), step and energy (n, 1)."""
        eighths = tf.gather(self._steps, step)
        width = 2.0 ** (tf.cast(eighths, tf.float32)[:, None] / OCTAVE)
        large = tf.cast(self._scales[None] >= tf.minimum(eighths[:, None], tf.reduce_max(self._scales)), tf.float32)
        unit = tf.square(latents / 2.0 ** (tf.cast(self._scales, tf.float32) / OCTAVE))
        energy = tf.reduce_sum(large * unit, 1) / tf.reduce_sum(large, 1)
        octaves = OCTAVE / 2 * tf.math.log(energy + 1e-6)[:, None] / np.log(2.0)
        shift = tf.gather(self._shifts, tf.argmin(tf.abs(octaves - tf.cast(self._shifts, tf.float32)), 1))
        rows = self._scales[None] + (shift - eighths)[:, None] - self.klt.code.first_ratio
        sent = tf.cast(rows >= 0, tf.float32)
        rows = tf.clip_by_value(rows, 0, len(self.klt.code.bank) - 1)
        scaled = tf.abs(latents) / width
        first = tf.minimum(tf.floor(scaled + 0.5), tf.gather(self._limits, rows))
        middle = self._lengths.shape[1] // 2
        best_cost = best = None
        for candidate in (first, tf.maximum(first - 1, 0), tf.zeros_like(first)):
            column = tf.cast(candidate, tf.int32)
            shrink = tf.gather_nd(self._centroids, tf.stack([rows, tf.clip_by_value(column, 1, 3) - 1], -1))
            value = tf.where(candidate > 0, tf.maximum(candidate - shrink, 0), 0)
            bits = tf.gather_nd(self._lengths, tf.stack([rows, column + middle], -1))
            price = tf.square(scaled - value) + rate.WEIGHT * weight[:, None] * bits
            if best is None:
                best_cost, best = price, value
            else:
                best, best_cost = tf.where(price < best_cost, value, best), tf.minimum(price, best_cost)
        values = sent * best * tf.sign(latents) * width
        passes = sent * tf.cast(scaled > DEAD, tf.float32)
        return values, passes, sent, width, 2.0 ** (tf.cast(shift, tf.float32)[:, None] / OCTAVE)

    def parts(self, batch, training=False):
        """Everything about a batch, as a dictionary."""
        face = transform.to_blocks(batch["face"])
        latents = self.project(face + tf.cast(self.analysis(face, training=training), tf.float32))
        values, passes, sent, width, energy = self.quantise(tf.stop_gradient(latents), batch["step"], batch["weight"])
        # Straight through: rounding in the forward pass, the identity in the backward one (Theis et al., ICLR 2017).
        coded = values + passes * (latents - tf.stop_gradient(latents))
        base = self.reconstruct(coded)
        scales = 2.0 ** (tf.cast(self._scales, tf.float32) / OCTAVE)
        inputs = [base, (coded / scales)[:, : transform.GLOBAL], tf.math.log(width) / np.log(2.0)]
        output = base + tf.cast(self.synthesis(inputs, training=training), tf.float32)
        # Ballé et al.: the rate of a rounded latent is that of the latent with noise, whose density is smooth.
        noisy = latents + width * batch["noise"]
        bits = tf.reduce_sum(sent * self.prior(noisy, width, energy), 1)
        return {"face": face, "latents": latents, "base": base, "output": output, "bits": bits, "width": width[:, 0]}

    def _cost(self, batch, training):
        parts = self.parts(batch, training)
        square = lambda x: tf.reduce_sum(tf.square(parts["face"] - x), (1, 2, 3))  # noqa: E731
        distortion, reference = square(parts["output"]), tf.stop_gradient(square(parts["base"]))
        weight = rate.WEIGHT * batch["weight"]
        loss = transform.cost(distortion, parts["bits"], parts["width"], weight, reference)
        clipped = tf.reduce_sum(tf.square(parts["face"] - tf.clip_by_value(parts["output"], 0, 1)), (1, 2, 3))
        plain = tf.reduce_sum(tf.square(parts["face"] - tf.clip_by_value(parts["base"], 0, 1)), (1, 2, 3))
        decibel = lambda d: -10 / np.log(10.0) * tf.math.log(d / transform.DEPTH / transform.GRID**2)  # noqa: E731
        return loss, {
            "loss": loss,
            "gain": decibel(clipped) - decibel(plain),
            "bits": parts["bits"],
            "db": decibel(clipped),
        }

    def train_step(self, batch):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            loss, values = self._cost(batch, True)
            total = self.optimizer.scale_loss(tf.reduce_mean(loss) / replicas)  # as mixed_float16 needs it
        variables = self.trainable_variables
        gradients = tape.gradient(total, variables)
        self.optimizer.apply(gradients, variables)
        return self._track(values)

    def test_step(self, batch):
        return self._track(self._cost(batch, False)[1])

    def _track(self, values):
        for name, value in values.items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def save_networks(self, folder):
        """Write the weights of the three parts."""
        for part in (self.analysis, self.synthesis):
            part.save_weights(f"{folder}/{part.name}.weights.h5")
        np.savez(f"{folder}/prior.npz", *self.prior.get_weights())

    def load_networks(self, folder):
        """Read what `save_networks` wrote."""
        for part in (self.analysis, self.synthesis):
            part.load_weights(f"{folder}/{part.name}.weights.h5")
        with np.load(f"{folder}/prior.npz") as held:
            self.prior.set_weights([held[name] for name in held])
