"""What lesson 06 plugs its losses into: three networks, and a wire of some weight from each loss to each of them.

    board = Board(eigenfaces, faces, LOSSES, WATCHED, bits=50)      # a subclass, which writes `train_step`
    board.connect({"encoder": {"prior": 1, "llike": 1}, ...})
    rows = board.train(faces, epochs=4, steps=250)

Weights, limits and the penalty are variables, so a board can be wired anew without being compiled anew.
"""

import io

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from elic_tf.models import adversarial, convolutional
from elic_tf.models.transform import Place
from elic_tf.train import gan

LATENTS, WIDTH = 64, 12
RATE = 1e-3
SIZE = 32


def encoder(latents=LATENTS):
    """Faces (n, 32, 32, 3) to mean and log variance, (n, latents) each: eigenfaces and a small correction."""
    faces = keras.Input((SIZE, SIZE, 3))
    linear = layers.Dense(latents, trainable=False, name="analysis")(layers.Flatten()(faces))
    hidden = layers.Dense(latents, activation="relu")(linear)
    log_variance = layers.Dense(latents, kernel_initializer="zeros")(hidden)
    return keras.Model(faces, [linear + 0.1 * layers.Dense(latents)(hidden), log_variance - 1.0])


def decoder(latents=LATENTS, width=2 * WIDTH):
    """Lesson 05's generator: z (n, latents) to pictures (n, 32, 32, 3), at first those of the eigenface code."""
    z = keras.Input((latents,))
    ghost = layers.Dense(SIZE * SIZE * 3, trainable=False, name="synthesis")(z)
    ghost = layers.Reshape((SIZE, SIZE, 3))(ghost)
    seen = 4 * (ghost - 0.5)
    x = Place()(_convolution(seen, width, 4, 4, gain=1.0)) + layers.Reshape((1, 1, width))(layers.Dense(width)(z))
    x = x + _convolution(ops.relu(_convolution(ops.relu(x), width)), width, gain=0.1)
    for filters, strides in ((width // 2, 2), (width // 3, 1)):
        again = _convolution(seen, filters, 3, strides, gain=1.0)
        x = layers.UpSampling2D()(_convolution(x, filters, 1, gain=1.0)) + again
        x = x + _convolution(ops.relu(x), filters, gain=0.5)
    last = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")
    return keras.Model(z, ghost + last(ops.relu(x)))


class Board(adversarial.AdversarialModel):
    """Encoder, decoder and discriminator. Subclasses write `train_step(batch)`; batches: face, noise, prior.

    eigenfaces: a `small.Eigenfaces` of the faces (n, 32, 32, 3) uint8. losses, watched: names. bits: the KL in bits per
    face that `finish` steers beta to.
    """

    def __init__(self, eigenfaces, faces, losses, watched, bits, latents=LATENTS, seed=6):
        keras.utils.set_random_seed(seed)
        networks = encoder(latents), decoder(latents), convolutional.discriminator(SIZE, WIDTH)
        players = dict(zip(("encoder", "decoder", "discriminator"), networks))
        scaled = ghosts(eigenfaces, faces)[:latents]
        inverse = scaled.T / np.sum(scaled**2, axis=1)
        players["decoder"].get_layer("synthesis").set_weights([scaled, eigenfaces.mean])
        players["encoder"].get_layer("analysis").set_weights([inverse, -eigenfaces.mean @ inverse])
        super().__init__(players, watched, rate=RATE, averaged=("encoder", "decoder"), r1=0)
        self.wired, self.bits, self.latents, self.seed = tuple(losses), bits, latents, seed
        shapes = (len(players), len(losses)), (2,), (), ()
        self.wires, self.limits, self.penalty, self.beta = (
            self.add_weight(shape=shape, initializer="ones", trainable=False) for shape in shapes
        )
        self.start = [ops.convert_to_numpy(variable) for variable in self._everything()]

    def _everything(self):
        return [*self.variables, *(variable for each in self.optimizers for variable in each.variables)]

    def connect(self, routes, penalty=0.3, limits=(0.0, np.inf)):
        """Begin anew. routes: {player: {loss: weight}}; penalty: weight of R1; limits: low and high of the guard."""
        for variable, value in zip(self._everything(), self.start, strict=True):
            variable.assign(value)
        self.wires.assign([[routes[player].get(loss, 0) for loss in self.wired] for player in self.players])
        self.penalty.assign(penalty)
        self.limits.assign(limits)

    @property
    def routes(self):
        """{player: {loss: weight}}, of scalar tensors."""
        rows = tf.unstack(self.wires.value)
        return {player: dict(zip(self.wired, tf.unstack(row))) for player, row in zip(self.players, rows)}

    def penalised(self, gradients, faces):
        """Gradients of the discriminator, with that of R1 added at every 16th step, 16 times as strongly."""
        network = self.players["discriminator"]

        def take():
            with tf.GradientTape() as tape:
                loss = adversarial.LAZY * self.penalty / 2 * adversarial.r1(network, faces)
            return self.gradient(tape, loss, network.trainable_variables)

        due = self.steps % adversarial.LAZY == 0
        more = tf.cond(due, take, lambda: [tf.zeros_like(each) for each in gradients])
        return [a + b for a, b in zip(gradients, more)]

    def finish(self, watched):
        """The end of a step: beta goes after the rate, by at most a hundredth; averages follow; numbers are kept."""
        error = tf.clip_by_value(tf.reduce_mean(watched["bits"]) / self.bits - 1, -1.0, 1.0)
        self.beta.assign(self.beta.value * tf.exp(0.01 * error))
        self.end_step()
        return self.track(watched)

    def train(self, faces, epochs, steps, batch=16):
        """Rows of what was watched, one for each epoch of so many steps. At the end the players are their averages.

        faces: (n, 32, 32, 3) uint8.
        """
        draws, rows = {"noise": self.latents, "prior": self.latents}, []
        for epoch in range(epochs):
            data = gan.batches(faces, draws, seed=self.seed, batch=batch, skip=epoch * steps)
            logs = self.fit(data, steps_per_epoch=steps, shuffle=False, verbose=0).history
            rows.append({name: float(logs[name][-1]) for name in self.trackers if not name.endswith("_norm")})
        for name, average in self.averages.items():
            self.players[name].set_weights(average.get_weights())
        return rows

    def learned(self, *names):
        """What these players have learned, in one uint8 array: a scale for each variable, then weights in 8 bits."""
        weights = [ops.convert_to_numpy(v) for name in names for v in self.players[name].trainable_variables]
        scales = np.array([np.abs(each).max() / 127 or 1 for each in weights], "<f4")
        integers = [np.round(each / scale).astype(np.int8).ravel() for each, scale in zip(weights, scales)]
        return np.concatenate([scales.view(np.uint8), np.concatenate(integers).view(np.uint8)])

    def copies(self, learned, *names):
        """{name: a copy of the player} with weights as `learned(*names)` gave them; the players get them too."""
        variables = [variable for name in names for variable in self.players[name].trainable_variables]
        scales, integers = learned[: 4 * len(variables)].view("<f4"), learned[4 * len(variables) :].view(np.int8)
        ends = np.cumsum([int(np.prod(variable.shape)) for variable in variables])
        for variable, scale, values in zip(variables, scales, np.split(integers, ends[:-1]), strict=True):
            variable.assign(scale * values.reshape(variable.shape).astype(np.float32))
        copies = {name: keras.models.clone_model(self.players[name]) for name in names}
        for name, copy in copies.items():
            copy.set_weights(self.players[name].get_weights())
        return copies


def ghosts(eigenfaces, faces):
    """Eigenfaces times the standard deviations of their latents, (K, 3072), the same on every machine.

    A float32 eigenproblem leaves neighbours mixed and signs open, and what networks learned about one choice is wrong
    about another. So it is solved once more, in the span of the eigenfaces, in float64.
    """
    latents = np.concatenate([eigenfaces.analysis(each / np.float32(255)) for each in np.array_split(faces, 8)])
    latents = latents.astype(float) - latents.mean(0, dtype=float)
    variances, turn = np.linalg.eigh(latents.T @ latents / len(latents))
    vectors = turn[:, ::-1].T @ eigenfaces.vectors
    sign = np.sign(vectors @ np.random.default_rng(0).normal(size=vectors.shape[1]))
    return (sign * np.sqrt(variances[::-1]))[:, None].astype(np.float32) * vectors.astype(np.float32)


def shrunk(faces):
    """Faces (rows, columns, 32, 32, 3) in [0, 1] as the bytes of one picture in WebP, (n,) uint8; a loss."""
    from PIL import Image

    sheet = np.round(255 * np.clip(faces, 0, 1)).astype(np.uint8).swapaxes(1, 2).reshape(len(faces) * SIZE, -1, 3)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, "WEBP", quality=80, method=6)
    return np.frombuffer(data.getvalue(), np.uint8)


def grown(data):
    """What `shrunk` shrank, uint8."""
    from PIL import Image

    sheet = np.asarray(Image.open(io.BytesIO(data.tobytes())).convert("RGB"))
    rows, columns = sheet.shape[0] // SIZE, sheet.shape[1] // SIZE
    return sheet.reshape(rows, SIZE, columns, SIZE, 3).swapaxes(1, 2)


def _convolution(x, filters, size=3, strides=1, gain=2.0):
    start = keras.initializers.VarianceScaling(gain)
    return layers.Conv2D(filters, size, strides, padding="same", kernel_initializer=start)(x)
