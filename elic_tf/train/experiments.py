"""What commands that train several variants of a model share: which runs are finished, and tables."""

import json
import os

from elic_tf.errors import DataError


def write(path, text):
    """Write a text file, so that a kill leaves the old one or the new one."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(text)
    os.replace(part, path)


def finished(folder, settings):
    """The row that `finish` put into `folder`, or None; makes the folder. DataError if it is another run's.

    settings: everything that the run depends on, as JSON can hold it.
    """
    note, settings = folder / "run.json", json.loads(json.dumps(settings))
    held = json.loads(note.read_text()) if note.exists() else {"settings": settings}
    if held["settings"] != settings:
        raise DataError(f"{folder} holds a run with other settings: name another folder with --out, or remove this one")
    folder.mkdir(parents=True, exist_ok=True)
    write(note, json.dumps(held, indent=1))
    return held.get("row")


def finish(folder, settings, row):
    """Note in `run.json` that the run in `folder` is over, and its `row` of numbers."""
    write(folder / "run.json", json.dumps({"settings": settings, "row": row}, indent=1))


def markdown(rows, columns):
    """A table of dictionaries. Cells: text, numbers, None, or (mean, standard deviation or None).

    columns: {key: (title, how numbers are shown: 2 or "+.2", None for text)}; those that no row fills are left out.
    """
    columns = {key: column for key, column in columns.items() if any(row.get(key) is not None for row in rows)}
    lines = [[title for title, _ in columns.values()]]
    lines.append(["---" if digits is None else "---:" for _, digits in columns.values()])
    lines += [[_cell(row.get(key), digits) for key, (_, digits) in columns.items()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value, digits):
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return " ± ".join(_cell(part, digits) for part in value if part is not None)
    if digits is None:
        return str(value)
    return f"{value:{digits}f}" if isinstance(digits, str) else f"{value:.{digits}f}"
