# ---
# title: The whole system
# aim: >-
#   Stand a discriminator on a network that knows faces and cannot learn, tell it and the decoder the gender that the file
#   says, train a decoder that draws sharp faces from the files there are, and find out what that costs in truth.
# needs: >-
#   Eigenfaces (lesson 00), files with a symbol for the gender (lesson 03), the losses of a GAN (lesson 05), the VAE/GAN
#   and its learned likeness (lesson 06), the module that sees faces (lesson 07).
# minutes: {class: 8}
# ---

# %% [markdown]
# ## Two pictures, one file
# This is the file of lesson 00, 32 bytes with the astronaut Eileen Collins in them, decoded twice.

# %% tags=["setup"]

# %%
import dataclasses

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from elic_tf.coding.codec import Codec
from elic_tf.coding.tables import frequencies
from elic_tf.course import learned
from elic_tf.errors import MissingExtraError
from elic_tf.faces import cache_root
from elic_tf.measure import answers, judges, realism
from elic_tf.measure.distortion import psnr
from elic_tf.models import adversarial, klt_fit, system, transform, vqa
from elic_tf.models.features import FrozenExtractor

# %%
file = bytes.fromhex("141941f1 82ef4784 56741fdb 9252d875 4483fc07 4ce803ff c0d8791f 1256cfd2")
portrait = Codec.of(file)
both = [portrait.decode([file], decoder=name)[0] for name in ("smooth", "sharp")]
figures.show(both, ["smooth", "sharp"], zoom=4, alt="The same woman twice: as if through frosted glass, and sharp as a photograph.")

# %% [markdown]
# The left picture is nearer to the photograph, by a decibel. It comes near the mean of all faces that these bytes may stand for
# (lesson 04), and nobody looks like a mean. The right picture looks like somebody. Both decoders read the same bits, so
# whatever the right one has more, it has *made up*. Hence the question of this lesson:
#
# **How does a decoder learn to make things up that could be true, and what does that cost?**
#
# Two judges have come and failed alone. The discriminator of lesson 06 knows what a picture should look like, but it
# learns while it judges, and what it knows of faces it has to find out in the middle of a game. The module of lesson 07
# knows faces, but it never changes, so a decoder finds out how to whisper to it. We
#
# 1. load the module by its handle,
# 2. write files that say the gender, and look at what that one bit *draws*,
# 3. stand a discriminator on the module, and tell it the gender too,
# 4. put a price on everything that matters about a face, and decide who pays,
# 5. train a second decoder for the files there are,
# 6. leave parts out, to see which of them did it,
# 7. draw the line between the nearest picture and the most real one, and walk along it.
#
# Numbers in the text are rounded from synthetic faces; with photographs yours differ and tell the same story. Smoke mode
# makes a few real steps of each training, and goes on with what class mode learned from synthetic faces.
#
# ## Eyes that hold still
# In lesson 07 you exported a module; its folder is the handle. If it is not there (another machine, or the lesson was
# skipped), the handle is `None`, for the module that comes with the library. It was made in the same way.

# %%
# NBVAL_CHECK_OUTPUT
handle = cache_root() / "lesson_07" / f"{course.data}-{course.mode}" / "extractor"
F, LAYERS = FrozenExtractor(handle if handle.exists() else None), ("shallow", "middle", "deep")
seen = F(np.zeros((1, 64, 64, 3), "float32"))
print({name: tuple(value.shape[1:]) for name, value in seen.items()})
print("weights that can learn:", len(F.trainable_variables))

# %% [markdown]
# Faces go in, five things come out: three maps of what is where (edges in the first, parts of faces in the last), a
# vector, and the answer to "Is this a man or a woman?". Nothing in it can learn, and gradients pass through.

# %%
BITS, FITTED = 128, 800
counts = {"train": course.pick(smoke=FITTED, classroom=3000, full=6000), "test": course.pick(40, 200, 400)}
sets = {name: course.face_set(count, name) for name, count in counts.items()}
train, test, male = sets["train"].images, sets["test"].images / np.float32(255), sets["test"].labels["male"]
said = {name: np.float32(2 * one.labels["male"]) - 1 for name, one in sets.items()}  # 1 for a man, -1 for a woman

# %% [markdown]
# ## What one bit draws
# In lesson 06 encoder, decoder and discriminator learned together. A codec that people use cannot afford that: with
# the encoder change the files, and old ones become unreadable. So here **the files come first and stay as they are**. We
# take the plainest code of all, lesson 00's eigenfaces, in files of 128 bits, and put lesson 03's symbol in front of
# it, which says "woman", "man", or nothing, for a bit and a little. What will come, a second decoder, is told by
# `sharp`; so far there is none.


# %%
class Eigenfaces:
    """Eigenfaces of uint8 faces (n, 64, 64, 3), as a model for `Codec`; files say the gender. sharp: see below."""

    name, size, sides, decoders = "eigenfaces", 64, ("woman", "man", "unsaid"), ("smooth", "sharp")

    def __init__(self, faces, count=192):
        self.mean, self.sharp = faces.reshape(len(faces), -1).mean(0, dtype="float32") / 255, None
        some = faces.reshape(len(faces), -1) / np.float32(255) - self.mean
        vectors = np.linalg.eigh(some @ some.T)[1][:, : -count - 1 : -1].T @ some
        self.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        code = klt_fit.fit_code(some @ self.vectors.T, np.var(some @ self.vectors.T, axis=0, dtype=float))
        self.code = dataclasses.replace(code, side_freqs=frequencies([0.49, 0.49, 0.02]))

    def analysis(self, faces):
        return (faces.reshape(len(faces), -1) - self.mean) @ self.vectors.T

    def synthesis(self, latents, decoder, steps, side):
        faces = np.clip(self.mean + latents @ self.vectors, 0, 1).reshape(-1, 64, 64, 3)
        return faces if decoder == "smooth" else self.sharp(faces, np.array([-1, 1, 0])[side])


