"""Synthetic people who are met twice, and a reader who knows them: what lesson 09 needs to ask who somebody is.

faces = people.two_days(50)                       # 100 faces of 50 people
reader = people.Reader()                          # asked like `measure.judges.GenderJudge`, ...
reader.male(faces.images), reader.descriptors(faces.images)         # ... and like `measure.identity.Recogniser`
"""

import importlib.resources

import numpy as np

from elic_tf.errors import MissingExtraError
from elic_tf.faces import synthetic

PERSON = (
    "gender", "age", "skin", "face_shape", "hair_length", "hair_style", "hair_texture", "hairline", "hair_colour",
    "brows", "eye_colour", "eye_shape", "nose", "lips", "beard", "moustache",
)  # fmt: skip
"""Factors that belong to a person; the others (light, clothes, glasses, a smile) change from day to day."""


def drawn_anew(records, kept, random):
    """Records (n,) with the factors `kept` as they are, and all others drawn, each given those that it depends on.

    kept: names that include the parents of each of them, or what is drawn would not fit; random: NumPy's generator.
    """
    records = records.copy()
    for name in synthetic.ORDER:
        if name not in kept:
            counts = synthetic.frequencies(name)[tuple(records[parent] for parent in synthetic.parents(name))]
            draw = random.integers(synthetic.TOTAL, size=(len(records), 1))
            records[name] = np.sum(draw >= np.cumsum(counts, axis=-1), axis=1)
    return records


def two_days(count, seed=3):
    """`count` synthetic people, each on two days, as a `FaceSet` of 2 count faces, those of one side by side."""
    from elic_tf.faces.faceset import FaceSet

    records = drawn_anew(synthetic.sample(count, seed).repeat(2), PERSON, np.random.default_rng(seed))
    labels = {name: records[name].copy() for name in synthetic.FACTORS}
    labels["male"] = records["gender"] == synthetic.FACTORS["gender"].index("man")
    images = np.round(255 * synthetic.render(records)).astype(np.uint8)
    names = [f"synthetic-{seed}-{number:06d}-{day}" for number in range(count) for day in (1, 2)]
    return FaceSet("synthetic, two days", images, labels, np.arange(count).repeat(2), names)


class Reader:
    """Knows synthetic faces, by the parser that the symbolic codec ships; of photographs it knows nothing."""

    def __init__(self):
        from elic_tf import weights
        from elic_tf.models.parser import Parser

        self._parser = Parser.from_files(importlib.resources.files(weights))

    def male(self, faces):
        """Probability of "man", (n,), of faces (n, 64, 64, 3), uint8 or float in [0, 1]."""
        return self._believed(faces, ("gender",))[:, synthetic.FACTORS["gender"].index("man")]

    def descriptors(self, faces):
        """(n, d): the probability of each level of each factor of `PERSON`; near each other for one person."""
        return self._believed(faces, PERSON)

    def _believed(self, faces, factors):
        from elic_tf.models.parser import COLUMNS

        scores = self._parser.scores(faces)
        return np.exp(np.concatenate([scores[:, COLUMNS[name]] for name in factors], axis=1))


def first_of(*kinds):
    """What the first of these makes whose packages are installed, None if none; prints what is missing for others."""
    for kind in kinds:
        try:
            return kind()
        except MissingExtraError as error:
            print(error)
    return None
