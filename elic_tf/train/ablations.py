"""`python -m elic_tf.train.ablations`: what each part of the full system buys, by leaving it out.

Every variant trains a sharp decoder of the learned codec's files from the smooth one, for the same few epochs, on
CelebA; then all decode the same files of test people. The files are made once. A command that was killed goes on when
it is given again, and variants that are finished are not repeated.
"""

import argparse
import functools
import gc
import json
import pathlib
import sys

import keras
import numpy as np

from elic_tf.train import callbacks, experiments, sharp

VARIANTS = {
    "full": ("everything", {}),
    "no-gender-term": ("no loss on the gender that the extractor sees", {"terms": {"gender": 0.0}}),
    "no-gender-symbol": ("neither decoder nor discriminator is told the gender", {"untold": 1.0}),
    "no-gender": ("neither of these two", {"untold": 1.0, "terms": {"gender": 0.0}}),
    "no-adversary": ("likeness alone, no discriminator", {"realism": 0.0}),
    # In a trained system likeness in features costs 1.2 times as much as that in pixels, whose weight is 0.02.
    "pixels-only": (
        "likeness in pixels alone, as heavy as all of it was",
        {"terms": {"pixels": 0.045, "features": {}}},
    ),
    "c-without-pixels": ("C sees the extractor's maps alone", {"maps": ("shallow", "middle", "deep")}),
    "c-on-pixels-alone": ("C sees the pixels alone", {"maps": ("faces",)}),
    "not-moved": ("the discriminator sees all faces in one place", {"shift": 1}),
    "face-region": ("with the face-region term", {"terms": {"region": 0.1}}),
}
"""What is different, and the settings of `sharp.train`; `terms` are those of `sharp.terms`."""
BASELINE = "smooth"
"""What the codec has already, and where every variant starts from."""
BITS = 256
SEED = 0
SHOWN = 10
"""Synthetic faces to look at."""
COLUMNS = {
    "variant": ("variant", None),
    "about": ("what is different", None),
    "psnr": ("PSNR dB", 2),
    "interval": ("Fréchet distance, age network (95 %)", None),
    "judge": ("judge", 3),
    "judge_balanced": ("judge, balanced", 3),
    "kept_gender": ("gender kept", 3),
    "kept": ("answers kept", 3),
    "minutes": ("minutes", 0),
}
DIFFERENCES = {
    "variant": ("variant", None),
    "psnr": ("PSNR dB", "+.2"),
    "frechet": ("Fréchet distance", "+.2"),
    "judge_balanced": ("judge, balanced", "+.3"),
    "kept_gender": ("gender kept", "+.3"),
    "kept": ("answers kept", "+.3"),
}
NOTES = """Fréchet distance: of the decoded faces to their originals, as sets, in the features of a network that nothing
here was trained with. The judge took no part in any training either; the question answerer, whose answers are kept,
did: the extractor is its tower. One seed each, so small differences say nothing. A share of 0.9 of {n} faces has a
standard error of {error:.3f}."""


def encoded(codec, faces, note):
    """The files of a FaceSet at `BITS` bits, by the names of its faces; kept in `note`, as they take long to make."""
    from tqdm import tqdm

    held = json.loads(note.read_text()) if note.exists() else {}
    missing = [i for i, name in enumerate(faces.names) if name not in held]
    for start in tqdm(range(0, len(missing), 32), desc=f"files of {faces.name}", disable=None):
        part = missing[start : start + 32]
        files = codec.encode(np.asarray(faces.images[part]), bits=BITS)
        held |= {faces.names[i]: file.hex() for i, file in zip(part, files)}
        experiments.write(note, json.dumps(held))
    return [bytes.fromhex(held[name]) for name in faces.names]


