"""The recipe of the eigenface codec, run as a user runs it on a small set in CelebA's layout."""

import numpy as np
import pytest
from PIL import Image

from elic_tf.coding.codec import Codec
from elic_tf.faces import synthetic
from elic_tf.models.klt import KLT
from elic_tf.train import __main__ as train


@pytest.fixture
def small_celeba(tmp_path):
    """120 synthetic faces of 40 made-up people, where CelebA has its faces."""
    home = tmp_path / "celeba"
    (home / "img_align_celeba").mkdir(parents=True)
    drawn = synthetic.load(120, seed=8, size=132)
    names = [f"{i:06d}.jpg" for i in range(1, 121)]
    for name, pixels in zip(names, drawn.images):
        picture = Image.new("RGB", (178, 218), (120, 120, 120))
        picture.paste(Image.fromarray(pixels), (24, 52))
        picture.save(home / "img_align_celeba" / name, quality=95)
    male = np.where(drawn.labels["male"], 1, -1)
    rows = [f"{name} {value}" for name, value in zip(names, male)]
    (home / "list_attr_celeba.txt").write_text("\n".join(["120", "Male", *rows]) + "\n")
    (home / "identity_CelebA.txt").write_text("".join(f"{name} {i % 40}\n" for i, name in enumerate(names)))
    return tmp_path


def test_recipe_writes_weights_that_work_and_a_card(small_celeba, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    assert train.main(["klt", "--data", str(small_celeba), "--out", str(out)]) == 0
    with np.load(out / "klt.npz") as arrays:
        codec = Codec(KLT.from_arrays(arrays), 1)
    faces = synthetic.faces(4, seed=9)
    files = codec.encode(faces, bits=300)
    assert max(map(len, files)) <= 37
    assert np.square(codec.decode(files) - faces).mean() < np.square(faces.mean((1, 2), keepdims=True) - faces).mean()
    card = (out / "klt.md").read_text()
    for word in ("test split", "| klt | 256 |", "python -m elic_tf.train klt"):
        assert word in card
    assert "measuring on test people" in capsys.readouterr().out


def test_no_data_is_one_line_that_says_what_to_do(tmp_path, capsys):
    assert train.main(["klt", "--data", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "ELIC_DATA" in err


def test_unknown_recipe_lists_the_known_ones(capsys):
    assert train.main(["nonsense"]) == 2
    assert "klt" in capsys.readouterr().err
