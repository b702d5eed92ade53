"""Lesson 02: distortion and rate of a VAE in bits, the sigma that hides in a loss, the best sigma, and collapse.

Distortion and rate are written with `keras.ops`, because a VAE is trained on them: gradients have to pass.
"""

import math

import numpy as np

from elic_tf.course import differentiable
from elic_tf.course.checks import Wrong, check, expect

LN2 = math.log(2)


def distortion(error, values, sigma):
    """-log2 of the density of each face, (n,) bits, from squared errors (n,) summed over so many values."""
    from keras import ops

    nats = error / (2 * sigma**2) + values * (ops.log(sigma) + 0.5 * math.log(2 * math.pi))
    return nats / LN2


@check(
    "02.distortion",
    "Distortion: what is left to say of a face, in bits",
    reference=distortion,
    hints=(
        "The logarithm of a product is a sum: one term for the squares, and the same constant for each of the values.",
        "In nats: error / (2 sigma²) + values · (ln sigma + ½ ln 2π).",
        "Divide by ln 2 for bits. sigma may be a tensor: ops.log(sigma), not math.log.",
    ),
)
def _(student):
    constant = 0.5 * math.log(2 * math.pi)
    likely = {
        "0: the constant is missing, and with it the price of being vague": 0.0,
        "in nats; divide by ln 2": constant,
        "negative: mind the sign": -constant / LN2,
        "with ln 2π, where the half of it is needed": 2 * constant / LN2,
    }
    what = "one value without error, sigma 1"
    expect(what, differentiable.eager(student, [0.0], 1, 1.0), [constant / LN2], unit="bits", likely=_stack(likely))
    error, values, sigma = np.array([0.6, 1.5, 0.0]), 12, 0.25
    squares, rest = error / (2 * sigma**2), values * (math.log(sigma) + constant)
    wanted = (squares + rest) / LN2
    likely = {
        "with the constant once; each of the values has one": (squares + rest / values) / LN2,
        "without the constant": squares / LN2,
        "without ln sigma in the constant": (squares + values * constant) / LN2,
        "with sigma in place of its square below the error": (squares * sigma + rest) / LN2,
        "without the half before the error": (2 * squares + rest) / LN2,
        "with the error averaged over the values; it is a sum": (squares / values + rest) / LN2,
        "in nats as far as the constant goes; all of it is divided by ln 2": squares / LN2 + rest,
        "in nats; divide by ln 2": squares + rest,
        "negative: mind the sign": -wanted,
        "one number for all faces": wanted.mean(),
    }
    got = differentiable.eager(student, error, values, sigma)
    expect("three faces of 12 values, sigma 0.25", got, wanted, unit="bits", tolerance=1e-4, likely=likely)
    _expect_gradient("distortion", lambda e: student(e, values, sigma), error, 1 / (2 * sigma**2 * LN2))
    # np.log of a tensor works here, and fails later, in `fit`.
    of_squares = -error.sum() / sigma**3 / LN2
    wanted = of_squares + len(error) * values / sigma / LN2
    likely = {"that of the error's term alone: write ops.log(sigma), which lets it pass": of_squares}
    error = error.astype(np.float32)
    _expect_gradient("distortion by sigma", lambda s: student(error, values, s), sigma, wanted, likely)


def kl(mean, log_variance):
    """KL(q(z|x) || p(z)) of each latent, (n, K) bits, for means and log variances (n, K)."""
    from keras import ops

    return -0.5 * (1 + log_variance - ops.square(mean) - ops.exp(log_variance)) / LN2


