"""What the parser and the program writer learn from: rendered faces, and questions; some are kept from training."""

import collections
import pathlib

import numpy as np

from elic_tf.faces import synthetic
from elic_tf.models import parser as parsing
from elic_tf.models import program_writer as writing
from elic_tf.questions import programs, templates

FACE_BATCH, QUESTION_BATCH = 32, 64
NOISE, BRIGHTNESS, BLUR = 0.03, 0.05, 0.6
"""The most that a training face is changed by: standard deviation, shift, and share of a 3x3 mean."""
DROPPED = 0.15
"""Share of the words left out, or made unknown, in half of the training questions; and of the tokens before, in all."""
PREFIX = 4
"""Half of the training questions begin with up to so many unknown words."""


def rendered(count, seed, folder=None):
    """`count` faces of `seed`, uint8 (count, 64, 64, 3), and levels int32 (count, 29). Kept in `folder` if given."""
    from tqdm import tqdm

    drawn = synthetic.sample(count, seed)
    levels = drawn.view(np.uint8).reshape(count, -1).astype(np.int32)
    path = folder and pathlib.Path(folder) / f"faces_{seed}_{count}.npy"
    if path and path.exists():
        return np.load(path), levels
    images = np.empty((count, parsing.SIZE, parsing.SIZE, 3), np.uint8)
    for start in tqdm(range(0, count, 256), desc="rendering", disable=None):
        part = slice(start, start + 256)
        images[part] = np.round(synthetic.render(drawn[part]) * 255)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name("part.npy")
        np.save(part, images)
        part.replace(path)
    return images, levels


def face_batches(images, levels, *, seed=0, batch=FACE_BATCH, skip=0, train=True):
    """A tf.data.Dataset of (face (n, 64, 64, 3), levels (n, 29)); in training endless, with half of the faces noisy,
    darker or lighter, and blurred."""
    import tensorflow as tf

    from elic_tf.faces import pipeline
    from elic_tf.faces.faceset import FaceSet

    faces = FaceSet("synthetic", images, {"levels": levels}, None, [""] * len(images))

    def changed(number, data):
        face, labels = data
        if not train:
            return face, labels["levels"]
        n = tf.shape(face)[0]
        seeds = tf.unstack(tf.random.experimental.stateless_split(tf.stack([tf.cast(seed, tf.int64) + 78, number]), 5))
        draw = lambda which, low=0.0: tf.random.stateless_uniform((n, 1, 1, 1), seeds[which], low, 1.0)  # noqa: E731
        blurred = face + BLUR * draw(0) * (tf.nn.avg_pool2d(face, 3, 1, "SAME") - face)
        noise = NOISE * draw(1) * tf.random.stateless_normal(tf.shape(face), seeds[2])
        other = tf.clip_by_value(blurred + noise + BRIGHTNESS * draw(3, -1.0), 0, 1)
        return tf.where(draw(4) < 0.5, face, other), labels["levels"]

    data = pipeline.dataset(faces, batch, seed=seed, shuffle=train, repeat=train, labels=["levels"],
                            drop_remainder=train, skip=skip)  # fmt: skip
    return data.enumerate(start=skip).map(changed, num_parallel_calls=1).prefetch(2)


def split():
    """Pairs (wording, text of the program) for training, "validation", "wordings" and "programs".

    Of every fourth program one wording is kept from training, alternately for validation and for the test called
    "wordings", and every tenth program is with all its wordings, for the test called "programs"; but only where all
    words and tokens of what is kept are still in two of those that are left.
    """
    wordings: dict[str, list[str]] = {}
    for template in templates.templates():
        wordings.setdefault(str(template.program), []).extend(template.wordings)
    used = collections.Counter(s for program in wordings for each in wordings[program] for s in _symbols(each, program))
    parts = {name: [] for name in ("train", "validation", "wordings", "programs")}
    for number, (program, each) in enumerate(wordings.items()):
        kept = {}
        if number % 10 == 7:
            kept = dict.fromkeys(each, "programs")
        elif number % 4 == 0 and len(each) > 1:
            kept = {each[number // 4 % len(each)]: "validation" if number % 8 else "wordings"}
        lost = collections.Counter(symbol for wording in kept for symbol in _symbols(wording, program))
        if any(used[symbol] < times + 2 for symbol, times in lost.items()):
            kept, lost = {}, {}
        used.subtract(lost)
        for wording in each:
            parts[kept.get(wording, "train")].append((wording, program))
    return parts


def _symbols(wording, program):
    return {*writing.split(wording), *programs.to_tokens(programs.parse(program))}


def known_words(pairs):
    """The words of questions, in alphabetical order."""
    return sorted({word for question, _ in pairs for word in writing.split(question)})


def arrays(pairs, words):
    """Numbers of words (n, MAX_WORDS), of the tokens before each (n, T), and of the tokens (n, T), -1 after the end."""
    number = {token: place for place, token in enumerate(programs.token_vocabulary())}
    rows = [[number[token] for token in programs.to_tokens(programs.parse(program))] for _, program in pairs]
    targets = np.full((len(rows), max(map(len, rows))), -1, np.int32)
    for target, row in zip(targets, rows):
        target[: len(row)] = row
    before = np.concatenate([np.full((len(rows), 1), len(number)), np.maximum(targets[:, :-1], 0)], 1)
    return writing.encode([question for question, _ in pairs], words), before.astype(np.int32), targets


def question_batches(pairs, words, *, seed=0, batch=QUESTION_BATCH, skip=0, train=True):
    """A tf.data.Dataset of ((words, tokens before), tokens); in training endless, with words left out of half."""
    import tensorflow as tf

    numbers, before, targets = map(tf.constant, arrays(pairs, words))
    if not train:
        return tf.data.Dataset.from_tensor_slices(((numbers, before), targets)).batch(batch)

    def question(step):
        seeds = tf.unstack(tf.random.experimental.stateless_split(tf.stack([tf.cast(seed, tf.int64) + 79, step]), 5))
        row = tf.random.stateless_uniform((), seeds[0], 0, len(pairs), tf.int32)
        chance = tf.random.stateless_uniform((writing.MAX_WORDS,), seeds[1])
        share = DROPPED * tf.cast(tf.random.stateless_uniform((), seeds[2]) < 0.5, tf.float32)
        there = numbers[row] != writing.PAD
        drawn = tf.where(there & (chance < share / 2), writing.UNKNOWN, numbers[row])
        left = tf.boolean_mask(drawn, there & (chance < 1 - share / 2))
        prefix = tf.maximum(tf.random.stateless_uniform((), seeds[3], -PREFIX, PREFIX + 1, tf.int32), 0)
        left = tf.pad(left, [[prefix, 0]], constant_values=writing.UNKNOWN)[: writing.MAX_WORDS]
        left = tf.pad(left, [[0, writing.MAX_WORDS - tf.size(left)]], constant_values=writing.PAD)
        # Without all of the tokens before, the next one has to come from the words.
        hidden = tf.random.stateless_uniform(before.shape[1:], seeds[4]) < DROPPED
        last = tf.where(hidden, len(programs.token_vocabulary()), before[row])
        return (tf.ensure_shape(left, (writing.MAX_WORDS,)), last), targets[row]

    steps = tf.data.Dataset.counter(start=skip * batch)
    return steps.map(question, num_parallel_calls=1).batch(batch, drop_remainder=True).prefetch(4)
