"""The checks of lesson 08: each accepts right solutions, and rejects plausible mistakes by their names."""

import numpy as np
import pytest
from keras import ops

from elic_tf.course import checks, learned
from elic_tf.models import system
from elic_tf.models.adversarial import L_GAN, L_fool


def attention_but(
    low=0.0, mask=True, cosine=True, stop=ops.stop_gradient, combine=lambda stays, keeps: 2 - stays - keeps
):
    """The reference with one step wrong."""

    def attention(a, b, gender, gender_tilde, region):
        products = ops.sum(a * b, -1)
        if cosine:
            products = products / (ops.sqrt(ops.sum(a**2, -1) * ops.sum(b**2, -1)) + 1e-6)
        region = region if mask else ops.ones_like(region)
        stays = ops.sum(region * products, (1, 2)) / ops.sum(region)
        stays = stays if low is None else ops.maximum(stays, low)
        return stop(combine(stays, ops.sum(gender * gender_tilde, -1)))

    return attention


def losses_but(decoder=None, discriminator=None):
    """The reference with another loss for one of the two; each is called with likeness, realism, real, fake."""

    def losses(prices, terms, real, fake, realism):
        likeness = sum(price * terms[name] for name, price in prices.items())
        first = decoder or (lambda likeness, realism, real, fake: likeness + realism * L_fool(fake))
        second = discriminator or (lambda likeness, realism, real, fake: -L_GAN(real, fake))
        return first(likeness, realism, real, fake), second(likeness, realism, real, fake)

    return losses


def without_prices(prices, terms, real, fake, realism):
    return sum(terms[name] for name in prices) + realism * L_fool(fake), -L_GAN(real, fake)


def all_terms(prices, terms, real, fake, realism):
    return sum(prices[name] * terms[name] for name in terms), -L_GAN(real, fake)


WRONG = {
    "08.difference": [
        (lambda missing, told: np.tensordot(told, missing, 1), "divide by the sum of told squared"),
        (lambda missing, told: np.tensordot(told, missing, 1) / len(told), "divided by the number of faces"),
        (lambda missing, told: missing.mean(0), "without told"),
        (lambda missing, told: missing[told > 0].mean(0) - missing[told < 0].mean(0), "twice too large"),
        (lambda missing, told: (missing[told > 0].mean(0) - missing[told < 0].mean(0)) / 2, "not the nearest"),
        (lambda missing, told: np.tensordot(-told, missing, 1) / np.sum(told**2), "wrong sign"),
        (lambda missing, told: np.tensordot(told, missing, 1) / np.sum(np.abs(told)), "told [2, -2, 1]"),
        (lambda missing, told: None, "`return` missing"),
    ],
    "08.told_logit": [
        (lambda x, told, V: ops.sum(ops.matmul(told, V) * ops.sum(x, (1, 2)), -1), "take the mean"),
        (lambda x, told, V: ops.matmul(ops.mean(x, (1, 2)), ops.sum(V, 0)), "without what was told"),
        (lambda x, told, V: ops.matmul(told, V) * ops.mean(x, (1, 2)), "sum over the channels"),
        (lambda x, told, V: ops.mean(ops.matmul(told, V) * ops.mean(x, (1, 2)), -1), "the mean over the channels"),
        (lambda x, told, V: ops.sum(ops.matmul(told, V) * ops.max(x, (1, 2)), -1), "largest value"),
        (lambda x, told, V: ops.sum(ops.matmul(told, V) * ops.mean(x, (1, 2))), "all faces together"),
        (lambda x, told, V: ops.sum(ops.matmul(told, V) * ops.mean(x, (1, 2)), -1, keepdims=True), "not (n, 1)"),
    ],
    "08.attention": [
        (attention_but(combine=lambda stays, keeps: stays + keeps), "1 - stays + 1 - keeps"),
        (attention_but(low=None), "least value of stays"),
        (attention_but(mask=False), "weight the places"),
        (attention_but(cosine=False), "inner products"),
        (attention_but(combine=lambda stays, keeps: 1 - stays), "without the gender"),
        (attention_but(combine=lambda stays, keeps: 1 - keeps), "without what stays"),
        (attention_but(combine=lambda stays, keeps: (1 - stays) * (1 - keeps)), "add them"),
        (attention_but(stop=lambda w: w), "a gradient passes"),
    ],
    "08.losses": [
        (without_prices, "without prices"),
        (losses_but(lambda likeness, r, real, fake: likeness + L_fool(fake)), "without realism's price"),
        (losses_but(lambda likeness, r, real, fake: r * (likeness + L_fool(fake))), "r on likeness too"),
        (losses_but(lambda likeness, r, real, fake: likeness - r * L_fool(fake)), "-log D already"),
        (losses_but(lambda likeness, r, real, fake: likeness + r * L_GAN(real, fake)), "saturates"),
        (losses_but(lambda likeness, r, real, fake: likeness - r * L_GAN(real, fake)), "help the discriminator"),
        (losses_but(lambda likeness, r, real, fake: likeness), "likeness alone"),
        (losses_but(None, lambda likeness, r, real, fake: L_GAN(real, fake)), "it climbs L_GAN"),
        (losses_but(None, lambda likeness, r, real, fake: likeness - L_GAN(real, fake)), "call all faces alike"),
        (losses_but(None, lambda likeness, r, real, fake: -r * L_GAN(real, fake)), "the decoder's price"),
        (lambda *given: losses_but()(*given)[::-1], "decoder's first"),
        (lambda *given: losses_but()(*given)[0], "should be (decoder's loss, discriminator's loss)"),
        (all_terms, "KeyError"),
    ],
    "08.nearest_blend": [
        (lambda x, a, b: np.sum((x - b) * (a - b)) / np.sum((b - a) ** 2), "λ is the share of b"),
        (lambda x, a, b: np.sum((a - x) * (b - a)) / np.sum((b - a) ** 2), "wrong sign"),
        (lambda x, a, b: np.sum((x - a) * (b - a), (1, 2, 3)) / np.sum((b - a) ** 2, (1, 2, 3)), "one for each face"),
        (
            lambda x, a, b: np.mean(np.sum((x - a) * (b - a), (1, 2, 3)) / np.sum((b - a) ** 2, (1, 2, 3))),
            "before you divide",
        ),
        (lambda x, a, b: np.mean((x - a) / (b - a)), "of single pixels"),
        (lambda x, a, b: np.sum((x - a) * (b - a)) / np.linalg.norm(b - a), "squared length"),
        (lambda x, a, b: np.sum((x - a) * (b - a)) / np.sum((x - a) ** 2), "divided by what is missing"),
    ],
}


