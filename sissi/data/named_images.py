"""Images that a command line names: files, folders, and patterns such as 'plates/*/*.tif'."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from sissi.data.images.read import SUFFIXES, image_files
from sissi.data.problems import printable
from sissi.errors import DataError


def named_images(places: Sequence[str]) -> dict[str, Path]:
    """Path of each image by its name, in the order of the names.

    A name is the path below the folder that all of the images share, with forward slashes. A folder stands for the
    images directly in it; a pattern for the images (or folders) that it matches, ** for folders of any depth.

    Raises:
        DataError: a place that does not exist, has no images or matches none, or a name that is not UTF-8; names it.
    """
    paths = sorted({Path(os.path.abspath(path)) for place in places for path in _images_at(place)})  # noqa: PTH100
    for path in paths:
        if printable(str(path)) != str(path):
            raise DataError(f"{printable(str(path))}: the name is not UTF-8; rename it")
    shared = Path(os.path.commonpath([path.parent for path in paths]))
    return {path.relative_to(shared).as_posix(): path for path in paths}


def _images_at(place: str) -> list[Path]:
    path = Path(place)
    if path.is_dir():
        found = image_files(path)
    elif os.path.lexists(path):
        found = [path]  # whatever its suffix is: images are known by their content
    elif glob.has_magic(place):
        matched = [Path(one) for one in glob.glob(place, recursive=True)]  # noqa: PTH207
        folders = [image for one in matched if one.is_dir() for image in image_files(one)]
        found = folders + [one for one in matched if one.suffix.lower() in SUFFIXES and not one.is_dir()]
    else:
        raise DataError(f"no such image or folder: {place}")
    if not found:
        raise DataError(f"{place}: no image there; files with these suffixes are read: {', '.join(SUFFIXES)}")
    return found
