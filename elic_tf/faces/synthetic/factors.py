"""The factors of a synthetic face, their levels, and how they depend on each other: a small Bayesian network.

A table is never written out. Each factor has a row of integer weights, and each arrow of the network
multiplies that row by another row of integers chosen by the parent's level. `frequencies` turns the
product into integer frequencies that sum to `TOTAL` with every entry at least 1, in integer arithmetic
throughout: the same on every machine, ready for an arithmetic coder, and no combination of levels is
impossible.

The weights are the authors' round guesses for a varied class-room set, not the statistics of any
population.
"""

import functools

import numpy as np

TOTAL = 1024
"""What the frequencies of every conditional distribution sum to: a draw is 10 bits of a random word."""

# Published sRGB values of the Monk Skin Tone scale (Ellis Monk, 2022), tone 1 to 10.
MONK = (
    "#f6ede4", "#f3e7db", "#f7ead0", "#eadaba", "#d7bd96", "#a07e56", "#825c43", "#604134", "#3a312a",
    "#292420",
)  # fmt: skip

FACTORS: dict[str, tuple[str, ...]] = {
    "gender": ("woman", "man"),
    "age": ("18-24", "25-34", "35-44", "45-54", "55-64", "65+"),
    "skin": tuple(f"Monk {tone}" for tone in range(1, 11)),
    "face_shape": ("oval", "round", "square", "heart", "long"),
    "hair_length": ("bald", "buzz", "short", "medium", "long"),
    "hair_style": ("parted left", "parted right", "centre part", "fringe", "swept back", "tied up"),
    "hair_texture": ("straight", "wavy", "curly", "coily"),
    "hairline": ("low", "high", "receding"),
    "hair_colour": ("black", "dark brown", "brown", "auburn", "red", "dark blond", "blond", "grey", "white"),
    "brows": ("thin", "arched", "straight", "thick", "bushy"),
    "eye_colour": ("dark brown", "brown", "hazel", "green", "blue", "grey"),
    "eye_shape": ("almond", "round", "narrow", "hooded", "downturned"),
    "gaze": ("ahead", "left", "right", "up", "down"),
    "nose": ("narrow", "medium", "broad", "long", "button"),
    "lips": ("thin", "medium", "full", "wide"),
    "smile": ("serious", "neutral", "slight", "closed smile", "open smile", "laugh"),
    "beard": ("none", "stubble", "goatee", "short", "full"),
    "moustache": ("none", "thin", "full"),
    "glasses": ("none", "round", "rectangular", "thick black", "sunglasses"),
    "hat": ("none", "cap", "beanie", "brimmed hat", "headscarf"),
    "makeup": ("none", "light", "eyes", "red lips"),
    "earrings": ("none", "studs", "hoops", "pendants"),
    "yaw": ("far left", "left", "ahead", "right", "far right"),
    "pitch": ("up", "level", "down"),
    "roll": ("left", "slightly left", "upright", "slightly right", "right"),
    "light": ("front", "left", "right", "above", "above left", "above right"),
    "warmth": ("cool", "neutral", "warm"),
    "background": ("white", "grey", "black", "blue wall", "trees", "sunset", "night city", "bookshelf"),
    "clothing": (
        "white T-shirt",
        "dark T-shirt",
        "blue shirt",
        "suit",
        "red top",
        "polo neck",
        "hoodie",
        "scarf",
    ),
}
"""Every factor with the names of its levels; a record stores the index of the level."""

# Skin tones share rows: light 1-3, medium 4-6, dark 7-10.
_BY_TONE = {
    "hair_colour": (
        (4, 8, 10, 5, 5, 10, 10, 8, 8),
        (20, 16, 8, 2, 1, 2, 2, 8, 8),
        (90, 14, 2, 1, 1, 1, 1, 9, 8),
    ),
    "hair_texture": ((8, 8, 3, 1), (8, 7, 4, 2), (2, 3, 8, 24)),
    "eye_colour": ((3, 6, 8, 8, 16, 8), (14, 14, 6, 2, 1, 1), (60, 14, 2, 1, 1, 1)),
}


def _tones(factor):
    light, medium, dark = _BY_TONE[factor]
    return (light,) * 3 + (medium,) * 3 + (dark,) * 4


