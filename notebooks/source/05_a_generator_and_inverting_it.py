# ---
# title: A generator, and inverting it
# aim: >-
#   Let two networks play against each other until one of them draws faces, see why that game runs in circles and what
#   stops it, and compress a face by searching for it among those that the generator can draw.
# needs: >-
#   Eigenfaces (lesson 00), the price of a Gaussian latent and the file (lesson 03), the loss R + λD and the codec that
#   starts from eigenfaces (lesson 04).
# minutes: {class: 7}
# ---

# %% [markdown]
# ## A code that believes in ghosts
# Lesson 04 ended with the best squared error that its bits could buy, and with a soft face: the mean of all faces it could
# be. The loss asked for a mean. But there is something else. A code is a belief: it gives short names to what it thinks
# likely. To see what it believes in, draw latents from its price list, and decode them. Lesson 00 did that with a price
# list for pixels, and saw a head in a snowstorm; lesson 01 with grey eigenfaces, and saw halos.
#
# Once more, with the opponent of this lesson: 192 eigenfaces in colour, and lesson 03's code for them. Everything is 32x32
# pixels here, where a network learns in minutes.

# %% tags=["setup"]

# %%
import itertools
import math
import tempfile
from statistics import NormalDist

import keras
import numpy as np
import tensorflow as tf
from elic_tf.coding.codec import Codec
from elic_tf.course import learned, small
from elic_tf.measure.distortion import psnr
from elic_tf.models import adversarial, convolutional
from elic_tf.models.gan import GAN
from elic_tf.models.inversion import Inversion
from elic_tf.models.transform import Place
from elic_tf.train import gan, health
from keras import layers, ops
from tqdm import tqdm


# %%
train = small.halved(course.face_set(course.pick(smoke=4096, classroom=4096, full=16384), "train").images)
test = small.halved(course.face_set(course.pick(smoke=12, classroom=64, full=64), "test").images) / np.float32(255)
eigenfaces = small.Eigenfaces(train)
ghosts = eigenfaces.synthesis(eigenfaces.sigma * np.random.default_rng(5).normal(size=(8, 192)))
alt = "Eight faces; below, eight drawn from the belief of the eigenface code: halos, two hairlines, a hat that is also hair."
small.show([*test[:8], *ghosts], ["a face"] * 8 + ["drawn"] * 8, alt=alt, columns=8)

# %% [markdown]
# Ghosts: a scarf that is also hair, glasses that are half there. Each latent by itself is plausible; together they are
# nobody. A code that reckons with ghosts has given bits away to them. So the question of this lesson is:
#
# **What if the decoder were a network that has learned one thing only, what faces look like?** We
#
# 1. let a generator and a discriminator teach each other, and write down what each wants,
# 2. find out on a game with two weights why they circle, and what stops it,
# 3. train networks until ghosts have become faces, and watch their health,
# 4. run the generator backwards: search for a face among those it can draw,
# 5. write what was found into a file, with a price list that nobody had to measure,
# 6. and look at the bill: bits, decibels, and what one sees.
#
# Numbers in the text are those of the synthetic faces in class mode; with photographs yours differ. Smoke mode trains for
# a few steps only, to see that everything works, and then goes on with what class mode learned from synthetic faces.
#
# ## Two networks
# The **generator** $G$ turns $z \sim \mathcal{N}(0, I)$, $K = 64$ random numbers, into a picture. How should it learn?
# There is no right picture for a $z$, so there is no error to measure. Ian Goodfellow and others (2014) let a second
# network do the measuring. The **discriminator** $D$ sees a picture, and says with what probability it is real. It learns
# by climbing
#
# $$L_\mathrm{GAN} = \mathbb{E}\left[\log D(x)\right] + \mathbb{E}\left[\log\left(1 - D(G(z))\right)\right],$$
#
# where $x$ is a face of the data: say yes to faces, and no to drawings.
#
# **Exercise 1.** A network gives a *logit* $\ell$, any number, with $D = 1 / (1 + e^{-\ell})$. Write $L_\mathrm{GAN}$ in
# terms of logits. The obvious way breaks: in `float32` the sigmoid of 20 is exactly 1, and $\log(1 - 1)$ is no number.
# `ops.softplus(t)` is $\log(1 + e^t)$ without that accident.


# %%
def L_GAN(real, fake):
    """log D(x) + log(1 - D(fake)) in nats, (n,), of the logits of faces (n,) and of drawn pictures (n,)."""
    # solution: log D = -softplus(-logit) and log(1 - D) = -softplus(logit)
    return -ops.softplus(-real) - ops.softplus(fake)
    # end solution


# %%
L_GAN = checks.checked("05.L_GAN", L_GAN)

