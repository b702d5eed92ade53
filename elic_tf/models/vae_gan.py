"""The VAE/GAN: a variational autoencoder whose measure of likeness is a layer of a discriminator.

A. Larsen, S. Sønderby, H. Larochelle, O. Winther, "Autoencoding beyond pixels using a learned similarity metric", ICML
2016 (arXiv 1512.09300). Three networks, three losses, in nats and summed over dimensions (numbers are the paper's):

    z ~ Enc(x), x~ = Dec(z), z_p ~ N(0, I), x_p = Dec(z_p)                                       (1)
    L_prior = KL(q(z|x) || p(z))                                                                 (4)
    L_llike = -log N(Dis_l(x) | Dis_l(x~), I), Dis_l a layer of the discriminator                (6), (7)
    L_GAN   = log Dis(x) + log(1 - Dis(x~)) + log(1 - Dis(x_p))                                  (10)

and who learns from what, algorithm 1 with (9):

    encoder        descends  L_prior + L_llike            nothing of L_GAN: it need not fool anybody
    decoder        descends  gamma L_llike - L_GAN        gamma: likeness against realism
    discriminator  climbs    L_GAN                        nothing of L_llike: else it would call all faces alike

Paper, the authors' code (github.com/andersbll/autoencoding_beyond_pixels, commit 24aa0f2, `celeba_aegan.py`) and this:

    what              paper                  their code                  here
    ----------------  ---------------------  --------------------------  ---------------------------------------------
    sign of L_GAN     all descend their      the discriminator climbs    it climbs; read literally, algorithm 1 would
                      losses, algorithm 1    it                          train it backwards
    decoder's part    -L_GAN, which by the   log(1 - Dis) with the       it climbs log Dis(fake), which has a slope
    of L_GAN          sign above is          gradient reversed, and      where Dis is sure; `saturating=True` is
                      log(1 - Dis(fake))     1e-3 inside the log         log(1 - Dis(fake))
    fakes             x~ and x_p             x_p alone                   x~ and x_p: on x_p alone the discriminator
                                             (`discriminate_ae_recon`    never sees what the codec makes
                                             is off)
    weight of fakes   each as much as the    all together as much as     all together as much as the faces, so that
                      faces                  the faces                   Dis = 1/2 says that it cannot tell
    Dis_l             "the l-th layer"       third strided convolution,  the third strided convolution, before its
                                             before batch normalisation  rectifier: a rectifier hides half of an error
    its variance      I                      I                           that of Dis_l over the faces of the batch:
                                                                         Dis is free to scale its features, and what
                                                                         it does to likeness is left to chance
    L_prior against   1                      1                           beta, 1 is the paper; or `bits`, a rate that
    L_llike                                                              beta is steered to: files have a size
    gamma             not given              1e-6 for L_llike, 1 - 1e-6  gamma for L_llike, 1 for the other: Adam does
                                             for L_GAN                   not see a common factor
    sum or mean       -                      sum over a batch of 64, by  mean over the batch
                                             a rate divided by 64
    who learns when   all, always            encoder always; Dis unless  all, always: the penalty does it. `guard=(0.33,
                                             a loss is < 0.33, decoder   1.03)` is theirs. Theirs looks at x_p, here
                                             unless one is > 1.03, both  the mean over x~ and x_p is looked at
                                             if that stops both
    stability         nothing                the guard, weight decay     R1, averages: see `adversarial`
    optimizer         RMSProp, 3e-4          RMSProp, 3.9e-4 falling     Adam, beta_1 = 0.5
    normalisation     over the batch, in     over the batch, in all      none, see `convolutional`
                      all three              three
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from elic_tf.models import vae
from elic_tf.models.adversarial import L_GAN, AdversarialModel, L_fool, log_D, log_not_D

GUARD = (0.33, 1.03)
"""The authors' guard: 0.68, about log 2, which is the loss of a guess, plus and minus 0.35."""
STEER = 0.01
"""How fast beta goes after a rate: by at most so much, relatively, in each step."""
LIMIT = 10.0
"""Log variances stay within plus and minus this, for exp."""


def L_prior(mean, log_variance):
    """KL(q(z|x) || N(0, I)), (4), in nats, (n,), of a Gaussian q; mean and log_variance (n, K)."""
    return vae.LN2 * vae.rate(mean, log_variance)


def L_llike(features, features_tilde, variance=1.0):
    """-log N(Dis_l(x) | Dis_l(x~), variance), (6) and (7), in nats, (n,), without its constant."""
    axes = list(range(1, len(features.shape)))
    return 0.5 * ops.sum(ops.square(features - features_tilde) / variance, axes)


def spread(features):
    """The variance of features (n, ...) over the faces of a batch, one number for all of them."""
    return ops.mean(ops.var(features, 0)) + 1e-6


