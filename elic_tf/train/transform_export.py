"""From trained weights to what is shipped: two LiteRT graphs and the integer tables."""

import gzip
import pathlib

import keras
import numpy as np

from elic_tf.models import klt_fit, runtime, transform
from elic_tf.models.runtime import DEPTH, GLOBAL, GRID, SIZE


def in_float32(network, **changes):
    """A float32 copy of a network that was trained in mixed precision."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        plain = getattr(transform, f"{network.name}_network")(**network.shape_arguments, **changes)
    finally:
        keras.config.set_dtype_policy(policy)
    plain.set_weights(network.get_weights())
    return plain


FACE = ("face", (1, GRID, GRID, DEPTH))
CODED = (("base", (1, GRID, GRID, DEPTH)), ("latents", (1, GLOBAL)), ("log_step", (1, 1)), ("gender", (1, 1)))


def to_litert(network, half=True):
    """The bytes of a LiteRT model of a float32 `network` for one face at a time; weights as float16, or as bytes."""
    inputs = (FACE,) if network.name == "analysis" else CODED[: len(network.inputs)]

    def function(*values):
        return {"output": network(list(values) if len(values) > 1 else values[0])}

    return _convert(function, inputs, network, half)


def gradient_to_litert(synthesis):
    """A LiteRT model of the gradients of D = |face - base - g|^2; weights in bytes, as a direction will do."""
    import tensorflow as tf

    # LiteRT has no gradient of relu, but all that the one of a maximum is made of.
    synthesis = in_float32(synthesis, relu=lambda x: keras.ops.maximum(x, 0.0))

    def function(face, base, latents, log_step):
        with tf.GradientTape() as tape:
            tape.watch((base, latents))
            error = tf.reduce_sum(tf.square(face - base - synthesis([base, latents, log_step])))
        by_base, by_latents = tape.gradient(error, (base, latents))
        return {"by_base": by_base, "by_latents": by_latents}

    return _convert(function, (FACE, *CODED[:3]), synthesis, half=False)


def _convert(function, inputs, network, half):
    import tensorflow as tf

    holder = tf.Module()
    holder.held = [variable.value for variable in network.variables]  # or they would not be written
    signature = [tf.TensorSpec(shape, name=name) for name, shape in inputs]
    concrete = tf.function(function, input_signature=signature).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], holder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if half:
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def gender_to_litert(extractor):
    """A LiteRT model of faces (1, 64, 64, 3) to `output` (1, 1), positive for a man. extractor: of a `VQA`."""

    def function(faces):
        logits = extractor(faces)["gender_logits"]
        return {"output": logits[:, 1:] - logits[:, :1]}

    return _convert(function, (("faces", (1, SIZE, SIZE, 3)),), extractor, half=False)


def write_packed(content, path):
    """Write bytes as gzip does, the same ones each time."""
    path.write_bytes(gzip.compress(content, mtime=0))


def _graph(content):
    return runtime.Graph(lambda: content)


def fit_code(model, latents):
    """The integer tables: the learned prior's, then recounted on training latents (n, K) as they are quantised."""
    from elic_tf.coding.latent_code import OCTAVE

    ratios = 2.0 ** ((np.arange(klt_fit.RATIOS) + klt_fit.FIRST_RATIO) / OCTAVE)
    scales = np.exp(np.asarray(model.prior.log_scales, np.float64))
    return klt_fit.fit_code(latents, np.square(scales), model.prior.rows(ratios))


def export(model, faces, out):
    """Write three LiteRT models `transform_*` and `transform.npz`; returns the `runtime.Transform`.

    Bytes are enough for the weights of the synthesis: they change the decoded face by 0.2 grey levels, its PSNR by less
    than .001 dB. Those of the analysis decide between integers.
    """
    out = pathlib.Path(out)
    contents = {
        "analysis": to_litert(in_float32(model.analysis)),
        "synthesis": to_litert(in_float32(model.synthesis), half=False),
        "gradient": gradient_to_litert(model.synthesis),
    }
    for part, content in contents.items():
        if part == "analysis":
            (out / "transform_analysis.tflite").write_bytes(content)
        else:
            write_packed(content, out / f"transform_{part}.tflite.gz")
    shipped = runtime.Transform(model.klt, model.klt.code, *map(_graph, contents.values()))
    analysis = in_float32(model.analysis)
    latents = []
    for start in range(0, len(faces), 256):  # mirror images would only change signs, and tables are symmetric
        part = np.asarray(faces[start : start + 256]).astype(np.float32) / 255
        change = np.asarray(analysis(runtime.to_blocks(part)))
        latents.append(model.klt.analysis(part + runtime.from_blocks(change)))
    shipped.code = fit_code(model, np.concatenate(latents))
    np.savez_compressed(out / "transform.npz", **shipped.code.arrays())
    return shipped


def agreement(model, shipped, faces, bits=256):
    """LiteRT against TensorFlow: (largest difference of a pixel in grey levels, share of equal symbols)."""
    from elic_tf.coding import rate

    analysis, synthesis = in_float32(model.analysis), in_float32(model.synthesis)
    reference = runtime.Transform(
        shipped.klt, shipped.code, lambda face: {"output": np.asarray(analysis(face))},
        lambda base, latents, log_step: {"output": np.asarray(synthesis([base, latents, log_step]))}, None,
    )  # fmt: skip
    level, wanted = rate.spend(shipped.code, reference.analysis(faces), bits)
    # At the same level: which of two equally good levels wins is not what is asked.
    got = [rate.quantise(shipped.code, m.analysis(faces), int(level[0]), np.full(len(faces), rate.WEIGHT))[0]
           for m in (reference, shipped)]  # fmt: skip
    steps = np.array([shipped.code.step(q) for q in level])
    latents = shipped.code.dequantise(level, wanted)
    difference = np.abs(reference.synthesis(latents, steps=steps) - shipped.synthesis(latents, steps=steps))
    return 255 * float(difference.max()), float(np.mean(got[0] == got[1]))