# %% [markdown]
# ### What D measures
# $L_\mathrm{GAN}$ is a number of nats, and this course counts in bits. Bits of what? Toss a coin: heads, you are shown a
# face, tails, a drawing. How much does the picture tell you about the coin? At most 1 bit, all there is to know. If $p(x)$
# and $q(x)$ are the probabilities of the picture $x$ among faces and among drawings, the best answer is
# $D^*(x) = p(x) / (p(x) + q(x))$, and with it
#
# $$1 + \frac{L_\mathrm{GAN}}{2 \ln 2} \ =\ \text{bits that one picture tells about the coin}$$
#
# (this is the Jensen-Shannon divergence of $p$ and $q$). Any other $D$ reads less. Try it with numbers in place of
# pictures: faces from $\mathcal{N}(0, 1)$, drawings from $\mathcal{N}(m, 1)$, for which the best logit is $m^2/2 - m x$,
# and two discriminators that are less sure than that, or more.


# %%
# NBVAL_CHECK_OUTPUT
def bits_seen(value):
    """Bits about the coin, from the mean of L_GAN in nats."""
    return 1 + np.mean(value) / (2 * math.log(2))


draws = np.random.default_rng(0).standard_normal((2, 200_000))
for m in (0.5, 1, 2, 4):
    real, fake = m**2 / 2 - m * draws[0], m**2 / 2 - m * (draws[1] + m)
    found = [bits_seen(L_GAN(sure * real, sure * fake)) for sure in (0.3, 1, 3)]
    print(f"m = {m}: {found[1]:.2f} bits; too unsure {found[0]:.2f}, too sure {found[2]:.2f}")

# %% [markdown]
# So a discriminator is a measuring instrument. It reads 1 bit when anybody can see the difference, and 0 when nobody can.
# And note what too much confidence costs: a discriminator that is too sure of itself can read *less than nothing*.
#
# ### What G wants
# The generator wants the opposite, so it could descend $\log(1 - D(G(z)))$. That fails just when help is needed most. At
# the start every drawing is bad, $D$ is sure of it, $\ell \ll 0$, and there the slope of this function is nearly 0: it
# **saturates**. Goodfellow's way out is to ask for the same thing in other words. Do not minimise the chance of being
# caught, maximise the chance of getting away with it. Climb $\log D(G(z))$, that is, descend
#
# $$L_\mathrm{fool} = -\log D(G(z)).$$
#
# **Exercise 2.**


# %%
def L_fool(fake):
    """-log D(fake) in nats, (n,), of the logits of drawn pictures (n,)."""
    # solution: minus log D, which is a softplus again
    return ops.softplus(-fake)
    # end solution


# %%
L_fool = checks.checked("05.L_fool", L_fool)

# %%
# NBVAL_CHECK_OUTPUT
logits = tf.constant([-8.0, 0.0, 8.0])
with tf.GradientTape(persistent=True) as tape:
    tape.watch(logits)
    losses = {"log(1 - D)": L_GAN(0 * logits, logits), "-log D": L_fool(logits)}
for name, loss in losses.items():
    print(f"slope of {name:10} at logits -8, 0, 8:", [f"{slope:.4f}" for slope in tape.gradient(loss, logits).numpy()])
theirs = adversarial.L_GAN(0 * logits, logits), adversarial.L_fool(logits)
print("the library agrees:", np.allclose(list(losses.values()), theirs))

# %% [markdown]
# Both losses fall in the same direction, towards what $D$ takes for a face, but they push in different places. The first
# one hardly pushes at -8, where training begins, and pushes hardest at 8, where all is well. The second one does the
# opposite.
#
# ## The smallest GAN there is
# Two losses, each of which falls as long as the other side stands still. Does anything fall when both move? Lars Mescheder
# and others (2018) looked at the smallest case, the **Dirac-GAN**. All faces are the same, the number 0. The generator
# always draws the number $\theta$. The discriminator's logit is $\psi x$. With two weights one can *see* the game. Write
# $s(t) = 1 / (1 + e^{-t})$; then each climbs its own slope:
#
# $$\dot\theta = \frac{\partial}{\partial \theta} \log s(\psi \theta), \qquad
# \dot\psi = \frac{\partial}{\partial \psi} \left[\log\left(1 - s(\psi \theta)\right) - \frac{\gamma}{2} \psi^2 \right].$$
#
# The goal is $\theta = \psi = 0$: the drawing is right, and $D$ has nothing to say. Leave $\gamma$ at 0 for a moment; we
# come to it.
#
# **Exercise 3.** One step of length `rate` of both, *from the same point*: neither sees where the other is going.


# %%
def dirac_step(theta, psi, rate, gamma):
    """(theta, psi) after both have taken a step from where they are."""
    # solution: d/dt log s(t) = 1 - s(t) = s(-t) and d/dt log(1 - s(t)) = -s(t); then the chain rule
    climb_theta = psi / (1 + math.exp(psi * theta))
    climb_psi = -theta / (1 + math.exp(-psi * theta)) - gamma * psi
    return theta + rate * climb_theta, psi + rate * climb_psi
    # end solution


# %%
dirac_step = checks.checked("05.dirac_step", dirac_step)


# %%
# NBVAL_CHECK_OUTPUT
def walk(gamma, count=1000):
    """Where theta and psi go, (2, count + 1), from theta = 1 and psi = 0."""
    points = [(1.0, 0.0)]
    for _ in range(count):
        points.append(dirac_step(*points[-1], 0.1, gamma))
    return np.transpose(points)


