"""The formats of today: what the search returns is really that file, and nothing in the grid is better."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import ElicError, ImageError, MissingExtraError
from elic_tf.measure import baselines, distortion
from elic_tf.measure.baselines_formats import Setting
from elic_tf.measure.baselines_grid import get

NAMES = ["JPEG", "JPEG 2000", "WebP", "AVIF", "JPEG XL", "BlurHash", "ThumbHash"]


def _needed(name):
    reason = baselines.missing().get(name)
    if reason:
        pytest.skip(f"{name} {reason}")


def test_all_are_known_and_the_missing_ones_say_why():
    assert baselines.names(available=False) == NAMES
    assert set(baselines.names()) | set(baselines.missing()) == set(NAMES)
    assert all("pip install" in reason or "Pillow" in reason for reason in baselines.missing().values())


@pytest.mark.parametrize("name", NAMES)
def test_each_result_is_its_file(name, astronaut):
    _needed(name)
    for result in (*baselines.smallest(name, astronaut), *baselines.nearest(name, astronaut, 1024)):
        assert result.name == name and result.bits == 8 * len(result.file)
        assert result.image.shape == (64, 64, 3) and result.image.dtype == np.float32
        np.testing.assert_array_equal(get(name).decode(result.file, result.setting), result.image)
        np.testing.assert_allclose(distortion.psnr(astronaut, result.image[None]), result.psnr, atol=0.05)
        assert 0 < result.bits_without_header < result.bits


@pytest.mark.parametrize("name", NAMES)
def test_within_nearest_and_smallest_agree(name, astronaut):
    _needed(name)
    least = baselines.smallest(name, astronaut)[0]
    assert baselines.within(name, astronaut, min(least.bits - 8, 1024)) == [None]
    assert least.bits > 1024 or baselines.within(name, astronaut, least.bits)[0].file == least.file
    assert baselines.nearest(name, astronaut, 8)[0].file == least.file
    best, near = baselines.within(name, astronaut, 1024)[0], baselines.nearest(name, astronaut, 1024)[0]
    if best:
        assert least.bits <= best.bits <= 1024 and best.psnr >= least.psnr
        assert abs(near.bits - 1024) <= 1024 - best.bits


@pytest.mark.parametrize("name", ["WebP", "JPEG XL", "BlurHash"])
def test_no_other_setting_of_the_grid_does_better(name, astronaut):
    _needed(name)
    baseline, face = get(name), astronaut[0]
    grid = [baseline.settings[i] for i in np.random.default_rng(0).permutation(len(baseline.settings))[:60]]
    best = baselines.within(name, astronaut, 768)[0]
    for setting in grid:
        file = baseline.encode(face, setting)
        assert 8 * len(file) >= baselines.smallest(name, astronaut)[0].bits
        if 8 * len(file) <= 768:
            assert distortion.psnr(astronaut, baseline.decode(file, setting)[None])[0] <= best.psnr + 0.05


def test_files_are_ordinary_files_that_pillow_reads(astronaut):
    for name in ("JPEG", "JPEG 2000", "WebP", "AVIF"):
        _needed(name)
        result = baselines.smallest(name, astronaut)[0]
        assert Image.open(io.BytesIO(result.file)).size == (result.setting.side, result.setting.side)


def test_fitted_shrinking_beats_lanczos_where_nothing_else_is_lost(astronaut):
    _needed("WebP")
    webp, quality = get("WebP"), {}
    for scaling in ("lanczos", "fitted"):
        setting = Setting(16, 100, scaling, (("lossless", True),))
        decoded = webp.decode(webp.encode(astronaut[0], setting), setting)
        quality[scaling] = distortion.psnr(astronaut, decoded[None])[0]
    assert quality["fitted"] > quality["lanczos"] > 18


def test_the_jpeg_header_that_is_not_counted_is_the_same_for_every_picture(astronaut):
    jpeg, setting = get("JPEG"), Setting(32, 20, options=(("subsampling", "4:2:0"),))
    files = [jpeg.encode(face, setting) for face in (astronaut[0], astronaut[0, ::-1], 1 - astronaut[0])]
    header = len(files[0]) - jpeg.bits_without_header(files[0]) // 8
    assert all(file[: header - 2] == files[0][: header - 2] and file[-2:] == files[0][-2:] for file in files)
    optimised = Setting(32, 20, options=(("subsampling", "4:2:0"), ("optimize", True)))
    file = jpeg.encode(astronaut[0], optimised)
    assert jpeg.bits_without_header(file) > jpeg.bits_without_header(files[0])  # its own Huffman tables count


def test_leaving_out_headers_changes_what_is_searched_for(astronaut):
    _needed("WebP")
    counted, free = (baselines.within("WebP", astronaut, 512, headers=headers)[0] for headers in (True, False))
    assert counted.bits <= 512 < free.bits and free.bits_without_header <= 512 and free.psnr > counted.psnr


def test_many_faces_come_back_in_order(astronaut):
    _needed("WebP")
    faces = np.concatenate([astronaut, astronaut[:, :, ::-1], astronaut**2])
    together = baselines.within("WebP", faces, 600)
    assert [one.file for one in together[:1]] == [one.file for one in baselines.within("WebP", astronaut, 600)]
    assert len({one.file for one in together}) == 3


def test_wrong_shape_is_an_image_error():
    with pytest.raises(ImageError, match="square"):
        baselines.smallest("WebP", np.zeros((64, 64, 3)))
    with pytest.raises(ImageError, match="square"):
        baselines.smallest("WebP", np.zeros((1, 64, 32, 3)))


def test_a_missing_package_is_named_and_hides_only_its_own_baseline(monkeypatch):
    for module in ("pillow_jxl", "blurhash", "thash"):
        monkeypatch.setitem(sys.modules, module, None)
    assert baselines.names() == [name for name in NAMES if name not in ("JPEG XL", "BlurHash", "ThumbHash")]
    for name in ("JPEG XL", "BlurHash", "ThumbHash"):
        with pytest.raises(MissingExtraError, match=r"elic_tf\[bench\]"):
            baselines.smallest(name, np.zeros((1, 64, 64, 3)))
    with pytest.raises(ElicError, match="no baseline"):
        baselines.smallest("GIF", np.zeros((1, 64, 64, 3)))
