import numpy as np
import pytest

import elic_tf.faces
from elic_tf.errors import DataError
from elic_tf.faces import FaceSet


def faces(n=6, size=4):
    images = np.arange(n * size * size * 3, dtype=np.uint32).reshape(n, size, size, 3).astype(np.uint8)
    labels = {"male": np.arange(n) % 2 == 0, "age": np.arange(n) + 20}
    return FaceSet("noise", images, labels, np.arange(n) // 2, [f"{i}.jpg" for i in range(n)])


@pytest.mark.parametrize(
    "which", [slice(1, 4), [1, 2, 3], np.array([0, 1, 1, 1, 0, 0], bool), slice(4, None, -2), [], [-1]]
)
def test_take_keeps_pixels_labels_identities_and_names_together(which):
    whole = faces()
    expected = np.arange(6)[np.array(which, int) if isinstance(which, list) else which]
    part = whole.take(which)
    assert len(part) == len(expected) and part.size == 4
    np.testing.assert_array_equal(part.images, whole.images[expected])
    np.testing.assert_array_equal(part.labels["age"], expected + 20)
    np.testing.assert_array_equal(part.identities, expected // 2)
    assert part.names == [f"{i}.jpg" for i in expected]


def test_a_slice_shares_the_pixels():
    whole = faces()
    assert np.shares_memory(whole.take(slice(2, 4)).images, whole.images)


def test_take_refuses_a_mask_of_another_length():
    with pytest.raises(DataError, match="mask of 6"):
        faces().take(np.ones(5, bool))


def test_unequal_lengths_and_wrong_pixels_are_refused():
    good = faces()
    with pytest.raises(DataError, match="6 images but 5 entries in names"):
        FaceSet("x", good.images, {}, None, good.names[:5])
    with pytest.raises(DataError, match="6 images but 2 entries in age"):
        FaceSet("x", good.images, {"age": np.arange(2)}, None, good.names)
    with pytest.raises(DataError, match="uint8"):
        FaceSet("x", good.images.astype(np.float32), {}, None, good.names)


def test_the_text_says_how_many_faces_and_people():
    assert repr(faces()) == "FaceSet(noise: 6 faces of 3 people, 4x4, 2 labels)"


def test_data_root_is_the_argument_then_elic_data_then_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ELIC_DATA", str(tmp_path / "data"))
    assert elic_tf.faces.data_root(tmp_path / "mine") == tmp_path / "mine"
    assert elic_tf.faces.data_root() == tmp_path / "data"
    monkeypatch.delenv("ELIC_DATA")
    monkeypatch.delenv("ELIC_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert elic_tf.faces.data_root() == tmp_path / "xdg" / "elic_tf" / "data"
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "cache"))
    assert elic_tf.faces.data_root() == tmp_path / "cache" / "data"


def test_an_unknown_name_says_what_there_is():
    with pytest.raises(AttributeError, match="it has FaceSet"):
        _ = elic_tf.faces.celebb
