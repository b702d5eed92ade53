"""`python -m elic_tf.train.stability`: do the generative models stay alive with every seed, and what keeps them alive?

The VAE, the GAN and the VAE/GAN as their recipes train them, and variants: R1 or spectral normalisation or neither, the
equilibrium guard or not. Each variant is trained with each seed in a folder of its own. A command that was killed goes
on when it is given again, and runs that are finished are not repeated.
"""

import argparse
import gc
import pathlib
import sys

import keras
import numpy as np

from elic_tf.models import convolutional
from elic_tf.models import vae as elbo
from elic_tf.models.vae_gan import GUARD
from elic_tf.train import callbacks, experiments, gan, health, stability_report, vae, vae_gan

VARIANTS = {
    "vae": ("vae", {}),
    "gan": ("gan", {}),
    "gan-spectral": ("gan", {"r1": 0.0, "spectral": True}),
    "gan-plain": ("gan", {"r1": 0.0}),
    "vae_gan": ("vae_gan", {}),
    "vae_gan-guard": ("vae_gan", {"guard": GUARD}),
    "vae_gan-guard-alone": ("vae_gan", {"guard": GUARD, "r1": 0.0}),
    "vae_gan-plain": ("vae_gan", {"r1": 0.0}),
}
"""The recipe, and what is changed of it. GAN and VAE/GAN have the R1 penalty unless it is 0."""
PRESETS = {
    "class": {"vae": vae.PRESETS["class"] | {"sigma": 0.25}, "gan": gan.PRESETS["class"],
              "vae_gan": vae_gan.PRESETS["class"]},
    "full": {"vae": {"data": "celeba", "size": 64, "latents": vae.LATENTS, "sigma": 0.35, "epochs": 60,
                     "epoch_steps": vae.EPOCH},
             "gan": gan.PRESETS["full"], "vae_gan": vae_gan.PRESETS["full"]},
}  # fmt: skip
SETTINGS = ("epochs", "epoch_steps", "batch", "width", "latents", "rate", "sigma", "bits")
"""What a preset says to the `train` of a recipe."""
DRAWN = 1024
"""Samples whose spectrum is measured."""
NO_DISCRIMINATOR = {"real_right": 0.5, "fake_right": 0.5, "discriminator_norm": 1.0}
"""What `health.symptoms` is told of a VAE."""


def train(recipe, faces, validation, folder, *, seed, **settings):
    """Train, or go on; returns the model, and the network that makes faces of latents.

    faces, validation: (n, size, size, 3) uint8. settings: of the `train` of that recipe; spectral: of the GAN.
    """
    real = validation[: gan.SAMPLES] / np.float32(255)
    if recipe == "vae":
        z = gan.fixed_latents(settings["latents"])
        watch = health.Health(folder, lambda: watch.model.sample(z), real)  # there is no model yet
        model = vae.train(faces, validation, folder, seed=seed, callbacks=[watch], **settings)
        model.load_networks(folder)
        return model, model.decoder
    if recipe == "vae_gan":
        model = vae_gan.train(faces, validation, folder, seed=seed, **settings)
        return model, model.decoder
    if settings.pop("spectral", False):
        keras.utils.set_random_seed(seed)  # so the generator starts as it does without
        size, latents, width = faces.shape[1], settings["latents"], settings["width"]
        generator = convolutional.decoder(size, latents, width)
        settings["networks"] = generator, convolutional.discriminator(size, width, spectral=True)
    model = gan.train(faces, real, folder, seed=seed, **settings)
    return model, model.network("generator")


def measure(model, generator, folder, validation, spectrum):
    """The numbers of a run, by the names of `stability_report.COLUMNS`, and its `samples.png`.

    validation: (n, size, size, 3) uint8; spectrum: its features.
    """
    from elic_tf.measure import distortion

    rows = health.read(folder / "health.csv")
    samples = np.nan_to_num(_in_parts(generator, gan.fixed_latents(generator.input_shape[-1], DRAWN)))
    health.sheet(samples[: gan.SAMPLES], folder / "samples.png")
    faces = validation / np.float32(255)
    diversity, real = (health.diversity(each[: gan.SAMPLES]) for each in (samples, faces))
    row = {name: rows[-1].get(name) for name in ("real_right", "fake_right", "likeness", "db")}
    row |= {"diversity": diversity / real, "spectrum": distance(samples, spectrum)}
    if hasattr(model, "encoder"):
        decoded = np.clip(np.nan_to_num(_in_parts(model, faces)), 0, 1)
        row["psnr"] = float(distortion.psnr(faces, decoded).mean())
        row["bits"] = float(_in_parts(lambda part: elbo.rate(*model.encoder(part)), faces).mean())
    return row | {"minutes": callbacks.minutes(folder)} | verdict(rows, row["diversity"])