# %%
# NBVAL_CHECK_OUTPUT
eigenfaces = Eigenfaces(train[:FITTED])
codec = Codec(eigenfaces, 15)  # model 15 is nobody's: for experiments
files = {name: codec.encode(one.images, BITS, one.labels["male"].astype(int)) for name, one in sets.items()}
smooth = {name: codec.decode(some, decoder="smooth") for name, some in files.items()}
print("the largest file:", max(8 * len(one) for one in files["test"]), "bits")
print("all files say what they were told:", [codec.read(one).side for one in files["test"]] == male.astype(int).tolist())
print("price of the symbol:", ", ".join(f"{cost:.2f}" for cost in eigenfaces.code.side_lengths), "bits")

# %% [markdown]
# The smooth decoder is deaf to the symbol. What could be made of it? Take what is *missing* in each decoded training
# face, $m_i = x_i - \hat x_i$, and write $t_i = 1$ for a man, $-1$ for a woman, and 0 where a file does not say. Of all
# pictures $\Delta$, which one, added $t_i$ times, mends most? By least squares,
#
# $$\Delta = \arg\min_\Delta \sum_i \left| m_i - t_i\,\Delta \right|^2 = \frac{\sum_i t_i\, m_i}{\sum_i t_i^2} .$$
#
# **Exercise 1.**


# %%
def difference(missing, told):
    """The picture (h, w, 3) that, times told (n,), is nearest to missing (n, h, w, 3) in the squared error."""
    # solution: the sum of told times missing over the faces; then divide by the sum of the squares of told
    return np.tensordot(told, missing, axes=1) / np.sum(np.square(told))
    # end solution


# %%
difference = checks.checked("08.difference", difference)

# %%
# NBVAL_CHECK_OUTPUT
missing = train / np.float32(255) - smooth["train"]
delta = difference(missing, said["train"])
worth = np.sum(delta**2) / np.mean(np.sum(missing**2, axis=(1, 2, 3)))
print(f"of what is missing, the picture mends {100 * worth:.1f} %, or {-10 * np.log10(1 - worth):.2f} dB")

# %% [markdown]
# Next to nothing: a loss in pixels would not pay for this bit. Now somebody else's opinion. The *judge* of lesson 00
# took no part in anything here, and knows neither our files nor our labels. We ask for four opinions, and shall ask for
# them on everything that is decoded in this lesson:
#
# - *PSNR*, in decibels;
# - *distance*: it asks nothing about single faces, but compares all decoded faces, as a set, with all originals, in the
#   features of a network that guesses ages and that nothing here was trained with. It is 0 for sets that cannot be told
#   apart, up to chance (lesson 09 takes it to pieces);
# - *judge right*: in how many of 100 faces the judge sees the true gender, the mean over women and men;
# - *answers kept*: how many of 100 answers of lesson 07's answerer, about gender, glasses, smile, hat and beard, are what
#   they were of the originals.

# %%
asked, who = vqa.VQA.load(), np.arange(len(test))
try:
    judge, space = judges.GenderJudge(), "age network"
except MissingExtraError as error:
    judge, space = None, "luminance spectrum"
    print("no judge today:", error)
features_of, answers_of = realism.features(test, space), answers.said(asked, test, mirror=False)


def opinions(decoded):
    """What is worth knowing of decoded test faces, of all or the first n: {name: faces} to {name: {column: number}}."""
    rows = {}
    for name, faces in decoded.items():
        n, seen = len(faces), realism.features(faces, space)
        rows[name] = {
            "PSNR": psnr(test[:n], faces).mean(),
            "distance": realism.kernel_distance(seen, features_of[:n], who[:n], who[:n]),  # not to one's own original
            "judge right": 100 * judges.accuracy(judge.male(faces), male[:n])[1] if judge else np.nan,
            "answers kept": 100 * np.mean(answers.said(asked, faces, mirror=False) == answers_of[:, :n]),
        }
    return rows


def table(rows):
    """Print them."""
    print(" " * 24 + "".join(f"{column:>14}" for column in next(iter(rows.values()))))
    for name, row in rows.items():
        print(f"{name:24}" + "".join(f"{value:14.{digits}f}" for value, digits in zip(row.values(), (2, 2, 0, 0))))


# %% [markdown]
# And let us try what happens if the picture is added not once but several times, as when one speaks louder to somebody who
# is hard of hearing.


# %%
def told_loud(faces, told, loud=3):
    """Faces (n, 64, 64, 3) with `loud` times what their symbol draws; told (n,)."""
    return faces + loud * told[:, None, None, None] * delta


soft, gender = smooth["test"], said["test"]
louder = {f"smooth, told {loud} times": np.clip(told_loud(soft, gender, loud), 0, 1) for loud in (0, 1, 3, 6)}
table(opinions({"originals": test} | louder))

