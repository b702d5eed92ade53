"""The contact sheet and the data card: `python -m elic_tf.faces.synthetic --out data/synthetic.png`."""

import argparse
import pathlib
import sys

import numpy as np

from elic_tf import errors
from elic_tf.faces import synthetic
from elic_tf.faces.synthetic.card import card


def contact_sheet(seed: int, size: int, side: int = 8) -> np.ndarray:
    """side x side faces in one picture, uint8 (side * size, side * size, 3)."""
    tiles = np.round(synthetic.faces(side * side, seed, size) * 255).astype(np.uint8)
    tiles = tiles.reshape(side, side, size, size, 3).swapaxes(1, 2)
    return tiles.reshape(side * size, side * size, 3)


def main(arguments=None) -> int:
    """Write the files that were asked for; 2 if an argument makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.faces.synthetic", description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, help="contact sheet of 64 faces to write (PNG)")
    parser.add_argument("--card", type=pathlib.Path, help="data card to write (Markdown)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=96, help="pixels of one face, 32 to 256")
    chosen = parser.parse_args(arguments)
    if not chosen.out and not chosen.card:
        parser.error("nothing to write: give --out, --card or both")
    try:
        if chosen.out:
            from PIL import Image

            chosen.out.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(contact_sheet(chosen.seed, chosen.size)).save(chosen.out, optimize=True)
            print(f"wrote {chosen.out}")
        if chosen.card:
            chosen.card.parent.mkdir(parents=True, exist_ok=True)
            chosen.card.write_text(card(), encoding="utf-8")
            print(f"wrote {chosen.card}")
    except (errors.ElicError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
