"""Lesson 09: quality at equal bits, the Fréchet distance, balanced accuracy, who is nearer, and people drawn again."""

import numpy as np

from elic_tf.course.checks import Wrong, check, expect


def at_bits(bits, quality, wanted):
    """Quality at `wanted` bits between measured points (k,), linear in the logarithm; NaN outside of them."""
    if not bits[0] <= wanted <= bits[-1]:
        return np.nan
    return np.interp(np.log(wanted), np.log(bits), quality)


@check(
    "09.at_bits",
    "Quality at equal bits",
    reference=at_bits,
    hints=(
        "np.interp(x, xs, ys) reads between points with rising xs. Here x and xs are logarithms of bits.",
        "Before that: if wanted is less than bits[0] or more than bits[-1], return np.nan.",
        "np.interp(np.log(wanted), np.log(bits), quality)",
    ),
)
def _(student):
    bits, quality = np.array([64.0, 128.0, 512.0, 1024.0]), np.array([18.0, 20.0, 23.0, 26.0])
    for wanted in (256.0, 90.0):
        place = np.searchsorted(bits, wanted)
        likely = {
            "linear in the bits; take their logarithms": np.interp(wanted, bits, quality),
            "the quality of the point before": quality[place - 1],
            "the quality of the point after": quality[place],
            "on a line from the first point to the last": np.interp(
                np.log(wanted), np.log(bits[[0, -1]]), quality[[0, -1]]
            ),
            "the mean of the two points beside it": quality[place - 1 : place + 1].mean(),
        }
        right = at_bits(bits, quality, wanted)
        likely = {what: value for what, value in likely.items() if not np.isclose(value, right)}
        got = student(bits.copy(), quality.copy(), wanted)
        expect(f"at {wanted:g} bits, between measured points", got, right, unit="dB", likely=likely)
    for wanted, end in ((64.0, 0), (1024.0, -1)):
        expect(f"at {wanted:g} bits, which were measured", student(bits, quality, wanted), quality[end], unit="dB")
    for wanted, what in ((32.0, "the smallest files have 64"), (2000.0, "the largest files have 1024")):
        got = student(bits.copy(), quality.copy(), wanted)
        if got is None or np.shape(got) != () or not np.isnan(float(got)):
            raise Wrong(
                f"at {wanted:g} bits, where {what}: got {got if got is None else np.round(got, 2)}, should be nan; "
                "nothing was measured there (np.interp alone answers with the nearest end)"
            )


def frechet(a, b):
    """Fréchet distance |mu1 - mu2|² + Tr(C1 + C2 - 2 (C1 C2)^(1/2)) of features (n, d) and (m, d)."""
    difference, A, B = a.mean(0) - b.mean(0), np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(A @ B).real, 0))
    return np.sum(difference**2) + np.trace(A) + np.trace(B) - 2 * np.sum(roots)


