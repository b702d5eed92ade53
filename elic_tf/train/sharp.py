"""`python -m elic_tf.train sharp`: a second decoder of the learned codec's files, for faces that look real.

Bits, analysis transform and tables stay as they are: only what is made of the latents changes. The smooth decoder gives
the mean of all faces that a file may stand for, which is nearest to the original and looks like none of them. The sharp
decoder starts from it and learns, beside a discriminator on the frozen question answerer, to give one of them
(E. Agustsson et al., "Generative adversarial networks for extreme learned image compression", ICCV 2019; Y. Blau and
T. Michaeli, "The perception-distortion tradeoff", CVPR 2018, on why it cannot also be nearest).

It is told the gender, where the file says it, and the discriminator expects that of its faces.
"""

import argparse
import functools
import pathlib

import keras
import numpy as np
from keras import ops

from elic_tf.errors import DataError
from elic_tf.models import transform
from elic_tf.train import callbacks as training
from elic_tf.train import transform_export

BATCH, EPOCH, RATE = 32, 250, 2e-4
STEPS = (3, 14)
"""Indices of `LatentCode.steps` drawn: about 90 to 600 bits."""
PIXELS, GENDER = 0.02, 2.0
UNTOLD = 0.15
"""Share of faces whose gender the decoder is not told: files need not say it."""
SHIFT = 4
MAPS = ("shallow", "middle", "deep")
FEATURES = {"shallow": 2.0, "middle": 2.0, "deep": 2.0}
SIZES = {"shallow": 32 * 32 * 32, "middle": 16 * 16 * 64, "deep": 8 * 8 * 128}


def decoder_network(synthesis):
    """Inputs of a synthesis network to faces in [0, 1]; where they are clipped, gradients pass as if they were not."""
    inputs = {each.name: keras.Input(each.shape[1:], name=each.name) for each in synthesis.inputs}
    residual = synthesis([inputs[each.name] for each in synthesis.inputs])
    faces = transform.from_blocks(inputs["base"] + residual)
    return keras.Model(inputs, faces + ops.stop_gradient(ops.clip(faces, 0, 1) - faces), name="sharp")


class Codes:
    """What the frozen encoder makes of faces: latents, and from them at a step what a decoder reads.

    codec: a `TransformModel` with trained analysis. extractor: what sees the gender that a file says.
    """

    def __init__(self, codec, extractor):
        self.codec, self.extractor = codec, extractor
        self.scales = np.exp2(codec.klt.code.scales[: transform.GLOBAL].astype(np.float32) / 8)

    def of(self, faces):
        """Latents (2, n, K) of uint8 faces (n, 64, 64, 3) and of their mirror images, and gender (n, 1): -1 or 1."""
        import tensorflow as tf
        from tqdm import tqdm

        @tf.function
        def run(pixels):
            pixels = tf.cast(pixels, tf.float32) / 255
            blocks = transform.to_blocks(pixels)
            logits = self.extractor(pixels)["gender_logits"]
            return self.codec.project(blocks + self.codec.analysis(blocks, training=False)), logits[:, 1] - logits[:, 0]

        latents, male = np.zeros((2, len(faces), len(self.codec.klt.odd)), np.float32), np.zeros(len(faces), np.float32)
        for start in tqdm(range(0, len(faces), 64), unit="batch", desc="latents", disable=None):
            part = np.asarray(faces[start : start + 64])
            for side, pixels in enumerate((part, part[:, :, ::-1])):
                latents[side, start : start + len(part)], seen = run(pixels)
                male[start : start + len(part)] += seen
        return latents, np.where(male > 0, 1, -1).astype(np.float32)[:, None]

    def inputs(self, latents, gender, step, weight):
        """The decoder's inputs, by name.

        latents (n, K) are quantised at `step` (n,), an index, with `weight` (n,). gender: (n, 1), 0 where not known.
        """
        import tensorflow as tf

        values, _, _, width, _ = self.codec.quantise(latents, step, weight)
        return {
            "base": self.codec.reconstruct(values),
            "latents": values[:, : transform.GLOBAL] / self.scales,
            "log_step": tf.math.log(width) / np.log(2.0),
            "gender": tf.convert_to_tensor(gender),
        }


