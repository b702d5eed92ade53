"""Take a folder that `elic bench` wrote into this repository: `python -m elic_tf.measure.publish FOLDER`.

`docs/results.md`, `docs/results.csv` and `docs/rate_distortion.png` become copies of what is in the folder, and the
README's table, between `<!-- results -->` and `<!-- end results -->`, is made of them.
"""

import argparse
import csv
import pathlib
import re
import shutil
import sys

from elic_tf.errors import DataError
from elic_tf.measure import tables

ROOT = pathlib.Path(__file__).resolve().parents[2]
BITS = (128, 256, 512)
OURS = {"klt": "eigenfaces", "portrait, smooth": "**portrait, smooth**", "portrait, sharp": "**portrait, sharp**"}
"""Codec -> the head of its column in the README's table."""
ALT = (
    "PSNR, SSIM, Fréchet distance, gender judge, answers kept and faces recognised against bits per face: "
    "portrait and klt are far above WebP, JPEG XL, BlurHash and ThumbHash at every rate, and the sharp decoder is the "
    "nearest to photographs at all of them; JPEG, JPEG 2000 and AVIF do not reach down to a few hundred bits"
)
_BLOCK = re.compile(r"(<!-- results -->\n).*?(<!-- end results -->)", re.DOTALL)


def read(path):
    """The rows of a `results.csv`: numbers as floats, empty cells as None."""
    with open(path, newline="", encoding="utf-8") as file:
        return [{key: _value(text) for key, text in row.items()} for row in csv.DictReader(file)]


def _value(text):
    try:
        return float(text) if text else None
    except ValueError:
        return text


def short(rows):
    """The README's table: per rate, PSNR, balanced judge and recognised faces of ours, and the best of the others."""
    lines = []
    for bits in BITS:
        cells = [_three(_find(rows, name, bits)) for name in OURS]
        others = [row for row in rows if row["bits"] and row["codec"] not in OURS and row["bits"] <= 1.05 * bits]
        best = max(others, key=lambda row: row["psnr"], default=None)
        cells.append("-" if best is None else f"{best['codec']} ({best['bits']:.0f} bits): {_three(best)}")
        lines.append([str(bits), *cells])
    original = next(row for row in rows if row["codec"] == "original")
    judge = f"- / {_share(original['judge_balanced'])} / 1"
    lines.append(["original", *[""] * len(OURS), judge])
    head = ["bits in the file", *OURS.values(), "nearest of the other formats"]
    return tables.markdown(head, lines)


def _find(rows, codec, bits):
    found = [row for row in rows if row["codec"] == codec and row["asked"] == bits]
    if not found:
        raise DataError(f"the results have no {codec} at {bits} bits; run elic bench with --bits {bits} among others")
    return found[0]


def _three(row):
    return f"{row['psnr']:.1f} / {_share(row['judge_balanced'])} / {_share(row['recognised'])}"


def _share(value):
    return "-" if value is None else f"{value:.2f}".lstrip("0") if value < 1 else f"{value:.0f}"


def page(folder, rows, command):
    """`docs/results.md`: what `elic bench` wrote to `results.md`, with a title, the command and the plot."""
    text = pathlib.Path(folder, "results.md").read_text(encoding="utf-8")
    faces = rows[0]["faces_of"]
    return f"# Everything beside everything\n\nMade by `{command}`.\n\n![{ALT}](rate_distortion.png)\n\n{text}".replace(
        f"{faces}\n", f"On {faces}.\n", 1
    )


def publish(folder, command, root=ROOT):
    """Copy the report in `folder` to `docs`, and renew the README's table."""
    folder, docs = pathlib.Path(folder), pathlib.Path(root, "docs")
    rows = read(folder / "results.csv")
    table = short(rows)
    (docs / "results.md").write_text(page(folder, rows, command), encoding="utf-8")
    for name in ("results.csv", "rate_distortion.png"):
        shutil.copyfile(folder / name, docs / name)
    readme = pathlib.Path(root, "README.md")
    text = readme.read_text(encoding="utf-8")
    readme.write_text(_BLOCK.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text), encoding="utf-8")


def main(argv=None):
    """The command line."""
    from elic_tf.guard import guard

    parser = argparse.ArgumentParser("python -m elic_tf.measure.publish", description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="that elic bench wrote to")
    parser.add_argument("--command", required=True, help="with which it did")
    arguments = parser.parse_args(argv)
    return guard(publish, arguments.folder, arguments.command)


if __name__ == "__main__":
    sys.exit(main())
