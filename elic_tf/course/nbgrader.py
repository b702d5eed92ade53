"""Lessons in nbgrader's format: source notebooks for `nbgrader generate_assignment`, one folder for each lesson.

An exercise becomes a solution cell (`### BEGIN SOLUTION` ... `### END SOLUTION`), its check a locked, graded cell that
fails unless the check passes. https://nbgrader.readthedocs.io, metadata schema version 3.
"""

import ast
import pathlib
import re

from elic_tf.course import builder, checks
from elic_tf.course.source import _END, _START, need, read_all


def export(root, folder) -> list[pathlib.Path]:
    """Write `folder/source/NN_name/NN_name.ipynb` for every lesson; returns the paths."""
    nbformat = need("nbformat")
    lessons = read_all(root)
    paths = []
    for index, lesson in enumerate(lessons):
        book = builder.notebook(lessons, index, solution=False)
        book.cells[0].source = re.sub(r"(?: · )?\[solutions\]\(.*\n\n", "\n\n", book.cells[0].source)
        checked = {cell.student(): cell.checks() for cell in lesson.cells if cell.checks()}
        marked = {cell.student(): _begin_end(cell.source) for cell in lesson.cells if cell.stubs()}
        for number, cell in enumerate(book.cells):
            if cell.source in marked:
                cell.source = marked[cell.source]
                cell.metadata["nbgrader"] = _metadata(f"exercise-{number}", solution=True)
            elif names := checked.get(cell.source):
                points = sum(checks.find(name).points for name in names)
                cell.source += "".join(f'\nassert checks.find("{name}").status == "done"' for name in names)
                ast.parse(cell.source)
                cell.metadata["nbgrader"] = _metadata(f"check-{number}", grade=True, points=points)
        path = pathlib.Path(folder, "source", lesson.name, f"{lesson.name}.ipynb")
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(book, path)
        paths.append(path)
    return paths


def _begin_end(source) -> str:
    lines = []
    for line in source.splitlines():
        if start := _START.match(line):
            lines.append(f"{start[1]}### BEGIN SOLUTION")
        elif _END.match(line):
            lines.append(line.replace("# end solution", "### END SOLUTION"))
        else:
            lines.append(line)
    return "\n".join(lines)


def _metadata(grade_id, solution=False, grade=False, points=None) -> dict:
    metadata = {
        "schema_version": 3, "grade_id": grade_id, "cell_type": "code", "task": False,
        "solution": solution, "grade": grade, "locked": grade,
    }  # fmt: skip
    return metadata | ({"points": points} if grade else {})
