"""The lessons themselves: what is committed is what the builder makes, and a student can run it as handed out."""

import ast
import pathlib
import re

import pytest

from elic_tf.course import builder, checks, execution, lint, nbgrader, settings
from elic_tf.course.source import read

pytest.importorskip("jupytext", reason='needs jupytext: pip install "elic_tf[notebooks]"')
SOURCES = sorted(pathlib.Path(builder.ROOT, "notebooks", "source").glob("[0-9]*.py"))
pytestmark = pytest.mark.skipif(not SOURCES, reason="no lesson is written yet")


def test_what_is_committed_is_what_the_builder_makes():
    assert builder.check() == []


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_student_runs_to_the_end_and_every_stub_is_one(source):
    lesson = read(source)
    statuses = execution.run_student(builder.ROOT / "notebooks" / f"{lesson.name}.ipynb", seconds=300)
    assert statuses.keys() == {entry.name for entry in checks.of_lesson(lesson.number)}
    assert set(statuses.values()) <= {"todo"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_solution_is_a_stub_in_the_students_notebook_and_nowhere_else(source):
    nbformat = pytest.importorskip("nbformat")
    solutions = len(re.findall(r"^ +# solution(?::.*)?$", source.read_text(encoding="utf-8"), re.MULTILINE))
    stubs = []
    for name in (f"{source.stem}.ipynb", f"solutions/{source.stem}.ipynb"):
        cells = nbformat.read(builder.ROOT / "notebooks" / name, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        raised = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Raise)]
        stubs.append(sum("NotImplementedError" in ast.unparse(node) for node in raised))
    assert stubs == [solutions, 0] and solutions >= 3


@pytest.mark.parametrize("page", ["README.md", "notebooks/README.md"])
def test_local_links_of_the_pages_lead_somewhere(page):
    text = (builder.ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert links
    assert not [link for link in links if not (builder.ROOT / page).parent.joinpath(link).exists()]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_three_to_five_questions_and_exercises_each_with_a_check_and_hints(source):
    lesson = read(source)
    assert 3 <= len(lesson.all_questions()) <= 5
    assert 3 <= len(lesson.checks()) <= 5
    assert set(lesson.checks()) == {entry.name for entry in checks.of_lesson(lesson.number)}
    assert all(checks.find(name).hints for name in lesson.checks())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_nbval_compares_the_outputs_that_are_marked(source):
    nbval = pytest.importorskip("nbval.plugin", reason='needs nbval: pip install "elic_tf[notebooks]"')
    nbformat = pytest.importorskip("nbformat")
    book = nbformat.read(builder.ROOT / "notebooks" / "solutions" / f"{source.stem}.ipynb", as_version=4)
    compared = 0
    for cell in book.cells:
        if cell.cell_type == "code" and ("check", True) in nbval.find_comment_markers(cell.source):
            assert lint.is_marked(cell.source) and cell.execution_count is not None  # else nbval compares nothing
            assert all(output.output_type in ("stream", "execute_result") for output in cell.outputs)
            assert cell.outputs[0].get("name", "stdout") == "stdout"
            compared += 1
    assert compared >= settings.MIN_MARKED_CELLS


def test_every_lesson_can_be_exported_to_nbgrader(tmp_path):
    nbformat = pytest.importorskip("nbformat")
    paths = nbgrader.export(builder.ROOT, tmp_path)
    assert len(paths) == len(SOURCES)
    for path, source in zip(paths, SOURCES):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if "nbgrader" in cell.metadata]
        for cell in cells:
            ast.parse(cell.source)
        points = sum(cell.metadata.nbgrader.get("points", 0) for cell in cells)
        assert points == sum(entry.points for entry in checks.of_lesson(source.name[:2]))
        solutions = [cell for cell in cells if cell.metadata.nbgrader.solution]
        assert solutions and all("### BEGIN SOLUTION" in cell.source for cell in solutions)
