"""Visual question answering: what is in a picture of a face, asked in words.

    vqa = VQA.load()
    vqa.answer(faces, "Is this a man or a woman?")         ["woman", "man", ...]
    vqa.records(faces)                                     [{"gender": "woman", "smiling": "yes", ...}, ...]

The networks are in `vqa_networks`, with their source. Nothing is shipped twice: the image tower is the TF-Hub module
`weights/extractor`, everything else is `weights/vqa.npz`.
"""

import re

import keras
import numpy as np

from elic_tf.errors import DataError, ImageError
from elic_tf.models.vqa_networks import FEATURE, SIZE, WORDS, attribute_heads, fusion_network, question_network, tower

__all__ = ["FEATURE", "SIZE", "VQA", "WORDS", "Vocabulary", "split", "tower"]

GENDER_QUESTION, GENDERS = "Is this a man or a woman?", ("woman", "man")
_CHUNK = 256


def split(question: str) -> list[str]:
    """The words of a question, in lower case; "'s" is a word, punctuation is none."""
    return re.findall(r"'s|[a-z]+|\d+", question.lower())


class Vocabulary:
    """Words and their numbers; 0 is no word, 1 a word that is not known."""

    def __init__(self, words):
        self.words = tuple(words)
        self._numbers = {word: number + 2 for number, word in enumerate(self.words)}

    @classmethod
    def of(cls, questions):
        """The vocabulary of some questions, in alphabetical order."""
        return cls(sorted({word for question in questions for word in split(question)}))

    def __len__(self):
        return len(self.words) + 2

    def numbers(self, questions) -> np.ndarray:
        """Word numbers (n, 20) int32; the words stand at the end, as in the authors' code, and the first 20 count."""
        numbers = np.zeros((len(questions), WORDS), np.int32)
        for row, question in zip(numbers, questions):
            words = [self._numbers.get(word, 1) for word in split(question)[:WORDS]]
            row[WORDS - len(words) :] = words
        return numbers