def batches(codes, faces, latents, gender, *, seed=0, batch=BATCH, skip=0, steps=STEPS, untold=UNTOLD, shift=SHIFT):
    """An endless tf.data.Dataset of what `SharpDecoder` takes: faces, half of them mirrored, and their codes.

    latents, gender: of the faces, from `Codes.of`. untold: share of faces whose gender is left out. shift: by how many
    pixels, less than this, the discriminator sees them moved.
    """
    import tensorflow as tf

    pixels, held = tf.constant(np.asarray(faces)), tf.constant(latents)

    def draw(number):
        keys = tf.unstack(tf.random.experimental.stateless_split(tf.stack([tf.cast(seed, tf.int64), number]), 6))
        which = tf.random.stateless_uniform([batch], keys[0], 0, len(faces), tf.int32)
        mirror = tf.random.stateless_uniform([batch], keys[1], 0, 2, tf.int32)
        face = tf.cast(tf.gather(pixels, which), tf.float32) / 255
        face = tf.where(mirror[:, None, None, None] > 0, face[:, :, ::-1], face)
        step = tf.random.stateless_uniform([batch], keys[2], *steps, tf.int32)
        weight = 2.0 ** tf.random.stateless_uniform([batch], keys[3], -0.5, 0.5)
        told = tf.random.stateless_uniform([batch, 1], keys[5]) >= untold
        said = tf.where(told, tf.gather(gender, which), 0.0)
        return {
            "face": face,
            "inputs": codes.inputs(tf.gather_nd(held, tf.stack([mirror, which], -1)), said, step, weight),
            "shift": tf.random.stateless_uniform([2], keys[4], 0, shift, tf.int32),
        }

    return tf.data.Dataset.counter(start=skip).map(draw, num_parallel_calls=1).prefetch(2)


def terms(pixels=PIXELS, features=FEATURES, gender=GENDER, region=0.0):
    """What the decoder pays for unlikeness, as `SharpDecoder` takes it; weights are in nats per unit of each term.

    pixels: of the squared error summed over the face. features: {layer: weight} of the squared error in layers of the
    extractor, each over its own spread and number. gender: of the cross-entropy. region: of the face-region term.
    """
    from elic_tf.models import system

    chosen = {"pixels": (pixels, system.pixels)}
    for layer, weight in features.items():
        chosen[layer] = (weight / SIZES[layer], system.feature(layer))
    if gender:
        chosen["gender"] = (gender, system.gender)
    if region:
        chosen["region"] = (region, system.face_region)
    return chosen


def start(synthesis):
    """A synthesis network that is told the gender, and does for now what the one given does."""
    network = transform.synthesis_network(**synthesis.shape_arguments | {"gender": True})
    weights = synthesis.get_weights()
    # The first layer that is told it gets one more row of zeros.
    [first] = [i for i, each in enumerate(network.weights) if weights[i].shape != tuple(each.shape)]
    weights[first] = np.concatenate([weights[first], np.zeros((1, weights[first].shape[1]), np.float32)])
    network.set_weights(weights)
    return network


