# ---
# title: Questions about faces
# aim: >-
#   Ask a picture what is in it and score the answers by the official rule; see how far one gets with closed eyes, with
#   a network that looks, and with programs; find out which facts survive a codec; and freeze what sees into a module
#   that other networks can learn from.
# needs: >-
#   Eigenfaces and entropy (lesson 00), training with Keras (lessons 01 and 02). No GPU, no photographs.
# minutes: {class: 2}
# ---

# %% [markdown]
# ## Three pictures, one number
# The discriminator of lesson 06 has learned one thing, what makes a picture look made. Nobody ever asked it what has to
# survive in a face. Who would know? Here is a small test for whoever applies: a face, and three pictures of it in
# which something has been changed. In which has most been changed?

# %% tags=["setup"]

# %%
import dataclasses
import json
import textwrap

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

import elic_tf
from elic_tf.coding.symbolic import SymbolicCodec
from elic_tf.faces import cache_root, synthetic
from elic_tf.measure import answers, distortion
from elic_tf.models import features, hub_module, vqa, vqa_networks
from elic_tf.questions import answering, generate, programs, records, scoring, vqa_format

tf.get_logger().setLevel("ERROR")

# %%
pair = synthetic.sample(100, seed=7)[[75, 75]]  # the same record twice
pair["glasses"][1] = 0  # the level "none"
face, without = 0.1 + 0.8 * synthetic.render(pair)  # leaves room for errors
step = np.sqrt(np.mean((face - without) ** 2))
squares = np.random.default_rng(0).choice([-step, step], (16, 16)).repeat(4, 0).repeat(4, 1)[..., None]
four = np.stack([face, face + step, face + squares, without]).astype("float32")
titles = ["the face", *(f"{db:.2f} dB" for db in distortion.psnr(four[1:], four[:1].repeat(3, 0)))]
figures.show(four, titles, zoom=3, alt="A face with glasses; brighter; with light and dark squares; without glasses.")

# %% [markdown]
# Squared error has no opinion: they are equally good, to the second decimal. But ask each of them "Is this person
# wearing glasses?", and the last one **lies**. So this is the question of the lesson:
#
# **How do we measure whether a picture still says what it said?** We ask it. We
#
# 1. write questions down the way everybody does, and score answers by the official rule,
# 2. let a parrot answer that never looks at a picture, and see how far it gets,
# 3. train a network that looks,
# 4. have questions turned into programs, which can count and compare, and run them,
# 5. send nothing but the answers: a face in nine bytes or ten,
# 6. find out which facts survive a codec, and which die first,
# 7. freeze the network that sees into a module that a codec can learn from, and see how it can be cheated.
#
# Numbers in the text are those of the synthetic faces; with photographs yours differ and tell the same story.
#
# ## What can be asked
# Faces come with labels: synthetic ones with the factors they were drawn from, those of CelebA with 40 attributes. A
# *record* has them in one vocabulary. Here is the one of the face above, and where that of the last picture differs.

# %%
# NBVAL_CHECK_OUTPUT
of_face, of_last = map(records.from_synthetic, pair)
print(textwrap.fill(", ".join(f"{fact.replace('_', ' ')}: {value}" for fact, value in of_face.items()), 100))
print("only the face:", *sorted(of_face.items() - of_last.items()))
print("only the last picture:", *sorted(of_last.items() - of_face.items()))

# %% [markdown]
# Questions are made from records by some 460 wordings, and written down in the format of the benchmark that gave the
# task its name, **VQA**, visual question answering: a quarter of a million pictures, three quarters of a million
# questions, ten million answers (Antol et al. 2015). One file has the questions, another the answers of *ten people*
# to each:

# %%
train = course.face_set(course.pick(smoke=800, classroom=4000, full=8000), "train")
test = course.face_set(course.pick(smoke=200, classroom=400, full=900), "test")
known, facts = records.from_faces(train), records.from_faces(test)
learn = {"as they come": generate.natural(known, seed=0, per_face=16)}
exam = {"as they come": generate.natural(facts, seed=0, per_face=16)}

# %%
# NBVAL_CHECK_OUTPUT
made = exam["as they come"]
question, annotation = made.questions["questions"][0], made.annotations["annotations"][0]
short = annotation | {"answers": [annotation["answers"][0], f"and {len(annotation['answers']) - 1} more"]}
print(vqa_format.file_name("questions", "faces", "test"), json.dumps(question), sep="\n")
print(vqa_format.file_name("annotations", "faces", "test"), textwrap.fill(json.dumps(short), 100), sep="\n")