class VQA:
    """The trained networks with their vocabulary and answers.

    tower, heads, question, fusion: as the functions of `vqa_networks` make them. answers: texts, in the order of the
    logits. attributes: names of the heads' attributes. ages: names of the bands of age.
    """

    def __init__(self, tower, heads, question, fusion, vocabulary, answers, attributes, ages):
        self.tower, self.heads, self.question, self.fusion = tower, heads, question, fusion
        self.vocabulary, self.answers = vocabulary, tuple(answers)
        self.attributes, self.ages = tuple(attributes), tuple(ages)

    @classmethod
    def load(cls):
        """The shipped model."""
        from elic_tf import weights
        from elic_tf.models import hub_module

        with weights.file("vqa.npz").open("rb") as source, np.load(source) as held:
            made = cls.new(**{key: held[key].tolist() for key in ("words", "answers", "attributes", "ages")})
            for part in ("heads", "question", "fusion"):
                network = getattr(made, part)
                network.set_weights([held[f"{part}{i}"].astype(np.float32) for i in range(len(network.weights))])
        made.tower.set_weights(hub_module.weights(weights.file("extractor"))[: len(made.tower.weights)])
        return made

    @classmethod
    def new(cls, words, answers, attributes, ages):
        """A model that has learned nothing yet."""
        vocabulary = Vocabulary(words)
        question = question_network(len(vocabulary))
        fusion = fusion_network(question.output_shape[-1], len(answers))
        heads = attribute_heads(len(attributes), len(ages))
        return cls(tower(), heads, question, fusion, vocabulary, answers, attributes, ages)

    def arrays(self):
        """What `vqa.npz` holds: everything but the tower; weights as float16."""
        held = {
            "words": self.vocabulary.words,
            "answers": self.answers,
            "attributes": self.attributes,
            "ages": self.ages,
        }
        held = {key: np.array(value) for key, value in held.items()}
        for part in ("heads", "question", "fusion"):
            for i, weight in enumerate(getattr(self, part).get_weights()):
                held[f"{part}{i}"] = weight.astype(np.float16)
        return held

    def extractor(self):
        """The image tower and the answer to the gender question, as one network to export: see `hub_module.export`.

        Faces (n, 64, 64, 3) to the tower's layers and "gender_logits" (n, 2), of "woman" and "man". The tower's
        weights come first. The question is always the same, so what its words do to the fusion is folded into a layer.
        """
        layers = keras.layers
        asked = self.question(self.vocabulary.numbers([GENDER_QUESTION]), training=False)
        image, words, hidden, answer = (self.fusion.get_layer(name) for name in ("image", "words", "hidden", "answer"))
        which = [self.answers.index(gender) for gender in GENDERS]
        kernel, bias = answer.get_weights()
        faces = keras.Input((SIZE, SIZE, 3), name="faces")
        outputs = self.tower(faces)
        x = keras.ops.normalize(outputs["feature"], axis=-1) * FEATURE**0.5
        folded = (
            (layers.Dense(image.units, activation="tanh"), image.get_weights()),
            (layers.Dense(hidden.units, activation="tanh"),
             [np.transpose(words(asked)) * hidden.get_weights()[0], hidden.get_weights()[1]]),
            (layers.Dense(len(which)), [kernel[:, which], bias[which]]),
        )  # fmt: skip
        for layer, values in folded:
            x = layer(x)
            layer.set_weights(values)
        return keras.Model(faces, outputs | {"gender_logits": x}, name="extractor")

    def features(self, faces):
        """Features (n, 256) of faces (n, 64, 64, 3), uint8 or float in [0, 1]. ImageError for another shape."""
        faces = np.asarray(faces)
        if faces.shape[1:] != (SIZE, SIZE, 3):
            raise ImageError(f"questions are answered about faces of shape (n, {SIZE}, {SIZE}, 3), not {faces.shape}")
        scale = 255 if faces.dtype == np.uint8 else 1
        parts = (faces[start : start + _CHUNK].astype(np.float32) / scale for start in range(0, len(faces), _CHUNK))
        found = [keras.ops.convert_to_numpy(self.tower(part, training=False)["feature"]) for part in parts]
        return np.concatenate(found) if found else np.zeros((0, FEATURE), np.float32)

    def probabilities(self, features, questions):
        """p(answer | face, question), (n, answers), of features (n, 256) and n questions, or one for all."""
        questions = [questions] * len(features) if isinstance(questions, str) else list(questions)
        if len(questions) != len(features):
            raise DataError(f"{len(questions)} questions about {len(features)} faces; give one each, or one for all")
        different = {text: number for number, text in enumerate(dict.fromkeys(questions))}
        if not different:
            return np.zeros((0, len(self.answers)), np.float32)
        asked = self.question(self.vocabulary.numbers(different), training=False)
        which = np.array([different[text] for text in questions])
        logits = self.fusion(
            [keras.ops.convert_to_tensor(features), keras.ops.take(asked, which, axis=0)], training=False
        )
        return keras.ops.convert_to_numpy(keras.ops.softmax(logits))

    def answer(self, faces, questions, choices=None):
        """The likeliest answer to each question, as text. choices: for each question, the answers to choose from."""
        found = self.probabilities(self.features(faces), questions)
        return self.likeliest(found, choices)

    def likeliest(self, probabilities, choices=None):
        """The text of the likeliest answer in each row of `probabilities`."""
        if choices is not None:
            allowed = np.array([[answer in some for answer in self.answers] for some in choices])
            probabilities = np.where(allowed, probabilities, -1)
        return [self.answers[best] for best in probabilities.argmax(1)]

    def male(self, faces):
        """Probability (n,) that the answer to "Is this a man or a woman?" is "man" and not "woman"."""
        found = self.probabilities(self.features(faces), GENDER_QUESTION)
        woman, man = (found[:, self.answers.index(gender)] for gender in GENDERS)
        return man / (woman + man)

    def labels(self, faces):
        """What the attribute heads say: {attribute: (n,) bool, "age band": (n,) text}."""
        logits, ages = (keras.ops.convert_to_numpy(part) for part in self.heads(self.features(faces), training=False))
        found = {name: logits[:, i] > 0 for i, name in enumerate(self.attributes)}
        return found | {"age band": np.array(self.ages)[ages.argmax(1)]}

    def records(self, faces):
        """One record of facts a face, in the vocabulary of `elic_tf.questions.records`."""
        from elic_tf.faces.faceset import FaceSet
        from elic_tf.questions import records

        labels = self.labels(faces)
        ages = labels.pop("age band")
        empty = FaceSet("vqa", np.zeros((len(ages), 1, 1, 3), np.uint8), labels, None, [""] * len(ages))
        return [record | {"age": str(age)} for record, age in zip(records.from_faces(empty), ages)]
