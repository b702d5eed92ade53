"""What is published is what was measured: docs and README have the numbers of the report."""

import shutil

import pytest

from elic_tf.errors import DataError
from elic_tf.measure import publish


def test_the_readmes_table_is_made_of_the_committed_results():
    rows = publish.read(publish.ROOT / "docs" / "results.csv")
    readme = (publish.ROOT / "README.md").read_text(encoding="utf-8")
    assert f"<!-- results -->\n{publish.short(rows)}\n<!-- end results -->" in readme
    page = (publish.ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for row in rows[1:]:
        assert f"| {row['codec']} | " in page and f"| {row['psnr']:.2f} | {row['ssim']:.3f} |" in page


def test_publishing_writes_the_docs_and_only_the_table_of_the_readme(tmp_path):
    folder, root = tmp_path / "bench", tmp_path / "root"
    folder.mkdir()
    (root / "docs").mkdir(parents=True)
    for name in ("results.csv", "rate_distortion.png"):
        shutil.copyfile(publish.ROOT / "docs" / name, folder / name)
    faces = publish.read(folder / "results.csv")[0]["faces_of"]
    (folder / "results.md").write_text(f"{faces}\n\n| a table |\n")
    (root / "README.md").write_text("before\n<!-- results -->\nold\n<!-- end results -->\nafter\n")
    publish.publish(folder, "elic bench --data x", root)
    readme = (root / "README.md").read_text()
    assert readme.startswith("before\n<!-- results -->\n| bits") and readme.endswith("|\n<!-- end results -->\nafter\n")
    page = (root / "docs" / "results.md").read_text()
    assert "`elic bench --data x`" in page and f"On {faces}.\n\n| a table |" in page
    assert (root / "docs" / "rate_distortion.png").stat().st_size > 10_000


def test_the_best_of_the_others_fits_into_the_bits():
    row = {"codec": "klt", "asked": 128.0, "bits": 127.0, "psnr": 20.0, "judge_balanced": 0.745, "recognised": 0.05}
    rows = [dict.fromkeys(row) | {"codec": "original", "judge_balanced": 0.97}]
    rows += [row | {"codec": codec, "asked": bits, "bits": bits - 1} for codec in publish.OURS for bits in publish.BITS]
    rows += [row | {"codec": "Big", "bits": 300.0, "psnr": 30.0}, row | {"codec": "Small", "psnr": 10.0, "bits": 60.0}]
    lines = publish.short(rows).split("\n")
    assert "Small (60 bits): 10.0 / .74" in lines[2] and "Small" in lines[3] and "Big (300 bits): 30.0" in lines[4]
    assert lines[5].endswith("- / .97 / 1 |")
    with pytest.raises(DataError, match="klt at 128 bits"):
        publish.short([row for row in rows if row["codec"] != "klt"])


def test_empty_cells_of_the_csv_are_none(tmp_path):
    (tmp_path / "x.csv").write_text("codec,bits,asked\noriginal,,\nJPEG,12.5,smallest\n")
    assert publish.read(tmp_path / "x.csv") == [
        {"codec": "original", "bits": None, "asked": None},
        {"codec": "JPEG", "bits": 12.5, "asked": "smallest"},
    ]
