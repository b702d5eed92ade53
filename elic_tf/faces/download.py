"""Fetch CelebA or UTKFace without an account: `python -m elic_tf.faces.download utkface --root data`.

Several public addresses are tried in turn, a transfer that was cut off is resumed, and a checksum decides
whether what arrived is the file that others recorded. Every failure is a DataError that says what to do by hand.
"""

import argparse
import pathlib
import sys
from typing import NamedTuple

from elic_tf.errors import DataError
from elic_tf.faces import data_root
from elic_tf.faces.transfer import fetch, unpack


class File(NamedTuple):
    """One file of a set: where it may be, its checksum ("sha256:..." or "md5:..."), what it unpacks to."""

    name: str
    addresses: tuple[str, ...]
    checksum: str | None
    unpacks_to: str | None = None


class Source(NamedTuple):
    """A set: its folder below the root, its files, and the page of its authors."""

    folder: str
    files: tuple[File, ...]
    page: str


def _drive(identifier):
    return f"https://drive.usercontent.google.com/download?id={identifier}&export=download&confirm=t"


_CELEBA_MIRROR = "https://huggingface.co/datasets/Yuehao/celeba/resolve/main/"

SOURCES = {
    "celeba": Source(
        "celeba",
        (
            File(
                "identity_CelebA.txt",
                (_drive("1_ee_0u7vcNLOfNLegJRHmolfH5ICW-XS"), _CELEBA_MIRROR + "identity_CelebA.txt"),
                "md5:32bd1bd63d3c78cd57e08160ec5ed1e2",
            ),
            File(
                "list_attr_celeba.txt",
                (_drive("0B7EVK8r0v71pblRyaVFSWGxPY0U"), _CELEBA_MIRROR + "list_attr_celeba.txt"),
                "sha256:f0e5da289d5ccf75ffe8811132694922b60f2af59256ed362afa03fefba324d0",
            ),
            File(
                "img_align_celeba.zip",
                (
                    _drive("0B7EVK8r0v71pZjFTYXZWM3FlRnM"),
                    _CELEBA_MIRROR + "img_align_celeba.zip",
                    "https://s3-us-west-1.amazonaws.com/udacity-dlnfd/datasets/celeba.zip",
                ),
                "sha256:46fb89443c578308acf364d7d379fe1b9efb793042c0af734b6112e4fd3a8c74",
                unpacks_to="img_align_celeba",
            ),
        ),
        "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    ),
    "utkface": Source(
        "utkface",
        (
            File(
                "UTKFace.tar.gz",
                (
                    _drive("0BxYys69jI14kYVM3aVhKS1VhRUk"),
                    "https://huggingface.co/datasets/py97/UTKFace-Cropped/resolve/main/UTKFace.tar.gz",
                ),
                "sha256:2c0655397b498e81b82d685ee74bee8c2e4364a5897caf3afec6ea48929024a7",
                unpacks_to=".",
            ),
        ),
        "https://susanqq.github.io/UTKFace/",
    ),
}


def get(name: str, root=None, sources=None) -> pathlib.Path:
    """Download and unpack the set `name` below `root` (default `data_root()`); returns its folder.

    Files that were fetched before are not fetched again. DataError if no address works; what arrived so far
    is kept, and the next call goes on from there.
    """
    source = (sources or SOURCES)[name]
    root = data_root(root)
    folder = root / source.folder
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.files:
        marker = folder / (file.unpacks_to or "") / ".unpacked"
        if file.unpacks_to and marker.exists():
            continue
        by_hand = (
            f"By hand: get {file.name} from {source.page}, "
            + (f"unpack it into {folder}" if file.unpacks_to else f"put it into {folder}")
            + f", and set ELIC_DATA={root}"
        )
        path = folder / file.name
        try:
            fetch(file.addresses, path, file.checksum)
            if file.unpacks_to:
                unpack(path, folder / file.unpacks_to)
                path.unlink()
                marker.touch()
        except DataError as error:
            raise DataError(f"{error}. {by_hand}") from None
        except OSError as error:
            raise DataError(f"{file.name}: {error}. {by_hand}") from None
    return folder


def main(arguments=None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m elic_tf.faces.download", description=__doc__.split("\n\n")[0])
    parser.add_argument("name", choices=sorted(SOURCES), help="the set; read its data card first (data/NAME.md)")
    parser.add_argument("--root", help="where to put it (default: $ELIC_DATA, else the user's cache folder)")
    chosen = parser.parse_args(arguments)
    try:
        folder = get(chosen.name, chosen.root)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{chosen.name} is in {folder}; set ELIC_DATA={folder.parent}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
