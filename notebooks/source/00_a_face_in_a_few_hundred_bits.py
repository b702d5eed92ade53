# ---
# title: A face in a few hundred bits
# aim: Find out what a face costs in bits, see what today's picture formats make of it, and write a codec of your own
#   from one mean face, some ghosts and a rounding.
# needs: Python and NumPy arrays; what a mean, a variance and a product of matrices are. No deep learning, no GPU, no
#   photographs.
# minutes: {class: 1}
# ---

# %% tags=["setup"]

# %% [markdown]
# ## Thirty-two bytes
#
# The sentence "a face can fit into this phrase." has 32 letters, spaces and full stop included. Here is another
# message of that length.

# %%
# NBVAL_CHECK_OUTPUT
import numpy as np

import elic_tf

file = bytes.fromhex("141941f1 82ef4784 56741fdb 9252d875 4483fc07 4ce803ff c0d8791f 1256cfd2")
phrase = "a face can fit into this phrase."
print(f"the file: {len(file)} bytes = {8 * len(file)} bits; the phrase: {len(phrase.encode())} bytes")

# %%
portrait = elic_tf.Codec.of(file)  # the first byte says which codec wrote it
figures.show(portrait.decode([file]), zoom=4, alt="A smiling woman with short reddish hair, in front of something pale.")

# %% [markdown]
# This is the astronaut Eileen Collins, after a NASA portrait in the public domain. No picture of her is stored in
# this notebook or in the library: what you see was computed from those 32 bytes, and from what the decoder knows
# about faces in general. The single hairs, and much of what is between them, it has made up
# ([here](../docs/compare.png) is the original beside it), and it would not do for telling her from somebody who looks
# like her. But her smile is there, the cut of her hair, and the light on it. One of the 256 bits says outright: a
# woman.
#
# As pixels, the same picture takes 98,304 bits. **Where did the other 98,048 go?** That is the question of this
# lesson. The answer has three parts, and you will write each of them: what a face costs (entropy), what may be lost
# (distortion), and a way to spend the few bits there are (a transform, and one step for rounding). At the end you
# will have a codec of your own, and know what each byte of such a file does. The one that drew this picture grew out
# of it, and how it did is the story of the lessons that follow.

# %% [markdown]
# ## How this course works
#
# - **Run the cells from top to bottom** with Shift and Enter. The first one has told you what this machine has. Where
#   the text asks for a guess, guess before you run the next cell: it is the cheapest way to learn.
# - **Faces.** Everything runs on synthetic faces, which are computed, need no download, and have no privacy to lose.
#   With a copy of the photographs of CelebA (set `ELIC_DATA` to its folder) the same cells tell the same story with
#   other pictures.
# - **Modes.** `ELIC_MODE` sets how much is computed, never what: `class` for two CPU cores, `full` where there is a
#   GPU, `smoke` to see whether everything runs. To choose, put `import os` and `os.environ["ELIC_MODE"] = "smoke"`
#   into a cell above the first. This lesson is quick in any of them.
# - **Exercises** are functions whose last line is `raise NotImplementedError`. Replace that line, run the cell, and run
#   the check, which is in the same cell or in the next. It says what it got and what it should have got, and gives a
#   hint after each wrong try. If you skip an exercise, the lesson goes on with a function that works.
#   `checks.hint("00.entropy")` gives the next hint; the solutions are linked at the top.
# - **At the end** there is a quiz, and `checks.score("00")` shows what you have done.
#
# Three conventions hold everywhere. Faces are arrays of shape (n, 64, 64, 3) with values from 0 to 1. Rates are
# **bits per face**: the whole file, not bits per pixel. And results are on *test* faces: no person among them is also
# among the *training* faces.

# %%
train = course.faces(course.pick(smoke=400, classroom=2000, full=4000), "train")
test = course.faces(course.pick(smoke=100, classroom=200, full=200), "test")
d = test[0].size  # 64 * 64 * 3 numbers
print(f"{len(train)} training faces, {len(test)} test faces of {d:,} numbers each")
figures.show(test[:8], alt="Eight faces of the test set, women and men of several ages and skin tones.")

# %% [markdown]
# ## What a face costs
#
# A pixel has three numbers from 0 to 255, of 8 bits each. With them any picture of this size can be written in $64
# \cdot 64 \cdot 3 \cdot 8 = 98{,}304$ bits. Any picture at all: that is the waste. Nearly all of these 2⁹⁸³⁰⁴
# pictures are noise, and a code for faces should not keep names for them.
#
# For the synthetic faces we know exactly how much there is to say, because each is drawn from a *record* of 29 named
# factors. This is the record of the first synthetic test face:

# %%
# NBVAL_CHECK_OUTPUT
import textwrap

from elic_tf.faces import synthetic

record = synthetic.describe(synthetic.sample(1, seed=3)[0])
print(textwrap.fill(", ".join(f"{factor.replace('_', ' ')}: {level}" for factor, level in record.items()), 100))

