"""Rate and distortion of codecs and of today's formats over a set of faces: the table of `elic bench`.

Every number in a row is a mean over faces: of each face's own PSNR in dB (not the PSNR of the mean error), of
its SSIM, its MS-SSIM, and of the size of its file on disk.
"""

import csv
import pathlib

import numpy as np

from elic_tf.errors import DataError
from elic_tf.measure import baselines, distortion

RATES = (64, 96, 128, 192, 256, 384, 512, 1024)
COLUMNS = {
    "codec": "codec",
    "asked": "asked",
    "bits": "bits, mean",
    "bits_max": "bits, max",
    "bits_without_header": "bits without constant header",
    "psnr": "PSNR dB",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "judge": "judge",
    "judge_balanced": "judge, balanced",
    "n": "faces",
}


def about(face_set, split=""):
    """One line that says on which faces, of how many people, and of which split the numbers are."""
    people = "" if face_set.identities is None else f" of {len(np.unique(face_set.identities))} people"
    part = f", {split} split" if split else ""
    return f"{face_set.name}{part}: {len(face_set)} faces{people}, {face_set.size}x{face_set.size}"


def rate_distortion(codecs, face_set, bits=RATES, judge=None):
    """Measure each codec at each rate.

    codecs: objects with `name`, `encode(faces, bits=...)` and `decode(files)`, or names of baselines. A codec with
    several `decoders` gets rows for each, the first under its own name. A
    baseline is measured at its smallest and, per face, at its nearest to each rate (see `measure.baselines`);
    rates at which that gives the same files as before are left out. judge: a `GenderJudge`, asked where the
    faces are labelled "male". Returns one dict per row, with the keys of `COLUMNS`; None where a number does
    not exist.
    """
    if not len(face_set):
        raise DataError(f"{face_set.name} has no faces to measure on")
    originals = np.asarray(face_set.images, np.float32) / 255
    male = face_set.labels.get("male") if judge else None
    blank = dict.fromkeys(COLUMNS)
    rows = [blank | {"codec": "original", "n": len(originals)} | _opinion(originals, judge, male)]
    for codec in codecs:
        if isinstance(codec, str):
            rows += _baseline_rows(codec, face_set.images, originals, bits, judge, male)
            continue
        decoders = getattr(codec, "decoders", (None,))
        made = {decoder: [] for decoder in decoders}
        for rate in bits:
            files, decoded = through(codec, originals, rate, decoders)
            sizes = [8 * len(file) for file in files]
            for decoder, faces in decoded.items():
                name = codec.name if decoder == decoders[0] else f"{codec.name}, {decoder}"
                made[decoder].append(_row(name, rate, sizes, None, originals, faces, judge, male))
        rows += [row for each in made.values() for row in each]
    return rows


