"""The checks of lesson 07: each accepts right solutions, and rejects plausible mistakes by their names."""

from collections import Counter

import numpy as np
import pytest

from elic_tf.course import checks
from elic_tf.course.exercises import lesson_07
from elic_tf.questions import programs, scoring


def accuracy_but(normalise="if they differ", nines=True, strip=True, count=lambda n: min(1, n / 3), both=True):
    """The reference with one step wrong."""

    def accuracy(answer, ten):
        if strip:
            answer, ten = scoring.strip(answer), [scoring.strip(given) for given in ten]
        if normalise == "always" or (normalise == "if they differ" and len(set(ten)) > 1):
            answer = scoring.normalise(answer)
            ten = [scoring.normalise(given) for given in ten] if both else ten
        sets = [ten[:i] + ten[i + 1 :] for i in range(10)] if nines else [ten]
        return sum(count(each.count(answer)) for each in sets) / len(sets)

    return accuracy


def habits(questions, answers, choose):
    counts = {}
    for question, answer in zip(questions, answers):
        counts.setdefault(question, Counter())[answer] += 1
    return {question: choose(each) for question, each in counts.items()}


def overall(questions, answers):
    return dict.fromkeys(questions, Counter(answers).most_common(1)[0][0])


def logits_but(mix=lambda seen, heard: seen * heard, axis=-1, scale=lambda d: d**0.5, normal=True, hidden=True):
    """The reference with one step wrong."""

    def answer_logits(v, q, see, hear, think, say):
        from keras import ops

        v = ops.normalize(v, axis=axis) * scale(v.shape[-1]) if normal else v
        f = mix(see(v), hear(q))
        return say(think(f)) if hidden else think(f)

    return answer_logits


def softmaxed(*parts):
    from keras import ops

    return ops.softmax(lesson_07.answer_logits(*parts))


def run_but(**cases):
    """The reference with other steps; cases: function -> what it does with step, inputs and scene."""

    def run(step, scene):
        if step.function in cases:
            return cases[step.function](step, [run(each, scene) for each in step.inputs], scene)
        inputs = [run(each, scene) for each in step.inputs]
        if step.function == "greater":
            return inputs[0] > inputs[1]
        held = dict(zip(map(id, step.inputs), inputs))
        return {
            "scene": lambda: list(scene),
            "filter": lambda: [face for face in inputs[0] if face[step.literals[0]] == step.literals[1]],
            "unique": lambda: inputs[0] if len(inputs[0]) == 1 else [][0],
            "query": lambda: inputs[0][0][step.literals[0]],
            "count": lambda: len(held[id(step.inputs[0])]),
            "exist": lambda: bool(inputs[0]),
        }[step.function]()

    return run


def without(step, inputs, scene):
    return [face for face in inputs[0] if face[step.literals[0]] != step.literals[1]]


def from_scene(step, inputs, scene):
    return [face for face in scene if face[step.literals[0]] == step.literals[1]]


def gradients_but(watch=True, random=True, look=None, by_weights=False, one=False):
    """The reference with one step wrong."""

    def passes(network, images):
        import tensorflow as tf

        images = tf.convert_to_tensor(images)
        with tf.GradientTape(persistent=True) as tape:
            if watch:
                tape.watch(images)
            outputs = network(images)
            sums = {}
            for name, output in outputs.items():
                output = tf.cast(output, tf.float32)
                sums[name] = tf.reduce_sum(output * tf.random.normal(output.shape) if random else output)
        found = {}
        for name, value in sums.items():
            gradient = tape.gradient(value, tape.watched_variables()[0] if by_weights else images)
            found[name] = (look or _good)(gradient)
        return all(found.values()) if one else found

    return passes


def _good(gradient):
    return gradient is not None and bool(np.isfinite(gradient).all() and np.any(gradient))


