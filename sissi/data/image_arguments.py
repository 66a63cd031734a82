"""The images that a command line names: folders, patterns such as `plates/*/well_*.tif`, single files."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from sissi.data.find import CATEGORIES, find_images
from sissi.data.formats import cellpose_names
from sissi.data.images.folder import note_unread
from sissi.data.images.suffixes import SUFFIXES, is_read
from sissi.data.problems import Problems, printable
from sissi.errors import DataError, NoImageError

_ARGUMENT = "IMAGES"


def find_arguments(arguments: Sequence[str], problems: Problems) -> dict[str, Path]:
    """Absolute path of each image by its name, sorted.

    Of a folder, the images directly in it; if it has the folders alive, dead or inhib, those of these folders. Of a
    pattern, the images and folders that it matches; `**` stands for any folders. Masks of the Cellpose layout are not
    images. A name is the path below the folder that all the images are in, with forward slashes; it keeps the folder
    of a category.

    Args:
        arguments: folders, patterns and files, at least one.
        problems: takes images beside the folders alive, dead and inhib, files that look like images and are not read,
            and masks without their image: none of these are used.

    Raises:
        DataError: an argument that names no image, or an image whose name is not UTF-8.
    """
    files = sorted({path.absolute() for argument in arguments for path in _files(argument, problems)})
    for path in files:
        if printable(str(path)) != str(path):
            raise DataError(f"{printable(str(path))}: the name is not UTF-8; rename it")
    start = Path(os.path.commonpath([path.parent for path in files]))
    if start.name in CATEGORIES and not (len(arguments) == 1 and Path(arguments[0]).is_dir()):
        start = start.parent
    return {path.relative_to(start).as_posix(): path for path in files}


def _files(argument: str, problems: Problems) -> list[Path]:
    """The images of one argument."""
    path = Path(argument)
    if path.is_dir():
        return _in_folder(path, problems)
    if os.path.lexists(path):
        return [path]  # named by hand: of whatever suffix, reading it says whether it is an image
    matches = [Path(match) for match in glob.glob(argument, recursive=True)]  # noqa: PTH207, Path.glob takes no absolute pattern
    files = [one for one in matches if is_read(one) and one.is_file()]
    unread = note_unread((one for one in matches if one.is_file()), problems)
    cellpose_names.note_lone_masks(files, problems)
    images = [one for one in files if not cellpose_names.is_mask(one)]
    if "**" not in argument:  # which matches every folder
        images += [image for one in matches if one.is_dir() for image in _in_matched_folder(one, problems)]
    if not images:
        other = "no image matches the pattern" if glob.has_magic(argument) else "no such file or folder"
        raise DataError(
            f"{_ARGUMENT}: {argument}: {other}; files with these suffixes are images: {', '.join(SUFFIXES)}{unread}"
        )
    return images


def _in_folder(folder: Path, problems: Problems) -> list[Path]:
    """The images of a folder."""
    found = find_images(folder, "celllab", problems, _ARGUMENT)
    cellpose_names.note_lone_masks(list(found.values()), problems)
    images = [path for path in found.values() if not cellpose_names.is_mask(path)]
    if not images:
        raise NoImageError(f"{_ARGUMENT}: {folder}: has masks of cells, and no image")
    return images


def _in_matched_folder(folder: Path, problems: Problems) -> list[Path]:
    """The images of a folder that a pattern matches, if it has any."""
    try:
        return _in_folder(folder, problems)
    except NoImageError:
        return []
