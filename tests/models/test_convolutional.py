"""The shared networks: what goes in and out, under every dtype policy; nothing depends on the rest of the batch."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402

from elic_tf.errors import ImageError  # noqa: E402
from elic_tf.models import convolutional  # noqa: E402


def faces(n=3, size=64):
    return np.random.default_rng(0).random((n, size, size, 3), np.float32)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


@pytest.fixture(params=["float32", "mixed_bfloat16", "mixed_float16"])
def policy(request):
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("size", [32, 64])
def test_shapes_and_types(size, policy):
    mean, log_variance = convolutional.encoder(size, latents=10, width=4)(faces(size=size))
    assert mean.shape == log_variance.shape == (3, 10)
    assert float(np.abs(log_variance).max()) == 0 < float(np.abs(mean).max())
    decoded = convolutional.decoder(size, latents=10, width=4)(mean)
    assert decoded.shape == (3, size, size, 3)
    assert 0 < float(np.min(decoded)) <= float(np.max(decoded)) < 1
    layers = convolutional.discriminator(size, width=4)(faces(size=size))
    shapes = {name: tuple(value.shape) for name, value in layers.items()}
    half = size // 2
    assert shapes == {
        "shallow": (3, half, half, 4), "middle": (3, half // 2, half // 2, 8), "deep": (3, half // 4, half // 4, 16),
        "logits": (3,)}  # fmt: skip
    assert {np.dtype(v.dtype.name) for v in (mean, log_variance, decoded, *layers.values())} == {np.dtype("float32")}


def test_one_output_and_a_condition():
    mean = convolutional.encoder(32, latents=5, width=8, outputs=1)(faces(size=32))
    assert mean.shape == (3, 5)
    decoder = convolutional.decoder(32, latents=5, width=8, condition=1)
    assert [tuple(each.shape[1:]) for each in decoder.inputs] == [(5,), (1,)]
    assert np.abs(decoder([mean, tf.ones((3, 1))]) - decoder([mean, -tf.ones((3, 1))])).max() > 0


def test_other_sizes_are_refused():
    with pytest.raises(ImageError, match="32 or 64"):
        convolutional.encoder(48)


def test_a_face_does_not_notice_its_company():
    networks = convolutional.encoder(32, 5, 4), convolutional.discriminator(32, 4, spectral=True)
    for network in networks:
        assert not any("moving" in weight.path for weight in network.weights)
        for training in (False, True):
            alone = tf.nest.flatten(network(faces(1, 32), training=training))
            if network is networks[1] and training:
                continue  # the estimate of the singular value has moved on
            among = tf.nest.flatten(network(faces(3, 32), training=training))
            for a, b in zip(alone, among):
                np.testing.assert_allclose(a[0], b[0], atol=1e-5)


def test_gradient_reaches_every_weight():
    encoder, decoder = convolutional.encoder(32, 5, 8), convolutional.decoder(32, 5, 8)
    critic = convolutional.discriminator(32, 8)
    kernel = np.random.default_rng(1).normal(0, 0.01, (512, 5))
    encoder.get_layer("log_variance").kernel.assign(kernel)  # zero, it would hide what is before it
    with tf.GradientTape() as tape:
        mean, log_variance = encoder(faces(size=32))
        loss = tf.reduce_sum(critic(decoder(mean + tf.exp(log_variance)))["logits"])
    variables = [*encoder.trainable_variables, *decoder.trainable_variables, *critic.trainable_variables]
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
        assert gradient is not None, variable.path
        assert np.abs(gradient).max() > 0, variable.path


def test_spectral_norm_is_one():
    critic = convolutional.discriminator(32, 4, spectral=True)
    for _ in range(40):  # one step of the power iteration each
        critic(faces(size=32), training=True)
    for layer in critic.layers:
        if isinstance(layer, keras.layers.SpectralNormalization):
            kernel = np.asarray(layer.layer.kernel)
            assert np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), 2) == pytest.approx(1, abs=0.05)


def test_no_checkerboard():
    """An image of random latents has no more energy at the finest frequency than beside it."""
    decoder = convolutional.decoder(64, latents=16, width=16)
    images = np.asarray(decoder(np.random.default_rng(1).normal(size=(32, 16)).astype(np.float32)))[:, 8:-8, 8:-8]
    power = np.square(np.abs(np.fft.fft2(images - images.mean((1, 2), keepdims=True), axes=(1, 2)))).mean((0, 3))
    assert power[24, 24] < 3 * np.median(power[22:27, 22:27])
    assert power[24, 0] + power[0, 24] < 3 * (power[22, 0] + power[0, 22])


def test_saved_and_loaded_it_is_the_same(tmp_path):
    for network in (convolutional.encoder(32, 5, 4), convolutional.discriminator(32, 4, spectral=True)):
        network.save(tmp_path / "network.keras")
        again = keras.models.load_model(tmp_path / "network.keras")
        for a, b in zip(tf.nest.flatten(network(faces(size=32))), tf.nest.flatten(again(faces(size=32)))):
            np.testing.assert_allclose(a, b, atol=1e-6)
