"""The images that a command line names: a folder, patterns such as `well_*.tif`, or single files."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from sissi.data.find import CATEGORIES, find_images
from sissi.data.formats import cellpose
from sissi.data.images.read import SUFFIXES
from sissi.data.problems import Problems
from sissi.errors import DataError

_ARGUMENT = "IMAGES"


def given_images(arguments: Sequence[str], problems: Problems) -> dict[str, Path]:
    """Images by name, sorted.

    Of a folder, the images directly in it; if it has the folders alive, dead or inhib, those of these folders. Of a
    pattern, the images that match it; `**` stands for any folders. Masks of the Cellpose layout are no images. A name
    is the path below the folder that all the images are in, with forward slashes.

    Args:
        arguments: folders, patterns and files, at least one.
        problems: takes images beside the folders alive, dead and inhib, which are not used.

    Raises:
        DataError: an argument names no image.
    """
    if len(arguments) == 1 and Path(arguments[0]).is_dir():
        return _of_folder(Path(arguments[0]), problems)
    files = {path for argument in arguments for path in _files(argument, problems)}
    common = Path(os.path.commonpath([path.parent.absolute() for path in files]))
    start = common.parent if common.name in CATEGORIES else common
    return {path.absolute().relative_to(start).as_posix(): path for path in sorted(files)}


def _files(argument: str, problems: Problems) -> list[Path]:
    """The images of one argument."""
    path = Path(argument)
    if path.is_dir():
        return list(_of_folder(path, problems).values())
    if path.is_file():
        return [path]  # named by hand: of whatever suffix, reading it says whether it is an image
    matches = [Path(match) for match in glob.glob(argument, recursive=True)]  # noqa: PTH207, Path.glob takes no absolute pattern
    files = [match for match in matches if match.suffix.lower() in SUFFIXES and match.is_file()]
    images = [file for file in files if not cellpose.is_mask(file)]
    if not images:
        other = "no image matches the pattern" if matches or glob.has_magic(argument) else "no such file or folder"
        raise DataError(
            f"{_ARGUMENT}: {argument}: {other}; files with these suffixes are images: {', '.join(SUFFIXES)}"
        )
    return images


def _of_folder(folder: Path, problems: Problems) -> dict[str, Path]:
    """The images of a folder, by name."""
    found = find_images(folder, "celllab", problems, _ARGUMENT)
    images = {name: path for name, path in found.items() if not cellpose.is_mask(path)}
    if not images:
        raise DataError(f"{_ARGUMENT}: {folder}: has masks of cells, and no image")
    return images
