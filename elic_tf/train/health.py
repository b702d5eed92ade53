"""Is an adversarial training alive? Numbers after each epoch, a picture of samples, curves, and what looks ill.

A GAN has no loss that falls while it gets better: the losses of both sides are measured against each other. So what is
watched is the balance of power (does the discriminator still err, does it still learn), the size of the gradients, and
whether the samples are as unlike each other as faces are.
"""

import csv
import math
import pathlib

import keras
import numpy as np

COLLAPSED = 0.5
"""Samples less than this far apart, compared with faces, are a collapse; untrained networks are at 0.1."""
CERTAIN = 0.99
"""A discriminator as often right as this on both sides teaches nothing any more."""


def diversity(faces):
    """The mean distance, as a root mean square over pixels, of all pairs of faces (n, h, w, 3) in [0, 1]."""
    flat = np.asarray(faces, np.float64).reshape(len(faces), -1)
    norms = np.square(flat).sum(1)
    squares = norms[:, None] + norms[None] - 2 * flat @ flat.T
    pairs = squares[np.triu_indices(len(flat), 1)]
    return float(np.sqrt(np.maximum(pairs, 0) / flat.shape[1]).mean())


def sheet(faces, path, columns=8):
    """Write faces (n, h, w, 3) in [0, 1] as one PNG, row by row."""
    from PIL import Image

    tiles = np.round(np.clip(faces[: len(faces) // columns * columns], 0, 1) * 255).astype(np.uint8)
    height, width = tiles.shape[1:3]
    rows = tiles.reshape(-1, columns, height, width, 3).swapaxes(1, 2).reshape(-1, columns * width, 3)
    Image.fromarray(rows).save(path)


class Health(keras.callbacks.Callback):
    """After each epoch a row in `health.csv`, and the samples as `samples.png`, both in the folder `out`.

    sample: function of nothing that gives faces (n, h, w, 3) in [0, 1], the same latents each time. real: as many
    faces. A row holds all logs, and `diversity`: that of the samples over that of the faces, about 1 in good health.
    """

    def __init__(self, out, sample, real):
        super().__init__()
        self.out, self.sample, self.real = pathlib.Path(out), sample, diversity(real)
        self.path = self.out / "health.csv"

    def on_epoch_end(self, epoch, logs=None):
        faces = np.asarray(self.sample())
        sheet(faces, self.out / "samples.png")
        row = {"epoch": epoch + 1, "diversity": diversity(faces) / self.real}
        row |= {name: float(value) for name, value in sorted((logs or {}).items())}
        # Rows of epochs that were killed before their checkpoint are written again.
        before = [each for each in read(self.path) if each["epoch"] <= epoch] if self.path.exists() else []
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerows([*before, row])


def read(path):
    """The rows of a `health.csv`, dictionaries of floats."""
    with open(path, newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def symptoms(rows):
    """What is wrong with a training at its end: a list of sentences, empty in good health. rows: as from `read`."""
    last = rows[-max(1, len(rows) // 4) :]
    mean = {name: np.mean([row[name] for row in last]) for name in last[-1]}
    found = [f"{name} is not a number" for name, value in mean.items() if not math.isfinite(value)]
    if mean["diversity"] < COLLAPSED:
        found.append(f"the samples are {mean['diversity']:.2f} times as far apart as faces: collapsed")
    if min(mean["real_right"], mean["fake_right"]) > CERTAIN:
        found.append("the discriminator is always right: nobody learns from it")
    if mean["discriminator_norm"] < 1e-6:
        found.append("the discriminator has no gradient")
    return found


def plot(runs):
    """A figure of matplotlib with four panels, a line style for each run. runs: {name: rows}."""
    from matplotlib.figure import Figure

    from elic_tf.course.figures import COLORS

    figure = Figure(figsize=(9, 6.4), dpi=100, layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    some = next(iter(runs.values()))[-1]
    norms = [name for name in some if name.endswith("_norm")]
    shown = (
        ("discriminator is right", ["real_right", "fake_right", "tilde_right"], {"ylim": (0, 1)}),
        ("diversity of samples over that of faces", ["diversity"], {"ylim": (0, 1.3)}),
        ("norm of the gradients", norms, {"yscale": "log"}),
        ("likeness: error in features" if "likeness" in some else "losses in nats",
         ["likeness"] if "likeness" in some else ["discriminator", "generator"], {}),
    )  # fmt: skip
    styles = ("-", "--", ":", "-.")
    for axes, (title, names, more) in zip(panels, shown):
        for color, name in enumerate(name for name in names if name in some):
            for number, rows in enumerate(runs.values()):
                axes.plot([row["epoch"] for row in rows], [row[name] for row in rows], styles[number % len(styles)],
                          color=COLORS[color % len(COLORS)], label=None if number else name)  # fmt: skip
        axes.set(title=title, xlabel="epoch", **more)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    if len(runs) > 1:
        figure.suptitle(", ".join(f"{name} {styles[i % len(styles)]}" for i, name in enumerate(runs)))
    return figure
