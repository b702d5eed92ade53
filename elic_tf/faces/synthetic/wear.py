"""What people wear: clothing, glasses, hats, earrings."""

import numpy as np

from elic_tf.faces.synthetic.view import blob, linear, paint, ramp

_CLOTH = ("#e9e9e6", "#26292f", "#7fa3cf", "#20242d", "#a82636", "#5b5348", "#7d8288", "#c58a3a")


def _plane(colour):
    return linear(colour)[:, None, None, None]


def paint_clothing(head, picture):
    """Shoulders and the collar of one of eight garments."""
    view, light = head.view, head.light
    rows = view.part(1.6, 4)
    part = slice(rows.top, rows.bottom)
    area = picture[:, :, part]
    kind = "clothing"
    x, y = rows.qx + 1.9 * rows.sin_yaw * 0.7, rows.qy
    ax = np.abs(x)
    shoulder = 2.72 - 0.22 * head.man + 0.17 * np.maximum(ax - 1.2, 0)
    raised = view.pick(kind, (0, 0, -0.05, -0.12, 0.1, 0.0, -0.3, -0.12))
    neck = view.pick(kind, (1.62, 1.6, 1.45, 1.4, 1.85, 1.2, 1.5, 1.3)) + 0.18 * head.man
    depth = view.pick(kind, (0.95, 0.9, 0.8, 1.1, 1.2, 0.5, 0.8, 0.5))
    hole = (np.sqrt((x / neck) ** 2 + ((y - 2.55) / depth) ** 2) - 1) * 0.9
    cloth = np.maximum(shoulder + raised - y, -hole)
    mask = rows.cover(cloth, 0.04)
    folds = np.sin(2.1 * x + 1.5 * np.sin(1.3 * y)) * 0.5 + np.sin(4.3 * ax - 2.2 * y) * 0.3
    nx, ny = 0.2 * x, -0.45 + 0.15 * folds
    lit = light.diffuse(nx, ny, np.float32(0.8), 0.2) * (1 + 0.12 * folds)
    under = 0.45 + 0.55 * ramp(ax, 0.9, 2.0)
    colour = view.colour(kind, _CLOTH)
    planes = [(light.key[c] * lit + light.fill[c] * 0.8) * under for c in range(3)]
    edge = 1 - 0.35 * rows.stroke(hole - 0.12, 0.03, 0.05) * view.has(kind, "white T-shirt", "dark T-shirt")
    paint(area, mask, [plane * colour[c] * edge for c, plane in enumerate(planes)])

    def piece(levels, distance, tint, shade=1.0, soft=0.03):
        alpha = rows.cover(distance, soft) * view.has(kind, *levels)
        paint(
            area,
            alpha,
            [plane * shade * t for plane, t in zip(planes, np.broadcast_to(tint, (3, *tint.shape[1:])))],
        )

    # Shirt collars: two leaning leaves beside the neck; the suit shows them over a tie.
    lean = (ax - 1.28 - 0.16 * head.man) + 0.55 * (y - 3.1)
    leaf = np.maximum(np.abs(lean) - 0.34, np.maximum(2.55 - y - 0.3 * (ax - 1.3), y - 3.9))
    piece(("suit",), leaf, _plane("#f0f0f0"), 1.15)
    piece(("suit",), np.maximum(ax - 0.42 - 0.1 * (y - 3.2), 3.1 - y), _plane("#7a1f2b"))
    piece(("blue shirt",), leaf, _plane("#b5cfee"), 1 - 0.2 * ramp(np.abs(lean), 0.2, 0.34))
    # Polo neck: a ribbed tube around the neck.
    ribs = 1 + 0.22 * np.sin(14 * x) * rows.seen(2.3)
    tube = np.maximum(ax - 1.5 - 0.33 * head.man, 2.35 + 0.1 * x * x * 0.4 - y)
    round_off = 1.15 - 0.3 * np.clip(ax / 1.6, 0, 1) ** 2
    piece(("polo neck",), tube, _plane("#6b6255"), ribs * round_off)
    # Hood lying on the shoulders, with cords.
    roll = np.abs(np.sqrt((x / 2.05) ** 2 + ((y - 2.35) / 1.15) ** 2) - 1) - 0.24
    roll = np.maximum(roll, 1.95 - y)
    piece(("hoodie",), roll, _plane("#8e949b"), 0.75 + 0.5 * ramp(np.abs(roll + 0.24), 0.26, 0.0), 0.06)
    piece(("hoodie",), np.maximum(np.abs(ax - 0.75) - 0.05, 3.0 - y), _plane("#e8e8e8"))
    # Scarf: thick wound cloth up to the jaw.
    wound = np.maximum(np.maximum(2.45 + 0.12 * x - y, ax - 2.25 - 0.2 * (y - 2.4)), -9)
    winding = 0.85 + 0.3 * np.sin(5.5 * (y + 0.28 * x + 0.1 * x * x)) * rows.seen(0.9)
    stripe = ramp(np.sin(3.1 * (y - 0.35 * x)), 0.55, 0.8) * 0.5
    piece(("scarf",), wound, _plane("#c98a35"), winding * (1 - stripe), 0.08)


