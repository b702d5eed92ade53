"""A picture to the record of a synthetic face: a network looks, the Bayesian network of the faces makes sense of it.

The first part of neural-symbolic question answering (Yi et al., "Neural-Symbolic VQA", NeurIPS 2018, section 3.1: the
scene parser). The network judges every factor for itself, so that its answers may not fit together: perhaps a woman,
perhaps a full beard. `most_likely` puts them together. What the network says, q, already counts what it believes of
the factor's parents; that is taken out, and the parents that are decided on are put in:

    log p(record | x)  ~  sum over factors of  log q(level | x) + log p(level | parents) - log p'(level),

where p'(level) is p(level | parents) averaged over what q says of the parents.

`search` then looks again: since the picture is a known function of the record, one can draw the record and compare
(analysis by synthesis: A. Yuille, D. Kersten, "Vision as Bayesian inference", Trends in Cognitive Sciences 10, 2006).

Reading records needs LiteRT and NumPy, no TensorFlow; `parser_network` makes the network to train.
"""

import numpy as np

from elic_tf.coding.codec import as_faces
from elic_tf.faces import synthetic
from elic_tf.faces.synthetic import DTYPE, FACTORS, ORDER, TOTAL
from elic_tf.models.runtime import Graph
from elic_tf.questions import records

SIZE = 64
FILE = "symbolic_parser.tflite"

_ENDS = np.cumsum([len(levels) for levels in FACTORS.values()])
LEVELS = int(_ENDS[-1])
"""Outputs of the network: every level of every factor, in the order of `FACTORS`."""
COLUMNS = {name: slice(int(end) - len(FACTORS[name]), int(end)) for name, end in zip(FACTORS, _ENDS)}
"""factor -> its outputs."""
_FACTOR = np.repeat(np.arange(len(FACTORS)), [len(levels) for levels in FACTORS.values()])
_LEVEL = np.concatenate([np.arange(len(levels)) for levels in FACTORS.values()])

ROUND = 48
"""How many changes `search` tries before it begins again."""
SAME = 0.51 / 255
"""Pictures that differ by no more than rounding to uint8 does are the same."""