def with_decoder(codec, model, told=True):
    """The `Codec` of the same files whose sharp decoder is that of a `SharpDecoder`, told the gender or not."""
    from elic_tf.coding.codec import Codec
    from elic_tf.models import runtime

    [synthesis] = [each for each in model.network("decoder").layers if each.name.startswith("synthesis")]

    def residual(base, latents, log_step, gender):
        return {"output": np.asarray(synthesis([base, latents, log_step, gender if told else 0 * gender]))}

    own = codec.model
    return Codec(runtime.Portrait(own.klt, own.code, None, None, None, residual), codec.number)


def train(settings, faces, validation, codec, folder, *, epochs, epoch_steps, known=None):
    """Train a variant, or go on; returns the `SharpDecoder`. faces, validation: uint8; codec: a `TransformModel`."""
    settings = dict(settings)
    chosen = sharp.terms(**settings.pop("terms", {}))
    return sharp.train(faces, validation, codec, folder, epochs=epochs, epoch_steps=epoch_steps, seed=SEED,
                       chosen=chosen, known=known, **settings)  # fmt: skip


def opinions(faces):
    """A function from decoded faces to numbers by the names of `COLUMNS`, and a row of the originals of a FaceSet."""
    from elic_tf.measure import judges, realism
    from elic_tf.measure.opinions import Photographs, Reference, means
    from elic_tf.models.vqa import VQA

    reference, photographs = Reference(faces, judges.GenderJudge(), VQA.load()), Photographs(faces)

    def measure(decoded):
        distances = photographs.distances(realism.features(decoded), faces.identities)
        return means(reference.each(decoded)) | distances

    return measure, means(reference.each_original())


def report(rows, out, intro):
    """Write `ablations.md` and `ablations.csv` into `out`; returns the text. rows: the originals and all variants."""
    from elic_tf.measure.tables import write_csv

    shown = [row | {"interval": _interval(row)} for row in rows]
    parts = ["# Ablations", intro, experiments.markdown(shown, COLUMNS)]
    by_name = {row["variant"]: row for row in rows}
    others = [row for name, row in by_name.items() if name in VARIANTS and name != "full"]
    if others and "full" in by_name:
        full = by_name["full"]
        keys = [key for key in DIFFERENCES if key in full and key != "variant"]
        less = [{"variant": row["variant"]} | {key: row[key] - full[key] for key in keys} for row in others]
        parts += ["Minus the full system:", experiments.markdown(less, DIFFERENCES)]
    n = rows[0]["n"]
    parts.append(NOTES.format(n=n, error=(0.9 * 0.1 / n) ** 0.5))
    text = "\n\n".join(parts)
    (out / "ablations.md").write_text(text + "\n")
    write_csv(out / "ablations.csv", rows)
    return text


def _interval(row):
    if "frechet" not in row:
        return None  # too few faces
    return "{frechet:.2f} ({frechet_low:.2f} to {frechet_high:.2f})".format(**row)


