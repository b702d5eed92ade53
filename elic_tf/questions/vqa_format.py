"""The official VQA files (visualqa.org), versions 1 and 2: questions, annotations, results, complementary pairs.

Everything is the plain dicts and lists of the JSON files; reading and writing check them, and a file that does not fit
is a `DataError` that says where.

    questions    {"info", "task_type", "data_type", "data_subtype", "license",
                  "questions": [{"image_id", "question", "question_id"}]}        "multiple_choices" too in version 1 MC
    annotations  {"info", "data_type", "data_subtype", "license",
                  "annotations": [{"question_id", "image_id", "question_type", "answer_type",
                                   "multiple_choice_answer", "answers": 10 of {"answer", "answer_confidence",
                                   "answer_id"}}]}
    results      [{"question_id", "answer"}], exactly one for each question of the annotations
    pairs        [[question_id, question_id]]: version 2's pairs, the same question with another answer
"""

import json
import pathlib
from collections import Counter

from elic_tf.errors import DataError

TASKS = {"OpenEnded": "Open-Ended", "MultipleChoice": "Multiple-Choice"}
"""How a task is written in a file name, and in a file."""

ANSWER_TYPES = ("yes/no", "number", "other")
CHOICES = 18
"""How many choices a multiple-choice question of version 1 has."""

_CONFIDENCES = ("yes", "maybe", "no")
_PATTERNS = {
    "questions": "{prefix}{task}_{data}_questions.json",
    "annotations": "{prefix}{data}_annotations.json",
    "results": "{prefix}{task}_{data}_{name}_results.json",
    "pairs": "{prefix}{data}_complementary_pairs.json",
}


def file_name(kind: str, data_type: str, data_subtype: str, task: str = "OpenEnded", version=2, name="model") -> str:
    """The official file name: `v2_OpenEnded_mscoco_train2014_questions.json`, without `v2_` in version 1.

    kind: questions, annotations, results (`name` says whose) or pairs (version 2 only).
    """
    if kind not in _PATTERNS or task not in TASKS or version not in (1, 2):
        raise DataError(
            f"no VQA file {kind!r} of task {task!r}, version {version!r}: kinds are {', '.join(_PATTERNS)}; tasks "
            f"{', '.join(TASKS)}; versions 1 and 2"
        )
    if (kind == "pairs" and version == 1) or (task == "MultipleChoice" and version == 2):
        raise DataError("complementary pairs are in version 2 only, multiple choices in version 1 only")
    prefix = "v2_" if version == 2 else ""
    return _PATTERNS[kind].format(prefix=prefix, task=task, data=f"{data_type}_{data_subtype}", name=name)


def read_questions(path) -> dict:
    """A question file, checked by `check_questions`."""
    return _checked(check_questions, _read(path), path)


def read_annotations(path, questions: dict | None = None) -> dict:
    """An annotation file, checked by `check_annotations`."""
    return _checked(check_annotations, _read(path), path, questions)


def read_results(path, annotations: dict, questions: dict | None = None) -> list[dict]:
    """A result file, checked by `check_results`."""
    return _checked(check_results, _read(path), path, annotations, questions)


def read_pairs(path, annotations: dict) -> list[list[int]]:
    """A file of complementary pairs, checked by `check_pairs`."""
    return _checked(check_pairs, _read(path), path, annotations)


