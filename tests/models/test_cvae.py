"""The tutorial's CVAE without its defects: each test is named after one, or after a contract of the losses."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
tfp = pytest.importorskip("tensorflow_probability")

import keras  # noqa: E402

from elic_tf.errors import ImageError  # noqa: E402
from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import cvae, vae  # noqa: E402


def images(n=10, size=28, seed=0):
    return np.random.default_rng(seed).random((n, size, size, 1), np.float32)


def small(**changes):
    return cvae.CVAE(**{"size": 28, "latents": 2, "filters": 4} | changes)


@pytest.mark.parametrize("size", [28, 32])
def test_shapes(size):
    model = small(size=size, latents=3)
    mean, log_variance = model.encoder(images(size=size))
    assert mean.shape == log_variance.shape == (10, 3)
    for made in (model.reconstruct(images(size=size)), model.sample(5)):
        assert made.shape[1:] == (size, size, 1) and 0 < made.min() <= made.max() < 1


def test_other_sizes_are_refused():
    with pytest.raises(ImageError, match="multiple of 4"):
        small(size=30)


def test_distortion_is_the_bernoulli_in_bits():
    logits = np.random.default_rng(1).normal(0, 30, (10, 28, 28, 1)).astype(np.float32)
    for x in (cvae.binarise(images()), images()):
        wanted = -tfp.distributions.Bernoulli(logits=logits, dtype=tf.float32).log_prob(x).numpy()
        np.testing.assert_allclose(cvae.distortion(x, logits), wanted.sum((1, 2, 3)) / np.log(2), rtol=1e-4)


def test_grey_pictures_are_pictures_of_dots():
    """Cross-entropy with grey x is the mean over dots of probability x, and never below their entropy."""
    x = images(1)
    logits = np.random.default_rng(1).normal(0, 2, x.shape).astype(np.float32)
    dots = (np.random.default_rng(2).random((4000, 28, 28, 1)) < x).astype(np.float32)
    mean = np.mean(cvae.distortion(dots, logits))
    assert float(cvae.distortion(x, logits)[0]) == pytest.approx(mean, rel=0.01)
    perfect = np.log(x / (1 - x))
    assert float(cvae.distortion(x, perfect)[0]) == pytest.approx(float(cvae.floor(x)[0]), rel=1e-3)
    assert float(cvae.floor(cvae.binarise(x))[0]) == pytest.approx(0, abs=0.1)


def test_binarise_and_grey():
    assert set(np.unique(cvae.binarise(images()))) == {0.0, 1.0}
    faces = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    grey = cvae.to_grey(faces)
    assert grey.shape == (2, 8, 8, 1)
    np.testing.assert_allclose(grey, tf.image.rgb_to_grayscale(faces), atol=1e-3)


def test_loss_is_rate_and_distortion_in_closed_form():
    """Noise moves the distortion, but not the rate: no Monte Carlo in it."""
    model, x = small(), images()
    first, second = ({k: float(v) for k, v in model.evaluate(x, verbose=0, return_dict=True).items()} for _ in range(2))
    assert first["loss"] == pytest.approx(first["rate"] + first["distortion"], rel=1e-5)
    assert first["rate"] == second["rate"] and first["distortion"] != second["distortion"]
    assert first["rate"] == pytest.approx(float(np.mean(vae.rate(*model.encoder(x)))), rel=1e-5)


def test_same_seed_same_model():
    ends = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        model = small(seed=5)
        model.fit(images(), batch_size=4, epochs=2, shuffle=False, verbose=0)
        ends.append(model.get_weights())
    for a, b in zip(*ends):
        np.testing.assert_array_equal(a, b)


def test_a_second_model_trains_too_and_the_last_batch_may_be_smaller():
    for latents in (2, 5):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # deprecated InputLayer(input_shape=) and the like
            small(latents=latents).fit(images(10), batch_size=4, verbose=0)


def test_labels_are_not_looked_at():
    data = tf.data.Dataset.from_tensor_slices((images(), np.arange(10))).batch(5)
    small().fit(data, shuffle=False, verbose=0)


def test_batch_size_may_be_unknown():
    model = small()
    cost = tf.function(model._cost, input_signature=[tf.TensorSpec((None, 28, 28, 1))])
    assert cost(images(3)).shape == (3,)


def test_reconstructions_are_not_samples():
    model = small()
    assert np.abs(model.reconstruct(images(4)) - model.sample(4)).max() > 0
    np.testing.assert_array_equal(model.sample(4, seed=1), model.sample(4, seed=1))
    assert np.abs(model.sample(4, seed=1) - model.sample(4, seed=2)).max() > 0


@pytest.mark.parametrize("axis", [0, 1])
def test_manifold_right_is_the_first_latent_and_up_the_second(axis):
    model = small()
    z = keras.Input((2,))
    tile = keras.layers.Reshape((1, 1, 1))(z[:, axis : axis + 1])
    model.decoder = keras.Model(z, keras.layers.UpSampling2D(3)(tile))
    picture = model.manifold(5)
    assert picture.shape == (15, 15)
    right, up = np.diff(picture[::3, ::3], axis=1), -np.diff(picture[::3, ::3], axis=0)
    grows, same = (right, up) if axis == 0 else (up, right)
    assert (grows > 0).all() and np.abs(same).max() < 1e-6
    quantiles = np.sort(picture[::3, ::3][0 if axis == 0 else slice(None), slice(None) if axis == 0 else 0])
    wanted = tfp.distributions.Normal(0.0, 1.0).quantile(np.linspace(0.05, 0.95, 5, dtype=np.float32))
    np.testing.assert_allclose(np.log(quantiles / (1 - quantiles)), wanted, atol=1e-4)


def test_pictures_stay_in_memory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    watch = cvae.Watch(3)
    small().fit(images(), epochs=2, verbose=0, callbacks=[watch])
    assert [picture.shape for picture in watch.pictures] == [(3, 28, 28, 1)] * 2
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_it_learns_faces():
    keras.utils.set_random_seed(0)
    faces = cvae.to_grey(synthetic.load(256, seed=1, size=32).images / np.float32(255))
    model = small(size=32, latents=8, filters=8, learning_rate=3e-3)
    history = model.fit(faces, epochs=8, batch_size=32, verbose=0).history
    dull = cvae.distortion(faces, np.log(faces.mean(0) / (1 - faces.mean(0)))[None])
    assert history["loss"][-1] < history["loss"][0]
    assert history["loss"][-1] < float(np.mean(dull))  # that of the mean face
    assert history["rate"][-1] > 3


TWO = """
    import os
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from elic_tf.models import cvae

    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = cvae.CVAE(28, 2, 4)
    x = np.random.default_rng(0).random((16, 28, 28, 1), np.float32)
    history = model.fit(x, batch_size=8, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all(), history
"""


@pytest.mark.slow
def test_two_devices():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(TWO)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
