"""The lessons themselves: what is committed is what the builder makes, and a student can run it as handed out."""

import pathlib

import pytest

from elic_tf.course import builder, checks, execution
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
    statuses = execution.run_student(builder.ROOT / "notebooks" / f"{lesson.name}.ipynb", seconds=120)
    assert statuses.keys() == {entry.name for entry in checks.of_lesson(lesson.number)}
    assert set(statuses.values()) <= {"todo"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_three_to_five_questions(source):
    assert 3 <= len(read(source).all_questions()) <= 5
