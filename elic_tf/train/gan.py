"""`python -m elic_tf.train gan`: a generator and a discriminator of faces; the recipe `vae_gan` shares the rest.

Everything random is a function of the seed and the number of the step, and a checkpoint is written after each epoch: a
run that was killed goes on with the same command and ends with the same numbers.
"""

import argparse
import importlib.util
import json
import pathlib
import warnings

import keras
import numpy as np

from elic_tf.models import convolutional
from elic_tf.train import callbacks as training
from elic_tf.train import health

SAMPLES = 64
SYNTHETIC, HELD_OUT = 4096, 256
"""Synthetic faces to train on; and for validation, and for the test, each."""
RATES = (128, 256, 512)
COMMON = {
    "full": {"data": "celeba", "size": 64, "width": 32, "latents": 128, "batch": 32, "epoch_steps": 250},
    "class": {"data": "synthetic", "size": 32, "width": 16, "latents": 64, "batch": 32, "epoch_steps": 250},
}
PRESETS = {
    "full": COMMON["full"] | {"epochs": 40, "rate": 2e-4, "inverted": 128},
    "class": COMMON["class"] | {"epochs": 14, "rate": 1e-3, "inverted": 16},
}
"""What a recipe does where its command says nothing else; `class` is for two minutes on two cores.

The rate of `full` was chosen by trial: on photographs of 64x64 a rate of 5e-4 ends within five epochs in pictures that
are black, from where nothing comes back, whether R1 weighs .3 or 3; so does 2e-4 where R1 weighs 3. At 2e-4 and .3
both players stay in the game.
"""


def batches(faces, draws, *, seed=0, batch=32, skip=0, augment="flip"):
    """An endless tf.data.Dataset of dictionaries: face, and for each of `draws`, {name: K}, numbers (n, K) of N(0, 1).

    faces: (n, size, size, 3) uint8. skip: batches already used. augment None: one pass over the faces, as they are.
    """
    import tensorflow as tf

    from elic_tf.faces import pipeline

    endless = augment is not None
    data = pipeline.dataset(faces, batch, seed=seed, shuffle=endless, repeat=endless, augment=augment,
                            drop_remainder=endless, skip=skip)  # fmt: skip

    def with_draws(number, pixels):
        key = tf.random.experimental.stateless_fold_in(tf.constant([seed, 99], tf.int64), number)
        keys = tf.unstack(tf.random.experimental.stateless_split(key, len(draws)))
        n = tf.shape(pixels)[0]
        normal = {name: tf.random.stateless_normal((n, size), key) for key, (name, size) in zip(keys, draws.items())}
        return {"face": pixels, **normal}

    return data.enumerate(start=skip).map(with_draws, num_parallel_calls=1).prefetch(2)


def fit(model, data, out, *, epochs, epoch_steps, sample, real, validation=None, stop=None, callbacks=()):
    """`model.fit` of an `AdversarialModel`, from where `resume.npz` in `out` ends, to `epochs` or to `stop`.

    data: function of the number of steps done that gives an endless dataset. sample, real: see `health.Health`. The
    least of a loss means nothing here, so what is kept at the end is the average of the last weights.
    """
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    resume = training.Resume(out / "resume.npz")
    done = resume.restore(model)
    watch = health.Health(out, sample, real)
    callbacks = [
        training.Clock(out),
        *callbacks,
        watch,
        resume,
        training.Progress(epochs * epoch_steps, done * epoch_steps),
    ]
    if importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(out / "log", write_graph=False))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*shuffle=True")
        model.fit(data(done * epoch_steps), epochs=min(epochs, stop or epochs), initial_epoch=done, verbose=0,
                  steps_per_epoch=epoch_steps, validation_data=validation, callbacks=callbacks)  # fmt: skip
    model.save_networks(out)
    return model


def fixed_latents(latents, count=SAMPLES):
    """(count, latents) of N(0, 1), the same for every run: samples of different epochs and runs can be compared."""
    return np.random.default_rng(1).normal(size=(count, latents)).astype(np.float32)


def train(faces, real, out, *, epochs, epoch_steps=250, batch=32, seed=0, width=32, latents=128, stop=None,
          networks=None, callbacks=(), **settings):  # fmt: skip
    """Train a GAN, or go on training it, in the folder `out`; returns the `GAN`.

    faces: (n, size, size, 3) uint8. real: others, to compare the diversity of samples with. networks: (generator,
    discriminator) to start from. stop: end after so many epochs, as if killed there. settings: of `GAN`.
    """
    from elic_tf.models.gan import GAN

    keras.utils.set_random_seed(seed)
    size = faces.shape[1]
    if networks is None:
        networks = convolutional.decoder(size, latents, width), convolutional.discriminator(size, width)
    model = GAN(*networks, **settings)
    z = fixed_latents(model.latents)
    return fit(
        model, lambda done: batches(faces, {"z": model.latents}, seed=seed, batch=batch, skip=done), out,
        epochs=epochs, epoch_steps=epoch_steps, sample=lambda: model(z), real=real, stop=stop, callbacks=callbacks,
    )  # fmt: skip


