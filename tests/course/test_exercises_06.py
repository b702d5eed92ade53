"""The checks of lesson 06: each accepts right solutions, and rejects plausible mistakes by their names."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from keras import ops  # noqa: E402

from elic_tf.course import checks  # noqa: E402
from elic_tf.course.exercises import lesson_06  # noqa: E402
from elic_tf.models import adversarial, vae_gan  # noqa: E402

AXES = (1, 2, 3)


def square(a, b):
    return ops.sum(ops.square(a - b), AXES)


def no(logits):
    return -ops.softplus(logits)


def table(encoder=None, decoder=None, discriminator=None):
    """The right routes, with other weights for some."""

    def routes(gamma):
        right = lesson_06.routes(gamma)
        for player, more in (("encoder", encoder), ("decoder", decoder), ("discriminator", discriminator)):
            right[player] |= {loss: gamma if weight == "gamma" else weight for loss, weight in (more or {}).items()}
        return right

    return routes


def plumber(mean=ops.mean, own=True, sign=1, mixed=False, inside=True, persistent=True, unwired=False):
    """The right way, with mistakes to choose."""

    def routed(forward, players, routes):
        with tf.GradientTape(persistent=persistent) as tape:
            losses = forward()
            if inside:
                totals = add(losses, routes)
        if not inside:
            totals = add(losses, routes)
        variables = [v for player in players.values() for v in player.trainable_variables]
        return {
            name: tape.gradient(totals[name], player.trainable_variables if own else variables)
            for name, player in players.items()
        }

    def add(losses, routes):
        totals = {
            name: sum(
                (1 if unwired else sign * row.get(loss, 0)) * mean(losses[loss])
                for loss in (losses if unwired else row)
            )
            for name, row in routes.items()
        }
        return dict.fromkeys(totals, sum(totals.values())) if mixed else totals

    return routed


def watchman(discriminator=lambda small, large, low, high: small >= low,
             decoder=lambda small, large, low, high: large <= high, rescue=True):  # fmt: skip
    """The right way, with mistakes to choose."""

    def guard(real, fake, low, high):
        bounds = ops.minimum(real, fake), ops.maximum(real, fake), low, high
        first, second = discriminator(*bounds), decoder(*bounds)
        neither = ops.logical_not(ops.logical_or(first, second))
        return (ops.logical_or(first, neither), ops.logical_or(second, neither)) if rescue else (first, second)

    return guard


def with_and(real, fake, low, high):
    dis, dec = real >= low and fake >= low, real <= high and fake <= high
    return (dis, dec) if dis or dec else (True, True)


WRONG = {
    "06.L_llike": [
        (lambda a, b, v: ops.mean(ops.square(a - b), AXES) / (2 * v), "mean over the features"),
        (lambda a, b, v: square(a, b) / v, "without the half"),
        (lambda a, b, v: square(a, b) / 2, "without the variance"),
        (lambda a, b, v: square(a, b) / (2 * v**2), "it is not squared"),
        (lambda a, b, v: -square(a, b) / (2 * v), "to be climbed"),
        (lambda a, b, v: ops.sum(ops.square(a - b)) / (2 * v), "one number for all"),
        (lambda a, b, v: ops.sum(ops.abs(a - b), AXES) / (2 * v), "absolute"),
        (lambda a, b, v: np.sum((a.numpy() - np.asarray(b)) ** 2, AXES) / (2 * v), "no gradient passes"),
        (lambda a, b, v: print(end=""), "`return` missing"),
    ],
    "06.L_GAN": [
        (lambda r, t, p: no(-r) + no(t) + no(p), "two votes"),
        (lambda r, t, p: no(-r) + no(t), "without x_p"),
        (lambda r, t, p: no(-r) + no(p), "without x~"),
        (lambda r, t, p: (no(-r) + (no(t) + no(p)) / 2) * -1, "it is below 0"),
        (lambda r, t, p: no(-r) + (no(-t) + no(-p)) / 2, "of fakes D should say no"),
        (lambda r, t, p: no(-r) / 2 + (no(t) + no(p)) / 2, "half of everything"),
        (lambda r, t, p: ops.mean(no(-r) + (no(t) + no(p)) / 2), "one number"),
        (
            lambda r, t, p: ops.log(ops.sigmoid(r)) + ops.log((1 - ops.sigmoid(t)) * (1 - ops.sigmoid(p))) / 2,
            "ops.softplus of the logits",
        ),
    ],
    "06.routes": [
        (table(encoder={"fool": 1}), "hears of the game"),
        (table(encoder={"llike": "gamma"}), "for the decoder alone"),
        (table(encoder={"prior": 0}), "as much as it likes"),
        (table(decoder={"fool": 0, "gan": 1}), "saturates"),
        (table(decoder={"gan": -1}), "help the discriminator"),
        (table(decoder={"llike": 1}), "drown L_fool"),
        (table(decoder={"llike": 1, "fool": "gamma"}), "gamma weighs L_llike"),
        (table(decoder={"prior": 1}), "does not depend on the decoder"),
        (table(decoder={"fool": -1}), "should be 0.01 L_llike, 1 L_fool"),
        (table(discriminator={"gan": 1}), "mind the sign"),
        (table(discriminator={"llike": 1}), "see no differences"),
        (table(discriminator={"fool": -1}), "the decoder's side"),
        (lambda gamma: {"encoder": {"prior": 1, "llike": 1}}, "check 'decoder', 'discriminator'"),
        (lambda gamma: table()(gamma) | {"decoder": {"likeness": gamma, "fool": 1}}, "has 'likeness'"),
        (lambda gamma: table()(gamma) | {"encoder": ("prior", "llike")}, "is tuple"),
        (lambda gamma: list(table()(gamma).values()), "got list"),
        (lambda gamma: None, "`return` missing"),
    ],
    "06.routed": [
        (plumber(mean=ops.sum), "sum over the faces"),
        (plumber(own=False), "nobody else's"),
        (plumber(sign=-1), "as it stands"),
        (plumber(mixed=True), "each has its own"),
        (plumber(inside=False), "inside the tape"),
        (plumber(unwired=True), "wired or not"),
        (plumber(persistent=False), "non-persistent"),
        (lambda forward, players, routes: [], "got list"),
    ],
    "06.guard": [
        (watchman(rescue=False), "both learn"),
        (watchman(lambda s, b, low, high: b >= low, lambda s, b, low, high: s <= high), "one is enough"),
        (watchman(lambda s, b, low, high: b <= high, lambda s, b, low, high: s >= low), "exchanged"),
        (lambda *given: watchman()(*given)[::-1], "whose answer comes first"),
        (lambda *given: [ops.logical_not(each) for each in watchman()(*given)], "stands still"),
        (lambda real, fake, low, high: watchman()(real, real, low, high), "faces alone"),
        (with_and, "bool"),
        (lambda real, fake, low, high: real >= low, "should be a pair"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_06_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("06")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    checks.accepts("06.L_llike", vae_gan.L_llike)  # the library's, which this lesson leads to
    checks.accepts("06.L_llike", lambda a, b, v: tf.reduce_sum((a - b) ** 2 / v, AXES) / 2)
    checks.accepts("06.L_GAN", adversarial.L_GAN)
    checks.accepts("06.L_GAN", lambda r, t, p: ops.log_sigmoid(r) + (ops.log_sigmoid(-t) + ops.log_sigmoid(-p)) / 2)
    checks.accepts("06.routes", table(encoder={"gan": 0, "fool": 0.0}, discriminator={"llike": 0}))
    checks.accepts("06.routed", plumber())

    def by_several_tapes(forward, players, routes):
        found = {}
        for name, row in routes.items():
            with tf.GradientTape() as tape:
                losses = forward()
                total = tf.add_n([weight * tf.reduce_mean(losses[loss]) for loss, weight in row.items()])
            found[name] = tape.gradient(total, [v.value for v in players[name].trainable_variables])
        return found

    checks.accepts("06.routed", by_several_tapes)

    def by_operators(real, fake, low, high):
        dis, dec = (real >= low) & (fake >= low), (real <= high) & (fake <= high)
        return dis | ~dec, dec | ~dis

    checks.accepts("06.guard", by_operators)
    assert [bool(each) for each in lesson_06.guard(0.2, 1.2, 0.33, 1.03)] == [True, True]