class VAEGAN(AdversarialModel):
    """Trains encoder, decoder and discriminator. Called with faces, it is Dec of the posterior's mean, both averaged.

    encoder: faces (n, size, size, 3) in [0, 1] to mean and log variance (n, K). decoder: z (n, K) to faces.
    discriminator: faces to a dictionary with `logits` (n,), and `layer`, which is Dis_l.
    gamma, beta, bits, saturating, guard: see above; bits: KL in bits per face, reached by and by.
    terms: {name: (weight, term)} are added to L_llike; term(x, x_tilde, seen, seen_tilde), seen what the discriminator
    gives for x, returns (n,); see `system`.

    A batch is a dictionary: face, noise (n, K) and prior (n, K), both from N(0, I).
    """

    def __init__(self, encoder, decoder, discriminator, *, layer="deep", gamma=1e-3, beta=1.0, bits=None, terms=None,
                 saturating=False, guard=None, **settings):  # fmt: skip
        players = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}
        watched = ["bits", "db", "likeness", "discriminator", "decoder", "real_loss", "fake_loss", "real_right"]
        watched += ["fake_right", "tilde_right", "beta", *(terms or ())]
        super().__init__(players, watched, averaged=("encoder", "decoder"), **settings)
        self.layer, self.gamma, self.bits, self.terms = layer, gamma, bits, dict(terms or {})
        self.saturating, self.guard = saturating, guard
        self.beta = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(beta), trainable=False, aggregation="mean", name="beta"
        )
        self.latents = encoder.output[0].shape[-1]

    @property
    def encoder(self):
        """The averaged encoder."""
        return self.network("encoder")

    @property
    def decoder(self):
        """The averaged decoder."""
        return self.network("decoder")

    def call(self, faces):
        return self.decoder(self.encoder(faces, training=False)[0], training=False)

    def _sees(self, faces):
        return self.players["discriminator"](faces, training=True)

    def likeness(self, x, x_tilde, seen, seen_tilde):
        """L_llike in Dis_l, the terms with their weights, both (n,), and how much of Dis_l is wrong, 0 to about 2."""
        features, features_tilde = seen[self.layer], seen_tilde[self.layer]
        llike = L_llike(features, features_tilde, spread(features))
        terms = {name: term(x, x_tilde, seen, seen_tilde) for name, (_, term) in self.terms.items()}
        weighted = sum(weight * terms[name] for name, (weight, _) in self.terms.items())
        return llike, weighted, {"likeness": 2 * llike / int(np.prod(features.shape[1:])), **terms}

    def losses(self, batch):
        """The three losses of a batch and what the decoder climbs, each (n,), and what is worth watching."""
        x = batch["face"]
        mean, log_variance = self.players["encoder"](x, training=True)
        log_variance = ops.clip(log_variance, -LIMIT, LIMIT)
        z = vae.reparametrise(mean, log_variance, batch["noise"])
        # One after the other: then what flows back from L_llike need not pass the faces it says nothing about.
        x_tilde = self.players["decoder"](z, training=True)
        x_p = self.players["decoder"](batch["prior"], training=True)
        seen, seen_tilde, seen_p = self._sees(x), self._sees(x_tilde), self._sees(x_p)
        llike, terms, watched = self.likeness(x, x_tilde, seen, seen_tilde)
        real, tilde, fake = seen["logits"], seen_tilde["logits"], seen_p["logits"]
        gan, prior = L_GAN(real, tilde, fake), L_prior(mean, log_variance)
        losses = {
            "prior": prior,
            "llike": llike + terms,
            "gan": gan,
            "fool": gan if self.saturating else L_fool(tilde, fake),
        }
        right = lambda logits: tf.cast(logits > 0, tf.float32)  # noqa: E731
        return losses, watched | {
            "bits": prior / vae.LN2,
            "db": decibel(x, x_tilde),
            "discriminator": -gan,
            "decoder": losses["fool"],
            "real_loss": -log_D(real),
            "fake_loss": -(log_not_D(tilde) + log_not_D(fake)) / 2,
            "real_right": right(real),
            "tilde_right": right(-tilde),
            "fake_right": right(-fake),
        }

    def gradients(self, batch):
        encoder, decoder, discriminator = (player.trainable_variables for player in self.players.values())
        with tf.GradientTape(persistent=True) as tape:
            losses, watched = self.losses(batch)
            code = self.beta.value * losses["prior"] + losses["llike"]
            down = -losses["gan"]
        # L_prior does not depend on the decoder, so one way back serves both.
        from_code = self.gradient(tape, code, [*encoder, *decoder])
        from_llike = from_code[len(encoder) :]
        from_gan = self.gradient(tape, losses["fool"], decoder)
        gradients = {
            "encoder": from_code[: len(encoder)],
            "decoder": [self.gamma * a + b for a, b in zip(from_llike, from_gan)],
            "discriminator": self.penalised(self.gradient(tape, down, discriminator), batch["face"]),
        }
        watched["beta"] = self._steer(watched["bits"])
        return gradients, watched

    def _steer(self, bits):
        """Move beta, so that the rate comes nearer to the one wanted."""
        if self.bits:
            off = tf.clip_by_value(tf.reduce_mean(bits) / self.bits - 1, -1.0, 1.0)
            self.beta.assign(self.beta.value * tf.exp(STEER * off))
        return self.beta.value

    def moves(self, watched):
        if self.guard is None:
            return {}
        low, high = self.guard
        means = [tf.reduce_mean(watched[name]) for name in ("real_loss", "fake_loss")]
        real, fake = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, means)
        discriminator = tf.minimum(real, fake) >= low
        decoder = tf.maximum(real, fake) <= high
        neither = ~(discriminator | decoder)
        return {"discriminator": discriminator | neither, "decoder": decoder | neither}

    def test_step(self, batch):
        """`val_bits` and `val_db` of the averaged networks, without noise."""
        x = batch["face"]
        mean, log_variance = self.encoder(x, training=False)
        x_tilde = self.decoder(mean, training=False)
        return self.track({"bits": vae.rate(mean, log_variance), "db": decibel(x, x_tilde)}, only=True)


def decibel(x, x_tilde):
    """PSNR of each face, (n,)."""
    return -10 / np.log(10.0) * ops.log(ops.mean(ops.square(x - x_tilde), (1, 2, 3)) + 1e-8)
