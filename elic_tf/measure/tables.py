"""Rows of numbers, one dictionary for each codec at each rate, as CSV, as Markdown, and as curves over the rate."""

import csv

DIGITS = {"bits": 1, "psnr": 2, "frechet": 2, "kernel": 3, "asked": 0, "bits_max": 0, "n": 0, "bits_without_header": 1}
"""Decimals of a column, where they are not three."""
MOST_PANELS = 4
"""In a row of a plot."""


def write_csv(path, rows, **same):
    """The columns that any row has, in the order in which they appear, after those that are the same in all."""
    columns = list(dict.fromkeys(column for row in rows for column in same | row))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(same | row for row in rows)


def plot(rows, path, about, panels):
    """Curves over the rate in `panels`, {column: label}, those that any row fills; one line for each codec."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from elic_tf.course.figures import COLORS, MARKERS

    measured = [row for row in rows if row.get("bits") is not None]
    panels = {key: label for key, label in panels.items() if any(row.get(key) is not None for row in measured)}
    names = list(dict.fromkeys(row["codec"] for row in measured))
    lines_of = -(-len(panels) // MOST_PANELS)
    columns = -(-len(panels) // lines_of)
    figure = Figure(figsize=(4.2 * columns + 1.8, 4.4 * lines_of), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(about, fontsize=11)
    lines = {}
    for number, (key, label) in enumerate(panels.items()):
        axes = figure.add_subplot(lines_of, columns, number + 1)
        for i, name in enumerate(names):
            points = [row for row in measured if row["codec"] == name and row.get(key) is not None]
            if not points:
                continue
            points.sort(key=lambda row: row["bits"])
            bits, values = ([row[column] for row in points] for column in ("bits", key))
            round_of = i // len(COLORS)
            marker = MARKERS[(i + 3 * round_of) % len(MARKERS)]  # a colour comes again with other marks and dashed
            style = {"color": COLORS[i % len(COLORS)], "marker": marker, "markersize": 5}
            lines[name] = axes.plot(bits, values, linestyle=("-", "--")[round_of % 2], **style)[0]
            if key == "frechet":
                low, high = ([row[f"frechet_{end}"] for row in points] for end in ("low", "high"))
                axes.fill_between(bits, low, high, color=style["color"], alpha=0.15, linewidth=0)
        original = next((row[key] for row in rows if row["codec"] == "original" and row.get(key) is not None), None)
        if original is not None:
            lines["original"] = axes.axhline(original, color="grey", linestyle=":")
        if key == "frechet":
            axes.set_ylim(bottom=0)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set(xlabel="bits per face, file on disk (mean)", ylabel=label)
        axes.grid(alpha=0.3)
    figure.legend(lines.values(), lines, loc="outside right center", fontsize=9)
    figure.savefig(path, dpi=150)


def markdown(head, lines, left=1):
    """A Markdown table of strings; the first `left` columns are aligned to the left, the others to the right."""
    head = list(head)
    rule = ["---" if i < left else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))


def cell(value, column=""):
    """A number as it stands in a table; "-" for None."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.{DIGITS.get(column, 3)}f}"
