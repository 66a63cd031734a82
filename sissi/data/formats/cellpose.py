"""The Cellpose layout: an image with a mask of its name, one integer a cell and 0 for the background.

The mask of `NAME.tif`, or `NAME_img.tif`, is `NAME_masks` or `NAME_cp_masks` with the suffix of any image, or
`NAME_seg.npy`; in another folder than the image also `NAME` itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image
from scipy import ndimage

from sissi.boxes import Boxes, make_boxes
from sissi.data.classes import LabelClasses, numbered
from sissi.data.formats.cellpose_names import IMAGE, MASKS, bases, is_any_mask, is_any_mask_or_image, mask_stems
from sissi.data.formats.cellpose_segmentation import read_segmentation
from sissi.data.formats.masks import draw_masks
from sissi.data.formats.matching import match_files, read_files
from sissi.data.formats.writing import label_files
from sissi.data.images.read import image_size, read_values, unread_parts
from sissi.data.problems import Problems
from sissi.data.sample import Sample
from sissi.errors import DataError
from sissi.names import CELL_NAME

WHITE = 255
EXACT = 2**53
"""Float64 holds every integer up to this one."""


def read_labels(
    labels: Path, images: Mapping[str, Path], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image that has a mask file: each integer but 0 is a cell, its box its outermost pixels.

    A box spans [first, last + 1] pixel on each axis.

    Args:
        labels: folder of the mask files.
        images: path of each image by its name below the image folder.
        classes: what labels without a name stand for, as masks name no classes.
        problems: takes masks without an image, and masks that look black and white.

    Returns:
        Boxes by image name; images without a mask do not appear.

    Raises:
        DataError: no such folder, a mask that cannot be read, is no mask, or has another size than its image.
    """
    if classes.only is not None:
        raise DataError(
            f"{labels}: masks have no classes; leave `classes` out, or name the class of all as `'*': CLASS`"
        )
    roots = {path.parents[len(PurePosixPath(name).parts) - 1] for name, path in images.items()}
    apart = labels.resolve() not in {root.resolve() for root in roots}
    stems = {name: mask_stems(name) + (list(bases(name)) if apart else []) for name in images}
    files = match_files(labels, is_any_mask if not apart else is_any_mask_or_image, stems, problems)
    read = read_files(labels, files, lambda name, file: _boxes(file, images[name], problems), problems)
    return numbered(
        labels,
        {name: [("", tuple(box), 1.0) for box in boxes.xyxy.tolist()] for name, boxes in read.items()},
        classes,
        problems,
    )


def write_labels(
    samples: Sequence[Sample], labels: Sequence[Boxes], out: Path, classes: Sequence[str] = (CELL_NAME,)
) -> list[Path]:
    """Write a mask an image into a folder: for each box the ellipse in it, numbered from 1 in the order of the boxes.

    Boxes come back with their corners rounded to whole pixels, see `draw_masks`. A mask of more than 65,535 cells is a
    TIFF, else a PNG. Classes and scores have no place in it.
    """
    files = label_files(samples, out, f"{MASKS}.png", ending=IMAGE)
    return [
        _write(draw_masks(boxes, sample.height, sample.width), file)
        for sample, boxes, file in zip(samples, labels, files, strict=True)
    ]


def _write(cells: npt.NDArray[np.integer[Any]], file: Path) -> Path:
    """Write a mask, as a TIFF if it is too deep for a PNG."""
    if cells.dtype == np.uint16:
        Image.fromarray(cells).save(file)
        return file
    tifffile.imwrite(file.with_suffix(".tif"), cells)
    return file.with_suffix(".tif")


def mask_boxes(cells: npt.NDArray[np.integer[Any]]) -> Boxes:
    """The boxes of the cells of a mask, in the order of their numbers.

    Args:
        cells: (H, W) integers, not negative; 0 is background, any other number a cell. Numbers may be left out.
    """
    if cells.size and cells.max() > cells.size:  # the search below takes memory for every number up to the largest
        cells = np.unique(cells, return_inverse=True)[1].reshape(cells.shape) + (cells.min() > 0)
    found = [span for span in ndimage.find_objects(cells.astype(np.int32, copy=False)) if span is not None]
    return make_boxes([(x.start, y.start, x.stop, y.stop) for y, x in found])


def _boxes(file: Path, image: Path, problems: Problems) -> Boxes:
    cells = _cells(file, read_segmentation(file) if file.suffix.lower() == ".npy" else read_values(file))
    if cells.shape != image_size(image):
        (mask_height, mask_width), (height, width) = cells.shape, image_size(image)
        raise DataError(
            f"{file}: has {mask_width} x {mask_height} px, but its image {image} has {width} x {height}; "
            "a mask needs the size of its image"
        )
    parts = "" if file.suffix.lower() == ".npy" else unread_parts(file)
    if parts:
        problems.add(file, "mask that is read in part", parts)
    boxes = mask_boxes(cells)
    if len(boxes) == 1 and cells.max() == WHITE:
        problems.add(file, "mask with one cell, number 255: black and white instead of one integer a cell?")
    return boxes


def _cells(file: Path, values: npt.NDArray[Any]) -> npt.NDArray[np.integer[Any]]:
    """The values of a mask file as integers."""
    if values.ndim != 2:
        raise DataError(f"{file}: is a colour image or a stack; a mask is one grey plane, with one integer a cell")
    if values.dtype.kind not in "biu" and not _is_whole(values):
        raise DataError(f"{file}: holds fractions or NaN; a mask holds one integer a cell, 0 for the background")
    if values.size and values.min() < 0:
        raise DataError(f"{file}: holds negative numbers; a mask holds one integer a cell, 0 for the background")
    return values if values.dtype.kind in "iu" else values.astype(np.int64)


def _is_whole(values: npt.NDArray[Any]) -> bool:
    """Whether these are floats that hold integers."""
    if values.dtype.kind != "f":
        return False
    numbers = values.astype(np.float64)
    return bool((np.abs(numbers) <= EXACT).all()) and np.array_equal(numbers, np.rint(numbers))