# %% [markdown]
# Whoever has the renderer needs the record and nothing else. What does a record cost? Claude Shannon's answer (1948)
# begins with a price list: a symbol that comes with probability $p$ should cost
#
# $$-\log_2 p \quad\text{bits}.$$
#
# Half of the faces are women, and 1 bit says which half. What is true of one face in a thousand costs 10 bits.
# Frequent symbols get short names, rare ones long names, and no other price list is cheaper on average. That average
# is the **entropy**,
#
# $$H = -\sum_i p_i \log_2 p_i .$$
#
# ### Exercise 1: entropy
#
# Tables of frequencies come as counts. Turn them into probabilities first. A symbol that never comes costs nothing,
# because $p \log_2 p \to 0$ as $p \to 0$; NumPy does not know that.


# %%
def entropy(counts):
    """Entropy in bits per symbol of a table of counts (or of probabilities), some of which may be 0."""
    # solution: make probabilities of the counts, leave out zeros, and take -sum p log2 p
    p = np.asarray(counts, float)
    p = p[p > 0] / p.sum()
    return -np.sum(p * np.log2(p))
    # end solution


# %%
entropy = checks.checked("00.entropy", entropy)

# %%
# NBVAL_CHECK_OUTPUT
for factor in ("gender", "background", "hair_colour", "hat"):
    p = synthetic.marginal(factor)  # the probability of each level
    print(f"{factor:12} {len(p)} levels: {np.log2(len(p)):.2f} bits if equally likely, {entropy(p):.2f} as they are")

# %% [markdown]
# `hat` has five levels and costs less than a bit, because most people wear none. And there is more to save. Hair
# colour depends on skin tone and on age; whoever knows those needs to be told less about the hair. The entropy of
# everything is the sum over the factors of the entropy of each *given those it depends on* (the chain rule). For hair
# colour, by your function and by the library:

# %%
# NBVAL_CHECK_OUTPUT
skin, age = synthetic.marginal("skin"), synthetic.marginal("age")
table = synthetic.frequencies("hair_colour")  # counts, by skin tone, age and hair colour
given = sum(skin[s] * age[a] * entropy(table[s, a]) for s in range(len(skin)) for a in range(len(age)))
alone, floor = entropy(synthetic.marginal("hair_colour")), synthetic.entropy_bits()
print(f"hair colour: {alone:.2f} bits alone, {given:.2f} bits once skin and age are known")
print("the library agrees:", np.isclose(given, synthetic.conditional_entropy_bits("hair_colour")))
print(f"all 29 factors, each given those it depends on: {floor:.2f} bits")
print(f"as pixels: {8 * d:,} bits, {8 * d / floor:,.0f} times as many")

# %% [markdown]
# **51.8 bits** is the floor for synthetic faces: no code, learned or not, can keep every detail of them in less on
# average. For photographs nobody knows the floor. Between it and 98,304 lies everything this course is about.
#
# Can a price list for pixels get us down there? Count how often each of the 256 values occurs, and pay the ideal
# price for each. Guess first: how much will that save?

# %%
x_train, x_test = train.reshape(-1, d), test.reshape(-1, d)
levels = np.bincount(np.round(255 * x_train).astype(np.uint8).ravel(), minlength=256)
print(f"{entropy(levels):.2f} bits a value, {d * entropy(levels):,.0f} bits a face")

# %% [markdown]
# Next to nothing. To see why, ask what such a code *expects*. **A code is a belief**: giving something a short name
# means believing that it is likely. Let us be generous and give each of the 12,288 places its own price list. Then
# draw from the belief: each value at random from what was seen at that place, without looking at its neighbours.


# %%
def independent(columns, n, seed=0):
    """n new rows (n, m): each entry drawn from its own column of (rows, m), whatever the other entries are."""
    rows = np.random.default_rng(seed).integers(len(columns), size=(n, columns.shape[1]))
    return np.take_along_axis(columns, rows, axis=0)


snow = independent(x_train, 1).reshape(-1, 64, 64, 3)
figures.show(snow, alt="Coloured noise, in which the outline of a head can just be made out.")

# %% [markdown]
# This is what a code believes faces look like if it takes each value by itself: a head in a snowstorm. It would pay
# for a real face as dearly as for this. What it does not know is that **neighbouring pixels go together**, and that
# is where the bits are.

# %% [markdown]
# ## What today's formats do
#
# JPEG, JPEG 2000, WebP, AVIF and JPEG XL know that neighbours go together: they code small waves instead of pixels.
# BlurHash and ThumbHash were made for blurred previews of a few dozen bytes. How do they do at 256 bits?
#
# At such sizes nothing comes back exactly, so two numbers belong to every result: the rate in bits, and the
# **distortion**. The usual one is the mean squared error, on a scale of decibels:
#
# $$\mathrm{MSE} = \frac{1}{d}\sum_{j=1}^{d} (a_j - b_j)^2, \qquad
# \mathrm{PSNR} = 10 \log_{10} \frac{1^2}{\mathrm{MSE}} = -10 \log_{10} \mathrm{MSE} .$$
#
# The 1 is the largest value a pixel can have. 20 dB is an error of one tenth, 40 dB of one hundredth.
#
# ### Exercise 2: PSNR


# %%
def psnr(a, b):
    """Peak signal-to-noise ratio in dB, one number for each face; a and b: (n, h, w, 3), values in [0, 1]."""
    # solution: the mean squared error of each face (three axes), then minus ten times its log10
    mse = np.mean((a - b) ** 2, axis=(1, 2, 3))
    return -10 * np.log10(mse)
    # end solution


