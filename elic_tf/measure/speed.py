"""How long it takes: `python -m elic_tf.measure.speed`, or `make bench`.

Every time stands beside that of a peer measured in the same run on the same faces, because only the ratio
means anything on another machine. Faces are synthetic; nothing is downloaded.
"""

import io
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

FACES, REPEATS, BITS = 64, 5, 256


def main():
    """Print the table."""
    faces, render = _faces()
    rows = []
    for name, encode, decode in _codecs():
        try:
            files = encode(faces)
        except Exception as error:  # a peer that cannot run must not hide the others
            print(f"{name}: not measured ({error})", file=sys.stderr)
            continue
        one, one_file = faces[:1], files[:1]
        rows.append((f"{name}: encode, one face", _best(lambda: encode(one), 3 * REPEATS)))  # noqa: B023
        rows.append((f"{name}: encode, per face of {FACES}", _best(lambda: encode(faces)) / FACES))  # noqa: B023
        rows.append((f"{name}: decode, one face", _best(lambda: decode(one_file), 3 * REPEATS)))  # noqa: B023
        rows.append((f"{name}: decode, per face of {FACES}", _best(lambda: decode(files)) / FACES))  # noqa: B023
    print(table("Warm, in one process", rows, "WebP"))
    print(table("Cold, a new process each time", _cold(faces), "Pillow decodes a WebP"))
    print(f"Synthetic faces, 64x64: {render:.0f} a second\n")


def table(title, rows, peer):
    """rows of (label, seconds) as text, each with its ratio to the peer's row of the same task."""
    peers = {label.split(": ")[-1]: seconds for label, seconds in rows if label.startswith(peer)}
    lines = [title, f"  {'':44}{'ms':>10}{'ratio to ' + peer:>34}"]
    for label, seconds in rows:
        beside = peers.get(label.split(": ")[-1]) or (next(iter(peers.values())) if len(peers) == 1 else None)
        ratio = f"{seconds / beside:.2f}" if beside else "-"
        lines.append(f"  {label:44}{1e3 * seconds:10.3f}{ratio:>34}")
    return "\n".join(lines) + "\n"


def _faces():
    """(FACES, 64, 64, 3) float32, and how many are rendered a second."""
    from elic_tf.faces import synthetic

    synthetic.load(2)  # the first call pays for imports and tables
    start = time.perf_counter()
    drawn = synthetic.load(4 * FACES, seed=1)
    rate = len(drawn) / (time.perf_counter() - start)
    return np.asarray(drawn.images[:FACES], np.float32) / 255, rate


def _codecs():
    """(name, encode, decode) of our codecs and their peers, all from float arrays to lists of files and back."""
    import elic_tf

    for name in elic_tf.Codec.available():
        codec = elic_tf.Codec.load(name)
        yield f"elic {name}", lambda faces, codec=codec: codec.encode(faces, bits=BITS), codec.decode
    yield "WebP", lambda faces: _pillow(faces, "WEBP", quality=0, method=4), _read
    yield "AVIF", lambda faces: _pillow(faces, "AVIF", quality=0, speed=6), _read


def _pillow(faces, name, **options):
    from PIL import Image

    files = []
    for face in np.round(faces * 255).astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(face).save(file, name, **options)
        files.append(file.getvalue())
    return files


def _read(files):
    from PIL import Image

    return np.stack([np.asarray(Image.open(io.BytesIO(file)), np.float32) for file in files]) / 255


def _best(task, repeats=REPEATS):
    """Seconds of the fastest run: the one that other work on the machine disturbed least."""
    task()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def _cold(faces):
    """(label, seconds) of whole processes: start, import, one file, end."""
    import elic_tf

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "face.webp").write_bytes(_pillow(faces[:1], "WEBP", quality=0)[0])
        tasks = {
            "Python alone": ["-c", "pass"],
            "import numpy": ["-c", "import numpy"],
            "import elic_tf": ["-c", "import elic_tf"],
            "Pillow decodes a WebP": ["-c", _PILLOW, folder / "face.webp", folder / "webp.png"],
        }
        for name in elic_tf.Codec.available():
            file = folder / f"{name}.elic"
            file.write_bytes(elic_tf.Codec.load(name).encode(faces[:1], bits=BITS)[0])
            tasks[f"elic decode ({name})"] = ["-c", _ELIC, "decode", file, "-o", folder / "elic.png"]
        rows = []
        for label, arguments in tasks.items():
            try:
                rows.append((label, _best(lambda: _run(arguments), 3)))  # noqa: B023
            except RuntimeError as error:
                print(f"{label}: not measured ({error})", file=sys.stderr)
        return rows


_PILLOW = "import sys; from PIL import Image; Image.open(sys.argv[1]).convert('RGB').save(sys.argv[2])"
_ELIC = "import sys; from elic_tf.cli import main; sys.exit(main())"


def _run(arguments):
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])


if __name__ == "__main__":
    main()
