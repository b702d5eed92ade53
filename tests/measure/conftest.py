"""The one real portrait the tests may use anywhere: scikit-image's astronaut, in the public domain."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def astronaut():
    """(1, 64, 64, 3) float32 in [0, 1], framed about as the face sets are."""
    data = pytest.importorskip("skimage.data", reason="scikit-image is in the bench extra")
    from PIL import Image

    crop = Image.fromarray(data.astronaut()).crop((151, 33, 302, 184))
    return np.asarray(crop.resize((64, 64), Image.Resampling.LANCZOS), np.float32)[None] / 255
