import hashlib

import numpy as np
import pytest

from elic_tf import errors
from elic_tf.faces import synthetic


@pytest.fixture(scope="module")
def many():
    return synthetic.sample(40_000, seed=1)


def test_at_least_twenty_factors_with_distinct_named_levels():
    assert len(synthetic.FACTORS) >= 20
    for name, levels in synthetic.FACTORS.items():
        assert len(set(levels)) == len(levels) >= 2, name
    assert len(synthetic.FACTORS["skin"]) == len(synthetic.MONK) == 10


def test_tables_are_integer_frequencies_with_nothing_impossible():
    for name in synthetic.FACTORS:
        table = synthetic.frequencies(name)
        assert table.dtype == np.int64
        assert table.min() >= 1
        assert (table.sum(axis=-1) == synthetic.TOTAL).all()
        levels = [len(synthetic.FACTORS[each]) for each in (*synthetic.parents(name), name)]
        assert table.shape == tuple(levels)


def test_parents_come_first():
    seen = set()
    for name in synthetic.ORDER:
        assert seen.issuperset(synthetic.parents(name)), name
        seen.add(name)
    assert seen == set(synthetic.FACTORS)


def test_golden_records():
    """Records are the same on every machine: a change here breaks every stored seed."""
    records = synthetic.sample(1000, seed=0)
    digest = hashlib.sha256(records.tobytes()).hexdigest()
    assert digest == "286dec389940a5b0b6e9a93309f34d0a83d33c2436efc470870eaf603a944d3b"


def test_a_longer_sample_starts_with_the_shorter_one_and_seeds_differ():
    assert (synthetic.sample(50, seed=3) == synthetic.sample(80, seed=3)[:50]).all()
    assert (synthetic.sample(50, seed=3) != synthetic.sample(50, seed=4)).any()
    assert len(synthetic.sample(0)) == 0


def test_every_level_occurs_about_as_often_as_its_marginal_says(many):
    for name, levels in synthetic.FACTORS.items():
        share = np.bincount(many[name], minlength=len(levels)) / len(many)
        expected = synthetic.marginal(name)
        assert expected.sum() == pytest.approx(1)
        assert (share > 0).all(), name
        assert np.abs(share - expected).max() < 5 * np.sqrt(0.25 / len(many)), name


def test_life_like_dependencies(many):
    def levels(name, *wanted):
        return np.isin(many[name], [synthetic.FACTORS[name].index(each) for each in wanted])

    man, old = levels("gender", "man"), levels("age", "65+")
    grey = levels("hair_colour", "grey", "white")
    assert grey[old].mean() > 5 * grey[levels("age", "18-24", "25-34")].mean()
    assert (~levels("beard", "none"))[man].mean() > 20 * (~levels("beard", "none"))[~man].mean() > 0
    assert levels("hair_length", "long")[~man].mean() > 3 * levels("hair_length", "long")[man].mean() > 0


def test_entropy_is_exact_and_agrees_with_the_mean_code_length(many):
    entropy = synthetic.entropy_bits()
    lengths = synthetic.bits(many)
    assert lengths.dtype == np.float64
    assert abs(lengths.mean() - entropy) < 4 * lengths.std() / np.sqrt(len(many))
    assert entropy == pytest.approx(sum(synthetic.conditional_entropy_bits(name) for name in synthetic.FACTORS))
    assert entropy < sum(np.log2(len(levels)) for levels in synthetic.FACTORS.values())


def test_conditional_entropy_against_brute_force():
    """H(hair_length | gender, age) written out as a double sum."""
    ages = synthetic.frequencies("age") / synthetic.TOTAL
    genders = synthetic.frequencies("gender") / synthetic.TOTAL
    table = synthetic.frequencies("hair_length") / synthetic.TOTAL
    total = 0.0
    for gender, p_gender in enumerate(genders):
        for age, p_age in enumerate(ages):
            total -= p_gender * p_age * sum(p * np.log2(p) for p in table[gender, age])
    assert synthetic.conditional_entropy_bits("hair_length") == pytest.approx(total)


def test_bits_of_one_record_by_hand():
    record = synthetic.sample(1, seed=9)
    product = 1.0
    for name in synthetic.FACTORS:
        index = tuple(int(record[each][0]) for each in (*synthetic.parents(name), name))
        product *= synthetic.frequencies(name)[index] / synthetic.TOTAL
    assert synthetic.bits(record)[0] == pytest.approx(-np.log2(product))
    assert synthetic.bits(record[0])[0] == pytest.approx(-np.log2(product))


def test_describe():
    record = synthetic.sample(3, seed=2)[1]
    words = synthetic.describe(record)
    assert list(words) == list(synthetic.FACTORS)
    assert all(synthetic.FACTORS[name].index(level) == record[name] for name, level in words.items())
    with pytest.raises(errors.ImageError, match="one record"):
        synthetic.describe(synthetic.sample(2))


@pytest.mark.parametrize(("n", "seed"), [(-1, 0), (2.5, 0), (3, -1), (3, 2**64)])
def test_bad_sample_arguments(n, seed):
    with pytest.raises(errors.ImageError, match="whole number"):
        synthetic.sample(n, seed)


def test_bad_records():
    with pytest.raises(errors.ImageError, match=r"synthetic\.sample"):
        synthetic.bits(np.zeros((2, 29), np.uint8))
    with pytest.raises(errors.ImageError, match="one axis"):
        synthetic.bits(synthetic.sample(4).reshape(2, 2))
    wrong = synthetic.sample(2)
    wrong["skin"] = 10
    with pytest.raises(errors.ImageError, match="skin has levels 0 to 9"):
        synthetic.bits(wrong)
