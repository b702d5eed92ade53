"""What is asked about each decoded face, beside its original; and about all of them, as a set."""

import numpy as np

from elic_tf.measure import answers, distortion, groups, judges, realism

EXACT = 99.0
"""dB that a face counts with that comes back exactly; its PSNR is infinite."""


class Reference:
    """A FaceSet labelled "male", with what is known of its originals, for decoded faces to be compared with.

    judge: a `GenderJudge`; vqa: a `VQA`. originals: (n, size, size, 3) float32 in [0, 1].
    """

    def __init__(self, faces, judge, vqa):
        self.faces, self.originals = faces, faces.images / np.float32(255)
        self._judge, self._vqa = judge, vqa
        self._before = answers.said(vqa, self.originals)

    def each(self, decoded, which=slice(None)):
        """{column: (n,)} for decoded faces (n, size, size, 3) in [0, 1] of the originals at `which`.

        psnr: dB, at most `EXACT`; ssim; p_male: the judge's; kept_FACT: whether the answer to a question of
        `answers.KEY` is the same before and after; kept: the share of these that is; male: the label.
        """
        originals = self.originals[which]
        kept = np.equal(self._before[:, which], answers.said(self._vqa, decoded))
        return self._gender(decoded, which) | {
            "psnr": np.minimum(distortion.psnr(originals, decoded), EXACT),
            "ssim": distortion.ssim(originals, decoded),
            "kept": kept.mean(0),
            **{f"kept_{fact}": row for fact, row in zip(answers.KEY, kept, strict=True)},
        }

    def each_original(self):
        """What `each` says of the originals: p_male and male alone."""
        return self._gender(self.originals, slice(None))

    def _gender(self, faces, which):
        return {"p_male": self._judge.male(faces), "male": self.faces.labels["male"][which]}


def means(each, mask=slice(None)):
    """The means over the faces in `mask` of what `Reference.each` gave: {column: number}.

    p_male and male become `judge`, the share that the judge is right about, and `judge_balanced`, the mean of the
    shares of the two sexes. n: faces.
    """
    chosen = {column: values[mask] for column, values in each.items()}
    male = chosen.pop("male")
    plain, balanced = judges.accuracy(chosen.pop("p_male"), male)
    numbers = {column: float(values.mean()) for column, values in chosen.items()}
    return numbers | {"judge": plain, "judge_balanced": balanced, "n": len(male)}


def group_rows(title, faces, found):
    """One row for each group of a FaceSet and each entry of `found`, {decoder: what `Reference.each` gave}.

    title: of the set. Columns: set, group, codec, and those of `means`.
    """
    masks = groups.groups(faces)
    return [
        {"set": title, "group": group, "codec": name} | means(each, mask)
        for group, mask in masks.items()
        for name, each in found.items()
    ]


class Photographs:
    """The features of photographs of some people, for sets of faces to be compared with."""

    def __init__(self, faces):
        self.features, self.people = realism.features(faces.images), faces.identities

    def distances(self, features, people):
        """Columns frechet, kernel and the ends of their intervals; none where there are too few faces or people.

        features: (n, d); people: who is on each face, or None for faces of nobody, see `realism.compare`.
        """
        counts = [len(np.unique(side)) for side in (people, self.people) if side is not None]
        enough = min(len(features), len(self.features)) > features.shape[1]
        if not enough or min([*counts, len(features)]) < realism.GROUPS:
            return {}
        found = realism.compare(features, self.features, people, self.people)
        columns = {}
        for kind in ("frechet", "kernel"):
            low, high = getattr(found, f"{kind}_interval")
            columns |= {kind: getattr(found, kind), f"{kind}_low": low, f"{kind}_high": high}
        return columns
