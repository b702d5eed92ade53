"""Lesson 06: likeness in features, two kinds of fakes, who learns from what, and the guard.

Losses are written with `keras.ops`, because gradients have to pass them. "fool" is -log D of the fakes, as in 05.
"""

import math

import numpy as np

from elic_tf.course import differentiable
from elic_tf.course.checks import Wrong, check, expect


def L_llike(features, features_tilde, variance):
    """-log N(Dis_l(x) | Dis_l(x~), variance) in nats, (n,), without its constant; features (n, h, w, c).

    Larsen et al. 2016, (6) and (7).
    """
    from keras import ops

    return 0.5 * ops.sum(ops.square(features - features_tilde), axis=(1, 2, 3)) / variance


@check(
    "06.L_llike",
    "Likeness in what a discriminator sees",
    reference=L_llike,
    hints=(
        "Lesson 02's distortion without its constant: squared error over 2 σ². Here the variance σ² is given.",
        "Sum the squared differences over rows, columns and channels: axis=(1, 2, 3), so one number per face is left.",
        "Use keras.ops, as gradients have to pass.",
    ),
)
def _(student):
    random = np.random.default_rng(6)
    features, tilde = random.normal(size=(2, 3, 4, 4, 5)).astype(np.float32)
    variance = 0.3
    squares = np.square(features - tilde, dtype=np.float64)
    error = squares.sum((1, 2, 3))
    wanted = error / (2 * variance)
    likely = {
        "with the mean over the features; take the sum": squares.mean((1, 2, 3)) / (2 * variance),
        "without the half": error / variance,
        "without the variance": error / 2,
        "the squared error alone: divide by twice the variance": error,
        "as if the variance were a standard deviation: it is not squared": error / (2 * variance**2),
        "multiplied by the variance; divide": error / 2 * variance,
        "of the absolute, not of the squared differences": np.abs(features - tilde).sum((1, 2, 3)) / (2 * variance),
        "the logarithm of the density, which is to be climbed; a loss is its opposite": -wanted,
        "in bits; L_llike is in nats": wanted / math.log(2),
        "one number for all faces; here we want one for each": wanted.sum(),
        "the mean of all faces; here we want one for each": wanted.mean(),
    }
    got = _eager(student, features, tilde, variance)
    expect("three faces, variance 0.3", got, wanted, unit="nats", tolerance=1e-4, likely=likely)
    differentiable.expect_gradient("L_llike in Dis_l(x~)", lambda other: student(features, other, variance), tilde)


def L_GAN(real, tilde, p):
    """log D(x) + (log(1 - D(x~)) + log(1 - D(x_p))) / 2 in nats, (n,), of logits (n,)."""
    from keras import ops

    return -ops.softplus(-real) - (ops.softplus(tilde) + ops.softplus(p)) / 2


@check(
    "06.L_GAN",
    "One face, two kinds of fakes",
    reference=L_GAN,
    hints=(
        "From lesson 05: log D = -ops.softplus(-logit), and log(1 - D) = -ops.softplus(logit).",
        "The two fakes share one vote: the mean of their two terms.",
        "-ops.softplus(-real) - (ops.softplus(tilde) + ops.softplus(p)) / 2",
    ),
)
def _(student):
    real, tilde, p = np.array([[2.0, -1.0, 0.5], [-3.0, 0.5, 1.5], [0.7, -2.0, 0.1]], np.float32)
    yes, no = _log_D(real), (_log_D(-tilde), _log_D(-p))
    wanted = yes + (no[0] + no[1]) / 2
    likely = {
        "with two votes for fakes and one for faces: take the mean of the fakes": yes + no[0] + no[1],
        "half of everything; only the fakes share a vote": wanted - yes / 2,
        "without x_p: the decoder's draws from the prior are fakes too": yes + no[0],
        "without x~: what the codec makes are fakes too": yes + no[1],
        "a loss, to be descended: L_GAN is what D climbs, so it is below 0": -wanted,
        "log D of the fakes; of fakes D should say no, 1 - D": yes + (_log_D(tilde) + _log_D(p)) / 2,
        "one number for all; here we want one for each": wanted.mean(),
    }
    got = _eager(student, real, tilde, p)
    expect("three faces and their fakes", got, wanted, unit="nats", tolerance=1e-4, likely=likely)
    far = np.ravel(_eager(student, [-200.0], [200.0], [200.0]))
    if not np.allclose(far, -400, rtol=1e-3):
        raise Wrong(
            f"logits -200, 200 and 200, D sure and wrong: got {far[0]:.4g}, should be -400; float32 rounds a sigmoid "
            "to 0 or 1 there: use ops.softplus of the logits, as in lesson 05"
        )


