"""Quizzes that need no widgets: the question is text, the answer is folded away below it, a letter can be checked.

In a lesson's source a quiz is code, `quiz.ask(...)`. The builder turns it into prose that can be read on any page, and
adds one cell in which the reader puts letters: `quiz.answers("00", "b", "?", "a")`.
"""

import dataclasses
import html
import json
import pathlib

from elic_tf.errors import ElicError

QUIZZES = pathlib.Path(__file__).with_name("quizzes.json")  # made by the builder from the lessons

_given: dict[str, list[bool | None]] = {}  # by lesson: right, wrong or not answered, of each question


@dataclasses.dataclass(frozen=True)
class Question:
    """A question with lettered options, one of which is right. Shows itself as Markdown, or as text where that is all.

    options: in order, "a" is the first. answer: the letter of the right one. why: the reason, in a sentence or two.
    ValueError if there are fewer than two options, or if the answer is none of them.
    """

    question: str
    options: list[str]
    answer: str
    why: str

    def __post_init__(self):
        if len(self.options) < 2 or self.answer not in self.letters or not self.why:
            raise ValueError(f"need two options or more, an answer among {', '.join(self.letters)}, and a reason")

    @property
    def letters(self) -> list[str]:
        return [chr(ord("a") + index) for index in range(len(self.options))]

    def markdown(self, number=None) -> str:
        """The question, its options, and the answer in a <details> that opens on a click or on Enter."""
        title = f"**{number}.** " if number else ""
        options = "\n".join(f"- **{letter}.** {option}" for letter, option in zip(self.letters, self.options))
        summary = html.escape(f"Answer to question {number}" if number else "Answer")
        return (
            f"{title}{self.question}\n\n{options}\n\n"
            f"<details><summary>{summary}</summary>\n\n**{self.answer}.** {self.why}\n\n</details>"
        )

    _repr_markdown_ = markdown

    def __repr__(self):
        options = "\n".join(f"  {letter}. {option}" for letter, option in zip(self.letters, self.options))
        return f"{self.question}\n{options}"

    def judge(self, letter) -> tuple[bool | None, str]:
        """Whether the letter is the right one (None: it is no answer), and a line that says so with the reason."""
        letter = str(letter).strip().lower().rstrip(".")
        if letter in ("", "?"):
            return None, f"not answered yet: {', '.join(self.letters[:-1])} or {self.letters[-1]}"
        if letter not in self.letters:
            return None, f"{letter!r} is none of the options: {', '.join(self.letters[:-1])} or {self.letters[-1]}"
        if letter == self.answer:
            return True, f"{letter} is right. {self.why}"
        return (
            False,
            f"{letter} ({self.options[self.letters.index(letter)]}) is not it. Think again, or unfold the answer.",
        )

    def try_letter(self, letter) -> bool | None:
        """Print whether the letter is right."""
        right, line = self.judge(letter)
        print(line)
        return right


def ask(question, options, answer, why) -> Question:
    """A question that shows itself when it is the last line of a cell; arguments as in `Question`."""
    return Question(question, list(options), answer, why)


def answers(lesson: str, *letters: str) -> None:
    """Print, for each question of a lesson's quiz, whether the letter is right and why; "?" is no answer yet."""
    quizzes = json.loads(QUIZZES.read_text(encoding="utf-8")) if QUIZZES.is_file() else {}
    if not quizzes.get(lesson):
        raise ElicError(f"there is no quiz for lesson {lesson!r}; there is one for {', '.join(quizzes) or 'none'}")
    questions = [Question(**entry) for entry in quizzes[lesson]]
    letters = (*letters, *"?" * (len(questions) - len(letters)))
    results = []
    for number, (question, letter) in enumerate(zip(questions, letters), 1):
        right, line = question.judge(letter)
        print(f"{number}. {line}")
        results.append(right)
    _given[lesson] = results
    print(f"{results.count(True)} of {len(questions)} right")


def given() -> dict[str, list[bool | None]]:
    """What was answered so far, by lesson: True, False, or None for no answer."""
    return {lesson: list(results) for lesson, results in _given.items()}
