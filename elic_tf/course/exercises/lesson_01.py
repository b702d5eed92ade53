"""Lesson 01: reparametrisation, rate and distortion of a VAE in bits, its training step, and a plane of latents."""

import math
import statistics
import types

import numpy as np

from elic_tf.course import differentiable
from elic_tf.course.checks import Wrong, check, expect

LN2 = math.log(2)


def reparametrise(mean, log_variance, noise):
    """A draw from N(mean, variance), (n, K), made of noise (n, K) from N(0, 1) (Kingma, Welling, section 2.4)."""
    from keras import ops

    return mean + ops.exp(log_variance / 2) * noise


@check(
    "01.reparametrise",
    "A draw that gradients pass through",
    reference=reparametrise,
    hints=(
        "z = μ + σ ε. The mean is there, the noise is there; what is σ?",
        "log_variance is ln σ², so σ² is its exponential, and σ the root of that.",
        "The root of exp(v) is exp(v / 2). Use ops.exp, so that TensorFlow sees what you do.",
    ),
)
def _(student):
    mean = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 0.2]], np.float32)
    log_variance = np.array([[0.0, 1.4, -2.0], [-0.6, 0.8, 2.2]], np.float32)
    noise = np.array([[0.5, -1.0, 2.0], [1.5, 0.3, -0.7]], np.float32)
    sigma = np.exp(log_variance / 2)
    likely = {
        "with the variance where σ belongs: take the root": mean + np.exp(log_variance) * noise,
        "with the logarithm itself where σ belongs": mean + log_variance * noise,
        "with half the logarithm where σ belongs: exp is missing": mean + log_variance / 2 * noise,
        "the mean alone: every draw would be the same": mean,
        "without the mean": sigma * noise,
        "with half the variance: halve the logarithm, inside exp": mean + np.exp(log_variance) / 2 * noise,
        "with σ added to the noise; multiply": mean + sigma + noise,
    }
    expect("six latents", differentiable.eager(student, mean, log_variance, noise), mean + sigma * noise, likely=likely)
    _expect_gradient("the mean", lambda m: student(m, log_variance, noise), mean, np.ones_like(mean))
    _expect_gradient("log_variance", lambda v: student(mean, v, noise), log_variance, sigma * noise / 2)


def rate(mean, log_variance):
    """KL(N(mean, variance) || N(0, I)) of each face in bits, (n,) (Kingma, Welling, appendix B)."""
    from keras import ops

    return ops.sum(ops.square(mean) + ops.exp(log_variance) - 1 - log_variance, axis=1) / (2 * LN2)


@check(
    "01.rate",
    "The rate in bits, in closed form",
    reference=rate,
    hints=(
        "Four terms in the bracket: μ², σ², 1 and ln σ². The last is log_variance as it is, σ² is its exponential.",
        "Sum over latents, axis=1: one number for each face.",
        "The formula divides by 2 ln 2. The 2 is from the Gaussian, the ln 2 makes bits of nats.",
    ),
)
def _(student):
    one = differentiable.eager(student, np.array([[2.0]]), np.array([[0.0]]))
    wanted = np.array([2 / LN2])
    likely = {
        "in nats: divide by ln 2": wanted * LN2,
        "negative: mind the sign": -wanted,
        "twice too large": 2 * wanted,
        "without the 1: q = p would not cost 0": wanted + 1 / (2 * LN2),
        "one number for each latent; sum them: axis=1": wanted[:, None],
        "one number for all faces; keep them apart: axis=1": wanted[0],
    }
    expect("one latent, μ = 2, σ = 1", one, wanted, unit="bits", likely=likely)
    mean = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 0.2]], np.float32)
    v = np.array([[0.0, 1.4, -2.0], [-0.6, 0.8, 2.2]], np.float32)
    each = (mean**2 + np.exp(v) - 1 - v) / (2 * LN2)
    wanted = each.sum(1)
    likely = {
        "in nats: divide by ln 2": wanted * LN2,
        "the mean over latents; a price is a sum": each.mean(1),
        "one number for each latent; sum them: axis=1": each,
        "summed over the faces; sum over latents: axis=1": each.sum(0),
        "one number for all faces": each.sum(),
        "with log_variance read as ln σ": (mean**2 + np.exp(2 * v) - 1 - 2 * v).sum(1) / (2 * LN2),
        "with σ where σ² belongs": (mean**2 + np.exp(v / 2) - 1 - v).sum(1) / (2 * LN2),
        "without the 1: q = p would not cost 0": (mean**2 + np.exp(v) - v).sum(1) / (2 * LN2),
        "with log_variance where σ² belongs: exp is missing": (mean**2 + v - 1 - v).sum(1) / (2 * LN2),
    }
    got = differentiable.eager(student, mean, v)
    expect("two faces of three latents", got, wanted, unit="bits", tolerance=1e-4, likely=likely)
    expect("q = p", differentiable.eager(student, np.zeros((2, 3)), np.zeros((2, 3))), np.zeros(2), unit="bits")
    _expect_gradient("the mean", lambda m: student(m, v), mean, mean / LN2)
    likely = {"without that of σ²: write ops.exp, which lets it pass": np.full(v.shape, -0.5 / LN2)}
    _expect_gradient("log_variance", lambda w: student(mean, w), v, (np.exp(v) - 1) / (2 * LN2), likely)


