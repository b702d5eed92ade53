"""The report of `elic bench` as one HTML file: no script, no network, nothing beside it is needed."""

import base64
import html
import io
import pathlib

from elic_tf import __version__
from elic_tf.errors import MissingExtraError
from elic_tf.measure import report, tables

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: #fff; border-bottom: 2px solid #222; vertical-align: bottom; }
th, td { padding: 0.2rem 0.6rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
tr.first td { border-top: 1px solid #bbb; }
tr.ours { background: #eef4fb; }
td.best { font-weight: bold; }
img { max-width: 100%; }
div.wide { overflow-x: auto; }
p.command { font-family: monospace; background: #f4f4f4; padding: 0.5rem; }
@media (prefers-color-scheme: dark) {
  body, th { background: #1b1b1b; color: #ddd; } tr.ours { background: #26323f; } p.command { background: #2a2a2a; }
  img { background: #fff; }
}
"""
BETTER = {"psnr": max, "ssim": max, "ms_ssim": max, "frechet": min, "judge_balanced": max, "recognised": max}
"""Columns in which, among files of about one size, the best is set in bold, and which end of it is the better one."""


def write(path, about, rows, groups, ours, command, pictures):
    """Write the page to `path`, and return it.

    rows, groups: of `report.measure`; ours: names of the rows that are no baselines; command: what makes the page
    again; pictures: {alternative text: file, or PNG as bytes}.
    """
    parts = [
        f"<h1>{html.escape(about)}</h1>",
        f'<p>Extremely lossy image compression, elic_tf {__version__}. Made by</p><p class="command">'
        f"{html.escape(command)}</p>",
        *(_image(alt, picture) for alt, picture in pictures.items()),
        "<h2>Every codec at every rate</h2>",
        _rates(rows, ours),
        *(f"<p>{html.escape(text)}</p>" for text in report.notes(rows).split("\n\n")),
    ]
    if groups:
        parts += [f"<h2>Groups, at {groups[0]['asked']} bits</h2>", _table(*report.groups_table(groups))]
        parts.append(f"<p>{html.escape(report.GROUP_NOTES)}</p>")
    head = f"<meta charset=utf-8><title>{html.escape(about)}</title><style>{STYLE}</style>"
    page = f'<!doctype html><html lang="en"><head>{head}</head><body>' + "\n".join(parts) + "</body></html>\n"
    path = pathlib.Path(path)
    path.write_text(page, encoding="utf-8")
    return path


def _rates(rows, ours):
    columns = [column for column in report.COLUMNS if any(row[column] is not None for row in rows)]
    best = _best([row for row in rows if row["bits"]], columns)
    lines, before = [], None
    for row in rows:
        cells = []
        for column in columns:
            mark = ' class="best"' if (id(row), column) in best else ""
            cells.append(f"<td{mark}>{html.escape(tables.cell(row[column], column))}</td>")
        names = ["first"] * (row["codec"] != before) + ["ours"] * (row["codec"] in ours)
        before = row["codec"]
        lines.append(f'<tr class="{" ".join(names)}">{"".join(cells)}</tr>')
    return _wide([report.COLUMNS[column] for column in columns], lines)


def _best(rows, columns):
    """(id of the row, column) where no row whose files are at most an eighth larger is better."""
    found = set()
    for row in rows:
        rivals = [other for other in rows if other["bits"] <= 1.125 * row["bits"]]
        for column in set(columns) & BETTER.keys():
            values = [other[column] for other in rivals if other[column] is not None]
            if row[column] is not None and row[column] == BETTER[column](values):
                found.add((id(row), column))
    return found


def _table(head, lines):
    rows = ["<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in line) + "</tr>" for line in lines]
    return _wide(head, rows)


def _wide(head, rows):
    first = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    return f'<div class="wide"><table><thead><tr>{first}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _image(alt, picture):
    data = base64.b64encode(picture if isinstance(picture, bytes) else pathlib.Path(picture).read_bytes()).decode()
    return f'<p><img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{data}"></p>'


def portrait(codecs, names, bits, judge):
    """A portrait in the public domain as every codec shows it at `bits`, as PNG. MissingExtraError without packages."""
    try:
        from skimage import data
    except ImportError:
        raise MissingExtraError('the portrait comes with scikit-image: pip install "elic_tf[bench]"') from None
    from elic_tf.faces import photos
    from elic_tf.measure import compare

    face, _ = photos.align(data.astronaut())
    buffer = io.BytesIO()
    compare.picture(compare.compare(face, bits, codecs, names, judge), bits, buffer)
    return buffer.getvalue()
