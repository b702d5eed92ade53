# ---
# title: The convolutional VAE
# aim: >-
#   Write the four small functions that a variational autoencoder consists of, train one, and sample faces that nobody
#   has. On the way, find the eleven faults of the tutorial in which many people met the VAE, each by what it does.
# needs: >-
#   Eigenfaces and bits (lesson 00); what a convolution, a gradient and a normal distribution are. No GPU, no
#   photographs.
# minutes: {class: 4}
# ---

# %% [markdown]
# ## A rude question
#
# Lesson 00 put random bytes behind the header of a file and asked whose face that was. The eigenface codec answered
# with blurs and some masks, and half-way between two faces it showed a double exposure, because everything between its
# latents and the pixels is linear. Linear was not enough. **What would a network do that learns, and how could we tell
# whether it does better?**
#
# By asking the same rude question: what do you believe? A model of faces is a distribution $p(x)$ over pictures. To
# **sample** from it is to draw pictures, each as often as the model says. A good model draws what could have been in
# the data. A bad one cannot hide, since no real face helps it.
#
# Our model is the **variational autoencoder** (VAE) of Kingma and Welling (2014), in the form in which many people met
# it: TensorFlow's tutorial [Convolutional Variational
# Autoencoder](https://www.tensorflow.org/tutorials/generative/cvae), from here on *the original*. It fits on a page,
# and it works. It also has eleven faults; some are only untidy, some are wrong. We rebuild it in Keras 3, with faces in
# place of digits. Wherever a fault bites, a paragraph that begins with **In the original** says which one, with its
# number, and a cell shows what it does. We
#
# 1. sample from eigenfaces and from a plain autoencoder, and see what each lacks,
# 2. write what a VAE adds, in four functions: a draw, its price, the price of the rest, and a step of training,
# 3. train it, and learn to tell reconstructing from sampling,
# 4. walk from face to face, ask for a woman or a man, and draw a map of all faces on one sheet.

# %% tags=["setup"]

# %% [markdown]
# ## A small stage
#
# The original has handwritten digits of 28x28 pixels in black and white. Our faces become grey, and shrink to 32x32,
# so that a network can learn them in a minute.

# %%
import logging
import statistics

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops
from tqdm import tqdm

from elic_tf.models import cvae, vae
from elic_tf.train.callbacks import cosine

logging.getLogger("tensorflow").setLevel("ERROR")  # else it warns that several models are several programs
SIZE, K, BATCH = 32, 32, 32  # pixels a side, latents, faces in a batch


def small_and_grey(n, split):
    """n faces of uint8 (n, 64, 64, 3) as luminance (n, 32, 32, 1) in [0, 1], and whether they are male, (n,)."""
    faces = course.face_set(n, split)
    small = faces.images.reshape(-1, SIZE, 2, SIZE, 2, 3).mean(axis=(2, 4))  # means over squares of four pixels
    return cvae.to_grey(small / 255), faces.labels["male"]


train, male = small_and_grey(course.pick(smoke=1500, classroom=6000, full=12000), "train")
test, male_test = small_and_grey(300, "test")
figures.show(test[:6], alt="Six grey faces of 32 by 32 pixels, women and men, of several ages and skin tones.", zoom=3)

# %% [markdown]
# **In the original (2).** No seed is set anywhere, and the pictures that are to show progress are the first of a
# *shuffled* test set. Run it twice and you cannot compare:

# %%
# NBVAL_CHECK_OUTPUT
six = [list(tf.data.Dataset.range(1000).shuffle(1000, seed).take(6)) for seed in (None, None, 1, 1)]
print("two runs show the same six:", six[0] == six[1], "- with a seed:", six[2] == six[3])
keras.utils.set_random_seed(1)
random = np.random.default_rng(1)

# %% [markdown]
# Whether a change helped cannot be seen if everything else changes with it. From here on everything random has a
# seed, and we keep looking at the six faces above.

# %% [markdown]
# ## Sampling from eigenfaces
#
# The model of lesson 00 can be sampled. Its latents are uncorrelated and have variances $\sigma_i^2$. Suppose that
# they are Gaussian; then a new face is the mean and eigenfaces $e_i$ in random amounts:
#
# $$x = m + \sum_{i=1}^{K} \sigma_i \varepsilon_i\, e_i, \qquad \varepsilon_i \sim \mathcal{N}(0, 1).$$

# %%
flat, flat_test = train.reshape(len(train), -1), test.reshape(len(test), -1)
m = flat.mean(axis=0)
variances, columns = np.linalg.eigh(np.cov(flat.T))  # the smallest first
e, sigma = columns.T[::-1][:K], np.sqrt(variances[::-1][:K])
drawn_by_eigenfaces = (m + (sigma * random.standard_normal((300, K))) @ e).reshape(test.shape)
by_eigenfaces = (m + (flat_test - m) @ e.T @ e).reshape(test.shape)
figures.show(drawn_by_eigenfaces[:6], zoom=3, alt="Six draws: sharp, but halos, double hairlines, burnt-out heads.")

# %% [markdown]
# At first sight these are faces, and look how sharp some features are. Look again: halos around heads, two hairlines
# at once, patches burnt out or drowned in black. By adding things up one can say *more* and *less*; one cannot say
# *either-or*.

# %% [markdown]
# ## A network in place of the matrix
#
# Now convolutions. The **encoder** halves the picture twice, from 32 to 16 to 8 pixels, and ends in two lists of $K =
# 32$ numbers, of which we use only the first for now. The **decoder** takes such a list and goes the same way back.
# Its last layer gives **logits** $l$, which may be any real number; the grey meant by one is $p = 1/(1 + e^{-l})$.