games = {f"γ = {gamma}": walk(gamma) for gamma in (0, 0.3)}
for name, points in games.items():
    print(f"{name}: after 1000 steps {np.hypot(*points[:, -1]):.2f} from the goal")
centre = np.hypot(*games["γ = 0"][:, -500:].mean(1))
print(f"γ = 0: the mean of the last 500 points is {centre:.1f} from the goal")

# %%
alt = "Two paths from one point, clockwise: one winds onto a circle around the goal and stays on it, one ends in the goal."
figures.curve({name: points[:, :400] for name, points in games.items()}, "θ, the drawing", "ψ, the discriminator", alt=alt)

# %% [markdown]
# Both begin at the right and run clockwise around the goal, (0, 0). Follow the one with $\gamma = 0$. The drawing is too
# large, so $D$ learns to distrust large numbers ($\psi$ falls). So the drawing becomes smaller, and goes on past 0, because
# $D$ has not changed its mind yet. So $D$ learns to distrust small numbers. Nobody makes a mistake, and nobody arrives:
# they end on a circle of radius $\sqrt{2 \cdot \text{rate}}$, 0.45 here. A smaller rate makes it smaller, and slower to
# reach. (With the loss that saturates it is worse: they spiral outwards.)
#
# Two things help. The *centre* of the circle is the goal, so one keeps a **moving average of the generator's weights**, and
# shows that (Yazıcı and others 2019). And with $\gamma > 0$ they arrive.
#
# ### The penalty
# What is $\gamma$? In the Dirac-GAN $\psi$ is the slope of the discriminator, so $\gamma \psi^2 / 2$ makes steepness
# expensive. For networks this is
#
# $$R_1 = \frac{\gamma}{2}\, \mathbb{E}\left[\, \left| \nabla_x \ell(x) \right|^2 \right], \qquad x \text{ a face of the data:}$$
#
# close to real faces, the discriminator shall not change its opinion abruptly. So where the drawings are right, it has no
# way to push them off again. Mescheder and others prove that with this penalty GANs of networks converge too, if they
# begin near enough. In code it is a gradient of which one takes the gradient. (The library's discriminators return a
# dictionary, since they can say more than the logit. Lesson 06 asks for the rest.)


# %%
def r1(discriminator, faces):
    """|slope of the logit|² at faces, a tensor (n, h, w, 3): (n,)."""
    with tf.GradientTape() as tape:
        tape.watch(faces)
        logits = discriminator(faces)["logits"]
    return ops.sum(tape.gradient(logits, faces) ** 2, axis=(1, 2, 3))


# %% [markdown]
# ## From ghosts to faces
# Now networks. The discriminator comes from the library: three convolutions, each with half the resolution of the one
# before, and one logit. And the generator? Lesson 04 found that a codec that begins at eigenfaces is far ahead of one that
# begins anywhere. So let $G$ begin as what the eigenface code believes in, with a correction $g$ that is 0 at first:
#
# $$G(z) = \underbrace{\bar{x} + \sum_{i=1}^{K} \sigma_i z_i e_i}_{\text{ghost}} \ +\ g\,(\text{ghost},\, z).$$
#
# All that $D$ can teach it is what is ghostly about ghosts. The correction looks at the ghost in blocks of 4x4 pixels,
# thinks at 8x8, and grows its answer to 16x16 and 32x32, each time with another look at the ghost.

# %%
K, WIDTH = 64, 32


def convolution(x, filters, size=3, strides=1, gain=2.0):
    start = keras.initializers.VarianceScaling(gain)
    return layers.Conv2D(filters, size, strides, padding="same", kernel_initializer=start)(x)


