"""What a teacher collects: one small JSON file from each student and lesson, one table of them all.

    scores.save("anna_00.json", student="anna")                      # the student, at the end of a lesson
    python -m elic_tf.course.scores FILES ... > scores.csv           # the teacher

The file says what the checks said on the student's machine. Where marks depend on it, run the students' notebooks
yourself, or hand out the export to nbgrader (`python -m elic_tf.course.builder --nbgrader FOLDER`).
"""

import csv
import json
import pathlib
import sys

import elic_tf
from elic_tf.course import checks, quiz
from elic_tf.errors import DataError


def report(student="", lessons=None) -> dict:
    """Everything that was checked in this process, of these lessons ("00", ...) or of all that were touched."""
    lessons = lessons or _started
    entries = [entry for lesson in lessons for entry in checks.of_lesson(lesson)]
    return {
        "course": "elic_tf",
        "version": elic_tf.__version__,
        "student": student,
        "lessons": list(lessons),
        "exercises": {
            entry.name: {
                "status": entry.status,
                "points": entry.points * (entry.status == "done"),
                "of": entry.points,
                "tries": entry.tries,
                "hints": entry.hints_given,
            }
            for entry in entries
        },
        "quiz": {lesson: results for lesson, results in quiz.given().items() if lesson in lessons},
    }


def as_json(student="", lessons=None) -> str:
    """The report as JSON text."""
    return json.dumps(report(student, lessons), indent=1, ensure_ascii=False)


def save(path, student="", lessons=None) -> pathlib.Path:
    """Write the report as JSON for the teacher."""
    path = pathlib.Path(path)
    path.write_text(as_json(student, lessons) + "\n", encoding="utf-8")
    return path


def collect(paths) -> list[dict]:
    """A row for each file: student, points, of, then the status of each exercise and the quizzes' right answers."""
    rows = []
    for path in map(pathlib.Path, paths):
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            exercises, quizzes = entry["exercises"], entry["quiz"]
            row = {
                "student": entry["student"] or path.stem,
                "points": sum(exercise["points"] for exercise in exercises.values()),
                "of": sum(exercise["of"] for exercise in exercises.values()),
            }
            row |= {name: exercise["status"] for name, exercise in exercises.items()}
            row |= {f"quiz {lesson}": f"{given.count(True)}/{len(given)}" for lesson, given in quizzes.items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataError(f"{path} is no score file; scores.save(...) at the end of a lesson writes one") from None
        rows.append(row)
    return rows


def table(rows, file=None) -> None:
    """Write rows as CSV, to standard output unless a file is given."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    writer = csv.DictWriter(file or sys.stdout, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


_started: list[str] = []


def started(lesson) -> None:
    """Note that a lesson was begun, so that a report is about it."""
    if lesson not in _started:
        _started.append(lesson)


def main(argv=None):
    """Print the table of the score files named; exits with 2 if one is none."""
    try:
        table(collect(sys.argv[1:] if argv is None else argv))
    except (DataError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