# %%
psnr = checks.checked("00.psnr", psnr)

# %% [markdown]
# What do decibels look like? Here is one face with three errors: everything brighter by 0.1; squares brighter and
# darker by 0.1, like a chessboard; and a sixteenth of the face wrong by 0.4. Which has the best PSNR?

# %%
# NBVAL_CHECK_OUTPUT
from elic_tf.measure import baselines, compare, distortion, judges

face = test[6:7]  # we shall follow this one
grey = 0.1 + 0.8 * face  # room for the errors, so that nothing is cut off at 0 or 1
squares = np.kron(np.indices((8, 8)).sum(0) % 2 * 0.2 - 0.1, np.ones((8, 8)))[None, :, :, None]
patch = np.pad(np.full((1, 16, 16, 1), 0.4), ((0, 0), (20, 28), (14, 34), (0, 0)))
spoilt = np.concatenate([grey + 0.1, grey + squares, np.where(grey < 0.5, grey + patch, grey - patch)])
print("PSNR in dB:", np.round(psnr(spoilt, grey), 2))
print("the library agrees:", np.allclose(psnr(spoilt, grey), distortion.psnr(spoilt, np.repeat(grey, 3, axis=0))))

# %%
figures.show(spoilt, ["brighter", "squares", "one patch"], alt="One face, paler, chequered, and with a dark patch.")

# %% [markdown]
# All three have 20 dB. PSNR counts squared differences and knows nothing of faces, so we also ask somebody who does:
# a **judge**, a gender classifier that took no part in anything here. A codec for portraits should at the very least
# not turn a woman into a man. (The judge must answer even for a grey square, and then says "woman". Lesson 09 asks
# how far a judge can be trusted.)
#
# Now the formats. Each gets its best case: *all* its settings are tried on this face, shrinking before and enlarging
# afterwards included, and the best file within 256 bits is shown. Where there is none, it is the smallest file that
# the format can make. With them come two codecs of the library: `klt`, which is the one you are about to write, and
# `portrait`, which wrote the astronaut's file. `portrait` has two decoders for the same file: *sharp*, whose picture
# you saw above, and *smooth*, which leaves blurred what the file does not say.

# %%
try:
    judge = judges.GenderJudge()
except elic_tf.errors.MissingExtraError as error:
    judge = None
    print("no judge today:", error)
for name, reason in baselines.missing().items():
    print(f"{name} is left out: {reason}")
codec = elic_tf.Codec.load("klt")
results = compare.compare(face[0], 256, codecs=[codec, portrait], judge=judge)

# %%
titles = [f"{result.name}\n{result.bits:,} bits\n{result.psnr:.1f} dB\n" for result in results[1:]]
titles = [f"original\n{8 * d:,} bits\nexact\n", *titles]
if judge:
    titles = [title + judges.word(result.p_male) for title, result in zip(titles, results)]
described = """One face as each codec has it: in 256 bits klt and smooth portrait give a soft likeness, sharp portrait
one like a photograph, ThumbHash and BlurHash a blur; the others need hundreds of bits or thousands, and show a grey
shape or nothing."""
figures.show([result.image for result in results], titles, columns=6, alt=described)

# %%
# NBVAL_CHECK_OUTPUT
photographs = {"JPEG", "JPEG 2000", "WebP", "AVIF", "JPEG XL"}
fitting = [result.name for result in results if result.name in photographs and result.bits <= 256]
print("formats for photographs with a file of at most 256 bits:", ", ".join(fitting) or "none")

# %% [markdown]
# Of `portrait`'s two decoders *smooth* has more decibels, and *sharp* looks more like a photograph. We come back to
# that.
#
# None of the five formats for photographs reaches 256 bits, at any quality. Much of what they do write says nothing
# about the face: signature, dimensions, tables, the fact that it is a picture at all. The engineers of Facebook once
# had the same trouble with previews of 200 bytes; they sent JPEG's header to everybody beforehand, inside the app ([The
# technology behind preview
# photos](https://code.facebook.com/posts/991252547593574/the-technology-behind-preview-photos/), 2015). What both ends
# know already need not be sent.
#
# **Take that seriously.** If we only ever send faces, both ends may know everything there is to know about faces in
# general. A file then says only how this one differs.

# %% [markdown]
# ## Eigenfaces
#
# What do faces have in common? First, a mean. Second, that their pixels move together: where one is brighter than
# usual, its neighbours are, and often the whole background.
#
# Write a face as a vector $x$ of $d$ = 12,288 numbers, and the differences to the mean $m$ of $n$ faces as the rows
# of a matrix $A$ of shape $(n, d)$. How the values move together is in their covariance,
#
# $$C = \tfrac{1}{n} A^\top A .$$
#
# Its eigenvectors $e_1, e_2, \dots$ of unit length are new axes, along which nothing moves together any more: the
# *latents* $y_i = \langle e_i, x - m \rangle$ are uncorrelated, and the variance of $y_i$ is the eigenvalue
# $\sigma_i^2$. Of all sets of $k$ axes, the first $k$ of these keep most of the variance. Since an eigenvector has as
# many entries as a face, it can be looked at; Lawrence Sirovich and Michael Kirby did so in 1987, and Matthew Turk
# and Alex Pentland, who recognised people by them, called them **eigenfaces** (1991).
#
# One difficulty: $C$ has 12,288² entries, 600 MB, and its eigenvectors take far too long. Turk and Pentland's trick:
# take the *small* matrix $\tfrac{1}{n} A A^\top$ of shape $(n, n)$ instead. If $v$ is an eigenvector of that one,
# then multiply by $A^\top$:
#
# $$\tfrac{1}{n} A A^\top v = \lambda v \quad\Longrightarrow\quad
# \underbrace{\tfrac{1}{n} A^\top A}_{C} \, (A^\top v) = \lambda \, (A^\top v) ,$$
#
# so $A^\top v$ is an eigenvector of $C$, with the same eigenvalue. Only its length is not 1 yet.
#
# ### Exercise 3: eigenfaces