@check(
    "09.frechet",
    "The Fréchet distance",
    reference=frechet,
    hints=(
        "a.mean(0) is the mean of the rows, np.cov(a, rowvar=False) their covariance, (d, d).",
        "Tr (C1 C2)^(1/2) is the sum of the square roots of the eigenvalues of C1 @ C2.",
        "np.linalg.eigvals may give tiny imaginary parts and tiny negative values: take .real, and np.maximum with 0.",
        "np.sum(difference**2) + np.trace(A) + np.trace(B) - 2 * np.sum(roots)",
    ),
)
def _(student):
    from elic_tf.measure.realism import frechet_distance

    random = np.random.default_rng(9)
    a = random.normal(size=(40, 3)) @ random.normal(size=(3, 3)) + 0.5
    b = random.normal(size=(30, 3)) @ random.normal(size=(3, 3))
    wanted, (A, B) = frechet_distance(a, b), (np.cov(each, rowvar=False) for each in (a, b))
    squares, traces, D = np.sum((a.mean(0) - b.mean(0)) ** 2), np.trace(A) + np.trace(B), A @ B
    roots = np.sqrt(np.maximum(np.linalg.eigvals(D).real, 0)).sum()
    small = frechet_distance(a, b) - squares - (traces - 2 * roots)
    overlap = traces - 2 * roots + small
    with np.errstate(invalid="ignore"):
        elementwise = np.trace(np.sqrt(D))
    likely = {
        "the part of the means alone": squares,
        "without the part of the means": overlap,
        "with the length of the difference of the means; square it": np.sqrt(squares) + overlap,
        "without the root: C1 C2 has squared units": squares + traces - 2 * np.trace(D),
        "with the root of each entry; a matrix root is another thing, take eigenvalues": squares
        + traces
        - 2 * elementwise,
        "with the root of the trace; take the trace of the root": squares + traces - 2 * np.sqrt(np.trace(D)),
        "without the factor 2": squares + traces - roots,
        "with the sign of the last part turned round": squares + traces + 2 * roots,
        "without the last part: sets that are the same would be far apart": squares + traces,
        "of the variances alone; features vary together": squares
        + np.sum((np.sqrt(np.diag(A)) - np.sqrt(np.diag(B))) ** 2),
        "the root of the distance; leave it squared": np.sqrt(wanted),
        "a mean over the features; take sums": wanted / 3,
    }
    expect("40 and 30 faces, 3 features", _real(student(a.copy(), b.copy())), wanted, tolerance=1e-3, likely=likely)
    same = _real(student(a.copy(), a.copy()))
    expect("a set and itself", same, 0.0, tolerance=1e-4)
    few, others = random.normal(size=(6, 9)), random.normal(size=(5, 9)) + 1
    got, wanted = _real(student(few.copy(), others.copy())), frechet_distance(few, others)
    expect("fewer faces than features: 6 and 5 of 9 features", got, wanted, tolerance=1e-2)


def _real(value):
    """A complex number that is real but for rounding, as a real one."""
    if np.iscomplexobj(value):
        raise Wrong("got a complex number; what is imaginary is rounding: take .real of the eigenvalues or the root")
    return value


def balanced(p_male, male):
    """Balanced accuracy of probabilities p_male (n,) of "man"; male (n,): the truth, bool."""
    right = (p_male > 0.5) == male
    return (right[male].mean() + right[~male].mean()) / 2


@check(
    "09.balanced",
    "Balanced accuracy",
    reference=balanced,
    hints=(
        "right = (p_male > 0.5) == male has a bool for each face.",
        "right[male] are the men's, right[~male] the women's; .mean() is a share.",
        "(right[male].mean() + right[~male].mean()) / 2",
    ),
)
def _(student):
    male = np.array([True, True, False, False, False, False, False, False])
    p_male = np.array([0.9, 0.2, 0.1, 0.3, 0.2, 0.45, 0.7, 0.6])
    says, wanted = p_male > 0.5, (1 / 2 + 4 / 6) / 2
    right = says == male
    likely = {
        "the plain accuracy: give each gender one vote": right.mean(),
        "the share of men that are right": right[male].mean(),
        "the share of women that are right": right[~male].mean(),
        "the mean over what the judge says; take it over what people are": (male[says].mean() + (~male[~says]).mean())
        / 2,
        "the sum of the two shares; take their mean": right[male].mean() + right[~male].mean(),
        "the share of wrong answers": 1 - wanted,
        "the mean probability of the right answer; ask whether it is above 0.5": (
            p_male[male].mean() + (1 - p_male[~male]).mean()
        )
        / 2,
        "in percent; give a share from 0 to 1": 100 * wanted,
    }
    expect("two men and six women", student(p_male.copy(), male.copy()), wanted, likely=likely)
    truth = np.arange(10) >= 7
    likely = {"the plain accuracy: give each gender one vote": 0.7}
    expect(
        "seven women, three men, and a judge who always says 'woman'", student(np.zeros(10), truth), 0.5, likely=likely
    )


def others_nearer(decoded, originals):
    """How many other originals are nearer to each decoded face than its own, (n,); two descriptors (n, d)."""
    squares = np.sum((decoded[:, None] - originals[None]) ** 2, axis=2)
    return np.sum(squares < np.diag(squares)[:, None], axis=1)


