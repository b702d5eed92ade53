"""`python -m elic_tf.train vae_gan`: the VAE/GAN of Larsen et al., see `elic_tf.models.vae_gan`; resumes like `gan`.

With `--extractor` its discriminator stands on a frozen network: the full system, see `elic_tf.models.system`.
"""

import pathlib

import keras
import numpy as np

from elic_tf.errors import DataError
from elic_tf.models import convolutional, system
from elic_tf.models.features import FrozenExtractor
from elic_tf.models.vae_gan import GUARD, VAEGAN
from elic_tf.train import callbacks as training
from elic_tf.train import gan, vae

GAMMA = 2.0
"""The weight of likeness for one feature; the paper's gamma, which is for their sum, is this over their number."""
PRESETS = {
    "full": gan.COMMON["full"] | {"epochs": 80, "rate": 5e-4, "bits": 200.0},
    "class": gan.COMMON["class"] | {"epochs": 8, "rate": 5e-4, "bits": 100.0},
}
"""bits: KL per face to steer to."""


def train(faces, validation, out, *, epochs, epoch_steps=250, batch=32, seed=0, width=32, latents=128, gamma=GAMMA,
          layer="deep", extractor=None, terms=None, stop=None, networks=None, callbacks=(), **settings):  # fmt: skip
    """Train a VAE/GAN, or go on training it, in the folder `out`; returns the `VAEGAN`.

    faces, validation: (n, size, size, 3) uint8. gamma: for one feature. extractor: a frozen layer for the discriminator
    to stand on. terms: {name: (weight, term)} beside likeness, weighed, as gamma is, against realism. networks:
    (encoder, decoder, discriminator) to start from. stop: end after so many epochs, as if killed there. settings: of
    `VAEGAN`.
    """
    keras.utils.set_random_seed(seed)
    size = faces.shape[1]
    if networks is None:
        coder = convolutional.encoder(size, latents, width), convolutional.decoder(size, latents, width)
        networks = (*coder, critic(extractor, size, width) if extractor else convolutional.discriminator(size, width))
    features = networks[2](np.zeros((1, size, size, 3), np.float32))[layer]
    gamma /= int(np.prod(features.shape[1:]))
    # In the paper's form, gamma (L_llike + terms) - L_GAN, gamma multiplies the terms too.
    terms = {name: (weight / gamma, term) for name, (weight, term) in (terms or {}).items()}
    model = VAEGAN(*networks, gamma=gamma, layer=layer, terms=terms, **settings)
    z, draws = gan.fixed_latents(model.latents), {"noise": model.latents, "prior": model.latents}
    return gan.fit(
        model, lambda done: gan.batches(faces, draws, seed=seed, batch=batch, skip=done), out,
        epochs=epochs, epoch_steps=epoch_steps, sample=lambda: model.network("decoder")(z, training=False),
        real=validation[: gan.SAMPLES] / np.float32(255), stop=stop, callbacks=callbacks,
        validation=gan.batches(validation[:256], draws, batch=64, augment=None),
    )  # fmt: skip


def critic(extractor, size, width):
    """A discriminator on a frozen extractor, and on the pixels, where these are more than the extractor's first map."""
    return system.Critic(extractor, size, ("faces", *system.MAPS) if size == 64 else system.MAPS, width)


def main(argv=None):
    """Train a VAE/GAN; write its networks, samples, reconstructions, health curves, and what it makes of files."""
    more = (
        ("--bits", {"type": float, "help": "KL in bits per face to steer to"}),
        ("--gamma", {"type": float, "default": GAMMA, "help": "likeness against realism (default: %(default)s)"}),
        ("--layer", {"default": "deep", "help": "of the discriminator, Dis_l (default: %(default)s)"}),
        ("--extractor", {"nargs": "?", "const": "", "metavar": "HANDLE",
                         "help": "let the discriminator stand on the frozen extractor that is shipped, or on another"}),
        ("--gender", {"type": float, "default": 0.0, "help": "weight of the gender term, with --extractor"}),
        ("--region", {"type": float, "default": 0.0, "help": "weight of the face-region term, with --extractor"}),
        ("--guard", {"action": "store_true", "help": "the equilibrium guard of the authors' code"}),
    )  # fmt: skip
    settings = gan.arguments("vae_gan", main.__doc__, argv, PRESETS, more)
    if (settings["gender"] or settings["region"]) and "extractor" not in settings:
        raise DataError("--gender and --region say what a frozen network sees: they need --extractor")
    keras.config.set_dtype_policy(settings["precision"])
    faces, validation, test = gan.face_sets(settings)
    out = pathlib.Path(settings["out"])
    names = ("epochs", "epoch_steps", "batch", "seed", "width", "latents", "rate", "bits", "gamma", "layer")
    chosen = {name: settings[name] for name in names} | {"guard": GUARD if settings["guard"] else None}
    if "extractor" in settings:
        # It takes faces of 64x64.
        chosen["extractor"] = FrozenExtractor(
            settings["extractor"] or None, size=None if settings["size"] == 64 else 64
        )
        every = {"gender": system.gender, "region": system.face_region}
        chosen["terms"] = {name: (settings[name], term) for name, term in every.items() if settings[name]}
    model = train(np.asarray(faces.images), np.asarray(validation.images), out, **chosen)
    minutes = training.minutes(out)
    shipped = vae.export(model, faces.images, out)
    shipped.name = "vae_gan"
    gan.finish(out, settings, minutes, shipped, test)


if __name__ == "__main__":
    main()
