"""A repository with two tiny lessons, and nothing else."""

import pytest

FIRST = '''\
# ---
# title: A tiny lesson
# aim: See that the machinery works.
# needs: Nothing.
# minutes: {class: 1, full: 0.5}
# ---

# %% tags=["setup"]

# %% [markdown]
# ## Decibels
# The peak is 1. See [the guide](README.md) and ![a dot](dot.png).

# %%
import numpy as np


def psnr(a, b):
    """PSNR in dB, one number per face."""
    # Mind the axes.
    # solution: the mean squared error of each face, then decibels
    error = np.mean((a - b) ** 2, axis=(1, 2, 3))
    return -10 * np.log10(error)
    # end solution

# %%
psnr = checks.checked("00.psnr", psnr)

# %%
# NBVAL_CHECK_OUTPUT
a = np.zeros((2, 8, 8, 3))
print("PSNR of two faces:", np.round(psnr(a, a + 0.1), 2), course.data)

# %%
figures.show(course.faces(2), ["one", "two"], alt='Two synthetic "faces".')
'''

SECOND = """\
# ---
# title: A second lesson
# aim: Ask something.
# needs: "[The first](00_tiny.ipynb)."
# minutes: {class: 2}
# ---

# %% tags=["setup"]

# %% tags=["quiz"]
quiz.ask("How many bits are 32 bytes?", ["32", "256"], answer="b", why="A byte has eight.")
quiz.ask("And how many nats?", ["177", "256", "369"], answer="a", why="256 ln 2.")
"""


@pytest.fixture
def repository(tmp_path):
    """The root of a repository with the sources of two lessons, not built yet."""
    pytest.importorskip("jupytext")
    sources = tmp_path / "notebooks" / "source"
    sources.mkdir(parents=True)
    (tmp_path / "elic_tf" / "course").mkdir(parents=True)
    (sources / "00_tiny.py").write_text(FIRST)
    (sources / "01_second.py").write_text(SECOND)
    (tmp_path / "notebooks" / "README.md").write_text(
        "# Guide\n\n<!-- syllabus -->\n<!-- end syllabus -->\n\n<!-- lessons -->\n<!-- end lessons -->\n\nThe end.\n"
    )
    (tmp_path / "notebooks" / "dot.png").write_bytes(b"")
    return tmp_path
