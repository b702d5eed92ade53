"""Balance: pictures for a question, drawn so that every answer is equally frequent."""

import math

import numpy as np

from elic_tf.errors import DataError
from elic_tf.questions import programs

NEIGHBOURS = 8
"""How many pictures the complement is chosen from."""


class Draws:
    """Whole numbers from Philox words (Salmon et al., 2011): the same on every machine and NumPy version."""

    def __init__(self, seed):
        if not 0 <= seed < 2**64 or seed != int(seed):
            raise DataError(f"the seed must be a whole number from 0 to 2**64 - 1, not {seed}")
        self._generator, self._words = np.random.Philox(key=int(seed)), []

    def below(self, end):
        """One of 0 to end - 1."""
        if not self._words:
            self._words = self._generator.random_raw(4096).tolist()
        return (self._words.pop() >> 32) * end >> 32

    def distinct(self, count, end):
        """`count` different numbers of 0 to end - 1."""
        found: list[int] = []
        while len(found) < count:
            number = self.below(end)
            if number not in found:
                found.append(number)
        return found

    def shuffled(self, values):
        values = list(values)
        for last in range(len(values) - 1, 0, -1):
            other = self.below(last + 1)
            values[last], values[other] = values[other], values[last]
        return values


def pools(template, seen: dict[int, list], draws: Draws) -> dict[str, list[int]]:
    """answer -> images with this answer, shuffled; the most frequent answers first."""
    sizes = {"one": (1,), "two": (2,), "group": (2, 3, 4)}[template.people]
    found: dict[str, list[int]] = {}
    for image, scene in seen.items():
        if len(scene) in sizes:
            try:
                answer = programs.execute(template.program, scene)
            except programs.ExecutionError:  # not known, or nobody to ask about
                continue
            found.setdefault(answer, []).append(image)
    ranked = sorted(found, key=lambda answer: (-len(found[answer]), answer))
    return {answer: draws.shuffled(found[answer]) for answer in ranked}


def pairs(template, pools: dict[str, list[int]], wanted: int, seen: dict[int, list], draws: Draws):
    """About `wanted` questions in pairs of different answers: (wording, (image, answer), (image, answer)) each.

    They come in rounds, and only complete ones: in each, one wording gets every answer equally often. No wording is
    asked twice of a picture. The rarest answers are left out where they would make the questions less than half.
    """
    variants, answers = len(template.wordings), list(pools)

    def rounds(count):
        # Two answers make one pair; more make a ring, in which each answer is in two pairs.
        uses = 1 if count == 2 else 2
        enough = len(pools[answers[count - 1]]) // uses * variants
        return min(enough, max(1, wanted // (uses * count))), uses * count

    sizes = {count: math.prod(rounds(count)) for count in range(2, len(answers) + 1)}
    if not any(sizes.values()):
        return
    count = max(count for count, size in sizes.items() if 2 * size >= max(sizes.values()))
    taken = {wording: set() for wording in template.wordings}
    for number in range(rounds(count)[0]):
        wording = template.wordings[number % variants]
        ring = draws.shuffled(answers[:count])
        for first, second in zip(ring, ring[1:] + ring[:1] if count > 2 else ring[1:]):
            one = _take(pools[first], taken[wording], draws)[0]
            near = _take(pools[second], taken[wording], draws, NEIGHBOURS)
            other = max(near, key=lambda image, one=one: _agreement(seen[one], seen[image]))
            taken[wording] |= {one, other}
            yield wording, (one, first), (other, second)


def _take(pool, taken, draws, count=1):
    """Up to `count` images of the pool that are not taken, from a random place on."""
    start, found = draws.below(len(pool)), []
    for step in range(len(pool)):
        image = pool[(start + step) % len(pool)]
        if image not in taken:
            found.append(image)
            if len(found) == count:
                break
    return found


def _agreement(scene, other):
    same = sum(len(one.items() & two.items()) for one, two in zip(scene, other))
    return same if len(scene) == len(other) else -1