def dots(images, logits):
    """-log2 p(x|z) of each image, (n,): a Bernoulli for each pixel (Kingma, Welling, appendix C.1)."""
    from keras import ops

    return ops.sum(ops.softplus(logits) - images * logits, axis=(1, 2, 3)) / LN2


@check(
    "01.dots",
    "The distortion in bits, of black and white dots",
    reference=dots,
    hints=(
        "A white dot (x = 1) costs -log₂ p, a black one (x = 0) costs -log₂ (1 - p), where p = 1 / (1 + exp(-l)).",
        "-ln p = softplus(-l) and -ln (1 - p) = softplus(l): ops.softplus does not overflow.",
        "Weight the two by x and 1 - x, sum over rows, columns and channels, axis=(1, 2, 3), and divide by ln 2.",
    ),
)
def _(student):
    white = np.array([1.0, 0.0], np.float32).reshape(2, 1, 1, 1)
    logit = np.full((2, 1, 1, 1), math.log(3), np.float32)  # p = 3/4
    wanted = np.array([-math.log2(3 / 4), 2.0])
    likely = {
        "in nats: divide by ln 2": wanted * LN2,
        "negative: mind the sign": -wanted,
        "with black and white exchanged": wanted[::-1],
        "without the price of black dots, (1 - x) log₂ (1 - p)": [wanted[0], 0],
        "without the price of white dots, x log₂ p": [0, wanted[1]],
        "one number for all images": wanted.sum(),
        "one number for all images, their mean": wanted.mean(),
        "still of shape (n, 1, 1, 1); sum over axis=(1, 2, 3)": wanted.reshape(2, 1, 1, 1),
        "what a probability of l would cost; l is a logit": -np.log2([abs(math.log(3)), abs(1 - math.log(3))]),
    }
    what = "a white dot and a black one, both with p = 3/4"
    expect(what, differentiable.eager(student, white, logit), wanted, unit="bits", tolerance=1e-4, likely=likely)
    random = np.random.default_rng(0)
    images = random.uniform(0, 1, (3, 4, 4, 1)).astype(np.float32)
    logits = random.normal(0, 2, (3, 4, 4, 1)).astype(np.float32)
    each = (np.logaddexp(0, logits) - images * logits) / LN2
    likely = {
        "the mean over the pixels; a price is a sum": each.mean((1, 2, 3)),
        "in nats: divide by ln 2": each.sum((1, 2, 3)) * LN2,
        "one number for each row of pixels": each.sum((2, 3)),
        "that of the image cut to black and white": ((np.logaddexp(0, logits) - (images > 0.5) * logits) / LN2).sum(
            (1, 2, 3)
        ),
    }
    got = differentiable.eager(student, images, logits)
    expect("three grey images", got, each.sum((1, 2, 3)), unit="bits", tolerance=1e-4, likely=likely)
    sure = np.array([-120.0, 120.0], np.float32).reshape(2, 1, 1, 1)
    got = np.asarray(differentiable.eager(student, white, sure), float)
    if got.shape == (2,) and not np.allclose(got, 120 / LN2, rtol=1e-3):
        raise Wrong(
            f"a white dot with l = -120 and a black one with l = 120: got {got[0]:.4g} and {got[1]:.4g} bits, should "
            f"be {120 / LN2:.4g} both: exp(120) is infinite in float32 and 1 - p is 0, so do not compute p"
        )
    wanted = 1 / (1 + np.exp(-logits)) - images
    _expect_gradient("the logits", lambda other: student(images, other), logits, wanted / LN2)


