# ---
# title: A VAE for faces, in bits
# aim: >-
#   Read the loss of a VAE as a bill in bits per face, find the one number that decides how many bits a latent is worth,
#   see what averaging a loss silently does to it, and measure collapse latent by latent.
# needs: >-
#   Eigenfaces and water-filling (lesson 00), the VAE and its reparametrisation (lesson 01). No GPU, no photographs.
# minutes: {class: 6}
# ---

# %% [markdown]
# ## What is a latent worth?
# Lesson 01 built a VAE: an encoder that gives each picture a small Gaussian cloud of latents, and a decoder that turns
# a point of that cloud back into the picture. Its latents came to some twenty bits per face, and nobody had asked for
# twenty. So it ended with a question: **how many bits is a latent worth, and which number decides it?**
#
# Counting floats does not answer it. 64 latents as `float32` are 2,048 bits, but the decoder is trained on *noisy*
# latents, so most of these digits say nothing. The answer stands in the loss, if one reads it as a bill. We
#
# 1. write both halves of the loss in bits per face: the rate, what the latents say, and the distortion, what they leave
#    unsaid,
# 2. find the number that decides between them, σ, and what averaging a loss, the most common bug of public VAEs, does
#    to it,
# 3. let σ be learned, and ask whom that serves,
# 4. train five VAEs that differ in σ alone, and place them in the rate-distortion plane,
# 5. look which latents say nothing, and whether that is a pity,
# 6. draw new faces, find them wanting, and compute how many bits are lost there.
#
# Numbers in the text are those of the synthetic faces in class mode. With photographs yours differ and tell the same
# story. In smoke mode, in which the solutions notebook was run, the networks train for a few steps only: what they show
# are heads in a fog, and their points lie far below those that the text describes.

# %% tags=["setup"]

# %% [markdown]
# ## Faces at half the size
# Each face becomes 32x32 pixels, means over squares of four. A quarter of the pixels is a quarter of the time, and five
# networks are to be trained.

# %%
# NBVAL_CHECK_OUTPUT
import logging

import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

from elic_tf.measure.distortion import psnr as psnr_of
from elic_tf.models import convolutional, vae
from elic_tf.train.callbacks import cosine
from elic_tf.train.vae import batches

logging.getLogger("tensorflow").setLevel("ERROR")  # else it warns that five models are five programs to compile


def half_size(faces):
    """Faces (n, 64, 64, 3) as (n, 32, 32, 3)."""
    return faces.reshape(-1, 32, 2, 32, 2, 3).mean(axis=(2, 4))


train = half_size(course.faces(course.pick(smoke=1000, classroom=3000, full=6000), "train"))
test = half_size(course.faces(200, "test"))
D, K = test[0].size, 64  # values of a face, latents
print(f"{D} values of a face, {K} latents")

# %% [markdown]
# ## The bill
# Two people own the same decoder and the same prior $p(z) = \mathcal{N}(0, I)$. One of them sees a face $x$. She draws
# a latent $z$ from her encoder's posterior $q(z \mid x)$ and sends it; he decodes it to $\hat{x}$. What does he still
# not know? The difference between $x$ and $\hat{x}$. If she sent that too, he would have the face exactly, and she
# would have paid
#
# $$-\mathrm{ELBO} \;=\; \underbrace{\mathrm{KL}\big(q(z \mid x)\,\|\,p(z)\big)}_{\text{rate: for the latent}}
# \;+\; \underbrace{\mathbb{E}_{q}\big[-\log_2 p(x \mid z)\big]}_{\text{distortion: for the rest}} \quad \text{bits}$$
#
# (Kingma and Welling 2014, equation 3, with logarithms to base 2). You have trained on that sum in lesson 01. We shall
# never send the rest: what is left out is what makes us *lossy*. But its price says how much is missing.
#
# ### What is left to say
# Lesson 01's dots were as vague as dots are, and nothing could be done about it. This decoder says "each value is about
# $\hat x_j$, give or take $\sigma$", with the same $\sigma$ for all $d$ values:
# $p(x \mid z) = \mathcal{N}(x;\, \hat x,\, \sigma^2 I)$. (From here on $\sigma$ belongs to the decoder. The encoder's
# cloud, which had $\mu$ and $\sigma$ in lesson 01, gets $m$ and $s$.) Take minus the logarithm:
#
# $$-\log_2 p(x \mid z) = \frac{1}{\ln 2} \left( \frac{E}{2 \sigma^2} + d \left(\ln \sigma + \tfrac12 \ln 2\pi\right) \right), \qquad
# E = \sum_{j=1}^{d} (x_j - \hat x_j)^2 .$$
#
# **Exercise 1.** It is lesson 01's price of a Gaussian, now for $d$ values with one σ: sums, no means. And keep the
# constant, although most code drops it; below we see what it is good for. The result will be trained on, and σ may be a
# tensor: `ops.log`.


