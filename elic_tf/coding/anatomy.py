"""What each byte of a file is: the text behind `elic info`."""

from elic_tf import weights
from elic_tf.coding import container
from elic_tf.coding.codec import Codec

_BAR = 40


def anatomy(file):
    """Explain a file (bytes) in lines of text. Raises FileError and its kinds, as decoding would.

    The code has no fields: its bytes are one long fraction, and each further byte makes some more latents
    certain. Which ones is found by cutting the file there and decoding what is left.
    """
    held = container.unpack(file)
    codec = Codec.of(file)
    if codec.name == "symbolic":
        return _symbolic(codec, file, held)
    code = codec.model.code
    level, symbols, _, side = codec.read(file)
    q, g = divmod(level, len(code.shifts))
    sent = int((code.rows[level] >= 0).sum())
    ideal = code.bits(level, symbols)
    said = 0.0 if side is None else float(code.side_lengths[side])
    lines = [
        f"{len(file)} bytes = {8 * len(file)} bits: format {held.version}, codec {codec.name}, "
        f"a {codec.size}x{codec.size} face",
        f"  header and check   {8 * container.HEADER_BYTES:5d} bits",
        f"  level              {code.level_lengths[level]:7.1f} bits: step {q + 1} of {len(code.steps)} "
        f"({255 * code.step(level) / codec.size:.1f} grey levels per latent), energy {code.shifts[g]:+d}/8 octave",
        f"  latents            {ideal - code.level_lengths[level]:7.1f} bits: {int((symbols != 0).sum())} of {sent} "
        "sent are not zero",
        f"  whole bytes        {8 * len(held.code) - ideal - said:+7.1f} bits",
        "",
        "byte  hex  meaning",
        f"   0   {file[0]:02x}  format version {held.version}, model {held.model} ({weights.name_of(held.model)})",
        f"   1   {file[1]:02x}  check: CRC-8 of everything else",
    ]
    if side is not None:
        lines.insert(2, f"  gender             {said:7.1f} bits: {codec.sides[side]}")
    return lines + _code_lines(code, file, sent)


def _symbolic(codec, file, held):
    """The anatomy of a record: what each factor says, and what saying so took."""
    from elic_tf.coding import symbolic
    from elic_tf.faces import synthetic

    record, _ = codec.read(file)
    said, bits = synthetic.describe(record[0]), symbolic.factor_bits(record[0])
    whole = sum(bits.values())
    lines = [
        f"{len(file)} bytes = {8 * len(file)} bits: format {held.version}, codec symbolic, a 64x64 synthetic face",
        f"  header and check   {8 * container.HEADER_BYTES:5d} bits",
        f"  record             {whole:7.1f} bits: {len(bits)} factors",
        f"  whole bytes        {8 * len(held.code) - whole:+7.1f} bits",
        "",
        "bits   factor",
    ]
    return lines + [f"{bits[name]:5.2f}  {name.replace('_', ' ')}: {said[name]}" for name in bits]


def _code_lines(code, file, sent):
    """One line per byte of the code, or per few bytes of a long one."""
    size = len(file) - container.HEADER_BYTES
    stride = max(1, -(-size // 64))
    lines, before = [], None
    for start in range(0, size, stride):
        end = min(start + stride, size)
        known = _certain(code, file[container.HEADER_BYTES : container.HEADER_BYTES + end], end == size)
        first = start + container.HEADER_BYTES
        if known is None:
            meaning = "the level, not yet certain"
        elif before is None:
            meaning = f"the level, and latents 1 to {known}" if known else "the level"
        elif known > before:
            meaning = f"latent{'s' * (known > before + 1)} {before + 1}" + (
                f" to {known}" if known > before + 1 else ""
            )
        else:
            meaning = "more of the next latent"
        bar = "#" * round(_BAR * (known or 0) / max(sent, 1))
        lines.append(f"{first:4d}   {file[first]:02x}  {meaning:36}{bar}".rstrip())
        before = known
    return lines


def _certain(code, beginning, whole):
    """How many latents the beginning of a code determines; None before even the level is certain."""
    from elic_tf.errors import DamagedError

    try:
        level, _, known, _ = code.read(beginning, partial=not whole)
    except DamagedError:
        return None
    sent = code.rows[level] >= 0
    # Latents that are not sent are certain for free; do not count those after the last one sent.
    return int(min(known, sent.nonzero()[0].max(initial=-1) + 1))
