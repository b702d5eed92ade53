import numpy as np
from PIL import Image

from elic_tf.faces import framing
from elic_tf.faces.faceset import FaceSet


def face_set(name, images):
    return FaceSet(name, images, {}, None, [""] * len(images))


def test_the_frame_is_an_affine_map_with_the_nearest_edge_outside():
    """Beside Pillow, whose pixels have their centres at halves."""
    ramp = np.linspace(0, 255, 64)
    images = np.stack([np.broadcast_to(ramp[:, None, None], (64, 64, 3)), np.broadcast_to(ramp[:, None], (64, 64, 3))])
    images = np.round(images).astype(np.uint8)
    scale, x, y = framing.FRAMES["utkface"]
    found = framing.as_celeba(face_set("utkface", images)).images
    for face, ours in zip(images, found):
        padded = np.pad(face, ((64, 64), (64, 64), (0, 0)), mode="edge")
        shift = [64 * offset + 64 + 0.5 - 0.5 * scale for offset in (x, y)]
        theirs = Image.fromarray(padded).transform(
            (64, 64), Image.Transform.AFFINE, (scale, 0, shift[0], 0, scale, shift[1]), Image.Resampling.BILINEAR
        )
        assert np.abs(ours.astype(int) - np.asarray(theirs)).max() <= 1
    assert found[0, 0, 0, 0] == 0 and found[0, 14, 0, 0] == 0 and found[0, 20, 0, 0] > 0


def test_faces_in_the_frame_already_are_left_alone():
    faces = face_set("celeba", np.zeros((2, 64, 64, 3), np.uint8))
    assert framing.as_celeba(faces) is faces
