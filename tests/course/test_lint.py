"""What a committed output must not be."""

import nbformat
import pytest

from elic_tf.course import lint, settings

V4 = nbformat.v4


def problems(source, output, count=1):
    cell = V4.new_code_cell(source, execution_count=count, outputs=[output])
    marked = [V4.new_code_cell(f"{lint.MARK}\nprint(1)", execution_count=1, outputs=[text("1\n")]) for _ in range(4)]
    return lint.outputs(V4.new_notebook(cells=[cell, *marked]), "x.ipynb", "/some/where")


def text(words):
    return V4.new_output("stream", text=words)


def shown(metadata=None, **data):
    data = {kind.replace("_", "/"): value for kind, value in data.items()}
    return V4.new_output("display_data", data, metadata=metadata or {})


def test_a_marked_cell_with_text_is_fine():
    assert problems(f"{lint.MARK}\nprint(1)", text("1\n")) == []


@pytest.mark.parametrize(
    ("source", "output", "count", "said"),
    [
        (f"{lint.MARK}\nprint(1)", text("1\n"), None, "x.ipynb, cell 1: marked"),
        (f"{lint.MARK}\nprint(1)", text(" \n"), 1, "no output to compare"),
        (f"{lint.MARK}\nprint(1)", shown(text_plain="1", text_html='<img src="" alt="a">'), 1, "shows a picture"),
        ("1 / 0", V4.new_output("error", ename="E", evalue="", traceback=[]), 1, "is an error"),
        ("f", shown(text_html="<img src='x'>"), 1, "without alt text"),
        ("f", shown(text_html="<img src='x' alt=' '>"), 1, "without alt text"),
        ("f", shown(image_png="aGk="), 1, "without alt text"),
        ("f", text("in /some/where/elic.py\n"), 1, "path of this machine"),
        ('course = setup.start("00")', text("photographs of CelebA\n"), 1, "must not be committed"),
        ("f", text("x" * settings.MAX_NOTEBOOK_BYTES), 1, "kB with its outputs"),
        ("f", text("1"), 1, "4 cells marked"),
        ("f", V4.new_output("display_data", {lint.WIDGET: {}, "text/plain": "0%"}), 1, "shows a widget"),
    ],
)
def test_everything_else_is_named(source, output, count, said):
    assert any(said in problem for problem in problems(source, output, count))


def test_alt_text_in_metadata_counts():
    found = problems("f", shown(metadata={"image/png": {"alt": "a face"}}, image_png="aGk="))
    assert not any("alt text" in problem for problem in found)
