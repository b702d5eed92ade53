"""The full system: a VAE/GAN whose discriminator stands on a frozen network that answers questions about faces.

    D(x) = C(F(x)), F frozen, C small and trained

F, any `FrozenExtractor`, has learned from thousands of faces what matters in one, and it cannot forget it in the game
against the decoder: C only weighs what F sees (A. Sauer et al., "Projected GANs converge faster", NeurIPS 2021). Dis_l
of the VAE/GAN, the measure of likeness, is then a layer of F, which holds still, or of C. Gradients pass through F to
the decoder; F never changes.

    model = VAEGAN(encoder, decoder, Critic(FrozenExtractor()), layer="middle", terms={"gender": (1000, gender)})

and, for a codec whose encoder and coder are fixed, `SharpDecoder`, which has the same losses without the encoder's.

`gender` and `face_region` are the terms of the student project this one descends from. There, a face detector looked at
x and x~; how well the two boxes overlap and whether the gender found is the same gave a weight, w_imd, for an error
counted on the face alone. Here faces are aligned, so the region is one soft ellipse for all, and a detector's box is
replaced by what F sees at the same place in x and x~. The project's own formula for the weight was not published; ours
is in `attention`.
"""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from elic_tf.models.adversarial import L_GAN, AdversarialModel, L_fool
from elic_tf.models.vae_gan import L_llike, decibel, spread

MAPS = ("shallow", "middle", "deep")
GRID = 8
"""Side of the last map of C, where F has no smaller one."""
CENTRE, RADII, EDGE = (0.58, 0.5), (0.40, 0.34), 0.12
"""The face in an aligned crop, rows then columns: its centre and half its height and width, as shares of the picture,
and how wide the soft edge is, as a share of the ellipse."""


def classifier(shapes, width=32, told=0):
    """C: a dictionary of feature maps to a dictionary of `joint`, its last map (n, s, s, 4 width), and logits (n,).

    shapes: {name: (h, w, channels)}, no two of a size. From the largest on, maps are halved, down to 8x8 or the
    smallest, and joined on the way by those of their size. told: length of one more input, `told` (n, told), what is
    known of the face; C then says whether the face is real and is what it is said to be (T. Miyato, M. Koyama, "cGANs
    with projection discriminator", ICLR 2018).
    """
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    by_size = {each.shape[1]: each for each in inputs.values()}
    size, x, number = max(by_size), None, 0
    while size >= min(GRID, *by_size):
        filters = width * 2 ** min(number, 2)
        parts = [layers.Conv2D(filters, 1, kernel_initializer="he_normal")(by_size[size])] if size in by_size else []
        if x is not None:
            start = keras.initializers.VarianceScaling(2.0)
            parts.append(layers.Conv2D(filters, 3, 2, padding="same", kernel_initializer=start)(x))
        x = ops.leaky_relu(parts[0] + parts[1] if len(parts) > 1 else parts[0], 0.2)
        size, number = (size + 1) // 2 if size > 1 else 0, number + 1
    x = layers.Conv2D(4 * width, 3, padding="same", kernel_initializer=keras.initializers.VarianceScaling(2.0))(x)
    joint = layers.Activation("linear", dtype="float32", name="joint")(x)
    x = ops.leaky_relu(joint, 0.2)
    logits = layers.Dense(1, dtype="float32")(layers.Flatten()(x))
    if told:
        inputs["told"] = keras.Input((told,), name="told")
        expected = layers.Dense(4 * width, use_bias=False, dtype="float32")(inputs["told"])
        logits = logits + ops.sum(expected * ops.mean(x, (1, 2)), -1, keepdims=True)
    logits = layers.Reshape((), dtype="float32", name="logits")(logits)
    return keras.Model(inputs, {"joint": joint, "logits": logits}, name="classifier")


class Critic(keras.Model):
    """A discriminator on frozen features: faces to a dictionary of all that F gives, and C's `joint` and `logits`.

    extractor: F, faces (n, size, size, 3) in [0, 1] to a dictionary; a layer without trainable variables. maps: which
    of its outputs C sees; "faces" are the pixels themselves. width, told: of C, see `classifier`; where C is told
    something, it is called with faces and that.

    What F skips over, such as a fine pattern between the places that its first layer steps on, C sees in the pixels
    only. Without them, a decoder learns to draw such patterns.
    """

    def __init__(self, extractor, size=64, maps=MAPS, width=32, told=0):
        super().__init__(name="discriminator")
        self.extractor, self.maps = extractor, tuple(maps)
        seen = self._features(np.zeros((1, size, size, 3), np.float32))
        self.classifier = classifier({name: tuple(seen[name].shape[1:]) for name in self.maps}, width, told)
        self.built = True
        if extractor.trainable_variables:
            raise ValueError("the extractor must be frozen: it has trainable variables")

    def call(self, faces, told=None, training=False):
        seen = self._features(faces)
        return seen | self.classifier(self._seen(seen, told), training=training)

    def head(self, faces, told=None):
        """What C sees of faces, where the R1 penalty is taken, and C, a function of it."""
        judge = lambda seen, training=False: self.classifier(self._seen(seen, told), training=training)  # noqa: E731
        return self._seen(self._features(faces), None), judge

    def _features(self, faces):
        return self.extractor(faces) | {"faces": ops.convert_to_tensor(faces)}

    def _seen(self, features, told):
        return {name: features[name] for name in self.maps} | ({} if told is None else {"told": told})


