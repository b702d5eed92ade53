"""For whom a codec works, and in which light: the groups of a face set."""

import numpy as np

AGE_BANDS = ((16, 25), (25, 35), (35, 45), (45, 55), (55, 65), (65, 200))
"""Years, from and before."""
FACE = (16 / 64, 20 / 64, 48 / 64, 52 / 64)
"""Left, top, right and bottom of the face, eyebrows to lower lip, in crops framed as CelebA's."""
BRIGHTNESS = ("dark", "medium", "bright")
DIRECTION = ("even light", "between", "one-sided light")
LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)


def groups(faces):
    """{name: mask (n,)} of a FaceSet labelled "male": all, the sexes, age bands and race labels if any, the light.

    The sexes add up to all, and so do the age bands (from 16 years), the race labels, and each kind of light.
    """
    return people(faces) | {name: mask for name, mask in lighting(faces.images).items() if mask.any()}


def people(faces):
    """`groups` without the light."""
    labels = faces.labels
    found = {"all": np.ones(len(faces), bool), "women": ~labels["male"], "men": labels["male"]}
    if "age" in labels:
        for low, high in AGE_BANDS:
            name = f"age {low}-{high - 1}" if high < 200 else f"age {low}+"
            found[name] = (labels["age"] >= low) & (labels["age"] < high)
    if "race" in labels:
        found |= {str(race): labels["race"] == race for race in np.unique(labels["race"])}
    return {name: mask for name, mask in found.items() if mask.any()}


def lighting(images):
    """{name: mask (n,)}: thirds of faces (n, size, size, 3) uint8, by how bright they are, and by how evenly lit.

    Both are read from the picture, from the luminance inside `FACE` (0.299 R + 0.587 G + 0.114 B of the values as they
    are stored): its mean, and |left - right| / (left + right) for the means of the two halves. "dark", "medium",
    "bright" are the thirds of the first, "even light", "between", "one-sided light" those of the second; ranks, so each
    third is a third of this set, and the thirds of two sets are not the same light.

    A picture does not say why a face is dark: light, exposure and skin are not told apart. A head that is turned, or
    hair over half the face, looks one-sided, too.
    """
    left, top, right, bottom = (round(edge * images.shape[1]) for edge in FACE)
    luminance = images[:, top:bottom, left:right].astype(np.float32) @ LUMINANCE
    middle = luminance.shape[2] // 2
    one, other = luminance[:, :, :middle].mean((1, 2)), luminance[:, :, middle:].mean((1, 2))
    uneven = np.abs(one - other) / np.maximum(one + other, 1)
    return _thirds(one + other, BRIGHTNESS) | _thirds(uneven, DIRECTION)


def _thirds(values, names):
    rank = np.empty(len(values), int)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return {name: rank * 3 // len(values) == third for third, name in enumerate(names)}
