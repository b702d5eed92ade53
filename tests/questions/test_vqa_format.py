import copy
import json

import pytest

from elic_tf.errors import DataError
from elic_tf.questions import vqa_format

QUESTIONS = {
    "info": {"description": "", "url": "", "version": "1.0", "year": 2015, "contributor": "", "date_created": ""},
    "task_type": "Open-Ended",
    "data_type": "mscoco",
    "data_subtype": "train2014",
    "license": {"name": "", "url": ""},
    "questions": [
        {"image_id": 9, "question": "Is this a man?", "question_id": 90},
        {"image_id": 8, "question": "Is this a man?", "question_id": 80},
    ],
}


def annotation(number, image, answer):
    return {
        "question_id": number,
        "image_id": image,
        "question_type": "is this a",
        "answer_type": "yes/no",
        "multiple_choice_answer": answer,
        "answers": [{"answer": answer, "answer_confidence": "maybe", "answer_id": each} for each in range(1, 11)],
    }


ANNOTATIONS = {
    **{key: QUESTIONS[key] for key in ("info", "data_type", "data_subtype", "license")},
    "annotations": [annotation(90, 9, "yes"), annotation(80, 8, "no")],
}
RESULTS = [{"question_id": 80, "answer": "no"}, {"question_id": 90, "answer": "yes"}]
CHOOSING = QUESTIONS | {
    "task_type": "Multiple-Choice",
    "questions": [question | {"multiple_choices": ["yes", "no", "2"]} for question in QUESTIONS["questions"]],
}


@pytest.mark.parametrize(
    "arguments, name",
    [
        (("questions", "mscoco", "train2014"), "v2_OpenEnded_mscoco_train2014_questions.json"),
        (("annotations", "mscoco", "val2014"), "v2_mscoco_val2014_annotations.json"),
        (("pairs", "mscoco", "train2014"), "v2_mscoco_train2014_complementary_pairs.json"),
        (("results", "mscoco", "val2014", "OpenEnded", 2, "fake"), "v2_OpenEnded_mscoco_val2014_fake_results.json"),
        (("questions", "mscoco", "val2014", "MultipleChoice", 1), "MultipleChoice_mscoco_val2014_questions.json"),
        (("annotations", "abstract_v002", "train2015", "OpenEnded", 1), "abstract_v002_train2015_annotations.json"),
    ],
)
def test_official_file_names(arguments, name):
    assert vqa_format.file_name(*arguments) == name


@pytest.mark.parametrize(
    "arguments",
    [("answers", "a", "b"), ("pairs", "a", "b", "OpenEnded", 1), ("questions", "a", "b", "MultipleChoice", 2),
     ("questions", "a", "b", "Open-Ended"), ("questions", "a", "b", "OpenEnded", 3)],
)  # fmt: skip
def test_file_names_that_do_not_exist(arguments):
    with pytest.raises(DataError):
        vqa_format.file_name(*arguments)


def test_what_is_written_is_read(tmp_path):
    for name, contents in {"q": QUESTIONS, "a": ANNOTATIONS, "r": RESULTS, "p": [[90, 80]], "mc": CHOOSING}.items():
        vqa_format.write(tmp_path / "new" / f"{name}.json", contents)
    folder = tmp_path / "new"
    assert vqa_format.read_questions(folder / "q.json") == QUESTIONS
    assert vqa_format.read_questions(folder / "mc.json") == CHOOSING
    assert vqa_format.read_annotations(folder / "a.json", QUESTIONS) == ANNOTATIONS
    assert vqa_format.read_results(folder / "r.json", ANNOTATIONS, CHOOSING) == RESULTS
    assert vqa_format.read_pairs(folder / "p.json", ANNOTATIONS) == [[90, 80]]


def test_keys_that_are_not_known_stay(tmp_path):
    # Version 1's test questions, for one, have more.
    path = vqa_format.write(tmp_path / "q.json", QUESTIONS | {"num_choices": 18})
    assert vqa_format.read_questions(path)["num_choices"] == 18


def changed(contents, *keys, value=None):
    contents = copy.deepcopy(contents)
    place = contents
    for key in keys[:-1]:
        place = place[key]
    if value is None:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return contents


