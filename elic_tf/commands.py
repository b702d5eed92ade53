"""What each `elic` command does. Every function takes the parsed arguments; heavy imports stay inside."""

import io
import pathlib
import sys

import numpy as np

from elic_tf.errors import DataError, ElicError, FileError, ImageError, MissingExtraError

_MAX_DECODED_SIZE = 4096


def encode(a):
    """Photographs to files."""
    from elic_tf.coding import qr
    from elic_tf.coding.codec import check_budget

    check_budget(a.bits)  # before the seconds it takes to find a face
    codec = _codec(a.codec)
    if a.gender and a.gender not in codec.sides:
        raise ElicError(f"files of the codec {codec.name} do not say the gender: leave --gender out")
    side = codec.sides.index(a.gender) if a.gender else None
    targets = _targets(a.photos, a.out, ".elic")
    codes = _targets(a.photos, a.qr, ".png") if a.qr else targets
    for photo, target, code in zip(a.photos, targets, codes):
        face = _face(photo, a, codec.size)[None]
        file = codec.encode(face, bits=a.bits, **({"side": [side]} if a.gender else {}))[0]
        _write(target, file)
        _say(a, f"{photo} -> {target}: {len(file)} bytes, {8 * len(file)} bits, codec {codec.name}")
        if a.qr:
            _write_picture(code, qr.draw(file))
            _say(a, f"{photo} -> {code}: QR code of {qr.describe(file)}")


def decode(a):
    """Files to pictures."""
    from PIL import Image

    from elic_tf.coding.codec import Codec

    if not 1 <= a.size <= _MAX_DECODED_SIZE:
        raise ImageError(f"--size must be 1 to {_MAX_DECODED_SIZE}, not {a.size}")
    if a.into and len(a.files) > 1:
        raise ElicError("--into takes one file")
    codecs = {}
    for name, target in zip(a.files, _targets(a.files, a.out, ".png")):
        file = _elic(name)
        try:
            codec = Codec.of(file, a.partial)
            codec = codecs.setdefault(codec.name, codec)
            if a.decoder and a.decoder not in codec.decoders:
                raise ElicError(f"the codec {codec.name} has the decoder {', '.join(codec.decoders)}, not {a.decoder}")
            face = codec.decode([file], partial=a.partial, decoder=a.decoder)[0]
        except FileError as error:
            raise type(error)(f"{name}: {error}") from None
        pixels = np.round(face * 255).astype(np.uint8)
        if a.into:
            pixels = _paste(pixels, a)
        elif a.size != codec.size:
            pixels = np.asarray(Image.fromarray(pixels).resize((a.size, a.size), Image.Resampling.BICUBIC))
        _write_picture(target, pixels)
        _say(a, f"{name} -> {target}: {pixels.shape[1]}x{pixels.shape[0]}, codec {codec.name}")


def info(a):
    """Files explained."""
    from elic_tf.coding.anatomy import anatomy

    for number, name in enumerate(a.files):
        if len(a.files) > 1:
            print(("\n" if number else "") + f"{name}:")
        try:
            print("\n".join(anatomy(_elic(name))))
        except FileError as error:
            raise type(error)(f"{name}: {error}") from None


def compare(a):
    """One face through every codec."""
    codec = _codec(a.codec)
    face = _face(a.photo, a, codec.size)
    (target,) = _targets([a.photo], a.out, ".compare.png")
    _compare(face, a.bits, [codec], a.baselines, target)
    print(f"{a.photo} -> {target}", file=sys.stderr)


def ask(a):
    """Questions about faces answered; without questions, everything that is seen."""
    questions = [text for text in a.pictures if text.rstrip().endswith("?")]
    pictures = [text for text in a.pictures if text not in questions]
    if not pictures:
        raise ElicError("give a photograph or an .elic file before the questions")
    from elic_tf.models.vqa import VQA

    vqa = VQA.load()
    for picture in pictures:
        face = _seen(picture, a)[None]
        if len(pictures) > 1:
            print(f"{picture}:")
        if not questions:
            for fact, value in vqa.records(face)[0].items():
                print(f"{fact.replace('_', ' '):20}{value}")
        for question in questions:
            found = vqa.probabilities(vqa.features(face), question)
            print(f"{question} {vqa.likeliest(found)[0]} ({100 * found.max():.0f} %)")


