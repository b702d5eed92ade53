"""The symbolic codec: a face is its record, some 52 bits, and decoding is drawing it again.

    codec = SymbolicCodec.load()
    files = codec.encode(faces)               # faces of elic_tf.faces.synthetic; about 9 bytes each
    faces = codec.decode(files)               # (n, 64, 64, 3) float32 in [0, 1]

Encoding asks the parser what is seen; the record is written factor by factor, parents before children, with the integer
frequencies of the Bayesian network that the faces are drawn from. So the rate is known exactly: `synthetic.bits` of
the record, and `synthetic.entropy_bits()` in the mean, the least that any lossless code of these faces needs. It is
model-based coding (R. Forchheimer, T. Kronander, "Image coding - from waveforms to animation", IEEE Trans. ASSP 37,
1989) at its end point: what the model does not know is lost, and other pictures come back as somebody else.

Decoding needs the tables and the renderer, no TensorFlow, and no weights at all.
"""

import functools
import importlib.resources
import warnings

import numpy as np

from elic_tf import weights
from elic_tf.coding import container
from elic_tf.coding.arithmetic import Decoder, Encoder, Exhausted
from elic_tf.coding.codec import PartialWarning, as_faces, check_budget
from elic_tf.coding.tables import TOTAL, cumulative
from elic_tf.errors import BudgetError, DamagedError, UnknownModelError
from elic_tf.faces import synthetic

NUMBER = 3
"""Of this codec in the file's first byte."""
TRIALS = 96
"""Records that encoding draws for a face, to see whether they fit better than what the parser says."""


@functools.cache
def _table(name, given):
    """The cumulative table of a factor, for levels of its parents."""
    return cumulative(synthetic.frequencies(name)[given] * (TOTAL // synthetic.TOTAL))


def _tables(levels):
    """(factor, its table) in coding order; `levels` must hold the factors that were given before."""
    for name in synthetic.ORDER:
        yield name, _table(name, tuple(levels[parent] for parent in synthetic.parents(name)))


def write(record):
    """The code of one record, a structured scalar of `synthetic.DTYPE`: at most 8 bits over `synthetic.bits`."""
    levels = {name: int(record[name]) for name in synthetic.ORDER}
    encoder = Encoder()
    for name, table in _tables(levels):
        encoder.put(levels[name], table)
    return encoder.finish()


def factor_bits(record):
    """{factor: bits that its level takes, given those before it}, in coding order; their sum is `synthetic.bits`."""
    levels = {name: int(record[name]) for name in synthetic.ORDER}
    return {name: float(np.log2(TOTAL / np.diff(table)[levels[name]])) for name, table in _tables(levels)}


def read(code, cut=False):
    """(record (1,) of `synthetic.DTYPE`, number of factors read) of a code.

    `cut=True` takes the beginning of a cut code: factors that it does not determine are the most probable ones,
    given those that it does. Raises DamagedError for a code that `write` would not have written.
    """
    decoder, levels, known = Decoder(code, cut), {}, 0
    for name, table in _tables(levels):
        try:
            if decoder:
                levels[name] = decoder.get(table)
                known += 1
                continue
        except Exhausted:
            decoder = None
        levels[name] = int(np.argmax(np.diff(table)))
    if not known:
        raise DamagedError("too little of this .elic file is left to show anything")
    record = np.zeros(1, synthetic.DTYPE)
    for name, level in levels.items():
        record[name] = level
    if not cut and write(record[0]) != code:
        raise DamagedError("damaged .elic file: its code is not one that an encoder writes")
    return record, known


class SymbolicCodec:
    """Synthetic faces to `.elic` files of about 72 bits, and back. Used like `Codec`; the rate is not for choosing.

    parser: anything with `parse(faces, trials) -> records`; decoding works without. trials: how many records encoding
    draws and compares for each face, 2 ms each; 0 takes the parser's word.
    """

    name, number, size, decoders, sides = "symbolic", NUMBER, 64, ("smooth",), ()

    def __init__(self, parser=None, trials=TRIALS):
        self.parser, self.trials = parser, trials

    def __repr__(self):
        return "SymbolicCodec.load()"

    @classmethod
    def load(cls):
        """The codec with the parser that the package ships."""
        from elic_tf.models.parser import Parser

        return cls(Parser.from_files(importlib.resources.files(weights)))

    def encode(self, faces, bits=None):
        """Encode each face as its record.

        faces: (n, 64, 64, 3), uint8 or float in [0, 1]
        bits: the most that a file may have, 48 to 4096, header and check included; by default whatever it takes
        Returns a list of n `bytes`. Raises BudgetError where a file would be larger than `bits`, or ImageError.
        """
        if bits is not None:
            check_budget(bits)
        faces = as_faces(faces, self.size)
        if self.parser is None:
            raise UnknownModelError("encoding faces needs a parser: use SymbolicCodec.load()")
        return self.encode_records(self.parser.parse(faces, self.trials), bits)

    def encode_records(self, records, bits=None):
        """Encode records (n,) of `synthetic.DTYPE`; returns a list of n `bytes`. Raises as `encode`."""
        room = None if bits is None else check_budget(bits)
        files = [container.Container(NUMBER, write(record)).pack() for record in synthetic.network.check(records)]
        longest = max(map(len, files), default=0)
        if room is not None and longest > room:
            raise BudgetError(
                f"the record of face {[len(file) for file in files].index(longest)} takes {8 * longest} bits, more "
                f"than {bits}: a record is coded whole; allow more, or use another codec"
            )
        return files

    def read(self, file, partial=False):
        """(record (1,) of `synthetic.DTYPE`, number of factors read) of one file. Raises FileError and its kinds."""
        try:
            held, cut = container.unpack(file), False
        except DamagedError:
            if not partial:
                raise
            held, cut = container.unpack(file, partial=True), True
        if held.model != NUMBER:
            name = weights.name_of(held.model)
            raise UnknownModelError(f"this file was written by the codec '{name}', not '{self.name}'")
        return read(held.code, cut)

    def decode_records(self, files, partial=False):
        """The records (n,) of `synthetic.DTYPE` that files hold, exactly as they were given to `encode_records`.

        partial: take the beginnings of cut files for what they still hold, with a PartialWarning.
        Raises FileError and its kinds for what is not a whole `.elic` file of this codec.
        """
        if isinstance(files, (bytes, bytearray, memoryview)):
            raise TypeError("decode takes a list of files; for one file: decode([file])[0]")
        if not files:
            return np.zeros(0, synthetic.DTYPE)
        records, known = zip(*(self.read(file, partial) for file in files))
        if min(known) < len(synthetic.ORDER):
            cut = f"decoded from {min(known)} of {len(synthetic.ORDER)} factors: the rest of the file is missing"
            warnings.warn(cut, PartialWarning, stacklevel=2)
        return np.concatenate(records)

    def decode(self, files, partial=False, decoder=None):
        """Decode files into faces (n, 64, 64, 3), float32 in [0, 1]. As `decode_records`, and drawn."""
        if decoder not in (None, *self.decoders):
            raise ValueError(f"the codec '{self.name}' has the decoders {', '.join(self.decoders)}, not '{decoder}'")
        return synthetic.render(self.decode_records(files, partial), self.size)
