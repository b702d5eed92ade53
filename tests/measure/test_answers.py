import numpy as np
import pytest

from elic_tf.faces import synthetic
from elic_tf.measure import answers
from elic_tf.questions import generate, records


class Oracle:
    """Knows the record of each face by its number, which is its "feature", and is wrong about women with hats."""

    answers = ("man", "woman", "yes", "no")

    def __init__(self, facts):
        self.facts = facts

    def features(self, images):
        return np.asarray(images)[:, 0, 0, 0].astype(int)

    def probabilities(self, features, questions):
        questions = [questions] * len(features) if isinstance(questions, str) else questions
        return [(self.facts[face], question) for face, question in zip(features, questions)]

    def likeliest(self, asked):
        return [self._say(*each) for each in asked]

    def _say(self, record, question):
        fact = next(fact for fact, text in answers.KEY.items() if text == question)
        said = record.get(fact, "no")
        return "man" if fact == "gender" and record["hat"] == "yes" else said


@pytest.fixture(scope="module")
def faces():
    made = synthetic.load(120, seed=1)
    images = np.zeros_like(made.images)
    images[:] = np.arange(120, dtype=np.uint8)[:, None, None, None]
    return type(made)(made.name, images, made.labels, made.identities, made.names)


def test_key_questions_count_what_is_known_and_balance(faces):
    facts = records.from_faces(faces)
    found = answers.key_questions(Plain(facts), faces, mirror=False)
    women = [record for record in facts if record["gender"] == "woman"]
    hats = sum(record["hat"] == "yes" for record in women)
    assert hats > 0
    right, balanced, n = found["gender"]
    assert n == 120
    assert right == pytest.approx(1 - hats / 120)
    assert balanced == pytest.approx((1 + 1 - hats / len(women)) / 2)
    assert found["eyeglasses"][:2] == (1, 1)
    assert found["beard"][2] == sum("beard" in record for record in facts)


class Plain(Oracle):
    """The oracle, with answers as probabilities, as a `VQA` has them."""

    def probabilities(self, features, questions):
        said = self.likeliest(super().probabilities(features, questions))
        return np.array([[float(answer == each) for each in self.answers] for answer in said])

    def likeliest(self, asked):
        if isinstance(asked, np.ndarray):
            return [self.answers[best] for best in asked.argmax(1)]
        return super().likeliest(asked)


def test_what_is_kept_is_the_share_of_equal_answers(faces):
    facts = records.from_faces(faces)
    vqa = Plain(facts)
    same = answers.kept(vqa, faces.images, faces.images)
    assert same == dict.fromkeys(answers.KEY, 1.0)
    turned = np.roll(faces.images, 1, axis=0)
    smiles = [record.get("smiling", "no") for record in facts]
    expected = np.mean([one == other for one, other in zip(smiles, np.roll(smiles, 1))])
    assert answers.kept(vqa, faces.images, turned)["smiling"] == pytest.approx(expected)


def test_the_official_score_of_an_oracle_is_a_hundred(faces):
    facts = records.from_faces(faces)
    made = generate.generate(facts, seed=1, per_template=20, rows=False)
    keep = [
        row["question"] in (answers.KEY["eyeglasses"], answers.KEY["smiling"]) for row in made.questions["questions"]
    ]
    assert sum(keep) > 4
    for contents in (made.questions["questions"], made.annotations["annotations"]):
        contents[:] = [row for row, kept in zip(contents, keep) if kept]
    assert answers.official(Plain(facts), faces, made)["overall"] == 100


def test_groups_are_shares_of_their_own(faces):
    n = 6
    labels = {"male": np.array([1, 1, 1, 0, 0, 0], bool), "age": np.array([16, 24, 25, 70, 99, 54]),
              "race": np.array(["white", "black"] * 3)}  # fmt: skip
    some = type(faces)("utkface", faces.images[:n], labels, None, [""] * n)
    found = answers.by_group(np.array([1, 0, 1, 1, 0, 1], bool), some)
    assert found["all"] == (pytest.approx(4 / 6), 6)
    assert found["men"] == found["women"] == (pytest.approx(2 / 3), 3)
    assert found["age 16-24"] == (0.5, 2) and found["age 65+"] == (0.5, 2) and "age 35-44" not in found
    assert found["white"] == (pytest.approx(2 / 3), 3)