@check(
    "02.kl",
    "Rate: what each latent says, in bits",
    reference=kl,
    hints=(
        "log_variance is ln s², so ops.exp(log_variance) is s².",
        "In nats: ½ (mean² + s² - 1 - ln s²). Divide by ln 2.",
        "Do not sum: we want to see every latent, so the result has the shape of the mean.",
    ),
)
def _(student):
    got = differentiable.eager(student, [[0.0]], [[0.0]])
    likely = {"1/2 nat too much: a posterior like the prior says nothing": 0.5 / LN2, "½ nat too little": -0.5 / LN2}
    expect("a posterior that is the prior", got, [[0.0]], unit="bits", likely=_stack(likely, 2))
    mean = np.array([[1.0, 0.0, -2.0], [0.5, 3.0, 0.0]])
    log_variance = np.array([[0.0, -4.0, -1.0], [-2.0, -6.0, 0.5]])
    variance = np.exp(log_variance)

    def other(squares=mean**2, width=variance):
        return (squares + width - 1 - log_variance) / (2 * LN2)

    wanted = other()
    likely = {
        "in nats; divide by ln 2": wanted * LN2,
        "negative: mind the sign": -wanted,
        "without the half": 2 * wanted,
        "summed over the latents; here we want each one": wanted.sum(1),
        "averaged over the latents; here we want each one": wanted.mean(1),
        "one number for everything": wanted.sum(),
        "with exp(log_variance)²; exp(log_variance) is the variance already": other(width=variance**2),
        "with exp(log_variance / 2), the standard deviation, where the variance belongs": other(width=variance**0.5),
        "without the squared mean": other(0),
        "with the mean, not its square": other(mean),
    }
    got = differentiable.eager(student, mean, log_variance)
    expect("two faces of three latents", got, wanted, unit="bits", tolerance=1e-4, likely=likely)
    _expect_gradient("KL", lambda m: student(m, np.float32(log_variance)), mean, mean / LN2)
    likely = {"without that of s²: write ops.exp(log_variance), which lets it pass": np.full(mean.shape, -0.5 / LN2)}
    wanted = (variance - 1) / (2 * LN2)
    _expect_gradient("KL by log_variance", lambda v: student(np.float32(mean), v), log_variance, wanted, likely)


def hidden_sigma(per_error, per_nat):
    """The sigma of a VAE trained on per_error * (summed squared error) + per_nat * (summed KL in nats)."""
    return math.sqrt(per_nat / (2 * per_error))


@check(
    "02.hidden_sigma",
    "The sigma that hides in a loss",
    reference=hidden_sigma,
    hints=(
        "A loss and a multiple of it train the same network: divide it by per_nat, so that the KL has the factor 1.",
        "Then the squared error has the factor per_error / per_nat. In the ELBO it has 1 / (2 sigma²).",
        "sigma² = per_nat / (2 per_error); sigma is the root of that.",
    ),
)
def _(student):
    likely = {
        "sigma²; take the root": 0.5,
        "1: the ELBO has 2 sigma² below the error": 1.0,
        "the inverse": math.sqrt(2),
    }
    expect("the sum of squares plus the KL", student(1, 1), math.sqrt(0.5), likely=likely)
    wanted = math.sqrt(1536)
    likely = {
        "sigma²; take the root": wanted**2,
        "upside down: a small factor at the error means that errors count little, so sigma is large": 1 / wanted,
        "upside down, and twice the root": 1 / (2 * wanted),
        "without the 2 of 2 sigma²": math.sqrt(3072),
        "the 2 on the wrong side": 2 * wanted,
    }
    expect("the mean of 3,072 squares plus the KL", student(1 / 3072, 1), wanted, likely=likely)
    expect("twice that loss, which trains the same network", student(2 / 3072, 2), wanted)
    expect("the sum of squares plus 4 times the KL", student(1, 4), math.sqrt(2))


def optimal_sigma(error, values):
    """The one sigma at which the mean distortion of faces with squared errors (n,) over so many values is least."""
    return np.sqrt(np.mean(error) / values)