# %%
def distortion(error, values, sigma):
    """-log2 of the density of each face, (n,) bits; error (n,): squared error, summed over so many values."""
    # solution: two terms in nats, the second once for each value; divided by ln 2
    nats = error / (2 * sigma**2) + values * (ops.log(sigma) + 0.5 * np.log(2 * np.pi))
    return nats / np.log(2)
    # end solution


# %%
distortion = checks.checked("02.distortion", distortion)

# %% [markdown]
# The constant is what makes this a *price list*. By lesson 00 what has probability $p$ costs $-\log_2 p$, so prices are
# honest if $2^{-\text{price}}$, summed over all that could be said, is 1. What could be said of one value are 256 grey
# levels in steps of 1/255, and a step is $\log_2 255$ bits finer than the unit in which a density is measured.

# %%
# NBVAL_CHECK_OUTPUT
grey = np.arange(256) / 255
for sigma in (0.05, 0.1):
    prices = np.asarray(distortion((grey - 0.5) ** 2, 1, sigma)) + np.log2(255)
    constant = np.asarray(distortion(np.zeros(1), 1, sigma)) + np.log2(255)
    sums = np.sum(2.0**-prices), np.sum(2.0 ** (constant - prices))
    print(f"σ = {sigma}: 2 ** -price sums to {sums[0]:.3f}; without the constant to {sums[1]:.0f}")

# %% [markdown]
# Without the constant the list promises more than anybody can keep, the more so the larger σ. With it, vagueness has a
# price too, and different σ can be compared. (A density may exceed 1, and then costs less than 0 bits. Do not be
# alarmed by a negative loss: the $d \log_2 255$ = 24,560 bits of the grey levels are not in it.)
#
# ### What a latent says
# For each latent $z_i$ the prior is $\mathcal{N}(0, 1)$ and the posterior $\mathcal{N}(m_i, s_i^2)$. In bits,
#
# $$\mathrm{KL}_i = \frac{1}{2 \ln 2} \left( m_i^2 + s_i^2 - 1 - \ln s_i^2 \right) .$$
#
# **Exercise 2.** In lesson 01 you summed it over the latents. Leave it as it is this time, one number for each of them,
# because that is where we want to look. `log_variance` is $\ln s_i^2$.


# %%
def kl(mean, log_variance):
    """KL(q(z|x) || p(z)) of each latent, (n, K) bits, for mean and log variance (n, K) of the posterior."""
    # solution: the formula, with ops.exp(log_variance) as the variance
    return 0.5 * (ops.square(mean) + ops.exp(log_variance) - 1 - log_variance) / np.log(2)
    # end solution


# %%
kl = checks.checked("02.kl", kl)

# %%
posteriors = {"as the prior": (0.0, 1.0), "four times narrower": (0.0, 0.25), "narrow, far out": (2.0, 0.1)}
z = np.linspace(-3.5, 3.5, 701)
figure = Figure(figsize=(8, 2.4), dpi=80, layout="constrained")
for axes, (name, (m, s)) in zip(figure.subplots(1, 3, sharey=True), posteriors.items()):
    axes.fill_between(z, np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), color="0.85")
    axes.plot(z, np.exp(-((z - m) ** 2) / (2 * s**2)) / (s * np.sqrt(2 * np.pi)), color=figures.COLORS[1])
    bits = float(kl(np.float32(m), np.float32(2 * np.log(s))))
    axes.set(title=f"{name}: {bits:.1f} bits", xlabel="z")
alt = "Prior and posterior of a latent: the same, 0 bits; four times narrower, 1.3 bits; narrow and far out, 5.5 bits."
figures.picture(figure, alt=alt)

# %% [markdown]
# A latent says as much as its posterior (line) differs from the prior (grey). Read the prior as a ruler and $s$ as its
# finest mark: once it is fine, every halving of $s$ is worth one bit more. What is far out is rare, and rare things
# cost more, as always. **A posterior that is the prior says nothing, for 0 bits.**
#
# ### The whole bill, line by line
# Put both into a model. The library's `VAE` brings encoder, decoder and the training step of lesson 01; we replace the
# method that says what a batch costs. (A batch brings its own noise; `spread` holds σ, fixed or learned.)


# %%
class Bill(vae.VAE):
    """A VAE that pays what you wrote."""

    def cost(self, batch, training=False):
        """Rate, distortion and their sum in bits, (n,) each, and what else is worth watching."""
        mean, log_variance = self.encoder(batch["face"], training=training)
        z = mean + ops.exp(log_variance / 2) * batch["noise"]
        error = ops.sum(ops.square(batch["face"] - self.decoder(z, training=training)), axis=(1, 2, 3))
        sigma = self.spread(error, values=D, training=training)
        parts = {"rate": ops.sum(kl(mean, log_variance), axis=1), "distortion": distortion(error, D, sigma)}
        parts["loss"] = parts["rate"] + parts["distortion"]
        return parts | {"sigma": sigma, "mse": error / D, "db": -10 * ops.log(error / D) / np.log(10)}


