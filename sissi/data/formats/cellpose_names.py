"""Names of images and of their masks, as Cellpose gives them."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from sissi.data.formats.names import stem
from sissi.data.images.suffixes import is_read, without_suffix
from sissi.data.problems import Problems

IMAGE = "_img"
MASKS = "_masks"
CP_MASKS = "_cp_masks"
SEGMENTED = "_seg"
DERIVED = ("_outlines", "_flows", "_cp_output")
"""Ends of the names of further files that Cellpose writes."""


def is_mask(file: Path) -> bool:
    """Whether an image file has the name of a mask."""
    return is_read(file) and file.stem.lower().endswith(MASKS)


def is_any_mask(file: Path) -> bool:
    """Whether a file has the name of a mask, as an image or as Cellpose's own `_seg.npy`."""
    return is_mask(file) or file.name.lower().endswith(f"{SEGMENTED}.npy")


def is_any_mask_or_image(file: Path) -> bool:
    """Whether a file can be a mask in a folder of its own."""
    return is_any_mask(file) or is_read(file)


def mask_stems(name: str) -> list[str]:
    """The names that the mask of an image may have, without the suffix, the first that there is counts."""
    return [f"{base}{ending}" for ending in (MASKS, CP_MASKS, SEGMENTED) for base in bases(name)]


def sought(name: str) -> str:
    """The names under which the mask of an image is looked for, in words."""
    base = next(iter(bases(name)))
    return f"{base}{MASKS}, {base}{CP_MASKS} or {base}{SEGMENTED}.npy"


def note_lone_masks(files: Sequence[Path], problems: Problems) -> None:
    """Note files with the name of a mask whose image is not among the others: perhaps they are images."""
    known = {(file.parent, base) for file in files if not is_mask(file) for base in bases(file.name)}
    for file in files:
        base = file.stem[: -len(MASKS)]
        if is_mask(file) and not {(file.parent, base), (file.parent, base.removesuffix("_cp"))} & known:
            problems.add(file, "file with the name of a mask, and no image of that name, not used")


def only_images(files: Sequence[Path], problems: Problems) -> list[Path]:
    """The images among the files of a folder: no masks, and nothing that Cellpose writes beside them.

    Where some are called `_img`, those are the images, and others with a mask of their own; further ones are noted.

    Args:
        files: image files directly in a folder.
        problems: takes files that are neither image nor mask.
    """
    stems = {(file.parent, file.stem) for file in files}
    images = []
    for file in files:
        if not is_mask(file):
            base = next((file.stem.removesuffix(end) for end in DERIVED if file.stem.endswith(end)), None)
            if base is not None and (file.parent, base) in stems:
                problems.add(file, "file that Cellpose writes beside an image, not used")
            else:
                images.append(file)
    if not any(file.stem.endswith(IMAGE) for file in images):
        return images
    used = [file for file in images if file.stem.endswith(IMAGE) or _has_mask(file)]
    for file in images:
        if file not in used:
            problems.add(file, f"image without {IMAGE} in its name, and without a mask, not used")
    return used


def _has_mask(image: Path) -> bool:
    """Whether there is a mask beside an image."""
    names = mask_stems(image.name)
    return any(is_any_mask(file) for name in names for file in image.parent.glob(f"{glob.escape(name)}.*"))


def bases(name: str) -> dict[str, None]:
    """What the names of an image and of its mask begin with, the likeliest first."""
    return dict.fromkeys([stem(name).removesuffix(IMAGE), stem(name), without_suffix(name)])