@check(
    "09.others_nearer",
    "How many others are nearer",
    reference=others_nearer,
    hints=(
        "decoded[:, None] - originals[None] has shape (n, n, d): every decoded face minus every original.",
        "Sum its squares over the last axis: squares[i, j] is between decoded face i and original j. Its diagonal is "
        "the distance to the own original.",
        "np.sum(squares < np.diag(squares)[:, None], axis=1)",
    ),
)
def _(student):
    random = np.random.default_rng(4)
    originals = random.normal(size=(12, 5)) * np.linspace(0.5, 2, 12)[:, None]
    decoded = originals + 1.6 * random.normal(size=(12, 5))
    squares = ((decoded[:, None] - originals[None]) ** 2).sum(2)
    own = np.diag(squares)[:, None]
    wanted = (squares < own).sum(1)
    products = decoded @ originals.T
    likely = {
        "one more: the own original is not another": wanted + 1,
        "of each original the decoded faces that are nearer: compare along the other axis": (squares < own.T).sum(0),
        "the number of others that are further away": (squares > own).sum(1),
        "whether others are nearer; count them": (wanted > 0).astype(float),
        "whether it is recognised; count those who are nearer": (wanted == 0).astype(float),
        "the number of the nearest original; count how many are nearer than the own one": squares.argmin(1),
        "by the scalar product; a long descriptor is not a near one": (products > np.diag(products)[:, None]).sum(1),
        "one number for all faces; give one for each": wanted.mean(),
        "from argsort, which says who is at a place, and not at which place somebody is": np.diag(squares.argsort(1)),
    }
    expect("twelve faces", student(decoded.copy(), originals.copy()), wanted, likely=likely)
    expect("originals themselves", student(originals.copy(), originals.copy()), np.zeros(12))


def resample(people, random):
    """Rows (k,) of all faces of people drawn with replacement, as many people as there are; people (n,)."""
    unique = np.unique(people)
    drawn = random.choice(unique, len(unique))
    return np.concatenate([np.flatnonzero(people == one) for one in drawn])


@check(
    "09.resample",
    "People drawn again",
    reference=resample,
    hints=(
        "np.unique(people) has everybody once; random.choice(unique, len(unique)) draws as many, with replacement.",
        "np.flatnonzero(people == one) are the rows of one person's faces.",
        "np.concatenate of these rows, for each person drawn; somebody drawn twice is in it twice.",
    ),
)
def _(student):
    people = np.array([7, 7, 7, 2, 5, 5, 2, 9])
    everybody, random, counts = np.unique(people), np.random.default_rng(0), []
    for _ in range(400):
        rows = student(people.copy(), random)
        if rows is None:
            raise Wrong("your function returned nothing; is a `return` missing?")
        rows = np.asarray(rows)
        if rows.dtype == bool:
            raise Wrong("got a mask; give row numbers, because somebody who is drawn twice has to be in it twice")
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or (rows.size and not 0 <= rows.min() <= rows.max() < 8):
            raise Wrong(f"got {rows.dtype} of shape {rows.shape}, should be row numbers from 0 to 7, for these 8 faces")
        times = np.bincount(rows, minlength=8)
        for one in everybody:
            if len(set(times[people == one])) > 1:
                shown = ", ".join(map(str, times[people == one]))
                raise Wrong(f"the faces of one person came {shown} times; draw people, and take all faces of each")
        counts.append([times[people == one][0] for one in everybody])
    _judge_counts(np.array(counts))


def _judge_counts(counts):
    """counts (draws, 4): how often each of four people was drawn."""
    drawn = counts.sum(1)
    if (counts == 1).all():
        raise Wrong("everybody was drawn once, each time; draw with replacement, so that some come twice and some not")
    if counts.max() == 1:
        raise Wrong(
            "nobody was ever in it twice; somebody who is drawn twice counts twice, so join the rows of each draw"
        )
    if (drawn != 4).any():
        raise Wrong(f"drew {drawn.min()} to {drawn.max()} people, should be 4 each time: as many as there are")
    if abs(counts.mean(0) - 1).max() > 0.25:
        often = ", ".join(f"{share:.2f}" for share in counts.mean(0))
        raise Wrong(
            f"people with 2, 2, 3 and 1 faces were drawn {often} times on average, should be 1 each: whoever has more "
            "faces must not be drawn more often; draw from np.unique(people)"
        )