# %%
def eigenfaces(x, k):
    """Eigenfaces of faces x (n, d), where n is much smaller than d.

    Returns the mean (d,), the first k eigenfaces as rows (k, d) of length 1, and their variances (k,), largest first.
    """
    # solution: A = x - mean; np.linalg.eigh of A Aᵀ / n gives the smallest first; rows vᵀ A, made of length 1
    mean = x.mean(axis=0)
    a = x - mean
    variances, v = np.linalg.eigh(a @ a.T / len(x))
    vectors = v[:, ::-1][:, :k].T @ a
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return mean, vectors, variances[::-1][:k]
    # end solution


# %%
eigenfaces = checks.checked("00.eigenfaces", eigenfaces)

# %%
# NBVAL_CHECK_OUTPUT
K = 300
mean, vectors, variances = eigenfaces(x_train, K)
latents = (x_train - mean) @ vectors.T
correlations = np.corrcoef(latents.T) - np.eye(K)
share = np.cumsum(variances) / x_train.var(axis=0).sum()
print("every two latents uncorrelated:", np.abs(correlations).max() < 0.01)
print("their variances are the eigenvalues:", np.allclose(latents.var(axis=0), variances, rtol=0.01))
print("50 of 12,288 axes hold four fifths of the variance:", share[49] > 0.8)

# %% [markdown]
# From pixels that all move together to latents that do not, and most of the 12,288 hardly move at all. Here are the
# mean and the first four eigenfaces, each added to the mean with plus and with minus two standard deviations. Try to
# give each a name before you read on.

# %%
ghosts = 2 * np.sqrt(variances[:4, None]) * vectors[:4]
sheet = np.concatenate([mean[None], mean + ghosts, mean[None], mean - ghosts]).reshape(-1, 64, 64, 3)
names = ["mean", *(f"+ {i}" for i in range(1, 5)), "mean", *(f"− {i}" for i in range(1, 5))]
figures.show(sheet, names, columns=5, alt="The mean face, and with four eigenfaces added or taken away: ghostly.")

# %% [markdown]
# Bright and dark pictures, pale and dark skin, much hair or little; with photographs also light from the left or from
# the right. Nobody told the eigenvectors about any of these. They are what makes the largest squared differences,
# which is not the same as what matters in a face.
#
# How many do we need? The variances fall quickly, on the faces that the eigenfaces were made from and on people never
# seen:

# %%
number, spread = np.arange(1, K + 1), np.mean(((x_test - mean) @ vectors.T) ** 2, axis=0)
total = np.sum((x_test - mean) ** 2, axis=1).mean()
held = spread.sum() / total
print(f"{K} eigenfaces hold {share[-1]:.1%} of the variance of training faces and {held:.1%} of that of test faces")
falling = {"training faces": (number, variances), "test faces": (number, spread)}
described = "Two lines fall from over 100 to 0.1 on logarithmic axes, close together; later, test faces lie lower."
figures.curve(falling, "eigenface", "variance of its latent", log_x=True, log_y=True, alt=described)

# %%
counts = [1, 4, 16, 64, K]
rebuilt = [mean + ((face.reshape(1, d) - mean) @ vectors[:k].T) @ vectors[:k] for k in counts]
rebuilt = np.clip(np.concatenate(rebuilt), 0, 1).reshape(-1, 64, 64, 3)
titles = [f"eigenfaces: {k}\n{decibels:.1f} dB" for k, decibels in zip(counts, psnr(rebuilt, face))]
described = "One test face from 1, 4, 16, 64 and 300 eigenfaces, from nearly the mean to a likeness, and the original."
figures.show(np.concatenate([rebuilt, face]), [*titles, "original"], alt=described)

# %% [markdown]
# On test faces the same eigenfaces hold less: the late ones fit peculiarities of the training faces rather than
# faces. More faces help. The library's own eigenfaces, in the codec `klt` (for Karhunen and Loève, who studied this
# expansion in general), were fitted to 8,133 photographs and their mirror images. Inside they are stored as waves,
# for compactness, but seen from outside they do what yours do. Take eight of them out as pictures and compute a
# face's latents by hand:

# %%
# NBVAL_CHECK_OUTPUT
klt = elic_tf.Codec.load("klt").model
their_number = len(klt.code.scales)  # of eigenfaces: 1,200
their_mean = klt.reconstruct(np.zeros((1, their_number)))
theirs = klt.reconstruct(np.eye(their_number)[:8]) - their_mean
by_hand = (face - their_mean).reshape(1, d) @ theirs.reshape(8, d).T
print("inner products and the library's latents agree:", np.allclose(by_hand, klt.analysis(face)[:, :8], atol=0.01))

