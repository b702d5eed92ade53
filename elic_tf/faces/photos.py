"""Ordinary photographs: find the face, cut it out as the training faces are cut, and put a decoded face back.

    photo = photos.read("portrait.jpg")              # uint8 (height, width, 3)
    crop, placement = photos.align(photo)            # uint8 (64, 64, 3), and where it lay
    photo = photos.paste(photo, decoded, placement)

The crop is a similarity transform (shift, turn, scale; never a mirror image) of the photo that brings eyes
and mouth corners to where they are, in the mean, in the CelebA crops the codecs are trained on.

Limits, from the face finder: profiles (one eye hidden) are found seldom and framed loosely; faces below 20
pixels, or below 2 % of a large photo, are missed; hands, masks and dark glasses can hide a face; heads
tilted by half a quarter turn, and one photo in forty that is upside down, come out wrongly turned. Drawings
and statues may count as faces.
"""

import dataclasses
import math

import numpy as np
from PIL import Image

from elic_tf.errors import FaceTooSmallError, ImageError, NoFaceError, SeveralFacesError
from elic_tf.faces.detector import Face, check_photo, find, from_left
from elic_tf.faces.image_files import read
from elic_tf.faces.reading import crop_resize

__all__ = ["Face", "Placement", "align", "find", "from_left", "paste", "read"]

# Mean position of left eye, right eye, left and right mouth corner in the crops of the CelebA reader
# (fractions of the side), as `find` sees them in 900 of 1,000 pictures, the oddest tenth left out. With the
# eyes alone the frame is off by more than 5 pixels of 64 for one face in twenty, as the eyes of a turned
# head are close together; with the mouth corners at half the weight of an eye, by 2.7.
_FRAME = np.array([0.3485 + 0.4549j, 0.6370 + 0.4549j, 0.3617 + 0.7590j, 0.6217 + 0.7590j])
_WEIGHTS = np.array([2.0, 2.0, 1.0, 1.0])

MIN_EYE_DISTANCE = 10.0
"""Pixels between the eyes below which a face is refused; in a 64x64 crop they are 18 apart."""

_BYSTANDER = 1 / 3  # faces smaller than this part of the largest one are background, not a second sitter
_FEATHER = 1 / 8  # of the side: over this width a pasted face fades into the photo


@dataclasses.dataclass(frozen=True)
class Placement:
    """Where a square crop lies in a photo: centre (from the top left) and side in pixels, angle in degrees.

    The angle is the direction of the crop's upper edge, clockwise from the photo's: at 90 the top of the
    crop is at the right of the photo.
    """

    x: float
    y: float
    side: float
    angle: float

    def __post_init__(self):
        values = (self.x, self.y, self.side, self.angle)
        if not all(isinstance(v, int | float) and math.isfinite(v) for v in values) or self.side <= 0:
            raise ImageError(f"a placement is four finite numbers with a positive side, got {values}")

    def to_photo(self, points) -> np.ndarray:
        """Points (n, 2) of the crop, as fractions of its side, to pixels of the photo."""
        u, v = (np.asarray(points, np.float64) - 0.5).T * self.side
        c, s = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        return np.stack([self.x + c * u - s * v, self.y + s * u + c * v], axis=1)

    def to_dict(self) -> dict[str, float]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values) -> "Placement":
        try:
            return cls(**values)
        except TypeError:
            raise ImageError(f"a placement has x, y, side and angle, got {values!r}") from None


def align(image, face=None, size: int = 64) -> tuple[np.ndarray, Placement]:
    """Cut out one face, framed and resampled as the CelebA reader frames and resamples.

    image: uint8 (height, width, 3). face: a Face of `find`; or its number from the left, starting at 1; or
    "largest"; or None if there is only one. (Faces less than a third of the largest one's size do not count
    as a second.)

    Returns the crop, uint8 (size, size, 3), upright, and its Placement. Where it reaches beyond the photo,
    the photo's edge is repeated.

    Raises NoFaceError, SeveralFacesError, FaceTooSmallError (eyes closer than MIN_EYE_DISTANCE).
    """
    image = check_photo(image)
    if not isinstance(face, Face):
        face = _choose(find(image), face)
    if face.eye_distance < MIN_EYE_DISTANCE:
        raise FaceTooSmallError(
            f"the face is too small: its eyes are {face.eye_distance:.0f} pixels apart, at least "
            f"{MIN_EYE_DISTANCE:.0f} are needed; use a larger copy of the photo"
        )
    placement = _placement(face)
    return _cut(image, placement, size), placement