WRONG = {
    "07.accuracy": [
        (accuracy_but(nines=False), "all ten at once"),
        (accuracy_but(nines=False, count=lambda n: n / 10), "share of the ten"),
        (accuracy_but(nines=False, count=lambda n: float(n > 3)), "whether more than three agree"),
        (accuracy_but(nines=False, count=lambda n: min(1, max(n - 1, 0) / 3)), "without one of these"),
        (accuracy_but(count=lambda n: 100 * min(1, n / 3)), "in percent"),
        (accuracy_but(normalise="always"), "nothing else is mended"),
        (accuracy_but(normalise="never"), "everything is normalised"),
        (accuracy_but(both=False), "also what the people said"),
        (accuracy_but(strip=False), "stripped, always"),
        (lambda answer, ten: print(end=""), "`return` missing"),
    ],
    "07.parrot": [
        (overall, "most frequent answer to all questions"),
        (lambda q, a: habits(q, a, lambda each: max(each, key=lambda answer: (each[answer], answer))), "alphabet"),
        (
            lambda q, a: habits(q, a, lambda each: min(each, key=lambda answer: (each[answer], answer))),
            "least frequent",
        ),
        (lambda q, a: dict(zip(q, a)), "the last answer"),
        (lambda q, a: dict(zip(q[::-1], a[::-1])), "the first answer"),
        (lambda q, a: habits(q, a, lambda each: each.most_common(1)[0]), "the answer itself"),
        (lambda q, a: [Counter(a).most_common(1)[0][0] for _ in q], "got list"),
        (lambda q, a: {"Hat?": "no"}, "to each question once"),
        (lambda q, a: None, "`return` missing"),
    ],
    "07.answer_logits": [
        (logits_but(mix=lambda seen, heard: seen + heard), "take the product"),
        (logits_but(normal=False), "give each row length 1"),
        (logits_but(scale=lambda d: 1), "times √d is missing"),
        (logits_but(scale=lambda d: d), "take its root"),
        (logits_but(axis=0), "over the batch"),
        (logits_but(hidden=False), "without the hidden layer"),
        (logits_but(mix=lambda seen, heard: seen), "where is the question"),
        (logits_but(mix=lambda seen, heard: heard), "where is the picture"),
        (softmaxed, "we want logits"),
        (lambda *parts: None, "`return` missing"),
    ],
    "07.run": [
        (run_but(filter=without), "keeps those that do not fit"),
        (run_but(filter=from_scene), "begins with the scene again"),
        (run_but(filter=lambda step, inputs, scene: inputs[0]), "lets everybody pass"),
        (run_but(count=lambda step, inputs, scene: len(scene)), "lets everybody pass"),
        (run_but(exist=lambda step, inputs, scene: len(inputs[0])), "gives True or False"),
        (run_but(greater=lambda step, inputs, scene: inputs[0] < inputs[1]), "the other way round"),
        (run_but(greater=lambda step, inputs, scene: inputs[0] >= inputs[1]), "not as many"),
        (run_but(query=lambda step, inputs, scene: scene[0][step.literals[0]]), "first face of the scene"),
        (run_but(unique=lambda step, inputs, scene: inputs[0][:1]), "must fail, not guess"),
        (run_but(exist=lambda step, inputs, scene: None), "`return` missing"),
    ],
    "07.passes_gradient": [
        (gradients_but(watch=False), "is the tape watching"),
        (gradients_but(random=False), "random weights"),
        (gradients_but(look=lambda gradient: gradient is not None), "None is not the only way"),
        (gradients_but(look=lambda gradient: gradient is not None and bool(np.any(gradient))), "infinite"),
        (gradients_but(look=lambda gradient: gradient), "should be True or False"),
        (gradients_but(by_weights=True), "differentiate by the images"),
        (gradients_but(one=True), "should be a dict"),
        (lambda network, images: None, "`return` missing"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        with np.errstate(all="ignore"):
            assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_07_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("07")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    def by_the_library(answer, ten):
        return scoring.accuracy(answer, [{"answer": text, "answer_id": i} for i, text in enumerate(ten)])

    checks.accepts("07.accuracy", by_the_library)

    def by_counting(answer, ten):  # n of ten: n sets lack one of them, 10 - n lack none
        answer, ten = scoring.strip(answer), list(map(scoring.strip, ten))
        if len(set(ten)) > 1:
            answer, ten = scoring.normalise(answer), list(map(scoring.normalise, ten))
        n = ten.count(answer)
        return (n * min(1, (n - 1) / 3) + (10 - n) * min(1, n / 3)) / 10

    checks.accepts("07.accuracy", by_counting)
    checks.accepts(
        "07.parrot",
        lambda q, a: {each: max(sorted(set(a)), key=[x for y, x in zip(q, a) if y == each].count) for each in q},
    )
    checks.accepts("07.run", run_but(unique=lambda step, inputs, scene: programs._unique(scene, inputs[0])))

    def one_at_a_time(network, images):
        import tensorflow as tf

        x, found = tf.Variable(images), {}
        for name in network(x):
            with tf.GradientTape() as tape:
                output = tf.cast(network(x)[name], tf.float32)
                value = tf.reduce_sum(tf.square(output) * tf.random.uniform(output.shape))
            found[name] = np.bool_(_good(tape.gradient(value, x)))
        return found

    checks.accepts("07.passes_gradient", one_at_a_time)


def test_the_reference_executor_does_what_the_library_does():
    scene = lesson_07._PEOPLE
    for text, _ in lesson_07._PROGRAMS:
        step = programs.parse(text)
        result = lesson_07.run(step, scene)
        result = {True: "yes", False: "no"}[result] if isinstance(result, bool) else str(result)
        assert result == programs.execute(step, scene)
