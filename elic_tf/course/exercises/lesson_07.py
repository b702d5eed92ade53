"""Lesson 07: the official score, an answer without a look, the product of two networks, an executor, a gradient check.

Annotators' answers are plain texts here; faces of a scene are records, from left to right.
"""

from collections import Counter

import numpy as np

from elic_tf.course.checks import Wrong, check, expect


def accuracy(answer, ten):
    """Official accuracy in [0, 1] of an answer (text), given the answers of ten people (texts)."""
    from elic_tf.questions.scoring import normalise, strip

    answer, ten = strip(answer), [strip(given) for given in ten]
    if len(set(ten)) > 1:
        answer, ten = normalise(answer), [normalise(given) for given in ten]
    nines = [ten[:left_out] + ten[left_out + 1 :] for left_out in range(10)]
    return sum(min(1, nine.count(answer) / 3) for nine in nines) / 10


@check(
    "07.accuracy",
    "The official score of one answer",
    reference=accuracy,
    hints=(
        "Leave out each of the ten in turn: ten[:i] + ten[i + 1:] are the other nine.",
        "n is how many of the nine are the same text as the answer: nine.count(answer). The set scores min(1, n / 3).",
        "Normalise only if len(set(ten)) > 1 after stripping, and then the answer as well as the ten.",
    ),
)
def _(student):
    colours = ["brown", "red", "black", "gray", "blond", "white", "pink", "blue", "green", "dark"]
    for count in (3, 2, 1, 4, 0, 9):
        ten = ["auburn"] * count + colours[count:]
        likely = {
            "min(1, n/3) with all ten at once; leave out each of the ten in turn, and take the mean": min(1, count / 3),
            "the share of the ten; three who agree are enough": count / 10,
            "whether more than three agree; fewer are worth something too": float(count > 3),
            "what the nine without one of these would give; take the mean over all ten sets": min(1, (count - 1) / 3),
            "in percent; we want it in [0, 1]": 100 * accuracy("auburn", ten),
            "the sum over the ten sets; take their mean": 10 * accuracy("auburn", ten),
        }
        what = f"an answer that {count} of ten gave"
        expect(what, student("auburn", list(ten)), accuracy("auburn", ten), likely=_others(likely, "auburn", ten))
    for text, given, why in (
        ("yes\n", ["yes"] * 10, "line ends are stripped, always"),
        ("Yes", ["yes"] * 10, "nothing else is mended where all ten said the same text"),
        ("two", ["2"] * 10, "nothing else is mended where all ten said the same text"),
        ("Yes", ["yes"] * 9 + ["no"], "the ten differ, so everything is normalised"),
        ("2", ["two"] * 9 + ["3"], "the ten differ, so everything is normalised, also what the people said"),
        ("hat", ["a hat"] * 5 + ["the hat"] * 5, "the ten differ as texts, so everything is normalised"),
        ("Yes", ["yes"] * 9 + ["yes\n"], "the ten are the same text once stripped, so nothing is normalised"),
    ):
        wanted = accuracy(text, given)
        got = student(text, list(given))
        said = f"{text!r}, where they said {_said(given)}"
        if isinstance(got, int | float | np.number) and not np.isclose(got, wanted):
            raise Wrong(f"{said}: got {got:.6g}, should be {wanted:.6g}: {why}")
        expect(said, got, wanted)


def parrot(questions, answers):
    """{question: its most frequent answer}, of questions and answers (texts, as many of each); ties by the alphabet."""
    counts = {}
    for question, answer in zip(questions, answers):
        counts.setdefault(question, Counter())[answer] += 1
    return {question: min(each, key=lambda answer: (-each[answer], answer)) for question, each in counts.items()}


