"""Questions about faces, from their records: balanced, in the official VQA format, each with its program.

    python -m elic_tf.questions.generate --data synthetic --out questions/
    python -m elic_tf.questions.generate --data celeba --split test --out questions/

**Balance.** As in VQA version 2 (Goyal et al., CVPR 2017), each question is asked twice, of two pictures with different
answers: a complementary pair. The second picture is, of a few, the one whose record agrees most with the first's. Of
each wording, every answer is equally frequent, exactly, so that the wording says nothing about the answer.

**Ten answers.** Official annotations have the answers of ten people. These have the record's answer ten times, which
makes the official accuracy 100 for this answer, to the letter, and 0 for any other.

**Pictures.** `scenes` maps each image_id to the faces in the picture, from left to right: one face, or a row of 2 to 4.

**Left out** are questions about facts that are not known, and the rarest answers where they would make the questions
less than half as many.
"""

import argparse
import dataclasses
import pathlib
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from tqdm import tqdm

from elic_tf.errors import DataError
from elic_tf.questions import balance, programs, records, scoring, templates, vqa_format


@dataclasses.dataclass(frozen=True)
class QuestionSet:
    """Questions with everything that goes with them.

    questions, annotations, pairs: as in the official files.
    programs: question_id -> text of the program.
    scenes: image_id -> indices of the faces, from left to right.
    """

    questions: dict
    annotations: dict
    pairs: list[list[int]]
    programs: dict[int, str]
    scenes: dict[int, list[int]]

    def __len__(self):
        return len(self.questions["questions"])

    def report(self) -> str:
        """How many questions there are, and what the question alone would score: some lines of Markdown."""
        rows = self.annotations["annotations"]
        lines = ["| answer type | questions | answers | question alone, % |", "|---|---|---|---|"]
        for kind in (*vqa_format.ANSWER_TYPES, None):
            some = [row for row in rows if kind in (None, row["answer_type"])]
            answers = len({row["multiple_choice_answer"] for row in some})
            prior = scoring.prior_accuracy({"annotations": some}, self.questions)
            lines.append(f"| {kind or 'all'} | {len(some)} | {answers} | {prior:.2f} |")
        return "\n".join(lines)

    def multiple_choice(self) -> dict:
        """The question file of version 1's multiple-choice task: 18 choices each, in alphabetical order.

        The right answer, the other answers to the same wording, the set's most frequent ones, and then any word of
        the records.
        """
        wording = {row["question_id"]: row["question"] for row in self.questions["questions"]}
        answer = {row["question_id"]: row["multiple_choice_answer"] for row in self.annotations["annotations"]}
        same, frequent = {}, [each for each, _ in Counter(answer.values()).most_common()]
        for number, text in wording.items():
            same.setdefault(text, set()).add(answer[number])
        words = sorted({value for values in records.FACTS.values() for value in values})
        questions = []
        for row in self.questions["questions"]:
            number = row["question_id"]
            ranked = dict.fromkeys([answer[number], *sorted(same[wording[number]]), *frequent, *words])
            questions.append(row | {"multiple_choices": sorted(list(ranked)[: vqa_format.CHOICES])})
        return self.questions | {"task_type": vqa_format.TASKS["MultipleChoice"], "questions": questions}

    def write(self, folder, version: int = 2, names: Sequence[str] | None = None) -> list[pathlib.Path]:
        """Write the official files, and two of our own: `..._programs.json` and `..._scenes.json`.

        version 1: questions of both tasks and annotations. version 2: questions, annotations, complementary pairs.
        names: what the faces are called (file names), for the scenes.
        """
        folder, data = pathlib.Path(folder), (self.questions["data_type"], self.questions["data_subtype"])
        contents = {vqa_format.file_name("questions", *data, version=version): self.questions}
        contents[vqa_format.file_name("annotations", *data, version=version)] = self.annotations
        if version == 2:
            contents[vqa_format.file_name("pairs", *data)] = self.pairs
        else:
            name = vqa_format.file_name("questions", *data, task="MultipleChoice", version=1)
            contents[name] = self.multiple_choice()
        prefix = "v2_" if version == 2 else ""
        scenes = [
            {"image_id": image, "faces": faces, **({"names": [names[face] for face in faces]} if names else {})}
            for image, faces in self.scenes.items()
        ]
        solved = [{"question_id": number, "program": program} for number, program in self.programs.items()]
        contents |= {f"{prefix}{'_'.join(data)}_programs.json": solved, f"{prefix}{'_'.join(data)}_scenes.json": scenes}
        return [vqa_format.write(folder / name, each) for name, each in contents.items()]


def generate(
    faces: Sequence[Mapping[str, str]],
    seed: int = 0,
    per_template: int = 120,
    data_type: str = "faces",
    data_subtype: str = "train",
    rows: bool = True,
) -> QuestionSet:
    """Balanced questions about these records (`records.from_faces`), the same for the same seed on every machine.

    per_template: about how many questions each of `templates.templates()` gives, where there are enough pictures.
    data_type, data_subtype: for the file names and headers, such as "celeba", "test".
    rows: also ask about rows of faces; without, every picture shows one face.
    DataError if there are too few faces for a single balanced question.
    """
    draws = balance.Draws(seed)
    scenes = {face + 1: [face] for face in range(len(faces))}
    if rows and len(faces) >= 4:
        for number in range(len(faces)):
            scenes[len(faces) + 1 + number] = draws.distinct(2 + number % 3, len(faces))
    seen = {image: [faces[face] for face in scene] for image, scene in scenes.items()}

    made = _Maker()
    for template in tqdm(templates.templates(), desc="questions", unit="template", disable=None):
        pools = balance.pools(template, seen, draws)
        for wording, (one, first), (other, second) in balance.pairs(template, pools, per_template, seen, draws):
            made.pairs.append([made.ask(one, wording, first, template), made.ask(other, wording, second, template)])
    return made.finish(scenes, f"with seed {seed}", data_type, data_subtype)


