"""The recipe of the learned codec: it learns, goes on where it was killed, and does the same on two devices."""

import os
import subprocess
import sys
import textwrap

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from elic_tf import weights  # noqa: E402
from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import transform  # noqa: E402
from elic_tf.train import transform as recipe  # noqa: E402


def networks():
    tf.keras.utils.set_random_seed(5)
    return transform.analysis_network(8, 1), transform.synthesis_network(8, 8, (1, 1, 1), 8)


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(40, seed=2).images


def run(faces, out, **changes):
    settings = {"epochs": 3, "epoch_steps": 4, "batch": 8, "networks": networks()} | changes
    return recipe.train(faces[:32], faces[32:], weights.load("klt"), out, **settings)


@pytest.mark.slow
def test_killed_and_resumed_it_ends_the_same(faces, tmp_path):
    whole = run(faces, tmp_path / "whole")
    run(faces, tmp_path / "killed", stop=1)
    resumed = run(faces, tmp_path / "killed", networks=networks())
    for a, b in zip(whole.get_weights(), resumed.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "whole/best.json").read_text() == (tmp_path / "killed/best.json").read_text()


@pytest.mark.slow
def test_it_learns(faces, tmp_path):
    cost = []

    class Keep(tf.keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            cost.append(logs["loss"])

    run(faces, tmp_path, epochs=3, epoch_steps=20, rate=3e-3, callbacks=[Keep()])
    assert cost[-1] < cost[0]


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(faces, tmp_path, policy):
    tf.keras.config.set_dtype_policy(policy)
    try:
        start = networks()
        model = run(faces, tmp_path, epochs=1, epoch_steps=3, networks=start)
    finally:
        tf.keras.config.set_dtype_policy("float32")
    assert start[1].get_layer("last").compute_dtype == "float32"
    assert model.synthesis.layers[-3].compute_dtype == policy.removeprefix("mixed_")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.abs(model.synthesis.get_layer("last").kernel).max() > 0


def test_batches_go_on_where_they_stopped(faces):
    whole = list(recipe.batches(faces, 7, batch=8).take(6))
    rest = list(recipe.batches(faces, 7, batch=8, skip=4).take(2))
    for a, b in zip(whole[4:], rest):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    steps = np.concatenate([batch["step"] for batch in recipe.batches(faces, 7, batch=8).take(60)])
    assert steps.min() >= recipe.WHOLE[0] and steps.max() < recipe.WHOLE[1]
    assert np.mean((steps >= recipe.MAIN[0]) & (steps < recipe.MAIN[1])) > 5 / 6


TWO = """
    import os, sys
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import keras
    from elic_tf import weights
    from elic_tf.faces import synthetic
    from elic_tf.models import transform
    from elic_tf.train import transform as recipe
    from elic_tf.train.transform_model import TransformModel

    faces, klt, ends = synthetic.load(16, seed=2).images, weights.load("klt"), []
    for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
        with tf.distribute.MirroredStrategy(devices).scope():
            keras.utils.set_random_seed(5)
            networks = transform.analysis_network(8, 1), transform.synthesis_network(8, 8, (1, 1, 1), 8)
            model = TransformModel(klt, *networks)
            model.compile(optimizer=keras.optimizers.Adam(1e-3, use_ema=True))
            data = recipe.batches(faces, len(klt.odd), batch=8)
            ends.append(model.fit(data, steps_per_epoch=2, verbose=0).history["loss"][0])
            ends.append(float(np.abs(model.synthesis.get_layer("last").kernel).sum()))
    print(ends)
    assert abs(ends[0] - ends[2]) < 1e-4 * ends[0] and abs(ends[1] - ends[3]) < 1e-2 * ends[1], ends
"""


@pytest.mark.slow
def test_two_devices_are_one():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(TWO)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