def networks():
    """An encoder and a decoder that know nothing yet, always the same."""
    keras.utils.set_random_seed(2)
    return convolutional.encoder(32, K, 32), convolutional.decoder(32, K, 32)


# %%
# NBVAL_CHECK_OUTPUT
noise = np.random.default_rng(2).standard_normal((len(test), K)).astype("float32")
batch = {"face": test[:16], "noise": noise[:16]}
mine, library = (model(*networks(), sigma=0.25).cost(batch) for model in (Bill, vae.VAE))
for name in ("rate", "distortion", "loss"):
    print(f"{name}: the library's is the same, for every face:", np.allclose(mine[name], library[name], rtol=1e-4))

# %% [markdown]
# ## One number decides
# In this bill nothing can be weighted: a bit is a bit. And still somebody must decide how many of them a better picture
# is worth. It is σ that does. Only $E / 2\sigma^2$ depends on the picture. With a small σ the decoder promises to be
# exact, so each error is dear and latents pay to avoid it; with a large one errors are cheap, and not worth a bit.
#
# You may know another such knob. A β-VAE trains on $\beta \cdot \mathrm{KL} + E / 2\sigma^2$. Divide by β, which
# changes no gradient's direction, and you read $\mathrm{KL} + E / 2 \sigma^2 \beta$: **β is σ over again**, a factor of
# $\sqrt\beta$.
#
# ### The most common bug
# "When I set kld_weight to 1 in my model, it could not learn how to reconstruct the images," somebody wrote to a
# well-known collection of VAEs in 2022 ([PyTorch-VAE, issue 56](https://github.com/AntixK/PyTorch-VAE/issues/56)). In
# the paper the weight *is* 1, so why does that code need 0.00025? The answer is one word. Its `mse_loss` takes the
# **mean** of the squared errors, over all values of the face, and the KL is a sum.
#
# Whoever averages does not merely rescale. They set σ, without having said so.
#
# **Exercise 3.** Somebody trains on $a \cdot E + b \cdot \mathrm{KL}$, with $E$ and KL (in nats) *summed*. Which σ is
# that? Compare with the bill, and mind that a loss and a multiple of it train the same network.


# %%
def hidden_sigma(per_error, per_nat):
    """The sigma of a VAE trained on per_error * (summed squared error) + per_nat * (summed KL in nats)."""
    # solution: divide by per_nat; then the factor of the error must be 1 / (2 sigma²)
    return np.sqrt(per_nat / (2 * per_error))
    # end solution


# %%
hidden_sigma = checks.checked("02.hidden_sigma", hidden_sigma)

# %% [markdown]
# What does such a σ do to a VAE? There is one whose best weights are known, the **linear VAE** (Lucas et al. 2019):
# encoder and decoder are matrices. Its latents become eigenfaces. With $\lambda_i$ for their variances (lesson 00's
# $\sigma_i^2$), each says
#
# $$\mathrm{KL}_i = \tfrac12 \log_2 \frac{\lambda_i}{\sigma^2} \ \text{bits if}\ \lambda_i > \sigma^2, \quad\text{and otherwise nothing.}$$
#
# You have seen that before. It is reverse water-filling, and $\sigma^2$ **is the water level**. What lies under water
# has *collapsed*: its posterior is the prior, whatever the face. No accident of training, but the cheapest bill.

# %%
flat, pixels = train[:1000].reshape(1000, -1).astype(float), test.reshape(-1, D)
average = flat.mean(axis=0)
squares, columns = np.linalg.eigh((flat - average) @ (flat - average).T / 1000)
variances, vectors = squares[: -K - 1 : -1], columns[:, : -K - 1 : -1].T @ (flat - average)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)  # the eigenfaces, (K, D), largest variance first
print("standard deviations along the eigenfaces:", np.round(np.sqrt(variances[[0, 1, 2, 3, 15, 63]]), 1))

# %%
# NBVAL_CHECK_OUTPUT
losses = {
    "sum of squares + KL": (1, 1),
    "mean of squares + KL": (1 / D, 1),
    "mean of squares + 0.00025 KL": (1 / D, 0.00025),
    "mean of squares + mean of KL": (1 / D, 1 / K),
    "sum of squares + mean of KL": (1, 1 / K),
}
for name, factors in losses.items():
    sigma = hidden_sigma(*factors)
    bits = vae.linear_rate(variances, sigma)
    speak = np.sum(bits > 0.1)
    print(f"{name:29} σ = {sigma:5.2f}: {bits.sum():3.0f} bits per face, {speak:2} of {K} latents above 0.1 bit")
