"""The tiny lesson in a kernel: solutions run, students' stubs are stubs, nbval really compares."""

import os
import subprocess
import sys

import nbformat
import pytest

from elic_tf.course import builder, execution, lint
from elic_tf.course.source import LessonError

pytestmark = pytest.mark.slow


def test_solution_runs_student_stops_at_stubs_and_nbval_compares(repository, monkeypatch):
    monkeypatch.setattr(lint.settings, "MIN_MARKED_CELLS", 1)
    path = repository / "notebooks" / "solutions" / "00_tiny.ipynb"
    assert builder.main(["--execute", "00", "--mode", "smoke", "--root", str(repository)]) == 0
    book = nbformat.read(path, as_version=4)
    assert lint.outputs(book, path.name, repository) == []
    marked = next(cell for cell in book.cells if lint.is_marked(cell.source))
    assert marked.execution_count == 4 and marked.outputs[0].text == "PSNR of two faces: [20. 20.] synthetic\n"
    html = book.cells[6].outputs[0].data["text/html"]
    assert 'alt="Two synthetic &quot;faces&quot;."' in html and len(html) < 60_000
    assert "✓ 00.psnr" in book.cells[4].outputs[0].text
    assert not any(problem.startswith("notebooks/solutions/00") for problem in builder.check(repository))

    before = path.read_bytes()
    assert builder.build(repository) == [] and path.read_bytes() == before

    marks = execution.run_student(repository / "notebooks" / "00_tiny.ipynb")
    assert marks.pop("00.psnr") == "todo"
    assert marks and set(marks.values()) == {"not run"}

    tampered = path.with_name("00_tampered.ipynb")
    tampered.write_bytes(before.replace(b"PSNR of two faces: [20. 20.]", b"PSNR of two faces: [21. 21.]"))
    path.with_name("01_second.ipynb").unlink()
    done = nbval(path.parent)
    assert "1 failed, 9 passed" in done and "00_tampered.ipynb::Cell 3" in done


def test_a_cell_that_fails_is_named(repository):
    source = repository / "notebooks" / "source" / "00_tiny.py"
    source.write_text(source.read_text().replace("import numpy as np", "import numpy as np\nprint(1 / 0)"))
    with pytest.raises(LessonError, match=r"00_tiny.ipynb, cell 4: ZeroDivisionError: division by zero"):
        builder.build(repository, ["00"], "smoke")


def nbval(folder):
    """What nbval says of a folder of notebooks, with the options that the Makefile gives it."""
    lines = (builder.ROOT / "Makefile").read_text().replace("\\\n", " ").splitlines()
    [words] = [line.split() for line in lines if "--nbval-lax" in line]
    options = words[words.index("pytest") : words.index("notebooks/solutions")]
    command = [sys.executable, "-m", *options, "-q", "--rootdir", str(folder), str(folder)]
    environment = os.environ | {"ELIC_MODE": "smoke", "ELIC_FACES": "synthetic"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder).stdout