def write(rows, folder, about):
    """`results.csv`, `results.md` and `rate_distortion.png` into `folder`, which is made if needed.

    about: the line that says on which faces, see `about`. Returns the three paths.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("results.csv", "results.md", "rate_distortion.png")]
    with open(paths[0], "w", newline="") as file:
        writer = csv.DictWriter(file, ["faces_of", *COLUMNS])
        writer.writeheader()
        writer.writerows({"faces_of": about} | row for row in rows)
    paths[1].write_text(f"{about}\n\n{markdown(rows)}\n\n{NOTES}")
    _plot(rows, paths[2], about)
    return paths


NOTES = """Bits are file sizes on disk. PSNR, SSIM and MS-SSIM (three scales) are means of each face's own value.
Baselines: the best of all settings per face; "smallest" is the smallest file the format can make, a number
the rate it came nearest to. Bits without constant header is what would be left if both ends agreed on
everything that does not depend on the picture. The judge is a gender classifier that took no part in the
encoding; balanced is the mean over the two sexes.
"""


def markdown(rows):
    """The rows as a Markdown table; columns that no row fills are left out."""
    columns = [column for column in COLUMNS if any(row[column] is not None for row in rows)]
    lines = [[COLUMNS[column] for column in columns], ["---" if c == "codec" else "---:" for c in columns]]
    lines += [[_cell(column, row[column]) for column in columns] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(column, value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    digits = {"psnr": 2, "ssim": 3, "ms_ssim": 3, "judge": 3, "judge_balanced": 3, "bits": 1, "bits_without_header": 1}
    return f"{value:.{digits.get(column, 0)}f}"


def _baseline_rows(name, images, originals, bits, judge, male):
    rows, before = [], None
    for rate in ("smallest", *bits):
        coded = baselines.smallest(name, images) if rate == "smallest" else baselines.nearest(name, images, rate)
        files = [one.file for one in coded]
        if files == before:
            continue
        before = files
        decoded = np.stack([one.image for one in coded])
        bare = np.mean([one.bits_without_header for one in coded])
        rows.append(_row(name, rate, [one.bits for one in coded], bare, originals, decoded, judge, male))
    return rows


def through(codec, originals, rate, decoders, batch=128):
    """Files, and what each decoder makes of them: {decoder: faces}. The decoder None is that of a codec with one."""
    from tqdm.auto import tqdm

    files, decoded = [], {decoder: [] for decoder in decoders}
    starts = range(0, len(originals), batch)
    for start in tqdm(starts, f"{codec.name} {rate} bits", leave=False, disable=None):
        part = codec.encode(originals[start : start + batch], bits=rate)
        files += part
        for decoder, faces in decoded.items():
            faces.append(np.asarray(codec.decode(part, decoder=decoder) if decoder else codec.decode(part)))
    return files, {decoder: np.concatenate(faces) for decoder, faces in decoded.items()}


def _row(name, asked, sizes, bare, originals, decoded, judge, male):
    large = min(originals.shape[1:3]) >= 44
    return {
        "codec": name,
        "asked": asked,
        "bits": float(np.mean(sizes)),
        "bits_max": int(np.max(sizes)),
        "bits_without_header": None if bare is None else float(bare),
        "psnr": float(distortion.psnr(originals, decoded).mean()),
        "ssim": float(distortion.ssim(originals, decoded).mean()),
        "ms_ssim": float(distortion.ms_ssim(originals, decoded).mean()) if large else None,
        **_opinion(decoded, judge, male),
        "n": len(originals),
    }


def _opinion(faces, judge, male):
    if male is None:
        return {"judge": None, "judge_balanced": None}
    from elic_tf.measure import judges

    plain, balanced = judges.accuracy(judge.male(faces), male)
    return {"judge": plain, "judge_balanced": balanced}


def _plot(rows, path, about):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = {"psnr": "PSNR, dB", "ssim": "SSIM", "judge_balanced": "gender judge, balanced accuracy"}
    panels = {key: label for key, label in panels.items() if any(row[key] is not None and row["bits"] for row in rows)}
    names = list(dict.fromkeys(row["codec"] for row in rows if row["bits"]))
    figure = Figure(figsize=(4.6 * len(panels) + 1.4, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(about, fontsize=11)
    known = baselines.names(available=False)
    for number, (key, label) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), number + 1)
        for name in names:
            ours = name not in known
            points = sorted((row["bits"], row[key]) for row in rows if row["codec"] == name)
            colour = "black" if ours and names.index(name) == 0 else f"C{names.index(name)}"
            style = {"linewidth": 2.5, "marker": "o"} if ours else {"linewidth": 1.2, "marker": "s", "markersize": 4}
            axes.plot(*zip(*points), label=name, color=colour, **style)
        original = next((row[key] for row in rows if row["codec"] == "original"), None)
        if original is not None:
            axes.axhline(original, color="grey", linestyle=":", label="original")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("bits per face, file on disk (mean)")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=9)
    figure.savefig(path, dpi=150)
