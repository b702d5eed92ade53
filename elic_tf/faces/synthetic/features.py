"""Eyes, brows, nostrils, mouth: painted in the head's own coordinates, so they turn with it."""

import numpy as np

from elic_tf.faces.synthetic.view import blob, linear, mix, paint, ramp

_IRIS = ("#23130b", "#6e4120", "#94742f", "#538045", "#4584c0", "#8496a0")
HAIR = ("#14100e", "#2c1c14", "#4d3220", "#6b3420", "#9a4a22", "#8a6a42", "#cda868", "#8f8b87", "#dad7d0")


def paint_eyes(head, picture):
    """Sockets, sclera, iris, pupil, catch-light, lids, lashes and make-up."""
    view, light = head.view, head.light
    rows = view.part(-0.75, 0.75)
    part = slice(rows.top, rows.bottom)
    area = picture[:, :, part]
    shape = "eye_shape"
    side = np.sign(rows.x)
    out, y = head.ax[:, part] - 1.0, rows.y
    squint = np.maximum(head.smile, 0) * 0.03 + 0.015 * head.man + 0.02 * head.age
    half = view.pick(shape, (0.55, 0.53, 0.54, 0.54, 0.54)) - 0.03 * head.man
    upper = view.pick(shape, (0.23, 0.28, 0.165, 0.19, 0.22)) - squint * 0.6
    upper = (
        upper * (1.09 - 0.16 * head.man - 0.09 * head.age)
        + 0.03 * view.has("gaze", "up")
        - 0.05 * view.has("gaze", "down")
    )
    lower = view.pick(shape, (0.14, 0.17, 0.115, 0.135, 0.14)) - squint
    tilt = view.pick(shape, (-0.05, -0.02, -0.075, 0.0, 0.08)) + 0.02 * head.man
    t = out / half
    arch = np.maximum(1 - t * t, 0)
    corner = tilt * t
    arch_up = arch * (1 - 0.12 * t)
    lid_up = corner - upper * arch_up
    lid_low = corner + lower * arch * (1 + 0.2 * t)
    from_up, from_low = lid_up - y, y - lid_low
    opening = rows.cover(np.maximum(np.maximum(from_up, from_low) * 0.92, (np.abs(t) - 1) * half))

    # Lids: a little shadow in the fold above, eye shadow if worn.
    fold = view.pick(shape, (0.10, 0.11, 0.035, 0.05, 0.09))
    above = rows.stroke(y - lid_up + fold + 0.02 * arch, 0.02, 0.06) * ramp(np.abs(t), 1.25, 0.85)
    hood = view.pick(shape, (0.4, 0.4, 0.2, 0.55, 0.45))
    shadow = (
        view.has("makeup", "eyes") * 0.75 + view.has("makeup", "red lips") * 0.3 + view.has("makeup", "light") * 0.18
    )
    lid = ramp(y - lid_up, -0.5, -0.1) * ramp(y - lid_up, 0.05, -0.02) * ramp(np.abs(t), 1.5, 0.7)
    paint(area, lid * shadow, head.skin * 0.35 * linear("#c9a0b8")[:, None, None, None] * 1.6)
    paint(area, above * hood, head.skin * 0.16)

    gaze_x = view.pick("gaze", (0, -0.2, 0.2, 0, 0))
    gaze_y = view.pick("gaze", (0, 0, 0, -0.09, 0.09)) - 0.015
    ix, iy = out * side - gaze_x, y - gaze_y
    radius = np.sqrt(ix * ix + iy * iy)
    lit = 0.62 * light.diffuse(out * side * 0.8, y, np.float32(0.85), 0.4) + 0.25
    lid_shade = ramp(from_up, 0.0, -0.14)
    roundness = 1 - 0.35 * t * t
    white = linear("#f2ece8")[:, None, None, None] * (lit * (0.45 + 0.55 * lid_shade) * roundness)[None]
    white[0] *= 1.02
    white[1:] *= 1 - 0.1 * np.clip(t * t, 0, 1)
    iris_size = view.pick(shape, (0.215, 0.225, 0.205, 0.21, 0.215))
    iris_mask = rows.cover(radius - iris_size, 0.03)
    colour = view.colour("eye_colour", _IRIS)
    glow = 0.55 + 0.9 * ramp(iy, -0.12, 0.2) - 0.5 * ramp(radius, iris_size - 0.07, iris_size)
    iris = colour * (glow * (0.55 + 0.6 * lit))[None] * (0.55 + 0.45 * lid_shade)
    paint(white, iris_mask, iris)
    paint(white, rows.cover(radius - 0.09, 0.02), linear("#060504"))
    # The catch-light is smaller than a pixel of a small picture: spread it, keeping its light.
    spread = np.sqrt(0.036**2 + (0.3 * view.p) ** 2)
    spark = blob(ix, iy, 0.02 + 0.075 * np.sign(light.x), -0.075, spread, spread) * (0.036 / spread) ** 2
    for plane in white:
        plane += 1.1 * spark * (0.3 + 0.7 * lid_shade)
    paint(area, opening, white)

    # Lash lines: the upper is dark and reaches past the outer corner; the lower faint.
    made_up = view.has("makeup", "eyes") + 0.6 * view.has("makeup", "red lips") + 0.4 * view.has("makeup", "light")
    lash = 0.018 + 0.02 * (1 - head.man) + 0.022 * made_up
    wing = 0.25 * (1 - head.man) * (1 + made_up)
    curve = lid_up - wing * np.maximum(t - 0.75, 0) * 0.4
    line = rows.stroke(y - curve + 0.01, lash, 0.03) * ramp(t, -1.1, -0.75) * ramp(t, 1.12 + wing * 0.5, 0.92)
    paint(area, np.minimum(line * (0.75 + 0.2 * made_up), 0.97), linear("#140d0b"))
    line = rows.stroke(from_low, 0.014 + 0.014 * made_up, 0.03) * ramp(np.abs(t), 1.0, 0.85)
    paint(area, line * (0.3 + 0.4 * made_up), head.skin * 0.12)
    pink = blob(out, y, -0.96 * half, 0.03 + corner, 0.05, 0.05)
    paint(area, pink * 0.5, head.skin * linear("#ff9c90")[:, None, None, None] * 0.5)


