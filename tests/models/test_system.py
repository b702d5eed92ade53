"""The full system: gradients pass the frozen extractor and leave it as it is; terms say what they should."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

from elic_tf.models import system  # noqa: E402
from elic_tf.models.features import FrozenExtractor  # noqa: E402
from elic_tf.models.system import Critic, SharpDecoder  # noqa: E402
from elic_tf.models.vae_gan import VAEGAN  # noqa: E402

SIZE, LATENTS = 16, 3


@pytest.fixture(scope="module")
def extractor():
    """Small and random, with the names of the one that is shipped."""
    keras.utils.set_random_seed(1)
    faces = keras.Input((SIZE, SIZE, 3))
    named, x = {}, faces
    for name, width in zip(("shallow", "middle", "deep"), (4, 6, 8)):
        x = layers.Conv2D(width, 3, 2, padding="same", activation="relu", name=name)(x)
        named[name] = x
    named["gender_logits"] = layers.Dense(2, name="gender_logits")(layers.Flatten()(x))
    return FrozenExtractor(keras.Model(faces, named))


def networks():
    keras.utils.set_random_seed(0)
    faces = keras.Input((SIZE, SIZE, 3))
    x = layers.Dense(8, activation="tanh")(layers.Flatten()(faces))
    encoder = keras.Model(faces, [layers.Dense(LATENTS)(x), layers.Dense(LATENTS)(x)])
    z = keras.Input((LATENTS,))
    x = layers.Dense(SIZE * SIZE * 3, activation="sigmoid")(z)
    return encoder, keras.Model(z, layers.Reshape((SIZE, SIZE, 3))(x))


def batch(n=4):
    random = np.random.default_rng(0)
    noise, prior = random.normal(size=(2, n, LATENTS)).astype(np.float32)
    return {"face": random.uniform(size=(n, SIZE, SIZE, 3)).astype(np.float32), "noise": noise, "prior": prior}


@pytest.fixture
def critic(extractor):
    keras.utils.set_random_seed(2)
    return Critic(extractor, SIZE, width=4)


TERMS = {"gender": (50.0, system.gender), "region": (2.0, system.face_region)}


@pytest.mark.parametrize("layer", ["middle", "joint"])
def test_the_extractor_never_changes_and_the_rest_learns(critic, layer):
    model = VAEGAN(*networks(), critic, layer=layer, terms=TERMS, rate=1e-2)
    frozen = critic.extractor.get_weights()
    before = {name: player.get_weights() for name, player in model.players.items()}
    history = model.fit(tf.data.Dataset.from_tensors(batch()).repeat(3), verbose=0).history
    assert frozen
    for a, b in zip(critic.extractor.get_weights(), frozen):
        np.testing.assert_array_equal(a, b)
    for name, player in model.players.items():
        assert any(np.any(a != b) for a, b in zip(before[name], player.get_weights())), name
    assert len(critic.trainable_variables) == len(critic.classifier.trainable_variables) > 0
    assert np.isfinite([history[name][0] for name in ("gender", "region", "r1", "decoder_norm")]).all()


@pytest.mark.parametrize("loss", ["llike", "logits", "gender", "region"])
def test_gradients_reach_the_decoder_through_the_extractor(critic, loss):
    _, decoder = networks()
    data = batch()
    with tf.GradientTape() as tape:
        x_tilde = decoder(data["prior"])
        seen, tilde = critic(data["face"]), critic(x_tilde)
        value = {
            "llike": lambda: ops.sum(ops.square(seen["middle"] - tilde["middle"])),
            "logits": lambda: ops.sum(tilde["logits"]),
            "gender": lambda: ops.sum(system.gender(data["face"], x_tilde, seen, tilde)),
            "region": lambda: ops.sum(system.face_region(data["face"], x_tilde, seen, tilde)),
        }[loss]()
    for gradient in tape.gradient(value, decoder.trainable_variables):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


def test_a_critic_gives_what_a_discriminator_gives_and_more(critic):
    seen = critic(batch(3)["face"])
    assert seen["logits"].shape == (3,) and seen["joint"].shape == (3, 2, 2, 16)
    np.testing.assert_allclose(seen["deep"], critic.extractor(batch(3)["face"])["deep"])
    inputs, judge = critic.head(tf.constant(batch(3)["face"]))
    assert set(inputs) == {"shallow", "middle", "deep"}
    np.testing.assert_allclose(judge(inputs)["logits"], seen["logits"], rtol=1e-5)


def test_a_network_that_learns_is_no_extractor():
    faces = keras.Input((SIZE, SIZE, 3))
    network = keras.Model(faces, {"middle": layers.Conv2D(4, 3, 4)(faces)})
    with pytest.raises(ValueError, match="frozen"):
        Critic(network, SIZE, ("middle",))


def test_gender_is_least_where_it_is_kept():
    logits = np.array([[3.0, 0.0], [0.0, 2.0]], np.float32)
    cost = lambda other: np.asarray(system.gender(None, None, {"gender_logits": logits}, {"gender_logits": other}))  # noqa: E731
    kept, lost = cost(logits), cost(logits[:, ::-1])
    assert (kept < lost).all()
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(kept, -(p * np.log(p)).sum(1), rtol=1e-4)  # its entropy: the least there is
    np.testing.assert_allclose(cost(logits + 7), kept, rtol=1e-4)


def test_region_is_the_face():
    mask = system.region(64)
    assert mask[37, 32] > 0.97 and mask[24, 20] > 0.8 and mask[24, 43] > 0.8 and mask[50, 32] > 0.9  # nose, eyes, mouth
    assert max(mask[0, 0], mask[0, 63], mask[2, 32], mask[40, 1]) < 0.05
    np.testing.assert_allclose(mask, mask[:, ::-1], atol=1e-6)
    assert 0.3 < mask.mean() < 0.6
    np.testing.assert_allclose(mask.reshape(16, 4, 16, 4).mean((1, 3)), system.region(16), atol=0.1)


def test_attention_is_on_faces_that_moved_or_changed_gender():
    face, empty = np.ones((1, 8, 8, 2), np.float32), np.zeros((1, 8, 8, 2), np.float32)
    face[..., 1] = 0
    sure, other = np.array([[9.0, -9.0]], np.float32), np.array([[-9.0, 9.0]], np.float32)
    seen = {"deep": face, "gender_logits": sure}
    weigh = lambda deep, logits: float(system.attention(seen, {"deep": deep, "gender_logits": logits})[0])  # noqa: E731
    assert weigh(face, sure) == pytest.approx(0, abs=1e-3)
    assert weigh(2 * face, sure) == pytest.approx(0, abs=1e-3)
    assert weigh(face, other) == pytest.approx(1, abs=1e-3)
    assert weigh(empty, sure) == pytest.approx(1, abs=1e-3)
    assert weigh(face[..., ::-1], other) == pytest.approx(2, abs=1e-3)


def test_the_weight_of_the_region_is_not_something_to_learn(critic):
    _, decoder = networks()
    data = batch()
    seen = critic(data["face"])
    with tf.GradientTape() as tape:
        weight = ops.sum(system.attention(seen, critic(decoder(data["prior"]))))
    assert all(gradient is None for gradient in tape.gradient(weight, decoder.trainable_variables))


def test_sharp_decoder_routes_and_learns(critic):
    """Decoder: the terms and L_fool; discriminator: L_GAN alone."""
    keras.utils.set_random_seed(0)
    codes, step = keras.Input((LATENTS,)), keras.Input((1,))
    x = layers.Dense(SIZE * SIZE * 3, activation="sigmoid")(layers.Concatenate()([codes, step]))
    decoder = keras.Model([codes, step], layers.Reshape((SIZE, SIZE, 3))(x))
    terms = {"middle": (0.1, system.feature("middle")), "pixels": (2.0, system.pixels), "gender": (5.0, system.gender)}
    model = SharpDecoder(decoder, critic, terms, r1=0.0, rate=1e-2)
    data = {"face": batch()["face"], "inputs": (batch()["noise"], np.ones((4, 1), np.float32))}
    found, watched = model.gradients(data)
    with tf.GradientTape(persistent=True) as tape:
        fake = decoder(data["inputs"])
        seen, tilde = critic(data["face"]), critic(fake)
        variance = tf.reduce_mean(tf.math.reduce_variance(seen["middle"], 0)) + 1e-6
        likeness = 0.05 * tf.reduce_sum(tf.square(seen["middle"] - tilde["middle"])) / variance
        likeness += 2 * tf.reduce_sum(tf.square(data["face"] - fake))
        likeness -= 5 * tf.reduce_sum(tf.nn.softmax(seen["gender_logits"]) * tf.nn.log_softmax(tilde["gender_logits"]))
        own = (likeness - tf.reduce_sum(tf.math.log_sigmoid(tilde["logits"]))) / 4
        gan = tf.reduce_sum(tf.math.log_sigmoid(seen["logits"]) + tf.math.log_sigmoid(-tilde["logits"])) / 4
    for a, b in zip(found["decoder"], tape.gradient(own, decoder.trainable_variables), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-3)
    for a, b in zip(found["discriminator"], tape.gradient(gan, critic.trainable_variables), strict=True):
        np.testing.assert_allclose(a, -b, atol=1e-5, rtol=1e-3)
    assert set(watched) == set(model.trackers) - {"decoder_norm", "discriminator_norm"}
    steady = tf.data.Dataset.from_tensors(data).repeat()
    history = model.fit(steady, steps_per_epoch=20, epochs=3, shuffle=False, verbose=0, validation_data=steady.take(1))
    assert history.history["val_db"][-1] > history.history["val_db"][0] + 1
    assert model(data["inputs"]).shape == (4, SIZE, SIZE, 3)
