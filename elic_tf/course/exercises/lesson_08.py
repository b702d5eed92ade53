"""Lesson 08: what a symbol draws, a discriminator that is told it, the face-region weight, who pays, near and real."""

import numpy as np

from elic_tf.course.checks import Wrong, check, expect


def _number(value):
    """An array, where the student may have given a tensor."""
    from keras import ops

    return value if value is None or isinstance(value, tuple | dict) else ops.convert_to_numpy(value)


def difference(missing, told):
    """The picture (h, w, 3) that, times told (n,), is nearest to missing (n, h, w, 3) in the squared error."""
    return np.tensordot(told, missing, axes=1) / np.sum(np.square(told))


@check(
    "08.difference",
    "The picture that a symbol draws, by least squares",
    reference=difference,
    hints=(
        "Each pixel by itself: it is a regression of what is missing there on told, without a constant.",
        "The numerator: told times missing, summed over the faces; np.tensordot(told, missing, axes=1) does that.",
        "The denominator is the sum of told squared: faces whose gender is not said (0) count neither here nor there.",
    ),
)
def _(student):
    random = np.random.default_rng(0)
    told = np.array([1, -1, -1, 0, 1, -1])
    picture = random.normal(0, 0.1, (4, 4, 3))
    missing = 0.02 + told[:, None, None, None] * picture + random.normal(0, 0.05, (6, 4, 4, 3))
    got, wanted = student(missing.copy(), told.copy()), difference(missing, told)
    total = np.tensordot(told, missing, axes=1)
    men, women = missing[told > 0].mean(0), missing[told < 0].mean(0)
    likely = {
        "the sum over the faces: divide by the sum of told squared": total,
        "divided by the number of faces; one of them was told nothing": total / 6,
        "the mean of what is missing, without told": missing.mean(0),
        "that of men minus that of women: twice too large": men - women,
        "half of what men and women differ by in the mean: with three women and two men that is not the nearest": (
            (men - women) / 2
        ),
        "of the wrong sign: told is 1 for a man": -wanted,
    }
    expect("six faces, three women, two men, one not told", got, wanted, likely=likely)
    loud = np.array([2, -2, 1])
    expect("told [2, -2, 1]", student(missing[:3].copy(), loud), difference(missing[:3], loud))


def told_logit(x, told, V):
    """The part of the logit, (n,), that told (n, k) decides (Miyato and Koyama 2018): <told V, mean of x>."""
    from keras import ops

    return ops.sum(ops.matmul(told, V) * ops.mean(x, axis=(1, 2)), axis=-1)


@check(
    "08.told_logit",
    "The part of a discriminator's logit that what it is told decides",
    reference=told_logit,
    hints=(
        "Told times V, (n, k) times (k, c), is what is expected of each channel: (n, c).",
        "The mean of x over its places, axes 1 and 2, is what is there: (n, c).",
        "Multiply the two, and sum over the channels: one number for each face.",
    ),
)
def _(student):
    from keras import ops

    random = np.random.default_rng(1)
    x = random.normal(0.3, 1, (4, 3, 3, 5)).astype("float32")
    told = np.array([[1, 0.5], [-1, 0], [0, 0], [1, -2]], "float32")
    V = random.normal(0, 1, (2, 5)).astype("float32")
    got = _number(student(*map(ops.convert_to_tensor, (x, told, V))))
    wanted, mean = ops.convert_to_numpy(told_logit(x, told, V)), x.mean((1, 2))
    likely = {
        "with the sum over the places; take the mean": 9 * wanted,
        "without what was told: every face is asked the same": mean @ V.sum(0),
        "for each channel; sum over the channels": told @ V * mean,
        "the mean over the channels; sum": wanted / 5,
        "of the largest value of each channel; take the mean": np.sum(told @ V * x.max((1, 2)), 1),
        "of all faces together; we want one number for each": wanted.sum(),
        "with a row too many: give (n,), not (n, 1)": wanted[:, None],
    }
    expect("four faces, two things told", got, wanted, tolerance=1e-4, likely=likely)


