"""Every error a user can meet. Each says in one line what is wrong and what to do next."""


class ElicError(Exception):
    """Base of all typed errors; the command line prints its message and exits with 2."""


class FileError(ElicError):
    """An `.elic` file that cannot be decoded."""


class NotElicError(FileError):
    """Too short, too long, or naming no version or model this format ever had."""


class VersionError(FileError):
    """Written by a newer format version than this package knows."""


class UnknownModelError(FileError):
    """Names a model whose weights this package does not ship."""


class DamagedError(FileError):
    """The check does not match: bits were flipped, cut off or appended."""


class BudgetError(ElicError):
    """The number of bits asked for is outside what the format can do."""


class ImageError(ElicError):
    """A picture that cannot be read, or an array of the wrong shape or type."""


class NoFaceError(ImageError):
    """No face was found in the photograph."""


class SeveralFacesError(ImageError):
    """More than one face was found, and the caller did not say which."""


class FaceTooSmallError(ImageError):
    """The face has too few pixels to be worth encoding."""


class DataError(ElicError):
    """A data set that is missing, incomplete or not in its official layout."""


class MissingExtraError(ElicError):
    """An optional dependency is not installed; the message names the extra that brings it."""
