import json
from collections import Counter, defaultdict

import pytest

from elic_tf.errors import DataError
from elic_tf.faces import synthetic
from elic_tf.questions import balance, generate, programs, records, scoring, templates, vqa_format


@pytest.fixture(scope="module")
def faces():
    return [records.from_synthetic(record) for record in synthetic.sample(500, seed=11)]


@pytest.fixture(scope="module")
def made(faces):
    return generate.generate(faces, seed=5, per_template=40, data_type="synthetic", data_subtype="test")


def rows(made):
    """(question, annotation) of every question."""
    return list(zip(made.questions["questions"], made.annotations["annotations"], strict=True))


def test_the_program_of_every_question_gives_its_answer(made, faces):
    assert len(made) > 5000
    for question, annotation in rows(made):
        program = programs.parse(made.programs[question["question_id"]])
        scene = [faces[face] for face in made.scenes[question["image_id"]]]
        assert programs.execute(program, scene) == annotation["multiple_choice_answer"]
        assert programs.from_tokens(programs.to_tokens(program)) == program


def test_the_files_are_official(made):
    vqa_format.check_questions(made.questions)
    vqa_format.check_annotations(made.annotations, made.questions)
    vqa_format.check_pairs(made.pairs, made.annotations)
    vqa_format.check_questions(made.multiple_choice())


def test_the_right_answer_scores_100_and_any_other_0(made):
    right = [
        {"question_id": annotation["question_id"], "answer": annotation["multiple_choice_answer"]}
        for _, annotation in rows(made)
    ]
    assert scoring.score(made.annotations, right)["overall"] == 100
    wrong = [result | {"answer": result["answer"] + " "} for result in right]
    assert scoring.score(made.annotations, wrong)["overall"] == 100  # spaces are stripped
    wrong = [result | {"answer": result["answer"].upper() + "."} for result in right]
    assert scoring.score(made.annotations, wrong)["overall"] == 0


def test_of_each_wording_every_answer_is_equally_frequent(made):
    answers = defaultdict(Counter)
    for question, annotation in rows(made):
        answers[question["question"]][annotation["multiple_choice_answer"]] += 1
    for wording, counts in answers.items():
        assert len(counts) > 1, wording
        assert len(set(counts.values())) == 1, (wording, counts)


def test_the_question_alone_gives_chance(made, faces):
    others = [records.from_synthetic(record) for record in synthetic.sample(500, seed=12)]
    train = generate.generate(others, seed=6, per_template=40)
    results = scoring.question_only_baseline(train.annotations, train.questions, made.questions)
    by_type = scoring.score(made.annotations, results)["per_answer_type"]
    assert by_type["yes/no"] == pytest.approx(50, abs=0.01)
    assert by_type["number"] < 40 and by_type["other"] < 45
    assert scoring.prior_accuracy(made.annotations, made.questions) < 50


def test_pairs_ask_the_same_of_two_pictures(made):
    question = {row["question_id"]: row for row in made.questions["questions"]}
    assert len(made.pairs) * 2 == len(made)
    for first, second in made.pairs:
        assert question[first]["question"] == question[second]["question"]
        assert question[first]["image_id"] != question[second]["image_id"]
        assert made.programs[first] == made.programs[second]


def test_no_wording_is_asked_twice_of_a_picture(made):
    asked = Counter((question["image_id"], question["question"]) for question in made.questions["questions"])
    assert max(asked.values()) == 1


def test_types(made):
    for question, annotation in rows(made):
        answer, kind = annotation["multiple_choice_answer"], annotation["answer_type"]
        assert kind == ("yes/no" if answer in ("yes", "no") else "number" if answer.isdigit() else "other")
        assert (kind == "number") == question["question"].startswith("How many")
        assert answer == answer.lower()
    beginnings = {annotation["question_type"] for annotation in made.annotations["annotations"]}
    assert {"is this a", "what color is the", "how many people are", "is the person", "are there"} <= beginnings


@pytest.mark.parametrize(
    "question, kind",
    [
        ("Is this a man?", "is this a"),
        ("Is this person smiling?", "is this person"),
        ("How many people are smiling?", "how many people are"),
        ("How many men are there?", "how many"),
        ("Would you?", "none of the above"),
        ("Why?", "why"),
    ],
)
def test_question_types_are_the_longest_official_beginning(question, kind):
    assert templates.question_type(question) == kind


def test_rows_have_two_to_four_different_faces(made, faces):
    for image, scene in made.scenes.items():
        assert len(set(scene)) == len(scene)
        assert (len(scene) == 1) == (image <= len(faces))
        assert 1 <= len(scene) <= 4
    assert {len(scene) for scene in made.scenes.values()} == {1, 2, 3, 4}