def attention(a, b, gender, gender_tilde, region):
    """w (n,): 1 - stays + 1 - keeps, without gradient; see `elic_tf.models.system.attention`."""
    from keras import ops

    lengths = ops.sqrt(ops.sum(a**2, axis=-1) * ops.sum(b**2, axis=-1)) + 1e-6
    cosines = ops.sum(a * b, axis=-1) / lengths
    stays = ops.maximum(ops.sum(region * cosines, axis=(1, 2)) / ops.sum(region), 0.0)
    keeps = ops.sum(gender * gender_tilde, axis=-1)
    return ops.stop_gradient(2 - stays - keeps)


@check(
    "08.attention",
    "The weight of an error on the face: has it moved, has it changed its gender?",
    reference=attention,
    hints=(
        "A cosine at each place: the sum of a times b over the channels, divided by the lengths of the two vectors.",
        "stays: the sum of region times cosine over the places, divided by the sum of the region; at least 0.",
        "keeps: the sum of gender times gender_tilde. Then 2 - stays - keeps, inside ops.stop_gradient.",
    ),
)
def _(student):
    import tensorflow as tf
    from keras import ops

    random = np.random.default_rng(2)
    a = random.normal(0.5, 1, (4, 4, 4, 6)).astype("float32")
    b = (a + random.normal(0, 1, a.shape)).astype("float32")
    b[2] = -a[2]  # the opposite everywhere: stays is 0
    gender = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [1, 0]], "float32")
    other = np.array([[0.7, 0.3], [0.9, 0.1], [0.5, 0.5], [1, 0]], "float32")
    region = np.outer([0.1, 1, 1, 0.5], [0, 1, 0.7, 0.2]).astype("float32")
    given = [*map(ops.convert_to_tensor, (a, b, gender, other, region))]
    got, wanted = _number(student(*given)), ops.convert_to_numpy(attention(*given))
    cosines = (a * b).sum(-1) / np.sqrt((a**2).sum(-1) * (b**2).sum(-1))
    keeps, there = (gender * other).sum(-1), (region * cosines).sum((1, 2)) / region.sum()
    stays = np.maximum(there, 0)
    likely = {
        "less where the face got lost: w is 1 - stays + 1 - keeps": stays + keeps,
        "without the least value of stays, 0": 2 - there - keeps,
        "over the whole map: weight the places by the region": 2 - np.maximum(cosines.mean((1, 2)), 0) - keeps,
        "with a sum over the region; divide by the sum of its weights": 2
        - np.maximum((region * cosines).sum((1, 2)), 0)
        - keeps,
        "divided by the number of places; divide by the sum of the region": 2
        - np.maximum((region * cosines).mean((1, 2)), 0)
        - keeps,
        "without the gender": 1 - stays,
        "without what stays": 1 - keeps,
        "the product of the two; add them": (1 - stays) * (1 - keeps),
        "with inner products; divide by the lengths of the vectors": 2
        - np.maximum((region * (a * b).sum(-1)).sum((1, 2)) / region.sum(), 0)
        - keeps,
        "with the share of equal answers; take the probabilities": 2 - stays - (gender.argmax(1) == other.argmax(1)),
    }
    expect("w of four faces", got, wanted, tolerance=1e-3, likely=likely)
    with tf.GradientTape() as tape:
        tape.watch(given[:4])
        total = ops.sum(student(*given))
    if any(slope is not None and np.any(slope) for slope in tape.gradient(total, given[:4])):
        raise Wrong("w is right, but a gradient passes through it: got a slope, should be none; ops.stop_gradient")


def losses(prices, terms, real, fake, realism):
    """What the decoder and what the discriminator descend: two tensors (n,)."""

    from elic_tf.models import adversarial

    likeness = sum(price * terms[name] for name, price in prices.items())
    return likeness + realism * adversarial.L_fool(fake), -adversarial.L_GAN(real, fake)