print(f"PyTorch-VAE, 12,288 values:   σ = {hidden_sigma(1 / 12288, 0.00025):5.2f}, for pixels from -1 to 1")
print(f"β-VAE, β = 4 at σ = 0.35:     σ = {hidden_sigma(1 / (2 * 0.35**2), 4):5.2f}")

# %% [markdown]
# Five losses, each to be found in public code, each called "the VAE loss". One sends no bit at all, another two
# hundred. With the plain mean even the largest eigenface, with a standard deviation of 7, is under water: that is what
# the questioner of issue 56 must have seen. The 0.00025 mends it, as σ = 0.62 would have done with a name and a unit.
# (PyTorch-VAE's own faces have 12,288 values from -1 to 1. Its 1.24 is 0.62 again on our scale, which is half as long.)
#
# "You should always use reduce_sum for both MSE and KLD,"
# [answered](https://github.com/orybkin/sigma-vae-tensorflow/issues/2) the author of the method that comes next, when
# somebody asked. **Sum both, say σ, and write the bits beside it.** Then a loss means the same in every program.
#
# ## A sigma of its own
# Could σ be learned, like everything else? With the constant in place, yes: too small a σ is punished by the errors,
# too large a one by $d \ln \sigma$. Here is the bill for the rest of a test face in σ, if the receiver has the mean
# face only, and if he has 4, 16 or 64 eigenfaces exactly.

# %%
sigmas = 2.0 ** np.arange(-4.5, 0.1, 0.125)
y = (pixels - average) @ vectors.T  # latents of the test faces, (200, 64)
energy = np.sum((pixels - average) ** 2, axis=1)
errors = {f"{k} eigenfaces": energy - np.sum(y[:, :k] ** 2, axis=1) for k in (0, 4, 16, K)}
lines = {name: (sigmas, [np.mean(distortion(e, D, s)) for s in sigmas]) for name, e in errors.items()}
figure = Figure(figsize=(6.4, 3.4), dpi=80, layout="constrained")
axes = figure.add_subplot(xlabel="σ", ylabel="distortion in bits", xscale="log", ylim=(-9000, 6000))
for (name, line), color in zip(lines.items(), figures.COLORS):
    axes.plot(*line, color=color, label=name)
    axes.plot(line[0][np.argmin(line[1])], np.min(line[1]), "o", color=color)
axes.legend(frameon=False)
alt = "Distortion over σ: four curves with one minimum each, lower and further left the more eigenfaces are known."
figures.picture(figure, alt=alt)

# %% [markdown]
# **Exercise 4.** Where is the lowest point? Set the derivative by σ to zero. `error` has one number for each face of a
# batch, and there is one σ for all.


# %%
def optimal_sigma(error, values):
    """The one sigma at which the mean distortion of faces with squared errors (n,), over so many values, is least."""
    # solution: -error / sigma³ + values / sigma = 0, with the mean of the errors
    return np.sqrt(np.mean(error) / values)
    # end solution


# %%
optimal_sigma = checks.checked("02.optimal_sigma", optimal_sigma)

# %%
# NBVAL_CHECK_OUTPUT
for name, error in errors.items():
    best = optimal_sigma(error, D)
    same = np.isclose(best, vae.optimal_sigma(error, D), rtol=1e-3)
    near = abs(np.log2(best / sigmas[np.argmin(lines[name][1])])) < 0.1
    print(f"{name:13} best σ = {best:.2f}; the curve is lowest near it: {near}; the library agrees: {same}")
print(f"error 1 % less at the best σ: {D / 2 * np.log2(1 / 0.99):.1f} bits less")

# %% [markdown]
# It is the root mean squared error itself: a decoder should be as unsure as it is wrong. Rybkin, Daniilidis and Levine
# (2021) compute it anew for each batch, which takes one line and no gradient; we do the same with `sigma=None`.
#
# Now look at the last line. At its best σ a face costs $\tfrac d2 \log_2 E$ plus a constant, so one percent less
# squared error is worth 22 bits, *wherever one is*. For somebody who wants the face **exactly** that is the true price:
# a bit in the latent pays if it saves a bit of the rest. But we never send the rest. A learned σ is honest, and it
# optimises somebody else's bill. For a few hundred bits or less, **we choose σ, and by it the rate**.
#
# ## Five trainings
# The same networks, from the same start, on the same batches. Only σ differs: the one that averaging hides, three of
# our choice, and the learned one. A line appears as each of them is done, after a minute or so on two cores.

