"""Mean and spread over seeds of each cell of table 1, and which of them are best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from sissi.config.variants import REFERENCES
from sissi.evaluation.metrics import TABLE_METRICS


@dataclass(frozen=True)
class Summary:
    """A metric of a variant for one reader, over the seeds that have one; fractions.

    Attributes:
        mean: nan where no seed has a score.
        spread: standard deviation over the seeds (n - 1 in the denominator); nan for fewer than two.
        seeds: that have a score.
    """

    mean: float
    spread: float
    seeds: int


def summarise(rows: Sequence[Any]) -> dict[tuple[str, str, str], Summary]:
    """A `Summary` for each (variant, reader, metric) of `table_1.Row`s, in their order."""
    values: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        for metric in TABLE_METRICS:
            values.setdefault((row.variant, row.reader, metric), []).append(getattr(row, metric))
    return {key: _summary([value for value in many if not math.isnan(value)]) for key, many in values.items()}


def best(summaries: Mapping[tuple[str, str, str], Summary]) -> set[tuple[str, str, str]]:
    """The keys with the highest mean of their reader and metric, reference rows aside."""
    highest: dict[tuple[str, str], float] = {}
    for (variant, *column), one in summaries.items():
        if variant not in REFERENCES and not math.isnan(one.mean):
            highest[column[0], column[1]] = max(one.mean, highest.get((column[0], column[1]), one.mean))
    return {
        (variant, reader, metric)
        for (variant, reader, metric), one in summaries.items()
        if variant not in REFERENCES and one.mean == highest.get((reader, metric))
    }


def percent(one: Summary, between: str = " ± ") -> str:
    """Such as `36.0`, with several seeds `36.0 ± 1.2`, and `-` where there is no score."""
    if math.isnan(one.mean):
        return "-"
    spread = "" if math.isnan(one.spread) else f"{between}{100 * one.spread:.1f}"
    return f"{100 * one.mean:.1f}{spread}"


def short(reader: str) -> str:
    """A reader's name in the head of a table."""
    return reader.replace("reader_", "R")


def _summary(known: list[float]) -> Summary:
    return Summary(
        mean=fmean(known) if known else math.nan,
        spread=stdev(known) if len(known) > 1 else math.nan,
        seeds=len(known),
    )


@dataclass(frozen=True)
class Row:
    """The scores of a variant for one seed and reader; nan where it failed.

    Attributes:
        variant: as on the command line.
        seed: of the experiment.
        reader: whose annotations are the truth.
        AP50, AP75, AP: COCO's, with `ap_limit` detections an image; fractions in [0, 1].
        AR: COCO's, with `ap_limit` detections an image.
        AR_dense: AR with `dense_limit` detections an image.
        ap_limit: detections an image, 100 by COCO's definition.
        dense_limit: detections an image, above the number of cells.
        start_epoch: epochs of early learning before correction began.
        epochs: in total.
        status: `ok`, or why there are no scores.
    """

    variant: str
    seed: int
    reader: str
    AP50: float
    AP75: float
    AP: float
    AR: float
    AR_dense: float
    ap_limit: int
    dense_limit: int
    start_epoch: int
    epochs: int
    status: str = "ok"
