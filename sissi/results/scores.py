"""Mean and standard deviation over seeds of each cell of table 1, and the best cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from sissi.config.variants import REFERENCES
from sissi.evaluation.metrics import TABLE_METRICS

NOBODY = ""
"""Reader of the rows of an ablation without readers; all its scores are NaN."""


@dataclass(frozen=True)
class Summary:
    """Metric of a variant for one reader over the seeds with a score, as a fraction.

    Attributes:
        mean: mean over the seeds; NaN without a score.
        spread: standard deviation over the seeds (n - 1 in the denominator); NaN for fewer than two seeds.
        seeds: number of seeds with a score.
    """

    mean: float
    spread: float
    seeds: int


def summarise(rows: Sequence[Any]) -> dict[tuple[str, str, str], Summary]:
    """Summary for each variant, reader and metric of the rows, in their order; none of rows that nobody has scored."""
    values: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        for metric in TABLE_METRICS if row.reader != NOBODY else ():
            values.setdefault((row.variant, row.reader, metric), []).append(getattr(row, metric))
    return {key: _summary([value for value in many if not math.isnan(value)]) for key, many in values.items()}


def best(summaries: Mapping[tuple[str, str, str], Summary]) -> set[tuple[str, str, str]]:
    """Keys with the highest mean of their reader and metric, without the reference rows."""
    highest: dict[tuple[str, str], float] = {}
    for (variant, *column), summary in summaries.items():
        if variant not in REFERENCES and not math.isnan(summary.mean):
            highest[column[0], column[1]] = max(summary.mean, highest.get((column[0], column[1]), summary.mean))
    return {
        (variant, reader, metric)
        for (variant, reader, metric), summary in summaries.items()
        if variant not in REFERENCES and summary.mean == highest.get((reader, metric))
    }


def percent(summary: Summary, between: str = " ± ") -> str:
    """Summary in percent, such as `36.0`, or `36.0 ± 1.2` for several seeds; `-` without a score."""
    if math.isnan(summary.mean):
        return "-"
    spread = "" if math.isnan(summary.spread) else f"{between}{100 * summary.spread:.1f}"
    return f"{100 * summary.mean:.1f}{spread}"


def short(reader: str) -> str:
    """Short name of a reader for the header of a table, such as R1 for reader_1."""
    return reader.replace("reader_", "R")


def _summary(known: list[float]) -> Summary:
    return Summary(
        mean=fmean(known) if known else math.nan,
        spread=stdev(known) if len(known) > 1 else math.nan,
        seeds=len(known),
    )


@dataclass(frozen=True)
class Row:
    """Scores of a variant for one seed and reader; NaN if the variant failed, or nobody has scored it.

    Attributes:
        variant: name of the variant.
        seed: experiment seed.
        reader: reader whose annotations are the truth, or NOBODY.
        AP50, AP75, AP: COCO's average precisions with `ap_limit` detections per image, as fractions in [0, 1].
        AR: COCO's average recall with `ap_limit` detections per image, as a fraction.
        AR_dense: average recall with `dense_limit` detections per image, as a fraction.
        ap_limit: number of detections per image, 100 by COCO's definition.
        dense_limit: number of detections per image, above the number of cells.
        start_epoch: number of epochs of early learning before correction.
        epochs: total number of epochs.
        status: `ok`, or the reason for missing scores.
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
