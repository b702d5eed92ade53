"""A pair of networks as a model of the codec: latents with the unit of pixels, files that keep their budget."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402
from keras import layers  # noqa: E402

from elic_tf.coding import rate  # noqa: E402
from elic_tf.coding.codec import Codec  # noqa: E402
from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import convolutional, latent_model  # noqa: E402
from elic_tf.models.latent_model import LatentModel  # noqa: E402


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(200, seed=4, size=32).images


@pytest.fixture(scope="module")
def linear(faces):
    """Principal components of the faces, badly scaled, mixed, and with two latents that do nothing."""
    x = faces.reshape(len(faces), -1) / np.float32(255)
    mean = x.mean(0)
    basis = np.linalg.svd(x - mean, full_matrices=False)[2][:12]
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(12, 12)) * np.geomspace(0.1, 10, 12)
    to = np.concatenate([basis.T @ mixed, rng.normal(0, 1e-2, (x.shape[1], 2))], 1)
    back = np.concatenate([np.linalg.inv(mixed) @ basis, np.zeros((2, x.shape[1]))])
    encoder = keras.Sequential([layers.Input((32, 32, 3)), layers.Flatten(), layers.Dense(14)])
    encoder.layers[-1].set_weights([to, -mean @ to])
    decoder = keras.Sequential([layers.Input((14,)), layers.Dense(x.shape[1]), layers.Reshape((32, 32, 3))])
    decoder.layers[0].set_weights([back, mean])
    return LatentModel.from_networks(encoder, decoder, faces), basis, mean


@pytest.fixture(scope="module")
def model(faces):
    keras.utils.set_random_seed(0)
    encoder, decoder = convolutional.encoder(32, 8, 8), convolutional.decoder(32, 8, 8)
    return LatentModel.from_networks(encoder, decoder, faces, name="tiny", number=14)


def test_latents_have_the_unit_of_pixels(linear, faces):
    model, basis, mean = linear
    x = faces[:9] / np.float32(255)
    y = model.analysis(x)
    assert y.shape == (9, 12)  # what the decoder ignores is gone
    principal = (x.reshape(9, -1) - mean) @ basis.T
    np.testing.assert_allclose(np.abs(y), np.abs(principal), atol=2e-3 * np.abs(principal).max())
    decoded = model.decoder(model.encoder(x)).numpy()
    np.testing.assert_allclose(model.synthesis(y), np.clip(decoded, 0, 1), atol=2e-3)
    other = y + np.random.default_rng(1).normal(0, 0.01, y.shape).astype(np.float32)
    change = model.decoder(other @ model.back + model.centre) - model.decoder(y @ model.back + model.centre)
    np.testing.assert_allclose(np.square(change).sum((1, 2, 3)), np.square(other - y).sum(1), rtol=0.02)


def test_most_important_first(linear, faces):
    y = linear[0].analysis(faces)
    assert (np.diff(linear[0].code.scales) <= 0).all()
    covariance = np.cov(y.T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.01 * covariance.max()
    np.testing.assert_allclose(2.0 ** (linear[0].code.scales / 8), y.std(0), rtol=0.06)


def test_search_of_a_linear_model_is_at_its_aim_at_once(linear, faces):
    """The Newton step of a quadratic ends where the analysis began: nothing is left to search."""
    model, x = linear[0], faces[:5] / np.float32(255)
    y = model.analysis(x)
    coded = np.round(y)
    error, target = model.improve(x, coded, None)
    np.testing.assert_allclose(target, y, atol=0.02)
    decoded = model.decoder(coded @ model.back + model.centre).numpy()
    np.testing.assert_allclose(error, np.square(decoded - x).sum((1, 2, 3)), rtol=1e-4)


def test_budget_is_kept(model, linear, faces):
    errors = []
    for codec in (Codec(model, model.number), Codec(linear[0], 13)):
        for bits in (48, 64, 129, 256):
            files = codec.encode(faces[:6], bits)
            assert max(8 * len(file) for file in files) <= bits
            decoded = codec.decode(files)
            assert decoded.shape == (6, 32, 32, 3) and decoded.dtype == np.float32
            assert 0 <= decoded.min() <= decoded.max() <= 1
            errors.append(np.square(decoded - faces[:6] / 255).mean())
    assert errors[4:] == sorted(errors[4:], reverse=True)


def test_number_and_name(model, faces):
    codec = Codec(model, model.number)
    files = codec.encode(faces[:1], 64)
    assert codec.name == "tiny" and codec.decoders == ("smooth",) and files[0][0] & 15 == 14


def test_search_finds_nearer_faces(model, faces):
    x = faces[:20] / np.float32(255)
    codec = Codec(model, model.number)
    levels, symbols = rate.spend(model.code, model.analysis(x), 8.0 * 16)
    plain = model.synthesis(model.code.dequantise(levels, symbols))
    searched = codec.decode(codec.encode(x, 8 * 18))
    assert np.square(searched - x).mean() < np.square(plain - x).mean()


def test_a_kept_model_reads_the_files(model, faces, tmp_path):
    files = Codec(model, 14).encode(faces[:3], 200)
    for network in (model.encoder, model.decoder):
        network.save(tmp_path / f"{network.name}.keras")
    np.savez_compressed(tmp_path / "latents.npz", **model.arrays())
    again = LatentModel.from_folder(tmp_path, name="tiny", number=14)
    np.testing.assert_allclose(Codec(again, 14).decode(files), Codec(model, 14).decode(files), atol=1e-5)
    assert Codec(again, 14).encode(faces[:3], 200) == files


def test_a_collapsed_model_writes_files_too(faces):
    encoder = convolutional.encoder(32, 3, 4)
    decoder = convolutional.decoder(32, 3, 4)
    decoder.layers[1].kernel.assign(np.zeros(decoder.layers[1].kernel.shape))  # deaf
    codec = Codec(LatentModel.from_networks(encoder, decoder, faces), 15)
    decoded = codec.decode(codec.encode(faces[:3], 128))
    np.testing.assert_allclose(decoded, np.repeat(decoder(np.zeros((1, 3))), 3, 0), atol=1e-6)


def test_no_faces(model):
    assert model.analysis(np.empty((0, 32, 32, 3))).shape[0] == 0
    assert Codec(model, 14).encode(np.empty((0, 32, 32, 3), np.float32)) == []
    error, target = model.improve(np.empty((0, 32, 32, 3)), np.empty((0, 8), np.float32), None)
    assert error.shape == (0,) and target.shape == (0, 8)


def test_metric_is_that_of_the_jacobian(model, faces):
    means = latent_model.latents(model.encoder, faces)
    z = tf.constant(means[:1])
    with tf.GradientTape() as tape:
        tape.watch(z)
        flat = tf.reshape(model.decoder(z), (-1,))
    jacobian = tape.jacobian(flat, z).numpy()[:, 0].astype(np.float64)
    near = means[:1] + np.array([[-1e-3], [1e-3]], np.float32)
    measured = latent_model.pixel_metric(model.decoder, near, 2)
    np.testing.assert_allclose(measured, jacobian.T @ jacobian, atol=0.2 * np.abs(measured).max())
