"""Lesson 05: the two losses of a GAN, the smallest GAN there is, what inversion descends, and which start to keep.

Losses are written with `keras.ops`, because gradients have to pass them, and take logits, because probabilities round.
"""

import math

import numpy as np

from elic_tf.course import differentiable
from elic_tf.course.checks import Wrong, check, expect


def L_GAN(real, fake):
    """log D(x) + log(1 - D(fake)) in nats, (n,), of logits (n,)."""
    from keras import ops

    return -ops.softplus(-real) - ops.softplus(fake)


@check(
    "05.L_GAN",
    "What the discriminator climbs",
    reference=L_GAN,
    hints=(
        "D = 1 / (1 + exp(-logit)), so log D = -log(1 + exp(-logit)).",
        "1 - D = 1 / (1 + exp(logit)): the same with the other sign.",
        "ops.softplus(t) is log(1 + exp(t)), computed so that it neither overflows nor rounds to 0.",
    ),
)
def _(student):
    real, fake = np.array([2.0, -1.0, 0.5], np.float32), np.array([-3.0, 0.0, 1.5], np.float32)
    wanted = _log_D(real) + _log_D(-fake)
    likely = {
        "a loss, to be descended: L_GAN is what D climbs, so it is below 0": -wanted,
        "log D(x) + log D(fake); of fakes D should say no, 1 - D(fake)": _log_D(real) + _log_D(fake),
        "with real and fake exchanged": _log_D(-real) + _log_D(fake),
        "in bits; take natural logarithms": wanted / math.log(2),
        "D(x) + 1 - D(fake), without the logarithms": np.exp(_log_D(real)) + np.exp(_log_D(-fake)),
        "of the logits themselves: D is their sigmoid": real - fake,
        "one number for all; here we want one for each pair": wanted.mean(),
        "the sum over all; here we want one for each pair": wanted.sum(),
        "half of it: add the two terms": wanted / 2,
    }
    expect("three pairs of logits", _eager(student, real, fake), wanted, unit="nats", tolerance=1e-4, likely=likely)
    _expect_far("logits -200 and 200, D sure and wrong", student, (-200.0, 200.0), -400.0)
    _expect_slope("its slope there, in the logit of x,", lambda logit: student(logit, -logit), -200.0, 2.0)


def L_fool(fake):
    """-log D(fake) in nats, (n,), of logits (n,)."""
    from keras import ops

    return ops.softplus(-fake)


@check(
    "05.L_fool",
    "What the generator descends",
    reference=L_fool,
    hints=(
        "The generator wants D to take its pictures for faces: it climbs log D(fake), so it descends -log D(fake).",
        "-log D = log(1 + exp(-logit)).",
        "That is ops.softplus(-fake).",
    ),
)
def _(student):
    fake = np.array([-3.0, 0.0, 1.5], np.float32)
    wanted = -_log_D(fake)
    likely = {
        "log D(fake), which is to be climbed; a loss is descended": -wanted,
        "log(1 - D(fake)), the one that saturates": _log_D(-fake),
        "-log(1 - D(fake)): descending that makes D surer that they are fakes": -_log_D(-fake),
        "in bits; take natural logarithms": wanted / math.log(2),
        "one number for all; here we want one for each picture": wanted.mean(),
    }
    expect("three logits", _eager(student, fake), wanted, unit="nats", tolerance=1e-4, likely=likely)
    _expect_far("logit -200, D sure that it is a fake", student, (-200.0,), 200.0)
    _expect_slope("its slope there", student, -200.0, -1.0)


def dirac_step(theta, psi, rate, gamma):
    """(theta, psi) after both players of the Dirac-GAN have taken a step of length `rate` from where they are."""
    climb_theta = psi / (1 + math.exp(psi * theta))
    climb_psi = -theta / (1 + math.exp(-psi * theta)) - gamma * psi
    return theta + rate * climb_theta, psi + rate * climb_psi