def routes(gamma):
    """{player: {loss: its weight in what the player descends}}; Larsen et al. 2016, algorithm 1."""
    return {
        "encoder": {"prior": 1, "llike": 1},
        "decoder": {"llike": gamma, "fool": 1},
        "discriminator": {"gan": -1},
    }


PLAYERS, LOSSES = ("encoder", "decoder", "discriminator"), ("prior", "llike", "gan", "fool")


@check(
    "06.routes",
    "Who learns from what",
    reference=routes,
    hints=(
        "The encoder descends L_prior + L_llike: {'prior': 1, 'llike': 1}.",
        "The decoder descends gamma L_llike + L_fool. L_fool is its side of the game, where L_GAN would saturate.",
        "The discriminator climbs L_GAN, and nothing else. To climb is to descend the opposite.",
    ),
)
def _(student):
    gamma = 0.01
    table = student(gamma)
    if not isinstance(table, dict):
        raise Wrong(
            f"got {_kind(table)}, should be a dictionary of dictionaries: {{'encoder': {{'prior': 1, ...}}, ...}}"
        )
    if unknown := set(table) ^ set(PLAYERS):
        raise Wrong(f"the players are {', '.join(PLAYERS)}; check {', '.join(map(repr, sorted(map(str, unknown))))}")
    for player in PLAYERS:
        row = table[player]
        if not isinstance(row, dict) or (strange := set(row) - set(LOSSES)):
            what = (
                f"has {', '.join(map(repr, sorted(map(str, strange))))}"
                if isinstance(row, dict)
                else f"is {_kind(row)}"
            )
            raise Wrong(f"the row of the {player} {what}; it is a dictionary of weights of {', '.join(LOSSES)}")
        _check_row(player, [float(row.get(loss, 0)) for loss in LOSSES], gamma)


def _check_row(player, got, gamma):
    """Raise `Wrong` where the weights of a player, in the order of `LOSSES`, are not those of algorithm 1."""
    prior, llike, gan, fool = got
    said = ", ".join(f"{weight:g} L_{loss}" for loss, weight in zip(LOSSES, got) if weight) or "nothing"
    wanted = [float(routes(gamma)[player].get(loss, 0)) for loss in LOSSES]
    mistakes = {
        "encoder": (
            (gan or fool, "the encoder hears of the game. It need not fool anybody: it says who it was"),
            (np.isclose(llike, gamma), "gamma is for the decoder alone, which has two wishes to weigh"),
            (not prior, "without L_prior it may say as much as it likes"),
            (not llike, "without L_llike it has nothing to say"),
        ),
        "decoder": (
            (gan > 0 and not fool, "descending L_GAN saturates: take L_fool, as in lesson 05"),
            (gan < 0, "climbing L_GAN, it would help the discriminator"),
            (prior, "L_prior does not depend on the decoder: leave it out"),
            (not fool, "without L_fool nobody asks it for faces that look real"),
            (not llike, "without L_llike it draws any face, not this one"),
            (fool and np.isclose(llike / fool, 1 / gamma), "gamma weighs L_llike, not L_fool"),
            (llike == 1, "L_llike is a sum over a thousand features and would drown L_fool: weigh it with gamma"),
        ),
        "discriminator": (
            (llike, "the discriminator hears of L_llike. The easiest way to make that small is to see no differences"),
            (fool, "L_fool is the decoder's side of the game"),
            (prior, "L_prior does not depend on the discriminator: leave it out"),
            (gan > 0, "it climbs L_GAN, and what is in the table is descended: mind the sign"),
        ),
    }
    for wrong, why in mistakes[player]:
        if wrong:
            raise Wrong(f"{player}: got {said}; {why}")
    if not np.allclose(got, wanted):
        right = ", ".join(f"{weight:g} L_{loss}" for loss, weight in zip(LOSSES, wanted) if weight)
        raise Wrong(f"{player}: got {said}, should be {right}, for gamma {gamma}")