# %%
figures.show([0.5 + 6 * delta], ["what the symbol draws"], alt="A grey picture: eyebrows, lips and chin of a man, lightly.", zoom=3)

# %%
sheet = [face for i in (2, 4, 11) for face in (test[i], *(np.clip(soft[i] + loud * delta, 0, 1) for loud in (-6, -3, 0, 3, 6)))]
titles = ["original", "woman, 6 times", "woman, 3 times", "not told", "man, 3 times", "man, 6 times"] * 3
figures.show(sheet, titles, alt="Three soft faces, told woman, nothing and man: lips and eyebrows change, the person hardly.", columns=6)

# %% [markdown]
# **A hundredth of a decibel, and told three times the judge is half-way back to what it sees in the originals.** The picture
# shows where the bit goes: lips, eyebrows, chin. Squared error and the judge look at different things, and here is as clear a
# case as one could wish for of what a codec loses that has only one of them to please. But look at the faces that were told
# six times. The judge is happier still, and we see a caricature. It holds for every judge: *more pleased* is not *more true*.
#
# We keep three times, and build on it. What else could be made up? Nobody can say that with one picture. It takes a
# network, and somebody to teach it.
#
# ## Two judges, one upon the other
# A discriminator that need not find out what faces are, because it stands on somebody who knows:
#
# $$D(x) = C(F(x)), \qquad F \text{ frozen}, \quad C \text{ small, and trained.}$$
#
# It needs fewer steps than one that begins at pixels (Sauer and others 2021). The decoder cannot whisper to $F$ for long,
# because whatever pattern it finds, $C$ learns to see in $F$'s maps. And $C$ cannot forget what a face is. Only what $F$
# skips over is out of its sight; so $C$ gets the pixels too, as one more map. In the library, $C$ is four maps that are
# halved and joined on the way from 64x64 to 8x8, and one logit.
#
# **And the symbol?** It is not enough that a face looks real: it must look like what the file says. A discriminator for
# pairs of a face $x$ and a symbol $t$ should, at its best, have the logit (Miyato and Koyama 2018)
#
# $$\log \frac{p(x, t)}{q(x, t)} = \underbrace{\log \frac{p(x)}{q(x)}}_{\text{is it real?}} +
# \underbrace{\log \frac{p(t \mid x)}{q(t \mid x)}}_{\text{is it what it is said to be?}}$$
#
# with $p$ for faces and $q$ for made ones. Take for the second term what is simplest: from the last map $\varphi(x)$ of
# $C$, take the mean over all places, $\bar\varphi(x)$, and let a learned vector $v$ vote with the sign of $t$:
#
# $$\ell(x, t) = \ell(x) + \langle\, t\, v,\ \bar\varphi(x)\, \rangle .$$
#
# **Exercise 2.** Write the second term. There may be several things told; so $t$ has shape $(n, k)$, and $V$ a row for
# each.


# %%
def told_logit(x, told, V):
    """The part of the logit, (n,), that told (n, k) decides, of the last map x (n, h, w, c) and weights V (k, c)."""
    # solution: told @ V is what is expected of each channel; its inner product with the mean of x over the places
    return ops.sum(ops.matmul(told, V) * ops.mean(x, axis=(1, 2)), axis=-1)
    # end solution


# %%
told_logit = checks.checked("08.told_logit", told_logit)

# %%
# NBVAL_CHECK_OUTPUT
critic = system.Critic(F, maps=("faces", *LAYERS), width=16, told=1)
as_men, not_told = (critic(test[:8], told=value * ops.ones((8, 1))) for value in (1, 0))
V = next(weight for weight in critic.classifier.trainable_variables if weight.shape == (1, 64))
mine = told_logit(ops.leaky_relu(as_men["joint"], 0.2), ops.ones((8, 1)), V)
print("the library's C agrees:", np.allclose(as_men["logits"] - not_told["logits"], mine, atol=1e-4))

# %% [markdown]
# ## What matters about a face
# Now to likeness. What should it cost the decoder if $\tilde x$, what it draws, is unlike $x$? Each of the two judges, and
# each of our lessons, has something to say:
#
# | term | what it asks for | where it was made |
# |---|---|---|
# | pixels | the colours at each place: $\lvert x - \tilde x \rvert^2$ | 00 |
# | shallow, middle, deep | edges, parts and layout: the squared error in three layers of $F$, over their spread | 06, with a layer of $D$ |
# | gender | what $F$ answers: the cross-entropy of $\tilde x$'s answer with $x$'s | 07 |
# | region | the face before the background | here |
#
# The last one is as old as the project from which this course descends. It asked a face detector to find the face in $x$
# and in $\tilde x$, and let an error on the face count the more, the less the two boxes overlapped and if the
# gender had changed. Its formula was never published. With $F$ at hand one can ask better questions than a box can
# answer. Our faces stand in the same place, so the face's **region** is one soft ellipse $a$. In it, we ask at each
# place $p$ of the map "deep" whether $F$ sees the same thing in both, by the cosine of the two vectors; and whether the
# two answers to the question about gender, $g$ and $\tilde g$ (probabilities of "woman" and "man"), would agree if they
# were drawn:
#
# $$\mathrm{stays} = \max\!\left(0,\ \frac{\sum_p a_p \cos\!\left(F_p(x), F_p(\tilde x)\right)}{\sum_p a_p}\right), \quad
# \mathrm{keeps} = \sum_s g_s\, \tilde g_s, \qquad
# w = (1 - \mathrm{stays}) + (1 - \mathrm{keeps}) .$$
#
# Then $w \sum_p a_p \lvert x_p - \tilde x_p \rvert^2$ is the term: what went wrong on a face counts most where the face got
# lost.
#
# **Exercise 3.** Write $w$. It is a weight and not a goal, so no gradient may pass; `ops.stop_gradient` sees to that.
# (What would a decoder do that may lower $w$ in place of the error?)