def from_ghosts():
    """A generator, z (n, K) to pictures (n, 32, 32, 3), that begins as the prior of the eigenface code."""
    z, linear = keras.Input((K,)), layers.Dense(eigenfaces.mean.size, trainable=False)
    ghost = layers.Reshape((32, 32, 3))(linear(z))
    seen = 4 * (ghost - 0.5)
    x = Place()(convolution(seen, WIDTH, 4, 4, gain=1.0)) + layers.Reshape((1, 1, WIDTH))(layers.Dense(WIDTH)(z))
    for _ in range(2):
        x = x + convolution(ops.relu(convolution(ops.relu(x), WIDTH)), WIDTH, gain=0.1)
    for filters, strides in ((WIDTH // 2, 2), (WIDTH // 4, 1)):
        x = layers.UpSampling2D()(convolution(x, filters, 1, gain=1.0)) + convolution(seen, filters, 3, strides, gain=1.0)
        x = x + convolution(ops.relu(x), filters, gain=0.5)
    last = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")
    network = keras.Model(z, ghost + last(ops.relu(x)))
    linear.set_weights([eigenfaces.sigma[:K, None] * eigenfaces.vectors[:K], eigenfaces.mean])
    return network


# %% [markdown]
# Each player has its own loss, and each loss goes to its own player only: that is the whole art of `gradients` below. The
# rest is `AdversarialModel` of the library. It has an Adam for each player, with little momentum, since what was downhill
# a moment ago need not be now; $R_1$ at every 16th step, 16 times as strong, to save time; and the moving average of the
# generator.


# %%
class FaceGAN(adversarial.AdversarialModel):
    """A generator and a discriminator, with the losses from above. penalty: the γ of R1."""

    def __init__(self, penalty):
        players = {"discriminator": convolutional.discriminator(32, 16), "generator": from_ghosts()}
        watched = ("discriminator", "generator", "real_right", "fake_right")
        super().__init__(players, watched, averaged=["generator"], rate=1e-3, r1=penalty)

    def gradients(self, batch):
        D, G = self.players.values()
        with tf.GradientTape(persistent=True) as tape:
            real = D(batch["face"], training=True)["logits"]
            fake = D(G(batch["z"], training=True), training=True)["logits"]
            losses = {"discriminator": -L_GAN(real, fake), "generator": L_fool(fake)}
        found = {name: self.gradient(tape, losses[name], player.trainable_variables) for name, player in self.players.items()}
        found["discriminator"] = self.penalised(found["discriminator"], batch["face"])
        right = {"real_right": tf.cast(real > 0, tf.float32), "fake_right": tf.cast(fake < 0, tf.float32)}
        return found, losses | right


# %% [markdown]
# Before any training: does it do what it should? The library has a `GAN` of its own. Given the same networks, its
# gradients must be ours.

# %%
# NBVAL_CHECK_OUTPUT
keras.utils.set_random_seed(5)
model, z = FaceGAN(penalty=0.3), gan.fixed_latents(K, 24)
D, G = model.players.values()
batch = {"face": tf.constant(test[:8]), "z": z[:8]}
print("r1 is the library's:", np.allclose(r1(D, batch["face"]), adversarial.r1(D, batch["face"]), rtol=1e-3))
pairs = zip(*(tf.nest.flatten(each.gradients(batch)[0]) for each in (model, GAN(G, D, r1=0.3))))
print("so are the gradients of all weights:", all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in pairs))

# %%
STEPS = course.pick(smoke=2, classroom=250, full=500)


def fit(model, epochs):
    """Train for epochs of STEPS steps; returns the rows of its health curves, and what 24 fixed z show after each."""
    shown = []

    def sample():
        shown.append(np.clip(model.network("generator")(z), 0, 1))
        return shown[-1]

    data = gan.batches(train, {"z": K}, seed=5, batch=32)
    with tempfile.TemporaryDirectory() as folder, tqdm(total=epochs, unit="epoch") as bar:
        watch = health.Health(folder, sample, test[:24])
        tick = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: bar.update())
        model.fit(data, epochs=epochs, steps_per_epoch=STEPS, shuffle=False, callbacks=[watch, tick], verbose=0)
        return health.read(watch.path), np.array(shown)


# %%
untrained = np.clip(G(z), 0, 1)
with_r1, shown = fit(model, course.pick(smoke=2, classroom=40, full=80))
without, _ = fit(FaceGAN(penalty=0.0), course.pick(smoke=2, classroom=8, full=16))