def arguments(name, about, argv, presets, more=()):
    """The settings of a recipe from its command line, those of the preset where it does not say."""
    parser = argparse.ArgumentParser(prog=f"python -m elic_tf.train {name}", description=about)
    parser.add_argument("--preset", choices=presets, default="full", help="class: two minutes on two cores")
    parser.add_argument("--data", choices=("celeba", "synthetic"))
    parser.add_argument("--root", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--out", default=f"runs/{name}", help="folder for all results (default: %(default)s)")
    parser.add_argument("--size", type=int, choices=(32, 64))
    numbers = {
        "width": "channels of the first layer",
        "latents": "length of z",
        "batch": "faces in a step",
        "epochs": "of --epoch-steps steps",
        "epoch-steps": "steps between two checkpoints",
    }
    for each, about_it in numbers.items():
        parser.add_argument(f"--{each}", type=int, help=about_it)
    parser.add_argument("--rate", type=float, help="of Adam")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32", help="mixed_bfloat16 on a newer CPU, mixed_float16 on a GPU")
    for flag, settings in more:
        parser.add_argument(flag, **settings)
    given = {key: value for key, value in vars(parser.parse_args(argv)).items() if value is not None}
    return presets[given["preset"]] | given


def face_sets(settings):
    """(training, validation, test) FaceSets of a recipe's settings; test people are in no other."""
    from elic_tf.faces import celeba, synthetic

    size = settings["size"]
    if settings["data"] == "synthetic":
        counts = (SYNTHETIC, HELD_OUT, HELD_OUT)
        return tuple(synthetic.load(count, 11 + number, size) for number, count in enumerate(counts))
    return tuple(celeba.load(settings.get("root"), split, size) for split in ("train", "validation", "test"))


def main(argv=None):
    """Train a GAN; write its networks, samples, health curves, and what it makes of files, by inversion."""
    from elic_tf.models.inversion import Inversion

    settings = arguments("gan", main.__doc__, argv, PRESETS)
    keras.config.set_dtype_policy(settings["precision"])
    faces, validation, test = face_sets(settings)
    out = pathlib.Path(settings["out"])
    names = ("epochs", "epoch_steps", "batch", "seed", "width", "latents", "rate")
    chosen = {name: settings[name] for name in names}
    model = train(np.asarray(faces.images), validation.images[:SAMPLES] / np.float32(255), out, **chosen)
    minutes = training.minutes(out)
    inversion = Inversion.fit(convolutional.in_float32(model.network("generator")))
    np.savez_compressed(out / "latents.npz", **inversion.arrays())
    finish(out, settings, minutes, inversion, test.take(slice(settings["inverted"])))


def finish(out, settings, minutes, shipped, test):
    """Write `health.png`, `results.md` and `run.json`, and say how the training went.

    shipped: a model for `Codec`; test: the FaceSet to measure it on.
    """
    from elic_tf.coding.codec import Codec
    from elic_tf.errors import MissingExtraError
    from elic_tf.measure import judges, report

    rows = health.read(out / "health.csv")
    health.plot({"": rows}).savefig(out / "health.png")
    ill = health.symptoms(rows)
    note = {"settings": settings, "minutes": minutes, "symptoms": ill, "last": rows[-1]}
    (out / "run.json").write_text(json.dumps(note, indent=1))
    print(
        f"{minutes:.1f} minutes; {'; '.join(ill) or 'in good health'}; measuring on {len(test)} test faces", flush=True
    )
    try:
        judge = judges.GenderJudge() if test.size == 64 else None
    except MissingExtraError:
        judge = None
    codec = Codec(shipped, shipped.number)
    rivals = [Codec.load("klt")] if test.size == 64 else []
    table = report.rate_distortion([*rivals, codec], test, RATES, judge=judge)
    report.write(table, out, report.about(test, "test"))
    some = test.images[:16]
    back = codec.decode(codec.encode(some, RATES[1]))
    pairs = np.concatenate([some[:8] / np.float32(255), back[:8], some[8:] / np.float32(255), back[8:]])
    health.sheet(pairs, out / "reconstructions.png")
    print(report.markdown(table))
    print(f"wrote results.md, run.json and pictures to {out}")


if __name__ == "__main__":
    main()
