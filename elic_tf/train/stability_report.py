"""Tables, curves and samples of `python -m elic_tf.train.stability`.

A row is a dictionary: variant, seed, verdict ("alive", "collapsed" or "ill"), symptoms, and the numbers of `COLUMNS`.
"""

import csv

import numpy as np

from elic_tf.train import experiments, health

COLUMNS = {
    "variant": ("variant", None),
    "seed": ("seed", None),
    "verdict": ("verdict", None),
    "diversity": ("diversity", 2),
    "spectrum": ("Fréchet", 1),
    "real_right": ("right, real", 2),
    "fake_right": ("right, fake", 2),
    "likeness": ("likeness", 3),
    "bits": ("bits", 1),
    "db": ("dB, draw", 2),
    "psnr": ("PSNR dB", 2),
    "minutes": ("minutes", 1),
}
"""Titles and digits."""
NOTES = f"""Collapsed: samples less than {health.COLLAPSED} times as far apart as faces. Ill: other symptoms.

- diversity: mean distance of generated faces over that of faces.
- Fréchet: plain Fréchet distance of generated faces to validation faces, in the luminance spectrum.
- right: share of real and of generated faces that the discriminator is right about, over the last epoch.
- likeness: share of Dis_l that is wrong; dB, draw: of training faces, from a draw of z. Both over the last epoch.
- bits: KL per face; PSNR: through the mean of the posterior. Both on validation faces.
- minutes: of training alone, on the machine it ran on."""


def place(out, row):
    """The folder of a run."""
    return out / row["variant"] / f"seed_{row['seed']}"


def summary(rows):
    """A row for each variant: (mean, standard deviation) over its seeds, and how many of them are alive."""
    found = []
    for variant in _variants(rows):
        mine = [row for row in rows if row["variant"] == variant]
        alive = sum(row["verdict"] == "alive" for row in mine)
        found.append({"variant": variant, "verdict": f"{alive} of {len(mine)} alive"})
        for name, (_, digits) in COLUMNS.items():
            values = [row[name] for row in mine if digits and row.get(name) is not None]
            if values:
                found[-1][name] = np.mean(values), np.std(values, ddof=1) if len(values) > 1 else None
    return found


def report(rows, out, intro):
    """Write `stability.csv`, `stability.md` and `stability.png` into `out`; returns the text."""
    spread = summary(rows)
    with open(out / "stability.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "symptoms"])
        writer.writeheader()
        writer.writerows(rows)
        for number, name in enumerate(("mean", "standard deviation")):
            for line in spread:
                values = {key: value[number] for key, value in line.items() if isinstance(value, tuple)}
                writer.writerow({"variant": line["variant"], "seed": name} | values)
    counts = {each: sum(row["verdict"] == each for row in rows) for each in ("alive", "collapsed", "ill")}
    verdict = "No collapse" if not counts["collapsed"] else f"{counts['collapsed']} collapsed"
    verdict += f" in {len(rows)} runs; {counts['alive']} alive, {counts['ill']} ill otherwise."
    symptoms = [f"- {row['variant']}, seed {row['seed']}: {row['symptoms']}" for row in rows if row["symptoms"]]
    parts = ["# Stability", intro, verdict, "Means ± standard deviations over seeds:",
             experiments.markdown(spread, COLUMNS), "Each run:", experiments.markdown(rows, COLUMNS),
             "\n".join(symptoms), NOTES]  # fmt: skip
    text = "\n\n".join(part for part in parts if part)
    (out / "stability.md").write_text(text + "\n")
    runs = {(row["variant"], row["seed"]): health.read(place(out, row) / "health.csv") for row in rows}
    plot(runs).savefig(out / "stability.png")
    return text


def plot(runs):
    """A figure: diversity, and how often the discriminator is right, of all runs. runs: {(variant, seed): rows}."""
    from matplotlib.figure import Figure

    from elic_tf.course.figures import COLORS

    figure = Figure(figsize=(11, 4.2), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    variants = list(dict.fromkeys(variant for variant, _ in runs))
    for (variant, _), rows in runs.items():
        kind, color = divmod(variants.index(variant), len(COLORS))
        # One entry of the legend for all seeds.
        label = None if variant in left.get_legend_handles_labels()[1] else variant
        style = {"color": COLORS[color], "linestyle": ("-", "--", ":")[kind], "linewidth": 1.2}
        share = [row["epoch"] / rows[-1]["epoch"] for row in rows]
        left.plot(share, [row["diversity"] for row in rows], label=label, **style)
        if "real_right" in rows[0]:
            right.plot(share, [(row["real_right"] + row["fake_right"]) / 2 for row in rows], **style)
    left.axhline(health.COLLAPSED, color="grey", linewidth=0.8)
    left.set(title="diversity of samples over that of faces", ylim=(0, 1.3))
    right.set(title="discriminator is right, real and fake", ylim=(0.45, 1.02))
    for axes in (left, right):
        axes.set_xlabel("share of the training")
        axes.grid(alpha=0.3)
    figure.legend(*left.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure


def pictures(rows, out, adversarial):
    """Two rows of samples of each seed as `samples.png`, in the folder of each variant; `health.png` of `adversarial`
    ones."""
    from PIL import Image

    for variant in _variants(rows):
        runs = {f"seed {row['seed']}": place(out, row) for row in rows if row["variant"] == variant}
        sheets = [np.asarray(Image.open(folder / "samples.png")) for folder in runs.values()]
        Image.fromarray(np.concatenate([each[: len(each) // 4] for each in sheets])).save(out / variant / "samples.png")
        if variant in adversarial:
            curves = {name: health.read(folder / "health.csv") for name, folder in runs.items()}
            health.plot(curves).savefig(out / variant / "health.png")


def _variants(rows):
    return list(dict.fromkeys(row["variant"] for row in rows))