@check(
    "05.dirac_step",
    "One step of the Dirac-GAN",
    reference=dirac_step,
    hints=(
        "s(t) = 1 / (1 + math.exp(-t)). The slope of log s(t) is s(-t) = 1 - s(t), that of log(1 - s(t)) is -s(t).",
        "The generator climbs log s(psi theta) in theta: its slope is psi * s(-psi * theta).",
        "The discriminator climbs log(1 - s(psi theta)) - gamma psi² / 2: its slope is "
        "-theta * s(psi * theta) - gamma * psi.",
        "Both slopes are taken at the old point; then theta and psi move together.",
    ),
)
def _(student):
    for theta, psi, rate, gamma in ((1.5, 0.8, 0.1, 0.0), (-0.7, 1.2, 0.25, 0.4), (0.3, -2.0, 0.5, 1.0)):
        s, not_s = 1 / (1 + math.exp(-psi * theta)), 1 / (1 + math.exp(psi * theta))
        up, down = psi * not_s, -theta * s
        new = theta + rate * up
        later = -new / (1 + math.exp(-psi * new)) - gamma * psi
        wanted = (new, psi + rate * (down - gamma * psi))
        likely = {
            "a step of the generator that saturates: it should climb log D(fake)": (
                theta + rate * psi * s,
                wanted[1],
            ),
            "one in which psi already sees the new theta: take both slopes first": (new, psi + rate * later),
            "without the penalty": (new, psi + rate * down),
            "with the penalty the wrong way round: it pulls psi to 0": (new, psi + rate * (down + gamma * psi)),
            "with half of the penalty's slope: that of gamma / 2 psi² is gamma psi": (
                new,
                psi + rate * (down - gamma / 2 * psi),
            ),
            "a generator that runs away: mind its sign": (theta - rate * up, wanted[1]),
            "a discriminator that descends: it climbs L_GAN": (new, psi - rate * (down - gamma * psi)),
            "a penalty on theta; R1 is one on the slope of the discriminator": (
                new - rate * gamma * theta,
                psi + rate * down,
            ),
            "the slopes alone; add rate times them to theta and psi": (up, down - gamma * psi),
        }
        # Where there is no penalty, mistakes with it look right.
        likely = {what: value for what, value in likely.items() if not np.allclose(value, wanted)}
        got = student(theta, psi, rate, gamma)
        if got is not None and np.shape(got) != (2,):
            raise Wrong(f"got {type(got).__name__}, should be a pair: theta and psi after the step")
        expect(f"theta {theta}, psi {psi}, rate {rate}, gamma {gamma}", got, wanted, likely=likely)


def energy(faces, made, z, variance):
    """|x - G(z)|² / 2v + |z|² / 2 of each face in nats, (n,); faces, made = G(z) (n, h, w, 3), z (n, K)."""
    from keras import ops

    misses = ops.sum(ops.square(faces - made), axis=(1, 2, 3))
    return misses / (2 * variance) + ops.sum(ops.square(z), axis=1) / 2


