"""One face, every codec, the same number of bits: the picture behind `elic compare`."""

import dataclasses

import numpy as np

from elic_tf.errors import ElicError, ImageError
from elic_tf.measure import baselines, distortion

COLUMNS, TILE, GAP, MARGIN = 6, 173, 20, 31
INK, FAINT, RED, BLUE = "#1a1a1a", "#666666", "#c0201c", "#1f5fa8"


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """One face through one codec. image: (size, size, 3) float32; p_male: the judge's, None without a judge.

    bits is the size of the file on disk, None for the original. too_large: the codec has no file within the
    bits asked for, so this is its smallest. ours: it is not one of the baselines.
    """

    name: str
    image: np.ndarray
    bits: int | None = None
    psnr: float | None = None
    p_male: float | None = None
    too_large: bool = False
    ours: bool = False
    setting: str = ""


def compare(face, bits, codecs=(), names=None, judge=None):
    """What each codec makes of one face at `bits`: a list of `Result`; the original, ours, the baselines.

    face: (size, size, 3), float in [0, 1] or uint8. codecs: objects with `name`, `encode(faces, bits=...)`
    and `decode(files)`; one with several `decoders` is shown with each. names: of baselines; all that are
    installed if None. A baseline shows its best file of at most `bits`, or, where there is none, its smallest,
    marked `too_large`. judge: a `GenderJudge`, or None.
    """
    face = np.asarray(face)
    if face.ndim != 3 or face.shape[0] != face.shape[1] or face.shape[2] != 3:
        raise ImageError(f"compare needs one square face, shape (size, size, 3), not {face.shape}")
    if face.dtype == np.uint8:
        face = face.astype(np.float32) / 255
    faces = distortion.check(face[None], "face").astype(np.float32)
    results = [Result("original", faces[0])]
    for codec in codecs:
        files = codec.encode(faces, bits=bits)
        decoders = getattr(codec, "decoders", (None,))
        for decoder in decoders:
            image = np.asarray(codec.decode(files, decoder=decoder) if decoder else codec.decode(files))[0]
            name = codec.name if len(decoders) == 1 else f"{codec.name}, {decoder}"
            results.append(Result(name, image, 8 * len(files[0]), _psnr(faces[0], image), ours=True))
    found = []
    for name in baselines.names() if names is None else names:
        coded = baselines.within(name, faces, bits)[0]
        best = coded or baselines.smallest(name, faces)[0]
        quality = _psnr(faces[0], best.image)
        found.append(Result(name, best.image, best.bits, quality, too_large=coded is None, setting=str(best.setting)))
    # Those within the budget by quality, then the others by how far they are from it.
    results += sorted(found, key=lambda r: (r.too_large, r.bits if r.too_large else -r.psnr))
    if judge is None:
        return results
    opinions = judge.male(np.stack([result.image for result in results]))
    return [dataclasses.replace(result, p_male=float(p)) for result, p in zip(results, opinions)]


def picture(results, bits, path):
    """Draw the results of `compare` as one PNG, 1200 pixels wide: a tile each, with name, bits, PSNR, judge.

    path: where to write it, or a file open for writing. Files larger than `bits` have their size in red.
    """
    from PIL import Image, ImageDraw

    columns = min(COLUMNS, len(results))
    rows = -(-len(results) // columns)
    lines = 3 + any(result.p_male is not None for result in results)
    height = TILE + 12 + 24 * lines + 22
    notes = _notes(results)
    top = 68 + 22 * len(notes)
    sheet = Image.new("RGB", (2 * MARGIN + COLUMNS * TILE + (COLUMNS - 1) * GAP, top + rows * height + 14), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, 20), f"One face in {_bits(bits)}", INK, _font(28, bold=True))
    for number, note in enumerate(notes):
        draw.text((MARGIN, 58 + 22 * number), note, FAINT, _font(15))
    for number, result in enumerate(results):
        left = MARGIN + (number % columns) * (TILE + GAP)
        y = top + (number // columns) * height
        tile = Image.fromarray(np.round(np.clip(result.image, 0, 1) * 255).astype(np.uint8))
        sheet.paste(tile.resize((TILE, TILE), Image.Resampling.BICUBIC), (left, y))
        if result.ours:
            draw.rectangle((left - 4, y - 4, left + TILE + 3, y + TILE + 3), outline=BLUE, width=4)
        y += TILE + 12
        draw.text((left, y), result.name, BLUE if result.ours else INK, _font(18, bold=True))
        for text, colour in _caption(result):
            y += 24
            draw.text((left, y), text, colour, _font(16))
    try:
        sheet.save(path, "PNG")
    except OSError as error:
        raise ElicError(f"cannot write {path}: {error.strerror or error}; choose another place with --out") from None


def _caption(result):
    if result.bits is None:
        height, width = result.image.shape[:2]
        lines = [(f"{width}x{height} pixels", INK), (f"raw: {24 * height * width:,} bits", INK)]
    else:
        lines = [(f"smallest: {result.bits:,} bits", RED) if result.too_large else (_bits(result.bits), INK)]
        lines += [("PSNR: exact" if np.isinf(result.psnr) else f"PSNR {result.psnr:.1f} dB", INK)]
    if result.p_male is not None:
        from elic_tf.measure import judges

        lines.append((f"judge: {judges.word(result.p_male)}", INK))
    return lines


def _notes(results):
    notes = [
        "Sizes are whole files. Every format has its best settings for this face, shrunk and enlarged if that helps."
    ]
    if any(result.too_large for result in results):
        notes[0] += " Red: it cannot go lower."
    if any(result.p_male is not None for result in results):
        notes.append("The judge is a gender classifier. It must answer even for a blur, and then says woman.")
    return notes


def _bits(bits):
    return f"{bits:,} bits ({bits / 8:g} bytes)"


def _psnr(original, decoded):
    return float(distortion.psnr(original[None], np.asarray(decoded)[None])[0])


def _font(size, bold=False):
    """Matplotlib's own DejaVu Sans: the same letters on every machine."""
    import matplotlib
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/{name}", size)
