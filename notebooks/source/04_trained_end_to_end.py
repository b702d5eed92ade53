# ---
# title: Trained end to end
# aim: >-
#   Put the rounding and the price of the file into the loss, train a codec of networks on it, write its real files, and
#   find out honestly when it beats eigenfaces. Then let one model serve all rates.
# needs: >-
#   Eigenfaces and water-filling (lesson 00), a network trained with `fit` (lesson 02), tables, arithmetic coding and the
#   file (lesson 03).
# minutes: {class: 5}
# ---

# %% [markdown]
# ## A bill that nobody presents
# Lesson 03 ended with two bills. The VAE is trained to lower a KL divergence, the price of a *sample*; the file names an
# *integer*, and costs a quarter more. A network does what it is paid for. So the question of this lesson:
#
# **What if the network is trained on the bill of the file itself?**
#
# Two things in that bill have no slope for gradient descent to follow: the rounding, and the price of an integer. We
#
# 1. see why rounding stops learning,
# 2. make the price smooth, and put noise in place of rounding; the noise turns out never to pay less than the file,
# 3. let gradients pass straight through the rounding where the picture is concerned,
# 4. add both to one loss in bits, $R + \lambda D$, and train,
# 5. write files, and draw the curve that decides: decibels over bytes on the disk,
# 6. train one model for all rates,
# 7. let the encoder think for a moment before it writes,
# 8. ask why every picture is soft, and what it would cost if they were not.
#
# Numbers in the text are those of the synthetic faces in class mode; with photographs yours differ and tell the same
# story. In smoke mode two steps of each training are made, to see that everything works, and the lesson goes on with
# what class mode found on synthetic faces.

# %% tags=["setup"]

# %% [markdown]
# ## A staircase has no slope
# The smallest codec there is: a face is one number $x = 2.4$, the encoder multiplies it by a weight $w$, the file holds
# $\mathrm{round}(w x)$, and the decoder takes that for $x$. Should $w$ be larger or smaller? Ask for the gradient of the
# squared error.

# %%
# NBVAL_CHECK_OUTPUT
import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

w = tf.Variable(0.8)
with tf.GradientTape() as tape:
    error = (2.4 - ops.round(2.4 * w)) ** 2
print(f"error {error:.2f}, gradient {tape.gradient(error, w)}")

# %% [markdown]
# `None`: TensorFlow has not even a zero to offer. Rounding is a staircase, flat wherever it has a slope at all, so a
# small change of $w$ changes nothing, and descent has no direction. The bits have the same trouble, since they are a
# function of the integer.
#
# ## The price, made smooth
# Lesson 03 gave an integer $k$ the probability of its bin. Nothing forces us to ask only at integers. Around *any* number
# $y$ there is a bin one step $\Delta$ wide, and it has a probability under the prior:
#
# $$\tilde p(y) = F\!\left(\frac{y + \Delta/2}{s}\right) - F\!\left(\frac{y - \Delta/2}{s}\right), \qquad
# F(t) = \frac{1}{1 + e^{-t}}, \qquad \text{bits}(y) = -\log_2 \tilde p(y) .$$
#
# At the multiples of $\Delta$ that is exactly the price of the integer; in between it has a slope. $F$ is the logistic
# distribution, in place of lesson 03's Gaussian: its tails are heavier, as those of real latents are, and $F$ is one
# call, `ops.sigmoid`. Its scale $s$ will be *learned*, one for each latent: the prior becomes part of the model.
#
# ### Exercise 1: the price of a bin
# Gradients must pass, so write it with `keras.ops`. Mind the upper tail: there both values of $F$ are
# nearly 1, and `float32` has no digits left for their difference. By symmetry, $\tilde p(y) = \tilde p(-|y|)$.


# %%
def bin_bits(latents, steps, scales):
    """Bits of the bin one step wide around each latent, under a logistic of that scale; shapes broadcast.

    A mass below 1e-7 counts as 1e-7: no bin costs more than 23.3 bits.
    """
    # solution: the mass between the two edges of the bin, at -|y|; then minus log2 of it, or of 1e-7 if that is larger
    near = -ops.abs(latents)
    mass = ops.sigmoid((near + steps / 2) / scales) - ops.sigmoid((near - steps / 2) / scales)
    return -ops.log2(ops.maximum(mass, 1e-7))
    # end solution


# %%
bin_bits = checks.checked("04.bin_bits", bin_bits)

# %%
y = np.linspace(-4, 4, 801)
lines = {"of the integer": (y, bin_bits(np.round(y), 1.0, 0.8)), "of the bin around y": (y, bin_bits(y, 1.0, 0.8))}
alt = "The price over y: of the integer, a staircase that is lowest at 0; of the bin, a smooth curve that cuts each stair."
figures.curve(lines, "y, in steps", "bits", alt=alt)

# %% [markdown]
# The library's prior, `elic_tf.models.prior.Prior`, is the same with one more idea: not one logistic but a mixture of
# three (by TensorFlow Probability), whose shape all latents share while each has a scale of its own. (Its `energy` can
# stretch all scales for a busy face; here it is always 1.) With three equal parts it must agree with yours:

