"""What the label formats share in writing: where a file goes, how a coordinate is written, which names can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ElementTree, indent

import numpy as np

from sissi.boxes import Boxes
from sissi.data.formats.names import stem
from sissi.data.sample import Sample
from sissi.errors import DataError


def class_names(boxes: Boxes, classes: Sequence[str]) -> list[str]:
    """The name of the class of each box."""
    return [classes[index] for index in boxes.classes.tolist()]


def require_new(out: Path) -> None:
    """Refuse to write where something is.

    Raises:
        DataError: there is a file, or a folder that is not empty.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise DataError(f"{out}: exists already; remove it, or write to another place")


def label_files(samples: Sequence[Sample], out: Path, suffix: str, ending: str = "") -> list[Path]:
    """A file for each image, below `out` where the image is below its folder, with the image's stem; folders are made.

    Args:
        samples: the images.
        out: folder of the files.
        suffix: what the names of the files end with.
        ending: of the images' stems, to be left out.

    Raises:
        DataError: two images would share a file, such as a.jpg and a.png.
    """
    stems = [stem(sample.name).removesuffix(ending) for sample in samples]
    for shared in [name for name, count in Counter(stems).items() if count > 1]:
        names = ", ".join(sample.name for sample, name in zip(samples, stems, strict=True) if name == shared)
        raise DataError(f"{out / shared}{suffix}: would hold the labels of {names}; rename one, or write coco")
    files = [out / f"{name}{suffix}" for name in stems]
    for folder in {file.parent for file in files} | {out}:
        folder.mkdir(parents=True, exist_ok=True)
    return files


def one_file(out: Path, name: str) -> Path:
    """The file of all labels: `out` if it has the suffix of `name`, else `name` in the folder `out`, which is made."""
    file = out if out.suffix.lower() == PurePosixPath(name).suffix else out / name
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def format_float(value: float | np.floating) -> str:
    """A float32 as the shortest decimal number that reads back to it, without an exponent."""
    return np.format_float_positional(np.float32(value), trim="-")


def write_xml(root: Element, file: Path) -> None:
    """Write a tree as UTF-8, indented."""
    indent(root)
    ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
