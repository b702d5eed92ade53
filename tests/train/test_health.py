"""Health of adversarial trainings: the numbers are right, rows survive a kill, and what is ill is called so."""

import numpy as np
import pytest

pytest.importorskip("keras")
from PIL import Image

from elic_tf.train import health


def rows(**changes):
    row = {"diversity": 0.9, "real_right": 0.8, "fake_right": 0.7, "discriminator_norm": 1.0, "generator_norm": 0.1}
    row |= {"discriminator": 1.0, "generator": 1.2} | changes
    return [{"epoch": float(epoch)} | row for epoch in range(1, 9)]


def test_diversity_is_the_mean_distance_of_pairs():
    faces = np.random.default_rng(0).uniform(size=(5, 4, 4, 3))
    pairs = [np.sqrt(np.square(faces[i] - faces[j]).mean()) for i in range(5) for j in range(i)]
    assert health.diversity(faces) == pytest.approx(np.mean(pairs))
    assert health.diversity(np.repeat(faces[:1], 3, 0)) == pytest.approx(0, abs=1e-7)


def test_rows_and_samples_are_written_and_rewritten(tmp_path):
    faces = np.random.default_rng(0).uniform(size=(16, 4, 4, 3)).astype(np.float32)
    watch = health.Health(tmp_path, lambda: faces / 2, faces)
    for epoch, loss in enumerate((3.0, 2.0, 1.0)):
        watch.on_epoch_end(epoch, {"discriminator": loss})
    again = health.Health(tmp_path, lambda: faces / 2, faces)
    again.on_epoch_end(1, {"discriminator": 5.0})  # killed after epoch 3 was logged, before it was kept
    found = health.read(tmp_path / "health.csv")
    assert [row["epoch"] for row in found] == [1, 2]
    assert [row["discriminator"] for row in found] == [3, 5]
    assert found[0]["diversity"] == pytest.approx(0.5, abs=1e-6)
    sheet = np.asarray(Image.open(tmp_path / "samples.png"))
    assert sheet.shape == (8, 32, 3)
    np.testing.assert_array_equal(sheet[4:, 4:8], np.round(faces[9] / 2 * 255))


@pytest.mark.parametrize(
    "change, word",
    [
        ({"diversity": 0.2}, "collapsed"),
        ({"real_right": 1.0, "fake_right": 1.0}, "always right"),
        ({"generator": float("nan")}, "not a number"),
        ({"discriminator_norm": 0.0}, "no gradient"),
    ],
)
def test_symptoms(change, word):
    assert health.symptoms(rows()) == []
    (found,) = health.symptoms(rows(**change))
    assert word in found


def test_only_the_end_counts():
    assert health.symptoms(rows(diversity=0.1)[:4] + rows()[4:]) == []


@pytest.mark.parametrize("more", [{}, {"likeness": 0.5, "tilde_right": 0.6}])
def test_plot_shows_all_runs(more, tmp_path):
    figure = health.plot({"seed 0": rows(**more), "seed 1": rows(**more)})
    assert [len(axes.lines) for axes in figure.axes] == [6 if more else 4, 2, 4, 2 if more else 4]
    figure.savefig(tmp_path / "health.png")
    assert (tmp_path / "health.png").stat().st_size > 10_000
