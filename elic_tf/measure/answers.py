"""What a question answerer says of faces: how often it is right, for whom, and what of it survives a codec.

python -m elic_tf.measure.answers                    the shipped answerer, on CelebA's test people
"""

import argparse
import sys

import numpy as np

from elic_tf.measure import groups
from elic_tf.questions import records, scoring

KEY = {
    "gender": "Is this a man or a woman?",
    "eyeglasses": "Is this person wearing glasses?",
    "smiling": "Is this person smiling?",
    "hat": "Is this person wearing a hat?",
    "beard": "Does this person have a beard?",
}
"""Fact -> the question about it that results are reported for."""


def official(vqa, faces, made):
    """The official score (`scoring.score`) of a `VQA` on a `QuestionSet` about a FaceSet, one face a picture."""
    rows = made.questions["questions"]
    seen = vqa.features(faces.images)[[made.scenes[row["image_id"]][0] for row in rows]]
    found = vqa.likeliest(vqa.probabilities(seen, [row["question"] for row in rows]))
    results = [{"question_id": row["question_id"], "answer": answer} for row, answer in zip(rows, found)]
    return scoring.score(made.annotations, results)


def by_program(vqa, faces, made):
    """Official score, in percent, where a program answers: written from the question, run on what `vqa.records` sees.

    Questions may be about several faces. A question that the records have no answer to counts as wrong.
    """
    from elic_tf.questions import programs
    from elic_tf.questions.answering import Answerer

    writer, facts = Answerer.load(vqa).writer, vqa.records(faces.images)
    rows, written, results = made.questions["questions"], {}, []
    for row in rows:
        if row["question"] not in written:
            written[row["question"]] = writer.write(row["question"])
        try:
            scene = [facts[face] for face in made.scenes[row["image_id"]]]
            answer = programs.execute(written[row["question"]], scene)
        except programs.ExecutionError:
            answer = ""
        results.append({"question_id": row["question_id"], "answer": answer})
    return scoring.score(made.annotations, results)


def key_questions(vqa, faces, mirror=True):
    """{fact: (right, balanced, n)} of the `KEY` questions about every face that the fact is known of.

    balanced: the mean over the answers of the share that is right. mirror: ask about the face and its mirror image,
    and take the mean of the probabilities, as the judge does.
    """
    facts = records.from_faces(faces)
    seen = _seen(vqa, faces.images, mirror)
    found = {}
    for fact, question in KEY.items():
        known = np.array([i for i, record in enumerate(facts) if fact in record], int)
        said = np.array(vqa.likeliest(_asked(vqa, seen, question)))[known]
        wanted = np.array([facts[i][fact] for i in known])
        shares = [np.mean(said[wanted == answer] == answer) for answer in np.unique(wanted)]
        found[fact] = float(np.mean(said == wanted)), float(np.mean(shares)), len(known)
    return found


def said(vqa, faces, mirror=True):
    """The answers (5, n) to the `KEY` questions about faces (n, 64, 64, 3); mirror: as in `key_questions`."""
    seen = _seen(vqa, faces, mirror)
    return np.array([vqa.likeliest(_asked(vqa, seen, question)) for question in KEY.values()])


def kept(vqa, originals, decoded, mirror=True):
    """{fact: share} of faces whose `KEY` question has the same answer before and after; faces (n, 64, 64, 3)."""
    same = np.equal(said(vqa, originals, mirror), said(vqa, decoded, mirror))
    return dict(zip(KEY, same.mean(1).tolist(), strict=True))


def by_group(right, faces):
    """{group: (share right, n)} of a FaceSet with "age", "race" and "male": all, each sex, age band and race label."""
    masks = groups.people(faces)
    return {name: (float(np.mean(right[mask])), int(mask.sum())) for name, mask in masks.items()}


def _seen(vqa, images, mirror):
    images = np.asarray(images)
    return [vqa.features(images), *([vqa.features(images[:, :, ::-1])] if mirror else [])]