NETWORK: dict[str, tuple[tuple[int, ...], dict[str, tuple[tuple[int, ...], ...]]]] = {
    "gender": ((1, 1), {}),
    "age": ((12, 20, 18, 14, 10, 8), {}),
    "skin": ((5, 9, 9, 8, 8, 8, 7, 7, 5, 4), {}),
    "face_shape": ((8, 5, 4, 4, 4), {"gender": ((10, 8, 3, 10, 6), (8, 6, 12, 3, 8))}),
    "hair_length": (
        (3, 3, 6, 4, 6),
        {
            "gender": ((1, 2, 14, 40, 60), (36, 40, 90, 12, 6)),
            "age": ((1, 6, 8, 8, 10), (2, 6, 8, 8, 10), (4, 6, 8, 8, 8), (7, 6, 9, 8, 6), (9, 6, 10, 8, 4),
                    (12, 6, 12, 7, 3)),
        },
    ),
    "hair_style": (
        (6, 4, 4, 4, 5, 3),
        {
            "gender": ((8, 8, 12, 10, 5, 12), (10, 10, 4, 6, 16, 2)),
            "hair_length": ((1,) * 6, (4, 4, 2, 4, 8, 1), (8, 8, 4, 6, 10, 2), (8, 8, 8, 8, 4, 4),
                            (8, 8, 8, 6, 4, 12)),
        },
    ),
    "hair_texture": ((8, 6, 4, 3), {"skin": _tones("hair_texture"), "gender": ((8, 8, 8, 8), (10, 7, 7, 8))}),
    "hairline": (
        (5, 5, 1),
        {
            "gender": ((12, 10, 1), (10, 10, 8)),
            "age": ((16, 8, 1), (12, 10, 2), (10, 12, 6), (8, 12, 12), (6, 12, 18), (5, 12, 24)),
        },
    ),
    "hair_colour": (
        (8, 8, 8, 8, 8, 8, 8, 1, 1),
        {
            "skin": _tones("hair_colour"),
            "age": ((24,) * 7 + (1, 1), (24,) * 7 + (2, 1), (20,) * 7 + (14, 2), (12,) * 7 + (60, 10),
                    (6,) * 7 + (90, 40), (2,) * 7 + (70, 90)),
        },
    ),
    "brows": ((4, 6, 6, 5, 2), {"gender": ((14, 18, 8, 4, 1), (3, 2, 12, 14, 8))}),
    "eye_colour": (
        (8, 8, 8, 8, 8, 8),
        {
            "skin": _tones("eye_colour"),
            "hair_colour": ((16, 12, 6, 3, 3, 3), (10, 12, 8, 5, 5, 5), (6, 10, 9, 7, 7, 6),
                            (4, 8, 9, 12, 8, 6),
                            (3, 5, 8, 16, 10, 6), (3, 6, 8, 9, 12, 9), (2, 4, 6, 9, 16, 10),
                            (8, 8, 8, 8, 9, 9),
                            (8, 8, 8, 8, 9, 9)),
        },
    ),
    "eye_shape": (
        (7, 5, 4, 3, 3),
        {"age": ((9, 9, 8, 3, 2), (9, 9, 8, 4, 3), (8, 7, 8, 6, 5), (7, 6, 7, 9, 8), (5, 4, 7, 12, 11),
                 (4, 3, 7, 14, 14))},
    ),
    "gaze": (
        (20, 2, 2, 1, 1),
        {"yaw": ((4, 8, 2, 4, 4), (8, 10, 4, 6, 6), (12, 6, 6, 6, 6), (8, 4, 10, 6, 6), (4, 2, 8, 4, 4))},
    ),
    "nose": ((5, 8, 5, 4, 4), {"gender": ((10, 9, 6, 3, 10), (6, 9, 10, 10, 4))}),
    "lips": ((5, 8, 5, 4), {"gender": ((4, 8, 12, 8), (10, 9, 5, 8)), "age": ((6, 8, 10, 8), (7, 8, 9, 8),
             (8, 8, 8, 8), (9, 8, 7, 8), (12, 8, 5, 8), (15, 8, 4, 8))}),
    "smile": ((3, 5, 5, 5, 7, 2), {"gender": ((6, 8, 10, 10, 12, 10), (12, 12, 10, 9, 8, 7))}),
    "beard": (
        (8, 4, 2, 4, 3),
        {
            "gender": ((240, 1, 1, 1, 1), (8, 10, 9, 10, 8)),
            "age": ((16, 12, 5, 4, 2), (10, 12, 9, 10, 6), (10, 10, 10, 10, 9), (12, 8, 10, 10, 10),
                    (14, 7, 9, 10, 11),
                    (14, 6, 8, 10, 13)),
        },
    ),
    "moustache": (
        (10, 3, 3),
        {
            "gender": ((60, 1, 1), (8, 9, 9)),
            "beard": ((24, 2, 3), (10, 8, 3), (4, 10, 8), (3, 10, 12), (2, 5, 16)),
        },
    ),
    "glasses": (
        (20, 2, 2, 2, 2),
        {
            "age": ((14, 10, 8, 10, 12), (14, 10, 9, 10, 12), (13, 9, 10, 9, 10), (11, 9, 12, 8, 8),
                    (9, 10, 15, 8, 7),
                    (7, 11, 18, 8, 6)),
            "gender": ((10, 10, 8, 8, 9), (9, 9, 11, 10, 10)),
        },
    ),
    "hat": (
        (36, 2, 2, 2, 1),
        {"gender": ((10, 6, 8, 8, 14), (10, 14, 10, 10, 1)), "age": ((10, 14, 14, 6, 10), (10, 12, 12, 8, 10),
         (10, 10, 10, 9, 10), (10, 9, 8, 10, 10), (10, 8, 8, 12, 10), (10, 8, 8, 14, 10))},
    ),
    "makeup": (
        (6, 4, 3, 3),
        {"gender": ((5, 12, 11, 10), (150, 4, 1, 1)), "age": ((8, 8, 10, 8), (7, 9, 10, 9), (8, 9, 9, 9),
                                                              (9, 9, 8, 9),
         (11, 9, 7, 8), (14, 8, 5, 7))},
    ),
    "earrings": ((6, 3, 2, 2), {"gender": ((9, 12, 10, 10), (60, 10, 3, 1)), "age": ((8, 9, 9, 7),
                                                                                     (8, 8, 9, 8),
                 (8, 8, 8, 8), (9, 8, 7, 8), (10, 9, 6, 7), (11, 10, 5, 7))}),
    "yaw": ((2, 5, 8, 5, 2), {}),
    "pitch": ((2, 5, 2), {}),
    "roll": ((1, 3, 5, 3, 1), {"yaw": ((3, 4, 4, 3, 2), (3, 4, 4, 3, 3), (2, 3, 4, 3, 2), (3, 3, 4, 4, 3),
                                       (2, 3, 4, 4, 3))}),
    "light": ((5, 3, 3, 3, 4, 4), {}),
    "warmth": ((2, 4, 3), {"background": ((5, 10, 4), (6, 10, 4), (4, 8, 8), (8, 8, 3), (4, 10, 6),
                                          (1, 4, 20), (6, 5, 10),
               (1, 6, 12))}),
    "background": ((4, 4, 4, 4, 5, 3, 3, 3), {}),
    "clothing": ((4, 5, 4, 4, 4, 3, 3, 3), {"gender": ((8, 8, 7, 3, 14, 9, 6, 10),
                                                       (9, 12, 12, 16, 3, 6, 10, 4))}),
}  # fmt: skip
"""factor -> (its weights, parent -> one row of multipliers for each level of the parent)."""