# %%
sigma = 2.0 ** (klt.code.scales[:7, None, None, None] / 8)  # stored as logarithms, in eighths of an octave
shifted = np.concatenate([their_mean, their_mean + 2 * sigma * theirs[:7]])
described = "The mean of eight thousand photographs, a soft smiling face, and it with each of seven eigenfaces added."
figures.show(shifted, ["mean", *map(str, range(1, 8))], alt=described)

# %% [markdown]
# These are the ghosts of celebrities: means and directions, none of them anybody's photograph.
#
# What does a code believe that takes each *latent* by itself? The same experiment as with the pixels, on the new
# axes:

# %%
drawn = (mean + independent(latents, 4, seed=1) @ vectors).reshape(-1, 64, 64, 3)
figures.show(drawn, alt="Four made-up faces, ghostly and overdrawn, but with eyes, mouth and hair where they belong.")

# %% [markdown]
# Out of the snowstorm, faces. Not good ones, but the same code, with a price list for each number and no knowledge of
# how one depends on another, now expects something with eyes and a mouth. The transform has done that.

# %% [markdown]
# ## One step for all
#
# Latents are real numbers, and a file holds integers. So each latent must be rounded, and the question is how finely.
# It seems natural to spend most on the first ones. How much more?
#
# For a Gaussian number of variance $\sigma_i^2$ that may come back with mean squared error $D_i$, the least possible
# rate is $\tfrac12 \log_2 (\sigma_i^2 / D_i)$ bits: each further bit halves the error, and so quarters its square.
# Squared errors of the latents add up to the squared error of the pixels, because the axes are orthonormal. Minimise
# the sum of the rates for a given sum $D$ of the errors, and the answer is **reverse water-filling** (Cover and
# Thomas, theorem 10.3.3):
#
# $$R_i = \tfrac12 \log_2 \frac{\sigma_i^2}{D_i}, \qquad D_i = \min(\theta, \sigma_i^2), \qquad \sum_i D_i = D .$$
#
# Every latent gets the *same* error $\theta$, the water level. One whose whole variance is under water gets no bits
# at all, and comes back as the mean. The level $\theta$ is where the errors add up to $D$; there is no formula for
# it, but the sum grows with $\theta$, so halving an interval finds it.
#
# ### Exercise 4: water-filling


# %%
def water_filling(variances, distortion):
    """Bits for each latent (k,), with squared errors that add up to `distortion` (below the sum of the variances)."""
    # solution: halve [0, largest variance] to find the level; then half the log2 of variance / min(level, variance)
    low, high = 0.0, np.max(variances)
    for _ in range(60):
        level = (low + high) / 2
        if np.minimum(level, variances).sum() < distortion:
            low = level
        else:
            high = level
    return 0.5 * np.log2(variances / np.minimum(level, variances))
    # end solution


# %%
water_filling = checks.checked("00.water_filling", water_filling)

# %% [markdown]
# 20 dB is a mean squared error of 0.01, so a squared error of 0.01 · 12,288 ≈ 123 for the whole face. Some of it is
# lost beyond the 300 eigenfaces; the rest may be shared out among their latents.

# %%
from matplotlib.figure import Figure

beyond = total - spread.sum()
rates = water_filling(variances, 0.01 * d - beyond)
under = variances * 2.0 ** (-2 * rates)  # D_i, from the rates
print(f"{np.sum(rates > 0)} latents above water, {rates.sum():.0f} bits")
drawing = Figure(figsize=(6.4, 3.4), layout="constrained")
axes = drawing.add_subplot(yscale="log", xlim=(1, K), ylim=(0.05, 300), xlabel="eigenface", ylabel="variance")
axes.fill_between(number, under, variances, color="#e69f00", label="what the bits describe: ½ log₂ of the ratio")
axes.fill_between(number, 0.05, under, color="#56b4e9", label="under water: what is lost")
axes.legend(frameon=False)
figures.picture(drawing, alt="Falling variances. Below a level line all is water; what is above soon shrinks to nothing.")

# %% [markdown]
# Now the surprise. Rounding to multiples of a step $\Delta$ makes an error that lies anywhere between $-\Delta/2$ and
# $\Delta/2$, of mean square $\Delta^2 / 12$. The theorem asks for the same error in every latent. So it asks for
# **the same step for every latent**, important or not. The important ones need more bits all by themselves, since
# they span more steps; and latents under water round to 0, again and again, which costs next to nothing. The whole
# theorem has become one line: `np.round(latents / step)`.
#
# ### Exercise 5: your codec
#
# Analysis, rounding, synthesis. The decoder knows the integers $q_i = \mathrm{round}(y_i / \Delta)$ and nothing else
# of the face:
#
# $$\hat x = m + \sum_i \Delta \, q_i \, e_i .$$


# %%
def transform_code(x, mean, vectors, step):
    """Integers (n, k) for faces x (n, d), and the faces (n, d) decoded from these integers alone."""
    # solution: latents are (x - mean) @ vectors.T; symbols are latents in whole steps, as integers; then back
    symbols = np.round((x - mean) @ vectors.T / step).astype(int)
    return symbols, mean + (symbols * step) @ vectors
    # end solution


