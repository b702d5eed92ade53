"""The parts of a notebook that are the same in every lesson, and the pages about all lessons, as text."""

import json

from elic_tf.course import checks, settings
from elic_tf.course.source import Lesson

BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def syllabus(lessons: list[Lesson], folder: str) -> str:
    """The table of lessons in Markdown; folder: from the page to the notebooks."""
    rows = ["| | lesson | minutes on two CPU cores | on a GPU | |", "|---|---|---:|---:|---|"]
    for lesson in lessons:
        name = f"{lesson.name}.ipynb"
        links = f"[solutions]({folder}solutions/{name})"
        if colab := settings.colab(f"notebooks/{name}"):
            links += f" · [Colab]({colab})"
        full = f"{lesson.minutes['full']:g}" if "full" in lesson.minutes else "-"
        rows.append(
            f"| {lesson.number} | [{lesson.title}]({folder}{name}) | {lesson.minutes['class']:g} | {full} | {links} |"
        )
    return "\n".join(rows) + "\n"


def guide(lessons: list[Lesson], _folder: str) -> str:
    """For the teacher: what each lesson needs and gives, its minutes, its exercises with their points and hints."""
    parts = []
    for lesson in lessons:
        entries = [checks.find(name) for name in lesson.checks()]
        points = sum(entry.points for entry in entries)
        rows = [
            f"### {lesson.number} · {lesson.title}",
            "",
            f"**Gives.** {lesson.aim}",
            "",
            f"**Needs.** {lesson.needs}",
            "",
            f"**Running time.** {_running_time(lesson)}. **To collect.** {points} point{'s' * (points != 1)}, "
            f"{len(lesson.all_questions())} quiz questions.",
            "",
        ]
        if entries:
            rows += ["| exercise | what its check asks for | hints |", "|---|---|---:|"]
            rows += [f"| `{entry.name}` | {entry.title} | {len(entry.hints)} |" for entry in entries] + [""]
        parts.append("\n".join(rows))
    return "\n".join(parts)


def header(lessons, index, solution) -> str:
    """Title, badge, links, aim, needs, minutes: the first cell."""
    lesson = lessons[index]
    name = f"{lesson.name}.ipynb"
    colab = settings.colab(f"notebooks/{name}")
    links = f"[![Open this lesson in Colab]({BADGE})]({colab}) · " if colab else ""
    links += f"[solutions](solutions/{name})"
    if colab := settings.colab(f"notebooks/solutions/{name}"):
        links += f" ([Colab]({colab}))"
    if solution:
        links = f"With solutions. Try the [lesson itself](../{name}) first."
    return (
        f"# {lesson.number} · {lesson.title}\n\n{links}\n\n"
        f"**Aim.** {lesson.aim}\n\n**You need.** {lesson.needs}\n\n"
        f"**Running time.** {_running_time(lesson)}.\n\n{_navigation(lessons, index)}"
    )


def footer(lessons, index) -> str:
    """The last cell."""
    lesson = lessons[index]
    parts = ["---", ""]
    if lesson.checks():
        parts += [
            "**Hand in.** This writes down what the checks and the quiz said, for a teacher to collect:",
            "",
            "```python",
            "from elic_tf.course import scores",
            "",
            f'scores.save("NAME_{lesson.number}.json", student="NAME")',
            "```",
            "",
        ]
    return "\n".join([*parts, _navigation(lessons, index)])


def _running_time(lesson) -> str:
    parts = [f"{settings.minutes(lesson.minutes['class'])} on two CPU cores (class mode)"]
    if "full" in lesson.minutes:
        parts.append(f"{lesson.minutes['full']:g} on a GPU (full mode)")
    return ", ".join(parts)


def _navigation(lessons, index) -> str:
    parts = []
    for word, other in (("previous", index - 1), ("next", index + 1)):
        if 0 <= other < len(lessons):
            name = f"{lessons[other].name}.ipynb"
            colab = settings.colab(f"notebooks/{name}")
            title = f"{lessons[other].number} {lessons[other].title}"
            parts.append(f"{word}: [{title}]({name})" + (f" ([Colab]({colab}))" if colab else ""))
    return " · ".join([*parts, "[all lessons](README.md)"])


def setup(lesson) -> str:
    """The set-up cell: at most a dozen lines, the same everywhere, without a restart."""
    around = 'sys.path += [str(f) for f in pathlib.Path.cwd().parents if (f / "elic_tf/__init__.py").is_file()]'
    if address := settings.install_from():
        lines = [
            "# Set-up: finds elic_tf around this notebook, or fetches it (Colab, Kaggle); says what this machine has.",
            *("import importlib.util", "import pathlib", "import subprocess", "import sys", ""),
            *(around, 'if importlib.util.find_spec("elic_tf") is None:'),
            f'    wanted = ["{address}", "ai-edge-litert"]',
            '    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *wanted], check=True)',
            "    importlib.invalidate_caches()",
        ]
    else:
        lines = [
            "# Set-up: finds elic_tf, installed or around this notebook, and says what this machine has.",
            "# No module named 'elic_tf'? notebooks/README.md tells how to install it.",
            *("import pathlib", "import sys", "", around),
        ]
    lines += [
        *("", "from elic_tf.course import checks, figures, quiz, setup", ""),
        f'course = setup.start("{lesson.number}", minutes={json.dumps(lesson.minutes)})',
    ]
    return "\n".join(lines)


def answers(lesson, solution) -> str:
    """The cell below the quiz, in which the reader puts letters."""
    questions = lesson.all_questions()
    letters = ", ".join(json.dumps(question.answer if solution else "?") for question in questions)
    return f'# Put a letter in place of each "?", and run this cell.\nquiz.answers("{lesson.number}", {letters})'
