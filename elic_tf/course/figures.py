"""Pictures with alternative text, and small ones: what a lesson shows must also reach those who cannot see it.

    figures.show(faces[:8], titles=names, alt="Eight faces, ...")
    figures.curve({"eigenfaces": (bits, psnr)}, "bits per face", "PSNR in dB", alt="PSNR rises from ...")
    figures.picture(figure_of_matplotlib, alt="...")

Each returns a `Picture`, which a notebook shows if it is the last line of a cell (elsewhere: `display(...)`).
"""

import base64
import dataclasses
import html
import io
import pathlib

import numpy as np

from elic_tf.errors import ImageError

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe, Ito 2008
MARKERS = "osD^vP*"
SMALL = 4_000  # bytes; up to this a picture is a PNG
QUALITY = 85  # of WebP: about 40 dB, at a tenth of the size of PNG
GAP, LINE = 6, 17  # pixels


@dataclasses.dataclass(frozen=True)
class Picture:
    """An encoded picture with its alternative text. kind: "png" or "webp"; width: in pixels."""

    data: bytes = dataclasses.field(repr=False)
    kind: str = dataclasses.field(repr=False)
    alt: str
    width: int = dataclasses.field(repr=False)

    def _repr_html_(self):
        encoded = base64.b64encode(self.data).decode()
        size = f'width="{self.width}" style="max-width: 100%"'
        return f'<img src="data:image/{self.kind};base64,{encoded}" alt="{html.escape(self.alt, quote=True)}" {size}>'


def show(images, titles=None, *, alt, columns=None, zoom=None) -> Picture:
    """Images in a grid, each with its title (which may have several lines) above it.

    images: (n, h, w, 3) or (n, h, w), or a list of such images of one size; float in [0, 1], or uint8. Values out of
    range are clipped. columns: by default at most 8. zoom: whole pixels for each pixel, by default about 128 wide.
    """
    from PIL import Image, ImageDraw

    alt = _alt(alt)
    tiles = _tiles(images)
    if titles is not None and len(titles) != len(tiles):
        raise ImageError(f"{len(tiles)} images but {len(titles)} titles")
    height, width = tiles.shape[1:3]
    columns = columns or min(len(tiles), 8)
    zoom = zoom or max(1, round(128 / width))
    head = LINE * max((str(title).count("\n") + 1 for title in titles), default=0) + 3 if titles is not None else 0
    step_x, step_y = width * zoom + GAP, height * zoom + head + GAP
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * step_x - GAP, rows * step_y - GAP), "white")
    draw = ImageDraw.Draw(sheet)
    for index, tile in enumerate(tiles):
        x, y = index % columns * step_x, index // columns * step_y
        if titles is not None:
            _title(draw, str(titles[index]), x, y, width * zoom)
        sheet.paste(Image.fromarray(tile.repeat(zoom, 0).repeat(zoom, 1)), (x, y + head))
    return _encode(sheet, alt)


def curve(lines, xlabel, ylabel, *, alt, log_x=False, log_y=False, title=None) -> Picture:
    """Lines with markers in one plot; lines: {name: (x, y)} or {name: y}. An empty name has no legend.

    (x, y): two sequences of one length, or an array of shape (2, n). ImageError for anything else.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import StrMethodFormatter

    figure = Figure(figsize=(6.4, 3.8), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    for index, (name, values) in enumerate(lines.items()):
        x, y = _line(name, values)
        style = {"color": COLORS[index % len(COLORS)], "label": name or None}
        if len(x) <= 40:
            style |= {"marker": MARKERS[index % len(MARKERS)], "markersize": 5}
        axes.plot(x, y, **style)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if log_x:  # rates double from point to point: 64, 128, 256, not 10 to the power of 2
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    if log_y:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    if any(lines):
        axes.legend(frameon=False)
    return picture(figure, alt=alt)


def picture(figure, *, alt) -> Picture:
    """Anything as a `Picture`: a figure of matplotlib, an image of Pillow, an array, a file."""
    from PIL import Image

    alt = _alt(alt)
    if isinstance(figure, str | pathlib.Path):
        image = Image.open(figure).convert("RGB")
    elif isinstance(figure, Image.Image):
        image = figure.convert("RGB")
    elif hasattr(figure, "savefig"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
        image = Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    else:
        image = Image.fromarray(_tiles([figure])[0])
    return _encode(image, alt)


def _alt(alt) -> str:
    if not str(alt or "").strip():
        raise ImageError("alt is empty: say in a sentence what the picture shows")
    return " ".join(str(alt).split())


def _line(name, values) -> np.ndarray:
    """(2, n): x and y."""
    try:
        points = np.asarray(values, float)
    except (TypeError, ValueError):
        raise ImageError(f"the line {name!r} needs numbers: y, or x and y of one length") from None
    if points.ndim == 1:
        return np.stack([np.arange(len(points)), points])
    if points.ndim != 2 or len(points) != 2:
        raise ImageError(f"the line {name!r} has shape {points.shape}; it takes y (n,), or x and y (2, n)")
    return points


def _tiles(images) -> np.ndarray:
    """(n, h, w, 3) uint8."""
    images = [np.asarray(image) for image in images]
    if not images or len({image.shape for image in images}) > 1 or images[0].ndim not in (2, 3):
        shapes = sorted({str(image.shape) for image in images})
        raise ImageError(f"need images of one shape, (h, w, 3) or (h, w); got {', '.join(shapes) or 'none'}")
    stack = np.stack(images)
    if stack.dtype != np.uint8:
        stack = np.round(np.clip(np.nan_to_num(stack.astype(float)), 0, 1) * 255).astype(np.uint8)
    if stack.ndim == 3 or stack.shape[3] == 1:
        stack = np.repeat(stack.reshape(*stack.shape[:3], 1), 3, 3)
    return np.ascontiguousarray(stack)


def _title(draw, title, x, y, width) -> None:
    font = _font()
    for number, line in enumerate(title.split("\n")):
        while len(line) > 1 and draw.textlength(line, font) > width:
            line = line.rstrip("…")[:-1] + "…"
        draw.text((x + (width - draw.textlength(line, font)) / 2, y + number * LINE), line, "black", font)


def _font():
    import matplotlib
    from PIL import ImageFont

    return ImageFont.truetype(str(pathlib.Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), 12)


def _encode(image, alt) -> Picture:
    png, webp = io.BytesIO(), io.BytesIO()
    image.save(png, "PNG", optimize=True)
    if image.mode == "RGB":  # only faces are worth a loss: noise and plain surfaces gain little, plots are palettes
        image.save(webp, "WEBP", quality=QUALITY, method=6)
        if 2 * webp.tell() < png.tell() and png.tell() > SMALL:
            return Picture(webp.getvalue(), "webp", alt, image.width)
    return Picture(png.getvalue(), "png", alt, image.width)
