"""Any encoder and decoder as a model for `elic_tf.coding.codec.Codec`: a VAE that writes files of a given size.

The coder was made for eigenfaces: it spends bits so that the squared error of the *latents* is least, with one step
for all, and that is right where latents have the unit of pixels. Latents of a network have no unit. They are given one
by the decoder's Jacobian J at training faces: a small change dz moves the face by |J dz|^2, on average dz' M dz with
M = E[J' J]. So

    y = V' M^1/2 (z - mean)

has, to first order, the squared error of the face. V are the principal axes of training latents, so that the
coordinates of y are uncorrelated and few carry most. What the decoder ignores gets a scale of zero, and no bits.

What is assumed beyond that: M is about the same for all faces; the y are symmetric around their mean and alike but for
their scale, because one bank of tables serves all (it is counted on training latents); and what a posterior knows of
its own width does not matter, because its mean is what is sent.

What that buys, for a VAE of synthetic faces at 32x32 (64 latents, sigma 0.25) and files of 96 bits: 18.8 dB with
latents as they are, 20.0 with principal axes of z, 20.1 with those of y; and 20.4 with `elic_tf.coding.search`, which
gains nothing where latents do not have the unit of pixels.
"""

import keras
import numpy as np
from keras import ops

from elic_tf.coding.latent_code import LatentCode
from elic_tf.models import klt_fit

JACOBIANS = 16
"""Training faces at which the decoder is differentiated; three times as many change a PSNR by 0.01 dB."""
CHANGE = 0.3
"""By which a latent is moved for that, in standard deviations, about as quantisation does."""
DEAD = 1e-4
"""Standard deviation of y, in pixels summed over the face, below which a latent is not worth a number."""
_LEAST = 1e-12
_BATCH = 128


class LatentModel:
    """encoder: faces (n, size, size, 3) in [0, 1] to means (n, D), or to a list that begins with them; decoder: (n, D)
    to faces; centre (D,), forward (D, K), back (K, D): y = (z - centre) forward; code: how y is written.

    number: of this model in its files, 1 to 15, for `Codec(model, model.number)`; 1 and 2 are taken.
    """

    decoders = ("smooth",)

    def __init__(self, encoder, decoder, centre, forward, back, code, name="vae", number=15):
        self.encoder, self.decoder, self.code = encoder, decoder, code
        self.centre, self.forward, self.back = centre, forward, back
        self.name, self.number, self.size = name, number, int(encoder.input_shape[1])

    @classmethod
    def from_networks(cls, encoder, decoder, faces, name="vae", number=15):
        """Fit everything to training faces (n, size, size, 3), uint8 or float in [0, 1]."""
        means = latents(encoder, faces)
        centre = means.mean(0, dtype=np.float64).astype(np.float32)
        metric = pixel_metric(decoder, means)
        forward, back = axes(means, metric)
        projected = (means - centre) @ forward
        code = klt_fit.fit_code(projected, np.maximum(np.square(projected, dtype=np.float64).mean(0), _LEAST))
        return cls(encoder, decoder, centre, forward, back, code, name, number)

    def analysis(self, faces):
        """Faces (n, size, size, 3) in [0, 1] to latents (n, K) float32, the most important first."""
        return (latents(self.encoder, faces) - self.centre) @ self.forward

    def synthesis(self, latents, decoder="smooth", steps=None):
        """Latents (n, K) to faces (n, size, size, 3) float32 in [0, 1]."""
        del decoder, steps  # there is only one, and no step changes what it does
        z = np.asarray(latents, np.float32) @ self.back + self.centre
        return np.clip(_decode(self.decoder, z), 0, 1)

    def improve(self, faces, coded, steps):
        """Squared error (n,) of what `coded` (n, K) decodes to, and a target (n, K) for `elic_tf.coding.search`."""
        import tensorflow as tf

        del steps
        error, target = [np.empty(0)], [np.empty_like(coded)[:0]]
        for start in range(0, len(coded), _BATCH):
            y = coded[start : start + _BATCH]
            z = tf.constant(y @ self.back + self.centre)
            with tf.GradientTape() as tape:
                tape.watch(z)
                each = tf.reduce_sum(tf.square(faces[start : start + _BATCH] - self.decoder(z)), (1, 2, 3))
            # In y the Hessian of the squared error is about twice the identity, so this is a Newton step.
            target.append(y - tape.gradient(each, z).numpy() @ self.back.T / 2)
            error.append(each.numpy())
        return np.concatenate(error), np.concatenate(target)

    def arrays(self):
        """Everything but the networks, as named arrays for `numpy.savez`."""
        return {"centre": self.centre, "forward": self.forward, "back": self.back} | self.code.arrays()

    @classmethod
    def from_folder(cls, folder, name="vae", number=15):
        """Load `encoder.keras`, `decoder.keras` and `latents.npz`, as a recipe writes them."""
        networks = (keras.models.load_model(f"{folder}/{part}.keras", compile=False) for part in ("encoder", "decoder"))
        with np.load(f"{folder}/latents.npz") as arrays:
            return cls.from_arrays(*networks, arrays, name, number)

    @classmethod
    def from_arrays(cls, encoder, decoder, arrays, name="vae", number=15):
        """Rebuild from the networks and the mapping that `arrays` gave."""
        linear = (arrays[key] for key in ("centre", "forward", "back"))
        return cls(encoder, decoder, *linear, LatentCode.from_arrays(arrays), name, number)


