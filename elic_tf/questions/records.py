"""Face records: what can be asked about a face, in one vocabulary for every face set.

A record is a plain mapping, attribute -> value, with the attributes and values of `FACTS`. What is not known is
not in the record: an attribute that the set does not label, that its labels contradict (CelebA faces with two hair
colours), that lies between the values (a slight smile), or that cannot be seen (the hair under a headscarf).

    records.from_faces(celeba.load(split="test"))[0]
    {"gender": "woman", "smiling": "yes", "eyeglasses": "no", "hat": "no", "hair_color": "blond", ...}

Left out are CelebA's judgements of taste and shape ("attractive", "big_nose", "chubby", "pale_skin", ...). "gender" is
gender presentation as the sets label it, in two values; it says nothing of how a person would describe themselves.
Words follow the spelling of the official VQA files (American: "color"), which the questions are written in.
"""

from collections.abc import Mapping

from elic_tf.errors import DataError
from elic_tf.faces.faceset import FaceSet
from elic_tf.faces.synthetic import FACTORS, describe

_YES_NO = ("yes", "no")

FACTS: dict[str, tuple[str, ...]] = {
    "gender": ("woman", "man"),
    "young": _YES_NO,
    "age": FACTORS["age"],
    "smiling": _YES_NO,
    "mouth_open": _YES_NO,
    "eyeglasses": _YES_NO,
    "glasses_style": ("round", "rectangular", "thick black", "sunglasses"),
    "hat": _YES_NO,
    "hat_style": ("cap", "beanie", "brimmed hat", "headscarf"),
    "beard": _YES_NO,
    "goatee": _YES_NO,
    "moustache": _YES_NO,
    "bald": _YES_NO,
    "bangs": _YES_NO,
    "receding_hairline": _YES_NO,
    "hair_color": ("black", "brown", "blond", "red", "gray"),
    "hair_length": ("short", "medium", "long"),
    "hair_texture": ("straight", "wavy", "curly"),
    "eye_color": ("brown", "hazel", "green", "blue", "gray"),
    "makeup": _YES_NO,
    "lipstick": _YES_NO,
    "earrings": _YES_NO,
    "necklace": _YES_NO,
    "necktie": _YES_NO,
    "clothing": tuple(level.lower() for level in FACTORS["clothing"]),
    "background": FACTORS["background"],
}
"""Every attribute with its values, in a fixed order."""

# CelebA's name -> ours, where yes and no mean the same.
_CELEBA = {
    "young": "young",
    "smiling": "smiling",
    "mouth_slightly_open": "mouth_open",
    "eyeglasses": "eyeglasses",
    "wearing_hat": "hat",
    "goatee": "goatee",
    "mustache": "moustache",
    "bald": "bald",
    "bangs": "bangs",
    "receding_hairline": "receding_hairline",
    "heavy_makeup": "makeup",
    "wearing_lipstick": "lipstick",
    "wearing_earrings": "earrings",
    "wearing_necklace": "necklace",
    "wearing_necktie": "necktie",
}
_CELEBA_HAIR_COLOR = {"black_hair": "black", "brown_hair": "brown", "blond_hair": "blond", "gray_hair": "gray"}
_CELEBA_HAIR_TEXTURE = {"straight_hair": "straight", "wavy_hair": "wavy"}

# Level of a synthetic factor -> our value; a level that is missing stays unknown.
_SYNTHETIC = {
    ("young", "age"): {"18-24": "yes", "25-34": "yes", "45-54": "no", "55-64": "no", "65+": "no"},
    ("smiling", "smile"): {
        "serious": "no", "neutral": "no", "closed smile": "yes", "open smile": "yes", "laugh": "yes"
    },
    ("mouth_open", "smile"): {
        "serious": "no", "neutral": "no", "slight": "no", "closed smile": "no", "open smile": "yes", "laugh": "yes"
    },
    ("beard", "beard"): {"none": "no", "goatee": "yes", "short": "yes", "full": "yes"},
    ("goatee", "beard"): {"none": "no", "stubble": "no", "goatee": "yes", "short": "no", "full": "no"},
    ("moustache", "moustache"): {"none": "no", "thin": "yes", "full": "yes"},
    ("makeup", "makeup"): {"none": "no", "eyes": "yes", "red lips": "yes"},
    ("lipstick", "makeup"): {"none": "no", "eyes": "no", "red lips": "yes"},
    ("hair_color", "hair_colour"): {
        "black": "black", "dark brown": "brown", "brown": "brown", "auburn": "red", "red": "red",
        "dark blond": "blond", "blond": "blond", "grey": "gray", "white": "gray",
    },
    ("hair_length", "hair_length"): {"buzz": "short", "short": "short", "medium": "medium", "long": "long"},
    ("hair_texture", "hair_texture"): {"straight": "straight", "wavy": "wavy", "curly": "curly", "coily": "curly"},
    ("eye_color", "eye_colour"): {
        "dark brown": "brown", "brown": "brown", "hazel": "hazel", "green": "green", "blue": "blue", "grey": "gray",
    },
}  # fmt: skip


