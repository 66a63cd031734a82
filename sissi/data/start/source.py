"""The source domain that a person has: a folder of other cells with masks, split for training and validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sissi.config import LabelledImages
from sissi.data.load import load_images
from sissi.data.problems import Problems
from sissi.errors import DataError
from sissi.names import FormatName

EVERY = 5
"""Of the images of one folder, every fifth is for validation."""
LISTS = {"source_train": "source-train.txt", "source_val": "source-val.txt"}
FORMAT: FormatName = "cellpose"


def source_sections(source: Path, lists: Path, problems: Problems) -> dict[str, dict[str, Any]]:
    """The keys source_train and source_val for a folder in the layout of Cellpose.

    Folders train and val in it are taken as they are; else every fifth image is for validation, and the names go to
    text files.

    Args:
        source: folder.
        lists: folder for the text files.
        problems: takes what is wrong with single images and masks.

    Raises:
        DataError: there is no such folder, it has fewer than two images, or no masks.
    """
    if not source.is_dir():
        raise DataError(f"--source {source}: no such folder")
    parts = {"source_train": source / "train", "source_val": source / "val"}
    if all(part.is_dir() for part in parts.values()):
        for part in parts.values():
            _names(part, problems)
        return {role: {"format": FORMAT, "images": part} for role, part in parts.items()}
    names = _names(source, problems)
    if len(names) < 2:
        raise DataError(f"--source {source}: has one image; training and validation need at least one each")
    chosen = {"source_val": names[::EVERY], "source_train": [name for name in names if name not in names[::EVERY]]}
    for role, some in chosen.items():
        (lists / LISTS[role]).write_text("".join(f"{name}\n" for name in some), encoding="utf-8")
    return {role: {"format": FORMAT, "images": source, "names": LISTS[role]} for role in LISTS}


def _names(folder: Path, problems: Problems) -> list[str]:
    """Names of the images of a folder, whose masks are read so that faults show before the training."""
    return [
        sample.name
        for sample in load_images(LabelledImages(format=FORMAT, images=folder), Path(), problems, "--source")
    ]