# %%
def make_encoder(filters=16, latents=K):
    """Pictures (n, 32, 32, 1) to mean and log variance, each (n, latents)."""
    image = keras.Input((SIZE, SIZE, 1))
    x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Conv2D(2 * filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    return keras.Model(image, [layers.Dense(latents)(x), layers.Dense(latents)(x)])


def make_decoder(filters=16, latents=K):
    """Latents (n, latents) to logits (n, 32, 32, 1)."""
    z = keras.Input((latents,))
    x = layers.Dense(8 * 8 * filters, activation="relu")(z)
    x = layers.Reshape((8, 8, filters))(x)
    x = layers.Conv2DTranspose(2 * filters, 4, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", activation="relu")(x)
    return keras.Model(z, layers.Conv2D(1, 3, padding="same")(x))


def pictures(decoder, z):
    """Latents (n, latents) as pictures (n, 32, 32, 1) in [0, 1]."""
    return ops.convert_to_numpy(ops.sigmoid(decoder(ops.convert_to_tensor(z, "float32"))))


# %% [markdown]
# **In the original (5)** both networks begin with `InputLayer(input_shape=...)`, about which Keras 3 warns;
# `keras.Input` is the way that lasts. **(10)** At its end it suggests to try 512 filters in every convolution, and says
# that this takes longer. How much longer? Count the multiplications for one picture: here, with the original's
# filters, and with many, though still fewer than suggested.

# %%
# NBVAL_CHECK_OUTPUT
def multiplications(layer):
    """The weights of a layer, times the places at which they are used (of a transposed convolution: its inputs)."""
    places = layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output
    return np.prod(layer.kernel.shape) * np.prod(places.shape[1:-1]) if hasattr(layer, "kernel") else 0


for filters in (16, 32, 256):
    millions = sum(map(multiplications, make_encoder(filters).layers + make_decoder(filters).layers)) / 1e6
    print(f"{filters} and {2 * filters} filters: {millions:.0f} million")

# %% [markdown]
# Sixty times the original's price, for something that nobody has shown to be missing: a minute becomes an hour. (We
# take half of its filters, and a minute becomes a quarter of one.)
#
# First a plain **autoencoder**: encode, decode, ask for the same picture. It has as many latents as we took
# eigenfaces.


# %%
def fit(model, epochs, *targets, callbacks=()):
    """Train on all training faces, with a bar; returns the losses of each epoch."""
    with tqdm(total=epochs * -(-len(train) // BATCH), unit="step", mininterval=1) as bar:
        callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update()), *callbacks]
        return model.fit(train, *targets, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=callbacks).history


epochs = course.pick(smoke=30, classroom=25, full=40)
encoder, decoder = make_encoder(), make_decoder()
plain = keras.Model(encoder.input, decoder(encoder.output[0]))
plain.compile(keras.optimizers.Adam(2e-3), keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
fit(plain, epochs // 2, train)
by_plain = pictures(decoder, encoder(test)[0])
drawn_by_plain = pictures(decoder, random.standard_normal((300, K)))

# %%
described = "Above, six faces; then what the plain autoencoder returns, soft but alike; last, its samples: fog."
figures.show([*test[:6], *by_plain[:6], *drawn_by_plain[:6]], columns=6, zoom=3, alt=described)

# %% [markdown]
# Above the faces, below them what comes back. That works. In the last row the same decoder was given random latents,
# and draws fog. Why should it draw anything else? Nobody told the encoder *where* to put the codes of faces, and
# nobody told the decoder what to do *between* them. It knows the codes of its training faces and nothing else. An
# autoencoder is no model of faces.

# %% [markdown]
# ## What a VAE adds
#
# Two things.
#
# **Noise.** The encoder no longer says "this face is at $\mu$" but "it is about there, give or take $\sigma$": a small
# cloud $q(z|x) = \mathcal{N}(\mu, \sigma^2)$ for each face $x$. The decoder gets a random point of that cloud. So it
# learns to decode neighbourhoods instead of points, and the holes close.
#
# **A price.** Noise hurts, and the encoder would soon get rid of it, with tiny clouds or with clouds far apart. So it
# pays for each cloud, the more the farther it lies from the **prior** $p(z) = \mathcal{N}(0, I)$ and the smaller it is.
# In the end all the clouds together should fill the prior, and who draws from the prior should land in one of them.
#
# This is no trick to make training behave. It is a bill in bits. A model is a price list for pictures (lesson 00), and
# charges
#
# $$-\log_2 p(x), \qquad p(x) = \int p(z)\, p(x|z)\, dz .$$
#
# Nobody can compute that integral: for nearly every $z$ the face $x$ is next to impossible. But the encoder knows
# which $z$ matter. For *any* distribution $q(z|x)$ it may name,
#
# $$-\log_2 p(x) \ =\ \underbrace{\mathrm{KL}\big(q(z|x)\,\|\,p(z)\big)}_{\text{rate: what } z \text{ says}}
# \ +\ \underbrace{\mathbb{E}_{z \sim q}\big[-\log_2 p(x|z)\big]}_{\text{distortion: what it leaves unsaid}}
# \ -\ \underbrace{\mathrm{KL}\big(q(z|x)\,\|\,p(z|x)\big)}_{\text{too much}} .$$
#
# (Write $p(x) = p(z)\,p(x|z) / p(z|x)$, take $-\log_2$, add and subtract $\log_2 q(z|x)$, and take the mean over $z
# \sim q$.) A KL is never negative, so the first two terms are never too little: they are a bound on the true price,
# and what they charge too much is how far $q$ is from the true posterior $p(z|x)$. The sum of the two is minus the
# **ELBO** (evidence lower bound), and it is the loss of every VAE. We write its parts one by one.

# %% [markdown]
# ### Exercise 1: a draw
#
# The decoder gets $z \sim \mathcal{N}(\mu, \sigma^2)$. If $z$ falls out of a random number generator, how shall $\mu$
# and $\sigma$ learn from what became of it? Draw something else, that does not depend on them, and *make* $z$ of it:
#
# $$z = \mu + \sigma\,\varepsilon, \qquad \varepsilon \sim \mathcal{N}(0, I).$$
#
# The network gives $\ln \sigma^2$, the log variance, because that may be any number and $\sigma$ may not.


# %%
def reparametrise(mean, log_variance, noise):
    """z, (n, K), from mean and log variance (n, K) and noise (n, K) from N(0, 1)."""
    # solution: the mean plus sigma times the noise, where sigma is exp of half the log variance; use ops.exp
    return mean + ops.exp(log_variance / 2) * noise
    # end solution


# %%
reparametrise = checks.checked("01.reparametrise", reparametrise)

# %% [markdown]
# **In the original (6)** the text makes $z$ of "the decoder parameters", and $\mu$ and $\sigma$ "can be derived from
# the decoder output". You have just written it: they are the *encoder's*.
#
# It gives as the reason for all this that backpropagation cannot flow through a random node. That is true, and yet
# gradients can be had without any such flow, by the score function: $\frac{\partial}{\partial \mu} \mathbb{E}[f(z)] =
# \mathbb{E}\big[f(z)\,(z - \mu)/\sigma^2\big]$. What speaks against it? Take $f(z) = z^2$ at $\mu = \sigma = 1$, where
# the derivative is 2:

# %%
# NBVAL_CHECK_OUTPUT
noise = np.random.default_rng(0).standard_normal(200_000).astype("float32")
z = np.asarray(reparametrise(1.0, 0.0, noise))
for name, draws in {"through z": 2 * z, "score function": z**2 * (z - 1)}.items():
    print(f"{name}: {draws.mean():.1f} in the mean, single draws {draws.std():.1f} off")

# %% [markdown]
# Both are right in the mean. But errors of 5.5 instead of 2 take seven times as many draws to average out, and that is
# with one latent; with 32 it is many more.
#
# **In the original (4)** the noise has the shape `mean.shape`. That is a fact about one batch. Where the number of
# pictures is not known beforehand, as in `fit` or for export, there is no such shape yet, and one has to ask for
# `ops.shape(mean)`, which looks when the time has come.

# %%
# NBVAL_CHECK_OUTPUT
mean, _ = make_encoder().output
print("shape of the mean, before a picture comes:", mean.shape)
try:
    tf.random.normal(shape=mean.shape)
except ValueError as error:
    print("noise of that shape:", str(error).split(" with")[0])

# %% [markdown]
# ### Exercise 2: the price of a draw
#
# The rate says how much is learned about $z$ by somebody who is told $q$ and could only guess $p$ before:
#
# $$\mathrm{KL}(q \,\|\, p) = \mathbb{E}_{z \sim q}\left[\log_2 \frac{q(z|x)}{p(z)}\right]
# = \frac{1}{2 \ln 2} \sum_{i=1}^{K} \left( \mu_i^2 + \sigma_i^2 - 1 - \ln \sigma_i^2 \right) .$$
#
# The first form holds for any two distributions, the second for our Gaussians. A cloud that is the prior ($\mu = 0$,
# $\sigma = 1$) says nothing, for 0 bits. Out at $\mu = 2$ it costs nearly 3. And once it is small, each time it
# shrinks to half costs one bit more, as it should.
#
# Return one number for each face. The sum is a sum: who takes the mean over latents, as some textbooks do, has
# divided the price by $K$ without saying so.


# %%
def rate(mean, log_variance):
    """KL(q || p) of each face, (n,) bits, for mean and log variance (n, K)."""
    # solution: the bracket with ops.exp(log_variance) for the variance, summed over axis 1, divided by 2 ln 2
    terms = ops.square(mean) + ops.exp(log_variance) - 1 - log_variance
    return ops.sum(terms, axis=1) / (2 * np.log(2))
    # end solution


# %%
rate = checks.checked("01.rate", rate)

# %% [markdown]
# **In the original (7)** the second form is mentioned and not used. One draw of $z$ is put into $\log q(z|x) - \log
# p(z)$ instead, which is right in the mean. How right is a single draw? We ask for the test faces, before any
# training, and let a third party say what is true: the distributions of TensorFlow Probability.

# %%
# NBVAL_CHECK_OUTPUT
import tensorflow_probability as tfp

mean, log_variance = (ops.convert_to_numpy(part) for part in make_encoder()(test))
exact = ops.convert_to_numpy(rate(mean, log_variance))
q = tfp.distributions.MultivariateNormalDiag(mean, np.exp(log_variance / 2))
p = tfp.distributions.MultivariateNormalDiag(np.zeros(K, "float32"))
draws = q.sample(2000, seed=1)
estimates = ops.convert_to_numpy(q.log_prob(draws) - p.log_prob(draws)) / np.log(2)  # (2000, faces)
print("TensorFlow Probability's KL is yours:", np.allclose(q.kl_divergence(p) / np.log(2), exact, atol=1e-3))
print("so is the library's:", np.allclose(vae.rate(mean, log_variance), exact, atol=1e-3))
print("the mean of 2,000 draws comes within 0.2 bits:", np.abs(estimates.mean(axis=0) - exact).max() < 0.2)
print("of single draws, more than a quarter are negative:", np.mean(estimates < 0) > 0.25)

# %%
order = np.argsort(exact)[::12]  # every twelfth face
lines = {"one draw": (exact[order], estimates[0, order]), "closed form": (exact[order], exact[order])}
described = "Rates of some test faces: one draw each jumps up and down by a bit or so; the closed form rises calmly."
figures.curve(lines, "rate in bits, exactly", "rate in bits, as computed", alt=described)

# %% [markdown]
# Some faces would get money back, for a price that cannot be negative. Over a long training such noise averages out,
# which is why the original works. In a course about bits it will not do.
#
# And the bound: is the sum of rate and distortion really never too low? In one dimension everything is known. Let $z
# \sim \mathcal{N}(0, 1)$ and let $x$ be $z$ plus noise from $\mathcal{N}(0, 1)$. Then $x \sim \mathcal{N}(0, 2)$, which
# gives the true price of $x = 2$, and the true posterior is $\mathcal{N}(1, \tfrac12)$. For the distortion we need the
# price of a Gaussian, a squared error and a constant:
#
# $$-\log_2 \mathcal{N}(x;\, \hat{x}, s^2) = \frac{1}{\ln 2} \left( \frac{(x - \hat{x})^2}{2 s^2} + \ln s
# + \tfrac12 \ln 2 \pi \right)$$


# %%
# NBVAL_CHECK_OUTPUT
def gaussian(squared_error, s):
    """-log2 of a Gaussian density with standard deviation s, in bits."""
    return (squared_error / (2 * s**2) + np.log(s) + 0.5 * np.log(2 * np.pi)) / np.log(2)


print(f"true price of x = 2: {gaussian(2.0**2, 2**0.5):.2f} bits")
mu, v = np.array([[1, 1, 1, 0, 0], [0.5, 0.1, 1, 0.5, 1]], "float32")[..., None]  # five q, one latent
parts = rate(mu, np.log(v)), gaussian((2 - mu) ** 2 + v, 1.0)[:, 0]  # the mean of (x - z)² over z from q
too_much = rate((mu - 1) / 0.5**0.5, np.log(v / 0.5))
for name, r, d, more in zip(("the posterior", "too sure", "too vague", "elsewhere", "the prior"), *parts, too_much):
    print(f"q is {name:13}: rate {r:.2f} + distortion {d:.2f} = {r + d:.2f} bits, too much by {more:.2f}")

# %% [markdown]
# Only the true posterior pays the true price. Too sure, too vague, in the wrong place: each pays more, and exactly by
# the third KL of the equation (computed in units in which the true posterior is the prior). A $q$ that is the prior has
# a rate of 0, and all the more left to say.

# %% [markdown]
# ### Exercise 3: the price of the rest
#
# What does $z$ leave unsaid? The original takes a pixel as a coin that shows white with probability $p$ and black
# otherwise, and cuts its digits at 0.5 so that they *are* white or black. Here is what that does to a face:

# %%
figures.show(cvae.binarise(test[:6]), alt="The faces in pure black and white: masks of ink, some nearly gone.", zoom=3)

# %% [markdown]
# So our faces stay grey, and we read grey as newspapers print it: 0.7 is paper on which a dot is white with probability
# 0.7. The mean price of such dots is the **cross-entropy**,
#
# $$-\log_2 p(x|z) = -\sum_j \big( x_j \log_2 p_j + (1 - x_j) \log_2 (1 - p_j) \big),
# \qquad p_j = \frac{1}{1 + e^{-l_j}} .$$
#
# Compute it from the logits $l_j$, not from $p_j$. Where the decoder is sure, $p$ is 1 to all the digits that float32
# has, and the logarithm of $1 - p$ is minus infinity. With $\mathrm{softplus}(l) = \ln(1 + e^l)$ nothing overflows:
# $-\ln p = \mathrm{softplus}(-l)$ and $-\ln(1 - p) = \mathrm{softplus}(l)$.


# %%
def dots(images, logits):
    """-log2 p(x|z) of each picture, (n,) bits; images in [0, 1] and logits: (n, h, w, 1)."""
    # solution: x softplus(-l) + (1 - x) softplus(l), summed over rows, columns and channels, divided by ln 2
    nats = images * ops.softplus(-logits) + (1 - images) * ops.softplus(logits)
    return ops.sum(nats, axis=(1, 2, 3)) / np.log(2)
    # end solution


# %%
dots = checks.checked("01.dots", dots)

# %%
# NBVAL_CHECK_OUTPUT
print("the library's price is the same:", np.allclose(dots(test, 9 - test), cvae.distortion(test, 9 - test), rtol=1e-3))
print(f"price of a face under a perfect decoder, p = x: some {round(float(np.mean(cvae.floor(test))), -2):.0f} bits")
print(f"a grey of 0.5 shown as 0.6 costs {np.log2(0.5) - np.log2(0.6 * 0.4) / 2:.2f} bits more with dots;")
for s in (0.5, 0.1):
    print(f"{gaussian(0.1**2, s) - gaussian(0, s):.2f} with a Gaussian of standard deviation {s}")

# %% [markdown]
# Two things to remember. Dots have a price even under a perfect decoder, because they fall at random. No $z$ can save
# that, so plots will leave it out (`cvae.floor`). And dots are **tolerant**: to a coin, 0.6 for 0.5 is as bad as to a
# Gaussian whose standard deviation is half the range from black to white, which is to say, hardly at all. Remember
# that when you see the pictures to come.

# %% [markdown]
# ### Exercise 4: a step of training
#
# Now all together: encode, draw, decode, write the bill, and move all weights a little downhill. `model` has `encoder`,
# `decoder`, `optimizer` and `trainable_variables`. The noise is given, so that a step is a function of its arguments
# and of nothing else.


# %%
def train_step(model, images, noise):
    """A step of model.optimizer on the loss, rate + distortion; returns the means of {"loss", "rate", "distortion"}."""
    # solution: encoder, reparametrise, decoder, means of rate and dots under a tape; then gradient, optimizer.apply
    with tf.GradientTape() as tape:
        mean, log_variance = model.encoder(images)
        logits = model.decoder(reparametrise(mean, log_variance, noise))
        parts = {"rate": ops.mean(rate(mean, log_variance)), "distortion": ops.mean(dots(images, logits))}
        loss = parts["rate"] + parts["distortion"]
    variables = model.trainable_variables
    model.optimizer.apply(tape.gradient(loss, variables), variables)
    return {"loss": loss, **parts}
    # end solution


# %%
train_step = checks.checked("01.train_step", train_step)

# %% [markdown]
# Keras asks for a class. It holds the networks, the noise, and an optimizer of its own; the rest are your functions.


# %%
class CVAE(keras.Model):
    """The four functions as a model for `fit`."""

    def __init__(self, seed=0, learning_rate=1e-3):
        super().__init__()
        self.encoder, self.decoder = make_encoder(), make_decoder()
        self.noise = keras.random.SeedGenerator(seed)
        self.trackers = {name: keras.metrics.Mean(name) for name in ("loss", "rate", "distortion")}
        self.built = True
        self.compile(optimizer=keras.optimizers.Adam(learning_rate), jit_compile=False)

    @property
    def metrics(self):
        return list(self.trackers.values())

    def train_step(self, images):
        noise = keras.random.normal((ops.shape(images)[0], K), seed=self.noise)
        for name, value in train_step(self, images, noise).items():
            self.trackers[name].update_state(value)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def sample(self, count, seed=0):
        return pictures(self.decoder, np.random.default_rng(seed).standard_normal((count, K)))


# %% [markdown]
# The library's `cvae.CVAE` is the same in a few lines more. Give both the same weights and the same seed, train each
# for four batches, and let them draw:

# %%
# NBVAL_CHECK_OUTPUT
model, library = CVAE(seed=1), cvae.CVAE(SIZE, K, filters=16, seed=1)
for part in ("encoder", "decoder"):
    getattr(library, part).set_weights(getattr(model, part).get_weights())
for each in (model, library):
    each.fit(train[: 4 * BATCH], batch_size=BATCH, shuffle=False, verbose=0)
print("the library draws what yours draws:", np.abs(model.sample(8) - library.sample(8)).max() < 0.002)

# %% [markdown]
# **In the original (3)** one `tf.function` with one optimizer serves whatever model comes. The first thing a learner
# does is to change the number of latents and run the cells again. In small:

# %%
# NBVAL_CHECK_OUTPUT
optimizer = keras.optimizers.Adam()
shared_step = tf.function(lambda model: optimizer.apply([0.1 * each for each in model.weights], model.weights))
for name in ("first", "second"):
    try:
        shared_step(keras.Sequential([keras.Input((4,)), layers.Dense(2)]))
        print(f"the {name} model trains")
    except ValueError as error:
        print(f"the {name} model does not:", "Unknown variable" if "Unknown variable" in str(error) else error)

# %% [markdown]
# An optimizer keeps notes on each weight, and knows only the weights it began with. In our class every model has its
# own.

# %% [markdown]
# ## Training
#
# **In the original (11)** nothing says beforehand how long it takes. Here the top of the page does, and so does the bar
# below.

# %%
rate_of_learning = cosine(5e-3, epochs * -(-len(train) // BATCH))  # rises for a moment, then falls towards 0
model, watch = CVAE(seed=1, learning_rate=rate_of_learning), cvae.Watch(5)
history = fit(model, epochs, callbacks=[watch])

# %%
floor = np.mean(cvae.floor(train))
lines = {"distortion above its floor": np.array(history["distortion"]) - floor, "rate": history["rate"]}
described = "The distortion falls steeply, then slowly, from 200 bits above its floor; the rate rises to about twenty."
figures.curve({name: (np.arange(epochs) + 1, bits) for name, bits in lines.items()}, "epoch", "bits", alt=described)

# %% [markdown]
# The two pull against each other. At first the latents say nothing, and the decoder shows everybody the mean face. Then
# they begin to speak, as long as each bit of rate saves more than a bit of distortion. `Watch` has kept what the
# decoder made of five fixed points of the prior after each epoch:

# %%
kept = np.concatenate([watch.pictures[epoch - 1] for epoch in (1, 4, epochs)])
figures.show(kept, columns=5, zoom=3, alt="Five samples after 1, 4 and all epochs: from grey smudges to five people.")

# %% [markdown]
# **In the original (9)** such pictures are saved in the current folder, and the film at the end is made of whatever
# `image*.png` lie there. Train for ten epochs, change your mind, train for four:

# %%
# NBVAL_CHECK_OUTPUT
files = {f"image_at_epoch_{epoch:04d}.png": run for run in (10, 4) for epoch in range(1, run + 1)}  # the later stays
print(f"frames of the second film: {len(files)}, of which from the first run: {[*files.values()].count(10)}")

# %% [markdown]
# ## Reconstructing is not sampling
#
# **In the original (6, again)**, under "Generating images", the text says that it starts "by sampling a set of latent
# vectors from the unit Gaussian prior distribution". The code takes test pictures, encodes them, and decodes a draw
# from $q(z|x)$. It is worth seeing both.

# %%
mean, log_variance = model.encoder(test)
z = reparametrise(mean, log_variance, random.standard_normal(mean.shape).astype("float32"))
by_vae, from_posterior, drawn_by_vae = pictures(model.decoder, mean), pictures(model.decoder, z), model.sample(300, 1)
described = "Six faces; the same, decoded from a draw of q, soft but alike; and six samples, other people."
figures.show([*test[:6], *from_posterior[:6], *drawn_by_vae[:6]], columns=6, zoom=3, alt=described)

# %% [markdown]
# From above: the faces; a point of the cloud of each, decoded, which is what the original shows as generated; and
# **samples**, made of noise and of nothing else. Nobody sat for the last row. They are blurred, and some are vague, but
# they have one hairline each, and the fog is gone.
#
# Did it work for the reason we gave? All the clouds together should look like the prior: a standard deviation of 1 in
# every latent, and no correlation between any two. We draw a point from the cloud of each training face, and look at
# the codes of the plain autoencoder for comparison:

# %%
noise = random.standard_normal((len(train), K))
clouds = np.asarray(reparametrise(*model.encoder.predict(train, verbose=0), noise.astype("float32")))
for name, z in {"autoencoder": encoder.predict(train, verbose=0)[0], "VAE": clouds}.items():
    between = np.abs(np.corrcoef(z.T) - np.eye(K)).max()
    print(f"{name:11} deviations {z.std(axis=0).min():.1f} to {z.std(axis=0).max():.1f}, correlations to {between:.1f}")

# %% [markdown]
# The clouds come close. The plain codes may have a spread of the right size too, but they go together, and latents that
# are drawn one by one know nothing of that. They land where no code ever was.
#
# Eyes are easily pleased, so here are numbers. How near is a sample to the nearest of the training faces, in dB? Test
# faces show how near real faces are. And how varied are the samples, as the variance of a pixel over faces?


# %%
def nearest(images):
    """PSNR in dB to the nearest training face, the mean over images."""
    images = images.reshape(len(images), -1)
    squared = np.sum(images**2, axis=1)[:, None] + np.sum(flat**2, axis=1) - 2 * images @ flat.T
    return np.mean(-10 * np.log10(squared.min(axis=1) / SIZE**2))


made = {"eigenfaces": (by_eigenfaces, drawn_by_eigenfaces), "autoencoder": (by_plain, drawn_by_plain)}
for name, (again, drawn) in (made | {"VAE": (by_vae, drawn_by_vae)}).items():
    restored = np.mean(-10 * np.log10(np.mean((again - test) ** 2, axis=(1, 2, 3))))
    near, varied = nearest(drawn), drawn.var(axis=0).mean()
    print(f"{name:11} reconstructions {restored:.1f} dB; samples {near:.1f} dB from a face, variance {varied:.3f}")
print(f"test faces {nearest(test):.1f} dB, variance {test.var(axis=0).mean():.3f}; mean face {nearest(m[None]):.1f} dB")

# %% [markdown]
# Read it twice. **Who reconstructs best does not sample best.** The VAE gives faces back worst of the three, because it
# has to pay for what it says, and only its samples lie as near to faces as new faces do.
#
# But do not take that number for more than it is. The mean face has the best of all: blur is near to everything. The
# variance is the antidote, and there the VAE's samples fall well short of faces. What they say is right, but they do
# not dare to say much.

# %% [markdown]
# ## Between two faces
#
# Lesson 00's double exposure again, now also through the VAE: a straight line from one $\mu$ to the other.

# %%
shares = np.linspace(0, 1, 5)[:, None]
walk = pictures(model.decoder, (1 - shares) * mean[0] + shares * mean[4])
fade = (1 - shares[..., None, None]) * test[0] + shares[..., None, None] * test[4]
described = "Above, one face fades into another, both visible half-way; below, one soft face turns into another."
figures.show([*fade, *walk], [f"{share:.0%}" for share in shares[:, 0]] * 2, columns=5, zoom=3, alt=described)

# %% [markdown]
# Look at what is *either-or*, like the line of the hair, or what is in the background. In the fade, above, two of them
# are there, half of each. The VAE moves from one to the other, and each step looks like one person. (What is *more or
# less*, like light and dark, has not much to gain: there the two rows are alike.)

# %% [markdown]
# ## A woman, a man
#
# Nobody told the VAE of women and men. Still, it may have put their clouds into different places, if that saves bits.
# The labels say where. `shift` leads from the mean of the women's clouds to the mean of the men's; add it to any face.
# And who wants a sample of *a woman* draws from a Gaussian with the mean and the covariance of the women's latents.

# %%
shift = clouds[male].mean(axis=0) - clouds[~male].mean(axis=0)
moved = {step: pictures(model.decoder, mean + step * shift) for step in (-2, -1, 0, 1, 2)}
draws = [random.multivariate_normal(z.mean(axis=0), np.cov(z.T), 300) for z in (clouds[~male], clouds[male])]
asked = [pictures(model.decoder, z) for z in draws]
sheet = [*(images[1] for images in moved.values()), *asked[0][:5], *asked[1][:5]]
titles = ["-2 shifts", "-1", "as it is", "+1", "+2 shifts"] + ["a woman"] * 5 + ["a man"] * 5
described = "One face moved from woman to man in five steps; five samples of women, and five of men."
figures.show(sheet, titles, columns=5, zoom=3, alt=described)

# %% [markdown]
# Is that so, or do we only want to see it? Here is a judge in two lines: least squares, from pixels to -1 for women
# and 1 for men.


# %%
squares = (flat - m).T @ (flat - m) + 10 * np.eye(SIZE**2)  # the 10 keeps its weights small
judge = np.linalg.solve(squares, (flat - m).T @ np.where(male, 1, -1))


def a_man(images):
    """What the judge takes each of the pictures for, (n,) bool."""
    return (images.reshape(len(images), -1) - m) @ judge + 2 * male.mean() - 1 > 0


for name, images in {"test faces": test, "reconstructions": by_vae}.items():
    print(f"the judge is right about {np.mean(a_man(images) == male_test):.0%} of {name}")
there, back = np.mean(a_man(moved[2][~male_test])), np.mean(a_man(moved[-2][male_test]))
print(f"taken for men: {there:.0%} of women two shifts on, {back:.0%} of men two shifts back")
print("taken for men: {:.0%} of samples of women, {:.0%} of samples of men".format(*map(np.mean, map(a_man, asked))))

# %% [markdown]
# One direction in the space of 32 latents turns most people, and asking for a man brings men far more often than asking
# for a woman does. Without being told, the VAE has learned something of what women and men look like.
#
# But look at the first line. The judge is wrong about the *reconstructions* far more often than about the originals.
# To say *woman* or *man* takes one bit. The loss had some twenty to spend, and spent them on backgrounds and hair,
# because it counts pixels, and that is where the pixels are. A codec for portraits that turns women into men will not
# do. Lesson 08 pays for that.

# %% [markdown]
# ## A map of all faces
#
# With two latents, all that a VAE knows fits on one sheet. It is the best known picture of the original. Every part of
# the prior should get its share of the map, so the steps are of equal *probability*, from 0.05 to 0.95: for one latent,
# quantiles of $\mathcal{N}(0, 1)$.
#
# **In the original (1)** packages are installed for a film, and TensorFlow Probability, which brings a second Keras
# with it, serves for these quantiles alone. We have let it confirm a KL, which is worth a package; for quantiles
# Python's own `statistics.NormalDist` will do. **(8)** Rows are filled from `grid_x`, columns from `grid_y`, and the
# first row is the top one. As both grids are the same, nothing happens, except that the map is upside down, and so is
# whatever one reads off it.
#
# ### Exercise 5: a plane
#
# As in any diagram: to the right the first latent grows, *upwards* the second.


# %%
def plane(side):
    """Latents (side, side, 2) for a map: rows from top to bottom, columns from left to right, then the two latents."""
    # solution: NormalDist().inv_cdf of side probabilities; np.meshgrid, with the second list turned round; np.stack
    quantiles = [statistics.NormalDist().inv_cdf(p) for p in np.linspace(0.05, 0.95, side)]
    right, up = np.meshgrid(quantiles, quantiles[::-1])
    return np.stack([right, up], axis=-1)
    # end solution


# %%
plane = checks.checked("01.plane", plane)

# %%
# NBVAL_CHECK_OUTPUT
grid = plane(5)[0, :, 0]
theirs = tfp.distributions.Normal(0.0, 1.0).quantile(np.linspace(0.05, 0.95, 5, dtype="float32"))
print("TensorFlow Probability has the same quantiles:", np.allclose(theirs, grid, atol=1e-3))
print(f"top right corner: [{grid[4]:.2f} {grid[0]:.2f}] in the original, {np.round(plane(5)[0, 4], 2)} here")

# %% [markdown]
# A second model, with another number of latents: what fails in the original takes one line here. This time the model is
# the library's, and the latents are yours.

# %%
two, side = cvae.CVAE(SIZE, 2, filters=16, seed=1, learning_rate=2e-3), 8
fit(two, epochs // 2)
tiles = pictures(two.decoder, plane(side).reshape(-1, 2)).reshape(side, side, SIZE, SIZE).transpose(0, 2, 1, 3)
figures.picture(tiles.reshape(side * SIZE, -1), alt="Eight by eight small faces that change smoothly both ways.")

# %% [markdown]
# Each tile stands for as much of the prior as any other. Two latents can say little more than what is light and what is
# dark; everything else is the same in all the tiles, and blurred. With 32 latents there is no such sheet, only walks
# such as those above.

# %% [markdown]
# ## Eleven faults
#
# All of it was computed on the way. The module [`elic_tf/models/cvae.py`](../elic_tf/models/cvae.py) has them in one
# place, mended.
#
# | | in the original | what it does | here |
# |---|---|---|---|
# | 1 | packages installed for a film and a quantile | minutes, and a Keras 2 beside Keras 3 | `statistics.NormalDist` |
# | 2 | no seed, a shuffled test set | other pictures in every run | seeds, and always the same faces |
# | 3 | one `tf.function` and optimizer for all models | a second model fails | both belong to the model |
# | 4 | noise of `mean.shape` | no noise without a batch size | `ops.shape` |
# | 5 | `InputLayer(input_shape=...)` | a warning, one day an error | `keras.Input` |
# | 6 | latents "of the decoder", reconstructions shown as samples | one believes the model makes these | encoder; both side by side |
# | 7 | rate by one draw | negative prices | closed form |
# | 8 | rows and columns of the map | upside down | `plane` |
# | 9 | a film of the files that lie there | frames of another run | `Watch` keeps them in memory |
# | 10 | "try 512 filters" | sixty times the price, or more | counted first |
# | 11 | no word beforehand about time | one waits | a bar, and minutes at the top |
#
# None of this takes anything away from the original: a hundred lines from which one can learn, and in which every fault
# can be found because nothing is hidden.

# %% [markdown]
# ## What is it worth?
#
# The bill of the test faces, latent by latent:

# %%
bits = np.mean(vae.kl(mean, log_variance), axis=0)
print(f"{bits.sum():.0f} bits per face; {np.sum(bits < 0.2)} of {K} latents say less than 0.2, one {bits.max():.1f}")

# %% [markdown]
# So we have two codes with 32 latents. Eigenfaces send 32 real numbers, and the face comes back quite well. The VAE
# leaves many of its latents all but idle, sends the others so noisily that all together are worth some twenty bits, and
# the face comes back worse. Is that better or worse in all? It cannot be said as long as a real number has no price.
# And who decided on twenty? There is no such number in anything you wrote. There was a coin, as vague as half the range
# from black to white, and there were as many bits as such a coin deserves. A decoder that promised to be more exact
# would have had to ask for more.
#
# **How many bits is a latent worth, and which number decides it?** Lesson 02 takes the coin away, gives the faces back
# their colours, and reads the loss as a bill.

# %% [markdown]
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "Why does the plain autoencoder decode random latents into fog?",
    [
        "Its decoder is too small.",
        "It was trained at the codes of the training faces only, and nothing says where these are.",
        "It was trained with too few faces to be able to reconstruct.",
    ],
    answer="b",
    why="It reconstructs well. But between its codes and beyond them the decoder was never asked for anything.",
)
quiz.ask(
    "For some face the encoder gives μ = 0 and ln σ² = 0 in all latents. What are its rate and its reconstruction?",
    [
        "0 bits; what the decoder shows when it is told nothing.",
        "32 bits; a random face.",
        "Infinitely many bits; the face.",
    ],
    answer="a",
    why="q is the prior, so z says nothing about the face. A VAE that does this for all faces has collapsed.",
)
quiz.ask(
    "Somebody takes the mean over the latents in the rate, but the sum over pixels in the distortion. What is that?",
    [
        "Nothing else: a mean and a sum differ by a constant.",
        "A loss in which a bit of rate costs only 1/K bits, K being the number of latents.",
        "A loss that does not depend on the number of latents.",
    ],
    answer="b",
    why="The two terms are one bill. Who scales one of them alone trains another model; lesson 02 computes which.",
)
quiz.ask(
    "A decoder is perfect: p = x for every pixel of a grey face. What does `dots` charge?",
    ["0 bits.", "The entropy of the dots, several hundred bits.", "Infinitely many bits."],
    answer="b",
    why="Dots of a grey fall at random, and chance has to be paid for. Only black and white pictures can cost 0.",
)
quiz.ask(
    "A paper shows faces made by encoding test faces, drawing z from q(z|x) and decoding. What do these show?",
    [
        "How good the model's samples are.",
        "That the model has learned the distribution of faces.",
        "How good its reconstructions are; for samples z must come from the prior.",
    ],
    answer="c",
    why="The encoder has seen these faces. A model may reconstruct well and believe in fog, as you have seen.",
)

# %% [markdown]
# ## What you have done
#
# You have written a VAE, seen its four parts agree with the library's, and sampled from it. Your score:

# %%
checks.score("01")

# %% [markdown]
# ### On your own
#
# - Fit a Gaussian with mean and covariance to the codes of the *plain* autoencoder, and sample from that. How much of
#   the fog came from drawing latents one by one, and how much from holes?
# - Divide the rate by $K$ in a copy of `train_step`, train again, and look at reconstructions and samples. Which get
#   better, and which worse?
# - Train on `cvae.binarise(train)`, as the original does. The floor is then 0. Is the loss a price that you would
#   believe?
# - Which training face is the nearest to each sample? Put them side by side.
#
# ### Further reading
#
# - D. P. Kingma, M. Welling, ["Auto-encoding variational Bayes"](https://arxiv.org/abs/1312.6114), ICLR 2014. The draw
#   is in section 2.4, the rate in appendix B, the dots in appendix C.1.
# - D. J. Rezende, S. Mohamed, D. Wierstra, ["Stochastic backpropagation and approximate inference in deep generative
#   models"](https://arxiv.org/abs/1401.4082), ICML 2014. The same idea, found at the same time.
# - D. P. Kingma, M. Welling, ["An introduction to variational autoencoders"](https://arxiv.org/abs/1906.02691),
#   Foundations and Trends in Machine Learning 12 (2019). From the beginning, at length.
# - TensorFlow's tutorial ["Convolutional Variational
#   Autoencoder"](https://www.tensorflow.org/tutorials/generative/cvae), and the
#   [VAE](https://keras.io/examples/generative/vae/) of keras.io, which is written for Keras 3.
