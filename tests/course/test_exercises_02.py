"""The checks of lesson 02: each accepts right solutions, and rejects plausible mistakes by their names."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import math

import numpy as np
import pytest

pytest.importorskip("tensorflow")

from keras import ops

from elic_tf.course import checks
from elic_tf.models import vae

LN2, HALF = math.log(2), 0.5 * math.log(2 * math.pi)


def priced(two=2.0, square=2, constant=HALF, each=True, log=ops.log, unit=LN2, sign=1):
    """The distortion, with mistakes to choose."""

    def distortion(error, values, sigma):
        per_value = log(sigma) + constant
        return sign * (error / (two * sigma**square) + (values if each else 1) * per_value) / unit

    return distortion


def kl(mean, log_variance, variance=ops.exp, power=2, half=0.5, unit=LN2):
    return half * (mean**power + variance(log_variance) - 1 - log_variance) / unit


def collapsed(axis=0, active=lambda mean, variance, bits: np.var(mean, axis=0) > 0.01, of=None):
    """The collapse, with mistakes to choose."""

    def collapse(mean, log_variance):
        bits = np.asarray(kl(mean, log_variance))
        shown = bits.mean(axis) if of is None else of(mean, log_variance, bits)
        return shown, active(np.asarray(mean), np.exp(log_variance), bits.mean(0))

    return collapse


WRONG = {
    "02.distortion": [
        (lambda error, values, sigma: error / (2 * sigma**2) / LN2, "the constant is missing"),
        (priced(unit=1), "divide by ln 2"),
        (priced(sign=-1), "mind the sign"),
        (priced(constant=2 * HALF), "the half of it"),
        (priced(each=False), "each of the values"),
        (priced(log=lambda sigma: 0), "without ln sigma"),
        (priced(square=1), "in place of its square"),
        (priced(two=1), "without the half before the error"),
        (lambda error, values, sigma: priced()(error / values, values, sigma), "averaged over the values"),
        (lambda *given: ops.mean(priced()(*given)), "should be an array"),
        (lambda *given: np.asarray(priced()(*given)), "keras.ops"),
        (priced(log=np.log), "ops.log(sigma)"),
        (lambda *given: print(end=""), "`return` missing"),
    ],
    "02.kl": [
        (lambda m, v: kl(m, v, unit=1), "divide by ln 2"),
        (lambda m, v: -kl(m, v), "mind the sign"),
        (lambda m, v: kl(m, v, half=1), "without the half"),
        (lambda m, v: ops.sum(kl(m, v), axis=1), "should be an array"),
        (lambda m, v: kl(m, v, variance=lambda x: ops.exp(2 * x)), "is the variance already"),
        (lambda m, v: kl(m, v, variance=lambda x: ops.exp(x / 2)), "the standard deviation"),
        (lambda m, v: kl(m, v, power=1), "not its square"),
        (lambda m, v: kl(0 * m, v), "without the squared mean"),
        (lambda m, v: 0.5 * (m**2 + ops.exp(v) - v) / LN2, "says nothing"),
        (lambda m, v: np.asarray(kl(m, v)), "keras.ops"),
        (lambda m, v: kl(m, v, variance=np.exp), "ops.exp(log_variance)"),
    ],
    "02.hidden_sigma": [
        (lambda a, b: b / (2 * a), "take the root"),
        (lambda a, b: math.sqrt(b / a), "2 sigma²"),
        (lambda a, b: math.sqrt(2 * a / b), "the inverse"),
        (lambda a, b: math.sqrt(a / (2 * b)), "upside down"),
        (lambda a, b: math.sqrt(1 / (2 * a)), "got"),
    ],
    "02.optimal_sigma": [
        (lambda error, values: np.mean(error) / values, "take the root"),
        (lambda error, values: np.sqrt(error / values), "one for all"),
        (lambda error, values: np.mean(np.sqrt(error / values)), "the mean of the roots"),
        (lambda error, values: np.sqrt(np.sum(error) / values), "take their mean"),
        (lambda error, values: np.sqrt(np.mean(error)), "divide by the values"),
        (lambda error, values: np.sqrt(np.mean(error) / (2 * values)), "takes it away"),
    ],
    "02.collapse": [
        (collapsed(axis=1), "average over the faces"),
        (collapsed(of=lambda m, v, bits: bits.sum(0)), "summed over the faces"),
        (collapsed(of=lambda m, v, bits: bits), "not averaged yet"),
        (collapsed(of=lambda m, v, bits: kl(m.mean(0), v.mean(0))), "of the mean face"),
        (collapsed(of=lambda m, v, bits: bits.sum(1).mean()), "we want each"),
        (collapsed(of=lambda m, v, bits: bits.mean(0) * LN2), "in nats"),
        (collapsed(active=lambda mean, variance, bits: bits > 0.01), "says the same of every face"),
        (collapsed(active=lambda mean, variance, bits: mean.std(0) > 0.01), "of the standard deviation"),
        (collapsed(active=lambda mean, variance, bits: variance.mean(0) > 0.01), "of the posterior's variance"),
        (collapsed(active=lambda mean, variance, bits: mean.var(0)), "compare them"),
        (collapsed(active=lambda mean, variance, bits: mean.var(0) <= 0.01), "the wrong way round"),
        (lambda mean, log_variance: np.mean(kl(mean, log_variance), axis=0), "should be (bits, active)"),
        (lambda mean, log_variance: None, "`return` missing"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_02_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("02")} == set(WRONG)


def test_the_library_is_accepted():
    """What the lesson leads to."""
    checks.accepts("02.distortion", vae.distortion)
    checks.accepts("02.kl", vae.kl)
    checks.accepts("02.optimal_sigma", vae.optimal_sigma)


def test_other_right_solutions_are_accepted():
    checks.accepts("02.distortion", lambda e, d, s: (e / s**2 + d * ops.log(2 * math.pi * s**2)) / (2 * LN2))
    checks.accepts("02.kl", lambda m, v: (m * m + ops.exp(v) - v - 1) / math.log(4))
    checks.accepts("02.hidden_sigma", lambda a, b: (2 * a / b) ** -0.5)
    checks.accepts("02.optimal_sigma", lambda error, values: math.sqrt(sum(error) / len(error) / values))

    def with_the_library(mean, log_variance):
        return np.asarray(vae.kl(mean, log_variance)).mean(0), vae.active_units(mean)

    checks.accepts("02.collapse", with_the_library)
