"""What comes out is a program, whatever the networks say; and they say the same in LiteRT."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elic_tf.errors import DataError, UnknownModelError
from elic_tf.models import program_writer as writing
from elic_tf.models.program_writer import MAX_TOKENS, MAX_WORDS, Grammar, ProgramWriter
from elic_tf.questions import programs, templates

TOKENS = programs.token_vocabulary()


@pytest.mark.parametrize(
    "question, words",
    [
        ("Is this a man or a woman?", "is this a man or a woman"),
        ("What color is this person's hair?", "what color is this person 's hair"),
        ("WHAT COLOUR IS HIS  HAIR", "what color is this person 's hair"),
        ("Does she wear: a hat, glasses?", "does this person wear a hat glasses"),
        ("Has the lady’s photo a moustache?", "have the woman 's picture a mustache"),
    ],
)
def test_words(question, words):
    assert " ".join(writing.split(question)) == words


@pytest.mark.parametrize("question", ["", "?!", "...", "hat " * (MAX_WORDS + 1)])
def test_texts_that_are_no_questions(question):
    with pytest.raises(DataError, match="1 to 32 words"):
        writing.split(question)


def test_numbers_of_words():
    rows = writing.encode(["a hat?", "Hat, cat"], ["a", "hat"])
    assert rows.shape == (2, MAX_WORDS) and rows.dtype == np.int32
    assert rows[:, :3].tolist() == [[2, 3, 0], [3, writing.UNKNOWN, 0]] and not rows[:, 3:].any()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_way_through_the_grammar_is_a_program(seed):
    rng, grammar = np.random.default_rng(seed), Grammar()
    while not grammar.complete:
        allowed = np.flatnonzero(grammar.allowed())
        assert len(allowed)
        grammar.add(int(rng.choice(allowed)))
    assert len(grammar.tokens) <= MAX_TOKENS
    assert programs.from_tokens(grammar.tokens).output in ("truth", "number", "word")


def test_the_grammar_allows_every_program_of_the_templates():
    for template in templates.templates():
        grammar = Grammar()
        for token in programs.to_tokens(template.program):
            number = TOKENS.index(token)
            assert grammar.allowed()[number]
            grammar.add(number)
        assert grammar.complete


def test_the_grammar_refuses_what_is_no_program():
    grammar = Grammar()
    assert not grammar.allowed()[TOKENS.index("scene")] and not grammar.allowed()[TOKENS.index("filter:hat=yes")]
    grammar.add(TOKENS.index("query:gender"))
    assert {TOKENS[number] for number in np.flatnonzero(grammar.allowed())} == {"left", "right", "unique"}


class Fixed:
    """Networks that want one program, come what may."""

    def __init__(self, tokens, words=("hat",)):
        self.wanted, self.seen, self.words = tokens, [], words

    def reader(self, words):
        assert words.shape == (1, MAX_WORDS)
        return {"memory": words, "h": np.zeros((1, 2)), "c": np.zeros((1, 2))}

    def step(self, before, memory, h, c):
        self.seen.append(int(before[0, 0]))
        logits = np.zeros((1, len(TOKENS)))
        logits[0, TOKENS.index(self.wanted[min(int(h[0, 0]), len(self.wanted) - 1)])] = 9
        return {"logits": logits, "h": h + 1, "c": c}

    def writer(self):
        return ProgramWriter(self.reader, self.step, self.words)


def test_a_writer_writes_what_its_networks_want():
    program = programs.parse("greater(count(filter(hat, yes, scene())), count(scene()))")
    networks = Fixed(programs.to_tokens(program))
    assert networks.writer().write("More hats?") == program
    assert networks.seen == [len(TOKENS), *(TOKENS.index(token) for token in programs.to_tokens(program)[:-1])]
    assert networks.writer().unknown("A hat, a cat?") == ["a", "a", "cat"]


@pytest.mark.parametrize("token", ["scene", "and", "tally6", "filter:hat=yes", "not", "equal"])
def test_networks_that_want_nonsense_get_a_program_all_the_same(token):
    program = Fixed([token]).writer().write("hat?")
    assert len(programs.to_tokens(program)) <= MAX_TOKENS and program.output in ("truth", "number", "word")


@pytest.mark.slow
def test_three_networks_are_one_and_litert_is_keras(tmp_path):
    keras = pytest.importorskip("keras")
    from elic_tf.train import symbolic, symbolic_data

    keras.utils.set_random_seed(1)
    pairs = symbolic_data.split()["train"][:200:25]
    words = symbolic_data.known_words(pairs)
    looped, unrolled = (writing.writer_networks(len(words), 16, 8, unroll=unroll) for unroll in (False, True))
    unrolled.training.set_weights([8 * weight for weight in looped.training.get_weights()])
    looped.training.set_weights(unrolled.training.get_weights())
    numbers, before, _ = symbolic_data.arrays(pairs, words)
    logits = np.asarray(looped.training([numbers, before]))
    np.testing.assert_allclose(unrolled.training([numbers, before]), logits, atol=1e-4)

    *known, h, c = looped.reader(numbers)
    for number in range(before.shape[1]):
        step = [keras.ops.convert_to_tensor(before[:, number : number + 1]), *known, h, c]
        each, h, c = looped.step(step)
        np.testing.assert_allclose(each, logits[:, number], atol=1e-4)

    writer = symbolic.export_writer(looped.training, words, tmp_path)
    for row, (question, _) in enumerate(pairs):
        grammar = Grammar()
        result = writer._reader(words=numbers[row : row + 1])
        result["before"] = before[row : row + 1, :1]
        np.testing.assert_allclose(writer._step(**result)["logits"][0], logits[row, 0], atol=0.1)
        first = int(np.argmax(np.where(grammar.allowed(), logits[row, 0], -np.inf)))
        assert programs.to_tokens(writer.write(question))[0] == TOKENS[first]
    assert writer.words == words

    path = tmp_path / writing.WORDS_FILE
    path.write_text(path.read_text().replace("query:gender", "query:mood"))
    with pytest.raises(UnknownModelError, match="train it anew"):
        ProgramWriter.from_files(tmp_path)


@pytest.mark.slow
def test_what_is_shipped_is_to_be_small():
    pytest.importorskip("keras")
    assert 2 * writing.writer_networks(92).training.count_params() < 600_000
