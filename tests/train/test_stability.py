"""Several seeds of all models: runs are not repeated, variants do what they say, and a collapse is called one."""

import csv
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from PIL import Image

from elic_tf.faces import synthetic
from elic_tf.measure import realism
from elic_tf.models.vae_gan import GUARD
from elic_tf.train import experiments, gan, health, stability, stability_report, vae, vae_gan

HEALTH = "epoch,diversity,real_right,fake_right,discriminator,generator,discriminator_norm"
COMMON = {"data": "synthetic", "size": 32, "latents": 4, "batch": 4, "epochs": 2, "epoch_steps": 2, "width": 2}
TINY = {"vae": COMMON | {"sigma": 0.25}, "gan": COMMON | {"rate": 1e-3}, "vae_gan": COMMON | {"bits": 50.0}}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(stability.PRESETS, "class", TINY)
    monkeypatch.setattr(gan, "SYNTHETIC", 32)
    monkeypatch.setattr(gan, "HELD_OUT", 16)
    monkeypatch.setattr(stability, "DRAWN", 64)


def command(out, *more, variants=("vae", "gan-spectral", "vae_gan-guard"), seed="7"):
    return stability.main(["--out", str(out), "--variants", *variants, "--seeds", seed, *more])


@pytest.mark.slow
def test_everything_is_written_and_nothing_trained_twice(tmp_path, monkeypatch, capsys):
    whole, trained = stability.train, []

    def killed(recipe, *arguments, **settings):
        trained.append(recipe)
        if trained == ["vae", "gan"]:
            raise KeyboardInterrupt
        return whole(recipe, *arguments, **settings)

    monkeypatch.setattr(stability, "train", killed)
    assert command(tmp_path) == 130
    assert not (tmp_path / "stability.md").exists()
    assert command(tmp_path) == 0
    assert trained == ["vae", "gan", "gan", "vae_gan"]
    text = (tmp_path / "stability.md").read_text()
    assert text in capsys.readouterr().out
    with open(tmp_path / "stability.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["variant"] for row in rows] == 3 * ["vae", "gan-spectral", "vae_gan-guard"]
    assert [row["seed"] for row in rows] == ["7"] * 3 + ["mean"] * 3 + ["standard deviation"] * 3
    # Networks that have not learned anything make the same grey of all latents.
    assert "3 collapsed in 3 runs" in text and text.count("| 0 of 1 alive |") == 3
    filled = {name: [bool(row[name]) for row in rows[:3]] for name in rows[0]}
    assert filled["psnr"] == filled["bits"] == filled["db"] == [True, False, True]
    assert filled["real_right"] == [False, True, True] and filled["likeness"] == [False, False, True]
    assert all(all(filled[name]) for name in ("diversity", "spectrum", "minutes", "symptoms"))
    for name in ("stability.png", "gan-spectral/health.png", "vae_gan-guard/health.png"):
        assert (tmp_path / name).stat().st_size > 10_000
    assert np.asarray(Image.open(tmp_path / "vae/samples.png")).shape == (64, 256, 3)

    assert command(tmp_path) == 0
    assert len(trained) == 4
    assert (tmp_path / "stability.md").read_text() == text
    assert command(tmp_path, "--epochs", "3") == 2
    assert "other settings" in capsys.readouterr().err


def test_pictures_show_all_seeds(tmp_path):
    rows = [{"variant": "gan", "seed": seed} for seed in (0, 1)]
    for row in rows:
        place = stability_report.place(tmp_path, row)
        place.mkdir(parents=True)
        health.sheet(np.full((64, 4, 4, 3), (1 + row["seed"]) / 255), place / "samples.png")
        (place / "health.csv").write_text(f"{HEALTH}\n1,1,0.7,0.8,1,1,1\n2,1,0.7,0.8,1,1,1\n")
    stability_report.pictures(rows, tmp_path, ["gan"])
    sheet = np.asarray(Image.open(tmp_path / "gan/samples.png"))
    assert sheet.shape == (16, 32, 3) and (sheet[:8] == 1).all() and (sheet[8:] == 2).all()
    figure = stability_report.plot(
        {("gan", 0): [{"epoch": 1, "diversity": 1.0}], ("gan", 1): [{"epoch": 1, "diversity": 1.0}]}
    )
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["gan"]


def test_variants_differ_in_what_they_say(monkeypatch, tmp_path):
    told = {}
    for module in (vae, gan, vae_gan):

        def note(*_, module=module, **settings):
            told.setdefault(module.__name__.split(".")[-1], []).append(settings)
            raise KeyboardInterrupt

        monkeypatch.setattr(module, "train", note)
    for variant in stability.VARIANTS:
        assert command(tmp_path, variants=[variant]) == 130
    assert all(each["seed"] == 7 and each["epochs"] == 2 for calls in told.values() for each in calls)
    assert [each["sigma"] for each in told["vae"]] == [0.25]
    default, spectral, plain = told["gan"]
    assert "r1" not in default and spectral["r1"] == plain["r1"] == 0
    assert spectral["networks"][1].shape_arguments["spectral"]
    assert "networks" not in default and "networks" not in plain
    assert [(each.get("guard"), each.get("r1")) for each in told["vae_gan"]] == [
        (None, None), (GUARD, None), (GUARD, 0.0), (None, 0.0)
    ]  # fmt: skip


def test_spectral_generator_starts_as_the_others(tmp_path, monkeypatch):
    """Or two things would differ."""
    ends = []
    monkeypatch.setattr(gan, "fit", lambda model, *_, **__: ends.append(model) or model)
    faces = synthetic.load(32, seed=2, size=32).images
    for more in ({}, {"spectral": True, "r1": 0.0}):
        settings = {"epochs": 1, "epoch_steps": 1, "batch": 4, "width": 2, "latents": 4}
        stability.train("gan", faces, faces, tmp_path, seed=3, **settings, **more)
    plain, spectral = ends
    for a, b in zip(plain.network("generator").get_weights(), spectral.network("generator").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "r1" in plain.trackers and "r1" not in spectral.trackers


class Drawer:
    """A generator that knows faces by heart."""

    input_shape = (None, 4)

    def __init__(self, faces):
        self.faces = faces / np.float32(255)

    def __call__(self, z):
        # The first latent chooses: normal, so its rank is uniform.
        which = (np.abs(np.sin(1e4 * np.asarray(z)[:, 0])) * len(self.faces)).astype(int)
        return self.faces[which]


@pytest.mark.parametrize("some, expected", [(slice(None), "alive"), (slice(1), "collapsed")])
def test_faces_are_alive_and_one_face_is_a_collapse(tmp_path, some, expected):
    faces, others = synthetic.load(128, 3, 32).images, synthetic.load(128, 4, 32).images
    (tmp_path / "health.csv").write_text(f"{HEALTH}\n1,1,0.7,0.8,1,1,1\n")
    spectrum = realism.features(others, "luminance spectrum")
    row = stability.measure(None, Drawer(faces[some]), tmp_path, others, spectrum)
    assert row["verdict"] == expected
    assert (row["diversity"] > 0.85 and row["spectrum"] < 3) == (expected == "alive")
    assert row["real_right"] == 0.7 and "psnr" not in row


@pytest.mark.parametrize(
    "change, diversity, expected, symptom",
    [
        ({}, 0.9, "alive", ""),
        ({}, 0.4, "collapsed", ""),
        ({"diversity": 0.4}, 0.9, "collapsed", "collapsed"),
        ({"diversity": float("nan")}, float("nan"), "collapsed", "not a number"),
        ({"real_right": 1.0, "fake_right": 1.0, "discriminator_norm": 1.0}, 0.9, "ill", "always right"),
    ],
)
def test_verdict(change, diversity, expected, symptom):
    found = stability.verdict([{"epoch": 1.0, "diversity": 0.9, "loss": 1.0} | change], diversity)
    assert found["verdict"] == expected
    assert symptom in found["symptoms"] and bool(symptom) == bool(found["symptoms"])


def test_summary_is_mean_and_deviation_over_seeds():
    values = (0.5, 0.7, 0.9)
    rows = [
        {"variant": "gan", "seed": i, "verdict": "alive", "diversity": v, "psnr": None} for i, v in enumerate(values)
    ]
    rows.append({"variant": "vae", "seed": 0, "verdict": "ill", "diversity": 0.8, "psnr": 20.0})
    first, second = stability_report.summary(rows)
    assert first["diversity"] == (pytest.approx(0.7), pytest.approx(0.2)) and "psnr" not in first
    assert (first["verdict"], second["verdict"]) == ("3 of 3 alive", "0 of 1 alive")
    table = experiments.markdown([first, second], stability_report.COLUMNS)
    assert "| gan | 3 of 3 alive | 0.70 ± 0.20 | - |" in table and "| vae | 0 of 1 alive | 0.80 | 20.00 |" in table
    assert "seed" not in table
