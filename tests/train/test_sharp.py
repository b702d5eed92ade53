"""The recipe of the sharp decoder: it starts as the smooth one, reads the same codes, and can be killed."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
import keras  # noqa: E402
from keras import layers  # noqa: E402

from elic_tf import Codec, weights  # noqa: E402
from elic_tf.errors import DataError  # noqa: E402
from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import runtime, transform  # noqa: E402
from elic_tf.train import sharp, transform_export  # noqa: E402
from elic_tf.train.transform_model import TransformModel  # noqa: E402


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(12, seed=6).images


@pytest.fixture(scope="module")
def codec():
    """Small and random; untrained networks return zero, so their last layers get something to return."""
    keras.utils.set_random_seed(2)
    networks = transform.analysis_network(8, 1), transform.synthesis_network(8, 8, (1, 1, 1), 8)
    for network in networks:
        kernel = network.get_layer("last").kernel
        kernel.assign(0.005 * np.random.default_rng(0).normal(size=kernel.shape))
    return TransformModel(weights.load("klt"), *networks)


def extractor():
    """With the outputs of the one that is shipped, and their sizes."""
    keras.utils.set_random_seed(3)
    x = pixels = keras.Input((64, 64, 3))
    outputs = {}
    for name, width in (("shallow", 32), ("middle", 64), ("deep", 128)):
        x = outputs[name] = layers.Conv2D(width, 2, 2, activation="relu")(x)
    outputs["gender_logits"] = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))
    from elic_tf.models.features import FrozenExtractor

    return FrozenExtractor(keras.Model(pixels, outputs))


def test_codes_are_what_the_codec_decodes(faces, codec):
    """Beside the runtime, which quantises with NumPy."""
    seen = extractor()
    codes = sharp.Codes(codec, seen)
    latents, gender = codes.of(faces)
    assert latents.shape == (2, len(faces), len(codec.klt.odd)) and gender.shape == (len(faces), 1)
    logits = sum(np.asarray(seen(side / np.float32(255))["gender_logits"]) for side in (faces, faces[:, :, ::-1]))
    np.testing.assert_array_equal(gender[:, 0] > 0, logits[:, 1] > logits[:, 0])
    analysis, synthesis = (transform_export.in_float32(part) for part in (codec.analysis, codec.synthesis))
    reference = runtime.Transform(
        codec.klt, codec.klt.code, lambda face: {"output": np.asarray(analysis(face))},
        lambda base, latents, log_step: {"output": np.asarray(synthesis([base, latents, log_step]))}, None,
    )  # fmt: skip
    pixels = faces / np.float32(255)
    np.testing.assert_allclose(latents[0], reference.analysis(pixels), atol=2e-3)
    np.testing.assert_allclose(latents[1], reference.analysis(pixels[:, :, ::-1]), atol=2e-3)

    step = np.full(len(faces), 7)
    inputs = codes.inputs(latents[0], gender, step, np.ones(len(faces), np.float32))
    np.testing.assert_array_equal(inputs["gender"], gender)
    values = codec.quantise(tf.constant(latents[0]), step, tf.ones(len(faces)))[0].numpy()
    width = np.full(len(faces), 2.0 ** (codec.klt.code.steps[7] / 8), np.float32)
    for name, value in reference._inputs(values, width).items():
        np.testing.assert_allclose(inputs[name], value, atol=1e-3)
    # The decoder to train starts as the smooth one, without its second opinion, and does not heed the gender yet.
    face = sharp.decoder_network(sharp.start(codec.synthesis))(inputs)
    np.testing.assert_allclose(face, reference._decode(reference._inputs(values, width)), atol=1e-3)


def test_gradients_pass_where_pixels_are_clipped(codec):
    decoder = sharp.decoder_network(codec.synthesis)
    base = tf.Variable(np.full((1, 16, 16, 48), 1.5, np.float32))
    rest = {"latents": tf.zeros((1, transform.GLOBAL)), "log_step": tf.zeros((1, 1))}
    with tf.GradientTape() as tape:
        face = decoder({"base": base, **rest})
        total = tf.reduce_sum(face)
    assert float(tf.reduce_max(face)) <= 1
    assert float(tf.reduce_mean(tape.gradient(total, base))) > 0.5


def train(faces, codec, out, **changes):
    settings = {"epochs": 2, "epoch_steps": 2, "batch": 4, "extractor": extractor()} | changes
    return sharp.train(faces, faces[:8], codec, out, **settings)


@pytest.mark.slow
def test_killed_and_resumed_it_ends_the_same_and_goes_into_a_file(faces, codec, tmp_path):
    before = [weight.copy() for weight in codec.get_weights()]
    whole = train(faces, codec, tmp_path / "whole")
    train(faces, codec, tmp_path / "parts", stop=1)
    parts = train(faces, codec, tmp_path / "parts")
    for one, other in zip(whole.network("decoder").get_weights(), parts.network("decoder").get_weights()):
        np.testing.assert_allclose(one, other, atol=1e-6)
    for one, other in zip(before, codec.get_weights()):
        np.testing.assert_array_equal(one, other)  # the bits stay what they are

    graph = runtime.Graph(lambda: sharp.to_litert(whole))
    codes = sharp.Codes(codec, extractor())
    (latents, _), gender = codes.of(faces)
    inputs = codes.inputs(latents, gender, np.full(12, 7), np.ones(12, np.float32))
    inputs = {name: np.asarray(value) for name, value in inputs.items()}
    decoded = runtime.from_blocks(inputs["base"] + graph(**inputs)["output"]).clip(0, 1)
    assert np.abs(decoded - np.asarray(whole(inputs))).mean() < 2 / 255  # weights are bytes


def test_a_folder_without_a_codec_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="train transform"):
        sharp.load(tmp_path, weights.load("klt"))


def test_the_shipped_codec_has_both_decoders(faces):
    codec = Codec.load("portrait")
    assert codec.decoders == ("sharp", "smooth") and Codec.load("transform").decoders == ("smooth", "sharp")
    files = codec.encode(faces[:4], bits=512)
    smooth, one = (codec.decode(files, decoder=decoder) for decoder in ("smooth", "sharp"))
    error = [np.square(each - faces[:4] / 255).mean() for each in (smooth, one)]
    assert error[0] < error[1] < 3 * error[0]
    # What is missing in the smooth one is detail: differences between neighbours.
    detail = [np.abs(np.diff(each, axis=2)).mean() for each in (smooth, one)]
    assert detail[1] > detail[0]


def test_the_sharp_decoder_heeds_the_gender(faces):
    codec, answers = Codec.load("portrait"), {}
    from elic_tf.models.vqa import VQA

    vqa = VQA.load()
    for number, said in enumerate(codec.sides):
        files = codec.encode(faces[:8], bits=256, side=[number] * 8)
        answers[said] = vqa.male(codec.decode(files)).mean()
    assert answers["woman"] < answers["unsaid"] < answers["man"]
    assert answers["man"] - answers["woman"] > 0.15  # more on photographs
