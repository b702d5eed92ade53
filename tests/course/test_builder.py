"""The builder: what it makes of a source, that it always makes the same, and what it refuses."""

import importlib.util
import json
import subprocess
import sys

import nbformat
import pytest

from elic_tf.course import builder, lint, nbgrader, quiz, settings
from elic_tf.course.source import LessonError
from elic_tf.errors import ElicError


@pytest.fixture
def built(repository):
    builder.build(repository)
    return repository


def book(root, name):
    return nbformat.read(root / "notebooks" / name, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def edit(root, old, new, name="00_tiny"):
    path = root / "notebooks" / "source" / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_student_has_stubs_and_no_outputs_and_the_solution_has_the_solution(built):
    student, solution = book(built, "00_tiny.ipynb"), book(built, "solutions/00_tiny.ipynb")
    nbformat.validate(student)
    nbformat.validate(solution)
    exercise = next(cell for cell in code(student) if "exercise" in cell.metadata.get("tags", ()))
    assert exercise.source.endswith(
        '    # Mind the axes.\n    raise NotImplementedError("the mean squared error of each face, then decibels")'
    )
    assert all(cell.execution_count is None and not cell.outputs for cell in code(student))
    solved = next(cell for cell in code(solution) if "exercise" in cell.metadata.get("tags", ()))
    assert "np.log10(error)" in solved.source and "solution" not in solved.source
    assert "NotImplementedError" not in solved.source
    assert "check" in next(cell for cell in code(student) if "checks.checked" in cell.source).metadata.tags


def test_stub_raises_what_its_author_wrote(built):
    space = {}
    exec(next(cell.source for cell in code(book(built, "00_tiny.ipynb")) if "def psnr" in cell.source), space)
    with pytest.raises(NotImplementedError, match="the mean squared error"):
        space["psnr"](1, 2)


def test_same_bytes_each_time_and_ids_are_unique(built):
    before = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    assert builder.build(built) == []
    assert before == {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    ids = [cell.id for name in ("00_tiny.ipynb", "solutions/00_tiny.ipynb") for cell in book(built, name).cells]
    assert len(set(ids)) == len(ids)


def test_header_and_navigation(built):
    first, second = book(built, "00_tiny.ipynb"), book(built, "01_second.ipynb")
    head = first.cells[0].source
    assert head.startswith("# 00 · A tiny lesson")
    assert "See that the machinery works." in head and "1 minute on two CPU" in head and "0.5 on a GPU" in head
    for cell in (first.cells[0], first.cells[-1]):
        assert "next: [01 A second lesson](01_second.ipynb)" in cell.source and "previous" not in cell.source
    for cell in (second.cells[0], second.cells[-1]):
        assert "previous: [00 A tiny lesson](00_tiny.ipynb)" in cell.source and "next:" not in cell.source
    solution = book(built, "solutions/00_tiny.ipynb").cells
    assert "](../README.md)" in solution[0].source and "](../00_tiny.ipynb)" in solution[0].source
    assert "](../dot.png)" in "".join(cell.source for cell in solution)
    guide = (built / "notebooks" / "README.md").read_text()
    assert "| 01 | [A second lesson](01_second.ipynb) | 2 | - | [solutions](solutions/01_second.ipynb) |" in guide
    assert "### 00 · A tiny lesson" in guide and "**Gives.** See that the machinery works." in guide
    assert "| `00.psnr` | PSNR in dB, one number per face | 3 |" in guide and "1 point, 0 quiz questions" in guide
    assert guide.index("2 quiz questions") > guide.index("### 01") and guide.endswith("The end.\n")
    assert 'scores.save("NAME_00.json"' in first.cells[-1].source and "scores" not in second.cells[-1].source


def every_text(root):
    return "\n".join(path.read_text() for path in root.rglob("*") if path.suffix in (".ipynb", ".md"))


def test_without_a_public_address_there_are_no_links_to_one(built, monkeypatch):
    monkeypatch.setattr(settings, "REPOSITORY", "")
    builder.build(built)
    assert "github" not in every_text(built) and "colab.research" not in every_text(built)
    assert "pip" not in code(book(built, "00_tiny.ipynb"))[0].source


def test_the_one_address_is_in_badges_links_and_the_set_up_cell(built, monkeypatch):
    monkeypatch.setattr(settings, "REPOSITORY", "someone/elic")
    builder.build(built)
    link = f"https://colab.research.google.com/github/someone/elic/blob/{settings.BRANCH}/notebooks"
    first, second = book(built, "00_tiny.ipynb"), book(built, "01_second.ipynb")
    assert f"({link}/00_tiny.ipynb)" in first.cells[0].source and "colab-badge" in first.cells[0].source
    assert f"[Colab]({link}/solutions/00_tiny.ipynb)" in first.cells[0].source
    assert f"({link}/01_second.ipynb)" in first.cells[-1].source and "colab-badge" not in second.cells[-1].source
    assert f"[Colab]({link}/01_second.ipynb)" in (built / "notebooks" / "README.md").read_text()
    assert f'"git+https://github.com/someone/elic@{settings.BRANCH}"' in code(first)[0].source


@pytest.mark.parametrize("name", ["OWNER/elic_tf", "elic_tf", "https://github.com/someone/elic", "your-name/elic"])
def test_an_address_that_is_none_is_refused(repository, monkeypatch, name):
    monkeypatch.setattr(settings, "REPOSITORY", name)
    with pytest.raises(ElicError, match='"owner/name", or empty'):
        builder.build(repository)


@pytest.mark.parametrize("name", ["", "someone/elic"])
def test_set_up_cell_is_short_and_finds_the_library_around_the_notebook(built, monkeypatch, name):
    monkeypatch.setattr(settings, "REPOSITORY", name)
    builder.build(built)
    for name, minutes in (("00_tiny.ipynb", '{"class": 1, "full": 0.5}'), ("01_second.ipynb", '{"class": 2}')):
        source = code(book(built, name))[0].source
        assert lint.visible_lines(source) <= 12 and max(map(len, source.splitlines())) <= 120
        assert "pathlib.Path.cwd().parents" in source and f'setup.start("{name[:2]}", minutes={minutes})' in source


def test_set_up_cell_fetches_the_library_only_where_it_is_not(built, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "REPOSITORY", "someone/elic")
    builder.build(built)
    source = code(book(built, "00_tiny.ipynb"))[0].source
    commands = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: commands.append(command))
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("ELIC_FACES", "synthetic")
    monkeypatch.chdir(tmp_path)
    exec(source, {})
    assert not commands
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "elic_tf" else find(name))
    exec(source, {})
    address = f"git+https://github.com/someone/elic@{settings.BRANCH}"
    wanted = ["-m", "pip", "install", "-q", "--no-deps", address, "ai-edge-litert"]  # nothing that is there changes
    assert commands == [[sys.executable, *wanted]]


