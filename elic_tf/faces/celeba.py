"""CelebA, in the layouts it is distributed in, at any image size.

Liu, Luo, Wang and Tang, "Deep Learning Face Attributes in the Wild", ICCV 2015.

    celeba/img_align_celeba/000001.jpg ...   178x218 officially; a copy of another size is read just as well
    celeba/list_attr_celeba.txt              number of images; 40 names; file name and 40 times -1 or 1
    celeba/identity_CelebA.txt               file name and the number of the person

Also read: tables as `.csv`, as Kaggle distributes them, tables in `Anno/`, images in `Img/img_align_celeba/`
    or
in `img_align_celeba/img_align_celeba/`. `list_eval_partition` is not used: see `load` for the split.
"""

import pathlib

import numpy as np

from elic_tf.errors import DataError
from elic_tf.faces import data_root, reading, splits
from elic_tf.faces.faceset import FaceSet

# Near-duplicates of other images: left in, one photograph could be in two splits.
NEAR_DUPLICATES = frozenset({"005476.jpg", "006800.jpg", "008966.jpg", "009497.jpg"})

_IMAGES = (
    "img_align_celeba/img_align_celeba",
    "img_align_celeba",
    "Img/img_align_celeba/img_align_celeba",
    "Img/img_align_celeba",
)


def load(root=None, split="train", size=64, limit=None, on_error="skip", cache=True) -> FaceSet:
    """The faces of CelebA, cropped to the face and resized to uint8 (n, size, size, 3).

    root: the folder that holds `celeba/`, or that folder itself; by default `data_root()`.
    split: "train", "validation", "test" (80, 10 and 10 % of the people, by a hash of the identity, so that
        any copy of the set puts a person in the same split) or "all".
    limit: at most so many files, the first by name.
    on_error: what to do about damaged or missing files and missing table lines: "skip" them with one warning,
        or "raise" a DataError.
    cache: keep the decoded pixels in a file, and memory-map it the next time.

    labels: the 40 attributes as bool, in lower snake case ("male", "eyeglasses", "five_o_clock_shadow", ...).
    DataError if the set is not there or is not in a layout known here.
    """
    home, images = find(root)
    _, people, identities = _table(home, "identity_CelebA")
    columns, rows, attributes = _table(home, "list_attr_celeba")
    present = {path.name for path in images.iterdir() if path.suffix.lower() in (".jpg", ".png")}

    names, problems = [], {}
    for name in sorted(present | rows.keys()):
        if name in NEAR_DUPLICATES:
            continue
        if name not in present:
            problems[name] = "missing"
        elif name not in rows:
            problems[name] = "no line in list_attr_celeba"
        elif name not in people:
            problems[name] = "no line in identity_CelebA"
        else:
            names.append(name)
    mask = splits.select([f"celeba:{identities[people[name], 0]}" for name in names], split)
    names = [name for name, chosen in zip(names, mask) if chosen][:limit]
    pixels, kept, bad = reading.read_images(images, names, size, "celeba", title="CelebA", cache=cache)
    reading.report("CelebA", problems | bad, on_error)
    if not len(kept):
        raise DataError(f"CelebA: no usable image of the split {split!r} in {images}")
    names = [names[i] for i in kept]
    table = attributes[[rows[name] for name in names]] > 0
    return FaceSet(
        name="celeba",
        images=pixels,
        labels={_snake(column): table[:, i] for i, column in enumerate(columns)},
        identities=identities[[people[name] for name in names], 0],
        names=names,
    )


def find(root=None) -> tuple[pathlib.Path, pathlib.Path]:
    """(the folder with the tables, the folder with the images), or a DataError that says how to get them."""
    base = data_root(root)
    for home in (base / "celeba", base / "CelebA", base):
        for images in _IMAGES:
            if (home / images).is_dir():
                return home, home / images
    raise DataError(
        f"no CelebA in {base} (looked for celeba/img_align_celeba); set ELIC_DATA to the folder that holds "
        "celeba/, or run `python -m elic_tf.faces.download celeba`"
    )


def _table(home, stem) -> tuple[list[str], dict[str, int], np.ndarray]:
    """(names of the columns, {file name: row}, values (rows, columns) int32) of `stem`.txt or `stem`.csv."""
    for path in (folder / f"{stem}{kind}" for folder in (home, home / "Anno") for kind in (".txt", ".csv")):
        if path.is_file():
            break
    else:
        why = "the split by person needs it" if stem.startswith("identity") else "the labels are in it"
        raise DataError(
            f"{home} has no {stem}.txt: {why}; it is in the folder Anno of the official download "
            "(https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html)"
        )
    separator = "," if path.suffix == ".csv" else None
    lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    columns = []
    if lines and len(lines[0].split(separator)) == 1:  # the official tables begin with the number of images
        lines = lines[1:]
    if lines and not lines[0].split(separator)[-1].strip().lstrip("-").isdigit():
        columns = [column.strip() for column in lines[0].split(separator) if column.strip() != "image_id"]
        lines = lines[1:]
    width = len(columns) or 1
    try:
        names, numbers = zip(*(line.split(separator, 1) for line in lines))
        values = np.loadtxt(numbers, np.int32, delimiter=separator, ndmin=2)
        if values.shape != (len(names), width):
            raise ValueError("another number of columns")
    except ValueError:
        raise DataError(
            f"{path} does not have a file name and {width} whole numbers in each line; fetch it again"
        ) from None
    return columns, {name.strip(): row for row, name in enumerate(names)}, values


def _snake(attribute: str) -> str:
    return attribute.lower().replace("5_o_clock", "five_o_clock")