# %%
times = np.unique(np.geomspace(max(1, len(shown) // 10), len(shown), 4).astype(int))
run = {"with R1": with_r1, "without": without, "steps": STEPS * times}
run["shown"] = np.round(255 * np.stack([untrained, *shown[times - 1]])[:, [5, 1, 15]]).astype(np.uint8)
generator = model.network("generator")  # the averaged one
run |= {"generator": generator.get_weights(), "discriminator": D.get_weights()}
if course.mode == "smoke":
    run = learned.load("05")
generator.set_weights(run["generator"])
D.set_weights(run["discriminator"])

# %%
titles = ["ghost", *(f"{steps:,} steps" for steps in run["steps"])]
sheet = run["shown"].swapaxes(0, 1).reshape(-1, 32, 32, 3)
alt = "Three ghosts, and what becomes of each while the generator trains: halos go, hair gets a shape, edges get sharp."
small.show(sheet, titles * 3, alt=alt, columns=len(titles))

# %% [markdown]
# Each row is one $z$. First the noise in the background calms down, then hair takes a shape, and at the end there is
# somebody. No picture told the generator what this $z$ should look like.
#
# ### Health
# When an ordinary training ails, its loss says so. Here both losses are relative to the other side, and may stand still
# while the pictures improve. So we look at other things. Does the discriminator still err? Are gradients of a healthy
# size? Are drawings as unlike *each other* as faces are? A generator that draws the same for every $z$, a **collapse**,
# would show in the last.

# %%
alt = "Four panels over epochs, with and without R1: how often D is right, how diverse the drawings are, gradients, losses."
figures.picture(health.plot({name: run[name] for name in ("with R1", "without")}), alt=alt)

# %%
for name in ("with R1", "without"):
    last, ill = run[name][-1], "; ".join(health.symptoms(run[name])) or "no symptoms"
    print(f"{name}: D sees {bits_seen(-last['discriminator']):.2f} bits of 1; diversity {last['diversity']:.2f}; {ill}")

# %% [markdown]
# With $R_1$ the discriminator is right about nine times in ten. So it still errs, and what it sees in a picture comes to a
# third of a bit. The drawings are nearly as diverse as faces. Without the penalty the discriminator wins: it is always
# right, reads nearly 1 bit, and the generator's loss climbs and climbs. Whoever always hears no, whatever they draw,
# learns nothing any more. (Nothing collapsed here, because ghosts are diverse from the start. Of GANs that begin from
# nothing, three in three collapsed without the penalty, and none with it: [docs/stability.md](../docs/stability.md).)
#
# ### More than a memory?
# A generator that stored its training faces would fool any discriminator. So look for the nearest training face of each
# drawing, mirror images included, and compare with what is normal: how far is a *test* face from its nearest training
# face?


# %%
def nearest(faces):
    """The nearest training face, or mirror image of one, of each face, and how far it is (root mean square)."""
    known = np.concatenate([train, train[:, :, ::-1]]).reshape(2 * len(train), -1) / np.float32(255)
    flat = faces.reshape(len(faces), -1)
    squares = np.sum(flat**2, 1)[:, None] + np.sum(known**2, 1) - 2 * flat @ known.T
    return known[squares.argmin(1)].reshape(faces.shape), np.sqrt(squares.min(1) / flat.shape[1])


drawings = np.clip(generator(gan.fixed_latents(K, 64)), 0, 1)
known, far = nearest(drawings)
print(f"from the nearest training face: drawings {far.mean():.3f}, test faces {nearest(test)[1].mean():.3f}")

# %%
alt = "Eight drawn faces, each above the training face that is nearest to it: alike in colours, but other faces."
small.show([*drawings[8:16], *known[8:16]], ["drawn"] * 8 + ["nearest"] * 8, alt=alt, columns=8)

# %% [markdown]
# Nobody in the upper row exists, and nobody was copied: drawings are farther from all training faces than test faces are.
# (A part of that distance is what the generator still gets wrong.)
#
# And *between* two drawings? Lesson 00 went half-way between two faces and found a double exposure. Half-way between two
# $z$ there is a face:

# %%
mix = np.linspace(0, 1, 6, dtype=np.float32)[:, None]
walked = np.clip(generator((1 - mix) * z[18] + mix * z[19]), 0, 1)
blended = [(1 - t) * walked[0] + t * walked[-1] for t in mix]
alt = "From one drawn face to another in six steps: in z each step is a face; in pixels the middle is two faces at once."
small.show([*walked, *blended], ["mixed in z"] * 6 + ["mixed in pixels"] * 6, alt=alt, columns=6)

# %% [markdown]
# ## The way back
# We have a decoder that draws nothing but faces. What we lack is an encoder: which $z$ is the one for *this* face?
#
# There is none, so we search (Creswell and Bharath 2018; for compression Tolunay and Ghalayini 2018). Say that a face is
# what the generator draws plus something it cannot draw, and call that Gaussian noise of variance $v$:
# $x = G(z) + \text{noise}$. By Bayes' rule the most probable $z$ is the one of least **energy**
#
# $$E(z) = \underbrace{\frac{|x - G(z)|^2}{2 v}}_{-\log p(x \mid z)} + \underbrace{\frac{|z|^2}{2}}_{-\log p(z)} + \text{const}.$$
#
# An old friend. The first term is distortion; the second is rate, what $z$ costs in nats under its prior. It is
# $R + \lambda D$ of lesson 04, with the decoder's variance $v$ of lesson 02 as the exchange rate.
#
# **Exercise 4.**


# %%
def energy(faces, made, z, variance):
    """Energies in nats, (n,), of latents z (n, K) from which made (n, h, w, 3) was drawn, for faces (n, h, w, 3)."""
    # solution: the squared error summed over the face, over 2 v, plus half of the squared length of z
    misses = ops.sum(ops.square(faces - made), axis=(1, 2, 3))
    return misses / (2 * variance) + ops.sum(ops.square(z), axis=1) / 2
    # end solution


# %%
energy = checks.checked("05.energy", energy)

# %% [markdown]
# The generator is differentiable, so the energy is, and gradient descent can roll $z$ downhill while the weights of $G$
# stay as they are. Rolling ends in *a* valley, not always in the deepest. So we begin from several places, the same ones
# for each face: the middle of the prior, $z = 0$, and random draws.
#
# And $v$? For lesson 02 the best one was the mean squared error, here 0.005. We take 0.03, because a generator does not
# miss like noise: neighbouring pixels are wrong together, and count for fewer than they are.
#
# **Exercise 5.** Of the valleys that were found for a face, keep the deepest.


# %%
def keep_best(z, energies):
    """The z of least energy of each face, (n, K), of z (n, starts, K) with energies (n, starts)."""
    # solution: the number of the best start of each face; then index faces and starts together
    return z[np.arange(len(z)), np.argmin(energies, axis=1)]
    # end solution


# %%
keep_best = checks.checked("05.keep_best", keep_best)

# %%
STARTS, SEARCH, VARIANCE = 4, course.pick(smoke=200, classroom=400, full=400), 0.03


def invert(faces):
    """The best z of each face, (n, K), and the energies on the way, (SEARCH, n, STARTS)."""
    starts = np.random.default_rng(0).normal(size=(STARTS, K)).astype(np.float32)
    starts[0] = 0
    z, x = keras.Variable(np.tile(starts, (len(faces), 1))), np.repeat(faces, STARTS, axis=0)
    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, SEARCH), beta_2=0.99)
    adam.build([z])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            energies = energy(x, generator(z.value, training=False), z.value, VARIANCE)
        adam.apply([tape.gradient(energies, z.value)], [z])
        return energies

    path = np.array([step() for _ in range(SEARCH)]).reshape(SEARCH, len(faces), STARTS)
    return keep_best(ops.convert_to_numpy(z).reshape(len(faces), STARTS, K), path[-1]), path


# %% [markdown]
# First the easiest case there is. The generator draws a picture from a $z$ that we hide, and we search. If we fail even
# here, the search is to blame.

# %%
own = np.clip(generator(z[:4]), 0, 1)
found, path = invert(test)
quality = psnr(test, np.clip(generator(found), 0, 1))
own_quality = psnr(own, np.clip(generator(invert(own)[0]), 0, 1))
print(f"its own drawings: {own_quality.mean():.1f} dB; faces of strangers: {quality.mean():.1f} dB")

# %% [markdown]
# The search works. It finds the generator's own drawings so well that nobody can tell the pictures apart. So when a
# stranger's face comes out at far fewer decibels, it is not that we did not look well: **the generator cannot draw that
# face**. With 64 numbers it can draw what lies on a surface of 64 dimensions in a space of 3,072, and faces lie beside it.
#
# Here are the valleys of the first test face, one line for each start.

# %%
lines = {f"start {i}" + " (z = 0)" * (i == 0): path[:, 0, i] for i in range(STARTS)}
alt = "Energies of four starts over the steps of the search: all fall steeply at first, and end a little apart."
figures.curve(lines, "step", "energy in nats", log_y=True, alt=alt)

# %%
# NBVAL_CHECK_OUTPUT
inversion = Inversion.fit(generator, search=SEARCH, starts=STARTS, variance=VARIANCE)
theirs = inversion.invert(test[:2])[1]
print("the library's search ends as low as ours:", np.allclose(path[-1, :2].min(1).mean(), theirs.mean(), rtol=0.1))

# %% [markdown]
# ## Into a file
# Now $z$ must become bytes. Lesson 03 needed a price list, and got it from the latents of training faces. Here nothing
# need be measured. The prior of $z$ is no estimate. It is where the generator *got* its $z$ from: $\mathcal{N}(0,
# I)$, exactly. So an integer costs what lesson 03's formula says for $\sigma = 1$. Round all of $z$ with one step:


# %%
def price(k, step):
    """Bits of integers k for numbers from N(0, 1), rounded with a step."""
    cdf = np.vectorize(NormalDist().cdf)
    return -np.log2(np.maximum(cdf((k + 0.5) * step) - cdf((k - 0.5) * step), 1e-9))


plain = []
for step in (2.0, 1.4, 1.0, 0.7, 0.5, 0.25):
    k = np.round(found / step)
    decoded = np.clip(generator((step * k).astype(np.float32)), 0, 1)
    plain.append((16 + price(k, step).sum(1).mean(), psnr(test, decoded).mean()))  # 16: header and check
    print(f"step {step:4}: {plain[-1][0]:3.0f} bits, {plain[-1][1]:.1f} dB")

# %% [markdown]
# That is wasteful, because one step is not right for all of $z$. Some directions of $z$ change the whole face, others an
# earring. How much? With the Jacobian $J$ of the generator, a small change $\delta$ of $z$ moves the picture by
# $|J \delta|^2 \approx \delta^\top M\, \delta$, where $M = \mathbb{E}[J^\top J]$. So turn and stretch $z$ into
#
# $$y = V^\top M^{1/2} z ,$$
#
# with $V$ the directions in which $M^{1/2} z$ varies most. In $y$ a step is a step *in pixels*, and everything works as it
# did for eigenfaces: one step for all, and what is smaller than a step is not sent. `Inversion.fit` has done that.
#
# So an inverted generator is a model for `Codec` like any other: two transforms and a code. `Codec` chooses the integers (and looks for better ones,
# as in lesson 04), does the arithmetic coding, and keeps to the number of bits. The search for $z$ is the slow part, and we
# have done it; so the model answers with what *your* search found.

# %%
# NBVAL_CHECK_OUTPUT
inversion.analysis = lambda faces: found @ inversion.forward
codecs = {"eigenfaces": Codec(eigenfaces, 14), "generator": Codec(inversion, 15)}
files = codecs["generator"].encode(test, bits=96)
print("none above 12 bytes:", max(map(len, files)) <= 12, "first byte:", {f"{file[0]:02x}" for file in files})
print("they come back:", codecs["generator"].decode(files).shape[1:])
level, integers, *_ = codecs["generator"].read(files[0])
print("the code is what the prior says, to the byte:", 8 * len(files[0]) - 16 - inversion.code.bits(level, integers) < 9)

# %%
RATES, made = (48, 64, 96, 128, 256, 512), {}
for name, bits in itertools.product(codecs, RATES):
    made[name, bits] = codecs[name].decode(codecs[name].encode(test, bits=bits))
lines = {name: (RATES, [psnr(test, made[name, bits]).mean() for bits in RATES]) for name in codecs}
print("\n".join(f"{name}: {np.round(lines[name][1], 1)} dB at {RATES} bits" for name in codecs))
lines["generator, z rounded as it is"] = tuple(np.transpose(plain))
alt = "PSNR over bits: eigenfaces first and rising; the generator below, flat from 256 bits on; z rounded as it is far below."
figures.curve(lines, "bits in the file", "PSNR in dB", log_x=True, alt=alt)

# %% [markdown]
# ## The bill
# In decibels the generator loses: by one or so at 48 and at 128 bits, and by four or five at 512. (Without the turn and the
# stretch of $z$ it would lose three or four more at 128.) At 512 bits the file says quite exactly which $z$ was found, and what
# comes out is $G(z)$: the surface is a ceiling. Eigenfaces have none, since with each further latent they add a detail. And
# after all, nobody taught this generator to come near to a face that is given. It learned to draw what could be one. So
# look:

# %%
columns = [("original", test), *((f"{name}\n{bits} bits", made[name, bits]) for bits in (48, 128) for name in codecs)]
sheet, titles = zip(*((faces[i], title) for i in range(4) for title, faces in columns))
alt = "Four faces at 48 and at 128 bits: from eigenfaces soft and with halos, from the generator with edges, a scarf now a cap."
small.show(sheet, titles, alt=alt, columns=5)

# %% [markdown]
# At 48 bits eigenfaces show what they are sure of, and a blur for the rest. The generator shows somebody: hair that ends
# somewhere, a collar, a background. It is sharper, and it is *wrong*. Look at the second face: the headscarf has become a
# cap. This is the price of never showing a mean. Where the file says nothing, the generator decides.
#
# And what does the discriminator say?

# %%
def taken_for_real(faces):
    """The share of faces (n, 32, 32, 3) that the discriminator takes for real ones."""
    return f"{np.mean(np.asarray(D(np.float32(faces))['logits']) > 0):.0%}"


print("test faces:", taken_for_real(test), "drawings:", taken_for_real(drawings))
for name in codecs:
    print(f"{name}:", {bits: taken_for_real(made[name, bits]) for bits in RATES})

# %% [markdown]
# At 48 bits it takes far more of the generator's pictures for real than of the eigenfaces'. With more bits eigenfaces catch
# up, and overtake. (Of what the generator draws from random $z$ it takes far less than of what the search finds: nobody
# knows those faults better.) But beware: this is no judge of faces. All its life it has seen faces and the drawings of one
# generator, and nothing else. What it says of other pictures is a guess. (Lesson 09 asks what makes a judge.) Still, it knows
# something of faces that a squared error does not know: that a sharp edge is better than a blur, even if it is not quite
# where it should be.
#
# ### It finds *a* face
# Two more experiments, to see what kind of codec this is. Which faces did it fail on? And what if the picture is no face at
# all? We send an electric socket.

# %%
y, x = np.mgrid[:32, :32]
holes = np.minimum(np.hypot(y - 13, x - 11) - 2.5, np.hypot(y - 13, x - 20) - 2.5)
socket = np.repeat(np.where((holes < 0) | (np.hypot(y - 22, (x - 15.5) / 3) < 1.5), 0.15, 0.85)[..., None], 3, 2)
odd = np.concatenate([test[np.argsort(quality)[:4]], socket[None]]).astype(np.float32)
by_eigenfaces = codecs["eigenfaces"].decode(codecs["eigenfaces"].encode(odd, bits=128))
titles = ["original"] * 5 + ["eigenfaces"] * 5 + ["generator"] * 5
alt = "The four faces that the generator misses most, and a socket: softly from eigenfaces; from the generator, others; both see a face in the socket."
small.show([*odd, *by_eigenfaces, *np.clip(generator(invert(odd)[0]), 0, 1)], titles, alt=alt, columns=5)

# %% [markdown]
# (Eigenfaces have 128 bits here, the generator as many as it likes.) The faces that it misses most come back as somebody
# else, drawn without a doubt. Eigenfaces are blurred where they do not know; nothing in a generator's picture tells that
# it is wrong. And the socket? Both see a face in it, since a code can say only what it believes in, but the generator opens
# its eyes. That is the promise and the danger of such a codec in one: out comes a face, whatever went in.
#
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "A discriminator that is as good as can be has L_GAN = -2 ln 2. What follows?",
    [
        "It is always right.",
        "It tells nothing: drawings and faces have the same distribution.",
        "The generator has collapsed.",
        "It is always wrong.",
    ],
    answer="b",
    why="1 + L_GAN / (2 ln 2) = 0 bits about the coin. (A poor discriminator can read 0 as well; so a low reading alone is no proof.)",
)
quiz.ask(
    "Why does the generator not simply descend log(1 - D(G(z)))?",
    [
        "It has another minimum.",
        "Its slope is nearly 0 where D is sure that a picture is drawn, which is where training begins.",
        "It needs R1.",
    ],
    answer="b",
    why="It saturates. -log D(G(z)) has its steepest slope there, and the same wish.",
)
quiz.ask(
    "A GAN with L_fool and without penalty circles around its goal. What helps without changing the training?",
    [
        "To stop at the right moment.",
        "To show a moving average of the generator's weights: the centre of the circle is the goal.",
        "A larger rate.",
        "To take the generator with the least loss.",
    ],
    answer="b",
    why="In the Dirac-GAN the mean of the last points is at the goal though none of them is. A larger rate widens the circle; a loss that is relative to D says little.",
)
quiz.ask(
    "The generator's own drawings come back at many more decibels than test faces. Why?",
    [
        "Their z was known to the search.",
        "Test faces need more starts.",
        "The generator can draw the former exactly; faces of strangers do not lie on what it can draw.",
        "They have fewer colours.",
    ],
    answer="c",
    why="The search starts from the same places for both. What it cannot mend is that the best z there is draws another face.",
)
quiz.ask(
    "From 256 to 512 bits the generator's file doubles, and its picture hardly gets better. Where do the bits go?",
    [
        "Into the header.",
        "Into naming a point of the surface ever more exactly, while the face lies beside it.",
        "They are lost in rounding.",
    ],
    answer="b",
    why="Bits can bring z nearer to the best z, not G(z) nearer to a face that G cannot draw. Eigenfaces have no such ceiling: more latents, more detail.",
)

