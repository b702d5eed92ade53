import numpy as np
import pytest

from elic_tf.errors import DataError
from elic_tf.faces import synthetic
from elic_tf.faces.faceset import FaceSet
from elic_tf.questions import records


def face(**levels):
    """A synthetic record at level 0 of everything but what is named."""
    record = np.zeros(1, synthetic.DTYPE)
    for name, level in levels.items():
        record[name] = synthetic.FACTORS[name].index(level)
    return records.from_synthetic(record)


def labelled(name="folder", **labels):
    labels = {label: np.array(values) for label, values in labels.items()}
    count = len(next(iter(labels.values())))
    return FaceSet(name, np.zeros((count, 8, 8, 3), np.uint8), labels, None, [str(number) for number in range(count)])


def test_every_synthetic_record_is_in_the_vocabulary():
    seen = {}
    for record in synthetic.sample(2000, seed=3):
        facts = records.from_synthetic(record)
        records.check(facts)
        assert list(facts) == [attribute for attribute in records.FACTS if attribute in facts]
        for attribute, value in facts.items():
            seen.setdefault(attribute, set()).add(value)
    assert seen == {attribute: set(values) for attribute, values in records.FACTS.items() if attribute != "necklace"}


def test_a_face_set_of_synthetic_faces_says_what_its_records_say():
    faces = synthetic.load(20, seed=1, size=32)
    assert records.from_faces(faces) == [records.from_synthetic(record) for record in synthetic.sample(20, seed=1)]


@pytest.mark.parametrize(
    "levels, attribute, value",
    [
        ({"smile": "laugh"}, "smiling", "yes"),
        ({"smile": "neutral"}, "smiling", "no"),
        ({"smile": "slight"}, "smiling", None),
        ({"beard": "stubble"}, "beard", None),
        ({"beard": "goatee"}, "goatee", "yes"),
        ({"age": "35-44"}, "young", None),
        ({"age": "65+"}, "young", "no"),
        ({"hair_length": "bald"}, "bald", "yes"),
        ({"hair_length": "bald"}, "hair_color", None),
        ({"hair_length": "bald", "hat": "cap"}, "bald", None),
        ({"hair_length": "long", "hair_colour": "dark blond"}, "hair_color", "blond"),
        ({"hair_length": "long", "hat": "headscarf"}, "hair_color", None),
        ({"hair_length": "long", "hat": "cap"}, "hat_style", "cap"),
        ({}, "hat_style", None),
        ({"glasses": "sunglasses"}, "eye_color", None),
        ({"glasses": "sunglasses"}, "eyeglasses", "yes"),
        ({"hair_style": "fringe", "hair_length": "short"}, "bangs", "yes"),
        ({"makeup": "light"}, "makeup", None),
        ({"makeup": "red lips"}, "lipstick", "yes"),
        ({"clothing": "dark T-shirt"}, "clothing", "dark t-shirt"),
        ({"clothing": "suit"}, "necktie", "yes"),
        ({"clothing": "scarf"}, "necktie", None),
    ],
)
def test_levels_of_the_synthetic_factors(levels, attribute, value):
    assert face(**levels).get(attribute) == value


def test_celeba_labels():
    faces = labelled(
        male=[True, False],
        no_beard=[False, True],
        smiling=[True, False],
        black_hair=[True, False],
        brown_hair=[True, False],
        blond_hair=[False, True],
        wavy_hair=[False, False],
        mustache=[True, False],
        attractive=[True, True],
    )
    assert records.from_faces(faces) == [
        {"gender": "man", "smiling": "yes", "beard": "yes", "moustache": "yes"},
        {"gender": "woman", "smiling": "no", "beard": "no", "moustache": "no", "hair_color": "blond"},
    ]


def test_utkface_labels():
    faces = labelled(age=[17, 18, 40, 64, 90], male=[True] * 5, race=["other"] * 5)
    facts = records.from_faces(faces)
    assert [each.get("age") for each in facts] == [None, "18-24", "35-44", "55-64", "65+"]
    assert [each.get("young") for each in facts] == [None, "yes", None, "no", "no"]


def test_labels_that_say_nothing():
    with pytest.raises(DataError, match="no label to ask about"):
        records.from_faces(labelled(colourful=[True]))


def test_unknown_facts_are_refused():
    with pytest.raises(DataError, match="no attribute 'mood'"):
        records.check({"mood": "good"})
    with pytest.raises(DataError, match="hat of a face record is 'big'"):
        records.check({"hat": "big"})


@pytest.mark.faces
def test_celeba(faces_root):
    from elic_tf.faces import celeba

    faces = celeba.load(faces_root, split="test", limit=200, cache=False)
    facts = records.from_faces(faces)
    assert [each["gender"] == "man" for each in facts] == faces.labels["male"].tolist()
    assert [each["beard"] == "no" for each in facts] == faces.labels["no_beard"].tolist()
    for each in facts:
        records.check(each)
