"""Finding, aligning and pasting back. The one real photograph is the public-domain portrait of scikit-image."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import FaceTooSmallError, ImageError, MissingExtraError, NoFaceError, SeveralFacesError
from elic_tf.faces import photos
from elic_tf.faces.photos import Face, Placement

pytest.importorskip("mtcnn", reason='finding faces needs mtcnn: pip install "elic_tf[photos]"')
data = pytest.importorskip("skimage.data", reason='the portrait is in scikit-image: pip install "elic_tf[bench]"')

LEFT_EYE, RIGHT_EYE = (204.3, 101.0), (245.7, 103.1)  # of the portrait, by eye


@pytest.fixture(scope="session")
def portrait():
    return data.astronaut()


@pytest.fixture(scope="session")
def aligned(portrait):
    return photos.align(portrait)


def resized(image, width, height=None):
    return np.asarray(Image.fromarray(image).resize((width, height or width), Image.Resampling.LANCZOS))


def difference(a, b):
    """Mean absolute difference in grey levels."""
    return np.abs(a.astype(float) - b).mean()


def drawn_face(x=300.0, y=280.0, side=200.0, angle=20.0):
    """A Face such that the crop lies exactly at this placement."""
    frame = [(0.3485, 0.4549), (0.6370, 0.4549), (0.3617, 0.7590), (0.6217, 0.7590)]
    eyes_and_mouth = map(tuple, Placement(x, y, side, angle).to_photo(frame))
    names = ("left_eye", "right_eye", "left_mouth", "right_mouth")
    return Face(box=(x - side / 3, y - side / 3, side / 1.5, side / 1.5), **dict(zip(names, eyes_and_mouth)))


# find


def test_the_portrait_has_one_face_with_eyes_where_they_are(portrait):
    (face,) = photos.find(portrait)
    assert np.allclose(face.left_eye, LEFT_EYE, atol=3)
    assert np.allclose(face.right_eye, RIGHT_EYE, atol=3)
    assert face.confidence > 0.95
    assert face.turn == 0
    x, y, width, height = face.box
    assert x < face.left_eye[0] < face.right_eye[0] < x + width
    assert y < face.left_eye[1] < face.left_mouth[1] < y + height


@pytest.mark.parametrize("size", [256, 1500])
def test_coordinates_are_those_of_the_photo_at_any_size(portrait, size):
    (face,) = photos.find(resized(portrait, size))
    assert np.allclose(face.left_eye, np.multiply(LEFT_EYE, size / 512), atol=3 * size / 512)
    assert np.allclose(face.right_eye, np.multiply(RIGHT_EYE, size / 512), atol=3 * size / 512)


def test_a_small_face_in_a_large_photo(portrait):
    photo = np.full((1600, 2000, 3), 120, np.uint8)
    photo[900:1156, 1300:1556] = resized(portrait, 256)
    (face,) = photos.find(photo)
    assert np.allclose(face.left_eye, [1300 + LEFT_EYE[0] / 2, 900 + LEFT_EYE[1] / 2], atol=3)


@pytest.mark.parametrize(
    "image",
    [
        np.full((300, 400, 3), 127, np.uint8),
        np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((5, 2000, 3), np.uint8),
        np.full((14, 14, 3), 200, np.uint8),
    ],
    ids=["flat", "noise", "pixel", "strip", "tiny"],
)
def test_nothing_is_found_where_nothing_is(image):
    with pytest.raises(NoFaceError, match="no face found"):
        photos.align(image)


@pytest.mark.parametrize(
    "image",
    [np.zeros((9, 9, 3)), np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((0, 9, 3), np.uint8)],
)
def test_a_wrong_array_is_an_error_that_says_what_a_photo_is(image):
    with pytest.raises(ImageError, match=r"uint8 \(height, width, 3\)"):
        photos.find(image)


def test_without_mtcnn_the_error_names_the_extra(portrait, monkeypatch):
    monkeypatch.setitem(sys.modules, "mtcnn", None)
    with pytest.raises(MissingExtraError, match=r'pip install "elic_tf\[photos\]"'):
        photos.find(portrait)


def test_quiet_in_a_fresh_process_and_tensorflow_only_when_needed():
    code = """
import sys, numpy as np
from elic_tf.faces import photos
assert not {"tensorflow", "mtcnn", "skimage"} & sys.modules.keys()
assert photos.find(np.zeros((64, 64, 3), np.uint8)) == []
assert "tensorflow" in sys.modules
sys.stderr.write("still heard")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "still heard")


