"""A set of aligned faces in memory (or memory-mapped): pixels, labels, identities, file names."""

from __future__ import annotations

import dataclasses

import numpy as np

from elic_tf.errors import DataError


@dataclasses.dataclass(frozen=True, eq=False)
class FaceSet:
    """Faces of one size with everything known about them.

    images: uint8, shape (n, size, size, 3); may be a read-only memory map.
    labels: each an array of n entries.
    identities: n entries, equal where it is the same person; None where nobody knows.
    names: n file names (or other identifiers).
    """

    name: str
    images: np.ndarray
    labels: dict[str, np.ndarray]
    identities: np.ndarray | None
    names: list[str]

    def __post_init__(self):
        shape = self.images.shape
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or self.images.dtype != np.uint8:
            raise DataError(f"{self.name}: images must be uint8 (n, size, size, 3), got {self.images.dtype} {shape}")
        columns = {"names": self.names, **self.labels}
        if self.identities is not None:
            columns["identities"] = self.identities
        for column, values in columns.items():
            if len(values) != len(self):
                raise DataError(f"{self.name}: {len(self)} images but {len(values)} entries in {column}")

    def __len__(self):
        return self.images.shape[0]

    def __repr__(self):
        people = "" if self.identities is None else f" of {len(np.unique(self.identities))} people"
        return (
            f"FaceSet({self.name}: {len(self)} faces{people}, {self.size}x{self.size}, "
            f"{len(self.labels)} label{'s' * (len(self.labels) != 1)})"
        )

    @property
    def size(self) -> int:
        """Height and width in pixels."""
        return self.images.shape[1]

    def take(self, which) -> FaceSet:
        """The faces at `which`: a slice (pixels stay a view), indices or a boolean mask (copied)."""
        if not isinstance(which, slice):
            which = np.asarray(which)
            if which.size == 0:
                which = which.astype(np.intp)  # an empty list would be float64
            if which.ndim != 1 or (which.dtype == bool and len(which) != len(self)):
                raise DataError(f"take needs a slice, indices or a mask of {len(self)}, got shape {which.shape}")
        return FaceSet(
            name=self.name,
            images=self.images[which],
            labels={label: values[which] for label, values in self.labels.items()},
            identities=None if self.identities is None else self.identities[which],
            names=[self.names[i] for i in np.arange(len(self))[which]],
        )