# %%
SIGMAS = {"averaged": hidden_sigma(1 / D, 1), "σ = 2": 2.0, "σ = 0.7": 0.7, "σ = 0.25": 0.25, "learned": None}
steps = course.pick(smoke=120, classroom=1500, full=6000)
models, posterior, decoded, points = {}, {}, {}, {}
print("              σ    rate  distortion     sum   PSNR")
for name, sigma in SIGMAS.items():
    model = models[name] = Bill(*networks(), sigma)
    model.compile(optimizer=keras.optimizers.Adam(cosine(2e-3, steps)), jit_compile=False)
    model.fit(batches(train, K, seed=2, augment=False), steps_per_epoch=steps, shuffle=False, verbose=0)
    mean, log_variance = posterior[name] = [np.asarray(part) for part in model.encoder(test)]
    decoded[name] = np.asarray(model.decoder(vae.reparametrise(mean, log_variance, noise)))
    rest = np.mean(distortion(np.sum((test - decoded[name]) ** 2, axis=(1, 2, 3)), D, model.sigma))
    rate, psnr = np.sum(kl(mean, log_variance), axis=1).mean(), psnr_of(test, decoded[name]).mean()
    points[name] = rate, psnr
    print(f"{name:9} {model.sigma:5.2f} {rate:7.1f} {rest:11.0f} {rate + rest:7.0f} {psnr:6.2f}")

# %%
shown = (1, 3, 4, 6, 14)
sheet = np.concatenate([test[list(shown)], *(images[list(shown)] for images in decoded.values())])
titles = ["original"] * len(shown) + [f"{points[name][0]:.0f} bits" for name in SIGMAS for _ in shown]
alt = "Five faces, and what five VAEs decode: the mean face for all at 0 bits, then blurs, then ever more of each face."
figures.show(sheet, titles, alt=alt, columns=len(shown), zoom=3)

# %% [markdown]
# How many bits is a latent worth? There they are, in the column "rate": the same networks and the same 64 latents,
# worth nothing, or a few bits, or a few hundred. In the picture, from top to bottom: the originals; the averaged loss;
# the three σ of our choice; the learned one. With the averaged loss everyone gets the same face, the mean: the least
# error that there is without a bit. Then bits come in, in the order in which they pay: skin and background first, then
# hair, then what is small. What is rare comes late, like the green scarf of the first synthetic face, and what is few
# pixels hardly at all, like the glasses of the fourth.
#
# None of these rows is better than another. They answer five questions, and each VAE ought to have the cheapest bill at
# the σ that it was trained for. (If a neighbour wins, the training was too short.)

# %%
total = {name: np.sum((test - images) ** 2, axis=(1, 2, 3)).mean() for name, images in decoded.items()}
for model in models.values():
    bills = {name: points[name][0] + float(distortion(total[name], D, model.sigma)) for name in models}
    print(f"σ = {model.sigma:5.2f}: the cheapest bill is that of the VAE with {min(bills, key=bills.get)}")

# %% [markdown]
# ## The rate-distortion plane
# A VAE is one point in a plane: bits to the right, decibels upwards. The linear VAE draws a whole curve there, as σ
# goes from large to small, and needs no training. With $r_i = \min(\sigma^2/\lambda_i, 1)$ its posterior is
# $\mathcal{N}\big(\sqrt{1 - r_i}\; y_i / \sqrt{\lambda_i},\ r_i\big)$, and its expected squared error
# $r_i^2 y_i^2 + (1 - r_i)\, \sigma^2$ in each latent; what 64 eigenfaces cannot reach comes on top.


# %%
def linear_vae(sigma):
    """Rate in bits and PSNR in dB of the best linear VAE, the means over the test faces."""
    r = np.minimum(sigma**2 / variances, 1)
    rate = np.sum(kl(np.sqrt((1 - r) / variances) * y, np.log(r) + 0 * y), axis=1)
    error = np.sum(r**2 * y**2 + (1 - r) * sigma**2, axis=1) + errors[f"{K} eigenfaces"]
    return np.mean(rate), np.mean(-10 * np.log10(error / D))


line = np.transpose([linear_vae(sigma) for sigma in 2.0 ** np.arange(3, -3.6, -0.25)])


def plane():
    """The linear VAE's curve and the five trained VAEs' points: figure and axes."""
    figure = Figure(figsize=(6.4, 3.8), dpi=80, layout="constrained")
    axes = figure.add_subplot(xlabel="rate in bits per face", ylabel="PSNR in dB")
    axes.plot(*line, color="0.5", label="linear VAE, every σ")
    for (name, point), color, marker in zip(points.items(), figures.COLORS, figures.MARKERS):
        axes.plot(*point, marker, color=color, label=f"{name} (trained)")
    axes.legend(frameon=False, loc="lower right")
    return figure, axes


figure, _ = plane()
alt = "PSNR over rate: the linear VAE is a curve rising from 0 bits; five trained VAEs are points, in order of their σ."
figures.picture(figure, alt=alt)