def test_quiz_becomes_prose_with_folded_answers_and_a_cell_for_letters(built, monkeypatch, capsys):
    student, solution = book(built, "01_second.ipynb"), book(built, "solutions/01_second.ipynb")
    prose = student.cells[2].source
    assert "<details>" in prose and "**2.** And how many nats?" in prose and "- **c.** 369" in prose
    assert not any("ask(" in cell.source for cell in code(student))
    assert code(student)[-1].source.endswith('quiz.answers("01", "?", "?")')
    assert code(solution)[-1].source.endswith('quiz.answers("01", "b", "a")')
    monkeypatch.setattr(quiz, "QUIZZES", built / "elic_tf" / "course" / "quizzes.json")
    quiz.answers("01", "b", "c")
    assert capsys.readouterr().out.splitlines() == [
        "1. b is right. A byte has eight.",
        "2. c (369) is not it. Think again, or unfold the answer.",
        "1 of 2 right",
    ]


def test_check_finds_edits_by_hand_sources_not_built_and_strays(built, capsys):
    assert all("NBVAL" in line or "executed" in line or "--execute" in line for line in builder.check(built))
    student = built / "notebooks" / "00_tiny.ipynb"
    student.write_text(student.read_text().replace("Mind the axes", "Mind the gap"))
    (built / "notebooks" / "07_gone.ipynb").write_text("{}")
    assert builder.main(["--check", "--root", str(built)]) == 1
    said = capsys.readouterr().out
    assert "notebooks/00_tiny.ipynb: not what the sources make" in said
    assert "notebooks/07_gone.ipynb: has no source" in said and "01_second.ipynb: not" not in said
    (built / "notebooks" / "07_gone.ipynb").unlink()
    builder.build(built)
    edit(built, "Ask something", "Ask more", "01_second")
    said = "\n".join(builder.check(built))
    assert "notebooks/01_second.ipynb: not" in said and "solutions/01_second.ipynb: not" in said


def test_check_wants_outputs_in_marked_cells_and_five_of_them(built):
    said = "\n".join(builder.check(built))
    assert "solutions/00_tiny.ipynb, cell 6: marked # NBVAL_CHECK_OUTPUT, but has no output" in said
    assert "solutions/00_tiny.ipynb: 1 cells marked" in said


