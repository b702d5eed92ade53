"""The recipe of the GAN: it goes on where it was killed, one device or two, and its class preset runs."""

import json
import os
import subprocess
import sys
import textwrap

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import convolutional  # noqa: E402
from elic_tf.train import gan as recipe  # noqa: E402
from elic_tf.train import health  # noqa: E402


def networks():
    keras.utils.set_random_seed(5)
    return convolutional.decoder(32, 4, 2), convolutional.discriminator(32, 2)


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(48, seed=2, size=32).images


def run(faces, out, **changes):
    settings = {"epochs": 3, "epoch_steps": 3, "batch": 4, "networks": networks()} | changes
    return recipe.train(faces[:32], faces[32:] / np.float32(255), out, **settings)


def test_killed_and_resumed_it_ends_the_same(faces, tmp_path):
    whole = run(faces, tmp_path / "whole")
    run(faces, tmp_path / "killed", stop=1)
    resumed = run(faces, tmp_path / "killed", networks=networks())
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "whole/health.csv").read_text() == (tmp_path / "killed/health.csv").read_text()
    rows = health.read(tmp_path / "whole/health.csv")
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert {"real_right", "fake_right", "discriminator_norm", "generator_norm", "diversity", "r1"} < set(rows[0])
    other = recipe.train(faces[:32], faces[32:] / np.float32(255), tmp_path / "other", epochs=1, epoch_steps=3, batch=4,
                         seed=1, networks=networks())  # fmt: skip
    assert any(np.any(a != b) for a, b in zip(whole.get_weights(), other.get_weights()))


def test_batches_go_on_where_they_stopped(faces):
    draws = {"noise": 3, "prior": 5}
    whole = list(recipe.batches(faces, draws, batch=8).take(9))
    rest = list(recipe.batches(faces, draws, batch=8, skip=7).take(2))
    for a, b in zip(whole[7:], rest):
        for name in ("face", "noise", "prior"):
            np.testing.assert_array_equal(a[name], b[name])
    both = np.concatenate([each["prior"] for each in whole])
    assert abs(both.mean()) < 0.2 and abs(both.std() - 1) < 0.15
    assert np.abs(whole[0]["noise"][:, :3] - whole[0]["prior"][:, :3]).max() > 0.1
    plain = list(recipe.batches(faces, {"noise": 3}, batch=20, augment=None))
    assert [len(each["face"]) for each in plain] == [20, 20, 8]
    np.testing.assert_allclose(plain[0]["face"][0] * 255, faces[0], atol=1e-4)


def test_the_command_writes_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "SYNTHETIC", 32)
    monkeypatch.setattr(recipe, "HELD_OUT", 16)
    # No search: what it finds is tested elsewhere.
    monkeypatch.setattr("elic_tf.models.inversion.Inversion._adam", lambda self, z, mean, square, *_: (z, mean, square))
    monkeypatch.setattr("elic_tf.models.inversion.RANDOM", 100)
    tiny = "--width 2 --latents 4 --batch 4 --epochs 1 --epoch-steps 2"
    recipe.main(["--preset", "class", "--out", str(tmp_path), *tiny.split()])
    note = json.loads((tmp_path / "run.json").read_text())
    assert note["settings"]["size"] == 32 and note["settings"]["data"] == "synthetic"
    assert (tmp_path / "results.md").read_text().count("| gan |") == len(recipe.RATES)
    for name in ("samples", "health", "reconstructions"):
        assert (tmp_path / f"{name}.png").stat().st_size > 0
    for name in ("generator.weights.h5", "discriminator.weights.h5", "latents.npz", "health.csv"):
        assert (tmp_path / name).stat().st_size > 0


TWO = """
    import os, sys
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import keras
    from elic_tf.faces import synthetic
    from elic_tf.models import convolutional
    from elic_tf.models.vae_gan import VAEGAN
    from elic_tf.train import gan

    faces, ends = synthetic.load(16, seed=2, size=32).images, []
    keras.config.set_dtype_policy(sys.argv[1])
    for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
        with tf.distribute.MirroredStrategy(devices).scope():
            keras.utils.set_random_seed(5)
            networks = (convolutional.encoder(32, 4, 2), convolutional.decoder(32, 4, 2),
                        convolutional.discriminator(32, 2))
            # Likeness is measured against the spread of features in the batch of each device: left out to compare.
            model = VAEGAN(*networks, gamma=0.0, guard=(0.33, 1.03), beta=2.0, bits=3.0)
            data = gan.batches(faces, {"noise": 4, "prior": 4}, batch=8)
            history = model.fit(data, steps_per_epoch=3, shuffle=False, verbose=0).history
            found = [history[name][0] for name in ("discriminator", "decoder")]
            found += [np.abs(np.concatenate([v.ravel() for v in part.get_weights()])).sum()
                      for part in (*networks[1:], *list(model.averages.values())[1:])]
            ends.append([*found, history["beta"][0]])
    print(ends)
    np.testing.assert_allclose(*ends, rtol=1e-3)
"""


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_two_devices_are_one(policy):
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(TWO), policy], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