def routed(forward, players, routes):
    """{player: gradients of its trainable variables} of the mean, over faces, of the losses it is wired to.

    forward: a function that computes the losses, {name: (n,)}. players: {player: network}. routes: {player: {loss:
    weight}}.
    """
    import tensorflow as tf
    from keras import ops

    with tf.GradientTape(persistent=True) as tape:
        losses = forward()
        totals = {
            name: sum(weight * ops.mean(losses[loss]) for loss, weight in row.items()) for name, row in routes.items()
        }
    return {name: tape.gradient(totals[name], player.trainable_variables) for name, player in players.items()}


@check(
    "06.routed",
    "Gradients along the wires",
    reference=routed,
    hints=(
        "with tf.GradientTape(persistent=True) as tape: first losses = forward(), then one total for each player.",
        "A total is sum(weight * ops.mean(losses[loss]) for loss, weight in routes[player].items()). Inside the tape.",
        "After the tape: tape.gradient(total of the player, player.trainable_variables), for each of players.items().",
    ),
)
def _(student):
    players, forward = _toy()
    wires = {"encoder": {"prior": 1, "llike": 1}, "decoder": {"llike": 0.5, "fool": 2}, "discriminator": {"gan": -1}}
    got = student(forward, players, wires)
    if not isinstance(got, dict) or set(got) != set(players):
        raise Wrong(
            f"got {_kind(got)}, should be a dictionary with a list of gradients for each of {', '.join(players)}"
        )
    slopes = _slopes()
    weighted = {
        player: {loss: wires[player].get(loss, 0) * np.asarray(slope) for loss, slope in slopes[player].items()}
        for player in players
    }
    for player, network in players.items():
        each = list(got[player]) if isinstance(got[player], (list, tuple)) else [got[player]]
        if len(each) != len(network.trainable_variables):
            raise Wrong(
                f"{player}: got {len(each)} gradients, should be {len(network.trainable_variables)}: those of its own "
                "trainable_variables, and of nobody else's"
            )
        if any(part is None for part in each):
            raise Wrong(f"{player}: got None, so the total does not depend on it: compute the totals inside the tape")
        wanted = sum(weighted[player].values())
        everybody = sum(w.get(loss, 0) * np.asarray(s) for w in wires.values() for loss, s in slopes[player].items())
        likely = {
            "the gradient of the sum over the faces; take the mean": 2 * wanted,
            "that of the totals of all players: each has its own": everybody,
            "without the weights of the routes": sum(
                np.asarray(slopes[player][loss]) for loss in wires[player] if loss in slopes[player]
            ),
            "the opposite: what is in the table is descended as it stands": -wanted,
            "that of all losses, wired or not": sum(np.asarray(slope) for slope in slopes[player].values()),
        }
        likely = {what: value for what, value in likely.items() if not np.allclose(value, wanted)}
        found = np.array([float(part) for part in each])
        expect(f"gradients of the {player}", found, wanted, tolerance=1e-4, likely=likely)


class _Toy:
    """A network for those who look at nothing but its variables."""

    def __init__(self, *values):
        import keras

        self.trainable_variables = [keras.Variable(value, dtype="float32") for value in values]


def _toy():
    """Three players of one or two weights, e, (d, f) and c, and a function that gives losses of two faces."""
    import tensorflow as tf

    players = {"encoder": _Toy(0.5), "decoder": _Toy(2.0, -1.0), "discriminator": _Toy(3.0)}

    def forward():
        (e,), (d, f), (c,) = (player.trainable_variables for player in players.values())
        e, d, f, c = (tf.convert_to_tensor(weight) for weight in (e, d, f, c))
        return {
            "prior": tf.stack([e**2, 3 * e**2]),
            "llike": tf.stack([c * e * d, c * (e * d + 2 * f)]),
            "gan": tf.stack([c * d, -c * c * f]),
            "fool": tf.stack([-c * d, 5 * c * f]),
        }

    return players, forward


def _slopes():
    """{player: {loss: gradients of its mean}} of `_toy`, by hand."""
    e, d, f, c = 0.5, 2.0, -1.0, 3.0
    return {
        "encoder": {"prior": [4 * e], "llike": [c * d], "gan": [0.0], "fool": [0.0]},
        "decoder": {"prior": [0.0, 0.0], "llike": [c * e, c], "gan": [c / 2, -c * c / 2], "fool": [-c / 2, 2.5 * c]},
        "discriminator": {
            "prior": [0.0], "llike": [e * d + f], "gan": [(d - 2 * c * f) / 2], "fool": [(5 * f - d) / 2],
        },
    }  # fmt: skip


