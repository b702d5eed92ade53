"""What recipes do between two epochs; resuming is tested with each recipe."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

pytest.importorskip("tensorflow")
from elic_tf.train import callbacks


def test_minutes_of_killed_runs_count(tmp_path, monkeypatch):
    now = iter((0.0, 60.0, 100.0, 130.0))
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(now))
    folder = tmp_path / "out" / "part"
    folder.mkdir(parents=True)
    for epoch in range(2):
        clock = callbacks.Clock(folder)  # a new one, as after a kill
        clock.on_epoch_begin(epoch)
        clock.on_epoch_end(epoch)
    assert callbacks.minutes(folder) == callbacks.minutes(tmp_path / "out") == 1.5
    assert callbacks.minutes(tmp_path / "elsewhere") == 0
