"""What every painter needs: the pixel grid in face units, the pose of the head, coverage and blending.

One face unit is half the distance between the pupils, 0.15 of the picture's width. x points to the
picture's right, y down, z at the viewer; the origin of the head's own coordinates is the point between
the pupils. Arrays are (faces, height, width) float32, per-face numbers (faces, 1, 1), colours (3, faces,
1, 1) in linear light.
"""

import copy
import functools
import math

import numpy as np

from elic_tf.faces.synthetic.factors import FACTORS

EYES_AT = (0.495, 0.45)
UNIT = 0.15
EYE_DEPTH = 1.95
DEPTH = 2.2

_YAW = (-25, -12.5, 0, 12.5, 25)
_PITCH = (-9, 0, 9)
_ROLL = (-7, -3.5, 0, 3.5, 7)


def linear(colour: str) -> np.ndarray:
    """A "#rrggbb" sRGB colour in linear light, float32 (3,)."""
    encoded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4).astype(np.float32)


@functools.cache
def _numbers(values: tuple) -> np.ndarray:
    return np.array(values, np.float32)


@functools.cache
def _colours(values: tuple) -> np.ndarray:
    return np.stack([linear(value) for value in values], axis=1)


class View:
    """Faces on a pixel grid: `qx, qy` in the camera's plane, `x, y` on the head, `p` units per pixel."""

    def __init__(self, records: np.ndarray, size: int):
        self.records, self.size = records, size
        self.top, self.bottom = 0, size
        yaw, pitch, roll = (
            self.pick(name, tuple(math.sin(math.radians(each)) for each in table))
            for name, table in (("yaw", _YAW), ("pitch", _PITCH), ("roll", _ROLL))
        )
        self.sin_yaw, self.cos_yaw = yaw, np.sqrt(1 - yaw * yaw)
        self.sin_pitch, self.cos_pitch = pitch, np.sqrt(1 - pitch * pitch)
        cos_roll = np.sqrt(1 - roll * roll)
        # Crops are aligned by the eyes, so a turned head is enlarged: half-way, as landmarks err.
        zoom = 1 / np.sqrt(self.cos_yaw)
        self.p = 1 / (UNIT * size * zoom)
        steps = (np.arange(size, dtype=np.float32) + 0.5) / size
        column = ((steps - EYES_AT[0]) / UNIT)[None, None, :] / zoom
        row = ((steps - EYES_AT[1]) / UNIT)[None, :, None] / zoom
        self.picture_x, self.picture_y = column, row
        self.qx = cos_roll * column + roll * row
        self.qy = cos_roll * row - roll * column
        self.x, self.y = self._on_head()

    def _on_head(self):
        """Where the line of sight of each pixel meets the head: fixed-point (parallax) iteration."""
        depth = np.float32(0)
        for _ in range(3):
            x, y = self.unproject(depth)
            depth = self.toward_viewer(x, y, smooth_height(x, y) - EYE_DEPTH)
        return self.unproject(depth)

    def unproject(self, depth):
        """Head coordinates (x, y) of the pixels if they show something `depth` nearer than the eyes."""
        x = self.cos_yaw * self.qx - self.sin_yaw * depth
        turned = self.sin_yaw * self.qx + self.cos_yaw * depth
        return x, self.cos_pitch * self.qy - self.sin_pitch * turned

    def toward_viewer(self, x, y, height):
        """Camera depth of head points (x, y, height), relative to the eyes."""
        return self.cos_yaw * (self.cos_pitch * height - self.sin_pitch * y) - self.sin_yaw * x

    def shifted(self, depth):
        """Camera-plane coordinates relative to the head's axis at a depth, for silhouettes."""
        return self.qx - self.sin_yaw * depth, self.qy - self.sin_pitch * depth

    def pick(self, factor: str, values) -> np.ndarray:
        """One number for each face, chosen by its level of a factor: (faces, 1, 1)."""
        assert len(values) == len(FACTORS[factor]), factor
        return _numbers(tuple(values))[self.records[factor]][:, None, None]

    def colour(self, factor: str, values) -> np.ndarray:
        """One linear-light colour for each face: (3, faces, 1, 1)."""
        assert len(values) == len(FACTORS[factor]), factor
        return _colours(tuple(values))[:, self.records[factor]][:, :, None, None]

    def has(self, factor: str, *levels: str) -> np.ndarray:
        """1 where the face has one of these levels of a factor, else 0: float32 (faces, 1, 1)."""
        return self.pick(factor, tuple(float(each in levels) for each in FACTORS[factor]))

    def where(self, factor: str, *levels: str) -> np.ndarray:
        """Indices of the faces that have one of these levels."""
        return np.flatnonzero(self.has(factor, *levels)[:, 0, 0])

    def part(self, top: float, bottom: float, faces=None) -> "View":
        """The rows that can show y from `top` to `bottom` (upright, in units), of all faces or of some."""
        margin = 0.55
        rows = [int(np.floor((EYES_AT[1] + each * UNIT) * self.size)) for each in (top - margin, bottom + margin + 0.2)]
        part = copy.copy(self)
        part.top, part.bottom = max(rows[0], 0), min(rows[1] + 1, self.size)
        for name, value in vars(self).items():
            if isinstance(value, np.ndarray) and value.ndim >= 3:
                if value.shape[-2] == self.bottom - self.top and value.shape[-2] > 1:
                    value = value[..., part.top - self.top : part.bottom - self.top, :]
                if faces is not None and value.shape[-3] == len(self.records):
                    value = value[..., faces, :, :]
                setattr(part, name, value)
        if faces is not None:
            part.records = self.records[faces]
        return part

    # Coverage of a pixel, exact for a straight edge along the grid: what a box filter would see.

    def cover(self, distance, soft=0.0):
        """1 inside (distance < 0), 0 outside, over one pixel or `soft` units, whichever is wider."""
        width = np.maximum(self.p, soft)
        out = distance * (-1 / width)
        out += 0.5
        return np.clip(out, 0, 1, out=out)

    def cover_level(self, level):
        """Coverage of {level < 0} for a smooth function of the pixels: the distance is level / |gradient|."""
        across, down = slopes(level, self.p)
        across *= across
        down *= down
        across += down
        across += 1e-3
        return self.cover(level / np.sqrt(across, out=across))

    def stroke(self, distance, half, soft=0.0):
        """Coverage of a line of half-width `half` around distance 0; right for lines thinner than a pixel."""
        return self.cover(distance - half, soft) - self.cover(distance + half, soft)

    def seen(self, frequency: float):
        """How much of a ripple of so many cycles a unit survives a pixel's box filter: (faces, 1, 1)."""
        return np.clip(1.15 - 1.7 * (frequency * self.p) ** 2 - 0.6 * frequency * self.p, 0, 1)


