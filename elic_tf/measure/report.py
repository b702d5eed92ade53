"""How good codecs and today's formats are over a set of faces: the tables and plots of `elic bench`.

Every number in a row is a mean over faces: of each face's own PSNR in dB (not the PSNR of the mean error), of
its SSIM, its MS-SSIM, of the size of its file on disk, and of what `opinions.Reference` asks about it. Only the
Fréchet distance is one of the set as a whole.
"""

import pathlib

import numpy as np

from elic_tf.measure import baselines, tables
from elic_tf.measure.opinions import Reference, group_rows, means

RATES = (64, 96, 128, 192, 256, 384, 512, 1024)
GROUPS_AT = 256
"""Bits at which groups are looked at, or the nearest to it that is asked for."""
COLUMNS = {
    "codec": "codec",
    "asked": "asked",
    "bits": "bits, mean",
    "bits_max": "bits, max",
    "bits_without_header": "bits without constant header",
    "psnr": "PSNR dB",
    "ssim": "SSIM",
    "ms_ssim": "MS-SSIM",
    "frechet": "Fréchet distance, age network",
    "judge": "judge",
    "judge_balanced": "judge, balanced",
    "kept_gender": "gender kept",
    "kept": "answers kept",
    "recognised": "recognised",
    "same_person": "same person",
    "n": "faces",
}


def about(face_set, split=""):
    """One line that says on which faces, of how many people, and of which split the numbers are."""
    people = "" if face_set.identities is None else f" of {len(np.unique(face_set.identities))} people"
    part = f", {split} split" if split else ""
    return f"{face_set.name}{part}: {len(face_set)} faces{people}, {face_set.size}x{face_set.size}"


def rate_distortion(codecs, face_set, bits=RATES, judge=None):
    """The rows of `measure` with PSNR, SSIM, MS-SSIM and, with a `GenderJudge`, its opinion."""
    return measure(codecs, Reference(face_set, judge), bits)[0]


def measure(codecs, reference, bits=RATES, photographs=None):
    """Measure each codec at each rate: (rows, groups), dictionaries with the keys of `COLUMNS` and others.

    codecs: objects with `name`, `encode(faces, bits=...)` and `decode(files)`, or names of baselines. A codec with
    several `decoders` gets rows for each. A baseline is measured at its smallest and, per face, at its nearest to each
    rate (see `measure.baselines`); rates at which that gives the same files as before are left out. reference: the
    faces, and whom to ask about them. photographs: `opinions.Photographs`, for the distance of the decoded faces as a
    set. None stands where a number does not exist. groups: of our codecs, see `GROUPS_AT`.
    """
    face_set, originals = reference.faces, reference.originals
    numbers = [rate for rate in bits if rate]
    at = min(numbers, key=lambda rate: abs(rate - GROUPS_AT)) if numbers else None
    blank = dict.fromkeys(COLUMNS)
    before = reference.each_original()
    rows, at_rate = [blank | {"codec": "original", "n": len(originals)} | means(before)], {"original": before}
    for codec in codecs:
        mine = {}
        for name, rate, sizes, bare, decoded in _coded(codec, face_set, originals, bits):
            each = reference.each(decoded)
            row = {"codec": name, "asked": rate, "bits": float(np.mean(sizes)), "bits_max": int(np.max(sizes))}
            row["bits_without_header"] = None if bare is None else float(bare)
            distances = photographs.of(decoded, face_set.identities) if photographs else {}
            mine.setdefault(name, []).append(blank | row | means(each) | distances)
            if rate == at and not isinstance(codec, str):
                at_rate[name] = each
        rows += [row for each in mine.values() for row in each]
    groups = group_rows(face_set.name, face_set, at_rate) if "male" in face_set.labels and len(at_rate) > 1 else []
    return rows, [{"asked": at} | row for row in groups]


def write(rows, folder, about, groups=()):
    """`results.csv`, `results.md` and `rate_distortion.png` into `folder`, which is made if needed; their paths.

    about: the line that says on which faces, see `about`. With groups, also `groups.csv`, and a table in `results.md`.
    """
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in ("results.csv", "results.md", "rate_distortion.png")]
    tables.write_csv(paths[0], rows, faces_of=about)
    parts = [about, markdown(rows), notes(rows)]
    if groups:
        paths.append(folder / "groups.csv")
        tables.write_csv(paths[-1], groups, faces_of=about)
        parts += [f"## Groups, at {groups[0]['asked']} bits", tables.markdown(*groups_table(groups)), GROUP_NOTES]
    paths[1].write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    tables.plot(rows, paths[2], about, PANELS)
    return paths


