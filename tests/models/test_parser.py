"""The parser's mathematics without its weights, and LiteRT against Keras with random ones."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from elic_tf.errors import ImageError
from elic_tf.faces import synthetic
from elic_tf.models import parser as parsing
from elic_tf.models.parser import COLUMNS, LEVELS, Parser, most_likely, search
from elic_tf.questions import records

FACTORS = synthetic.FACTORS


def knowing(true, doubt=0.01):
    """Scores (n, LEVELS) of a network that is all but certain of the records `true`."""
    scores = np.empty((len(true), LEVELS))
    for name, columns in COLUMNS.items():
        count = len(FACTORS[name])
        shares = np.full((len(true), count), doubt / (count - 1))
        shares[np.arange(len(true)), true[name]] = 1 - doubt
        scores[:, columns] = np.log(shares)
    return scores


def ignorant(count):
    """Scores of a network that sees nothing: what is frequent is likely."""
    return np.tile(np.log(np.concatenate([synthetic.marginal(name) for name in FACTORS])), (count, 1))


@pytest.fixture(scope="module")
def true():
    return synthetic.sample(8, seed=21)


def test_columns_are_the_factors():
    assert sum(len(range(LEVELS)[columns]) for columns in COLUMNS.values()) == LEVELS == 150
    assert list(COLUMNS) == list(FACTORS)


def test_log_softmax_sums_to_one_for_each_factor():
    scores = parsing.log_softmax(np.random.default_rng(0).normal(0, 30, (5, LEVELS)))
    for columns in COLUMNS.values():
        np.testing.assert_allclose(np.exp(scores[:, columns]).sum(1), 1)


def test_what_is_seen_clearly_is_believed(true):
    found = most_likely(knowing(true, 1e-6))
    np.testing.assert_array_equal(found, true)
    assert found.dtype == synthetic.DTYPE


def test_beliefs_that_do_not_fit_together_are_put_together():
    """Rather a woman, rather a full beard: a man, then, who is likelier to have one than a woman not to seem to."""
    scores = ignorant(1)
    for name, shares in (("gender", (0.55, 0.45)), ("beard", (0.45, 1e-9, 1e-9, 1e-9, 0.55))):
        scores[:, COLUMNS[name]] = np.log(shares)
    found = synthetic.describe(most_likely(scores))
    assert found["gender"] == "man" and found["beard"] == "full"


def log_probability(scores, found):
    """Of records given what was seen, up to a constant, by the formula in the module."""
    total = -np.log(2) * synthetic.bits(found)
    for name, columns in COLUMNS.items():
        parents = synthetic.parents(name)
        beliefs = [np.exp(scores[:, COLUMNS[parent]]) for parent in parents]
        letters = "abc"[: len(parents)]
        paths = ",".join([*(f"n{letter}" for letter in letters), f"{letters}l"])
        expected = np.einsum(f"{paths}->nl" if parents else "l->l", *beliefs, synthetic.frequencies(name) / 1024)
        total += (scores[:, columns] - np.log(expected))[np.arange(len(found)), found[name]]
    return total


def test_no_record_is_more_probable():
    """Against all records in which the factors that hang together most differ, and against all single changes."""
    scores = parsing.log_softmax(np.random.default_rng(3).normal(0, 2, (5, LEVELS)))
    best = most_likely(scores)
    most = log_probability(scores, best)
    assert np.isfinite(most).all()
    names = ("gender", "age", "skin", "hair_colour", "eye_colour", "beard")
    grid = np.indices([len(FACTORS[name]) for name in names]).reshape(len(names), -1)
    for row in range(len(best)):
        others = np.repeat(best[row : row + 1], grid.shape[1])
        for name, levels in zip(names, grid):
            others[name] = levels
        found = log_probability(np.repeat(scores[row : row + 1], len(others), 0), others)
        assert found.max() == pytest.approx(most[row]) and others[found.argmax()] == best[row]
    for name, levels in FACTORS.items():
        for level in range(len(levels)):
            other = best.copy()
            other[name] = level
            assert (log_probability(scores, other) <= most + 1e-9).all()


def test_search_finds_what_the_network_got_wrong(true):
    faces = synthetic.render(true)
    scores = knowing(true, doubt=0.3)
    wrong = true.copy()
    for name in ("glasses", "background", "smile"):
        wrong[name] = (true[name] + 1) % len(FACTORS[name])
        at = np.arange(len(true))
        rows = scores[:, COLUMNS[name]]
        rows[at, wrong[name]], rows[at, true[name]] = np.log(0.5), np.log(0.45)
    found = search(faces, wrong, scores, trials=6)
    np.testing.assert_array_equal(found, true)
    np.testing.assert_array_equal(search(faces, wrong, scores, trials=0), wrong)
    np.testing.assert_array_equal(search(faces, true, knowing(true), trials=3), true)


def test_search_never_moves_away(true):
    faces = np.random.default_rng(0).random((len(true), 64, 64, 3), np.float32)
    found = search(faces, true, ignorant(len(true)), trials=5)
    before, after = (np.square(faces - synthetic.render(each)).sum((1, 2, 3)) for each in (true, found))
    assert (after <= before).all()


def test_a_parser_takes_faces_and_gives_records(true):
    calls = []

    def network(face):
        calls.append(face)
        return {"output": knowing(true)[: len(face)]}

    faces = synthetic.render(true[:3])
    parser = Parser(network)
    np.testing.assert_array_equal(parser.parse(np.round(255 * faces).astype(np.uint8)), true[:3])
    assert calls[0].dtype == np.float32 and calls[0].max() <= 1
    np.testing.assert_array_equal(parser.parse(faces, trials=2), true[:3])
    assert parser.records(faces) == [records.from_synthetic(record) for record in true[:3]]
    assert parser.parse(faces[:0]).shape == (0,) and parser.parse(faces[:0], trials=3).shape == (0,)
    for bad in (faces[0], faces[:, :32], 200 * faces):
        with pytest.raises(ImageError):
            parser.parse(bad)


@pytest.mark.slow
def test_litert_is_keras(tmp_path):
    keras = pytest.importorskip("keras")
    from elic_tf.train import symbolic

    keras.utils.set_random_seed(2)
    network = parsing.parser_network(8, 8, (1, 1), 2, 16)
    faces = synthetic.faces(3, seed=1)
    logits = np.asarray(network(faces))
    assert logits.shape == (3, LEVELS) and network.input_shape == (None, 64, 64, 3)
    parser = symbolic.export_parser(network, tmp_path)
    np.testing.assert_allclose(parser.scores(faces), parsing.log_softmax(logits), atol=0.02)
    assert parser.parse(faces).shape == (3,)


@pytest.mark.slow
def test_what_is_shipped_is_to_be_small():
    pytest.importorskip("keras")
    assert 2 * parsing.parser_network().count_params() < 1_000_000