def smooth_height(x, y):
    """The head without details: an ellipsoid with a broad nose, gentle enough for the iteration."""
    return ellipsoid(x, y) + 0.62 * blob(x, y, 0, 1.1, 0.55, 0.75)


def ellipsoid(x, y):
    """Height of the head's ellipsoid, with its steep rim cut."""
    out = x * (1 / 2.75)
    out *= out
    down = (y - 0.3) * (1 / 4.2)
    down *= down
    out += down
    np.subtract(1, out, out=out)
    np.maximum(out, 0.06, out=out)
    np.sqrt(out, out=out)
    out *= DEPTH
    return out


def blob(x, y, cx, cy, sx, sy):
    """A smooth bump of height 1, about a Gaussian, exactly 0 from 2.45 sigma on: (1 - r^2/6)^3."""
    out = (x - cx) * (0.40825 / sx)
    out *= out
    down = (y - cy) * (0.40825 / sy)
    down *= down
    out += down
    np.subtract(1, out, out=out)
    np.maximum(out, 0, out=out)
    square = np.multiply(out, out, out=down if down.shape == out.shape else None)
    out *= square
    return out


def ramp(value, low, high):
    """Smoothstep: 0 at `low`, 1 at `high` (either may be the larger)."""
    t = (value - low) * (1 / (high - low))
    np.clip(t, 0, 1, out=t)
    return t * t * (3 - 2 * t)


def slopes(field, p):
    """Central differences of a (n, h, w) field along x and y, per unit."""
    across, down = np.empty_like(field), np.empty_like(field)
    half = 0.5 / p
    np.subtract(field[..., 2:], field[..., :-2], out=across[..., 1:-1])
    across[..., 0], across[..., -1] = across[..., 1], across[..., -2]
    across *= half
    np.subtract(field[:, 2:], field[:, :-2], out=down[:, 1:-1])
    down[:, 0], down[:, -1] = down[:, 1], down[:, -2]
    down *= half
    return across, down


def mix(start, end, share):
    """start + share * (end - start)."""
    return start + share * (end - start)


def paint(picture, alpha, colour):
    """Lay a colour over planes (3, n, h, w), in place, with coverage alpha (n, h, w)."""
    for plane, value in zip(picture, colour):
        change = value - plane
        change *= alpha
        plane += change
