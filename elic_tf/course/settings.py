"""Everything about the course that is said once: its public address, its limits, its modes."""

# PLACEHOLDER until the repository has a public home: "owner/name" on GitHub. Every badge and link, and the address
# that Colab and Kaggle install from, derives from it; after a change run `python -m elic_tf.course.builder`.
REPOSITORY = "OWNER/elic_tf"
BRANCH = "main"

INSTALL_FROM = f"git+https://github.com/{REPOSITORY}@{BRANCH}"

MODES = ("smoke", "class", "full")

MAX_LESSON_LINES = 250  # visible lines of code: not blank, outside the set-up cell
MAX_CELL_LINES = 25
MAX_NOTEBOOK_BYTES = 300_000  # of a solution notebook with its outputs
MIN_MARKED_CELLS = 5  # cells whose output nbval compares
CELL_SECONDS = 900  # at most, for one cell, when the builder executes


def colab(path: str) -> str:
    """The address that opens a notebook of the repository in Colab; path: from the repository's root."""
    return f"https://colab.research.google.com/github/{REPOSITORY}/blob/{BRANCH}/{path}"


def minutes(number: float) -> str:
    """ "1 minute", "12 minutes"."""
    return f"{number:g} minute{'s' * (number != 1)}"