# %% [markdown]
# Ten, because people disagree about pictures, in substance ("Is he young?") and in spelling. Our records never
# disagree, so they give the same answer ten times, and any tool made for VQA can read the result.
#
# ## The official score
# What is an answer worth that some of the ten gave? If three agree, that is enough:
#
# $$\mathrm{acc}(a) = \frac{1}{10} \sum_{i=1}^{10} \min\!\left(1, \frac{n_i}{3}\right), \qquad
# n_i = \text{how many of the ten, leaving out } i \text{, said } a .$$
#
# Why leave one out? So that people can be scored by the same rule: each of the ten against the nine others.
#
# Texts are *normalised* before they are compared: lower case, no articles, no punctuation, "two" becomes "2". So says
# the [official page](http://www.visualqa.org/evaluation.html). The official *code* does something else, and it is the
# code that counts:
#
# - spaces and line ends around a text are stripped, always;
# - all else is normalised **only if the ten are not all equal** by then; and then the answer as well as the ten.
#
# **Exercise 1.** Score one answer. `scoring.strip` and `scoring.normalise` are given.


# %%
def accuracy(answer, ten):
    """The official accuracy, in [0, 1], of an answer (a text), given the answers of ten people (a list of texts)."""
    # solution: strip all; normalise all if the ten differ; then leave out each of the ten in turn, and take the mean
    answer, ten = scoring.strip(answer), [scoring.strip(given) for given in ten]
    if len(set(ten)) > 1:
        answer, ten = scoring.normalise(answer), [scoring.normalise(given) for given in ten]
    return np.mean([min(1, (ten[:i] + ten[i + 1 :]).count(answer) / 3) for i in range(10)])
    # end solution


# %%
accuracy = checks.checked("07.accuracy", accuracy)

# %%
# NBVAL_CHECK_OUTPUT
print("said by:", {n: f"{accuracy('red', ['red'] * n + list('qrstuvwxyz')[n:]):.0%}" for n in range(6)})
for answer, ten in (("Yes", ["yes"] * 10), ("Yes", ["yes"] * 9 + ["no"]), ("none", ["0"] * 10),
                    ("none", ["0"] * 9 + ["1"]), ("the t-shirt", ["t shirt"] * 9 + ["tshirt"])):  # fmt: skip
    said, ids = ", ".join(f"{ten.count(text)} x {text!r}" for text in dict.fromkeys(ten)), range(1, 11)
    library = scoring.accuracy(answer, [{"answer": text, "answer_id": i} for i, text in zip(ids, ten)])
    print(f"{answer!r:13} where they said {said:28} {accuracy(answer, ten):4.0%}; the library says {library:4.0%}")

# %% [markdown]
# One of ten is worth 30 %, two are 60 %, three 90 %, and only from four on it does not matter who is left out. And
# look at the pairs: "Yes" is *wrong* where all ten people said "yes", and right as soon as one of them doubts it. A
# bug? Certainly. But papers have been scored by it since 2015, and whoever mends it cannot be compared with them. **A
# measure that is shared beats one that is better.** (The library keeps eleven such rules, down to a typing error in a
# regular expression; the docstring of `scoring.py` lists them.)
#
# ## A parrot
# Before anybody looks at a picture: how much can be answered *without*? "Is this person bald?" No. "How many of these
# things does this person wear?" One. A good guess, most of the time.
#
# **Exercise 2.** For each question, its most frequent answer in training. Ties go to the first in the alphabet, so
# that everybody's parrot says the same.


# %%
def parrot(questions, answers):
    """{question: its most frequent answer}, of training questions and their answers: two lists of texts, as long."""
    # solution: the answers of each question; then the one that is there most often, from a sorted list
    given = {}
    for question, answer in zip(questions, answers):
        given.setdefault(question, []).append(answer)
    return {question: max(sorted(set(each)), key=each.count) for question, each in given.items()}
    # end solution


# %%
parrot = checks.checked("07.parrot", parrot)


# %%
def columns(made):
    """Number of the face, question and right answer, of all questions about one face: three arrays."""
    rows = zip(made.questions["questions"], made.annotations["annotations"])
    asked = [(made.scenes[q["image_id"]][0], q["question"], a["multiple_choice_answer"]) for q, a in rows]
    return tuple(np.array(column) for column in zip(*asked))


def parroted(name):
    """Official scores, in percent, of a parrot that learned from the questions of that name."""
    habit, asked = parrot(*columns(learn[name])[1:]), exam[name].questions["questions"]
    said = [{"question_id": row["question_id"], "answer": str(habit.get(row["question"], "no"))} for row in asked]
    return scoring.score(exam[name].annotations, said)


# %%
# NBVAL_CHECK_OUTPUT
print("the parrot:", parroted("as they come")["overall"], parroted("as they come")["per_answer_type"])
learned = learn["as they come"]
theirs = scoring.question_only_baseline(learned.annotations, learned.questions, made.questions)
print("the library's parrot:", scoring.score(made.annotations, theirs)["overall"])

# %% [markdown]
# Two thirds right, of questions about pictures, without pictures. The same had happened to the first VQA benchmark:
# systems could do well by learning what is usually the case. (And what is "usual" about people in a data set is just
# what a machine should not assume about the next person.)
#
# ### Balance
# The remedy, in VQA version 2, was to ask every question *twice*, of two pictures that are as similar as possible but
# have different answers (Goyal et al. 2017). Ours go all the way: of each wording, every answer is equally frequent,
# and the second picture is, of a few, the one whose record agrees most with the first's.

