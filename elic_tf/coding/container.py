"""The `.elic` file: two bytes around the code.

    byte 0   high four bits: format version; low four bits: model
    byte 1   check: CRC-8 of the length, byte 0 and the code
    byte 2-  the code, written by `arithmetic`

The place of the version and of the check is fixed for all versions, so that a file from the future is told from a
damaged one. There is no length field: the file ends where the code ends.
"""

from dataclasses import dataclass

from elic_tf.errors import DamagedError, NotElicError, VersionError

VERSION = 1
HEADER_BYTES = 2
MAX_BYTES = 1024
"""Longer input is refused before any work is done on it; the largest budget is 512 bytes."""

# CRC-8 with the polynomial x^8 + x^5 + x^3 + x^2 + x + 1 (0x2F, as in AUTOSAR): every one-, two- and three-bit error
# in up to 119 bits and every burst of up to eight bits changes it.
_POLYNOMIAL = 0x2F


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte << 1) ^ (_POLYNOMIAL if byte & 0x80 else 0)
            byte &= 0xFF
        table.append(byte)
    return bytes(table)


_CRC_TABLE = _crc_table()


def crc8(data, register=0xFF):
    """Return the CRC-8 (polynomial 0x2F) of `data`."""
    for byte in data:
        register = _CRC_TABLE[register ^ byte]
    return register


def _check(first, code):
    return crc8(bytes([len(code) & 0xFF, first]) + code)


@dataclass(frozen=True)
class Container:
    """What a file says: its format version, the number of its model, and the code."""

    model: int
    code: bytes
    version: int = VERSION

    def pack(self):
        """Return the bytes of the file."""
        first = self.version << 4 | self.model
        return bytes([first, _check(first, self.code)]) + self.code


def unpack(data, partial=False):
    """Read a file. Raises NotElicError, VersionError or DamagedError.

    `partial=True` takes the beginning of a cut file: the check, which speaks of the whole, is not looked at.
    """
    data = bytes(data)
    if len(data) > MAX_BYTES:
        raise NotElicError(f"not an .elic file: {len(data)} bytes, and the largest is {MAX_BYTES}")
    if len(data) < HEADER_BYTES:
        raise NotElicError(
            f"not an .elic file: {len(data)} byte{'s' * (len(data) != 1)}, and the smallest is {HEADER_BYTES}"
        )
    version, model = data[0] >> 4, data[0] & 0xF
    code = data[HEADER_BYTES:]
    if version == 0:
        raise NotElicError("not an .elic file: its first byte names no format version")
    if not partial and data[1] != _check(data[0], code):
        raise DamagedError(
            "damaged .elic file: the check does not match (--partial decodes what a cut file still holds)"
        )
    if version > VERSION:
        raise VersionError(f"written in format {version}, and this elic reads up to {VERSION}: update elic_tf")
    return Container(model, code, version)
