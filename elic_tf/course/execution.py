"""Run notebooks: solutions for their outputs, students' lessons to see that every stub is one."""

import json
import os
import pathlib
import re
import time

from elic_tf.course import lint, settings
from elic_tf.course.source import LessonError, need

_LIBRARY = pathlib.Path(__file__).resolve().parents[2]
_NOWHERE = "http://127.0.0.1:9"  # the port that discards: no lesson may need a network
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_REPORT = "from elic_tf.course import scores\nprint(scores.as_json())"


def run(book, path, mode="smoke", seconds=settings.CELL_SECONDS) -> tuple[float, float]:
    """Execute `book` in place, in the folder of `path`, with synthetic faces; returns wall and processor seconds.

    Photographs must not get into outputs that are committed, hence ELIC_FACES=synthetic. Only what is the same each
    time is kept: no timing, no standard error. The notebook gets the library that runs this, and no network.
    LessonError names the cell that fails. Where processor time of children is not known (Windows) it is 0.
    """
    nbclient = need("nbclient")
    environment = os.environ | {"ELIC_MODE": mode, "ELIC_FACES": "synthetic", "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment |= {"http_proxy": _NOWHERE, "https_proxy": _NOWHERE}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_LIBRARY), os.environ.get("PYTHONPATH")]))
    metadata = dict(book.metadata)
    client = nbclient.NotebookClient(
        book, timeout=seconds, kernel_name="python3", record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    start, used = time.perf_counter(), os.times()
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
    now = os.times()
    processor = now.children_user + now.children_system - used.children_user - used.children_system
    return time.perf_counter() - start, processor


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
    """Without standard error and widgets; pieces of standard output joined, with progress bars at their last state.

    A widget is a bar of `tqdm.auto`, and no more than an error message where its kernel has ended.
    """
    kept = []
    for output in outputs:
        if output.get("name") == "stderr" or lint.WIDGET in output.get("data", {}):
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