# align


def test_the_crop_is_framed_like_the_training_faces(aligned):
    crop, placement = aligned
    assert crop.shape == (64, 64, 3) and crop.dtype == np.uint8
    eyes = placement.to_photo([(0.3485, 0.4549), (0.6370, 0.4549)])
    assert np.allclose(eyes, [LEFT_EYE, RIGHT_EYE], atol=3)


@pytest.mark.faces
def test_framing_agrees_with_the_celeba_reader(faces_root):
    """Whole CelebA files, enlarged as if they were photos: the crop found must be the official one."""
    files = sorted((faces_root / "celeba" / "img_align_celeba").glob("*.jpg"))[:1500:50]
    offsets, missed = [], 0
    for file in files:
        photo = photos.read(file)
        photo = resized(photo, 2 * photo.shape[1], 2 * photo.shape[0])
        unit = photo.shape[1] / 178  # the official width
        try:
            _, placement = photos.align(photo, "largest")
        except NoFaceError:
            missed += 1
            continue
        corners = placement.to_photo([(0, 0), (1, 0), (0, 1), (1, 1)]) / unit
        official = np.array([(24, 52), (156, 52), (24, 184), (156, 184)])
        offsets.append(np.linalg.norm(corners - official, axis=1).mean() / 132 * 64)
    assert missed <= 1
    assert np.median(offsets) < 1.8  # pixels of a 64x64 crop, at the corners


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_sideways_photo_without_exif_gives_the_same_upright_crop(portrait, aligned, turns):
    turned = np.ascontiguousarray(np.rot90(portrait, turns))
    (face,) = photos.find(turned)
    assert face.turn == {1: 270, 2: 180, 3: 90}[turns]
    crop, _ = photos.align(turned, face)
    assert difference(crop, aligned[0]) < 2


def test_two_faces_ask_for_a_choice(portrait, aligned):
    small = resized(portrait, 360)
    photo = np.full((512, 900, 3), 127, np.uint8)
    photo[100:460, :360] = small
    photo[:, 388:] = portrait
    with pytest.raises(SeveralFacesError, match=r"2 faces found.*--face 1 to 2.*--face largest"):
        photos.align(photo)
    faces = photos.find(photo)
    assert faces[0].box[2] > faces[1].box[2]
    assert photos.align(photo, 1)[1].x < 360 < photos.align(photo, 2)[1].x
    assert difference(photos.align(photo, "largest")[0], aligned[0]) < 8
    assert photos.align(photo, faces[1])[1] == photos.align(photo, 1)[1]
    with pytest.raises(ImageError, match="1 to 2"):
        photos.align(photo, 3)
    turned = np.ascontiguousarray(np.rot90(photo))
    assert difference(photos.align(turned, 1)[0], photos.align(photo, 1)[0]) < 8


def test_a_small_face_in_the_background_is_not_a_second_sitter(portrait, aligned):
    photo = np.full((512, 700, 3), 127, np.uint8)
    photo[:, :512] = portrait
    photo[50:200, 540:690] = resized(portrait, 150)
    assert len(photos.find(photo)) == 2
    assert difference(photos.align(photo)[0], aligned[0]) < 8


def test_a_face_too_small_is_refused_with_the_numbers(portrait):
    with pytest.raises(FaceTooSmallError, match=r"8 pixels apart, at least 10"):
        photos.align(resized(portrait, 100))


def test_the_crop_shows_what_the_placement_says():
    """On a photo whose red is x / 3 and green is y / 3, each pixel of the crop tells where it came from."""
    y, x = np.mgrid[:600, :700] + 0.5
    photo = np.rint(np.stack([x / 3, y / 3, 0 * x], axis=-1)).astype(np.uint8)
    crop, placement = photos.align(photo, drawn_face())
    assert np.allclose(dataclasses.astuple(placement), (300, 280, 200, 20), atol=0.01)
    v, u = (np.mgrid[:64, :64] + 0.5) / 64
    expected = placement.to_photo(np.stack([u.ravel(), v.ravel()], axis=1)).reshape(64, 64, 2) / 3
    assert np.abs(crop[..., :2] - expected).max() < 1.1
    assert np.abs((crop[..., :2] - expected).mean((0, 1))).max() < 0.1  # a third of a pixel