# %%
# NBVAL_CHECK_OUTPUT
from elic_tf.models.prior import Prior

random = np.random.default_rng(4)
some, one = (3 * random.standard_normal((100, 2))).astype("float32"), np.ones((100, 1), "float32")
prior = Prior(np.array([0.5, 2.0]))  # two latents and their scales
prior.widths.assign(np.zeros(3))  # logarithms of the widths of the three parts
theirs = prior(some, one, energy=one)
print("the library's prices agree to 0.001 bits:", np.allclose(theirs, bin_bits(some, one, [0.5, 2.0]), atol=1e-3))

# %% [markdown]
# ## Noise for rounding
# A smooth price, but for which $y$? Not for the latent as it is: the network would learn to hide its message in decimals
# that no file holds. Rounding destroys them, and so must whatever takes its place. Johannes Ballé and his colleagues
# (2016) added **noise**,
#
# $$\tilde y = y + \Delta\, u, \qquad u \ \text{uniform in} \left[-\tfrac12, \tfrac12\right) .$$
#
# It does what rounding does: it moves a latent by at most half a step, with a mean square of $\Delta^2/12$. Unlike
# rounding it has a slope, namely 1. And it fits the price like a key, for adding uniform noise blurs a density with a box
# one step wide: the density of $\tilde y$ *is* $\tilde p(\tilde y) / \Delta$.
#
# ### Exercise 2: noise for rounding
# Make noise of `uniform`, which comes from a random generator.


# %%
def with_noise(latents, steps, uniform):
    """Latents (n, K) with noise as wide as a step (n, 1) in place of rounding; uniform: random numbers (n, K) in [0, 1)."""
    # solution: make `uniform` 0 in the mean, stretch it to one step, and add it
    return latents + steps * (uniform - 0.5)
    # end solution


# %%
with_noise = checks.checked("04.with_noise", with_noise)

# %% [markdown]
# ### It never pays less than the file
# May we trust a bill that was made out for noise? Rounding needs a grid, and nobody says that the grid must go through 0:
# shift it by an offset that both sides know, and it is as good a quantiser. The latent then falls into the bin around one
# of the points $o, o \pm 1, \dots$ (with $\Delta = 1$), and the price in the mean is the sum of $-\tilde p \log_2
# \tilde p$ over these. With noise it is the integral of the same thing. So take many $y$, 64 to a step, as a table with a
# column for each grid. The integral adds up the whole table, a file adds up one column:


# %%
def prices(scale):
    """Bits per latent, step 1: with noise, and in files on 64 grids (64,), the first of which goes through 0."""
    bits = np.asarray(bin_bits(np.arange(-40, 40, 1 / 64), 1.0, scale), float).reshape(80, 64)
    cost = 2.0**-bits * bits
    return cost.sum() / 64, cost.sum(axis=0)


scales = 2.0 ** np.arange(-4, 1.1, 0.25)
noise, grids = map(np.array, zip(*map(prices, scales)))
lines = {"dearest grid": (scales, grids.max(1)), "noise": (scales, noise), "file, grid through 0": (scales, grids[:, 0])}
alt = "Bits over the scale of a latent: all agree from half a step on; below, noise pays clearly more than the grid through 0."
figures.curve(lines, "scale of the latent, in steps", "bits", log_x=True, alt=alt)

# %%
# NBVAL_CHECK_OUTPUT
print("the grid through 0 never pays more than noise:", bool(np.all(grids[:, 0] <= noise + 0.001)))
for scale in (1.0, 0.3, 0.1):
    print(f"scale {scale} steps: noise {prices(scale)[0]:.2f} bits, file {prices(scale)[1][0]:.2f}")

# %% [markdown]
# Whole table or column by column: **the price of the noise is the mean of the prices on all grids** (Ziv 1985; Agustsson
# and Theis 2020). A mean is never less than the least. Our priors peak at 0, and for those the grid *through* 0, the one
# that files use, is the cheapest. Hence the price of the noise is an upper bound on that of the file.
#
# Where a latent spans more than a step, the bound is tight. Where it is small, noise pays four times too much: rounding
# sends 0 again and again, while noise keeps inventing something to say. At a few hundred bits most latents are of that
# kind. For the *bill* that does little harm. It is still a bound, and it drives latents that say little to say nothing.
#
# For the *picture* it would do harm: a decoder trained on noise sees $\Delta^2/12$ in every small latent, and never the
# clean zeros that files hold.
#
# ## Straight through
# So the decoder gets what it will get from a file, the rounded latents. The gradient is then a matter of faith: in the
# backward pass we pretend that nothing was rounded,
#
# $$\hat y = \Delta \cdot \mathrm{round}(y / \Delta), \qquad \frac{\partial \hat y}{\partial y} := 1 .$$
#
# The slope is wrong at every single point and right over a whole stair, for a staircase climbs as fast as its banister.
# This is the *straight-through* gradient (Bengio 2013; Theis and others 2017 for compression). Noise for the bill and
# straight-through for the picture is how codecs are commonly trained since Minnen and Singh (2020), and how the one that
# `elic_tf` ships was.
#
# ### Exercise 3: straight through
# `ops.stop_gradient(t)` has the value of `t` and no gradient.


