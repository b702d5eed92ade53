"""The networks of visual question answering: those of the first VQA paper, sized for faces of 64x64.

S. Antol et al., "VQA: Visual Question Answering", ICCV 2015 (arXiv 1505.00468), section 4, "deeper LSTM Q + norm I":

    image     v = feature(x) / |feature(x)|                           an image tower, L2-normalised
    question  q = [c1, h1, c2, h2]                                    of a two-layer LSTM over the words
    fusion    f = tanh(V v) * tanh(Q q)                               element-wise product
    answer    p(a | x, q) = softmax(W2 tanh(W1 f))

The paper's tower is VGG, trained on ImageNet and then frozen. This one is a small residual network, trained to tell the
attributes of faces and then frozen, so that one tower serves every question, and serves losses as a feature extractor.
Its inner layers have names: shallow, middle, deep, feature.
"""

import keras
from keras import layers, ops

SIZE = 64
FEATURE = 256
"""Length of the image feature."""
WORDS = 20
"""Words of a question that are read; the longest of our own has 18."""


def _conv(x, filters, size=3, stride=1):
    start = keras.initializers.VarianceScaling(2.0)
    x = layers.Conv2D(filters, size, stride, padding="same", use_bias=False, kernel_initializer=start)(x)
    return layers.BatchNormalization(momentum=0.98)(x)


def _residual(x):
    """x + F(x), with the rectifier after the sum (K. He et al., CVPR 2016, figure 2)."""
    hidden = ops.relu(_conv(x, x.shape[-1]))
    hidden = layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False)(hidden)
    # F starts at zero, so that a deep network begins as a shallow one.
    return ops.relu(x + layers.BatchNormalization(momentum=0.98, gamma_initializer="zeros")(hidden))


def tower(widths=(32, 64, 128, 160), blocks=(1, 1, 2, 1), feature=FEATURE):
    """The image tower: faces (n, 64, 64, 3) in [0, 1] to a dictionary of its layers.

    shallow (n, 32, 32, 32), middle (n, 16, 16, 64), deep (n, 8, 8, 128), feature (n, 256), not yet normalised.
    """
    faces = keras.Input((SIZE, SIZE, 3), name="faces")
    x = ops.relu(_conv(4 * (faces - 0.5), widths[0], 5, 2))
    stages = []
    for stage, (width, count) in enumerate(zip(widths, blocks)):
        if stage:
            x = ops.relu(_conv(x, width, 3, 2))
        for _ in range(count):
            x = _residual(x)
        stages.append(x)
    # Where on the face something is matters, so each channel is summed up with weights of its own for each place.
    x = layers.DepthwiseConv2D(x.shape[1], use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.98)(layers.Flatten()(x))
    last = layers.Dense(feature, dtype="float32", name="feature")(x)
    return keras.Model(faces, dict(zip(("shallow", "middle", "deep"), stages)) | {"feature": last}, name="tower")


def attribute_heads(attributes, ages, feature=FEATURE):
    """What the tower is trained with: a feature (n, 256) to logits of attributes (n, 40) and of bands of age (n, 6)."""
    x = keras.Input((feature,), name="feature")
    both = [layers.Dense(attributes, name="attributes"), layers.Dense(ages, name="age")]
    return keras.Model(x, [head(ops.relu(x)) for head in both], name="heads")


def question_network(vocabulary, embedding=64, units=96):
    """Word numbers (n, 20), 0 where there is no word, to q (n, 4 * units): memory and output of both LSTM layers."""
    words = keras.Input((WORDS,), dtype="int32", name="words")
    x = layers.Embedding(vocabulary, embedding, mask_zero=True)(words)
    x, *first = layers.LSTM(units, return_sequences=True, return_state=True)(x)
    _, *second = layers.LSTM(units, return_state=True)(x)
    return keras.Model(words, layers.Concatenate()([*reversed(first), *reversed(second)]), name="question")


def fusion_network(question_length, answers, feature=FEATURE, common=256):
    """Feature v (n, 256) and q (n, question_length) to logits of the answers (n, answers)."""
    v, q = keras.Input((feature,), name="feature"), keras.Input((question_length,), name="q")
    normalised = ops.normalize(v, axis=-1)
    f = layers.Dense(common, activation="tanh", name="image")(normalised * feature**0.5)
    f = f * layers.Dense(common, activation="tanh", name="words")(q)
    f = layers.Dense(common, activation="tanh", name="hidden")(layers.Dropout(0.3)(f))
    return keras.Model([v, q], layers.Dense(answers, name="answer")(layers.Dropout(0.3)(f)), name="fusion")
