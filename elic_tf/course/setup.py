"""What the first cell of every lesson calls: which machine is this, which faces, how much training?

    course = setup.start("02", minutes={"class": 12, "full": 5})
    steps = course.pick(smoke=2, classroom=400, full=4000)
    train = course.face_set(4000, "train")

`ELIC_MODE` (smoke, class, full) sets the amount of training, never the code path: full where there is a GPU, class
where there is none, smoke in tests. `ELIC_FACES=synthetic` leaves CelebA aside even where it is available.
"""

import dataclasses
import functools
import importlib.util
import os
import shutil
import subprocess

import numpy as np

from elic_tf.course import scores, settings
from elic_tf.errors import DataError, ElicError

_NEEDED = {
    "tensorflow": "tensorflow", "keras": "keras", "PIL": "pillow", "matplotlib": "matplotlib", "tqdm": "tqdm",
    "ai_edge_litert": "ai-edge-litert",
}  # fmt: skip
_SEEDS = {"train": 1, "validation": 2, "test": 3}


@dataclasses.dataclass(frozen=True)
class Course:
    """What `start` found out. device: "GPU" or "CPU"; data: "celeba" or "synthetic"; minutes: for this mode or None."""

    lesson: str
    device: str
    data: str
    mode: str
    minutes: float | None

    def pick(self, smoke, classroom, full):
        """One of three amounts, by mode."""
        return {"smoke": smoke, "class": classroom, "full": full}[self.mode]

    def face_set(self, n, split="train"):
        """n faces as a `FaceSet`, uint8 with labels; see `face_set`."""
        return face_set(n, split, self.data)

    def faces(self, n, split="train") -> np.ndarray:
        """n faces, float32 (n, 64, 64, 3) in [0, 1]; see `face_set`."""
        return faces(n, split, self.data)


def start(lesson: str, minutes=None) -> Course:
    """Find out about the machine, print a few lines about it, and return them as a `Course`.

    minutes: {mode: measured minutes}. ElicError if a package is missing or ELIC_MODE is none of the modes.
    """
    missing = [package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ElicError(f"missing: {', '.join(missing)}; run `pip install {' '.join(missing)}` and this cell again")
    gpu = _gpu()
    mode = os.environ.get("ELIC_MODE") or ("full" if gpu else "class")
    if mode not in settings.MODES:
        raise ElicError(f"ELIC_MODE is {mode!r}; it can be {', '.join(settings.MODES)}")
    data = available_data()
    scores.started(lesson)
    course = Course(lesson, "GPU" if gpu else "CPU", data, mode, (minutes or {}).get(mode))
    print(f"lesson {lesson} on {gpu or f'CPU, {_cores()} cores'}")
    print("photographs of CelebA" if data == "celeba" else "synthetic faces (with CelebA: set ELIC_DATA to its folder)")
    print(f"mode {mode}{_duration(course)}")
    return course


def available_data() -> str:
    """ "celeba" where CelebA is and ELIC_FACES does not say "synthetic"; otherwise "synthetic"."""
    from elic_tf.faces import celeba

    wanted = os.environ.get("ELIC_FACES", "")
    if wanted not in ("", "synthetic", "celeba"):
        raise ElicError(f"ELIC_FACES is {wanted!r}; it can be synthetic or celeba")
    if wanted == "synthetic":
        return "synthetic"
    try:
        celeba.find()
    except DataError:
        if wanted == "celeba":
            raise
        return "synthetic"
    return "celeba"


def face_set(n: int, split: str = "train", data: str | None = None):
    """n faces of 64x64 as a `FaceSet`: CelebA's where available, synthetic ones otherwise.

    split: "train", "validation" or "test"; no person is in two of them. From a copy of CelebA that has fewer, as
    many as there are: use the length of what you got. Both kinds have the label "male".
    """
    if split not in _SEEDS:
        raise DataError(f"split is {split!r}; it can be {', '.join(_SEEDS)}")
    return _face_set(n, split, data or available_data())


def faces(n: int, split: str = "train", data: str | None = None) -> np.ndarray:
    """n faces as `face_set` gives them, but as float32 (n, 64, 64, 3) in [0, 1]: 49 kB each."""
    return face_set(n, split, data).images.astype(np.float32) / 255


@functools.lru_cache(maxsize=6)
def _face_set(n, split, data):
    from elic_tf.faces import celeba, synthetic

    if data == "celeba":
        return celeba.load(split=split, limit=n)
    return synthetic.load(n, seed=_SEEDS[split])


def _gpu() -> str:
    """The name of the first NVIDIA GPU that TensorFlow may use, else "". Asks the driver, which takes no TensorFlow."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not shutil.which("nvidia-smi"):
        return ""
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.splitlines()[0].strip() if done.returncode == 0 and done.stdout.strip() else ""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _duration(course) -> str:
    if course.minutes is None:
        return ""
    where = "a GPU" if course.mode == "full" else "two CPU cores"
    return f": about {settings.minutes(course.minutes)} on {where}"
