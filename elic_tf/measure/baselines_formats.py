"""One picture format of today: its settings, its encoder and decoder, shrinking and enlarging included."""

import dataclasses
import functools
import io

import numpy as np


@dataclasses.dataclass(frozen=True)
class Setting:
    """One way to make a file: everything the encoder and the decoder need to know besides the file.

    side: pixels of the picture that is encoded (the face is shrunk to it and enlarged again).
    quality: on the format's own scale; None where it has none.
    scaling: "lanczos" (Pillow's, both ways) or "fitted": the least-squares small picture for bicubic
    enlargement.
    options: what else the encoder is given, as (name, value) pairs.
    """

    side: int
    quality: float | None
    scaling: str = "lanczos"
    options: tuple = ()

    def __str__(self):
        parts = [] if self.quality is None else [f"{self.side}x{self.side} {self.scaling}", f"quality {self.quality}"]
        return ", ".join([*parts, *(f"{name} {value}" for name, value in self.options)])


class Baseline:
    """A picture format that Pillow reads and writes.

    variants: the option sets worth trying; sides, qualities: the rest of the grid, from small files to large.
    header: function of a file's bytes to the bits that are the same for every picture with that setting.
    """

    def __init__(self, name, pillow, variants, sides, qualities, header):
        self.name, self.pillow, self.variants = name, pillow, variants
        self.sides, self.qualities, self._header = sides, qualities, header

    @property
    def missing(self):
        """Why this baseline cannot run here, in one line; empty if it can."""
        from PIL import Image, features

        if self.pillow == "JXL":
            try:
                import pillow_jxl  # noqa: F401  (registers the format)
            except ImportError:
                return 'needs pillow-jxl-plugin: pip install "elic_tf[bench]"'
        feature = {"WEBP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000", "JPEG": "jpg"}.get(self.pillow)
        if feature and not features.check(feature):
            return f"this Pillow was built without {self.name}: install Pillow's own wheel, 11.3 or newer"
        Image.init()
        return "" if self.pillow in Image.SAVE else f"this Pillow cannot write {self.name}"

    def ladders(self):
        """Groups of ladders of settings: a group per variant and scaling, a ladder per side, small files first."""
        for options in self.variants:
            for scaling in ("lanczos", "fitted"):
                yield [
                    [Setting(side, quality, scaling, options) for quality in self.qualities]
                    for side in self.sides
                    if not (side == 64 and scaling == "fitted")
                ]

    @property
    def settings(self):
        """Every setting of the grid, as one list."""
        return [setting for group in self.ladders() for ladder in group for setting in ladder]

    def encode(self, image, setting):
        """The file, as bytes. image: (h, h, 3) uint8 or float in [0, 1]. OSError where the encoder refuses."""
        small = _shrink(to_bytes(image), setting.side, setting.scaling)
        options = dict(setting.options)
        if options.pop("grey", False):
            small = small.convert("L")
        file = io.BytesIO()
        small.save(file, self.pillow, **self._arguments(setting.quality, options))
        return file.getvalue()

    def _arguments(self, quality, options):
        if self.pillow == "JPEG2000":
            return {
                "quality_mode": "dB",
                "quality_layers": [quality],
                "no_jp2": True,
                "comment": b"",
                "mct": 1,
            } | options
        if self.pillow == "JXL":
            return {"quality": quality, "num_threads": 0} | options
        if self.pillow == "AVIF":
            return {"quality": quality, "max_threads": 1} | options
        if options.pop("tables", 2) == 1:
            return {"qtables": _one_table(quality)} | options
        return {"quality": quality} | options

    def decode(self, file, setting, size=64):
        """The face as float32 (size, size, 3) in [0, 1]."""
        from PIL import Image

        return _enlarge(Image.open(io.BytesIO(file)).convert("RGB"), size, setting.scaling)

    def bits_without_header(self, file):
        """Bits that depend on the picture; on the rest, constant for the setting, both ends could agree."""
        return 8 * len(file) - self._header(file)


def to_bytes(image):
    image = np.asarray(image)
    return image if image.dtype == np.uint8 else np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def _shrink(image, side, scaling):
    from PIL import Image

    if side == len(image):
        return Image.fromarray(image)
    if scaling == "lanczos":
        return Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)
    inverse = _fit(side, len(image))
    small = np.einsum("ij,jkc->ikc", inverse, image.astype(float))
    small = np.einsum("ij,kjc->kic", inverse, small)
    return Image.fromarray(np.clip(np.round(small), 0, 255).astype(np.uint8))


def _enlarge(image, size, scaling):
    from PIL import Image

    kernel = Image.Resampling.LANCZOS if scaling == "lanczos" else Image.Resampling.BICUBIC
    return np.asarray(image.resize((size, size), kernel), np.float32) / 255


@functools.cache
def _fit(side, size):
    """(side, size): the pseudo-inverse of Pillow's bicubic enlargement from side to size pixels."""
    from PIL import Image

    rows = [Image.fromarray(row[None]).resize((size, 1), Image.Resampling.BICUBIC) for row in np.eye(side, dtype="f")]
    return np.linalg.pinv(np.stack([np.asarray(row)[0] for row in rows], axis=1))


@functools.cache
def _one_table(quality):
    """Pillow's luminance quantisation table at this quality, for all channels: the file is 69 bytes smaller."""
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG", quality=quality)
    return [Image.open(file).quantization[0]]