# %% [markdown]
# A plot of losses would never have shown this: rates and decibels can be compared with anything else that is measured
# in them. The points come in the order of their σ, from the mean face at 0 bits to the right. And the curve of the
# *straight lines* is a strong opponent. The linear VAE knows its best weights from the start; a network has to find
# them, and what it may find beyond straight lines, in the minute that each of them had. Where a point lies above the
# curve, curved ways pay: in class mode that of σ = 0.7 does, by a decibel. Where it lies below, like that of the
# learned σ (in smoke mode, like all of them), it is mostly time not yet spent.
#
# There is one more reason why it lies so far to the right. It is found at the end of this lesson.
#
# ## Latent by latent
# The rate is a sum over 64 latents. Who pays how much? Two measures are common: the KL of each latent, in the mean over
# faces, and whether it is *active*: whether the mean of its posterior moves at all from face to face, with a variance
# above 0.01 (Burda, Grosse and Salakhutdinov 2016).
#
# **Exercise 5.**


# %%
def collapse(mean, log_variance):
    """From mean and log variance (n, K) of n faces: the mean KL of each latent (K,) in bits, which are active (K,)."""
    # solution: the mean of kl over the faces; the variance of the posterior's mean over the faces, above 0.01
    return np.mean(kl(mean, log_variance), axis=0), np.var(mean, axis=0) > 0.01
    # end solution


# %%
collapse = checks.checked("02.collapse", collapse)

# %%
# NBVAL_CHECK_OUTPUT
for name in ("σ = 0.25", "learned"):
    (bits, active), (theirs, says) = collapse(*posterior[name]), vae.collapse(models[name].encoder, test)
    print("the library agrees:", np.allclose(bits, theirs, rtol=1e-3, atol=1e-4), np.array_equal(active, says))

# %%
figure = Figure(figsize=(8, 3), dpi=80, layout="constrained")
for axes, (name, sigma) in zip(figure.subplots(1, 3, sharey=True), list(SIGMAS.items())[1:4]):
    bits, active = collapse(*posterior[name])
    axes.bar(np.arange(K), np.sort(bits)[::-1], color=figures.COLORS[5], width=1, label="trained")
    axes.plot(vae.linear_rate(variances, sigma), color=figures.COLORS[1], label="linear VAE")
    axes.set(title=name, xlabel="latents, dearest first")
    print(f"{name:8} {bits.sum():5.1f} bits; {active.sum()} latents active, {np.sum(bits > 0.1)} above 0.1 bit")
axes.legend(frameon=False)
figure.axes[0].set_ylabel("bits")
alt = "Bits of 64 latents, sorted: with σ = 2 few speak, with 0.25 all do; the linear VAE's theory falls likewise."
figures.picture(figure, alt=alt)

# %% [markdown]
# The networks follow the theory of straight lines: the smaller σ, the more latents rise out of the water. But not to
# the letter. In class mode, with σ = 0.7, half as many latents say something as in the theory, together they are worth
# fewer bits, and still the faces were better: one curved latent does the work of several straight ones. (Mind the
# difference between the two measures. To be called active takes no more than 0.007 bits. Collapse is the last thing
# that a training finishes, and many of these latents are on their way down.)
#
# What stays under water says 0 bits to everybody. This is the famous **posterior collapse**, for which many a cure has
# been published. First ask whether it is an illness. A latent collapses if what it could say is not worth its bits *at
# this σ*. Then it costs nothing, does no harm, and no file will spend a bit on it; whoever wants it back lowers σ. It
# is an illness where nobody chose σ, as in an averaged loss.
#
# What do latents say? Turn one by hand, from -3 to 3, the others as they are for one face, in the VAE with σ = 0.7: the
# dearest three, and the cheapest.

# %%
bits, _ = collapse(*posterior["σ = 0.7"])
rows, values = np.argsort(-bits)[[0, 1, 2, -1]], np.linspace(-3, 3, 5)
turned = np.repeat(posterior["σ = 0.7"][0][[3]], len(rows) * len(values), axis=0)
for row, latent in enumerate(rows):
    turned[5 * row : 5 * row + 5, latent] = values
titles = [f"z = {value:+.1f}" for _ in rows for value in values]
print("from above:", ", ".join(f"{bits[latent]:.1f} bits" for latent in rows))
alt = "A face while one latent turns: the dearest ones change light, background and hair; the cheapest changes nothing."
figures.show(models["σ = 0.7"].decoder(turned), titles, alt=alt, columns=5, zoom=2)

# %% [markdown]
# ## Faces of nobody
# A code is a belief, said lesson 00, so let us ask this one: which faces does it expect? Draw $z$ from the prior, and
# decode.

# %%
draws = np.random.default_rng(3).standard_normal((6, K)).astype("float32")
three = ("σ = 0.7", "σ = 0.25", "learned")
sheet = np.concatenate([models[name].sample(draws) for name in three])
titles = [name for name in three for _ in draws]
alt = "Draws from the prior, decoded by three VAEs: soft faces where bits are few, murky patches where they are many."
figures.show(sheet, titles, alt=alt, columns=len(draws), zoom=2)

