"""Faults that a user can mend: they end a command with their message, without a traceback."""


class SissiError(Exception):
    """What is wrong, in which file or key, and what to do about it."""


class ExperimentError(SissiError):
    """An experiment file or an override that cannot be used."""


class DataError(SissiError):
    """Images or labels that cannot be used."""


class TrackingError(SissiError):
    """A tracking store or server that cannot be used."""


class NoImageError(DataError):
    """A folder or pattern without an image."""
