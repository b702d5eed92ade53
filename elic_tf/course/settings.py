"""Everything about the course that is said once: its public address, its limits, its modes."""

import re

from elic_tf.errors import ElicError

# "owner/name" on GitHub once the repository has a public home there. Colab badges, and the address that Colab and
# Kaggle install from, derive from it; as long as it is empty there are none, and the lessons run where the repository
# is. After a change run `python -m elic_tf.course.builder`.
REPOSITORY = ""
BRANCH = "main"

MODES = ("smoke", "class", "full")

MAX_LESSON_LINES = 250  # visible lines of code: not blank, outside the set-up cell
MAX_CELL_LINES = 25
MAX_NOTEBOOK_BYTES = 500_000  # of a solution notebook with its outputs
MIN_MARKED_CELLS = 5  # cells whose output nbval compares
CELL_SECONDS = 900  # at most, for one cell, when the builder executes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


def repository() -> str:
    """REPOSITORY, "" as long as there is none. ElicError if it is no "owner/name" of GitHub, or a made-up one."""
    if REPOSITORY and (not _NAME.fullmatch(REPOSITORY) or REPOSITORY.lower().startswith(("owner/", "user/", "your"))):
        raise ElicError(f'REPOSITORY in elic_tf/course/settings.py is {REPOSITORY!r}; it is "owner/name", or empty')
    return REPOSITORY


def colab(path: str) -> str:
    """The address that opens a notebook in Colab, "" without a public repository; path: from the repository's root."""
    home = "https://colab.research.google.com/github"
    return f"{home}/{repository()}/blob/{BRANCH}/{path}" if repository() else ""


def install_from() -> str:
    """What pip installs the library from, "" without a public repository."""
    return f"git+https://github.com/{repository()}@{BRANCH}" if repository() else ""


def minutes(number: float) -> str:
    """ "1 minute", "12 minutes"."""
    return f"{number:g} minute{'s' * (number != 1)}"