def check(record: Mapping[str, str]) -> None:
    """DataError if the record has an attribute or a value that `FACTS` does not have."""
    for attribute, value in record.items():
        if attribute not in FACTS:
            raise DataError(f"a face record has no attribute {attribute!r}; known are {', '.join(FACTS)}")
        if value not in FACTS[attribute]:
            raise DataError(f"{attribute} of a face record is {value!r}; it can be {', '.join(FACTS[attribute])}")


def from_synthetic(record) -> dict[str, str]:
    """The facts of one synthetic record (a structured scalar of `synthetic.DTYPE`)."""
    return _from_levels(describe(record))


def from_faces(faces: FaceSet) -> list[dict[str, str]]:
    """One record for each face, from whichever labels the set has: synthetic factors, CelebA's, or UTKFace's.

    DataError if no label of the set says anything that can be asked.
    """
    labels = faces.labels
    if FACTORS.keys() <= labels.keys():
        columns = {name: [FACTORS[name][level] for level in labels[name]] for name in FACTORS}
        return [_from_levels(dict(zip(columns, levels))) for levels in zip(*columns.values())]
    known = {"male", "age", "no_beard", *_CELEBA, *_CELEBA_HAIR_COLOR, *_CELEBA_HAIR_TEXTURE}
    columns = {name: labels[name].tolist() for name in labels if name in known}
    if not columns:
        raise DataError(
            f"{faces.name} has no label to ask about (it has {', '.join(labels) or 'none'}); name the columns of its "
            "table after CelebA's attributes: male, smiling, eyeglasses, ..."
        )
    return [_from_labels(dict(zip(columns, row))) for row in zip(*columns.values())]


def _from_levels(levels: dict[str, str]) -> dict[str, str]:
    facts = {"gender": levels["gender"], "age": levels["age"]}
    for (attribute, factor), values in _SYNTHETIC.items():
        if levels[factor] in values:
            facts[attribute] = values[levels[factor]]
    for attribute, factor in (("eyeglasses", "glasses"), ("hat", "hat"), ("earrings", "earrings")):
        facts[attribute] = _yes(levels[factor] != "none")
    for attribute, factor in (("glasses_style", "glasses"), ("hat_style", "hat")):
        if levels[factor] != "none":
            facts[attribute] = levels[factor]
    facts["clothing"], facts["background"] = levels["clothing"].lower(), levels["background"]
    if levels["clothing"] != "scarf":  # it covers the neck
        facts["necktie"] = _yes(levels["clothing"] == "suit")
    facts["bald"] = _yes(levels["hair_length"] == "bald")
    has_bangs = levels["hair_style"] == "fringe" and levels["hair_length"] not in ("bald", "buzz")
    facts["bangs"] = _yes(has_bangs)
    facts["receding_hairline"] = _yes(levels["hairline"] == "receding")
    hidden = []
    if levels["hair_length"] == "bald":
        hidden += ["hair_color", "hair_texture", "receding_hairline"]
    if levels["hair_length"] == "buzz":
        hidden += ["hair_texture"]
    if levels["hat"] != "none":
        hidden += ["bald", "bangs", "receding_hairline"]
    if levels["hat"] == "headscarf":
        hidden += ["hair_color", "hair_length", "hair_texture", "earrings"]
    if levels["glasses"] == "sunglasses":
        hidden += ["eye_color"]
    return _ordered({attribute: value for attribute, value in facts.items() if attribute not in hidden})


def _from_labels(row: dict) -> dict[str, str]:
    facts = {ours: _yes(row[theirs]) for theirs, ours in _CELEBA.items() if theirs in row}
    if "male" in row:
        facts["gender"] = "man" if row["male"] else "woman"
    if "no_beard" in row:
        facts["beard"] = _yes(not row["no_beard"])
    for attribute, values in (("hair_color", _CELEBA_HAIR_COLOR), ("hair_texture", _CELEBA_HAIR_TEXTURE)):
        said = [value for label, value in values.items() if row.get(label)]
        if len(said) == 1:
            facts[attribute] = said[0]
    if not isinstance(row.get("age"), (int, float)) or row["age"] < 18:
        return _ordered(facts)
    starts = [int(band.rstrip("+").split("-")[0]) for band in FACTS["age"]]
    facts["age"] = FACTS["age"][sum(row["age"] >= start for start in starts) - 1]
    young = _SYNTHETIC["young", "age"].get(facts["age"])
    return _ordered(facts | ({"young": young} if young else {}))


def _yes(truth) -> str:
    return "yes" if truth else "no"


def _ordered(facts):
    return {attribute: facts[attribute] for attribute in FACTS if attribute in facts}
