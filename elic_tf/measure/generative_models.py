"""What `elic_tf.measure.generative` measures: the codecs that are shipped, and models from the folders of recipes."""

import dataclasses
import json
import pathlib
from collections.abc import Callable

import numpy as np

from elic_tf.measure import report

SIZE = 64
_PAIR = ("encoder.keras", "decoder.keras", "latents.npz")
FILES = {"vae": _PAIR, "vae_gan": _PAIR, "gan": ("generator.weights.h5", "latents.npz", "run.json")}
"""Recipe -> what it leaves in its folder when it has ended."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """codec: with `name`, `decoders`, `encode` and `decode`. most: faces that there is time for, None for all.

    samples: a function of n that gives n faces (n, size, size, 3) in [0, 1] of nobody, or None.
    """

    codec: object
    most: int | None = None
    samples: Callable | None = None

    @property
    def names(self):
        """{decoder: what its rows are called}."""
        one = len(self.codec.decoders) == 1
        return {each: self.codec.name if one else f"{self.codec.name}, {each}" for each in self.codec.decoders}

    def which(self, n):
        """Indices of the faces to measure of n: all, or `most` of them, evenly spread."""
        return evenly(n, self.most)

    def through(self, faces, bits):
        """Sizes of the files in bits, (n,), and {name: decoded faces}; every decoder reads the same files."""
        files, decoded = report.through(self.codec, faces, bits, self.codec.decoders)
        return np.array([8 * len(file) for file in files]), {self.names[each]: x for each, x in decoded.items()}


def evenly(n, most):
    """Indices of at most `most` of n things (None: of all), evenly spread: files are often sorted by what they show."""
    return np.linspace(0, n - 1, n if most is None else min(n, most)).astype(np.intp)


def shipped(names):
    """A `Subject` for each codec of these names."""
    from elic_tf.coding.codec import Codec

    return [Subject(Codec.load(name)) for name in names]


def trained(folders, inverted):
    """Subjects from the folders of recipes, and a sentence about each that is left out: (list, list).

    folders: {"vae", "vae_gan" or "gan": folder, or None}. inverted: faces to invert the generator of a GAN for.
    """
    subjects, left_out = [], []
    for recipe, folder in folders.items():
        why = _missing(recipe, folder)
        if why is None:
            model = _gan(folder) if recipe == "gan" else _pair(recipe, folder)
            subject = _subject(model, inverted if recipe == "gan" else None)
            if model.size == SIZE:
                subjects.append(subject)
                continue
            why = f"the model in {folder} is for faces of {model.size}x{model.size}, not {SIZE}x{SIZE}"
        left_out.append(f"{recipe}: {why}")
    return subjects, left_out


def _missing(recipe, folder):
    flag = "--" + recipe.replace("_", "-")
    if folder is None:
        where = f"runs/{recipe}" + ("/sigma_0.35" if recipe == "vae" else "")
        return f"no folder given; train it with `python -m elic_tf.train {recipe}`, then pass `{flag} {where}`"
    absent = [name for name in FILES[recipe] if not (pathlib.Path(folder) / name).is_file()]
    if absent:
        return f"{folder} has no {', '.join(absent)}; `python -m elic_tf.train {recipe}` writes it when it has ended"
    return None


def _pair(name, folder):
    from elic_tf.models.latent_model import LatentModel

    return LatentModel.from_folder(folder, name)


def _gan(folder):
    from elic_tf.models import convolutional
    from elic_tf.models.inversion import Inversion

    folder = pathlib.Path(folder)
    settings = json.loads((folder / "run.json").read_text())["settings"]
    generator = convolutional.decoder(settings["size"], settings["latents"], settings["width"])
    generator.load_weights(folder / "generator.weights.h5")
    with np.load(folder / "latents.npz") as arrays:
        return Inversion.from_arrays(generator, arrays)


def _subject(model, most):
    from elic_tf.coding.codec import Codec

    decoder = model.decoder

    def samples(n, seed=0):
        z = np.random.default_rng(seed).normal(size=(n, decoder.input_shape[-1])).astype(np.float32)
        return np.clip(np.concatenate([np.asarray(decoder(part)) for part in np.array_split(z, -(-n // 128))]), 0, 1)

    return Subject(Codec(model, model.number), most, samples)
