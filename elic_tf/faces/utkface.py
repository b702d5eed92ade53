"""UTKFace: faces whose file names say age, gender and race.

Zhang, Song and Qi, "Age Progression/Regression by Conditional Adversarial Autoencoder", CVPR 2017.

File names are `age_gender_race_date.jpg.chip.jpg` (or plain `.jpg`), gender 0 male, 1 female. A few official
files
have no race in their name: they are reported, not guessed.
"""

import pathlib
import re

import numpy as np

from elic_tf.errors import DataError
from elic_tf.faces import data_root, reading, splits
from elic_tf.faces.faceset import FaceSet

RACES = ("white", "black", "asian", "indian", "other")
FRACTIONS = {"train": 0.9, "validation": 0.1}
_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_(?P<date>\d+) ?\.?jpe?g(\.chip\.jpe?g)?", re.I)
_FOLDERS = ("utkface", "UTKFace", ".", "crop_part1")


def load(root=None, split="train", size=64, limit=None, on_error="skip", cache=True, min_age=16) -> FaceSet:
    """The faces of UTKFace, whole, resized to uint8 (n, size, size, 3).

    root, limit, on_error, cache: as `celeba.load`.
    split: "train" (90 %), "validation" or "all", by a hash of the file name. The set does not say who is who,
        so the split cannot be shown to be person-disjoint: there is no "test"; train and validate with it
        only.
    min_age: leave out younger faces; 0 keeps all.

    labels: "age" (int, years), "male" (bool), "race" (str, one of RACES; partly machine-made, not audited).
    DataError if the set is not there.
    """
    if split == "test":
        raise DataError("UTKFace has no test split, as it does not say who is who; report on CelebA's test people")
    images = find(root)
    names, facts, problems = [], [], {}
    for name in sorted(path.name for path in images.iterdir() if path.suffix.lower() in (".jpg", ".jpeg")):
        if not (parsed := _NAME.fullmatch(name)):
            problems[name] = "not named age_gender_race_date"
        elif int(parsed["age"]) >= min_age:
            names.append(name)
            facts.append(parsed)
    # Without the ending: `.jpg` and `.jpg.chip.jpg` are the same face in two distributions.
    keys = ["utkface:{age}_{gender}_{race}_{date}".format(**parsed.groupdict()) for parsed in facts]
    chosen = np.flatnonzero(splits.select(keys, split, FRACTIONS))[:limit]
    names, facts = [names[i] for i in chosen], [facts[i] for i in chosen]
    pixels, kept, bad = reading.read_images(images, names, size, "center", title="UTKFace", cache=cache)
    reading.report("UTKFace", problems | bad, on_error)
    if not len(kept):
        raise DataError(f"UTKFace: no usable image of the split {split!r} in {images}")
    facts = [facts[i] for i in kept]
    return FaceSet(
        name="utkface",
        images=pixels,
        labels={
            "age": np.array([int(parsed["age"]) for parsed in facts], np.int16),
            "male": np.array([parsed["gender"] == "0" for parsed in facts]),
            "race": np.array([RACES[int(parsed["race"])] for parsed in facts]),
        },
        identities=None,
        names=[names[i] for i in kept],
    )


def find(root=None) -> pathlib.Path:
    """The folder with the images, or a DataError that says how to get them."""
    base = data_root(root)
    for images in (base / folder for folder in _FOLDERS):
        if images.is_dir() and any(_NAME.fullmatch(path.name) for path in images.iterdir()):
            return images
    raise DataError(
        f"no UTKFace in {base} (looked for utkface/<age>_<gender>_<race>_<date>.jpg.chip.jpg); set ELIC_DATA "
        "to the folder that holds utkface/, or run `python -m elic_tf.faces.download utkface`"
    )
