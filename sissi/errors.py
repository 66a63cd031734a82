"""Errors that a user can correct: they end a command with their message, without a traceback."""


class SissiError(Exception):
    """Base of all errors for the user; the message names what is wrong, in which file or key, and what to do."""


class ExperimentError(SissiError):
    """Unusable experiment file or override."""


class DataError(SissiError):
    """Unusable images or labels."""


class TrackingError(SissiError):
    """Unusable tracking store or server."""


class NoImageError(DataError):
    """Folder or pattern without an image."""