def train_step(model, images, noise):
    """Lower rate + distortion by one step of `model.optimizer`; returns the means over the batch, in bits."""
    import tensorflow as tf
    from keras import ops

    with tf.GradientTape() as tape:
        mean, log_variance = model.encoder(images)
        logits = model.decoder(reparametrise(mean, log_variance, noise))
        r, d = ops.mean(rate(mean, log_variance)), ops.mean(dots(images, logits))
        loss = r + d
    variables = model.trainable_variables
    model.optimizer.apply(tape.gradient(loss, variables), variables)
    return {"loss": loss, "rate": r, "distortion": d}


@check(
    "01.train_step",
    "One step of training",
    reference=train_step,
    hints=(
        "Inside the tape: encoder, reparametrise, decoder, then rate and dots. Outside: gradient and optimizer.",
        "rate and dots give a number for each face; ops.mean makes one of a batch.",
        "gradients = tape.gradient(loss, model.trainable_variables), then model.optimizer.apply(gradients, variables).",
    ),
)
def _(student):
    import tensorflow as tf

    random = np.random.default_rng(1)
    images = tf.constant(random.uniform(0, 1, (6, 2, 2, 1)), tf.float32)
    noise = tf.constant(random.normal(0, 1, (6, 2)), tf.float32)
    mine, theirs = _tiny_model(), _tiny_model()
    before = [variable.numpy() for variable in theirs.trainable_variables]
    wanted = {name: float(value) for name, value in train_step(mine, images, noise).items()}
    got = student(theirs, images, noise)
    if not isinstance(got, dict) or not wanted.keys() <= got.keys():
        kind = f"the keys {', '.join(got)}" if isinstance(got, dict) else type(got).__name__
        raise Wrong(f"what is returned: got {kind}, should be a dictionary with loss, rate and distortion")
    still = _tiny_model()
    quiet = float(np.mean(dots(images, still.decoder(still.encoder(images)[0]))))
    reported = {
        "rate": {"the sum over the faces; take the mean": 6 * wanted["rate"]},
        "distortion": {
            "the sum over the faces; take the mean": 6 * wanted["distortion"],
            "that of the mean of q: decode a draw, with the noise": quiet,
            "that of the noise alone": float(np.mean(dots(images, still.decoder(noise)))),
        },
        "loss": {
            "without the rate": wanted["distortion"],
            "without the distortion": wanted["rate"],
            "the mean of both; add them": wanted["loss"] / 2,
        },
    }
    for name, likely in reported.items():
        expect(f"the {name} of six images", got[name], wanted[name], unit="bits", tolerance=1e-4, likely=likely)
    moved = [variable.numpy() - old for variable, old in zip(theirs.trainable_variables, before)]
    right = [variable.numpy() - old for variable, old in zip(mine.trainable_variables, before)]
    _expect_moves(moved, right)
    try:
        tf.function(lambda *batch: student(theirs, *batch), autograph=False)(images, noise)  # as Keras does
    except Exception as error:
        raise Wrong(
            "right for one batch, but `fit` compiles the step, and there tensors have no values yet: compute and "
            f"return tensors, without float() or .numpy() ({type(error).__name__})"
        ) from None


def _expect_moves(moved, right):
    """Raise `Wrong` unless the variables (four of the encoder, two of the decoder) moved as they should."""
    largest = max(np.abs(move).max() for move in right)

    def same(a, b):
        return all(np.allclose(x, y, atol=1e-3 * largest) for x, y in zip(a, b))

    zeros = [0 * move for move in right]
    if same(moved, right):
        return
    if same(moved, zeros):
        raise Wrong("no variable moved: give the gradients to model.optimizer.apply(gradients, variables)")
    if same(moved[:4], zeros[:4]):
        raise Wrong("only the decoder moved: the encoder learns too, so take all of model.trainable_variables")
    if same(moved[4:], zeros[4:]):
        raise Wrong("only the encoder moved: the decoder learns too, so take all of model.trainable_variables")
    if same(moved, [-move for move in right]):
        raise Wrong("the variables moved uphill: the optimizer lowers the loss, so give it the gradient as it is")
    if same(moved, [6 * move for move in right]):
        raise Wrong("the variables moved six times too far: six images, so the loss was their sum, not their mean")
    norm = [math.sqrt(sum(np.sum(np.square(move)) for move in moves)) for moves in (moved, right)]
    raise Wrong(
        f"the variables moved elsewhere: got a move of length {norm[0]:.4g}, should be {norm[1]:.4g}; "
        "is the gradient that of loss = rate + distortion, taken once, in bits?"
    )