def paint_brows(head, picture):
    """Brows: a tapering band with a hairy lower edge."""
    view = head.view
    rows = view.part(-1.3, -0.2)
    part = slice(rows.top, rows.bottom)
    kind = "brows"
    out, y = head.ax[:, part] - 1.0, rows.y
    arch = view.pick(kind, (0.13, 0.2, 0.03, 0.1, 0.06))
    half = view.pick(kind, (0.045, 0.065, 0.085, 0.115, 0.135)) * (0.88 + 0.3 * head.man)
    height = -0.74 + 0.15 * head.man + 0.1 * head.age + view.pick("smile", (0.05, 0, 0, 0, -0.02, -0.05))
    t = out / 0.62
    curve = height - arch * (1 - (t - 0.25) * (t - 0.25)) - 0.025 * t + 0.12 * np.maximum(t - 0.4, 0)
    # A serious face draws the inner ends down.
    curve = curve + view.pick("smile", (0.10, 0, 0, 0, 0, -0.02)) * ramp(t, 0.0, -1.0)
    thick = half * (1.05 - 0.75 * ramp(t, 0.1, 1.15))
    distance = np.abs(y - curve) - thick
    hairs = 0.6 * np.sin(37 * out + 31 * (y - curve)) * rows.seen(7.5)
    hairs += 0.5 * np.sin(23 * out + 17 * (y - curve) + 1) * rows.seen(4.6)
    soft = 0.06 + 0.03 * head.man
    alpha = rows.cover(distance + 0.012 * hairs, soft) * ramp(t, -1.02, -0.8) * ramp(t, 1.2, 0.95)
    alpha *= view.pick(kind, (0.75, 0.82, 0.82, 0.9, 0.92)) - 0.05 * hairs
    colour = view.colour("hair_colour", HAIR)
    # Brows are darker than fair hair and greyer than skin.
    colour = mix(colour * 0.55, head.skin * 0.22, 0.25 + 0.2 * view.has("hair_colour", "blond", "white"))
    paint(picture[:, :, part], alpha, colour * 0.85)


def paint_nostrils(head, picture):
    """Nostrils and the line of the nose's wings."""
    view = head.view
    rows = view.part(0.9, 1.9)
    part = slice(rows.top, rows.bottom)
    broad = head.nose_broad
    x, y = head.ax[:, part], rows.y - head.nose_length + 0.4 * head.nose_lifted
    seen = 1 - 0.3 * view.has("pitch", "down") + 0.2 * view.has("pitch", "up")
    hole = blob(x, y + 0.2 * x, 0.23 * broad, 1.575, 0.085 * broad, 0.045 + 0.02 * head.nose_lifted)
    wing = blob(np.sqrt((x - 0.32 * broad) ** 2 + (y - 1.4) ** 2) - 0.22, np.float32(0), 0, 0, 0.04, 1)
    wing *= ramp(x, 0.42 * broad, 0.54 * broad)
    paint(picture[:, :, part], np.minimum(hole * 0.85 * seen, 0.9), head.skin * 0.07)
    paint(picture[:, :, part], wing * 0.22, head.skin * 0.16)


