"""Looking for better integers, for models whose decoder is not linear.

`rate.spend` finds the integers whose latents are nearest to those of the analysis transform. What is wanted is that
the decoded face is nearest to the face. Near the integers there are, its squared error is about that of a linear
decoder with another target: q - gradient / 2, a Newton step with the Hessian of an orthonormal transform. So quantise,
ask the decoder for the gradient, move the target there, quantise again, and keep the best (Y. Yang, R. Bamler, S.
Mandt, "Improving inference for neural image compression", NeurIPS 2020, search with relaxed rounding; here every trial
is a file).
"""

import numpy as np

from elic_tf.coding import rate

TRIALS = 8
DAMPING = 0.4
"""Of the way to the new target. All of it overshoots, because the decoder reacts to its input as a whole."""


def spend(model, faces, latents, bits):
    """As `rate.spend`, for the code of `model`.

    `model.improve(faces, coded, steps)` returns the squared error (n,) of what is decoded from `coded` (n, K), and the
    target (n, K) to try next.
    """
    code = model.code
    bits = np.broadcast_to(np.asarray(bits, np.float64), len(latents))
    levels, symbols = rate.spend(code, latents, bits)
    steps = np.array([code.step(level) for level in levels], np.float32)
    best, best_error = symbols.copy(), np.full(len(latents), np.inf)
    fits = np.ones(len(latents), bool)
    target = np.array(latents, np.float32)
    for trial in range(TRIALS + 1):
        error, wanted = model.improve(faces, code.dequantise(levels, symbols), steps)
        better = fits & (error < best_error)
        best[better], best_error[better] = symbols[better], error[better]
        if trial < TRIALS:
            target += DAMPING * (wanted - target)
            symbols, fits = rate.spend_at(code, target, levels, bits)
    return levels, best
