"""The command line as a user types it, in this process except where the process is the point."""

import importlib.util
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import elic_tf
from elic_tf import cli
from elic_tf.coding import qr
from elic_tf.faces import synthetic


@pytest.fixture(scope="module")
def crop(tmp_path_factory):
    """An aligned face as a PNG."""
    path = tmp_path_factory.mktemp("faces") / "face.png"
    Image.fromarray((synthetic.faces(1, seed=4)[0] * 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def elic(capsys):
    def run(*arguments):
        code = cli.main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_encode_decode_info(elic, crop, tmp_path):
    file, picture = tmp_path / "a.elic", tmp_path / "a.png"
    code, _, err = elic("encode", "--aligned", crop, "-o", file)
    assert code == 0 and "256 bits" in err
    assert file.stat().st_size <= 32
    assert elic("decode", file, "-o", picture, "-q") == (0, "", "")
    with Image.open(picture) as image:
        assert image.size == (64, 64)
    code, out, _ = elic("info", file)
    assert code == 0
    rows = [line for line in out.splitlines() if line[:4].strip().isdigit()]
    assert len(rows) == file.stat().st_size
    assert [line.split()[1] for line in rows] == [f"{byte:02x}" for byte in file.read_bytes()]


def test_the_picture_is_what_python_decodes(elic, crop, tmp_path):
    codec = elic_tf.Codec.load(elic_tf.Codec.default())
    face = np.asarray(Image.open(crop))
    elic("encode", "--aligned", crop, "-o", tmp_path / "a.elic", "--bits", 400)
    assert (tmp_path / "a.elic").read_bytes() == codec.encode(face[None], bits=400)[0]
    elic("decode", tmp_path / "a.elic", "-o", tmp_path / "a.png")
    expected = np.round(255 * codec.decode([(tmp_path / "a.elic").read_bytes()])[0])
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), expected)


def test_the_gender_can_be_said(elic, crop, tmp_path):
    for said in ("woman", "man", "unsaid"):
        elic("encode", "--aligned", crop, "-o", tmp_path / "face.elic", "--gender", said)
        assert f"bits: {said}" in elic("info", tmp_path / "face.elic")[1]


def test_default_names_are_beside_the_input(elic, crop, tmp_path):
    copy = tmp_path / "portrait.png"
    copy.write_bytes(crop.read_bytes())
    assert elic("encode", "--aligned", copy)[0] == 0
    assert (tmp_path / "portrait.elic").exists()


