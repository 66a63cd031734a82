"""The label files of images, a file an image; classes that count; sizes that agree."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeGuard, TypeVar

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row, numbered
from sissi.data.formats.names import LABELS_WITHOUT_IMAGE, last_part, loose, match_unique, stem
from sissi.data.images.read import image_size
from sissi.data.problems import Problems
from sissi.errors import DataError

Content = TypeVar("Content")
SECOND_FILE = "second label file of an image, not used"


def match_files(
    labels: Path, is_label: Callable[[Path], bool], stems: Mapping[str, Sequence[str]], problems: Problems
) -> dict[str, Path]:
    """The label file of each image: in the same sub-folder of `labels` as the image, or straight in `labels`.

    Of the names that its label file may have the first counts that there is. Where there is none, one that differs in
    case and the like alone, see `loose`, if no other image and no other file is so named.

    Args:
        labels: folder of the label files.
        is_label: whether a file in it is a label file.
        stems: by image name, the names of its label file without the suffix, with the image's sub-folder.
        problems: takes label files without an image, and those that are not one to one with their images.

    Returns:
        The label file by image name; images without one do not appear.

    Raises:
        DataError: there is no such folder.
    """
    parents = {str(PurePosixPath(one).parent) for many in stems.values() for one in many}
    files = _label_files(labels, is_label, parents, problems)
    owned: dict[str, str] = {}
    for name, wanted in stems.items():
        keys = [key for one in wanted for key in (one, last_part(one)) if key in files]
        owned |= {name: keys[0]} if keys else {}
    for form in (loose, lambda one: loose(last_part(one))):
        for place in range(max(map(len, stems.values()), default=0)):
            spare = {key: key for key in files if key not in owned.values()}
            sought = {name: many[place] for name, many in stems.items() if name not in owned and place < len(many)}
            owned |= {name: key for key, name in match_unique(spare, sought, form).items()}
    _note_uneven(files, owned, stems, problems)
    return {name: files[key] for name, key in owned.items()}


def _note_uneven(
    files: Mapping[str, Path], owned: Mapping[str, str], stems: Mapping[str, Sequence[str]], problems: Problems
) -> None:
    """Note label files of several images, second ones of an image, and those without an image."""
    owners = defaultdict(list)
    for name, key in owned.items():
        owners[key].append(name)
    seconds = {key: owned[name] for name in owned for one in stems[name] for key in (one, last_part(one))}
    for key, file in files.items():
        if len(owners[key]) > 1:
            problems.add(file, "label file that several images share, used for each", ", ".join(owners[key]))
        elif key in seconds and not owners[key]:
            problems.add(file, SECOND_FILE, f"{files[seconds[key]].name} is")
        elif not owners[key]:
            problems.add(file, LABELS_WITHOUT_IMAGE)


def read_files(
    labels: Path, files: Mapping[str, Path], read: Callable[[str, Path], Content], problems: Problems
) -> dict[str, Content]:
    """What is in the label file of each image; files that cannot be used are refused together.

    Args:
        labels: folder of the files, for the message.
        files: by image name.
        read: takes image name and file; raises a DataError that names the file.
        problems: takes files that cannot be used, if it is not strict; they are left out.

    Raises:
        DataError: files that cannot be used, if the problems are strict.
    """
    contents: dict[str, Content] = {}
    faults: dict[Path, DataError] = {}
    for name, file in files.items():
        try:
            contents[name] = read(name, file)
        except DataError as error:
            faults[file] = error
    head = f"{labels}: {len(faults)} of {len(files)} label files cannot be used"
    problems.refuse(faults, "label file that cannot be used", head)
    return contents


def named_boxes(
    labels: Path, rows: Mapping[str, Sequence[Row]], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image from labels with names, after `check_classes`; see `classes.numbered`.

    Raises:
        DataError: no label would be left, or no class is given for a name.
    """
    check_classes(labels, classes, {kind for many in rows.values() for kind, _, _ in many}, problems)
    return numbered(labels, rows, classes, problems)


def check_classes(labels: Path, classes: LabelClasses, found: Collection[str], problems: Problems) -> None:
    """Compare the names that count with those that the labels have.

    Raises:
        DataError: not one of them is there, so that no box would be left.
    """
    found = set(found) - set(classes.ignored or ())
    if classes.only is None and not classes.meaning and len(found) > 1:
        problems.add(labels, "several classes, all of which count as a cell", ", ".join(sorted(found)))
    missing = [name for name in classes.only or () if name not in found]
    if not missing or not found:
        return
    there = ", ".join(sorted(found))
    if len(missing) == len(classes.only or ()):
        raise DataError(f"{labels}: has no class {' or '.join(missing)}; set `classes` to what there is: {there}")
    problems.add(labels, "class that no label has", f"{', '.join(missing)}; there are {there}")


def check_size(file: Path, height: object, width: object, image: Path, problems: Problems) -> None:
    """Note where a label file gives its image another size than it has: then its boxes may lie elsewhere.

    A size that is no number, or 0 as some tools write it, says nothing.
    """
    if not (is_number(height) and is_number(width) and height and width):
        return
    seen = image_size(image)
    if (height, width) != seen:
        detail = f"{width:g} x {height:g}, {image} has {seen[1]} x {seen[0]}"
        problems.add(file, "image of another size than its labels say", detail, error=True)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether this is a finite number that a float can hold; JSON has others."""
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _label_files(
    labels: Path, is_label: Callable[[Path], bool], parents: Collection[str], problems: Problems
) -> dict[str, Path]:
    """Label files by their stem below `labels`, in that folder and in the given folders below it."""
    if not labels.is_dir():
        raise DataError(f"{'not a folder' if labels.exists() else 'no such folder'}: {labels}")
    files: dict[str, Path] = {}
    for folder in sorted({".", *parents}):
        inside = sorted((labels / folder).iterdir()) if (labels / folder).is_dir() else []
        for path in inside:
            if not path.name.startswith(".") and is_label(path):
                used = files.setdefault(stem((PurePosixPath(folder) / path.name).as_posix()), path)
                if used != path:
                    problems.add(path, SECOND_FILE, f"{used.name} is")
    return files