def gender(x, x_tilde, seen, seen_tilde):
    """A term: cross-entropy in nats (n,) of the gender F sees in x~ with what it sees in x; least where they agree."""
    wanted = ops.softmax(seen["gender_logits"])
    return -ops.sum(wanted * ops.log_softmax(seen_tilde["gender_logits"]), -1)


def pixels(x, x_tilde, seen, seen_tilde):
    """A term: the squared error, (n,), summed over the picture."""
    return ops.sum(ops.square(x - x_tilde), (1, 2, 3))


def feature(layer):
    """A term: L_llike in a layer, beside the one that is Dis_l."""

    def term(x, x_tilde, seen, seen_tilde):
        return L_llike(seen[layer], seen_tilde[layer], spread(seen[layer]))

    return term


@functools.cache
def region(size):
    """The face in an aligned crop: (size, size) in [0, 1], 1 inside a soft ellipse."""
    place = (np.arange(size) + 0.5) / size
    rows, columns = (place - CENTRE[0]) / RADII[0], (place - CENTRE[1]) / RADII[1]
    radius = np.sqrt(np.square(rows)[:, None] + np.square(columns)[None])
    return (1 / (1 + np.exp(np.clip((radius - 1) / EDGE * 4, -50, 50)))).astype(np.float32)


def attention(seen, seen_tilde, layer="deep"):
    """w_imd, (n,) in [0, 2], no gradient: 1 - stays + 1 - keeps.

    stays: cosine of what F sees in x and x~ at the same place of the face region, the mean over it, at least 0; 1 where
    the face is still where it was. keeps: the probability, to F, that x~ has the gender of x.
    """
    a, b = seen[layer], seen_tilde[layer]
    norms = ops.sqrt(ops.sum(ops.square(a), -1) * ops.sum(ops.square(b), -1)) + 1e-6
    mask = region(a.shape[1])
    stays = ops.maximum(ops.sum(mask * ops.sum(a * b, -1) / norms, (1, 2)) / mask.sum(), 0.0)
    keeps = ops.sum(ops.softmax(seen["gender_logits"]) * ops.softmax(seen_tilde["gender_logits"]), -1)
    return ops.stop_gradient(2 - stays - keeps)


def face_region(x, x_tilde, seen, seen_tilde):
    """A term: the squared error on the face, (n,), times `attention`: most where it moved or changed its gender."""
    error = ops.sum(region(x.shape[1])[..., None] * ops.square(x - x_tilde), (1, 2, 3))
    return attention(seen, seen_tilde) * error


class SharpDecoder(AdversarialModel):
    """Trains a decoder of given codes, beside a discriminator: the likeness and realism of the VAE/GAN, no encoder.

    decoder: a network from `inputs` to faces (n, size, size, 3) in [0, 1]. terms: {name: (weight, term)}, likeness; the
    decoder descends their sum - realism log D(fake), the discriminator climbs log D(x) + log(1 - D(fake)).

    A batch is a dictionary: face; inputs, what the decoder takes; and, if wanted, shift, (2,) pixels by which the
    discriminator sees both kinds of faces moved. F steps over pixels, and a decoder that always stands in the same
    place learns patterns that fit these steps. Where the inputs hold `gender`, the discriminator is told it too. Called
    with inputs, the model is the averaged decoder.
    """

    def __init__(self, decoder, discriminator, terms, realism=1.0, **settings):
        watched = ("db", "discriminator", "decoder", "real_right", "fake_right", *terms)
        players = {"decoder": decoder, "discriminator": discriminator}
        super().__init__(players, watched, averaged=("decoder",), **settings)
        self.terms, self.realism = dict(terms), realism

    def call(self, inputs):
        return self.network("decoder")(inputs, training=False)

    def gradients(self, batch):
        x = batch["face"]
        decoder, discriminator = self.players["decoder"], self.players["discriminator"]
        moved = lambda faces: tf.roll(faces, batch["shift"], (1, 2)) if "shift" in batch else faces  # noqa: E731
        inputs = batch["inputs"]
        told = {"told": inputs["gender"]} if isinstance(inputs, dict) and "gender" in inputs else {}
        with tf.GradientTape(persistent=True) as tape:
            fake = decoder(inputs, training=True)
            seen, seen_fake = (discriminator(moved(each), training=True, **told) for each in (x, fake))
            values = {name: term(x, fake, seen, seen_fake) for name, (_, term) in self.terms.items()}
            fool, down = L_fool(seen_fake["logits"]), -L_GAN(seen["logits"], seen_fake["logits"])
            whole = self.realism * fool + sum(weight * values[name] for name, (weight, _) in self.terms.items())
        own = self.gradient(tape, down, discriminator.trainable_variables)
        gradients = {
            "decoder": self.gradient(tape, whole, decoder.trainable_variables),
            "discriminator": self.penalised(own, x, **told),
        }
        right = {"real_right": seen["logits"] > 0, "fake_right": seen_fake["logits"] < 0}
        return gradients, values | {"db": decibel(x, fake), "discriminator": down, "decoder": fool} | {
            name: tf.cast(value, tf.float32) for name, value in right.items()
        }  # fmt: skip

    def test_step(self, batch):
        """`val_db` of the averaged decoder."""
        return self.track({"db": decibel(batch["face"], self(batch["inputs"]))}, only=True)
