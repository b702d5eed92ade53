import pathlib
import re

import pytest
from PIL import Image

from elic_tf.faces import synthetic
from elic_tf.faces.synthetic import __main__ as command
from elic_tf.faces.synthetic.card import card

DATA = pathlib.Path(__file__).parents[2] / "data"


def test_the_card_in_the_repository_is_what_the_code_says():
    assert (DATA / "synthetic.md").read_text(encoding="utf-8") == card()


def test_numbers_of_the_card():
    text = (DATA / "synthetic.md").read_text(encoding="utf-8")
    stated = float(re.search(r"\*\*([\d.]+) bits\*\*", text)[1])
    assert stated == pytest.approx(synthetic.entropy_bits(), abs=0.001)
    rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("| ")][1:]
    assert [row[0].strip() for row in rows] == list(synthetic.FACTORS)
    assert sum(float(row[2]) for row in rows) == pytest.approx(stated, abs=0.15)
    for name, _, _, shares in rows:
        levels = [each.rsplit(" ", 1) for each in shares.strip().split(", ")]
        assert tuple(level for level, _ in levels) == synthetic.FACTORS[name.strip()]
        assert sum(float(share) for _, share in levels) == pytest.approx(100, abs=0.6)


def test_the_figure_exists_and_is_small():
    assert (DATA / "synthetic.png").stat().st_size < 1_000_000
    with Image.open(DATA / "synthetic.png") as figure:
        assert figure.size == (768, 768)


def test_command_writes_sheet_and_card(tmp_path, capsys):
    sheet, text = tmp_path / "new" / "sheet.png", tmp_path / "card.md"
    assert command.main(["--out", str(sheet), "--card", str(text), "--size", "32", "--seed", "3"]) == 0
    with Image.open(sheet) as picture:
        assert picture.size == (256, 256)
    assert text.read_text(encoding="utf-8") == card()
    assert "wrote" in capsys.readouterr().out


def test_command_refuses_nonsense(tmp_path, capsys):
    assert command.main(["--out", str(tmp_path / "x.png"), "--size", "8"]) == 2
    assert "32 to 256" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main([])
