"""The timing table: every row has its ratio to the peer's row of the same task. No time itself is tested."""

from elic_tf.measure import speed


def test_ratios_are_to_the_same_task_of_the_peer():
    rows = [("ours: encode", 0.004), ("ours: decode", 0.001), ("WebP: encode", 0.002), ("WebP: decode", 0.004)]
    lines = speed.table("Warm", rows, "WebP").splitlines()
    assert lines[0] == "Warm" and "ratio to WebP" in lines[1]
    assert [line.split()[-2:] for line in lines[2:]] == [
        ["4.000", "2.00"],
        ["1.000", "0.25"],
        ["2.000", "1.00"],
        ["4.000", "1.00"],
    ]


def test_without_a_peer_there_is_no_ratio():
    assert speed.table("Warm", [("ours: encode", 0.004)], "WebP").splitlines()[2].split()[-1] == "-"


def test_one_peer_row_serves_all_rows():
    lines = speed.table("Cold", [("import numpy", 0.1), ("Pillow", 0.05)], "Pillow").splitlines()
    assert [line.split()[-1] for line in lines[2:]] == ["2.00", "1.00"]


def test_the_whole_table_names_ours_and_the_peers(capsys, monkeypatch):
    monkeypatch.setattr(speed, "FACES", 2)
    monkeypatch.setattr(speed, "REPEATS", 1)
    speed.main()
    out = capsys.readouterr().out
    ours = ("elic klt: encode", "elic transform: decode", "elic decode (klt)", "elic decode (transform)")
    for text in (*ours, "WebP: decode", "AVIF: encode", "import elic_tf", "import numpy", "a second"):
        assert text in out
