# ---
# title: From latents to bytes
# aim: >-
#   Write the latents of a face into a file with a quantiser, integer tables and an arithmetic coder of your own, account
#   for every bit, buy the gender with one of them, and find out why a KL divergence is not yet a file.
# needs: >-
#   Eigenfaces and entropy (lesson 00), the ELBO as rate plus distortion (lesson 02). Nothing is trained; no TensorFlow,
#   no GPU.
# minutes: {class: 1}
# ---

# %% [markdown]
# ## The promise
# Lesson 02 read the loss of a VAE as a bill: so many bits of rate, so much distortion. The rate was a KL divergence,
# and it looked splendid. But not one byte was written, and so it ended with a question:
#
# **The model says 80 bits. Where is the file?**
#
# We take the simplest latents there are, eigenfaces, because nothing has to be trained and every step can be watched.
# All that follows works for the latents of any model. We
#
# 1. round latents to integers,
# 2. ask Shannon what each integer should cost, and write down the prices, as integers too,
# 3. turn all integers of a face into one number, by arithmetic coding,
# 4. read them back, and see how little it takes to break that,
# 5. choose the integers so that no bit is wasted,
# 6. put two bytes in front, and have a file,
# 7. add a symbol that the latents do not tell, the gender,
# 8. present the bill to the VAE.
#
# Rates are in bits per face. Numbers in the text are those of the synthetic faces; with photographs yours differ and
# tell the same story.

# %% tags=["setup"]

# %% [markdown]
# ## Numbers that do not end
# The latents of a face $x$ are its coordinates in $K = 128$ eigenfaces $e_i$:
#
# $$y_i = \langle e_i,\, x - \bar{x} \rangle, \qquad \hat{x} = \bar{x} + \sum_{i=1}^{K} \hat{y}_i\, e_i .$$
#
# They come from 600 training faces by Turk and Pentland's trick (lesson 00): eigenvectors of the small matrix of inner
# products of faces. The sign of an eigenvector is arbitrary, so we fix it; a file is of little use to a machine whose
# eigenfaces point the other way.

# %%
import heapq
import math
from bisect import bisect_right
from statistics import NormalDist

import numpy as np
from matplotlib.figure import Figure

from elic_tf import Codec
from elic_tf.coding import anatomy, arithmetic, container, rate, tables
from elic_tf.coding.latent_code import LatentCode

K = 128
train, test = (course.faces(n, name).reshape(-1, 12288).astype(float) for n, name in ((600, "train"), (100, "test")))
mean = train.mean(0)
_, columns = np.linalg.eigh((train - mean) @ (train - mean).T)
eigenfaces = columns[:, : -K - 1 : -1].T @ (train - mean)
eigenfaces /= np.linalg.norm(eigenfaces, axis=1, keepdims=True) * np.sign(eigenfaces.sum(1, keepdims=True))

sigma = np.sqrt(np.mean(((train - mean) @ eigenfaces.T) ** 2, axis=0))  # standard deviation of each latent
y = (test - mean) @ eigenfaces.T  # latents of the test faces, (100, 128)
outside = np.sum((test - mean) ** 2, axis=1) - np.sum(y**2, axis=1)  # squared error that 128 latents cannot reach


# %%
def synthesis(y):
    """Faces (n, 64, 64, 3) of latents (n, 128)."""
    return np.clip(mean + y @ eigenfaces, 0, 1).reshape(-1, 64, 64, 3)


def psnr(error):
    """PSNR in dB, the mean over faces, from squared errors (n,) of latents: eigenfaces are orthonormal."""
    return np.mean(-10 * np.log10((error + outside) / mean.size))


print(f"{K} latents as float32: {32 * K} bits, {psnr(0):.1f} dB; the first three of a face: {np.round(y[0, :3], 1)}")

# %% [markdown]
# 4,096 bits is sixteen times what we want to spend, and for nothing: most digits of a float only say where exactly in
# the noise we are. **Quantisation** drops them. With a step $\Delta$, the same for all latents,
#
# $$k_i = \mathrm{round}(y_i / \Delta), \qquad \hat{y}_i = \Delta\, k_i .$$
#
# Why the same step, when the first latent is nearly thirty times as large as the last? That is lesson 00's reverse
# water-filling: every latent gets the same distortion $D$, and those smaller than that get no bits. Rounding does it
# by itself, as a small latent becomes 0.

# %%
steps = (1, 2, 4, 8, 16)
sheet = [test[4].reshape(64, 64, 3), *synthesis(np.array([y[4], *(step * np.round(y[4] / step) for step in steps)]))]
titles = ["original", "not rounded", *(f"Δ = {step}: {np.count_nonzero(np.round(y[4] / step))}" for step in steps)]
alt = "A face, its 128 latents not rounded, and rounded with steps 1 to 16: ever fewer are not zero, ever less is left."
figures.show(sheet, titles, alt=alt, columns=7, zoom=2)

# %% [markdown]
# Above each face: the step, and how many of its 128 integers are not 0. The large latents, which hold the coarse light and
# dark of head and background, survive longest. We go on with $\Delta = 2$.
#
# ## What an integer should cost
# A face is now 128 small integers. How many bits is $k = -1$? Shannon's answer of 1948: it depends on how surprising
# it is. A symbol that comes with probability $P$ should cost
#
# $$L(k) = -\log_2 P(k) \ \text{bits},$$
#
# and if the $P$ are right, no code for many such symbols does better in the mean. So we need probabilities: a
# **prior**. As in the VAE, let each latent be Gaussian, with the standard deviation $\sigma_i$ seen in training. The
# integer $k$ stands for all the bin around it:
#
# $$P_i(k) = \Phi\!\left(\frac{(k + \tfrac12)\,\Delta}{\sigma_i}\right) - \Phi\!\left(\frac{(k - \tfrac12)\,\Delta}{\sigma_i}\right).$$
#
# Only the ratio $\sigma_i / \Delta$ matters. Integers beyond four standard deviations are clipped.