# %% [markdown]
# ## A generator that can read
# You have written what the two players of a GAN want, seen why they circle and what stops them, and turned ghosts into
# faces. You have run a generator backwards, and put what you found into files whose price list is exact.
#
# Three things are not good yet. Each face takes hundreds of passes through the generator, because there is no encoder. The
# generator never learned to draw a face that is *given*. And the search still measures nearness in pixels, where a
# sharp edge one pixel off costs more than no edge at all, although there is a network at hand that knows better.
#
# The VAE of lesson 02 had an encoder, and its decoder learned to draw what is given, but its pictures were soft. **Can the
# decoder of a VAE be the generator of a GAN, with the eye of the discriminator in place of the squared error?** That is
# lesson 06.

# %%
checks.score("05")

# %% [markdown]
# ### On your own
# - Let the generator begin from nothing: `convolutional.decoder(32, K, 16)` in place of `from_ghosts()`. How far does it get
#   in as many steps? And does it now collapse without $R_1$?
# - In the Dirac-GAN, let $\theta$ descend the loss that saturates. What becomes of the circle?
# - Set `VARIANCE` to 0.003, then to 0.3. What happens to the faces found, to the length of $z$, and to the files of 48 bits?
# - With 16 starts, how often is the first one still the best?
# - Encode the mean of two test faces. What does the generator make of it?
#
# ### Further reading
# - I. Goodfellow and others, [Generative adversarial networks](https://arxiv.org/abs/1406.2661), NeurIPS 2014: eight pages, with both losses and the proof about $D^*$.
# - L. Mescheder, A. Geiger, S. Nowozin, [Which training methods for GANs do actually converge?](https://arxiv.org/abs/1801.04406), ICML 2018: the Dirac-GAN, and $R_1$.
# - Y. Yazıcı and others, [The unusual effectiveness of averaging in GAN training](https://arxiv.org/abs/1806.04498), ICLR 2019.
# - A. Creswell, A. Bharath, [Inverting the generator of a generative adversarial network](https://arxiv.org/abs/1802.05701), IEEE TNNLS 2018: what a search finds, and what that says about the generator.
# - Z. Lipton, S. Tripathi, [Precise recovery of latent vectors from generative adversarial networks](https://arxiv.org/abs/1702.04782), 2017: own drawings always come back.
# - E. M. Tolunay, A. Ghalayini, [Generative neural network based image compression](https://cs229.stanford.edu/proj2018/report/44.pdf), CS229 project, Stanford 2018: a GAN of faces run backwards, as here.
# - S. Santurkar, D. Budden, N. Shavit, [Generative compression](https://arxiv.org/abs/1703.01467), PCS 2018; and M. Tschannen, E. Agustsson, M. Lucic, [Deep generative models for
#   distribution-preserving lossy compression](https://arxiv.org/abs/1805.11057), NeurIPS 2018: a codec that shows faces at any number of bits, down to none.
# - S. Arora, Y. Zhang, [Do GANs actually learn the distribution?](https://arxiv.org/abs/1706.08224), 2017: the birthday paradox as a test for how many faces a generator knows.
