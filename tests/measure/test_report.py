"""The rate-distortion table: means over faces of what went through real files."""

import csv

import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import DataError
from elic_tf.faces.faceset import FaceSet
from elic_tf.measure import distortion, report


class Noisy:
    """The more bits, the less noise; file sizes alternate between the budget and one byte less."""

    name = "noisy"

    def encode(self, faces, bits):
        self.faces, self.bits = faces, bits
        return [bytes(bits // 8 - i % 2) for i in range(len(faces))]

    def decode(self, files):
        noise = np.random.default_rng(0).normal(size=self.faces.shape) * 8 / self.bits
        return np.clip(self.faces + noise, 0, 1).astype(np.float32)


class Sees:
    def __init__(self, answers):
        self.answers = answers

    def male(self, faces):
        return np.array(self.answers, float)


@pytest.fixture
def face_set(astronaut):
    images = np.concatenate([astronaut, astronaut[:, :, ::-1], astronaut**2, astronaut**0.5])
    images = np.round(images * 255).astype(np.uint8)
    male = np.array([False, False, False, True])
    return FaceSet("astronauts", images, {"male": male}, np.array([1, 1, 2, 2]), ["a", "b", "c", "d"])


def test_about_says_which_faces_and_how_many(face_set):
    assert report.about(face_set, "test") == "astronauts, test split: 4 faces of 2 people, 64x64"


def test_rows_are_means_over_faces(face_set):
    codec = Noisy()
    rows = report.rate_distortion([codec], face_set, bits=(64, 256))
    assert [(row["codec"], row["asked"]) for row in rows] == [("original", None), ("noisy", 64), ("noisy", 256)]
    assert [row["bits"] for row in rows] == [None, 60, 252] and rows[1]["bits_max"] == 64
    originals = face_set.images.astype(np.float32) / 255
    codec.encode(originals, 256)
    assert rows[2]["psnr"] == pytest.approx(distortion.psnr(originals, codec.decode([])).mean())
    assert rows[1]["psnr"] < rows[2]["psnr"] and rows[1]["ms_ssim"] < rows[2]["ms_ssim"]
    assert all(row["n"] == 4 and row["judge"] is None for row in rows)


def test_the_judge_is_asked_and_balanced(face_set):
    rows = report.rate_distortion([Noisy()], face_set, bits=(64,), judge=Sees([0.1, 0.1, 0.9, 0.1]))
    assert rows[1]["judge"] == 0.5 and rows[1]["judge_balanced"] == pytest.approx((2 / 3 + 0) / 2)


def test_a_baseline_is_shown_at_its_smallest_and_where_it_differs(face_set):
    rows = report.rate_distortion(["WebP", "JPEG"], face_set, bits=(64, 512, 768))
    webp = [row for row in rows if row["codec"] == "WebP"]
    assert [row["asked"] for row in webp] == ["smallest", 512, 768]  # 64 would be the smallest again
    assert webp[0]["bits"] < webp[1]["bits"] < webp[2]["bits"] and webp[1]["bits"] == pytest.approx(512, abs=60)
    assert all(row["bits_without_header"] < row["bits"] for row in webp)
    assert [row["asked"] for row in rows if row["codec"] == "JPEG"] == ["smallest"]


def test_written_files_say_the_same_and_name_the_faces(tmp_path, face_set):
    rows = report.rate_distortion([Noisy(), "WebP"], face_set, bits=(64, 512), judge=Sees([0.1, 0.1, 0.9, 0.1]))
    table, markdown, plot = report.write(rows, tmp_path / "out", report.about(face_set, "test"))
    with open(table, newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(row["psnr"]) for row in read[1:]] == [row["psnr"] for row in rows[1:]]
    assert {row["faces_of"] for row in read} == {"astronauts, test split: 4 faces of 2 people, 64x64"}
    text = markdown.read_text()
    assert text.startswith("astronauts, test split: 4 faces") and f"{rows[1]['psnr']:.2f}" in text
    with Image.open(plot) as image:
        assert min(image.size) > 400


def test_no_faces_is_a_data_error(face_set):
    with pytest.raises(DataError, match="no faces"):
        report.rate_distortion([Noisy()], face_set.take([]))
