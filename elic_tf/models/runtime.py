"""The learned codec without TensorFlow: LiteRT runs the two networks, NumPy the linear part between them.

Faces pass the networks one at a time, so that what a file decodes to does not depend, but for rounding, on what is
decoded beside it.
"""

import dataclasses
import gzip
import io
from functools import cached_property

import numpy as np

from elic_tf.coding.latent_code import LatentCode
from elic_tf.coding.tables import frequencies
from elic_tf.models.klt import KLT, SIZE
from elic_tf.quiet import quiet

BLOCK = 4
GRID = SIZE // BLOCK
DEPTH = 3 * BLOCK * BLOCK
GLOBAL = 384
"""How many of the first latents steer the decoder as a whole."""

PARTS = ("analysis", "synthesis", "gradient", "sharp", "gender")
"""Of what is shipped as LiteRT models, packed where that pays."""

GENDERS = ("woman", "man", "unsaid")
"""What the side information of "portrait" says, in this order, and how the decoder is told it."""
_TOLD = np.array([-1, 1, 0], np.float32)
_STRENGTH = (0.375, 1.125), (2.0, 1.0)
"""log2 steps, of about 256 and 128 bits, and how many times over the sharp decoder is told the gender there; between
them the line. At fine steps it listens to the latents more, and told once, as in training, it is right less often: at
256 bits, 500 validation faces, told 1, 1.5, 2, 3 times, the judge .93, .94, .94, .95, Fréchet distance 4.9, 5.0, 5.0,
5.7; at 128 bits, told 1, 1.5, 2 times, .95, .95, .96 and 9.3, 10.8, 12.8."""
_SAID = frequencies([0.49, 0.49, 0.02])
"""About one bit; not as frequent as in the training set, where there are more women."""

THREADS = 2


def to_blocks(faces):
    """Faces (n, 64, 64, 3) to (n, 16, 16, 48): the pixels of a 4x4 block as channels."""
    x = faces.reshape(-1, GRID, BLOCK, GRID, BLOCK, 3).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, GRID, GRID, DEPTH)


def from_blocks(blocks):
    """The inverse of `to_blocks`."""
    x = blocks.reshape(-1, GRID, GRID, BLOCK, BLOCK, 3).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(-1, SIZE, SIZE, 3)


def told(side, steps):
    """What the sharp decoder is told, (n, 1): from `side` (n,), indices of `GENDERS`, and quantiser steps (n,)."""
    strength = np.interp(np.log2(steps), *_STRENGTH)
    return (_TOLD[np.asarray(side)] * strength).astype(np.float32)[:, None]


class Graph:
    """A LiteRT model for batches of one, called with arrays by the names of its inputs.

    read: returns its bytes. They are asked for when the model runs for the first time: decoding needs one of three.
    """

    def __init__(self, read):
        self._read = read

    @cached_property
    def _run(self):
        from ai_edge_litert.interpreter import Interpreter

        content = self._read()
        with quiet():
            interpreter = Interpreter(model_content=content, num_threads=THREADS)
            interpreter.allocate_tensors()
            return interpreter.get_signature_runner()

    def __call__(self, **inputs):
        """Run on inputs of shape (n, ...); returns the outputs by name, (n, ...) float32."""
        count = len(next(iter(inputs.values())))
        rows = []
        for i in range(count):
            outputs = self._run(**{k: np.ascontiguousarray(v[i : i + 1], np.float32) for k, v in inputs.items()})
            rows.append({name: value.copy() for name, value in outputs.items()})
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def graph(folder, name):
    """The `Graph` of `name`.tflite or `name`.tflite.gz in a folder with `/` and `read_bytes()`, or None."""
    plain, packed = folder / f"{name}.tflite", folder / f"{name}.tflite.gz"
    if plain.is_file():
        return Graph(plain.read_bytes)
    return Graph(lambda: gzip.decompress(packed.read_bytes())) if packed.is_file() else None