def paint_mouth(head, picture):
    """Lips with the light from above on the lower one, teeth when they part."""
    view = head.view
    rows = view.part(1.5, 3.0)
    part = slice(rows.top, rows.bottom)
    area = picture[:, :, part]
    kind = "lips"
    half = view.pick(kind, (0.78, 0.78, 0.74, 1.05)) + view.pick("smile", (-0.03, 0, 0.06, 0.2, 0.26, 0.3))
    upper = view.pick(kind, (0.12, 0.18, 0.24, 0.18)) * view.pick("smile", (1, 1, 0.97, 0.9, 0.85, 0.8))
    lower = view.pick(kind, (0.16, 0.23, 0.3, 0.22)) * view.pick("smile", (1, 1, 0.95, 0.9, 0.85, 0.85))
    thinner = 1.06 - 0.36 * head.man - 0.22 * head.age
    upper, lower = upper * thinner, lower * thinner
    gap = view.pick("smile", (0, 0, 0, 0, 0.24, 0.44))
    lift = view.pick("smile", (-0.03, 0.015, 0.07, 0.17, 0.22, 0.24))
    x, y = rows.x, rows.y - 2.03 + 0.02 * view.has("face_shape", "round")
    t = x / half
    tt = t * t
    arch = np.maximum(1 - tt, 0)
    line = -lift * (tt - 0.35) + gap * -0.3 * arch
    bow = 0.22 * np.maximum(1 - 14 * tt, 0)
    top = line - upper * (arch**0.5 * 0.5 + 0.5 * arch) * (1 - bow)
    open_low = line + gap * arch**0.5
    bottom = open_low + lower * np.sqrt(arch)
    inside = rows.cover((np.abs(t) - 1) * half)
    lips = rows.cover(np.maximum(top - y, y - bottom), 0.05) * inside
    tint = head.skin * linear("#ec8680")[:, None, None, None] * (0.66 + 0.28 * head.blood)
    natural = mix(tint, head.skin * linear("#d88078")[:, None, None, None], 0.1 + 0.5 * head.man)
    worn = view.has("makeup", "red lips") * 0.85 + view.has("makeup", "light", "eyes") * 0.4
    stick = mix(
        np.broadcast_to(linear("#c0505c")[:, None, None, None], natural.shape),
        linear("#a8121f")[:, None, None, None],
        view.has("makeup", "red lips"),
    )
    colour = mix(natural, stick, worn)
    light = head.light
    nx, ny, nz = (each[:, part] for each in head.normal)
    lit = light.diffuse(nx, ny, nz, 0.2) * 0.8 + 0.32
    is_upper = ramp(y - line, 0.03, -0.03)
    shade = lit * (1.05 - 0.28 * is_upper)
    full = (y - open_low) / np.maximum(lower * np.sqrt(arch), 0.05)
    shine = blob(t, full, 0, 0.42, 0.33, 0.2) * (1 - is_upper)
    shade += shine * (0.16 + 0.25 * view.has("makeup", "red lips", "light"))
    strength = 0.85 - 0.2 * head.man + 0.16 * view.has("makeup", "red lips")
    paint(area, lips * strength, colour * shade[None])

    # The mouth: dark at the corners, teeth under the upper lip.
    opened = rows.cover(np.maximum(line - y, y - open_low)) * inside * (gap > 0)
    depth = (y - line) / np.maximum(gap, 0.1)
    tooth = ramp(depth, 0.9, 0.62) * ramp(np.abs(t), 0.92, 0.6)
    tooth *= 1 - 0.25 * tt
    between = np.abs(((x / 0.19 + 0.5) % 1) - 0.5)
    tooth *= 1 - 0.22 * ramp(between, 0.12, 0.0) * rows.seen(5.3)
    dark, ivory = linear("#2a0d0c"), linear("#efe6da")
    teeth = [dark[c] + (ivory[c] * (0.55 + 0.4 * lit) * 0.95 - dark[c]) * tooth for c in range(3)]
    paint(area, opened, teeth)
    # The line between closed lips, darkest at the corners.
    slit = rows.stroke(y - line, 0.022, 0.04) * inside * (1 - 0.55 * (gap > 0))
    corner = blob(np.abs(t), y - line, 1.0, 0.0, 0.1, 0.07)
    paint(
        area,
        np.minimum(slit * 0.72 + 0.45 * corner, 0.9),
        head.skin * linear("#80302c")[:, None, None, None] * 0.35,
    )
    below = blob(x, y, 0, 0.42 + gap, half * 0.5, 0.1)
    area *= (1 - 0.13 * below)[None]