# %%
def straight_through(latents, steps):
    """Latents (n, K) rounded to multiples of the step (n, 1), with the gradient of latents that were not rounded."""
    # solution: latents plus what rounding changes, the latter without a gradient
    return latents + ops.stop_gradient(steps * ops.round(latents / steps) - latents)
    # end solution


# %%
straight_through = checks.checked("04.straight_through", straight_through)

# %%
# NBVAL_CHECK_OUTPUT
with tf.GradientTape() as tape:
    error = (2.4 - straight_through(2.4 * w, 1.0)) ** 2
print(f"the smallest codec again: error {error:.2f}, gradient {tape.gradient(error, w):.2f}: make w larger")

# %% [markdown]
# ## One loss, in bits
# $$L = R + \lambda D$$
#
# $R$ is the price of the face in bits, $D$ its squared error, summed over all pixels. What is $\lambda$? Lesson 03 knew
# what a bit may cost: at a high rate $D = \Delta^2/12$ per latent, and one more bit halves the step, so $-\mathrm{d}D /
# \mathrm{d}R = 2 \ln 2 \cdot \Delta^2/12$. Here $\lambda$ is the other way round, bits for an error of 1:
#
# $$\lambda = -\frac{\mathrm{d}R}{\mathrm{d}D} = \frac{6}{\ln 2 \cdot \Delta^2} .$$
#
# So **step and $\lambda$ are one knob**: whoever rounds with $\Delta$ and asks for another $\lambda$ pays for digits
# nobody wanted, or saves on ones that were. With one step for all latents, $L$ also does the water-filling of lesson 00
# by itself, as a latent below the step is not worth its bits. (A scale too many: since the networks could stretch latents
# as they like, the step could be 1 forever. We keep it, because we shall turn it.)
#
# ### Exercise 4: the loss
# $D$ is summed over rows, columns and channels of a face, and every face has a step of its own.


# %%
def lagrangian(faces, decoded, bits, steps):
    """R + λD of each face in bits, (n,); faces, decoded (n, h, w, 3), bits (n,), steps (n, 1)."""
    # solution: D is the squared error summed over rows, columns, channels; λ is 6 / (ln 2 step²), one for each face
    distortion = ops.sum(ops.square(faces - decoded), axis=(1, 2, 3))
    return bits + 6 / (np.log(2) * ops.square(steps[:, 0])) * distortion
    # end solution


# %%
lagrangian = checks.checked("04.lagrangian", lagrangian)

# %% [markdown]
# Is it the slope? Your prices know: a logistic latent of scale 1, rounded with steps a little below and above 0.5.

# %%
# NBVAL_CHECK_OUTPUT
bits = [np.asarray(bin_bits(step * np.arange(-40, 41), step, 1.0), float) for step in (0.49, 0.51)]
dearer, cheaper = (np.sum(2.0**-each * each) for each in bits)
print(f"-dR/dD = {(dearer - cheaper) / ((0.51**2 - 0.49**2) / 12):.0f} bits, λ = {6 / np.log(2) / 0.5**2:.0f} bits")

# %% [markdown]
# ## A codec of networks
# Analysis and synthesis each have two parts: a *linear* map along $K = 192$ directions around the mean face, and the
# *correction* of a small convolutional network,
#
# $$y = V (x - \bar x) + f(x), \qquad
# \hat x = \bar x + V^\top \hat y + g(\bar x + V^\top \hat y,\ \hat y,\ \log_2 \Delta) .$$
#
# What directions to begin with? Two candidates: **random** ones, all weights to be learned, as any network from a
# textbook begins; and **eigenfaces**, which stay as they are, with $f$ and $g$ zero at first. For these we need the
# eigenfaces of lesson 00.

# %%
from elic_tf.coding import container, rate, tables
from elic_tf.coding.latent_code import LatentCode
from elic_tf.course import learned
from elic_tf.faces import pipeline
from elic_tf.measure.distortion import psnr
from elic_tf.models.transform import Place
from elic_tf.train.callbacks import Progress, cosine

keras.utils.set_random_seed(4)
shipped = learned.load("04") if course.mode == "smoke" else {}  # what class mode found
K, WIDTH = 192, 64
train = course.faces(course.pick(smoke=256, classroom=3000, full=6000), "train")
test = course.faces(course.pick(smoke=16, classroom=100, full=200), "test")
mean = train.mean(axis=0).ravel()
centred = train.reshape(len(train), -1) - mean
_, columns = np.linalg.eigh(centred @ centred.T)
eigenfaces = columns[:, : -K - 1 : -1].T @ centred
eigenfaces /= np.linalg.norm(eigenfaces, axis=1, keepdims=True)
directions = (random.standard_normal((K, mean.size)) / mean.size**0.5).astype("float32")