def test_outputs_stay_while_the_code_is_the_same(built):
    path = built / "notebooks" / "solutions" / "00_tiny.ipynb"
    executed = nbformat.read(path, as_version=4)
    code(executed)[-1].execution_count = 5
    code(executed)[-1].outputs = [nbformat.v4.new_output("stream", text="hello\n")]
    nbformat.write(executed, path)
    edit(built, "The peak is 1.", "The peak is one.")
    builder.build(built)
    kept = book(built, "solutions/00_tiny.ipynb")
    assert code(kept)[-1].outputs[0].text == "hello\n" and "one" in kept.cells[2].source
    edit(built, "minutes: {class: 1, full: 0.5}", "minutes: {class: 2}")  # the set-up cell may change
    builder.build(built)
    kept = book(built, "solutions/00_tiny.ipynb")
    assert code(kept)[-1].outputs[0].text == "hello\n" and '"class": 2' in code(kept)[0].source
    edit(built, "a + 0.1", "a + 0.2")
    builder.build(built)
    assert not any(cell.outputs for cell in code(book(built, "solutions/00_tiny.ipynb")))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    # end solution\n", "", "cell 3 .*without `# end solution`"),
        ("    # solution: the mean", "# solution: the mean", "cell 3 .*outside a function"),
        ('    """PSNR in dB, one number per face."""\n', "", "cell 3 .*psnr has no docstring"),
        ("checks.checked(", "print(", "cell 3 .*psnr has no check; add a cell: checks.checked"),
        ("# %%\npsnr = checks", "psnr = checks", "cell 3 .*psnr has no check; add a cell: checks.checked"),
        ("![a dot]", "![]", "cell 2 .*without alt text"),
        ("(README.md)", "(nowhere.md)", "cell 3.*nowhere.md leads nowhere"),
        ("## Decibels", "# Decibels", "level one"),
        ("## Decibels", "## Decibels\n# #### Peak", "level 4 below one of level 2"),
        (", alt='Two synthetic \"faces\".'", "", "cell 6 .*figures.show without alt="),
        ("a = np.zeros", "\n".join(f"b{i} = {i}" for i in range(25)) + "\na = np.zeros", "cell 5 .*28 lines"),
        ("a = np.zeros", "# !pip install x\na = np.zeros", "cell 5 .*not allowed"),
        ('# %% tags=["setup"]', "# %%", 'tagged "setup"'),
        ("# needs: Nothing.\n", "", "front matter has title, aim, needs, minutes"),
        ("minutes: {class: 1, full: 0.5}", "minutes: soon", "minutes are measured by mode"),
    ],
)
def test_refuses_and_says_where(repository, old, new, message):
    edit(repository, old, new)
    with pytest.raises(LessonError, match=rf"(?s)notebooks/(source/)?00_tiny.*{message}"):
        builder.build(repository)
    assert not (repository / "notebooks" / "00_tiny.ipynb").exists()


def test_refuses_a_lesson_of_more_lines_than_anybody_reads(repository):
    cells = "".join("\n# %%\n" + "x = 1\n" * 25 for _ in range(10))
    edit(repository, '# %% tags=["quiz"]', cells + '\n# %%\nx = 1\n\n# %% tags=["quiz"]', "01_second")
    with pytest.raises(LessonError, match=r"01_second.py: 251 lines of code; a lesson has at most 250"):
        builder.build(repository)


def test_refuses_a_quiz_without_a_right_answer(repository, capsys):
    edit(repository, 'answer="b"', 'answer="d"', "01_second")
    assert builder.main(["--root", str(repository)]) == 2
    assert "01_second.py, cell 2" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "someone/elic"])
def test_export_to_nbgrader(built, tmp_path, monkeypatch, name):
    monkeypatch.setattr(settings, "REPOSITORY", name)
    path = nbgrader.export(built, tmp_path / "class")[0]
    cells = {
        cell.metadata.nbgrader.grade_id: cell for cell in code(nbformat.read(path, 4)) if "nbgrader" in cell.metadata
    }
    exercise, check = cells["exercise-3"], cells["check-4"]
    assert exercise.metadata.nbgrader.solution and not exercise.metadata.nbgrader.grade
    assert "    ### BEGIN SOLUTION\n" in exercise.source and "    ### END SOLUTION" in exercise.source
    assert check.metadata.nbgrader.grade and check.metadata.nbgrader.points == 1
    assert check.source.endswith('assert checks.find("00.psnr").status == "done"')
    assert "solutions/" not in path.read_text()


def test_measured_minutes_are_written_into_the_source_and_the_tables(built, monkeypatch, capsys):
    monkeypatch.setattr(builder.execution, "run", lambda book, path, mode: (600.0, 290.0))
    assert builder.main(["--measure", "01", "--root", str(built)]) == 0
    assert "01_second: 600 s, 290 s of processor time, in class mode" in capsys.readouterr().err
    source = (built / "notebooks" / "source" / "01_second.py").read_text()
    assert "# minutes: {class: 5}\n" in source and source.count("minutes") == 1
    assert "[A second lesson](01_second.ipynb) | 5 |" in (built / "notebooks" / "README.md").read_text()
    builder.measure(built, ["00"], "full")
    assert "# minutes: {class: 1, full: 5}" in (built / "notebooks" / "source" / "00_tiny.py").read_text()


def test_quizzes_file_holds_each_lesson(built):
    questions = json.loads((built / "elic_tf" / "course" / "quizzes.json").read_text())
    assert questions["00"] == [] and [entry["answer"] for entry in questions["01"]] == ["b", "a"]
