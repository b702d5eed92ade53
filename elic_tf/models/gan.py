"""The generative adversarial network: a generator of faces, and a discriminator that tells them from real ones.

I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014. Losses, penalty and averages: `adversarial`. There is
no encoder, so a face is compressed by looking for the z whose picture it is nearest to: `inversion`.
"""

import tensorflow as tf

from elic_tf.models.adversarial import L_GAN, AdversarialModel, L_fool


class GAN(AdversarialModel):
    """Trains a generator, z (n, K) to faces (n, size, size, 3) in [0, 1], against a discriminator.

    discriminator: faces to a dictionary with `logits` (n,), positive for real. A batch is a dictionary: face, and z
    (n, K) from N(0, I). The rest as in `AdversarialModel`; called with z, it is the averaged generator.
    """

    def __init__(self, generator, discriminator, **settings):
        watched = ("discriminator", "generator", "real_right", "fake_right")
        players = {"discriminator": discriminator, "generator": generator}
        super().__init__(players, watched, averaged=("generator",), **settings)
        self.latents = generator.input_shape[-1]

    def call(self, z):
        return self.averages["generator"](z, training=False)

    def gradients(self, batch):
        x, z = batch["face"], batch["z"]
        generator, discriminator = self.players["generator"], self.players["discriminator"]
        with tf.GradientTape(persistent=True) as tape:
            real = discriminator(x, training=True)["logits"]
            fake = discriminator(generator(z, training=True), training=True)["logits"]
            losses = {"discriminator": -L_GAN(real, fake), "generator": L_fool(fake)}
        gradients = {
            name: self.gradient(tape, loss, self.players[name].trainable_variables) for name, loss in losses.items()
        }
        gradients["discriminator"] = self.penalised(gradients["discriminator"], x)
        return gradients, losses | {
            "real_right": tf.cast(real > 0, tf.float32),
            "fake_right": tf.cast(fake < 0, tf.float32),
        }
