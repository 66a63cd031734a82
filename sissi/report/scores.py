"""Sections with table 1 of a run and of the paper, and with the differences to a variant and their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sissi.config.variants import ORACLE, WEAK_ONLY, Variant
from sissi.evaluation.bootstrap import RESAMPLES, Difference, Resampled, paired_difference
from sissi.evaluation.metrics import TABLE_METRICS
from sissi.figures import differences
from sissi.report.document import Picture, Section
from sissi.report.paper_table import paper_table
from sissi.report.report_data import ReportData
from sissi.results.scores import Row, short
from sissi.results.table_1 import UNSCORED, as_table
from sissi.runtime.tables import Cell, Table, Value

BASELINE = "baseline"
TABLES = {BASELINE: "differences", WEAK_ONLY: "gains"}
"""Variants of comparison, and the names of table and figure of the differences to each."""


def scores_section(evidence: ReportData) -> Section:
    """Section with table 1 of the run and of the paper."""
    section = Section("Scores on the test images, for each reader")
    rows = evidence.record.rows
    if not evidence.record.experiment.data.target_test:
        section.blocks.append(UNSCORED)
        return section
    if rows:
        section.blocks += [
            as_table(rows, evidence.record.known),
            f"{_seeds(rows)} {WEAK_ONLY} and {ORACLE} are reference rows without correction: training for the same "
            f"epochs on the initial labels and, if there are any, on the reference labels{_covered(evidence)}. They "
            "take no part in the comparison. The best of each column is bold.",
        ]
    else:
        section.blocks.append("No variant has been scored yet.")
    section.blocks.append(paper_table())
    return section


def _covered(evidence: ReportData) -> str:
    """Number of training images of the oracle, as text."""
    return f" of the {len(evidence.reference)} training images that have them" if evidence.reference else ""


def differences_section(evidence: ReportData, other: str = BASELINE) -> Section:
    """Section on the differences of the variants to one of them, with confidence intervals."""
    known, against = evidence.record.known, evidence.record.known[other].title
    section = Section(f"Differences to {against}")
    by_reader = compare(evidence, other)
    if not by_reader:
        section.blocks.append(
            f"There is nothing to compare: a comparison needs predictions of {against} and of another variant."
        )
        return section
    images = max(map(len, evidence.readers.values()))
    seeds = {
        difference.seeds
        for of_variants in by_reader.values()
        for of_metrics in of_variants.values()
        for difference in of_metrics.values()
    }
    section.blocks += [
        f"Each variant minus {against}, in points of percent, with the 95 % interval of a paired bootstrap over the "
        f"{images} test images{' and over seeds' if max(seeds) > 1 else ''} ({RESAMPLES} resamples, percentile method; "
        "Efron & Tibshirani 1993; seeds and images crossed: Owen 2007). Bold: the interval excludes 0. There are many "
        "intervals here, and by definition one in twenty misses the true value.",
        *([_ONE_SEED] if max(seeds) == 1 else []),
        _table(by_reader, other, known),
    ]
    section.blocks.append(
        Picture(
            TABLES[other],
            differences(
                {
                    reader: {name: of_metrics["AP"] for name, of_metrics in of_variants.items()}
                    for reader, of_variants in by_reader.items()
                },
                "AP",
                against,
                known,
            ),
            f"AP of each variant minus that of {against}, with 95 % intervals, for each reader.",
        )
    )
    return section


def compare(evidence: ReportData, other: str = BASELINE) -> dict[str, dict[str, dict[str, Difference]]]:
    """Differences to another variant by reader, variant and metric, for variants that have a seed in common with it."""
    by_reader: dict[str, dict[str, dict[str, Difference]]] = {}
    for reader in evidence.readers:
        of_variants: dict[str, dict[int, Resampled]] = {variant: {} for variant in evidence.record.variants}
        for (variant, seed), resampled in evidence.scored.items():
            of_variants[variant][seed] = resampled[reader]
        theirs = of_variants.get(other, {})
        for variant, of_seeds in of_variants.items():
            if variant != other and set(of_seeds) & set(theirs):
                by_reader.setdefault(reader, {})[variant] = paired_difference(of_seeds, theirs)
    return by_reader


def _table(by_reader: dict[str, dict[str, dict[str, Difference]]], other: str, known: Mapping[str, Variant]) -> Table:
    variants = list(dict.fromkeys(variant for of_reader in by_reader.values() for variant in of_reader))
    columns = [(reader, metric) for reader in by_reader for metric in TABLE_METRICS]
    return Table(
        TABLES[other],
        f"Difference to {known[other].title}, in points of percent.",
        ["variant", *(f"{short(reader)} {metric}" for reader, metric in columns)],
        [
            [
                _name(known[variant]),
                *(_cell(by_reader[reader].get(variant, {}).get(metric)) for reader, metric in columns),
            ]
            for variant in variants
        ],
        data=[
            _record(known[variant].title, reader, metric, difference)
            for reader, of_variants in by_reader.items()
            for variant, of_metrics in of_variants.items()
            for metric, difference in of_metrics.items()
        ],
    )


def _record(title: str, reader: str, metric: str, difference: Difference) -> dict[str, Value]:
    numbers = {"difference": difference.value, "low": difference.low, "high": difference.high}
    return {
        "variant": title,
        "reader": reader,
        "metric": metric,
        **{name: None if math.isnan(value) else 100 * value for name, value in numbers.items()},
        "seeds": difference.seeds,
    }


def _cell(difference: Difference | None) -> Cell:
    if difference is None or math.isnan(difference.value):
        return Cell("-", None)
    text = f"{100 * difference.value:+.1f} [{100 * difference.low:+.1f}, {100 * difference.high:+.1f}]"
    return Cell(text, 100 * difference.value, bold=difference.excludes_zero)


_ONE_SEED = (
    "One seed only: the intervals cover the choice of the test images, not the randomness of the training. A "
    "difference of a point or two may be due to chance."
)


def _seeds(rows: list[Row]) -> str:
    seeds = sorted({row.seed for row in rows})
    if len(seeds) == 1:
        return f"One seed ({seeds[0]}): the spread over repetitions is unknown."
    return f"{len(seeds)} seeds: mean ± standard deviation over the seeds."


def _name(variant: Variant) -> Cell:
    return Cell(variant.title, variant.title)
