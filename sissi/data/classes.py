"""What labels of a data set stand for: a name for the number of a class or nothing, a point for a box."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from sissi.boxes import CELL, IGNORE, Boxes, make_boxes
from sissi.config.classes import ANY, EACH, Meaning, names_of
from sissi.config.data import LabelNames
from sissi.data.problems import Problems
from sissi.errors import DataError

LEFT_OUT = "labels that `classes` leaves out"
"""Kind of problem."""
Row = tuple[str, tuple[float, float, float, float], float]
"""Name, corners in px and score of a label; the name is empty where a label has none."""


@dataclass(frozen=True)
class LabelClasses:
    """What the labels of a data set stand for.

    Attributes:
        names: classes of the experiment in order; their numbers are 1, 2, and so on.
        meaning: class by name, see `sissi.config.classes`; empty: every label is of the only class.
        only: names that count, the others are left out; None: all.
        cell_size: side of the box around a label that is a point, in px; None: points are left out.
        ignored: names of regions that nobody annotated, which get the label `IGNORE`, as crowd regions of COCO do.
            None: there are no such names, and crowd regions are left out.
    """

    names: tuple[str, ...] = names_of({})
    meaning: Meaning = field(default_factory=dict)
    only: tuple[str, ...] | None = None
    cell_size: float | None = None
    ignored: tuple[str, ...] | None = None

    def number(self, name: str) -> int | None:
        """Number of the class that a name stands for; None: the label is left out; 0: each class in turn;
        `IGNORE`: it is an ignore region.

        Raises:
            KeyError: no class is named for it.
        """
        if self.ignored is not None and name in self.ignored:
            return IGNORE
        if self.only is not None and name not in self.only:
            return None
        if not self.meaning:
            return CELL
        means = self.meaning[name if name in self.meaning else ANY]
        if means == EACH:
            return 0
        return None if means is None else self.names.index(means) + 1


EVERY_LABEL = LabelClasses()
"""Every label is a cell."""


def label_classes(
    experiment: Meaning,
    own: LabelNames = None,
    cell_size: float | None = None,
    ignored: tuple[str, ...] | None = None,
) -> LabelClasses:
    """What the labels of a data set stand for.

    Args:
        experiment: `classes` of the experiment.
        own: `classes` of the data set: a list of the names that count, or a mapping in place of the experiment's.
        cell_size: of the data set, see `LabelClasses`.
        ignored: names of regions that nobody annotated, see `LabelClasses`.
    """
    if isinstance(own, Mapping):
        return LabelClasses(names_of(experiment), own, cell_size=cell_size, ignored=ignored)
    return LabelClasses(names_of(experiment), experiment, own, cell_size, ignored)


def numbered(
    labels: Path, rows: Mapping[str, Sequence[Row]], classes: LabelClasses, problems: Problems
) -> dict[str, Boxes]:
    """The boxes of each image with the numbers of their classes; those that stand for none are left out.

    Args:
        labels: file or folder of the labels.
        rows: labels by image name.
        classes: what their names stand for.
        problems: takes the names whose labels are left out because `classes` says so.

    Raises:
        DataError: labels have a name that no class is given for.
    """
    found = Counter(name for many in rows.values() for name, _, _ in many)
    numbers = {name: _number(labels, name, found, classes) for name in found}
    silent = [name for name, number in numbers.items() if number is None and classes.only is None]
    if silent:
        problems.add(labels, LEFT_OUT, _counted(found, silent))
    boxes, turn = {}, cycle(range(1, len(classes.names) + 1))
    for image, many in rows.items():
        kept = [
            (corners, score, numbers[name] or next(turn)) for name, corners, score in many if numbers[name] is not None
        ]
        boxes[image] = make_boxes(*zip(*kept, strict=True)) if kept else make_boxes([])
    return boxes


def _number(labels: Path, name: str, found: Counter[str], classes: LabelClasses) -> int | None:
    try:
        return classes.number(name)
    except KeyError:
        known = ", ".join(classes.meaning)
        unknown = [one for one in found if one not in classes.meaning]
        one = f"{unknown[0]!r}: CLASS" if unknown[0] else f'"{ANY}": CLASS'
        raise DataError(
            f"{labels}: `classes` has nothing for labels of {_counted(found, unknown)}; it names {known}: add {one} "
            f"with one of {', '.join(classes.names)}, or null to leave such labels out"
        ) from None


def _counted(found: Counter[str], names: Sequence[str]) -> str:
    """Names with the number of their labels, in words."""
    return ", ".join(f"{repr(name) if name else 'no class'} ({found[name]:,})" for name in sorted(names))
