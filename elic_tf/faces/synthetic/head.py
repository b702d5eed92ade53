"""The head: its height field in detail, its outline, and the shaded skin of face, ears and neck."""

import numpy as np

from elic_tf.faces.synthetic.factors import MONK
from elic_tf.faces.synthetic.view import EYE_DEPTH, View, blob, ellipsoid, ramp, slopes

# Photographs show skin warmer than the scale's swatches at the light end and better exposed at the dark end.
_WARMTH = ((0.96, 0.76, 0.65), (0.97, 0.76, 0.64), (0.96, 0.76, 0.68), (0.98, 0.79, 0.76), (1.0, 0.85, 0.83),
           (1.1, 0.97, 0.93), (1.16, 1.0, 0.92), (1.42, 1.2, 1.08), (2.6, 1.9, 1.5),
           (3.4, 2.3, 1.75))  # fmt: skip
_BLOOD = (1.0, 1.0, 0.9, 0.9, 0.8, 0.75, 0.7, 0.6, 0.45, 0.4)
AGE = (0.0, 0.17, 0.36, 0.57, 0.79, 1.0)
SMILE = (-0.35, 0.0, 0.3, 0.75, 0.9, 1.15)
CHIN = 3.2


class Head:
    """Geometry and shaded skin of the heads of a view."""

    def __init__(self, view: View, light):
        self.view, self.light = view, light
        self.man = view.has("gender", "man")
        self.age = view.pick("age", AGE)
        self.smile = view.pick("smile", SMILE)
        self.skin = view.colour("skin", MONK) * _channels(view, _WARMTH) * (1.05 - 0.1 * self.man - 0.09 * self.age)
        self.blood = view.pick("skin", _BLOOD)
        self.ax = np.abs(view.x)
        self.outline = self._outline()
        self.normal = self._normal()

    def _outline(self):
        """A level function of the pixels: below 0 on the face and the bald skull."""
        view, shape = self.view, "face_shape"
        chin = CHIN + view.pick(shape, (0, -0.1, 0.02, 0.0, 0.2)) + 0.1 * self.man
        width = 2.03 + view.pick(shape, (0, 0.12, 0.06, 0.04, -0.12)) + 0.06 * self.man
        square = view.pick(shape, (0.05, 0.12, 0.5, -0.12, 0.2)) + 0.25 * self.man
        taper = view.pick(shape, (0.09, 0.05, 0.05, 0.18, 0.07)) - 0.05 * self.man - 0.09 * self.age
        # The side of the head that is turned to the viewer shows more cheek; the other ends sooner.
        self.width = width * (1 - 0.42 * view.sin_yaw * np.tanh(1.2 * view.x))
        across = self.ax / self.width
        below = np.maximum(view.y - 0.2, 0) / (chin - 0.2)
        across *= 1 + taper * below * below
        across *= across
        below *= below
        below *= 1 - square + square * below
        above = np.minimum(view.y - 0.2, 0) * (1 / 2.85)
        above *= above
        above *= 0.75 + 0.25 * above
        self.chin = chin
        # The skull behind the face is a ball: it rounds off the forehead of a turned head.
        ball_x, ball_y = view.shifted(-1.0)
        ball_x *= 1 / 2.12
        ball_y += 0.3
        ball_y *= 1 / 2.36
        skull = ball_x * ball_x + ball_y * ball_y - 1
        return np.minimum(across + below + above - 1, skull)

    def _height(self):
        """The head's relief, added to the ellipsoid by rows of bumps: units toward the viewer."""
        view, ax = self.view, self.ax
        man, age, smile = self.man, self.age, np.maximum(self.smile, 0)
        height = ellipsoid(view.x, view.y)
        broad = view.pick("nose", (0.82, 1.0, 1.3, 1.0, 0.98)) * (0.9 + 0.2 * man)
        length = view.pick("nose", (0.0, 0.0, -0.02, 0.12, -0.1)) + 0.08 * age
        lifted = view.pick("nose", (0.0, 0.0, 0.0, -0.02, 0.12))
        self.nose_broad, self.nose_length, self.nose_lifted = broad, length, lifted

        def bump(cx, cy, sx, sy, amount, mirrored=True):
            reach = 2.5 * sy
            rows = view.part(cy - reach, cy + reach)
            part = slice(rows.top, rows.bottom)
            height[:, part] += amount * blob((ax if mirrored else view.x)[:, part], view.y[:, part], cx, cy, sx, sy)

        bump(0.8, -0.6, 0.75, 0.2, 0.04 + 0.12 * man)  # brow ridge
        bump(1.0, 0.0, 0.5, 0.32, -0.2 - 0.04 * man - 0.05 * age)  # eye socket
        bump(1.0, 0.02, 0.36, 0.22, 0.15)  # eyeball
        bump(1.3, 0.95, 0.5, 0.5, 0.16 + 0.1 * smile)  # cheekbone
        bump(1.45, 1.9, 0.4, 0.5, -0.1 - 0.1 * age)  # hollow of the cheek
        bump(0.0, 2.0, 0.75, 0.5, 0.22, mirrored=False)  # mouth
        bump(0.0, 2.62, 0.5, 0.14, -0.12, mirrored=False)  # fold above the chin
        bump(0.0, 3.0, 0.42 + 0.1 * man, 0.3, 0.24, mirrored=False)  # chin
        bump(0.0, -1.5, 1.1, 0.55, 0.08, mirrored=False)  # forehead
        # The nose: a ridge that rises to the tip and falls off steeply under it.
        rows = view.part(-0.8, 2.0)
        part = slice(rows.top, rows.bottom)
        x, y = view.x[:, part], rows.y
        base = 1.53 + length - 0.7 * np.minimum(x * x, 0.2)
        rise = ramp(y, -0.75, 1.25 + length)
        rise *= ramp(y, base + 0.22 - lifted, base - 0.22 - lifted)
        wide = (0.27 + 0.05 * rise) * broad
        ridge = x / wide
        ridge *= ridge
        np.subtract(1, ridge * (1 / 6), out=ridge)
        np.maximum(ridge, 0, out=ridge)
        ridge *= ridge * ridge
        height[:, part] += ridge * rise * (0.56 + 0.1 * man + 0.1 * length)
        bump(0.0, 1.3, 0.2, 0.17, 0.2, mirrored=False)  # its tip
        wing = blob(ax[:, part], y - length, 0.4 * broad, 1.38, 0.15, 0.15)
        height[:, part] += 0.24 * wing
        self.crease(height)
        return height

    def crease(self, height):
        """The folds from the nose to the corners of the mouth: deeper with a smile and with age."""
        rows = self.view.part(1.2, 2.4)
        part = slice(rows.top, rows.bottom)
        y, ax = rows.y, self.ax[:, part]
        line = 0.62 + 0.42 * (y - 1.25) + 0.12 * np.maximum(self.smile, 0)
        fold = ramp(y, 1.3, 1.7) * ramp(y, 2.45, 1.9) * blob(ax - line, np.float32(0), 0, 0, 0.15, 1)
        self.fold = (part, fold)
        height[:, part] -= fold * (0.02 + 0.05 * np.maximum(self.smile, 0) + 0.05 * self.age)

    def _normal(self):
        view = self.view
        depth = view.toward_viewer(view.x, view.y, self._height() - EYE_DEPTH)
        nx, ny = slopes(depth, view.p)
        length = nx * nx
        length += ny * ny
        length += 1
        np.sqrt(length, out=length)
        nz = 1 / length
        nx *= -nz
        ny *= -nz
        return nx, ny, nz

    def paint_skin(self, picture, occlusion):
        """The face and skull. `occlusion` (n, h, w) in [0, 1] is what hair and hat leave of the light."""
        view, light, ax, y = self.view, self.light, self.ax, self.view.y
        nx, ny, nz = self.normal
        red = 0.55 * blob(ax, y, 1.25, 1.0, 0.6, 0.55)
        red += 0.5 * blob(view.x, y, 0, 1.25, 0.4, 0.35)
        red += 0.25 * blob(view.x, y, 0, 3.0, 0.5, 0.4)
        red *= self.blood * (1.2 - 0.5 * self.age) * (1 + 0.35 * view.has("makeup", "light", "red lips"))
        dark = 0.16 * blob(ax, y, 0.95, 0.33, 0.5, 0.2) * (0.4 + self.age)
        dark += (0.08 + 0.14 * self.man) * blob(ax, y, 0.8, -0.15, 0.45, 0.22)
        shade = 1 - dark
        shade *= 1 - 0.42 * ramp(self.outline, -0.42, 0.04) * ramp(y, -1.5, 0.5)
        shade *= occlusion
        self._shadow_of_nose(shade)
        self._wrinkles(shade)
        gloss = light.gloss(nx, ny, nz)
        gloss *= gloss
        gloss *= gloss
        gloss *= gloss
        gloss *= gloss * (0.10 + 0.03 * (1 - self.age))
        oily = gloss * gloss
        oily *= 3
        gloss += oily
        gloss *= occlusion
        sky = 0.9 - 0.2 * ny
        sky *= 0.6 + 0.4 * nz
        mask = view.cover_level(self.outline)
        for channel, (flush, wrap, shine) in enumerate(((0.12, 0.32, 0.5), (-0.2, 0.14, 0.44), (-0.2, 0.10, 0.38))):
            lit = light.diffuse(nx, ny, nz, wrap)
            lit *= light.key[channel]
            lit += light.fill[channel] * sky
            lit *= shade
            albedo = red * flush
            albedo += 1
            lit *= albedo
            lit *= self.skin[channel]
            lit += gloss * light.key[channel] * shine
            lit -= picture[channel]
            lit *= mask
            picture[channel] += lit
        self.mask = mask

    def _shadow_of_nose(self, shade):
        """A soft shadow beside and below the nose, away from the light."""
        view, light = self.view, self.light
        rows = view.part(0.4, 2.2)
        part = slice(rows.top, rows.bottom)
        x, y = rows.x, rows.y - self.nose_length
        wide = 0.42 * self.nose_broad
        under = blob(x + 0.3 * light.x, y, 0, 1.72, wide, 0.1 - 0.08 * light.y)
        beside = blob(x + 0.62 * light.x, y, 0, 1.1, 0.24, 0.5) * np.abs(light.x)
        shade[:, part] *= 1 - 0.3 * under - 0.24 * beside

    def _wrinkles(self, shade):
        view, age, ax = self.view, self.age, self.ax
        part, fold = self.fold
        shade[:, part] *= 1 - fold * (0.05 + 0.12 * np.maximum(self.smile, 0) + 0.3 * age)
        rows = view.part(-2.0, -0.9)
        part = slice(rows.top, rows.bottom)
        y = rows.y + 0.06 * rows.x * rows.x
        lines = rows.stroke(y + 1.05, 0.025, 0.07) + rows.stroke(y + 1.34, 0.03, 0.07)
        lines += rows.stroke(y + 1.62, 0.025, 0.07)
        lines *= ramp(ax[:, part], 1.6, 0.7)
        shade[:, part] *= 1 - lines * (0.4 * np.maximum(age - 0.15, 0))
        rows = view.part(-0.4, 1.0)
        part = slice(rows.top, rows.bottom)
        out, y = ax[:, part] - 1.45, rows.y
        feet = sum(rows.stroke(y - 0.05 - slope * out, 0.02, 0.06) for slope in (-0.55, 0.05, 0.65))
        feet *= ramp(out, 0.08, 0.2) * ramp(out, 0.55, 0.3)
        bag = rows.stroke(y - 0.46 + 0.35 * (out + 0.45) ** 2, 0.03, 0.09) * ramp(np.abs(out + 0.5), 0.55, 0.2)
        shade[:, part] *= 1 - feet * (0.36 * age) - bag * (0.05 + 0.32 * age)

    def paint_neck(self, picture):
        """Neck and the skin of the shoulders, in the shadow of the chin."""
        view, light = self.view, self.light
        rows = view.part(1.2, 4)
        part = slice(rows.top, rows.bottom)
        x, y = rows.shifted(-1.9)
        half = 1.22 + 0.36 * self.man
        flare = np.maximum(y - 2.6, 0)
        distance = np.abs(x) - half - 0.9 * flare * flare
        nx = np.clip(x * (0.75 / half), -0.95, 0.95)
        nz = np.sqrt(1 - nx * nx)
        lit = light.diffuse(nx, np.float32(0.25) + 0 * nx, nz, 0.1)
        under = ramp(y + 0.25 * light.x * x, 2.6, 4.3)
        under = 0.34 + 0.5 * under
        mask = rows.cover(distance)
        view_of = picture[:, :, part]
        for channel, flush in enumerate((1.04, 0.95, 0.93)):
            colour = (light.key[channel] * lit + light.fill[channel] * (0.5 + 0.4 * nz)) * under
            colour *= self.skin[channel] * flush
            change = colour - view_of[channel]
            change *= mask
            view_of[channel] += change

    def paint_ears(self, picture):
        """Ears, where the pose shows them: at (2.2, 0.5) and far back on the head."""
        view, light = self.view, self.light
        rows = view.part(-0.6, 1.8)
        part = slice(rows.top, rows.bottom)
        for side in (-1, 1):
            x, y = rows.shifted(-2.0)
            # Turning shows the near ear broader.
            turned = 1 - 1.2 * side * view.sin_yaw
            x = (x - side * (2.12 + 0.09 * self.man)) * side / (0.3 * turned) - 0.2 * (y - 0.5)
            y = (y - 0.42) / 0.78
            radius = np.sqrt(x * x + y * y) - 1
            mask = rows.cover(radius * 0.4)
            rim = ramp(np.abs(radius + 0.2), 0.3, 0.0)
            inner = blob(x, y, -0.15, 0.1, 0.35, 0.4)
            lit = light.diffuse(0.5 * side + 0.25 * x * side, 0.2 * y, np.float32(0.75), 0.25)
            for channel, flush in enumerate((1.1, 0.86, 0.84)):
                colour = light.key[channel] * lit + light.fill[channel] * 0.7
                colour *= (0.68 + 0.3 * rim - 0.4 * inner) * self.skin[channel] * flush
                plane = picture[channel, :, part]
                plane += mask * (colour - plane)


def _channels(view, rows):
    return np.stack([view.pick("skin", tuple(row[channel] for row in rows)) for channel in range(3)])
