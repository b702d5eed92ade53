"""The parts of a notebook that are the same in every lesson, and the table of lessons: Markdown and code as text."""

import json

from elic_tf.course import settings
from elic_tf.course.source import Lesson

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def syllabus(lessons: list[Lesson], folder: str) -> str:
    """The table of lessons in Markdown; folder: from the page to the notebooks."""
    rows = ["| | lesson | minutes on two CPU cores, on a GPU | |", "|---|---|---:|---|"]
    for lesson in lessons:
        minutes = ", ".join(f"{lesson.minutes[mode]:g}" for mode in ("class", "full") if mode in lesson.minutes)
        rows.append(
            f"| {lesson.number} | [{lesson.title}]({folder}{lesson.name}.ipynb) | {minutes} "
            f"| [open in Colab]({settings.colab(f'notebooks/{lesson.name}.ipynb')}) |"
        )
    return "\n".join(rows) + "\n"


def header(lessons, index, solution) -> str:
    """Title, badge, links, aim, needs, minutes: the first cell."""
    lesson = lessons[index]
    name = f"{lesson.name}.ipynb"
    if solution:
        links = f"With solutions. Try the [lesson itself](../{name}) first."
    else:
        badge = f"[![Open this lesson in Colab]({BADGE})]({settings.colab(f'notebooks/{name}')})"
        links = f"{badge} · [solutions](solutions/{name})"
    minutes = [f"{settings.minutes(lesson.minutes['class'])} on two CPU cores (class mode)"]
    if "full" in lesson.minutes:
        minutes.append(f"{lesson.minutes['full']:g} on a GPU (full mode)")
    return (
        f"# {lesson.number} · {lesson.title}\n\n{links}\n\n"
        f"**Aim.** {lesson.aim}\n\n**You need.** {lesson.needs}\n\n"
        f"**Running time.** {', '.join(minutes)}.\n\n{_navigation(lessons, index)}"
    )


def footer(lessons, index) -> str:
    """The last cell."""
    return f"---\n\n{_navigation(lessons, index)}"


def _navigation(lessons, index) -> str:
    parts = []
    for word, other in (("previous", index - 1), ("next", index + 1)):
        if 0 <= other < len(lessons):
            name = f"{lessons[other].name}.ipynb"
            colab = settings.colab(f"notebooks/{name}")
            title = f"{lessons[other].number} {lessons[other].title}"
            parts.append(f"{word}: [{title}]({name}) ([Colab]({colab}))")
    return " · ".join([*parts, "[all lessons](README.md)"])


def setup(lesson) -> str:
    """The set-up cell: at most a dozen lines, the same everywhere, without a restart."""
    minutes = json.dumps(lesson.minutes)
    return (
        "# Set-up: fetches elic_tf where it is missing (Colab, Kaggle), and says what this machine has.\n"
        "import importlib.util\nimport subprocess\nimport sys\n\n"
        'if importlib.util.find_spec("elic_tf") is None:\n'
        f'    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "{settings.INSTALL_FROM}"]\n'
        "    subprocess.run(pip, check=True)\n    importlib.invalidate_caches()\n\n"
        "from elic_tf.course import checks, figures, quiz, setup\n\n"
        f'course = setup.start("{lesson.number}", minutes={minutes})'
    )


def answers(lesson, solution) -> str:
    """The cell below the quiz, in which the reader puts letters."""
    questions = lesson.all_questions()
    letters = ", ".join(json.dumps(question.answer if solution else "?") for question in questions)
    return f'# Put a letter in place of each "?", and run this cell.\nquiz.answers("{lesson.number}", {letters})'
