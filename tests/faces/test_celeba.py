import pathlib
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import DataError
from elic_tf.faces import celeba, splits

ATTRIBUTES = ["5_o_Clock_Shadow", "Male", "Smiling", *(f"Other_{i}" for i in range(37))]
CARD = pathlib.Path(__file__).parents[2] / "data" / "celeba.md"


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "cache"))


def picture(seed, size=(178, 218)):
    """Smooth noise, so that resampling hardly changes it."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def write(root, count=40, size=(178, 218), start=1):
    """The official layout with `count` images of `count` / 2 people; returns the names."""
    home = root / "celeba"
    (home / "img_align_celeba").mkdir(parents=True)
    names = [f"{i:06d}.jpg" for i in range(start, start + count)]
    rng = np.random.default_rng(0)
    lines, people = [f"{count}", " ".join(ATTRIBUTES) + " "], []
    for i, name in enumerate(names):
        picture(i, size).save(home / "img_align_celeba" / name, quality=95)
        values = rng.choice([-1, 1], 40)
        values[1] = 1 if i % 3 == 0 else -1
        lines.append(f"{name} " + " ".join(f"{value:2d}" for value in values))
        people.append(f"{name} {i // 2 + 100}")
    (home / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    (home / "identity_CelebA.txt").write_text("\n".join(people) + "\n")
    return names


def test_the_official_layout(tmp_path):
    names = write(tmp_path)
    faces = celeba.load(tmp_path, split="all", size=32)
    assert faces.names == names and faces.images.shape == (40, 32, 32, 3) and faces.images.dtype == np.uint8
    assert len(faces.labels) == 40 and {"male", "smiling", "five_o_clock_shadow"} <= faces.labels.keys()
    assert faces.labels["male"].dtype == bool
    np.testing.assert_array_equal(faces.labels["male"], np.arange(40) % 3 == 0)
    np.testing.assert_array_equal(faces.identities, np.arange(40) // 2 + 100)


@pytest.mark.parametrize("size", [(178, 218), (89, 109)])
def test_the_crop_is_the_documented_one(tmp_path, size):
    write(tmp_path, 1, size)
    faces = celeba.load(tmp_path, split="all", size=64)
    with Image.open(tmp_path / "celeba" / "img_align_celeba" / "000001.jpg") as image:
        scale = size[0] // 89
        box = (12 * scale, 26 * scale, 78 * scale, 92 * scale)
        expected = np.asarray(image.crop(box).resize((64, 64), Image.Resampling.LANCZOS), int)
    # Cropping first loses what is just outside the box: the edges differ a little.
    difference = np.abs(faces.images[0] - expected)
    assert difference[4:-4, 4:-4].max() <= 1 and difference.mean() < 1


def test_a_half_size_copy_gives_the_same_faces_and_splits(tmp_path):
    write(tmp_path / "full")
    write(tmp_path / "half", 16, (89, 109))
    full = celeba.load(tmp_path / "full", split="train")
    half = celeba.load(tmp_path / "half", split="train")
    assert half.names == full.names[: len(half)]
    difference = np.abs(full.images[: len(half)].astype(int) - half.images)
    assert difference.mean() < 4


def test_splits_are_person_disjoint_and_complete(tmp_path):
    names = write(tmp_path)
    parts = []
    for split in ("train", "validation", "test"):
        try:
            parts.append(celeba.load(tmp_path, split=split, size=8))
        except DataError:
            continue  # forty images may have nobody in a split
        expected = splits.select([f"celeba:{person}" for person in parts[-1].identities], split)
        assert expected.all()
    assert sorted(name for part in parts for name in part.names) == names
    people = [set(part.identities) for part in parts]
    assert sum(map(len, people)) == len(set.union(*people))


def test_near_duplicates_are_dropped(tmp_path):
    write(tmp_path, 5, start=5474)
    assert "005476.jpg" not in celeba.load(tmp_path, split="all", size=8).names


@pytest.mark.parametrize("layout", ["inside", "nested", "anno", "csv"])
def test_other_layouts(tmp_path, layout):
    write(tmp_path, 6)
    expected = celeba.load(tmp_path, split="all", size=8, cache=False)
    home, root = tmp_path / "celeba", tmp_path
    images = home / "img_align_celeba"
    if layout == "inside":
        root = home
    elif layout == "nested":
        images.rename(home / "moved")
        images.mkdir()
        (home / "moved").rename(images / "img_align_celeba")
    elif layout == "anno":
        (home / "Anno").mkdir()
        (home / "Img").mkdir()
        images.rename(home / "Img" / "img_align_celeba")
        for table in home.glob("*.txt"):
            table.rename(home / "Anno" / table.name)
    else:
        for table, columns in (("list_attr_celeba", ATTRIBUTES), ("identity_CelebA", ["identity"])):
            lines = (home / f"{table}.txt").read_text().splitlines()[-6:]
            rows = [",".join(["image_id", *columns]), *(",".join(line.split()) for line in lines)]
            (home / f"{table}.csv").write_text("\n".join(rows) + "\n")
            (home / f"{table}.txt").unlink()
    faces = celeba.load(root, split="all", size=8)
    assert faces.names == expected.names
    np.testing.assert_array_equal(faces.images, expected.images)
    np.testing.assert_array_equal(faces.identities, expected.identities)
    for label, values in expected.labels.items():
        np.testing.assert_array_equal(faces.labels[label], values)


def damage(root):
    images = root / "celeba" / "img_align_celeba"
    cut = (images / "000002.jpg").read_bytes()
    (images / "000002.jpg").write_bytes(cut[: len(cut) // 2])
    (images / "000003.jpg").write_bytes(b"")
    (images / "000004.jpg").unlink()
    (images / "000005.jpg").write_text("<html>quota exceeded</html>")
    picture(1).save(images / "999999.jpg")


def test_damaged_files_are_skipped_with_one_warning_also_from_the_cache(tmp_path):
    write(tmp_path, 12)
    damage(tmp_path)
    for _ in range(2):
        with pytest.warns(UserWarning) as caught:
            faces = celeba.load(tmp_path, split="all", size=8)
        assert len(caught) == 1
        message = str(caught[0].message)
        assert "5 files left out" in message
        for name in ("000002.jpg", "000003.jpg (empty", "000004.jpg (missing", "000005.jpg", "999999.jpg (no line"):
            assert name in message
        assert caught[0].filename == __file__
        assert len(faces) == 8 and faces.names[:2] == ["000001.jpg", "000006.jpg"]
        expected = np.flatnonzero([i not in (1, 2, 3, 4) for i in range(12)])
        np.testing.assert_array_equal(faces.labels["male"], expected % 3 == 0)


def test_damaged_files_are_refused_if_asked(tmp_path):
    write(tmp_path, 12)
    damage(tmp_path)
    with pytest.raises(DataError, match=r"5 files cannot be used: .*000004.jpg"):
        celeba.load(tmp_path, split="all", size=8, on_error="raise")


def test_a_long_list_is_cut_to_five(tmp_path):
    write(tmp_path, 12)
    for i in range(1, 9):
        (tmp_path / "celeba" / "img_align_celeba" / f"{i:06d}.jpg").unlink()
    with pytest.warns(UserWarning, match="8 files left out: .*000005.jpg .missing. and 3 more"):
        celeba.load(tmp_path, split="all", size=8)


def test_what_is_missing_is_said_with_what_to_do(tmp_path):
    with pytest.raises(DataError, match="set ELIC_DATA"):
        celeba.load(tmp_path)
    write(tmp_path, 4)
    (tmp_path / "celeba" / "identity_CelebA.txt").unlink()
    with pytest.raises(DataError, match=r"no identity_CelebA.txt: the split by person needs it"):
        celeba.load(tmp_path)


def test_a_table_of_another_form_is_refused(tmp_path):
    write(tmp_path, 4)
    table = tmp_path / "celeba" / "list_attr_celeba.txt"
    table.write_text(table.read_text() + "000009.jpg 1 1 -1\n")
    with pytest.raises(DataError, match="file name and 40 whole numbers"):
        celeba.load(tmp_path, split="all", size=8)


@pytest.mark.parametrize("wrong", [{"split": "tests"}, {"on_error": "ignore"}, {"size": 0}, {"size": 64.5}])
def test_wrong_arguments_are_refused(tmp_path, wrong):
    write(tmp_path, 4)
    with pytest.raises(DataError):
        celeba.load(tmp_path, **{"split": "all", "size": 8, **wrong})


def test_limit_takes_the_first(tmp_path):
    names = write(tmp_path, 10)
    assert celeba.load(tmp_path, split="all", size=8, limit=3).names == names[:3]


def cache_files(tmp_path):
    return sorted((tmp_path / "cache" / "faces").iterdir())


def test_the_cache_is_a_memory_map_and_follows_the_files(tmp_path):
    write(tmp_path, 6)
    images = tmp_path / "celeba" / "img_align_celeba"
    first = celeba.load(tmp_path, split="all", size=8)
    assert isinstance(first.images, np.memmap) and not first.images.flags.writeable
    before = cache_files(tmp_path)
    assert [file.suffix for file in before] == [".json", ".npy"]
    again = celeba.load(tmp_path, split="all", size=8)
    np.testing.assert_array_equal(again.images, first.images)
    assert cache_files(tmp_path) == before

    picture(77).save(images / "000001.jpg", quality=90)
    changed = celeba.load(tmp_path, split="all", size=8)
    assert not np.array_equal(changed.images[0], first.images[0])
    np.testing.assert_array_equal(changed.images[1:], first.images[1:])
    assert celeba.load(tmp_path, split="all", size=9).size == 9


@pytest.mark.parametrize("how", ["cut", "empty", "noise", "other shape", "no list", "broken list"])
def test_a_broken_cache_is_rebuilt_silently(tmp_path, how):
    write(tmp_path, 6)
    first = np.array(celeba.load(tmp_path, split="all", size=8).images)
    listed, pixels = cache_files(tmp_path)
    whole = pixels.read_bytes()
    if how == "cut":
        pixels.write_bytes(whole[:-5])
    elif how == "empty":
        pixels.write_bytes(b"")
    elif how == "noise":
        pixels.write_bytes(bytes(reversed(whole)))
    elif how == "other shape":
        np.save(pixels, first[:3])
    elif how == "no list":
        listed.unlink()
    else:
        listed.write_text("{")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = celeba.load(tmp_path, split="all", size=8)
    np.testing.assert_array_equal(again.images, first)
    assert pixels.read_bytes() == whole


def test_without_a_cache_nothing_is_written(tmp_path):
    write(tmp_path, 4)
    faces = celeba.load(tmp_path, split="all", size=8, cache=False)
    assert not isinstance(faces.images, np.memmap) and not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_said_and_done_without(tmp_path, monkeypatch):
    write(tmp_path, 4)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="ELIC_CACHE"):
        assert len(celeba.load(tmp_path, split="all", size=8)) == 4


@pytest.mark.faces
def test_the_card_has_the_right_counts(faces_root):
    card = CARD.read_text(encoding="utf-8")
    for split in ("train", "validation", "test"):
        faces = celeba.load(faces_root, split=split, size=8)
        row = re.search(rf"\| {split} \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", card)
        stated = [int(number.replace(",", "")) for number in row.groups()]
        assert stated == [len(np.unique(faces.identities)), len(faces), int(faces.labels["male"].sum())]