def bench(a):
    """The whole comparison over a set of faces, as a folder."""
    from elic_tf.coding.codec import Codec
    from elic_tf.measure import baselines, page, report

    codecs = [Codec.load(name) for name in ((Codec.default(), "klt") if a.codecs is None else a.codecs)]
    chosen = _baselines(a.baselines)
    for name, why in baselines.missing().items():
        if a.baselines is None or name in a.baselines:
            print(f"elic: {name} left out: {why}", file=sys.stderr)
    faces, split = _bench_faces(a)
    judge = None if a.no_judge or "male" not in faces.labels else _judge()
    reference, photographs = _whom_to_ask(a, faces, judge)
    rows, groups = report.measure([*codecs, *chosen], reference, tuple(a.bits or report.RATES), photographs)
    about = report.about(faces, split)
    print(f"{about}\n\n{report.markdown(rows)}\n")
    paths = report.write(rows, a.out, about, groups)
    pictures = {"The same numbers as curves over the rate": pathlib.Path(a.out, "rate_distortion.png")}
    try:
        alt = "A portrait in the public domain as every codec and format shows it at 256 bits"
        pictures[alt] = page.portrait(codecs, chosen, 256, judge)
    except MissingExtraError as error:
        print(f"elic: no portrait: {error}", file=sys.stderr)
    ours = {row["codec"] for row in rows} - set(chosen) - {"original"}
    paths.append(page.write(pathlib.Path(a.out, "index.html"), about, rows, groups, ours, a.command, pictures))
    for path in paths:
        print(f"wrote {path}")


def _whom_to_ask(a, faces, judge):
    """The `Reference` of `bench` and the `Photographs`, or None; says what is left out, and why."""
    from elic_tf.measure.opinions import Photographs, Reference

    if a.quick:
        return Reference(faces, judge), None
    made = {}
    for name, make in {"answers": _answerer, "recognition": _recogniser, "realism": lambda: Photographs(faces)}.items():
        try:
            made[name] = make()
        except MissingExtraError as error:
            print(f"elic: no {name}: {error}", file=sys.stderr)
    return Reference(faces, judge, made.get("answers"), made.get("recognition")), made.get("realism")


def _answerer():
    from elic_tf.models.vqa import VQA

    return VQA.load()


def _recogniser():
    from elic_tf.measure.identity import Recogniser

    return Recogniser()


def demo(a):
    """The whole way, on a portrait in the public domain."""
    from elic_tf.coding import qr
    from elic_tf.coding.codec import Codec
    from elic_tf.faces import photos

    try:
        from skimage import data
    except ImportError:
        raise MissingExtraError('the demo\'s portrait comes with scikit-image: pip install "elic_tf[bench]"') from None
    folder = pathlib.Path(a.out)
    folder.mkdir(parents=True, exist_ok=True)
    photo = data.astronaut()
    _write_picture(folder / "portrait.png", photo)
    print(f"portrait.png         {photo.shape[1]}x{photo.shape[0]} photograph of an astronaut (NASA, public domain)")
    face, placement = photos.align(photo)
    codec = _codec(None)
    file = codec.encode(face[None], bits=a.bits)[0]
    _write(folder / "portrait.elic", file)
    print(f"portrait.elic        {len(file)} bytes = {8 * len(file)} bits, codec {codec.name}: {file.hex()}")
    try:
        _write_picture(folder / "qr.png", qr.draw(file))
        print(f"qr.png               the bytes to print: {qr.describe(file)}; elic decode reads a photograph of it")
    except MissingExtraError as error:
        print(f"elic: no QR code: {error}", file=sys.stderr)
    decoded = codec.decode([file])[0]
    _write_picture(folder / "face.png", np.round(255 * decoded).astype(np.uint8))
    print("face.png             the face decoded from these bytes")
    _write_picture(folder / "pasted.png", photos.paste(photo, decoded, placement))
    print("pasted.png           and put back into the photograph")
    print("compare.png          drawing what other formats make of it, some seconds ...", flush=True)
    _compare(face, a.bits, [codec, Codec.load("klt")], None, folder / "compare.png")
    print(f"\nAll in {folder.resolve()}; open compare.png")


def _codec(name):
    from elic_tf.coding.codec import Codec

    return Codec.load(name or Codec.default())


def _judge():
    from elic_tf.measure.judges import GenderJudge

    try:
        return GenderJudge()
    except MissingExtraError as error:
        print(f"elic: no judge: {error}", file=sys.stderr)
        return None


def _baselines(names):
    """Names of baselines as typed: None is all that are installed, `none` is none, case does not matter."""
    from elic_tf.measure import baselines

    if names is None:
        return list(baselines.names())
    known = {name.lower().replace(" ", ""): name for name in baselines.names(available=False)}
    chosen = [name.lower().replace(" ", "") for name in names if name.lower() != "none"]
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise ElicError(f"no format is named {', '.join(unknown)}; there are: {', '.join(known)}, none")
    return [known[name] for name in chosen]


def _compare(face, bits, codecs, names, target):
    from elic_tf.measure import compare as drawing

    results = drawing.compare(face, bits, codecs, _baselines(names), _judge())
    picture = io.BytesIO()
    drawing.picture(results, bits, picture)
    _write(target, picture.getvalue())