# %%
def attention(a, b, gender, gender_tilde, region):
    """w, (n,), of maps a and b (n, h, w, c), probabilities (n, 2), and a region (h, w) in [0, 1]; without gradient."""
    # solution: cosines at each place, their mean weighted by the region, at least 0; the inner product of the answers
    lengths = ops.sqrt(ops.sum(a**2, axis=-1) * ops.sum(b**2, axis=-1)) + 1e-6
    cosines = ops.sum(a * b, axis=-1) / lengths
    stays = ops.maximum(ops.sum(region * cosines, axis=(1, 2)) / ops.sum(region), 0.0)
    keeps = ops.sum(gender * gender_tilde, axis=-1)
    return ops.stop_gradient(2 - stays - keeps)
    # end solution


# %%
attention = checks.checked("08.attention", attention)


# %%
# NBVAL_CHECK_OUTPUT
seen, made = F(test[:8]), F(soft[:8])
genders = (ops.softmax(each["gender_logits"]) for each in (seen, made))
mine = attention(seen["deep"], made["deep"], *genders, system.region(8))
print("the library's w agrees:", np.allclose(mine, system.attention(seen, made), rtol=1e-3))

# %% [markdown]
# ## Who pays for what
# All is there. With $T_k$ for the terms, $c_k$ for what a unit of each costs, and $r$ for the wish to look real,
#
# $$\text{decoder descends} \quad \sum_k c_k\, T_k(x, \tilde x) \;+\; r \cdot \left(-\log D(\tilde x, t)\right),$$
# $$\text{discriminator climbs} \quad \log D(x, t) + \log\left(1 - D(\tilde x, t)\right) .$$
#
# $F$ is in both lines, and pays nothing. **Exercise 4.** Write what each of the two *descends*. The losses of lesson 05 are
# in the library, of logits: `adversarial.L_GAN(real, fake)` is the second line, and `adversarial.L_fool(fake)` is $-\log
# D$ of the made ones.


# %%
def losses(prices, terms, real, fake, realism):
    """What the decoder and what the discriminator descend: two tensors (n,).

    prices: {name: c_k}; terms: {name: (n,)}; real, fake: logits (n,) of faces and of what was made; realism: r.
    """
    # solution: likeness at its prices, plus r times L_fool; and minus L_GAN
    likeness = sum(price * terms[name] for name, price in prices.items())
    return likeness + realism * adversarial.L_fool(fake), -adversarial.L_GAN(real, fake)
    # end solution


# %%
losses = checks.checked("08.losses", losses)

# %% [markdown]
# The prices are those of the codec `portrait`, except that there the region costs nothing (we shall see why). Layers are
# priced by the number, so that each weighs the same as a whole.


# %%
TERMS = {"pixels": system.pixels, **{name: system.feature(name) for name in LAYERS},
         "gender": system.gender, "region": system.face_region}  # fmt: skip
PRICES = {"pixels": 0.02, **{name: 2 / np.prod(seen[name].shape[1:]) for name in LAYERS}, "gender": 2.0, "region": 0.02}


class System(adversarial.AdversarialModel):
    """A decoder that learns beside a discriminator on F. maps: what C sees."""

    def __init__(self, network, prices=PRICES, realism=1.0, maps=("faces", *LAYERS)):
        players = {"decoder": network, "discriminator": system.Critic(F, maps=maps, width=16, told=1)}
        super().__init__(players, players, averaged=["decoder"], rate=1e-3, momentum=0.99)
        self.prices, self.realism = prices, realism

    def gradients(self, batch):
        x, told = batch["face"], batch["inputs"]["gender"]
        decoder, critic = self.players.values()
        with tf.GradientTape(persistent=True) as tape:
            fake = decoder(batch["inputs"], training=True)
            seen, made = (critic(tf.roll(faces, batch["shift"], (1, 2)), told=told, training=True) for faces in (x, fake))
            terms = {name: TERMS[name](x, fake, seen, made) for name in self.prices}
            both = losses(self.prices, terms, seen["logits"], made["logits"], self.realism)
        learns = zip(self.players.items(), both)
        found = {name: self.gradient(tape, loss, player.trainable_variables) for (name, player), loss in learns}
        found["discriminator"] = self.penalised(found["discriminator"], x, told=told)
        return found, dict(zip(self.players, both))


# %% [markdown]
# One line has not been explained. $F$'s first layer steps over pixels in twos, and a decoder that always stands in the
# same place finds patterns of dots that fall between its feet. So both kinds of faces are **moved** before they are looked
# at, by 0 to 3 pixels (`shift`), the whole batch alike.
#
# The decoder begins where we are: at the smooth face, with what the symbol draws, three times. Then comes a network like
# lesson 05's generator, which turned ghosts into faces: it looks at 4x4 blocks, thinks at 16x16 pixels, and grows its
# correction to full size. The correction is 0 at first.


