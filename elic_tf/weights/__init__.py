"""The trained parameters this package ships, each with a model card of the same name (`klt.npz`, `klt.md`).

A model's number is written into every file it makes, so it is never given away again: a model that is trained anew gets
a new number and the old weights stay, or files made with them become unreadable.
"""

import importlib
import importlib.resources
from dataclasses import dataclass

import numpy as np

from elic_tf.errors import UnknownModelError


@dataclass(frozen=True)
class Entry:
    """Where a model's parameters are, and the class whose `from_files` or `from_arrays` takes them."""

    number: int
    file: str
    home: str


# In order of preference: the first is the default.
MODELS = {
    "portrait": Entry(4, "transform.npz", "elic_tf.models.runtime:Portrait"),
    "transform": Entry(2, "transform.npz", "elic_tf.models.runtime:Transform"),
    "klt": Entry(1, "klt.npz", "elic_tf.models.klt:KLT"),
}


# Numbers that are taken by codecs which are more than a model: name -> (number, the class whose `load` makes it).
CODECS = {"symbolic": (3, "elic_tf.coding.symbolic:SymbolicCodec")}


def file(name):
    """A shipped file or folder by its name, as something with `open("rb")` and `read_bytes()`."""
    return importlib.resources.files(__name__) / name


def path(name):
    """The file with the parameters of a model, as something with `open("rb")` and `read_bytes()`."""
    if name not in MODELS:
        raise UnknownModelError(f"no model is named '{name}'; there are: {', '.join(MODELS)}")
    return file(MODELS[name].file)


def load(name):
    """Return the model named `name` with its shipped parameters."""
    source = path(name)
    module, _, cls = MODELS[name].home.partition(":")
    home = getattr(importlib.import_module(module), cls)
    if hasattr(home, "from_files"):
        return home.from_files(importlib.resources.files(__name__))
    with source.open("rb") as file, np.load(file) as arrays:
        return home.from_arrays(arrays)


def name_of(number):
    """The name of the model that a file's first byte numbers."""
    for name, entry in MODELS.items():
        if entry.number == number:
            return name
    for name, (taken, _) in CODECS.items():
        if taken == number:
            return name
    raise UnknownModelError(
        f"this file was written by model number {number}, which this elic_tf does not ship: update it"
    )
