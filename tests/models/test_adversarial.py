"""Losses of adversarial models are the papers'; the penalty comes when due; averages follow; each learns on its own."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402
from keras import layers, ops  # noqa: E402

from elic_tf.models import adversarial  # noqa: E402
from elic_tf.models.adversarial import LAZY, AdversarialModel  # noqa: E402

SIGMOID = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731


def judge(width=4):
    """Faces (n, 4, 4, 3) to logits (n,)."""
    faces = keras.Input((4, 4, 3))
    x = layers.Dense(width, activation="softplus")(layers.Flatten()(faces))
    x = layers.Dense(1, dtype="float32")(x)
    return keras.Model(faces, {"logits": layers.Reshape(())(x)})


class Alone(AdversarialModel):
    """A discriminator that learns to tell faces from their negatives."""

    def __init__(self, **settings):
        super().__init__({"discriminator": judge()}, ("loss",), averaged=("discriminator",), **settings)

    def gradients(self, batch):
        x, network = batch["face"], self.players["discriminator"]
        with tf.GradientTape() as tape:
            loss = -adversarial.L_GAN(network(x)["logits"], network(1 - x)["logits"])
        own = self.gradient(tape, loss, network.trainable_variables)
        return {"discriminator": self.penalised(own, x)}, {"loss": loss}


@pytest.fixture
def faces():
    return np.random.default_rng(0).uniform(0, 0.6, (6, 4, 4, 3)).astype(np.float32)


def test_losses_are_those_of_the_paper():
    real, fake, other = np.random.default_rng(0).normal(size=(3, 9)).astype(np.float32)
    np.testing.assert_allclose(
        adversarial.L_GAN(real, fake), np.log(SIGMOID(real)) + np.log(1 - SIGMOID(fake)), rtol=1e-4
    )
    both = (np.log(1 - SIGMOID(fake)) + np.log(1 - SIGMOID(other))) / 2
    np.testing.assert_allclose(adversarial.L_GAN(real, fake, other), np.log(SIGMOID(real)) + both, rtol=1e-4)
    both = (np.log(SIGMOID(fake)) + np.log(SIGMOID(other))) / 2
    np.testing.assert_allclose(adversarial.L_fool(fake, other), -both, rtol=1e-4)


def test_losses_are_finite_where_a_discriminator_is_sure():
    far = np.array([-500.0, 500.0], np.float32)
    assert np.isfinite(adversarial.L_GAN(far, far)).all() and np.isfinite(adversarial.L_fool(far)).all()


def test_r1_is_the_squared_slope(faces):
    network = judge()
    x = faces[:2].astype(np.float64)
    slopes = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[index] += sign * 1e-2
            ends.append(float(ops.sum(network(moved.astype(np.float32))["logits"])))
        slopes[index] = (ends[0] - ends[1]) / 2e-2
    wanted = np.square(slopes).sum((1, 2, 3))
    np.testing.assert_allclose(adversarial.r1(network, tf.constant(faces[:2])), wanted, rtol=1e-2)


def test_r1_of_a_discriminator_on_features_is_taken_at_the_features(faces):
    class OnFeatures:
        def head(self, x):
            features = {"double": 2 * x, "mean": tf.reduce_mean(x, (1, 2))}
            return features, lambda seen, training: {
                "logits": 3 * tf.reduce_sum(seen["double"], (1, 2, 3)) + 5 * seen["mean"][:, 0]
            }

    np.testing.assert_allclose(adversarial.r1(OnFeatures(), tf.constant(faces)), np.full(6, 48 * 9 + 25.0), rtol=1e-5)


def test_penalty_comes_every_sixteenth_step(faces):
    model = Alone(r1=0.5)
    plain = Alone(r1=0.0)
    network = model.players["discriminator"]
    plain.players["discriminator"].set_weights(network.get_weights())
    without = plain.gradients({"face": faces})[0]["discriminator"]
    with tf.GradientTape() as tape:
        penalty = LAZY * 0.5 / 2 * tf.reduce_mean(adversarial.r1(network, tf.constant(faces)))
    variables = [variable.value for variable in network.trainable_variables]
    more = tape.gradient(penalty, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    for step, factor in ((0, 1.0), (1, 0.0), (LAZY - 1, 0.0), (LAZY, 1.0)):
        model.steps.assign(step)
        found = model.gradients({"face": faces})[0]["discriminator"]
        for a, b, c in zip(found, without, more):
            np.testing.assert_allclose(a, b + factor * c, atol=1e-5)


def test_averages_follow(faces):
    model = Alone(momentum=0.9, rate=0.1)
    data = tf.data.Dataset.from_tensors({"face": faces}).repeat()
    average = model.averages["discriminator"]
    wanted = model.players["discriminator"].get_weights()
    for step in range(1, 4):
        model.fit(data, steps_per_epoch=1, shuffle=False, verbose=0)
        momentum = min(0.9, (1 + step) / (10 + step))
        now = model.players["discriminator"].get_weights()
        wanted = [momentum * a + (1 - momentum) * b for a, b in zip(wanted, now)]
        for a, b in zip(average.get_weights(), wanted):
            np.testing.assert_allclose(a, b, atol=1e-6)
    assert not average.trainable_variables
    assert model.network("discriminator") is average


def test_any_batch_size_again_and_again(faces):
    for _ in range(2):  # build, train, rebuild, train
        model = Alone()
        data = tf.data.Dataset.from_tensor_slices({"face": faces}).batch(4)  # 4 and 2
        history = model.fit(data, epochs=2, verbose=0).history
        assert np.isfinite(history["loss"]).all() and int(model.steps.value) == 4


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(faces, policy):
    keras.config.set_dtype_policy(policy)
    try:
        model = Alone(rate=1e-2)
        assert model.players["discriminator"].layers[2].compute_dtype == policy.removeprefix("mixed_")
        data = tf.data.Dataset.from_tensors({"face": faces}).repeat()
        history = model.fit(data, steps_per_epoch=25, epochs=4, shuffle=False, verbose=0).history
    finally:
        keras.config.set_dtype_policy("float32")
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(history["discriminator_norm"]).all() and history["discriminator_norm"][0] < 100  # unscaled


def test_networks_are_saved_averaged(faces, tmp_path):
    model, other = Alone(rate=0.1), Alone()
    model.fit(tf.data.Dataset.from_tensors({"face": faces}), epochs=2, verbose=0)
    model.save_networks(tmp_path)
    other.load_networks(tmp_path)
    for a, b in zip(model.averages["discriminator"].get_weights(), other.averages["discriminator"].get_weights()):
        np.testing.assert_array_equal(a, b)


def test_keras_backs_up_everything(faces, tmp_path):
    """Networks, averages, steps and both moments of the optimizers: what goes on ends as what never stopped."""
    data = tf.data.Dataset.from_tensors({"face": faces}).repeat(3)
    keras.utils.set_random_seed(3)
    whole = Alone(rate=0.1)
    start = whole.get_weights()
    whole.fit(data, epochs=4, verbose=0)
    for epochs in (2, 4):  # killed after the second
        model = Alone(rate=0.1)
        model.set_weights(start)
        backup = keras.callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)
        model.fit(data, epochs=epochs, verbose=0, callbacks=[backup])
    assert int(model.steps.value) == 12
    for a, b in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
