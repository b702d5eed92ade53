"""A question to a program: the second part of neural-symbolic question answering.

Yi et al., "Neural-Symbolic VQA" (NeurIPS 2018), section 3.2: a sequence-to-sequence network, a bidirectional LSTM that
reads the words and an LSTM that writes the tokens of the program one by one, attending to the words (the dot product
of Luong et al., EMNLP 2015). Two things differ. What the attention brings is the embeddings of the words, without their
context, so that the network learns what words mean apart from how they are put together, and understands programs
that it has not seen (Russin et al., "Compositional generalization in a deep seq2seq model by separating syntax and
semantics", 2019). And theirs may write what is no program; here the grammar says at each step which tokens can
follow, and the best of those is taken: what comes out is well typed and of bounded length.

Writing needs LiteRT and NumPy, no TensorFlow; `writer_networks` makes the networks to train.
"""

import dataclasses
import functools
import json
import re

import numpy as np

from elic_tf.errors import DataError, UnknownModelError
from elic_tf.models.runtime import Graph
from elic_tf.questions import programs

MAX_WORDS = 32
"""The longest question that is read."""
MAX_TOKENS = 24
"""The longest program that is written; the templates' have 10 tokens."""
PAD, UNKNOWN = 0, 1
"""Numbers of no word and of a word that training did not know; known words follow."""
FILES = {part: f"symbolic_writer_{part}.tflite" for part in ("reader", "step")}
WORDS_FILE = "symbolic_writer.json"

# What people write -> the words of the templates.
_REWRITTEN = {
    "he": "this person", "she": "this person", "they": "this person", "his": "this person 's",
    "her": "this person 's", "their": "this person 's", "someone": "anyone", "somebody": "anybody", "guy": "man",
    "lady": "woman", "guys": "men", "ladies": "women", "colour": "color", "grey": "gray", "blonde": "blond",
    "moustache": "mustache", "spectacles": "glasses", "necktie": "tie", "photo": "picture", "image": "picture",
    "photograph": "picture", "fringe": "bangs", "sex": "gender", "has": "have", "wears": "wear",
}  # fmt: skip


def split(question):
    """The words of a question, lower case, without punctuation, in the spelling of the templates.

    DataError for a text without words, or with more than MAX_WORDS.
    """
    found = re.findall(r"'s|[a-z0-9]+", question.lower().replace("’", "'"))
    found = [part for word in found for part in _REWRITTEN.get(word, word).split()]
    if not 1 <= len(found) <= MAX_WORDS:
        raise DataError(f"a question has 1 to {MAX_WORDS} words, not {len(found)}: {question[:60]!r}")
    return found


def encode(questions, words):
    """Numbers of the words of questions, int32 (n, MAX_WORDS), padded with PAD. words: the known ones."""
    number = {word: place for place, word in enumerate(words, UNKNOWN + 1)}
    rows = np.full((len(questions), MAX_WORDS), PAD, np.int32)
    for row, question in zip(rows, questions):
        found = split(question)
        row[: len(found)] = [number.get(word, UNKNOWN) for word in found]
    return rows


@functools.cache
def _grammar():
    """For each token: (the type it gives, the types it takes)."""
    rows = []
    for token in programs.token_vocabulary():
        name, count = re.fullmatch(r"([a-z]+)(\d?).*", token).groups()
        function = programs.FUNCTIONS[name]
        rows.append((function.output, function.inputs * int(count or 1)))
    return tuple(rows)


@functools.cache
def _shortest():
    """type -> the tokens of the shortest program that gives it; faces stand for "a face or faces"."""
    shortest = {}
    while True:
        before = dict(shortest)
        for output, inputs in _grammar():
            if all(each in shortest for each in inputs):
                length = 1 + sum(shortest[each] for each in inputs)
                shortest[output] = min(length, shortest.get(output, length))
        if shortest == before:
            return shortest


class Grammar:
    """Which tokens can come next in a program, in prefix order, of at most MAX_TOKENS."""

    def __init__(self):
        self._wanted = [("truth", "number", "word")]
        self.tokens = []

    @property
    def complete(self):
        return not self._wanted

    def allowed(self):
        """(tokens,) bool: those that keep this the beginning of a program that is well typed and not too long."""
        shortest, kinds = _shortest(), self._wanted[-1]
        room = MAX_TOKENS - len(self.tokens) - 1
        room -= sum(min(shortest[kind] for kind in each) for each in self._wanted[:-1])
        fits = [kind in kinds and sum(shortest[each] for each in inputs) <= room for kind, inputs in _grammar()]
        return np.array(fits)

    def add(self, number):
        """Go on with the token of that number."""
        self.tokens.append(programs.token_vocabulary()[number])
        self._wanted.pop()
        for kind in reversed(_grammar()[number][1]):
            self._wanted.append(("faces", "face") if kind == "faces" else (kind,))


