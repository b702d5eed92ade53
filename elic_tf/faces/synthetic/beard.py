"""Beard and moustache: short strands over the relief of the lower face."""

import numpy as np

from elic_tf.faces.synthetic.features import HAIR
from elic_tf.faces.synthetic.hair import ripples
from elic_tf.faces.synthetic.view import mix, paint, ramp


def paint_beard(head, picture):
    """Beard and moustache on the lower face, from a shadow of stubble to a full beard."""
    view, light = head.view, head.light
    rows = view.part(0.2, 4)
    part = slice(rows.top, rows.bottom)
    x, y, ax = rows.x, rows.y, head.ax[:, part]
    smile = np.maximum(head.smile, 0)
    kind = "beard"
    full = view.has(kind, "full", "short", "stubble")
    goatee = view.has(kind, "goatee")
    # Edge on the cheek: from the ear down to the corner of the mouth.
    cheek = 1.95 - 0.42 * np.clip(ax - 0.9, -0.5, 1.3) - 0.55 * np.maximum(ax - 1.45, 0) * 2
    on_cheek = cheek - y
    mouth_x, mouth_y = 0.84 + 0.2 * smile, 2.06 + 0.1 * smile
    mouth = np.sqrt((x / mouth_x) ** 2 + ((y - mouth_y) / (0.3 + 0.12 * smile)) ** 2) - 1
    lip = np.maximum(-mouth * 0.35, on_cheek)
    lip = np.maximum(lip, (1.85 - y) * ramp(ax, 1.1, 0.8) - 0.05)
    tuft = np.sqrt((x / (0.72 - 0.12 * (y - 2.8))) ** 2 + ((y - 2.82) / 0.68) ** 2) - 1
    tuft = np.maximum(tuft * 0.6, -mouth * 0.35)
    longer = view.pick(kind, (0, 0, 0.12, 0.08, 0.45))
    below = np.maximum(y - 2.2, 0)
    level = head.outline[:, part] - longer * 0.8 * below
    inside = rows.cover_level(level)
    hairs = ripples(
        rows,
        x + 0.25 * x * (y - 2.6),
        y * 1.5,
        ((3.1, 0.2, 1.6), (5.7, 0.3, -2.4), (9.3, 0.35, 3.2), (13, 0.25, -3)),
    )
    soft = view.pick(kind, (0.3, 0.4, 0.14, 0.2, 0.2))
    density = view.pick(kind, (0, 0.42, 0.9, 0.86, 0.97))
    shadow_only = (1 - full - goatee) * head.man * 0.14 * (1 - 0.3 * view.has("hair_colour", "blond", "white"))
    alpha = rows.cover(lip + 0.03 * hairs, soft) * (full * density + shadow_only)
    alpha = np.maximum(alpha, rows.cover(tuft + 0.04 * hairs, 0.14) * goatee * density)
    alpha *= 1 - 0.12 * hairs * (density > 0)

    kind = "moustache"
    thick = view.pick(kind, (0, 0.11, 0.19))
    mouth_line = 1.86 - 0.2 * smile * (x * x - 0.3) + 0.14 * ax * ax
    strip = np.abs(y - mouth_line + thick * 0.3) - thick * (1.15 - 0.5 * ax)
    reach = 0.95 + 0.1 * smile
    bristles = rows.cover(np.maximum(strip, ax - reach) + 0.015 * hairs, 0.12) * (thick > 0)
    bristles *= view.pick(kind, (0, 0.8, 0.95)) * (1 - 0.15 * hairs) * (0.55 + 0.45 * ramp(ax, 0.0, 0.12))
    alpha = np.maximum(alpha, bristles)
    alpha *= inside
    nx, ny, nz = (each[:, part] for each in head.normal)
    lit = light.diffuse(nx, ny * 0.6, nz, 0.35) * (1 + 0.3 * hairs)
    colour = mix(view.colour("hair_colour", HAIR), head.skin * 0.1, 0.25)
    fade = 1 - 0.4 * ramp(y, 2.6, 3.6)
    planes = [(light.key[c] * lit + light.fill[c] * 0.7) * fade * colour[c] + 0.012 * lit for c in range(3)]
    paint(picture[:, :, part], np.clip(alpha, 0, 1), planes)