PANELS = {
    "psnr": "PSNR, dB",
    "ssim": "SSIM",
    "frechet": "Fréchet distance, age network",
    "judge_balanced": "gender judge, balanced accuracy",
    "kept": "answers kept",
    "recognised": "recognised among all",
}
NOTES = {
    "psnr": """Bits are file sizes on disk. PSNR, SSIM and MS-SSIM (three scales) are means of each face's own value.
Baselines: the best of all settings per face; "smallest" is the smallest file the format can make, a number
the rate it came nearest to. Bits without constant header is what would be left if both ends agreed on
everything that does not depend on the picture.""",
    "frechet": """Fréchet distance: between the decoded faces and the originals as sets, in the features of a network
that guesses ages and that no model here was trained with; 0 is "cannot be told apart". It is not FID.""",
    "judge": """The judge is a gender classifier that took no part in the encoding; balanced is the mean over the two
sexes. Where it sees nothing it says "woman".""",
    "kept": """Kept: the share of faces about which our question answerer says the same before and after; gender, and
the mean over five questions. The sharp decoder was trained on the answerer's features and pleases it more
than it should; files of "portrait" say the gender themselves.""",
    "recognised": """Recognised: the share of decoded faces whose own photograph is the nearest of all these
photographs, to dlib's face recognition network, which no model here was trained with. Same person: the share
that this network takes for the person in the photograph (distance below 0.6), as it does with some strangers.""",
}
GROUP_NOTES = """A share of n faces has a standard error of up to 50 / sqrt(n) percentage points: 5 for 100 faces. Light
is read from the picture: thirds of the set by the luminance of the face, and by how much its halves differ."""


def notes(rows):
    """What the columns that any row fills mean, in Markdown."""
    return "\n\n".join(text for column, text in NOTES.items() if any(row.get(column) is not None for row in rows))


def markdown(rows):
    """The rows as a Markdown table; columns that no row fills are left out."""
    columns = [column for column in COLUMNS if any(row[column] is not None for row in rows)]
    return tables.markdown([COLUMNS[c] for c in columns], [[tables.cell(row[c], c) for c in columns] for row in rows])


GROUP_COLUMNS = {"psnr": "PSNR dB", "judge": "judge", "kept": "answers kept", "recognised": "recognised"}


def groups_table(groups):
    """(head, lines): one line for each group, in which every codec has the numbers that exist."""
    columns = [column for column in GROUP_COLUMNS if any(row.get(column) is not None for row in groups)]
    pairs = [(name, column) for name in dict.fromkeys(row["codec"] for row in groups) for column in columns]
    found = {(row["group"], row["codec"]): row for row in groups}
    pairs = [(name, c) for name, c in pairs if any(found[key].get(c) is not None for key in found if key[1] == name)]
    head = ["group", "faces", *(f"{name}: {GROUP_COLUMNS[column]}" for name, column in pairs)]
    lines = []
    for group in dict.fromkeys(row["group"] for row in groups):
        n = max(row.get("n", 0) for row in groups if row["group"] == group)
        lines.append([group, str(n), *(tables.cell(found[group, name].get(c), c) for name, c in pairs)])
    return head, lines


def _coded(codec, face_set, originals, bits):
    """(name, asked, sizes in bits, mean of bits without header or None, decoded faces), for each decoder and rate."""
    if isinstance(codec, str):
        before = None
        for rate in ("smallest", *bits):
            one = baselines.smallest(codec, face_set.images) if rate == "smallest" else None
            coded = one or baselines.nearest(codec, face_set.images, rate)
            files = [each.file for each in coded]
            if files != before:
                bare = np.mean([each.bits_without_header for each in coded])
                yield codec, rate, [each.bits for each in coded], bare, np.stack([each.image for each in coded])
            before = files
        return
    decoders = getattr(codec, "decoders", (None,))
    for rate in bits:
        files, decoded = through(codec, originals, rate, decoders)
        for decoder, faces in decoded.items():
            name = codec.name if len(decoders) == 1 else f"{codec.name}, {decoder}"
            yield name, rate, [8 * len(file) for file in files], None, faces


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
