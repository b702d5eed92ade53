"""`python -m elic_tf.train transform`: the learned codec, from the training people of CelebA.

Everything random is a function of the seed and the number of the step, and a checkpoint is written after each epoch: a
run that was killed goes on with the same command and ends with the same numbers.
"""

import argparse
import json
import pathlib

import keras
import numpy as np

from elic_tf.train import callbacks as training

BATCH = 32
EPOCH = 250
"""Steps between two checkpoints and validations."""
RATE = 1e-3
VALIDATION = 256
"""Validation faces looked at after each epoch."""
MAIN, WHOLE = (3, 16), (2, 25)
"""Indices of `LatentCode.steps` drawn: five times in six for 70 to 1300 bits, else for up to 4096."""


def batches(faces, latents, *, seed=0, batch=BATCH, skip=0, augment=True, shuffle=True, repeat=True):
    """A tf.data.Dataset of what `TransformModel` trains on, see there.

    Half of each batch is only mirrored, as test faces may be, and half shifted and relit too, against overfitting.
    """
    import tensorflow as tf

    from elic_tf.faces import pipeline

    def part(size, kind, key):
        return pipeline.dataset(faces, size, seed=key, shuffle=shuffle, repeat=repeat, augment=kind,
                                drop_remainder=repeat, skip=skip)  # fmt: skip

    def with_draws(number, pixels):
        if augment:
            pixels = tf.concat(pixels, 0)
        n = tf.shape(pixels)[0]
        seeds = tf.unstack(tf.random.experimental.stateless_split(tf.stack([tf.cast(seed, tf.int64) + 77, number]), 5))
        usual = tf.random.stateless_uniform((n,), seeds[3], *MAIN, tf.int32)
        other = tf.random.stateless_uniform((n,), seeds[0], *WHOLE, tf.int32)
        return {
            "face": pixels,
            "step": tf.where(tf.random.stateless_uniform((n,), seeds[4]) < 5 / 6, usual, other),
            "weight": 2.0 ** tf.random.stateless_uniform((n,), seeds[1], -1.0, 1.0),
            "noise": tf.random.stateless_uniform((n, latents), seeds[2], -0.5, 0.5),
        }

    if augment:
        data = tf.data.Dataset.zip((part(batch // 2, "flip", 2 * seed), part(batch - batch // 2, "full", 2 * seed + 1)))
    else:
        data = part(batch, None, seed)
    return data.enumerate(start=skip).map(with_draws, num_parallel_calls=1).prefetch(2)


def train(
    faces,
    validation,
    klt,
    out,
    *,
    epochs,
    epoch_steps=EPOCH,
    batch=BATCH,
    seed=0,
    rate=RATE,
    networks=None,
    stop=None,
    callbacks=(),
):
    """Train, or go on training, in the folder `out`; returns the model with its averaged weights.

    faces, validation: (n, 64, 64, 3) uint8. networks: (analysis, synthesis) to start from. stop: end after so many
    epochs, as if killed there. callbacks: more of them.
    """
    from elic_tf.train.transform_model import TransformModel

    keras.utils.set_random_seed(seed)
    model = TransformModel(klt, *(networks or ()))
    # The average of the last few hundred weights is better than the last (Polyak and Juditsky 1992).
    optimizer = keras.optimizers.Adam(
        training.cosine(rate, epochs * epoch_steps), global_clipnorm=1.0, use_ema=True, ema_momentum=0.998)  # fmt: skip
    model.compile(optimizer=optimizer, jit_compile=False)  # XLA, Keras's default, is a third slower on a CPU
    model.optimizer.build(model.trainable_variables)
    latents = len(klt.code.scales)
    check = batches(validation, latents, seed=seed, batch=batch, augment=False, shuffle=False, repeat=False)
    return training.fit(
        model, lambda done: batches(faces, latents, seed=seed, batch=batch, skip=done), out,
        epochs=epochs, epoch_steps=epoch_steps, validation=check, stop=stop, callbacks=callbacks,
    )  # fmt: skip


def main(argv=None):
    """Train on CelebA, write weights and the model card. TensorBoard logs too, where tensorboard is installed."""
    from elic_tf import weights
    from elic_tf.faces import celeba

    parser = argparse.ArgumentParser(prog="python -m elic_tf.train transform", description=main.__doc__)
    parser.add_argument("--data", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument(
        "--out", default="runs/transform", help="folder for checkpoints and results (default: %(default)s)"
    )
    parser.add_argument("--epochs", type=int, default=30, help=f"of {EPOCH} steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32", help="mixed_bfloat16 on a newer CPU, mixed_float16 on a GPU")
    arguments = parser.parse_args(argv)
    keras.config.set_dtype_policy(arguments.precision)
    faces = celeba.load(arguments.data, split="train")
    validation = celeba.load(arguments.data, split="validation", limit=VALIDATION)
    out = pathlib.Path(arguments.out)
    settings = {"epochs": arguments.epochs, "seed": arguments.seed}
    model = train(np.asarray(faces.images), np.asarray(validation.images), weights.load("klt"), out, **settings)
    minutes = training.minutes(out)
    print(f"trained in {minutes:.0f} minutes; converting, counting and measuring on test people", flush=True)
    command = f"python -m elic_tf.train transform --epochs {arguments.epochs} --precision {arguments.precision}"
    test = celeba.load(arguments.data, split="test")
    finish(model, faces, test, out, seed=arguments.seed, minutes=minutes, command=command)


def finish(model, faces, test, out, **facts):
    """Export the best checkpoint in `out` and write its model card, measured on the FaceSet `test`."""
    from elic_tf.train import transform_card, transform_export

    model.load_networks(out)
    shipped = transform_export.export(model, faces.images, out)
    best = json.loads((out / "best.json").read_text())
    rows = transform_card.measure(shipped, test)
    card = transform_card.card(model, shipped, rows, faces, test, out, best=best, **facts)
    (out / "transform.md").write_text(card)
    print(f"wrote {out}/transform*")


if __name__ == "__main__":
    main()
