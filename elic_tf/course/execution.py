"""Run notebooks: solutions for their outputs, students' lessons to see that every stub is one."""

import json
import os
import re
import time

from elic_tf.course import settings
from elic_tf.course.source import LessonError, need

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_REPORT = "from elic_tf.course import scores\nprint(scores.as_json())"


def run(book, path, mode="smoke", seconds=settings.CELL_SECONDS) -> float:
    """Execute `book` in place, in the folder of `path`, with synthetic faces; returns the seconds it took.

    Photographs must not get into outputs that are committed, hence ELIC_FACES=synthetic. Only what is the same each
    time is kept: no timing, no standard error. LessonError names the cell that fails.
    """
    nbclient = need("nbclient")
    environment = os.environ | {"ELIC_MODE": mode, "ELIC_FACES": "synthetic", "TF_CPP_MIN_LOG_LEVEL": "2"}
    metadata = dict(book.metadata)
    client = nbclient.NotebookClient(
        book, timeout=seconds, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    start = time.perf_counter()
    try:
        client.execute(env=environment)
    except nbclient.exceptions.CellExecutionError as error:
        failed = next(i for i, cell in enumerate(book.cells, 1) if _failed(cell))
        raise LessonError(f"{path.name}, cell {failed}: {error.ename}: {error.evalue}") from None
    except (nbclient.exceptions.CellTimeoutError, nbclient.exceptions.DeadKernelError) as error:
        raise LessonError(f"{path.name}: {str(error).splitlines()[0]}") from None
    book.metadata.clear()
    book.metadata.update(metadata)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = _tidy(cell.outputs)
    return time.perf_counter() - start


def run_student(path, seconds=settings.CELL_SECONDS) -> dict[str, str]:
    """Run a student's notebook from top to bottom, as it is handed out; returns {exercise: its status}.

    Nothing may fail, because a check catches what a stub raises; every status must be "todo", because only
    NotImplementedError gives that one.
    """
    nbformat = need("nbformat")
    book = nbformat.read(path, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell(_REPORT))
    run(book, path, "smoke", seconds)
    report = json.loads("".join(output.text for output in book.cells[-1].outputs))
    return {name: entry["status"] for name, entry in report["exercises"].items()}


def _failed(cell) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", ()))


def _tidy(outputs) -> list:
    """Without standard error; pieces of standard output joined, with progress bars at their last state."""
    kept = []
    for output in outputs:
        if output.output_type == "stream" and output.name == "stderr":
            continue
        if output.output_type == "stream" and kept and kept[-1].output_type == "stream":
            kept[-1].text += output.text
        else:
            kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            lines = _ANSI.sub("", output.text).replace("\x08", "").split("\n")
            output.text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)
    return kept
