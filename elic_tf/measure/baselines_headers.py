"""How many bits of a file say nothing about the picture: each function takes a file and returns that number.

They are counted in every result (`bits` is the file on disk); these functions serve the second figure, "bits without
constant header", which is what a format would need if both ends had agreed on the setting beforehand.
"""


def jpeg(file):
    """All but the entropy-coded data and, where they are made for the picture, the Huffman tables."""
    position, tables = 2, 0
    while file[position + 1] != 0xDA:
        length = int.from_bytes(file[position + 2 : position + 4], "big")
        if file[position + 1] == 0xC4:
            tables += length + 2
        position += 2 + length
    position += 2 + int.from_bytes(file[position + 2 : position + 4], "big")
    scan = len(file) - 2 - position
    return 8 * (len(file) - scan - (0 if tables in _STANDARD_HUFFMAN else tables))


# Bytes of Annex K's tables as libjpeg writes them: grey, colour. Tables of these sizes are the standard ones.
_STANDARD_HUFFMAN = (33 + 183, 2 * (33 + 183))


def webp(file):
    """RIFF and chunk headers (20 bytes), start code (3) and dimensions (4)."""
    return 8 * 27


def avif(file):
    """Everything outside the `mdat` box, and in it the sequence header."""
    position = 0
    while file[position + 4 : position + 8] != b"mdat":
        position += int.from_bytes(file[position : position + 4], "big")
    data = file[position + 8 :]
    kept, position = 0, 0
    while position < len(data):
        kind, has_extension = (data[position] >> 3) & 15, (data[position] >> 2) & 1
        start, length, shift = position + 1 + has_extension, 0, 0
        while True:  # LEB128
            byte = data[start]
            length |= (byte & 127) << shift
            start, shift = start + 1, shift + 7
            if byte < 128:
                break
        if kind != 1:
            kept += start + length - position
        position = start + length
    return 8 * (len(file) - kept)


def jxl(file):
    """Signature (16 bits) and the size of a small square picture (9); the rest is not on byte boundaries."""
    return 25


def jpeg2000(file):
    """From the start to the start of data, and the end marker."""
    return 8 * (file.index(b"\xff\x93") + 2 + 2)
