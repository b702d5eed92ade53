"""BlurHash and ThumbHash: a few cosine coefficients as a placeholder, the nearest thing in use to a 32-byte picture.

Neither shrinks the face: both are made to be shown at any size.
"""

import math

import numpy as np

from elic_tf.measure.baselines_formats import Baseline, Setting, to_bytes


class BlurHash(Baseline):
    """BlurHash (Wolt): up to 9 x 9 cosine coefficients in base-83 text, to be shown at any size."""

    def __init__(self):
        super().__init__("BlurHash", "", [], (64,), (), None)

    @property
    def missing(self):
        return _missing("blurhash", "blurhash-python")

    def ladders(self):
        shapes = sorted(((x, y) for x in range(1, 10) for y in range(1, 10)), key=lambda shape: shape[0] * shape[1])
        yield [[Setting(64, None, options=(("components", shape),)) for shape in shapes]]

    def encode(self, image, setting):
        import blurhash
        from PIL import Image

        return blurhash.encode(Image.fromarray(to_bytes(image)), *setting.options[0][1]).encode()

    def decode(self, file, setting, size=64):
        import blurhash

        return np.asarray(blurhash.decode(file.decode(), size, size), np.float32) / 255

    def bits_without_header(self, file):
        """With the component counts agreed, and in base 2 instead of base 83: 24 bits of mean colour, log2(83)
        of range, log2(19^3) for each further coefficient.
        """
        coefficients = (len(file) - 6) // 2
        return math.ceil(24 + math.log2(83) * (coefficients > 0) + coefficients * 3 * math.log2(19))


class ThumbHash(Baseline):
    """ThumbHash (Wallace): 24 bytes for a square picture, no setting at all."""

    def __init__(self):
        super().__init__("ThumbHash", "", [], (64,), (), None)

    @property
    def missing(self):
        return _missing("thash", "thash")

    def ladders(self):
        yield [[Setting(64, None)]]

    def encode(self, image, setting):
        import thash

        return bytes(thash.encode(to_bytes(image)))

    def decode(self, file, setting, size=64):
        import thash

        width, height, rgba = thash.thumb_hash_to_rgba(list(file), base_size=size)
        return np.frombuffer(bytes(rgba), np.uint8).reshape(height, width, 4)[:, :, :3].astype(np.float32) / 255

    def bits_without_header(self, file):
        """Without the two flags and the three bits that say "square"."""
        return 8 * len(file) - 5 - 4  # and the last half byte, which a square picture leaves empty


def _missing(module, package):
    try:
        __import__(module)
    except ImportError:
        return f'needs {package}: pip install "elic_tf[bench]"'
    return ""