def test_many_inputs_go_to_a_folder(elic, crop, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(crop.read_bytes())
    assert elic("encode", "--aligned", tmp_path / "a.png", tmp_path / "b.png", "-o", f"{tmp_path}/out/")[0] == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.elic", "b.elic"]
    code, _, err = elic("encode", "--aligned", tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "one.elic")
    assert code == 2 and "folder" in err


def test_size_and_jpeg_output(elic, crop, tmp_path):
    elic("encode", "--aligned", crop, "-o", tmp_path / "a.elic")
    assert elic("decode", tmp_path / "a.elic", "--size", 200, "-o", tmp_path / "a.jpg")[0] == 0
    with Image.open(tmp_path / "a.jpg") as picture:
        assert picture.size == (200, 200) and picture.format == "JPEG"


def test_partial(elic, crop, tmp_path):
    elic("encode", "--aligned", crop, "-o", tmp_path / "a.elic")
    (tmp_path / "cut.elic").write_bytes((tmp_path / "a.elic").read_bytes()[:20])
    code, _, err = elic("decode", tmp_path / "cut.elic")
    assert code == 2 and "--partial" in err
    code, _, err = elic("decode", tmp_path / "cut.elic", "--partial")
    assert code == 0 and "warning" in err and (tmp_path / "cut.png").exists()


def test_standard_input_and_output(crop):
    """A pipe from picture to picture, in real processes."""
    elic = [sys.executable, "-m", "elic_tf.cli"]
    file = subprocess.run([*elic, "encode", "--aligned", "-", "-o", "-"], input=crop.read_bytes(), capture_output=True)
    assert file.returncode == 0 and 0 < len(file.stdout) <= 32
    picture = subprocess.run([*elic, "decode", "-", "-o", "-"], input=file.stdout, capture_output=True)
    assert Image.open(io.BytesIO(picture.stdout)).size == (64, 64)


ERRORS = {
    "no such file": (["decode", "missing.elic"], "missing.elic"),
    "a picture without a code": (["decode", "face.png"], "no QR code was found"),
    "empty": (["decode", "empty.elic"], "not an .elic file"),
    "info of damage": (["info", "damaged.elic"], "damaged"),
    "not a picture": (["encode", "--aligned", "damaged.elic"], "damaged.elic"),
    "not square": (["encode", "--aligned", "wide.png"], "square"),
    "too few bits": (["encode", "--aligned", "face.png", "--bits", "8"], "48 to 4096"),
    "unknown codec": (["encode", "--aligned", "face.png", "--codec", "x"], "no model is named"),
    "no such saying": (["encode", "--aligned", "face.png", "--codec", "klt", "--gender", "man"], "--gender"),
    "unknown face": (["encode", "face.png", "--face", "left"], "--face"),
    "unknown decoder": (["decode", "good.elic", "--decoder", "x"], "decoder"),
    "unknown ending": (["decode", "good.elic", "-o", "face.xyz"], "ending"),
    "no such folder": (["decode", "good.elic", "-o", "no/such/a.png"], "no/such"),
    "unknown format": (["compare", "--aligned", "face.png", "--baselines", "gif"], "no format"),
    "question without picture": (["ask", "Who is this?"], "photograph"),
    "no data": (["bench", "--data", "celeba", "--root", "."], "celeba"),
    "bad size": (["decode", "good.elic", "--size", "0"], "--size"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_one_line_and_exit_with_2(name, elic, crop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "face.png").write_bytes(crop.read_bytes())
    (tmp_path / "empty.elic").write_bytes(b"")
    Image.new("RGB", (40, 20)).save(tmp_path / "wide.png")
    elic("encode", "--aligned", "face.png", "-o", "good.elic")
    damaged = bytearray((tmp_path / "good.elic").read_bytes())
    damaged[9] ^= 4
    (tmp_path / "damaged.elic").write_bytes(damaged)
    arguments, expected = ERRORS[name]
    code, out, err = elic(*arguments)
    assert code == 2 and not out
    assert expected in err and err.startswith("elic: ") and err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["encode"], ["encode", "a.png", "--bits", "many"]])
def test_usage_errors_are_one_line_too(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "--help" in err


@pytest.mark.parametrize("command", ["encode", "decode", "info", "compare", "ask", "bench", "demo", None])
def test_help_exists_and_teaches(command, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"] if command else ["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "usage: elic" in text
    if command in (None, "encode", "decode", "compare", "ask", "bench"):
        assert "examples:" in text


def test_questions_are_answered_about_pictures_and_files(elic, crop, tmp_path):
    elic("encode", "--aligned", crop, "-o", tmp_path / "face.elic", "--bits", "1024")
    question = "Is this a man or a woman?"
    code, out, err = elic("ask", "--aligned", crop, tmp_path / "face.elic", question)
    assert code == 0, err
    answers = [line for line in out.splitlines() if line.startswith(question)]
    assert len(answers) == 2
    assert all(answer.split("?")[1].split()[0] in ("man", "woman") for answer in answers)
    code, out, err = elic("ask", "--aligned", crop)
    assert code == 0 and "eyeglasses" in out, err


def test_compare_draws_a_picture(elic, crop, tmp_path):
    code, _, err = elic("compare", "--aligned", crop, "--baselines", "webp", "-o", tmp_path / "c.png")
    assert code == 0, err
    with Image.open(tmp_path / "c.png") as image:
        assert image.size[0] == 1200


def test_bench_writes_tables_plot_and_page(elic, tmp_path):
    out = tmp_path / "b"
    code, said, _ = elic("bench", "--limit", 4, "--bits", 128, 256, "--baselines", "none", "--quick", "-o", out)
    assert code == 0 and "| klt | 128 |" in said and "synthetic" in said and "realism" not in said
    written = {path.name for path in out.iterdir()}
    assert written == {"results.csv", "results.md", "rate_distortion.png", "groups.csv", "index.html"}
    page = (out / "index.html").read_text()
    assert "elic bench --limit 4 --bits 128 256" in page and "<td>women</td>" in page


@pytest.mark.slow
def test_bench_asks_everybody_unless_told_to_be_quick(elic, tmp_path):
    out = tmp_path / "b"
    code, said, _ = elic("bench", "--limit", 4, "--bits", 256, "--codecs", "klt", "--baselines", "none", "-o", out)
    assert code == 0 and "answers kept" in said
    assert ("recognised" in said) == bool(importlib.util.find_spec("dlib"))
    assert "Fréchet" not in said  # four faces are too few for a distance between sets


def test_a_photograph_there_and_back(elic, tmp_path):
    """Needs the face finder; the portrait in the public domain comes with scikit-image."""
    pytest.importorskip("mtcnn", reason='needs the extra "photos"')
    data = pytest.importorskip("skimage.data", reason='needs the extra "bench"')
    photo = tmp_path / "portrait.png"
    Image.fromarray(data.astronaut()).save(photo)
    assert elic("encode", photo)[0] == 0
    assert elic("decode", tmp_path / "portrait.elic", "--into", photo, "-o", tmp_path / "pasted.png")[0] == 0
    pasted, original = np.asarray(Image.open(tmp_path / "pasted.png")), data.astronaut()
    assert pasted.shape == original.shape
    # The face has changed, the rest has not.
    change = np.abs(pasted.astype(int) - original).mean(2)
    assert change[60:160, 170:270].mean() > 4
    assert change[300:].max() == 0


def test_qr_code_there_and_back(elic, crop, tmp_path):
    for library in ("segno", "zxingcpp", "base45"):
        pytest.importorskip(library, reason='needs the extra "qr"')
    file, code = tmp_path / "a.elic", tmp_path / "badge.png"
    done, _, err = elic("encode", "--aligned", crop, "-o", file, "--qr", code)
    assert done == 0 and "29x29 modules" in err
    with Image.open(code) as picture:
        picture.rotate(17, expand=True, fillcolor="white").save(code)
    assert elic("decode", code)[0] == 0
    elic("decode", file, "-o", tmp_path / "a.png")
    np.testing.assert_array_equal(*(Image.open(tmp_path / name) for name in ("badge.decoded.png", "a.png")))
    assert elic("info", code)[1] == elic("info", file)[1]
    text = tmp_path / "badge.txt"
    text.write_text(qr.to_text(file.read_bytes()) + "\n")
    assert elic("info", text)[1] == elic("info", file)[1]
    done, _, err = elic("decode", crop, "-o", tmp_path / "b.png")
    assert done == 2 and "face.png: no QR code was found" in err


@pytest.mark.parametrize("command", ["import elic_tf", "decode"])
def test_tensorflow_stays_out(command, crop, tmp_path):
    """Neither importing the package nor decoding a file brings TensorFlow, Keras or Matplotlib in."""
    file = tmp_path / "a.elic"
    cli.main(["encode", "--aligned", str(crop), "-o", str(file), "--codec", "klt", "-q"])
    run = "import elic_tf" if command != "decode" else (
        f"from elic_tf.cli import main; assert main(['decode', {str(file)!r}, '-q']) == 0"
    )  # fmt: skip
    heavy = "[m for m in ('tensorflow', 'keras', 'matplotlib', 'mtcnn', 'skimage') if m in sys.modules]"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {run}; print({heavy})"],
        capture_output=True, text=True, env=dict(os.environ), check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"