class Transform:
    """Eigenfaces between two networks, see `elic_tf.models.transform`.

    klt: the linear part; code: how latents are written; analysis, synthesis, gradient: callables as `Graph`. The first
    takes `face` (n, 16, 16, 48); the second `base` (n, 16, 16, 48), `latents` (n, 384) and `log_step` (n, 1); the third
    all of these. The first two return `output` (n, 16, 16, 48), the third `by_base` and `by_latents`. sharp: another
    synthesis, which also takes `gender` (n, 1), -1 to 1, or None. gender: takes `faces` (n, 64, 64, 3) and returns
    `output` (n, 1), positive for a man, or None.

    The decoder "smooth" gives the mean of the faces that a file may stand for, "sharp" one that looks real.
    """

    name = "transform"
    size = SIZE

    def __init__(self, klt, code, analysis, synthesis, gradient, sharp=None, gender=None):
        self.klt, self.code = klt, code
        self._analysis, self._synthesis, self._gradient = analysis, synthesis, gradient
        self._sharp, self._gender = sharp, gender
        self.decoders = ("smooth", "sharp") if sharp else ("smooth",)
        self._scales = np.exp2(klt.code.scales[:GLOBAL].astype(np.float32) / 8)

    def analysis(self, faces):
        """Faces (n, 64, 64, 3) in [0, 1] to latents (n, K) float32, the most important first."""
        if not len(faces):
            return np.empty((0, len(self.klt.odd)), np.float32)
        faces = np.asarray(faces, np.float32)
        return self.klt.analysis(faces + from_blocks(self._analysis(face=to_blocks(faces))["output"]))

    def synthesis(self, latents, decoder="smooth", steps=None, side=None):
        """Latents (n, K) quantised with `steps` (n,) to faces (n, 64, 64, 3) float32 in [0, 1].

        side: (n,) of indices of `GENDERS`, which the sharp decoder heeds; None is unsaid.
        """
        latents = np.asarray(latents, np.float32)
        if not len(latents):
            return np.empty((0, SIZE, SIZE, 3), np.float32)
        if steps is None:
            raise ValueError("the learned decoder needs the quantiser step of each face: `steps`")
        if decoder == "sharp":
            side = np.full(len(latents), GENDERS.index("unsaid")) if side is None else side
            return self._decode(self._inputs(latents, steps) | {"gender": told(side, steps)}, self._sharp)
        # The mirror image's mirror image is a second opinion, and the mean of two is nearer to the truth.
        mirrored = self._decode(self._inputs(np.where(self.klt.odd, -latents, latents), steps))
        return (self._decode(self._inputs(latents, steps)) + mirrored[:, :, ::-1]) / 2

    def _inputs(self, latents, steps):
        """What the decoder reads, by name."""
        steps = np.log2(np.asarray(steps, np.float32)).reshape(-1, 1)
        base = to_blocks(self.klt.reconstruct(latents))
        return {"base": base, "latents": latents[:, :GLOBAL] / self._scales, "log_step": steps}

    def _decode(self, inputs, network=None):
        residual = (network or self._synthesis)(**inputs)["output"]
        return np.clip(from_blocks(inputs["base"] + residual), 0, 1)

    def improve(self, faces, coded, steps):
        """Squared error (n,) of what `coded` (n, K) decodes to, and a target (n, K) for `elic_tf.coding.search`.

        Without the second opinion of `synthesis`, which would double the time and hardly change what is best.
        """
        if not len(coded):
            return np.empty(0), coded
        inputs = self._inputs(coded, steps)
        error = np.square(faces - self._decode(inputs)).sum((1, 2, 3), dtype=np.float64)
        slope = self._gradient(face=to_blocks(faces), **inputs)
        by_latents = self.klt.project(from_blocks(slope["by_base"]))
        by_latents[:, :GLOBAL] += slope["by_latents"] / self._scales
        return error, coded - by_latents / 2

    def side(self, faces):
        """Which of `GENDERS` is seen in faces (n, 64, 64, 3) in [0, 1], and in their mirror images: (n,) of indices."""
        faces = np.asarray(faces, np.float32)
        if not len(faces):
            return np.zeros(0, int)
        seen = sum(self._gender(faces=each)["output"][:, 0] for each in (faces, faces[:, :, ::-1]))
        return (seen > 0).astype(int)

    @classmethod
    def from_files(cls, folder):
        """Load what `elic_tf.train transform` wrote, and `klt.npz`, from a folder with `/` and `read_bytes()`."""
        with np.load(io.BytesIO((folder / "klt.npz").read_bytes())) as arrays:
            klt = KLT.from_arrays(arrays)
        with np.load(io.BytesIO((folder / "transform.npz").read_bytes())) as arrays:
            code = LatentCode.from_arrays(arrays)
        return cls(klt, code, *(graph(folder, f"transform_{part}") for part in PARTS))


class Portrait(Transform):
    """The same networks for files that also say the gender, in about one bit, and are decoded sharp."""

    name = "portrait"
    sides = GENDERS

    def __init__(self, *parts):
        super().__init__(*parts)
        self.code = dataclasses.replace(self.code, side_freqs=_SAID)
        self.decoders = ("sharp", "smooth")