# %%
for sets, some in ((learn, known), (exam, facts)):
    sets["balanced"] = generate.generate(some, seed=0, per_template=course.pick(120, 400, 800), rows=False)
made = exam["balanced"]
rows = dict(zip([row["question_id"] for row in made.questions["questions"]], zip(*columns(made))))
shown = [rows[number] for pair in made.pairs[:: len(made.pairs) // 4][:3] for number in pair]
titles = [f"{textwrap.fill(question, 18)}\n{answer.upper()}" for _, question, answer in shown]
figures.show(test.images[[i for i, _, _ in shown]], titles, alt="Three questions, each of two faces, two answers.")

# %%
# NBVAL_CHECK_OUTPUT
print("the parrot:", parroted("balanced")["overall"], parroted("balanced")["per_answer_type"])
print("the best that a parrot can do:", scoring.prior_accuracy(made.annotations, made.questions))

# %% [markdown]
# Half of the questions with two answers, a quarter of those with four: whoever does not look can now only guess. From
# here on every point has to be *seen*.
#
# ## A network that looks
# This is the model of the first VQA paper ("deeper LSTM Q + norm I"). An image tower turns a picture $x$ into a vector
# $v$ of length 1. An LSTM of two layers, a network that reads word by word and remembers, turns a question into a
# vector $q$. How should the two meet? They are *multiplied*, entry by entry:
#
# $$v = \frac{\mathrm{tower}(x)}{|\mathrm{tower}(x)|}, \qquad
# f = \tanh(V v) \odot \tanh(Q q), \qquad
# p(a \mid x, q) = \mathrm{softmax}\left(W_2 \tanh(W_1 f)\right) .$$
#
# (The softmax makes probabilities of any numbers, the logits $\ell$: $e^{\ell_a} / \sum_b e^{\ell_b}$. With two answers it
# is a sigmoid of the difference of their logits.)
#
# Read the product as a row of switches. $\tanh(V v)$ is what there is to see, and $\tanh(Q q)$ says of each entry how
# much the question cares, and with which sign. What nobody asked about is multiplied by 0.
#
# **Exercise 3.** The layers come to you as functions: `see` is $\tanh(V\,\cdot)$, `hear` $\tanh(Q\,\cdot)$, `think`
# $\tanh(W_1\,\cdot)$, `say` $W_2\,\cdot$. One detail: the entries of a vector of length 1 are tiny, $1/\sqrt{d}$ if
# there are $d$, and learning is slow. So multiply $v$ by $\sqrt d$.


# %%
def answer_logits(v, q, see, hear, think, say):
    """Logits (n, answers) of image features v (n, d), not yet normalised, and questions q (n, k)."""
    # solution: rows of length sqrt(d); then the product, and the two layers after it
    v = ops.normalize(v, axis=-1) * v.shape[-1] ** 0.5
    return say(think(see(v) * hear(q)))
    # end solution


# %%
answer_logits = checks.checked("07.answer_logits", answer_logits)

# %% [markdown]
# Which tower? The paper took VGG as others had trained it, and *froze* it. Ours is a residual network of 1.5 million
# weights that was trained on photographs to tell 40 attributes of a face (in 46 minutes: `python -m elic_tf.train
# vqa`). It is frozen too. The library has a question network and a fusion to go with it, which learned from
# photographs. So first: do your lines compute what the library's do?

# %%
# NBVAL_CHECK_OUTPUT
shipped = vqa.VQA.load()
seen = {"train": shipped.features(train.images), "test": shipped.features(test.images)}
words = shipped.question(shipped.vocabulary.numbers([answers.KEY["gender"]] * 8))
parts = [shipped.fusion.get_layer(name) for name in ("image", "words", "hidden", "answer")]
v = ops.convert_to_tensor(seen["test"][:8])
print("the library agrees:", np.allclose(answer_logits(v, words, *parts), shipped.fusion([v, words]), atol=1e-3))

# %% [markdown]
# Now your own. Question network and fusion start from nothing, and learn from both kinds of questions. The tower stays
# as it is; with synthetic faces that means that *it has never seen a drawing*. As it never changes, its features have
# been computed once, above, and the rest takes a minute and not an hour. (`Dropout` sets a tenth of the entries to 0 in
# training, others each time, so that no single one is relied upon.)

# %%
number, asked, right = (np.concatenate(each) for each in zip(*map(columns, learn.values())))
vocabulary, said = vqa.Vocabulary.of(asked.tolist()), sorted(set(right.tolist()))
keras.utils.set_random_seed(7)
question = vqa_networks.question_network(len(vocabulary), units=48)
v, q = keras.Input((vqa.FEATURE,)), keras.Input(question.output_shape[1:])
see, hear, think = (layers.Dense(256, "tanh", name=name) for name in ("image", "words", "hidden"))
say, drop = layers.Dense(len(said), name="answer"), layers.Dropout(0.1)
fusion = keras.Model([v, q], answer_logits(v, q, see, hear, lambda f: think(drop(f)), lambda f: say(drop(f))))

# %%
epochs, numbers = course.pick(smoke=4, classroom=8, full=12), keras.Input((vqa.WORDS,), dtype="int32")
network = keras.Model([v, numbers], fusion([v, question(numbers)]))
rate = keras.optimizers.schedules.CosineDecay(6e-3, epochs * -(-len(asked) // 256))
cost = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
network.compile(keras.optimizers.Adam(rate), cost, jit_compile=False)
x, y = [seen["train"][number], vocabulary.numbers(asked.tolist())], np.searchsorted(said, right)
history = network.fit(x, y, batch_size=256, epochs=epochs, verbose=course.pick(0, 2, 2))
print(f"{len(asked):,} questions, {len(said)} answers; nats per answer:", np.round(history.history["loss"], 2))

# %% [markdown]
# With it goes a test that costs nothing: ask the network about the face of *somebody else*, drawn at random.

# %%
looks = vqa.VQA(shipped.tower, shipped.heads, question, fusion, vocabulary, said, shipped.attributes, shipped.ages)
others = dataclasses.replace(test, images=test.images[np.random.default_rng(1).permutation(len(test))])
for name, made in exam.items():
    scores = parroted(name), answers.official(looks, test, made), answers.official(looks, others, made)
    for who, score in zip(("the parrot", "looks", "looks at somebody else"), scores):
        print(f"{name:13} {who:23} {score['overall']:4.1f} %  {score['per_answer_type']}")

# %% [markdown]
# With somebody else before it, the network still gets more than half of the questions as they come. It, too, has a
# parrot inside. On balanced questions it falls to what the parrot has. A benchmark should be able to tell the two
# apart.
#
# ### Where does it look?
# Hide a part of the face behind a grey square, ask again, and see how much less the answer is believed. Then move the
# square. Red is where it hurts; if no single square makes a doubt, nothing is red. These are the two smiling faces of
# whose glasses the network is surest:

# %%
wears = np.array([i for i, fact in enumerate(facts) if fact.get("eyeglasses") == fact.get("smiling") == "yes"])
texts = [answers.KEY[fact] for fact in ("eyeglasses", "smiling", "gender")]
sure = looks.probabilities(seen["test"][wears], texts[0])[:, looks.answers.index("yes")]
sheet, titles = [], []
for one in test.images[wears[np.argsort(-sure)[:2]]]:
    pictures = one[None].repeat(257, axis=0)  # the last one stays as it is
    for i, (y, x) in enumerate(np.ndindex(16, 16)):
        pictures[i, max(4 * y - 6, 0) : 4 * y + 10, max(4 * x - 6, 0) : 4 * x + 10] = 128
    for text in texts:
        found = looks.probabilities(looks.features(pictures), text)
        lost = np.maximum(found[-1].max() - found[:256, found[-1].argmax()], 0).reshape(16, 16)
        red = np.kron(0.8 * lost / max(lost.max(), 0.1), np.ones((4, 4)))[..., None]
        sheet.append((1 - red) * (0.4 + 0.6 * one / 255) + red * [0.85, 0.1, 0])
        titles.append(f"{textwrap.fill(text, 18)}\n{looks.likeliest(found)[-1]}")
figures.show(sheet, titles, columns=6, alt="Two faces, three questions each; red where hiding shakes the answer.")

# %% [markdown]
# The answer about glasses hangs on the bridge between the lenses, that about the smile on the mouth and what is around
# it, and that about the gender on hair, brows and a bit of everything. Nobody told the network where to look.
#
# ## Questions as programs
# Our network has learned each kind of question by itself, about one face. Before a *row* of faces, "Are there more
# women than people with earrings?", it is lost: counting and comparing is not something one sees. Kexin Yi and
# colleagues (2018) divide the labour. Networks do what they are good at, seeing and reading, and the rest is computed:
#
# - a **parser** turns the picture of each face into a record,
# - a **program writer**, a sequence-to-sequence network, turns the question into a program,
# - an **executor** runs the program on the records. It has nothing to learn.
#
# The library has a parser of synthetic faces (for photographs, the attribute heads of the tower do its work) and a
# program writer. Here is what the second one makes of three questions:

# %%
# NBVAL_CHECK_OUTPUT
symbolic = answering.Answerer.load(shipped if course.data == "celeba" else None)  # None: the parser of synthetic faces
for text in ("How many people are wearing a hat?", "What color is the hair of the man?",
             "Are there more women than people with earrings?"):  # fmt: skip
    print(text, "\n   ", symbolic.writer.write(text))

# %% [markdown]
# Read them from the inside. Every step takes what the steps within it gave: faces, one face, a number, a truth or a
# word.
#
# **Exercise 4.** An executor is a recursion over that. A `step` has a name, `step.function`; the names in its brackets,
# `step.literals`; and the steps within it, `step.inputs`. A scene is a list of records from left to right, and faces
# are a list of records, also where there is one. Seven steps are enough for us:
#
# | step | gives |
# |---|---|
# | `scene()` | all faces |
# | `filter(attribute, value, faces)` | those of the faces whose record says so |
# | `unique(faces)` | the one face there is; must *fail* if there is not exactly one: it never guesses |
# | `query(attribute, face)` | what the record says, a word |
# | `count(faces)` | a number |
# | `exist(faces)` | `True` or `False` |
# | `greater(number, number)` | whether the first is greater |


# %%
def run(step, scene):
    """What a step of a program gives: a list of faces, True or False, a number, or a word."""
    inputs = [run(each, scene) for each in step.inputs]  # first the steps within it
    # solution: one case for each step.function; literals are names, inputs[0] is what the first inner step gave
    if step.function == "unique" and len(inputs[0]) != 1:
        raise LookupError("the question is about one face")
    return {
        "scene": lambda: list(scene),
        "filter": lambda: [face for face in inputs[0] if face[step.literals[0]] == step.literals[1]],
        "unique": lambda: inputs[0],
        "query": lambda: inputs[0][0][step.literals[0]],
        "count": lambda: len(inputs[0]),
        "exist": lambda: len(inputs[0]) > 0,
        "greater": lambda: inputs[0] > inputs[1],
    }[step.function]()
    # end solution


# %%
run = checks.checked("07.run", run)

# %%
# NBVAL_CHECK_OUTPUT
crowd = generate.generate(facts, seed=1, per_template=40)  # also about rows of two to four faces
seven, right = {"scene", "filter", "unique", "query", "count", "exist", "greater"}, []
for row in crowd.annotations["annotations"]:
    text = crowd.programs[row["question_id"]]
    if {*text.translate(str.maketrans("(),", "   ")).split()} & {*programs.FUNCTIONS} <= seven:
        result = run(programs.parse(text), [facts[i] for i in crowd.scenes[row["image_id"]]])
        right.append(str(result).replace("True", "yes").replace("False", "no") == row["multiple_choice_answer"])
print(f"{len(crowd):,} questions; {len(right):,} need your seven steps only; right: {sum(right):,}")

# %% [markdown]
# With nine more of the kind (and, or, not, less, left, right, ...) the library answers them all. Now the whole chain,
# on six faces in a row:

# %%
row = test.images[[wears[0], *range(5)]]
figures.show(row, alt="Six faces of the test set in a row, the first of them with glasses.")

# %%
print(symbolic.explain(row, "How many people are wearing glasses?"))
print(symbolic.explain(row, "What color is the hair of the man?"))

# %% [markdown]
# Every answer comes with its reasons, and where there is none, one is told why. (The executor of Yi and colleagues can
# be told to answer at random where a program fails. That is good for the score, and bad for everybody else.) How good
# is it?

# %%
for name, made in {"balanced": exam["balanced"], "balanced, also about rows": crowd}.items():
    print(f"by programs, {name}: {answers.by_program(symbolic.reader, test, made)['overall']:.1f} %")

# %% [markdown]
# On synthetic faces programs win by far: their records say all there is to say, and the parser reads them well. On
# photographs they do not (there the library's own network has 80 % of the balanced questions right, and programs 74).
# A record holds what somebody once thought of writing down, and each mistake of an attribute head goes straight into
# the answer, while the network may look at the picture itself. **Symbols are as good as the vocabulary that somebody
# gave them.**
#
# ## A face, sent as its answers
# And here the lesson meets the course. If the record says all there is to a picture, why send the picture? Lesson 00
# found that the records of synthetic faces cost 51.8 bits on average. The parser can read them off, and the renderer
# can draw them. That is a codec:
#
# $$x \ \xrightarrow{\ \text{parse}\ }\ \text{record} \ \xrightarrow{\ \text{arithmetic coder}\ }\ \text{file}
# \ \xrightarrow{\ \text{decode}\ }\ \text{record} \ \xrightarrow{\ \text{render}\ }\ \hat x .$$

# %%
# NBVAL_CHECK_OUTPUT
codec, drawn = SymbolicCodec.load(), synthetic.faces(3, seed=41)
files = codec.encode(drawn)
print("bits in the files:", [8 * len(file) for file in files])
print("errors, in grey levels:", [round(255 * np.abs(a - b).max()) for a, b in zip(drawn, codec.decode(files))])

# %%
file = bytes.fromhex("141941f182ef478456741fdb9252d8754483fc074ce803ffc0d8791f1256cfd2")
astronaut = elic_tf.Codec.load("portrait").decode([file])
files += codec.encode(astronaut)
titles = [*["original"] * 3, "portrait, 256 bits", *(f"{8 * len(file)} bits" for file in files)]
sheet = [*drawn, *astronaut, *codec.decode(files)]
figures.show(sheet, titles, columns=4, alt="Three drawings and the astronaut; below, the same, and somebody else.")

# %% [markdown]
# Nine bytes or ten, two of them header and check (lesson 03), and not a pixel is wrong: for three of these four faces,
# this is the best codec of the course by far. The fourth is the astronaut of lesson 00. The parser, which knows nothing
# but drawings, looked for the record that fits, and out came somebody else. Of her hair there is about the colour, as
# there is a word for that. For who she *is* there was none.
#
# So for photographs we go on sending pictures. But the idea stays: a fact may be worth its bits. (The codec `portrait`
# spends one of its 256 on one answer, woman or man, and its decoder draws accordingly.)
#
# ## What survives a codec
# Now we can ask what lesson 00 could not: **which facts get through** at 30 bits, and which only at 300? Here is its
# codec again in few lines: eigenfaces, one step for all, and the entropies of the integers for a price. Your network
# answers five questions about each decoded test face. Right is what the *record* says, and of each question the mean
# over its answers is taken, so that always saying "no" is worth 50 %.

# %%
x, z = (faces.images.reshape(len(faces), -1) / np.float32(255) for faces in (train.take(slice(500)), test))
mean, centred = x.mean(axis=0), x - x.mean(axis=0)
squares, columns_of = np.linalg.eigh(centred @ centred.T)
vectors = (columns_of / np.sqrt(np.abs(squares))).T[:-301:-1] @ centred  # the eigenfaces, of length 1
rates, marks = [], []
for step in (16, 8, 4, 2, 1):
    integers = np.round(centred @ vectors.T / step)
    shares = [np.unique(column, return_counts=True)[1] / len(x) for column in integers.T]
    rates.append(-sum(np.sum(p * np.log2(p)) for p in shares))
    decoded = np.clip(mean + step * np.round((z - mean) @ vectors.T / step) @ vectors, 0, 1)
    decoded = dataclasses.replace(test, images=np.round(255 * decoded).astype(np.uint8).reshape(-1, 64, 64, 3))
    marks.append([100 * share for _, share, _ in answers.key_questions(looks, decoded, mirror=False).values()])
print("of the originals:", {fact: f"{each[1]:.0%}" for fact, each in answers.key_questions(looks, test, False).items()})
lines = {fact: (rates, each) for fact, each in zip(answers.KEY, np.transpose(marks))}
figures.curve(lines, "bits per face", "right, %", log_x=True, alt="Lines rise from 50 %, gender and glasses highest.")

# %% [markdown]
# Each fact has a rate-distortion curve of its own. With drawings, glasses and gender come through first and get
# furthest: dark frames and the outline of the hair are many pixels. A smile is a few, and no more than a guess as long
# as a face has less than some 60 bits. And none of the five is back at what it was in the originals, even for 400 bits.
# (With photographs the order is another: the smile comes early, and glasses and hats, which few people wear there, come
# last.) Nobody decided that. Squared error did, by counting pixels, and how often they change. Now compare with the
# record: to *say* "woman" or "man" takes one bit, and the eigenfaces spend hundreds on saying it less well.
#
# (A fact that the network misses may still be there for better eyes: it never learned from blurred pictures. Measures
# have limits of their own.)
#
# ## A judge to learn from
# So far answers only *measure*. Could a codec **learn** to keep them? Then they must become a loss:
#
# - gradients have to come back from the answers to the pixels;
# - the judge has to hold still. If it learned as well, codec and judge might come to an understanding.
#
# So we freeze it, and give it away as a file. A **TF-Hub module** is a SavedModel, a folder with the graph and the
# weights of a network, or the same packed as a `.tar.gz`. Its path or address is called its **handle**. Whoever has that
# can load the network, and needs none of the code that made it. In goes a face; out comes a dictionary: the layers of
# the tower by name, and one answer. Where does that get its question from? It is always the same, "Is this a man or a
# woman?", so $h = \tanh(Q q)$ is always the same, and
#
# $$W_1 \left(\tanh(V v) \odot h\right) = \left(W_1\, \mathrm{diag}(h)\right) \tanh(V v) .$$
#
# A question that is always the same is just a layer.

# %%
# NBVAL_CHECK_OUTPUT
home = cache_root() / "lesson_07" / f"{course.data}-{course.mode}"
folder = hub_module.export(looks.extractor(), home / "extractor")
packed = hub_module.pack(folder, home / "extractor.tar.gz")
extract, unpacked = features.FrozenExtractor(folder), features.FrozenExtractor(packed)
some = test.images[:8] / np.float32(255)
outputs, same = extract(some), unpacked(some)
print("outputs:", {name: tuple(value.shape[1:]) for name, value in outputs.items()})
print("the archive gives the same:", all(np.allclose(same[name], outputs[name], atol=1e-3) for name in outputs))
male = ops.sigmoid(np.diff(outputs["gender_logits"])[:, 0])  # logit of "man" minus that of "woman"
print("as if asked in words:", np.allclose(male, looks.male(some), atol=0.05))
print("variables that training could change:", len(extract.trainable_variables))
print("handle:", folder.relative_to(cache_root()).as_posix(), "in the cache of elic_tf")

# %% [markdown]
# Remember the handle: lesson 08 will load your module by it. (The weights are `float16` in there, to half the size.)
#
# `FrozenExtractor` is a Keras layer around what a handle leads to.
# TF-Hub has a layer of its own, `hub.KerasLayer`, but that belongs to Keras 2, and models of Keras 3 [refuse
# it](https://github.com/tensorflow/hub/issues/920). Ours takes your folder, or an address on tfhub.dev; without a
# handle it takes the module that comes with the library, the same tower with an answer learned from photographs.
#
# ### Does a gradient pass?
# Not every network lets gradients through. If somewhere inside a number is rounded, or an index taken, training goes
# on without a word and learns nothing (lesson 04). So look before you train.
#
# **Exercise 5.** For each output, say whether a gradient comes back to the images. It has to exist (not `None`), to be
# finite, and not to be zero everywhere. Three traps. A tape must be told to watch what is no variable. An output may be
# of whole numbers, so `tf.cast` it to `float32`. And the one number to differentiate must not be the plain sum of an
# output, as entries may cancel (a softmax always adds up to 1): take the sum with *random* weights.


# %%
def passes_gradient(network, images):
    """{name of an output: True or False}, for a network from images (n, h, w, 3) to a dictionary of tensors."""
    images = tf.convert_to_tensor(images)
    # solution: a persistent tape that watches the images; random sums inside it; then look at each gradient
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(images)
        outputs = {name: tf.cast(output, tf.float32) for name, output in network(images).items()}
        sums = {name: tf.reduce_sum(y * tf.random.normal(y.shape)) for name, y in outputs.items()}
    slopes = {name: tape.gradient(value, images) for name, value in sums.items()}
    return {name: g is not None and bool(np.isfinite(g).all() and np.any(g)) for name, g in slopes.items()}
    # end solution


# %%
passes_gradient = checks.checked("07.passes_gradient", passes_gradient)

# %%
# NBVAL_CHECK_OUTPUT
print(passes_gradient(extract, some))
pixels = keras.Input((64, 64, 3))
stairs = keras.Model(pixels, {"mean": ops.mean(pixels, (1, 2)), "rounded": ops.round(4 * pixels)}, name="stairs")
try:
    features.FrozenExtractor(stairs)
except features.NoGradientError as error:
    print(f"{type(error).__name__}: {error}")

# %% [markdown]
# `FrozenExtractor` makes your test on whatever it loads. Ours passes.
#
# ### Learning from it
# A first try, without a decoder to train. We have a blurred face, 96 bits of `klt`, and let its *pixels* roll downhill
# until one layer of the module sees in them what it sees in the original: an early layer, a late one, and the last.
# And then the other way round: we start from the original, aim at what the last layer sees in *somebody else*, who
# neither wears glasses nor smiles, and forbid every pixel to change by more than 8 of 255 levels.


# %%
def roll(start, target, layer, most=1.0):
    """A face (64, 64, 3) that looks like `target` to a layer of the module, each pixel at most `most` from `start`."""
    x, wanted = tf.Variable(start[None]), extract(target[None])[layer]
    adam = keras.optimizers.Adam(0.015)
    for _ in range(course.pick(60, 100, 100)):
        with tf.GradientTape() as tape:
            error = tf.reduce_sum(tf.square(extract(x)[layer] - wanted))
        adam.apply([tape.gradient(error, x)], [x])
        x.assign(tf.clip_by_value(x, np.maximum(start - most, 0), np.minimum(start + most, 1)))
    return x.numpy()[0]


# %%
klt, original = elic_tf.Codec.load("klt"), four[0]
blurred = klt.decode(klt.encode(four[:1], bits=96))[0]
other = test.images[[(fact["eyeglasses"], fact.get("smiling")) for fact in facts].index(("no", "no"))] / np.float32(255)
rolled = [roll(blurred, original, layer) for layer in ("shallow", "deep", "feature")]
sheet = np.stack([original, blurred, *rolled, roll(original, other, "feature", 8 / 255)])
said = [looks.answer(sheet, [text] * 6) for text in texts[:2]]
names = ("the original", "96 bits", "“shallow”", "“deep”", "“feature”", "other “feature”")
titles = [f"{name}\nglasses: {glasses}\nsmiling: {smiling}" for name, glasses, smiling in zip(names, *said)]
figures.show(sheet, titles, alt="A face; blurred; from the blur, nearly the face, and twice coloured noise; the face.")

# %% [markdown]
# A gradient passes, and how: from the first layer everything comes back, glasses, smile and all. Now go from left to
# right. The later the layer, the less it minds what else happens to the picture. At the last one its 256 numbers are
# nearly right, so the answers are, and what *we* see are traces of a face in noise. The loss is satisfied. Nobody had
# asked for a face. And the last picture we can hardly tell from the first, black frames and all, but to the module the
# glasses are gone. (Goodfellow and others 2015: there are thousands of pixels, and many tiny steps in the right
# direction add up.) **What is used as a goal finds out how to be met.** A codec that learned from answers alone would
# learn to whisper to the judge.
#
# And the pictures from the beginning, which squared error could not tell apart?

# %%
for layer, value in extract(four).items():
    far = [np.linalg.norm(value[i] - value[0]) / np.linalg.norm(value[0]) for i in (1, 2, 3)]
    print(f"{layer:13} brighter {far[0]:.2f}, squares {far[1]:.2f}, without glasses {far[2]:.2f}")
print("glasses?", looks.answer(four[1:], texts[:1] * 3))

# %% [markdown]
# To the module a brighter picture is hardly another one, and one without glasses is far away. But the squares, which we
# look through, disturb its layers even more. So it is not a better measure than squared error, nor a worse one: it fails
# *elsewhere*.
#
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    'All ten people answered "yes", and a system says "Yes". What does the official code give?',
    ["100 %", "90 %", "0 %", "It depends on the type of the question."],
    answer="c",
    why='Texts are normalised only if the ten differ. Had one of them said "no", "Yes" would get 100 %.',
)
quiz.ask(
    "A network gets 72 % of some questions, and still 65 % with somebody else's face before it. What follows?",
    [
        "It sees well.",
        "Most of its points come from what is usually the case, not from the picture.",
        "The faces are too similar.",
        "The questions are balanced.",
    ],
    answer="b",
    why="What does not depend on the face was not seen. With balanced questions such points are not to be had.",
)
quiz.ask(
    'Two people fit "the woman", so a program fails, and the executor gives no answer. What would a guess do?',
    [
        "Nothing: wrong is wrong.",
        "Raise the score a little, and make answers worth less to somebody who relies on them.",
        "Be right half of the time.",
    ],
    answer="b",
    why="Some guesses are right, and the score counts those. But nobody can then tell what was seen from a guess.",
)
quiz.ask(
    "Why are 72 bits enough for a synthetic face, pixel by pixel?",
    [
        "It has fewer colours.",
        "Its arithmetic coder is better.",
        "The decoder owns the renderer, so only the record has to be sent.",
        "It is smaller.",
    ],
    answer="c",
    why="What both sides know is not sent. For photographs nobody has the renderer, nor a word for everything.",
)
quiz.ask(
    "A decoder is trained on nothing but the distance in the module's last layer. What will it draw?",
    [
        "The original.",
        "Pictures that the module takes for the original, whatever they look like to us.",
        "A blurred face.",
        "Nothing: no gradient passes.",
    ],
    answer="b",
    why="256 numbers do not pin down 12,288 pixels. Something else has to ask for a face.",
)

# %% [markdown]
# ## What you have done
# You have scored answers by the rule that everybody uses, quirks and all. You know what a parrot is worth, and how
# balance silences it. You have trained a network that multiplies what is seen by what is asked, and written an executor
# that has nothing to learn and gives its reasons. You have sent faces as words, seen facts get through a codec one
# after the other, and frozen a judge that passes gradients, and that can be cheated.
#
# **What if two judges held each other in check?** The discriminator of lesson 06 cares for what a picture looks like,
# and never stops learning. The module of this lesson knows what is in a face, and never changes. Stand one upon the
# other, and pixels have nobody left to whisper to. That is lesson 08. Its first step is to load a handle.

# %%
checks.score("07")

# %% [markdown]
# ### On your own
# - Replace the product in `answer_logits` by a sum, and train again. Which kinds of questions suffer?
# - Let the executor guess where a program fails. What does that add to the official score?
# - Save the last picture of the descent as JPEG of quality 50, and ask again. How robust is the whisper? And does
#   `elic_tf.measure.judges.GenderJudge`, who was not asked, hear it?
# - Ask your network about faces decoded by `portrait`. Which facts does it draw that were not in the original?
#
# ### Further reading
# - S. Antol and others, [VQA: Visual question answering](https://arxiv.org/abs/1505.00468), ICCV 2015: the task, the
#   ten answers, the rule, and the network above.
# - Y. Goyal and others, [Making the V in VQA matter](https://arxiv.org/abs/1612.00837), CVPR 2017: balance.
# - A. Agrawal and others, [Don't just assume; look and answer](https://arxiv.org/abs/1712.00377), CVPR 2018: test sets
#   in which the parrot is wrong on purpose.
# - K. Yi and others, [Neural-symbolic VQA](http://nsvqa.csail.mit.edu/), NeurIPS 2018: parser, program writer,
#   executor; 99.8 % on CLEVR, drawings of a few solids with a word for each.
# - R. Forchheimer, T. Kronander, "Image coding - from waveforms to animation", IEEE Transactions on Acoustics, Speech
#   and Signal Processing 37 (1989): sending what a picture means in place of the picture.
# - I. Goodfellow, J. Shlens, C. Szegedy, [Explaining and harnessing adversarial
#   examples](https://arxiv.org/abs/1412.6572), ICLR 2015.
# - [Reusable SavedModels](https://www.tensorflow.org/hub/reusable_saved_models): what a TF-Hub module promises.
