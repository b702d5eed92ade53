import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import DataError
from elic_tf.faces import utkface

CARD = pathlib.Path(__file__).parents[2] / "data" / "utkface.md"
NAMES = [
    "100_0_0_20170112213500903.jpg.chip.jpg",
    "26_1_2_20170116172413975.jpg.chip.jpg",
    "31_0_4_20170117150824284.jpg",  # without .chip
    "55_0_0_20170116232725357jpg.chip.jpg",  # official, without a dot
    "24_0_1_20170116220224657 .jpg.chip.jpg",  # official, with a space
]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "cache"))


def write(folder, names=NAMES, size=(200, 200)):
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(noise).resize(size).save(folder / name, format="JPEG", quality=95)
    return folder


def test_labels_come_from_the_file_names(tmp_path):
    write(tmp_path / "utkface")
    faces = utkface.load(tmp_path, split="all", size=16)
    facts = {
        name: (age, male, race)
        for name, age, male, race in zip(faces.names, *(faces.labels[k] for k in ("age", "male", "race")))
    }
    assert facts == {
        NAMES[0]: (100, True, "white"),
        NAMES[1]: (26, False, "asian"),
        NAMES[2]: (31, True, "other"),
        NAMES[3]: (55, True, "white"),
        NAMES[4]: (24, True, "black"),
    }
    assert faces.images.shape == (5, 16, 16, 3) and faces.identities is None
    assert faces.labels["age"].dtype.kind == "i" and faces.labels["male"].dtype == bool


def test_the_whole_image_is_used(tmp_path):
    write(tmp_path / "utkface", NAMES[:1])
    with Image.open(tmp_path / "utkface" / NAMES[0]) as image:
        expected = np.asarray(image.resize((64, 64), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(utkface.load(tmp_path, split="all").images[0], expected)


@pytest.mark.parametrize("folder", ["utkface", "UTKFace", "."])
def test_the_root_may_be_the_folder_itself(tmp_path, folder):
    write(tmp_path / "data" / folder)
    assert len(utkface.load(tmp_path / "data", split="all", size=8)) == 5


def test_names_without_race_are_reported(tmp_path):
    write(tmp_path / "utkface", [*NAMES, "39_1_20170116174525125.jpg.chip.jpg"])
    with pytest.warns(UserWarning, match="1 file left out: 39_1_20170116174525125.jpg.chip.jpg"):
        faces = utkface.load(tmp_path, split="all", size=8)
    assert len(faces) == 5
    with pytest.raises(DataError, match="39_1_20170116174525125"):
        utkface.load(tmp_path, split="all", size=8, on_error="raise")


def test_children_are_left_out_unless_asked_for(tmp_path):
    write(tmp_path / "utkface", [*NAMES, "8_1_0_20170109204617417.jpg.chip.jpg"])
    assert utkface.load(tmp_path, split="all", size=8).labels["age"].min() == 24
    assert utkface.load(tmp_path, split="all", size=8, min_age=0).labels["age"].min() == 8


def test_splits_do_not_depend_on_the_ending(tmp_path):
    names = [f"{20 + i}_{i % 2}_{i % 5}_2017011221350{i:04d}" for i in range(60)]
    write(tmp_path / "a", [f"{name}.jpg.chip.jpg" for name in names], (8, 8))
    write(tmp_path / "b", [f"{name}.jpg" for name in names], (8, 8))
    parts = {}
    for root in ("a", "b"):
        for split in ("train", "validation"):
            found = utkface.load(tmp_path / root, split=split, size=8).names
            parts[root, split] = {name.split(".")[0] for name in found}
    assert parts["a", "train"] == parts["b", "train"]
    assert parts["a", "validation"] == parts["b", "validation"]
    assert parts["a", "train"] | parts["a", "validation"] == set(names)
    assert not parts["a", "train"] & parts["a", "validation"]


def test_there_is_no_test_split(tmp_path):
    write(tmp_path / "utkface")
    with pytest.raises(DataError, match="does not say who is who"):
        utkface.load(tmp_path, split="test")


def test_a_missing_set_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"set ELIC_DATA .* elic_tf.faces.download utkface"):
        utkface.load(tmp_path)


@pytest.mark.faces
def test_the_card_has_the_right_counts(faces_root):
    card = CARD.read_text(encoding="utf-8")
    for split in ("train", "validation"):
        faces = utkface.load(faces_root, split=split, size=8)
        row = re.search(rf"\| {split} \| ([\d,]+) \| ([\d,]+) \|", card)
        stated = [int(number.replace(",", "")) for number in row.groups()]
        assert stated == [len(faces), int(faces.labels["male"].sum())]
