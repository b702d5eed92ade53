"""Lesson 04: the price of a bin, noise for rounding, straight through, the Lagrangian, and the search of the encoder.

Solutions are written with `keras.ops`, because gradients have to pass them; every check asks whether they do.
"""

import math
from statistics import NormalDist

import numpy as np

from elic_tf.course import differentiable
from elic_tf.course.checks import Wrong, check, expect

LEAST = 1e-7


def bin_bits(latents, steps, scales):
    """Bits of the bin one step wide around each latent, under a logistic of that scale."""
    from keras import ops

    near = -ops.abs(latents)
    mass = ops.sigmoid((near + steps / 2) / scales) - ops.sigmoid((near - steps / 2) / scales)
    return -ops.log2(ops.maximum(mass, LEAST))


@check(
    "04.bin_bits",
    "The price of a bin, in bits",
    reference=bin_bits,
    hints=(
        "The bin goes from latent - step / 2 to latent + step / 2; its mass is F(upper edge) - F(lower edge).",
        "F(t) = ops.sigmoid(t / scale): divide the edges, not only the latent, by the scale.",
        "The mass around y is that around -y. Compute it at -ops.abs(latents), where float32 keeps its digits.",
        "Last, -ops.log2(ops.maximum(mass, 1e-7)). NumPy would stop gradients: use keras.ops.",
    ),
)
def _(student):
    mass = _logistic(0.5) - _logistic(-0.5)
    likely = {
        "in nats; bits take ops.log2": -math.log(mass),
        "of the density; the price is that of the mass of a bin": 2.0,
        "of a bin two steps wide: half a step on each side": -math.log2(_logistic(1) - _logistic(-1)),
        "negative: mind the sign": math.log2(mass),
        "of a Gaussian; take the logistic": -math.log2(NormalDist().cdf(0.5) - NormalDist().cdf(-0.5)),
        "the mass itself, not its price": mass,
    }
    expect("latent 0, step 1, scale 1", _eager(student, 0.0, 1.0, 1.0), -math.log2(mass), unit="bits", likely=likely)
    latents = np.array([[0.3, -1.2, 2.0], [0.1, 0.0, -3.0]], np.float32)
    steps, scales = np.array([[1.0], [0.5]], np.float32), np.array([2.0, 0.7, 1.1], np.float32)
    wanted = _numpy(bin_bits(latents, steps, scales))
    inside = _logistic(latents / scales + steps / 2) - _logistic(latents / scales - steps / 2)
    likely = {
        "of bins whose width was not divided by the scale": -np.log2(inside),
        "summed over the latents; here we want one price for each": wanted.sum(1),
    }
    expect("six latents", _eager(student, latents, steps, scales), wanted, unit="bits", tolerance=1e-4, likely=likely)
    tails = _numpy(_eager(student, np.array([14.0, -14.0], np.float32), 1.0, 1.0))
    right = -math.log2(_logistic(-13.5) - _logistic(-14.5))
    if tails.shape == (2,) and abs(tails[1] - right) < 1e-2 < abs(tails[0] - right):
        raise Wrong(
            f"latent 14, step 1, scale 1: got {tails[0]:.4g} bits, should be {right:.4g} as at -14: close to 1, two "
            "values of F differ by less than float32 can say; compute at -ops.abs(latents)"
        )
    expect("latents 14 and -14, step 1, scale 1", tails, [right, right], unit="bits", tolerance=1e-3)
    far = _eager(student, np.float32(60), 1.0, 1.0)
    what = "latent 60, step 1, scale 1, whose mass is below 1e-7 and counts as 1e-7"
    expect(what, far, -math.log2(LEAST), unit="bits", tolerance=1e-3)
    _expect_gradient("bits", lambda y: student(y, steps, scales), latents)


def with_noise(latents, steps, uniform):
    """Latents (n, K) with noise, uniform over one step (n, 1), in place of rounding; uniform: (n, K) in [0, 1)."""
    return latents + steps * (uniform - 0.5)


