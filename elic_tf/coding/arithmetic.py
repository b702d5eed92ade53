"""Exact arithmetic coding on Python integers.

A message is an interval inside [0, 1): each symbol narrows it to the share that its frequency table gives it. The
coder keeps that interval exactly, as two unbounded integers over a power of two, so nothing is ever rounded and no
floating-point number takes part. The code is the shortest byte string that lies in the interval, which costs at most
one bit and the rounding to whole bytes over the ideal -log2 p; streaming range coders cost 15 to 40 bits, which at
256 bits is a tenth of the picture. The price is time quadratic in the length, nothing at a thousand symbols.

J. Rissanen, "Generalized Kraft inequality and arithmetic coding", IBM J. Res. Dev. 20 (1976); T. Cover, J. Thomas,
"Elements of Information Theory", 5.9 (Shannon-Fano-Elias coding, the same interval for a whole message).

A table is a sequence of cumulative frequencies `[0, f0, f0 + f1, ..., 2**PRECISION]` with every frequency at least 1.
"""

from bisect import bisect_right

PRECISION = 16
"""Bits of a frequency: every table sums to 2**PRECISION."""


class Exhausted(Exception):
    """A cut code does not determine the next symbol (raised only by `Decoder(..., cut=True)`)."""


class Encoder:
    """Collects symbols and gives the shortest bytes that decode to them.

    >>> table = [0, 49152, 65536]                # P(0) = 3/4, P(1) = 1/4
    >>> encoder = Encoder()
    >>> for bit in (0, 1, 0, 0, 1): encoder.put(bit, table)
    >>> encoder.finish().hex()
    'a5'
    """

    def __init__(self):
        # The interval is [low, low + width) / 2**shift.
        self._low, self._width, self._shift = 0, 1, 0

    def put(self, symbol, cumulative):
        """Narrow the interval to the share of `symbol`, an index into the table."""
        start = cumulative[symbol]
        self._low = (self._low << PRECISION) + self._width * start
        self._width *= cumulative[symbol + 1] - start
        self._shift += PRECISION

    def finish(self):
        """Return the code: the fewest bytes, and of those the smallest number, whose fraction lies in the interval."""
        # Once a fraction of n bytes lies inside, so does one of n + 1: look for the least n by bisection.
        least, enough = 0, self._shift // 8 + 1
        while least < enough:
            size = (least + enough) // 2
            value = self._ceiling(size)
            if value << self._shift < (self._low + self._width) << 8 * size:
                enough = size
            else:
                least = size + 1
        return self._ceiling(least).to_bytes(least, "big")

    def _ceiling(self, size):
        """The smallest number of `size` bytes whose fraction is not below the interval."""
        return -(-(self._low << 8 * size) >> self._shift)


class Decoder:
    """Reads back the symbols, given the same tables in the same order.

    `cut=True` treats the code as the beginning of a longer one: `get` raises `Exhausted` as soon as the missing
    bytes could change the symbol.
    """

    def __init__(self, code, cut=False):
        # The code is the fraction value / 2**bits; a cut one is everything in [value, value + 1) / 2**bits.
        # `_offset` is (fraction - low) and `_width` the interval, both times the same power of two.
        self._offset = int.from_bytes(code, "big")
        self._width = 1 << 8 * len(code)
        self._unknown = 1 if cut else 0

    def get(self, cumulative):
        """Return the next symbol, an index into the table."""
        offset = self._offset << PRECISION
        width = self._width
        symbol = bisect_right(cumulative, offset // width) - 1
        start, end = cumulative[symbol], cumulative[symbol + 1]
        if self._unknown:
            self._unknown <<= PRECISION
            if offset + self._unknown > width * end:
                raise Exhausted
        self._offset = offset - width * start
        self._width = width * (end - start)
        return symbol