def write(path, contents) -> pathlib.Path:
    """Write a question, annotation, result or pair file (check it first). The folder is made; returns the path."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(contents, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def check_questions(contents: dict) -> dict:
    """`contents` if it is a question file: keys and types, ids once each, choices without repetition."""
    _keys(contents, "a question file", info=dict, task_type=str, data_type=str, data_subtype=str, questions=list)
    # The official reader writes "Multiple Choice", the files "Multiple-Choice".
    choosing = contents["task_type"].replace(" ", "-") == TASKS["MultipleChoice"]
    if not choosing and contents["task_type"] != TASKS["OpenEnded"]:
        raise DataError(f"task_type {contents['task_type']!r} is neither {' nor '.join(TASKS.values())}")
    for number, question in enumerate(contents["questions"]):
        where = f"question {number}"
        _keys(question, where, image_id=int, question=str, question_id=int)
        if choosing:
            _keys(question, where, multiple_choices=list)
            choices = question["multiple_choices"]
            if not choices or not all(isinstance(choice, str) for choice in choices):
                raise DataError(f"multiple_choices of {where} is not a list of texts")
            _once(choices, f"multiple_choices of {where}")
    _once([question["question_id"] for question in contents["questions"]], "the question_ids")
    return contents


def check_annotations(contents: dict, questions: dict | None = None) -> dict:
    """`contents` if it is an annotation file, and of exactly these questions and images where they are given."""
    _keys(contents, "an annotation file", info=dict, data_type=str, data_subtype=str, annotations=list)
    for number, annotation in enumerate(contents["annotations"]):
        where = f"annotation {number}"
        _keys(
            annotation, where, question_id=int, image_id=int, question_type=str, answer_type=str,
            multiple_choice_answer=str, answers=list,
        )  # fmt: skip
        if annotation["answer_type"] not in ANSWER_TYPES:
            raise DataError(f"answer_type of {where} is {annotation['answer_type']!r}, not {', '.join(ANSWER_TYPES)}")
        if len(annotation["answers"]) != 10:
            raise DataError(f"{where} has {len(annotation['answers'])} answers, not 10")
        for answer in annotation["answers"]:
            _keys(answer, f"an answer of {where}", answer=str, answer_confidence=str, answer_id=int)
            if answer["answer_confidence"] not in _CONFIDENCES:
                raise DataError(f"an answer_confidence of {where} is none of {', '.join(_CONFIDENCES)}")
        if sorted(answer["answer_id"] for answer in annotation["answers"]) != list(range(1, 11)):
            raise DataError(f"the answer_ids of {where} are not 1 to 10")
    ids = [annotation["question_id"] for annotation in contents["annotations"]]
    _once(ids, "the question_ids of the annotations")
    if questions is not None:
        _cover(ids, [question["question_id"] for question in questions["questions"]], "annotations", "question file")
        image = {question["question_id"]: question["image_id"] for question in questions["questions"]}
        for annotation in contents["annotations"]:
            if annotation["image_id"] != image[annotation["question_id"]]:
                raise DataError(f"question {annotation['question_id']} is annotated for another image than it is about")
    return contents


def check_results(contents: list, annotations: dict, questions: dict | None = None) -> list[dict]:
    """`contents` if it has one answer for each annotated question; one of the choices, if `questions` give some."""
    if not isinstance(contents, list):
        raise DataError('results are a list of {"question_id": ..., "answer": ...}')
    for number, result in enumerate(contents):
        _keys(result, f"result {number}", question_id=int, answer=str)
    ids = [result["question_id"] for result in contents]
    _once(ids, "the question_ids of the results")
    annotated = [annotation["question_id"] for annotation in annotations["annotations"]]
    _cover(ids, annotated, "results", "annotation file")
    rows = questions["questions"] if questions is not None else ()
    choices = {row["question_id"]: row["multiple_choices"] for row in rows if "multiple_choices" in row}
    for result in contents:
        number, answer = result["question_id"], result["answer"]
        if number in choices and answer not in choices[number]:
            raise DataError(f"{answer!r} is not one of the multiple_choices of question {number}")
    return contents


def check_pairs(contents: list, annotations: dict) -> list[list[int]]:
    """`contents` if it is pairs of annotated questions, each with two different answers."""
    answers = {row["question_id"]: row["multiple_choice_answer"] for row in annotations["annotations"]}
    if not isinstance(contents, list):
        raise DataError("complementary pairs are a list of [question_id, question_id]")
    for pair in contents:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(number) is int for number in pair)):
            raise DataError(f"a complementary pair is [question_id, question_id], not {pair!r}")
        if not answers.keys() >= set(pair):
            raise DataError(f"the pair {pair} has a question_id that is not in the annotations")
        if answers[pair[0]] == answers[pair[1]]:
            raise DataError(f"the questions of the pair {pair} have the same answer, {answers[pair[0]]!r}")
    return contents


def _read(path):
    path = pathlib.Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"no file {path}; write one with `python -m elic_tf.questions.generate`") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}") from None


def _checked(check, contents, path, *others):
    try:
        return check(contents, *others)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _keys(mapping, where, **wanted):
    if not isinstance(mapping, dict):
        raise DataError(f"{where} is a JSON object, not of type {type(mapping).__name__}")
    for key, kind in wanted.items():
        if key not in mapping:
            raise DataError(f"{where} has no {key!r}")
        # bool is an int in Python, not in JSON.
        if type(mapping[key]) is not kind:
            raise DataError(f"{key!r} of {where} is of type {type(mapping[key]).__name__}, not {kind.__name__}")


def _once(values, what):
    twice = [value for value, count in Counter(values).items() if count > 1]
    if twice:
        raise DataError(f"{what} are not unique: {twice[0]!r} is there more than once")


def _cover(ids, wanted, what, where):
    missing, extra = set(wanted) - set(ids), set(ids) - set(wanted)
    if missing:
        raise DataError(f"the {what} lack {len(missing)} question_ids of the {where}, the first {min(missing)}")
    if extra:
        raise DataError(f"the {what} have {len(extra)} question_ids that the {where} has not, the first {min(extra)}")
