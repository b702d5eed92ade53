"""Models from the folders of recipes: what these write is what is read, and what is not there is named."""

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402

from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.measure import generative_models  # noqa: E402
from elic_tf.models import convolutional, inversion, vae  # noqa: E402
from elic_tf.train import gan as gan_recipe  # noqa: E402
from elic_tf.train import vae as vae_recipe  # noqa: E402


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(40, seed=8).images


@pytest.fixture(scope="module")
def coder(faces, tmp_path_factory):
    """A folder as the recipes of the VAE and the VAE/GAN leave it, and the model."""
    folder = tmp_path_factory.mktemp("vae")
    keras.utils.set_random_seed(0)
    model = vae.VAE(convolutional.encoder(64, 6, 2), convolutional.decoder(64, 6, 2), 0.3)
    return folder, vae_recipe.export(model, faces, folder)


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    """A folder as the recipe of the GAN leaves it."""
    folder = tmp_path_factory.mktemp("gan")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan_recipe, "SYNTHETIC", 32)
        patch.setattr(gan_recipe, "HELD_OUT", 16)
        patch.setattr(inversion.Inversion, "_adam", lambda self, z, mean, square, *_: (z, mean, square))
        patch.setattr(inversion, "RANDOM", 100)
        patch.setattr("elic_tf.measure.report.rate_distortion", lambda *_, **__: [])
        patch.setattr("elic_tf.measure.report.write", lambda *_: None)
        tiny = "--width 2 --latents 4 --batch 4 --epochs 1 --epoch-steps 2 --size 64"
        gan_recipe.main(["--preset", "class", "--out", str(folder), *tiny.split()])
    return folder


def test_a_vae_writes_the_files_it_wrote_before(coder, faces):
    from elic_tf.coding.codec import Codec

    folder, model = coder
    (vae, vae_gan), left_out = generative_models.trained({"vae": folder, "vae_gan": folder, "gan": None}, 5)
    assert (vae.names, vae_gan.names) == ({"smooth": "vae"}, {"smooth": "vae_gan"})
    assert len(left_out) == 1 and "python -m elic_tf.train gan" in left_out[0] and "--gan runs/gan" in left_out[0]
    some = faces[:3] / np.float32(255)
    sizes, decoded = vae.through(some, 128)
    codec = Codec(model, model.number)
    files = codec.encode(some, 128)
    assert sizes.tolist() == [8 * len(file) for file in files]
    np.testing.assert_allclose(decoded["vae"], codec.decode(files), atol=1e-5)
    assert vae.which(40).tolist() == list(range(40))


def test_a_gan_is_inverted_once_for_all_rates(generator, faces, monkeypatch):
    monkeypatch.setattr(inversion, "SEARCH", 3)
    (gan,), _ = generative_models.trained({"gan": generator}, 5)
    assert gan.names == {"generator": "gan"} and len(gan.which(40)) == 5
    searches = []
    real = inversion.Inversion.invert
    monkeypatch.setattr(inversion.Inversion, "invert", lambda self, x: searches.append(len(x)) or real(self, x))
    gan.codec.model.search = 3
    some = faces[:2] / np.float32(255)
    first = gan.through(some, 96)[1]["gan"]
    gan.through(some, 64)
    assert searches == [2]
    np.testing.assert_array_equal(gan.through(some, 96)[1]["gan"], first)
    other = gan.through(faces[2:4] / np.float32(255), 64)
    assert searches == [2, 2] and other[1]["gan"].shape == some.shape


def test_samples_are_those_of_the_trained_generator(generator):
    (gan,), _ = generative_models.trained({"gan": generator}, 5)
    samples = gan.samples(130)
    assert samples.shape == (130, 64, 64, 3) and samples.min() >= 0 and samples.max() <= 1
    network = convolutional.decoder(64, 4, 2)
    network.load_weights(generator / "generator.weights.h5")
    z = np.random.default_rng(0).normal(size=(130, 4)).astype(np.float32)
    np.testing.assert_allclose(samples, np.asarray(network(z)), atol=1e-5)


def test_what_is_not_finished_or_of_another_size_is_left_out_by_name(coder, generator, tmp_path):
    (tmp_path / "encoder.keras").touch()
    subjects, (first, second) = generative_models.trained({"vae": tmp_path, "vae_gan": tmp_path / "none"}, 5)
    assert not subjects and "decoder.keras, latents.npz" in first and "encoder" not in first
    assert second.startswith("vae_gan: ") and "encoder.keras" in second and "python -m elic_tf.train vae_gan" in second

    note = json.loads((generator / "run.json").read_text())
    small = tmp_path / "small"
    small.mkdir()
    (small / "run.json").write_text(json.dumps({"settings": note["settings"] | {"size": 32}}))
    convolutional.decoder(32, 4, 2).save_weights(small / "generator.weights.h5")
    (small / "latents.npz").write_bytes((generator / "latents.npz").read_bytes())
    subjects, (why,) = generative_models.trained({"gan": small}, 5)
    assert not subjects and "32x32" in why
