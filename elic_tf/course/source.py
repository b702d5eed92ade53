"""A lesson as its author writes it: `notebooks/source/NN_name.py`, in the percent format, solutions included.

    # ---
    # title: A face in a few hundred bits
    # aim: One or two sentences.
    # needs: What the reader knows, and what the machine has.
    # minutes: {class: 12, full: 5}
    # ---

    # %% [markdown]
    # Prose. Headings begin at level two; the title is made from the front matter.

    # %% tags=["setup"]
    # (left empty: the builder writes the set-up cell here)

    # %%
    def psnr(a, b):
        \"\"\"Peak signal-to-noise ratio in dB, one number per face.\"\"\"
        # solution: the mean squared error of each face first, then decibels
        error = np.mean((a - b) ** 2, axis=(1, 2, 3))
        return -10 * np.log10(error)
        # end solution

    # %%
    psnr = checks.checked("00.psnr", psnr)

    # %% tags=["quiz"]
    quiz.ask("How many bits are 32 bytes?", ["32", "256"], answer="b", why="A byte has eight.")

In the student's notebook everything from `# solution` to `# end solution` is one line, `raise NotImplementedError(...)`
with the text behind the colon. A cell whose first line is `# NBVAL_CHECK_OUTPUT` prints facts that tests compare.
"""

import ast
import dataclasses
import importlib
import json
import pathlib
import re

from elic_tf.course.quiz import Question
from elic_tf.errors import ElicError, MissingExtraError

NAME = re.compile(r"\d\d_[a-z0-9_]+")
MARK = "# NBVAL_CHECK_OUTPUT"
YOUR_TURN = "your turn: write this function"
_FRONT = re.compile(r"# ---\n((?:#.*\n)+?)# ---\n")
_START = re.compile(r"(\s*)# solution(?:: *(.*))?$")
_END = re.compile(r"\s*# end solution$")
_CHECK = re.compile(r"\bchecks\.(?:run|checked)\(\s*[\"']([^\"']+)[\"']")
_KEYS = ("title", "aim", "needs", "minutes")


class LessonError(ElicError):
    """A lesson that breaks a rule of the course; the message names file and cell, one line for each problem."""


