"""Questions as Markdown and as text, and what is said about a letter."""

import pytest

from elic_tf.course import quiz
from elic_tf.errors import ElicError

QUESTION = quiz.ask("How many bits?", ["eight", "nine"], answer="a", why="A byte has eight.")


def test_shows_itself_with_the_answer_folded_away_and_as_text_without_it():
    shown = QUESTION._repr_markdown_()
    before, after = shown.split("<details>")
    assert "How many bits?" in before and "- **b.** nine" in before and "has eight" not in before
    assert "**a.** A byte has eight." in after and after.endswith("</details>")
    assert repr(QUESTION) == "How many bits?\n  a. eight\n  b. nine"


@pytest.mark.parametrize(
    ("letter", "right", "said"),
    [
        ("a", True, "a is right. A byte has eight."),
        (" A. ", True, "a is right. A byte has eight."),
        ("b", False, "b (nine) is not it. Think again, or unfold the answer."),
        ("?", None, "not answered yet: a or b"),
        ("q", None, "'q' is none of the options: a or b"),
    ],
)
def test_a_letter_is_right_or_wrong_with_the_reason(letter, right, said, capsys):
    assert QUESTION.try_letter(letter) is right
    assert capsys.readouterr().out == said + "\n"


@pytest.mark.parametrize("wrong", [{"options": ["one"]}, {"answer": "c"}, {"why": ""}])
def test_a_question_without_a_right_answer_or_a_reason_is_refused(wrong):
    with pytest.raises(ValueError, match="an answer among"):
        quiz.ask(**{"question": "?", "options": ["one", "two"], "answer": "a", "why": "Because."} | wrong)


def test_a_lesson_without_a_quiz_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(quiz, "QUIZZES", tmp_path / "quizzes.json")
    with pytest.raises(ElicError, match="no quiz for lesson '77'"):
        quiz.answers("77", "a")
