"""The files that `elic_tf.measure.generative` writes: Markdown, CSV and a plot."""

import csv

from elic_tf.measure import realism
from elic_tf.measure.generative_opinions import EXACT

COLUMNS = {
    "codec": "decoder",
    "asked": "asked",
    "bits": "bits, mean",
    "bits_max": "bits, max",
    "psnr": "PSNR dB",
    "ssim": "SSIM",
    "frechet": "Fréchet distance, age network (95 %)",
    "kernel": "kernel distance, age network (95 %)",
    "judge": "judge",
    "judge_balanced": "judge, balanced",
    "kept_gender": "gender kept",
    "kept": "answers kept",
    "n": "faces",
}
DIGITS = {"bits": 1, "psnr": 2, "frechet": 2, "kernel": 3, "asked": 0, "bits_max": 0, "n": 0}
MEASURES = {"judge": "The judge is right (balanced)", "kept_gender": "Gender kept", "psnr": "PSNR, dB"}
SPACES = ("pixels", "age network")

RATE_NOTES = f"""Bits are sizes of files on disk. PSNR and SSIM are means of each face's own value; a face that comes
back exactly counts with {EXACT:g} dB.

Both distances are between the decoded faces and the originals as sets, in the features of a network that guesses ages
and that no model here was trained with; 0 is "cannot be told apart". They are not FID and KID. In brackets 95 %
intervals over people; "-" where there are not more faces than the network has features (256), or fewer than
{realism.GROUPS} people. "other people" are photographs of validation people: the distance between photographs. Samples
are decoded from draws of N(0, I) and are nobody's.

The judge is a gender classifier that took no part in any training; where it sees nothing it says "woman", so read the
balanced column, the mean over the two sexes. Kept: the share of faces about which a question answerer says the same
before and after; gender, and the mean over five questions (gender, eyeglasses, smile, hat, beard). Decoders that were
trained on the answerer's features ("sharp", and a VAE/GAN with `--extractor`) please it more than they should. Files
of "portrait" say the gender in about one bit: not the label, but what the same answerer's image tower saw in the
original. For its sharp decoder "gender kept" is therefore no evidence of its own; the judge is."""

GROUP_NOTES = """UTKFace does not say who is who: one person may be in it several times, and it cannot be shown that
nobody is in its training part, too, which the question answerer was trained on. Its race labels are partly
machine-made. Its faces are shown in CelebA's frame. Light is read from the picture: thirds of each set by the luminance
of the face, and by how much its left and right halves differ; light, exposure and skin are not told apart. A share of
n faces has a standard error of up to 50 / sqrt(n) percentage points: 5 for 100 faces."""

COPY_NOTES = """How close faces come to a training face of CelebA, mirrored or not, compared with how close photographs
of held-out people come (`elic_tf.measure.realism_copying`). Share: of faces closer than all but 1 % of those
photographs. p: of as many or more by chance; copied where that is below 0.001. z: far below 0 where faces are nearer to
the training faces than photographs are, as all blurred faces are; no part of the verdict."""


def markdown(about, left_out, rates, groups, copies, at):
    """Everything as one page. about: on which faces; at: bits of the groups and the copying check."""
    parts = ["# Generative models on faces of people they have not seen", about]
    if left_out:
        parts.append("Left out:\n\n" + "\n".join(f"- {why}" for why in left_out))
    parts += ["## Rate, likeness, realism, gender, answers", _rate_table(rates), RATE_NOTES]
    parts += ["![The same numbers as curves over the rate](generative.png)", f"## Groups, at {at} bits"]
    for column, title in MEASURES.items():
        parts += [f"### {title}", _group_table(groups, column)]
    parts += [GROUP_NOTES, f"## Copies of training faces, at {at} bits", _copy_table(copies), COPY_NOTES]
    return "\n\n".join(parts) + "\n"


def write_csv(path, rows, **same):
    """The columns that any row has, in the order in which they appear, after those that are the same in all."""
    columns = list(dict.fromkeys(column for row in rows for column in same | row))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(same | row for row in rows)


def plot(rows, path, about):
    """Curves over the rate: PSNR, Fréchet distance, judge, answers kept; one line for each decoder."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from elic_tf.course.figures import COLORS, MARKERS

    panels = {"psnr": "PSNR, dB", "frechet": "Fréchet distance, age network",
              "judge_balanced": "gender judge, balanced accuracy", "kept": "answers kept"}  # fmt: skip
    measured = [row for row in rows if row.get("bits") is not None]
    panels = {key: label for key, label in panels.items() if any(row.get(key) is not None for row in measured)}
    names = list(dict.fromkeys(row["codec"] for row in measured))
    figure = Figure(figsize=(4.2 * len(panels) + 1.8, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(about, fontsize=11)
    lines = {}
    for axes, (key, label) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items()):
        for i, name in enumerate(names):
            points = [row for row in measured if row["codec"] == name and row.get(key) is not None]
            if not points:
                continue
            points.sort(key=lambda row: row["bits"])
            bits, values = ([row[column] for row in points] for column in ("bits", key))
            style = {"color": COLORS[i % len(COLORS)], "marker": MARKERS[i % len(MARKERS)], "markersize": 5}
            lines[name] = axes.plot(bits, values, linestyle=("-", "--")[i // len(COLORS) % 2], **style)[0]
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


def _rate_table(rows):
    cells = [
        [_interval(row, c) if c in ("frechet", "kernel") else _cell(row.get(c), c) for c in COLUMNS] for row in rows
    ]
    return _table(COLUMNS.values(), cells)


def _group_table(rows, column):
    decoders = [name for name in dict.fromkeys(row["codec"] for row in rows)
                if any(row.get(column) is not None for row in rows if row["codec"] == name)]  # fmt: skip
    found = {(row["set"], row["group"], row["codec"]): row for row in rows}
    lines = []
    for faces, group in dict.fromkeys((row["set"], row["group"]) for row in rows):
        some = [found.get((faces, group, name), {}) for name in decoders]
        cells = [_cell(row.get(column), column) for row in some]
        if column == "judge":
            cells = [f"{cell} ({_cell(row.get('judge_balanced'))})" if row else cell for cell, row in zip(cells, some)]
        lines.append([faces, group, str(max(row.get("n", 0) for row in some)), *cells])
    return _table(["set", "group", "faces", *decoders], lines, left=2)


def _copy_table(rows):
    columns = ("share", "p", "copied", "z")
    lines = []
    for row in rows:
        cells = []
        for space in SPACES:
            share, p, copied, z = (row[f"{space} {column}"] for column in columns)
            cells += [f"{share:.3f}", f"{p:.1g}", "copied" if copied else "no", f"{z:.1f}"]
        lines.append([row["codec"], str(row["n"]), *cells])
    return _table(["faces of", "faces", *(f"{space}: {column}" for space in SPACES for column in columns)], lines)


def _table(head, lines, left=1):
    head = list(head)
    rule = ["---" if i < left else "---:" for i in range(len(head))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, rule, *lines))


def _interval(row, column):
    low, high = (_cell(row.get(f"{column}_{end}"), column) for end in ("low", "high"))
    return _cell(row.get(column), column) + ("" if row.get(column) is None else f" ({low} to {high})")


def _cell(value, column=""):
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.{DIGITS.get(column, 3)}f}"