@check(
    "07.parrot",
    "Answers without a look",
    reference=parrot,
    hints=(
        "Count for each question by itself: counts.setdefault(question, Counter())[answer] += 1.",
        "The most frequent answer has the largest count; of two with the same count, the first in the alphabet.",
        "min(each, key=lambda answer: (-each[answer], answer)) sorts by count first, by text second.",
    ),
)
def _(student):
    questions = ["Hat?"] * 5 + ["Old?"] * 3 + ["Hair?"] * 5 + ["Man?"]
    answers = ["yes", "no", "no", "no", "yes", "yes", "no", "yes", "gray", "black", "gray", "black", "brown", "yes"]
    got, wanted = student(list(questions), list(answers)), parrot(questions, answers)
    if not isinstance(got, dict):
        kind = "nothing; is a `return` missing?" if got is None else type(got).__name__
        raise Wrong(f"got {kind}, should be a dict: question -> answer")
    if got.keys() != wanted.keys():
        raise Wrong(f"answers to {', '.join(map(repr, got))}; should be to each question once: {', '.join(wanted)}")
    likely = {
        "the most frequent answer to all questions: count for each by itself": dict.fromkeys(wanted, "yes"),
        "the last answer that was given": dict(zip(questions, answers)),
        "the first answer that was given": dict(zip(questions[::-1], answers[::-1])),
        "the least frequent": {"Hat?": "yes", "Old?": "no", "Hair?": "brown", "Man?": "yes"},
        "right but for ties: of two as frequent, the first in the alphabet": wanted | {"Hair?": "gray"},
    }
    for question, answer in wanted.items():
        if got[question] == answer:
            continue
        said = _said([given for asked, given in zip(questions, answers) if asked == question])
        told = f"{question!r}, answered {said}: got {got[question]!r}, should be {answer!r}"
        if not isinstance(got[question], str):
            raise Wrong(f"{told}: the answer itself, as a text")
        yours = [f"; yours is {mistake}" for mistake, value in likely.items() if got == value]
        raise Wrong(told + "".join(yours[:1]))


def answer_logits(v, q, see, hear, think, say):
    """Logits (n, answers) of features v (n, d) and questions q (n, k); see, hear, think end in tanh, say is linear."""
    from keras import ops

    normal = ops.normalize(v, axis=-1) * v.shape[-1] ** 0.5
    return say(think(see(normal) * hear(q)))


@check(
    "07.answer_logits",
    "What is seen times what is asked",
    reference=answer_logits,
    hints=(
        "ops.normalize(v, axis=-1) gives every row length 1; times v.shape[-1] ** 0.5 its entries are of size 1.",
        "see(...) and hear(q) have the same shape; multiply them entry by entry with *.",
        "say(think(...)) of that product.",
    ),
)
def _(student):
    from keras import ops

    random = np.random.default_rng(7)
    v, q = 3 * random.normal(size=(4, 6)).astype(np.float32), random.normal(size=(4, 3)).astype(np.float32)
    weights = [random.normal(size=shape).astype(np.float32) for shape in ((6, 5), (3, 5), (5, 4), (4, 2))]
    see, hear, think = (lambda x, w=w: ops.tanh(ops.matmul(x, w)) for w in weights[:3])
    say = lambda x: ops.matmul(x, weights[3])  # noqa: E731
    unit = v / np.linalg.norm(v, axis=1, keepdims=True)
    normal = unit * 6**0.5
    wanted = np.asarray(say(think(see(normal) * hear(q))))
    likely = {
        "of the sum of what is seen and what is asked; take the product": say(think(see(normal) + hear(q))),
        "of v as it comes; give each row length 1 first, then times √d": say(think(see(v) * hear(q))),
        "of rows of length 1: times √d is missing": say(think(see(unit) * hear(q))),
        "of v normalised over the batch; axis=-1 goes along a row": say(
            think(see(v / np.linalg.norm(v, axis=0) * 6**0.5) * hear(q))
        ),
        "without the hidden layer, think": think(see(normal) * hear(q)),
        "probabilities; we want logits": ops.softmax(say(think(see(normal) * hear(q)))),
        "of the picture alone: where is the question?": say(think(see(normal))),
        "of the question alone: where is the picture?": say(think(hear(q))),
        "times the number of entries; take its root": say(think(see(unit * 6) * hear(q))),
    }
    likely = {what: np.asarray(value) for what, value in likely.items()}
    got = student(ops.convert_to_tensor(v), ops.convert_to_tensor(q), see, hear, think, say)
    expect("four faces and four questions", got, wanted, tolerance=1e-4, likely=likely)


