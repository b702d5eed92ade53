"""The checks of lesson 01: each accepts right solutions, and rejects plausible mistakes by their names."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import math

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from keras import ops  # noqa: E402

from elic_tf.course import checks  # noqa: E402
from elic_tf.course.exercises.lesson_01 import dots, plane, rate, reparametrise  # noqa: E402
from elic_tf.models import cvae, vae  # noqa: E402

LN2 = math.log(2)


def bracket(mean, v):
    return ops.square(mean) + ops.exp(v) - 1 - v


def dots_by_probability(images, logits):
    p = ops.sigmoid(logits)
    return -ops.sum(images * ops.log(p) + (1 - images) * ops.log(1 - p), (1, 2, 3)) / LN2


def price(images, logits):
    return ops.softplus(logits) - images * logits


def step_but(noisy=True, price_of_latents=True, total=ops.mean, inside=True, chosen=lambda v: v, sign=1, returned=None):
    """The reference with one step wrong."""

    def train_step(model, images, noise):
        with tf.GradientTape() as tape:
            mean, v = model.encoder(images)
            logits = model.decoder(reparametrise(mean, v, noise) if noisy else mean)
            r, d = total(rate(mean, v)), total(dots(images, logits))
            loss = r + d if price_of_latents else d
        if not inside:
            with tf.GradientTape() as tape:
                pass
        variables = chosen(model.trainable_variables)
        gradients = tape.gradient(loss, variables)
        if variables:
            model.optimizer.apply([sign * gradient for gradient in gradients], variables)
        result = {"loss": loss, "rate": r, "distortion": d}
        return result if returned is None else returned(result)

    return train_step


def with_sum_only_in_the_gradient(model, images, noise):
    result = step_but(chosen=lambda v: [])(model, images, noise)
    step_but(total=ops.sum)(model, images, noise)
    return result


def two_steps(model, images, noise):
    result = step_but()(model, images, noise)
    step_but()(model, images, noise)
    return result


def of_tutorial(side):
    """grid_x goes down the rows and is called y, as in the tutorial."""
    grid = plane(side)[0, :, 0]
    return np.array([[[x, y] for x in grid] for y in grid])


def at_equal_steps(side):
    line = np.linspace(-1.6448536, 1.6448536, side)
    return np.stack(np.meshgrid(line, line[::-1]), -1)


WRONG = {
    "01.reparametrise": [
        (lambda m, v, e: m + ops.exp(v) * e, "take the root"),
        (lambda m, v, e: m + v * e, "the logarithm itself"),
        (lambda m, v, e: m + ops.exp(v) / 2 * e, "inside exp"),
        (lambda m, v, e: m, "every draw would be the same"),
        (lambda m, v, e: m + ops.exp(v / 2) + e, "multiply"),
        (lambda m, v, e: m + np.exp(v / 2) * e, "the gradient by log_variance is missing"),
        (lambda m, v, e: ops.stop_gradient(m) + ops.exp(v / 2) * e, "the gradient by the mean is missing"),
        (lambda m, v, e: None, "`return` missing"),
    ],
    "01.rate": [
        (lambda m, v: ops.sum(bracket(m, v), 1) / 2, "nats"),
        (lambda m, v: -ops.sum(bracket(m, v), 1) / 2 / LN2, "sign"),
        (lambda m, v: ops.sum(bracket(m, v), 1) / LN2, "twice"),
        (lambda m, v: ops.mean(bracket(m, v), 1) / 2 / LN2, "a price is a sum"),
        (lambda m, v: ops.sum(bracket(m, v)) / 2 / LN2, "keep them apart"),
        (lambda m, v: bracket(m, v) / 2 / LN2, "one number for each latent"),
        (lambda m, v: ops.sum(bracket(m, 2 * v), 1) / 2 / LN2, "read as ln σ"),
        (lambda m, v: ops.sum(ops.square(m) + ops.exp(v) - v, 1) / 2 / LN2, "without the 1"),
        (lambda m, v: tf.constant(rate(m, v).numpy()), "the gradient by the mean is missing"),
        (lambda m, v: ops.sum(ops.square(m) + np.exp(v) - 1 - v, 1) / 2 / LN2, "write ops.exp"),
    ],
    "01.dots": [
        (dots_by_probability, "do not compute p"),
        (lambda x, logits: ops.sum(price(x, logits), (1, 2, 3)), "nats"),
        (lambda x, logits: ops.mean(price(x, logits), (1, 2, 3)) / LN2, "a price is a sum"),
        (lambda x, logits: ops.sum(price(1 - x, logits), (1, 2, 3)) / LN2, "black and white exchanged"),
        (lambda x, logits: ops.sum(x * ops.softplus(-logits), (1, 2, 3)) / LN2, "black dots"),
        (lambda x, logits: ops.sum(price(x, logits)) / LN2, "one number for all images"),
        (lambda x, logits: price(x, logits) / LN2, "shape (n, 1, 1, 1)"),
        (lambda x, logits: -dots(x, logits), "sign"),
        (
            lambda x, logits: ops.sum(price(ops.cast(x > 0.5, "float32"), logits), (1, 2, 3)) / LN2,
            "cut to black and white",
        ),
        (lambda x, logits: tf.constant(dots(x, logits).numpy()), "the gradient by the logits is missing"),
    ],
    "01.train_step": [
        (step_but(noisy=False), "with the noise"),
        (step_but(price_of_latents=False), "without the rate"),
        (step_but(total=ops.sum), "take the mean"),
        (step_but(chosen=lambda v: []), "no variable moved"),
        (step_but(chosen=lambda v: v[4:]), "only the decoder moved"),
        (step_but(chosen=lambda v: v[:4]), "only the encoder moved"),
        (step_but(sign=-1), "uphill"),
        (with_sum_only_in_the_gradient, "six times too far"),
        (two_steps, "taken once"),
        (step_but(returned=lambda result: {name: float(value) for name, value in result.items()}), "without float()"),
        (step_but(inside=False), "NoneType"),
        (step_but(returned=lambda result: result["loss"]), "should be a dictionary"),
        (step_but(returned=lambda result: {"loss": result["loss"]}), "should be a dictionary"),
    ],
    "01.plane": [
        (of_tutorial, "upside down"),
        (at_equal_steps, "equal steps of probability"),
        (lambda side: plane(side)[..., ::-1], "exchanged"),
        (lambda side: plane(side).transpose(1, 0, 2), "rows and columns exchanged"),
        (lambda side: plane(side).reshape(-1, 2), "keep rows and columns"),
        (lambda side: np.stack(np.meshgrid(*[np.linspace(0.05, 0.95, side)] * 2), -1)[::-1], "of probabilities"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_01_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("01")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    checks.accepts("01.reparametrise", vae.reparametrise)  # the library's, which this lesson leads to
    checks.accepts("01.reparametrise", lambda m, v, e: ops.sqrt(ops.exp(v)) * e + m)
    checks.accepts("01.rate", vae.rate)
    checks.accepts("01.dots", cvae.distortion)
    checks.accepts("01.train_step", step_but())

    def by_tensorflow(images, logits):
        each = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=logits)
        return tf.reduce_sum(each, [1, 2, 3]) / tf.math.log(2.0)

    def with_apply_gradients(model, images, noise):
        with tf.GradientTape() as tape:
            mean, v = model.encoder(images)
            parts = rate(mean, v), by_tensorflow(images, model.decoder(reparametrise(mean, v, noise)))
            loss = tf.reduce_mean(parts[0] + parts[1])
        gradients = tape.gradient(loss, model.trainable_variables)
        model.optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        return {"loss": loss, "rate": ops.mean(parts[0]), "distortion": ops.mean(parts[1]), "more": 1}

    checks.accepts("01.dots", by_tensorflow)
    checks.accepts("01.train_step", with_apply_gradients)
    checks.accepts("01.plane", lambda side: plane(side).tolist())
