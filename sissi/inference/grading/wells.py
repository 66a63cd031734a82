"""The well of each image: by its folder, by a pattern of its name, or by a layout in a CSV file."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sissi.data.image_arguments import find_arguments
from sissi.data.problems import Problems
from sissi.errors import DataError, NoImageError

GROUP = "well"
"""Group of a pattern that is the name of the well; a group `plate` may be there, too."""


@dataclass(frozen=True)
class Well:
    """A well, and what was given to its cells.

    Attributes:
        plate: name of the plate; empty if there is one plate without a name.
        name: name of the well, which occurs once on its plate.
        dose: amount of the tested substance; None if it is unknown.
        unit: of the dose.
        control: which control the well is, such as negative; empty for none.
    """

    plate: str
    name: str
    dose: float | None = None
    unit: str = ""
    control: str = ""

    @property
    def title(self) -> str:
        """Name with the plate, if the plate has one."""
        return f"{self.plate} {self.name}".strip()


def find_well_images(arguments: Sequence[str], problems: Problems) -> dict[str, Path]:
    """The images of a command line as `find_arguments`, but of a folder without images also those of folders in it.

    Raises:
        DataError: an argument that names no image.
    """
    expanded = []
    for argument in arguments:
        try:
            find_arguments([argument], Problems())
        except NoImageError:
            expanded.append(f"{glob.escape(argument)}/**/*")
        else:
            expanded.append(argument)
    return find_arguments(expanded, problems)


def by_folder(images: Mapping[str, Path]) -> dict[str, Well]:
    """The well of each image is the folder that it is in, the plate the folder around that one.

    Args:
        images: path of each image by its name, the path below the folder of all images with forward slashes, which
            tells plates of one name in different folders apart.
    """
    around = {name: "/".join(name.split("/")[:-2]) for name in images}
    return {name: Well(around[name] or path.parent.parent.name, path.parent.name) for name, path in images.items()}


def by_pattern(images: Mapping[str, Path], pattern: str) -> dict[str, Well]:
    """The well of each image by a regular expression that is searched for in its name.

    Args:
        images: path of each image by its name, the path below the folder of all images with forward slashes.
        pattern: regular expression with a group `well`, and perhaps one `plate`.

    Raises:
        DataError: the pattern is no regular expression, has no such group, or does not fit an image.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise DataError(f"--wells {pattern}: is no regular expression: {error}") from None
    if GROUP not in expression.groupindex:
        raise DataError(f"--wells {pattern}: has no group named {GROUP}; write it as (?P<{GROUP}>[A-H][0-9]+)")
    found = {name: expression.search(name) for name in images}
    refuse_without_well(f"--wells {pattern}", [name for name, match in found.items() if not (match and match[GROUP])])
    parts = {name: match.groupdict() for name, match in found.items() if match}
    return {name: Well(groups.get("plate") or "", groups[GROUP]) for name, groups in parts.items()}


def refuse_without_well(source: str, without: Sequence[str]) -> None:
    """Refuse images that belong to no well.

    Raises:
        DataError: there are such images.
    """
    if without:
        raise DataError(
            f"{source}: {len(without)} images have no well, such as {without[0]}; name their wells, or leave these "
            "images out of IMAGES"
        )
