"""Whose face is it? Decoded faces among the photographs of all, by a network that knows faces apart.

The network is dlib's (D. King, "High quality face recognition with deep metric learning", 2017): a ResNet that puts two
photographs of one person less than 0.6 apart, and those of two persons further. None of our models has seen it.
"""

import dataclasses
import importlib.util
import pathlib

import numpy as np

from elic_tf.errors import ImageError, MissingExtraError
from elic_tf.measure import distortion

SAME = 0.6
"""Descriptors less than this apart belong to one person, says the network's author."""
_CHIP = 150
_MODEL = "dlib_face_recognition_resnet_model_v1.dat"


class Recogniser:
    """Faces to descriptors, in which a distance says whether two of them show one person.

    The network wants chips of 150x150 pixels cut around five landmarks. Those go astray on blurred faces, and our crops
    are aligned already, so one fixed box is cut: `box`, in shares of the width, the mean of the boxes that the
    landmarks gave on CelebA validation people; where it leaves the crop, the last row of pixels is repeated.
    """

    box = (0.086, 0.196, 0.910, 1.020)  # left, top, right, bottom

    def __init__(self):
        try:
            import dlib

            # Its __init__ needs pkg_resources, which setuptools no longer has; only its folder of weights is wanted.
            spec = importlib.util.find_spec("face_recognition_models")
            if spec is None:
                raise ImportError("no module named face_recognition_models")
        except ImportError as error:
            raise MissingExtraError(
                f'recognising people needs dlib and its weights ({error}); install: pip install "elic_tf[identity]"'
            ) from None
        folder = pathlib.Path(spec.submodule_search_locations[0], "models")
        self._network = dlib.face_recognition_model_v1(str(folder / _MODEL))

    def descriptors(self, faces):
        """(n, 128) float32 for square faces (n, h, w, 3), float in [0, 1] or uint8.

        The faces have the framing of the face sets of this package. Raises ImageError for anything else.
        """
        from tqdm.auto import tqdm

        faces = np.asarray(faces)
        if faces.dtype != np.uint8:
            faces = np.round(np.clip(distortion.check(faces), 0, 1) * 255).astype(np.uint8)
        if faces.ndim != 4 or faces.shape[3] != 3 or faces.shape[1] != faces.shape[2]:
            raise ImageError(f"recognising needs square faces, shape (n, size, size, 3), not {faces.shape}")
        found = [
            self._network.compute_face_descriptor(self._chip(face))
            for face in tqdm(faces, "descriptors of faces", leave=False, disable=None)
        ]
        return np.array(found, np.float32).reshape(len(faces), 128)

    def _chip(self, face):
        from PIL import Image

        below = int(np.ceil((self.box[3] - 1) * len(face)))
        face = np.pad(face, ((0, below), (0, 0), (0, 0)), "edge")
        box = [edge * (len(face) - below) for edge in self.box]
        return np.asarray(Image.fromarray(face).resize((_CHIP, _CHIP), Image.Resampling.BICUBIC, box=box))


@dataclasses.dataclass(frozen=True)
class Recognised:
    """What `recognised` found, one entry for each decoded face, (n,).

    first: whether its own photograph is the nearest of all. distance: to its own photograph; below `SAME` the network
    takes both for one person.
    """

    first: np.ndarray
    distance: np.ndarray


def recognised(decoded, photographs, which=None):
    """Look for each decoded face among the photographs.

    decoded: descriptors (n, d) of decoded faces; photographs: descriptors (m, d) of all originals; which: (n,) the
    photograph that each decoded face was made from (None: the first n). The more photographs, the harder: say how many.
    """
    which = np.arange(len(decoded)) if which is None else np.asarray(which)
    decoded, photographs = np.asarray(decoded, float), np.asarray(photographs, float)
    if decoded.ndim != 2 or decoded.shape[1:] != photographs.shape[1:] or len(which) != len(decoded):
        raise ImageError(f"need one descriptor for each face, got {decoded.shape} and {photographs.shape}")
    squares = (decoded**2).sum(1)[:, None] + (photographs**2).sum(1) - 2 * decoded @ photographs.T
    return Recognised(squares.argmin(1) == which, np.linalg.norm(decoded - photographs[which], axis=1))
