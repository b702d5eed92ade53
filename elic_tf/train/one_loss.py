"""What models that learn from one loss share: the step, also on several devices and in mixed precision, and files."""

import keras
from keras import ops


class OneLoss(keras.Model):
    """A model whose `cost(batch, training)` gives losses (n,) and updates `trackers`.

    names: of its trackers, keras.metrics.Mean each. A subclass sets `networks`, the parts that are written to files.
    """

    def __init__(self, names):
        super().__init__()
        self.trackers = {name: keras.metrics.Mean(name) for name in names}

    @property
    def metrics(self):
        return list(self.trackers.values())

    def cost(self, batch, training):
        """Losses (n,) of a batch."""
        raise NotImplementedError

    def train_step(self, batch):
        import tensorflow as tf

        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            loss = self.optimizer.scale_loss(ops.mean(self.cost(batch, True)) / replicas)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def test_step(self, batch):
        self.cost(batch, False)
        return {name: tracker.result() for name, tracker in self.trackers.items()}

    def save_networks(self, folder):
        """Write the weights of all networks."""
        for part in self.networks:
            part.save_weights(f"{folder}/{part.name}.weights.h5")

    def load_networks(self, folder):
        """Read what `save_networks` wrote."""
        for part in self.networks:
            part.load_weights(f"{folder}/{part.name}.weights.h5")