# %%
transform_code = checks.checked("00.transform_code", transform_code)

# %% [markdown]
# What do the integers cost? Each latent gets its own price list: count its integers over training faces, and pay
# $-\log_2 p$ for those of a test face. (An integer that was never seen must not be impossible, so everything is
# counted a little.) On the faces that were counted, the mean price must be the sum of your entropies. And is the
# rounding error really Δ²/12?


# %%
def ideal_bits(symbols, seen):
    """-log2 p of the integers (n, k) of each face, by tables counted on the integers `seen` in training: (n,) bits."""
    bits = np.zeros(len(symbols))
    for column, before in zip(symbols.T, seen.T):
        limit = max(np.abs(column).max(), np.abs(before).max())
        counts = np.bincount(before + limit, minlength=2 * limit + 1) + 0.1
        bits -= np.log2(counts / counts.sum())[column + limit]
    return bits


# %%
# NBVAL_CHECK_OUTPUT
seen, _ = transform_code(x_train[:400], mean, vectors, 1.0)
entropies = [entropy(np.unique(column, return_counts=True)[1]) for column in seen.T]
mean_price = ideal_bits(seen, seen).mean()
print("mean price within 1 % of the sum of entropies:", np.isclose(mean_price, sum(entropies), rtol=0.01))
print(f"rounding error of the first latents: {12 * np.mean((latents[:400, :20] - seen[:, :20]) ** 2):.1f} times 1/12")

# %% [markdown]
# One knob, the step, now trades bits for decibels. Turn it, and compare with what the theorem promises for Gaussian
# latents at the same error:

# %%
own = {}  # by step: bits and decoded faces
for step in (6, 4, 3, 2, 1.5, 1):
    seen, _ = transform_code(x_train[:500], mean, vectors, step)
    symbols, decoded = transform_code(x_test, mean, vectors, step)
    bits, error = ideal_bits(symbols, seen), np.sum((x_test - decoded) ** 2, axis=1).mean()
    own[step] = bits, np.clip(decoded, 0, 1).reshape(test.shape)
    decibels, bound = psnr(test, own[step][1]).mean(), water_filling(spread, error - beyond).sum()
    print(f"step {step:3}: {bits.mean():3.0f} bits, {decibels:.1f} dB, {np.sum(symbols != 0) / len(test):2.0f} integers"
          f" are not 0; Gaussian bound {bound:3.0f} bits")  # fmt: skip

# %% [markdown]
# Rounding each number by itself is not perfect: about a third of your bits are over the bound, most of them for
# numbers that are nearly always 0. Lessons 03 and 04 win part of that back. But look where you are, beside the
# formats of today, each with its best settings on the same few faces, and beside `klt`, whose bits are those of real
# files:

# %%
few, budgets = test[: course.pick(smoke=4, classroom=16, full=16)], (64, 128, 256, 512, 1024)
points = {"yours (ideal bits)": [(b[: len(few)].mean(), psnr(few, y[: len(few)]).mean()) for b, y in own.values()]}
points["klt (files)"] = [(bits, psnr(few, codec.decode(codec.encode(few, bits=bits))).mean()) for bits in budgets]
for name in {"WebP", "BlurHash", "ThumbHash"} & set(baselines.names()):
    best = [baselines.nearest(name, few, bits) for bits in budgets]
    points[name] = sorted({(np.mean([f.bits for f in b]), np.mean([f.psnr for f in b])) for b in best})

# %%
lines = {name: tuple(zip(*xy)) for name, xy in sorted(points.items(), reverse=True)}
described = """PSNR against bits. Your codec and klt are the two upper lines, from about 18 dB at 50 bits; BlurHash and
ThumbHash lie several dB lower, and WebP begins only near 400 bits and stays lower too."""
figures.curve(lines, "bits per face", "PSNR in dB", log_x=True, alt=described)

# %% [markdown]
# A mean, some ghosts and a rounding beat them all, by several decibels or by several times fewer bits. Not because
# the method is cleverer than WebP's, but because it *knows that it will be shown faces*. All of that knowledge is in
# `mean`, `vectors` and the price lists, which both ends have, and which cost nothing in the file. (They do cost
# something once: `klt` has 2 MB of them. For a single face that would be absurd.)
#
# Which of the two upper lines is higher depends on the faces, and for a good reason. (It is not that yours are ideal
# bits: a file takes two or three bytes more.)

# %%
step = min(own, key=lambda step: abs(own[step][0].mean() - 256))
files = codec.encode(test, bits=256)
yours = f"yours, {own[step][0].mean():.0f} bits"
pictures = {"original": test, yours: own[step][1], "klt, 256 bits": codec.decode(files)}
male = course.face_set(len(test), "test").labels["male"]
for name, images in pictures.items():
    line = f"{name:16}" + ("" if images is test else f"{psnr(test, images).mean():5.1f} dB")
    if judge:
        plain, balanced = judges.accuracy(judge.male(images), male)
        line = f"{line:25} judge right {100 * plain:.0f} % (mean over women and men {100 * balanced:.0f} %)"
    print(line)

