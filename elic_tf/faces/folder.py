"""Any folder of images, with an optional CSV of labels: your own faces, or a set not known here."""

import csv as csv_format
import pathlib

import numpy as np

from elic_tf.errors import DataError
from elic_tf.faces import reading, splits
from elic_tf.faces.faceset import FaceSet

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})


def load(
    path,
    csv=None,
    size=64,
    *,
    file_column=None,
    label_columns=None,
    identity_column=None,
    split="all",
    fractions=None,
    crop="center",
    limit=None,
    on_error="skip",
    cache=True,
) -> FaceSet:
    """Every image below the folder `path`, cropped and resized to uint8 (n, size, size, 3), in order of name.

    csv: a file with a header line. `file_column` (the first by default) holds paths relative to the folder,
        or bare file names where these are unique; `label_columns` (by default all others) become labels: int,
        float or bool where every entry is one (an empty entry makes NaN), else str.
    identity_column: who it is. Then a split is by person; without it, by file name.
    split, fractions: "all", or a name in `fractions`, {"train": 0.8, "validation": 0.1, "test": 0.1} by
        default.
    crop: "center" takes the largest square, "celeba" what the CelebA reader takes, "none" squeezes the whole
        image.
    limit, on_error, cache: as `celeba.load`.

    DataError if the folder, the CSV or one of its columns is missing.
    """
    root = pathlib.Path(path).expanduser()
    if not root.is_dir():
        raise DataError(f"there is no folder {root}")
    present = sorted(
        file.relative_to(root).as_posix()
        for file in root.rglob("*")
        if file.suffix.lower() in _IMAGES and not file.name.startswith(".")
    )
    names, rows, problems = present, {}, {}
    if csv is not None:
        columns, rows, problems = _read_csv(pathlib.Path(csv).expanduser(), file_column, present)
        problems |= {name: "no line in the CSV" for name in present if name not in rows | problems}
        names = [name for name in present if name in rows]
        label_columns = _labels(columns, label_columns, identity_column)
    elif label_columns or identity_column:
        raise DataError("label_columns and identity_column need csv=, the file they are in")

    people = [rows[name][identity_column] for name in names] if identity_column else names
    mask = splits.select([f"{root.name}:{person}" for person in people], split, fractions)
    names = [name for name, chosen in zip(names, mask) if chosen][:limit]
    pixels, kept, bad = reading.read_images(root, names, size, crop, title=root.name, cache=cache)
    reading.report(root.name, problems | bad, on_error)
    if not len(kept):
        raise DataError(f"no usable image of the split {split!r} in {root}")
    names = [names[i] for i in kept]

    def column(title):
        return _typed([rows[name][title] for name in names])

    return FaceSet(
        name=root.name,
        images=pixels,
        labels={title: column(title) for title in label_columns or ()},
        identities=column(identity_column) if identity_column else None,
        names=names,
    )


def _read_csv(path, file_column, present):
    """(column names without the file's, {name: {column: text}}, {name: what is wrong})."""
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv_format.DictReader(file, restval="")
        try:
            titles, lines = list(reader.fieldnames or ()), list(reader)
        except (UnicodeDecodeError, csv_format.Error) as error:
            raise DataError(f"{path} is not a CSV file in UTF-8: {error}") from None
    file_column = file_column or (titles[0] if titles else "file")
    _require(titles, [file_column], path)

    by_name = {name: name for name in present}
    bare: dict[str, list[str]] = {}
    for name in present:
        bare.setdefault(pathlib.PurePosixPath(name).name, []).append(name)
    by_name = {short: full[0] for short, full in bare.items() if len(full) == 1} | by_name

    rows, problems = {}, {}
    for line in lines:
        listed = line[file_column].strip()
        name = by_name.get(listed.removeprefix("./").replace("\\", "/"))
        if name is None:
            problems[listed] = "name in several folders" if len(bare.get(listed, ())) > 1 else "missing"
        elif name in rows:
            problems[name] = "two lines in the CSV"
        else:
            rows[name] = line
    for name in problems.keys() & rows.keys():
        del rows[name]
    return [title for title in titles if title != file_column], rows, problems


def _labels(columns, wanted, identity_column):
    if identity_column:
        _require(columns, [identity_column], "the CSV")
    if wanted is None:
        return [title for title in columns if title != identity_column]
    _require(columns, wanted, "the CSV")
    return list(wanted)


def _require(titles, wanted, where):
    for title in wanted:
        if title not in titles:
            raise DataError(f"{where} has no column {title!r}; it has {', '.join(titles) or 'no header line'}")


def _typed(texts) -> np.ndarray:
    """A column of text as bool, int or float where every entry is one, else as it is."""
    texts = [text.strip() for text in texts]
    if {text.lower() for text in texts} <= {"true", "false"}:
        return np.array([text.lower() == "true" for text in texts])
    for kind, entries in ((np.int64, texts), (np.float64, [text or "nan" for text in texts])):
        try:
            return np.array([kind(entry) for entry in entries])
        except (ValueError, OverflowError):
            continue
    return np.array(texts)