# %%
def prior(ratio):
    """Probabilities of the integers -limit ... limit, for a Gaussian whose standard deviation is `ratio` steps."""
    limit = math.ceil(4 * ratio) + 1
    p = np.diff([NormalDist(0, ratio).cdf(edge) for edge in np.arange(-limit, limit + 2) - 0.5])
    return p / p.sum()


step = 2
integers = np.round(y / step).astype(int)
figure = Figure(figsize=(8, 2.6), dpi=80, layout="constrained")
for axes, i in zip(figure.subplots(1, 3), (0, 9, 99)):
    p = prior(sigma[i] / step)
    axes.hist(integers[:, i], bins=np.arange(len(p) + 1) - len(p) / 2, density=True, color=figures.COLORS[5])
    axes.plot(np.arange(len(p)) - len(p) // 2, p, "o-", color=figures.COLORS[1], markersize=3)
    axes.set(title=f"latent {i + 1}: σ = {sigma[i] / step:.1f} steps", xlabel="integer")
figures.picture(figure, alt="Integers of latents 1, 10 and 100 with their priors: wide, narrow, and nearly always 0.")

# %% [markdown]
# Bars: how often the integers come on test faces. Line: the prior.
#
# ### Prices are integers
# Encoder and decoder must use the *same* probabilities. Not nearly the same: below we see what a difference in the
# fifth digit does. But $\Phi$ is floating point, and another processor, another library, another number of threads
# may round its last bit the other way. Learned codecs suffer from it: CompressAI's documentation says that encoding
# and decoding on different devices is not supported.
#
# The cure is to round probabilities **once**, to integers that are stored with the model: frequencies $f(k)$ with
#
# $$f(k) \ge 1, \qquad \sum_k f(k) = 2^{16}, \qquad P(k) = f(k) / 2^{16} .$$
#
# ### Exercise 1: prices as integers
# None may be 0, or that symbol could not be written at all; and the sum must be exact. What rounding
# leaves over, or takes too much, has to go somewhere: where does a unit more or less matter least?


# %%
def frequencies(p):
    """Round probabilities (m,) to integers (m,) that are at least 1 and sum to 2**16."""
    # solution: round down, but not below 1; then let the most probable symbol have what is left over
    f = np.maximum(1, np.floor(p * 2**16)).astype(int)
    f[np.argmax(p)] += 2**16 - f.sum()
    return f
    # end solution


# %%
frequencies = checks.checked("03.frequencies", frequencies)

# %% [markdown]
# The library keeps such tables in a `Bank`: `rows` are the frequencies of each latent, `cumulatives` their running
# sums, and `lengths` the prices $-\log_2 f(k)/2^{16}$ in bits, for value $k$ in column $k$ + largest limit. Its own
# `tables.frequencies` places the left-over units with more care. Does it pay?


# %%
# NBVAL_CHECK_OUTPUT
def bank_of(step, round_off=frequencies):
    """The tables of all latents at a step."""
    return tables.Bank.from_rows([round_off(prior(s / step)) for s in sigma])


def price(integers, bank):
    """Shannon's price of each integer (n, 128) in bits: -log2 P(k)."""
    return bank.lengths[np.arange(K), integers + bank.lengths.shape[1] // 2].astype(float)


bank = bank_of(step)
integers = np.clip(integers, -bank.limits, bank.limits)
ideal = price(integers, bank).sum(1)
theirs = price(integers, bank_of(step, tables.frequencies)).sum(1)
print("the library's tables differ by less than a tenth of a bit per face:", abs(theirs.mean() - ideal.mean()) < 0.1)

# %%
print(f"ideal: {ideal.mean():.0f} bits per face in the mean, from {ideal.min():.0f} to {ideal.max():.0f}")

# %% [markdown]
# Some faces are twice as expensive as others: the unusual ones. To a code, that is what being unusual means.
#
# ## Whole bits are too coarse
# How does one reach that price? Give every value of latent $i$ a name of equally many bits, and a face costs $\sum_i
# \lceil \log_2 (\text{number of values}) \rceil$. Huffman's code of 1952 gives frequent values shorter names, and is
# the best that gives every value a name of its own: join the two rarest, again and again, and all in them get one bit
# longer.


# %%
def huffman(f):
    """Length in bits of the Huffman code of each symbol, from frequencies (m,)."""
    lengths, heap = np.zeros(len(f), int), [(int(count), symbol, [symbol]) for symbol, count in enumerate(f)]
    heapq.heapify(heap)
    while len(heap) > 1:
        a, b = heapq.heappop(heap), heapq.heappop(heap)
        lengths[a[2] + b[2]] += 1
        heapq.heappush(heap, (a[0] + b[0], a[1], a[2] + b[2]))
    return lengths


symbols = integers + bank.limits  # 0, 1, 2, ...: places in the tables
by_huffman = np.array([np.mean(huffman(row)[symbols[:, i]]) for i, row in enumerate(bank.rows)])
by_shannon = price(integers, bank).mean(0)
fixed = sum((len(row) - 1).bit_length() for row in bank.rows)
print(f"bits per face: fixed length {fixed}, Huffman {by_huffman.sum():.0f}, Shannon {by_shannon.sum():.0f}")

# %%
lines = {"Huffman": by_huffman, "Shannon": by_shannon}
figures.curve(lines, "latent", "bits", alt="Shannon's price falls from 5 bits to a quarter; Huffman's not below 1.")

# %% [markdown]
# There is the leak. Most latents are 0 most of the time, a zero is worth a fraction of a bit, and no name is shorter
# than one bit. At 4,000 bits nobody would mind. At 150 it is a third of the file.
#
# ## One number for the whole face
# The way out: give no symbol a name. Give one to the whole face.
#
# Take the interval $[0, 1)$ and cut it into shares, one for each value of the first latent, as wide as the value is
# probable. Keep the share of the value it has. Cut that into shares for the second latent, and so on:
#
# $$\text{low} \leftarrow \text{low} + \text{width} \cdot \frac{F(k)}{2^{16}}, \qquad
# \text{width} \leftarrow \text{width} \cdot \frac{f(k)}{2^{16}}, \qquad F(k) = \sum_{j < k} f(j).$$
#
# In the end the width is $\prod_i P_i(k_i)$, the probability of the face. A number inside an interval of width $w$
# takes $-\log_2 w$ bits and a little, whatever the single symbols are worth. Five latents of the first face:

# %%
figure = Figure(figsize=(8, 3.4), dpi=80, layout="constrained")
axes = figure.add_subplot(xlim=(0, 1.35), xticks=[], yticks=[], frame_on=False)
for row, i in enumerate(range(40, 45)):
    cut, k = np.array(bank.cumulatives[i]) / 2**16, symbols[0, i]
    colors = [figures.COLORS[4] if j == k else "0.9" for j in range(len(cut) - 1)]
    bars = axes.barh([-row] * len(colors), np.diff(cut), height=0.5, left=cut[:-1], color=colors, ec="0.4", lw=0.5)
    labels = [j - bank.limits[i] if width > 0.05 else "" for j, width in enumerate(np.diff(cut))]
    axes.bar_label(bars, labels, label_type="center")
    if row < 4:
        axes.plot([cut[k], 0, np.nan, cut[k + 1], 1], -row - np.array([0.25, 0.75, 0, 0.25, 0.75]), color="0.4", lw=0.7)
    axes.text(1.02, -row, f"latent {i + 1}: {price(integers, bank)[0, 40 : i + 1].sum():.1f} bits so far", va="center")
figures.picture(figure, alt="Five bars, each the chosen part of the one above drawn larger; a 0 hardly narrows it.")

# %% [markdown]
# Shannon knew this picture. Why did it take until 1976 to become a method? Try it with floats.

# %%
low, width, i = 0.0, 1.0, 0
while low + width > low:
    start, end = bank.cumulatives[i][symbols[0, i]], bank.cumulatives[i][symbols[0, i] + 1]
    low, width, i = low + width * start / 2**16, width * (end - start) / 2**16, i + 1
print(f"after latent {i} of {K} low + width is the same as low: the interval is empty")

# %% [markdown]
# What Rissanen and, in the same year, Pasco found was how to do it with few digits at a time and little loss. The
# range coders of today descend from that. They are made for millions of symbols, and short messages like ours suffer:
# with 32-bit words, as the library constriction has them, we measured 15 to 24 bits more than ideal. Python spares us
# the trouble: its integers have as many digits as it takes. We keep the interval **exactly**,
#
# $$\left[\frac{\text{low}}{2^{\text{shift}}},\ \frac{\text{low} + \text{width}}{2^{\text{shift}}}\right) ,$$
#
# and let shift grow by 16 with each symbol, so that nothing is ever divided.
#
# ### Exercise 2: the interval step
# You get low and width as numerators over $2^{\text{shift}}$. Return them over
# $2^{\text{shift} + 16}$.


# %%
def narrow(low, width, start, frequency):
    """(low, width) of the share with F(k) = start and f(k) = frequency, over a denominator 2**16 times as large."""
    # solution: the new low is low + width * start / 2**16; write both over the larger denominator
    return low * 2**16 + width * start, width * frequency
    # end solution


# %%
narrow = checks.checked("03.narrow", narrow)

# %% [markdown]
# Now write down a number inside the interval. Read the $n$ bytes of a file as a fraction, $\text{value} / 2^{8n}$. We
# want the fewest bytes for which
#
# $$\frac{\text{low}}{2^{\text{shift}}} \ \le\ \frac{\text{value}}{2^{8n}} \ <\ \frac{\text{low} + \text{width}}{2^{\text{shift}}} .$$
#
# ### Exercise 3: the fewest bytes
# For a given $n$ the only value worth trying is the smallest that is not below low. Compare integers
# with integers: multiply, do not divide. (`-(-a // b)` is a division that rounds up.)


# %%
def shortest(low, width, shift):
    """The fewest bytes whose fraction lies in [low, low + width) / 2**shift; of those, the smallest value."""
    # solution: for n = 0, 1, 2, ... round low up to n bytes, and stop when the value is below the end
    for n in range(shift // 8 + 2):
        value = -(-low * 2 ** (8 * n) // 2**shift)
        if value * 2**shift < (low + width) * 2 ** (8 * n):
            return value.to_bytes(n, "big")
    # end solution


# %%
shortest = checks.checked("03.shortest", shortest)


# %% [markdown]
# That is an arithmetic coder. Does the library's write the same bytes? `encode` calls both, and stops if they differ.


# %%
# NBVAL_CHECK_OUTPUT
def encode(symbols, cumulatives):
    """The code (bytes) of symbols, each with its table [0, f0, f0 + f1, ..., 2**16]."""
    low, width, library = 0, 1, arithmetic.Encoder()
    for symbol, table in zip(symbols, cumulatives):
        low, width = narrow(low, width, table[symbol], table[symbol + 1] - table[symbol])
        library.put(symbol, table)
    code = shortest(low, width, 16 * len(symbols))
    assert code == library.finish(), "your coder and the library's differ"
    return code


codes = [encode(face, bank.cumulatives) for face in symbols.tolist()]
extra = np.array([8 * len(code) for code in codes]) - ideal
print(f"{extra.mean():.0f} bits over the ideal in the mean of {len(codes)} faces, never a byte:", extra.max() < 8)

# %%
print("a face:", codes[0].hex(" "))
print(f"from {extra.min():+.1f} to {extra.max():+.1f} bits over the ideal, {extra.mean():.1f} in the mean")

# %% [markdown]
# Huffman's leak is closed, and what is left over the ideal comes from whole bytes. A few codes are even *shorter* than
# Shannon's price. No miracle: where a file ends is a message too, and the file system carries that for us.
#
# ## And back
# The decoder has the fraction and the tables. It asks of each latent in turn: in whose share does the fraction lie?
# Then it narrows the interval as the encoder did, and asks again. It needs no end mark, as it knows how many latents
# there are.
#
# ### Exercise 4: the decoder
# The position of the fraction inside the interval, in units of a table, is
#
# $$\left\lfloor \frac{\text{value} / 2^{8n} \cdot 2^{\text{shift}} - \text{low}}{\text{width}} \cdot 2^{16} \right\rfloor \in \{0, \dots, 2^{16} - 1\},$$
#
# and the symbol is the last one whose $F(k)$ does not exceed it: `bisect_right(table, position) - 1`. Stay with
# integers.


# %%
def decode(code, cumulatives):
    """The symbols (list of int) of a code (bytes), given its tables [0, f0, f0 + f1, ..., 2**16]."""
    # solution: find the position of the fraction in the interval, look up the symbol, narrow the interval to its share
    value, scale = int.from_bytes(code, "big"), 2 ** (8 * len(code))
    low, width, shift, symbols = 0, 1, 0, []
    for table in cumulatives:
        position = (value * 2**shift - low * scale) * 2**16 // (width * scale)
        symbols.append(bisect_right(table, position) - 1)
        start, end = table[symbols[-1]], table[symbols[-1] + 1]
        (low, width), shift = narrow(low, width, start, end - start), shift + 16
    return symbols
    # end solution


# %%
decode = checks.checked("03.decode", decode)

# %% [markdown]
# ### One unit in 65,536
# Now the accident. Suppose that another machine rounds one table differently, that of the first latent: one unit of
# 65,536 has moved from the value 10 to the value -10. All else is the same. Guess before you run the cell: how many of
# 100 faces does that damage, and what will they look like?

# %%
# NBVAL_CHECK_OUTPUT
back = np.array([decode(code, bank.cumulatives) for code in codes]) - bank.limits
print("same tables: faces that come back integer for integer:", np.sum(np.all(back == integers, axis=1)))

# %%
broken, middle = [list(table) for table in bank.cumulatives], len(bank.rows[0]) // 2
broken[0][middle - 9 : middle + 11] = [f + 1 for f in broken[0][middle - 9 : middle + 11]]
wrong = np.array([decode(code, broken) for code in codes]) - bank.limits
damaged = np.flatnonzero(np.any(wrong != integers, axis=1))
first = np.argmax(wrong[damaged] != integers[damaged], axis=1)
print(f"one unit moved: {len(damaged)} are damaged, half of them from latent {np.median(first) + 1:.0f} or earlier")

# %%
sheet = synthesis(step * np.concatenate([integers[damaged[:4]], wrong[damaged[:4]]]))
titles = ["as sent"] * 4 + [f"wrong from {latent + 1}" for latent in first[:4]]
alt = "Four faces as sent, and below what a decoder with one wrong unit makes of them: four other, plausible faces."
figures.show(sheet, titles, alt=alt, columns=4, zoom=2)

# %% [markdown]
# At first nothing happens, as the fraction still lies in the right share. But its position is off by a little, every
# symbol magnifies that little as it magnifies the interval, and after a dozen bits the decoder reads noise. It does
# not notice. It shows **somebody else**, because noise decoded with a good prior is a sample from the prior.
#
# Hence the rule in `elic_tf`: tables are integers, they are stored with the model, and no floating-point number takes
# part in decoding a symbol.
#
# ## No bit wasted
# Rounding to the *nearest* integer is right if bits are free. A 1 where 0 is usual may cost five bits, and if
# $y = 0.51\,\Delta$ it hardly improves the face. So take the integer of least total cost,
#
# $$k_i = \arg\min_k\ \left(\frac{y_i}{\Delta} - k\right)^2 + \lambda\, L_i(k) :$$
#
# **rate-distortion optimised quantisation**. What may a bit cost? At high rates $D = \Delta^2/12$, and one bit more
# per latent halves the step, so $D \propto 2^{-2R}$ and $-\mathrm{d}D/\mathrm{d}R = 2 \ln 2 \cdot \Delta^2 / 12$. In
# squared steps that is $\lambda = (2 \ln 2)/12 \approx 0.12$, `rate.WEIGHT` in the library.
#
# ### Exercise 5: the cheapest integer
# Try every integer for every latent and take the cheapest.


# %%
def quantise(u, lengths, weight):
    """Integers (n, K) for latents u (n, K) in steps; lengths (K, 2 * L + 1): bits of -L ... L; weight: λ."""
    # solution: a cost for each face, latent and integer, (n, K, 2 * L + 1); the least one wins
    values = np.arange(lengths.shape[1]) - lengths.shape[1] // 2
    cost = (u[:, :, None] - values) ** 2 + weight * lengths
    return values[np.argmin(cost, axis=2)]
    # end solution


# %%
quantise = checks.checked("03.quantise", quantise)

# %%
# NBVAL_CHECK_OUTPUT
one_level = (np.zeros(1, int), np.zeros(1, int), np.array([2**16]), 0, np.zeros((K, 3)))  # one step, one energy
theirs = rate.quantise(LatentCode(bank, np.arange(K), *one_level), y / step, 0, np.full(len(y), rate.WEIGHT))[0]
chosen = quantise(y / step, bank.lengths, rate.WEIGHT)
print("your quantiser chooses the integers of the library:", np.array_equal(theirs, chosen))

# %%
line = np.linspace(0, 2, 2001)[:, None]
zero = [line[quantise(line, bank.lengths[[i]], rate.WEIGHT) == 0].max() for i in (0, 9, 99)]
print("becomes 0 up to this many steps:", ", ".join(f"latent {i} {v:.2f}" for i, v in zip((1, 10, 100), zero)))

# %% [markdown]
# The library's `LatentCode` holds a bank and one level or more, a level being a step and a symbol for it; we shall meet
# that again. Rounding gives ±0.50 for all. Here the bin of 0 grows the more, the rarer everything else is: the **dead
# zone** that image and video codecs have, as a consequence and not as a trick. Is it worth it? Only a curve can tell,
# rate against distortion.

# %%
nearest, by_cost = [], []
for one in (8, 5.6, 4, 2.8, 2, 1.4, 1):
    its_bank = bank_of(one)
    rounded = np.clip(np.round(y / one), -its_bank.limits, its_bank.limits).astype(int)
    for points, k in ((nearest, rounded), (by_cost, quantise(y / one, its_bank.lengths, rate.WEIGHT))):
        points.append((price(k, its_bank).sum(1).mean(), psnr(np.sum((y - one * k) ** 2, axis=1))))
nearest, by_cost = np.array(nearest).T, np.array(by_cost).T  # rows: bits, dB
for bits, quality in by_cost.T[1:6]:
    other = np.interp(quality, nearest[1], nearest[0])
    print(f"{quality:.1f} dB: {other:.0f} bits with the nearest integers, {bits:.0f} with those of least cost")

# %% [markdown]
# The library's `rate.spend` goes one step further: for each face it looks for the step and the $\lambda$ with which
# the file just fits a given number of bytes.
#
# ## The file
# A code is not a file. A reader must know which model wrote it, and notice damage. Two bytes do:
#
# | byte | holds |
# |---|---|
# | 0 | format version (4 bits), number of the model (4 bits) |
# | 1 | a check: the CRC-8 of everything else |
# | 2 ... | the code; it ends where the file ends |
#
# Sixteen bits are a tenth of our file. That is not much: by our count of their sources, CompressAI's example codec
# puts at least 27 bytes around its codes and TensorFlow Compression's `bls2017.py` at least 39, more than our whole
# face.

# %%
sent = [encode((face + bank.limits).tolist(), bank.cumulatives) for face in chosen]
files = [container.Container(15, code).pack() for code in sent]  # model 15 is nobody's: for experiments
read = np.array([decode(container.unpack(file).code, bank.cumulatives) for file in files]) - bank.limits
titles = ["original"] * 5 + [f"{len(file)} bytes" for file in files[:5]]
alt = "Five faces; below, what is decoded from files of the sizes given, about 20 bytes each."
figures.show([*test[:5].reshape(-1, 64, 64, 3), *synthesis(step * read[:5])], titles, alt=alt, columns=5, zoom=2)

# %% [markdown]
# These are files: they fit a QR code (`elic encode --qr` draws it), a magnetic stripe, the end of a URL. And if they are
# damaged there? We replace a code by noise, many times. A check of eight bits should let that through once in 256 times.

# %%
noise = [np.random.default_rng(key).bytes(len(codes[0])) for key in range(5000)]
passed = sum(container.Container(15, code).pack()[1] == files[0][1] for code in noise)
print(f"of {len(noise)} damaged files the check lets {passed} through, or 1 in {len(noise) / passed:.0f}")

# %% [markdown]
# ### Byte by byte
# No byte belongs to a latent. Yet the beginning of a code already decides something: all symbols on which the least
# continuation (zeros) and the greatest (ones) agree. As the latents are sorted by importance, a face appears while
# its bytes arrive.


# %%
sheet, titles = [], []
for n in (1, 2, 3, 5, 7, 10, 13):
    least, most = (np.array(decode(files[4][2 : 2 + n] + K * fill, bank.cumulatives)) for fill in (b"\x00", b"\xff"))
    count = np.argmax(np.append(least != most, True))
    sheet.append(synthesis(step * np.where(np.arange(K) < count, least - bank.limits, 0)[None])[0])
    titles.append(f"{8 * n} bits: {count}")
alt = "A face after 8, 16, 24, 40, 56, 80 and 104 bits of its code: a dark blur, a paler head, the lights behind it, a sharper face."
figures.show(sheet, titles, alt=alt, columns=7, zoom=2)

# %% [markdown]
# Behind the bits: how many latents they make certain. The first bytes hold a latent or two each, the last ones dozens
# of zeros.
#
# ## A symbol with a table of its own
# Look at the coarse faces above once more. Which are women, which are men? The bits that would say so are somewhere among
# those not spent, and we miss them sooner than any others. But squared error has no word for what matters to us: a latent
# is priced by its size.
#
# Nothing forces a code to consist of latents alone. A symbol may say something else, if it has a table. Such **side
# information** is what the codec `portrait` begins each file with: the gender. Its table takes women and men for equally
# frequent, and leaves 2 files in 100 for those who would rather not say. What will that cost? Your table gives the price:

# %%
# NBVAL_CHECK_OUTPUT
portrait = Codec.load("portrait")
code = portrait.model.code
for name, f, theirs in zip(portrait.sides, frequencies(np.array([0.49, 0.49, 0.02])), code.side_lengths):
    print(f"{name:7} {16 - math.log2(f):.2f} bits by your table, {theirs:.2f} by the library's")

# %% [markdown]
# One bit and a little. (Why not just one bit? The rest pays for the third possibility: what can be chosen takes its share
# from everything else, whether it is chosen or not.)
#
# `portrait` writes the gender, then the level (the step, and how busy the face is), then its latents. `elic encode`
# says what a network sees in the picture, unless it is told. We tell it, and then read the file with what you have
# written: the first two symbols, and once the level is known, all others with the tables of that level. With the
# first symbol changed, and nothing else, your coder writes a second file.

# %%
# NBVAL_CHECK_OUTPUT
pixels = test[[9]].reshape(-1, 64, 64, 3)
file = portrait.encode(pixels, bits=128, side=np.array([0]))[0]  # "woman", whoever it is
said, first_two = container.unpack(file).code, [*map(tables.cumulative, (code.side_freqs, code.level_freqs))]
side, level = decode(said, first_two)
rows = code.rows[level][code.rows[level] >= 0]  # the other latents are too small for this step
its_tables = first_two + [code.bank.cumulatives[row] for row in rows]
everything = decode(said, its_tables)
as_woman, as_man = (container.Container(4, encode([g, *everything[1:]], its_tables)).pack() for g in (0, 1))
print("first symbols:", portrait.sides[side], "and", portrait.sides[portrait.read(as_man)[-1]])
print("written again by your coder, the file is the same in each byte:", as_woman == file)

# %% [markdown]
# The codec has two decoders for such a file: a smooth one, which knows nothing of genders, and a sharp one, which draws
# what the first symbol says. (It has learned from photographs only, so a synthetic face comes back as a photograph
# would look.)

# %%
titles = [f"{name}\n{one[:5].hex(' ')} …" for name, one in zip(portrait.sides, (as_woman, as_man))]
sheet = [pixels[0], *portrait.decode([as_woman, as_man]), portrait.decode([file], decoder="smooth")[0]]
alt = "A face; decoded sharply as a woman and as a man, with the same pose, light and hair; and a blur that may be either."
figures.show(sheet, ["original\n", *titles, "smooth: not\nasked"], alt=alt)

# %% [markdown]
# Two files that differ in one symbol, and in nearly all of their bytes (see above the pictures): the first symbol says in
# which half of $[0, 1)$ all the others lie. What each byte decides is what `elic info` prints:

# %%
print("\n".join(anatomy.anatomy(file)))

# %% [markdown]
# Lesson 08 builds the sharp decoder. What was bought here is neither fewer bits nor a smaller error: one thing about the face
# reaches the decoder, however little is left of the rest, for less than a hundredth of the file. What deserves that is for
# people to decide, not for a loss. So is the table: with the frequencies of a data set in which six in ten are women, men
# would pay half a bit more than women, in every file.
#
# ## The bill goes to the VAE
# Now the question of the beginning. For a fair answer we need a VAE with the same latents whose rate is known
# exactly, and lesson 02 had one, the **linear VAE**. Its best weights are eigenfaces (Tipping and Bishop 1999, Lucas et
# al. 2019). Once more, in the letters of this lesson: $\sigma_i$ is the standard deviation of latent $i$, and the
# decoder's variance per value is $s^2$. With $r_i = \min(s^2 / \sigma_i^2,\, 1)$ its posterior is
#
# $$q(z_i \mid x) = \mathcal{N}\!\left(\sqrt{1 - r_i}\; \frac{y_i}{\sigma_i},\ r_i\right),$$
#
# and a latent with $r_i = 1$ has collapsed onto the prior. Its KL divergence in bits and its
# expected squared error are
#
# $$\mathrm{KL}_i = \frac{1}{2 \ln 2}\left((1 - r_i)\frac{y_i^2}{\sigma_i^2} + r_i - 1 - \ln r_i\right), \qquad
# D_i = r_i^2\, y_i^2 + (1 - r_i)\, s^2 .$$
#
# In the mean over training faces that is $\tfrac12 \log_2(\sigma_i^2 / s^2)$ bits and a distortion of $s^2$:
# **exactly** reverse water-filling, Shannon's rate-distortion function. This VAE promises the best that anything could
# do for Gaussian latents. (For the VAEs that lesson 02 trained nobody knows the best weights, but their KL is a promise of
# the same kind.)


# %%
# NBVAL_CHECK_OUTPUT
def linear_vae(s2, y=y):
    """KL in bits and expected squared error, each (n, 128), of the best linear VAE with decoder variance s2."""
    r = np.minimum(s2 / sigma**2, 1)
    kl = ((1 - r) * y**2 / sigma**2 + r - 1 - np.log(r)) / (2 * math.log(2))
    return kl, r**2 * y**2 + (1 - r) * s2


rate_and_error = 0.5 * np.log2(np.maximum(sigma**2 / 0.5, 1)), np.minimum(sigma**2, 0.5)  # water-filling, level 0.5
of_vae = [term.mean(0) for term in linear_vae(0.5, (train - mean) @ eigenfaces.T)]
print("KL and error of the linear VAE are those of water-filling:", np.allclose(of_vae, rate_and_error))

# %% [markdown]
# And our files?

# %%
vaes = map(linear_vae, 2.0 ** np.arange(4, -4.5, -0.5))
promised = np.array([(kl.sum(1).mean(), psnr(d.sum(1))) for kl, d in vaes]).T
lines = {"the VAE's KL": tuple(promised), "least cost": tuple(by_cost), "nearest integers": tuple(nearest)}
figures.curve(lines, "bits per face", "PSNR in dB", alt="At equal PSNR the KL is a quarter less than our codes.")

# %%
for kl in (40, 80, 160):
    quality = np.interp(kl, *promised)
    bits = np.interp(quality, by_cost[1], by_cost[0])
    print(f"{quality:.1f} dB: promised {kl} bits, ideal code {bits:.0f}, file {bits + extra.mean() + 8 * 2:.0f} bits")

# %% [markdown]
# Here is the answer: for the promised 80 bits, a file of 124. Header, check and whole bytes are 19 of these. The rest
# is the code itself, a quarter to a third more than the promise, and no better coder will help, for ours pays
# Shannon's price. Where does it go?
#
# **A KL is the price of a sample; a code length is the price of a number.** $q(z \mid x)$ is blurred. Its KL counts
# how much narrower than the prior it is, and whoever pays just that receives *some* $z$ from the blur; nobody chooses
# which. A file names one value, and pays for naming it. In rounding, the difference shows as the shape of the error:
# uniform in a bin, where a Gaussian one of the same size would be cheaper, by
#
# $$\tfrac12 \log_2 \frac{2 \pi e}{12} = 0.2546 \ \text{bits per latent}$$
#
# if the latent is much larger than the step (Gish and Pierce 1968). Our latents, by size, nearest integers at Δ = 2:

# %%
paid, d = price(integers, bank).mean(0), np.mean((y - step * integers) ** 2, axis=0)
kl = np.array([linear_vae(d[i])[0][:, i].mean() for i in range(K)])
for i, j in ((0, 8), (8, 32), (32, 64), (64, 128)):
    a, b, ratio = paid[i:j].mean(), kl[i:j].mean(), d[i:j].mean() / (step**2 / 12)
    print(f"latents {i + 1:2}-{j:3}: D = {ratio:.1f} × Δ²/12, {a:.2f} bits paid, KL {b:.2f}: {a - b:.2f} lost on each")

# %% [markdown]
# The large latents lose a quarter of a bit each, as they must. The small ones lose less, but they lose more than half
# of the little they say, and there are many of them. (Choosing by cost wins part of that back.) And where the step is
# small compared with the latent, $D$ is indeed $\Delta^2 / 12$.
#
# ## Aside: sending a sample
# Can one pay only the KL? Nearly, and the idea is delightful. Sender and receiver own the same **random numbers**, an
# endless list $z_1, z_2, \dots$ of draws from the *prior*. The sender looks for one that might as well have come from
# $q$, and sends its *place* in the list. The narrower $q$, the longer the search, and the longer the place: about KL
# bits. This is **relative entropy coding**.
#
# Taking the first that looks plausible would bend the distribution. The Poisson functional representation (Li and El
# Gamal 2018) does not: with the arrival times $T_1 < T_2 < \dots$ of a Poisson process,
#
# $$n = \arg\min_n\ T_n\, \frac{p(z_n)}{q(z_n)}$$
#
# makes $z_n$ an exact sample from $q$. Small places are likelier than large ones; we charge for $n$ the ideal bits of
# $P(n) \propto n^{-1 - 1/(\mathrm{KL} + 1.5)}$. Let $q$ be $\mathcal{N}(1, 0.1)$ in each of 1, 2, 4 and 6 latents:


# %%
def send(mu, r, key, n):
    """The place, in a list of n draws from the prior that both sides own, of a sample from N(mu, r); and that sample."""
    shared = np.random.Generator(np.random.Philox(key=key))
    z, arrival = shared.standard_normal((n, len(mu))), np.cumsum(shared.exponential(size=n))
    log_ratio = np.sum(z**2 - (z - mu) ** 2 / r - np.log(r), axis=1) / 2  # ln q(z) / p(z)
    place = np.argmin(np.log(arrival) - log_ratio)
    return place, z[place]


for d in (1, 2, 4, 6):
    kl, n = d * (0.1 - math.log(0.1)) / (2 * math.log(2)), 2**15
    places, received = zip(*(send(np.full(d, 1.0), np.full(d, 0.1), key, n) for key in range(300)))
    power = 1 + 1 / (kl + 1.5)
    bits = power * np.mean(np.log2(np.add(places, 1))) + math.log2(np.sum(np.arange(1, n + 1.0) ** -power))
    print(f"KL {kl:4.1f}: {bits:4.1f} bits; received: mean {np.mean(received):.2f}, variance {np.var(received):.2f}")

# %% [markdown]
# The sender made none of these numbers, and yet they are distributed as it wished. The receiver knows only a place, and makes
# the list anew. But see what it costs. In one piece, a KL of 80 bits takes at most $80 + \log_2 81 + 4$ bits (Li and El
# Gamal), after a search through more than $2^{80}$ draws. Cut into chunks of 10 bits it can be done, $2^{15}$ draws each,
# and every chunk pays anew for having a place: three bits for each ten. That is no less than what rounding loses, for
# ten thousand times the work. So `elic_tf` rounds, and shows you this as what it is, a beautiful idea that waits for its
# algorithm.
#
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "A latent is 0 nine times in ten. What do ten such zeros in a row cost with Huffman's code, and with arithmetic coding?",
    ["10 bits and about 1.5 bits", "10 bits and 10 bits", "about 1.5 bits both", "1 bit and 0 bits"],
    answer="a",
    why="A name has at least one bit, ten of them ten. An interval narrows by 0.9 each time: -10 log2 0.9 = 1.5 bits.",
)
quiz.ask(
    "Encoder and decoder disagree by one unit in one frequency table. What does the receiver see?",
    [
        "The right face, as the difference is far below the quantiser step",
        "An error message from the arithmetic decoder",
        "A face in which one latent is off by one",
        "Often a plausible picture of somebody else",
    ],
    answer="d",
    why="The error grows with each symbol until the decoder reads noise, and noise decoded with the prior's tables is a "
    "sample from the prior. The decoder cannot notice. (The check does not help: the file is undamaged.)",
)
quiz.ask(
    "You halve the step. What happens to the rate of a latent that is much larger than the step?",
    ["It doubles", "It grows by half a bit", "It grows by one bit", "It does not change"],
    answer="c",
    why="Twice as many bins, each half as probable: -log2 P grows by 1. The error falls by 6 dB, to a quarter.",
)
quiz.ask(
    "A VAE has a KL of 80 bits per face. What is that?",
    [
        "The size of its files, up to a bit or two",
        "About what it costs to send a sample from the posterior, with shared random numbers and a very long search",
        "The entropy of its rounded latents",
        "The least that any codec needs for such a face",
    ],
    answer="b",
    why="It is the price of a sample that nobody chose. Rounded latents cost more at the same distortion. And another "
    "model may need less: the KL is a bound for this VAE, not for faces.",
)

# %% [markdown]
# ## What the transform was never told
# The file exists, and every bit of it is accounted for. The account of the mean test face at Δ = 2:

# %%
account = {"128 latents as floats": 32 * K, "integers of fixed length": fixed, "by Huffman": by_huffman.sum()}
account |= {"Shannon's price": ideal.mean(), "by arithmetic coding, whole bytes": ideal.mean() + extra.mean()}
account |= {f"integers of least cost, {nearest[1, 4] - by_cost[1, 4]:.1f} dB less": by_cost[0, 4] + extra.mean()}
account |= {"the file, with header and check": 8 * np.mean([len(file) for file in files])}
account |= {"what the VAE promised for that quality": np.interp(by_cost[1, 4], promised[1], promised[0])}
print("\n".join(f"{bits:6,.0f} bits: {name}" for name, bits in account.items()))

# %% [markdown]
# The coder is as good as it gets; what is left to win lies before it. The eigenfaces were chosen for real numbers, the VAE
# was trained with Gaussian noise on its latents, and neither was ever told that its latents would be rounded.
#
# **What if they are told?** If rounding becomes noise and bits become a loss, transform and prior can be trained together,
# end to end. That is lesson 04.

# %%
checks.score("03")

# %% [markdown]
# ### On your own
# - Are Gaussians the right prior? Replace `prior` by a Laplace distribution of the same standard deviation, or by the
#   histogram of the training faces, and compare `price(...)` on the *test* faces.
# - Send the `klt` file of a face with its bytes reversed, or one face's code in another's file. What does `elic info` say?
# - 600 faces give 128 standard deviations. The last ones are smaller on test faces than the tables say. What does that cost?
#
# ### Further reading
# - C. E. Shannon, "A mathematical theory of communication", Bell System Technical Journal 27 (1948): the price of a symbol.
# - J. Rissanen, "Generalized Kraft inequality and arithmetic coding", IBM Journal of Research and Development 20 (1976), and
#   R. C. Pasco, "Source coding algorithms for fast data compression", thesis, Stanford (1976).
# - I. H. Witten, R. M. Neal, J. G. Cleary, "Arithmetic coding for data compression", Communications of the ACM 30 (1987): the
#   coder with few digits, in two pages of C.
# - D. A. Huffman, "A method for the construction of minimum-redundancy codes", Proceedings of the IRE 40 (1952).
# - H. Gish, J. N. Pierce, "Asymptotically efficient quantizing", IEEE Transactions on Information Theory 14 (1968): the quarter of a bit.
# - J. Ballé, N. Johnston, D. Minnen, ["Integer networks for data compression with latent-variable
#   models"](https://openreview.net/forum?id=S1zz2i0cY7), ICLR 2019: one wrong unit, and what to do if a network makes the tables.
# - J. Lucas, G. Tucker, R. Grosse, M. Norouzi, ["Don't blame the ELBO! A linear VAE perspective on posterior
#   collapse"](https://arxiv.org/abs/1911.02469), NeurIPS 2019.
# - C. T. Li, A. El Gamal, ["Strong functional representation lemma and applications to coding
#   theorems"](https://arxiv.org/abs/1701.02827), IEEE Transactions on Information Theory 64 (2018); a faster search in one dimension:
#   G. Flamich, S. Markou, J. M. Hernández-Lobato, [arXiv 2201.12857](https://arxiv.org/abs/2201.12857).
