"""Eigenfaces: the Karhunen-Loève transform of aligned faces, the best linear code there is.

Analysis is y_i = <e_i, x - mean> with e_i the eigenvectors of the covariance of training faces, synthesis is
mean + sum_i y_i e_i (M. Turk, A. Pentland, "Eigenfaces for recognition", J. Cognitive Neuroscience 3 (1991)). For
Gaussian faces no transform of any kind beats it (V. Goyal, "Theoretical foundations of transform coding", IEEE SPM 18
(2001)), which makes it the opponent every neural codec has to beat at the same number of bits.

The eigenvectors are kept in the domain of an orthonormal colour transform and a two-dimensional DCT, where they are
sparse and quantise well, and where a face and its mirror image differ by signs: each e_i is even or odd under
reflection, so half of its coefficients are zero and are not stored. NumPy only: decoding needs no TensorFlow.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from elic_tf.coding.latent_code import LatentCode

SIZE = 64

# Rows: luminance, red-blue, green-magenta; orthonormal, so squared error is the same in both colour spaces.
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]], np.float32) / np.sqrt(np.array([[3], [2], [6]], np.float32))


def dct_matrix(size):
    """The orthonormal DCT-II, (frequency, position). N. Ahmed, T. Natarajan, K. Rao, IEEE Trans. Comp. 23 (1974)."""
    k, x = np.arange(size)[:, None], np.arange(size)[None]
    matrix = np.sqrt(2 / size) * np.cos(np.pi * (x + 0.5) * k / size)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def to_frequency(faces):
    """Faces (n, 64, 64, 3) to opponent-colour DCT coefficients (n, 3, 64, 64), vertical frequency first."""
    dct = dct_matrix(faces.shape[1])
    planes = np.einsum("nhwc,oc->nohw", faces, OPPONENT)
    return dct @ planes @ dct.T


def to_pixels(coefficients):
    """The inverse of `to_frequency`."""
    dct = dct_matrix(coefficients.shape[-1])
    planes = dct.T @ coefficients @ dct
    return np.einsum("nohw,oc->nhwc", planes, OPPONENT)


@dataclass(frozen=True)
class KLT:
    """Eigenfaces with everything needed to write them into a file.

    mean: (3, 64, 64) in the frequency domain
    odd: (K,) bool, whether an eigenvector changes sign under left-right reflection
    zones: for even and odd vectors, (2, m) flat positions of the coefficients kept
    basis: (K, m) int8 or int16, eigenvector times standard deviation in units of `grain`
    code: how latents are written
    """

    mean: np.ndarray
    odd: np.ndarray
    zones: np.ndarray
    basis: np.ndarray
    grain: float
    code: LatentCode

    name = "klt"
    size = SIZE
    decoders = ("smooth",)

    @cached_property
    def _vectors(self):
        """Even and odd eigenvectors as float32 rows of unit length, with their indices among all."""
        out = []
        for parity in (0, 1):
            index = np.flatnonzero(self.odd == parity)
            rows = self.basis[index].astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            out.append((index, self.zones[parity], rows))
        return out

    def analysis(self, faces):
        """Faces (n, 64, 64, 3) in [0, 1] to latents (n, K) float32, the most important first."""
        return self._onto(to_frequency(np.asarray(faces, np.float32)) - self.mean)

    def project(self, differences):
        """Differences of faces (n, 64, 64, 3) to differences of latents (n, K) float32."""
        return self._onto(to_frequency(np.asarray(differences, np.float32)))

    def _onto(self, spectra):
        spectra = spectra.reshape(len(spectra), -1)
        latents = np.empty((len(spectra), len(self.odd)), np.float32)
        for index, zone, rows in self._vectors:
            latents[:, index] = spectra[:, zone] @ rows.T
        return latents

    def synthesis(self, latents, decoder="smooth", steps=None):
        """Latents (n, K) to faces (n, 64, 64, 3) float32 in [0, 1]."""
        del decoder, steps  # there is only one, and no step changes what it does
        return np.clip(self.reconstruct(latents), 0, 1)

    def reconstruct(self, latents):
        """mean + sum_i y_i e_i, (n, 64, 64, 3), which may leave [0, 1]."""
        latents = np.asarray(latents, np.float32)
        coefficients = np.tile(self.mean.reshape(1, -1), (len(latents), 1))
        for index, zone, rows in self._vectors:
            coefficients[:, zone] += latents[:, index] @ rows
        return to_pixels(coefficients.reshape(-1, *self.mean.shape))

    def arrays(self):
        """Everything as named arrays, for `numpy.savez`."""
        own = {"mean": self.mean, "odd": self.odd, "zones": self.zones, "basis": self.basis, "grain": self.grain}
        return own | self.code.arrays()

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild from the mapping that `arrays` gave."""
        mean, grain = arrays["mean"].astype(np.float32), float(arrays["grain"])
        return cls(mean, arrays["odd"], arrays["zones"], arrays["basis"], grain, LatentCode.from_arrays(arrays))
