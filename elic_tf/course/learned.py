"""What a lesson learned in class mode, shipped, so that smoke mode can show it after training for a few steps.

    run = {"generator": network.get_weights(), "rows": rows, "shown": faces}
    if course.mode == "smoke":
        run = learned.load("05")

`python -m elic_tf.course.learned 05` makes `elic_tf/weights/lesson_05.npz` again: it runs the cells of the lesson, with
solutions, in class mode and on synthetic faces, up to the one that says `run = learned.load(...)` (if none does, all),
and keeps its `run`.
"""

import argparse
import json
import os
import pathlib

import numpy as np

from elic_tf import weights
from elic_tf.errors import UnknownModelError


def load(number):
    """The `run` of the lesson of that number, such as "05". UnknownModelError if none is shipped."""
    source = weights.file(f"lesson_{number}.npz")
    if not source.is_file():
        raise UnknownModelError(f"nothing is shipped for lesson {number}; choose another mode than smoke")
    with source.open("rb") as file, np.load(file) as arrays:
        return unpacked(arrays)


def packed(run) -> dict[str, np.ndarray]:
    """{name: array} for `numpy.savez`. run: {name: array, list of float arrays (kept as float16), or rows}."""
    arrays = {}
    for name, value in run.items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        elif isinstance(value[0], dict):
            arrays[f"{name}.rows"] = np.array(
                json.dumps([{k: float(f"{v:.5g}") for k, v in row.items()} for row in value])
            )
        else:
            arrays |= {f"{name}.{index:03}": each.astype(np.float16) for index, each in enumerate(value)}
    return arrays


def unpacked(arrays) -> dict:
    """What `packed` packed, lists in their order, as float32."""
    run = {}
    for key in sorted(arrays):
        name, _, part = key.partition(".")
        if not part:
            run[name] = arrays[key]
        elif part == "rows":
            run[name] = json.loads(str(arrays[key]))
        else:
            run.setdefault(name, []).append(arrays[key].astype(np.float32))
    return run


def make(number, root):
    """Run the lesson of that number under `root`, and return its `run`."""
    from elic_tf.course import checks, figures, quiz, setup, source

    [path] = pathlib.Path(root, "notebooks", "source").glob(f"{number}_*.py")
    cells = [cell for cell in source.read(path).cells if cell.kind == "code" and not {"setup", "quiz"} & set(cell.tags)]
    names = {"course": setup.start(number), "checks": checks, "figures": figures, "quiz": quiz, "setup": setup}
    for cell in cells:
        exec(compile(cell.solved(), cell.where, "exec"), names)
        if "run = learned.load(" in cell.source:
            break
    return names["run"]


def main(argv=None):
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.course.learned", description=__doc__.splitlines()[0])
    parser.add_argument("number", help="of the lesson, such as 05")
    number = parser.parse_args(argv).number
    os.environ |= {"ELIC_MODE": "class", "ELIC_FACES": "synthetic"}
    out = pathlib.Path(str(weights.file(f"lesson_{number}.npz")))
    np.savez_compressed(out, **packed(make(number, pathlib.Path(__file__).resolve().parents[2])))
    print(f"wrote {out.name}, {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