@dataclasses.dataclass(frozen=True)
class Networks:
    """Three Keras networks that share their layers; L words, T tokens, V known tokens, units U.

    training: words (n, L) and the tokens before each (n, T) -> logits (n, T, V).
    reader: words (n, L) -> memory (n, L, U), meaning (n, L, embedding), mask (n, L), and the state (n, U), (n, U) that
        writing starts from.
    step: the token before (n, 1), memory, meaning, mask and state -> logits (n, V), state.
    """

    training: object
    reader: object
    step: object


def writer_networks(words, units=128, embedding=64, dropout=0.2, unroll=False):
    """Networks for `words` known words. Tokens are numbered as in `token_vocabulary`; the one before the first is V.

    unroll: LSTMs without loops, as LiteRT needs them.
    """
    import keras
    from keras import layers, ops

    tokens = len(programs.token_vocabulary())
    embed = layers.Embedding(words + 2, embedding, name="word")

    def lstm(width, name):
        return layers.LSTM(width, return_sequences=True, return_state=True, unroll=unroll, name=name)

    forward, backward, write = lstm(units // 2, "forward"), lstm(units // 2, "backward"), lstm(units, "writer")
    embed_token = layers.Embedding(tokens + 1, embedding, name="token")
    combine = layers.Dense(units, activation="tanh", name="combine")
    last = layers.Dense(tokens, name="logits")
    drop = layers.Dropout(dropout)

    def read_words(numbers):
        # Reversed here and not by the LSTM: Keras mixes up the mask of an unrolled LSTM that goes backwards.
        there, x = ops.not_equal(numbers, PAD), drop(embed(numbers))
        memory, h, c = forward(x, mask=there)
        back, back_h, back_c = backward(ops.flip(x, 1), mask=ops.flip(there, 1))
        memory = ops.concatenate([memory, ops.flip(back, 1)], -1)
        state = ops.concatenate([h, back_h], -1), ops.concatenate([c, back_c], -1)
        return memory, x, ops.cast(there, "float32"), *state

    def write_tokens(before, memory, meaning, mask, h, c):
        hidden, h, c = write(drop(embed_token(before)), initial_state=[h, c])
        match = ops.einsum("btu,blu->btl", hidden, memory) + 1e9 * (mask[:, None] - 1)
        context = ops.einsum("btl,blu->btu", ops.softmax(match), meaning)
        return last(drop(combine(ops.concatenate([hidden, context], -1)))), h, c

    numbers = keras.Input((MAX_WORDS,), dtype="int32", name="words")
    before = keras.Input((None,), dtype="int32", name="before")
    read = read_words(numbers)
    training = keras.Model([numbers, before], write_tokens(before, *read)[0], name="writer")
    reader = keras.Model(numbers, read, name="reader")
    last_token = keras.Input((1,), dtype="int32", name="before")
    inputs = [last_token, *(keras.Input(each.shape[1:]) for each in read)]
    logits, h, c = write_tokens(*inputs)
    step = keras.Model(inputs, [logits[:, 0], h, c], name="step")
    training.shape_arguments = {"words": words, "units": units, "embedding": embedding}
    return Networks(training, reader, step)


class ProgramWriter:
    """Writes the program of a question.

    reader, step: callables as `runtime.Graph`, for batches of one. The first takes `words` and returns `h`, `c` and
    what the second takes beside those and `before`; the second returns `logits`, `h` and `c`. words: the known ones.
    """

    def __init__(self, reader, step, words):
        self._reader, self._step, self.words = reader, step, list(words)

    @classmethod
    def from_files(cls, folder):
        """Load what `elic_tf.train symbolic` wrote, from a folder with `/`, `read_text()` and `read_bytes()`."""
        held = json.loads((folder / WORDS_FILE).read_text(encoding="utf-8"))
        if held["tokens"] != programs.token_vocabulary():
            raise UnknownModelError("the program writer was trained for other programs; train it anew")
        return cls(*(Graph((folder / file).read_bytes) for file in FILES.values()), held["words"])

    def unknown(self, question):
        """The words of a question that the writer does not know."""
        return [word for word in split(question) if word not in self.words]

    def write(self, question):
        """The program (`programs.Step`) for a question. DataError if it has no words, or too many."""
        known = self._reader(words=encode([question], self.words))
        state = {"h": known.pop("h"), "c": known.pop("c")}
        grammar, before = Grammar(), len(programs.token_vocabulary())
        while not grammar.complete:
            result = self._step(before=np.array([[before]], np.int32), **known, **state)
            state = {"h": result["h"], "c": result["c"]}
            before = int(np.argmax(np.where(grammar.allowed(), result["logits"][0], -np.inf)))
            grammar.add(before)
        return programs.from_tokens(grammar.tokens)