# %% [markdown]
# The networks see a face as 8x8 blocks of 8x8 pixels (a convolution of size 8 and stride 8), where two convolutions look
# far across it. `Place` adds a learned map, for faces are aligned and a network should know where on a face it is. The
# decoder is told the step, as coarse latents deserve more doubt than fine ones.


# %%
def body(x, blocks):
    """Residual blocks: x + a small change, made by two convolutions."""
    for _ in range(blocks):
        hidden = layers.Conv2D(WIDTH, 3, padding="same", activation="relu")(x)
        x = x + layers.Conv2D(WIDTH, 3, padding="same", kernel_initializer=keras.initializers.VarianceScaling(0.1))(hidden)
    return ops.relu(x)


def analysis_network(linear, last):
    """Faces (n, 64, 64, 3) to latents (n, K); last: how the last layer of the correction starts."""
    faces = keras.Input((64, 64, 3))
    x = body(Place()(layers.Conv2D(WIDTH, 8, strides=8)(4 * (faces - 0.5))), 1)
    return keras.Model(faces, linear(faces) + layers.Dense(K, kernel_initializer=last)(layers.Flatten()(x)))


def synthesis_network(linear, last):
    """Latents (n, K), rounded, and log2 of the step (n, 1) to faces (n, 64, 64, 3)."""
    latents, log_step = keras.Input((K,)), keras.Input((1,))
    base = linear(latents)
    hint = layers.Dense(WIDTH)(layers.Concatenate()([latents / 4, log_step]))
    x = Place()(layers.Conv2D(WIDTH, 8, strides=8)(4 * (base - 0.5))) + layers.Reshape((1, 1, WIDTH))(hint)
    last = layers.Conv2DTranspose(3, 16, strides=8, padding="same", kernel_initializer=last)
    return keras.Model([latents, log_step], base + last(body(x, 2)))


# %% [markdown]
# Around them a model with a `train_step` of its own, in which every line is one you have written. The step is drawn for
# each face between two powers of two; if they are the same, it is fixed.


# %%
class TransformCodec(keras.Model):
    """Two networks and a prior, trained for R + λD. octaves: least and largest log2 of the step."""

    def __init__(self, analysis, synthesis, scales, octaves):
        super().__init__()
        self.analysis, self.synthesis, self.octaves = analysis, synthesis, octaves
        self.prior, self.seeds = Prior(scales), keras.random.SeedGenerator(4)
        self.built = True

    def train_step(self, faces):
        steps = 2.0 ** keras.random.uniform((ops.shape(faces)[0], 1), *self.octaves, seed=self.seeds)
        with tf.GradientTape() as tape:
            latents = self.analysis(faces)
            noisy = with_noise(latents, steps, keras.random.uniform(ops.shape(latents), seed=self.seeds))
            bits = ops.sum(self.prior(noisy, steps, energy=ops.ones_like(steps)), axis=1)
            decoded = self.synthesis([straight_through(latents, steps), ops.log2(steps)])
            loss = lagrangian(faces, decoded, bits, steps)
            total = ops.mean(steps[:, 0] * loss)  # a factor for each face, lest fine steps outvote coarse ones
        self.optimizer.apply(tape.gradient(total, self.trainable_variables), self.trainable_variables)
        return {"loss": ops.mean(loss), "bits": ops.mean(bits)}


# %%
def codec(directions, octaves, trainable=False):
    """An untrained codec along directions (K, 12288); trainable: whether the directions are to be learned too."""
    down, up = layers.Dense(K, trainable=trainable), layers.Dense(mean.size, trainable=trainable)
    to_latents = keras.Sequential([keras.Input((64, 64, 3)), layers.Flatten(), down])
    to_faces = keras.Sequential([keras.Input((K,)), up, layers.Reshape((64, 64, 3))])
    down.set_weights([directions.T, -directions @ mean])
    up.set_weights([directions, mean])
    last = "glorot_uniform" if trainable else "zeros"
    scales = np.std(centred @ directions.T, axis=0)
    return TransformCodec(analysis_network(to_latents, last), synthesis_network(to_faces, last), scales, octaves)


linear = codec(eigenfaces, (-1, 2))

# %% [markdown]
# Before any training, one face on its way through the codec that begins with eigenfaces, at the step $\sqrt2$:

# %%
# NBVAL_CHECK_OUTPUT
face, step = test[:1], np.full((1, 1), 2**0.5, "float32")
rounded = straight_through(linear.analysis(face), step)
by_hand = (mean + np.asarray(rounded) @ eigenfaces).reshape(face.shape)
print("the codec of lesson 00:", np.allclose(linear.synthesis([rounded, ops.log2(step)]), by_hand, atol=1e-3))

# %% [markdown]
# ## Three trainings
# 1. **Eigenfaces.** Both networks stay as they are; only the prior learns its scales and its shape. That is the opponent:
#    the best linear code, with a price list as good as everyone else's.
# 2. **From random directions.** Everything is learned, for one step, $\Delta = \sqrt2$.
# 3. **From eigenfaces.** The corrections are learned, for the same step, from the same faces in as many steps of training.
#
# Which of the last two will be ahead, and by how much? Guess before you run them.


