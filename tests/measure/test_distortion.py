"""Distortion against scikit-image, TensorFlow, and by hand."""

import numpy as np
import pytest

from elic_tf.errors import ImageError
from elic_tf.measure import distortion

MEASURES = [distortion.mse, distortion.psnr, distortion.ssim, distortion.ms_ssim]


@pytest.fixture(scope="module")
def pairs():
    """Five smooth random pictures with five kinds of damage, from a nearly invisible one to noise."""
    random = np.random.default_rng(0)
    coarse = random.random((5, 8, 8, 3))
    original = coarse.repeat(8, 1).repeat(8, 2)
    original = (original + np.roll(original, 3, 1) + np.roll(original, 5, 2)) / 3
    amount = np.array([0.001, 0.03, 0.1, 0.3, 1.0]).reshape(5, 1, 1, 1)
    decoded = np.clip((1 - amount) * original + amount * random.random(original.shape), 0, 1)
    return original.astype(np.float32), decoded.astype(np.float32)


def test_mse_and_psnr_by_hand():
    a, b = np.zeros((2, 11, 12, 3)), np.zeros((2, 11, 12, 3))
    b[1] = 0.1
    np.testing.assert_allclose(distortion.mse(a, b), [0, 0.01])
    np.testing.assert_allclose(distortion.psnr(a, b), [np.inf, 20])


def test_ssim_equals_scikit_image(pairs):
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is in the bench extra")
    expected = [
        metrics.structural_similarity(
            a.astype(float), b.astype(float), gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, data_range=1, channel_axis=-1,
        )
        for a, b in zip(*pairs)
    ]  # fmt: skip
    np.testing.assert_allclose(distortion.ssim(*pairs), expected, atol=1e-9)


def test_ssim_equals_scikit_image_when_not_square(pairs):
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is in the bench extra")
    a, b = (images[:1, :40, :21].astype(float) for images in pairs)
    expected = metrics.structural_similarity(
        a[0],
        b[0],
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
        channel_axis=-1,
    )
    np.testing.assert_allclose(distortion.ssim(a, b), [expected], atol=1e-9)


def test_ms_ssim_equals_tensorflow_with_the_same_three_weights(pairs):
    import tensorflow as tf

    weights = [0.0448 / 0.6305, 0.2856 / 0.6305, 0.3001 / 0.6305]
    expected = tf.image.ssim_multiscale(*map(tf.constant, pairs), max_val=1.0, power_factors=weights).numpy()
    np.testing.assert_allclose(distortion.ms_ssim(*pairs), expected, atol=2e-5)


def test_ms_ssim_per_scale_from_scikit_image(pairs):
    """cs is SSIM over luminance, so it can be had from scikit-image's full map and the two local means."""
    metrics = pytest.importorskip("skimage.metrics", reason="scikit-image is in the bench extra")
    ndimage = pytest.importorskip("scipy.ndimage", reason="scipy is in the dev extra")
    a, b = (images[1, :, :, 0].astype(float) for images in pairs)
    score = 1.0
    for scale, weight in enumerate([0.0448 / 0.6305, 0.2856 / 0.6305, 0.3001 / 0.6305]):
        if scale:
            a, b = (x.reshape(len(x) // 2, 2, -1, 2).mean((1, 3)) for x in (a, b))
        _, ssim = metrics.structural_similarity(
            a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, full=True
        )
        mean_a, mean_b = (ndimage.gaussian_filter(x, 1.5, truncate=3.5) for x in (a, b))
        luminance = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
        score *= (ssim if scale == 2 else ssim / luminance)[5:-5, 5:-5].mean() ** weight
    grey = [images[1:2, :, :, :1].repeat(3, axis=3) for images in pairs]
    np.testing.assert_allclose(distortion.ms_ssim(*grey), [score], atol=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
def test_one_number_per_face_whatever_the_batch(measure, pairs):
    a, b = (np.concatenate([images] * 30) for images in pairs)
    together = measure(a, b)
    assert together.shape == (150,) and together.dtype == np.float64
    np.testing.assert_allclose(together[:5], measure(*pairs), rtol=1e-12)
    np.testing.assert_allclose(together[145:], together[:5], rtol=1e-12)
    assert measure(a[:0], b[:0]).shape == (0,)


@pytest.mark.parametrize("measure", [distortion.ssim, distortion.ms_ssim])
def test_similarity_is_one_for_equals_symmetric_and_falls_with_damage(measure, pairs):
    a, b = pairs
    np.testing.assert_allclose(measure(a, a), 1)
    np.testing.assert_allclose(measure(a, b), measure(b, a))
    assert (np.diff(measure(a, b)) < 0).all()


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[0], "shape"),
        (lambda a: a[..., :1], "shape"),
        (lambda a: a[:-1], "same shape"),
        (lambda a: (a * 255).astype(np.uint8), "uint8"),
        (lambda a: a * 255, r"\[0, 1\]"),
        (lambda a: np.where(a > 0.5, np.nan, a), "NaN"),
    ],
)
def test_wrong_input_is_an_image_error(measure, change, message, pairs):
    a, b = pairs
    with pytest.raises(ImageError, match=message):
        measure(a, change(b))


def test_too_small_for_the_window_is_an_image_error():
    with pytest.raises(ImageError, match="11x11"):
        distortion.ssim(np.zeros((1, 10, 64, 3)), np.zeros((1, 10, 64, 3)))
    with pytest.raises(ImageError, match="44x44"):
        distortion.ms_ssim(np.zeros((1, 32, 32, 3)), np.zeros((1, 32, 32, 3)))
    with pytest.raises(ImageError, match="multiples of 4"):
        distortion.ms_ssim(np.zeros((1, 46, 64, 3)), np.zeros((1, 46, 64, 3)))
