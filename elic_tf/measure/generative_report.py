"""The files that `elic_tf.measure.generative` writes: Markdown, CSV and a plot."""

from elic_tf.measure import realism, tables
from elic_tf.measure.opinions import EXACT

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


PANELS = {"psnr": "PSNR, dB", "frechet": "Fréchet distance, age network",
          "judge_balanced": "gender judge, balanced accuracy", "kept": "answers kept"}  # fmt: skip


def _rate_table(rows):
    cells = [
        [_interval(row, c) if c in ("frechet", "kernel") else tables.cell(row.get(c), c) for c in COLUMNS]
        for row in rows
    ]
    return tables.markdown(COLUMNS.values(), cells)


def _group_table(rows, column):
    decoders = [name for name in dict.fromkeys(row["codec"] for row in rows)
                if any(row.get(column) is not None for row in rows if row["codec"] == name)]  # fmt: skip
    found = {(row["set"], row["group"], row["codec"]): row for row in rows}
    lines = []
    for faces, group in dict.fromkeys((row["set"], row["group"]) for row in rows):
        some = [found.get((faces, group, name), {}) for name in decoders]
        cells = [tables.cell(row.get(column), column) for row in some]
        if column == "judge":
            cells = [
                f"{cell} ({tables.cell(row.get('judge_balanced'))})" if row else cell for cell, row in zip(cells, some)
            ]
        lines.append([faces, group, str(max(row.get("n", 0) for row in some)), *cells])
    return tables.markdown(["set", "group", "faces", *decoders], lines, left=2)


def _copy_table(rows):
    columns = ("share", "p", "copied", "z")
    lines = []
    for row in rows:
        cells = []
        for space in SPACES:
            share, p, copied, z = (row[f"{space} {column}"] for column in columns)
            cells += [f"{share:.3f}", f"{p:.1g}", "copied" if copied else "no", f"{z:.1f}"]
        lines.append([row["codec"], str(row["n"]), *cells])
    return tables.markdown(
        ["faces of", "faces", *(f"{space}: {column}" for space in SPACES for column in columns)], lines
    )


def _interval(row, column):
    low, high = (tables.cell(row.get(f"{column}_{end}"), column) for end in ("low", "high"))
    return tables.cell(row.get(column), column) + ("" if row.get(column) is None else f" ({low} to {high})")
