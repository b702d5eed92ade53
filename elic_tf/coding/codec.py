"""The codec: a model gives latents, the coder turns them into a file, and back.

    codec = Codec.load("klt")
    files = codec.encode(faces, bits=256)
    faces = codec.decode(files)

This is the only place where models and bytes meet. A model is anything with `analysis(faces) -> latents`,
`synthesis(latents, decoder, steps) -> faces`, a `code` (`LatentCode`), a `size`, a `name` and the names of its
`decoders`. One whose decoder is not linear also has `improve`, see `elic_tf.coding.search`; one whose files say
something that the latents do not, also `sides`, names of what they may say, `side(faces)`, which of these it is, and
its `synthesis` takes that too.
"""

import importlib
import warnings

import numpy as np

from elic_tf import weights
from elic_tf.coding import container, rate, search
from elic_tf.errors import BudgetError, ImageError, UnknownModelError

MIN_BITS, MAX_BITS = 48, 4096

_CHUNK = 128


class PartialWarning(UserWarning):
    """What was decoded is the coarse beginning of a face, because its file was cut."""


def check_budget(bits):
    """Return the whole bytes that `bits` allows a file. Raises BudgetError outside 48 to 4096."""
    if not isinstance(bits, (int, np.integer)) or isinstance(bits, bool):
        raise BudgetError(f"the number of bits must be a whole number, not {bits!r}")
    if not MIN_BITS <= bits <= MAX_BITS:
        raise BudgetError(f"a face takes {MIN_BITS} to {MAX_BITS} bits, not {bits}; 256 is a good start")
    return int(bits) // 8


def as_faces(faces, size):
    """Check faces (n, size, size, 3), uint8 or float in [0, 1], and return them as float32 in [0, 1].

    Raises ImageError that says what was given and what is needed.
    """
    faces = np.asarray(faces)
    if faces.ndim != 4 or faces.shape[1:] != (size, size, 3):
        hint = "; put one face in a batch with face[None]" if faces.shape == (size, size, 3) else ""
        raise ImageError(f"faces must have shape (n, {size}, {size}, 3), not {faces.shape}{hint}")
    if faces.dtype == np.uint8:
        return faces.astype(np.float32) / 255
    if faces.dtype.kind != "f":
        raise ImageError(f"faces must be uint8, or floats in [0, 1], not {faces.dtype}")
    if faces.size and not (np.isfinite(faces).all() and faces.min() >= -1e-3 and faces.max() <= 1 + 1e-3):
        raise ImageError("float faces must be finite and in [0, 1]; divide by 255, or pass uint8")
    return np.clip(faces, 0, 1).astype(np.float32)