def need(module):
    """Import a module of the extra `notebooks`, or say how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise MissingExtraError(
            f'building notebooks needs {module.split(".")[0]}: pip install "elic_tf[notebooks]"'
        ) from None


@dataclasses.dataclass(frozen=True)
class Cell:
    """kind: "markdown" or "code"; source: with solutions; where: how messages name it."""

    kind: str
    source: str
    tags: tuple[str, ...]
    where: str

    def stubs(self) -> list[str]:
        """The names of the top-level functions and classes that the student completes."""
        if self.kind != "code" or not any(_START.match(line) for line in self.source.splitlines()):
            return []
        top = [node for node in ast.parse(self.student()).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        return [node.name for node in top if any(_is_stub(part) for part in ast.walk(node))]

    def student(self) -> str:
        """The source with every solution replaced by a `raise NotImplementedError`."""
        out, inside = [], False
        for line in self.source.splitlines():
            if start := _START.match(line):
                if inside or not start[1]:
                    problem = (
                        "a second `# solution` before `# end solution`" if inside else "a solution outside a function"
                    )
                    raise LessonError(f"{self.where}: {problem}")
                inside = True
                hint = json.dumps(start[2] or YOUR_TURN, ensure_ascii=False)
                out.append(f"{start[1]}raise NotImplementedError({hint})")
            elif _END.match(line):
                if not inside:
                    raise LessonError(f"{self.where}: `# end solution` without `# solution`")
                inside = False
            elif not inside:
                out.append(line)
        if inside:
            raise LessonError(f"{self.where}: `# solution` without `# end solution`")
        return "\n".join(out)

    def solved(self) -> str:
        """The source without the lines that mark solutions."""
        lines = self.source.splitlines()
        return "\n".join(line for line in lines if not (_START.match(line) or _END.match(line)))

    def checks(self) -> list[str]:
        """The names of the checks that a code cell runs."""
        return list(dict.fromkeys(_CHECK.findall(self.source))) if self.kind == "code" else []


@dataclasses.dataclass(frozen=True)
class Lesson:
    """name: `NN_name`; minutes: measured, by mode; questions: of its quiz cells, in order."""

    name: str
    title: str
    aim: str
    needs: str
    minutes: dict[str, float]
    cells: list[Cell]
    questions: dict[int, list[Question]]  # by index of the cell

    @property
    def number(self) -> str:
        return self.name[:2]

    def all_questions(self) -> list[Question]:
        return [question for questions in self.questions.values() for question in questions]

    def checks(self) -> list[str]:
        """The names of the checks, in the order of the lesson."""
        return list(dict.fromkeys(name for cell in self.cells for name in cell.checks()))


def _is_stub(node) -> bool:
    return (
        isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id == "NotImplementedError"
    )


def read(path) -> Lesson:
    """The lesson in a source file; LessonError if it cannot be understood."""
    path = pathlib.Path(path)
    where = f"notebooks/source/{path.name}"
    if not NAME.fullmatch(path.stem):
        raise LessonError(f"{where}: a lesson is called NN_name.py, in lower case")
    text = path.read_text(encoding="utf-8")
    front = _FRONT.match(text)
    if not front:
        raise LessonError(f"{where}: begins with no front matter (# --- title, aim, needs, minutes # ---)")
    fields = _front_matter(front[1], where)
    notebook = need("jupytext").reads(text[front.end() :].lstrip("\n"), fmt="py:percent")
    cells = [_cell(raw, f"{where}, cell {index}") for index, raw in enumerate(notebook.cells, 1)]
    questions = {index: _questions(cell) for index, cell in enumerate(cells) if "quiz" in cell.tags}
    return Lesson(path.stem, **fields, cells=cells, questions=questions)


def read_all(root) -> list[Lesson]:
    """Every lesson under `root/notebooks/source`, in order."""
    folder = pathlib.Path(root, "notebooks", "source")
    lessons = [read(path) for path in sorted(folder.glob("[0-9]*.py"))]
    if not lessons:
        raise LessonError(f"no lessons in {folder}")
    return lessons


def _front_matter(text, where) -> dict:
    yaml = need("yaml")
    try:
        fields = yaml.safe_load("\n".join(line[1:].removeprefix(" ") for line in text.splitlines()))
    except yaml.YAMLError as error:
        raise LessonError(f"{where}: the front matter is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(fields, dict) or sorted(fields) != sorted(_KEYS):
        raise LessonError(f"{where}: the front matter has {', '.join(_KEYS)}, and nothing else")
    minutes = fields["minutes"]
    if not isinstance(minutes, dict) or "class" not in minutes or not set(minutes) <= {"smoke", "class", "full"}:
        raise LessonError(f"{where}: minutes are measured by mode, for example {{class: 12, full: 5}}")
    return {key: value if key == "minutes" else " ".join(str(value).split()) for key, value in fields.items()}


def _cell(raw, where) -> Cell:
    source = raw.source.strip("\n")
    first = source.strip().splitlines()[0][:50] if source.strip() else "empty"
    where = f"{where} ({first})"
    tags = list(raw.metadata.get("tags", []))
    cell = Cell(raw.cell_type, source, tuple(tags), where)
    if cell.kind != "code":
        return cell
    try:
        ast.parse(source)
        ast.parse(cell.student())
    except SyntaxError as error:
        raise LessonError(f"{where}: {error.msg}; shell and magic commands (! and %) are not allowed") from None
    if cell.stubs() and "exercise" not in tags:
        tags.append("exercise")
    if cell.checks() and "check" not in tags:
        tags.append("check")
    return dataclasses.replace(cell, tags=tuple(tags))


def _questions(cell) -> list[Question]:
    """The questions of a cell of nothing but `quiz.ask(...)` with literal arguments."""
    questions = []
    for node in ast.parse(cell.source).body:
        try:
            call = node.value
            if ast.unparse(call.func) != "quiz.ask":
                raise ValueError
            values = [ast.literal_eval(argument) for argument in call.args]
            named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
            questions.append(Question(*values, **named))
        except (AttributeError, TypeError, ValueError) as error:
            detail = f" ({error})" if str(error) else ""
            raise LessonError(
                f"{cell.where}: a quiz cell holds only quiz.ask(question, [options], answer=, why=){detail}"
            ) from None
    return questions
