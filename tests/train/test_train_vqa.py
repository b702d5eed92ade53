import dataclasses

import keras
import numpy as np
import pytest

from elic_tf.faces import synthetic
from elic_tf.models import vqa_networks
from elic_tf.models.vqa import Vocabulary
from elic_tf.train import answers, attributes

NAMES = ["male", "eyeglasses", "smiling"]


def face_set(n, seed, name="celeba"):
    """Synthetic faces that are labelled as CelebA's or UTKFace's are."""
    faces = synthetic.load(n, seed=seed, size=64)
    if name == "utkface":
        labels = {"male": faces.labels["male"], "age": np.full(n, 30)}
    else:
        worn = faces.labels["glasses"] > 0
        labels = {"male": faces.labels["male"], "eyeglasses": worn, "smiling": faces.labels["smile"] > 3}
    return dataclasses.replace(faces, name=name, labels=labels)


def small_tower():
    keras.utils.set_random_seed(1)
    return vqa_networks.tower(widths=(8, 8, 16, 16), blocks=(0, 0, 0, 0))


def train(out, epochs=2, stop=None):
    sets = [face_set(40, 0), face_set(24, 1, "utkface")]
    return attributes.train(
        sets, [face_set(16, 2)], NAMES, out, epochs=epochs, epoch_steps=3, batch=16, stop=stop, tower=small_tower()
    )


def test_labels_say_what_is_not_known():
    said = attributes.labels(face_set(3, 0), NAMES)
    assert said.shape == (3, 4) and set(said[:, :3].ravel()) <= {0, 1} and (said[:, 3] == -1).all()
    said = attributes.labels(dataclasses.replace(
        face_set(4, 0, "utkface"), labels={"male": np.array([1, 0, 1, 0], bool), "age": np.array([17, 18, 34, 99])}
    ), NAMES)  # fmt: skip
    assert said.tolist() == [[1, -1, -1, -1], [0, -1, -1, 0], [1, -1, -1, 1], [0, -1, -1, 5]]


def test_the_cost_is_cross_entropy_of_what_is_known():
    random = np.random.default_rng(0)
    logits, ages = random.normal(size=(2, 3)).astype("f"), random.normal(size=(2, 6)).astype("f")
    wanted = np.array([[1, 0, -1, -1], [0, -1, -1, 4]])
    found = attributes.cost(logits, ages, wanted, 0)
    smooth, weight = attributes.SMOOTHING, attributes.GENDER_WEIGHT

    def entropy(logit, yes):
        p, t = 1 / (1 + np.exp(-logit)), smooth + (1 - 2 * smooth) * yes
        return -t * np.log(p) - (1 - t) * np.log(1 - p)

    by_hand = [weight * entropy(logits[0, 0], 1) + entropy(logits[0, 1], 0),
               weight * entropy(logits[1, 0], 0) - ages[1, 4] + np.log(np.exp(ages[1]).sum())]  # fmt: skip
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)


def test_a_batch_depends_on_its_number_only():
    sets = [face_set(20, 0), face_set(20, 1, "utkface")]
    first = list(attributes.batches(sets, NAMES, batch=8).take(4))
    later = next(iter(attributes.batches(sets, NAMES, batch=8, skip=3)))
    np.testing.assert_array_equal(first[3]["face"], later["face"])
    np.testing.assert_array_equal(first[3]["label"], later["label"])
    assert not np.array_equal(first[0]["face"], first[3]["face"])
    assert first[0]["face"].numpy().min() >= 0 and first[0]["face"].numpy().max() <= 1


def test_a_run_that_was_stopped_ends_like_one_that_was_not(tmp_path):
    whole = train(tmp_path / "whole")
    train(tmp_path / "parts", stop=1)
    parts = train(tmp_path / "parts")
    for one, other in zip(whole.get_weights(), parts.get_weights()):
        np.testing.assert_allclose(one, other, atol=1e-6)
    parts.load_networks(tmp_path / "parts")


@pytest.fixture(scope="module")
def asked():
    return answers.asked([face_set(60, 5), face_set(40, 6, "utkface")], per_template=8, per_face=4)


def test_questions_are_about_the_right_faces(asked):
    faces, questions, said = asked
    male = np.concatenate([face_set(60, 5).labels["male"], face_set(40, 6).labels["male"]])
    gender = np.char.endswith(questions, "man or a woman?")
    assert gender.sum() > 5 and faces[gender].max() >= 60
    np.testing.assert_array_equal(said[gender] == "man", male[faces[gender]])
    assert not any("young" in question for question in questions[faces >= 60])


def test_features_of_the_first_version_are_those_of_the_faces():
    faces, tower = face_set(5, 7), small_tower()
    found = answers.features(tower, faces, 2)
    assert found.shape == (2, 5, vqa_networks.FEATURE)
    plain = tower(np.asarray(faces.images, np.float32) / 255, training=False)["feature"]
    np.testing.assert_allclose(found[0], plain, atol=1e-3)
    assert not np.allclose(found[1], found[0])


def test_answers_are_learned_from_features_and_cannot_be_without(asked, tmp_path):
    """Features that say it all: the answer itself. A blind model must stay near what the wording says."""
    _, questions, said = asked
    known = np.isin(said, ("man", "woman"))
    examples = tuple(column[known] for column in asked)
    seen = np.random.default_rng(0).normal(size=(1, 100, vqa_networks.FEATURE)).astype("f")
    seen[0, examples[0], 0] = np.where(examples[2] == "man", 9, -9)
    vocabulary = Vocabulary.of(questions.tolist())
    right = {}
    for blind in (False, True):
        model = answers.train(seen, examples, (seen, examples), vocabulary, ["man", "woman"], tmp_path / str(blind),
                              epochs=1, epoch_steps=40, batch=32, blind=blind)  # fmt: skip
        data = answers.batches(seen, examples, vocabulary, ["man", "woman"], shuffle=False)
        right[blind] = model.evaluate(data, verbose=0, return_dict=True)["right"]
    assert right[False] > 0.95
    assert right[True] < 0.75