def _tiny_model():
    """Images (n, 2, 2, 1), two latents, a few weights that are always the same, plain gradient descent."""
    import keras
    from keras import layers

    image, z = keras.Input((2, 2, 1)), keras.Input((2,))
    flat = layers.Flatten()(image)
    encoder = keras.Model(image, [layers.Dense(2)(flat), layers.Dense(2)(flat)])
    decoder = keras.Model(z, layers.Reshape((2, 2, 1))(layers.Dense(4)(z)))
    random = np.random.default_rng(0)
    for network in (encoder, decoder):
        network.set_weights([random.normal(0, 0.7, weight.shape) for weight in network.get_weights()])
    variables = encoder.trainable_variables + decoder.trainable_variables
    optimizer = keras.optimizers.SGD(0.1)
    return types.SimpleNamespace(encoder=encoder, decoder=decoder, optimizer=optimizer, trainable_variables=variables)


def plane(side):
    """Latents (side, side, 2): to the right the first grows, upwards the second, at equal steps of probability."""
    quantiles = [statistics.NormalDist().inv_cdf(p) for p in np.linspace(0.05, 0.95, side)]
    right, up = np.meshgrid(quantiles, quantiles[::-1])
    return np.stack([right, up], axis=-1)


@check(
    "01.plane",
    "A plane of latents, for a map",
    reference=plane,
    hints=(
        "statistics.NormalDist().inv_cdf(p) is the latent with a share p of the prior below it.",
        "np.meshgrid(a, b) gives two tables (rows, columns): a grows to the right, b grows downwards.",
        "Upwards means that the first row has the largest second latent: turn its list round with [::-1].",
    ),
)
def _(student):
    got, wanted = student(3), plane(3)
    line = np.linspace(wanted[0, 0, 0], wanted[0, 2, 0], 5)
    steps = np.stack(np.meshgrid(line, line[::-1]), -1)
    likely = {
        "upside down: the first row is the top one, where the second latent is largest": wanted[::-1],
        "a mirror image: to the right the first latent grows": wanted[:, ::-1],
        "with the two latents exchanged": wanted[..., ::-1],
        "with rows and columns exchanged": wanted.transpose(1, 0, 2),
        "with the latents exchanged, and upside down": wanted[::-1, :, ::-1],
        "of probabilities; latents are their quantiles": np.stack(
            np.meshgrid([0.05, 0.5, 0.95], [0.95, 0.5, 0.05]), -1
        ),
        "a list of points; keep rows and columns: (side, side, 2)": wanted.reshape(9, 2),
        "with the latents on the first axis; they belong on the last": np.moveaxis(wanted, -1, 0),
    }
    expect("3 x 3 points", got, wanted, tolerance=1e-4, likely=likely)
    likely = {"at equal steps of the latent; take equal steps of probability, from 0.05 to 0.95": steps}
    expect("5 x 5 points", student(5), plane(5), tolerance=1e-4, likely=likely)


def _expect_gradient(what, function, values, wanted, likely=None):
    """Raise `Wrong` unless the gradient of the function's sum by `values` is `wanted`. likely: as in `expect`."""
    gradient = differentiable.gradient(function, values)
    if gradient is None or not np.any(gradient):
        raise Wrong(
            f"the values are right, but the gradient by {what} is {'missing' if gradient is None else '0'}, should be "
            f"[{', '.join(f'{value:.3g}' for value in wanted.ravel()[:3])}, …]; compute with keras.ops, not with NumPy"
        )
    expect(f"the gradient by {what}", gradient, wanted, tolerance=1e-3, likely=likely)