def run(step, scene):
    """What a step of a program gives on a scene (records, left to right): a list of faces, truth, number or word."""
    inputs = [run(each, scene) for each in step.inputs]
    if step.function == "scene":
        return list(scene)
    if step.function == "filter":
        attribute, value = step.literals
        return [face for face in inputs[0] if face[attribute] == value]
    if step.function == "unique":
        [face] = inputs[0]
        return [face]
    if step.function == "query":
        return inputs[0][0][step.literals[0]]
    if step.function == "count":
        return len(inputs[0])
    if step.function == "exist":
        return len(inputs[0]) > 0
    if step.function == "greater":
        return inputs[0] > inputs[1]
    raise NotImplementedError(f"the step {step.function}")


_PEOPLE = (
    {"gender": "woman", "hat": "yes", "hair_color": "red", "smiling": "yes"},
    {"gender": "man", "hat": "no", "hair_color": "black", "smiling": "yes"},
    {"gender": "woman", "hat": "no", "hair_color": "gray", "smiling": "no"},
    {"gender": "woman", "hat": "yes", "hair_color": "blond", "smiling": "yes"},
)
# A program, and what is likely to have gone wrong where another answer comes out.
_PROGRAMS = (
    ("count(scene())", {}),
    (
        "count(filter(hat, yes, scene()))",
        {4: "the filter lets everybody pass", 0: "the filter compares with something else than the record's value"},
    ),
    (
        "count(filter(gender, woman, scene()))",
        {1: "the filter keeps those that do not fit", 4: "count looks at the scene"},
    ),
    (
        "count(filter(hat, no, filter(gender, woman, scene())))",
        {2: "the filter begins with the scene again; it takes what its input gave", 3: "the outer filter does nothing"},
    ),
    ("exist(filter(hair_color, gray, scene()))", {1: "a number; `exist` gives True or False"}),
    ("exist(filter(hair_color, brown, scene()))", {0: "a number; `exist` gives True or False"}),
    ("query(hair_color, unique(filter(gender, man, scene())))", {"red": "that of the first face of the scene"}),
    (
        "greater(count(filter(gender, man, scene())), count(filter(smiling, yes, scene())))",
        {True: "the other way round: is the first greater than the second?"},
    ),
    (
        "greater(count(filter(hat, yes, scene())), count(filter(hat, no, scene())))",
        {True: "for two and two; `greater` means more, not as many"},
    ),
    ("greater(count(filter(gender, woman, scene())), count(filter(gender, man, scene())))", {}),
)


@check(
    "07.run",
    "An executor of programs",
    reference=run,
    hints=(
        "step.literals holds the names: attribute and value of a filter, the attribute of a query.",
        "inputs[0] is what the first inner step gave: for filter, count, exist and unique a list of faces.",
        "unique: `[face] = inputs[0]` fails by itself unless there is exactly one; then return [face].",
        "greater takes two numbers: inputs[0] > inputs[1].",
    ),
)
def _(student):
    from elic_tf.questions import programs

    scene = [dict(face) for face in _PEOPLE]
    for text, likely in _PROGRAMS:
        step = programs.parse(text)
        got, wanted = student(step, [dict(face) for face in scene]), run(step, scene)
        if got is None:
            raise Wrong(f"{text}: your function returned nothing; is a `return` missing for one of its steps?")
        if type(got) is type(wanted) and got == wanted:
            continue
        told = f"{text}: got {_short(got)}, should be {wanted!r}"
        for value, mistake in likely.items():
            if type(got) is type(value) and got == value:
                raise Wrong(f"{told}; yours is {mistake}" if text[0] in "eq" else f"{told}: {mistake}")
        raise Wrong(told)
    for text, fit in (("unique(filter(smiling, yes, scene()))", 3), ("unique(filter(hair_color, brown, scene()))", 0)):
        try:
            got = student(programs.parse(f"query(gender, {text})"), scene)
        except NotImplementedError:
            raise
        except Exception:  # whatever the student raises is right: there is no answer
            continue
        raise Wrong(f"query(gender, {text}), where {fit} fit: got {_short(got)}; `unique` must fail, not guess")


