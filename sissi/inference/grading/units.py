"""What is graded: each image, each well, each plate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sissi.inference.grading.iso import LIMITS, Verdict, grade, verdict
from sissi.inference.grading.viability import Calculation, Viability, estimate
from sissi.inference.grading.wells import Well
from sissi.inference.outputs import PredictionSet

Level = Literal["image", "well", "plate"]


@dataclass(frozen=True)
class Unit:
    """Images that are graded together.

    Attributes:
        level: what they are.
        well: their well; of a plate, one with the name of the plate alone.
        images: their names.
    """

    level: Level
    well: Well
    images: tuple[str, ...]

    @property
    def title(self) -> str:
        """Name for people."""
        return self.images[0] if self.level == "image" else self.well.title or "all wells"


@dataclass(frozen=True, eq=False)
class Graded:
    """A unit with its grade.

    Attributes:
        unit: what is graded.
        counts: cells of each class that each detector found, shape (detectors, K), int64.
        viability: with its interval.
        grade: 0 to 4; None if it is unknown.
        grades: best and worst grade in the interval.
        verdict: whether it passes.
        problem: what is wrong with its images; empty if nothing is.
    """

    unit: Unit
    counts: npt.NDArray[np.int64]
    viability: Viability
    grade: int | None
    grades: tuple[int | None, int | None]
    verdict: Verdict
    problem: str = ""


def units_of(wells: Mapping[str, Well]) -> list[Unit]:
    """Units of images by name: plates, wells and images, each in the order of the images."""
    by_plate: dict[str, list[str]] = {}
    by_well: dict[Well, list[str]] = {}
    for image, well in wells.items():
        by_plate.setdefault(well.plate, []).append(image)
        by_well.setdefault(well, []).append(image)
    return [
        *(Unit("plate", Well(plate, ""), tuple(images)) for plate, images in by_plate.items()),
        *(Unit("well", well, tuple(images)) for well, images in by_well.items()),
        *(Unit("image", well, (image,)) for image, well in wells.items()),
    ]


def graded(unit: Unit, found: Sequence[PredictionSet], how: Calculation, limits: Sequence[float] = LIMITS) -> Graded:
    """Grade a unit.

    Args:
        unit: its images; those that cannot be read are left out and named in `problem`.
        found: predictions of each detector.
        how: calculation of the viability.
        limits: largest fractions of affected cells of grades 0 to 3.
    """
    classes = len(found[0].classes)
    samples = [{sample.name: sample for sample in one.samples} for one in found]
    read = [name for name in unit.images if name in samples[0]]
    counts = np.zeros((len(found), classes), np.int64)
    for row, of_detector in zip(counts, samples, strict=True):
        for name in read:
            row += np.bincount(of_detector[name].boxes.labels - 1, minlength=classes)
    areas = [float(samples[0][name].height * samples[0][name].width) for name in read]
    value = estimate(counts, areas, how)
    worst, best = 1 - value.low, 1 - value.high
    unreadable = [found[0].unreadable[name] for name in unit.images if name not in samples[0]]
    return Graded(
        unit,
        counts,
        value,
        grade(1 - value.value, limits),
        (grade(best, limits), grade(worst, limits)),
        verdict(best, worst, limits),
        "; ".join(unreadable),
    )
