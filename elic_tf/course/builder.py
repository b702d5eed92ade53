"""Make the notebooks from `notebooks/source`: `python -m elic_tf.course.builder [--check] [--execute]`.

    notebooks/NN_name.ipynb             the student's lesson: stubs for solutions, no outputs
    notebooks/solutions/NN_name.ipynb   with solutions and, once executed, small outputs
    elic_tf/course/quizzes.json         what `quiz.answers` knows
    README.md, notebooks/README.md      the syllabus, where one has `<!-- syllabus -->` and `<!-- end syllabus -->`

The same sources always give the same bytes. A solution notebook keeps its outputs as long as none of its code
changes; after that, `--execute NN` runs it again, in `$ELIC_MODE` or class mode, with synthetic faces.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import sys

from elic_tf.course import execution, lint, pages, settings
from elic_tf.course.source import Lesson, LessonError, need, read_all
from elic_tf.errors import ElicError

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYLLABUS = re.compile(r"(<!-- syllabus -->\n).*?(<!-- end syllabus -->)", re.DOTALL)
_LINK = re.compile(r"(\]\(|<img src=\")(?!https?:|#|mailto:|data:)([^)\"]+)")


def files(root=ROOT) -> dict[pathlib.Path, str]:
    """{path: text} of everything the builder makes from the sources under `root`, without executing anything."""
    root = pathlib.Path(root)
    lessons = read_all(root)
    problems = [problem for lesson in lessons for problem in lint.lesson(lesson)]
    made = {}
    for index in range(len(lessons)):
        name = f"{lessons[index].name}.ipynb"
        student, solution = (notebook(lessons, index, solution=flag) for flag in (False, True))
        folder = root / "notebooks"
        problems += lint.links(student, folder, f"notebooks/{name}", {f"{lesson.name}.ipynb" for lesson in lessons})
        made[folder / name] = _text(student)
        made[folder / "solutions" / name] = _text(_with_outputs(solution, folder / "solutions" / name))
    if problems:
        raise LessonError("\n".join(problems))
    questions = {lesson.number: [vars(question) for question in lesson.all_questions()] for lesson in lessons}
    quizzes = json.dumps(questions, indent=1, ensure_ascii=False) + "\n"
    made[root / "elic_tf" / "course" / "quizzes.json"] = quizzes
    for page, folder in ((root / "README.md", "notebooks/"), (root / "notebooks" / "README.md", "")):
        if page.is_file() and SYLLABUS.search(text := page.read_text(encoding="utf-8")):
            table = pages.syllabus(lessons, folder)
            made[page] = SYLLABUS.sub(lambda match, table=table: f"{match[1]}{table}{match[2]}", text)
    return made


def build(root=ROOT, execute=(), mode=None) -> list[pathlib.Path]:
    """Write what has changed, and execute the solutions of the lessons whose numbers are in `execute` ("all": of all).

    Returns the paths written. LessonError, naming file and cell, if a lesson breaks a rule or a cell fails.
    """
    root = pathlib.Path(root)
    mode = mode or os.environ.get("ELIC_MODE", "class")
    made = files(root)
    changed = [path for path, text in made.items() if _differs(path, text)]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
    nbformat = need("nbformat") if execute else None
    for path in sorted((root / "notebooks" / "solutions").glob("*.ipynb")) if execute else ():
        if execute == "all" or path.name[:2] in execute:
            book = nbformat.read(path, as_version=4)
            seconds = execution.run(book, path, mode)
            print(f"{path.name}: {seconds / 60:.1f} minutes in {mode} mode", file=sys.stderr)
            path.write_text(_text(book), encoding="utf-8")
            changed.append(path)
    return list(dict.fromkeys(changed))


def check(root=ROOT) -> list[str]:
    """What is wrong with what is committed: files that the builder makes otherwise, outputs that are not there."""
    root = pathlib.Path(root)
    made = files(root)
    problems = [
        f"{path.relative_to(root)}: not what the sources make; run python -m elic_tf.course.builder"
        for path, text in made.items()
        if _differs(path, text)
    ]
    for folder in (root / "notebooks", root / "notebooks" / "solutions"):
        for path in sorted(folder.glob("[0-9]*.ipynb")):
            if path not in made:
                problems.append(f"{path.relative_to(root)}: has no source")
    nbformat = need("nbformat")
    for path in made:
        if path.parent.name == "solutions" and path.is_file():
            problems += lint.outputs(nbformat.read(path, as_version=4), str(path.relative_to(root)), root)
    return problems


def notebook(lessons: list[Lesson], index: int, solution: bool):
    """The notebook of one lesson among all, without outputs."""
    v4 = need("nbformat").v4
    lesson = lessons[index]
    cells = [("markdown", pages.header(lessons, index, solution), ())]
    for position, cell in enumerate(lesson.cells):
        if "setup" in cell.tags:
            cells.append(("code", pages.setup(lesson), cell.tags))
        elif questions := lesson.questions.get(position):
            earlier = sum(len(some) for where, some in lesson.questions.items() if where < position)
            text = "\n\n".join(question.markdown(earlier + i) for i, question in enumerate(questions, 1))
            cells.append(("markdown", text, cell.tags))
            if position == max(lesson.questions):
                cells.append(("code", pages.answers(lesson, solution), ("quiz",)))
        elif cell.kind == "code":
            cells.append(("code", cell.solved() if solution else cell.student(), cell.tags))
        else:
            cells.append(("markdown", cell.source, cell.tags))
    cells.append(("markdown", pages.footer(lessons, index), ()))

    made = []
    kind_of_book = "solutions" if solution else "student"
    for position, (kind, text, tags) in enumerate(cells):
        if kind == "markdown" and solution:
            text = _LINK.sub(lambda match: match[1] + (match[2] if ".ipynb" in match[2] else f"../{match[2]}"), text)
        cell = v4.new_code_cell(text) if kind == "code" else v4.new_markdown_cell(text)
        cell.id = hashlib.sha256(f"{lesson.name}/{kind_of_book}/{position}".encode()).hexdigest()[:8]
        if tags:
            cell.metadata["tags"] = list(tags)
        made.append(cell)
    book = v4.new_notebook(cells=made, metadata=_metadata(lesson))
    book.nbformat_minor = 5
    return book


def _metadata(lesson) -> dict:
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if "full" in lesson.minutes:  # Colab then offers a GPU by itself
        metadata |= {"accelerator": "GPU", "colab": {"gpuType": "T4"}}
    return metadata


def _with_outputs(made, path):
    """The notebook with the outputs of the one at `path`, if both have the same code."""
    if not path.is_file():
        return made
    try:
        old = need("nbformat").read(path, as_version=4)
    except (ValueError, KeyError, AttributeError):  # no notebook at all: it is made anew
        return made
    pairs = [[cell for cell in book.cells if cell.cell_type == "code"] for book in (made, old)]
    if [cell.source for cell in pairs[0]] == [cell.source for cell in pairs[1]]:
        for new, kept in zip(*pairs):
            new.outputs, new.execution_count = kept.outputs, kept.execution_count
    return made


def _text(book) -> str:
    return need("nbformat").writes(book, version=4).rstrip("\n") + "\n"


def _differs(path, text) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


def main(argv=None):
    """The command line; exits with 1 if `--check` finds something, with 2 on errors."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.course.builder", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if what is committed differs")
    parser.add_argument("--execute", nargs="*", metavar="NN", help="run the solutions of these lessons (none: of all)")
    parser.add_argument("--mode", choices=settings.MODES, help="how much training; default $ELIC_MODE, else class")
    parser.add_argument("--nbgrader", metavar="FOLDER", help="also write nbgrader's source notebooks there")
    parser.add_argument("--root", default=ROOT, type=pathlib.Path, help="of the repository")
    arguments = parser.parse_args(argv)
    try:
        if arguments.check:
            problems = check(arguments.root)
            print(*problems, sep="\n", end="\n" if problems else "")
            return 1 if problems else 0
        execute = () if arguments.execute is None else arguments.execute or "all"
        for path in build(arguments.root, execute, arguments.mode):
            print(path.relative_to(arguments.root))
        if arguments.nbgrader:
            from elic_tf.course import nbgrader

            for path in nbgrader.export(arguments.root, arguments.nbgrader):
                print(path)
    except ElicError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
