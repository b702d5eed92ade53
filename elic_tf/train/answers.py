"""Second half of `python -m elic_tf.train vqa`: questions, answered from the features of the frozen tower.

Half of the questions are balanced, as `questions.generate` makes them, and half as frequent as the faces are. Faces are
seen in a few versions, the tower's features of which are computed once.
"""

import keras
import numpy as np
from keras import ops

from elic_tf.faces import framing
from elic_tf.models import vqa, vqa_networks
from elic_tf.questions import generate, records
from elic_tf.train import callbacks, warp
from elic_tf.train.one_loss import OneLoss

BATCH, EPOCH, RATE = 512, 200, 2e-3
VERSIONS = 6
PER_TEMPLATE, PER_FACE = 1500, 16
_CHUNK = 256


def features(tower, faces, versions, seed=0):
    """Features (versions, n, 256) of a FaceSet: of it as it is, then of its augmented versions."""
    import tensorflow as tf
    from tqdm import tqdm

    @tf.function(reduce_retracing=True)
    def run(pixels, key, version):
        pixels = tf.cast(pixels, tf.float32) / 255
        frame = tf.tile(tf.constant([framing.FRAMES.get(faces.name, framing.SAME)]), (tf.shape(pixels)[0], 1))
        changed = framing.warped(pixels, frame) if version == 0 else warp.augmented(pixels, frame, key)
        return tower(changed, training=False)["feature"]

    found = np.zeros((versions, len(faces), vqa.FEATURE), np.float32)
    bar = tqdm(total=versions * len(faces), unit="face", desc=f"features of {faces.name}", disable=None)
    for version in range(versions):
        for start in range(0, len(faces), _CHUNK):
            part = np.asarray(faces.images[start : start + _CHUNK])
            found[version, start : start + len(part)] = run(part, tf.constant([seed + version, start]), version)
            bar.update(len(part))
    bar.close()
    return found


def asked(sets, seed=0, per_template=PER_TEMPLATE, per_face=PER_FACE):
    """Questions about the faces of all sets, in one row: (face, text of the question, answer) in three arrays."""
    rows, start = [], 0
    for faces in sets:
        facts = records.from_faces(faces)
        if faces.name == "utkface":  # what its ages say of "young" is not what CelebA's annotators meant
            facts = [{key: record[key] for key in ("gender", "age") if key in record} for record in facts]
        for made in (
            generate.generate(facts, seed, per_template, rows=False),
            generate.natural(facts, seed, per_face),
        ):
            for question, row in zip(made.questions["questions"], made.annotations["annotations"]):
                [face] = made.scenes[row["image_id"]]
                rows.append((start + face, question["question"], row["multiple_choice_answer"]))
        start += len(faces)
    return tuple(np.array(column) for column in zip(*rows))


class AnswerModel(OneLoss):
    """Trains the question network and the fusion. A batch: feature (n, 256), words (n, 20), answer (n,).

    blind: the feature is zero, whatever it is; what is learned then is what the question alone gives away.
    """

    def __init__(self, vocabulary, answers, blind=False):
        super().__init__(("loss", "right"))
        self.question = vqa_networks.question_network(len(vocabulary))
        self.fusion = vqa_networks.fusion_network(self.question.output_shape[-1], len(answers))
        self.blind = blind
        self.networks = (self.question, self.fusion)
        self.built = True

    def call(self, batch, training=False):
        seen = ops.zeros_like(batch["feature"]) if self.blind else batch["feature"]
        return self.fusion([seen, self.question(batch["words"], training=training)], training=training)

    def cost(self, batch, training):
        logits = self(batch, training=training)
        loss = ops.sparse_categorical_crossentropy(batch["answer"], logits, from_logits=True)
        self.trackers["loss"].update_state(loss)
        best = ops.cast(ops.argmax(logits, -1), "int32")
        self.trackers["right"].update_state(ops.cast(best == ops.cast(batch["answer"], "int32"), "float32"))
        return loss


def batches(seen, examples, vocabulary, answers, *, seed=0, batch=BATCH, skip=0, shuffle=True):
    """A tf.data.Dataset of what `AnswerModel` takes: endless, any version of a face; or one pass over version 0.

    seen: (versions, n, 256). examples: as `asked` gives. Examples with an answer that is not in `answers` are left out.
    """
    import tensorflow as tf

    known = np.isin(examples[2], answers)
    faces, questions, said = (column[known] for column in examples)
    wordings, wording = np.unique(questions, return_inverse=True)
    numbers = tf.constant(vocabulary.numbers(wordings.tolist()))
    order = {answer: number for number, answer in enumerate(answers)}
    columns = (faces.astype(np.int32), wording.astype(np.int32), np.array([order[text] for text in said], np.int32))
    seen = tf.constant(seen)

    def look(version, face, wording, answer):
        return {"feature": tf.gather_nd(seen, tf.stack([version, face], -1)), "words": tf.gather(numbers, wording),
                "answer": answer}  # fmt: skip

    if not shuffle:
        rows = tf.data.Dataset.from_tensor_slices(columns).batch(batch)
        return rows.map(lambda face, *rest: look(tf.zeros_like(face), face, *rest))
    columns = [tf.constant(column) for column in columns]

    def draw(number):
        keys = tf.unstack(tf.random.experimental.stateless_split(tf.stack([tf.cast(seed, tf.int64), number]), 2))
        row = tf.random.stateless_uniform([batch], keys[0], 0, len(faces), tf.int32)
        version = tf.random.stateless_uniform([batch], keys[1], 0, seen.shape[0], tf.int32)
        return look(version, *(tf.gather(column, row) for column in columns))

    return tf.data.Dataset.counter(start=skip).map(draw, num_parallel_calls=1).prefetch(2)


def train(seen, examples, validation, vocabulary, answers, out, *, epochs, epoch_steps=EPOCH, batch=BATCH, seed=0,
          rate=RATE, blind=False, stop=None, more=()):  # fmt: skip
    """Train, or go on training, in the folder `out`; returns the `AnswerModel` with its averaged weights.

    seen, examples: as `features` and `asked` give them; validation: both of validation people.
    """
    keras.utils.set_random_seed(seed)
    model = AnswerModel(vocabulary, answers, blind)
    optimizer = keras.optimizers.AdamW(callbacks.cosine(rate, epochs * epoch_steps), weight_decay=0.02,
                                       global_clipnorm=1.0, use_ema=True, ema_momentum=0.99)  # fmt: skip
    model.compile(optimizer=optimizer, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    check = batches(*validation, vocabulary, answers, batch=batch, shuffle=False)
    return callbacks.fit(
        model, lambda done: batches(seen, examples, vocabulary, answers, seed=seed, batch=batch, skip=done), out,
        epochs=epochs, epoch_steps=epoch_steps, validation=check, stop=stop, callbacks=more,
    )  # fmt: skip