@check(
    "02.optimal_sigma",
    "The sigma that costs fewest bits",
    reference=optimal_sigma,
    hints=(
        "Only two terms know sigma: error / (2 sigma²) and values · ln sigma. Their derivatives cancel at the minimum.",
        "-error / sigma³ + values / sigma = 0, so sigma² = error / values.",
        "For several faces the mean of their errors takes the place of the error. Average first, then take the root.",
    ),
)
def _(student):
    error = np.array([1.0, 4.0, 25.0])
    wanted = math.sqrt(10 / 12)
    likely = {
        "sigma²; take the root": wanted**2,
        "one for each face; we want one for all": np.sqrt(error / 12),
        "the mean of the roots; take the root of the mean": np.sqrt(error / 12).mean(),
        "of the sum over the faces; take their mean": math.sqrt(30 / 12),
        "of the summed error: divide by the values": math.sqrt(10),
        "with the 2 of 2 sigma²; the derivative takes it away": math.sqrt(10 / 24),
    }
    expect("three faces of 12 values, squared errors 1, 4 and 25", student(error, 12), wanted, likely=likely)
    expect("one face of 12 values, squared error 3", student(np.array([3.0]), 12), 0.5)


def collapse(mean, log_variance):
    """Of each latent, over many faces: the mean KL in bits (K,), and whether it is active (K,), bool."""
    return np.mean(kl(mean, log_variance), axis=0), np.var(mean, axis=0) > 0.01


@check(
    "02.collapse",
    "Collapse, latent by latent",
    reference=collapse,
    hints=(
        "kl gives (n, K). The mean over faces is np.mean(..., axis=0), of shape (K,).",
        "Active: np.var(mean, axis=0) > 0.01. It asks whether the posterior's mean moves from face to face.",
        "Return both: return bits, active.",
    ),
)
def _(student):
    random = np.random.default_rng(2)
    mean = random.normal([0, 0, 0, 2.0], [1.0, 0.05, 0.15, 0.02], (500, 4))
    log_variance = np.broadcast_to(np.log([0.005, 0.99, 0.9, 0.5]), mean.shape) + random.normal(0, 0.05, mean.shape)
    result = student(mean.astype(np.float32), log_variance.astype(np.float32))
    if result is None:
        raise Wrong("your function returned nothing; is a `return` missing? It should be (bits, active)")
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Wrong(f"got {type(result).__name__}, should be (bits, active)")
    each = (mean**2 + np.exp(log_variance) - 1 - log_variance) / (2 * LN2)
    m, v = mean.mean(0), log_variance.mean(0)
    likely = {
        "summed over the faces; take the mean": each.sum(0),
        "averaged over the latents, axis=1; average over the faces, axis=0": each.mean(1),
        "not averaged yet": each,
        "of the mean face; the KL of a mean is not the mean of the KL": (m**2 + np.exp(v) - 1 - v) / (2 * LN2),
        "in nats": each.mean(0) * LN2,
        "one number; we want one for each latent": each.mean(),
        "the rate of all latents together; we want each": each.sum(1).mean(),
    }
    expect("bits of four latents, over 500 faces", result[0], each.mean(0), tolerance=1e-3, likely=likely)
    what, wanted = "active (1) or not (0), four latents", np.array([1, 0, 1, 0])
    likely = {
        "of the KL above 0.01: the last latent costs bits, and says the same of every face": each.mean(0) > 0.01,
        "of the standard deviation, not of the variance": mean.std(0) > 0.01,
        "of the mean, not of its variance": m > 0.01,
        "of the posterior's variance; ask how the mean varies from face to face": np.exp(log_variance).mean(0) > 0.01,
        "the variances themselves; compare them with 0.01": mean.var(0),
        "the wrong way round: active is above 0.01": 1 - wanted,
    }
    expect(what, result[1], wanted, likely=likely)


def _stack(likely, axes=1):
    return {mistake: np.reshape(value, (1,) * axes) for mistake, value in likely.items()}


def _expect_gradient(what, function, values, wanted, likely=None):
    """Raise `Wrong` unless the gradient of the sum passes, and is the one wanted. likely: as in `expect`."""
    gradient = differentiable.gradient(function, values)
    if gradient is None:
        raise Wrong(f"gradient of the {what}: none passes; use keras.ops in place of NumPy and math")
    wanted = np.broadcast_to(wanted, gradient.shape)
    expect(f"gradient of the {what}", gradient, wanted, tolerance=1e-3, likely=likely)