@pytest.mark.parametrize("name", WRONG)
def test_accepts_the_reference_and_rejects_mistakes_naming_them(name):
    checks.accepts(name, checks.find(name).reference)
    assert len(WRONG[name]) >= 2
    for wrong, said in WRONG[name]:
        assert said in checks.rejects(name, wrong).message


def test_every_check_of_lesson_08_is_tested_here():
    assert {entry.name for entry in checks.of_lesson("08")} == set(WRONG)


def test_other_right_solutions_are_accepted():
    checks.accepts("08.attention", attention_but())

    def by_logits(a, b, gender, gender_tilde, region):  # the library's, which has a region of its own
        seen, seen_tilde = (
            {"deep": m, "gender_logits": ops.log(p + 1e-9)} for m, p in ((a, gender), (b, gender_tilde))
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(system, "region", lambda size: ops.convert_to_numpy(region))
            return system.attention(seen, seen_tilde)

    checks.accepts("08.attention", by_logits)

    def by_regression(missing, told):
        flat = missing.reshape(len(missing), -1)
        return np.linalg.lstsq(np.asarray(told, float)[:, None], flat, rcond=None)[0].reshape(missing.shape[1:])

    checks.accepts("08.difference", by_regression)

    def by_places(x, told, V):
        return ops.mean(ops.einsum("nhwc,nc->nhw", x, ops.matmul(told, V)), (1, 2))

    checks.accepts("08.told_logit", by_places)

    def by_search(x, a, b):
        errors = [np.sum((x - (1 - share) * a - share * b) ** 2) for share in (0, 0.5, 1)]
        curve = np.polyfit((0, 0.5, 1), errors, 2)
        return -curve[1] / (2 * curve[0])

    checks.accepts("08.nearest_blend", by_search)


def test_the_shipped_run_has_what_the_lesson_shows():
    run = learned.load("08")
    assert [set(row) for row in run["rows"]] == [{"PSNR", "distance", "judge right", "answers kept"}] * 5
    assert run["shown"].shape == (4, 3, 36, 36, 3)
    decoder = [run[name] for name in run if name.startswith("sharp")]
    assert all(each.dtype == np.int8 for each in decoder) and sum(each.size for each in decoder) > 50_000
