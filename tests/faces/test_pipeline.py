import subprocess
import sys

import numpy as np
import pytest

from elic_tf.errors import DataError, ImageError
from elic_tf.faces import FaceSet, pipeline


def numbered(n=10, size=8):
    """Images whose pixels all equal their number."""
    images = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, size, size, 3)).copy()
    labels = {"number": np.arange(n), "text": np.array([str(i) for i in range(n)]), "even": np.arange(n) % 2 == 0}
    return FaceSet("numbered", images, labels, None, [f"{i}.png" for i in range(n)])


def noise(n=64, size=12):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), np.uint8)


def numbers(batches):
    return [np.rint(np.asarray(batch)[:, 0, 0, 0] * 255).astype(int).tolist() for batch in batches]


def flat(batches):
    return [number for batch in numbers(batches) for number in batch]


def test_a_plain_pass_is_the_pixels_in_order():
    images = noise(10)
    batches = list(pipeline.dataset(images, 4, shuffle=False))
    assert [batch.shape[0] for batch in batches] == [4, 4, 2]
    assert all(batch.dtype == "float32" for batch in batches)
    np.testing.assert_allclose(np.concatenate(batches), images / 255, atol=1e-7)


@pytest.mark.parametrize("augment", [None, "flip", "full"])
def test_shape_and_length_are_known_beforehand(augment):
    dataset = pipeline.dataset(noise(10), 4, augment=augment)
    assert dataset.element_spec.shape.as_list() == [None, 12, 12, 3]
    assert int(dataset.cardinality()) == 3 == pipeline.steps(noise(10), 4)
    dataset = pipeline.dataset(noise(10), 4, augment=augment, drop_remainder=True)
    assert dataset.element_spec.shape.as_list() == [4, 12, 12, 3]
    assert int(dataset.cardinality()) == 2 == len(list(dataset)) == pipeline.steps(noise(10), 4, True)
    assert int(pipeline.dataset(noise(10), 4, repeat=True).cardinality()) == -1


def test_a_shuffled_pass_has_each_face_once_in_an_order_set_by_the_seed():
    orders = [flat(pipeline.dataset(numbered(), 4, seed=seed)) for seed in (0, 0, 1)]
    assert sorted(orders[0]) == list(range(10))
    assert orders[0] == orders[1] != orders[2]


def test_without_repeat_each_iteration_is_the_same():
    dataset = pipeline.dataset(numbered(), 4)
    assert flat(dataset) == flat(dataset)


def test_each_pass_is_shuffled_anew():
    order = flat(pipeline.dataset(numbered(), 4, repeat=True).take(6))
    assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
    assert order[:10] != order[10:]


@pytest.mark.parametrize("drop_remainder", [False, True])
@pytest.mark.parametrize("skip", [0, 1, 2, 3, 4, 7])
def test_a_resumed_training_sees_the_same_batches(skip, drop_remainder):
    def batches(**arguments):
        return list(
            pipeline.dataset(
                noise(10), 4, seed=3, repeat=True, augment="full", drop_remainder=drop_remainder, **arguments
            ).take(8)
        )

    whole, rest = batches(), batches(skip=skip)
    for expected, got in zip(whole[skip:], rest):
        np.testing.assert_array_equal(expected, got)


def test_skip_within_one_pass():
    whole = numbers(pipeline.dataset(numbered(), 4))
    assert numbers(pipeline.dataset(numbered(), 4, skip=1)) == whole[1:]
    assert numbers(pipeline.dataset(numbered(), 4, skip=3)) == []
    with pytest.raises(DataError, match="repeat=True"):
        pipeline.dataset(numbered(), 4, skip=4)


def test_labels_stay_with_their_faces():
    dataset = pipeline.dataset(numbered(), 4, labels=("number", "text", "even"), augment="flip")
    for images, labels in dataset:
        number = np.rint(images.numpy()[:, 0, 0, 0] * 255).astype(int)
        np.testing.assert_array_equal(labels["number"], number)
        assert [text.decode() for text in labels["text"].numpy()] == list(map(str, number))
        np.testing.assert_array_equal(labels["even"], number % 2 == 0)


def test_flip_mirrors_about_half():
    images = noise(400)
    flipped = 0
    for image, got in zip(images, np.concatenate(list(pipeline.dataset(images, 64, shuffle=False, augment="flip")))):
        plain, mirrored = (np.allclose(got, each / 255, atol=1e-6) for each in (image, image[:, ::-1]))
        assert plain != mirrored
        flipped += mirrored
    assert 160 < flipped < 240