def picture(strips, path):
    """One row of faces, (n, size, size, 3) in [0, 1], for each name, with the name before it; as a PNG."""
    from PIL import Image, ImageDraw, ImageFont

    zoom, margin, font = 2, 190, ImageFont.load_default(16)
    rows = [np.concatenate(list(np.round(np.clip(faces, 0, 1) * 255).astype(np.uint8)), 1) for faces in strips.values()]
    height, width = zoom * rows[0].shape[0], zoom * rows[0].shape[1]
    sheet = Image.new("RGB", (margin + width, len(rows) * (height + 4)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, row) in enumerate(zip(strips, rows)):
        top = number * (height + 4)
        draw.text((8, top + height / 2), name, "black", font, "lm")
        sheet.paste(Image.fromarray(row).resize((width, height), Image.Resampling.NEAREST), (margin, top))
    sheet.save(path)


def parse(argv=None):
    """The arguments."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.train.ablations", description=main.__doc__)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="(default: all)")
    parser.add_argument("--data", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--codec", default="runs/transform", help="what `train transform` wrote (default: %(default)s)")
    parser.add_argument("--out", type=pathlib.Path, default="runs/ablations", help="folder (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=3, help="of --epoch-steps steps (default: %(default)s)")
    parser.add_argument("--epoch-steps", type=int, default=sharp.EPOCH, help="(default: %(default)s)")
    parser.add_argument("--limit", type=int, metavar="N", help="so many test faces only, for a quick look")
    parser.add_argument("--precision", default="float32", help="mixed_bfloat16 on a newer CPU, mixed_float16 on a GPU")
    return parser.parse_args(argv)


def decoder(settings, folder, sources, codec, arguments, known):
    """Train a variant, or go on; returns a function from files to faces. settings: None for what is there already.

    known: a function that gives what `sharp.Codes.of` says of the training faces.
    """
    if settings is None:
        return functools.partial(codec.decode, decoder=BASELINE)
    model = train(settings, *sources, folder, epochs=arguments.epochs, epoch_steps=arguments.epoch_steps,
                  known=known())  # fmt: skip
    return with_decoder(codec, model, told=settings.get("untold") != 1).decode


def run(arguments):
    """Train what is not finished yet, and write the report."""
    from elic_tf import weights
    from elic_tf.coding.codec import Codec
    from elic_tf.faces import celeba, synthetic
    from elic_tf.measure.report import about
    from elic_tf.models.features import FrozenExtractor

    keras.config.set_dtype_policy(arguments.precision)
    out, codec = arguments.out, Codec.load("portrait")
    out.mkdir(parents=True, exist_ok=True)
    sources = [celeba.load(arguments.data, split=each).images for each in ("train", "validation")]
    sources.append(sharp.load(arguments.codec, weights.load("klt")))
    test, drawn = celeba.load(arguments.data, "test", limit=arguments.limit), synthetic.load(SHOWN, seed=77)
    known = functools.cache(lambda: sharp.Codes(sources[2], FrozenExtractor()).of(sources[0]))
    files, shown = (encoded(codec, each, out / f"files_{each.name}.json") for each in (test, drawn))
    measure, originals = opinions(test)
    rows, strips = [{"variant": "original"} | originals], {"original": drawn.images / np.float32(255)}
    common = {name: getattr(arguments, name) for name in ("epochs", "epoch_steps", "precision")}
    # A run is finished only as long as what it leaves to the recipe is the same.
    common |= {name: getattr(sharp, name) for name in ("PIXELS", "FEATURES", "GENDER", "UNTOLD", "RATE", "BATCH")}
    for name in (BASELINE, *arguments.variants):
        difference, settings = VARIANTS.get(name, ("where all variants start from", None))
        folder, note = out / name, {"variant": name} if settings is None else {"variant": name} | common | settings
        row = experiments.finished(folder, note)
        if row is None or row["n"] != len(test):
            print(name, flush=True)
            decode = decoder(settings, folder, sources, codec, arguments, known)
            np.save(folder / "synthetic.npy", decode(shown))
            row = measure(decode(files)) | {"minutes": callbacks.minutes(folder) or None}
            experiments.finish(folder, note, row)
            del decode
            gc.collect()  # a model is a circle of references, and its data set holds all faces
        rows.append({"variant": name, "about": difference} | row)
        strips[name] = np.load(folder / "synthetic.npy")
    intro = (
        f"{about(test, 'test')}; files of {BITS} bits, the same for all. Each variant: {arguments.epochs} epochs of "
        f"{arguments.epoch_steps} steps from the smooth decoder, seed {SEED}, {arguments.precision}."
    )
    print(report(rows, out, intro))
    picture(strips, out / "ablations.png")
    print(f"wrote ablations.md, .csv and .png to {out}")


def main(argv=None):
    """Train sharp decoders on CelebA with one part of the system left out each, and measure them on test people."""
    from elic_tf.guard import guard

    return guard(run, parse(argv))


if __name__ == "__main__":
    sys.exit(main())
