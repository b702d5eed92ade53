"""LiteRT does what TensorFlow does, and the shipped codec needs no TensorFlow."""

import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")

from elic_tf import Codec, weights
from elic_tf.faces import synthetic
from elic_tf.models import runtime


@pytest.fixture(scope="module")
def faces():
    return synthetic.load(8, seed=11).images


@pytest.mark.slow
def test_litert_is_tensorflow(faces, tmp_path):
    tf = pytest.importorskip("tensorflow")
    from elic_tf.models import transform
    from elic_tf.train import transform_export
    from elic_tf.train.transform_model import TransformModel

    tf.keras.utils.set_random_seed(1)
    networks = transform.analysis_network(16, 1), transform.synthesis_network(16, 16, (1, 1, 1), 16)
    rng = np.random.default_rng(0)
    for network in networks:  # as untrained networks return 0, there would be nothing to compare
        kernel = network.get_layer("last").kernel
        kernel.assign(rng.normal(0, 0.005, kernel.shape))
    klt = weights.load("klt")
    model = TransformModel(klt, *networks)
    contents = [transform_export.to_litert(transform_export.in_float32(part)) for part in networks]
    graphs = [runtime.Graph(lambda content=content: content) for content in contents]
    shipped = runtime.Transform(klt, klt.code, *graphs, None)
    pixels = faces.astype(np.float32) / 255
    assert np.abs(shipped.analysis(pixels) - klt.analysis(pixels)).max() > 0.01
    grey, equal = transform_export.agreement(model, shipped, pixels)
    assert grey < 1 and equal >= 0.999

    content = transform_export.gradient_to_litert(networks[1])
    inputs = {
        "face": runtime.to_blocks(pixels[:2]),
        "base": runtime.to_blocks(pixels[2:4]),
        "latents": rng.normal(size=(2, runtime.GLOBAL)).astype(np.float32),
        "log_step": np.zeros((2, 1), np.float32),
    }
    got = runtime.Graph(lambda: content)(**inputs)
    face, *watched, log_step = (tf.constant(value) for value in inputs.values())
    with tf.GradientTape() as tape:
        tape.watch(watched)
        error = tf.reduce_sum(tf.square(face - watched[0] - networks[1]([*watched, log_step])))
    for name, exact in zip(("by_base", "by_latents"), tape.gradient(error, watched)):
        cosine = np.sum(got[name] * exact) / np.linalg.norm(got[name]) / np.linalg.norm(exact)
        assert cosine > 0.98, name


def test_arrays_of_the_code_and_back():
    code = weights.load("klt").code
    again = type(code).from_arrays(code.arrays())
    symbols = np.zeros(len(code.scales), np.int32)
    symbols[:5] = 3, -2, 1, 0, -1
    assert again.write(20, symbols) == code.write(20, symbols)


def test_steps_are_needed():
    klt = weights.load("klt")
    model = runtime.Transform(klt, klt.code, None, None, None)
    with pytest.raises(ValueError, match="steps"):
        model.synthesis(np.zeros((1, len(klt.odd)), np.float32))


shipped = pytest.mark.skipif("transform" not in weights.MODELS, reason="the learned codec is not shipped yet")


@shipped
@pytest.mark.parametrize("bits", [48, 96, 256, 1024, 4096])
def test_files_fit_and_decode(faces, bits):
    codec = Codec.load("transform")
    files = codec.encode(faces, bits)
    assert max(map(len, files)) <= bits // 8
    decoded = codec.decode(files)
    assert decoded.shape == faces.shape and decoded.dtype == np.float32
    assert decoded.min() >= 0 and decoded.max() <= 1
    # Half a grey level: activations are rounded to bytes, so a rounding of the input may go a little further.
    np.testing.assert_allclose(codec.decode(files[2:3])[0], decoded[2], atol=2e-3)


def test_the_gender_is_told_more_strongly_at_fine_steps():
    steps = 2.0 ** np.array([2, 1.125, 0.75, 0.375, -2])
    np.testing.assert_allclose(runtime.told([1] * 5, steps)[:, 0], [1, 1, 1.5, 2, 2])
    np.testing.assert_allclose(runtime.told([0] * 5, steps), -runtime.told([1] * 5, steps))
    assert not runtime.told([2] * 5, steps).any()


@shipped
def test_nothing_to_do():
    codec = Codec.load("transform")
    assert codec.encode(np.empty((0, 64, 64, 3), np.uint8)) == []
    assert codec.decode([]).shape == (0, 64, 64, 3)


@shipped
def test_what_is_shipped_is_small():
    folder = weights.path("transform").parent
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert sum(name.startswith("transform_") and ".tflite" in name for name in sizes) == 5
    assert sum(sizes.values()) < 20_000_000  # all models together


@shipped
def test_no_tensorflow():
    program = (
        "import sys, numpy as np; from elic_tf import Codec; c = Codec.load('transform');"
        "f = c.encode(np.zeros((1, 64, 64, 3), np.uint8)); c.decode(f);"
        "sys.exit(' '.join(m for m in ('tensorflow', 'keras', 'tensorflow_probability') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@shipped
def test_search_pays(faces):
    """More trials cannot make what the search looks at worse, and on faces they make it better."""
    from elic_tf.coding import rate, search

    model = weights.load("transform")
    pixels = faces[:4].astype(np.float32) / 255
    latents = model.analysis(pixels)
    levels, plain = rate.spend(model.code, latents, 240)
    again, found = search.spend(model, pixels, latents, 240)
    np.testing.assert_array_equal(levels, again)
    steps = [model.code.step(level) for level in levels]
    before, after = (model.improve(pixels, model.code.dequantise(levels, s), steps)[0] for s in (plain, found))
    assert (after <= before + 1e-6).all() and after.sum() < 0.99 * before.sum()
    assert all(model.code.bits(level, s) <= 240 for level, s in zip(levels, found))


def test_target_is_a_newton_step(faces):
    """With decoders that add nothing the target is the exact latents, in one step."""
    klt = weights.load("klt")
    nothing = lambda base, **rest: {"output": np.zeros_like(base)}  # noqa: E731
    slope = lambda face, base, latents, log_step: {  # noqa: E731
        "by_base": 2 * (base - face), "by_latents": np.zeros_like(latents)}  # fmt: skip
    model = runtime.Transform(klt, klt.code, None, nothing, slope)
    pixels = faces[:2].astype(np.float32) / 255
    error, target = model.improve(pixels, np.zeros((2, len(klt.odd)), np.float32), np.ones(2))
    np.testing.assert_allclose(target, klt.analysis(pixels), atol=1e-3)
    mean = np.clip(klt.reconstruct(np.zeros((1, len(klt.odd)))), 0, 1)
    np.testing.assert_allclose(error, np.square(pixels - mean).sum((1, 2, 3)), rtol=1e-4)
