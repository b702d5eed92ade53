"""Faces of half the size, and eigenfaces of them in a codec."""

import numpy as np
import pytest

from elic_tf.coding.codec import Codec
from elic_tf.course import small
from elic_tf.faces import synthetic
from elic_tf.measure.distortion import psnr


@pytest.fixture(scope="module")
def faces():
    return small.halved(synthetic.load(300, seed=3).images)


def test_halved_pixels_are_means_of_four():
    images = np.zeros((2, 64, 64, 3), np.uint8)
    images[1, :2, :2, 0] = [[0, 100], [200, 255]]
    halved = small.halved(images)
    assert halved.shape == (2, 32, 32, 3) and halved.dtype == np.uint8
    assert halved[1, 0, 0].tolist() == [139, 0, 0] and halved.sum() == 139


def test_eigenfaces_are_orthonormal_and_the_first_ones_matter_most(faces):
    model = small.Eigenfaces(faces, count=40)
    assert np.allclose(model.vectors @ model.vectors.T, np.eye(40), atol=1e-3)
    assert np.all(np.diff(model.sigma) < 1e-4)
    seen = faces[:5] / np.float32(255)
    principal = np.linalg.svd(faces.reshape(300, -1) / 255.0 - model.mean, full_matrices=False)[2][:40]
    wanted = model.mean + (seen.reshape(5, -1) - model.mean) @ principal.T @ principal
    assert np.allclose(model.synthesis(model.analysis(seen)).reshape(5, -1), np.clip(wanted, 0, 1), atol=1e-3)


def test_more_bits_make_a_better_face(faces):
    codec = Codec(small.Eigenfaces(faces, count=40), 14)
    some = faces[:8] / np.float32(255)
    files = {bits: codec.encode(some, bits=bits) for bits in (64, 256)}
    assert all(8 * len(file) <= bits for bits, each in files.items() for file in each)
    assert psnr(some, codec.decode(files[64])).mean() < psnr(some, codec.decode(files[256])).mean()
