"""`python -m elic_tf.train vae`: variational autoencoders of faces, one for each decoder sigma asked for.

Everything random is a function of the seed and the number of the step, and a checkpoint is written after each epoch: a
run that was killed goes on with the same command and ends with the same numbers.
"""

import argparse
import json
import pathlib

import keras
import numpy as np

from elic_tf.models import convolutional, vae
from elic_tf.train import callbacks as training

BATCH, EPOCH, RATE = 64, 250, 1e-3
"""Steps between two checkpoints and validations: 250."""
LATENTS, WIDTH = 256, 32
VALIDATION = 512
FACES, TEST = 6000, 128
"""Synthetic faces to train and to measure on."""
RATES = (128, 256, 512)
SPEAKING = 0.1
"""Bits above which a latent counts: after a short training also one that is about to collapse is still active."""
PRESETS = {
    "class": {"data": "synthetic", "size": 32, "latents": 64, "sigma": ["20", "1", "0.25", "learned"], "epochs": 7,
              "epoch_steps": 75},
}  # fmt: skip
"""class: the effect of sigma, in two minutes on two quiet cores. 20 is what a squared error averaged over the 3,072
values of a face, plus the KL, amounts to: everything collapses."""


def batches(faces, latents, *, seed=0, batch=BATCH, skip=0, augment=True, shuffle=True, repeat=True):
    """A tf.data.Dataset of what `VAE` trains on: face (n, size, size, 3) and noise (n, latents).

    Half of each batch is only mirrored, as test faces may be, and half shifted and relit too, against overfitting.
    """
    import tensorflow as tf

    from elic_tf.faces import pipeline

    def part(size, kind, key):
        return pipeline.dataset(faces, size, seed=key, shuffle=shuffle, repeat=repeat, augment=kind,
                                drop_remainder=repeat, skip=skip)  # fmt: skip

    def with_noise(number, pixels):
        if augment:
            pixels = tf.concat(pixels, 0)
        key = tf.stack([tf.cast(seed, tf.int64) + 77, number])
        return {"face": pixels, "noise": tf.random.stateless_normal((tf.shape(pixels)[0], latents), key)}

    if augment:
        data = tf.data.Dataset.zip((part(batch // 2, "flip", 2 * seed), part(batch - batch // 2, "full", 2 * seed + 1)))
    else:
        data = part(batch, None, seed)
    return data.enumerate(start=skip).map(with_noise, num_parallel_calls=1).prefetch(2)


def train(faces, validation, out, *, epochs, sigma=None, latents=LATENTS, width=WIDTH, epoch_steps=EPOCH, batch=BATCH,
          seed=0, rate=RATE, stop=None, callbacks=()):  # fmt: skip
    """Train, or go on training, in the folder `out`; returns the `VAE` with its averaged weights.

    faces, validation: (n, size, size, 3) uint8. sigma: a number, or None to learn it. stop: end after so many epochs,
    as if killed there. callbacks: more of them.
    """
    keras.utils.set_random_seed(seed)
    size = faces.shape[1]
    model = vae.VAE(convolutional.encoder(size, latents, width), convolutional.decoder(size, latents, width), sigma)
    total = epochs * epoch_steps
    # An average over the last twentieth of the training, and at most 500 steps.
    momentum = 1 - 1 / max(10, min(500, total // 20))
    optimizer = keras.optimizers.Adam(training.cosine(rate, total), use_ema=True, ema_momentum=momentum)
    model.compile(optimizer=optimizer, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    check = batches(validation, latents, seed=seed, batch=batch, augment=False, shuffle=False, repeat=False)
    return training.fit(
        model, lambda done: batches(faces, latents, seed=seed, batch=batch, skip=done), out,
        epochs=epochs, epoch_steps=epoch_steps, validation=check, stop=stop, callbacks=callbacks,
    )  # fmt: skip


def export(model, faces, out):
    """Write `encoder.keras`, `decoder.keras` and `latents.npz` into `out`; returns the `LatentModel`."""
    from elic_tf.models.latent_model import LatentModel

    plain = [convolutional.in_float32(network) for network in (model.encoder, model.decoder)]
    for network in plain:
        network.save(pathlib.Path(out) / f"{network.name}.keras")
    shipped = LatentModel.from_networks(*plain, faces)
    np.savez_compressed(pathlib.Path(out) / "latents.npz", **shipped.arrays())
    return shipped


def measure(model, test, batch=BATCH):
    """Rate, distortion and PSNR of a `VAE` on the FaceSet `test`, a dictionary of numbers."""
    from elic_tf.measure import distortion

    latents = model.decoder.input_shape[1]
    data = batches(test.images, latents, seed=1, batch=batch, augment=False, shuffle=False, repeat=False)
    row = {k: float(v) for k, v in model.evaluate(data, return_dict=True, verbose=0).items()}
    bits, active = vae.collapse(model.encoder, test.images)
    faces = np.asarray(test.images, np.float32) / 255
    means = [np.asarray(model(part), np.float32) for part in np.array_split(faces, -(-len(faces) // 128))]
    decibel = float(distortion.psnr(faces, np.concatenate(means)).mean())
    used = {"active": int(active.sum()), "speaking": int((bits > SPEAKING).sum()), "largest": float(bits.max())}
    return row | used | {"mean_db": decibel, "latents": latents}


_CARD = """# vae: variational autoencoders of faces

- **Model:** encoder and decoder of {encoder:,} and {decoder:,} parameters at {size}x{size}, {latents} latents, Gaussian
  decoder of one sigma for all pixels (Kingma and Welling 2014; sigma learned as in Rybkin et al. 2021).
- **Data:** {faces}.
- **Split:** {split} The checkpoint is the one of least loss on validation faces.
- **Seed:** {seed}. **Recipe:** `{command}`; {minutes:.0f} minutes on two cores.
- **Licence:** {licence}

## Rate and distortion

{about}. Bits per face, summed. Distortion is -log2 of the density of the {values:,} values of a face, constant
included; what lossless coding in steps of 1/255 would cost on top is {lossless:,.0f} bits. PSNR of a face decoded from
a draw of z, and from the posterior mean. Active: latents whose posterior mean varies (Burda et al. 2016).

| sigma | rate | distortion | sum | PSNR dB, draw | PSNR dB, mean | active | above {speaking} bit | largest KL |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
{rates}

## As a codec

Posterior means, rotated, quantised and coded into `.elic` files; a table of integers was counted on training faces.

{files}

## Limits

What comes back is a plausible likeness, not evidence of who somebody is. {limits}
"""

_ROW = (
    "| {label} | {rate:.1f} | {distortion:.0f} | {loss:.0f} | {db:.2f} | {mean_db:.2f} | {active} of {latents} "
    "| {speaking} | {largest:.2f} |"
)
_REAL = ("80 % of the people, chosen by a hash of their identity; 10 % are for validation, 10 % for the test.",
         "the photographs are distributed for non-commercial research; the weights are derived from them and passed on "
         "under the same condition. None of the photographs is contained.",
         "The faces are those of celebrities, mostly young; others come out nearer to the mean face.")  # fmt: skip
_SYNTHETIC = ("training, validation and test faces are drawn with different seeds.",
              "the faces are generated, nobody's.",
              "Real faces are nothing like the generated ones this was trained on.")  # fmt: skip


def card(results, test, *, faces, arguments, command, minutes):
    """The text of the model card. results: (name of sigma, model, LatentModel) for each."""
    from elic_tf.coding.codec import Codec
    from elic_tf.errors import MissingExtraError
    from elic_tf.measure import judges, report

    rows, codecs = [], []
    for name, model, shipped in results:
        row = measure(model, test)
        label = f"{row['sigma']:.4f} ({name})" if name == "learned" else name
        rows.append(_ROW.format(label=label, **row))
        shipped.name = f"vae, sigma {name}"
        codecs.append(Codec(shipped, shipped.number))
    try:
        judge = judges.GenderJudge() if test.size == 64 else None
    except MissingExtraError:
        judge = None
    if test.size == 64:
        codecs.insert(0, Codec.load("klt"))
    values = 3 * test.size**2
    split, licence, limits = _REAL if arguments.data == "celeba" else _SYNTHETIC
    people = f" of {len(np.unique(faces.identities)):,} people" if faces.identities is not None else ""
    return _CARD.format(
        encoder=model.encoder.count_params(), decoder=model.decoder.count_params(), size=test.size,
        latents=arguments.latents, faces=f"{faces.name}, {len(faces):,} faces{people}, mirrored, shifted and relit",
        split=split,
        seed=arguments.seed, command=command, minutes=minutes, licence=licence, limits=limits,
        about=report.about(test, "test"), values=values, lossless=values * np.log2(255), speaking=SPEAKING,
        rates="\n".join(rows),
        files=report.markdown(report.rate_distortion(codecs, test, RATES, judge=judge)),
    )  # fmt: skip


def load_faces(arguments):
    """The FaceSets (training, validation, test) that the command asks for."""
    if arguments.data == "synthetic":
        from elic_tf.faces import synthetic

        counts = (FACES, VALIDATION, TEST)
        return [synthetic.load(n, seed=arguments.seed + i, size=arguments.size) for i, n in enumerate(counts)]
    from elic_tf.faces import celeba

    splits = (("train", None), ("validation", VALIDATION), ("test", None))
    return [celeba.load(arguments.root, split=s, size=arguments.size, limit=limit) for s, limit in splits]


def parse(argv=None):
    """The arguments; a preset changes their defaults."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.train vae", description=main.__doc__)
    parser.add_argument("--preset", choices=PRESETS, help="class: synthetic faces of 32x32, four values of sigma")
    parser.add_argument("--data", choices=("celeba", "synthetic"), default="celeba")
    parser.add_argument("--root", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--size", type=int, choices=convolutional.SIZES, default=64)
    parser.add_argument("--latents", type=int, default=LATENTS)
    parser.add_argument(
        "--sigma", nargs="+", default=["0.35"], help="of the decoder, one or several, or `learned` (default: 0.35)"
    )
    parser.add_argument("--out", default="runs/vae", help="folder for checkpoints and results (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--epoch-steps", type=int, default=EPOCH, help=f"of {BATCH} faces (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32", help="mixed_bfloat16 on a newer CPU, mixed_float16 on a GPU")
    preset = parser.parse_known_args(argv)[0].preset
    parser.set_defaults(**PRESETS.get(preset, {}))
    arguments = parser.parse_args(argv)
    try:
        assert all(sigma == "learned" or float(sigma) > 0 for sigma in arguments.sigma)
    except (ValueError, AssertionError):
        parser.error("--sigma takes positive numbers, or `learned`")
    return arguments


def main(argv=None):
    """Train one VAE for each sigma, write their weights, and a model card measured on test people."""
    arguments = parse(argv)
    keras.config.set_dtype_policy(arguments.precision)
    faces, validation, test = load_faces(arguments)
    out = pathlib.Path(arguments.out)
    results = []
    for name in arguments.sigma:
        print(f"sigma {name}", flush=True)
        folder = out / f"sigma_{name}"
        model = train(
            np.asarray(faces.images), np.asarray(validation.images), folder, epochs=arguments.epochs,
            sigma=None if name == "learned" else float(name), latents=arguments.latents,
            epoch_steps=arguments.epoch_steps, seed=arguments.seed,
        )  # fmt: skip
        model.load_networks(folder)
        results.append((name, model, export(model, faces.images, folder)))
    minutes = training.minutes(out)
    print(f"trained in {minutes:.1f} minutes; measuring on test faces", flush=True)
    settings = {key: getattr(arguments, key.replace("-", "_"))
                for key in ("data", "size", "latents", "epochs", "epoch-steps", "seed", "precision")}  # fmt: skip
    command = " ".join(["python -m elic_tf.train vae", *(f"--{k} {v}" for k, v in settings.items()),
                        "--sigma", *arguments.sigma])  # fmt: skip
    (out / "vae.md").write_text(card(results, test, faces=faces, arguments=arguments, command=command, minutes=minutes))
    (out / "vae.json").write_text(json.dumps({name: measure(model, test) for name, model, _ in results}, indent=1))
    print(f"wrote {out}/vae.md")


if __name__ == "__main__":
    main()
