import numpy as np
import pytest

from elic_tf import errors
from elic_tf.faces import synthetic

# A face on which no factor is hidden by another: some hair, bare eyes, no hat.
PLAIN = {
    "gender": "woman", "age": "35-44", "skin": "Monk 4", "face_shape": "oval", "hair_length": "short",
    "hair_style": "parted left", "hair_texture": "straight", "hairline": "low", "hair_colour": "brown",
    "brows": "arched", "eye_colour": "brown", "eye_shape": "almond", "gaze": "ahead", "nose": "medium",
    "lips": "medium", "smile": "slight", "beard": "none", "moustache": "none", "glasses": "none", "hat": "none",
    "makeup": "none", "earrings": "none", "yaw": "ahead", "pitch": "level", "roll": "upright", "light": "front",
    "warmth": "neutral", "background": "grey", "clothing": "dark T-shirt",
}  # fmt: skip

# What a pair of levels must change somewhere: small things in few pixels, so the measure is the largest change
# of an 8x8-pixel block of the 64x64 picture.
SMALLEST_CHANGE = 0.009

# Mean grey levels of the 16x16-pixel blocks of four faces of seed 0.
GOLDEN_BLOCKS = [
    [[61.4, 51.6, 39.3, 70.0], [69.7, 143.2, 106.7, 52.4], [65.4, 185.4, 125.6, 62.4], [44.2, 138.4, 74.3, 48.1]],
    [[22.5, 88.9, 103.7, 34.8], [49.4, 142.1, 145.7, 75.0], [52.7, 137.6, 142.1, 87.8], [168.5, 133.7, 128.3, 136.5]],
    [[118.3, 92.2, 82.0, 127.6], [109.4, 87.1, 68.7, 147.7], [130.9, 90.3, 68.9, 168.1], [109.1, 79.2, 70.2, 79.6]],
    [[117.5, 29.8, 25.4, 92.9], [54.1, 90.5, 76.7, 41.2], [19.6, 83.9, 82.7, 17.6], [15.5, 80.8, 83.0, 12.2]],
]  # fmt: skip


def record(**levels):
    one = np.zeros(1, synthetic.DTYPE)
    for name, level in {**PLAIN, **levels}.items():
        one[name] = synthetic.FACTORS[name].index(level)
    return one


def largest_block_change(first, second):
    change = np.abs(first - second).mean(axis=-1)
    return change.reshape(8, 8, 8, 8).mean(axis=(1, 3)).max()


def every_level(name, **fixed):
    return np.concatenate([record(**{**fixed, name: level}) for level in synthetic.FACTORS[name]])


def test_range_type_and_shape():
    faces = synthetic.faces(20, seed=5)
    assert faces.shape == (20, 64, 64, 3)
    assert faces.dtype == np.float32
    assert np.isfinite(faces).all()
    assert faces.min() >= 0
    assert faces.max() <= 1
    assert faces.std() > 0.1
    assert synthetic.faces(0).shape == (0, 64, 64, 3)


def test_arithmetic_stays_in_range():
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        synthetic.faces(400, seed=9, size=32)
        synthetic.faces(40, seed=10, size=97)


@pytest.mark.parametrize("size", [32, 65, 100, 256])
def test_any_size(size):
    assert synthetic.faces(2, size=size).shape == (2, size, size, 3)


@pytest.mark.parametrize("name", list(synthetic.FACTORS))
def test_every_pair_of_levels_can_be_told_apart(name):
    faces = synthetic.render(every_level(name))
    for first in range(len(faces)):
        for second in range(first):
            levels = synthetic.FACTORS[name][first], synthetic.FACTORS[name][second]
            assert largest_block_change(faces[first], faces[second]) > SMALLEST_CHANGE, levels


def test_what_is_hidden_does_not_show():
    """A bald head has no hair style: such records share a picture, so pictures carry a little less than records."""
    for name in ("hair_style", "hair_texture"):
        faces = synthetic.render(every_level(name, hair_length="bald"))
        assert (faces == faces[0]).all(), name


@pytest.mark.parametrize(("large", "small"), [(256, 64), (128, 32)])
def test_anti_aliasing(large, small):
    """A large picture averaged over blocks is close to the small one: edges are covered, not sampled."""
    records = synthetic.sample(24, seed=6)
    times = large // small
    reduced = synthetic.render(records, large).reshape(24, small, times, small, times, 3).mean(axis=(2, 4))
    change = np.abs(reduced - synthetic.render(records, small))
    assert change.mean() < 0.012
    assert np.quantile(change, 0.99) < 0.12


def test_deterministic_and_independent_of_company():
    """A face is the same alone, in another order, and in a set of another length."""
    records = synthetic.sample(37, seed=7)
    faces = synthetic.render(records)
    assert np.array_equal(faces, synthetic.render(records))
    for index in (0, 17, 36):
        assert np.abs(synthetic.render(records[index])[0] - faces[index]).max() < 1e-6
    assert np.abs(synthetic.render(records[::-1])[::-1] - faces).max() < 1e-6
    assert np.abs(synthetic.render(records[:5]) - faces[:5]).max() < 1e-6


def test_golden_pixels():
    """Within a grey level on every machine; compared on block means."""
    faces = synthetic.faces(4, seed=0, size=64)
    blocks = faces.reshape(4, 4, 16, 4, 16, 3).mean(axis=(2, 4, 5)) * 255
    assert np.abs(blocks - np.array(GOLDEN_BLOCKS)).max() < 1


def test_framing_is_that_of_aligned_crops():
    """The pupils, the darkest spots of a light iris, sit at 0.345 and 0.645 of the width, 0.45 of the height."""
    size = 128
    face = synthetic.render(record(eye_colour="blue", skin="Monk 2", eye_shape="round"), size)[0].mean(axis=-1)
    for expected in (0.345, 0.645):
        column = slice(int((expected - 0.06) * size), int((expected + 0.06) * size))
        rows = slice(int(0.435 * size), int(0.48 * size))
        spot = face[rows, column]
        y, x = np.unravel_index(spot.argmin(), spot.shape)
        assert abs((x + column.start) / size - expected) < 0.02
        assert abs((y + rows.start) / size - 0.45) < 0.02


def test_turning_moves_the_nose_more_than_the_eyes():
    """Parallax: between the poses the features shift against the outline, so no plain shift maps one to the other."""
    left, right = synthetic.render(np.concatenate([record(yaw="left"), record(yaw="right")]))
    shifts = [np.abs(np.roll(left, step, axis=1) - right)[:, 12:-12].mean() for step in range(-8, 9)]
    assert min(shifts) > 0.02


@pytest.mark.parametrize("size", [31, 257, 64.5, 0])
def test_bad_size(size):
    with pytest.raises(errors.ImageError, match="32 to 256"):
        synthetic.render(synthetic.sample(1), size)


def test_bad_records():
    with pytest.raises(errors.ImageError, match="not face records"):
        synthetic.render(np.zeros((3, 29)))


def test_load_gives_a_labelled_face_set():
    face_set = synthetic.load(12, seed=8, size=48)
    assert face_set.images.shape == (12, 48, 48, 3)
    assert face_set.images.dtype == np.uint8
    records = synthetic.sample(12, seed=8)
    assert (np.abs(face_set.images / 255 - synthetic.render(records, 48)) <= 0.5 / 255 + 1e-6).all()
    assert set(face_set.labels) == {*synthetic.FACTORS, "male"}
    assert face_set.labels["male"].dtype == bool
    assert (face_set.labels["male"] == (records["gender"] == 1)).all()
    assert len(set(face_set.names)) == 12