def guard(real, fake, low, high):
    """(whether the discriminator learns, whether the decoder learns) in this step; losses of faces and of fakes, ()."""
    from keras import ops

    discriminator = ops.minimum(real, fake) >= low
    decoder = ops.maximum(real, fake) <= high
    neither = ops.logical_not(ops.logical_or(discriminator, decoder))
    return ops.logical_or(discriminator, neither), ops.logical_or(decoder, neither)


CASES = ((0.7, 0.7), (0.2, 0.7), (0.7, 0.2), (1.2, 0.7), (0.7, 1.2), (0.2, 1.2), (1.2, 0.2), (0.1, 0.1), (1.5, 1.5))


@check(
    "06.guard",
    "Who may learn in this step",
    reference=guard,
    hints=(
        "The discriminator stands still if the smaller of the two losses is below low: ops.minimum(real, fake) < low.",
        "The decoder stands still if the larger of the two is above high.",
        "Where both would stand still both learn. Tensors take ops.logical_or and ops.logical_not, not `or` and `not`.",
    ),
)
def _(student):
    low, high = 0.33, 1.03
    real, fake = np.transpose(CASES)
    smaller, larger = np.minimum(real, fake), np.maximum(real, fake)

    def both(discriminator, decoder, rescue=True):
        neither = ~discriminator & ~decoder & rescue
        return np.stack([discriminator | neither, decoder | neither], 1).astype(float)

    wanted = both(smaller >= low, larger <= high)
    likely = {
        "without the last rule: if both stand still, both learn": both(smaller >= low, larger <= high, rescue=False),
        "with the players exchanged: small losses are victories of the discriminator, whose answer comes first": wanted[
            :, ::-1
        ],
        "whether each stands still; we want whether it learns": 1 - wanted,
        "that only if both losses are out of bounds; one is enough": both(larger >= low, smaller <= high),
        "that only if both losses are out of bounds, and without the last rule": both(
            larger >= low, smaller <= high, False
        ),
        "looking at the loss of faces alone": both(real >= low, real <= high),
        "looking at the loss of fakes alone": both(fake >= low, fake <= high),
        "one where the discriminator looks at faces, the decoder at fakes; both look at both": both(
            real >= low, fake <= high
        ),
    }  # fmt: skip
    got = _learns(student, low, high)
    for case, mine, right in zip(CASES, got, wanted):
        if not np.array_equal(mine, right):
            name = next((f"; yours is {what}" for what, table in likely.items() if np.array_equal(got, table)), "")
            said, should = (_verdict(*each) for each in (mine, right))
            raise Wrong(f"loss of faces {case[0]}, of fakes {case[1]}: got {said}, should be {should}{name}")


def _learns(student, low, high):
    """The student's answers in all `CASES`, as in a training step, where losses are tensors without a value yet."""
    import tensorflow as tf

    step = tf.function(lambda *given: student(*given), autograph=False)
    step = step.get_concrete_function(*[tf.TensorSpec(())] * 4)
    answers = [step(*(tf.constant(value, tf.float32) for value in (*case, low, high))) for case in CASES]
    if not isinstance(answers[0], (tuple, list)) or len(answers[0]) != 2:
        raise Wrong(
            f"got {_kind(answers[0])}, should be a pair: whether the discriminator learns, whether the decoder does"
        )
    return [[float(each) for each in pair] for pair in answers]


def _verdict(discriminator, decoder):
    names = [name for name, moves in (("discriminator", discriminator), ("decoder", decoder)) if moves]
    return f"{' and '.join(names)} learn{'s' * (len(names) == 1)}" if names else "nobody learns"


def _kind(value):
    return "nothing (is a `return` missing?)" if value is None else type(value).__name__


def _log_D(logits):
    """In float64, where logits as small as these do no harm."""
    return -np.log1p(np.exp(-np.asarray(logits, float)))


def _eager(student, *arguments):
    """The student's result for tensors of float32, as it will be called in training."""
    import tensorflow as tf

    return student(*(tf.constant(argument, tf.float32) for argument in arguments))
