"""`python -m elic_tf.train vqa`: the question answerer. First its image tower, on attributes; then, frozen, questions.

Both halves are resumed after a kill, each in a folder of its own.
"""

import argparse
import json
import pathlib

import numpy as np

from elic_tf.train import answers, attributes, callbacks


def networks(trained, second, vocabulary, said, names):
    """The `VQA` of an `AttributeModel` and an `AnswerModel`."""
    from elic_tf.models.vqa import VQA

    return VQA(trained.tower, trained.heads, second.question, second.fusion, vocabulary, said, names, attributes.AGES)


def export(vqa, out):
    """Write `extractor/` and `vqa.npz` to `out`."""
    from elic_tf.models import hub_module

    out = pathlib.Path(out)
    hub_module.export(vqa.extractor(), out / "extractor")
    np.savez_compressed(out / "vqa.npz", **vqa.arrays())


def main(argv=None):
    """Train on CelebA and UTKFace; write the TF-Hub module `extractor`, `vqa.npz` and the model card."""
    from elic_tf.faces import celeba, utkface
    from elic_tf.models.vqa import Vocabulary

    parser = argparse.ArgumentParser(prog="python -m elic_tf.train vqa", description=main.__doc__)
    parser.add_argument("--data", help="folder that holds celeba/ and utkface/ (default: ELIC_DATA)")
    parser.add_argument("--out", default="runs/vqa", help="folder for checkpoints and results (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=24, help=f"of {attributes.EPOCH} steps, of the tower")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    out, seed = pathlib.Path(arguments.out), arguments.seed
    sets = [load(arguments.data, split="train") for load in (celeba.load, utkface.load)]
    check = celeba.load(arguments.data, split="validation")
    names = list(sets[0].labels)
    print(f"the tower: {sum(map(len, sets))} faces, {arguments.epochs} epochs of 75 seconds on two cores", flush=True)
    first = attributes.train(sets, [check], names, out / "tower", epochs=arguments.epochs, seed=seed)
    first.load_networks(out / "tower")

    print("questions: about 4 minutes to make, and 12 epochs of 15 seconds to learn", flush=True)
    examples, validation = answers.asked(sets, seed), answers.asked([check], seed, 300)
    vocabulary, said = Vocabulary.of(examples[1].tolist()), sorted(set(examples[2].tolist()))
    seen = np.concatenate([answers.features(first.tower, each, answers.VERSIONS, seed) for each in sets], 1)
    held = answers.features(first.tower, check, 1), validation
    second = answers.train(seen, examples, held, vocabulary, said, out / "answers", epochs=12, seed=seed)
    second.load_networks(out / "answers")
    blind = answers.train(seen, examples, held, vocabulary, said, out / "blind", epochs=3, seed=seed, blind=True)
    blind.load_networks(out / "blind")

    minutes = callbacks.minutes(out)
    print(f"trained in {minutes:.0f} minutes; exporting and measuring on test people", flush=True)
    facts = {"seed": seed, "minutes": minutes, "command": f"python -m elic_tf.train vqa --epochs {arguments.epochs}"}
    finish(networks(first, second, vocabulary, said, names), blind, sets, out, data=arguments.data, **facts)


def finish(vqa, blind, sets, out, **facts):
    """Export to `out` and write the model card, measured on test people. blind: the `AnswerModel` without pictures."""
    from elic_tf.train import vqa_card

    export(vqa, out)
    best = {part: json.loads((out / part / "best.json").read_text()) for part in ("tower", "answers", "blind")}
    (out / "vqa.md").write_text(vqa_card.card(vqa, blind, sets, best, out, **facts))
    print(f"wrote {out}/extractor, vqa.npz and vqa.md")


if __name__ == "__main__":
    main()