@check(
    "08.losses",
    "What the decoder and the discriminator descend",
    reference=losses,
    hints=(
        "Likeness is the sum of price times term over `prices`, as not every term has one; only the decoder pays it.",
        "The decoder also pays realism times L_fool(fake).",
        "The discriminator climbs L_GAN(real, fake): what it descends is minus that. Return both, decoder first.",
    ),
)
def _(student):
    from keras import ops

    from elic_tf.models import adversarial

    random = np.random.default_rng(3)
    terms = {
        name: ops.convert_to_tensor(random.uniform(1, 9, 5).astype("float32"))
        for name in ("pixels", "deep", "gender", "free")
    }
    prices = {"pixels": 0.5, "deep": 0.25, "gender": 2.0}  # "free" has no price
    real, fake = (ops.convert_to_tensor(random.normal(0, 2, 5).astype("float32")) for _ in range(2))
    got = student(dict(prices), dict(terms), real, fake, 3.0)
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise Wrong(f"got {type(got).__name__}, should be (decoder's loss, discriminator's loss)")
    decoder, discriminator = map(_number, got)
    wanted, wanted_too = map(ops.convert_to_numpy, losses(prices, terms, real, fake, 3.0))
    held = {name: ops.convert_to_numpy(value) for name, value in terms.items()}
    likeness = sum(price * held[name] for name, price in prices.items())
    fool, gan = (ops.convert_to_numpy(each) for each in (adversarial.L_fool(fake), adversarial.L_GAN(real, fake)))
    likely = {
        "the discriminator's: return the decoder's first": wanted_too,
        "without prices": sum(held[name] for name in prices) + 3 * fool,
        "without realism's price r": likeness + fool,
        "with r on likeness too": 3 * (likeness + fool),
        "with L_fool of the wrong sign: it is -log D already": likeness - 3 * fool,
        "with L_GAN in place of L_fool, the loss that saturates": likeness + 3 * gan,
        "minus L_GAN: the decoder would help the discriminator": likeness - 3 * gan,
        "likeness alone": likeness,
        "realism alone": 3 * fool,
        "the mean over the faces; we want one number for each": wanted.mean(),
    }
    expect("decoder's loss of five faces", decoder, wanted, tolerance=1e-4, likely=likely)
    likely = {
        "of the wrong sign: it climbs L_GAN, so it descends minus that": gan,
        "with likeness: the discriminator would learn to call all faces alike": likeness + wanted_too,
        "with r: that is the decoder's price": 3 * wanted_too,
        "the decoder's": wanted,
    }
    expect("discriminator's loss of five faces", discriminator, wanted_too, tolerance=1e-4, likely=likely)


def nearest_blend(x, a, b):
    """The share λ with which (1 - λ) a + λ b is nearest to x in squared error, over all faces."""
    return np.sum((x - a) * (b - a)) / np.sum((b - a) ** 2)


@check(
    "08.nearest_blend",
    "The blend of two decoders that is nearest to the truth",
    reference=nearest_blend,
    hints=(
        "The blend is a + λ (b - a), so its error is x - a - λ (b - a): its square is a parabola in λ.",
        "At the bottom of the parabola the slope is 0: the sum of (b - a) times (x - a - λ (b - a)) is 0.",
        "One λ for all faces: sum over everything, both times.",
    ),
)
def _(student):
    random = np.random.default_rng(4)
    x = random.uniform(0.2, 0.8, (5, 4, 4, 3))
    a, b = (x + random.normal(0, noise, x.shape) for noise in (0.05, 0.1))
    b[0] += 0.3  # so that a mean of the shares of single faces is another number
    wanted, way = nearest_blend(x, a, b), b - a
    each = np.sum((x - a) * way, (1, 2, 3)) / np.sum(way**2, (1, 2, 3))
    likely = {
        "of b: λ is the share of b, the sharp one": 1 - wanted,
        "of the wrong sign": -wanted,
        "one for each face; we want one for all": each,
        "the mean of those of single faces; sum over all faces before you divide": each.mean(),
        "the mean of those of single pixels; sum over everything before you divide": np.mean((x - a) / way),
        "with a length in the denominator; it takes the squared length": np.sum((x - a) * way)
        / np.sqrt(np.sum(way**2)),
        "divided by what is missing; divide by the square of the way from a to b": np.sum((x - a) * way)
        / np.sum((x - a) ** 2),
    }
    expect("λ of five faces", student(x.copy(), a.copy(), b.copy()), wanted, likely=likely)
    expect("λ where x is half-way", student((a + b) / 2, a.copy(), b.copy()), 0.5)