def test_the_same_seed_gives_the_same_questions(made, faces):
    again = generate.generate(faces, seed=5, per_template=40, data_type="synthetic", data_subtype="test")
    assert again == made
    other = generate.generate(faces[:100], seed=6, per_template=10)
    assert other.questions != generate.generate(faces[:100], seed=7, per_template=10).questions


def test_eighteen_choices_with_the_right_one(made):
    answers = {annotation["question_id"]: annotation["multiple_choice_answer"] for _, annotation in rows(made)}
    for question in made.multiple_choice()["questions"]:
        choices = question["multiple_choices"]
        assert len(set(choices)) == len(choices) == 18
        assert answers[question["question_id"]] in choices


def test_unknown_facts_are_not_asked_about():
    some = [{"gender": "man"}, {"gender": "woman"}] * 10
    made = generate.generate(some, rows=False)
    assert {question["question"] for question in made.questions["questions"]} == {
        "Is this a man?", "Is this person a man?", "Is it a man?",
        "Is this a woman?", "Is this person a woman?", "Is it a woman?",
        "Is this a man or a woman?", "What is the gender of this person?", "What gender is this person?",
    }  # fmt: skip


def test_draws_are_the_same_on_every_machine():
    assert balance.Draws(1).shuffled(range(8)) == [3, 5, 7, 4, 0, 2, 1, 6]


@pytest.mark.parametrize("faces", [[], [{"gender": "man"}] * 9])
def test_too_little_to_ask(faces):
    with pytest.raises(DataError, match="no balanced question"):
        generate.generate(faces, rows=False)


def test_natural_questions_are_right_and_as_frequent_as_the_faces_say(faces):
    made = generate.natural(faces, seed=3, per_face=6, data_type="synthetic", data_subtype="test")
    vqa_format.check_questions(made.questions)
    vqa_format.check_annotations(made.annotations, made.questions)
    assert not made.pairs
    assert 4 * len(faces) < len(made) <= 6 * len(faces)
    for question, annotation in rows(made):
        program = programs.parse(made.programs[question["question_id"]])
        [face] = made.scenes[question["image_id"]]
        assert programs.execute(program, faces[face]) == annotation["multiple_choice_answer"]
    hats = [
        row["multiple_choice_answer"] for question, row in rows(made) if question["question"].endswith("wear a hat?")
    ]
    share = sum(face["hat"] == "yes" for face in faces) / len(faces)
    assert abs(hats.count("yes") / len(hats) - share) < 0.1  # far from the half that balance would give
    assert generate.natural(faces, seed=3, per_face=6).questions["questions"] == made.questions["questions"]
    with pytest.raises(DataError, match="no balanced question"):
        generate.natural([])


def test_command_line(tmp_path, capsys):
    arguments = ["--out", str(tmp_path), "--limit", "120", "--per-template", "8", "--split", "test"]
    assert generate.main(arguments) == 0
    assert "question alone" in capsys.readouterr().out
    questions = vqa_format.read_questions(tmp_path / "v2_OpenEnded_synthetic_test_questions.json")
    annotations = vqa_format.read_annotations(tmp_path / "v2_synthetic_test_annotations.json", questions)
    vqa_format.read_pairs(tmp_path / "v2_synthetic_test_complementary_pairs.json", annotations)
    scenes = json.loads((tmp_path / "v2_synthetic_test_scenes.json").read_text())
    solved = json.loads((tmp_path / "v2_synthetic_test_programs.json").read_text())
    assert scenes[0]["names"] == ["synthetic-2-000000"]
    assert {row["question_id"] for row in solved} == {row["question_id"] for row in questions["questions"]}
    assert generate.main([*arguments, "--version", "1", "--no-rows"]) == 0
    choosing = vqa_format.read_questions(tmp_path / "MultipleChoice_synthetic_test_questions.json")
    assert max(question["image_id"] for question in choosing["questions"]) <= 120


def test_command_line_errors(tmp_path, capsys):
    assert generate.main(["--out", str(tmp_path), "--limit", "0"]) == 2
    assert generate.main(["--out", str(tmp_path), "--data", "celeba", "--root", str(tmp_path)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and all(error.startswith("elic: ") for error in errors)


@pytest.mark.faces
def test_celeba(faces_root):
    from elic_tf.faces import celeba

    facts = records.from_faces(celeba.load(faces_root, split="test", limit=400, cache=False))
    made = generate.generate(facts, per_template=20, data_type="celeba", data_subtype="test")
    for question, annotation in rows(made):
        program = programs.parse(made.programs[question["question_id"]])
        scene = [facts[face] for face in made.scenes[question["image_id"]]]
        assert programs.execute(program, scene) == annotation["multiple_choice_answer"]
    assert any(question["question"] == "Is this a man?" for question in made.questions["questions"])
