"""`elic`, the command: a portrait into a few bytes and back."""

import argparse
import shlex
import sys

from elic_tf import __version__, commands
from elic_tf.guard import guard

_EXAMPLES = {
    None: """\
examples:
  elic encode portrait.jpg                 find the face, write portrait.elic: 32 bytes
  elic decode portrait.elic                write portrait.png
  elic info portrait.elic                  what each byte of the file is
  elic compare portrait.jpg                one picture: ours beside JPEG, WebP, AVIF ... at the same size
  elic ask portrait.elic "Is this a man?"  what a question answerer sees in it
  elic bench --data synthetic --limit 50   tables, plots and a page over a test set
  elic COMMAND --help                      more about one command
""",
    "encode": """\
examples:
  elic encode portrait.jpg                       portrait.elic, at most 256 bits (32 bytes)
  elic encode portrait.jpg --bits 512 -o a.elic  finer
  elic encode group.jpg --face 2                 the second face from the left
  elic encode --aligned crop.png -o -            an already cropped face, to standard output
  elic encode *.jpg -o faces/                    many photographs, one folder
  elic encode portrait.jpg --qr badge.png        and as a QR code to print
""",
    "decode": """\
examples:
  elic decode portrait.elic                      portrait.png, 64x64
  elic decode portrait.elic --size 256 -o big.png
  elic decode portrait.elic --into portrait.jpg  the decoded face back in the photograph
  elic decode badge.jpg -o face.png              from a photograph of its QR code
  head -c 20 portrait.elic | elic decode - --partial -o coarse.png
""",
    "compare": """\
examples:
  elic compare portrait.jpg                      portrait.compare.png at 256 bits
  elic compare portrait.jpg --bits 1024 --baselines webp avif
""",
    "ask": """\
examples:
  elic ask portrait.jpg                                   gender, age, hair, glasses, ...
  elic ask portrait.jpg "Is this a man or a woman?"
  elic ask portrait.jpg portrait.elic "Is this person smiling?" "Does this person have a beard?"
Needs TensorFlow. Answers are guesses of a small network from 64x64 pixels.
""",
    "bench": """\
examples:
  elic bench --data synthetic --limit 50         needs no data set
  elic bench --data celeba                       CelebA's test people, from the folder in ELIC_DATA
  elic bench --data my/faces --baselines none    a folder of aligned square crops
""",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser():
    """The argument parser, with a sub-command for each function of `commands`."""
    top = _Parser(
        prog="elic",
        description="Extremely lossy image compression: a portrait in 32 bytes.",
        epilog=_EXAMPLES[None],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"elic_tf {__version__}")
    subs = top.add_subparsers(metavar="COMMAND", required=True)

    def command(name, text):
        sub = subs.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=_EXAMPLES.get(name),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=getattr(commands, name))
        return sub

    sub = command("encode", "turn photographs of one person into files of at most N bits")
    sub.add_argument("photos", nargs="+", metavar="PHOTO", help="any picture file, or - for standard input")
    sub.add_argument("-o", "--out", help="file, folder for several photographs, or - (default: PHOTO with .elic)")
    _add_bits(sub)
    _add_codec(sub)
    _add_photo(sub)
    sub.add_argument(
        "--gender", choices=("woman", "man", "unsaid"), help="what the file says, in one bit (default: what is seen)"
    )
    sub.add_argument("--qr", metavar="PICTURE", help="also draw the file as a QR code (folder for several photographs)")
    sub.add_argument("-q", "--quiet", action="store_true", help="say nothing about what was written")

    sub = command("decode", "turn .elic files back into pictures")
    sub.add_argument(
        "files", nargs="+", metavar="FILE", help=".elic file, picture of its QR code, or - (standard input)"
    )
    sub.add_argument("-o", "--out", help="picture, folder for several files, or - for PNG on standard output")
    sub.add_argument("--size", type=int, default=64, help="width and height in pixels (default: %(default)s)")
    sub.add_argument("--into", metavar="PHOTO", help="paste the decoded face over the face in this photograph")
    sub.add_argument("--decoder", help="sharp or smooth (default: sharp, where the file says the gender)")
    sub.add_argument("--partial", action="store_true", help="decode what a cut file still holds")
    sub.add_argument("--face", help="with --into: which face, 1 is the leftmost, or 'largest'")
    sub.add_argument("-q", "--quiet", action="store_true", help="say nothing about what was written")

    sub = command("info", "say what each byte of a file is")
    sub.add_argument(
        "files", nargs="+", metavar="FILE", help=".elic file, picture of its QR code, or - (standard input)"
    )

    sub = command("compare", "draw one face as each codec shows it at the same number of bits")
    sub.add_argument("photo", metavar="PHOTO", help="any picture file, or - for standard input")
    sub.add_argument("-o", "--out", help="PNG to write, or - (default: PHOTO with .compare.png)")
    _add_bits(sub)
    _add_codec(sub)
    _add_photo(sub)
    sub.add_argument("--baselines", nargs="*", metavar="NAME", help="which formats (default: all installed)")

    sub = command("ask", "ask questions about the face in photographs or .elic files")
    sub.add_argument("pictures", nargs="+", metavar="PICTURE|QUESTION", help="photographs and .elic files; "
                     "questions in English, which end with a question mark")  # fmt: skip
    _add_photo(sub)

    sub = command("bench", "measure rate, distortion, realism, gender and identity over a test set; write a report")
    sub.add_argument(
        "--data", default="synthetic", help="celeba, utkface, synthetic or a folder (default: %(default)s)"
    )
    sub.add_argument("--root", help="folder that holds celeba/ and utkface/ (default: ELIC_DATA)")
    sub.add_argument("--split", help="train, validation or test (default: test; validation for utkface)")
    sub.add_argument("--limit", type=int, help="measure so many faces only")
    sub.add_argument("--bits", type=int, nargs="+", help="rates (default: 64 96 128 192 256 384 512 1024)")
    sub.add_argument("--codecs", nargs="*", metavar="NAME", help="our codecs (default: the best one and klt)")
    sub.add_argument("--baselines", nargs="*", metavar="NAME", help="formats, or none (default: all installed)")
    sub.add_argument("--no-judge", action="store_true", help="leave the gender judge out")
    sub.add_argument(
        "--quick", action="store_true", help="rate, distortion and judge only: no realism, answers, identity"
    )
    sub.add_argument("-o", "--out", default="bench", help="folder to write to (default: %(default)s)")

    sub = command("demo", "encode, decode and compare the portrait that scikit-image ships")
    sub.add_argument("-o", "--out", default="demo", help="folder to write to (default: %(default)s)")
    _add_bits(sub)
    return top


def _add_bits(sub):
    sub.add_argument(
        "-b", "--bits", type=int, default=256, metavar="N",
        help="bits the whole file may have, 48 to 4096 (default: %(default)s)",
    )  # fmt: skip


def _add_codec(sub):
    sub.add_argument("--codec", help="which codec (default: the best one)")


def _add_photo(sub):
    sub.add_argument("--aligned", action="store_true", help="the picture is an already cropped, aligned face")
    sub.add_argument("--face", help="which face, if there are several: 1 is the leftmost, or 'largest'")


def main(argv=None):
    """Run the command line; returns the exit code."""
    arguments = parser().parse_args(argv)
    arguments.command = shlex.join(["elic", *(sys.argv[1:] if argv is None else argv)])
    return guard(arguments.run, arguments)


if __name__ == "__main__":
    sys.exit(main())
