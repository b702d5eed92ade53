"""The checks of lesson 05: each accepts right solutions, and rejects plausible mistakes by their names."""

import math
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from keras import ops  # noqa: E402

from elic_tf.course import checks  # noqa: E402
from elic_tf.models import adversarial  # noqa: E402


def D(logits):
    return ops.sigmoid(logits)


def clipped(probability):
    return ops.log(ops.clip(probability, 1e-7, 1.0))


def s(t):
    return 1 / (1 + math.exp(-t))


def stepper(fool=lambda t, p: p * s(-p * t), penalty=1.0, psi_sign=1, fresh=False):
    """The right way, with mistakes to choose."""

    def step(theta, psi, rate, gamma):
        new = theta + rate * fool(theta, psi)
        seen = new if fresh else theta
        return new, psi + psi_sign * rate * (-seen * s(psi * seen) - penalty * gamma * psi)

    return step


def miss(x, made):
    return ops.sum((x - made) ** 2, (1, 2, 3))


def square(z):
    return ops.sum(z**2, 1)


WRONG = {
    "05.L_GAN": [
        (lambda r, f: ops.log(D(r)) + ops.log(1 - D(f)), "softplus"),
        (lambda r, f: clipped(D(r)) + clipped(1 - D(f)), "nor clip"),
        (lambda r, f: ops.softplus(-r) + ops.softplus(f), "it is below 0"),
        (lambda r, f: -ops.softplus(-r) - ops.softplus(-f), "of fakes D should say no"),
        (lambda r, f: -ops.softplus(r) - ops.softplus(-f), "exchanged"),
        (lambda r, f: ops.mean(-ops.softplus(-r) - ops.softplus(f)), "one for each pair"),
        (lambda r, f: D(r) + 1 - D(f), "without the logarithms"),
        (lambda r, f: tf.constant((-ops.softplus(-r) - ops.softplus(f)).numpy()), "nothing could be learned"),
        (lambda r, f: print(end=""), "`return` missing"),
    ],
    "05.L_fool": [
        (lambda f: -ops.log(D(f)), "softplus"),
        (lambda f: -ops.softplus(-f), "to be climbed"),
        (lambda f: -ops.softplus(f), "the one that saturates"),
        (lambda f: ops.softplus(f), "surer that they are fakes"),
        (lambda f: ops.mean(ops.softplus(-f)), "one for each picture"),
    ],
    "05.dirac_step": [
        (stepper(fool=lambda t, p: p * s(p * t)), "saturates"),
        (stepper(fresh=True), "already sees the new theta"),
        (stepper(penalty=0), "without the penalty"),
        (stepper(penalty=-1), "wrong way round"),
        (stepper(penalty=0.5), "half of the penalty's slope"),
        (stepper(fool=lambda t, p: -p * s(-p * t)), "runs away"),
        (stepper(psi_sign=-1), "it climbs L_GAN"),
        (lambda t, p, rate, gamma: (p * s(-p * t), -t * s(p * t) - gamma * p), "the slopes alone"),
        (lambda t, p, rate, gamma: t + rate * p * s(-p * t), "should be a pair"),
    ],
    "05.energy": [
        (lambda x, g, z, v: ops.mean((x - g) ** 2, (1, 2, 3)) / (2 * v) + square(z) / 2, "mean over the pixels"),
        (lambda x, g, z, v: miss(x, g) / (2 * v), "|z|² / 2 is missing"),
        (lambda x, g, z, v: miss(x, g) / (2 * v**2) + square(z) / 2, "v is not squared"),
        (lambda x, g, z, v: miss(x, g) / 2 * v + square(z) / 2, "above the line"),
        (lambda x, g, z, v: miss(x, g) / v + square(z), "without the halves"),
        (lambda x, g, z, v: miss(x, g) / (2 * v) - square(z) / 2, "should cost more"),
        (lambda x, g, z, v: miss(x, g) / (2 * v) + ops.sqrt(square(z)) / 2, "length of z"),
        (lambda x, g, z, v: ops.sum(miss(x, g)) / (2 * v) + ops.sum(square(z)) / 2, "one number"),
        (lambda x, g, z, v: np.sum((x - g) ** 2, (1, 2, 3)) / (2 * v) + np.sum(z**2, 1) / 2, "no gradient passes"),
    ],
    "05.keep_best": [
        (lambda z, e: z[np.arange(len(z)), e.argmax(1)], "take the least"),
        (lambda z, e: e.argmin(1), "not their z"),
        (lambda z, e: z[:, e.mean(0).argmin()], "best in the mean"),
        (lambda z, e: z[:, e.argmin() % e.shape[1]], "for one face"),
        (lambda z, e: z.mean(1), "there is a hill"),
        (lambda z, e: z[:, e.argmin(1)], "every best start"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_05_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("05")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    checks.accepts("05.L_GAN", adversarial.L_GAN)  # the library's, which this lesson leads to
    checks.accepts("05.L_GAN", lambda r, f: ops.log_sigmoid(r) + ops.log_sigmoid(-f))
    checks.accepts("05.L_GAN", lambda r, f: ops.log_sigmoid(r) + ops.log_sigmoid(f) - f)
    checks.accepts("05.L_fool", adversarial.L_fool)
    checks.accepts("05.L_fool", lambda f: tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.ones_like(f), logits=f))

    def by_tape(theta, psi, rate, gamma):
        theta, psi = tf.Variable(theta, dtype=tf.float64), tf.Variable(psi, dtype=tf.float64)
        with tf.GradientTape(persistent=True) as tape:
            fooled = tf.math.log_sigmoid(psi * theta)
            value = tf.math.log_sigmoid(-psi * theta) - gamma / 2 * psi**2
        return theta + rate * tape.gradient(fooled, theta), psi + rate * tape.gradient(value, psi)

    checks.accepts("05.dirac_step", by_tape)
    checks.accepts("05.dirac_step", stepper())
    checks.accepts("05.energy", lambda x, g, z, v: (miss(x, g) / v + ops.sum(z * z, -1)) / 2)
    checks.accepts("05.keep_best", lambda z, e: np.array([each[np.argmin(f)] for each, f in zip(z, e)]))
    checks.accepts("05.keep_best", lambda z, e: np.take_along_axis(z, e.argmin(1)[:, None, None], 1)[:, 0])