# %%
def fit(model, steps, learning_rate=1e-3):
    """Train on batches of 32 faces, with a learning rate that rises for a moment and then falls to nothing."""
    model.compile(optimizer=keras.optimizers.Adam(cosine(learning_rate, steps)), jit_compile=False)
    batches, epochs = pipeline.dataset(train, 32, seed=4, repeat=True), min(steps, 5)
    options = {"shuffle": False, "verbose": 0, "callbacks": [Progress(steps, 0)]}
    model.fit(batches, epochs=epochs, steps_per_epoch=steps // epochs, **options)


linear.analysis.trainable = linear.synthesis.trainable = False
fit(linear, course.pick(smoke=2, classroom=300, full=300), 1e-2)

# %%
steps = course.pick(smoke=2, classroom=1500, full=6000)
from_random = codec(directions, (0.5, 0.5), trainable=True)
fit(from_random, steps)

# %%
one_rate = codec(eigenfaces, (0.5, 0.5))
fit(one_rate, steps)

# %% [markdown]
# Each line says what the last 32 faces of a fifth of the training cost, with noise in place of rounding; other faces cost
# more or less, so the numbers waver. (If there are only two lines for each, this is smoke mode.) They are promises. Now
# the files.
#
# ## Real bytes
# The learned prior becomes what lesson 03 asked for, integer tables, once and for all: `prior.rows` rounds the mass of
# every bin. A table depends on the ratio of scale to step only, so we count both in eighths of an octave, and 72 tables
# serve all latents at all steps. `LatentCode` puts the step in front, as the first symbol of each face. Integers are the
# nearest ones, as in training.

# %%
STEPS = np.arange(20, -9, -4)  # in eighths of an octave: 2 ** 2.5 down to 2 ** -1


def integer_code(prior):
    """The learned prior as integers that encoder and decoder share."""
    rows = prior.rows(2.0 ** (np.arange(-12, 60) / 8))
    scales = np.round(8 / np.log(2) * np.asarray(prior.log_scales)).astype(int)
    levels, centres = tables.frequencies(np.ones(len(STEPS))), np.zeros((len(rows), 3), "float32")
    return LatentCode(tables.Bank.from_rows(rows), scales, STEPS, np.array([0]), levels, -12, centres)


def write(model, code, faces, level):
    """A file for each face, at a step of the code."""
    integers = rate.quantise(code, np.asarray(model.analysis(faces)), level, np.zeros(len(faces)))[0]
    return [container.Container(15, code.write(level, row)).pack() for row in integers]


def read(model, code, files):
    """Faces (n, 64, 64, 3) from files, and from nothing else."""
    levels, integers, *_ = zip(*(code.read(container.unpack(file).code) for file in files))
    octave = np.clip(STEPS[list(levels)] / 8, *model.octaves)[:, None]  # a codec of one rate knows one step only
    return np.clip(model.synthesis([code.dequantise(levels, np.stack(integers)), octave.astype("float32")]), 0, 1)


# %%
# NBVAL_CHECK_OUTPUT
code, level = integer_code(linear.prior), 4
files = write(linear, code, test[:8], level)
integers = [code.read(container.unpack(file).code).symbols for file in files]
over = [8 * len(file) - 16 - code.bits(level, row) for file, row in zip(files, integers)]
print("step 2 **", STEPS[level] / 8, "in", len(code.bank), "tables; no file a byte over its price:", max(over) < 8)

# %% [markdown]
# The curve that decides: at every step, the mean size of the files (header and check included) and the mean PSNR of what
# they decode to, on people that nobody was trained on.


# %%
def curve(model):
    """Bits per file and PSNR in dB at each step, (2, steps), and the decoded test faces of each step."""
    code, points, pictures = integer_code(model.prior), [], []
    for level in range(code.levels):
        files = write(model, code, test, level)
        pictures.append(read(model, code, files))
        points.append((8 * np.mean([len(file) for file in files]), psnr(test, pictures[-1]).mean()))
    return np.transpose(points), pictures


def gain(points):
    """Decibels over eigenfaces at the same number of bits; NaN where eigenfaces have no file so small or so large."""
    bits, decibels = run["eigenfaces"]
    return points[1] - np.interp(np.log(points[0]), np.log(bits), decibels, left=np.nan, right=np.nan)


names = ("eigenfaces", "from random", "from eigenfaces")
points, pictures = zip(*map(curve, (linear, from_random, one_rate)))
run = dict(zip(names, points))
run["faces"] = np.uint8(255 * np.stack([test[:4], *(picture[4][:4] for picture in pictures)], axis=1))
run |= shipped

# %%
# NBVAL_CHECK_OUTPUT
for name in names:
    print("{:16} at step √2: {:.0f} bits, {:.2f} dB,".format(name, *run[name][:, 4]), f"gain {gain(run[name])[4]:+.2f} dB")

# %%
alt = "PSNR over bits of the files: the codec from eigenfaces a little above eigenfaces, the one from random far below both."
figures.curve({name: run[name] for name in names}, "bits in the file", "PSNR in dB", log_x=True, alt=alt)

# %%
titles = ["original\n", *(f"{name}\n{run[name][0, 4]:.0f} bits" for name in names)] * 4
alt = "Four faces, each with its three decodings: halos around heads from eigenfaces, a blur from random, cleaner edges last."
figures.show(run["faces"].reshape(-1, 64, 64, 3), titles, alt=alt, columns=8)

# %% [markdown]
# From eigenfaces, training pays on both sides of the bill: at the same step the files are smaller *and* the error is,
# six tenths of a decibel at equal bits. The halos fade, which a weighted sum of ghosts has to draw around every head.
#
# From random directions the same network, with the same faces and as many steps, is far *below* the eigenfaces it was
# meant to beat. Nothing is broken. It has 4.7 million more weights to find, for a map that `eigh` finds exactly in a second;
# and until its decoder can make use of a latent, that latent is not worth its bits, so it shrinks, and the files shrink
# with it. Papers compare networks with other networks, each trained for days. Here the honest opponent is linear algebra,
# and the best use of a network is to let it learn only what linear algebra cannot know.
#
# ## One model for all rates
# A codec of one rate is a poor tool: `elic encode --bits 64` and `--bits 1024` would need two sets of weights. And it
# never learned what a coarser or a finer step means. Where will that hurt more?
#
# But nothing ties the networks to a step. Draw another one for each face of each batch, tell the decoder which, and let
# $\lambda$ follow: $R + \lambda(\Delta) D$. The knob is turned all the time during training, so one set of weights learns
# the whole curve. Our `TransformCodec` does it already; it only needs another pair of `octaves`.

# %%
all_rates = codec(eigenfaces, (-1, 2.5))
fit(all_rates, steps)
points, pictures = curve(all_rates)
several = np.stack([*pictures[::2], pictures[-1], test], axis=1)[[1, 5]]  # two faces, from coarse to fine
run |= {"all rates": points, "several": np.uint8(255 * several)} | shipped

# %%
lines = {name: (run[name][0], gain(run[name])) for name in ("from eigenfaces", "all rates", "eigenfaces")}
alt = "Decibels over eigenfaces: the specialist is ahead near 150 bits and falls below zero at 500; one model for all stays above."
figures.curve(lines, "bits in the file", "dB over eigenfaces", log_x=True, alt=alt)

# %% [markdown]
# Around its own step (the fifth point from the left) the specialist is ahead, by a tenth of a decibel or so. At coarser
# steps, to the left, it keeps up. At finer ones its corrections do not fit: it mends what is no longer broken, at 500 bits
# with more harm than good, and plain eigenfaces would be better. One model for all rates gives next to nothing away, and
# is above eigenfaces everywhere. Two faces at all rates:

# %%
titles = [*(f"{bits:.0f} bits" for bits in run["all rates"][0, [0, 2, 4, 6, 7]]), "original"]
alt = "Two faces from coarse to fine: a soft mask of the right colours, then the face, then its details, and the original."
figures.show(run["several"].reshape(-1, 64, 64, 3), titles * 2, alt=alt, columns=6)

# %% [markdown]
# ## The encoder may think
# The analysis network has one glance to guess the best integers. But the encoder owns the decoder too. It can look at
# what will come out, and change its mind; the file gets no longer for it, and the decoder notices nothing (Yang, Bamler
# and Mandt 2020).
#
# Which integers to try next? If the decoder were linear and orthonormal, the squared error of coded latents $q$ would be
# $|x - q|^2$ with the right latents $x$, its gradient $2 (q - x)$, and so
#
# $$x = q - \tfrac12 \frac{\partial D}{\partial q} .$$
#
# A decoder that begins at eigenfaces is nearly that. So: round (at least cost, as in lesson 03), ask the decoder for the
# gradient, aim there, round again, keep the best. All of the way overshoots, because the decoder is not quite linear; 0.4
# of it does not.
#
# ### Exercise 5: where to aim next


# %%
def next_target(target, coded, gradient):
    """The latents to round next: 0.4 of the way from `target` to coded - gradient / 2; all (n, K)."""
    # solution: a damped Newton step; coded - gradient / 2 is where the latents of a linear decoder would be
    return target + 0.4 * (coded - gradient / 2 - target)
    # end solution


# %%
next_target = checks.checked("04.next_target", next_target)


# %%
def search(model, level, trials=8):
    """The least R + λD found for each test face, after each trial: (trials + 1, n)."""
    code, n = integer_code(model.prior), len(test)
    step = np.full((n, 1), code.step(level), "float32")
    target, least = np.asarray(model.analysis(test)), [np.inf]
    for _ in range(trials + 1):
        integers, bits, _ = rate.quantise(code, target, level, np.full(n, rate.WEIGHT))
        coded = tf.Variable(code.dequantise([level] * n, integers))
        with tf.GradientTape() as tape:
            decoded = model.synthesis([coded, ops.log2(step)])
            error = ops.sum(ops.square(test - decoded))
        least.append(np.minimum(least[-1], lagrangian(test, decoded, bits.astype("float32"), step)))
        target = next_target(target, coded.numpy(), tape.gradient(error, coded).numpy())
    return np.array(least[1:])


run |= {"search": np.stack([search(model, 4).mean(axis=1) for model in (linear, all_rates)])} | shipped

# %%
# NBVAL_CHECK_OUTPUT
found = dict(zip(("eigenfaces", "all rates"), run["search"]))
print("does the search find anything?", {name: bool(least[0] - least[-1] > 0.1) for name, least in found.items()})

# %%
figures.curve(found, "trial", "R + λD in bits, test faces", alt="Flat for eigenfaces; it falls for the network, most at first.")

# %% [markdown]
# For eigenfaces the first guess was already the best. For the network the encoder's second thoughts save a few bits'
# worth, and cost nothing where it matters, in the file and in the decoder. The larger the correction $g$, the more there
# is to find.
#
# ## What half an hour buys
# `elic_tf` ships this lesson with more patience: larger networks, 8,133 photographs, half an hour on two cores. That is
# `Codec.load("transform")`; the codec `portrait` that `elic encode` takes has the same latents, with lesson 03's symbol in
# front and a second decoder. Its [card](../elic_tf/weights/transform.md) has the honest list of what each idea was worth,
# on photographs in 256 bits, over the eigenfaces of `klt`:
#
# | idea | dB |
# |---|---|
# | correction $g$ after the eigenfaces, nothing else | +0.68 |
# | and correction $f$ before them | +0.74 |
# | and the learned prior's tables | +0.73 |
# | and decoding the mirror image too, and averaging | +0.78 |
# | and the search of the encoder, 8 trials | +1.13 |
#
# Read it twice. What most papers are about, the networks, buys three quarters of a decibel. A learned prior buys nothing
# over one that was counted. The search, a loop of ten lines, buys a third of one. And $f$ is worth so little that one
# could leave it out.
#
# Here are both on our test faces, in files of exactly the size that was asked for.

# %%
import elic_tf

klt, best = elic_tf.Codec.load("klt"), elic_tf.Codec.load("transform")
few = test[: course.pick(smoke=4, classroom=24, full=48)]
for bits in (64, 256, 1024):
    eigen, network = (psnr(few, one.decode(one.encode(few, bits=bits))).mean() for one in (klt, best))
    print(f"{bits:4} bits: klt {eigen:.2f} dB, transform {network:.2f} dB, {network - eigen:+.2f} dB")

# %% [markdown]
# A decibel again. But if your faces are synthetic, compare the second line with your own curve above. A few
# minutes of training on the right faces beat by far a better codec that has only ever seen photographs: a code is a
# belief, and neither of these two believes in drawings.
#
# ## The mean of all faces it could be
# Every picture of this lesson is soft, the learned ones included, and more training will not change it. The reason is in
# the loss. Given a file, many faces are possible. For a decoder that shows $\hat x$,
#
# $$\mathbb{E}\left[\,|x - \hat x|^2 \mid \text{bits}\,\right] =
# \underbrace{\mathbb{E}\left[\,|x - \mathbb{E}[x \mid \text{bits}]|^2 \mid \text{bits}\,\right]}_{\text{nobody can help that}}
# + \ |\mathbb{E}[x \mid \text{bits}] - \hat x|^2 ,$$
#
# and the best it can do is to show their **mean**. A mean of sharp faces whose eyes are in slightly different places is
# not a sharp face. See it happen: take the coarse code of a test face, find the training faces whose latents are nearest
# to it, and average them.

# %%
code, face = integer_code(all_rates.prior), 2
file = write(all_rates, code, test[[face]], 1)
level, integers, *_ = code.read(container.unpack(file[0]).code)
distance = np.asarray(all_rates.analysis(train)) - code.dequantise([level], integers[None])
plausible = train[np.argsort(np.sum(distance[:, :24] ** 2, axis=1))[:30]]
mean_face = plausible.mean(axis=0)

# %%
run |= {"row": np.uint8(255 * np.stack([test[face], read(all_rates, code, file)[0], mean_face, *plausible[:4]]))} | shipped
edges = np.abs(np.diff(run["row"].astype(float), axis=2)).mean(axis=(1, 2, 3))  # differences of neighbouring pixels
words = zip(["original", "decoded", "mean of 30", *["plausible"] * 4], edges / edges[0])
alt = "A face; decoded from few bits, soft; the mean of the thirty training faces nearest to that code, as soft; four of these, sharp."
figures.show(run["row"], [f"{word}\nsharpness {edge:.2f}" for word, edge in words], alt=alt, columns=7)

# %% [markdown]
# Each of the plausible faces is sharp. The mean of them is not, and neither is what the decoder shows, for the same
# reason. Squared error asked for that, and we got it: the smallest error, and a face that nobody has.
#
# And what would it cost to show one of the plausible faces instead, any of them? Guess, and then compute it:

# %%
# NBVAL_CHECK_OUTPUT
ratio = np.mean([np.mean((plausible - shown) ** 2) for shown in plausible]) / np.mean((plausible - mean_face) ** 2)
print(f"to show one of them in place of the mean: {ratio:.2f} times the squared error, {10 * np.log10(ratio):.1f} dB less")

# %% [markdown]
# Exactly twice, whatever the faces: the truth and the guess are both as far from the mean, in directions that have nothing
# to do with each other. Three decibels is what a perfectly sharp face costs (Blau and Michaeli 2018), and no one needs
# to pay more. Is it worth it? That is not for squared error to say.
#
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "Why can a network not be trained through plain rounding?",
    [
        "Rounding is too slow on a GPU.",
        "A small change of a weight changes no integer, so the gradient is zero or not defined at all.",
        "Integers cannot be stored in float32.",
    ],
    answer="b",
    why="A staircase is flat except where it jumps. Noise or a straight-through gradient gives it the slope of its banister.",
)
quiz.ask(
    "A latent is a tenth of a step wide. What does the noisy bill say of it, compared with the file?",
    ["The same.", "Less, because noise has no sign.", "Several times too much: files send 0 on and on, noise never does."],
    answer="c",
    why="Noise pays the mean over all places of the grid, and a grid with an edge at 0 has to say on which side of it.",
)
quiz.ask(
    "You halve the step. What should happen to λ in R + λD?",
    ["It doubles.", "It becomes four times as large.", "It stays.", "It halves."],
    answer="b",
    why="λ = 6 / (ln 2 · Δ²): where everything is sent more finely, a unit of squared error is worth more bits.",
)
quiz.ask(
    "What made the search of the encoder worth nothing for eigenfaces?",
    [
        "Their decoder is linear with orthonormal directions, so those of the analysis are already the latents to aim at.",
        "Eigenfaces were not trained.",
        "Their files are too small.",
    ],
    answer="a",
    why="Then the squared error in pixels is that in latents, and q - gradient / 2 leads back to where one came from.",
)
quiz.ask(
    "Ten times as much training, the same loss, the same bits. Will decoded faces become as sharp as photographs?",
    [
        "Yes, blur is a lack of training.",
        "No: the least squared error given the bits is at the mean of all faces they could be.",
    ],
    answer="b",
    why="Training brings the decoder nearer to that mean. Only more bits, or another loss, make it sharper.",
)

