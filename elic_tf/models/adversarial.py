"""What all adversarial models here share: their losses, and a step in which several networks learn side by side.

    L_GAN = log D(x) + log(1 - D(fake))        Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, (1)

The discriminator D climbs L_GAN. What makes the fakes should descend it, but where D is sure of itself there is no
slope, so it climbs log D(fake) instead (there, section 3). Neither stops by itself: around the point where fakes and
faces agree, the two circle each other. The R1 penalty, on the slope of D at real faces, makes that point attract (L.
Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually converge?", ICML 2018). It is taken every
sixteenth step, sixteen times as strongly (T. Karras et al., "Analyzing and improving the image quality of StyleGAN",
CVPR 2020).

Losses are in nats, one per face. D is known by its logits: D = sigmoid(logits).
"""

import keras
import tensorflow as tf
from keras import ops

RATE = 5e-4
R1, LAZY = 0.3, 16
"""The weight of the penalty where pixels are in [0, 1], and how many steps apart it is taken."""
MOMENTUM = 0.998


def log_D(logits):
    """log D, (n,), of logits (n,)."""
    return -ops.softplus(-ops.cast(logits, "float32"))


def log_not_D(logits):
    """log(1 - D), (n,), of logits (n,)."""
    return -ops.softplus(ops.cast(logits, "float32"))


def L_GAN(real, *fakes):
    """log D(x) + log(1 - D(fake)), (n,), Goodfellow et al. (1), of logits; the mean over several kinds of fakes."""
    return log_D(real) + sum(log_not_D(fake) for fake in fakes) / len(fakes)


def L_fool(*fakes):
    """-log D(fake), (n,), Goodfellow et al., section 3: what generators descend; the mean over kinds of fakes."""
    return -sum(log_D(fake) for fake in fakes) / len(fakes)


def r1(discriminator, faces, **told):
    """|grad_x logit|^2 at real faces, (n,); the penalty is half of its mean times a weight (Mescheder et al., (9)).

    A discriminator that stands on frozen features has a `head(faces)`, see `elic_tf.models.system`: x is then these
    features, as what is below cannot change. told: what it takes beside faces.
    """
    inputs, judge = discriminator.head(faces, **told) if hasattr(discriminator, "head") else (faces, discriminator)
    inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        # Faces do not see each other, so the slopes of the sum are those of each.
        total = ops.sum(ops.cast(judge(inputs, training=False)["logits"], "float32"))
    slopes = tf.nest.flatten(tape.gradient(total, inputs, unconnected_gradients=tf.UnconnectedGradients.ZERO))
    return sum(ops.sum(ops.square(ops.cast(slope, "float32")), list(range(1, slope.ndim))) for slope in slopes)


def follow(averages, variables, momentum):
    """averages <- momentum * averages + (1 - momentum) * variables, on every device of a `tf.distribute` strategy."""

    def update(strategy, momentum):
        for average, variable in zip(averages, variables):
            strategy.extended.update(
                average.value, lambda a, v, m: a.assign_add((1 - m) * (v - a)), (variable.value, momentum), group=False
            )

    tf.distribute.get_replica_context().merge_call(update, (momentum,))


