"""The recipe of the VAE: sigma turns the rate, it goes on where it was killed, and does the same on two devices."""

import os
import subprocess
import sys
import textwrap

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402

from elic_tf.coding.codec import Codec  # noqa: E402
from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import vae  # noqa: E402
from elic_tf.models.latent_model import LatentModel  # noqa: E402
from elic_tf.train import vae as recipe  # noqa: E402


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(256, seed=2, size=32).images


def run(faces, out, **changes):
    settings = {"epochs": 3, "epoch_steps": 4, "batch": 8, "latents": 4, "width": 4} | changes
    return recipe.train(faces[:-32], faces[-32:], out, **settings)


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [None, 0.2])
def test_killed_and_resumed_it_ends_the_same(faces, tmp_path, sigma):
    whole = run(faces, tmp_path / "whole", sigma=sigma)
    run(faces, tmp_path / "killed", sigma=sigma, stop=1)
    resumed = run(faces, tmp_path / "killed", sigma=sigma)
    for a, b in zip(whole.get_weights(), resumed.get_weights()):
        np.testing.assert_array_equal(a, b)
    assert (tmp_path / "whole/best.json").read_text() == (tmp_path / "killed/best.json").read_text()
    assert resumed.sigma == pytest.approx(0.2) if sigma else resumed.sigma != 0.25


@pytest.mark.slow
def test_sigma_is_the_rate_knob(faces, tmp_path):
    rates, errors, active = [], [], []
    for sigma in (10.0, 0.5, 0.1):
        model = run(faces, tmp_path / str(sigma), sigma=sigma, epochs=2, epoch_steps=40, batch=32, rate=3e-3, width=8)
        test = recipe.batches(faces[-32:], 4, augment=False, shuffle=False, repeat=False)
        row = model.evaluate(test, verbose=0, return_dict=True)
        rates.append(row["rate"])
        errors.append(row["mse"])
        active.append(vae.collapse(model.encoder, faces)[1].sum())
    assert rates[0] < 1 < rates[1] < rates[2]
    assert errors[0] > errors[1] > errors[2]
    assert active[0] == 0 < active[2]


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(faces, tmp_path, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = run(faces, tmp_path, epochs=1, epoch_steps=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.decoder.get_layer("last").compute_dtype == "float32"
    assert model.decoder.layers[1].compute_dtype == policy.removeprefix("mixed_")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    shipped = recipe.export(model, faces, tmp_path)
    x = faces[:4] / np.float32(255)
    assert shipped.decoder.layers[1].compute_dtype == "float32"
    np.testing.assert_allclose(shipped.encoder(x)[0], model.encoder(x)[0], atol=0.1)


def test_batches_go_on_where_they_stopped(faces):
    whole = list(recipe.batches(faces, 7, batch=8).take(6))
    rest = list(recipe.batches(faces, 7, batch=8, skip=4).take(2))
    for a, b in zip(whole[4:], rest):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
    noise = np.concatenate([batch["noise"] for batch in recipe.batches(faces, 7, batch=8).take(60)])
    assert abs(noise.mean()) < 0.06 and abs(noise.std() - 1) < 0.05
    one_pass = list(recipe.batches(faces[:20], 7, batch=8, augment=False, shuffle=False, repeat=False))
    assert [len(batch["face"]) for batch in one_pass] == [8, 8, 4]


@pytest.mark.slow
def test_command(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "FACES", 192)
    monkeypatch.setattr(recipe, "VALIDATION", 16)
    out = tmp_path / "vae"
    size = ["--size", "32", "--latents", "4", "--epochs", "1", "--epoch-steps", "2"]
    recipe.main(["--data", "synthetic", *size, "--sigma", "0.3", "learned", "--out", str(out)])
    card = (out / "vae.md").read_text()
    assert "| 0.3 |" in card and "(learned)" in card and "--sigma 0.3 learned" in card and "nobody's" in card
    model = LatentModel.from_folder(out / "sigma_learned")
    test = synthetic.load(3, seed=9, size=32).images
    codec = Codec(model, model.number)
    assert codec.decode(codec.encode(test, 128)).shape == (3, 32, 32, 3)


def test_presets_are_defaults():
    arguments = recipe.parse(["--preset", "class", "--epochs", "1"])
    assert arguments.size == 32 and arguments.data == "synthetic" and arguments.epochs == 1
    assert len(arguments.sigma) > 2
    assert recipe.parse([]).size == 64
    with pytest.raises(SystemExit):
        recipe.parse(["--sigma", "0"])


TWO = """
    import os
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    import keras
    from elic_tf.faces import synthetic
    from elic_tf.models import convolutional, vae
    from elic_tf.train import vae as recipe

    faces, ends = synthetic.load(32, seed=2, size=32).images, []
    for devices in (["CPU:0"], ["CPU:0", "CPU:1"]):
        with tf.distribute.MirroredStrategy(devices).scope():
            keras.utils.set_random_seed(5)
            model = vae.VAE(convolutional.encoder(32, 4, 4), convolutional.decoder(32, 4, 4))
            model.compile(optimizer=keras.optimizers.Adam(1e-3, use_ema=True))
            loss = model.fit(recipe.batches(faces, 4, batch=8), steps_per_epoch=3, verbose=0).history["loss"][0]
            ends.append([loss, model.sigma, float(np.abs(model.decoder.get_layer("last").kernel).sum())])
    print(ends)
    np.testing.assert_allclose(*ends, rtol=1e-3)
"""


@pytest.mark.slow
def test_two_devices_are_one():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(TWO)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
