"""What smoke mode goes on with: it comes back as it was, and fits the lesson that asks for it."""

import numpy as np
import pytest

from elic_tf import weights
from elic_tf.course import learned
from elic_tf.errors import UnknownModelError


def test_what_is_packed_comes_back_in_its_order(tmp_path):
    many = [np.full((2, 3), i, np.float32) for i in range(12)]
    run = {"net": many, "rows": [{"epoch": 1.0, "loss": 1 / 3}], "faces": np.arange(6, dtype=np.uint8)}
    np.savez_compressed(tmp_path / "x.npz", **learned.packed(run))
    with np.load(tmp_path / "x.npz", allow_pickle=False) as arrays:
        back = learned.unpacked(arrays)
    assert back.keys() == run.keys()
    assert [each.dtype for each in back["net"]] == [np.float32] * 12
    assert np.array_equal(back["net"], many) and np.array_equal(back["faces"], run["faces"])
    assert back["rows"] == [{"epoch": 1.0, "loss": pytest.approx(1 / 3, rel=1e-4)}]


def test_what_no_lesson_learned_is_not_there():
    with pytest.raises(UnknownModelError, match="lesson 99"):
        learned.load("99")


def test_every_shipped_run_has_a_card():
    numbers = [path.stem.removeprefix("lesson_") for path in weights.file("").glob("lesson_*.npz")]
    assert "05" in numbers
    for number in numbers:
        card = weights.file(f"lesson_{number}.md").read_text()
        for word in ("Data", "Seed", "Recipe", f"elic_tf.course.learned {number}", "Licence"):
            assert word in card, f"the card of lesson {number} does not say: {word}"


def test_the_run_of_lesson_05_has_what_the_lesson_shows():
    run = learned.load("05")
    assert len(run["shown"]) == len(run["steps"]) + 1 and run["shown"].shape[2:] == (32, 32, 3)
    assert run["with R1"][-1]["diversity"] > 0.7
    assert sum(each.size for each in run["generator"]) > sum(each.size for each in run["discriminator"])


def test_the_recipe_runs_the_cells_up_to_the_one_that_loads(tmp_path, monkeypatch):
    monkeypatch.setenv("ELIC_MODE", "class")
    monkeypatch.setenv("ELIC_FACES", "synthetic")
    folder = tmp_path / "notebooks" / "source"
    folder.mkdir(parents=True)
    front = "# ---\n# title: A\n# aim: B\n# needs: C\n# minutes: {class: 1}\n# ---\n\n"
    cells = [
        '# %% tags=["setup"]',
        "# %%\ndef twice(x):\n    # solution: add it to itself\n    return x + x\n    # end solution",
        '# %%\nrun = {"net": [twice(3.0)], "mode": course.mode}\n'
        'if course.mode == "smoke":\n    run = learned.load("77")',
        "# %%\nraise RuntimeError",
    ]
    (folder / "77_lesson.py").write_text(front + "\n\n".join(cells) + "\n")
    assert learned.make("77", tmp_path) == {"net": [6.0], "mode": "class"}
