"""`python -m elic_tf.train transform`, or another recipe; `--help` after the name tells more."""

import importlib
import sys

RECIPES = {
    "klt": "elic_tf.train.klt",
    "transform": "elic_tf.train.transform",
    "vqa": "elic_tf.train.vqa",
    "symbolic": "elic_tf.train.symbolic",
    "sharp": "elic_tf.train.sharp",
    "vae": "elic_tf.train.vae",
    "gan": "elic_tf.train.gan",
    "vae_gan": "elic_tf.train.vae_gan",
}


def main(argv=None):
    """Run the recipe named first with the arguments after it."""
    name, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name not in RECIPES:
        print(f"usage: python -m elic_tf.train {{{','.join(RECIPES)}}} ...", file=sys.stderr)
        return 0 if name in ("-h", "--help") else 2
    from elic_tf.guard import guard

    return guard(importlib.import_module(RECIPES[name]).main, rest)


if __name__ == "__main__":
    sys.exit(main())
