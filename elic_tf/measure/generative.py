"""Every codec and decoder on the same faces, by every measure: likeness, realism, gender and answers kept, for whom.

    python -m elic_tf.measure.generative                 the shipped codecs, on CelebA's test people
    python -m elic_tf.measure.generative --vae runs/vae/sigma_0.35 --vae-gan runs/vae_gan --gan runs/gan
    python -m elic_tf.measure.generative --limit 60      a quick look

Writes `generative.md`, `generative.csv`, `groups.csv`, `copies.csv` and `generative.png`, and prints the first. Three
tables: rate and quality on CelebA's test people; groups of UTKFace's validation faces and kinds of light at one rate;
and whether what is decoded or drawn at random comes too near to a training face.
"""

import argparse
import pathlib
import sys

import numpy as np

from elic_tf.errors import DataError
from elic_tf.measure import generative_models, generative_report, realism, report, tables
from elic_tf.measure.opinions import Photographs, Reference, group_rows, means
from elic_tf.measure.realism_copying import copied
from elic_tf.measure.realism_features import features, with_mirror_images

BITS = (128, 256, 512)
AT = 256
"""Bits at which groups and copies are looked at, or the nearest to it that is asked for."""
SAMPLES, INVERTED = 500, 128
LEAST = 50
"""Faces that the copying check needs."""


def rates(subjects, reference, others, bits, at, samples=SAMPLES):
    """Rows of the first table, and what there is at the rate `at`.

    subjects: of `generative_models`; reference: `Reference` of the test faces; others: a FaceSet of other people.
    Returns (rows, {decoder: what `Reference.each` gave}, {decoder or samples: {space: features}}). In the second are
    only the decoders that were measured on all faces.
    """
    from tqdm.auto import tqdm

    people, photographs = reference.faces.identities, Photographs(reference.faces)
    there = photographs.distances(features(others.images), others.identities)
    rows = [{"codec": "original"} | means(reference.each_original())]
    rows.append({"codec": "other people", "n": len(others)} | there)
    at_rate, seen = {}, {}
    bar = tqdm(total=len(subjects) * len(bits), desc="codecs at rates", disable=None)
    for subject in subjects:
        which = subject.which(len(reference.faces))
        mine = {name: [] for name in subject.names.values()}
        for rate in bits:
            sizes, decoded = subject.through(reference.originals[which], rate)
            for name, faces in decoded.items():
                each, looks = reference.each(faces, which), features(faces)
                distances = photographs.distances(looks, None if people is None else people[which])
                row = {"codec": name, "asked": rate, "bits": float(sizes.mean()), "bits_max": int(sizes.max())}
                mine[name].append(row | means(each) | distances)
                if rate == at:
                    seen[name] = {"pixels": features(faces, "pixels"), "age network": looks}
                    at_rate |= {name: each} if len(which) == len(reference.faces) else {}
            bar.update()
        rows += [row for each in mine.values() for row in each]
        if subject.samples:
            faces, name = subject.samples(samples), f"{subject.codec.name}, samples"
            seen[name] = {space: features(faces, space) for space in generative_report.SPACES}
            rows.append({"codec": name, "n": samples} | photographs.distances(seen[name]["age network"], None))
    bar.close()
    return rows, at_rate, seen


def by_group(subjects, references, at, known):
    """Rows of the second table. references: {title: Reference}; known: {title: {decoder: what `each` gave}}.

    Sets that nothing is known of are encoded. Subjects that are too slow for all faces are left out: groups of what is
    left of them would be too small.
    """
    rows = []
    for title, reference in references.items():
        found = {"original": reference.each_original()}
        if title in known:
            found |= known[title]
        else:
            for subject in subjects:
                if len(subject.which(len(reference.faces))) == len(reference.faces):
                    decoded = subject.through(reference.originals, at)[1]
                    found |= {name: reference.each(faces) for name, faces in decoded.items()}
        rows += group_rows(title, reference.faces, found)
    return rows


def copies(seen, training, held_out):
    """Rows of the third table. seen: {name: {space: features}}; training, held_out: FaceSets of other people."""
    rows = {name: {"codec": name, "n": len(spaces["pixels"])} for name, spaces in seen.items()}
    for space in generative_report.SPACES:
        near, usual = with_mirror_images(training.images, space), features(held_out.images, space)
        for name, spaces in seen.items():
            found = copied(spaces[space], near, usual)
            verdict = {"share": found.share, "p": found.p_value, "copied": found.copied, "z": found.z}
            rows[name] |= {f"{space} {key}": value for key, value in verdict.items()}
    return list(rows.values())