def paint_earrings(head, picture):
    """Studs, hoops and pendants at the lobes."""
    faces = head.view.where("earrings", "studs", "hoops", "pendants")
    if not len(faces):
        return
    view = head.view.part(0.4, 3.0, faces)
    part = slice(view.top, view.bottom)
    area = picture[:, faces, part]
    x, y = view.shifted(-1.75)
    kind = "earrings"
    for side in (-1, 1):
        ex = (x - side * 2.28) * side - 0.02
        hidden = ramp(view.sin_yaw * side, 0.36, 0.1)
        stud = np.sqrt(ex * ex + (y - 1.2) ** 2)
        ball = view.cover(stud - 0.13) * view.has(kind, "studs")
        hoop_x, hoop_y = ex / 0.75, y - 1.72
        around = np.sqrt(hoop_x * hoop_x + hoop_y * hoop_y) - 0.5
        hoop = view.stroke(around, 0.055) * view.has(kind, "hoops")
        drop = np.sqrt((ex / 0.16) ** 2 + ((y - 1.95) / 0.36) ** 2) - 1
        chain = view.stroke(ex, 0.03) * view.cover(np.abs(y - 1.4) - 0.25)
        drop = np.maximum(view.cover(drop * 0.2), chain) * view.has(kind, "pendants")
        shine = 0.75 + 0.35 * np.sin(7 * y + 5 * ex) + 0.9 * blob(ex, y, -0.04, 1.15, 0.07, 0.07)
        metal = _plane("#f1efe9") * view.has(kind, "studs") + _plane("#e3b95b") * view.has(kind, "hoops")
        metal = metal + _plane("#3f9aa6") * view.has(kind, "pendants")
        paint(area, np.maximum(np.maximum(ball, hoop), drop) * hidden, metal * shine[None])
    picture[:, faces, part] = area


