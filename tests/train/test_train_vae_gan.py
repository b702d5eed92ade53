"""The recipe of the VAE/GAN: it goes on where it was killed, beta included, and its class preset runs."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from elic_tf.faces import synthetic
from elic_tf.models import convolutional
from elic_tf.models.latent_model import LatentModel
from elic_tf.train import gan, health
from elic_tf.train import vae_gan as recipe


def networks():
    keras.utils.set_random_seed(5)
    return convolutional.encoder(32, 4, 2), convolutional.decoder(32, 4, 2), convolutional.discriminator(32, 2)


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(48, seed=2, size=32).images


def run(faces, out, **changes):
    settings = {"epochs": 3, "epoch_steps": 3, "batch": 4, "networks": networks(), "bits": 50.0} | changes
    return recipe.train(faces[:32], faces[32:], out, **settings)


def test_killed_and_resumed_it_ends_the_same(faces, tmp_path):
    whole = run(faces, tmp_path / "whole")
    run(faces, tmp_path / "killed", stop=2)
    resumed = run(faces, tmp_path / "killed", networks=networks())
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert float(whole.beta.value) == float(resumed.beta.value) != 1
    assert (tmp_path / "whole/health.csv").read_text() == (tmp_path / "killed/health.csv").read_text()
    (*_, last) = health.read(tmp_path / "whole/health.csv")
    assert {"likeness", "bits", "val_bits", "val_db", "encoder_norm", "tilde_right"} < set(last)


@pytest.mark.parametrize("more", ["--guard", "--extractor --gender 1 --region 0.1 --layer middle"])
def test_the_command_writes_everything(tmp_path, monkeypatch, more):
    monkeypatch.setattr(gan, "SYNTHETIC", 32)
    monkeypatch.setattr(gan, "HELD_OUT", 16)
    tiny = f"--width 2 --latents 4 --batch 4 --epochs 1 --epoch-steps 2 {more}"
    recipe.main(["--preset", "class", "--out", str(tmp_path), *tiny.split()])
    note = json.loads((tmp_path / "run.json").read_text())
    assert note["settings"]["bits"] == recipe.PRESETS["class"]["bits"]
    assert ("gender" in note["last"]) == ("gender" in more)
    assert (tmp_path / "results.md").read_text().count("| vae_gan |") == len(gan.RATES)
    again = LatentModel.from_folder(tmp_path)
    assert again.synthesis(again.analysis(np.zeros((1, 32, 32, 3), np.float32))).shape == (1, 32, 32, 3)
    for name in ("samples", "health", "reconstructions"):
        assert (tmp_path / f"{name}.png").stat().st_size > 0
