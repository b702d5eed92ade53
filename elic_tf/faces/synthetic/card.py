"""The data card of the synthetic faces, with its numbers taken from the network."""

import math

from elic_tf.faces.synthetic.factors import FACTORS, parents
from elic_tf.faces.synthetic.network import conditional_entropy_bits, entropy_bits, marginal

_HEAD = """# Data card: synthetic faces

![Eight rows of eight rendered portraits: women and men of many skin tones, ages, hair styles and expressions, \
some with glasses, hats, beards or earrings](synthetic.png)

64 faces of seed 0, rendered at 96 pixels.

**What it is.** Portraits computed from a record of {factors} named factors: a small Bayesian network
draws the record, and a renderer shades a head's relief from it. No photograph, no trained model and no
real person takes part. A picture is a function of its record alone, at any size from 32 to 256 pixels, so
everything about it is known.

**Entropy.** A record carries **{entropy:.3f} bits** on average (exact, from the network). That is the floor: a
codec that knows the network and the renderer could store a face in that many bits on average with no loss,
and none can do better, save for the fraction of a bit that is hidden in some pictures (the hair style of a
bald head). With all levels equally likely a record would need {uniform:.1f} bits.

**Make it.** The contact sheet above and this card:

```
python -m elic_tf.faces.synthetic --out data/synthetic.png --card data/synthetic.md
```

and in Python, where the same seed gives the same records on every machine and the same pixels within one
grey level:

```python
from elic_tf.faces import synthetic

face_set = synthetic.load(10_000, seed=0, size=64)
```

**How.** Each factor has a table of integer frequencies out of 1024 for each combination of its parents'
levels, none of them 0, so every combination of levels is possible. A draw compares the top 10 bits of a
Philox word with the cumulative frequencies. The renderer intersects each pixel's line of sight with a
turned head, takes normals from the head's relief and shades them (wrapped Lambert, Blinn-Phong, Kajiya-
Kay for hair), and covers edges by their distance in pixels. The framing is that of aligned portrait
crops: the eyes at 0.45 of the height and at 0.345 and 0.645 of the width.

**Use it for** teaching, tests, demonstrations with no download, and checks that need ground truth: what a
codec keeps of a factor, how close it comes to the floor.

**Limits.** These are drawings. The dependencies (grey hair with age, beards mostly on men, hair colour
with skin tone) are round guesses that give a varied class-room set; they describe no population, and
nothing found here is a statement about any group of people. Gender is what the picture presents, with two
levels, because the question "is the gender of the picture kept?" needs a label; it says nothing about
people. Results on these faces do not carry over to photographs: report those on photographs. The skin
tones are the ten published values of the Monk scale, warmed at the light end and better exposed at the
dark end, as a portrait photograph would be. A covering factor hides what it covers: sunglasses the eyes,
a headscarf the hair, a beard the chin.

**Licence.** That of this repository, for the pictures as well.

## Factors

Probability of each level in percent, over all others.

| factor | depends on | bits given those | levels |
|---|---|---|---|
"""


def card() -> str:
    """The whole card, Markdown."""
    uniform = sum(math.log2(len(levels)) for levels in FACTORS.values())
    rows = []
    for name, levels in FACTORS.items():
        shares = ", ".join(f"{level} {100 * share:.1f}" for level, share in zip(levels, marginal(name)))
        arrows = ", ".join(parents(name)) or "-"
        rows.append(f"| {name} | {arrows} | {conditional_entropy_bits(name):.2f} | {shares} |\n")
    head = _HEAD.format(factors=len(FACTORS), entropy=entropy_bits(), uniform=uniform)
    return head + "".join(rows) + f"\nSum of the third column: {entropy_bits():.3f} bits.\n"
