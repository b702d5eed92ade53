"""Checks: what they say of each way to be right, wrong or unfinished, hints, scores."""

import re
from statistics import NormalDist

import numpy as np
import pytest

from elic_tf.course import checks, scores
from elic_tf.errors import DataError, ElicError


@pytest.fixture
def entry(monkeypatch):
    """A check of its own, with nothing done yet."""
    checks.of_lesson("00")  # registered before the table is copied, or later tests would miss it
    monkeypatch.setattr(checks, "_checks", dict(checks._checks))

    @checks.check("00.own", "Twice", reference=lambda x: 2 * x, hints=("Add it to itself.", "x + x"), points=3)
    def _(student):
        checks.expect("twice [1, 2]", student(np.array([1, 2])), [2, 4], unit="bits")

    return checks.find("00.own")


def test_says_what_it_got_and_gives_one_more_hint_each_time(entry, capsys):
    assert not checks.run("00.own", lambda x: x).passed
    assert capsys.readouterr().out == (
        "✗ 00.own: twice [1, 2]: got [1, 2] bits, should be [2, 4] bits\n  hint 1 of 2: Add it to itself.\n"
    )
    checks.run("00.own", lambda x: x)
    assert "hint 2 of 2: x + x" in capsys.readouterr().out
    assert entry.tries == 2 and entry.hints_given == 2


def test_a_stub_is_not_done_yet_and_the_lesson_goes_on(entry, capsys):
    def stub(x):
        raise NotImplementedError("add it to itself")

    function = checks.checked("00.own", stub)
    assert function is entry.reference and entry.status == "todo" and entry.tries == 0
    said = capsys.readouterr().out
    assert said.startswith("… 00.own: not done yet: add it to itself\n") and "goes on" in said

    def right(x):
        return x + x

    assert checks.checked("00.own", right) is right and entry.status == "done"


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.undefined, "AttributeError: .* has no attribute 'undefined' .at `"),
        (lambda x: NormalDist().inv_cdf(2), r"StatisticsError: .* \(at `\(lambda x: "),
        (lambda: 1, r"TypeError: .*\(when called as the exercise asks\)"),
        (lambda x: None, "returned nothing"),
        (lambda x: "four", "got str, should be an array of shape"),
        (lambda x: 2.0, "got one number, should be an array of shape"),
        (lambda x: x * np.nan, "NaN"),
        (lambda x: [[2, 4]], r"shape \(1, 2\)"),
        (np.array([2, 4]), "give the function itself"),
    ],
)
def test_one_line_about_each_way_to_fail(entry, function, message, capsys):
    result = checks.run("00.own", function)
    assert not result.passed and result.function is entry.reference
    assert re.search(message, result.message) and "\n" not in result.message


def test_score_and_the_teachers_table(entry, capsys, tmp_path):
    checks.run("00.own", lambda x: 2 * x)
    capsys.readouterr()
    checks.score("00")
    said = capsys.readouterr().out
    assert "✓ 00.own: Twice: done" in said and "3 of 8 points" in said
    path = scores.save(tmp_path / "anna.json", student="Anna", lessons=["00"])
    assert scores.main([str(path)]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.startswith("student,points,of,") and row.startswith("Anna,3,8,") and header.endswith(",00.own")
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(DataError, match="is no score file"):
        scores.collect([tmp_path / "other.json"])


def test_accepts_and_rejects_themselves_fail_when_they_should(entry):
    with pytest.raises(AssertionError, match="refuses a solution: twice"):
        checks.accepts("00.own", lambda x: x)
    with pytest.raises(AssertionError, match="does not reject"):
        checks.rejects("00.own", lambda x: 2 * x)


def test_unknown_name_says_which_there_are():
    with pytest.raises(ElicError, match=r"no check '00.psrn'; there are .*00.psnr"):
        checks.find("00.psrn")
