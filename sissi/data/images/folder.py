"""The image files of a folder: those that are read, and those that are not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sissi.data.images.suffixes import is_read, is_unread
from sissi.data.problems import Problems, printable
from sissi.errors import DataError

UNREAD = "image of a kind that is not read, not used: save it as TIFF or PNG"
"""Kind of problem."""


def image_files(folder: Path) -> list[Path]:
    """The image files directly in a folder, sorted by name: known suffix in any case, hidden files left out.

    A link that leads nowhere is among them, as reading it says what is wrong.

    Raises:
        DataError: there is no such folder, or files in it whose names are not UTF-8; names them.
    """
    if not folder.exists():
        raise DataError(f"no such folder: {folder}")
    if not folder.is_dir():
        raise DataError(f"not a folder: {folder}")
    files = [path for path in sorted(folder.iterdir()) if is_read(path) and not path.name.startswith(".")]
    files = [path for path in files if path.is_file() or leads_nowhere(path)]
    odd = [printable(str(path)) for path in files if printable(path.name) != path.name]
    if odd:  # neither JSON nor XML nor a tracking server takes such a name
        raise DataError(f"{', '.join(odd)}: the name is not UTF-8; rename the file")
    return files


def note_unread(files: Iterable[Path], problems: Problems) -> str:
    """Note the files that look like images by their suffix and are not read.

    Returns:
        Their suffixes as the end of a message, "; there are files of kinds that are not read: .gif"; empty for none.
    """
    unread = [path for path in sorted(files) if is_unread(path) and not path.name.startswith(".")]
    for path in unread:
        problems.add(path, UNREAD)
    kinds = sorted({path.suffix.lower() for path in unread})
    return f"; there are files of kinds that are not read: {', '.join(kinds)}" if kinds else ""


def leads_nowhere(path: Path) -> bool:
    """Whether this is a symbolic link to nothing, or in a circle."""
    return path.is_symlink() and not path.exists()