def paste(image, crop, placement: Placement) -> np.ndarray:
    """The photo, uint8 (height, width, 3), with `crop` put where `placement` says, faded at the border.

    crop: (size, size, 3) of any size, uint8 or float in [0, 1]. Returns a new array like `image`.
    """
    image = check_photo(image)
    crop = np.asarray(crop)
    if crop.ndim != 3 or crop.shape[0] != crop.shape[1] or crop.shape[2] != 3 or crop.dtype.kind not in "uf":
        raise ImageError(f"a crop is (size, size, 3), uint8 or float in [0, 1], got {crop.dtype} {crop.shape}")
    if crop.dtype.kind == "f":
        crop = np.rint(255 * np.clip(np.nan_to_num(crop), 0, 1)).astype(np.uint8)
    corners = placement.to_photo([(0, 0), (1, 0), (1, 1), (0, 1)])
    left, top = np.maximum(np.floor(corners.min(0)), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0)), image.shape[1::-1]).astype(int)
    result = image.copy()
    if right <= left or bottom <= top:
        return result
    # First to the size it has in the photo (Pillow filters when it shrinks), then shift and turn.
    grid = min(max(1, round(placement.side)), 4096)
    face = np.asarray(Image.fromarray(crop).resize((grid, grid), Image.Resampling.BICUBIC))
    ramp = np.clip((0.5 - np.abs((np.arange(grid) + 0.5) / grid - 0.5)) / _FEATHER, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    mask = ramp[:, None, None] * ramp[:, None]
    c, s = (f(math.radians(placement.angle)) * grid / placement.side for f in (math.cos, math.sin))
    x, y = left - placement.x, top - placement.y
    inverse = (c, s, c * x + s * y + grid / 2, -s, c, c * y - s * x + grid / 2)
    extent = (int(right - left), int(bottom - top))
    face, mask = (_affine(part, extent, inverse) for part in (face, mask))
    below = result[top:bottom, left:right].astype(np.float32)
    result[top:bottom, left:right] = np.rint(below + np.clip(mask, 0, 1) * (np.clip(face, 0, 255) - below))
    return result


def _choose(faces, which) -> Face:
    if not faces:
        raise NoFaceError("no face found; use a sharper, brighter photo that shows the face from the front")
    if which == "largest":
        return faces[0]
    if which is not None:
        if not isinstance(which, int | np.integer) or not 1 <= which <= len(faces):
            raise ImageError(f"there is no face {which!r}: choose 1 to {len(faces)} from the left, or largest")
        return from_left(faces)[which - 1]
    sitters = [face for face in faces if face.eye_distance >= _BYSTANDER * faces[0].eye_distance]
    if len(sitters) > 1:
        raise SeveralFacesError(
            f"{len(faces)} faces found; choose one with --face 1 to {len(faces)}, counted from the left, "
            "or --face largest"
        )
    return faces[0]


def _placement(face) -> Placement:
    """The similarity z -> a z + b from crop to photo (complex numbers) of least weighted square error."""
    points = np.array([p for p in (face.left_eye, face.right_eye, face.left_mouth, face.right_mouth) if p])
    photo = points[:, 0] + 1j * points[:, 1]
    frame, weights = _FRAME[: len(photo)], _WEIGHTS[: len(photo)] / _WEIGHTS[: len(photo)].sum()
    photo_mean, frame_mean = weights @ photo, weights @ frame
    a = weights @ (np.conj(frame - frame_mean) * (photo - photo_mean)) / (weights @ np.abs(frame - frame_mean) ** 2)
    center = photo_mean + a * (0.5 + 0.5j - frame_mean)
    return Placement(float(center.real), float(center.imag), float(abs(a)), float(np.degrees(np.angle(a))))


def _cut(image, placement, size) -> np.ndarray:
    """Resample in two steps: turned onto a fine upright grid, then to `size` with the readers' own filter.

    Pillow's affine transform does not filter when it shrinks, so the photo is first reduced by a whole
    factor to between 4 and 8 times `size`, where nothing that survives the second step has been lost.
    """
    corners = placement.to_photo([(0, 0), (1, 0), (1, 1), (0, 1)])
    factor = max(1, int(placement.side / (4 * size)))
    low = np.floor(corners.min(0)).astype(int) - 4 * factor
    high = low + factor * np.ceil((corners.max(0) + 4 * factor - low) / factor).astype(int)
    columns, rows = (np.clip(np.arange(low[i], high[i]), 0, image.shape[1 - i] - 1) for i in (0, 1))
    part = np.asarray(Image.fromarray(image[rows[:, None], columns]).reduce(factor))
    grid = max(2 * size, round(placement.side / factor))
    (x, y), (x1, y1), (x3, y3) = (corners[[0, 1, 3]] - low) / factor
    forward = ((x1 - x) / grid, (x3 - x) / grid, x, (y1 - y) / grid, (y3 - y) / grid, y)
    fine = np.rint(np.clip(_affine(part, (grid, grid), forward), 0, 255)).astype(np.uint8)
    return crop_resize(Image.fromarray(fine), (0, 0, grid, grid), size)


def _affine(array, extent, coefficients) -> np.ndarray:
    """Pillow's bicubic affine transform of (h, w, channels), in float32: in uint8 it would round down."""
    planes = [Image.fromarray(plane) for plane in np.moveaxis(array, -1, 0).astype(np.float32)]
    how = (Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)
    return np.stack([np.asarray(plane.transform(extent, *how)) for plane in planes], axis=-1)
