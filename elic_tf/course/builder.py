"""Make the notebooks from `notebooks/source`: `python -m elic_tf.course.builder [--check] [--execute] [--measure]`.

    notebooks/NN_name.ipynb             the student's lesson: stubs for solutions, no outputs
    notebooks/solutions/NN_name.ipynb   with solutions and, once executed, small outputs
    elic_tf/course/quizzes.json         what `quiz.answers` knows
    README.md, notebooks/README.md      between `<!-- syllabus -->` and `<!-- end syllabus -->` the table of lessons,
                                        between `<!-- lessons -->` and `<!-- end lessons -->` what a teacher asks

The same sources always give the same bytes. A solution notebook keeps its outputs as long as none of its code
changes; after that, `--execute NN` runs it again, in smoke mode, as tests will, and with synthetic faces.
"""

import argparse
import hashlib
import json
import pathlib
import re
import sys

from elic_tf.course import execution, lint, pages, settings
from elic_tf.course.source import Lesson, LessonError, need, read_all
from elic_tf.errors import ElicError

ROOT = pathlib.Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(<!-- (syllabus|lessons) -->\n).*?(<!-- end \2 -->)", re.DOTALL)
_PAGES = {"syllabus": pages.syllabus, "lessons": pages.guide}
_MINUTES = re.compile(r"^# minutes: .*$", re.MULTILINE)
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
        if page.is_file() and _BLOCK.search(text := page.read_text(encoding="utf-8")):
            made[page] = _BLOCK.sub(lambda match, to=folder: match[1] + _PAGES[match[2]](lessons, to) + match[3], text)
    return made


def build(root=ROOT, execute=(), mode="smoke") -> list[pathlib.Path]:
    """Write what has changed, and execute the solutions of the lessons whose numbers are in `execute` ("all": of all).

    mode: "smoke" for outputs that are committed, because tests compare them with what that mode gives.
    Returns the paths written. LessonError, naming file and cell, if a lesson breaks a rule or a cell fails.
    """
    root = pathlib.Path(root)
    made = files(root)
    changed = [path for path, text in made.items() if _differs(path, text)]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], encoding="utf-8")
    nbformat = need("nbformat") if execute else None
    for path in sorted((root / "notebooks" / "solutions").glob("*.ipynb")) if execute else ():
        if execute == "all" or path.name[:2] in execute:
            book = nbformat.read(path, as_version=4)
            _say(path.stem, *execution.run(book, path, mode), mode)
            path.write_text(_text(book), encoding="utf-8")
            changed.append(path)
    return list(dict.fromkeys(changed))


def measure(root, numbers=(), mode="class") -> None:
    """Run solutions (of all lessons without `numbers`), and write into their sources how many minutes they took.

    Of wall-clock and processor time the smaller one counts, so that other work on the machine is not counted.
    Whole minutes, at least one; nothing else of the run is kept.
    """
    lessons = read_all(root)
    for index, lesson in enumerate(lessons):
        if numbers and lesson.number not in numbers:
            continue
        book = notebook(lessons, index, solution=True)
        wall, processor = execution.run(book, pathlib.Path(root, "notebooks", f"{lesson.name}.ipynb"), mode)
        _say(lesson.name, wall, processor, mode)
        minutes = lesson.minutes | {mode: max(1, round(min(wall, processor or wall) / 60))}
        line = f"# minutes: {{{', '.join(f'{key}: {value}' for key, value in minutes.items())}}}"
        source = pathlib.Path(root, "notebooks", "source", f"{lesson.name}.py")
        source.write_text(_MINUTES.sub(line, source.read_text(encoding="utf-8"), count=1), encoding="utf-8")


def summary(root=ROOT) -> str:
    """How many notebooks there are, how many cells run in the solutions, and how many outputs are compared."""
    nbformat = need("nbformat")
    books = [nbformat.read(path, 4) for path in sorted(pathlib.Path(root, "notebooks", "solutions").glob("*.ipynb"))]
    cells = [cell for book in books for cell in book.cells if cell.cell_type == "code"]
    marked = sum(lint.is_marked(cell.source) for cell in cells)
    return f"{len(books)} solution notebooks: {len(cells)} code cells, of which {marked} outputs are compared"


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
    """The notebook with the outputs of the one at `path`, if both have the same code; the set-up cell may differ."""
    if not path.is_file():
        return made
    try:
        old = need("nbformat").read(path, as_version=4)
    except (ValueError, KeyError, AttributeError):  # no notebook at all: it is made anew
        return made
    pairs = [[cell for cell in book.cells if cell.cell_type == "code"] for book in (made, old)]
    sources = [["" if "setup" in cell.metadata.get("tags", ()) else cell.source for cell in cells] for cells in pairs]
    if sources[0] == sources[1]:
        for new, kept in zip(*pairs):
            new.outputs, new.execution_count = kept.outputs, kept.execution_count
    return made


def _text(book) -> str:
    return need("nbformat").writes(book, version=4).rstrip("\n") + "\n"


def _say(name, wall, processor, mode) -> None:
    print(f"{name}: {wall:.0f} s, {processor:.0f} s of processor time, in {mode} mode", file=sys.stderr)


def _differs(path, text) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


def main(argv=None):
    """The command line; exits with 1 if `--check` finds something, with 2 on errors."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.course.builder", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if what is committed differs")
    parser.add_argument("--execute", nargs="*", metavar="NN", help="run the solutions of these lessons (none: of all)")
    parser.add_argument("--mode", choices=settings.MODES, default="smoke", help="of --execute (default: %(default)s)")
    parser.add_argument("--measure", nargs="*", metavar="NN", help="time lessons (none: all) in class mode, or in full "
                        "mode with --mode full, and write the minutes into their sources")  # fmt: skip
    parser.add_argument("--nbgrader", metavar="FOLDER", help="also write nbgrader's source notebooks there")
    parser.add_argument("--root", default=ROOT, type=pathlib.Path, help="of the repository")
    arguments = parser.parse_args(argv)
    try:
        if arguments.check:
            problems = check(arguments.root)
            print(*problems or [summary(arguments.root)], sep="\n")
            return 1 if problems else 0
        if arguments.measure is not None:
            measure(arguments.root, arguments.measure, "full" if arguments.mode == "full" else "class")
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