@pytest.mark.parametrize(
    "contents, message",
    [
        ([], "a question file is a JSON object, not of type list"),
        (changed(QUESTIONS, "task_type"), "a question file has no 'task_type'"),
        (changed(QUESTIONS, "task_type", value="Closed"), "neither Open-Ended nor Multiple-Choice"),
        (changed(QUESTIONS, "questions", value={}), "'questions' of a question file is of type dict, not list"),
        (changed(QUESTIONS, "questions", 1, "question"), "question 1 has no 'question'"),
        (changed(QUESTIONS, "questions", 1, "question_id", value="80"), "'question_id' of question 1 is of type str"),
        (changed(QUESTIONS, "questions", 1, "image_id", value=True), "'image_id' of question 1 is of type bool"),
        (changed(QUESTIONS, "questions", 1, "question_id", value=90), "not unique: 90 is there more than once"),
        (changed(CHOOSING, "questions", 0, "multiple_choices"), "question 0 has no 'multiple_choices'"),
        (changed(CHOOSING, "questions", 0, "multiple_choices", value=[1]), "not a list of texts"),
        (changed(CHOOSING, "questions", 0, "multiple_choices", value=["a", "a"]), "'a' is there more than once"),
    ],
)
def test_questions_that_do_not_fit(contents, message):
    with pytest.raises(DataError, match=message):
        vqa_format.check_questions(contents)


@pytest.mark.parametrize(
    "contents, message",
    [
        ({}, "has no 'info'"),
        (changed(ANNOTATIONS, "annotations", 0, "answers"), "annotation 0 has no 'answers'"),
        (changed(ANNOTATIONS, "annotations", 0, "answers", 9), "has 9 answers, not 10"),
        (changed(ANNOTATIONS, "annotations", 0, "answers", 0, "answer_id", value=2), "are not 1 to 10"),
        (changed(ANNOTATIONS, "annotations", 0, "answers", 0, "answer_confidence", value="sure"), "is none of yes"),
        (changed(ANNOTATIONS, "annotations", 0, "answers", 0, "answer", value=2), "is of type int, not str"),
        (changed(ANNOTATIONS, "annotations", 0, "answer_type", value="yes"), "not yes/no, number, other"),
        (changed(ANNOTATIONS, "annotations", 0, "question_id", value=80), "80 is there more than once"),
        (changed(ANNOTATIONS, "annotations", 0, "question_id", value=91), "lack 1 question_ids of the question file"),
        (changed(ANNOTATIONS, "annotations", 0, "image_id", value=8), "another image"),
    ],
)
def test_annotations_that_do_not_fit(contents, message):
    with pytest.raises(DataError, match=message):
        vqa_format.check_annotations(contents, QUESTIONS)


@pytest.mark.parametrize(
    "contents, message",
    [
        ({}, "results are a list"),
        ([{"question_id": 80}], "result 0 has no 'answer'"),
        (changed(RESULTS, 0, "answer", value=1), "is of type int, not str"),
        (RESULTS[:1], "the results lack 1 question_ids of the annotation file, the first 90"),
        ([*RESULTS, {"question_id": 7, "answer": ""}], "have 1 question_ids that the annotation file has not"),
        ([*RESULTS, RESULTS[0]], "80 is there more than once"),
        (changed(RESULTS, 0, "answer", value="maybe"), "'maybe' is not one of the multiple_choices of question 80"),
    ],
)
def test_results_that_do_not_fit(contents, message):
    with pytest.raises(DataError, match=message):
        vqa_format.check_results(contents, ANNOTATIONS, CHOOSING)


@pytest.mark.parametrize(
    "contents, message",
    [({}, "a list of"), ([[90]], r"not \[90\]"), ([[90, 7]], "not in the annotations"), ([[90, 90]], "same answer")],
)
def test_pairs_that_do_not_fit(contents, message):
    with pytest.raises(DataError, match=message):
        vqa_format.check_pairs(contents, ANNOTATIONS)


def test_errors_name_the_file(tmp_path):
    with pytest.raises(DataError, match=r"no file .*missing\.json"):
        vqa_format.read_questions(tmp_path / "missing.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(DataError, match=r"broken\.json is not JSON"):
        vqa_format.read_questions(tmp_path / "broken.json")
    (tmp_path / "other.json").write_text(json.dumps(RESULTS))
    with pytest.raises(DataError, match=r"other\.json: a question file is a JSON object"):
        vqa_format.read_questions(tmp_path / "other.json")
