"""Faces of 32x32, where a network learns in minutes, and eigenfaces of that size for it to be compared with."""

import dataclasses
import io

import numpy as np

SIZE = 32
ZOOM, QUALITY = 3, 65
SOME = 1500
"""Faces that eigenfaces and tables are computed from: more of them take longer, and change little."""


def halved(images):
    """Faces uint8 (n, 64, 64, 3) as uint8 (n, 32, 32, 3): each pixel the mean of four."""
    blocks = np.asarray(images).reshape(-1, SIZE, 2, SIZE, 2, 3)
    return np.round(blocks.mean((2, 4), dtype=np.float32)).astype(np.uint8)


class Eigenfaces:
    """Lesson 00's transform, at 32x32, as a model for `elic_tf.coding.codec.Codec`.

    mean (3072,); vectors (K, 3072) of unit length, the most important first; sigma (K,), standard deviations of the
    latents; code: how latents are written.
    """

    name, size, decoders = "eigenfaces", SIZE, ("smooth",)

    def __init__(self, faces, count=192):
        """faces: (n, 32, 32, 3) uint8 to train on, more than `count`."""
        from elic_tf.models import klt_fit

        flat = faces.reshape(len(faces), -1) / np.float32(255)
        self.mean = flat.mean(0)
        some = (flat - self.mean)[:SOME]
        # The eigenvectors of the small matrix of scalar products, taken through the faces (Turk and Pentland 1991).
        vectors = np.linalg.eigh(some @ some.T)[1][:, : -count - 1 : -1].T @ some
        self.vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        latents = self.analysis(faces / np.float32(255))
        self.sigma = latents.std(0)
        self.code = klt_fit.fit_code(latents[:SOME], self.sigma.astype(float) ** 2)

    def analysis(self, faces):
        """Faces (n, 32, 32, 3) in [0, 1] to latents (n, K) float32, the most important first."""
        return (np.asarray(faces, np.float32).reshape(len(faces), -1) - self.mean) @ self.vectors.T

    def synthesis(self, latents, decoder="smooth", steps=None):
        """Latents (n, K) to faces (n, 32, 32, 3) float32 in [0, 1]."""
        del decoder, steps  # there is only one, and no step changes what it does
        faces = self.mean + np.asarray(latents, np.float32) @ self.vectors
        return np.clip(faces, 0, 1).reshape(-1, SIZE, SIZE, 3)


def show(faces, titles=None, *, alt, columns=None):
    """`figures.show` of faces (n, 32, 32, 3), three times as large and smooth: big pixels hide a face from the eye."""
    from PIL import Image

    from elic_tf.course import figures

    faces = np.stack(faces)
    if faces.dtype != np.uint8:
        faces = np.round(np.clip(faces, 0, 1) * 255).astype(np.uint8)
    size = ZOOM * faces.shape[2], ZOOM * faces.shape[1]
    large = [np.asarray(Image.fromarray(face).resize(size, Image.Resampling.BICUBIC)) for face in faces]
    picture = figures.show(large, titles, alt=alt, columns=columns, zoom=1)
    # What was made larger holds less than its pixels: a quality of 90 would take twice the bytes and look the same.
    packed = io.BytesIO()
    Image.open(io.BytesIO(picture.data)).convert("RGB").save(packed, "WEBP", quality=QUALITY, method=6)
    return dataclasses.replace(picture, data=packed.getvalue(), kind="webp")
