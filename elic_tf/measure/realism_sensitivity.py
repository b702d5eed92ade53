"""How well the realism distances and the copying check see what they should: the numbers behind their docstrings.

    python -m elic_tf.measure.realism_sensitivity --data FOLDER

prints two tables on CelebA. First, distances of spoiled test faces from the faces themselves, which must grow with the
damage, and of photographs of other people, which must be zero. Then the copying check, on the training faces behind a
memorising generator and on people it has never seen. Takes a few minutes; the slow part is the network's features.
"""

import argparse
import io

import numpy as np

from elic_tf.measure import realism
from elic_tf.measure.realism_copying import copied
from elic_tf.measure.realism_features import features, with_mirror_images

RATES = (512, 256, 128)
_MEASURED = ("age network", "luminance spectrum")


def spoiled(faces):
    """Names and versions of uint8 faces, (n, size, size, 3), from hardly to badly damaged, kind by kind."""
    for radius in (0.5, 1, 2):
        yield f"Gaussian blur, {radius} pixels", blurred(faces, radius)
    for deviation in (2, 8, 32):
        yield f"noise, {deviation} grey levels", noisy(faces, deviation)
    for quality in (75, 25, 5):
        yield f"JPEG, quality {quality}", np.stack([_jpeg(face, quality) for face in faces])


def blurred(faces, radius):
    from PIL import Image, ImageFilter

    return np.stack([np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(radius))) for face in faces])


def sharpened(faces):
    """An unsharp mask of radius 1 and 300 %: crispness for nothing. What a trained decoder should do better than."""
    from PIL import Image, ImageFilter

    mask = ImageFilter.UnsharpMask(1, 300, 0)
    return np.stack([np.asarray(Image.fromarray(face).filter(mask)) for face in faces])


def noisy(faces, deviation, seed=0):
    noise = np.random.default_rng(seed).normal(0, deviation, faces.shape)
    return np.clip(np.round(faces + noise), 0, 255).astype(np.uint8)


def distances(test, other, codecs):
    """Rows of the first table. test, other: face sets of different people."""
    real = {space: features(test.images, space) for space in _MEASURED}
    sets = [("photographs of other people", other.images, other.identities), *_made(test, codecs)]
    for name, faces, people in sets:
        cells = []
        for space in _MEASURED:
            found = realism.compare(features(faces, space), real[space], people, test.identities)
            cells += [f"{found.frechet_plain:.2f}", _cell(found.frechet, found.frechet_interval)]
            cells += [_cell(found.kernel, found.kernel_interval)]
        yield [name, *cells]


def copying(training, test, validation, codecs):
    """Rows of the second table: honest sets from validation faces, copies from training faces."""
    near = {space: with_mirror_images(training.images, space) for space in ("pixels", "age network")}
    held_out = {space: features(test.images, space) for space in near}
    source = training.images[:: max(1, len(training) // 300)][:300]
    sets = [("other people", validation.images), ("other people, blur 1.5", blurred(validation.images, 1.5))]
    sets += [(f"other people, {c.name} 256 bits", _decoded(c, validation.images, 256)) for c in codecs]
    sets += [("copies, noise 10 grey levels", noisy(source, 10)), ("copies, blur 1.5", blurred(source, 1.5))]
    sets += [
        ("mirrored copies, noise 10", noisy(source[:, :, ::-1], 10)),
        ("copies, 2 pixels aside", np.roll(source, 2, 2)),
    ]
    sets += [(f"copies, {c.name} 256 bits", _decoded(c, source, 256)) for c in codecs]
    sets += [("other people, 3 % copies", np.concatenate([validation.images, noisy(source[:28], 10)]))]
    for name, faces in sets:
        cells = []
        for space in near:
            found = copied(features(faces, space), near[space], held_out[space])
            cells += [f"{found.share:.3f}", f"{found.p_value:.1g}", "copied" if found.copied else "-", f"{found.z:.1f}"]
        yield [name, *cells]


def _made(test, codecs):
    for name, faces in spoiled(test.images):
        yield name, faces, test.identities
    for codec in codecs:
        for bits in RATES:
            faces = _decoded(codec, test.images, bits)
            yield f"{codec.name}, {bits} bits", faces, test.identities
            yield f"{codec.name}, {bits} bits, sharpened", sharpened(faces), test.identities


def _decoded(codec, images, bits):
    decoded = np.asarray(codec.decode(codec.encode(images.astype(np.float32) / 255, bits=bits)))
    return np.round(np.clip(decoded, 0, 1) * 255).astype(np.uint8)


def _jpeg(face, quality):
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(face).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file).convert("RGB"))


def _cell(estimate, interval):
    return f"{estimate:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _print(columns, rows):
    print("| " + " | ".join(columns) + " |\n|" + " --- |" * len(columns))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
    print()


def main():
    from elic_tf import Codec
    from elic_tf.faces import celeba

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="the folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--codecs", nargs="*", default=["klt"], help="names of codecs (default: klt)")
    arguments = parser.parse_args()
    training, validation, test = (celeba.load(arguments.data, split=s) for s in ("train", "validation", "test"))
    codecs = [Codec.load(name) for name in arguments.codecs]
    kinds = ("Fréchet, plain", "Fréchet (95 %)", "kernel (95 %)")
    _print(
        ["faces", *(f"{kind}, {space}" for space in _MEASURED for kind in kinds)], distances(test, validation, codecs)
    )
    answers = ("share", "p", "verdict", "z")
    _print(
        ["faces", *(f"{answer}, {space}" for space in ("pixels", "age network") for answer in answers)],
        copying(training, test, validation, codecs),
    )


if __name__ == "__main__":
    main()
