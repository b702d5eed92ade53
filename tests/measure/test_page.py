"""The HTML page of the report: whole, escaped, with the same numbers as the table."""

import base64
import html.parser
import re

import numpy as np
import pytest

from elic_tf.faces.faceset import FaceSet
from elic_tf.measure import opinions, page, report


class Noisy:
    decoders = ("sharp", "smooth")

    def __init__(self, name):
        self.name = name

    def encode(self, faces, bits):
        self.faces, self.bits = faces, bits
        return [bytes(bits // 8) for _ in faces]

    def decode(self, files, decoder):
        noise = np.random.default_rng(0).normal(size=self.faces.shape) * (8 if decoder == "sharp" else 5) / self.bits
        return np.clip(self.faces + noise, 0, 1).astype(np.float32)


class Judge:
    def male(self, faces):
        return (np.asarray(faces, np.float32).mean((1, 2, 3)) > 0.4).astype(float)


class Parser(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.images, self.cells, self.heads = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.images.append(dict(attrs))
        elif tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells.append(data)


@pytest.fixture
def measured(astronaut):
    images = np.concatenate([astronaut, astronaut[:, :, ::-1], astronaut**2, astronaut**0.5])
    images = np.round(images * 255).astype(np.uint8)
    male = np.array([False, False, False, True])
    faces = FaceSet("astro<b>nauts", images, {"male": male}, np.array([1, 1, 2, 2]), ["a", "b", "c", "d"])
    return report.measure([Noisy("fine & good")], opinions.Reference(faces, Judge()), (128, 256))


def test_the_page_is_well_formed_and_needs_nothing_beside_it(tmp_path, measured):
    rows, groups = measured
    picture = b"\x89PNG not really"
    ours = {"fine & good, sharp"}
    path = page.write(tmp_path / "index.html", "4 <faces>", rows, groups, ours, "elic bench", {'a "curve"': picture})
    text = path.read_text()
    seen = Parser()
    seen.feed(text)
    assert seen.open == []
    assert [image["alt"] for image in seen.images] == ['a "curve"']
    assert base64.b64decode(seen.images[0]["src"].removeprefix("data:image/png;base64,")) == picture
    assert not re.findall(r'(?:src|href)="(?!data:)', text) and "<script" not in text
    assert "4 &lt;faces&gt;" in text and "elic bench" in text and "<faces>" not in text
    assert f"{rows[1]['psnr']:.2f}" in seen.cells and "fine & good, smooth" in seen.cells
    assert text.count('class="ours"') + text.count('class="first ours"') == 2


def test_the_best_for_its_size_is_bold(tmp_path, measured):
    rows, groups = measured
    text = page.write(tmp_path / "index.html", "faces", rows, groups, set(), "elic bench", {}).read_text()
    smooth = [row for row in rows if row["codec"].endswith("smooth")]
    for row in smooth:
        assert f'<td class="best">{row["psnr"]:.2f}</td>' in text
    sharp = next(row for row in rows if row["codec"].endswith("sharp") and row["asked"] == 256)
    assert f'<td class="best">{sharp["psnr"]:.2f}</td>' not in text  # smooth is better in as many bits


def test_groups_are_of_the_rate_next_to_256_and_add_up(measured):
    rows, groups = measured
    assert {row["asked"] for row in groups} == {256}
    found = {(row["group"], row["codec"]): row for row in groups}
    both = found["all", "fine & good, sharp"]
    row = next(row for row in rows if (row["codec"], row["asked"]) == ("fine & good, sharp", 256))
    assert both["psnr"] == pytest.approx(row["psnr"]) and both["judge"] == row["judge"] and both["n"] == 4
    parts = [found[sex, "fine & good, sharp"] for sex in ("women", "men")]
    assert sum(part["n"] * part["psnr"] for part in parts) / 4 == pytest.approx(both["psnr"])
    head, lines = report.groups_table(groups)
    assert head[:2] == ["group", "faces"] and "fine & good, smooth: PSNR dB" in head
    assert not any(name.startswith("original: PSNR") for name in head)
    assert all(len(line) == len(head) for line in lines)
