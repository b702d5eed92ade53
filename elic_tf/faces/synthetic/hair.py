"""Hair of the head: volumes with strands that catch the light along their direction."""

import numpy as np

from elic_tf.faces.synthetic.features import HAIR
from elic_tf.faces.synthetic.view import linear, mix, paint, ramp, slopes

_TAU = np.float32(2 * np.pi)


def ripples(view, across, along, waves):
    """Strands: a sum of sines across the strands that drift along them, in about [-1, 1].

    Waves are (cycles a unit, weight, drift); those finer than a pixel fade out, so that sizes agree.
    """
    total = np.zeros_like(across)
    for frequency, weight, drift in waves:
        wave = across * (_TAU * frequency)
        wave += along * drift
        wave += 2.4 * frequency
        np.sin(wave, out=wave)
        wave *= weight * view.seen(frequency)
        total += wave
    return total


STRANDS = ((1.1, 0.3, 0.5), (2.3, 0.3, -0.8), (4.1, 0.28, 1.1), (7.3, 0.24, -1.6), (12.1, 0.16, 2.0))


class Hair:
    """Masks and colour of the hair; `paint_back` goes behind the neck, `paint_front` over the face."""

    def __init__(self, view, head, light):
        self.view, self.head, self.light = view, head, light
        style, length = "hair_style", "hair_length"
        self.tied = view.has(style, "tied up")
        self.scarf = view.has("hat", "headscarf")
        self.hanging = view.has(length, "medium", "long") * (1 - self.tied) * (1 - self.scarf)
        self.any = 1 - view.has(length, "bald")
        self._shape()
        self._strands()

    def _shape(self):
        view, head = self.view, self.head
        style, length, texture = "hair_style", "hair_length", "hair_texture"
        bare = view.has("hat", "none")
        # Hats press the hair down; a headscarf gathers it.
        grown = view.pick(length, (0, 0.12, 0.6, 1, 1)) * (1 - self.scarf)
        volume = view.pick(length, (-0.1, 0.0, 0.16, 0.3, 0.3)) * (1 - 0.5 * self.tied)
        volume = volume + grown * view.pick(texture, (0, 0.07, 0.2, 0.34)) * (1 - 0.6 * self.tied)
        volume = volume + grown * 0.1 * view.has(style, "swept back")
        hx, hy = view.shifted(-1.3)
        self.hx, self.hy = hx, hy
        side = 2.3 + 0.9 * volume + 0.05 * head.man
        height = 2.3 + volume * (0.25 + 0.75 * bare)
        middle = -0.45
        up = np.minimum(hy - middle, 0)
        down = np.maximum(hy - middle, 0)
        # Below the ears: hanging hair spreads a little, short hair follows the skull in.
        flare = self.hanging * view.pick(texture, (0.05, 0.12, 0.2, 0.3)) * np.minimum(down, 2.2)
        flare = flare - (1 - self.hanging) * (1 - self.scarf) * 0.3 * down * down
        curl = view.pick(texture, (0, 0.09, 0.1, 0.05)) * grown
        turn = view.pick(texture, (1, 2.6, 5.5, 9.0))
        angle = hy * turn + 1.1 * np.sign(hx)
        lumps = np.sin(angle + 1.5 * np.sin(hx * turn)) * view.seen(1.2)
        reach = np.maximum(side + flare + curl * lumps * ramp(down, 0.0, 0.8), 0.3)
        radius = np.sqrt((hx / reach) ** 2 + (up / height) ** 2)
        outer = (radius - 1) * (0.5 * (side + height))
        outer -= curl * 0.6 * np.sin(turn * 1.1 * (hx - 0.6 * hy)) * (up < 0) * view.seen(1.2)
        self.outer = outer
        self.radius = radius

        # The opening that shows the face: an arch over the forehead, then two edges down.
        x, y = view.x, view.y
        line = view.pick("hairline", (-1.72, -1.95, -2.15)) + 0.06 * self.tied
        corner = view.pick("hairline", (0, 0, 0.45)) * np.maximum(1 - ((head.ax - 1.05) / 0.55) ** 2, 0)
        top = line - corner
        left, right = view.has(style, "parted left"), view.has(style, "parted right")
        centre, fringe = view.has(style, "centre part"), view.has(style, "fringe")
        combed = view.pick(length, (0, 0, 0.75, 1, 1))
        sign = right - left
        sweep = np.clip((0.75 + sign * -x) / 2.6, 0, 1) * (left + right)
        top = top + combed * (0.62 * sweep * sweep * (3 - 2 * sweep))
        top = top + combed * centre * (0.75 * np.clip(head.ax / 1.7, 0, 1) - 0.25)
        jag = ripples(view, x, y, ((0.9, 0.05, 0.3), (2.1, 0.05, -0.5), (4.3, 0.04, 0.0)))
        brow_line = -0.95 + 0.1 * x * x * 0.4 + jag
        top = mix(top, np.maximum(brow_line, top), combed * fringe)
        self.fringe = combed * fringe
        wide = view.pick(length, (2.2, 1.84, 1.93, 1.86, 1.86)) + 0.08 * self.tied + 0.04 * head.man
        oy = hy
        ox = view.qx + view.sin_yaw * 0.65
        sides = wide - self.hanging * 0.06 * np.maximum(oy, 0) * np.minimum(4 - oy, 2)
        sides = sides + self.hanging * curl * lumps * 0.6
        sides = sides + (1 - self.hanging) * 0.5 * np.maximum(oy - 0.1, 0)
        bend = np.minimum((x / (wide + 0.1)) ** 2, 1.6)
        bend = top + bend * (0.55 + 0.6 * bend)
        over = (bend - y) * 0.85
        beside = np.abs(ox) - sides
        # Round maximum of the two, so the temples are not corners.
        k = 0.35
        h = np.clip(0.5 + 0.5 * (over - beside) / k, 0, 1)
        self.inner = mix(beside, over, h) + k * h * (1 - h)

        ends = view.pick(length, (-9, 0.3, 0.5, 2.55, 9.0))
        ends = self.tied * np.minimum(ends, 0.5) + (1 - self.tied) * ends
        tips = jag * (0.6 + 0.9 * self.hanging) + 0.25 * np.cos(hx * 1.2) * view.has(length, "medium")
        self.below = hy - ends + tips

    def _strands(self):
        view, light = self.view, self.light
        style = "hair_style"
        hx, hy = self.hx, self.hy
        combed = view.has(style, "parted left", "parted right", "centre part")
        fan = hx * (2.2 / (1.6 + np.maximum(hy + 3.3, 0)))
        away = 1.9 * hx / (1.3 + np.abs(hy - 0.6))
        nested = self.inner
        in_front = ramp(np.abs(hx), 2.4, 1.3) * self.fringe
        lower = ramp(hy, -0.6, 0.4) * self.hanging
        across = mix(mix(away, (nested + 1.7) * np.sign(hx), lower), nested, combed)
        across = mix(across, fan, in_front)
        wavy = view.pick("hair_texture", (0.015, 0.085, 0.13, 0.05))
        turns = view.pick("hair_texture", (4.2, 4.2, 6.3, 9.0))
        across = across + wavy * np.sin(hy * turns + 2.0 * across + 0.8 * hx + np.sin(1.7 * hx))
        along = hy + 0.4 * hx
        strands = ripples(view, across, along, STRANDS)
        curly = view.has("hair_texture", "curly")
        coily = view.has("hair_texture", "coily")
        rough = np.maximum(curly, coily)
        tight = 3.2 * curly + 5.5 * coily + 0.01
        u = hx + 0.3 * np.sin(2.1 * hy + 1.3 * hx) + 0.12 * np.sin(5.3 * hy + 0.7)
        v = hy + 0.3 * np.sin(2.3 * hx - 0.9 * hy + 2) + 0.12 * np.sin(4.7 * hx + 0.3)
        knots = np.sin(tight * (0.8 * u + 0.6 * v)) * np.sin(tight * (0.94 * v - 0.34 * u) + 1) * view.seen(0.9)
        knots += 0.7 * np.sin(2.3 * tight * (u - 0.4 * v)) * np.sin(2.1 * tight * (v + 0.5 * u)) * view.seen(2.2)
        self.strands = mix(strands, knots, 0.35 * curly + 0.85 * coily)

        # Direction of the strands in the picture, bent over the volume; Kajiya and Kay's highlight along it.
        gx, gy = slopes(across, view.p)
        length = 1 / np.sqrt(gx * gx + gy * gy + 1e-4)
        tx, ty = -gy * length, gx * length
        nx = np.clip(hx / 2.75, -0.93, 0.93)
        ny = np.clip((hy + 0.45) / 2.75, -0.93, 0.25)
        size = np.maximum(nx * nx + ny * ny, 0)
        shrink = np.minimum(0.95 / np.sqrt(np.maximum(size, 1e-6)), 1)
        nx, ny = nx * shrink, ny * shrink
        nz = np.sqrt(1 - nx * nx - ny * ny)
        tz = -(nx * tx + ny * ty) / np.maximum(nz, 0.3)
        norm = 1 / np.sqrt(1 + tz * tz)
        cosine = (tx * light.hx + ty * light.hy + tz * light.hz) * norm
        cosine = cosine + 0.12 * self.strands
        shine = np.maximum(1 - cosine * cosine * 1.3, 0)
        shine *= shine
        shine *= shine
        shine *= shine
        facing = light.diffuse(nx, ny, nz, 0.3)
        sheen = view.pick("hair_texture", (1.0, 0.8, 0.35, 0.03)) * view.pick("hair_length", (0, 0.25, 1, 1, 1))
        shine *= sheen * facing * (0.65 + 0.45 * self.strands)
        lit = facing * (1 + self.strands * (0.36 + 0.06 * rough))
        edge = ramp(self.inner, -0.05, 0.3) * 0.3 + 0.7
        rim = ramp(self.outer, 0.05, -0.45) * 0.3 + 0.7
        lit *= edge * rim
        fill = (0.55 + 0.25 * nz) * edge * (1 + 0.2 * self.strands)
        colour = view.colour("hair_colour", HAIR)
        grey = view.has("hair_colour", "grey")
        streak = grey * np.clip((0.55 - 0.35 * rough) * self.strands, -0.5, 0.4)
        gloss = mix(colour, np.ones_like(colour), 0.25)
        self.colour = [
            (light.key[c] * lit + light.fill[c] * fill) * colour[c] * (1 + streak)
            + shine * light.key[c] * (0.06 + 0.5 * gloss[c])
            for c in range(3)
        ]

    def shadow(self):
        """What hair leaves of the light on the face: darker close to the hairline, (n, h, w) in [0, 1]."""
        near = ramp(self.inner, -0.75, 0.1)
        near *= ramp(self.below, 0.3, -0.4)
        thick = self.view.pick("hair_length", (0, 0.25, 0.6, 0.75, 0.75)) + 0.25 * self.fringe
        return 1 - 0.6 * near * thick

    def paint_back(self, picture):
        """The dark mass behind the neck; under a headscarf, the cloth in its own shadow."""
        view = self.view
        rows = view.part(-3.5, 4)
        part = slice(rows.top, rows.bottom)
        below = self.below[:, part] - 0.15 - 9 * self.scarf
        alpha = rows.cover(np.maximum(self.outer[:, part], below), 0.08)
        alpha *= np.maximum(view.has("hair_length", "short", "medium", "long"), self.scarf)
        cloth = linear("#1d3033")
        planes = [mix(0.4 * plane[:, part], cloth[c], self.scarf) for c, plane in enumerate(self.colour)]
        paint(picture[:, :, part], alpha, planes)

    def paint_front(self, picture):
        """The hair that lies on skull and shoulders; buzzed hair lets the scalp through."""
        view = self.view
        soft = view.pick("hair_length", (0.1, 0.25, 0.1, 0.07, 0.07))
        edge = self.outer + 0.05 * self.strands * view.pick("hair_texture", (0.5, 1, 1.6, 1.6))
        alpha = view.cover(edge, 0.09) * view.cover(-self.inner - 0.03 + 0.03 * self.strands, soft)
        alpha *= view.cover(self.below, 0.12)
        buzz = view.has("hair_length", "buzz")
        alpha *= self.any * (1 - buzz * (0.14 - 0.1 * self.strands))
        alpha *= 1 - buzz * (1 - self.head.mask)
        thin = view.has("hairline", "receding") * view.has("hair_length", "short", "buzz")
        crown = ramp(np.abs(self.hx), 1.5, 0.4) * ramp(self.hy, -1.2, -1.9)
        alpha *= 1 - 0.45 * thin * crown
        self.alpha = alpha
        paint(picture, alpha, self.colour)

    def paint_bun(self, picture):
        """A bun on the crown, of tied hair."""
        faces = np.flatnonzero((self.tied * (self.any > 0))[:, 0, 0])
        if not len(faces):
            return
        view = self.view.part(-4, -1.2, faces)
        part = slice(view.top, view.bottom)
        x, y = view.shifted(-1.6)
        size = view.pick("hair_length", (0, 0.35, 0.55, 0.8, 0.95))
        dx, dy = x - 0.55, y + 2.72
        radius = np.sqrt(dx * dx + dy * dy * 1.25)
        alpha = view.cover(radius - size, 0.06)
        twist = np.sin(5 * radius / size * 1.2 + 2.5 * dx) * view.seen(1.5)
        nx, ny = dx / size * 0.9, dy / size * 0.9
        light = [each[faces] if each.shape[0] > 1 else each for each in (self.light.x, self.light.y, self.light.z)]
        facing = np.clip((nx * light[0] + ny * light[1] + 0.6 * light[2] + 0.35) / 1.35, 0, 1.2)
        colour = view.colour("hair_colour", HAIR)
        key, fill = self.light.key[:, faces], self.light.fill[:, faces]
        shade = ramp(radius / size, 1.1, 0.5) * 0.4 + 0.6
        area = picture[:, faces, part]
        lit = facing * shade * (1 + 0.3 * twist)
        paint(
            area,
            alpha,
            [(key[c] * lit + fill[c] * shade * 0.7) * (colour[c] + 0.03 * facing) for c in range(3)],
        )
        picture[:, faces, part] = area
