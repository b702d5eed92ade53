"""The machinery of the course: what a notebook imports, and what makes the notebooks.

In a lesson: `setup` (device, data, mode), `checks` (is my function right?), `quiz`, `figures` (with alt text).
Behind it: `python -m elic_tf.course.builder` makes the notebooks from `notebooks/source`, `scores` collects results.
"""

import importlib

_ROOMS = ("builder", "checks", "figures", "quiz", "scores", "settings", "setup")

__all__ = [*_ROOMS]


def __getattr__(name):
    if name in _ROOMS:
        return importlib.import_module(f"elic_tf.course.{name}")
    raise AttributeError(f"module 'elic_tf.course' has no attribute '{name}'; it has {', '.join(__all__)}")


def __dir__():
    return sorted([*globals(), *__all__])