class AdversarialModel(keras.Model):
    """Networks that learn side by side, each from its own loss, by its own optimizer.

    A subclass writes `gradients(batch)`: a dictionary of a list of gradients for each player, by `gradient`, and one of
    what is worth watching. `train_step` does the rest. Everything random comes with the batch.

    players: {name: network}. rate: of Adam, a number or a schedule, one for all players or a dictionary.
    watched: names of what `gradients` reports. averaged: players of which a moving average is kept in `averages`, with
    `momentum`: it makes better pictures than the networks themselves, which never settle (Y. Yazıcı et al., "The
    unusual effectiveness of averaging in GAN training", ICLR 2019). r1: weight of the penalty; 0 for none.
    """

    def __init__(self, players, watched, *, rate=RATE, averaged=(), momentum=MOMENTUM, r1=R1):
        super().__init__()
        self.players, self.momentum, self.r1 = dict(players), momentum, r1
        self._optimizers = {}
        for name, player in players.items():
            own = rate[name] if isinstance(rate, dict) else rate
            # Little momentum: what was downhill some steps ago need not be now that the others have moved.
            optimizer = keras.optimizers.Adam(own, beta_1=0.5, beta_2=0.99)
            if keras.config.dtype_policy().name == "mixed_float16":
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(player.trainable_variables)
            self._optimizers[name] = optimizer
        self.averages = {name: _copy(players[name]) for name in averaged}
        one = {"shape": (), "dtype": "int64", "aggregation": "only_first_replica"}
        self.steps = self.add_weight(initializer="zeros", trainable=False, name="steps", **one)
        names = [*watched, *(["r1"] if r1 else []), *(f"{name}_norm" for name in players)]
        self.trackers = {name: keras.metrics.Mean(name) for name in names}
        self.compile(optimizer=self.optimizers[0], jit_compile=False)  # XLA is slower on a CPU
        self.built = True

    @property
    def optimizers(self):
        """The optimizers, in the order of the players; `elic_tf.train.callbacks.Resume` keeps them all."""
        return list(self._optimizers.values())

    @property
    def metrics(self):
        return list(self.trackers.values())

    def gradients(self, batch):
        """({player: gradients of its trainable variables}, {name: (n,) or scalar})"""
        raise NotImplementedError

    def moves(self, watched):
        """{player: whether it learns in this step, a boolean tensor equal on all devices}; who is not in it learns."""
        return {}

    def gradient(self, tape, loss, variables):
        """The gradient of the mean of a loss (n,), this replica's share of it, without overflow in float16."""
        scale = self._scale()
        share = scale / tf.distribute.get_strategy().num_replicas_in_sync / tf.cast(tf.shape(loss)[0], tf.float32)
        ups, zero = tf.fill(tf.shape(loss), share), tf.UnconnectedGradients.ZERO
        return [g / scale for g in tape.gradient(loss, [variable.value for variable in variables], ups, zero)]

    def _scale(self):
        return tf.reduce_min([optimizer.scale_loss(1.0) for optimizer in self.optimizers])

    def penalised(self, gradients, faces, **told):
        """Gradients of the discriminator, with that of the penalty added where it is due; arguments as for `r1`."""
        if not self.r1:
            return gradients
        network = self.players["discriminator"]

        def take():
            with tf.GradientTape() as tape:
                slope = r1(network, faces, **told)
                loss = LAZY * self.r1 / 2 * slope
            return [*self.gradient(tape, loss, network.trainable_variables), tf.reduce_mean(slope)]

        def rest():
            return [*(tf.zeros_like(g) for g in gradients), tf.zeros(())]

        due = self.steps % LAZY == 0
        *more, slope = tf.cond(due, take, rest)
        self.trackers["r1"].update_state(slope, tf.cast(due, tf.float32))
        return [a + b for a, b in zip(gradients, more)]

    def train_step(self, batch):
        gradients, watched = self.gradients(batch)
        moves = self.moves(watched)
        for name, each in gradients.items():
            self._apply(name, each, moves.get(name))
            # In float16 a step may overflow; it is then left out and tried again with a smaller scale.
            norm = tf.linalg.global_norm(each)
            finite = tf.math.is_finite(norm)
            self.trackers[f"{name}_norm"].update_state(tf.where(finite, norm, 0.0), tf.cast(finite, tf.float32))
        self.end_step()
        return self.track(watched)

    def end_step(self):
        """Count the step, and let the averages follow their players."""
        self.steps.assign_add(1)
        done = tf.cast(self.steps.value, tf.float32)
        # A short memory at first, or the average would be of the untrained network for long.
        momentum = tf.minimum(self.momentum, (1 + done) / (10 + done))
        for name, average in self.averages.items():
            follow(average.variables, self.players[name].variables, momentum)

    def _apply(self, name, gradients, moves):
        """Let one player learn, if it moves: a boolean tensor, or None for always."""
        optimizer, variables = self._optimizers[name], self.players[name].trainable_variables
        scale = optimizer.scale_loss(1.0)
        gradients = [scale * g for g in gradients]
        if moves is None:
            optimizer.apply(gradients, variables)
            return

        def decide(strategy, moves, gradients):
            # A condition may stand around all devices, not inside one of them, where they exchange gradients.
            def learn():
                strategy.extended.call_for_each_replica(lambda g: optimizer.apply(g, variables), (gradients,))
                return True

            tf.cond(strategy.experimental_local_results(moves)[0], learn, lambda: False)

        tf.distribute.get_replica_context().merge_call(decide, (moves, gradients))

    def track(self, watched, only=False):
        """Add to the means shown at the end of an epoch, and return them, all or `only` those."""
        for name, value in watched.items():
            self.trackers[name].update_state(value)
        return {name: each.result() for name, each in self.trackers.items() if name in watched or not only}

    def network(self, name):
        """The averaged network of that name, or the network itself where no average is kept."""
        return self.averages.get(name, self.players[name])

    def save_networks(self, folder):
        """Write the weights of all players, averaged where an average is kept, as `NAME.weights.h5`."""
        for name in self.players:
            self.network(name).save_weights(f"{folder}/{name}.weights.h5")

    def load_networks(self, folder):
        """Read what `save_networks` wrote."""
        for name, player in self.players.items():
            player.load_weights(f"{folder}/{name}.weights.h5")
            if name in self.averages:
                self.averages[name].set_weights(player.get_weights())


def _copy(network):
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    if hasattr(network, "shape_arguments"):  # how `convolutional` built it
        copy.shape_arguments = network.shape_arguments
    return copy