def passes_gradient(network, images):
    """{output: whether a gradient comes back to the images, finite, not all zero}, of a network that gives a dict."""
    import tensorflow as tf

    images = tf.convert_to_tensor(images)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        outputs = network(images)
        pulls = {
            name: tf.reduce_sum(tf.random.normal(out.shape) * tf.cast(out, tf.float32)) for name, out in outputs.items()
        }
    found = {}
    for name, pull in pulls.items():
        gradient = tape.gradient(pull, images)
        found[name] = gradient is not None and bool(np.isfinite(gradient).all() and np.any(gradient))
    return found


@check(
    "07.passes_gradient",
    "Whether gradients pass a frozen network",
    reference=passes_gradient,
    hints=(
        "tape.watch(images): a constant is not watched by itself. Make the tape persistent: each output asks it once.",
        "Inside the tape, a number for each: the sum of tf.cast(output, tf.float32) * tf.random.normal(output.shape).",
        "tape.gradient gives None where nothing comes back. Otherwise look: np.isfinite(...).all() and np.any(...).",
    ),
)
def _(student):
    import tensorflow as tf

    kernel = tf.Variable(np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32))

    def network(images):
        seen = tf.tensordot(images, kernel, 1)
        return {
            "linear": seen,
            "rounded": tf.round(255 * images),
            "stopped": tf.stop_gradient(seen) * 2,
            "label": tf.argmax(seen, -1),
            "dead": tf.nn.relu(-1 - tf.abs(images)),
            "infinite": tf.sqrt(images - images),
            "opposites": tf.concat([seen, -seen], -1),
        }

    why = {
        "rounded": "a staircase is flat",
        "stopped": "tf.stop_gradient stops it",
        "label": "argmax gives whole numbers",
        "dead": "its gradient exists and is 0 everywhere: None is not the only way to fail",
        "infinite": "the slope of a root at 0 is infinite",
        "linear": "a gradient passes; is the tape watching the images?",
        "opposites": "a gradient passes, only that of the plain sum is 0: take the sum with random weights",
    }
    images = np.random.default_rng(0).uniform(0.2, 0.8, (2, 4, 4, 3)).astype(np.float32)
    got = student(network, images)
    if not isinstance(got, dict) or got.keys() != why.keys():
        kind = "nothing; is a `return` missing?" if got is None else _short(got)
        raise Wrong(f"got {kind}, should be a dict with True or False for each of: {', '.join(why)}")
    wanted = {name: name in ("linear", "opposites") for name in why}
    for name in ("linear", "stopped", "rounded", "label", "dead", "infinite", "opposites"):
        if not isinstance(got[name], bool | np.bool_):
            raise Wrong(f"{name!r}: got {_short(got[name])}, should be True or False")
        if got[name] != wanted[name]:
            raise Wrong(f"{name!r}: got {bool(got[name])}, should be {wanted[name]}: {why[name]}")
    constant = student(lambda images: {"weights": tf.tensordot(tf.ones_like(images), kernel, 1)}, images)
    if constant.get("weights"):
        raise Wrong(
            "a network that depends on its weights alone: got True, should be False: differentiate by the images"
        )


def _others(likely, answer, ten):
    """Without the mistakes that happen to give the right number."""
    right = accuracy(answer, ten)
    return {what: value for what, value in likely.items() if not np.isclose(value, right)}


def _said(texts):
    return ", ".join(f"{text!r} {count} times" for text, count in Counter(texts).items())


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:50]}…"