# %% [markdown]
# ## A face that somebody could have
# The rounding, its price and its step are in the loss; what was trained writes real files; and you know which part is
# worth what. The best squared error is reached, near enough, and it is blurred.
#
# **What would a decoder do that may not show a mean, but only faces that could be in the data?** It would have to know
# which ones could. That is a generator, and lesson 05.

# %%
checks.score("04")

# %% [markdown]
# ### On your own
# - In `train_step`, give the decoder the noisy latents too, as in Ballé's first paper. What happens to the curve at coarse
#   steps, and why?
# - Train `from_random` four times as long. When does it catch up, if at all? And with half of the training faces?
# - In `write`, let a bit cost `rate.WEIGHT`, as in lesson 03. Which codec gains by it, and which one suffers? (What does
#   that weight believe of the decoder?)
# - Files from nothing: draw integers from the tables of `integer_code(all_rates.prior)`, and decode them. Why are these
#   not faces?
#
# ### Further reading
# - J. Ballé, V. Laparra, E. Simoncelli, [End-to-end optimized image compression](https://arxiv.org/abs/1611.01704), ICLR
#   2017: noise for rounding, and this loss.
# - L. Theis, W. Shi, A. Cunningham, F. Huszár, [Lossy image compression with compressive
#   autoencoders](https://arxiv.org/abs/1703.00395), ICLR 2017: straight through, in the same year.
# - E. Agustsson, L. Theis, [Universally quantized neural compression](https://arxiv.org/abs/2006.09952), NeurIPS 2020: the
#   noise as a channel one can really send through.
# - J. Ballé and others, [Nonlinear transform coding](https://arxiv.org/abs/2007.03034), 2020: the theory, with examples in
#   one and two dimensions.
# - D. Minnen, S. Singh, [Channel-wise autoregressive entropy models](https://arxiv.org/abs/2007.08739), ICIP 2020: a prior
#   that looks at latents already sent.
# - Y. Yang, R. Bamler, S. Mandt, [Improving inference for neural image compression](https://arxiv.org/abs/2006.04240),
#   NeurIPS 2020: the encoder that thinks.
# - Y. Blau, T. Michaeli, [The perception-distortion tradeoff](https://arxiv.org/abs/1711.06077), CVPR 2018: why the best
#   error does not look real, and the three decibels.
# - TensorFlow's tutorial [Learned data compression](https://www.tensorflow.org/tutorials/generative/data_compression), the
#   model of this lesson. It needs a package that has no release for today's TensorFlow.
