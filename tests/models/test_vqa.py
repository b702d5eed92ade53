import keras
import numpy as np
import pytest

from elic_tf.errors import DataError, ImageError
from elic_tf.faces import synthetic
from elic_tf.models import hub_module, vqa, vqa_networks
from elic_tf.models.vqa import VQA, Vocabulary
from elic_tf.questions import records

QUESTIONS = ["Is this a man or a woman?", "Is this person smiling?", "What color is this person's hair?"]
ANSWERS = ("black", "blond", "man", "no", "woman", "yes")


@pytest.fixture(scope="module")
def fresh():
    keras.utils.set_random_seed(3)
    made = VQA.new(Vocabulary.of(QUESTIONS).words, ANSWERS, ["male", "smiling", "no_beard"], ["18-24", "65+"])
    random = np.random.default_rng(0)
    for network in (made.tower, made.fusion):  # also what starts at zero or one
        network.set_weights([weight + 0.02 * random.normal(size=weight.shape) for weight in network.get_weights()])
    return made


@pytest.fixture(scope="module")
def shipped():
    return VQA.load()


@pytest.fixture(scope="module")
def faces():
    return synthetic.faces(6, seed=2)


def test_words_stand_at_the_end_and_what_is_not_known_is_one():
    vocabulary = Vocabulary(["a", "is", "person", "'s", "this"])
    assert vqa.split("Is THIS person's hat a fez?") == ["is", "this", "person", "'s", "hat", "a", "fez"]
    numbers = vocabulary.numbers(["Is this a?", "", " ".join(["is"] * 30), "zebra!"])
    assert numbers.shape == (4, vqa.WORDS)
    assert numbers[0].tolist() == [0] * (vqa.WORDS - 3) + [3, 6, 2]
    assert numbers[1].tolist() == [0] * vqa.WORDS
    assert numbers[2].tolist() == [3] * vqa.WORDS
    assert numbers[3, -1] == 1
    assert len(vocabulary) == 7


def test_words_that_are_not_there_change_nothing():
    """Padding is masked: q of a question does not depend on how many places are empty before it."""
    keras.utils.set_random_seed(0)
    network = vqa_networks.question_network(9)
    state = network(np.array([[0] * 17 + [2, 3, 4]], np.int32))
    by_hand = []
    lstm = [layer for layer in network.layers if isinstance(layer, keras.layers.LSTM)]
    embedded = network.layers[1](np.array([[2, 3, 4]], np.int32))
    first = lstm[0].cell
    h = c = np.zeros((1, first.units), np.float32)
    outputs = []
    for step in range(3):
        h, (h, c) = first(embedded[:, step], [h, c])
        outputs.append(h)
    by_hand += [c, h]
    second = lstm[1].cell
    h = c = np.zeros((1, second.units), np.float32)
    for each in outputs:
        h, (h, c) = second(each, [h, c])
    by_hand += [c, h]
    np.testing.assert_allclose(state, np.concatenate(by_hand, 1), atol=1e-5)


def test_the_layers_of_the_tower_have_the_shapes_they_are_documented_with(fresh, faces):
    shapes = {name: tuple(layer.shape) for name, layer in fresh.tower(faces).items()}
    assert shapes == {
        "shallow": (6, 32, 32, 32),
        "middle": (6, 16, 16, 64),
        "deep": (6, 8, 8, 128),
        "feature": (6, 256),
    }


def test_probabilities_are_those_of_each_question(fresh, faces):
    features = fresh.features(faces)
    many = fresh.probabilities(features, [QUESTIONS[i % 3] for i in range(6)])
    assert many.shape == (6, len(ANSWERS))
    np.testing.assert_allclose(many.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(many[1::3], fresh.probabilities(features, QUESTIONS[1])[1::3], atol=1e-6)
    assert fresh.probabilities(features[:0], []).shape == (0, len(ANSWERS))
    with pytest.raises(DataError, match="2 questions about 6 faces"):
        fresh.probabilities(features, QUESTIONS[:2])


def test_only_the_direction_of_the_feature_counts(fresh, faces):
    features = fresh.features(faces)
    np.testing.assert_allclose(
        fresh.probabilities(features, QUESTIONS[0]), fresh.probabilities(7 * features, QUESTIONS[0]), atol=1e-5
    )


def test_an_answer_is_one_of_the_choices(fresh, faces):
    choices = [["yes", "no"], ["man", "purple"], ["blond"]] * 2
    for answer, allowed in zip(fresh.answer(faces, QUESTIONS[0], choices), choices):
        assert answer in allowed


def test_uint8_and_float_faces_get_the_same_answers(fresh, faces):
    pixels = np.round(255 * faces).astype(np.uint8)
    np.testing.assert_allclose(fresh.features(pixels), fresh.features(pixels / 255), atol=1e-4)
    with pytest.raises(ImageError, match="64, 64, 3"):
        fresh.features(faces[:, :32])


def test_the_extractor_answers_the_gender_question_as_the_model_does(fresh, faces):
    logits = fresh.extractor()(faces)["gender_logits"]
    both = np.asarray(keras.ops.softmax(logits))
    np.testing.assert_allclose(both[:, 1], fresh.male(faces), atol=1e-4)


def test_records_use_the_vocabulary_of_records(fresh, faces):
    for record in fresh.records(faces):
        records.check(record)
        assert {"gender", "smiling", "beard", "age"} <= record.keys()


def test_what_is_shipped_is_what_was_trained(shipped, faces):
    """The module, loaded as TF-Hub loads it, and the Keras networks rebuilt from the same files."""
    from elic_tf import weights

    module = hub_module.load()
    found = module(faces)
    np.testing.assert_allclose(found["feature"], shipped.features(faces), atol=1e-3)
    both = np.asarray(keras.ops.softmax(found["gender_logits"]))
    np.testing.assert_allclose(both[:, 1], shipped.male(faces), atol=5e-3)  # folded weights are rounded once more
    size = sum(path.stat().st_size for path in [weights.file("vqa.npz")])
    assert size < 1e6


def test_the_shipped_model_answers_about_synthetic_faces(shipped):
    """It was trained on photographs only, so it need not be always right; but far from chance."""
    faces = synthetic.load(200, seed=4)
    plain = np.isin(faces.labels["hat"], 0)  # a hat hides the hair
    right = (shipped.male(faces.images[plain]) > 0.5) == faces.labels["male"][plain]
    assert right.mean() > 0.7
    glasses = np.array(shipped.answer(faces.images, "Is this person wearing glasses?")) == "yes"
    worn = faces.labels["glasses"] > 0
    assert glasses[worn].mean() > glasses[~worn].mean() + 0.3


@pytest.mark.faces
def test_the_gender_question_on_test_people(shipped, faces_root):
    from elic_tf.faces import celeba

    test = celeba.load(faces_root, split="test", limit=300)
    said = (shipped.male(test.images) + shipped.male(test.images[:, :, ::-1])) / 2 > 0.5
    assert np.mean(said == test.labels["male"]) > 0.93