@check(
    "04.with_noise",
    "Noise in place of rounding",
    reference=with_noise,
    hints=(
        "Rounding moves a latent by at most half a step, up or down. So should the noise.",
        "`uniform` lies in [0, 1): what must be subtracted so that it is 0 in the mean?",
        "Then stretch it to one step and add it. Nothing is rounded.",
    ),
)
def _(student):
    latents = np.array([[0.3, -1.2, 2.0], [5.0, 0.0, -3.0]], np.float32)
    steps = np.array([[1.0], [4.0]], np.float32)
    uniform = np.array([[0.0, 0.5, 0.9], [0.25, 0.75, 0.6]], np.float32)
    rounded = steps * np.round(latents / steps)
    likely = {
        "noise that only goes up: shift it so that it is 0 in the mean": latents + steps * uniform,
        "the same noise at every step: it should be as wide as the step": latents + uniform - 0.5,
        "noise two steps wide: half a step on each side": latents + steps * (2 * uniform - 1),
        "noise that is divided by the step": latents + (uniform - 0.5) / steps,
        "rounded too; the noise stands in place of rounding": rounded + steps * (uniform - 0.5),
        "only the noise": steps * (uniform - 0.5),
    }
    got = _eager(student, latents, steps, uniform)
    expect("six latents, steps 1 and 4", got, with_noise(latents, steps, uniform), likely=likely)
    _expect_gradient("noisy latents", lambda y: student(y, steps, uniform), latents, ones=True)


def straight_through(latents, steps):
    """Latents (n, K) rounded to multiples of the step (n, 1), with the gradient of latents that were not rounded."""
    from keras import ops

    return latents + ops.stop_gradient(steps * ops.round(latents / steps) - latents)


@check(
    "04.straight_through",
    "Rounding that lets gradients through",
    reference=straight_through,
    hints=(
        "First the rounding alone: steps * ops.round(latents / steps).",
        "`ops.stop_gradient(t)` has the value of t and no gradient.",
        "latents + (something with the value rounded - latents and no gradient).",
    ),
)
def _(student):
    latents = np.array([[0.3, -1.4, 2.6], [5.0, 0.9, -3.1]], np.float32)
    steps = np.array([[0.5], [4.0]], np.float32)
    rounded = steps * np.round(latents / steps)
    likely = {
        "rounded to whole numbers; round to multiples of the step": np.round(latents),
        "in steps, as integers; multiply by the step again": np.round(latents / steps),
        "not rounded": latents,
        "rounded down; take the nearest multiple": steps * np.floor(latents / steps),
    }
    expect("six latents, steps 0.5 and 4", _eager(student, latents, steps), rounded, likely=likely)
    _expect_gradient("rounded latents", lambda y: student(y, steps), latents, ones=True)


def lagrangian(faces, decoded, bits, steps):
    """R + λD of each face, (n,): D the squared error summed over the face, λ = 6 / (ln 2 step²)."""
    from keras import ops

    distortion = ops.sum(ops.square(faces - decoded), axis=(1, 2, 3))
    return bits + 6 / (math.log(2) * ops.square(steps[:, 0])) * distortion


