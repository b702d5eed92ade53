"""Compression by a generator: what it can make is found, files keep to their budget, and cost what the prior says."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402
from keras import layers  # noqa: E402

from elic_tf.coding import rate  # noqa: E402
from elic_tf.coding.codec import Codec  # noqa: E402
from elic_tf.models import inversion as module  # noqa: E402
from elic_tf.models.inversion import Inversion  # noqa: E402

SIZE, LATENTS = 8, 24
GAINS = 0.6 * 0.8 ** np.arange(LATENTS, dtype=np.float32)


@pytest.fixture(scope="module")
def linear():
    """A generator x = 1/2 + A z, and A (K, pixels), whose singular values are GAINS."""
    random = np.random.default_rng(0)
    left = np.linalg.qr(random.normal(size=(LATENTS, LATENTS)))[0]
    right = np.linalg.qr(random.normal(size=(SIZE * SIZE * 3, LATENTS)))[0]
    matrix = (left * GAINS @ right.T).astype(np.float32)
    z = keras.Input((LATENTS,))
    dense = layers.Dense(SIZE * SIZE * 3)
    network = keras.Model(z, layers.Reshape((SIZE, SIZE, 3))(dense(z)))
    dense.set_weights([matrix, np.full(SIZE * SIZE * 3, 0.5, np.float32)])
    return network, matrix


@pytest.fixture(scope="module")
def inversion(linear):
    before, module.RANDOM = module.RANDOM, 1000
    yield Inversion.fit(linear[0], search=120, starts=2, variance=1e-4)
    module.RANDOM = before


@pytest.fixture(scope="module")
def made(linear):
    z = np.random.default_rng(3).normal(size=(5, LATENTS)).astype(np.float32)
    faces = linear[0](z).numpy()
    assert faces.min() > 0 and faces.max() < 1
    return z, faces


def test_the_scales_are_the_singular_values_of_a_linear_generator(inversion):
    np.testing.assert_allclose(2.0 ** (inversion.code.scales / 8.0), GAINS, rtol=0.15)


def test_what_the_generator_makes_is_found(inversion, made):
    z, faces = made
    found, energies = inversion.invert(faces)
    directions = np.linalg.qr(inversion.forward[:, :8])[0]  # the others hardly show
    np.testing.assert_allclose(found @ directions, z @ directions, atol=0.15)
    np.testing.assert_allclose(inversion.synthesis(inversion.analysis(faces)), faces, atol=0.04)
    assert energies.shape == (5,)


def test_more_starts_are_never_worse(linear, inversion, made):
    arrays = inversion.arrays()
    more = Inversion.from_arrays(linear[0], arrays, search=10, starts=4, variance=1e-4)
    one = Inversion.from_arrays(linear[0], arrays, search=10, starts=1, variance=1e-4)
    assert (more.invert(made[1])[1] <= one.invert(made[1])[1] * 1.001).all()


def test_files_keep_to_their_budget_and_come_back(inversion, made):
    codec = Codec(inversion, inversion.number)
    errors = []
    for bits in (48, 64, 128):
        files = codec.encode(made[1], bits)
        assert all(8 * len(file) <= bits for file in files)
        faces = codec.decode(files)
        assert faces.shape == made[1].shape
        errors.append(np.square(faces - made[1]).mean())
    assert errors[0] > errors[1] > errors[2]
    assert codec.encode(made[1], 64)[1] == codec.encode(made[1][1:2], 64)[0]  # whatever is beside it


def test_files_cost_what_the_prior_costs(inversion):
    """The rate of z from N(0, I) is R(D) plus the 1/4 bit or less that each latent costs as it is coded alone."""
    z = np.random.default_rng(5).normal(size=(300, LATENTS)).astype(np.float32)
    code = inversion.code
    level = int(np.argmin([abs(code.step(each) - 0.08) for each in range(code.levels)])) + 1
    assert code.shifts[level % len(code.shifts)] == 0
    _, bits, error = rate.quantise(code, z @ inversion.forward, level, np.full(300, rate.WEIGHT))
    # Reverse water-filling (Cover and Thomas, 10.3.3): the level of the water at this distortion.
    levels = np.linspace(0, 0.36, 100_000)
    distortions = np.minimum(levels[:, None], np.square(GAINS)).sum(1)
    water = levels[np.searchsorted(distortions, error.mean())]
    ideal = np.maximum(0, np.log2(GAINS / np.sqrt(water))).sum()
    sent = int((np.square(GAINS) > water).sum())
    assert 0.05 < (bits.mean() - code.level_lengths[level] - ideal) / sent < 0.35


def test_arrays_hold_all_but_the_generator(linear, inversion, made):
    again = Inversion.from_arrays(linear[0], inversion.arrays(), search=120, starts=2, variance=1e-4)
    assert Codec(again, 15).encode(made[1][:2], 96) == Codec(inversion, 15).encode(made[1][:2], 96)
