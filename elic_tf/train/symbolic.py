"""`python -m elic_tf.train symbolic`: the parser of synthetic faces and the program writer.

There is no data to fetch: faces are rendered, questions come from the templates. Some wordings and some whole programs
are kept from training, see `split`. Everything random is a function of the seed and the number of the step; a run that
was killed goes on with the same command.
"""

import argparse
import json
import pathlib

import keras
import numpy as np
from keras import ops

from elic_tf.models import parser as parsing
from elic_tf.models import program_writer as writing
from elic_tf.questions import programs
from elic_tf.train import callbacks, transform_export
from elic_tf.train.symbolic_data import face_batches, known_words, question_batches, rendered, split

FACES, VALIDATION = 40_000, 512
EPOCH, EPOCHS, RATE = 500, 26, 1.5e-3
WRITER_EPOCH, WRITER_EPOCHS, WRITER_RATE = 100, 16, 3e-3
SPLITS = ("train", "validation", "test")
"""Faces of split i have the seed 3 * seed + i, as in `questions.generate`."""


class Kept(keras.Model):
    """A functional network that `callbacks.Best` can keep."""

    def save_networks(self, folder):
        self.save_weights(f"{folder}/{self.name}.weights.h5")


def record_bits(levels, logits):
    """Bits that the record still takes once the picture is seen, (n,): cross-entropies of levels (n, 29), summed."""
    levels = ops.cast(levels, "int32")
    parts = [
        ops.sparse_categorical_crossentropy(levels[:, i], logits[:, columns], from_logits=True)
        for i, columns in enumerate(parsing.COLUMNS.values())
    ]
    return sum(parts) / np.log(2)


def factors_right(levels, logits):
    """Share of the factors whose likeliest level is right, (n,)."""
    found = [ops.argmax(logits[:, columns], -1) for columns in parsing.COLUMNS.values()]
    return ops.mean(ops.cast(ops.equal(ops.stack(found, 1), ops.cast(levels, "int32")), "float32"), -1)


def program_bits(targets, logits):
    """Code length of a program given the question, (n,): cross-entropies of tokens (n, T), those of -1 left out."""
    targets = ops.cast(targets, "int32")
    bits = ops.sparse_categorical_crossentropy(ops.maximum(targets, 0), logits, from_logits=True) / np.log(2)
    return ops.sum(ops.where(targets >= 0, bits, 0.0), -1)


def programs_right(targets, logits):
    """Whether every token is the likeliest one, given the right ones before it, (n,)."""
    targets = ops.cast(targets, "int32")
    return ops.cast(ops.all((ops.argmax(logits, -1) == targets) | (targets < 0), -1), "float32")