# %% [markdown]
# The better a VAE shows the faces it is given, the worse are those it makes up. Why? The decoder has only ever seen
# draws from posteriors of *faces*. All these together are the **aggregate posterior**
# $q(z) = \mathbb{E}_x\, q(z \mid x)$. Each posterior is as far from the prior as its face is worth. Are they the prior
# at least all together? Hoffman and Johnson (2016) cut the rate in two:
#
# $$\mathbb{E}_x\, \mathrm{KL}\big(q(z \mid x)\,\|\,p(z)\big) \;=\; \underbrace{I(x; z)}_{\text{what } z \text{ says about } x} \;+\; \underbrace{\mathrm{KL}\big(q(z)\,\|\,p(z)\big)}_{\text{paid for nothing}} .$$
#
# The second part is the price of a wrong belief. It is the same gap that makes samples bad: where the prior is and
# $q(z)$ is not, the decoder has never been. How much is it? $q(z)$ is a mixture of thousands of Gaussians, but its mean
# and covariance are easy, the latter by the law of total variance:
#
# $$m = \mathbb{E}_x[m(x)], \qquad S = \mathbb{E}_x\big[\mathrm{diag}\, s^2(x)\big] + \mathrm{Cov}_x[m(x)] .$$
#
# So let both people own $\mathcal{N}(m, S)$, from training faces, in place of $\mathcal{N}(0, I)$, and write the bill
# for the test faces anew:
#
# $$\mathrm{KL}\big(q(z|x)\,\|\,\mathcal{N}(m, S)\big) = \frac{1}{2 \ln 2} \left( \sum_i s_i^2\, (S^{-1})_{ii} + (m(x) - m)^\top S^{-1} (m(x) - m) - K + \ln \det S - \sum_i \ln s_i^2 \right) .$$


# %%
# NBVAL_CHECK_OUTPUT
def aggregate(mean, log_variance):
    """Mean (K,) and covariance (K, K) of the aggregate posterior of many faces, from their posteriors (n, K)."""
    return mean.mean(axis=0), np.diag(np.exp(log_variance).mean(axis=0)) + np.cov(mean.T, bias=True)


def rate_under(mean, log_variance, m, s):
    """KL in bits (n,) of posteriors (n, K) from the prior N(m, s)."""
    inverse, offset = np.linalg.inv(s), mean - m
    nats = np.exp(log_variance) @ np.diag(inverse) + np.sum(offset @ inverse * offset, axis=1) - len(m)
    return (nats + np.linalg.slogdet(s)[1] - log_variance.sum(axis=1)) / (2 * np.log(2))


mean, log_variance = posterior["σ = 0.25"]
rate, before = rate_under(mean, log_variance, np.zeros(K), np.eye(K)), np.sum(kl(mean, log_variance), axis=1)
print("with m = 0 and S = I it is the rate of before:", np.allclose(rate, before, rtol=1e-3))

# %%
own, cheaper = {}, {}
for name, model in models.items():
    parts = [model.encoder(part) for part in np.array_split(train[:1000], 4)]
    m, s = aggregate(*(np.concatenate(part) for part in zip(*parts)))
    own[name] = model.sample((m + draws @ np.linalg.cholesky(s).T).astype("float32"))
    cheaper[name] = rate_under(*posterior[name], m, s).mean()
    print(f"{name:9} {points[name][0]:6.1f} bits with the prior N(0, I), {cheaper[name]:6.1f} with N(m, S)")

# %%
figure, axes = plane()
for name, (rate, psnr) in points.items():
    axes.plot([cheaper[name], rate], [psnr, psnr], "<-", color="0.3", markevery=[0], markersize=5, zorder=0)
alt = "The rate-distortion plane again, with arrows to the left: the further right a point lies, the longer its arrow."
figures.picture(figure, alt=alt)

# %%
sheet = np.concatenate([own[name] for name in three])
alt = "Draws from Gaussians that fit the aggregate posteriors: blurred, but heads with hair, skin and background."
figures.show(sheet, titles, alt=alt, columns=len(draws), zoom=2)