def train(faces, validation, codec, out, *, epochs, epoch_steps=EPOCH, batch=BATCH, seed=0, rate=RATE, chosen=None,
          extractor=None, maps=("faces", *MAPS), untold=UNTOLD, shift=SHIFT, known=None, stop=None, callbacks=(),
          **settings):  # fmt: skip
    """Train, or go on training, in the folder `out`; returns the `SharpDecoder`.

    faces, validation: (n, 64, 64, 3) uint8. codec: a trained `TransformModel`, whose synthesis is the start.
    chosen: see `terms`. extractor: F of the discriminator (default: the shipped one), maps: what C sees. untold, shift:
    see `batches`. known: what `Codes.of` gives for the faces, if that is there already. stop: end after so many
    epochs, as if killed there. settings: of `SharpDecoder`.
    """
    from elic_tf.models import system
    from elic_tf.models.features import FrozenExtractor
    from elic_tf.train import gan

    keras.utils.set_random_seed(seed)
    extractor = extractor or FrozenExtractor()
    codes = Codes(codec, extractor)
    critic = system.Critic(extractor, maps=maps, told=1)
    total = epochs * epoch_steps
    slower = {"decoder": training.cosine(rate, total), "discriminator": training.cosine(2 * rate, total)}
    network = decoder_network(start(codec.synthesis))
    model = system.SharpDecoder(network, critic, chosen or terms(), rate=slower, **settings)
    known, some = known or codes.of(faces), validation[: gan.SAMPLES]
    (latents, _), gender = codes.of(some)
    fixed = codes.inputs(latents, gender, np.full(len(some), sum(STEPS) // 2), np.ones(len(some), np.float32))
    draw = functools.partial(batches, codes, faces, *known, seed=seed, batch=batch, untold=untold, shift=shift)
    return gan.fit(
        model, lambda done: draw(skip=done), out,
        epochs=epochs, epoch_steps=epoch_steps, sample=lambda: model(fixed), real=some / np.float32(255), stop=stop,
        callbacks=callbacks,
    )  # fmt: skip


def load(folder, klt):
    """The `TransformModel` that `python -m elic_tf.train transform` left in `folder`."""
    from elic_tf.train.transform_model import TransformModel

    if not (pathlib.Path(folder) / "synthesis.weights.h5").exists():
        raise DataError(f"no trained codec in {folder}: run `python -m elic_tf.train transform` first, or name --codec")
    codec = TransformModel(klt)
    codec.load_networks(folder)
    return codec


def to_litert(model):
    """The bytes of the LiteRT model that is shipped as `transform_sharp.tflite.gz`: a residual, weights in bytes."""
    [synthesis] = [each for each in model.network("decoder").layers if each.name.startswith("synthesis")]
    return transform_export.to_litert(synthesis, half=False)


def main(argv=None):
    """Train a sharp decoder of the learned codec on CelebA; write it, and what sees the gender, as LiteRT models."""
    from elic_tf import weights
    from elic_tf.faces import celeba
    from elic_tf.models.vqa import VQA

    parser = argparse.ArgumentParser(prog="python -m elic_tf.train sharp", description=main.__doc__)
    parser.add_argument("--data", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--out", default="runs/sharp", help="folder for checkpoints and results (default: %(default)s)")
    parser.add_argument("--codec", default="runs/transform", help="what `train transform` wrote (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help=f"of {EPOCH} steps (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32", help="mixed_bfloat16 on a newer CPU, mixed_float16 on a GPU")
    parser.add_argument("--pixels", type=float, default=PIXELS, help="weight of squared error (default: %(default)s)")
    parser.add_argument("--gender", type=float, default=GENDER, help="of the gender term (default: %(default)s)")
    parser.add_argument("--region", type=float, default=0.0, help="of the face-region term (default: %(default)s)")
    arguments = parser.parse_args(argv)
    keras.config.set_dtype_policy(arguments.precision)
    out = pathlib.Path(arguments.out)
    faces = celeba.load(arguments.data, split="train").images
    validation = celeba.load(arguments.data, split="validation").images
    chosen = terms(arguments.pixels, gender=arguments.gender, region=arguments.region)
    codec = load(arguments.codec, weights.load("klt"))
    model = train(faces, validation, codec, out, epochs=arguments.epochs, seed=arguments.seed, chosen=chosen)
    transform_export.write_packed(to_litert(model), out / "transform_sharp.tflite.gz")
    seen = transform_export.gender_to_litert(VQA.load().extractor())
    transform_export.write_packed(seen, out / "transform_gender.tflite.gz")
    minutes = training.minutes(out)
    print(f"{minutes:.0f} minutes; wrote transform_sharp.tflite.gz and transform_gender.tflite.gz to {out}")


if __name__ == "__main__":
    main()
