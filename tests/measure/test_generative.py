"""The command that measures generative models: rows are means of what was decoded, every part is in what it writes."""

import csv
import dataclasses

import numpy as np
import pytest
from PIL import Image

from elic_tf.faces import synthetic
from elic_tf.measure import distortion, generative, generative_models, generative_report, opinions, realism
from elic_tf.measure.generative_models import Subject

N, AT = 60, 256


class Exact:
    """Two decoders of the same files: one loses nothing, the other is the darker the fewer bits there are."""

    name, decoders = "fake", ("plain", "dark")

    def __init__(self):
        self.encoded = []

    def encode(self, faces, bits):
        self.encoded.append((len(faces), bits))
        self.faces, self.bits = faces, bits
        return [bytes(bits // 8 - i % 2) for i in range(len(faces))]

    def decode(self, files, decoder):
        return self.faces if decoder == "plain" else self.faces * np.float32(1 - 16 / self.bits)


class Slow(Exact):
    name, decoders = "slow", ("only",)

    def decode(self, files, decoder):
        return self.faces**2


class Judge:
    """Says "man" of bright faces."""

    def male(self, faces):
        return np.asarray(faces).mean((1, 2, 3)) * (1 / 255 if faces.dtype == np.uint8 else 1) * 2


class Answerer:
    """Sees brightness: says "man" or "yes" above a threshold that is another one for each question."""

    def features(self, faces):
        return np.asarray(faces).mean((1, 2, 3)) * (1 / 255 if faces.dtype == np.uint8 else 1)

    def probabilities(self, features, question):
        self.asked = question
        return np.stack([features, np.full(len(features), 0.3 + len(question) % 7 / 50)], 1)

    def likeliest(self, probabilities):
        return [("no", "yes")[int(a > b)] for a, b in probabilities]


def looks(faces, space="age network"):
    """Few features, so that few faces are enough."""
    faces = np.asarray(faces)
    faces = faces if faces.dtype == np.uint8 else np.round(faces * 255).astype(np.uint8)
    return faces.reshape(len(faces), 2, 32, 2, 32, 3).mean((2, 4)).reshape(len(faces), 12).astype(np.float32)


@pytest.fixture(scope="module")
def sets():
    """Training, validation, test and UTKFace-like faces, of invented people."""
    made = synthetic.load(4 * N, seed=5)
    parts = [made.take(slice(start, start + N)) for start in range(0, 4 * N, N)]
    people = [np.arange(N) + 1000 * part for part in range(4)]
    parts = [dataclasses.replace(part, name="celeba", identities=who) for part, who in zip(parts, people)]
    labels = {
        "male": parts[3].labels["male"],
        "age": np.arange(N) + 16,
        "race": np.array(["white", "black"] * (N // 2)),
    }
    parts[3] = dataclasses.replace(parts[3], name="utkface", labels=labels, identities=None)
    return dict(zip(("train", "validation", "test", "utkface"), parts))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    for module in (generative, realism, opinions.realism):
        monkeypatch.setattr(module, "features", looks)
    monkeypatch.setattr(generative, "with_mirror_images", lambda x, space: looks(np.concatenate([x, x[:, :, ::-1]])))


@pytest.fixture
def reference(sets):
    return opinions.Reference(sets["test"], Judge(), Answerer())


def test_rows_are_means_over_what_was_decoded(sets, reference):
    codec = Exact()
    rows, at_rate, seen = generative.rates([Subject(codec)], reference, sets["validation"], (128, 256), AT)
    names = [(row["codec"], row.get("asked")) for row in rows]
    assert names == [("original", None), ("other people", None), ("fake, plain", 128), ("fake, plain", 256),
                     ("fake, dark", 128), ("fake, dark", 256)]  # fmt: skip
    assert codec.encoded == [(N, 128), (N, 256)]  # once for both decoders
    assert [row.get("bits") for row in rows[2:]] == [124, 252, 124, 252] and rows[2]["bits_max"] == 128
    dark = reference.originals * np.float32(1 - 16 / 256)
    assert rows[5]["psnr"] == pytest.approx(distortion.psnr(reference.originals, dark).mean())
    assert rows[5]["ssim"] == pytest.approx(distortion.ssim(reference.originals, dark).mean())
    male = reference.faces.labels["male"]
    right = (dark.mean((1, 2, 3)) * 2 > 0.5) == male
    assert rows[5]["judge"] == pytest.approx(right.mean())
    assert rows[5]["judge_balanced"] == pytest.approx((right[male].mean() + right[~male].mean()) / 2)
    found = realism.compare(looks(dark), looks(reference.originals), *[reference.faces.identities] * 2)
    assert (rows[5]["frechet"], rows[5]["kernel_high"]) == (found.frechet, found.kernel_interval[1])
    assert set(at_rate) == set(seen) == {"fake, plain", "fake, dark"}
    np.testing.assert_array_equal(seen["fake, dark"]["pixels"], looks(dark))


def test_a_face_that_comes_back_exactly_has_a_finite_psnr_and_keeps_its_answers(sets, reference):
    rows = generative.rates([Subject(Exact())], reference, sets["validation"], (128,), AT)[0]
    plain, dark = rows[2:]
    assert plain["psnr"] == opinions.EXACT and plain["kept"] == plain["kept_gender"] == 1
    assert abs(plain["frechet"]) < 1e-3 < dark["frechet"]
    assert dark["kept"] < 1 and dark["psnr"] < plain["psnr"]


def test_answers_kept_are_those_of_the_measure_of_answers(reference):
    from elic_tf.measure import answers

    dark = reference.originals * np.float32(0.8)
    found = opinions.means(reference.each(dark))
    expected = answers.kept(Answerer(), reference.originals, dark)
    assert {fact: found[f"kept_{fact}"] for fact in expected} == pytest.approx(expected)
    assert found["kept"] == pytest.approx(np.mean(list(expected.values())))
    assert len(set(expected.values())) > 1


def test_a_slow_model_is_measured_on_some_faces_and_beside_their_originals(sets, reference):
    rows, at_rate, seen = generative.rates([Subject(Slow(), most=20)], reference, sets["validation"], (256,), AT)
    row, which = rows[-1], Subject(Slow(), most=20).which(N)
    assert len(which) == 20 and (which[0], which[-1]) == (0, N - 1)
    some = reference.originals[which]
    assert row["n"] == 20 and row["psnr"] == pytest.approx(distortion.psnr(some, some**2).mean())
    assert "frechet" not in row  # 20 people are not enough
    assert at_rate == {} and len(seen["slow"]["pixels"]) == 20


def test_samples_are_compared_with_the_photographs(sets, reference):
    faces = sets["train"].images / np.float32(255)
    rows, _, seen = generative.rates(
        [Subject(Exact(), samples=lambda n: faces[:n])], reference, sets["validation"], (256,), AT, samples=55
    )
    row = rows[-1]
    assert row["codec"] == "fake, samples" and row["n"] == 55 and "psnr" not in row
    expected = realism.compare(looks(faces[:55]), looks(reference.originals), None, reference.faces.identities)
    assert row["frechet"] == expected.frechet
    assert len(seen["fake, samples"]["age network"]) == 55


def test_copies_are_found_and_others_are_not(sets):
    made = {"copies": sets["train"].images[:, :, ::-1], "own": sets["test"].images}
    seen = {name: {space: looks(faces) for space in generative_report.SPACES} for name, faces in made.items()}
    copies, own = generative.copies(seen, sets["train"], sets["validation"])
    for space in generative_report.SPACES:
        assert copies[f"{space} copied"] and not own[f"{space} copied"]
        assert copies[f"{space} share"] == 1
    assert copies["n"] == N


@pytest.fixture
def command(sets, monkeypatch, tmp_path):
    """Runs the command on the invented people; returns (exit code, folder)."""
    pytest.importorskip("tensorflow")
    from elic_tf.faces import celeba, framing, utkface
    from elic_tf.measure import judges
    from elic_tf.models import vqa

    monkeypatch.setattr(celeba, "load", lambda root, split: sets[split])
    monkeypatch.setattr(utkface, "load", lambda root, split: sets["utkface"])
    monkeypatch.setattr(framing, "as_celeba", lambda faces: dataclasses.replace(faces, images=faces.images[:, ::-1]))
    monkeypatch.setattr(judges, "GenderJudge", Judge)
    monkeypatch.setattr(vqa.VQA, "load", Answerer)
    monkeypatch.setattr(generative_models, "shipped", lambda names: [Subject(Exact()), Subject(Slow(), most=20)])

    def run(*arguments):
        return generative.main([*arguments, "--out", str(tmp_path / "out")]), tmp_path / "out"

    return run


def tables(text):
    """The tables of a Markdown page, as lists of rows of cells."""
    found = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith(" |")
            found[-1].append([cell.strip() for cell in line[1:-1].split("|")])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def test_the_command_writes_what_it_prints(command, capsys):
    code, out = command("--bits", "256", "128", "--inverted", "20", "--gan", "/nowhere")
    assert code == 0
    page = (out / "generative.md").read_text()
    assert capsys.readouterr().out == page + "\n"
    found = tables(page)
    assert len(found) == 5  # rates; judge, gender kept and PSNR by group; copies
    for table in found:
        assert len({len(row) for row in table}) == 1 and all(set(cell) <= set("-:") for cell in table[1])
    head, _, *lines = found[0]
    cells = {(line[0], line[1]): dict(zip(head, line)) for line in lines}
    assert cells["fake, plain", "128"]["PSNR dB"] == "99.00" and cells["fake, plain", "128"]["bits, mean"] == "124.0"
    assert cells["slow", "256"]["faces"] == "20" and cells["slow", "256"][head[6]] == "-"
    assert " to " in cells["fake, dark", "128"][head[6]] and cells["original", "-"]["PSNR dB"] == "-"
    assert "- slow: on 20 faces only" in page
    for why in ("- vae: no folder given", "train vae_gan`, then pass `--vae-gan", "- gan: /nowhere has no generator"):
        assert why in page
    assert found[1][0] == ["set", "group", "faces", "original", "fake, plain", "fake, dark"]
    with Image.open(out / "generative.png") as image:
        assert min(image.size) > 400
    with open(out / "generative.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["codec"] for row in rows] == [line[0] for line in lines]
    assert all(row["faces_of"].startswith("celeba, test split: 60 faces") for row in rows)
    assert f"{float(rows[-1]['psnr']):.2f}" == lines[-1][4]
    with open(out / "groups.csv", newline="") as file:
        groups = list(csv.DictReader(file))
    everyone = {row["codec"]: row for row in groups if row["set"] == "CelebA, test" and row["group"] == "all"}
    assert everyone["fake, dark"]["psnr"] == next(
        row["psnr"] for row in rows if (row["codec"], row["asked"]) == ("fake, dark", "256")
    )
    assert {row["asked"] for row in groups} == {"256"}


def test_groups_of_utkface_are_in_the_frame_of_celeba(command, sets):
    """The stand-in for the frame turns faces upside down, which moves what is seen of the light."""
    from elic_tf.measure import groups

    _, out = command("--bits", "256")
    with open(out / "groups.csv", newline="") as file:
        dark = [row for row in csv.DictReader(file) if row["set"].startswith("UTK") and row["group"] == "dark"]
    turned = sets["utkface"].images[:, ::-1]
    mask = groups.lighting(turned)["dark"]
    faces = turned[mask] / np.float32(255)
    expected = distortion.psnr(faces, faces * np.float32(1 - 16 / 256)).mean()
    assert float(next(row for row in dark if row["codec"] == "fake, dark")["psnr"]) == pytest.approx(expected)


@pytest.mark.parametrize("wrong", (["--limit", "20"], ["--bits", "8"], ["--inverted", "0"]))
def test_what_cannot_be_measured_is_one_line(command, wrong, capsys):
    assert command(*wrong)[0] == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_limit_takes_faces_of_every_set_from_all_of_it(command, sets):
    code, out = command("--limit", "51", "--bits", "256")
    page = (out / "generative.md").read_text()
    assert code == 0 and page.count("51 faces") >= 2 and "Training faces: 51" in page and "also 51 of UTKFace" in page


@pytest.mark.faces
@pytest.mark.slow
def test_the_shipped_eigenfaces_on_real_people(faces_root, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real features
    arguments = ["--data", str(faces_root), "--codecs", "klt", "--bits", "256", "--limit", "50", "--out", str(tmp_path)]
    assert generative.main(arguments) == 0
    head, _, *lines = tables((tmp_path / "generative.md").read_text())[0]
    original, _, klt = (dict(zip(head, line)) for line in lines)
    assert 20 < float(klt["PSNR dB"]) < 24 and float(original["judge"]) > 0.9
    assert 0.6 < float(klt["gender kept"]) < 1 and float(klt["bits, max"]) <= 256
