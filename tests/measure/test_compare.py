"""One face through every codec, and the picture of it."""

import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import ElicError, ImageError
from elic_tf.measure import compare


class HalfBright:
    """Writes empty files of exactly the bits asked for; decodes to a darker face."""

    name = "half"

    def encode(self, faces, bits):
        self.faces = faces
        return [bytes(bits // 8)] * len(faces)

    def decode(self, files):
        return self.faces[: len(files)] / 2


class Certain:
    def male(self, faces):
        return np.full(len(faces), 0.97)


def test_original_then_ours_then_baselines_within_the_budget_then_the_rest(astronaut):
    results = compare.compare(astronaut[0], 512, [HalfBright()], names=["JPEG", "WebP"])
    assert [result.name for result in results] == ["original", "half", "WebP", "JPEG"]
    assert [result.ours for result in results] == [False, True, False, False]
    assert [result.too_large for result in results] == [False, False, False, True]
    assert results[0].bits is None and results[1].bits == 512 and results[2].bits <= 512 < results[3].bits
    assert results[1].psnr == pytest.approx(-10 * np.log10(np.mean((astronaut / 2) ** 2)), abs=1e-3)
    assert all(result.p_male is None for result in results)


def test_bytes_and_floats_and_a_judge(astronaut):
    face = np.round(astronaut[0] * 255).astype(np.uint8)
    results = compare.compare(face, 512, names=["WebP"], judge=Certain())
    assert [result.p_male for result in results] == [0.97, 0.97]
    np.testing.assert_allclose(results[0].image, face / 255, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 64, 64, 3), (64, 64), (64, 48, 3)])
def test_wrong_shapes_are_image_errors(shape):
    with pytest.raises(ImageError, match="square face"):
        compare.compare(np.zeros(shape), 256)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_picture_is_1200_pixels_wide_and_shows_every_face(tmp_path, astronaut, count):
    tiles = [compare.Result(f"codec {i}", astronaut[0] * (i + 1) / 9, 256 + i, 20.0, 0.3, i > 3) for i in range(count)]
    compare.picture(tiles, 256, tmp_path / "picture.png")
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.width == 1200
        pixels = np.asarray(picture).astype(int)
    reds = (pixels == [0xC0, 0x20, 0x1C]).all(-1).any()
    assert reds == (count > 4)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000


def test_a_place_that_cannot_be_written_is_a_typed_error(tmp_path, astronaut):
    with pytest.raises(ElicError, match="cannot write"):
        compare.picture([compare.Result("original", astronaut[0])], 256, tmp_path / "no" / "such" / "picture.png")