def _asked(vqa, seen, question):
    return np.mean([vqa.probabilities(each, question) for each in seen], 0)


def tables(vqa, data=None, seed=0):
    """Everything about a `VQA`, as Markdown: questions and key questions on CelebA's test people, groups on UTKFace."""
    from elic_tf.faces import celeba, framing, utkface
    from elic_tf.measure import judges
    from elic_tf.questions import generate

    test, train = celeba.load(data, split="test"), celeba.load(data, split="train")
    facts, known = records.from_faces(test), records.from_faces(train)
    sets = {
        "balanced": (generate.generate(facts, seed, 400, rows=False), generate.generate(known, seed, 400, rows=False)),
        "as frequent as they are": (generate.natural(facts, seed, 16), generate.natural(known, seed, 16)),
    }
    lines = ["| questions | how many | overall | yes/no | number | other | wording alone, overall |"]
    lines.append("|---" * 7 + "|")
    for name, (asked, learned) in sets.items():
        score = official(vqa, test, asked)
        results = scoring.question_only_baseline(learned.annotations, learned.questions, asked.questions)
        blind = scoring.score(asked.annotations, results)["overall"]
        kinds = [f"{score['per_answer_type'].get(kind, float('nan')):.2f}" for kind in ("yes/no", "number", "other")]
        lines.append(f"| {name} | {len(asked)} | {score['overall']:.2f} | {' | '.join(kinds)} | {blind:.2f} |")

    rows = generate.generate(facts, seed, 400)
    lines += ["", "| by programs, on what the attribute heads see | how many | overall | yes/no | number | other |"]
    lines.append("|---" * 6 + "|")
    for name, asked in (("one face, balanced", sets["balanced"][0]), ("one face and rows of 2 to 4, balanced", rows)):
        score = by_program(vqa, test, asked)
        kinds = [f"{score['per_answer_type'].get(kind, float('nan')):.2f}" for kind in ("yes/no", "number", "other")]
        lines.append(f"| {name} | {len(asked)} | {score['overall']:.2f} | {' | '.join(kinds)} |")

    lines += ["", "| question | right | balanced | faces |", "|---|---|---|---|"]
    for fact, (right, balanced, n) in key_questions(vqa, test).items():
        lines.append(f"| {KEY[fact]} | {right:.3f} | {balanced:.3f} | {n} |")

    judge = judges.GenderJudge()
    ours = lambda faces: np.mean([vqa.male(faces), vqa.male(faces[:, :, ::-1])], 0)  # noqa: E731
    male = test.labels["male"]
    for name, said in (("the independent judge", judge.male(test.images)), ("this answerer", ours(test.images))):
        right, balanced = judges.accuracy(said, male)
        lines += ["", f"Gender by {name}: {right:.3f}, balanced {balanced:.3f}."]

    held_out = framing.as_celeba(utkface.load(data, split="validation"))
    lines += ["", "| UTKFace, validation | faces | this answerer | the judge |", "|---|---|---|---|"]
    male = held_out.labels["male"]
    said = ours(held_out.images), judge.male(held_out.images)
    columns = [by_group((each > 0.5) == male, held_out) for each in said]
    for group, (right, n) in columns[0].items():
        lines.append(f"| {group} | {n} | {right:.3f} | {columns[1][group][0]:.3f} |")
    return "\n".join(lines)


def main(argv=None):
    """Print how well the shipped answerer answers; needs CelebA and UTKFace."""
    from elic_tf.guard import guard

    def run(arguments):
        from elic_tf.models.vqa import VQA

        print(tables(VQA.load(), arguments.data))

    parser = argparse.ArgumentParser("python -m elic_tf.measure.answers", description=main.__doc__)
    parser.add_argument("--data", help="folder that holds celeba/ and utkface/ (default: ELIC_DATA)")
    return guard(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