@pytest.mark.parametrize("side", [100.0, 300.0, 1300.0])
def test_shrinking_is_antialiased(side):
    """A checkerboard of single pixels, too fine for the crop, comes out grey and not as a moiré pattern."""
    photo = np.zeros((1500, 1500, 3), np.uint8)
    photo[::2, ::2] = photo[1::2, 1::2] = 255
    crop, _ = photos.align(photo, drawn_face(750, 750, side, 0 if side > 100 else 3))
    assert abs(crop.mean() - 127.5) < 2
    assert crop.std() < (25 if side == 100 else 3)


def test_beyond_the_edge_the_edge_is_repeated():
    photo = np.full((400, 400, 3), 200, np.uint8)
    photo[:20] = 50
    crop, _ = photos.align(photo, drawn_face(200, 40, 200, 0))
    assert (crop[:16] == 50).all() and (crop[40:] == 200).all()


def test_eyes_alone_are_enough():
    face = dataclasses.replace(drawn_face(), left_mouth=None, right_mouth=None)
    _, placement = photos.align(np.zeros((600, 600, 3), np.uint8), face)
    assert np.allclose(dataclasses.astuple(placement), (300, 280, 200, 20), atol=0.01)


# Placement and paste


def test_a_placement_survives_json():
    placement = Placement(1.25, 2.5, 66.125, -3.0)
    assert Placement.from_dict(json.loads(json.dumps(placement.to_dict()))) == placement


@pytest.mark.parametrize(
    "values", [{"x": 1}, {"x": 1, "y": 1, "side": 0, "angle": 0}, {"x": 1, "y": "1", "side": 5, "angle": 0}, None]
)
def test_a_broken_placement_is_an_error(values):
    with pytest.raises(ImageError, match="placement"):
        Placement.from_dict(values)


@pytest.fixture(params=[0, 90, -33], ids="angle{}".format)
def tilted(request, portrait):
    """The portrait and a placement on its face at some angle, partly outside the photo."""
    return portrait, Placement(226.0, 60.0, 150.0, float(request.param))


def crop_at(photo, placement, size):
    face = drawn_face(*dataclasses.astuple(placement))
    crop, found = photos.align(photo, face, size)
    assert np.allclose(dataclasses.astuple(found), dataclasses.astuple(placement), atol=0.01)
    return crop


def test_pasting_back_what_was_cut_out_changes_almost_nothing(tilted):
    photo, placement = tilted
    back = photos.paste(photo, crop_at(photo, placement, 256), placement)
    assert back.shape == photo.shape and back.dtype == np.uint8
    changed = (back != photo).any(-1)
    assert 0.5 < changed.sum() / 150**2 < 1
    assert np.abs(back[changed].astype(float) - photo[changed]).mean() < 3
    assert abs((back[changed].astype(float) - photo[changed]).mean()) < 0.1


def test_cutting_out_what_was_pasted_gives_it_back(tilted):
    photo, placement = tilted
    rng = np.random.default_rng(3)
    face = resized(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8), 64)
    again = crop_at(photos.paste(photo, face, placement), placement, 64)
    v, u = (np.mgrid[:64, :64] + 0.5) / 64
    x, y = placement.to_photo(np.stack([u.ravel(), v.ravel()], axis=1)).T.reshape(2, 64, 64)
    inside = (np.minimum.reduce([u, v, 1 - u, 1 - v]) > 0.15) & (np.minimum.reduce([x, y, 512 - x]) > 2)
    assert inside.sum() > 1000
    assert np.abs(again[inside].astype(float) - face[inside]).mean() < 2


def test_the_pasted_face_fades_out_and_leaves_the_rest(portrait):
    black, placement = np.zeros((400, 400, 3), np.uint8), Placement(200, 200, 160, 0)
    pasted = photos.paste(black, np.ones((64, 64, 3), np.float32), placement)  # floats, as decoders give them
    row = pasted[200, :, 0].astype(int)
    assert (row[:120] == 0).all() and (row[280:] == 0).all() and (row[141:259] == 255).all()
    assert (np.diff(row[119:142]) >= 0).all() and np.diff(row).max() < 25
    assert not black.any()


def test_pasting_outside_the_photo_changes_nothing(portrait):
    crop = np.zeros((64, 64, 3), np.uint8)
    assert (photos.paste(portrait, crop, Placement(-500, 100, 100, 10)) == portrait).all()


@pytest.mark.parametrize(
    "crop", [np.zeros((64, 32, 3), np.uint8), np.zeros((64, 64), np.uint8), np.zeros((8, 8, 3), int)]
)
def test_pasting_something_else_is_an_error(portrait, crop):
    with pytest.raises(ImageError, match="a crop is"):
        photos.paste(portrait, crop, Placement(200, 200, 100, 0))
