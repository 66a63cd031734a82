"""What a check of the data has found, as tables and lines for a terminal, and as a file with every problem."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sissi.config import Experiment
from sissi.data.checks.check import Check, labelled_sets
from sissi.data.checks.detector_fit import Labelled, cell_sizes, reach
from sissi.data.problems import Problems, printable
from sissi.runtime.csv_records import to_csv
from sissi.runtime.files import write_whole
from sissi.runtime.tables import Cell, Table, row_of


def counts(check: Check) -> Table:
    """Images and boxes of each data set, and fewest and most boxes in an image."""
    rows = [
        [*row_of(role), *(Cell(text, None) for text in _counts(labelled))]
        for role, labelled in labelled_sets(check.data).items()
    ]
    header = ["data set", "images", "empty", "boxes", "an image", "size in px"]
    return Table("counts", "Images and boxes.", header, [row + [Cell("", None)] * (6 - len(row)) for row in rows])


def histogram(check: Check, experiment: Experiment) -> Table:
    """Cells by size as the detector sees them, each column up to twice the one before, above the anchors in it."""
    height, width = experiment.training.image_size
    smallest, largest = reach(experiment.detector)
    edges = _edges(smallest, min(largest, float(max(height, width))))
    anchors = sorted({size for level in experiment.detector.anchors or () for size in level})
    spans = list(pairwise(edges))
    inside = [" ".join(f"{size:g}" for size in anchors if low <= size < high) for low, high in spans]
    rows = []
    for role, labelled in labelled_sets(check.data).items():
        shares = _shares(cell_sizes(labelled, (height, width)), edges)
        rows.append([*row_of(role), *(Cell(text, None) for text in shares)])
    return Table(
        "cell_sizes",
        f"Cells by size (root of the area in px at {width} x {height}), in %.",
        ["data set", *("more" if high == inf else f"<{high:g}" for _, high in spans)],
        [*rows, [*row_of("anchors"), *(Cell(text, None) for text in inside)]] if anchors else rows,
        lines_after=frozenset([len(rows) - 1]) if anchors else frozenset(),
    )


def lines(check: Check, examples: int) -> list[str]:
    """A line for each kind of problem, errors first; see `Problems.summary`."""
    refused = [f"error: {printable(message)}" for message in check.refused]
    sorts = {
        word: Problems([one for one in check.problems.found if one.error is error])
        for word, error in (("error", True), ("warning", False))
    }
    return refused + [f"{word}: {line}" for word, some in sorts.items() for line in some.summary(examples)]


def write_problems(check: Check, file: Path) -> None:
    """Every problem as a line of a CSV file: error or warning, file, kind, detail."""
    refused = [("error", "", "data set that cannot be used", printable(message)) for message in check.refused]
    found = [
        ("error" if one.error else "warning", printable(str(one.file)), one.kind, printable(one.detail))
        for one in check.problems.found
    ]
    columns = ("severity", "file", "problem", "detail")
    write_whole(file, to_csv((dict(zip(columns, row, strict=True)) for row in refused + found), columns).encode())


def _counts(labelled: Labelled) -> list[str]:
    numbers = [len(boxes) for _, boxes in labelled]
    if not numbers:
        return ["0"]
    sizes = sorted({(sample.width * sample.height, f"{sample.width}x{sample.height}") for sample, _ in labelled})
    size = sizes[0][1] if len(sizes) == 1 else f"{sizes[0][1]}..{sizes[-1][1]}"
    total = (f"{number:,}" for number in (len(numbers), numbers.count(0), sum(numbers)))
    return [*total, f"{min(numbers)}..{max(numbers)}", size]


def _edges(low: float, high: float) -> list[float]:
    """From 0 over doubling sizes to infinity; the anchors reach from the second to the last but one."""
    edges = [0.0, low]
    while edges[-1] < high:
        edges.append(min(2 * edges[-1], high))
    return [*edges, inf]


def _shares(sizes: npt.NDArray[np.float64], edges: list[float]) -> list[str]:
    """Percent of the sizes between the edges; nothing for none."""
    found = np.histogram(sizes, edges)[0]
    return [f"{100 * count / len(sizes):.1f}" if count else "" for count in found]
