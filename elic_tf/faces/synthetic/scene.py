"""Backgrounds: eight places, out of focus, in the picture's own coordinates."""

import functools

import numpy as np

from elic_tf.faces.synthetic.view import linear

_TINT = ((0.94, 0.98, 1.06), (1.0, 1.0, 1.0), (1.07, 1.0, 0.88))


def _soft_disc(x, y, cx, cy, radius, soft):
    distance = np.sqrt((x - cx) ** 2 + (y - cy) ** 2)
    return np.clip((radius - distance) / soft + 0.5, 0, 1)


def _blend(start, end, share):
    return linear(start)[:, None, None] * (1 - share) + linear(end)[:, None, None] * share


def _discs(base, x, y, discs):
    for cx, cy, radius, colour, strength in discs:
        alpha = _soft_disc(x, y, cx, cy, radius, 0.035) * strength
        base = base + alpha * (linear(colour)[:, None, None] - base)
    return base


def _white(x, y):
    return _blend("#f4f4f2", "#c9ccd0", np.clip(((x - 0.5) ** 2 + (y - 0.4) ** 2) * 1.5, 0, 1))


def _grey(x, y):
    return _blend("#9a9da2", "#4a4d53", np.clip(((x - 0.35) ** 2 + (y - 0.35) ** 2) * 1.5, 0, 1))


def _black(x, y):
    return _blend("#2c2d31", "#0b0b0d", np.clip(((x - 0.5) ** 2 + (y - 0.6) ** 2) * 2.5, 0, 1))


def _blue_wall(x, y):
    return _blend("#7fa5cc", "#2f5483", np.clip(0.75 * x + 0.35 * y, 0, 1))


def _trees(x, y):
    base = _blend("#a9cbe8", "#4f7a35", np.clip((y - 0.22 - 0.05 * np.sin(9 * x)) / 0.35, 0, 1))
    return _discs(
        base, x, y,
        ((0.06, 0.34, 0.11, "#6f9a45", 0.7), (0.17, 0.2, 0.08, "#8db35c", 0.6),
         (0.9, 0.3, 0.13, "#5c8a3c", 0.7),
         (0.98, 0.55, 0.1, "#35602a", 0.7), (0.03, 0.62, 0.12, "#3d6a2c", 0.7),
         (0.8, 0.1, 0.08, "#86ad5a", 0.55),
         (0.95, 0.82, 0.12, "#6b9148", 0.6), (0.08, 0.88, 0.1, "#587f3a", 0.6),
         (0.5, 0.03, 0.1, "#7fa652", 0.5)),
    )  # fmt: skip


def _sunset(x, y):
    base = _blend("#5a6a9c", "#f2a65a", np.clip(y / 0.62, 0, 1))
    base = base + _soft_disc(x, y, 0.88, 0.5, 0.07, 0.12) * (linear("#ffe9b0")[:, None, None] - base)
    land = np.clip((y - 0.68 - 0.03 * np.sin(7 * x + 1)) / 0.06, 0, 1)
    return base + land * (linear("#3c3140")[:, None, None] - base)


def _night_city(x, y):
    base = _blend("#141a33", "#2b2238", np.clip(y, 0, 1))
    return _discs(
        base, x, y,
        ((0.07, 0.15, 0.06, "#e8a24a", 0.8), (0.2, 0.07, 0.045, "#d85a4a", 0.7),
         (0.93, 0.2, 0.065, "#5aa6e0", 0.75),
         (0.82, 0.06, 0.04, "#f0d58a", 0.7), (0.04, 0.42, 0.05, "#6fd0c0", 0.6),
         (0.97, 0.45, 0.05, "#e07ab0", 0.65),
         (0.09, 0.66, 0.07, "#f2c14e", 0.7), (0.93, 0.7, 0.06, "#e8894a", 0.7),
         (0.5, 0.03, 0.035, "#8fb4f0", 0.6),
         (0.03, 0.88, 0.05, "#c8556a", 0.6), (0.85, 0.9, 0.05, "#f4dd9a", 0.5)),
    )  # fmt: skip


def _bookshelf(x, y):
    colours = ("#7a3b2e", "#b58a4a", "#35506a", "#5d6b3f", "#8f5a6a", "#c2ab82", "#3b3a44", "#94623a")
    base = linear("#4a3424")[:, None, None] + 0 * (x + y)
    for shelf, bottom in enumerate((0.3, 0.63, 0.96)):
        for book in range(14):
            colour = colours[(5 * book + 3 * shelf + book * book) % len(colours)]
            tall = 0.2 + 0.014 * ((7 * book + 4 * shelf) % 5)
            left = book / 14 + 0.012 * ((3 * book + shelf) % 3)
            across = np.clip((0.03 - np.abs(x - left - 0.033)) / 0.025 + 0.5, 0, 1)
            down = np.clip((tall / 2 - np.abs(y - bottom + tall / 2)) / 0.03 + 0.5, 0, 1)
            base = base + across * down * (linear(colour)[:, None, None] - base)
    return base


_PLACES = (_white, _grey, _black, _blue_wall, _trees, _sunset, _night_city, _bookshelf)


@functools.lru_cache(maxsize=8)
def _places(size: int) -> np.ndarray:
    steps = ((np.arange(size) + 0.5) / size).astype(np.float32)
    x, y = steps[None, :], steps[:, None]
    places = [np.broadcast_to(place(x, y), (3, size, size)) for place in _PLACES]
    return np.stack(places, axis=1).astype(np.float32)


def background(view) -> np.ndarray:
    """The pictures' first layer, (3, n, size, size) linear light, tinted by the warmth of the light."""
    tint = np.stack([view.pick("warmth", tuple(row[c] for row in _TINT)) for c in range(3)])
    return _places(view.size)[:, view.records["background"]] * tint