def run(arguments):
    """Measure, write and print, as the parsed `arguments` say."""
    from elic_tf.coding.codec import check_budget
    from elic_tf.faces import celeba, framing, utkface

    bits = sorted(set(arguments.bits))
    at = min(bits, key=lambda rate: abs(rate - AT))
    for rate in bits:
        check_budget(rate)
    if arguments.limit is not None and arguments.limit < LEAST:
        raise DataError(f"--limit {arguments.limit} leaves too few faces to look for copies: take {LEAST} or more")
    if arguments.inverted < 1:
        raise DataError(f"--inverted {arguments.inverted} leaves nothing to measure a GAN on: take 1 or more")
    folders = {recipe: getattr(arguments, recipe) for recipe in generative_models.FILES}
    trained, left_out = generative_models.trained(folders, arguments.inverted)
    subjects = generative_models.shipped(arguments.codecs) + trained
    if not subjects:
        raise DataError("nothing to measure: name --codecs, or give folders of trained models")

    sets = [celeba.load(arguments.data, split=split) for split in ("train", "validation", "test")]
    sets.append(utkface.load(arguments.data, split="validation"))
    if arguments.limit:
        sets = [faces.take(generative_models.evenly(len(faces), arguments.limit)) for faces in sets]
    training, validation, test, utk = sets
    references = _references({"CelebA, test": test, "UTKFace, validation": framing.as_celeba(utk)})

    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)  # before the work: where it cannot be written is better known now
    rows, at_rate, seen = rates(subjects, references["CelebA, test"], validation, bits, at)
    groups = by_group(subjects, references, at, {"CelebA, test": at_rate})
    near = copies(seen, training, validation)

    about = report.about(test, "test")
    if slow := [subject.codec.name for subject in subjects if len(subject.which(len(test))) < len(test)]:
        left_out.append(
            f"{', '.join(slow)}: on {arguments.inverted} faces only, as its search is slow, and not in groups"
        )
    page = generative_report.markdown(_about(about, training, validation, utk), left_out, rows, groups, near, at)
    (out / "generative.md").write_text(page, encoding="utf-8")
    tables.write_csv(out / "generative.csv", rows, faces_of=about)
    tables.write_csv(out / "groups.csv", groups, asked=at)
    tables.write_csv(out / "copies.csv", near, asked=at)
    tables.plot(rows, out / "generative.png", about, generative_report.PANELS)
    print(page)


def _references(sets):
    from elic_tf.measure import judges
    from elic_tf.models.vqa import VQA

    judge, vqa = judges.GenderJudge(), VQA.load()
    realism.features(np.zeros((0, 64, 64, 3), np.uint8))  # a missing extra is better found now than after an hour
    return {title: Reference(faces, judge, vqa) for title, faces in sets.items()}


def _about(about, training, validation, utk):
    return (
        f"On {about}. Other people: {len(validation)} faces of CelebA's validation people. Training faces: "
        f"{len(training)} of CelebA's. Groups: also {len(utk)} of UTKFace's validation faces."
    )


def main(argv=None):
    """Measure codecs and trained models on CelebA's test people and UTKFace; write tables and a plot."""
    from elic_tf.coding.codec import Codec
    from elic_tf.guard import guard

    known = Codec.available()
    parser = argparse.ArgumentParser("python -m elic_tf.measure.generative", description=main.__doc__)
    parser.add_argument("--data", help="folder that holds celeba/ and utkface/ (default: ELIC_DATA)")
    parser.add_argument("--codecs", nargs="*", choices=known, default=known, help="shipped codecs (default: all)")
    for recipe in generative_models.FILES:
        parser.add_argument(f"--{recipe.replace('_', '-')}", metavar="FOLDER", help=f"of the recipe {recipe}")
    parser.add_argument("--bits", type=int, nargs="+", default=BITS, help="rates (default: 128 256 512)")
    parser.add_argument("--inverted", type=int, default=INVERTED, metavar="N",
                        help="faces to search the GAN's latents for; it is slow (default: %(default)s)")  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="so many faces of every set only, for a quick look")
    parser.add_argument("--out", default="runs/generative", help="folder to write to (default: %(default)s)")
    return guard(run, parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
