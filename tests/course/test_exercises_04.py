"""The checks of lesson 04: each accepts right solutions, and rejects plausible mistakes by their names."""

import math
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from keras import ops  # noqa: E402

from elic_tf.course import checks  # noqa: E402
from elic_tf.models.prior import Prior  # noqa: E402


def mass(y, step, scale):
    return ops.sigmoid((y + step / 2) / scale) - ops.sigmoid((y - step / 2) / scale)


def floored(m):
    return ops.maximum(m, 1e-7)


def near(y):
    return -ops.abs(y)


def outer_bits(y, step, scale):
    return -ops.log2(floored(mass(near(y), step, scale)))


def numpy_bits(y, step, scale):
    y = -np.abs(np.asarray(y))
    step, scale = np.asarray(step), np.asarray(scale)
    m = 1 / (1 + np.exp(-(y + step / 2) / scale)) - 1 / (1 + np.exp(-(y - step / 2) / scale))
    return -np.log2(np.maximum(m, 1e-7))


def rounded(y, step):
    return step * ops.round(y / step)


def price(step):
    return 6 / (math.log(2) * step[:, 0] ** 2)


def error(a, b):
    return ops.sum((a - b) ** 2, (1, 2, 3))


WRONG = {
    "04.bin_bits": [
        (lambda y, d, s: -ops.log2(floored(mass(y, d, s))), "float32"),
        (lambda y, d, s: -ops.log(floored(mass(near(y), d, s))), "nats"),
        (lambda y, d, s: -ops.log2(floored(mass(near(y), 2 * d, s))), "two steps wide"),
        (lambda y, d, s: ops.log2(floored(mass(near(y), d, s))), "sign"),
        (lambda y, d, s: -ops.log2(floored(mass(near(y) / s, d, 1.0))), "not divided by the scale"),
        (lambda y, d, s: ops.sum(outer_bits(y, d, s), -1), "one price for each"),
        (lambda y, d, s: -ops.log2(mass(near(y), d, s)), "counts as 1e-7"),
        (lambda y, d, s: -ops.log2(ops.sigmoid(y / s) * ops.sigmoid(-y / s) / s), "density"),
        (numpy_bits, "gradient is 0"),
    ],
    "04.with_noise": [
        (lambda y, d, u: y + d * u, "only goes up"),
        (lambda y, d, u: y + u - 0.5, "as wide as the step"),
        (lambda y, d, u: y + d * (2 * u - 1), "two steps wide"),
        (lambda y, d, u: rounded(y, d) + d * (u - 0.5), "in place of rounding"),
        (lambda y, d, u: tf.constant(y.numpy() + (d * (u - 0.5)).numpy()), "gradient is 0"),
    ],
    "04.straight_through": [
        (rounded, "gradient is 0"),
        (lambda y, d: ops.stop_gradient(y) + rounded(y, d) - ops.stop_gradient(y), "gradient is 0"),
        (lambda y, d: y + ops.stop_gradient(ops.round(y) - y), "multiples of the step"),
        (lambda y, d: y, "not rounded"),
        (lambda y, d: y / d + ops.stop_gradient(ops.round(y / d) - y / d), "multiply by the step"),
        (lambda y, d: y / d + ops.stop_gradient(rounded(y, d) - y / d), "should be 1"),
    ],
    "04.lagrangian": [
        (lambda x, z, r, d: r + price(d) * ops.mean((x - z) ** 2, (1, 2, 3)), "mean over the pixels"),
        (lambda x, z, r, d: price(d) * r + error(x, z), "goes with the distortion"),
        (lambda x, z, r, d: r + 6 / (math.log(2) * d[:, 0]) * error(x, z), "instead of its square"),
        (lambda x, z, r, d: r + 6 / d[:, 0] ** 2 * error(x, z), "ln 2 is missing"),
        (lambda x, z, r, d: ops.mean(r + price(d) * error(x, z)), "one number"),
        (lambda x, z, r, d: r + 6 / (math.log(2) * d**2) * error(x, z), "steps[:, 0]"),
        (lambda x, z, r, d: tf.constant((r + price(d) * error(x, z)).numpy()), "gradient is 0"),
    ],
    "04.next_target": [
        (lambda t, q, g: t + 0.4 * (q + g / 2 - t), "uphill"),
        (lambda t, q, g: t + 0.4 * (q - g - t), "without the half"),
        (lambda t, q, g: t - 0.2 * g, "add up"),
        (lambda t, q, g: q - g / 2, "overshoots"),
        (lambda t, q, g: q - 0.2 * g, "begins at target"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_04_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("04")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    def by_library(latents, steps, scales):
        prior = Prior(np.ones(1))
        prior.widths.assign(np.zeros(3))  # three logistics of scale 1 are one
        y = ops.convert_to_tensor(latents)
        one = tf.ones((tf.size(y) if y.shape.rank < 2 else y.shape[0], 1))
        flat = y if y.shape.rank == 2 else tf.reshape(y, (-1, 1))
        return tf.reshape(prior(flat / scales, one * steps / scales, energy=1.0), y.shape)

    checks.accepts("04.bin_bits", by_library)
    checks.accepts("04.with_noise", lambda y, d, u: y - d / 2 + d * u)
    checks.accepts("04.straight_through", lambda y, d: ops.stop_gradient(rounded(y, d)) + y - ops.stop_gradient(y))
    checks.accepts("04.next_target", lambda t, q, g: 0.6 * t + 0.4 * q - 0.2 * g)

    @tf.custom_gradient
    def straight(y):
        return tf.round(y), lambda above: above

    checks.accepts("04.straight_through", lambda y, d: d * straight(y / d))
