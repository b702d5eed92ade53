"""The losses of the VAE against TensorFlow Probability, Monte Carlo and theory; the model around them."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
tfp = pytest.importorskip("tensorflow_probability")

import keras  # noqa: E402

from elic_tf.models import convolutional, vae  # noqa: E402

tfd = tfp.distributions
LN2 = np.log(2)


@pytest.fixture
def posterior():
    rng = np.random.default_rng(0)
    return rng.normal(size=(7, 5)).astype(np.float32), rng.normal(-1, 1, (7, 5)).astype(np.float32)


def small(sigma=None, seed=0, width=4):
    keras.utils.set_random_seed(seed)
    return vae.VAE(convolutional.encoder(32, 4, width), convolutional.decoder(32, 4, width), sigma)


def batch(n=6, latents=4):
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(n, latents)).astype(np.float32)
    return {"face": rng.random((n, 32, 32, 3), np.float32), "noise": noise}


def test_kl_is_that_of_tfp(posterior):
    mean, log_variance = posterior
    normal = tfd.Normal(mean, np.exp(log_variance / 2))
    wanted = tfd.kl_divergence(normal, tfd.Normal(0.0, 1.0)).numpy() / LN2
    np.testing.assert_allclose(vae.kl(mean, log_variance), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(vae.rate(mean, log_variance), wanted.sum(1), rtol=1e-5)


def test_kl_is_a_mean_of_log_ratios(posterior):
    """KL = E_q[log2 q(z) - log2 p(z)], estimated with 40,000 draws of z, within five standard errors."""
    mean, log_variance = posterior
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((40_000, *mean.shape)).astype(np.float32)
    z = vae.reparametrise(mean, log_variance, noise).numpy()
    q = tfd.Normal(mean, np.exp(log_variance / 2)).log_prob(z).numpy()
    ratio = (q - tfd.Normal(0.0, 1.0).log_prob(z).numpy()).sum(-1) / LN2
    error = ratio.std(0) / np.sqrt(len(ratio))
    assert (np.abs(vae.rate(mean, log_variance) - ratio.mean(0)) < 5 * error).all()


def test_draws_have_the_mean_and_variance_of_the_posterior(posterior):
    noise = np.random.default_rng(3).standard_normal((20_000, 7, 5)).astype(np.float32)
    z = vae.reparametrise(*posterior, noise).numpy()
    np.testing.assert_allclose(z.mean(0), posterior[0], atol=0.05)
    np.testing.assert_allclose(np.log(z.var(0)), posterior[1], atol=0.06)


def test_distortion_is_a_density_in_bits():
    rng = np.random.default_rng(4)
    faces, decoded = rng.random((2, 3, 8, 8, 3)).astype(np.float32)
    error = vae.squared_error(faces, decoded)
    np.testing.assert_allclose(error, np.square(faces - decoded).sum((1, 2, 3)), rtol=1e-5)
    for sigma in (0.05, 0.7):
        wanted = -tfd.Normal(decoded, sigma).log_prob(faces).numpy().sum((1, 2, 3)) / LN2
        np.testing.assert_allclose(vae.distortion(error, 192, sigma), wanted, rtol=1e-4)


def test_optimal_sigma_costs_least():
    error = np.array([1.0, 5.0, 2.0], np.float32)
    best = float(vae.optimal_sigma(error, 192))
    assert best == pytest.approx(np.sqrt(8 / 3 / 192), rel=1e-4)
    cost = lambda sigma: float(np.mean(vae.distortion(error, 192, sigma)))  # noqa: E731
    assert cost(best) < min(cost(0.97 * best), cost(1.03 * best))


def test_no_gradient_is_lost_by_holding_the_optimal_sigma():
    """The derivative of values / 2 log2(mean squared error) is that of the distortion at a constant best sigma."""
    error = tf.constant([1.0, 5.0, 2.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(error)
        held = tf.reduce_mean(vae.distortion(error, 192, tf.stop_gradient(vae.optimal_sigma(error, 192))))
        free = 192 / 2 * tf.math.log(tf.reduce_mean(error)) / LN2
    np.testing.assert_allclose(tape.gradient(held, error), tape.gradient(free, error), rtol=1e-3)


def test_linear_rate_is_the_kl_of_the_best_linear_vae():
    """Posterior variance sigma^2 / lambda, means with variance 1 - sigma^2 / lambda; the others collapse."""
    variances, sigma = np.array([9.0, 2.0, 0.5]), 1.2
    bits = vae.linear_rate(variances, sigma)
    width = sigma**2 / variances[:2]
    means = np.random.default_rng(5).standard_normal((200_000, 2)) * np.sqrt(1 - width)
    kl = vae.kl(means.astype(np.float32), np.log(width).astype(np.float32)).numpy().mean(0)
    np.testing.assert_allclose(bits[:2], kl, atol=0.01)
    assert bits[2] == 0


def test_active_units():
    means = np.random.default_rng(6).normal(size=(1000, 3)) * [1.0, 0.15, 0.05] + [0, 0, 4.0]
    assert vae.active_units(means).tolist() == [True, True, False]


def test_collapse_counts_bits_of_each_latent():
    encoder = convolutional.encoder(32, 4, 4)
    dense = encoder.get_layer("mean")
    dense.kernel.assign(np.asarray(dense.kernel) * np.array([10, 10, 0, 0], np.float32))  # the last two say nothing
    faces = (255 * batch(9)["face"]).astype(np.uint8)
    bits, active = vae.collapse(encoder, faces, batch=4)
    mean, log_variance = encoder(faces / np.float32(255))
    np.testing.assert_allclose(bits, vae.kl(mean, log_variance).numpy().mean(0), rtol=1e-4, atol=1e-6)
    assert active.tolist() == [True, True, False, False] and np.abs(bits[2:]).max() < 1e-6


def test_cost_is_the_elbo_in_bits():
    model, data = small(0.2), batch()
    parts = model.cost(data)
    mean, log_variance = model.encoder(data["face"])
    decoded = model.decoder(mean + tf.exp(log_variance / 2) * data["noise"]).numpy()
    density = -tfd.Normal(decoded, 0.2).log_prob(data["face"]).numpy().sum((1, 2, 3)) / LN2
    rate = vae.rate(mean, log_variance)
    np.testing.assert_allclose(parts["loss"], rate + density, rtol=1e-4)
    mse = np.square(decoded - data["face"]).mean((1, 2, 3))
    np.testing.assert_allclose(parts["db"], -10 * np.log10(mse), rtol=1e-4)
    metrics = model.test_step(data)
    assert set(metrics) == {"loss", "rate", "distortion", "mse", "db", "sigma"}
    assert float(metrics["loss"]) == pytest.approx(float(np.mean(rate + density)), rel=1e-4)
    assert float(metrics["sigma"]) == pytest.approx(0.2)


def test_learned_sigma_follows_the_error():
    model, data = small(), batch()
    assert model.sigma == pytest.approx(0.25)
    before = model.cost(data)["distortion"]
    for _ in range(120):
        parts = model.cost(data, training=True)
    error = np.sqrt(np.mean(parts["mse"]))
    assert model.sigma == pytest.approx(error, rel=0.05)
    assert float(parts["sigma"]) == pytest.approx(error, rel=1e-3)
    assert np.mean(model.cost(data)["distortion"]) < np.mean(before)
    assert not any("variance" in weight.path.split("/")[-1] for weight in model.trainable_variables)


def test_gradient_reaches_every_weight():
    model = small(0.2, width=8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.cost(batch(), training=True)["loss"])
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.path


def test_batch_size_may_be_unknown():
    model = small(0.2)
    spec = {"face": tf.TensorSpec((None, 32, 32, 3)), "noise": tf.TensorSpec((None, 4))}
    cost = tf.function(lambda data: model.cost(data)["loss"], input_signature=[spec])
    for n in (1, 6):
        assert cost(batch(n)).shape == (n,)


def test_build_train_rebuild_train():
    data = tf.data.Dataset.from_tensor_slices(batch()).batch(4)  # the last batch is smaller
    for seed in (0, 1):
        before = small(0.2, seed)
        weights = [np.array(w) for w in before.get_weights()]
        before.fit(data, shuffle=False, verbose=0)
        assert any((a != b).any() for a, b in zip(weights, before.get_weights()))


def test_networks_are_kept(tmp_path):
    model, other = small(), small(seed=1)
    model.spread.variance.assign(0.04)
    model.save_networks(tmp_path)
    other.load_networks(tmp_path)
    faces = batch()["face"]
    np.testing.assert_allclose(model(faces), other(faces), atol=1e-6)
    assert other.sigma == pytest.approx(0.2)
    assert other.sample(np.zeros((2, 4), np.float32)).shape == (2, 32, 32, 3)