def paint_glasses(head, picture, hair):
    """Frames, lenses with a reflection, and temples that go under the hair (coverage `hair`, (n, h, w))."""
    faces = head.view.where("glasses", "round", "rectangular", "thick black", "sunglasses")
    if not len(faces):
        return
    view = head.view.part(-1.2, 1.4, faces)
    part = slice(view.top, view.bottom)
    area = picture[:, faces, part]
    kind = "glasses"
    x, y = view.unproject(np.float32(0.35))
    # The plane of the lenses bends back toward the ears.
    ax = np.abs(x)
    y = y - 0.1
    half_x = view.pick(kind, (1, 0.70, 0.80, 0.80, 0.86))
    half_y = view.pick(kind, (1, 0.66, 0.48, 0.54, 0.62))
    corner = view.pick(kind, (0, 0.62, 0.16, 0.22, 0.42))
    drop = 0.09 * (ax - 1) * view.has(kind, "sunglasses", "thick black")
    dx, dy = np.abs(ax - 1.03) - half_x + corner, np.abs(y - 0.04 + drop) - half_y + corner
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    lens = outside + np.minimum(np.maximum(dx, dy), 0) - corner
    thick = view.pick(kind, (0, 0.04, 0.055, 0.115, 0.06))
    shade = view.cover(lens - 0.12, 0.35) * 0.16
    area *= (1 - shade)[None]
    glare = ramp(np.sin(1.7 * (x + 0.8 * y) + 0.6), 0.8, 1.0)
    inside = view.cover(lens)
    tint = view.has(kind, "sunglasses") * 0.965
    smoke = _plane("#0c0d10") + _plane("#3d4552") * (0.5 * ramp(y, 0.3, -0.6) + 0.7 * glare)[None]
    paint(area, inside * tint, smoke)
    area += (inside * glare * 0.07)[None] * _plane("#e8f0ff")
    frame = view.stroke(lens, thick)
    bridge = view.stroke(y + 0.12 + 0.3 * ax * ax, thick * 0.9) * view.cover(ax - 0.36)
    temple = view.stroke(y + 0.22, thick * 0.9) * view.cover(1.03 + half_x - ax)
    temple *= head.mask[faces, part] * (1 - hair[faces, part])
    rim = np.clip(frame + bridge + temple, 0, 1)
    colour = view.colour(kind, ("#000000", "#7d6a45", "#3a3d44", "#101012", "#17120f"))
    sheen = 1 + 1.2 * ramp(np.sin(2.3 * x - 3 * y), 0.6, 1.0)
    paint(area, rim * 0.96, colour * sheen[None])
    picture[:, faces, part] = area


def hat_shadow(head, occlusion):
    """Darken the light that a brim keeps off the forehead."""
    view = head.view
    reach = view.pick("hat", (0, 0.5, 0.25, 0.55, 0.3))
    edge = view.pick("hat", (-9, -1.15, -1.25, -1.2, -1.5))
    rows = view.part(-2, 0.6)
    part = slice(rows.top, rows.bottom)
    occlusion[:, part] *= 1 - reach * ramp(rows.y - edge, 0.75, 0.0)