def parser_network(filters=48, deep=96, blocks=(2, 1), maps=4, width=160):
    """A Keras network: face (n, 64, 64, 3) in [0, 1] -> logits (n, LEVELS), a softmax for each factor.

    Residual blocks at 16x16 and 8x8. Faces are aligned, so where something is seen matters: a learned map is added
    to the features (`Place`), and they are averaged over the face with learned weights, `maps` times each.
    """
    import keras
    from keras import layers, ops

    from elic_tf.models.transform import Place

    def conv(x, filters, size=3, stride=1, gain=2.0):
        start = keras.initializers.VarianceScaling(gain)
        return layers.Conv2D(filters, size, strides=stride, padding="same", kernel_initializer=start)(x)

    def residual(x):
        return x + conv(ops.relu(conv(ops.relu(x), x.shape[-1])), x.shape[-1], gain=0.1)

    face = keras.Input((SIZE, SIZE, 3), name="face")
    x = ops.relu(conv(4 * (face - 0.5), filters // 2, size=4, stride=2))
    x = Place()(conv(x, filters, stride=2))
    for _ in range(blocks[0]):
        x = residual(x)
    x = Place()(conv(ops.relu(x), deep, stride=2))
    for _ in range(blocks[1]):
        x = residual(x)
    x = layers.DepthwiseConv2D(x.shape[1], depth_multiplier=maps, padding="valid")(ops.relu(x))
    x = layers.Dense(width, activation="relu")(layers.Flatten()(x))
    logits = layers.Dense(LEVELS, dtype="float32", name="logits")(x)
    network = keras.Model(face, logits, name="parser")
    network.shape_arguments = {"filters": filters, "deep": deep, "blocks": blocks, "maps": maps, "width": width}
    return network


def log_softmax(logits):
    """Log-probabilities (n, LEVELS) of the levels of each factor, natural logarithm, from logits (n, LEVELS)."""
    parts = []
    for columns in COLUMNS.values():
        part = np.asarray(logits[:, columns], np.float64)
        part = part - part.max(axis=1, keepdims=True)
        parts.append(part - np.log(np.exp(part).sum(axis=1, keepdims=True)))
    return np.concatenate(parts, axis=1)


def _expected(name, scores):
    """What `scores` (n, LEVELS) say of a factor's parents make of its levels: probabilities (n, levels)."""
    table = synthetic.frequencies(name)[None] / TOTAL
    for parent in synthetic.parents(name):
        belief = np.exp(scores[:, COLUMNS[parent]])
        table = (table * belief.reshape(*belief.shape, *[1] * (table.ndim - 2))).sum(1)
    return table


def most_likely(scores):
    """The records (n,) of `DTYPE` that are most probable given `scores` (n, LEVELS), log q(level | picture).

    Exact, by dynamic programming: children before parents, each factor is replaced by its best level for all levels of
    the factors that it is tied to, then these levels are looked up, parents first (bucket elimination: R. Dechter,
    Artificial Intelligence 113, 1999). No combination of levels has probability 0, so every record has finite
    `synthetic.bits`.
    """
    bests, choices = [], {}
    for name in reversed(ORDER):
        tied = [best for best in bests if name in best[0]]
        bests = [best for best in bests if name not in best[0]]
        parents = synthetic.parents(name)
        others = tuple(
            dict.fromkeys(other for names, _ in ((parents, None), *tied) for other in names if other != name)
        )
        axes = (*others, name)
        total = _spread(np.log(synthetic.frequencies(name)[None] / TOTAL), (*parents, name), axes)
        total = total + _spread(scores[:, COLUMNS[name]] - np.log(_expected(name, scores)), (name,), axes)
        for names, table in tied:
            total = total + _spread(table, names, axes)
        bests.append((others, total.max(-1)))
        choices[name] = others, total.argmax(-1)
    found = np.zeros(len(scores), DTYPE)
    for name in ORDER:
        others, choice = choices[name]
        found[name] = choice[(np.arange(len(scores)), *(found[other] for other in others))]
    return found


def _spread(table, names, axes):
    """A table (n or 1, levels of each of `names`) with an axis for each of `axes`, of length 1 where there was none."""
    order = sorted(range(len(names)), key=lambda number: axes.index(names[number]))
    shape = [len(FACTORS[name]) if name in names else 1 for name in axes]
    return table.transpose(0, *(number + 1 for number in order)).reshape(len(table), *shape)


def search(faces, found, scores, trials):
    """Better records for faces (n, 64, 64, 3), starting from `found` (n,): those whose pictures are nearer.

    Changes of one level are tried, `trials` of them, the most plausible first by `scores` (n, LEVELS), and each is
    kept where the rendered picture has a smaller squared error. After ROUND changes the first ones are tried again, as
    other levels are different now. A face that is drawn exactly is done, and one for which a round changed nothing.
    """
    found = found.copy()
    levels = found.view(np.uint8).reshape(len(found), len(FACTORS))
    error, done = _compare(faces, found)
    before = np.inf
    for trial in range(trials):
        if trial % ROUND == 0:
            done |= error >= before
            before = error.copy()
            others = np.where(levels[:, _FACTOR] == _LEVEL, -np.inf, scores)
            changes = np.argsort(-others, axis=1, kind="stable")[:, :ROUND]
        left = np.flatnonzero(~done)
        if not len(left):
            break
        change = changes[left, trial % ROUND]
        tried = levels[left]
        tried[np.arange(len(left)), _FACTOR[change]] = _LEVEL[change]
        new, exact = _compare(faces[left], tried.view(DTYPE)[:, 0])
        better = new < error[left]
        levels[left[better]] = tried[better]
        error[left[better]], done[left[better]] = new[better], exact[better]
    return found


def _compare(faces, drawn):
    """Squared error (n,) of the pictures of records, and whether they are the same but for rounding (n,)."""
    error, same = np.empty(len(faces)), np.empty(len(faces), bool)
    for start in range(0, len(faces), 256):
        part = slice(start, start + 256)
        difference = np.abs(faces[part] - synthetic.render(drawn[part]))
        error[part] = np.square(difference).sum((1, 2, 3), dtype=np.float64)
        same[part] = difference.max((1, 2, 3)) <= SAME
    return error, same


class Parser:
    """Reads face records off pictures.

    network: called with `face` (n, 64, 64, 3), returns {"output": logits (n, LEVELS)}, as `runtime.Graph` does.
    """

    name = "parser"
    size = SIZE

    def __init__(self, network):
        self._network = network

    @classmethod
    def from_files(cls, folder):
        """Load what `elic_tf.train symbolic` wrote, from a folder with `/` and `read_bytes()`."""
        return cls(Graph((folder / FILE).read_bytes))

    def scores(self, faces):
        """Log-probabilities (n, LEVELS) of every level of every factor, of faces (n, 64, 64, 3)."""
        faces = as_faces(faces, SIZE)
        return log_softmax(self._network(face=faces)["output"]) if len(faces) else np.empty((0, LEVELS))

    def parse(self, faces, trials=0):
        """Records (n,) of `synthetic.DTYPE` of faces (n, 64, 64, 3), uint8 or float in [0, 1].

        trials: draw so many other records too and keep what fits best, see `search`; 2 ms each a face.
        Raises ImageError for arrays that are no faces.
        """
        faces = as_faces(faces, SIZE)
        scores = self.scores(faces)
        found = most_likely(scores)
        return search(faces, found, scores, trials) if trials else found

    def records(self, faces):
        """What can be asked about each face: a list of n records in the vocabulary of `questions.records.FACTS`."""
        return [records.from_synthetic(record) for record in self.parse(faces)]
