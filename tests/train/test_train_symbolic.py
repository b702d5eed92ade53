"""The recipe of the symbolic models: what is kept from training, what is learned, going on where it was killed."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from elic_tf.faces import synthetic  # noqa: E402
from elic_tf.models import parser as parsing  # noqa: E402
from elic_tf.models import program_writer as writing  # noqa: E402
from elic_tf.questions import programs, templates  # noqa: E402
from elic_tf.train import symbolic as recipe  # noqa: E402
from elic_tf.train import symbolic_card  # noqa: E402
from elic_tf.train import symbolic_data as data  # noqa: E402


def small():
    keras.utils.set_random_seed(3)
    return parsing.parser_network(8, 8, (1, 1), 1, 16)


def test_the_split_is_one_and_keeps_every_word():
    parts = data.split()
    every = [(wording, str(template.program)) for template in templates.templates() for wording in template.wordings]
    assert sorted(pair for pairs in parts.values() for pair in pairs) == sorted(every)
    known = {program for _, program in parts["train"]}
    assert known.isdisjoint(program for _, program in parts["programs"])
    assert known >= {program for part in ("wordings", "validation") for _, program in parts[part]}
    assert data.known_words(parts["train"]) == data.known_words(every)
    tokens = lambda pairs: {t for _, p in pairs for t in programs.to_tokens(programs.parse(p))}  # noqa: E731
    assert tokens(parts["train"]) == tokens(every)
    assert all(len(parts[part]) >= 15 for part in parts) and len(parts["train"]) > 0.75 * len(every)


def test_arrays_of_questions_and_back():
    pairs = data.split()["train"][:50]
    words = data.known_words(pairs)
    numbers, before, targets = data.arrays(pairs, words)
    vocabulary = programs.token_vocabulary()
    assert (before[:, 0] == len(vocabulary)).all()
    for (question, program), row, last, target in zip(pairs, numbers, before, targets):
        assert [words[each - 2] for each in row if each] == writing.split(question)
        tokens = [vocabulary[each] for each in target if each >= 0]
        assert str(programs.from_tokens(tokens)) == program
        np.testing.assert_array_equal(last[1:][target[1:] >= 0], target[:-1][target[1:] >= 0])


def test_batches_go_on_where_they_stopped():
    images, levels = data.rendered(24, 5)
    pairs = data.split()["train"]
    words = data.known_words(pairs)
    for make in (
        lambda skip: data.face_batches(images, levels, batch=8, skip=skip),
        lambda skip: data.question_batches(pairs, words, batch=8, skip=skip),
    ):
        whole, rest = list(make(0).take(6)), list(make(4).take(2))
        flat = lambda each: [np.asarray(part) for part in keras.tree.flatten(each)]  # noqa: E731
        for a, b in zip(whole[4:], rest):
            for one, other in zip(flat(a), flat(b)):
                np.testing.assert_array_equal(one, other)


def test_faces_are_changed_a_little_and_keep_their_levels():
    images, levels = data.rendered(16, 5)
    np.testing.assert_array_equal(levels[:, 0], synthetic.sample(16, 5)["gender"])
    plain = next(iter(data.face_batches(images, levels, batch=16, train=False)))
    np.testing.assert_allclose(plain[0], images / np.float32(255), atol=1e-6)
    changes = []
    for faces, found in data.face_batches(images, levels, batch=16).take(4):
        row = [np.flatnonzero((levels == each).all(1))[0] for each in np.asarray(found)]
        assert np.min(faces) >= 0 and np.max(faces) <= 1
        changes += np.abs(faces - images[row] / np.float32(255)).mean((1, 2, 3)).tolist()
    assert 0.25 < np.mean(np.array(changes) < 1e-6) < 0.75 and max(changes) < 0.12


def test_questions_lose_words_and_keep_their_programs():
    pairs = data.split()["train"]
    words = data.known_words(pairs)
    numbers, before, targets = data.arrays(pairs, words)
    start = len(programs.token_vocabulary())
    same, unknown, shorter, hidden = 0, 0, 0, []
    for (seen, last), target in data.question_batches(pairs, words, batch=64).take(4):
        for one, two, three in zip(np.asarray(seen), np.asarray(last), np.asarray(target)):
            rows = np.flatnonzero((targets == three).all(1))
            assert ((two == before[rows[0]]) | (two == start)).all() and two[0] == start
            hidden += (two[1:] != before[rows[0], 1:]).tolist()
            same += bool((numbers[rows] == one).all(1).any())
            unknown += one[0] == writing.UNKNOWN
            shorter += (one > 0).sum() < (numbers[rows] > 0).sum(1).min()
    assert 256 / 5 < same < 256 / 2 and 256 / 4 < unknown < 256 / 1.5 and shorter > 8
    assert np.mean(hidden) == pytest.approx(data.DROPPED, abs=0.04)


def test_losses_are_code_lengths():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4, parsing.LEVELS)).astype(np.float32)
    levels = synthetic.sample(4, 1).view(np.uint8).reshape(4, -1)
    scores = parsing.log_softmax(logits) / np.log(2)
    wanted = [
        -sum(scores[i, c][row[f]] for f, c in enumerate(parsing.COLUMNS.values())) for i, row in enumerate(levels)
    ]
    np.testing.assert_allclose(recipe.record_bits(levels, logits), wanted, rtol=1e-5)
    best = np.stack([scores[:, columns].argmax(1) for columns in parsing.COLUMNS.values()], 1)
    np.testing.assert_allclose(recipe.factors_right(levels, logits), (best == levels).mean(1), rtol=1e-6)
    targets = np.array([[3, 1, -1], [2, -1, -1]])
    logits = rng.normal(0, 2, (2, 3, 5)).astype(np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    wanted = [-np.log2(shares[0, 0, 3] * shares[0, 1, 1]), -np.log2(shares[1, 0, 2])]
    np.testing.assert_allclose(recipe.program_bits(targets, logits), wanted, rtol=1e-5)
    sure = 9 * np.eye(5, dtype=np.float32)[np.maximum(targets, 0)]
    sure[1, 0] = 9 * np.eye(5)[0]
    assert np.asarray(recipe.programs_right(targets, sure)).tolist() == [1, 0]


def test_faces_are_rendered_once(tmp_path, monkeypatch):
    first, levels = data.rendered(5, 8, tmp_path)
    monkeypatch.setattr(data.synthetic, "render", None)
    again, same = data.rendered(5, 8, tmp_path)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(levels, same)


@pytest.mark.slow
def test_killed_and_resumed_it_ends_the_same(tmp_path):
    settings = {"epochs": 3, "epoch_steps": 2, "units": 8, "embedding": 4}
    whole, _ = recipe.train_writer(tmp_path / "whole", **settings)
    recipe.train_writer(tmp_path / "killed", stop=1, **settings)
    resumed, _ = recipe.train_writer(tmp_path / "killed", **settings)
    for one, other in zip(whole.get_weights(), resumed.get_weights()):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_from_nothing_to_the_card(tmp_path, capsys):
    """Both networks for a few steps, exported, measured: the numbers are poor and everything is there."""
    settings = {"faces": 32, "epochs": 2, "epoch_steps": 3}
    network = recipe.train_parser(tmp_path / "parser", network=small(), **settings)
    before = recipe.record_bits(*_judged(small()))
    after = recipe.record_bits(*_judged(network))
    assert np.mean(after) < np.mean(before)
    recipe.export_parser(network, tmp_path)
    recipe.export_writer(*recipe.train_writer(tmp_path / "writer", epochs=1, epoch_steps=2, units=8), tmp_path)
    text = symbolic_card.card(tmp_path, data.split(), seed=0, faces=32, command="python -m ...", test=24, coded=3)
    assert "{" not in text and all(each in text for each in ("| all |", "| all 29 |", "| symbolic, 96 trials | - |"))
    assert all(f"| {factor} |" in text for factor in synthetic.FACTORS)


def _judged(network):
    images, levels = data.rendered(32, 0)
    return levels, np.asarray(network(images.astype(np.float32) / 255))
