"""The set-up of a lesson: device, data, mode, and faces of one shape from wherever they come."""

import subprocess
import sys

import numpy as np
import pytest

from elic_tf.course import setup
from elic_tf.errors import DataError, ElicError


@pytest.fixture(autouse=True)
def plain(monkeypatch, tmp_path):
    """No GPU, no data, no mode chosen."""
    for name in ("ELIC_MODE", "ELIC_FACES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("ELIC_DATA", str(tmp_path))
    monkeypatch.setattr(setup.scores, "_started", [])


def test_says_device_data_mode_and_minutes(capsys):
    course = setup.start("00", minutes={"class": 12, "full": 5})
    assert (course.device, course.data, course.mode, course.minutes) == ("CPU", "synthetic", "class", 12)
    said = capsys.readouterr().out
    assert "lesson 00 on CPU" in said and "synthetic faces" in said
    assert "mode class: about 12 minutes on two CPU cores" in said


def test_a_gpu_means_full_mode(monkeypatch, capsys):
    monkeypatch.setattr(setup, "_gpu", lambda: "Tesla T4")
    course = setup.start("00", minutes={"class": 12, "full": 5})
    assert course.device == "GPU" and course.mode == "full" and course.pick(1, 2, 3) == 3
    assert "on Tesla T4" in capsys.readouterr().out


def test_the_mode_can_be_chosen_but_only_one_of_three(monkeypatch):
    monkeypatch.setenv("ELIC_MODE", "smoke")
    course = setup.start("00")
    assert course.minutes is None and course.pick(smoke=1, classroom=2, full=3) == 1
    monkeypatch.setenv("ELIC_MODE", "fast")
    with pytest.raises(ElicError, match="smoke, class, full"):
        setup.start("00")


def test_synthetic_faces_differ_between_splits_and_come_back_the_same():
    train, test = setup.faces(3, "train"), setup.faces(3, "test")
    assert train.shape == (3, 64, 64, 3) and train.dtype == np.float32 and 0 <= train.min() < train.max() <= 1
    assert not np.array_equal(train, test) and np.array_equal(train, setup.faces(3))
    assert setup.face_set(3).labels["male"].dtype == bool
    with pytest.raises(DataError, match="train, validation, test"):
        setup.faces(3, "all")


@pytest.mark.faces
def test_real_faces_where_there_are_some(faces_root, monkeypatch):
    monkeypatch.setenv("ELIC_DATA", str(faces_root))
    assert setup.available_data() == "celeba"
    assert setup.faces(3, "test").shape == (3, 64, 64, 3) and "male" in setup.face_set(3).labels
    monkeypatch.setenv("ELIC_FACES", "synthetic")
    assert setup.available_data() == "synthetic"


def test_asking_for_celeba_where_there_is_none_says_how_to_get_it(monkeypatch):
    monkeypatch.setenv("ELIC_FACES", "celeba")
    with pytest.raises(DataError, match="ELIC_DATA"):
        setup.start("00")
    monkeypatch.setenv("ELIC_FACES", "mine")
    with pytest.raises(ElicError, match="synthetic or celeba"):
        setup.start("00")


def test_starting_a_lesson_takes_no_tensorflow():
    code = "import sys; from elic_tf.course import checks, figures, quiz, setup; setup.start('00'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "jupytext", "nbformat", "matplotlib.pyplot"} & set(done.stdout.split())