@check(
    "05.energy",
    "What inversion descends",
    reference=energy,
    hints=(
        "The first term: squared differences, summed over rows, columns and channels, divided by 2 v.",
        "The second: the squares of z, summed over axis 1, divided by 2.",
        "Use keras.ops, as gradients have to pass.",
    ),
)
def _(student):
    random = np.random.default_rng(5)
    faces, made = random.uniform(0, 1, (2, 3, 8, 8, 3)).astype(np.float32)
    z, variance = random.normal(size=(3, 5)).astype(np.float32), 0.03
    squares = np.square(faces - made, dtype=np.float64)
    misses, length = squares.sum((1, 2, 3)), np.square(z, dtype=np.float64).sum(1)
    wanted = misses / (2 * variance) + length / 2
    likely = {
        "with the mean over the pixels; take the sum": squares.mean((1, 2, 3)) / (2 * variance) + length / 2,
        "without the prior: |z|² / 2 is missing": misses / (2 * variance),
        "without the picture: only the prior": length / 2,
        "as if v were a standard deviation: v is not squared": misses / (2 * variance**2) + length / 2,
        "with v above the line: / 2 * v multiplies by v, so write / (2 * v)": misses / 2 * variance + length / 2,
        "without the halves": misses / variance + length,
        "without the half of the prior": misses / (2 * variance) + length,
        "with the length of z instead of its square": misses / (2 * variance) + np.sqrt(length) / 2,
        "with the prior subtracted: an unlikely z should cost more": misses / (2 * variance) - length / 2,
        "the probability's logarithm, which is to be climbed; the energy is its opposite": -wanted,
        "with the mean over z; take the sum": misses / (2 * variance) + length / 10,
        "one number for all faces": wanted.sum(),
        "the mean of all faces": wanted.mean(),
    }
    got = _eager(student, faces, made, z, variance)
    expect("three faces, v = 0.03", got, wanted, unit="nats", tolerance=1e-4, likely=likely)
    differentiable.expect_gradient("the energy in G(z)", lambda other: student(faces, other, z, variance), made)
    differentiable.expect_gradient("the energy in z", lambda other: student(faces, made, other, variance), z)


def keep_best(z, energies):
    """The z of least energy of each face, (n, K), of z (n, starts, K) with energies (n, starts)."""
    return z[np.arange(len(z)), np.argmin(energies, axis=1)]


@check(
    "05.keep_best",
    "The best start of each face",
    reference=keep_best,
    hints=(
        "np.argmin(energies, axis=1) is the number of the best start of each face.",
        "z[:, best] would take every face with every best start. Index faces and starts together.",
        "z[np.arange(len(z)), best]",
    ),
)
def _(student):
    z = np.random.default_rng(6).normal(size=(3, 4, 2))
    energies = np.array([[30.0, 12.0, 25.0, 18.0], [9.0, 14.0, 11.0, 10.0], [21.0, 20.0, 40.0, 16.0]])
    best, faces = energies.argmin(1), np.arange(3)
    likely = {
        "the start of most energy; take the least": z[faces, energies.argmax(1)],
        "the numbers of the starts, not their z": best,
        "the same start for all faces, the one that is best in the mean": z[:, energies.mean(0).argmin()],
        "the start that was best for one face, for all of them": z[:, energies.min(0).argmin()],
        "the mean of all starts: between two valleys there is a hill": z.mean(1),
        "the first start of each face": z[:, 0],
        "the last start of each face": z[:, -1],
        "every face with every best start": z[:, best],
    }
    expect("three faces, four starts each", student(z.copy(), energies.copy()), z[faces, best], likely=likely)
    one = np.array([[[1.0, 2.0, 3.0]]])
    expect("one face, one start", student(one, np.array([[7.0]])), one[:, 0])


def _log_D(logits):
    """In float64, where logits as small as these do no harm."""
    return -np.log1p(np.exp(-np.asarray(logits, float)))


def _eager(student, *arguments):
    """The student's result for tensors of float32, as it will be called in training."""
    import tensorflow as tf

    return student(*(tf.constant(argument, tf.float32) for argument in arguments))


def _expect_far(what, student, logits, wanted):
    """Raise `Wrong` unless the value is right where a sigmoid in float32 is exactly 0 or 1."""
    got = np.ravel(_eager(student, *([logit] for logit in logits)))
    if got.shape == (1,) and not np.allclose(got, wanted, rtol=1e-3):
        raise Wrong(
            f"{what}: got {got[0]:.4g}, should be {wanted:.4g}; float32 rounds a sigmoid to 0 or 1 there, so do not "
            "take the logarithm of one (nor clip it, which stops the slope): use ops.softplus of the logits"
        )


def _expect_slope(what, function, logit, wanted):
    slope = differentiable.gradient(function, [logit])
    slope = 0.0 if slope is None else float(slope[0])
    if not math.isclose(slope, wanted, rel_tol=1e-3):
        raise Wrong(f"{what} is {slope:.3g}, and should be {wanted:.3g}: nothing could be learned from it")