def natural(
    faces: Sequence[Mapping[str, str]],
    seed: int = 0,
    per_face: int = 8,
    data_type: str = "faces",
    data_subtype: str = "train",
) -> QuestionSet:
    """Questions as somebody may ask them who does not care for balance: answers are as frequent as in the set.

    Each face is asked `per_face` different questions of `templates.templates()` about one person, drawn at random, less
    those that its record has no answer to. No complementary pairs.
    """
    draws, made = balance.Draws(seed), _Maker()
    asked = [template for template in templates.templates() if template.people == "one"]
    for face, record in enumerate(tqdm(faces, desc="questions", unit="face", disable=None)):
        for which in draws.distinct(min(per_face, len(asked)), len(asked)):
            template = asked[which]
            wording = template.wordings[draws.below(len(template.wordings))]
            try:
                answer = programs.execute(template.program, record)
            except programs.ExecutionError:  # not known
                continue
            made.ask(face + 1, wording, answer, template)
    scenes = {face + 1: [face] for face in range(len(faces))}
    return made.finish(scenes, f"as frequent as they are, with seed {seed}", data_type, data_subtype)


class _Maker:
    """Collects questions, and puts the headers around them."""

    def __init__(self):
        self.questions, self.annotations, self.pairs, self.solved = [], [], [], {}
        self.asked: Counter[int] = Counter()

    def ask(self, image, wording, answer, template):
        number = image * 1000 + self.asked[image]
        self.asked[image] += 1
        self.questions.append({"image_id": image, "question": wording, "question_id": number})
        self.annotations.append(_annotation(number, image, wording, answer))
        self.solved[number] = str(template.program)
        return number

    def finish(self, scenes, how, data_type, data_subtype):
        if not self.questions:
            raise DataError(
                f"{len(scenes)} pictures give no balanced question; generate from more, or from better labelled ones"
            )
        if max(self.asked.values()) > 1000:
            raise DataError("more than 1000 questions about one picture; ask for fewer with per_template")
        header = {
            "info": {
                "description": f"Questions about the faces of {data_type}, generated from their records {how}",
                "url": "", "version": "2.0", "year": 2026, "contributor": "elic_tf",
                "date_created": "2026-11-23 00:00:00",
            },
            "license": {"name": f"as the labels of {data_type}", "url": ""},
            "data_type": data_type,
            "data_subtype": data_subtype,
        }  # fmt: skip
        return QuestionSet(
            questions=header | {"task_type": vqa_format.TASKS["OpenEnded"], "questions": self.questions},
            annotations=header | {"annotations": self.annotations},
            pairs=self.pairs,
            programs=self.solved,
            scenes={image: scene for image, scene in scenes.items() if self.asked[image]},
        )


def _annotation(number, image, wording, answer):
    if answer in ("yes", "no"):
        kind = "yes/no"
    else:
        kind = "number" if answer.isdigit() else "other"
    ten = [{"answer": answer, "answer_confidence": "yes", "answer_id": each} for each in range(1, 11)]
    return {
        "question_id": number, "image_id": image, "question_type": templates.question_type(wording),
        "answer_type": kind, "multiple_choice_answer": answer, "answers": ten,
    }  # fmt: skip


_SPLITS = ("train", "validation", "test")


def _load(arguments):
    if arguments.data == "celeba":
        from elic_tf.faces import celeba

        faces = celeba.load(arguments.root, split=arguments.split, limit=arguments.limit)
        return records.from_faces(faces), faces.names
    from elic_tf.faces import synthetic

    seed = arguments.seed * len(_SPLITS) + _SPLITS.index(arguments.split)
    count = 2000 if arguments.limit is None else arguments.limit
    drawn = synthetic.sample(count, seed)
    return [records.from_synthetic(each) for each in drawn], [f"synthetic-{seed}-{each:06d}" for each in range(count)]


def _run(arguments):
    faces, names = _load(arguments)
    if arguments.natural:
        made = natural(faces, arguments.seed, arguments.natural, arguments.data, arguments.split)
    else:
        made = generate(faces, arguments.seed, arguments.per_template, arguments.data, arguments.split, arguments.rows)
    for path in made.write(arguments.out, arguments.version, names):
        print(path)
    print(made.report())


def main(argv=None):
    """Run the command line; returns the exit code."""
    from elic_tf.guard import guard

    parser = argparse.ArgumentParser("python -m elic_tf.questions.generate", description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=("synthetic", "celeba"), default="synthetic")
    parser.add_argument("--out", required=True, metavar="FOLDER", help="where the files go")
    parser.add_argument("--split", choices=_SPLITS, default="train", help="which people (default: %(default)s)")
    parser.add_argument("--root", help="folder that holds celeba/ (default: ELIC_DATA)")
    parser.add_argument("--limit", type=int, metavar="N", help="use so many faces (default: all; 2000 synthetic ones)")
    parser.add_argument("--per-template", type=int, default=120, metavar="N", help="about so many questions each")
    parser.add_argument("--no-rows", dest="rows", action="store_false", help="ask about pictures of one face only")
    parser.add_argument(
        "--natural", type=int, metavar="N", help="not balanced: N questions about each face, as they come"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--version", type=int, choices=(1, 2), default=2, help="of the official format")
    return guard(_run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
