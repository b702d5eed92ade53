"""The model card of the symbolic models, with results measured when it is written."""

import json
import pathlib
import time

import numpy as np

from elic_tf.coding.codec import Codec
from elic_tf.coding.symbolic import TRIALS, SymbolicCodec
from elic_tf.faces import synthetic
from elic_tf.faces.faceset import FaceSet
from elic_tf.faces.synthetic import FACTORS
from elic_tf.measure import report
from elic_tf.models import parser as parsing
from elic_tf.models import program_writer as writing
from elic_tf.questions import generate, programs, records, scoring
from elic_tf.train import symbolic_data

TEST, TEST_SEED = 1000, 7001
"""Faces that the parser is measured on, and questions are asked about; with this seed none was seen before."""
CODED = 100
"""Of these, faces that the codecs are compared on."""
PER_TEMPLATE = 120

# Wordings that are none of the templates', and the programs they ask for.
FREE = (
    ("Does he have a beard?", "exist(filter(beard, yes, scene()))"),
    ("Is she smiling?", "exist(filter(smiling, yes, scene()))"),
    ("What is her hair colour?", "query(hair_color, unique(scene()))"),
    ("Hair color?", "query(hair_color, unique(scene()))"),
    ("Man or woman?", "query(gender, unique(scene()))"),
    ("Is he bald?", "exist(filter(bald, yes, scene()))"),
    ("What kind of hat is he wearing?", "query(hat_style, unique(scene()))"),
    ("Are there any glasses in this picture?", "exist(filter(eyeglasses, yes, scene()))"),
    ("How many people have glasses?", "count(filter(eyeglasses, yes, scene()))"),
    ("How many hats are there?", "count(filter(hat, yes, scene()))"),
    ("Does the person on the left wear a hat?", "exist(filter(hat, yes, left(scene())))"),
    ("Is the woman wearing lipstick?", "exist(filter(lipstick, yes, unique(filter(gender, woman, scene()))))"),
    ("What is the hair color of the person on the right?", "query(hair_color, right(scene()))"),
    ("Is this a woman who wears earrings?", "and(exist(filter(gender, woman, scene())), exist(filter(earrings, yes, "
     "scene())))"),
    ("Can you tell me how old this person is?", "query(age, unique(scene()))"),
    ("What is this person's eye color?", "query(eye_color, unique(scene()))"),
)  # fmt: skip

_CARD = """# symbolic: a parser of synthetic faces, a writer of programs, and the codec between

{files}. Running them needs NumPy and `ai-edge-litert`, no TensorFlow; decoding symbolic files needs NumPy only.

- **Parser:** pixels to the 29 factors of a synthetic face: a residual network at 16x16 and 8x8, cross-entropy in
  bits, put together with the prior of the Bayesian network by dynamic programming.
- **Program writer:** words to tokens (ns-VQA, Yi et al. 2018): bidirectional LSTM, LSTM with attention; greedy, but
  only tokens that the grammar allows.
- **Data:** {faces:,} synthetic faces, half of each batch with noise, blur and another brightness; {questions} wordings
  of the question templates, words left out or made unknown in half of them.
- **Split:** results are on {test:,} faces of another seed. Kept from the writer's training: {wordings} wordings of
  programs that it knows in other words, and {programs} wordings of {kept} programs that it has never seen; {validation}
  more choose the checkpoint.
- **Seed:** {seed}. **Recipe:** `{command}`; {parser_minutes:.0f} minutes for the
  parser, {writer_minutes:.0f} for the writer, on two cores. Copy `symbolic*` from its folder.
- **Licence:** that of this repository; no photograph takes part.

## Results: the parser

Share of faces on which a factor is right, in percent: always the most frequent level, the network alone, with the
prior, and after {trials} trials of drawing the record again (`search`). Of some faces a factor cannot be seen: the hair
style of a bald head, the eyes behind sunglasses.

{factors}

## Results: questions

{asked:,} questions about these faces, balanced: the best that can be done without looking is {prior:.1f} %. Percent
right: the program, to the letter; its answer with the true records; its answer with the parser's.

{answers}

{free} of {frees} wordings that no template has ({examples}, ...) become
the program they ask for. How the writer attends to words and what is hidden from it in training were chosen with a look
at these questions, so those kept from training come out a little too well.

## Results: the codec

{about}

{codecs}

Bits are file sizes on disk; the symbolic files' ideal code length, header and check included, is {ideal:.1f} in the
mean. Pictures are rounded to uint8 before encoding, which alone limits PSNR to 59 dB. Drawn exactly but for that:
{exact0:.1%} with the parser's word alone, {exact:.1%} with {trials} trials. Encoding takes {encode0:.0f} and
{encode:.0f} ms a face, decoding {decode:.0f} ms. How long to search was chosen on 48 other faces.

## Limits

The parser knows these drawings only. Of a photograph it makes somebody else.
"""


