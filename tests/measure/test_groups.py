"""Groups of faces: they add up, the light is what the picture shows, and rows are means over each group's own faces."""

import numpy as np
import pytest

from elic_tf.faces.faceset import FaceSet
from elic_tf.measure import groups, opinions

N = 31


@pytest.fixture
def faces():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (N, 64, 64, 3)).astype(np.uint8)
    labels = {
        "male": random.random(N) < 0.5,
        "age": np.arange(N) * 3 + 16,
        "race": np.array(["white", "black", "asian"])[np.arange(N) % 3],
    }
    return FaceSet("some", images, labels, None, [""] * N)


def test_every_kind_of_group_adds_up(faces):
    found = groups.groups(faces)
    assert found.pop("all").all()
    kinds = [("women", "men"), ("white", "black", "asian"), groups.BRIGHTNESS, groups.DIRECTION]
    kinds.append([name for name in found if name.startswith("age")])
    assert len(kinds[-1]) == 6 and sum(map(len, kinds)) == len(found)
    for names in kinds:
        np.testing.assert_array_equal(np.sum([found[name] for name in names], 0), 1)
    assert [found[name].sum() for name in groups.BRIGHTNESS] == [11, 10, 10]


def test_groups_without_faces_or_labels_are_left_out(faces):
    assert "age 16-24" not in groups.groups(faces.take(slice(20, None)))
    plain = FaceSet("some", faces.images, {"male": faces.labels["male"]}, None, faces.names)
    assert set(groups.groups(plain)) == {
        "all", "women", "men", *groups.BRIGHTNESS, *groups.DIRECTION}  # fmt: skip


def test_brightness_is_that_of_the_face_alone():
    levels = np.array([90, 10, 50, 70, 30, 110])
    images = np.zeros((6, 64, 64, 3), np.uint8)
    images[:, :16] = 255 - levels[:, None, None, None]  # hair and background tell the opposite
    images[:, 20:52, 16:48] = levels[:, None, None, None]
    found = groups.lighting(images)
    assert levels[found["dark"]].tolist() == [10, 30]
    assert levels[found["medium"]].tolist() == [50, 70]
    assert levels[found["bright"]].tolist() == [90, 110]


def test_one_sided_light_is_relative_and_from_either_side():
    images = np.full((6, 64, 64, 3), 100, np.uint8)
    images[0, :, 32:] = 20  # one side in the dark
    images[1, :, :32] = 20
    images[2] = 20
    images[2, :, 32:] = 14  # a small difference, but not for a dark face
    images[3, :, 32:] = 94
    found = groups.lighting(images)
    assert np.flatnonzero(found["one-sided light"]).tolist() == [0, 1]
    assert np.flatnonzero(found["between"]).tolist() == [2, 3]
    assert np.flatnonzero(found["even light"]).tolist() == [4, 5]


def test_rows_are_means_over_the_faces_of_a_group(faces):
    random = np.random.default_rng(1)
    each = {"p_male": random.random(N), "male": faces.labels["male"], "psnr": random.random(N) * 30}
    original = {"p_male": faces.labels["male"] * 1.0, "male": faces.labels["male"]}
    rows = opinions.group_rows("some", faces, {"original": original, "codec": each})
    found = {(row["group"], row["codec"]): row for row in rows}
    assert len(found) == 2 * len(groups.groups(faces))
    black, men = faces.labels["race"] == "black", faces.labels["male"]
    right = (each["p_male"] > 0.5) == men
    row = found["black", "codec"]
    assert row["set"] == "some" and row["n"] == black.sum()
    assert row["psnr"] == pytest.approx(each["psnr"][black].mean())
    assert row["judge"] == pytest.approx(right[black].mean())
    assert row["judge_balanced"] == pytest.approx((right[black & men].mean() + right[black & ~men].mean()) / 2)
    assert found["women", "original"]["judge"] == 1 and "psnr" not in found["women", "original"]
    assert found["all", "codec"] == {"set": "some", "group": "all", "codec": "codec"} | opinions.means(each)