# %%
described = "Three test faces; the same from your codec, soft but alike; and from klt, as photographs might have it."
figures.show(np.concatenate([images[4:7] for images in pictures.values()]), columns=3, alt=described)

# %% [markdown]
# `klt` has seen more faces, chooses its integers more cleverly, and wastes hardly a bit. On photographs of CelebA it
# wins. But it has never seen a drawing. On synthetic faces **yours wins**, and its pictures look like the drawings,
# while those of `klt` look like photographs of somebody who might have sat for them: it fills in what it believes
# (and `portrait`, in the comparison above, far more boldly). That is the other side of knowing faces in advance, and
# not only about drawings: whoever is unlike the people a codec was fitted to pays more, or comes back looking more
# like them.

# %% [markdown]
# ## Byte by byte
#
# Your bits are *ideal* bits: sums of prices like 0.03 or 5.7. A file has whole bytes. An **arithmetic coder** closes
# the gap: it joins all the integers into one long fraction, at a loss of a bit or two in all, and you will build it
# in lesson 03. The library's is in `elic_tf.coding`. Here is the astronaut once more, in a file of `klt`: your codec,
# with that coder behind it.

# %%
# NBVAL_CHECK_OUTPUT
from elic_tf.coding import anatomy

plain = bytes.fromhex("117b86ba c9f47dbf 1f003694 55bf6e8d 59795220 24ef2611 e33a6937 b647ef45")
print("\n".join(anatomy.anatomy(plain)))

# %% [markdown]
# The same is printed by `elic info` on the command line. Two bytes are overhead: one names format and model, one is a
# check. The *level* says which step was used, because this file may choose its own, to use its 256 bits well, and
# whether this face has more or less energy (variance) than most. The rest are latents in order of importance; the bars
# grow with how many of those sent are certain by then. Since early bytes settle the important ones, the beginning of a
# file is a face already. Below are beginnings of this file and, in the second row, of the one this lesson began with.
# (That one says the gender first.) From which byte on would you recognise her?

# %%
import warnings

from elic_tf.coding.codec import PartialWarning

warnings.simplefilter("ignore", PartialWarning)  # it would say each time that the rest is missing
both, sizes = ((codec, plain), (portrait, file)), (4, 8, 12, 16, 20, 24, 32)
beginnings = [one.decode([whole[:size]], partial=True)[0] for one, whole in both for size in sizes]
described = """The astronaut from her first 4 to 32 bytes. Above, a mean face that turns into her, blurred to the end;
below, sharp from the start, at first a stranger with long fair hair, then several others, and at last her."""
figures.show(beginnings, [f"{size} bytes" for size in sizes] * 2, columns=len(sizes), alt=described)

# %% [markdown]
# The two files are alike inside: integers, the most important first, each the share of one eigenface. The difference
# lies in what makes a picture of them. `klt` shows the mean of all the faces that would begin with these bytes: what it
# does not know, it blurs. Behind `portrait` stand networks that have seen many faces, and its sharp decoder, which is
# used unless you ask for the other, draws *one* that would fit. It is never blurred; with four bytes it already shows
# somebody, only not her. **Sharp is not the same as true**, and this course will have to measure both.
#
# Unless you ask for that, a file that is not whole is refused. So is one with a single wrong bit:

# %%
# NBVAL_CHECK_OUTPUT
flipped = file[:20] + bytes([file[20] ^ 1]) + file[21:]
try:
    portrait.decode([flipped])
except elic_tf.errors.FileError as error:
    print(f"{type(error).__name__}: {error}")

# %% [markdown]
# And this is our face in files of 8, 32 and 128 bytes. The size is a promise: never a bit more than asked for.

# %%
rows = np.concatenate([*(codec.decode(codec.encode(face, bits=bits)) for bits in budgets[::2]), face])
words = [judges.word(p) for p in judge.male(rows)] if judge else [""] * len(rows)
titles = [f"{bits:,} bits\n{word}" for bits, word in zip((*budgets[::2], 8 * d), words)]
figures.show(rows, titles, alt="One face from files of 64, 256 and 1024 bits, each clearer, and the original.")

# %%
# NBVAL_CHECK_OUTPUT
print("largest of the files of at most 256 bits:", max(8 * len(file) for file in files), "bits")

# %% [markdown]
# ## What a straight line cannot do
#
# A code is a belief, and now there is a file format, so the belief can be asked in the most direct way. Keep the
# headers of the astronaut's two files and put thirty *random* bytes behind them. Any bytes mean something. What do
# these mean?

# %%
random = np.random.default_rng(0)
noise = [random.bytes(30) for _ in range(8)]
# partial: the check byte is not looked at
nobody = [one.decode([whole[:2] + tail for tail in noise], partial=True) for one, whole in both]
described = "Faces decoded from random bytes: eight blurred ones, some like masks; below, eight like odd photographs."
figures.show(np.concatenate(nobody), columns=8, alt=described)

# %% [markdown]
# Faces nobody has, above from `klt` and below from `portrait`. Each was *named* by thirty bytes of noise. A perfect
# code for faces would turn any bytes whatever into a face that could be in the data; if some come out as masks, then
# names are wasted on masks, and real faces pay for it with longer ones. The lower row is nearer to photographs, and has
# its monsters, too.
#
# Why the masks? `klt` takes each latent by itself, and everything between latents and pixels is linear: a weighted
# sum of ghosts. What lies half-way between two faces is then not a face between them, but exactly a double exposure:

