"""Recognising people: the search by hand, and the network on real crops."""

import sys

import numpy as np
import pytest

from elic_tf.errors import ImageError, MissingExtraError
from elic_tf.measure import identity


@pytest.fixture(scope="module")
def recogniser():
    pytest.importorskip("dlib", reason='needs the extra "identity"')
    return identity.Recogniser()


def test_the_nearest_photograph_by_hand():
    photographs = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    decoded = np.array([[0.1, 0.0], [0.2, 0.0], [0.0, 1.5]])
    found = identity.recognised(decoded, photographs)
    assert found.first.tolist() == [True, False, True]
    np.testing.assert_allclose(found.distance, [0.1, 0.8, 0.5])
    found = identity.recognised(decoded[1:], photographs, [0, 1])
    assert found.first.tolist() == [True, False]
    np.testing.assert_allclose(found.distance, [0.2, np.hypot(1, 1.5)])


def test_it_agrees_with_scipy_on_many():
    distance = pytest.importorskip("scipy.spatial.distance")
    rng = np.random.default_rng(3)
    photographs = rng.normal(size=(40, 8))
    decoded = photographs + rng.normal(size=(40, 8))
    every = distance.cdist(decoded, photographs)
    found = identity.recognised(decoded, photographs)
    np.testing.assert_array_equal(found.first, every.argmin(1) == np.arange(40))
    np.testing.assert_allclose(found.distance, np.diag(every))
    assert 0 < found.first.mean() < 1


@pytest.mark.parametrize("decoded", [np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(4)])
def test_descriptors_that_do_not_fit_are_image_errors(decoded):
    with pytest.raises(ImageError, match="descriptor"):
        identity.recognised(decoded, np.zeros((5, 4)), [0])


def test_a_portrait_is_itself_mirrored_and_blurred_and_not_somebody_else(recogniser, astronaut):
    blurred = astronaut.reshape(1, 32, 2, 32, 2, 3).mean((2, 4)).repeat(2, 1).repeat(2, 2)
    faces = np.concatenate([astronaut, astronaut[:, :, ::-1], blurred, np.full_like(astronaut, 0.5)])
    found = recogniser.descriptors(faces)
    assert found.shape == (4, 128)
    apart = np.linalg.norm(found - found[0], axis=1)
    assert apart[1] < 0.3 and apart[2] < 0.5 and apart[3] > identity.SAME
    bytes_too = recogniser.descriptors(np.round(255 * astronaut).astype(np.uint8))
    np.testing.assert_allclose(bytes_too[0], found[0], atol=1e-5)
    assert recogniser.descriptors(faces[:0]).shape == (0, 128)


def test_wrong_shapes_are_image_errors(recogniser):
    for shape in ((64, 64, 3), (1, 64, 48, 3), (1, 64, 64)):
        with pytest.raises(ImageError, match="shape"):
            recogniser.descriptors(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("module", ["dlib", "face_recognition_models"])
def test_without_the_packages_the_error_names_the_extra(monkeypatch, module):
    if module == "dlib":
        monkeypatch.setitem(sys.modules, "dlib", None)
    else:
        monkeypatch.setitem(sys.modules, "dlib", sys)
        monkeypatch.setattr(identity.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"elic_tf\[identity\]"):
        identity.Recogniser()


@pytest.mark.faces
def test_photographs_of_one_person_are_nearer_than_those_of_others(recogniser, faces_root):
    from elic_tf.faces import celeba

    faces = celeba.load(faces_root, split="test", limit=120)
    found = recogniser.descriptors(faces.images)
    apart = np.linalg.norm(found[:, None] - found, axis=2)
    same = faces.identities[:, None] == faces.identities
    np.fill_diagonal(apart, np.nan)
    assert np.nanmean(apart[same]) < identity.SAME < np.nanmean(apart[~same])