def _bench_faces(a):
    """The faces to measure on, and the name of their split."""
    from elic_tf.faces import celeba, folder, synthetic, utkface

    if a.limit is not None and a.limit < 1:
        raise DataError(f"--limit must be at least 1, not {a.limit}")
    if a.data == "synthetic":
        if a.split not in (None, "test"):
            raise DataError("synthetic faces have no splits; leave --split out")
        return synthetic.load(a.limit or 200, seed=20_000), ""
    if a.data == "celeba":
        split = a.split or "test"
        faces = celeba.load(a.root, split=split)
    elif a.data == "utkface":
        split = a.split or "validation"
        faces = utkface.load(a.root, split=split)
    else:
        split = a.split or "all"
        faces = folder.load(a.data, split=split)
    return (faces if a.limit is None else faces.take(slice(a.limit))), split


def _seen(name, a):
    """The face in a photograph, or what an .elic file decodes to: (64, 64, 3)."""
    from elic_tf.coding.codec import Codec

    if not name.endswith(".elic"):
        return _face(name, a, 64)
    try:
        file = _read(name)
        return Codec.of(file).decode([file])[0]
    except FileError as error:
        raise type(error)(f"{name}: {error}") from None


def _face(photo, a, size):
    """The aligned face in a photograph, uint8 (size, size, 3)."""
    from elic_tf.faces import photos

    picture = photos.read(_read(photo) if photo == "-" else photo)
    if not a.aligned:
        try:
            return photos.align(picture, _which(a.face), size)[0]
        except ElicError as error:
            raise type(error)(f"{photo}: {error}") from None
    height, width = picture.shape[:2]
    if height != width:
        raise ImageError(f"{photo}: --aligned takes a square crop of a face, not {width}x{height}; leave --aligned out "
                         "to have the face found")  # fmt: skip
    from PIL import Image

    from elic_tf.faces.reading import crop_resize

    return picture if width == size else crop_resize(Image.fromarray(picture), (0, 0, width, width), size)


def _which(face):
    """`--face` as `photos.align` wants it."""
    if face is None or face == "largest":
        return face
    if not face.isdecimal():
        raise ImageError(f"--face takes a number, 1 for the leftmost face, or largest, not {face!r}")
    return int(face)


def _paste(face, a):
    from elic_tf.faces import photos

    photo = photos.read(a.into)
    return photos.paste(photo, face, photos.align(photo, _which(a.face))[1])


def _targets(names, out, suffix):
    """Where to write what comes of each input."""
    if out is None:
        beside = [pathlib.Path(name).with_suffix(suffix) for name in names]
        return ["-" if name == "-" else str(_not_itself(path, name)) for path, name in zip(beside, names)]
    if out != "-" and (pathlib.Path(out).is_dir() or out.endswith("/")):
        pathlib.Path(out).mkdir(parents=True, exist_ok=True)
        stems = ["stdin" if name == "-" else pathlib.Path(name).stem for name in names]
        if len(set(stems)) < len(stems):
            raise ElicError("two inputs have the same name, so their outputs would overwrite each other")
        return [str(pathlib.Path(out) / (stem + suffix)) for stem in stems]
    if len(names) > 1:
        raise ElicError(f"several inputs need a folder to write to: -o {out}/")
    return [out]


def _not_itself(path, name):
    """The path, or another where it is the input's own, as for the picture decoded from a picture of a QR code."""
    return path.with_suffix(".decoded" + path.suffix) if path == pathlib.Path(name) else path


def _read(name):
    """The bytes of a file, or of standard input; never more than a decoder would look at."""
    if name == "-":
        return sys.stdin.buffer.read()
    return pathlib.Path(name).read_bytes()


def _elic(name):
    """The bytes of an .elic file: its own, or those in the QR code on a picture, or in such a code's text."""
    from elic_tf.coding import container, qr

    data = _read(name)
    try:
        if data.startswith(qr.PREFIX.encode()):
            return qr.from_text(data.decode("ascii", "replace"))
        container.unpack(data)
    except FileError:
        from elic_tf.faces import photos

        try:
            picture = photos.read(io.BytesIO(data))
        except ImageError:
            return data  # the decoder says best what is wrong with it
        try:
            return qr.read(picture)
        except ElicError as error:
            raise type(error)(f"{name}: {error}") from None
    return data


def _write(target, data):
    if str(target) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        pathlib.Path(target).write_bytes(data)


def _write_picture(target, pixels):
    """Write uint8 pixels in the format of the name; PNG to standard output."""
    from PIL import Image

    Image.init()
    kind = "PNG" if str(target) == "-" else Image.registered_extensions().get(pathlib.Path(target).suffix.lower())
    if kind is None or kind not in Image.SAVE:
        raise ImageError(f"{target}: no picture format has this ending; use .png")
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    _write(target, buffer.getvalue())


def _say(a, text):
    if not a.quiet:
        print(text, file=sys.stderr)
