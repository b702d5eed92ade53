"""Figures: alternative text always, pixels as given, small files."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from elic_tf.course import figures
from elic_tf.errors import ImageError
from elic_tf.faces import synthetic


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"))


def test_alt_text_is_needed_and_escaped():
    picture = figures.show([np.zeros((4, 4, 3))], alt='A "black"\n square <tiny>')
    assert 'alt="A &quot;black&quot; square &lt;tiny&gt;"' in picture._repr_html_()
    assert repr(picture) == """Picture(alt='A "black" square <tiny>')"""
    with pytest.raises(ImageError, match="alt is empty"):
        figures.show([np.zeros((4, 4, 3))], alt=" ")
    with pytest.raises(TypeError):
        figures.curve({"": [1, 2]}, "x", "y")


def test_pixels_are_shown_as_they_are():
    images = np.random.default_rng(0).random((3, 8, 8, 3)).astype(np.float32)
    shown = pixels(figures.show(images, alt="noise", columns=2, zoom=3))
    assert shown.shape == (2 * 24 + figures.GAP, 2 * 24 + figures.GAP, 3)
    assert np.array_equal(shown[:24:3, :24:3], np.round(images[0] * 255))
    assert np.array_equal(shown[24 + figures.GAP :: 3, :24:3], np.round(images[2] * 255))


@pytest.mark.parametrize("images", [np.zeros((2, 4, 4)), np.zeros((2, 4, 4, 1)), np.full((2, 4, 4, 3), 7, np.uint8)])
def test_grey_and_uint8_images(images):
    assert pixels(figures.show(images, ["a", "b"], alt="two")).shape[2] == 3


def test_wrong_images_and_titles_are_refused():
    with pytest.raises(ImageError, match=r"one shape.*\(2, 2\), \(3, 3\)"):
        figures.show([np.zeros((2, 2)), np.zeros((3, 3))], alt="x")
    with pytest.raises(ImageError, match="got none"):
        figures.show([], alt="x")
    with pytest.raises(ImageError, match="2 images but 1 titles"):
        figures.show(np.zeros((2, 4, 4)), ["a"], alt="x")


def test_figures_are_small_and_the_same_each_time():
    faces = synthetic.faces(16)
    titles = [f"a long title of face {number}\nline two" for number in range(16)]
    many = figures.show(faces, titles, alt="16 faces")
    assert len(many.data) < 60_000 and many == figures.show(faces, titles, alt="16 faces")
    line = figures.curve(
        {"eigenfaces": ([64, 128, 256], [18, 20, 22]), "other": [1, 2]}, "bits", "dB", alt="Two lines."
    )
    assert line.kind == "png" and len(line.data) < 30_000
    noise = np.random.default_rng(0).random((1, 64, 64, 3))
    assert many.kind == "webp" and figures.show(noise, alt="noise").kind == "png"  # which would lose what it is


def test_lines_are_y_or_x_and_y_in_any_form():
    x, y = [1.0, 2.0, 4.0], [3.0, 5.0, 6.0]
    wanted = figures.curve({"a": (x, y)}, "x", "y", alt="a line")
    for values in (np.array([x, y]), [x, y], (np.array(x), y), tuple(zip(*zip(x, y)))):
        assert figures.curve({"a": values}, "x", "y", alt="a line") == wanted
    assert figures.curve({"a": y}, "x", "y", alt="b") == figures.curve({"a": ([0, 1, 2], y)}, "x", "y", alt="b")
    with pytest.raises(ImageError, match=r"the line 'a' has shape \(3, 2\); it takes y \(n,\), or x and y \(2, n\)"):
        figures.curve({"a": np.array([x, y]).T}, "x", "y", alt="c")
    with pytest.raises(ImageError, match="the line 'a' needs numbers: y, or x and y of one length"):
        figures.curve({"a": (x, y[:2])}, "x", "y", alt="c")


def test_a_figure_of_matplotlib_an_image_and_a_file_become_pictures(tmp_path):
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([1, 2])
    assert figures.picture(figure, alt="a line").width == 200
    Image.new("RGB", (5, 4), "red").save(tmp_path / "red.png")
    for source in (tmp_path / "red.png", Image.new("RGB", (5, 4), "red"), np.full((4, 5, 3), (1.0, 0, 0))):
        assert (pixels(figures.picture(source, alt="red")) == (255, 0, 0)).all()
