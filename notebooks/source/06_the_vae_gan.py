# ---
# title: The VAE/GAN
# aim: >-
#   Let the network that tells faces from drawings also say how alike two faces are, wire three networks to their losses by
#   hand, cross the wires to see what each is for, and find out what a learned likeness buys in realism and costs in
#   decibels, at the same number of bits.
# needs: >-
#   The bill of a VAE (lesson 02), the file (lesson 03), a generator that begins at eigenfaces, its discriminator and the
#   penalty (lesson 05).
# minutes: {class: 5}
# ---

# %% [markdown]
# ## Who it was, and what a face is
# The VAE of lesson 02 knows who it was, and shows a blur. The generator of lesson 05 knows what a face is, and shows
# somebody else; to find even that one took a search of hundreds of steps. One has an encoder. The other has seen a critic.
#
# Put them together: let the decoder of the VAE *be* the generator. Anders Larsen and others did so in 2015. But two
# networks that are paid for squared error draw blurs, whatever they are called, so who says what the decoder got wrong?
# Beside the generator of lesson 05 there was the discriminator. It is the only network of ours that has learned to *look* at
# faces, and when the training was over, we had no more use for it. This lesson asks it for more.
#
# **Can the network that tells faces from drawings also say how alike two faces are? And what must nobody tell it?** We
#
# 1. find out what squared error takes for alike,
# 2. write three losses, one of them in what a discriminator sees,
# 3. wire three networks to them, and decide who learns from what, and when,
# 4. train a VAE and a VAE/GAN at the same number of bits, and ask three referees which is better,
# 5. cross the wires one at a time, and look at the damage,
# 6. write files, and see what is still missing.
#
# Numbers in the text are those of the synthetic faces in class mode; with photographs yours differ. Smoke mode trains for
# two steps each, to see that everything works, and goes on with what class mode learned from synthetic faces.

# %% tags=["setup"]

# %%
import keras
import numpy as np
import tensorflow as tf
from elic_tf.coding.codec import Codec
from elic_tf.course import learned, small, switchboard
from elic_tf.faces import synthetic
from elic_tf.measure import realism
from elic_tf.measure.distortion import psnr
from elic_tf.models import adversarial, convolutional, vae, vae_gan
from elic_tf.models.latent_model import LatentModel
from keras import ops
from tqdm import tqdm

kind = "synthetic" if course.mode == "smoke" else course.data  # what smoke mode loads was learned from synthetic faces
train = small.halved(setup.face_set(course.pick(smoke=4096, classroom=4096, full=16384), "train", kind).images)
test = small.halved(course.face_set(course.pick(smoke=100, classroom=400, full=400), "test").images) / np.float32(255)

# %% [markdown]
# ## What squared error takes for alike
# Synthetic faces are drawn from records (lesson 00), so we can do what no photographer can: change one thing about a
# person and leave everything else, to the pixel. Here are faces with another level of one factor, beside the usual damages.
# Which of them is most *like* the original? Put them in order before you run the next cell.


# %%
def drawn(records):
    """Synthetic faces (n, 32, 32, 3) of records."""
    return small.halved(np.round(255 * synthetic.render(records)).astype(np.uint8)) / np.float32(255)