@check(
    "04.lagrangian",
    "Rate plus λ times distortion, in bits",
    reference=lagrangian,
    hints=(
        "D: the squared differences, summed over rows, columns and channels: axis=(1, 2, 3).",
        "λ = 6 / (ln 2 · step²) is a number for each face; steps has shape (n, 1), so take steps[:, 0].",
        "The sum R + λD has shape (n,): one loss for each face.",
    ),
)
def _(student):
    random = np.random.default_rng(4)
    faces = random.uniform(0, 1, (3, 8, 8, 3)).astype(np.float32)
    decoded = (faces + random.normal(0, 0.1, faces.shape)).astype(np.float32)
    bits, steps = np.array([100, 200, 300], np.float32), np.array([[1.0], [0.5], [2.0]], np.float32)
    squares = np.square(faces - decoded).astype(float)
    d, price = squares.sum((1, 2, 3)), 6 / (math.log(2) * steps[:, 0].astype(float) ** 2)
    wanted, crossed = bits + price * d, 6 / (math.log(2) * steps.astype(float) ** 2)
    likely = {
        "with the mean over the pixels, where λ asks for the sum": bits + price * squares.mean((1, 2, 3)),
        "with the root of the squared error": bits + price * np.sqrt(d),
        "λR + D; λ goes with the distortion": price * bits + d,
        "with the step instead of its square in λ": bits + 6 / (math.log(2) * steps[:, 0]) * d,
        "with λ multiplied by the squared step; errors are dearer at fine steps": bits
        + 36 / math.log(2) ** 2 / price * d,
        "in nats where λ is concerned: the ln 2 is missing": bits + 6 / steps[:, 0] ** 2 * d,
        "one number for all faces": wanted.mean(),
        "the sum over all faces": wanted.sum(),
        "a table of every face with every step: take steps[:, 0]": bits + crossed * d,
    }
    got = _eager(student, faces, decoded, bits, steps)
    expect("three faces, steps 1, 0.5 and 2", got, wanted, unit="bits", tolerance=1e-4, likely=likely)
    _expect_gradient("loss", lambda other: student(faces, other, bits, steps), decoded)


def next_target(target, coded, gradient, damping=0.4):
    """The latents to round next: `damping` of the way from `target` to coded - gradient / 2."""
    return target + damping * (coded - gradient / 2 - target)


@check(
    "04.next_target",
    "A damped Newton step of the encoder",
    reference=next_target,
    hints=(
        "Were the decoder linear and orthonormal, |x - q|² would have the gradient 2 (q - x): solve for x.",
        "So the latents to aim at are coded - gradient / 2.",
        "Go 0.4 of the way from where you aimed last: target + 0.4 * (aim - target).",
    ),
)
def _(student):
    target = np.array([[0.3, 1.7, -2.4], [0.1, 0.0, 3.3]])
    coded = np.round(target)
    gradient = np.array([[0.5, -1.0, 0.2], [-0.3, 2.0, 0.4]])
    aim = coded - gradient / 2
    likely = {
        "uphill: the gradient points to where the error grows": target + 0.4 * (coded + gradient / 2 - target),
        "without the half: the gradient of |x - q|² is 2 (q - x)": target + 0.4 * (coded - gradient - target),
        "the whole way; with a decoder that is not linear it overshoots": aim,
        "a step from the target, so that old gradients add up: start from coded": target - 0.4 * gradient / 2,
        "0.4 of the way from coded; the way begins at target": coded + 0.4 * (aim - coded),
        "0.6 of the way": aim + 0.4 * (target - aim),
    }
    expect("two faces of three latents", student(target, coded, gradient), target + 0.4 * (aim - target), likely=likely)
    exact = np.array([[0.4, -1.3, 2.2]])
    got = student(exact, np.round(exact), 2 * (np.round(exact) - exact))
    expect("a linear decoder, already aimed at the best latents", got, exact)


def _logistic(t):
    return 1 / (1 + np.exp(-t))


def _numpy(values):
    return np.asarray(values, np.float64)


def _eager(student, *arguments):
    """The student's result for tensors of float32, as it will be called in training."""
    import tensorflow as tf

    return student(*(tf.constant(argument, tf.float32) for argument in arguments))


def _expect_gradient(what, function, values, ones=False):
    """Raise `Wrong` unless a gradient passes; ones: unless it is that of values that pass unchanged."""
    gradient = differentiable.gradient(function, values)
    if gradient is None or not gradient.any():
        raise Wrong(
            f"{what}: the values are right, but the gradient is 0 everywhere: nothing can be learned from it; NumPy "
            "lets no gradient through (use keras.ops), nor does rounding"
        )
    if ones and not np.allclose(gradient, 1, atol=1e-5):
        got = ", ".join(f"{value:.3g}" for value in gradient.ravel()[:3])
        raise Wrong(f"{what}: the values are right; their gradient is {got} …, and should be 1 everywhere")
