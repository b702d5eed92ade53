"""How far a decoded face is from the original: MSE, PSNR, SSIM and MS-SSIM, one number per face.

Every function takes two arrays of shape (n, height, width, 3), float in [0, 1], and returns (n,) float64.
Nothing but NumPy is used.
"""

import numpy as np

from elic_tf.errors import ImageError

TAPS, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2
MS_SSIM_SIZE = 4 * TAPS
"""Pixels that a face needs to be halved twice and still hold the window."""
# The first three of the five weights of Wang, Simoncelli and Bovik 2003 (section 3.2), made to sum to one.
SCALE_WEIGHTS = np.array([0.0448, 0.2856, 0.3001]) / (0.0448 + 0.2856 + 0.3001)
_CHUNK = 128  # faces at once: bounds the memory, not the result


def mse(original, decoded):
    """Mean squared error over pixels and channels, on [0, 1] values. Returns (n,)."""
    original, decoded = _pair(original, decoded)
    return np.concatenate([np.zeros(0), *(((a - b) ** 2).mean((1, 2, 3)) for a, b in _chunks(original, decoded))])


def psnr(original, decoded):
    """Peak signal-to-noise ratio, -10 log10(MSE), in dB with peak 1; infinity for equal faces. Returns (n,)."""
    error = mse(original, decoded)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(error)


def ssim(original, decoded):
    """Structural similarity of Wang, Bovik, Sheikh and Simoncelli 2004 (equation 13), mean of R, G and B.

    Window: Gaussian of 11 x 11 taps, sigma 1.5; K1 = 0.01, K2 = 0.03. Border: only windows that lie wholly
    inside the picture count (5 pixels are lost on each side), which is what scikit-image's
    `structural_similarity` does with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    data_range=1`. Needs sides of 11 or more. Returns (n,).
    """
    original, decoded = _pair(original, decoded, TAPS)
    parts = [
        (luminance * contrast).mean((1, 2, 3))
        for luminance, contrast in (_maps(_planes(a), _planes(b)) for a, b in _chunks(original, decoded))
    ]
    return np.concatenate([np.zeros(0), *parts])


def ms_ssim(original, decoded):
    """Multi-scale SSIM (Wang, Simoncelli and Bovik 2003, equation 7) with three scales.

    MS-SSIM = prod_{j=1..2} max(cs_j, 0)^w_j * max(ssim_3, 0)^w_3, per channel, then the mean of R, G and B.
    cs_j is the mean of the contrast-structure map at scale j, each scale is the 2 x 2 average of the one
    before, and w = (0.0448, 0.2856, 0.3001) / 0.6305. The paper's five scales need 176 pixels; at 64 only
    three leave room for the window, so these numbers are **not** comparable with published five-scale ones.
    Needs sides of 44 or more, divisible by 4. Returns (n,).
    """
    original, decoded = _pair(original, decoded, MS_SSIM_SIZE)
    if original.shape[1] % 4 or original.shape[2] % 4:
        raise ImageError(f"MS-SSIM halves the picture twice: sides must be multiples of 4, not {_size(original)}")
    parts = []
    for a, b in _chunks(original, decoded):
        a, b = _planes(a), _planes(b)
        score = 1.0
        for scale, weight in enumerate(SCALE_WEIGHTS):
            if scale:
                a, b = _halve(a), _halve(b)
            luminance, contrast = _maps(a, b)
            last = scale == len(SCALE_WEIGHTS) - 1
            factor = (luminance * contrast if last else contrast).mean((2, 3))
            score = score * np.maximum(factor, 0) ** weight
        parts.append(score.mean(1))
    return np.concatenate([np.zeros(0), *parts])


def _maps(a, b):
    """Luminance and contrast-structure maps of (n, 3, h, w) planes, each (n, 3, h - 10, w - 10)."""
    rows, columns = _blur_matrix(a.shape[2]), _blur_matrix(a.shape[3]).T
    mean_a, mean_b = rows @ a @ columns, rows @ b @ columns
    variances = rows @ (a * a + b * b) @ columns - mean_a**2 - mean_b**2
    covariance = rows @ (a * b) @ columns - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a**2 + mean_b**2 + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)


def _blur_matrix(length):
    """(length - 10, length): each row holds the Gaussian at one position wholly inside the picture."""
    taps = np.exp(-((np.arange(TAPS) - TAPS // 2) ** 2) / (2 * SIGMA**2))
    taps /= taps.sum()
    matrix = np.zeros((length - TAPS + 1, length))
    for row in range(len(matrix)):
        matrix[row, row : row + TAPS] = taps
    return matrix


def _halve(planes):
    n, channels, height, width = planes.shape
    return planes.reshape(n, channels, height // 2, 2, width // 2, 2).mean((3, 5))


def _planes(faces):
    return np.ascontiguousarray(faces.transpose(0, 3, 1, 2))


def _chunks(original, decoded):
    for start in range(0, len(original), _CHUNK):
        part = slice(start, start + _CHUNK)
        yield original[part].astype(np.float64), decoded[part].astype(np.float64)


def _size(faces):
    return f"{faces.shape[1]}x{faces.shape[2]}"


def _pair(original, decoded, smallest=1):
    original, decoded = check(original, "original"), check(decoded, "decoded")
    if original.shape != decoded.shape:
        raise ImageError(f"original {original.shape} and decoded {decoded.shape} must have the same shape")
    if min(original.shape[1:3]) < smallest:
        raise ImageError(f"faces of {_size(original)} are too small for this measure: it needs {smallest}x{smallest}")
    return original, decoded


def check(faces, name="faces"):
    """The array itself if it is (n, h, w, 3) float in [0, 1]; otherwise an ImageError says what is wrong."""
    faces = np.asarray(faces)
    if faces.ndim != 4 or faces.shape[3] != 3:
        raise ImageError(f"{name}: need shape (n, height, width, 3), got {faces.shape}")
    if faces.dtype.kind != "f":
        raise ImageError(f"{name}: need floats in [0, 1], got {faces.dtype}; divide uint8 faces by 255 first")
    if faces.size:
        low, high = faces.min(), faces.max()
        if not np.isfinite(low + high):
            raise ImageError(f"{name}: has NaN or infinite values")
        if low < -1e-3 or high > 1 + 1e-3:
            raise ImageError(f"{name}: need values in [0, 1], got {low:.3g} to {high:.3g}; divide by 255 or clip first")
    return faces