def test_full_shifts_with_replicated_edges(monkeypatch):
    for constant in ("CONTRAST", "BRIGHTNESS", "WARMTH"):
        monkeypatch.setattr(pipeline, constant, 0.0)
    images, seen = noise(300), set()
    got = np.concatenate(list(pipeline.dataset(images, 64, shuffle=False, augment="full")))
    for image, result in zip(images, got):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="edge") / 255
        options = {
            (flip, down, right): padded[down : down + 12, right : right + 12][:, :: -1 if flip else 1]
            for flip in (False, True)
            for down in range(5)
            for right in range(5)
        }
        matches = [key for key, option in options.items() if np.allclose(option, result, atol=1e-6)]
        assert len(matches) == 1
        seen.add(matches[0])
    assert len(seen) > 45  # of 50


def test_full_changes_contrast_brightness_and_warmth_within_bounds():
    got = np.concatenate(list(pipeline.dataset(np.full((2000, 8, 8, 3), 128, np.uint8), 500, augment="full")))
    means = got.mean((1, 2)) - 128 / 255
    brightness, warmth = means[:, 1], (means[:, 0] - means[:, 2]) / 2
    for values, limit in ((brightness, pipeline.BRIGHTNESS), (warmth, pipeline.WARMTH)):
        assert np.abs(values).max() <= limit + 1e-3
        assert values.max() > 0.9 * limit and values.min() < -0.9 * limit
    ramp = np.broadcast_to(np.linspace(40, 215, 8).astype(np.uint8)[:, None, None], (500, 8, 8, 3))
    got = np.concatenate(list(pipeline.dataset(ramp, 500, augment="full")))
    contrast = (got[:, 5] - got[:, 4]).mean((1, 2)) / (25 / 255)
    assert 0.85 < contrast[contrast > 0.5].min() < 0.95 and 1.05 < contrast.max() < 1.15
    extreme = np.concatenate(list(pipeline.dataset(noise(200), 64, augment="full")))
    assert extreme.min() >= 0 and extreme.max() <= 1


def test_float_images_pass_unchanged():
    images = np.random.default_rng(0).random((5, 8, 8, 3), np.float32)
    np.testing.assert_array_equal(np.concatenate(list(pipeline.dataset(images, 2, shuffle=False))), images)


def test_a_memory_map_is_read(tmp_path):
    np.save(tmp_path / "faces.npy", noise(10))
    images = np.load(tmp_path / "faces.npy", mmap_mode="r")
    got = np.concatenate(list(pipeline.dataset(images, 4, shuffle=False)))
    np.testing.assert_allclose(got, noise(10) / 255, atol=1e-7)


def test_wrong_input_is_refused():
    with pytest.raises(ImageError, match="int32"):
        pipeline.dataset(np.zeros((4, 8, 8, 3), np.int32), 2)
    with pytest.raises(ImageError, match="shape"):
        pipeline.dataset(np.zeros((8, 8, 3), np.uint8), 2)
    with pytest.raises(DataError, match="no batch of 20"):
        pipeline.dataset(noise(10), 20, drop_remainder=True)
    with pytest.raises(DataError, match="augment"):
        pipeline.dataset(noise(10), 2, augment="some")
    with pytest.raises(DataError, match="no label 'age'; it has number"):
        pipeline.dataset(numbered(), 2, labels=("age",))
    with pytest.raises(DataError, match="need a FaceSet"):
        pipeline.dataset(noise(10), 2, labels=("age",))


def test_keras_trains_on_it():
    import keras

    model = keras.Sequential([keras.layers.Input((12, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    faces = FaceSet("noise", noise(10), {"male": np.arange(10) % 2 == 0}, None, [str(i) for i in range(10)])
    dataset = pipeline.dataset(faces, 4, repeat=True, augment="flip", labels=("male",))
    history = model.fit(
        dataset.map(lambda images, labels: (images, labels["male"])),
        steps_per_epoch=pipeline.steps(faces, 4),
        epochs=2,
        shuffle=False,
        verbose=0,
    )
    assert np.isfinite(history.history["loss"]).all()


def test_importing_it_does_not_import_tensorflow():
    code = "import sys, elic_tf.faces.pipeline, elic_tf.faces.celeba; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
