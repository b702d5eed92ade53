"""Compression with a generator alone: look for the z whose picture is nearest to the face, and send z.

    z = argmin |x - G(z)|^2 / 2v + |z|^2 / 2

which is the most probable z where x = G(z) + noise of variance v. There is no encoder; the search is gradient descent,
from several starts, as it ends in different valleys (A. Creswell, A. Bharath, "Inverting the generator of a generative
adversarial network", IEEE TNNLS 30 (2019); for compression S. Santurkar, D. Budden, N. Shavit, "Generative
compression", PCS 2018).

How z becomes bytes is as in `latent_model`, but that nothing need be counted: the prior of z is known, N(0, I), so the
tables are those of random z.
"""

import hashlib

import numpy as np
import tensorflow as tf

from elic_tf.models import klt_fit, latent_model

SEARCH, STARTS, RATE = 200, 4, 0.1
VARIANCE = 0.03
"""v. A generator misses a face by more than noise, and in many pixels at once, so it is more than the mean error."""
RANDOM = 4000
"""How many z stand for the prior."""
_CHUNK = 16


class Inversion(latent_model.LatentModel):
    """A model for `elic_tf.coding.codec.Codec`, made of a generator: `Codec(Inversion.fit(generator), 15)`.

    generator: z (n, D) to faces (n, size, size, 3) in [0, 1]. linear: centre, forward and back, and code: see
    `LatentModel`. search, starts: how long and how often z is looked for; more is better and slower.
    """

    decoders = ("generator",)

    def __init__(self, generator, linear, code, *, search=SEARCH, starts=STARTS, variance=VARIANCE, seed=0, name="gan",
                 number=15):  # fmt: skip
        self.decoder, self.code, self.name, self.number = generator, code, name, number
        self.centre, self.forward, self.back = linear
        self.search, self.starts, self.variance, self.seed = search, starts, variance, seed
        self.size, self._found = generator.output_shape[1], {}
        z, x = tf.TensorSpec((None, len(self.forward))), tf.TensorSpec((None, self.size, self.size, 3))
        self._descend = tf.function(self._adam, input_signature=[z, z, z, x, tf.TensorSpec(()), tf.TensorSpec(())])

    @classmethod
    def fit(cls, generator, seed=0, **settings):
        """Measure what each direction of z does to the picture, and make the code of N(0, I)."""
        z = np.random.default_rng(seed).normal(size=(RANDOM, generator.input_shape[-1])).astype(np.float32)
        forward, back = latent_model.axes(z, latent_model.pixel_metric(generator, z))
        coded = z @ forward
        code = klt_fit.fit_code(coded, np.square(coded, dtype=np.float64).mean(0))
        return cls(generator, (np.zeros(len(forward), np.float32), forward, back), code, **settings)

    @classmethod
    def from_arrays(cls, generator, arrays, **settings):
        """Rebuild from the generator and the mapping that `arrays` gave."""
        code = latent_model.LatentCode.from_arrays(arrays)
        return cls(generator, [arrays[key] for key in ("centre", "forward", "back")], code, **settings)

    def analysis(self, faces):
        """Faces (n, size, size, 3) in [0, 1] to latents (n, K) float32, the most important first."""
        faces = np.ascontiguousarray(faces, np.float32)
        # The search is slow and depends on nothing but the faces: at the next rate it need not be made again.
        key = hashlib.sha256(faces).digest()
        if key not in self._found:
            self._found[key] = self.invert(faces)[0] @ self.forward
        return self._found[key]

    def invert(self, faces):
        """z (n, D) of faces (n, size, size, 3) float32, and their energies (n,): the least of all starts."""
        from tqdm import trange

        faces = np.asarray(faces, np.float32)
        found = [np.zeros((0, len(self.forward)), np.float32)], [np.zeros(0, np.float32)]
        for first in trange(0, len(faces), _CHUNK, desc="inverting", disable=None, leave=False):
            for each, part in zip(found, self._invert(faces[first : first + _CHUNK])):
                each.append(part)
        return tuple(np.concatenate(each) for each in found)

    def _invert(self, faces):
        # The same starts for each face: what its file is does not depend on its neighbours.
        starts = np.random.default_rng(self.seed).normal(size=(self.starts, len(self.forward))).astype(np.float32)
        starts[0] = 0
        z = tf.constant(np.tile(starts, (len(faces), 1)))
        x = tf.repeat(faces, self.starts, 0)
        mean, square = tf.zeros_like(z), tf.zeros_like(z)
        for step in range(self.search):
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / self.search))
            z, mean, square = self._descend(z, mean, square, x, np.float32(rate), np.float32(step + 1))
        energy = self._energy(z, x).numpy().reshape(-1, self.starts)
        best = energy.argmin(1)
        rows = np.arange(len(faces))
        return z.numpy().reshape(-1, self.starts, len(self.forward))[rows, best], energy[rows, best]

    def _energy(self, z, x):
        error = tf.reduce_sum(tf.square(x - self.decoder(z, training=False)), (1, 2, 3))
        return error / (2 * self.variance) + tf.reduce_sum(tf.square(z), 1) / 2

    def _adam(self, z, mean, square, x, rate, step):
        """One step of Adam (D. Kingma, J. Ba, ICLR 2015) for each z alone."""
        with tf.GradientTape() as tape:
            tape.watch(z)
            energy = self._energy(z, x)
        slope = tape.gradient(energy, z)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * tf.square(slope)
        scaled = mean / (1 - 0.9**step) / (tf.sqrt(square / (1 - 0.99**step)) + 1e-8)
        return z - rate * scaled, mean, square
