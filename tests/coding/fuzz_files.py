"""Damage files in every way and see what decoding makes of them: `python tests/coding/fuzz_files.py --count 100000`.

Flipped bits, cuts, appended bytes, overwritten stretches, swapped model numbers, repaired checks over damaged codes and
plain random bytes. Each must give a typed error or an image; the slowest one is reported.
"""

import argparse
import collections
import random
import time
import warnings

import numpy as np

from elic_tf.coding.codec import Codec
from elic_tf.coding.container import Container
from elic_tf.errors import FileError
from elic_tf.faces import synthetic


def damaged(files, seed):
    """Yield (kind, file) without end."""
    dice = random.Random(seed)
    while True:
        file = bytearray(dice.choice(files))
        kind = dice.choice(["flip", "cut", "append", "overwrite", "header", "random", "checked flip", "checked random"])
        if kind in ("flip", "checked flip"):
            for _ in range(dice.randint(1, 8)):
                file[dice.randrange(len(file))] ^= 1 << dice.randrange(8)
        elif kind == "cut":
            del file[dice.randrange(len(file)) :]
        elif kind == "append":
            file += dice.randbytes(dice.choice([1, 2, 8, 100, 2000]))
        elif kind == "overwrite":
            start = dice.randrange(len(file))
            file[start : start + 8] = dice.randbytes(min(8, len(file) - start))
        elif kind == "header":
            file[dice.randrange(2)] = dice.randrange(256)
        else:
            file = bytearray(dice.randbytes(dice.randint(0, 600)))
        if kind.startswith("checked") and len(file) > 2:
            # The check is one byte; damage that gets past it must be harmless too.
            file = Container(dice.choice([file[0] & 15, 1]), bytes(file[2:])).pack()
        yield kind, bytes(file)


def run(codec, count, seed=0):
    """Decode `count` damaged files; returns outcomes per kind and the longest time in seconds."""
    faces = synthetic.faces(8, seed=5)
    files = [file for bits in (48, 96, 256, 1024, 4096) for file in codec.encode(faces, bits=bits)]
    codec.decode(files[:1])
    outcomes, slowest = collections.Counter(), 0.0
    stream = damaged(files, seed)
    for number in range(count):
        kind, file = next(stream)
        partial = number % 4 == 0
        start = time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                face = codec.decode([file], partial=partial)[0]
        except FileError as error:
            outcomes[kind, type(error).__name__] += 1
        else:
            assert face.shape == (64, 64, 3) and np.isfinite(face).all() and 0 <= face.min() <= face.max() <= 1
            outcomes[kind, "an image"] += 1
        slowest = max(slowest, time.perf_counter() - start)
    return outcomes, slowest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--codec", default="klt")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    found, longest = run(Codec.load(arguments.codec), arguments.count, arguments.seed)
    for (kind, outcome), times in sorted(found.items()):
        print(f"{kind:16}{outcome:20}{times:8d}")
    print(f"{arguments.count} damaged files, no other exception; slowest {1000 * longest:.1f} ms")