# %%
# NBVAL_CHECK_OUTPUT
a, b = klt.analysis(test[[6, 14]])
half_way = klt.reconstruct((a + b)[None] / 2)
double_exposure = klt.reconstruct(np.stack([a, b])).mean(axis=0)
print("half-way between two codes is the mean of the two pictures:", np.abs(half_way - double_exposure).max() < 1e-4)

# %%
shares = np.linspace(0, 1, 3)[:, None]
described = "One face fades into another; half-way both are there, hair over hair and mouth over mouth."
figures.show(klt.synthesis(shares * b + (1 - shares) * a), [f"{share:.0%}" for share in shares[:, 0]], alt=described)

# %% [markdown]
# Two heads of hair, half of each. Nobody looks like that, but a mean and some ghosts cannot know it: they know
# variances, and nothing of *either-or*. No other straight axes would do better, since none hold more of the variance.
# Linear is not enough.
#
# **What would a network that learns do?** One that turns a few numbers into a picture along a curved way, so that
# half-way between two faces there is a third? That is lesson 01.

# %% [markdown]
# ## What it must not be used for
#
# At a few hundred bits much of what you see is the codec's belief about faces. A decoded face is no evidence of who
# somebody is or what they look like, and must not be used to identify or to judge anybody. You have seen what the
# belief does to a drawing, and whom it shows when it knows four bytes of somebody.

# %% [markdown]
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "A factor has two levels that come in 9 and 1 of 10 faces. What does it cost on average?",
    ["1 bit", "0.9 bits", "0.47 bits", "3.3 bits"],
    answer="c",
    why="-0.9 log₂ 0.9 - 0.1 log₂ 0.1 = 0.14 + 0.33. The rare level costs 3.3 bits, but it is rare.",
)
quiz.ask(
    "Why can an eigenface codec write a face in 256 bits where JPEG cannot?",
    [
        "Its arithmetic is more exact.",
        "Both ends already know what faces have in common, so the file says only how this one differs.",
        "It shrinks the picture first.",
        "It leaves out the colours.",
    ],
    answer="b",
    why="Mean, eigenfaces and tables are at both ends. JPEG must be ready for any picture, and says much that is "
    "always the same.",
)
quiz.ask(
    "A latent has a variance below the water level. What happens to it?",
    [
        "It gets the fewest bits, but at least one.",
        "It gets no bits, and is decoded as 0.",
        "It is sent with a larger step.",
    ],
    answer="b",
    why="Its whole variance is less than the error allowed anyway. With one step for all it rounds to 0 by itself.",
)
quiz.ask(
    "You halve the step of a codec that already sends all its latents finely. What changes?",
    [
        "Twice the bits, and 3 dB more.",
        "One bit more for each latent, and about 6 dB more.",
        "One bit more for the whole face, and 6 dB more.",
    ],
    answer="b",
    why="The squared error falls to a quarter: ½ log₂ 4 = 1 bit for each latent, and 10 log₁₀ 4 = 6.02 dB.",
)
quiz.ask(
    "Somebody looks unlike everyone a codec was fitted to. At the same number of bits, their decoded face is ...",
    ["as good as anyone's.", "worse, and more like the faces it was fitted to.", "refused with an error."],
    answer="b",
    why="Short names are for what was expected. What is not in the eigenfaces cannot come back, and what is rounded "
    "away comes back as the mean.",
)

# %% [markdown]
# ## What you have done
#
# You know what a bit of a face is worth, can say how far off a picture is, and have built a codec from one mean, some
# eigenfaces and one step. Your score:

# %%
checks.score("00")

# %% [markdown]
# ### On your own
#
# - Put mirror images into `train` before you make eigenfaces. By how much does the codec improve on test faces, and
#   why? (Kirby and Sirovich did this in 1990.)
# - Decode with `symbols * step` pulled a little towards 0, say by a tenth of a step. Why could that help?
# - With your own portrait: `elic encode portrait.jpg`, `elic info portrait.elic`, `elic compare portrait.jpg` (`pip
#   install "elic_tf[photos,judge,bench]"`).
#
# ### Further reading
#
# - C. Shannon, "A mathematical theory of communication", Bell System Technical Journal 27 (1948). The price list, and
#   why it is the best.
# - M. Kirby, L. Sirovich, "Application of the Karhunen-Loève procedure for the characterization of human faces", IEEE
#   Trans. Pattern Analysis and Machine Intelligence 12 (1990). Eigenfaces for *describing* faces, with mirror images.
# - M. Turk, A. Pentland, "Eigenfaces for recognition", Journal of Cognitive Neuroscience 3 (1991). The trick with the
#   small matrix.
# - V. Goyal, "Theoretical foundations of transform coding", IEEE Signal Processing Magazine 18 (2001). Why transform,
#   round, code is a good order, and when this transform is the best one.
# - T. Cover, J. Thomas, *Elements of Information Theory*, chapters 2, 5 and 10. Entropy, codes, water-filling.
# - T. Wiegand, H. Schwarz, "Source coding: part I of fundamentals of source and video coding", Foundations and Trends
#   in Signal Processing 4 (2010). All of it, at length.
