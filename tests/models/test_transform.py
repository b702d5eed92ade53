"""The learned codec before training: it is the KLT; its loss is what the papers say; every weight can learn."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
tfp = pytest.importorskip("tensorflow_probability")

from elic_tf import weights  # noqa: E402
from elic_tf.coding import rate  # noqa: E402
from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import runtime, transform  # noqa: E402
from elic_tf.models.prior import Prior  # noqa: E402
from elic_tf.train.transform_model import TransformModel  # noqa: E402


@pytest.fixture(scope="module")
def model():
    tf.keras.utils.set_random_seed(0)
    networks = transform.analysis_network(8, 1), transform.synthesis_network(8, 8, (1, 1, 1), 8)
    return TransformModel(weights.load("klt"), *networks)


@pytest.fixture(scope="module")
def batch(model):
    faces = synthetic.load(6, seed=3).images.astype(np.float32) / 255
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (6, len(model.klt.odd))).astype(np.float32)
    steps = np.array([4, 7, 9, 11, 14, 20], np.int32)
    return {"face": faces, "step": steps, "weight": np.array([1, 0.5, 2, 1, 1, 1], np.float32), "noise": noise}


def test_blocks_and_back(batch):
    face = batch["face"]
    blocks = runtime.to_blocks(face)
    assert blocks.shape == (6, 16, 16, 48)
    np.testing.assert_array_equal(blocks[0, 2, 5].reshape(4, 4, 3), face[0, 8:12, 20:24])
    np.testing.assert_array_equal(runtime.from_blocks(blocks), face)
    np.testing.assert_array_equal(transform.to_blocks(tf.constant(face)), blocks)
    np.testing.assert_array_equal(transform.from_blocks(tf.constant(blocks)), face)


def test_untrained_it_is_the_klt(model, batch):
    parts = model.parts(batch)
    np.testing.assert_allclose(parts["latents"], model.klt.analysis(batch["face"]), atol=1e-4)
    np.testing.assert_array_equal(parts["output"], parts["base"])
    output = np.clip(runtime.from_blocks(parts["output"].numpy()), 0, 1)
    for i in range(6):
        symbols, level = quantised(model, batch, i)
        linear = model.klt.synthesis(model.klt.code.dequantise([level], symbols))
        assert np.square(output[i] - linear[0]).mean() < 1e-6


def quantised(model, batch, i):
    """Symbols and level by `rate.quantise`, with the shift the model chose."""
    code = model.klt.code
    latents = model.klt.analysis(batch["face"][i : i + 1])
    *_, energy = model.quantise(latents, batch["step"][i : i + 1], batch["weight"][i : i + 1])
    shift = int(np.argmin(np.abs(2.0 ** (code.shifts / 8) - float(energy[0, 0]))))
    level = int(batch["step"][i]) * len(code.shifts) + shift
    return rate.quantise(code, latents, level, rate.WEIGHT * batch["weight"][i : i + 1])[0], level


def test_quantiser_is_the_one_of_the_files(model, batch):
    latents = model.klt.analysis(batch["face"])
    values = model.quantise(latents, batch["step"], batch["weight"])[0].numpy()
    for i in range(6):
        symbols, level = quantised(model, batch, i)
        wanted = model.klt.code.dequantise([level], symbols)[0]
        assert np.mean(np.abs(wanted - values[i]) > 1e-4) < 2e-3  # but for ties in floating point


def test_cost_is_the_lagrangian():
    distortion, bits, step = np.array([3.0, 5.0]), np.array([100.0, 10.0]), np.array([0.5, 2.0])
    cost = transform.cost(distortion, bits, step, 0.1, np.array([4.0, 8.0]))
    np.testing.assert_allclose(cost, [(3 + 0.1 * 0.25 * 100) / 4, (5 + 0.1 * 4 * 10) / 8], rtol=1e-6)


def test_prior_is_a_quantised_distribution():
    prior = Prior(np.array([2.0]))
    tfd = tfp.distributions
    # QuantizedDistribution rounds up, so its integer n + 1 is the interval (n, n + 1]: hence the centre 0.5.
    parts = tfd.QuantizedDistribution(tfd.Logistic(0.5, 2 * np.exp(np.asarray(prior.widths))))
    counted = tfd.MixtureSameFamily(tfd.Categorical(logits=np.zeros(3, np.float32)), parts)
    values = np.arange(-12, 13, dtype=np.float32)
    one = np.ones((25, 1), np.float32)
    bits = prior(values[:, None], one, one)[:, 0].numpy()
    np.testing.assert_allclose(2.0**-bits, counted.prob(values + 1), atol=1e-5)


def test_noise_stands_for_rounding():
    """Mean bits with uniform noise are the differential entropy of the sum, and near the entropy of the rounded."""
    prior = Prior(np.array([3.0]))
    rng = np.random.default_rng(1)
    n = 200_000
    widths = np.exp(np.asarray(prior.widths))[rng.integers(3, size=n)]
    y = (3 * widths * rng.logistic(size=n)).astype(np.float32)[:, None]
    one = np.ones((n, 1), np.float32)
    noisy = float(np.mean(prior(y + rng.uniform(-0.5, 0.5, (n, 1)).astype(np.float32), one, one)))
    rounded = float(np.mean(prior(np.round(y), one, one)))
    assert noisy == pytest.approx(rounded, abs=0.02)
    grid = np.arange(-60, 60, 0.05, dtype=np.float32)[:, None]
    bits = prior(grid, np.ones_like(grid), np.ones_like(grid)).numpy().astype(np.float64)
    density = 2.0**-bits
    assert density.sum() * 0.05 == pytest.approx(1, abs=1e-3)
    assert (density * bits).sum() * 0.05 == pytest.approx(noisy, abs=0.02)


def test_prior_rows_are_tables():
    prior = Prior(np.ones(4))
    rows = prior.rows([0.4, 1.0, 8.0])
    for row in rows:
        assert len(row) % 2 == 1 and row.sum() == 1 << 16 and row.min() >= 1
        assert np.abs(row - row[::-1]).max() <= 1
    middle = len(rows[1]) // 2
    one = np.ones((1, 1), np.float32)
    bits = float(prior(np.zeros((1, 4), np.float32), one, one)[0, 0])
    assert 16 - np.log2(rows[1][middle]) == pytest.approx(bits, abs=0.01)


def test_gradient_reaches_every_weight(model, batch):
    rng = np.random.default_rng(0)
    for network in (model.analysis, model.synthesis):  # zero last layers hide what is before them
        layer = network.get_layer("last")
        layer.kernel.assign(rng.normal(0, 0.02, layer.kernel.shape))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model._cost(batch, True)[0])
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables)):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.path
    for network in (model.analysis, model.synthesis):
        network.get_layer("last").kernel.assign(np.zeros(network.get_layer("last").kernel.shape))