def with_another(factor):
    """The same faces with another level of one factor."""
    changed, levels = records.copy(), len(synthetic.FACTORS[factor])
    changed[factor] = (changed[factor] + levels // 2) % levels
    return drawn(changed)


records = synthetic.sample(64, seed=3)
same = drawn(records)
padded = np.pad(same, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
changes = {"one pixel left": padded[:, 1:-1, 2:]}
changes["blurred"] = np.mean([padded[:, i : i + 32, j : j + 32] for i in range(3) for j in range(3)], axis=0)
changes["noise"] = np.clip(same + np.random.default_rng(0).normal(0, 0.061, same.shape), 0, 1).astype(np.float32)
changes |= {f"another {factor}": with_another(factor) for factor in ("gender", "glasses", "smile", "background")}
changes["another person"] = same[::-1]
alt = "A face, and the same face moved by a pixel, blurred, noisy, with other gender, glasses, smile and background; another."
titles = [each.removeprefix("another ") for each in ("original", *changes)]
small.show([same[6], *(faces[6] for faces in changes.values())], titles, alt=alt, columns=9)

# %%
# NBVAL_CHECK_OUTPUT
pixel_error = {name: np.mean((faces - same) ** 2) for name, faces in changes.items()}
for name, error in sorted(pixel_error.items(), key=lambda pair: pair[1]):
    print(f"{name:20} {-10 * np.log10(error):4.1f} dB")

# %% [markdown]
# For squared error a person with other glasses is nearer to the original than the same person one pixel to the left, and
# so is one of the other gender. A blur is as good as either. Whoever is paid for squared error will spend bits on the
# background, and none on glasses.
#
# What would a better measure be? Not one in which each pixel is compared with the one pixel at its place, but one that
# compares what is *seen* there: edges, eyes, hair. A network that looks at faces has such features inside.
#
# ## Three losses
# Three networks: the encoder $\mathrm{Enc}$, the decoder $\mathrm{Dec}$, and the discriminator $\mathrm{Dis}$. A face $x$
# comes back as $\tilde x = \mathrm{Dec}(z)$ with $z \sim q(z \mid x)$, and there are draws of nobody in particular,
# $x_p = \mathrm{Dec}(z_p)$ with $z_p \sim \mathcal{N}(0, I)$.
#
# ### Likeness
# Lesson 02 said that a face is what the decoder shows, give or take $\sigma$ in each pixel. Say the same of what the
# discriminator sees: let $\mathrm{Dis}_l(x)$ be the features in its $l$-th layer, and
#
# $$L_\mathrm{llike} = -\log \mathcal{N}\big(\mathrm{Dis}_l(x);\ \mathrm{Dis}_l(\tilde x),\, s^2 I\big)
# = \frac{\left|\mathrm{Dis}_l(x) - \mathrm{Dis}_l(\tilde x)\right|^2}{2 s^2} + \text{const} \quad \text{nats}$$
#
# (Larsen et al., equations 6 and 7). The formula is old, the space is new.
#
# **Exercise 1.** Without the constant. (Our $\mathrm{Dis}_l$ will be `"deep"`, the last layer before the verdict.)


# %%
def L_llike(features, features_tilde, variance):
    """-log N(Dis_l(x) | Dis_l(x~), variance) in nats, (n,), without its constant; features (n, h, w, c)."""
    # solution: squared differences, summed over three axes, over twice the variance
    return ops.sum(ops.square(features - features_tilde), axis=(1, 2, 3)) / (2 * variance)
    # end solution


# %%
L_llike = checks.checked("06.L_llike", L_llike)

# %% [markdown]
# Which variance $s^2$? The paper takes 1. But pixels have a unit, and features have none. A discriminator that multiplies
# all its features by ten, and divides by ten later, judges as before; the likeness would cost a hundred times as much. So we
# measure features in a unit of their own: how much they vary from face to face.


# %%
# NBVAL_CHECK_OUTPUT
def spread(features):
    """The variance of features (n, h, w, c) over the faces of a batch, one number for all of them."""
    return ops.mean(ops.var(features, axis=0)) + 1e-6


keras.utils.set_random_seed(6)
looks = convolutional.discriminator(32, switchboard.WIDTH)  # untrained
a, b = looks(same)["deep"], looks(changes["another person"])["deep"]
FEATURES = int(np.prod(a.shape[1:]))
print(f"features of a face: {' x '.join(map(str, a.shape[1:]))} = {FEATURES}")
for scale in (1, 10):
    paper, ours = (np.mean(L_llike(scale * a, scale * b, s2)) for s2 in (1.0, spread(scale * a)))
    print(f"features times {scale:2}: {paper / np.mean(L_llike(a, b, 1.0)):.0f} times the loss with s = 1;", end=" ")
    print(f"{ours / FEATURES:.1f} nats a feature with s² = spread")

# %% [markdown]
# With that unit the number can be read: two strangers are 1 nat a feature apart, whatever the discriminator. We shall say
# "40 % wrong" for 0.4.
#
# ### The game
# The discriminator's loss is the one of lesson 05, but now there are two kinds of fakes: $\tilde x$ and $x_p$. It needs
# both. What comes out of the codec is $\tilde x$; and without $x_p$ nobody would look at the rest of the prior, where
# lesson 02's decoder drew fog.
#
# **Exercise 2.** Give faces one vote and the fakes one vote *together*:
# $L_\mathrm{GAN} = \log D(x) + \tfrac12 \left[\log(1 - D(\tilde x)) + \log(1 - D(x_p))\right]$, from logits.


# %%
def L_GAN(real, tilde, p):
    """log D(x) + (log(1 - D(x~)) + log(1 - D(x_p))) / 2 in nats, (n,), of three kinds of logits (n,)."""
    # solution: -softplus(-real) for the face, and the mean of -softplus(logit) over the fakes
    return -ops.softplus(-real) - (ops.softplus(tilde) + ops.softplus(p)) / 2
    # end solution


# %%
L_GAN = checks.checked("06.L_GAN", L_GAN)

# %% [markdown]
# The paper adds the two without the half. Why does it matter? Let fakes be perfect, so that the discriminator can only
# give one answer to everything. Which one pays best?

# %%
# NBVAL_CHECK_OUTPUT
answer = np.linspace(0.01, 0.99, 99).astype(np.float32)
logit = np.log(answer / (1 - answer))
shared = np.asarray(L_GAN(logit, logit, logit))
each = shared - np.log(1 + np.exp(logit))
print(f"one vote for all fakes: D = {answer[shared.argmax()]:.2f}; one for each kind: D = {answer[each.argmax()]:.2f}")

# %% [markdown]
# With one vote, $D = \frac12$ keeps its meaning: "I cannot tell".
#
# The third loss is an acquaintance, $L_\mathrm{prior} = \mathrm{KL}(q(z \mid x) \,\|\, \mathcal{N}(0, I))$: lesson 02's
# rate, in nats.
#
# ## Who learns from what
# Add the three up, and let all networks descend the sum? That is what a tape and one optimizer would do, and it is wrong.
# Algorithm 1 of the paper sends each loss to those whom it concerns, and to nobody else:
#
# - **Enc descends $L_\mathrm{prior} + L_\mathrm{llike}$.** Nothing of the game. It has to say who it was, and need not fool
#   anybody.
# - **Dec descends $\gamma L_\mathrm{llike} + L_\mathrm{fool}$.** It has two wishes: be like this face, and look like a face.
#   $\gamma$ weighs the first against the second. ($L_\mathrm{fool} = -\log D$ of both kinds of fakes is lesson
#   05's way to climb out where $L_\mathrm{GAN}$ saturates.)
# - **Dis climbs $L_\mathrm{GAN}$.** Nothing of the likeness, though its own features measure it.
#
# (Printed, algorithm 1 lets all three *descend* their losses, the discriminator $L_\mathrm{GAN}$ too. The authors' program
# climbs it. We shall try both.)
#
# **Exercise 3.** Write this down as a table: for each network a dictionary of losses and the weight with which it
# *descends* them. What it does not hear of is left out.


# %%
def routes(gamma):
    """{"encoder", "decoder", "discriminator": {loss: weight}}; the losses are "prior", "llike", "gan" and "fool"."""
    # solution: three rows; to climb a loss is to descend it with the weight -1
    return {
        "encoder": {"prior": 1, "llike": 1},
        "decoder": {"llike": gamma, "fool": 1},
        "discriminator": {"gan": -1},
    }
    # end solution


# %%
routes = checks.checked("06.routes", routes)

# %% [markdown]
# **Exercise 4.** Now the plumbing. `forward()` computes all losses, one number for each face. For each player, sum the
# means of its losses with its weights, and take the gradient for *its own* `trainable_variables` only. On the way back the
# gradient of the encoder's likeness passes through the discriminator and the decoder; it moves neither. One
# `tf.GradientTape(persistent=True)` can be asked several times, but it knows only what was computed while it was on.


# %%
def routed(forward, players, routes):
    """{player: list of gradients}; forward() gives {loss: (n,)}; players {player: network}, routes as above."""
    # solution: inside the tape the losses and one total for each player; then tape.gradient for each
    with tf.GradientTape(persistent=True) as tape:
        losses = forward()
        totals = {name: sum(weight * ops.mean(losses[loss]) for loss, weight in row.items()) for name, row in routes.items()}
    return {name: tape.gradient(totals[name], player.trainable_variables) for name, player in players.items()}
    # end solution


# %%
routed = checks.checked("06.routed", routed)

# %% [markdown]
# ### And when
# The authors' program has one more rule, which the paper does not mention ([somebody asked about
# it](https://github.com/andersbll/autoencoding_beyond_pixels/issues/16) ten years later). It watches the two losses of the
# game, $-\log D(x)$ of faces and $-\log(1 - D)$ of fakes. Who guesses loses $\log 2 = 0.69$ on each, and the rule keeps
# both near that, between `low` = 0.33 and `high` = 1.03:
#
# - if **one** of them is below `low`, the discriminator is winning, and does not learn in this step;
# - if **one** of them is above `high`, it is losing, and the decoder does not learn;
# - if that would stop both, both learn.
#
# **Exercise 5.** The losses are tensors without a value yet, so Python's `and`, `or` and `not` will not do; `ops.minimum`,
# `ops.maximum`, `ops.logical_or` and `ops.logical_not` will.


# %%
def guard(real, fake, low, high):
    """(whether the discriminator learns, whether the decoder learns), from the losses of faces and of fakes, ()."""
    # solution: the smaller loss decides about the discriminator, the larger one about the decoder; then the last rule
    discriminator = ops.minimum(real, fake) >= low
    decoder = ops.maximum(real, fake) <= high
    neither = ops.logical_not(ops.logical_or(discriminator, decoder))
    return ops.logical_or(discriminator, neither), ops.logical_or(decoder, neither)
    # end solution


# %%
guard = checks.checked("06.guard", guard)

# %% [markdown]
# ## A switchboard
# You know the networks; here they are a little narrower. The decoder is lesson 05's generator, which begins as ghosts. The
# encoder begins as what undoes ghosts, the analysis of eigenfaces, $z_i = \langle e_i, x - \bar x \rangle / \sigma_i$, with
# a small correction by two dense layers. The discriminator is lesson 05's. One pass through all of them gives every loss.
# There is a fifth one, `pixels`, the squared error of lesson 02, so that the same board can be wired as a plain VAE.
#
# How much are bits worth? Lesson 02 decided that by σ, and had to guess it. Here, likeness in pixels and likeness in features
# shall be compared *at the same rate*, so we turn the question round. $L_\mathrm{prior}$ gets a weight $\beta$, and a
# thermostat turns it by at most one percent a step: up where the KL is above `BITS`, else down. (So the σ of `pixels` does
# not matter; $\beta$ makes up for it.)

# %%
LOSSES = ("prior", "llike", "pixels", "gan", "fool")
WATCHED = ("bits", "db", "wrong", "real_loss", "fake_loss", "learns")
BITS, GAMMA = 50, 1 / FEATURES  # gamma: as if L_llike were a mean over the features


def one_pass(players, beta, batch):
    """All losses of a batch, {name: (n,)}, and what is worth watching."""
    Enc, Dec, Dis = players.values()
    x = batch["face"]
    mean, log_variance = Enc(x)
    x_tilde, x_p = Dec(vae.reparametrise(mean, log_variance, batch["noise"])), Dec(batch["prior"])
    seen, tilde, p = Dis(x), Dis(x_tilde), Dis(x_p)
    losses = {
        "prior": beta * vae.LN2 * vae.rate(mean, log_variance),
        "llike": L_llike(seen["deep"], tilde["deep"], spread(seen["deep"])),
        "pixels": vae.squared_error(x, x_tilde) / (2 * 0.25**2),
        "gan": L_GAN(seen["logits"], tilde["logits"], p["logits"]),
        "fool": adversarial.L_fool(tilde["logits"], p["logits"]),
    }
    watched = {"bits": vae.rate(mean, log_variance), "db": vae_gan.decibel(x, x_tilde)}
    watched |= {"wrong": losses["llike"] / FEATURES, "real_loss": -ops.mean(adversarial.log_D(seen["logits"]))}
    return losses, watched | {"fake_loss": -ops.mean(losses["gan"]) - watched["real_loss"]}

# %% [markdown]
# The rest is a `Board` of the library: the table as *variables*, so that wires can be replugged without compiling anything
# anew; $R_1$ and the moving averages, as in lesson 05; the thermostat. `train_step` is ours. There are three optimizers, one
# for each player, and all gradients are taken before anybody moves.


# %%
class VAEGAN(switchboard.Board):
    def train_step(self, batch):
        watched = {}

        def forward():
            losses, seen = one_pass(self.players, self.beta, batch)
            watched.update(seen)
            return losses

        found = routed(forward, self.players, self.routes)
        found["discriminator"] = self.penalised(found["discriminator"], batch["face"])
        low, high = tf.unstack(self.limits.value)
        watched["learns"], decoder = guard(watched["real_loss"], watched["fake_loss"], low, high)
        moves = {"encoder": tf.constant(True), "decoder": decoder, "discriminator": watched["learns"]}
        for (name, player), optimizer in zip(self.players.items(), self.optimizers):

            def learn():
                optimizer.apply(found[name], player.trainable_variables)
                return True

            tf.cond(moves[name], learn, lambda: False)  # not: gradients of zero, for Adam would still be rolling
        return self.finish(watched)


# %%
# NBVAL_CHECK_OUTPUT
eigenfaces = small.Eigenfaces(train)
model = VAEGAN(eigenfaces, train, LOSSES, WATCHED, BITS)
normal = np.random.default_rng(6).normal(size=(2, 8, model.latents)).astype(np.float32)
batch = {"face": test[:8], "noise": normal[0], "prior": normal[1]}
mine = routed(lambda: one_pass(model.players, 1.0, batch)[0], model.players, routes(GAMMA))
library = vae_gan.VAEGAN(*model.players.values(), gamma=GAMMA, r1=0).gradients(batch)[0]
for player, gradients in mine.items():
    agree = all(np.allclose(a, b, rtol=1e-2, atol=1e-4) for a, b in zip(gradients, library[player]))
    print(f"{player}: {len(gradients)} gradients, those of the library's VAEGAN: {agree}")

# %% [markdown]
# ## Eight boards
# What would you plug in? First the **VAE/GAN** itself, and a plain **VAE**: encoder and decoder hear of `pixels` in place of
# the other two, and the discriminator may watch, though nobody listens to it. Then boards with one mistake each:
#
# - **Dec - fool**: the decoder is asked for likeness in features only; the discriminator plays alone,
# - **Enc + fool**: the encoder plays too, as strongly as the decoder,
# - **Dis + llike**: the discriminator descends likeness too; its features measure it, why should it not help?
# - **printed signs**: algorithm 1 to the letter,
# - **no R1**: without the penalty, and **guard, no R1**: with the guard of exercise 5 in its place.
#
# **Guess what each mistake will do to the faces.** You have the time: all eight train below.


# %%
def but(player, **weights):
    """The routes of algorithm 1 with another row for one player."""
    return routes(GAMMA) | {player: routes(GAMMA)[player] | weights}


BOARDS = {
    "VAE/GAN": (routes(GAMMA), {}),
    "VAE": ({"encoder": {"prior": 1, "pixels": 1}, "decoder": {"pixels": 1}, "discriminator": {"gan": -1}}, {}),
    "Dec - fool": (but("decoder", fool=0), {}),
    "Enc + fool": (but("encoder", fool=1 / GAMMA), {}),
    "Dis + llike": (but("discriminator", llike=1), {}),
    "printed signs": (but("decoder", fool=0, gan=-1) | {"discriminator": {"gan": 1}}, {}),
    "no R1": (routes(GAMMA), {"penalty": 0}),
    "guard, no R1": (routes(GAMMA), {"penalty": 0, "limits": (0.33, 1.03)}),
}

# %% [markdown]
# When a board is trained, we ask three referees about it, on test faces:
#
# - **pixels**: PSNR, each face against its original;
# - **its own discriminator**: how much of $\mathrm{Dis}_l$ is wrong, each face against its original;
# - **realism**: the Fréchet distance of two *sets*, faces and originals. Give each face features $f$, fit a Gaussian to
#   either set, and take $|\mu_1 - \mu_2|^2 + \mathrm{Tr}\big(C_1 + C_2 - 2 (C_1 C_2)^{1/2}\big)$. It asks whether they
#   could all be photographs, not who they are; near 0 one cannot tell. Its features here are not learned: the **spectrum**,
#   how strong each spatial frequency is. (`elic_tf.measure.realism`; lesson 09 takes it to pieces, and asks networks too.)
#
# The third one is asked twice: about decoded test faces, and about draws from the prior.

# %%
known = realism.features(test, "luminance spectrum")
noise, z_p = np.random.default_rng(1).normal(size=(2, len(test), model.latents)).astype(np.float32)


def distance(faces):
    """Fréchet distance of as many faces to the test faces."""
    return realism.frechet_distance(realism.features(faces, "luminance spectrum"), known[: len(faces)])


def through(players):
    """Test faces as they come back from a draw of q(z|x), which is what the KL pays for; and the KL in bits, (n,)."""
    mean, log_variance = players["encoder"](test)
    z = vae.reparametrise(mean, log_variance, noise)
    return np.clip(players["decoder"](z), 0, 1), vae.rate(mean, log_variance)


def referees(players):
    """What they say of three networks, and the decoded test faces."""
    made, bits = through(players)
    seen, tilde = (players["discriminator"](faces)["deep"] for faces in (test, made))
    row = {"bits": np.mean(bits), "psnr": psnr(test, made).mean(), "decoded": distance(made)}
    row["wrong"] = np.mean(L_llike(seen, tilde, spread(seen))) / FEATURES
    return row | {"drawn": distance(np.clip(players["decoder"](z_p), 0, 1))}, made


# %%
STEPS, EPOCHS = course.pick(smoke=2, classroom=200, full=500), course.pick(smoke=1, classroom=5, full=20)
KEPT = {"VAE": ("encoder", "decoder"), "VAE/GAN": ("encoder", "decoder", "discriminator")}
run, shown = {"rows": [], "table": []}, []
for number, (name, (wires, settings)) in enumerate(tqdm(BOARDS.items())):
    model.connect(wires, **settings)
    run["rows"] += [{"board": number} | row for row in model.train(train, EPOCHS, STEPS)]
    row, made = referees(model.players)
    run["table"].append(row)
    shown.append(made[:8])
    if name in KEPT:
        run[name] = model.learned(*KEPT[name])
run["shown"] = switchboard.shrunk(np.stack(shown))
if course.mode == "smoke":
    run = learned.load("06")

# %%
trained = {name: model.copies(run[name], *names) for name, names in KEPT.items()}
index = {name: number for number, name in enumerate(BOARDS)}
shown = dict(zip(BOARDS, switchboard.grown(run["shown"])))
made = {name: through(each)[0] for name, each in trained.items()}

# %% [markdown]
# ## Three referees
# The same faces by both, as they come back. Cover the titles and say which you prefer.

# %%
sheet = [*test[:8], *made["VAE"][:8], *made["VAE/GAN"][:8]]
alt = "Eight faces; as the VAE decodes them, soft; as the VAE/GAN decodes them, with harder edges and some speckles."
small.show(sheet, ["original"] * 8 + ["VAE"] * 8 + ["VAE/GAN"] * 8, alt=alt, columns=8)


# %%
def verdicts(names):
    """Print a line of `run["table"]` for each board."""
    print(f"{'':14} bits     PSNR  Dis_l wrong   distance of decoded faces, of draws")
    for name in names:
        row = run["table"][index[name]]
        print(f"{name:14} {row['bits']:4.0f}  {row['psnr']:4.1f} dB {100 * row['wrong']:10.0f} %", end="")
        print(f"{row['decoded']:23.1f} {row['drawn']:10.1f}")


verdicts(["VAE", "VAE/GAN"])

# %% [markdown]
# **Pixels** prefer the VAE, which was paid in their coin, by about one decibel. **Realism** prefers the VAE/GAN: its distance
# is less than half. At the same number of bits; they have only spent them on different things. (Both are decoded from a
# *draw* of the posterior, because that is what the KL pays for. Its mean, which looks better, would cost more.)
#
# The column of $\mathrm{Dis}_l$ must not be compared between lines: each board asked its own discriminator. So let one
# look at both, that of the VAE/GAN:

# %%
# NBVAL_CHECK_OUTPUT
seen = {name: trained["VAE/GAN"]["discriminator"](faces)["deep"] for name, faces in (made | {"original": test}).items()}
error = {name: np.asarray(L_llike(seen["original"], seen[name], spread(seen["original"]))) for name in made}
nearer = {"pixels": psnr(test, made["VAE"]) < psnr(test, made["VAE/GAN"]), "features": error["VAE"] > error["VAE/GAN"]}
for referee, faces in nearer.items():
    share = "most" if np.mean(faces) > 0.5 else "fewer than half"
    print(f"by {referee} the VAE/GAN is nearer to the original in {share} of the test faces")

# %%
drawn_by = [np.clip(each["decoder"](z_p[:8]), 0, 1) for each in trained.values()]
alt = "Draws from the prior: the VAE's are ghosts, blurred and doubled; the VAE/GAN's are rough faces with edges."
small.show(np.concatenate(drawn_by), ["VAE"] * 8 + ["VAE/GAN"] * 8, alt=alt, columns=8)

# %% [markdown]
# Surprised? Even by its own features the blur is nearer, for most faces. Likeness in features is a squared error like any
# other, though in a better space, and the best guess is again a mean. It is the decoder's second wish, to fool, that turns
# a mean into somebody: it costs likeness by either ruler, and buys realism.
#
# Draws from the prior show the same. A VAE's decoder never sees the prior while it learns, and between the people
# it knows it draws ghosts. The decoder of the VAE/GAN was shown $x_p$ in every step, and told what was wrong with it.
#
# ## Crossed wires
# Now the mistakes, trained for as long as the other two. Which of them do you find in the table, and which in the faces?

# %%
verdicts(list(BOARDS)[:6])

# %%
crossed = list(BOARDS)[2:6]
alt = "Test faces by four boards: three rows of soft, plausible faces; in the row of Dis + llike yellow and purple stains."
small.show(np.concatenate([shown[name] for name in crossed]), np.repeat(crossed, 8), alt=alt, columns=8)

# %% [markdown]
# - **Dis + llike** is the one that fails, and its own referee does not notice: 2 % wrong, the best in the table, while the
#   faces are full of stains and PSNR has lost five decibels. The discriminator found the easiest way to make two faces
#   alike: it does not look at what differs. Whoever is measured must not hold the ruler. (Nor does the third referee
#   mind. We come back to that.)
# - **Dec - fool** is half-way between VAE and VAE/GAN. Likeness in features alone makes edges. The game makes the rest,
#   above all in draws, which nobody else looks at.
# - **printed signs**: the discriminator calls everything a fake, with more confidence in each epoch, since nobody pays it
#   for the truth. The decoder hears nothing new from it, and the game is over. Likeness in the features of this ruined
#   network is left, and by the third referee it still makes more realistic faces than pixels do, and even than
#   **Dec - fool**, whose network is sound. It could have gone worse: with wider networks the same wiring ended in noise.
# - **Enc + fool** does no harm that we could measure. The encoder cannot do much for a fake but choose its $z$. Algorithm 1
#   keeps it from choosing somebody who looks real instead of the one who was there; a short training shows little of it.
#
# ## Does the guard guard?

# %%
guards = ["VAE/GAN", "no R1", "guard, no R1"]
verdicts(guards)
for name in guards:
    last = [row for row in run["rows"] if row["board"] == index[name]][-1]
    losses = f"loss of faces {last['real_loss']:.2f}, of fakes {last['fake_loss']:.2f}"
    print(f"{name}: {losses}; Dis learned in {100 * last['learns']:.0f} % of the steps")

# %%
alt = "Test faces by three boards: VAE/GAN; no R1, with many dark and coloured speckles; guard without R1, with fewer."
small.show(np.concatenate([shown[name] for name in guards]), np.repeat(guards, 8), alt=alt, columns=8)

# %% [markdown]
# Without the penalty the discriminator wins, as in lesson 05: both its losses fall far below 0.69, and it pushes the decoder
# into speckles. The guard holds it back in more than half of the steps at the end, the losses stay nearer to 0.69,
# and there are fewer speckles. So it does guard, but it cures the symptom. With $R_1$ there is nothing to guard.
#
# Now look at the distances. By them these two are the *best* of all boards. Speckles have the spectrum that blurred faces
# lack, and the spectrum does not ask where they are. A referee that trained nobody can still be fooled. No single number
# says what a good face is: use several, and look.
#
# ## Files
# The networks promise 50 bits of KL. Lesson 03 taught us what that is: no file. `LatentModel` turns and stretches $z$
# into the unit of pixels, as lesson 05 did for the generator, `Codec` rounds and writes; this time there *is* an encoder, so
# nothing has to be searched.

# %%
# NBVAL_CHECK_OUTPUT
codecs = {"eigenfaces": Codec(eigenfaces, 14)}
for name, each in trained.items():
    codecs[name] = Codec(LatentModel.from_networks(each["encoder"], each["decoder"], train[:1000]), 15)
few = test[: course.pick(smoke=80, classroom=200, full=400)]
files = codecs["VAE/GAN"].encode(few, bits=64)
print(f"{len(files)} files, the largest of {8 * max(map(len, files))} bits; codec and format: {files[0][0]:02x}")
again = codecs["VAE/GAN"].decode(files)
nearest = np.mean([np.argmax(psnr(few, np.stack([face] * len(few)))) == i for i, face in enumerate(again[:10])])
print(f"decoded: {again.shape[1:]}; of the first 10 the nearest original is its own: {nearest >= 0.8}")

# %%
RATES = (48, 96, 192)
decoded = {(name, bits): codec.decode(codec.encode(few, bits=bits)) for name, codec in codecs.items() for bits in RATES}
points = {key: (psnr(few, faces).mean(), distance(faces)) for key, faces in decoded.items()}
for bits in RATES:
    print(f"{bits:3} bits:", "; ".join(f"{name} {points[name, bits][0]:.1f} dB, {points[name, bits][1]:.0f}" for name in codecs))
plane = {name: np.transpose([points[name, bits] for bits in RATES]) for name in codecs}
alt = "Distance over PSNR at three rates: the VAE/GAN's line lies lowest, eigenfaces reach farthest to the right."
figures.curve(plane, "PSNR in dB", "Fréchet distance, luminance spectrum", log_y=True, alt=alt)

# %%
columns = [("original", few)] + [(f"{name}\n{bits} bits", decoded[name, bits]) for bits in (48, 192) for name in codecs]
sheet, titles = zip(*((faces[i], title) for i in (1, 4, 6, 8) for title, faces in columns))
alt = "Four faces at 48 and 192 bits: softest by the VAE; by the VAE/GAN with edges and some wrong details."
small.show(sheet, titles, alt=alt, columns=7)

# %% [markdown]
# One line for each codec; to the right are more bits. At 48 bits the three are within a decibel, and the
# VAE/GAN is the most realistic by far; and compared with lesson 05's search, its encoder needs one pass. With 192 bits
# eigenfaces have most decibels and are about as realistic: our networks were trained for about 50 bits, and learned
# nothing to do with more. Lesson 04 showed how to train for many rates.
#
# (Why are distances larger here than in the referees' table? A draw of the posterior is noisy, and the decoder makes
# detail of the noise. A file has none, and at 48 bits all but about six of the 64 latents are rounded to 0.)
#
# ## What it does not know
# Back to the changes of the beginning. How far do they carry a face away, in pixels and in what the discriminator of the
# VAE/GAN sees, if the way to another person is 100 %?

# %%
looks = trained["VAE/GAN"]["discriminator"]
feature_error = {name: np.mean((looks(faces)["deep"] - looks(same)["deep"]) ** 2) for name, faces in changes.items()}
for name in changes:
    shares = [100 * each[name] / each["another person"] for each in (pixel_error, feature_error)]
    print(f"{name:20} {shares[0]:5.1f} % in pixels, {shares[1]:5.1f} % in features, {shares[1] / shares[0]:.1f} times")

# %% [markdown]
# It did learn to look: glasses, a smile, and gender weigh more in features than in pixels, and noise weighs less. But
# not much more. Another background is still far worse for it than other glasses *and* another gender.
#
# ## Quiz

# %% tags=["quiz"]
quiz.ask(
    "A discriminator multiplies the features in Dis_l by 10 and makes up for it in the next layer. What happens to L_llike?",
    [
        "Nothing, whatever the variance.",
        "With s = 1 it costs 100 times as much; with s² = spread it stays.",
        "It costs 10 times as much.",
        "It is divided by 100.",
    ],
    answer="b",
    why="Features have no unit. The variance over the faces of a batch gives them one, and it grows by the same 100.",
)
quiz.ask(
    "The gradient of L_llike reaches the encoder through the discriminator. Why does the discriminator not learn from it?",
    [
        "Its layers are frozen.",
        "A gradient is taken for the encoder's variables only; what it passes on the way is differentiated, not moved.",
        "The tape does not see it.",
        "R1 keeps it in place.",
    ],
    answer="b",
    why="Who learns is decided by which variables a gradient is taken for, and which optimizer gets it.",
)
quiz.ask(
    "Somebody lets the discriminator learn from L_llike too. L_llike falls to almost nothing. What is wrong?",
    [
        "Nothing: the faces are now alike.",
        "The rate is too high.",
        "The measure has been taught to see no differences; the faces are no nearer.",
        "γ is too small.",
    ],
    answer="c",
    why="Whoever is measured must not hold the ruler. PSNR, which nobody was paid for, gave it away.",
)
quiz.ask(
    "At the same number of bits the VAE has more decibels, the VAE/GAN is more realistic. Which should have trained longer?",
    [
        "The VAE/GAN: a perfect one has both.",
        "The VAE.",
        "Neither: least squared error is a mean, and a mean is no face (lesson 04). One has to choose.",
        "Both: they have not converged.",
    ],
    answer="c",
    why="Blau and Michaeli: at a given rate, better realism costs squared error, at most a factor of two, or 3 dB.",
)
quiz.ask(
    "Why are draws from the VAE/GAN's prior nearer to faces than those of the VAE?",
    [
        "Its decoder was shown draws from the prior in training, and the discriminator judged them.",
        "Its KL is smaller.",
        "Its latents are not Gaussian.",
    ],
    answer="a",
    why="A VAE's decoder never sees the prior, only posteriors. x_p is the second kind of fakes, and the KL is the same.",
)

# %% [markdown]
# ## What you have done
# You have joined the two halves of a decoder, and the work was not in the networks, which you knew. It was in the wiring:
# three losses, and for each the question whom it concerns. The discriminator can say how alike two faces are, as long as it
# does not profit from the answer.
#
# But look at the last table again. The discriminator learned one thing, what makes a picture look drawn. Nobody asked it
# what makes two faces *the same person*, and it knows only a little more about that than pixels do. **Who would know what has to
# survive in a face? Somebody who can answer questions about it: a man or a woman? glasses? a smile?** Lesson 07 trains
# one.

# %%
checks.score("06")

# %% [markdown]
# ### On your own
# - Wire a GAN with an encoder: `but("decoder", llike=0)`. The encoder now has to find faces in a generator that does not
#   care. Compare with lesson 05's search.
# - Take `"middle"` or `"shallow"` for $\mathrm{Dis}_l$ in `one_pass`. What becomes of speckles, and of likeness?
# - Set `GAMMA` to ten times and to a tenth of its value. Which way do the three referees move?
# - Leave $x_p$ out of the game, or $\tilde x$, as the authors' program does. What happens to draws, and to decoded faces?
# - Call `connect` with `penalty=0.3, limits=(0.33, 1.03)`. Does the guard ever have to do anything?
#
# ### Further reading
# - A. Larsen, S. Sønderby, H. Larochelle, O. Winther, [Autoencoding beyond pixels using a learned similarity
#   metric](https://arxiv.org/abs/1512.09300), ICML 2016: the paper; and [the authors'
#   program](https://github.com/andersbll/autoencoding_beyond_pixels), whose `model/aegan.py` has the guard.
# - [Training unstable](https://github.com/zhangqianhui/vae-gan-tensorflow/issues/2): what befell people who rebuilt it from
#   the paper alone.
# - A. Dosovitskiy, T. Brox, [Generating images with perceptual similarity metrics based on deep
#   networks](https://arxiv.org/abs/1602.02644), NeurIPS 2016: the same idea in the same months, with a network that
#   was trained before.
# - J. Johnson, A. Alahi, L. Fei-Fei, [Perceptual losses](https://arxiv.org/abs/1603.08155), ECCV 2016; R. Zhang and others,
#   [The unreasonable effectiveness of deep features as a perceptual metric](https://arxiv.org/abs/1801.03924), CVPR 2018:
#   how well such measures agree with people.
# - J. Donahue, P. Krähenbühl, T. Darrell, [Adversarial feature learning](https://arxiv.org/abs/1605.09782), ICLR 2017:
#   another way to give a GAN an encoder, with a discriminator that sees pairs of face and $z$.
# - Y. Blau, T. Michaeli, [The perception-distortion tradeoff](https://arxiv.org/abs/1711.06077), CVPR 2018.
# - M. Heusel and others, [GANs trained by a two time-scale update rule](https://arxiv.org/abs/1706.08500), NeurIPS 2017: the
#   Fréchet distance as a referee.
# - F. Mentzer and others, [High-fidelity generative image compression](https://arxiv.org/abs/2006.09965), NeurIPS 2020: what
#   this grows into with larger pictures and more bits.
