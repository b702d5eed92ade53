"""elic_tf: extremely lossy image compression. A portrait goes in, a few hundred bits come out, a face comes back.

    codec = elic_tf.Codec.load("klt")
    files = codec.encode(faces, bits=256)   # list of bytes, each at most 32
    faces = codec.decode(files)             # (n, 64, 64, 3) float32 in [0, 1]

Importing this package is cheap: names are resolved on first use, and TensorFlow only when something needs it.
"""

import importlib

__version__ = "0.1.0"

_HOMES = {"Codec": "elic_tf.coding.codec", "ElicError": "elic_tf.errors"}
_ROOMS = ("coding", "course", "errors", "faces", "measure", "models", "questions", "train", "weights")

__all__ = [*_HOMES, *_ROOMS]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"elic_tf.{name}")
    raise AttributeError(f"module 'elic_tf' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__():
    return sorted([*globals(), *__all__])
