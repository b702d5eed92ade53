import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import DataError
from elic_tf.faces import folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "mine"
    for seed, name in enumerate(["a.jpg", "b.png", "sub/c.webp", "sub/deep/d.jpeg"]):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (6, 10, 3), np.uint8)
        Image.fromarray(noise).resize((100, 60)).save(path)
    (root / "notes.txt").write_text("not an image")
    (root / "._a.jpg").write_bytes(b"resource fork")
    return root


def table(tree, text):
    path = tree / "labels.csv"
    path.write_text(text)
    return path


def test_any_tree_of_images(tree):
    faces = folder.load(tree, size=16)
    assert faces.names == ["a.jpg", "b.png", "sub/c.webp", "sub/deep/d.jpeg"]
    assert faces.images.shape == (4, 16, 16, 3)
    assert faces.labels == {} and faces.identities is None and faces.name == "mine"


def test_labels_become_what_they_are(tree):
    path = table(
        tree,
        "file,age,score,glasses,town,who\n"
        "a.jpg,31,0.5,true,Ulm,7\nb.png,40,,False,Bern,7\nc.webp,22,2,TRUE,,8\nsub/deep/d.jpeg,19,1e-3,false,Graz,9\n",
    )
    faces = folder.load(tree, path, size=8, identity_column="who")
    assert faces.labels.keys() == {"age", "score", "glasses", "town"}
    assert faces.labels["age"].dtype.kind == "i" and faces.labels["age"].tolist() == [31, 40, 22, 19]
    np.testing.assert_array_equal(faces.labels["score"], [0.5, np.nan, 2, 1e-3])
    assert faces.labels["glasses"].dtype == bool and faces.labels["glasses"].tolist() == [True, False, True, False]
    assert faces.labels["town"].tolist() == ["Ulm", "Bern", "", "Graz"]
    assert faces.identities.tolist() == [7, 7, 8, 9]
    one = folder.load(tree, path, size=8, label_columns=["age"])
    assert list(one.labels) == ["age"]


def test_the_file_column_can_be_named(tree):
    path = table(tree, "age;file\n".replace(";", ",") + "31,a.jpg\n40,b.png\n22,c.webp\n19,d.jpeg\n")
    assert folder.load(tree, path, size=8, file_column="file").labels["age"].tolist() == [31, 40, 22, 19]


def test_files_and_lines_without_each_other_are_reported(tree):
    path = table(tree, "file,age\na.jpg,31\nb.png,40\nb.png,41\nghost.jpg,50\n")
    with pytest.warns(UserWarning) as caught:
        faces = folder.load(tree, path, size=8)
    message = str(caught[0].message)
    assert faces.names == ["a.jpg"] and len(caught) == 1
    assert "4 files left out" in message
    for part in ("ghost.jpg (missing)", "b.png (two lines in the CSV)", "sub/c.webp (no line in the CSV)"):
        assert part in message
    with pytest.raises(DataError, match=r"ghost.jpg"):
        folder.load(tree, path, size=8, on_error="raise")


def test_a_bare_name_in_two_folders_is_reported(tree):
    (tree / "other").mkdir()
    (tree / "other" / "c.webp").write_bytes((tree / "sub" / "c.webp").read_bytes())
    path = table(tree, "file,age\na.jpg,1\nc.webp,2\n")
    with pytest.warns(UserWarning, match="c.webp .name in several folders"):
        assert folder.load(tree, path, size=8).names == ["a.jpg"]


@pytest.mark.parametrize("crop", ["center", "celeba", "none"])
def test_crops(tree, crop):
    Image.new("RGB", (89, 109), (0, 0, 0)).save(tree / "a.png")
    with Image.open(tree / "b.png") as image:
        box = {
            "center": (20, 0, 80, 60),
            "celeba": (100 * 24 / 178, 60 * 52 / 218, 100 * 156 / 178, 60 * 184 / 218),
            "none": (0, 0, 100, 60),
        }[crop]
        expected = np.asarray(image.resize((16, 16), Image.Resampling.LANCZOS, box=box))
    faces = folder.load(tree, size=16, crop=crop)
    np.testing.assert_array_equal(faces.images[faces.names.index("b.png")], expected)


def test_turned_transparent_and_grey_images(tmp_path):
    root = tmp_path / "odd"
    root.mkdir()
    upright = np.zeros((40, 40, 3), np.uint8)
    upright[:20] = 255
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    exif = Image.Exif()
    exif[0x0112] = 6  # show it turned clockwise by 90 degrees
    turned.save(root / "turned.jpg", exif=exif, quality=95)
    Image.fromarray(upright[..., 0]).save(root / "grey.png")
    Image.new("RGBA", (40, 40), (255, 0, 0, 255)).save(root / "alpha.png")
    faces = folder.load(root, size=8)
    alpha, grey, turned = faces.images.astype(int)
    assert np.abs(turned[0] - 255).max() < 8 and turned[-1].max() < 8
    assert grey[0].min() > 250 and grey[-1].max() < 5
    assert np.abs(alpha - [255, 0, 0]).max() <= 1


def test_a_split_by_identity_is_person_disjoint(tree):
    root = tree.parent / "many"
    root.mkdir()
    for i in range(30):
        Image.new("RGB", (8, 8), (i, i, i)).save(root / f"{i:02d}.png")
    path = table(root, "file,who\n" + "".join(f"{i:02d}.png,p{i // 3}\n" for i in range(30)))
    halves = {"one": 0.5, "two": 0.5}
    parts = [folder.load(root, path, size=4, identity_column="who", split=split, fractions=halves) for split in halves]
    assert sum(map(len, parts)) == 30
    assert not set(parts[0].identities) & set(parts[1].identities)
    by_file = [folder.load(root, size=4, split=split, fractions=halves) for split in halves]
    assert sorted(by_file[0].names + by_file[1].names) == [f"{i:02d}.png" for i in range(30)]


def test_what_is_missing_is_named(tree):
    with pytest.raises(DataError, match="there is no folder"):
        folder.load(tree / "nowhere")
    with pytest.raises(DataError, match="there is no file"):
        folder.load(tree, tree / "nowhere.csv")
    path = table(tree, "file,age\na.jpg,3\n")
    with pytest.raises(DataError, match="no column 'name'; it has file, age"):
        folder.load(tree, path, file_column="name")
    with pytest.raises(DataError, match="no column 'sex'"):
        folder.load(tree, path, label_columns=["sex"])
    with pytest.raises(DataError, match="no column 'who'"):
        folder.load(tree, path, identity_column="who")
    with pytest.raises(DataError, match="need csv="):
        folder.load(tree, label_columns=["age"])
    with pytest.raises(DataError, match="crop must be"):
        folder.load(tree, crop="centre")
    (tree / "empty").mkdir()
    with pytest.raises(DataError, match="no usable image"):
        folder.load(tree / "empty")


def test_an_empty_csv_is_refused(tree):
    with pytest.raises(DataError, match="no header line"):
        folder.load(tree, table(tree, ""))


def test_a_csv_in_another_encoding_is_refused(tree):
    path = tree / "labels.csv"
    path.write_bytes("file,town\na.jpg,Köln\n".encode("latin-1"))
    with pytest.raises(DataError, match="UTF-8"):
        folder.load(tree, path)
