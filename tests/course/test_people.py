"""Synthetic people on two days, what is drawn anew, and the reader who knows them."""

import numpy as np
import pytest

from elic_tf.course import people
from elic_tf.errors import MissingExtraError
from elic_tf.faces import synthetic


def test_what_is_kept_stays_and_the_rest_is_drawn_from_its_distribution():
    records = synthetic.sample(1, seed=5).repeat(4000)
    drawn = people.drawn_anew(records, people.PERSON, np.random.default_rng(0))
    for name in people.PERSON:
        assert (drawn[name] == records[name]).all()
    shares = np.bincount(drawn["light"], minlength=6) / 4000
    assert np.allclose(shares, synthetic.marginal("light"), atol=0.04)
    given = synthetic.frequencies("hat")[tuple(records[parent][0] for parent in synthetic.parents("hat"))]
    assert np.allclose(np.bincount(drawn["hat"], minlength=5) / 4000, given / synthetic.TOTAL, atol=0.04)


def test_with_nothing_kept_records_are_drawn_like_any_other():
    drawn = people.drawn_anew(synthetic.sample(3000, seed=1), (), np.random.default_rng(1))
    for name in ("gender", "hair_colour", "moustache"):
        shares = np.bincount(drawn[name], minlength=len(synthetic.FACTORS[name])) / 3000
        assert np.allclose(shares, synthetic.marginal(name), atol=0.05)


def test_what_belongs_to_a_person_has_its_parents_among_it():
    assert all(set(synthetic.parents(name)) <= set(people.PERSON) for name in people.PERSON)


def test_two_days_have_one_person_and_two_pictures():
    faces = people.two_days(5)
    assert len(faces) == 10 and faces.identities.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    for name in people.PERSON:
        assert (faces.labels[name][::2] == faces.labels[name][1::2]).all()
    assert (faces.labels["male"] == (faces.labels["gender"] == 1)).all()
    assert np.abs(faces.images[::2].astype(int) - faces.images[1::2]).mean((1, 2, 3)).min() > 1


def test_the_reader_knows_gender_and_person_of_drawings():
    pytest.importorskip("ai_edge_litert")
    faces, reader = people.two_days(30), people.Reader()
    assert np.mean((reader.male(faces.images) > 0.5) == faces.labels["male"]) > 0.95
    seen = reader.descriptors(faces.images)
    apart = ((seen[:, None] - seen[None]) ** 2).sum(2) + np.where(np.eye(60), np.inf, 0)
    assert np.mean(faces.identities[apart.argmin(1)] == faces.identities) > 0.9


def test_first_of_goes_on_where_packages_are_missing(capsys):
    def missing():
        raise MissingExtraError("install me")

    assert people.first_of(missing, dict) == {}
    assert "install me" in capsys.readouterr().out
    assert people.first_of(missing) is None
