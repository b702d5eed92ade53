import numpy as np
import pytest

from elic_tf.errors import DataError
from elic_tf.faces import synthetic
from elic_tf.models.program_writer import split
from elic_tf.questions import programs, records
from elic_tf.questions.answering import Answerer

QUESTIONS = {
    "How many people wear a hat?": "count(filter(hat, yes, scene()))",
    "Is this a man?": "exist(filter(gender, man, scene()))",
    "What color is the hair of the man?": "query(hair_color, unique(filter(gender, man, scene())))",
}
MAN = {"gender": "man", "hat": "yes", "hair_color": "black", "age": "25-34"}
WOMAN = {"gender": "woman", "hat": "yes"}


class Reader:
    """Knows what the faces are by their number; a face is a picture of one value."""

    def records(self, faces):
        assert faces.ndim == 4
        return [(MAN, WOMAN)[int(face.flat[0])] for face in faces]


class Writer:
    def write(self, question):
        split(question)
        return programs.parse(QUESTIONS[question])

    def unknown(self, question):
        return [word for word in split(question) if word == "hat"]


def picture(*numbers):
    return np.stack([np.full((64, 64, 3), number, np.uint8) for number in numbers])


@pytest.fixture
def answerer():
    return Answerer(Reader(), Writer())


def test_answers_about_one_and_several(answerer):
    assert answerer.answer(picture(0, 1), "How many people wear a hat?") == "2"
    assert answerer.answer(picture(1), "Is this a man?") == "no"
    assert answerer.answer(picture(0)[0], "Is this a man?") == "yes"
    assert answerer.answer(picture(1, 0, 1), "What color is the hair of the man?") == "black"


def test_no_answer_is_a_typed_error(answerer):
    with pytest.raises(programs.ExecutionError, match="one face, but 0 fit"):
        answerer.answer(picture(1, 1), "What color is the hair of the man?")
    with pytest.raises(DataError, match="words"):
        answerer.answer(picture(1), " ")


def test_an_explanation_says_it_all(answerer):
    told = answerer.explain(picture(0, 1), "What color is the hair of the man?")
    assert told.answer == "black" and told.records == [MAN, WOMAN] and told.problem == ""
    assert str(told).splitlines() == [
        "What color is the hair of the man?",
        "  program: query(hair_color, unique(filter(gender, man, scene())))",
        "  face 1: gender man, hair_color black",
        "  face 2: gender woman",
        "  answer: black",
    ]
    told = answerer.explain(picture(1), "What color is the hair of the man?")
    assert told.answer is None and "answer: none, the question is about one face" in str(told)
    told = answerer.explain(picture(1), "How many people wear a hat?")
    assert told.unknown == ("hat",) and "not understood: hat" in str(told)


def test_synthetic_records_are_what_a_parser_may_give():
    """The facts of one drawn face, through a parser that is told the record, to the answer."""
    record = synthetic.sample(1, seed=5)

    class Told:
        def records(self, faces):
            return [records.from_synthetic(each) for each in record]

    wanted = "yes" if synthetic.describe(record)["gender"] == "man" else "no"
    assert Answerer(Told(), Writer()).answer(synthetic.render(record), "Is this a man?") == wanted