def factor_table(parser, images, true):
    """(Markdown, records as the parser says, the same after the search) of images (n, 64, 64, 3) uint8."""
    scores = parser.scores(images)
    joint = parsing.most_likely(scores)
    found = parsing.search(images.astype(np.float32) / 255, joint, scores, TRIALS)
    lines = ["| factor | most frequent | network | with the prior | after the search |", "|---|---:|---:|---:|---:|"]
    columns = []
    for name in FACTORS:
        guess = synthetic.marginal(name).argmax()
        alone = scores[:, parsing.COLUMNS[name]].argmax(1)
        columns.append([each == true[name] for each in (guess, alone, joint[name], found[name])])
        lines.append(_line(name, columns[-1]))
    lines.append(_line("mean", [np.stack(column) for column in zip(*columns)]))
    lines.append(_line("all 29", [np.all(column, 0) for column in zip(*columns)]))
    return "\n".join(lines), joint, found


def _line(name, right):
    return f"| {name} | " + " | ".join(f"{100 * np.mean(each):.1f}" for each in right) + " |"


def answer_table(writer, parts, true, parsed, seed):
    """(Markdown, number of questions, percent right without looking). true, parsed: lists of fact records."""
    made = generate.generate(true, seed, PER_TEMPLATE, "synthetic", "test")
    kind = {wording: part for part, pairs in parts.items() for wording, _ in pairs}
    written = {wording: writer.write(wording) for wording in kind}
    rows = {name: [] for name in ("train", "wordings", "programs", "all")}
    for question, annotation in zip(made.questions["questions"], made.annotations["annotations"]):
        wording, answer = question["question"], annotation["multiple_choice_answer"]
        scene, program = made.scenes[question["image_id"]], written[wording]
        exact = str(program) == made.programs[question["question_id"]]
        answers = [_answer(program, [facts[face] for face in scene]) == answer for facts in (true, parsed)]
        for name in {kind[wording], "all"} & rows.keys():
            rows[name].append([exact, *answers])
    names = {"train": "wordings trained on", "wordings": "other wordings", "programs": "other programs", "all": "all"}
    lines = [
        "| questions | number | program | answer, true records | answer, from pixels |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, each in rows.items():
        if each:
            right = " | ".join(f"{100 * share:.2f}" for share in np.mean(each, 0))
            lines.append(f"| {names[name]} | {len(each)} | {right} |")
    return "\n".join(lines), len(made), scoring.prior_accuracy(made.annotations, made.questions)


def _answer(program, scene):
    try:
        return programs.execute(program, scene)
    except programs.ExecutionError:
        return None


def codec_facts(parser, images, true):
    """The part of the card about the codec, as a dictionary."""
    faces = FaceSet("synthetic", images, {}, None, [""] * len(images))
    learned = report.rate_distortion([Codec.load("klt"), Codec.load("transform")], faces, (64, 96))[1:]
    facts, rows = {"ideal": 16 + synthetic.bits(true).mean()}, []
    for trials, suffix in ((0, "0"), (TRIALS, "")):
        codec = SymbolicCodec(parser, trials)
        rows += [
            row | {"codec": f"symbolic, {trials} trials"} for row in report.rate_distortion([codec], faces, [None])[1:]
        ]
        started = time.perf_counter()
        files = codec.encode(images)
        facts[f"encode{suffix}"] = 1000 * (time.perf_counter() - started) / len(images)
        started = time.perf_counter()
        decoded = codec.decode(files)
        facts["decode"] = 1000 * (time.perf_counter() - started) / len(images)
        difference = np.abs(decoded - images.astype(np.float32) / 255).max((1, 2, 3))
        facts[f"exact{suffix}"] = np.mean(difference <= parsing.SAME)
    return facts | {"codecs": report.markdown(learned + rows), "about": report.about(faces, "test")}


def card(out, parts, *, seed, faces, command, test=TEST, coded=CODED):
    """The text of the card, for what lies in the folder `out`. parts: what `symbolic_data.split` gives."""
    out = pathlib.Path(out)
    parser, writer = parsing.Parser.from_files(out), writing.ProgramWriter.from_files(out)
    images, _ = symbolic_data.rendered(test, TEST_SEED + seed)
    true = synthetic.sample(test, TEST_SEED + seed)
    factors, joint, _ = factor_table(parser, images, true)
    facts = [[records.from_synthetic(record) for record in each] for each in (true, joint)]
    answers, asked, prior = answer_table(writer, parts, *facts, seed)
    files = [f"`{path.name}` ({path.stat().st_size:,} bytes)" for path in sorted(out.glob("symbolic_*"))]
    minutes = {
        f"{part}_minutes": json.loads(note.read_text()) if (note := out / part / "minutes.json").exists() else 0
        for part in ("parser", "writer")
    }
    return _CARD.format(
        files=", ".join(files), faces=faces, questions=len(parts["train"]), test=test, wordings=len(parts["wordings"]),
        programs=len(parts["programs"]), kept=len({program for _, program in parts["programs"]}),
        validation=len(parts["validation"]), seed=seed, command=command, trials=TRIALS, factors=factors,
        asked=asked, prior=prior, answers=answers, frees=len(FREE), examples=", ".join(q for q, _ in FREE[:3]),
        free=sum(str(writer.write(question)) == program for question, program in FREE),
        **minutes, **codec_facts(parser, images[:coded], true[:coded]),
    )  # fmt: skip