def paint_hat(head, picture):
    """A peaked cap, a knitted beanie, a brimmed hat or a headscarf."""
    faces = head.view.where("hat", "cap", "beanie", "brimmed hat", "headscarf")
    if not len(faces):
        return
    view = head.view.part(-4, 4, faces)
    area = picture[:, faces]
    kind = "hat"
    cap, beanie = view.has(kind, "cap"), view.has(kind, "beanie")
    brimmed, scarf = view.has(kind, "brimmed hat"), view.has(kind, "headscarf")
    lx, ly, lz = (each[faces] for each in (head.light.x, head.light.y, head.light.z))
    key, fill = head.light.key[:, faces], head.light.fill[:, faces]

    def lay(alpha, colour, nx, ny, shade):
        nx, ny = np.clip(nx, -0.95, 0.95), np.clip(ny, -0.95, 0.95)
        nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.05))
        lit = np.clip((nx * lx + ny * ly + nz * lz + 0.2) / 1.2, 0, 1)
        paint(area, alpha, [(key[c] * lit + fill[c] * (0.6 + 0.3 * nz)) * shade * colour[c] for c in range(3)])

    hx, hy = view.shifted(-0.9 - 0.4 * scarf)
    wide = 2.5 * cap + 2.62 * beanie + 2.25 * brimmed + 2.85 * scarf
    tall = 2.35 * cap + 2.5 * beanie + 2.6 * brimmed + 2.85 * scarf
    middle = -0.75 * (1 - scarf) - 0.3 * scarf
    up = np.minimum(hy - middle, 0)
    dome = (np.sqrt((hx / wide) ** 2 + (up / tall) ** 2) - 1) * 2.4
    nx, ny = hx / wide * 0.9, np.minimum((hy - middle) / tall, 0.1) * 0.9

    # Crowns end at a line around the forehead.
    line = -1.3 * cap - 1.28 * beanie - 1.5 * brimmed + 0.05 * hx * hx - 0.12 * hx * hx * beanie * 0.3
    crown = view.cover(np.maximum(dome, hy - line)) * (1 - scarf)
    seam = 1 - 0.25 * view.stroke(hx + 0.25 * up, 0.03, 0.05) * cap
    ribs = 1 + 0.22 * np.sin(13 * hx / np.sqrt(np.maximum(1 - 0.1 * hx * hx, 0.2))) * view.seen(2.1) * beanie
    knit = 1 + 0.1 * np.sin(16 * hy) * view.seen(2.6) * beanie
    colour = view.colour(kind, ("#000000", "#27477a", "#8c3b3f", "#5d4630", "#000000"))
    lay(crown, colour, nx, ny, seam * ribs * knit)
    fold = view.cover(np.maximum(np.maximum(dome - 0.1, hy - line - 0.02), line - 0.72 - hy), 0.04) * beanie
    lay(fold, colour * 1.25, nx, ny * 0.3, ribs * (0.8 + 0.3 * ramp(hy - line, -0.75, -0.3)))
    ribbon = view.cover(np.maximum(np.maximum(dome, hy - line), line - 0.5 - hy)) * brimmed
    lay(ribbon, colour * 0.3, nx, ny, 1.0)
    badge = view.cover(np.maximum(np.abs(hx) - 0.5, np.abs(hy + 2.0) - 0.32)) * cap
    lay(badge, _plane("#e9e6da") + 0 * colour, nx, ny, 1.0)

    # Brims stand out from the head: nearer the viewer, so they move the other way.
    bx, by = view.shifted(0.5)
    visor = np.sqrt((bx / 2.2) ** 2 + (np.maximum(by + 1.7, 0) / (0.72 + 0.3 * view.sin_pitch)) ** 2) - 1
    visor = np.maximum(visor * 0.8, -1.72 + 0.08 * bx * bx - by)
    lay(view.cover(visor) * cap, colour * 0.7, bx / 4, -0.7 + 0 * bx, 0.45 + 0.6 * ramp(by, -1.72, -1.2))
    ex, ey = view.shifted(-0.8)
    brim = np.sqrt((ex / 3.7) ** 2 + ((ey + 1.55 - 0.05 * ex * ex * 0.6) / 0.36) ** 2) - 1
    front = view.cover(brim * 0.36) * brimmed
    lay(front, colour, ex / 6, -0.5 - 0.8 * (ey + 1.5), 0.8 + 0.35 * ramp(ey, -1.2, -1.7))

    if scarf.any():
        sx, sy = view.x, view.y
        opening = np.sqrt((sx / 1.84) ** 2 + ((sy - 0.72) / 2.32) ** 2) - 1
        opening = opening + 0.12 * np.maximum(-sy - 0.6, 0)
        down = np.maximum(hy - 1.2, 0)
        side = np.abs(hx) - 2.85 - 0.14 * down * down
        cloth = np.where(hy < middle, dome, side)
        folds = np.sin(7 * opening + 2.2 * hx * 0.3 + 1.0) * 0.5 + np.sin(3 * hx - 4 * hy) * 0.25 * ramp(hy, 1.5, 3)
        alpha = view.cover(cloth, 0.04) * view.cover(-opening * 1.6, 0.04) * scarf
        lay(
            alpha,
            _plane("#4f7f86") + 0 * colour,
            nx + 0.12 * folds,
            np.minimum(ny, 0.2),
            0.75 + 0.3 * ramp(opening, 0.0, 0.25) + 0.1 * folds,
        )
    picture[:, faces] = area
