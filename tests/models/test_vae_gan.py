"""The VAE/GAN: its losses are the paper's, and each network gets the gradients that algorithm 1 gives it, no others."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
tfp = pytest.importorskip("tensorflow_probability")
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

from elic_tf.models import vae_gan  # noqa: E402
from elic_tf.models.vae_gan import VAEGAN  # noqa: E402

LATENTS, SIZE = 3, 4


def networks(seed=0):
    keras.utils.set_random_seed(seed)
    faces = keras.Input((SIZE, SIZE, 3))
    x = layers.Dense(8, activation="tanh")(layers.Flatten()(faces))
    encoder = keras.Model(faces, [layers.Dense(LATENTS)(x), layers.Dense(LATENTS)(x)])
    z = keras.Input((LATENTS,))
    x = layers.Dense(48, activation="sigmoid")(layers.Dense(8, activation="tanh")(z))
    decoder = keras.Model(z, layers.Reshape((SIZE, SIZE, 3))(x))
    faces = keras.Input((SIZE, SIZE, 3))
    deep = layers.Conv2D(5, 2, strides=2, name="deep")(faces)
    x = layers.Dense(1)(layers.Flatten()(ops.tanh(deep)))
    return encoder, decoder, keras.Model(faces, {"deep": deep, "logits": layers.Reshape(())(x)})


def batch(n=6, seed=0):
    random = np.random.default_rng(seed)
    noise, prior = random.normal(size=(2, n, LATENTS)).astype(np.float32)
    return {"face": random.uniform(size=(n, SIZE, SIZE, 3)).astype(np.float32), "noise": noise, "prior": prior}


def losses(parts, data):
    """L_prior, L_llike and L_GAN written out once more, as in the paper, without the functions of the package."""
    encoder, decoder, discriminator = parts
    x = data["face"]
    mean, log_variance = encoder(x)
    posterior = tfp.distributions.MultivariateNormalDiag(mean, tf.exp(log_variance / 2))
    prior = tfp.distributions.MultivariateNormalDiag(tf.zeros_like(mean))
    x_tilde = decoder(mean + tf.exp(log_variance / 2) * data["noise"])
    seen, tilde, fake = discriminator(x), discriminator(x_tilde), discriminator(decoder(data["prior"]))
    width = tf.sqrt(tf.reduce_mean(tf.math.reduce_variance(seen["deep"], 0)))
    normal = tfp.distributions.Normal(tilde["deep"], width)
    constant = tf.math.log(width * np.sqrt(2 * np.pi))
    llike = -tf.reduce_sum(normal.log_prob(seen["deep"]) + constant, (1, 2, 3))
    probability = lambda each: tf.sigmoid(each["logits"])  # noqa: E731
    fakes = tf.math.log(1 - probability(tilde)) + tf.math.log(1 - probability(fake))
    fooled = tf.math.log(probability(tilde)) + tf.math.log(probability(fake))
    return {
        "prior": tf.reduce_mean(tfp.distributions.kl_divergence(posterior, prior)),
        "llike": tf.reduce_mean(llike),
        "gan": tf.reduce_mean(tf.math.log(probability(seen)) + fakes / 2),
        "fooled": tf.reduce_mean(fooled / 2),
    }


def slopes(parts, data):
    """{loss: [gradients of encoder, decoder, discriminator]}, None turned into zeros."""
    with tf.GradientTape(persistent=True) as tape:
        each = losses(parts, data)
    zero = tf.UnconnectedGradients.ZERO
    variables = [[variable.value for variable in part.trainable_variables] for part in parts]
    return {
        name: [tape.gradient(loss, part, unconnected_gradients=zero) for part in variables]
        for name, loss in each.items()
    }


def same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5, rtol=1e-4)


def largest(gradients):
    return max(np.abs(g).max() for g in gradients)


def test_losses_are_those_of_the_paper():
    parts, data = networks(), batch()
    model = VAEGAN(*parts)
    found, wanted = model.losses(data)[0], losses(parts, data)
    for name in ("prior", "llike", "gan"):
        np.testing.assert_allclose(np.mean(found[name]), wanted[name], rtol=1e-4)
    np.testing.assert_allclose(np.mean(found["fool"]), -wanted["fooled"], rtol=1e-4)
    assert all(loss.shape == (6,) for loss in found.values())


@pytest.mark.parametrize("beta, gamma", [(1.0, 0.01), (7.0, 0.3)])
def test_routing(beta, gamma):
    """Algorithm 1: who learns from what."""
    parts, data = networks(), batch()
    found, _ = VAEGAN(*parts, beta=beta, gamma=gamma, r1=0.0).gradients(data)
    slope = slopes(parts, data)
    same(found["encoder"], [beta * a + b for a, b in zip(slope["prior"][0], slope["llike"][0])])
    same(found["decoder"], [gamma * a - b for a, b in zip(slope["llike"][1], slope["fooled"][1])])
    same(found["discriminator"], [-a for a in slope["gan"][2]])
    # Every road that is closed leads somewhere, or closing it would prove nothing.
    assert largest(slope["gan"][0]) > 1e-4  # encoder: nothing of L_GAN
    assert largest(slope["llike"][2]) > 1e-2  # discriminator: nothing of L_llike
    # L_prior is of the encoder alone, by itself.
    assert largest(slope["prior"][1]) == largest(slope["prior"][2]) == 0


def test_the_decoder_descends_gamma_llike_minus_gan_where_it_saturates():
    parts, data = networks(), batch()
    found, _ = VAEGAN(*parts, gamma=0.05, saturating=True, r1=0.0).gradients(data)
    slope = slopes(parts, data)
    # (9) with the sign of L_GAN that lets the discriminator climb and the decoder descend it.
    same(found["decoder"], [0.05 * a + b for a, b in zip(slope["llike"][1], slope["gan"][1])])


def test_without_likeness_the_decoder_is_a_generator_and_the_encoder_learns_all_the_same():
    parts, data = networks(), batch()
    found, _ = VAEGAN(*parts, gamma=0.0, r1=0.0).gradients(data)
    slope = slopes(parts, data)
    same(found["decoder"], [-a for a in slope["fooled"][1]])
    same(found["encoder"], [a + b for a, b in zip(slope["prior"][0], slope["llike"][0])])


def test_terms_are_likeness():
    """What is added to L_llike goes to encoder and decoder, and not to the discriminator."""
    parts, data = networks(), batch()
    term = lambda x, x_tilde, seen, seen_tilde: ops.sum(ops.square(x - x_tilde), (1, 2, 3))  # noqa: E731
    found, watched = VAEGAN(*parts, gamma=0.1, r1=0.0, terms={"pixel": (3.0, term)}).gradients(data)
    plain, _ = VAEGAN(*parts, gamma=0.1, r1=0.0).gradients(data)
    with tf.GradientTape(persistent=True) as tape:
        mean, log_variance = parts[0](data["face"])
        x_tilde = parts[1](mean + tf.exp(log_variance / 2) * data["noise"])
        error = 3.0 * tf.reduce_mean(tf.reduce_sum(tf.square(data["face"] - x_tilde), (1, 2, 3)))
    more = [tape.gradient(error, part.trainable_variables) for part in parts[:2]]
    same(found["encoder"], [a + b for a, b in zip(plain["encoder"], more[0])])
    same(found["decoder"], [a + 0.1 * b for a, b in zip(plain["decoder"], more[1])])
    same(found["discriminator"], plain["discriminator"])
    assert 3 * np.mean(watched["pixel"]) == pytest.approx(float(error), rel=1e-4)


def test_kl_is_that_of_tensorflow_probability_and_in_bits():
    mean, log_variance = np.random.default_rng(0).normal(size=(2, 4, 5)).astype(np.float32)
    tfd = tfp.distributions
    wanted = tfd.kl_divergence(tfd.Normal(mean, np.exp(log_variance / 2)), tfd.Normal(0.0, 1.0))
    np.testing.assert_allclose(vae_gan.L_prior(mean, log_variance), np.sum(wanted, 1), rtol=1e-4)
    model, data = VAEGAN(*networks()), batch()
    found, watched = model.losses(data)
    np.testing.assert_allclose(np.asarray(watched["bits"]) * np.log(2), found["prior"], rtol=1e-5)


@pytest.mark.parametrize(
    "guard, learns, rests",
    [
        ((0.0, 9.0), "decoder discriminator", ""),
        ((9.0, 99.0), "decoder", "discriminator"),  # too easy for the discriminator
        ((0.0, 0.1), "discriminator", "decoder"),  # too hard for it
        ((9.0, 0.1), "decoder discriminator", ""),  # both would rest, so none does
    ],
)
def test_guard(guard, learns, rests):
    parts, data = networks(), batch()
    model = VAEGAN(*parts, guard=guard, rate=1e-2)
    before = {name: part.get_weights() for name, part in model.players.items()}
    model.fit(tf.data.Dataset.from_tensors(data), verbose=0)
    moved = {
        name: any(np.any(a != b) for a, b in zip(before[name], part.get_weights()))
        for name, part in model.players.items()
    }
    assert moved == {"encoder": True} | dict.fromkeys(learns.split(), True) | dict.fromkeys(rests.split(), False)
    resting = {name: int(model._optimizers[name].iterations.value) for name in rests.split()}
    assert resting == dict.fromkeys(rests.split(), 0)  # nor does its momentum carry it on


def test_guard_looks_at_both_losses():
    model = VAEGAN(*networks(), guard=vae_gan.GUARD)
    for real, fake, learns in ((0.2, 0.7, "decoder"), (0.7, 0.2, "decoder"), (0.7, 1.2, "discriminator"),
                               (0.7, 0.7, "both"), (0.2, 1.2, "both")):  # fmt: skip
        moves = model.moves({"real_loss": tf.fill((3,), real), "fake_loss": tf.fill((3,), fake)})
        assert {name for name, each in moves.items() if each} == (
            {"decoder", "discriminator"} if learns == "both" else {learns}
        )


def test_beta_goes_after_the_rate_wanted():
    for bits, sign in ((0.01, 1), (1e4, -1)):
        model = VAEGAN(*networks(), beta=3.0, bits=bits)
        model.fit(tf.data.Dataset.from_tensors(batch()).repeat(5), verbose=0)
        assert sign * (float(model.beta.value) - 3.0) > 0
    model = VAEGAN(*networks(), beta=3.0)
    model.fit(tf.data.Dataset.from_tensors(batch()), verbose=0)
    assert float(model.beta.value) == 3.0


def test_it_learns_to_reconstruct_and_is_validated_averaged():
    faces = np.random.default_rng(1).uniform(size=(4, SIZE, SIZE, 3)).astype(np.float32)
    data = tf.data.Dataset.range(500).map(lambda i: {
        "face": faces,
        "noise": tf.random.stateless_normal((4, LATENTS), (i, 1)),
        "prior": tf.random.stateless_normal((4, LATENTS), (i, 2)),
    })  # fmt: skip
    # A wide Dis_l, which sees the whole face: what a narrow one does not see need not be alike.
    image = keras.Input((SIZE, SIZE, 3))
    deep = layers.Conv2D(48, SIZE, name="deep")(image)
    last = layers.Dense(1)(layers.Flatten()(ops.tanh(deep)))
    discriminator = keras.Model(image, {"deep": deep, "logits": layers.Reshape(())(last)})
    model = VAEGAN(*networks()[:2], discriminator, gamma=1.0, beta=0.01, rate=1e-2, momentum=0.9)
    history = model.fit(data, epochs=1, verbose=0, validation_data=data.take(2)).history
    assert {name for name in history if name.startswith("val_")} == {"val_bits", "val_db"}
    assert history["val_db"][-1] > 16 > 13 > -10 * np.log10(np.square(faces - faces.mean(0)).mean())
    error = np.square(np.asarray(model(faces)) - faces).mean()
    assert -10 * np.log10(error) == pytest.approx(history["val_db"][-1], abs=1)
