"""First half of `python -m elic_tf.train vqa`: an image tower that tells the attributes of faces.

From CelebA, 40 attributes of yes and no; from UTKFace, the gender and one of six bands of age. Every batch is half one,
half the other, and what a set does not say costs nothing.
"""

import keras
import numpy as np
from keras import layers, ops

from elic_tf.faces import framing
from elic_tf.faces.synthetic import FACTORS
from elic_tf.models import vqa_networks
from elic_tf.train import callbacks, warp
from elic_tf.train.one_loss import OneLoss

BATCH, EPOCH, RATE, DECAY = 128, 250, 2e-3, 0.02
UNKNOWN = -1
AGES = FACTORS["age"]
GENDER_WEIGHT = 4.0
"""The cost of gender beside that of another attribute: both sets know it, and it is what the codec must keep."""
SMOOTHING = 0.03


def labels(faces, attributes):
    """(n, 41) of -1 (unknown), 0, 1: the attributes; and in the last column the band of age, 0 to 5."""
    columns = np.full((len(faces), len(attributes) + 1), UNKNOWN, np.int8)
    for i, name in enumerate(attributes):
        if name in faces.labels:
            columns[:, i] = faces.labels[name]
    if "age" in faces.labels and faces.name == "utkface":
        starts = [int(band.rstrip("+").split("-")[0]) for band in AGES]
        columns[:, -1] = np.searchsorted(starts, faces.labels["age"], side="right") - 1  # 16 and 17: unknown
    return columns


def cost(logits, ages, wanted, gender):
    """Cross-entropies (n,) of logits (n, 40), ages (n, 6) and labels (n, 41); what is not known costs nothing."""
    wanted = ops.cast(wanted, "int32")
    yes, known = wanted[:, :-1], ops.cast(wanted != UNKNOWN, "float32")
    weight = np.ones(yes.shape[1], "float32")
    weight[gender] = GENDER_WEIGHT
    target = SMOOTHING + (1 - 2 * SMOOTHING) * ops.cast(yes, "float32")
    each = ops.binary_crossentropy(target, logits, from_logits=True)
    band = ops.sparse_categorical_crossentropy(ops.maximum(wanted[:, -1], 0), ages, from_logits=True)
    return ops.sum(each * known[:, :-1] * weight, 1) + known[:, -1] * band


class AttributeModel(OneLoss):
    """Tower and heads, and how they are trained. A batch is a dictionary: face (n, 64, 64, 3), label (n, 41)."""

    def __init__(self, attributes, tower=None):
        super().__init__(("loss", "right", "gender", "age"))
        self.tower = tower or vqa_networks.tower()
        self.heads = vqa_networks.attribute_heads(len(attributes), len(AGES))
        self.gender = list(attributes).index("male")
        self.drop = layers.Dropout(0.3)
        self.networks = (self.tower, self.heads)
        self.built = True

    def call(self, face, training=False):
        return self.heads(self.drop(self.tower(face, training=training)["feature"], training=training))

    def cost(self, batch, training):
        logits, ages = self(batch["face"], training=training)
        wanted = ops.cast(batch["label"], "int32")
        loss = cost(logits, ages, wanted, self.gender)
        known = ops.cast(wanted != UNKNOWN, "float32")
        right = ops.cast(ops.cast(logits > 0, "int32") == wanted[:, :-1], "float32")
        aged = ops.cast(ops.cast(ops.argmax(ages, -1), "int32") == wanted[:, -1], "float32")
        track = self.trackers
        track["loss"].update_state(loss)
        track["right"].update_state(right, known[:, :-1])
        track["gender"].update_state(right[:, self.gender], known[:, self.gender])
        track["age"].update_state(aged, known[:, -1])
        return loss


def batches(sets, attributes, *, seed=0, batch=BATCH, skip=0, augment=True):
    """A tf.data.Dataset of what `AttributeModel` takes: endless and augmented, or one pass over each set in turn."""
    import tensorflow as tf

    images = [tf.constant(np.asarray(each.images)) for each in sets]
    wanted = [tf.constant(labels(each, attributes)) for each in sets]
    frames = [tf.constant(framing.FRAMES.get(each.name, framing.SAME)) for each in sets]
    share = batch // len(sets)

    def part(number, which):
        # A random face each time, not pass after pass: then a batch depends on its number alone.
        count = tf.shape(images[which])[0]
        key = tf.random.experimental.stateless_fold_in(tf.constant([seed, which], tf.int64), number)
        index = tf.random.stateless_uniform([share], key, 0, count, tf.int32)
        pixels = tf.cast(tf.gather(images[which], index), tf.float32) / 255
        changed = warp.augmented(pixels, tf.tile(frames[which][None], (share, 1)), key + 1)
        return changed, tf.gather(wanted[which], index)

    def random_batch(number):
        faces, facts = zip(*(part(number, which) for which in range(len(sets))))
        return {"face": tf.concat(faces, 0), "label": tf.concat(facts, 0)}

    def plain(which):
        frame = frames[which]
        rows = tf.data.Dataset.from_tensor_slices((images[which], wanted[which])).batch(batch)
        return rows.map(lambda pixels, facts: {
            "face": framing.warped(tf.cast(pixels, tf.float32) / 255, tf.tile(frame[None], (tf.shape(pixels)[0], 1))),
            "label": facts})  # fmt: skip

    if augment:
        return tf.data.Dataset.counter(start=skip).map(random_batch, num_parallel_calls=1).prefetch(2)
    data = plain(0)
    for which in range(1, len(sets)):
        data = data.concatenate(plain(which))
    return data


def train(sets, validation, attributes, out, *, epochs, epoch_steps=EPOCH, batch=BATCH, seed=0, rate=RATE, stop=None,
          tower=None, more=()):  # fmt: skip
    """Train, or go on training, in the folder `out`; returns the `AttributeModel` with its averaged weights.

    sets, validation: FaceSets. attributes: the names of the labels. The rest as in `transform`.
    """
    keras.utils.set_random_seed(seed)
    model = AttributeModel(attributes, tower)
    optimizer = keras.optimizers.AdamW(
        callbacks.cosine(rate, epochs * epoch_steps), weight_decay=DECAY, global_clipnorm=5.0,
        use_ema=True, ema_momentum=0.995)  # fmt: skip
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(optimizer=optimizer, jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    check = batches(validation, attributes, batch=batch, augment=False)
    return callbacks.fit(
        model, lambda done: batches(sets, attributes, seed=seed, batch=batch, skip=done), out,
        epochs=epochs, epoch_steps=epoch_steps, validation=check, stop=stop, callbacks=more,
    )  # fmt: skip