def latents(encoder, faces):
    """Posterior means (n, D) of faces (n, size, size, 3), uint8 or float in [0, 1]."""
    scale = 255 if np.asarray(faces[:0]).dtype == np.uint8 else 1
    out = [np.empty((0, np.ravel(encoder.output_shape)[-1]), np.float32)]
    for start in range(0, len(faces), _BATCH):
        given = encoder(ops.convert_to_tensor(np.asarray(faces[start : start + _BATCH], np.float32) / scale))
        out.append(ops.convert_to_numpy(given[0] if isinstance(given, (list, tuple)) else given))
    return np.concatenate(out)


def _decode(decoder, z):
    out = [np.empty((0, *decoder.output_shape[1:]), np.float32)]
    for start in range(0, len(z), _BATCH):
        out.append(ops.convert_to_numpy(decoder(ops.convert_to_tensor(z[start : start + _BATCH]))))
    return np.concatenate(out)


def pixel_metric(decoder, means, count=JACOBIANS):
    """M = E[J' J] (D, D) at `count` of the latents `means` (n, D), by central differences."""
    spread = means.std(0) + 1e-6
    change = np.diag(CHANGE * spread).astype(np.float32)
    total = np.zeros((len(spread), len(spread)))
    chosen = means[np.linspace(0, len(means) - 1, min(count, len(means))).astype(np.intp)]
    for z in chosen:
        columns = (_decode(decoder, z + change) - _decode(decoder, z - change)).reshape(len(spread), -1)
        columns /= 2 * CHANGE * spread[:, None]
        total += columns @ columns.T
    return total / len(chosen)


def axes(means, metric):
    """The matrices to y and back, (D, K) and (K, D): V' M^1/2 and its inverse, largest variance first."""
    values, vectors = np.linalg.eigh(metric)
    kept = values >= 1e-9 * values.max()
    roots = np.sqrt(np.maximum(values[kept], _LEAST))
    root, inverse = vectors[:, kept] * roots, (vectors[:, kept] / roots).T
    centred = means - means.mean(0, dtype=np.float64)
    variances, principal = np.linalg.eigh(root.T @ (centred.T @ centred / len(centred)) @ root)
    # One at least: also a model whose latents have all collapsed writes files.
    order = np.argsort(-variances)[: max(1, (variances > DEAD**2).sum())]
    forward, back = root @ principal[:, order], principal[:, order].T @ inverse
    return forward.astype(np.float32), back.astype(np.float32)