class Codec:
    """Turns faces into `.elic` files of at most a given number of bits, and back."""

    def __init__(self, model, number):
        self.model, self.number = model, number
        self.name, self.size, self.decoders = model.name, model.size, tuple(model.decoders)
        self.sides = tuple(getattr(model, "sides", ()))

    def __repr__(self):
        return f"Codec.load({self.name!r})"

    @classmethod
    def load(cls, name):
        """Load a codec by name, with the weights the package ships. Raises UnknownModelError.

        "symbolic" gives a `SymbolicCodec`, which codes nothing but synthetic faces and is used in the same way.
        """
        if name in weights.CODECS:
            module, _, home = weights.CODECS[name][1].partition(":")
            return getattr(importlib.import_module(module), home).load()
        return cls(weights.load(name), weights.MODELS[name].number)

    @staticmethod
    def available():
        """Names of the codecs for photographs that this package ships, the best one first."""
        return list(weights.MODELS)

    @staticmethod
    def default():
        """Name of the best codec."""
        return next(iter(weights.MODELS))

    @classmethod
    def of(cls, file, partial=False):
        """Load the codec that wrote `file` (bytes)."""
        return cls.load(weights.name_of(container.unpack(file, partial).model))

    def encode(self, faces, bits=256, side=None):
        """Encode each face into a file of at most `bits` bits, as good as the model can make it with them.

        faces: (n, size, size, 3), uint8 or float in [0, 1]
        bits: 48 to 4096, for the whole file on disk, header and check included; whole bytes are used
        side: (n,) of what the files are to say beside the latents, indices of `self.sides`; by default what the model
            sees
        Returns a list of n `bytes`. Raises BudgetError, ImageError, or ValueError for a side that there is not.
        """
        room = check_budget(bits) - container.HEADER_BYTES
        faces = as_faces(faces, self.size)
        if side is not None:
            side = self._checked(side, len(faces))
        files = []
        for start in range(0, len(faces), _CHUNK):
            part = faces[start : start + _CHUNK]
            latents = self.model.analysis(part)
            said = None if side is None else side[start : start + _CHUNK]
            if self.sides and said is None:
                said = self.model.side(part)
            codes = self._codes(part, latents, said, 8.0 * room)
            # The ideal length may reach the budget to the last fraction of a bit, and then the code may need one
            # byte more. One bit less always fits.
            for i in (i for i, code in enumerate(codes) if len(code) > room):
                here = slice(i, i + 1)
                again = None if said is None else said[here]
                [codes[i]] = self._codes(part[here], latents[here], again, 8.0 * room - 1.01)
            files += [container.Container(self.number, code).pack() for code in codes]
        return files

    def _checked(self, side, count):
        if not self.sides:
            raise ValueError(f"files of the codec '{self.name}' say nothing beside the latents: leave `side` out")
        side, most = np.asarray(side), len(self.sides) - 1
        if side.shape != (count,) or side.dtype.kind not in "iu" or not np.isin(side, range(most + 1)).all():
            raise ValueError(f"side must be {count} whole numbers, one for each face, from 0 to {most}")
        return side

    def _codes(self, faces, latents, side, ideal):
        code = self.model.code
        if self.sides:
            ideal = ideal - code.side_lengths[side]
        if hasattr(self.model, "improve"):
            levels, symbols = search.spend(self.model, faces, latents, ideal)
        else:
            levels, symbols = rate.spend(code, latents, ideal)
        sides = side if self.sides else [None] * len(levels)
        return [code.write(*each) for each in zip(levels, symbols, sides)]

    def read(self, file, partial=False):
        """Return the `latent_code.Reading` of one file. Raises FileError and its kinds."""
        held = container.unpack(file, partial)
        if held.model != self.number:
            name = weights.name_of(held.model)
            raise UnknownModelError(f"this file was written by the codec '{name}', not '{self.name}'")
        return self.model.code.read(held.code, partial)

    def decode(self, files, partial=False, decoder=None):
        """Decode files into faces (n, size, size, 3), float32 in [0, 1].

        partial: take the beginnings of cut files for what they still hold, with a PartialWarning
        decoder: one of `self.decoders`; by default the first
        Raises FileError and its kinds for what is not a whole `.elic` file of this codec.
        """
        if isinstance(files, (bytes, bytearray, memoryview)):
            raise TypeError("decode takes a list of files; for one file: decode([file])[0]")
        decoder = decoder or self.decoders[0]
        if decoder not in self.decoders:
            raise ValueError(f"the codec '{self.name}' has the decoders {', '.join(self.decoders)}, not '{decoder}'")
        read = [self.read(file, partial) for file in files]
        if not read:
            return np.empty((0, self.size, self.size, 3), np.float32)
        levels, symbols, counts, sides = zip(*read)
        whole = [int((self.model.code.rows[level] >= 0).sum()) for level in levels]
        known, total = min(zip(counts, whole))
        if partial and known < total:
            cut = f"decoded from {known} of {total} latents: the rest of the file is missing"
            warnings.warn(cut, PartialWarning, stacklevel=2)
        latents = self.model.code.dequantise(levels, np.stack(symbols))
        steps = np.array([self.model.code.step(level) for level in levels], np.float32)
        told = {"side": np.array(sides)} if self.sides else {}
        chunks = [slice(i, i + _CHUNK) for i in range(0, len(latents), _CHUNK)]
        parts = [
            self.model.synthesis(latents[i], decoder, steps[i], **{name: each[i] for name, each in told.items()})
            for i in chunks
        ]
        return np.concatenate(parts)
