"""The GAN: each side's gradient is that of its own loss and of nothing else, and samples become like the data."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402
from keras import layers  # noqa: E402

from elic_tf.models.gan import GAN  # noqa: E402

LATENTS = 3


def networks():
    keras.utils.set_random_seed(0)
    z = keras.Input((LATENTS,))
    x = layers.Dense(48, activation="sigmoid")(layers.Dense(16, activation="relu")(z))
    generator = keras.Model(z, layers.Reshape((4, 4, 3), dtype="float32")(x))
    faces = keras.Input((4, 4, 3))
    x = layers.Dense(1)(layers.Dense(16, activation="leaky_relu")(layers.Flatten()(faces)))
    return generator, keras.Model(faces, {"logits": layers.Reshape((), dtype="float32")(x)})


def batch(n=5, seed=0):
    random = np.random.default_rng(seed)
    return {
        "face": random.uniform(0.6, 0.8, (n, 4, 4, 3)).astype(np.float32),
        "z": random.normal(size=(n, LATENTS)).astype(np.float32),
    }


def test_each_side_has_its_own_gradient():
    generator, discriminator = networks()
    model = GAN(generator, discriminator, r1=0.0)
    data = batch()
    found, watched = model.gradients(data)
    with tf.GradientTape(persistent=True) as tape:
        real = tf.sigmoid(discriminator(data["face"])["logits"])
        fake = tf.sigmoid(discriminator(generator(data["z"]))["logits"])
        value = tf.reduce_mean(tf.math.log(real) + tf.math.log(1 - fake))  # (1) of Goodfellow et al.
        fooled = tf.reduce_mean(tf.math.log(fake))
    up = tape.gradient(value, discriminator.trainable_variables)
    for a, b in zip(found["discriminator"], up, strict=True):
        np.testing.assert_allclose(a, -b, atol=1e-6)
    up = tape.gradient(fooled, generator.trainable_variables)
    for a, b in zip(found["generator"], up, strict=True):
        np.testing.assert_allclose(a, -b, atol=1e-6)
    np.testing.assert_allclose(np.mean(watched["discriminator"]), -value, rtol=1e-5)
    assert model.optimizers[0] is not model.optimizers[1]


def test_samples_become_like_the_data():
    model = GAN(*networks(), rate=5e-3, momentum=0.9)
    data = tf.data.Dataset.range(300).map(lambda i: {
        "face": tf.random.stateless_uniform((32, 4, 4, 3), (i, 1), 0.6, 0.8),
        "z": tf.random.stateless_normal((32, LATENTS), (i, 2)),
    })  # fmt: skip
    z = np.random.default_rng(1).normal(size=(200, LATENTS)).astype(np.float32)
    before = np.abs(np.asarray(model(z)).mean(0) - 0.7).mean()
    model.fit(data, verbose=0)
    after = np.abs(np.asarray(model(z)).mean(0) - 0.7).mean()
    assert after < 0.1 < before
