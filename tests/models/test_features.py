"""The frozen extractor: what it loads, what it refuses, and that it fits into training."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from elic_tf.errors import ImageError
from elic_tf.models import hub_module
from elic_tf.models.features import FrozenExtractor, InputSizeError, NoGradientError
from elic_tf.models.hub_module import ExtractorError, NoModuleError, NoNetworkError

SIZE = 16


def network():
    images = keras.Input((SIZE, SIZE, 3))
    shallow = layers.Conv2D(4, 3, strides=2)(images)
    deep = layers.Conv2D(6, 3, activation="silu", name="conv_two")(layers.BatchNormalization()(shallow))
    return keras.Model(images, {"shallow": shallow, "deep": deep, "logits": layers.Dense(1)(layers.Flatten()(deep))})


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return hub_module.export(model, tmp_path_factory.mktemp("module") / "toy")


@pytest.fixture(scope="module")
def extractor(folder):
    return FrozenExtractor(folder)


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, SIZE, SIZE, 3), np.float32)


def save(function, folder, size=SIZE, signature=None):
    """A SavedModel as others make them: a function of images, called or behind a signature."""
    module = tf.Module()
    spec = tf.TensorSpec((None, size, size, 3), tf.float32, name="images")
    if signature:
        module.function = tf.function(function, input_signature=[spec])
        tf.saved_model.save(module, str(folder), signatures={signature: module.function})
    else:
        module.__call__, parameters = tf.function(function), inspect.signature(function).parameters
        modes = [{"training": mode} for mode in (False, True)] if "training" in parameters else [{}]
        for mode in modes:
            module.__call__.get_concrete_function(spec, **mode)
        tf.saved_model.save(module, str(folder))
    return folder


def close(got, expected, atol=5e-3):
    assert sorted(got) == sorted(expected)
    for name in got:
        assert got[name].dtype == tf.float32
        np.testing.assert_allclose(got[name], expected[name], atol=atol)


def test_a_folder_and_an_archive(model, folder, extractor, images, tmp_path):
    assert extractor.names == ("deep", "logits", "shallow")
    assert extractor.input_size == SIZE
    assert not extractor.weights
    close(extractor(images), model(images, training=False))
    packed = FrozenExtractor(hub_module.pack(folder, tmp_path / "toy.tar.gz"), outputs=["deep"])
    close(packed(images[:1]), {"deep": extractor(images[:1])["deep"]}, atol=0)


def test_a_model_is_copied(images):
    model = network()
    extractor = FrozenExtractor(model, outputs=["logits", "conv_two"])
    before = extractor(images)
    close(before, {name: model(images)[key] for name, key in (("logits", "logits"), ("conv_two", "deep"))}, atol=1e-6)
    assert model.trainable_variables
    model.set_weights([weight + 1 for weight in model.get_weights()])
    close(extractor(images), before, atol=0)
    with pytest.raises(ExtractorError, match="do you mean conv_two"):
        FrozenExtractor(model, outputs=["conv_twoo"])


def test_a_keras_application_gets_its_own_range_of_values(images):
    extractor = FrozenExtractor("keras:MobileNet", outputs=["output", "conv1_relu"], size=32, weights=None)
    assert extractor.input_size is None
    plain = keras.applications.MobileNet(include_top=False, weights=None)
    plain.set_weights(extractor.get_weights())
    larger = keras.ops.image.resize(images, (32, 32), interpolation="bilinear")
    inputs = keras.applications.mobilenet.preprocess_input(255 * larger)
    np.testing.assert_allclose(extractor(images)["output"], plain(inputs, training=False), rtol=1e-4, atol=1e-6)


def test_keras_applications_that_cannot_be_had(monkeypatch):
    with pytest.raises(NoModuleError, match="no application 'Nothing'"):
        FrozenExtractor("keras:Nothing")
    with pytest.raises(ExtractorError, match="weights='nowhere'"):
        FrozenExtractor("keras:MobileNet", weights="nowhere")

    def MobileNet(**arguments):
        raise Exception("URL fetch failure on https://example.org")

    MobileNet.__module__ = "keras.src.applications.mobilenet"
    monkeypatch.setattr(keras.applications, "MobileNet", MobileNet)
    with pytest.raises(NoNetworkError, match="URL fetch failure"):
        FrozenExtractor("keras:MobileNet")


def test_the_forms_of_public_modules(images, tmp_path):
    def vector(images, training=True):
        mean = tf.reduce_mean(images, (1, 2))
        return mean + 1 if training else mean

    mean = images.mean((1, 2))
    close(FrozenExtractor(save(vector, tmp_path / "call"))(images), {"output": mean}, atol=1e-6)
    default = save(lambda images: {"default": tf.reduce_mean(images, (1, 2))}, tmp_path / "default", None, "default")
    assert FrozenExtractor(default).input_size is None
    close(FrozenExtractor(default)(images), {"default": mean}, atol=1e-6)
    serving = save(lambda images: {"mean": tf.reduce_mean(images, (1, 2))}, tmp_path / "s", SIZE, "serving_default")
    assert FrozenExtractor(serving).input_size == SIZE
    with pytest.raises(NoModuleError, match="neither be called"):
        FrozenExtractor(save(lambda images: {"mean": images}, tmp_path / "other", SIZE, "other"))


@pytest.mark.parametrize(
    "function",
    [
        lambda images: tf.stop_gradient(images) * 2,
        lambda images: tf.round(255 * images) / 255,
        lambda images: tf.cast(tf.argmax(images, -1), tf.int32),
        lambda images: tf.zeros_like(images) + 1,
        lambda images: tf.sqrt(images - images),  # infinite
    ],
)
def test_no_gradient_no_extractor(function, tmp_path):
    with pytest.raises(NoGradientError, match="passes no gradient from output to the images"):
        FrozenExtractor(save(function, tmp_path / "m"))


def test_outputs_are_checked_one_by_one(images, tmp_path):
    def function(images):
        return {"good": tf.nn.softmax(images), "label": tf.argmax(images, -1), "hard": tf.round(images)}

    folder = save(function, tmp_path / "m")
    with pytest.raises(NoGradientError, match=r"from hard, label to .* outputs=\['good'\]"):
        FrozenExtractor(folder)
    assert FrozenExtractor(folder, outputs=["good"]).names == ("good",)
    with pytest.raises(ExtractorError, match="no output better, only good, hard, label"):
        FrozenExtractor(folder, outputs=["better"])


def test_size(folder, extractor, images):
    small = images[:, ::2, ::2]
    with pytest.raises(InputSizeError, match=f"of {SIZE} x {SIZE}, not of 8 x 8: give it size={SIZE}"):
        extractor(small)
    with pytest.raises(InputSizeError, match="not of None x None"):
        extractor(keras.Input((None, None, 3)))
    with pytest.raises(InputSizeError, match=f"size {SIZE} only, not 32"):
        FrozenExtractor(folder, size=32)
    resizing = FrozenExtractor(folder, size=SIZE)
    enlarged = tf.image.resize(small, (SIZE, SIZE))
    close(resizing(small), extractor(enlarged), atol=1e-5)
    large = np.repeat(np.repeat(images, 3, 1), 3, 2)
    reduced = tf.image.resize(large, (SIZE, SIZE), antialias=True)
    close(resizing(large), extractor(reduced), atol=1e-5)
    assert resizing(keras.Input((None, None, 3)))["logits"].shape == (None, 1)


def test_images_of_another_form(extractor, images):
    for wrong in (images[0], images[..., :1], (255 * images).astype(np.uint8)):
        with pytest.raises(ImageError, match="float in"):
            extractor(wrong)


class Painter(keras.Model):
    """A decoder that learns to please a frozen extractor, by a train_step of its own."""

    def __init__(self, extractor):
        super().__init__()
        self.extractor = extractor
        self.paint = layers.Dense(SIZE * SIZE * 3, activation="sigmoid")

    def train_step(self, faces):
        with tf.GradientTape() as tape:
            painted = keras.ops.reshape(self.paint(keras.ops.mean(faces, (1, 2))), (-1, SIZE, SIZE, 3))
            real, fake = self.extractor(faces), self.extractor(painted)
            loss = keras.ops.mean(keras.ops.square(real["deep"] - fake["deep"]))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return {"distance": loss}


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_it_teaches_and_does_not_learn(folder, model, images, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        for extractor in (FrozenExtractor(folder), FrozenExtractor(model)):
            features = extractor(images)
            painter = Painter(extractor)
            painter.trainable = True
            assert not extractor.trainable_variables
            painter.compile(keras.optimizers.Adam(0.05), jit_compile=False)
            distances = painter.fit(images, epochs=5, batch_size=3, verbose=0).history["distance"]
            assert distances[-1] < distances[0]
            assert {id(v) for v in painter.trainable_variables} == {id(v) for v in painter.paint.variables}
            close(extractor(images), features, atol=0)
    finally:
        keras.config.set_dtype_policy(before)


def test_in_a_functional_model_a_graph_and_half_precision(extractor, images):
    inputs = keras.Input((SIZE, SIZE, 3))
    head = keras.Model(inputs, layers.Dense(1, name="head")(layers.Flatten()(extractor(inputs)["deep"])))
    assert len(head.trainable_variables) == 2
    assert head.predict(images, verbose=0).shape == (3, 1)
    close(tf.function(extractor)(images), extractor(images), atol=1e-5)
    rounded = tf.cast(images, tf.bfloat16)
    close(extractor(rounded), extractor(tf.cast(rounded, tf.float32)), atol=0)


def test_loaded_for_several_devices(folder, extractor, images):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        mirrored = FrozenExtractor(folder)
        model = head(mirrored)
        model.compile("sgd", "mse", jit_compile=False)
    model.evaluate(images, np.zeros((3, model.output.shape[-1])), batch_size=3, verbose=0)
    close(mirrored(images), extractor(images), atol=0)


def head(extractor):
    inputs = keras.Input((SIZE, SIZE, 3))
    return keras.Model(inputs, layers.Flatten()(extractor(inputs)["deep"]))


def test_saved_with_the_model_around_it(model, folder, images, monkeypatch, tmp_path):
    path = tmp_path / "head.keras"
    expected = head(FrozenExtractor(folder, outputs=["deep"]))
    expected.save(path)
    with pytest.raises(ExtractorError, match="safe_mode=False"):
        keras.models.load_model(path)
    np.testing.assert_array_equal(keras.models.load_model(path, safe_mode=False)(images), expected(images))

    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    (tmp_path / "extractor").symlink_to(folder)
    head(FrozenExtractor(outputs=["deep"])).save(path)
    np.testing.assert_array_equal(keras.models.load_model(path)(images), expected(images))

    expected = head(FrozenExtractor(model, outputs=["deep"]))
    expected.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded(images), expected(images))
    assert not loaded.trainable_variables


def test_saved_as_a_configuration(folder):
    extractor = FrozenExtractor(folder, outputs=["logits"], size=SIZE, name="eye")
    again = FrozenExtractor.from_config(extractor.get_config())
    assert (again.handle, again.names, again.size, again.name) == (str(folder), ("logits",), SIZE, "eye")
