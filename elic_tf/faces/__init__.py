"""Where pixels come from: rendered faces, photographs of faces, and `tf.data` from any of them."""

import importlib
import os
import pathlib

_ROOMS = ("celeba", "download", "folder", "photos", "pipeline", "splits", "synthetic", "utkface")

__all__ = ["FaceSet", "cache_root", "data_root", *_ROOMS]


def cache_root() -> pathlib.Path:
    """For files that can be made again: $ELIC_CACHE, else $XDG_CACHE_HOME/elic_tf, else ~/.cache/elic_tf."""
    if chosen := os.environ.get("ELIC_CACHE"):
        return pathlib.Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return pathlib.Path(base).expanduser() / "elic_tf"


def data_root(argument=None) -> pathlib.Path:
    """Where `celeba/` and `utkface/` are: the argument, else $ELIC_DATA, else `cache_root()/data`."""
    chosen = argument or os.environ.get("ELIC_DATA")
    return pathlib.Path(chosen).expanduser() if chosen else cache_root() / "data"


def __getattr__(name):
    if name == "FaceSet":
        return importlib.import_module("elic_tf.faces.faceset").FaceSet
    if name in _ROOMS:
        return importlib.import_module(f"elic_tf.faces.{name}")
    raise AttributeError(f"module 'elic_tf.faces' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__():
    return sorted([*globals(), *__all__])
