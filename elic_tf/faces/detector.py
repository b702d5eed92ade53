"""Where the faces are: MTCNN (Zhang et al. 2016, arXiv 1604.02878), also on sideways and very large photos.

The three small networks of the `mtcnn` package (weights included) give a box, five landmarks and a
confidence for each face. Around them: a working size that makes the time independent of the camera, the
other three orientations when the picture does not look upright, and a filter for what is no face.
"""

import contextlib
import dataclasses
import functools
import importlib
import os
import sys

import numpy as np
from PIL import Image

from elic_tf.errors import ImageError, MissingExtraError
from elic_tf.quiet import quiet

# (longest side in pixels, quarter turns anticlockwise), tried in this order. MTCNN finds faces from 20
# pixels: at 640 that is 3 % of the picture. The last view is for small faces in large photos.
_VIEWS = ((640, 0), (640, 1), (640, 3), (640, 2), (1280, 0))
# Of 400 CelebA photos, 354 upright ones reach _SURE and need no other view. With these three numbers the
# orientation was wrong for none of them upright, 1 on a side, 9 upside down; no face was found in 2.
_SURE = 0.95
_LIKELY = 0.8
_UPRIGHT_BONUS = 0.02

# Where an eye, nose or mouth corner lies in the box, for undoing MTCNN's rounding (see _unbias).
_PLACES = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.78), (0.65, 0.78)])


@dataclasses.dataclass(frozen=True)
class Face:
    """A face in a photo. All coordinates are in pixels of the photo, from its top left corner.

    "Left" and "right" are as seen in the upright picture. Without mouth corners, a face is aligned by the
    eyes alone.
    """

    box: tuple[float, float, float, float]
    """x, y, width, height"""
    left_eye: tuple[float, float]
    right_eye: tuple[float, float]
    confidence: float = 1.0
    """MTCNN's, lowered where the eyes are closer together than in an upright face seen from the front."""
    left_mouth: tuple[float, float] | None = None
    right_mouth: tuple[float, float] | None = None
    turn: int = 0
    """Degrees, anticlockwise, by which the photo must be turned to stand upright: 0, 90, 180 or 270."""

    @property
    def eye_distance(self) -> float:
        return float(np.hypot(*np.subtract(self.right_eye, self.left_eye)))


def find(image) -> list[Face]:
    """The faces in `image`, uint8 (height, width, 3), largest first; an empty list if there are none.

    If no upright face is certain, the picture is also looked at on its sides and upside down, and the
    orientation with the most certain face wins. Raises MissingExtraError without the `mtcnn` package,
    ImageError for a wrong array.
    """
    image = check_photo(image)
    mtcnn = _mtcnn()
    longest = max(image.shape[:2])
    best, best_score = [], 0.0
    for limit, turns in _VIEWS:
        if limit > _VIEWS[0][0] and (best or longest <= _VIEWS[0][0]):
            break
        faces = _look(mtcnn, image, min(limit, longest), turns)
        confidence = max((face.confidence for face in faces), default=0.0)
        if turns == 0 and confidence >= _SURE:
            best = faces
            break
        score = confidence + _UPRIGHT_BONUS * (turns == 0)
        if faces and score > best_score:
            best, best_score = faces, score
    return sorted(best, key=lambda face: -face.box[2] * face.box[3])


def from_left(faces) -> list[Face]:
    """The faces in the order in which one would count them, from the left of the upright picture."""

    def across(face):
        x, y, width, height = face.box
        angle = np.radians(face.turn)
        return (x + width / 2) * np.cos(angle) + (y + height / 2) * np.sin(angle)

    return sorted(faces, key=across)


def check_photo(image) -> np.ndarray:
    """`image` as an array, or ImageError if it is not uint8 (height, width, 3)."""
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        what = f"{image.dtype} of shape {image.shape}"
        raise ImageError(f"a photo is uint8 (height, width, 3), got {what}; photos.read(path) makes one")
    return image


