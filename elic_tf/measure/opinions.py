"""What is asked about each decoded face, beside its original; and about all of them, as a set."""

import numpy as np

from elic_tf.errors import DataError
from elic_tf.measure import answers, distortion, groups, identity, judges, realism

EXACT = 99.0
"""dB that a face counts with that comes back exactly; its PSNR is infinite."""


class Reference:
    """A FaceSet, with what is known of its originals, for decoded faces to be compared with.

    judge: a `GenderJudge`, asked where the faces are labelled "male"; vqa: a `VQA`; recogniser: a `Recogniser`; whoever
    is None is not asked. originals: (n, size, size, 3) float32 in [0, 1]. DataError if there are no faces.
    """

    def __init__(self, faces, judge=None, vqa=None, recogniser=None):
        if not len(faces):
            raise DataError(f"{faces.name} has no faces to measure on")
        self.faces, self.originals = faces, faces.images / np.float32(255)
        self._judge, self._vqa, self._recogniser = judge if "male" in faces.labels else None, vqa, recogniser
        self._before = None if vqa is None else answers.said(vqa, self.originals)
        self._photographs = None if recogniser is None else recogniser.descriptors(faces.images)

    def each(self, decoded, which=slice(None)):
        """{column: (n,)} for decoded faces (n, size, size, 3) in [0, 1] of the originals at `which`.

        psnr: dB, at most `EXACT`; ssim; ms_ssim of faces that are large enough. Of the judge, p_male, and male, the
        label. Of the answerer, kept_FACT: whether the answer to a question of `answers.KEY` is the same before and
        after, and kept, the share of these that is. Of the recogniser, recognised: whether the own photograph is the
        nearest of all; same_person: whether the network takes the face and its photograph for one person.
        """
        originals = self.originals[which]
        found = self._gender(decoded, which) | {
            "psnr": np.minimum(distortion.psnr(originals, decoded), EXACT),
            "ssim": distortion.ssim(originals, decoded),
        }
        if originals.shape[1] >= distortion.MS_SSIM_SIZE:
            found["ms_ssim"] = distortion.ms_ssim(originals, decoded)
        if self._vqa is not None:
            kept = np.equal(self._before[:, which], answers.said(self._vqa, decoded))
            found["kept"] = kept.mean(0)
            found |= {f"kept_{fact}": row for fact, row in zip(answers.KEY, kept, strict=True)}
        if self._recogniser is not None:
            own = np.arange(len(self.originals))[which]
            who = identity.recognised(self._recogniser.descriptors(decoded), self._photographs, own)
            found |= {"recognised": who.first, "same_person": who.distance < identity.SAME}
        return found

    def each_original(self):
        """What `each` says of the originals: p_male and male alone."""
        return self._gender(self.originals, slice(None))

    def _gender(self, faces, which):
        if self._judge is None:
            return {}
        return {"p_male": self._judge.male(faces), "male": self.faces.labels["male"][which]}


def means(each, mask=slice(None)):
    """The means over the faces in `mask` of what `Reference.each` gave: {column: number}.

    p_male and male become `judge`, the share that the judge is right about, and `judge_balanced`, the mean of the
    shares of the two sexes. n: faces, where there is anything to take a mean of.
    """
    chosen = {column: values[mask] for column, values in each.items()}
    numbers = {"n": len(next(iter(chosen.values())))} if chosen else {}
    if "male" in chosen:
        male = chosen.pop("male")
        plain, balanced = judges.accuracy(chosen.pop("p_male"), male)
        numbers |= {"judge": plain, "judge_balanced": balanced}
    return {column: float(values.mean()) for column, values in chosen.items()} | numbers


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

    def of(self, faces, people):
        """`distances` of the faces (n, size, size, 3) themselves."""
        return self.distances(realism.features(faces), people)

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