# %% [markdown]
# Not a weight of a network has changed. The same decoder makes better faces from the better prior, and the same latents
# cost fewer bits (the arrows), on faces that nobody was trained on. Where the bill is small, prior and aggregate agree
# to a fraction of a bit, and the draws were faces before. Where it is large, a tenth of it and more was paid for
# nothing: what the point in the plane seemed to lack was partly not picture but *price*. And a Gaussian wins back only
# some of it; what more there is would take a better prior to tell.
#
# Remember it when you look at samples: they tell you about the prior, not about the decoder. And remember it when you
# pay: **the prior is half of the codec.** Lesson 03 will count one, lesson 04 will train one.
#
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "A latent's posterior is the prior, whatever the face. What does it cost, and what does the decoder learn from it?",
    [
        "About 2 bits, and nothing",
        "0 bits, and nothing",
        "0 bits, but the decoder needs it to make sharp faces",
        "32 bits, as it is a float",
    ],
    answer="b",
    why="KL = 0 exactly if the posterior is the prior. A draw from it is noise that has nothing to do with the face.",
)
quiz.ask(
    "You replace the sum of 3,072 squared errors by their mean, and leave the KL alone. Which change is that?",
    [
        "None, as Adam does not care about scale",
        "A learning rate 3,072 times smaller",
        "A σ about 55 times larger",
        "A σ 3,072 times larger",
    ],
    answer="c",
    why="The error's factor falls to 1/3,072, and it is 1 / (2 σ²): σ grows by the root, 55. Adam does not care about "
    "a factor of the whole loss; this one hits one half of it.",
)
quiz.ask(
    "Why does a learned σ give a higher rate than we want?",
    [
        "It is the right price for somebody who wants every value back exactly, and we want a likeness",
        "Its training has not converged",
        "The running mean lags behind",
    ],
    answer="a",
    why="It weighs the latent's bits against those of the rest, all 3,072 values of it. We never send the rest.",
)
quiz.ask(
    "After training, 40 of 64 latents have collapsed. What should you do first?",
    [
        "Anneal the weight of the KL",
        "Use a weaker decoder",
        "Ask which σ the loss stands for, and whether you want more bits than the other 24 spend",
        "Train longer",
    ],
    answer="c",
    why="If σ is what you meant, the 40 are not worth their bits, and cost none. If nobody chose σ, that is the bug.",
)
quiz.ask(
    "A VAE decodes given faces well, but draws from its prior look like fog. Which bits does that cost?",
    [
        "None: samples have nothing to do with compression",
        "KL(q(z) || p(z)), a part of the mean rate",
        "The distortion of the samples",
    ],
    answer="b",
    why="Where prior and aggregate posterior differ, samples are bad, and the prior is a wrong price list: one gap.",
)

# %% [markdown]
# ## KL is not yet a file
# How many bits is a latent worth? As many as σ says: from nothing to several, and you choose. You know what each half
# of a VAE's loss costs, where its most common bug comes from, which latents speak, and how much of the rate pays for a
# wrong prior.
#
# But count the bytes that this lesson has written. There are none. A latent is still 64 numbers with endless digits.
# The KL says that most of the digits do not matter; it does not say how to leave them out, and what it promises is to
# deliver *some* draw from the posterior, not the number that you meant. **The model says 80 bits. Where is the file?**
# That is lesson 03.

# %%
checks.score("02")

# %% [markdown]
# ### On your own
# - Train with `K = 16` and with `K = 128` at σ = 0.7. Which of rate, PSNR and number of speaking latents change? Guess
#   first.
# - Train at σ = 0.25 with the mean of the KL over latents in place of its sum. Which σ is that, and what happens to
#   rate and samples?
# - Give each colour its own σ. What would `optimal_sigma` be, and which colour gets the smallest?
# - `elic_tf.models.latent_model.LatentModel.from_networks(encoder, decoder, train)` and `elic_tf.Codec(model,
#   model.number)` write real files with your VAE. Come back after lesson 03, and compare them with its rate.
#
# ### Further reading
# - D. Kingma, M. Welling, [Auto-encoding variational Bayes](https://arxiv.org/abs/1312.6114), ICLR 2014: the loss, and
#   the KL in its appendix B.
# - A. Alemi and others, [Fixing a broken ELBO](https://arxiv.org/abs/1711.00464), ICML 2018: the rate-distortion plane,
#   and why the same ELBO can be many models.
# - O. Rybkin, K. Daniilidis, S. Levine, [Simple and effective VAE training with calibrated
#   decoders](https://arxiv.org/abs/2006.13202), ICML 2021: the learned σ.
# - J. Lucas, G. Tucker, R. Grosse, M. Norouzi, [Don't blame the ELBO! A linear VAE perspective on posterior
#   collapse](https://arxiv.org/abs/1911.02469), NeurIPS 2019.
# - Y. Burda, R. Grosse, R. Salakhutdinov, [Importance weighted autoencoders](https://arxiv.org/abs/1509.00519), ICLR
#   2016: active units, in section 5.
# - M. Hoffman, M. Johnson, [ELBO surgery](http://approximateinference.org/accepted/HoffmanJohnson2016.pdf), NIPS
#   workshop 2016: the rate cut in two.
# - B. Dai, D. Wipf, [Diagnosing and enhancing VAE models](https://arxiv.org/abs/1903.05789), ICLR 2019: a second VAE as
#   the prior of the first.
# - A. Subramanian, [PyTorch-VAE](https://github.com/AntixK/PyTorch-VAE), 2020: more than twenty VAEs on CelebA, with
#   pictures of each. Now you can say what their weights mean.