def _look(mtcnn, image, size, turns) -> list[Face]:
    """The faces in one view of the image: `size` pixels long, turned by `turns` quarters anticlockwise."""
    height, width = image.shape[:2]
    view = image
    if size < max(height, width):
        scale = size / max(height, width)
        small = (max(1, round(width * scale)), max(1, round(height * scale)))
        view = np.asarray(Image.fromarray(image).resize(small, Image.Resampling.BILINEAR, reducing_gap=2.0))
    stretch = np.array([width, height]) / view.shape[1::-1]
    view = np.ascontiguousarray(np.rot90(view, turns))
    rows = mtcnn.detect_faces(view, output_type="numpy", box_format="xyxy", fit_to_image=False)
    faces = []
    for row in sorted(np.asarray(rows, np.float64).reshape(-1, 16), key=lambda row: -row[5]):
        corners = row[1:5].reshape(2, 2)
        points = _unbias(row[6:16].reshape(2, 5).T, view.shape)
        confidence = _confidence(row[5], corners, points)
        if confidence < _LIKELY:
            continue
        points, corners = (_turn_back(p, turns, view.shape) * stretch for p in (points, corners))
        low, high = corners.min(0), corners.max(0)
        if any(_inside((low + high) / 2, face.box) for face in faces):  # a second box on a face already found
            continue
        left_eye, right_eye, _, left_mouth, right_mouth = (tuple(map(float, p)) for p in points)
        box = tuple(map(float, (*low, *(high - low))))
        faces.append(Face(box, left_eye, right_eye, confidence, left_mouth, right_mouth, 90 * turns))
    return faces


def _unbias(points, shape) -> np.ndarray:
    """MTCNN's landmarks (5, 2) in pixels from the image's corner.

    It counts pixels from 1 in a box one pixel too wide, and TensorFlow's crop_and_resize spans pixel
    centres: up to a pixel together, which is 5 % of the eye distance in a small face. With this, the mean
    eyes of 300 faces agree to 0.1 % of the picture whether it is enlarged by 1, 2, 3 or 4; without, they
    drift by 0.7 %.
    """
    return points + 1.5 - _PLACES - points / (shape[1], shape[0])


def _confidence(confidence, corners, points) -> float:
    """MTCNN's confidence, less what speaks against an upright face; 0 where eyes and mouth are in no order.

    In a face seen upside down or from the side of the photo, MTCNN takes other things for eyes. They are
    closer together: in half of those the distance is below 0.39 of the box's width, in 5 % of upright faces
    below 0.40.
    """
    width, height = corners[1] - corners[0]
    left_eye, right_eye, _, left_mouth, right_mouth = points
    across, down = right_eye - left_eye, (left_mouth + right_mouth - left_eye - right_eye) / 2
    if abs(across[1]) > across[0] or not 0.2 <= down[1] / height <= 0.55:
        return 0.0
    return float(confidence - max(0.0, 0.45 - np.hypot(*across) / width))


def _turn_back(points, turns, shape) -> np.ndarray:
    """Points (n, 2) of a view of `shape` to the picture that np.rot90 turned by `turns` to get it."""
    x, y = points.T
    height, width = shape[:2]
    return np.stack([(x, y), (height - y, x), (width - x, height - y), (y, width - x)][turns], axis=1)


def _inside(point, box) -> bool:
    return box[0] <= point[0] <= box[0] + box[2] and box[1] <= point[1] <= box[1] + box[3]


def _mtcnn():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with contextlib.nullcontext() if "tensorflow" in sys.modules else quiet():
        try:
            mtcnn = importlib.import_module("mtcnn")
        except ImportError as error:
            raise MissingExtraError(
                f'finding faces needs the mtcnn package ({error}): pip install "elic_tf[photos]"'
            ) from error
        return _build(mtcnn)


@functools.cache
def _build(mtcnn):
    return mtcnn.MTCNN()
