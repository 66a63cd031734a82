"""ImageJ and Fiji: the regions of the ROI Manager, a zip file an image; a file of one region is `.roi`.

Classes are groups of regions, with the names that `groups.txt` gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sissi.boxes import Boxes
from sissi.data.classes import LabelClasses, Row
from sissi.data.formats.imagej_rois import Roi, read_rois, write_rois
from sissi.data.formats.matching import match_files, named_boxes, read_files
from sissi.data.formats.names import label_stems
from sissi.data.formats.outlines import POINT, point_extent
from sissi.data.formats.writing import label_files
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

GROUPS = "groups.txt"
"""Names of the groups from number 1 on with commas between them, as the macro function `Roi.setGroupNames` takes."""
MOST_GROUPS = 255
ENDING = "_rois"
"""Of the names of the files that Cellpose writes for ImageJ."""


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has a zip file of regions of its stem, in pixels of the image.

    Rectangles, ovals, polygons and traced, freehand and composite regions give the box around them, and points a box of
    the size of a cell. Lines, angles, texts and pictures are dropped and noted; a file with nothing else has no labels.
    A zip file without a region says that there is no cell.

    Args:
        labels: folder of the zip files, and of `.roi` files for images with one region.
        images: path of each image by its name below the image folder.
        classes: what the names of the groups in groups.txt, or else their numbers, stand for.
        problems: takes what was dropped, and files with regions of several planes.

    Returns:
        Boxes by image name, with the property `score` or 1; images without a file do not appear.

    Raises:
        DataError: no such folder, a file that is no such zip, none of the classes is in any file, or the package
            roifile is missing.
    """
    stems = {name: [f"{one}{end}" for end in ("", ENDING) for one in label_stems(name)] for name in images}
    files = match_files(labels, lambda file: file.suffix.lower() in (".zip", ".roi"), stems, problems)
    groups = _group_names(labels)
    read = read_files(labels, files, lambda _, file: _rows(file, groups, classes.cell_size, problems), problems)
    rows = {name: found for name, found in read.items() if found is not None}
    return named_boxes(labels, rows, classes, problems)


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write a zip file an image into a folder, and groups.txt; corners and scores are exact.

    Raises:
        DataError: the name of a class has a comma, which ends a name in the list of groups, or there are more classes
            than groups.
    """
    odd = next((name for name in classes if "," in name), None)
    if odd is not None:
        raise DataError(f"class {odd!r}: a group of ImageJ has no name with a comma; rename the class, or write coco")
    if len(classes) > MOST_GROUPS:
        raise DataError(f"{len(classes)} classes: ImageJ has {MOST_GROUPS} groups; write coco")
    files = label_files(samples, out, ".zip")
    for file, boxes in zip(files, labels, strict=True):
        write_rois(boxes, file)
    names = out / GROUPS
    names.write_text(f"{','.join(classes)}\n", encoding="utf-8")
    return [*files, names]


def _group_names(labels: Path) -> list[str]:
    """Names of the groups from number 1 on; none without a file of them."""
    file = labels / GROUPS
    if not file.is_file():
        return []
    try:
        return [name.strip() for name in file.read_text(encoding="utf-8-sig").replace("\n", ",").split(",")]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: cannot be read as text: {error}; the names of the groups are expected") from error


def _rows(file: Path, groups: Sequence[str], cell_size: float | None, problems: Problems) -> list[Row] | None:
    """The cells of a file; None where it has regions, but none with a box."""
    rois = read_rois(file, problems)
    if len({roi.plane for roi in rois if any(roi.plane)}) > 1:
        problems.add(file, "regions of several planes, all used as of one")
    rows: list[Row] = []
    for roi in rois:
        name = _name(file, roi, groups, problems)
        if roi.points and cell_size is None:
            problems.add(file, POINT, roi.where)
        elif roi.points and cell_size is not None:
            rows += [(name, point_extent(point, cell_size), roi.score) for point in roi.points]
        elif roi.corners is None:
            problems.add(file, "region without a box, dropped", roi.where)
        else:
            rows.append((name, roi.corners, roi.score))
    return rows if rows or not rois else None


def _name(file: Path, roi: Roi, groups: Sequence[str], problems: Problems) -> str:
    """The name of the group of a region; empty for none."""
    if not roi.group:
        return ""
    if roi.group <= len(groups) and groups[roi.group - 1]:
        return groups[roi.group - 1]
    if groups:
        problems.add(file, "group that has no name, used by its number", f"{roi.where}: {roi.group}")
    return str(roi.group)