def parents(factor: str) -> tuple[str, ...]:
    """The factors that `factor` depends on directly, in the order of its table's leading axes."""
    return tuple(NETWORK[factor][1])


def _apportion(weights) -> list[int]:
    """Integer frequencies summing to TOTAL, each at least 1, by largest remainder; ties go to the lower level."""
    spare = TOTAL - len(weights)
    whole = sum(weights)
    shares = [divmod(weight * spare, whole) for weight in weights]
    frequencies = [1 + quotient for quotient, _ in shares]
    by_remainder = sorted(range(len(weights)), key=lambda level: (-shares[level][1], level))
    for level in by_remainder[: TOTAL - sum(frequencies)]:
        frequencies[level] += 1
    return frequencies


@functools.cache
def frequencies(factor: str) -> np.ndarray:
    """Conditional frequencies of one factor, int64 (levels of each parent ..., its levels), sum TOTAL."""
    base, arrows = NETWORK[factor]
    shape = tuple(len(FACTORS[parent]) for parent in arrows)
    table = np.empty((*shape, len(base)), np.int64)
    for index in np.ndindex(*shape):
        weights = list(base)
        for row_of, level in zip(arrows.values(), index):
            weights = [weight * boost for weight, boost in zip(weights, row_of[level])]
        table[index] = _apportion(weights)
    table.flags.writeable = False
    return table


def _parents_first() -> tuple[str, ...]:
    order: list[str] = []
    while len(order) < len(FACTORS):
        order += [name for name in FACTORS if name not in order and all(p in order for p in parents(name))]
    return tuple(order)


ORDER = _parents_first()
"""The factors with every parent before its children: the order of drawing, and of coding."""