def fit(network, loss, metric, batches, validation, out, *, epochs, epoch_steps, seed=0, rate, stop=None):
    """Train a functional network, or go on training it, in the folder `out`; it ends with the best weights.

    batches: a function of the number of steps already done. stop: end after so many epochs, as if killed there.
    """
    model = Kept(network.input, network.output, name=network.name)
    total = epochs * epoch_steps
    optimizer = keras.optimizers.Adam(callbacks.cosine(rate, total), global_clipnorm=1.0, use_ema=True,
                                      ema_momentum=min(0.998, total / (total + 10)))  # fmt: skip
    model.compile(optimizer=optimizer, loss=loss, metrics=[metric], jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    callbacks.fit(model, batches, out, epochs=epochs, epoch_steps=epoch_steps, validation=validation, stop=stop)
    model.load_weights(f"{out}/{network.name}.weights.h5")
    return network


def train_parser(out, *, faces=FACES, epochs=EPOCHS, epoch_steps=EPOCH, seed=0, network=None, stop=None):
    """Train the parser in the folder `out`; returns its network."""
    keras.utils.set_random_seed(seed)
    images, levels = rendered(faces, 3 * seed, out)
    check = face_batches(*rendered(min(faces, VALIDATION), 3 * seed + 1), train=False)
    return fit(
        network or parsing.parser_network(), record_bits, factors_right,
        lambda done: face_batches(images, levels, seed=seed, skip=done), check, out,
        epochs=epochs, epoch_steps=epoch_steps, seed=seed, rate=RATE, stop=stop,
    )  # fmt: skip


def train_writer(out, *, epochs=WRITER_EPOCHS, epoch_steps=WRITER_EPOCH, seed=0, stop=None, **shape):
    """Train the program writer in the folder `out`; returns (its training network, the known words)."""
    keras.utils.set_random_seed(seed)
    parts = split()
    words = known_words(parts["train"])
    network = writing.writer_networks(len(words), **shape).training
    fit(
        network, program_bits, programs_right,
        lambda done: question_batches(parts["train"], words, seed=seed, skip=done),
        question_batches(parts["validation"], words, train=False), out,
        epochs=epochs, epoch_steps=epoch_steps, seed=seed, rate=WRITER_RATE, stop=stop,
    )  # fmt: skip
    return network, words


def export_parser(network, out):
    """Write `symbolic_parser.tflite` from a trained network, weights as float16; returns the `Parser`."""
    plain = _in_float32(lambda: parsing.parser_network(**network.shape_arguments), network)
    inputs = [("face", (1, parsing.SIZE, parsing.SIZE, 3))]
    content = transform_export._convert(lambda face: {"output": plain(face)}, inputs, plain, half=True)
    (pathlib.Path(out) / parsing.FILE).write_bytes(content)
    return parsing.Parser.from_files(pathlib.Path(out))


def export_writer(network, words, out):
    """Write `symbolic_writer*` from a trained network, weights as float16; returns the `ProgramWriter`."""
    out, networks = pathlib.Path(out), []

    def unrolled():
        networks.append(writing.writer_networks(**network.shape_arguments, unroll=True))
        return networks[0].training

    plain = _in_float32(unrolled, network)
    read = ("memory", "meaning", "mask", "h", "c")

    def reader(words):
        return dict(zip(read, networks[0].reader(ops.cast(words, "int32"))))

    def step(before, *rest):
        return dict(zip(("logits", "h", "c"), networks[0].step([ops.cast(before, "int32"), *rest])))

    shapes = [(name, (1, *each.shape[1:])) for name, each in zip(("before", *read), networks[0].step.inputs)]
    for name, function, inputs in (
        ("reader", reader, [("words", (1, writing.MAX_WORDS))]),
        ("step", step, shapes),
    ):
        content = transform_export._convert(function, inputs, plain, half=True)
        (out / writing.FILES[name]).write_bytes(content)
    held = {"words": list(words), "tokens": programs.token_vocabulary()}
    (out / writing.WORDS_FILE).write_text(json.dumps(held) + "\n", encoding="utf-8")
    return writing.ProgramWriter.from_files(out)


def _in_float32(build, network):
    """A float32 copy of a network that may have been trained in mixed precision."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        plain = build()
    finally:
        keras.config.set_dtype_policy(policy)
    plain.set_weights(network.get_weights())
    return plain


def main(argv=None):
    """Train both networks, or one; write the LiteRT files and, once both are there, the model card."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.train symbolic", description=main.__doc__)
    parser.add_argument("--part", choices=("parser", "writer"), help="train this one only (default: both)")
    parser.add_argument("--out", default="runs/symbolic", help="folder to work in (default: %(default)s)")
    parser.add_argument("--faces", type=int, default=FACES, help="faces to train the parser on (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of {EPOCH} steps, parser (default: %(default)s)")
    parser.add_argument("--writer-epochs", type=int, default=WRITER_EPOCHS,
                        help=f"of {WRITER_EPOCH} steps (default: %(default)s)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="float32", help="of the parser: mixed_bfloat16 on a newer CPU")
    arguments = parser.parse_args(argv)
    out = pathlib.Path(arguments.out)
    if arguments.part != "writer":
        keras.config.set_dtype_policy(arguments.precision)
        network = train_parser(out / "parser", faces=arguments.faces, epochs=arguments.epochs, seed=arguments.seed)
        minutes = callbacks.minutes(out / "parser")
        keras.config.set_dtype_policy("float32")
        export_parser(network, out)
        print(f"parser trained in {minutes:.1f} minutes", flush=True)
    if arguments.part != "parser":
        network, words = train_writer(out / "writer", epochs=arguments.writer_epochs, seed=arguments.seed)
        minutes = callbacks.minutes(out / "writer")
        export_writer(network, words, out)
        print(f"program writer trained in {minutes:.1f} minutes", flush=True)
    if (out / parsing.FILE).exists() and (out / writing.WORDS_FILE).exists():
        from elic_tf.train import symbolic_card

        print("measuring on other faces and on questions kept from training", flush=True)
        command = "python -m elic_tf.train symbolic" + "".join(
            f" --{name} {getattr(arguments, name)}" for name in ("faces", "epochs", "precision")
        )
        text = symbolic_card.card(out, split(), seed=arguments.seed, faces=arguments.faces, command=command)
        (out / "symbolic.md").write_text(text, encoding="utf-8")
        print(f"wrote {out}/symbolic*")


if __name__ == "__main__":
    main()