def distance(faces, spectrum):
    """Fréchet distance to faces whose features are `spectrum`, in the luminance spectrum; plain, in 64 features."""
    from elic_tf.measure import realism

    return realism.frechet_distance(realism.features(faces, "luminance spectrum"), spectrum)


def verdict(rows, diversity):
    """{verdict: "alive", "collapsed" or "ill"; symptoms: text} of the rows of a health.csv and the final diversity."""
    symptoms = health.symptoms([NO_DISCRIMINATOR | row for row in rows])
    # Written so that what is not a number has collapsed too.
    collapsed = not (diversity >= health.COLLAPSED and rows[-1]["diversity"] >= health.COLLAPSED)
    return {"verdict": "collapsed" if collapsed else "ill" if symptoms else "alive", "symptoms": "; ".join(symptoms)}


def _in_parts(function, values, size=128):
    parts = (values[start : start + size] for start in range(0, len(values), size))
    return np.concatenate([np.asarray(function(part), np.float32) for part in parts])


def parse(argv=None):
    """The arguments."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.train.stability", description=main.__doc__)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="(default: all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--preset", choices=PRESETS, default="class", help="full: CelebA at 64x64, hours for each run")
    parser.add_argument("--data", choices=("celeba", "synthetic"))
    parser.add_argument("--size", type=int, choices=convolutional.SIZES)
    parser.add_argument("--root", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--epochs", type=int, help="of --epoch-steps steps, for all variants")
    parser.add_argument("--epoch-steps", type=int, help="steps between two checkpoints")
    parser.add_argument("--out", type=pathlib.Path, default="runs/stability", help="folder (default: %(default)s)")
    parser.add_argument("--precision", default="float32", help="mixed_bfloat16 on a newer CPU, mixed_float16 on a GPU")
    return parser.parse_args(argv)


def run(arguments):
    """Train what is not finished yet, and write the report."""
    from elic_tf.measure import realism
    from elic_tf.measure.report import about

    keras.config.set_dtype_policy(arguments.precision)
    chosen = {name: getattr(arguments, name) for name in ("data", "size", "epochs", "epoch_steps")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    presets = {recipe: preset | chosen for recipe, preset in PRESETS[arguments.preset].items()}
    common = {name: presets["gan"][name] for name in ("data", "size")} | {"precision": arguments.precision}
    faces, validation, test = gan.face_sets(common | {"root": arguments.root})
    pixels, held_out = np.asarray(faces.images), np.asarray(validation.images)
    spectrum = realism.features(held_out, "luminance spectrum")
    rows = []
    for variant in arguments.variants:
        recipe, changes = VARIANTS[variant]
        settings = {name: presets[recipe][name] for name in SETTINGS if name in presets[recipe]} | changes
        for seed in arguments.seeds:
            name = {"variant": variant, "seed": seed}
            folder, note = stability_report.place(arguments.out, name), name | common | settings
            row = experiments.finished(folder, note)
            if row is None:
                print(f"{variant}, seed {seed}", flush=True)
                trained = train(recipe, pixels, held_out, folder, seed=seed, **settings)
                row = measure(*trained, folder, held_out, spectrum)
                experiments.finish(folder, note, row)
                del trained
                gc.collect()  # a model is a circle of references, and holds its data set
            rows.append(name | row)
    given = {"preset": arguments.preset, **chosen, "precision": arguments.precision}
    words = [f"--{name.replace('_', '-')} {value}" for name, value in given.items()]
    words += ["--seeds", *map(str, arguments.seeds), "--variants", *arguments.variants]
    intro = (
        f"Recipe: `python -m elic_tf.train.stability {' '.join(words)}`\n\nTrained on {about(faces)}; measured on "
        f"{about(validation, 'validation')}. Fréchet distances of other faces: {distance(test.images, spectrum):.1f}."
    )
    print(stability_report.report(rows, arguments.out, intro))
    adversarial = [variant for variant in arguments.variants if VARIANTS[variant][0] != "vae"]
    stability_report.pictures(rows, arguments.out, adversarial)
    print(f"wrote stability.md, .csv and .png, and pictures of each variant, to {arguments.out}")


def main(argv=None):
    """Train the VAE, the GAN, the VAE/GAN and variants of them with several seeds, and say which collapse."""
    from elic_tf.guard import guard

    return guard(run, parse(argv))


if __name__ == "__main__":
    sys.exit(main())
