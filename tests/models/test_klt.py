"""Eigenfaces against an independent principal component analysis, and the shipped ones against their promises."""

import numpy as np
import pytest

import elic_tf
from elic_tf import weights
from elic_tf.coding import rate
from elic_tf.faces import synthetic
from elic_tf.models import klt, klt_fit


@pytest.fixture(scope="module")
def faces():
    return (synthetic.faces(160, seed=3) * 255).round().astype(np.uint8)


@pytest.fixture(scope="module")
def fitted(faces):
    return klt_fit.fit(faces, latents=60)


@pytest.fixture(scope="module")
def shipped():
    return weights.load("klt")


def test_colour_and_dct_are_orthonormal():
    np.testing.assert_allclose(klt.OPPONENT @ klt.OPPONENT.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(klt.dct_matrix(64) @ klt.dct_matrix(64).T, np.eye(64), atol=1e-5)


def test_dct_is_scipys(faces):
    scipy_fft = pytest.importorskip("scipy.fft")
    planes = np.einsum("nhwc,oc->nohw", faces[:4] / 255, klt.OPPONENT)
    expected = scipy_fft.dctn(planes, axes=(2, 3), norm="ortho")
    np.testing.assert_allclose(klt.to_frequency(faces[:4] / np.float32(255)), expected, atol=1e-4)


def test_frequency_and_back(faces):
    x = faces[:4].astype(np.float32) / 255
    np.testing.assert_allclose(klt.to_pixels(klt.to_frequency(x)), x, atol=1e-5)


def test_variances_and_reconstruction_are_those_of_pca_on_pixels(faces, fitted):
    """NumPy's SVD of the pixels of the faces and their mirror images, a different way to the same space."""
    x = np.concatenate([faces, faces[:, :, ::-1]]).reshape(2 * len(faces), -1) / 255
    mean = x.mean(0)
    _, singular, vectors = np.linalg.svd(x - mean, full_matrices=False)
    latents = fitted.analysis(faces / np.float32(255))
    mirrored = fitted.analysis(faces[:, :, ::-1] / np.float32(255))
    variances = np.square(np.concatenate([latents, mirrored])).mean(0)
    # Components of nearly the same variance may swap, and the zone leaves out the highest frequencies.
    np.testing.assert_allclose(np.sort(variances)[::-1][:30], (singular**2 / len(x))[:30], rtol=0.02)
    ours = fitted.synthesis(latents).reshape(len(faces), -1)
    theirs = np.clip(((x - mean) @ vectors[:60].T @ vectors[:60] + mean)[: len(faces)], 0, 1)
    error = [np.square(y - x[: len(faces)]).mean() for y in (ours, theirs)]
    assert error[1] * 0.999 < error[0] < error[1] * 1.02


def test_a_mirrored_face_has_the_same_latents_up_to_sign(shipped, faces):
    x = faces[:8] / np.float32(255)
    sign = np.where(shipped.odd, -1, 1)
    np.testing.assert_allclose(shipped.analysis(x[:, :, ::-1]), shipped.analysis(x) * sign, atol=2e-4)


def test_shipped_vectors_are_orthonormal_and_ordered(shipped):
    """Rounding the basis leaves little: latents survive synthesis and analysis."""
    random = np.random.default_rng(0)
    latents = (random.normal(size=(4, len(shipped.odd))) * 2.0 ** (shipped.code.scales / 8) / 8).astype(np.float32)
    again = shipped.analysis(shipped.synthesis(latents))
    assert np.square(again - latents).sum() < 2e-3 * np.square(latents).sum()
    assert (np.diff(shipped.code.scales) <= 0).all()


def test_arrays_round_trip(fitted, faces):
    again = klt.KLT.from_arrays(fitted.arrays())
    latents = fitted.analysis(faces[:3] / np.float32(255))
    np.testing.assert_array_equal(again.analysis(faces[:3] / np.float32(255)), latents)
    symbols, _, _ = rate.quantise(fitted.code, latents, 5, np.full(3, rate.WEIGHT))
    for row in symbols:
        assert again.code.write(5, row) == fitted.code.write(5, row)


def test_fitted_tables_are_as_short_as_the_symbols_they_were_fitted_to(faces, fitted):
    """The mean code length is within a few percent of the empirical entropy of each row's symbols."""
    latents = fitted.analysis(faces / np.float32(255))
    level = 7 * len(fitted.code.shifts) + 1
    symbols, bits, _ = rate.quantise(fitted.code, latents, level, np.full(len(latents), rate.WEIGHT))
    rows, entropy = fitted.code.rows[level], 0.0
    for row in np.unique(rows[rows >= 0]):
        values = symbols[:, rows == row].ravel()
        p = np.unique(values, return_counts=True)[1] / len(values)
        entropy -= len(values) * (p @ np.log2(p)) / len(latents)
    cost = bits.mean() - fitted.code.level_lengths[level]
    assert entropy < cost < 1.12 * entropy


@pytest.mark.faces
def test_beats_every_installed_format_on_test_people_at_256_bits(faces_root):
    pytest.importorskip("PIL")
    from elic_tf.faces import celeba
    from elic_tf.measure import baselines, distortion

    people = celeba.load(faces_root, split="test", limit=24)
    originals = np.asarray(people.images, np.float32) / 255
    codec = elic_tf.Codec.load("klt")
    ours = distortion.psnr(originals, codec.decode(codec.encode(originals, bits=256))).mean()
    assert ours > 20.5
    for name in set(baselines.names()) & {"WebP", "ThumbHash", "BlurHash"}:
        coded = [one or baselines.smallest(name, people.images[i : i + 1])[0]
                 for i, one in enumerate(baselines.within(name, people.images, 256))]  # fmt: skip
        assert ours > np.mean([one.psnr for one in coded]) + 3
