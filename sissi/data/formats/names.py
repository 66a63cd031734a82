"""Names of images in label files: the same, or changed on the way through another tool."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TypeVar

from sissi.data.images.suffixes import without_suffix
from sissi.data.problems import Problems

Key = TypeVar("Key", bound=Hashable)

LABELS_WITHOUT_IMAGE = "labels without their image, not used"
"""Kind of problem: found by every format, and expected where only some of the images are asked for."""


def stem(name: str) -> str:
    """An image's name without its suffix: `alive/a.b.jpg` becomes `alive/a.b`."""
    return str(PurePosixPath(name).with_suffix(""))


def label_stems(name: str) -> list[str]:
    """The names that the label file of an image may have, without its suffix: `a`, or `a.png` as some tools write."""
    return list(dict.fromkeys([stem(name), name, without_suffix(name)]))


def last_part(name: str) -> str:
    """The name of a file without its folders, which slashes of either sort may divide."""
    return PurePosixPath(name.replace("\\", "/")).name


def last_stem(name: str) -> str:
    """The part that the names of an image and of its label file share, without folders.

    `alive/000_img.png`, `000_masks.png`, `000_cp_masks.tif`, `000_seg.npy` and `000_rois.zip` have 000.
    """
    found = PurePosixPath(last_part(name)).stem
    for ending in ("_img", "_cp_masks", "_masks", "_seg", "_rois"):
        found = found.removesuffix(ending)
    return found


def loose(name: str) -> str:
    """A name as tools may change it: no image suffix, any case, no spaces and signs that uploads take out."""
    return re.sub(r"[^\w./-]", "", without_suffix(name.casefold()).strip().replace(" ", "_"))


def match_names(
    labels: Path, listed: Mapping[Key, str], images: Mapping[str, Path], problems: Problems
) -> dict[Key, str | None]:
    """The image of each file name that a file of all labels lists.

    By the whole name, else by its last part, else by the whole name or the last part with another image suffix or none,
    in another case, or without the signs that an upload takes out: each where only one entry and one image have it.

    Args:
        labels: the file.
        listed: file names by a key of the file's own, with slashes of either sort.
        images: path of each image by its name below the image folder.
        problems: takes names without an image, and names that leave the image folder (`..`, an absolute path).

    Returns:
        The image name for each key; None where there is no image, or where it could be several.
    """
    inside = {key: _normal(file_name) for key, file_name in listed.items() if _stays_inside(file_name)}
    found = {key: name for key, name in inside.items() if name in images}
    for form in (last_part, loose, lambda name: loose(last_part(name))):
        entries = {key: name for key, name in inside.items() if key not in found}
        waiting = {name: name for name in sorted(set(images) - set(found.values()))}
        found |= match_unique(entries, waiting, form)
    for key, file_name in listed.items():
        if key not in inside:
            problems.add(labels, "file_name that leaves the image folder, not used", file_name)
        elif key not in found:
            problems.add(labels, LABELS_WITHOUT_IMAGE, file_name)
    return {key: found.get(key) for key in listed}


def match_unique(listed: Mapping[Key, str], sought: Mapping[str, str], form: Callable[[str], str]) -> dict[Key, str]:
    """The image of each entry whose name has a form that no entry of another name and only one of the images has.

    Args:
        listed: names by a key of each entry.
        sought: by image, the name that its entry should have.
        form: of a name, what must be equal.
    """
    entries, images = defaultdict(set), defaultdict(list)
    for file_name in listed.values():
        entries[form(file_name)].add(file_name)
    for image, name in sought.items():
        images[form(name)].append(image)
    single = {one for one, file_names in entries.items() if len(file_names) == len(images[one]) == 1}
    return {key: images[form(file_name)][0] for key, file_name in listed.items() if form(file_name) in single}


def _normal(file_name: str) -> str:
    return PurePosixPath(file_name.replace("\\", "/")).as_posix()


def _stays_inside(file_name: str) -> bool:
    path = PureWindowsPath(file_name)  # it also takes forward slashes
    return not path.anchor and ".." not in path.parts
