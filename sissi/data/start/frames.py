"""Settings that follow from images, cells and machine: size of the frames, epochs, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import median

from sissi.data.sample import Sample
from sissi.errors import DataError

WANTED = 45.0
"""Longer side of a typical cell in a frame, in px. Larger frames are better and slower; see docs/detectors.md."""
STEP = 32
"""Sides of frames are multiples of it: the detector halves them up to five times."""
LONGEST = {"cpu": 512, "cuda": 1024}
"""Longest side of a frame by device, in px; twice that where cells would be smaller than `SMALL`."""
SMALL = 16.0
"""Cells below this size in a frame are hard to find, in px."""
LARGEST_FACTOR = 2.0
"""Images are enlarged at most so much: there is no more to be seen."""
DEMO = {"images": 48, "epochs": 30, "pixels": 160 * 192, "halves": 10, "cores": 2, "minutes": 10}
"""What the demo takes: `make ablation`. Its trunk and most rows train for half of all epochs, the oracle for all."""
HALVES = {"oracle": 2, "recipe": 2}
"""How many halves of all epochs a row trains for after the trunk; any other row one."""
FEWEST_EPOCHS, MOST_EPOCHS = 12, 48


@dataclass(frozen=True)
class Frames:
    """How the detector sees the images.

    Attributes:
        height, width: of every frame, in px.
        cell: longer side of a typical cell in a frame, in px.
        most_cells: labels of the image that has most.
        images: number of training images.
        device: cpu or cuda.
        cores: of the machine.
    """

    height: int
    width: int
    cell: float
    most_cells: int
    images: int
    device: str
    cores: int

    @property
    def epochs(self) -> int:
        """As many as the demo's for as many images; more for few images, fewer for many."""
        epochs = round(DEMO["epochs"] * sqrt(DEMO["images"] / self.images))
        return min(max(epochs, FEWEST_EPOCHS), MOST_EPOCHS)

    @property
    def early_learning(self) -> dict[str, int]:
        """Longest and shortest early learning in epochs, as in the demo: half of all, and a seventh."""
        return {"max_epochs": self.epochs // 2, "min_epoch": max(2, round(self.epochs / 7))}

    @property
    def detections(self) -> int:
        """Largest number of detections in an image: twice the labels, since many cells have none yet; at least 300."""
        return max(300, 100 * ceil(2 * self.most_cells / 100))

    def minutes(self, rows: Sequence[str]) -> int:
        """What an ablation of these rows takes on a CPU, by what the demo takes: a first guess."""
        halves = 1 + sum(HALVES.get(row, 1) for row in rows)
        work = halves * self.epochs * self.images * self.height * self.width / min(self.cores, len(rows))
        of_demo = DEMO["halves"] * DEMO["epochs"] * DEMO["images"] * DEMO["pixels"] / DEMO["cores"]
        return max(1, round(DEMO["minutes"] * work / of_demo))


def fit_frames(samples: Sequence[Sample], cell_size: float, device: str, cores: int, wanted: float = WANTED) -> Frames:
    """The frames for images with labels.

    Args:
        samples: training images with their labels.
        cell_size: longer side of a typical cell, in px of the files.
        device: cpu or cuda.
        cores: of the machine.
        wanted: longer side of a typical cell in a frame, in px, as far as the longest side of a frame allows it.

    Raises:
        DataError: a cell is larger than the images.
    """
    height, width = median(sample.height for sample in samples), median(sample.width for sample in samples)
    if cell_size > min(height, width):
        raise DataError(
            f"--cell-size: a cell of {cell_size:.0f} px is larger than the images, whose shorter side is "
            f"{min(height, width):.0f} px"
        )
    longest = float(LONGEST[device])
    if cell_size * longest / max(height, width) < SMALL:
        longest *= 2
    factor = min(wanted / cell_size, LARGEST_FACTOR, longest / max(height, width))
    sides = [max(STEP * round(factor * side / STEP), 2 * STEP) for side in (height, width)]
    in_frame = cell_size * sqrt(sides[0] / height * sides[1] / width)
    most = max(len(sample.boxes) for sample in samples)
    return Frames(sides[0], sides[1], in_frame, most, len(samples), device, cores)