# %%
def convolution(x, filters, size=3, strides=1, gain=2.0):
    start = keras.initializers.VarianceScaling(gain)
    return layers.Conv2D(filters, size, strides, padding="same", kernel_initializer=start)(x)


def sharp_decoder(width=32):
    """A network from faces (n, 64, 64, 3) as `told_loud` makes them, and the gender (n, 1), -1, 1 or 0, to faces."""
    face, gender = keras.Input((64, 64, 3), name="face"), keras.Input((1,), name="gender")
    seen = 4 * (face - 0.5)
    x = transform.Place()(convolution(seen, width, 4, 4, gain=1.0))
    outline = layers.Concatenate()([layers.Flatten()(layers.AveragePooling2D(8)(seen)), gender])
    x = x + layers.Reshape((1, 1, width))(layers.Dense(width)(layers.Dense(width, "relu")(outline)))
    for _ in range(2):
        x = x + convolution(ops.relu(convolution(ops.relu(x), width)), width, gain=0.1)
    for filters, strides in ((width // 2, 2), (width // 4, 1)):
        x = layers.UpSampling2D()(convolution(x, filters, 1, gain=1.0)) + convolution(seen, filters, 3, strides, gain=1.0)
        x = x + convolution(ops.relu(x), filters, gain=0.5)
    corrected = face + layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(ops.relu(x))
    clipped = corrected + ops.stop_gradient(ops.clip(corrected, 0, 1) - corrected)
    return keras.Model({"face": face, "gender": gender}, clipped)


# %% [markdown]
# (The last line but one clips faces to $[0, 1]$ and lets gradients pass as if it had not: lesson 04's trick.) The training data
# are faces, with what their *files* gave. In 15 of 100 the gender is left unsaid, so that the decoder can do without.


# %%
def batches(untold=0.15, size=16):
    """Endless batches; untold: the share of faces of which the gender is not said."""
    faces, decoded, genders = (tf.constant(each) for each in (train, smooth["train"], said["train"][:, None]))

    def draw(number):
        keys = tf.unstack(tf.random.experimental.stateless_split(tf.stack([number, 8]), 3))
        which = tf.random.stateless_uniform([size], keys[0], 0, len(train), tf.int32)
        gender = tf.where(tf.random.stateless_uniform([size, 1], keys[1]) < untold, 0.0, tf.gather(genders, which))
        inputs = {"face": told_loud(tf.gather(decoded, which), gender[:, 0]), "gender": gender}
        shift = tf.random.stateless_uniform([2], keys[2], 0, 4, tf.int32)
        return {"face": tf.cast(tf.gather(faces, which), tf.float32) / 255, "inputs": inputs, "shift": shift}

    return tf.data.Dataset.counter().map(draw, num_parallel_calls=1).prefetch(2)


def fit(model, steps, **settings):
    """Train for so many steps."""
    each = -(-steps // 5)
    model.fit(batches(**settings), epochs=5, steps_per_epoch=each, shuffle=False, verbose=course.pick(0, 2, 2))


def drawn(network, faces, gender):
    """What a decoder draws from smooth faces (n, 64, 64, 3), told the gender (n,)."""
    gender = np.float32(gender)
    inputs = {"face": told_loud(faces, gender).astype("float32"), "gender": gender[:, None]}
    return np.clip(network.predict(inputs, batch_size=50, verbose=0), 0, 1)


# %% [markdown]
# Before any training: the library has such a model, `SharpDecoder`. Given our networks and a batch, its gradients must be
# ours.

# %%
# NBVAL_CHECK_OUTPUT
keras.utils.set_random_seed(8)
model = System(sharp_decoder())
library = system.SharpDecoder(*model.players.values(), {name: (price, TERMS[name]) for name, price in PRICES.items()})
batch = next(iter(batches(size=4)))
pairs = zip(*(tf.nest.flatten(each.gradients(batch)[0]) for each in (model, library)))
print("gradients agree with the library's:", all(np.linalg.norm(a - b) <= 1e-3 * np.linalg.norm(a) for a, b in pairs))

# %% [markdown]
# ## The training
# A thousand steps and some. While it trains, guess: which of the faces above will be hardest? And what will the decoder do
# with a pair of glasses of which the smooth face shows but a shadow?

# %%
FEW, STEPS = course.pick(smoke=2, classroom=400, full=1200), course.pick(smoke=2, classroom=900, full=4800)
fit(model, FEW)
sharp = model.network("decoder")  # the mean of what it was in the last steps, see lesson 05
early = drawn(sharp, soft, gender)
fit(model, STEPS)
run = {f"sharp{i:02}": np.int8(np.clip(np.round(256 * w), -127, 127)) for i, w in enumerate(sharp.get_weights())}
if course.mode == "smoke":
    held = learned.load("08")
    sharp.set_weights([held[name] / np.float32(256) for name in sorted(held) if name.startswith("sharp")])

# %% [markdown]
# Now the codec has a second decoder. The files do not know of it.

# %%
# NBVAL_CHECK_OUTPUT
eigenfaces.sharp = lambda faces, gender: drawn(sharp, faces, gender)
decoded = {name: codec.decode(files["test"], decoder=name) for name in codec.decoders}
print("one list of files, two decoders:", {name: faces.shape[1:] for name, faces in decoded.items()})

# %%
decoded |= {"sharp, told wrong": drawn(sharp, soft, -gender), "sharp, not told": drawn(sharp, soft, 0 * gender)}
rows = {"original": test, **decoded}
sheet, titles = zip(*((rows[name][i], name) for name in list(rows)[:4] for i in (0, 1, 3, 4, 7, 8, 9, 10)))
figures.show(sheet, titles, alt="Eight faces; smooth, with halos; sharp, with outlines and hair; sharp as the other gender.", columns=8)

# %% [markdown]
# Second row and third row are decoded from the same 128 bits. Go through them one by one: what is right in the third row,
# though the second does not show it? (Outlines, collars, and which side of the nose lies in the shadow.) What is sharp and
# wrong? Hair gets curls that nobody had, a headscarf turns into wool, and glasses of thin wire, of which the file does not
# say enough, are taken off. And the last row differs from the third in one symbol: look at lips and eyebrows.

# %%
table(opinions(decoded))

# %% [markdown]
# The sharp decoder loses a few tenths of a decibel and, as a set, comes much nearer to faces. It keeps as many answers as the
# smooth one, or a few more; but the answerer sees through $F$, for whose pleasure the decoder was trained, so that proves
# little. The judge took no part, and its opinion counts: it sees the right gender most often where the decoder was told the
# truth, less often where it was told nothing, and least often where it was told a lie. Even then it is right more often than
# not, as the latents still speak against the lie. A symbol does not overrule a picture of 120 bits; it tips the balance
# where the picture says little.
#
# ## What did it?
# A system of six terms, two networks and a symbol works. Does it need all of them? Nobody knows before they are left
# out. Here are three shorter trainings, and our own after as many steps: one in which nobody asks whether a
# face is real ($r = 0$); one in which nobody looks through $F$, neither for likeness nor in $C$; and one in which the
# gender is never said. Which will suffer most, and in which column? (In smoke mode the table is what class mode found.)

# %%
VARIANTS = {"without D": ({"realism": 0.0}, 0.15), "without symbol": ({}, 1.1),
            "without F": ({"maps": ("faces",), "prices": {"pixels": 0.045}}, 0.15)}  # fmt: skip
left_out = {"smooth": soft, "everything": early}
for name, (settings, untold) in list(VARIANTS.items())[: course.pick(1, 3, 3)]:
    keras.utils.set_random_seed(8)
    variant = System(sharp_decoder(), **settings)
    fit(variant, FEW, untold=untold)
    left_out[name] = drawn(variant.network("decoder"), soft, (untold < 1) * gender)
run["rows"] = list(opinions(left_out).values())
run["shown"] = np.uint8(np.round(255 * np.stack([faces[6:9, 18:54, 14:50] for faces in left_out.values()][1:])))
if course.mode == "smoke":
    run = learned.load("08")
names = ["smooth", "everything", *VARIANTS]
table(dict(zip(names, run["rows"])))

# %%
rows = np.stack([test[6:9, 18:54, 14:50], soft[6:9, 18:54, 14:50], *run["shown"] / 255]).swapaxes(0, 1)
figures.show(rows.reshape(-1, 36, 36, 3), ["original", *names] * 3, alt="Three faces by five decoders.", columns=6, zoom=3)

# %% [markdown]
# Each part has its own column. **Without $D$** hardly anything happens: the faces stay as near as the smooth ones, and nearly
# as far from looking real. Likeness alone, even in $F$'s eyes, is content with blur. **Without the symbol** they look as real, and
# are of the wrong gender more often. **Without $F$** they are nearest of all, nearer even than the smooth ones, as likeness in
# pixels is all that is asked for beside realism; but of the way to real faces they have gone only half, in as many steps.
#
# Two minutes of training on drawings are not the last word. The library does the same with `portrait`'s decoder, on
# photographs of CelebA, for 1,250 steps each: `python -m elic_tf.train.ablations`. From
# [its report](../docs/ablations.md), 941 faces of test people, files of 256 bits, another distance than ours:
#
# | decoder | PSNR dB | Fréchet distance | judge, balanced | gender kept |
# |---|---:|---:|---:|---:|
# | smooth, where all start | 22.97 | 62.4 | .839 | .854 |
# | everything | 21.96 | 4.7 | .883 | .925 |
# | likeness alone, no $D$ | 22.63 | 27.0 | .872 | .925 |
# | $C$ sees pixels alone | 22.27 | 10.9 | .885 | .925 |
# | $C$ sees $F$'s maps alone | 22.00 | 5.9 | .891 | .927 |
# | gender never said | 21.96 | 4.7 | .878 | .912 |
# | no term on the gender | 22.12 | 5.1 | .884 | .921 |
# | with the region's term | 22.09 | 6.2 | .886 | .934 |
#
# Read it with care: these are single runs, and a share has a standard error of one in a hundred. Three things stand out
# of that. It takes $D$ to make faces look real; likeness alone stops half-way. $D$ does it twice as well on $F$ as on pixels.
# And all that was done about gender, symbol, term and region, has bought next to nothing **so far**: a network that begins without
# the symbol has to find it, and 1,250 steps were too few for that. (Our own decoder began with what the symbol
# draws. That was the short cut.) In `portrait`, which was trained four times as long, it tells: on 500 faces the judge is
# right .894 of the time if the file does not say the gender, .928 if it does, and .944 if the decoder is told twice as
# loudly, as it is. The region's term is not in `portrait`: it bought nothing that one could be sure of.
#
# **A part that was left out without harm is a result too.** Papers seldom print those.
#
# ## The line between near and real
# Our sharp faces are further from the truth, and nearer to what faces look like. Must one pay for the other? Yochai Blau
# and Tomer Michaeli (2018) proved it: let $P$ be the distance that is allowed between what a decoder shows and faces, as
# sets. Then the least possible error (with their letter $D$, for distortion; it is no discriminator)
#
# $$D(P) = \min\ \mathbb{E}\, \lvert x - \tilde x \rvert^2 \quad \text{with} \quad
# d(p_x, p_{\tilde x}) \le P$$
#
# never rises with $P$, and is convex: the first step away from the mean costs nearly nothing, the last one towards
# perfection most. And for $P = 0$ it is at most twice the least error of all, three decibels (lesson 04). Where $d$ is the
# Wasserstein distance of order 2, we even know who is on that curve: everybody on the **straight line** between the two
# ends (Freirich, Michaeli and Meir 2021). Walking along it is one line of code, with $a$ for smooth and $b$ for sharp:
#
# $$\tilde x_\lambda = (1 - \lambda)\, a + \lambda\, b .$$
#
# Neither of our ends is perfect, so let us look. First one more thing that can be known beforehand. If $a$ were exactly
# the mean of all faces that a file may stand for, nothing that is computed from the file could bring it nearer:
# the least error would be at $\lambda = 0$. **Exercise 5.** Where is it?


# %%
def nearest_blend(x, a, b):
    """The λ with which (1 - λ) a + λ b is nearest to x in squared error, over all faces; all (n, h, w, 3)."""
    # solution: a parabola in λ: project what is missing, x - a, onto the way from a to b
    return np.sum((x - a) * (b - a)) / np.sum((b - a) ** 2)
    # end solution


# %%
nearest_blend = checks.checked("08.nearest_blend", nearest_blend)

# %%
# NBVAL_CHECK_OUTPUT
best = nearest_blend(test, decoded["smooth"], decoded["sharp"])
blend = (1 - best) * decoded["smooth"] + best * decoded["sharp"]
print("nearest at some λ between 0 and 1:", bool(0 < best < 1))
print("nearer than either decoder:", all(psnr(test, blend).mean() > psnr(test, decoded[name]).mean() for name in codec.decoders))

# %%
blends = {f"λ = {t}": (1 - t) * decoded["smooth"] + t * decoded["sharp"] for t in (0, 0.25, 0.5, 0.75, 1)}
walk = opinions(blends)
print(f"nearest at λ = {best:.2f}: {psnr(test, blend).mean():.2f} dB")
table(walk)

# %%
points = [(row["PSNR"], row["distance"]) for row in walk.values()]
figures.curve({"λ from 0 to 1": np.transpose(points)}, "PSNR in dB", "distance to faces", alt="A bent line: both improve; then only realism.")

# %%
way = [faces[i] for i in (1, 7, 10) for faces in blends.values()]
figures.show(way, [*blends] * 3, alt="Three faces from smooth to sharp in five steps; edges come one by one.", columns=5)

# %% [markdown]
# So our smooth decoder is *not* the mean. It is only linear, the best of that kind (lesson 00), and the sharp one has
# learned things about faces that nothing linear can say. Some of these are worth having even for squared error. From
# the point of least error on, the law holds: each further step towards the sharp decoder pays decibels for realism,
# first next to nothing, then more and more.
#
# ## Half an hour on photographs
# Now the same with everything that this course has: lesson 04's transform and its search for the files, and a sharp decoder
# that was trained for half an hour on 8,133 photographs (`python -m elic_tf.train sharp`). Some of the test faces, in files
# of `portrait` of 256 bits:

# %%
few = course.pick(smoke=20, classroom=100, full=200)
shipped = portrait.encode(test[:few], 256, male[:few].astype(int))
shown = {f"portrait, {name}": portrait.decode(shipped, decoder=name) for name in codec.decoders}
table(opinions(shown))

# %% [markdown]
# (If your faces are synthetic, take these numbers for what they are: it has seen photographs only, and does not know what a
# drawing looks like.) This is what it was made for. The astronaut in 16 and in 32 bytes:

# %%
small = bytes.fromhex("14da2de53502d675d5d12a5c8cddab8e")
pictures = [face for name in codec.decoders for face in portrait.decode([small, file], decoder=name)]
figures.show(pictures, [f"{bits} bits, {name}" for name in codec.decoders for bits in (128, 256)], alt="The astronaut: blurred; softly; sharp and somebody else; sharp and herself.", zoom=3)

# %% [markdown]
# With the smooth decoder more bits make a *sharper* picture. With the sharp one they make a *truer* one: it is always sharp,
# and with 128 bits it shows somebody else. Whoever sees only the sharp one has no way to tell which of it was in the file.
# On photographs of [941 test faces](../docs/generative.md), smooth and sharp:
#
# | bits | PSNR dB | Fréchet distance | judge right, balanced | answers kept |
# |---:|---:|---:|---:|---:|
# | 128 | 20.90, 19.88 | 117.6, 7.8 | .759, .951 | .878, .933 |
# | 256 | 22.97, 21.85 | 62.2, 3.5 | .838, .943 | .911, .951 |
# | 512 | 25.01, 23.79 | 34.7, 1.4 | .885, .942 | .940, .956 |
#
# Distortion goes up by a little more than one decibel, of the three that it might have cost; the distance falls to a
# twentieth. The judge's opinion hardly depends on the rate any more, since one symbol pays for it.
#
# ## What it must not be used for
# All this makes pictures *convincing*, and that is a reason for more care, not for less. A sharp face from a few bytes
# looks like a photograph of somebody who may not exist. And its gender is what somebody, or some network, has said.
# `elic encode` looks at the picture with $F$, which is wrong four times in a hundred, and then the face may come back
# as a person of the other gender, the more likely the fewer bits speak against it. It also knows two of them only, as
# the labels of its data do, and what it takes for a woman or a man is how celebrities look. So: look at what comes
# back; say `--gender`, or `--gender unsaid`, which the code allows.
#
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "Told the gender, the smooth decoder gains a hundredth of a decibel. Why is the judge so much more often right?",
    [
        "The judge saw the files.",
        "Squared error counts pixels, and few change; the judge looks at just those that do.",
        "A decibel is a large unit.",
        "The symbol makes the picture sharper.",
    ],
    answer="b",
    why="Lips, eyebrows and chin are a small part of all that is missing. What matters to somebody need not weigh much in a sum.",
)
quiz.ask(
    "F never changes. Why can the decoder not whisper to it for long?",
    [
        "C goes on learning: what the decoder does to F's maps and faces do not, C sees and punishes.",
        "F has too few weights.",
        "No gradient passes through F.",
        "The region keeps it from doing so.",
    ],
    answer="a",
    why="A fixed goal can be cheated. C is no fixed goal, and F's maps are what it looks at.",
)
quiz.ask(
    "Why do we call it no proof that the sharp decoder keeps more answers?",
    [
        "Five questions are too few.",
        "Answers cannot be compared.",
        "The answerer sees through F, and the decoder was trained to please F.",
    ],
    answer="c",
    why="What was a goal is no measure any more. The judge took no part, so its opinion counts.",
)
quiz.ask(
    "Somebody blends a smooth and a sharp decoder, and the blend has a better PSNR than either. What follows?",
    [
        "The sharp decoder was trained on PSNR.",
        "The test faces were among those for training.",
        "Blau and Michaeli were wrong.",
        "The smooth decoder is not yet the mean of what a file may stand for.",
    ],
    answer="d",
    why="Nothing computed from the file alone can mend the true mean. If something does, the mean was not reached.",
)
quiz.ask(
    "You train ten times as long. Can the sharp decoder become both indistinguishable from faces and as near as the mean?",
    [
        "Yes, it only needs more weights.",
        "No: as long as several faces fit a file, one of them is further from the truth than their mean.",
        "Yes, with more terms in the loss.",
    ],
    answer="b",
    why="At the same bits that is the law of this lesson: up to twice the squared error, 3 dB. Only more bits lower both.",
)

# %% [markdown]
# ## What you have done
# The system is whole: files that stay as they are, with a symbol for what no loss would have paid for; a discriminator on
# eyes that hold still; a price for everything that matters about a face; and two decoders for one file, with a line
# between them that you can walk. You have also left parts out, and seen that not all of them were needed.
#
# Four numbers went through this lesson, and each of them alone could be fooled: decibels by blur, a distance by
# strangers, answers by whispering, a judge by caricature. **How does one find out whether such a codec is any good?** And
# good for whom? That is lesson 09.

# %%
checks.score("08")

# %% [markdown]
# ### On your own
# - Look at $V$ after training: for which of the test faces is $\langle v, \bar\varphi(x) \rangle$ positive? $C$ has become
#   a judge of gender without having been asked. How good is it?
# - Let the latents pay for the symbol: fit anything you like that guesses the gender from the decoded smooth face, and
#   take $-\log_2$ of the probability it gave to the truth. How many of the 1.03 bits were news?
# - The library's `VAEGAN` takes `system.Critic(F)` for its discriminator, `layer="middle"` for its likeness, and `terms` as
#   above. Give lesson 06's model these eyes. What becomes of its files?
# - Draw the line of this lesson for `portrait` at 256 bits. Is the middle a decoder that you would ship?
#
# ### Further reading
# - E. Agustsson and others, [Generative adversarial networks for extreme learned image
#   compression](https://arxiv.org/abs/1804.02958), ICCV 2019: decoders that make things up, at rates like ours.
# - F. Mentzer, G. Toderici, M. Tschannen, E. Agustsson, [High-fidelity generative image
#   compression](https://arxiv.org/abs/2006.09965), NeurIPS 2020: likeness and realism with prices, and people as judges.
# - A. Sauer, K. Chitta, J. Müller, A. Geiger, [Projected GANs converge faster](https://arxiv.org/abs/2111.01007), NeurIPS
#   2021: discriminators on frozen networks.
# - T. Miyato, M. Koyama, [cGANs with projection discriminator](https://arxiv.org/abs/1802.05637), ICLR 2018: exercise 2.
# - Y. Blau, T. Michaeli, [The perception-distortion tradeoff](https://arxiv.org/abs/1711.06077), CVPR 2018, and
#   [Rethinking lossy compression](https://arxiv.org/abs/1901.07821), ICML 2019, with the rate as a third axis.
# - D. Freirich, T. Michaeli, R. Meir, [A theory of the distortion-perception tradeoff in Wasserstein
#   space](https://arxiv.org/abs/2107.02555), NeurIPS 2021: the straight line.
