"""The rules every lesson keeps. Each function returns a list of problems, each naming file and cell; empty is good."""

import ast
import pathlib
import re

from elic_tf.course import settings
from elic_tf.course.source import MARK, Lesson

_IMAGE = re.compile(r"!\[(.*?)\]\(")
_HTML_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"""\balt\s*=\s*(["'])(?!\s*\1).+?\1""", re.IGNORECASE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) ", re.MULTILINE)
_LOCAL = re.compile(r"\]\((?!https?:|#|mailto:|data:)([^)#]+)")
WIDGET = "application/vnd.jupyter.widget-view+json"
_FIGURES = ("show", "curve", "picture")


def lesson(lesson: Lesson) -> list[str]:
    """Lengths, alt text, headings, one set-up cell, a docstring and a check for each exercise."""
    problems, total, level = [], 0, 1
    code = [cell for cell in lesson.cells if cell.kind == "code" and not {"setup", "quiz"} & set(cell.tags)]
    for cell in code:
        lines = visible_lines(cell.solved())
        total += lines
        if lines > settings.MAX_CELL_LINES:
            problems.append(f"{cell.where}: {lines} lines of code; a cell has at most {settings.MAX_CELL_LINES}")
        problems += _figures(cell) + _exercises(cell, code)
    source = f"notebooks/source/{lesson.name}.py"
    if total > settings.MAX_LESSON_LINES:
        problems.append(f"{source}: {total} lines of code; a lesson has at most {settings.MAX_LESSON_LINES}")
    for cell in lesson.cells:
        if cell.kind != "markdown":
            continue
        if _without_alt(cell.source):
            problems.append(f"{cell.where}: an image without alt text")
        for heading in _HEADING.findall(re.sub(r"```.*?```", "", cell.source, flags=re.DOTALL)):
            if len(heading) == 1:
                problems.append(f"{cell.where}: a heading of level one; the title is made from the front matter")
            elif len(heading) > level + 1:
                problems.append(f"{cell.where}: a heading of level {len(heading)} below one of level {level}")
            level = len(heading)
    setups = sum("setup" in cell.tags for cell in lesson.cells)
    if setups != 1:
        problems.append(f'{source}: {setups} cells tagged "setup"; there is exactly one')
    return problems


def visible_lines(source: str) -> int:
    """Lines of code that are not blank."""
    return sum(bool(line.strip()) for line in source.splitlines())


def links(notebook, folder, name, lessons) -> list[str]:
    """Local links that lead nowhere; folder: where the notebook is, lessons: file names being made."""
    problems = []
    for index, cell in enumerate(notebook.cells, 1):
        for target in _LOCAL.findall(cell.source) if cell.cell_type == "markdown" else ():
            if target.removeprefix("solutions/") not in lessons and not pathlib.Path(folder, target).exists():
                problems.append(f"{name}, cell {index}: the link to {target} leads nowhere")
    return problems


def outputs(notebook, name, root=None) -> list[str]:
    """A solution notebook's outputs: small, with alt text, no errors, and there where nbval compares them.

    nbval never compares a cell without an execution count, and says nothing about it.
    """
    problems, marked = [], 0
    for index, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "code":
            continue
        where = f"{name}, cell {index}"
        bundles = [output.get("data", {}) for output in cell.outputs]
        text = "".join(output.get("text", "") for output in cell.outputs)
        text += "".join(bundle.get("text/plain", "") for bundle in bundles)
        if is_marked(cell.source):
            marked += 1
            if cell.execution_count is None or not text.strip():
                problems.append(f"{where}: marked {MARK}, but has no output to compare; run the builder with --execute")
            if any("text/html" in bundle or "image/png" in bundle for bundle in bundles):
                problems.append(f"{where}: marked {MARK}, but shows a picture; print facts in a cell of their own")
        if any(output.output_type == "error" for output in cell.outputs):
            problems.append(f"{where}: its output is an error")
        if any(_picture_without_alt(output) for output in cell.outputs):
            problems.append(f"{where}: a picture without alt text; use elic_tf.course.figures")
        if any(WIDGET in bundle for bundle in bundles):
            problems.append(f"{where}: shows a widget, which is an error message where no kernel runs; use --execute")
        if "setup.start(" in cell.source and cell.outputs and "synthetic faces" not in text:
            problems.append(f"{where}: executed with photographs, which must not be committed; use --execute")
        home = str(pathlib.Path.home())
        if any(len(path) > 5 and path in text for path in (str(root or ""), home)):
            problems.append(f"{where}: its output has a path of this machine")
    if marked < settings.MIN_MARKED_CELLS:
        problems.append(f"{name}: {marked} cells marked {MARK}; a lesson has at least {settings.MIN_MARKED_CELLS}")
    size = sum(len(str(cell)) for cell in notebook.cells)
    if size > settings.MAX_NOTEBOOK_BYTES:
        problems.append(f"{name}: {size // 1000} kB with its outputs; at most {settings.MAX_NOTEBOOK_BYTES // 1000}")
    return problems


def is_marked(source: str) -> bool:
    """Whether nbval compares the output of a cell."""
    return any(line.strip() == MARK for line in source.splitlines())


def _without_alt(markdown) -> bool:
    html = [tag for tag in _HTML_IMAGE.findall(markdown) if not _ALT.search(tag)]
    return bool(html) or any(not alt.strip() for alt in _IMAGE.findall(markdown))


def _picture_without_alt(output) -> bool:
    data = output.get("data", {})
    if any(not _ALT.search(tag) for tag in _HTML_IMAGE.findall(data.get("text/html", ""))):
        return True
    return any(
        not output.get("metadata", {}).get(kind, {}).get("alt") for kind in ("image/png", "image/jpeg") if kind in data
    )


def _figures(cell) -> list[str]:
    problems = []
    for node in ast.walk(ast.parse(cell.solved())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            if called in {f"figures.{name}" for name in _FIGURES} and "alt" not in {key.arg for key in node.keywords}:
                problems.append(f"{cell.where}: {called} without alt=")
            if called == "plt.show":
                problems.append(f"{cell.where}: plt.show has no alt text; use figures.picture(figure, alt=...)")
    return problems


def _exercises(cell, code) -> list[str]:
    """Every stub has a docstring and is given to a check in a later cell: nbgrader grades whole cells."""
    problems = []
    for node in ast.parse(cell.student()).body if cell.stubs() else ():
        if getattr(node, "name", None) not in cell.stubs():
            continue
        if not ast.get_docstring(node):
            problems.append(f"{cell.where}: the exercise {node.name} has no docstring")
        call = re.compile(rf"checks\.(run|checked)\(\s*[\"'][^\"']+[\"'],\s*{node.name}\b")
        if not any(call.search(other.source) for other in code[code.index(cell) + 1 :]):
            problems.append(
                f'{cell.where}: the exercise {node.name} has no check; add a cell: checks.checked("...", {node.name})'
            )
    return problems
