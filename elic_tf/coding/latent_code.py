"""How a vector of latents becomes bytes: one symbol for the level, then one integer per latent.

Before both there may be a symbol that the latents do not tell, side information, such as the gender.

A level says how finely this face is quantised (the step, the same for every latent: reverse water-filling, Cover and
Thomas 10.3.3, spends D on each component whose variance exceeds D and sends none of the others) and how busy it is (the
shift: some faces have twice the energy of others in every component alike, and one symbol tells). The table
for a latent follows from integers alone: its scale plus the shift minus the step, all in eighths of an octave, is
the row of the bank. So the tables are those of the ratio of standard deviation to step, shared by all latents.
"""

from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np

from elic_tf.coding.arithmetic import Decoder, Encoder, Exhausted
from elic_tf.coding.tables import Bank, code_lengths, cumulative
from elic_tf.errors import DamagedError

OCTAVE = 8
"""Scales, steps and shifts count eighths of an octave: the value v stands for 2**(v / 8)."""


class Reading(NamedTuple):
    """What a code says: level, symbols (K,), the number of latents read, and the side information, None if none."""

    level: int
    symbols: np.ndarray
    known: int
    side: int | None = None


@dataclass(frozen=True)
class LatentCode:
    """The integers that encoder and decoder share, stored with the model.

    bank: tables by row; row t is for latents whose standard deviation is 2**((t + first_ratio) / 8) steps
    scales: (K,) standard deviation of each latent, most important latent first
    steps: (Q,) quantiser steps, coarse to fine
    shifts: (G,) energy of a face relative to the average one
    level_freqs: (Q * G,) table of the first symbol, level = q * G + g
    first_ratio: a latent whose ratio lies below it is not sent and reads as 0
    centroids: (rows, 3) float, where in its bin the mean of a latent lies when its integer is 1, 2, or more:
        |latent| is (|integer| - centroid) * step
    side_freqs: (S,) table of a symbol before the first; empty, and there is none
    """

    bank: Bank
    scales: np.ndarray
    steps: np.ndarray
    shifts: np.ndarray
    level_freqs: np.ndarray
    first_ratio: int
    centroids: np.ndarray
    side_freqs: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def arrays(self):
        """Everything as named arrays, for `numpy.savez`."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "bank"}
        if not len(self.side_freqs):
            del own["side_freqs"]
        return own | {"bank_freqs": self.bank.freqs, "bank_limits": self.bank.limits}

    @classmethod
    def from_arrays(cls, arrays):
        """Rebuild from a mapping that holds what `arrays` gave; it may hold more."""
        own = {each.name: arrays[each.name] for each in fields(cls) if each.name in arrays}
        own["first_ratio"] = int(own["first_ratio"])
        own["centroids"] = own["centroids"].astype(np.float32)
        return cls(Bank(arrays["bank_freqs"].astype(np.int32), arrays["bank_limits"]), **own)

    @property
    def levels(self):
        """How many levels there are."""
        return len(self.steps) * len(self.shifts)

    def step(self, level):
        """The quantiser step of a level, in the unit of the latents."""
        return float(2.0 ** (self.steps[level // len(self.shifts)] / OCTAVE))

    @cached_property
    def rows(self):
        """(levels, K) bank row of each latent at each level; -1 where it is not sent."""
        steps = np.repeat(self.steps.astype(np.int64), len(self.shifts))[:, None]
        shifts = np.tile(self.shifts.astype(np.int64), len(self.steps))[:, None]
        rows = self.scales.astype(np.int64)[None] + shifts - steps - self.first_ratio
        return np.clip(rows, -1, len(self.bank) - 1)

    @cached_property
    def level_lengths(self):
        """(levels,) cost of the first symbol in bits."""
        return code_lengths(self.level_freqs)

    @cached_property
    def _level_table(self):
        return cumulative(self.level_freqs)

    @cached_property
    def side_lengths(self):
        """(S,) cost of the side information in bits."""
        return code_lengths(self.side_freqs)

    @cached_property
    def _side_table(self):
        return cumulative(self.side_freqs) if len(self.side_freqs) else None

    def write(self, level, symbols, side=None):
        """Return the code of one face: `level` and its integers `symbols` (K,); those not sent must be 0."""
        encoder = Encoder()
        if self._side_table is not None:
            encoder.put(side, self._side_table)
        encoder.put(level, self._level_table)
        tables, limits = self.bank.cumulatives, self.bank.limits
        for row, symbol in zip(self.rows[level].tolist(), np.asarray(symbols).tolist()):
            if row >= 0:
                encoder.put(symbol + int(limits[row]), tables[row])
        return encoder.finish()

    def read(self, code, partial=False):
        """Return the `Reading` of a code.

        `partial=True` reads as many latents as the beginning of a cut code determines; the others are 0.
        Raises DamagedError for a code that `write` would not have written, or a cut one that determines nothing.
        """
        decoder = Decoder(code, cut=partial)
        symbols = np.zeros(len(self.scales), np.int32)
        known, side = -1, None
        try:
            if self._side_table is not None:
                side = decoder.get(self._side_table)
            level = decoder.get(self._level_table)
            known = 0
            tables, limits = self.bank.cumulatives, self.bank.limits
            for row in self.rows[level].tolist():
                if row >= 0:
                    symbols[known] = decoder.get(tables[row]) - int(limits[row])
                known += 1
        except Exhausted:
            if known < 0:
                raise DamagedError("too little of this .elic file is left to show anything") from None
        # Every face has one spelling. Damage that slips through the check is mostly caught here.
        if not partial and self.write(level, symbols, side) != code:
            raise DamagedError("damaged .elic file: its code is not one that an encoder writes")
        return Reading(level, symbols, known, side)

    def bits(self, level, symbols, side=None):
        """The ideal code length -log2 p of one face, in bits."""
        rows = self.rows[level]
        sent = rows >= 0
        middle = self.bank.lengths.shape[1] // 2
        lengths = self.bank.lengths[rows[sent], np.asarray(symbols)[sent] + middle]
        before = 0.0 if side is None else self.side_lengths[side]
        return float(before + self.level_lengths[level] + lengths.sum(dtype=np.float64))

    def dequantise(self, levels, symbols):
        """Return latents (n, K) float32 for `levels` (n,) and `symbols` (n, K)."""
        levels, symbols = np.asarray(levels), np.asarray(symbols)
        magnitude = np.abs(symbols)
        shrink = self.centroids[np.maximum(self.rows[levels], 0), np.clip(magnitude, 1, 3) - 1]
        steps = np.array([self.step(level) for level in levels], np.float32)[:, None]
        return (np.sign(symbols) * np.maximum(magnitude - shrink, 0) * steps).astype(np.float32)
