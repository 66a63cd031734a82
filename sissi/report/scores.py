"""Table 1 of a run, the paper's beside it, and the differences to Baseline with their intervals."""

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
from sissi.results.table_1 import as_table
from sissi.results.tables import Cell, Table, Value

BASELINE = "baseline"
TABLES = {BASELINE: "differences", WEAK_ONLY: "gains"}
"""What others are compared with, and the names of the table and figure that show it."""


def scores_section(evidence: ReportData) -> Section:
    """Table 1, and that of the paper."""
    section = Section("Scores on the test images, for each reader")
    rows = evidence.record.rows
    if rows:
        section.blocks += [
            as_table(rows, evidence.record.known),
            f"{_seeds(rows)} {WEAK_ONLY} and {ORACLE} are reference rows, without correction: the same epochs on the "
            f"initial labels and, where there are any, on the reference labels{_covered(evidence)}. They take no part "
            "in the comparison. The best of each column is bold.",
        ]
    else:
        section.blocks.append("No variant has been scored yet.")
    section.blocks.append(paper_table())
    return section


def _covered(evidence: ReportData) -> str:
    """How many training images the oracle had."""
    return f" of the {len(evidence.reference)} training images that have them" if evidence.reference else ""


def differences_section(evidence: ReportData, other: str = BASELINE) -> Section:
    """How sure it is that a variant differs from Baseline, or from another one."""
    known, against = evidence.record.known, evidence.record.known[other].title
    section = Section(f"Differences to {against}")
    found = compare(evidence, other)
    if not found:
        section.blocks.append(
            f"There is nothing to compare: it takes the predictions of {against} and of another variant."
        )
        return section
    images = max(map(len, evidence.readers.values()))
    seeds = {one.seeds for of_variants in found.values() for ofs in of_variants.values() for one in ofs.values()}
    section.blocks += [
        f"Each variant minus {against}, in points of percent, with the 95 % interval of a paired bootstrap over the "
        f"{images} test images{' and over seeds' if max(seeds) > 1 else ''} ({RESAMPLES} resamples, percentile method; "
        "Efron & Tibshirani 1993; seeds and images crossed: Owen 2007). Bold: the interval excludes 0. Many intervals "
        "are looked at here, and one in twenty misses by definition.",
        *([_ONE_SEED] if max(seeds) == 1 else []),
        _table(found, other, known),
    ]
    section.blocks.append(
        Picture(
            TABLES[other],
            differences(
                {reader: {name: ofs["AP"] for name, ofs in many.items()} for reader, many in found.items()},
                "AP",
                against,
                known,
            ),
            f"AP of each variant minus that of {against}, with 95 % intervals, for each reader.",
        )
    )
    return section


def compare(evidence: ReportData, other: str = BASELINE) -> dict[str, dict[str, dict[str, Difference]]]:
    """The differences to another variant by reader, variant and metric; without those that share no seed with it."""
    found: dict[str, dict[str, dict[str, Difference]]] = {}
    for reader in evidence.readers:
        of_variants: dict[str, dict[int, Resampled]] = {variant: {} for variant in evidence.record.variants}
        for (variant, seed), resampled in evidence.scored.items():
            of_variants[variant][seed] = resampled[reader]
        theirs = of_variants.get(other, {})
        for variant, of_seeds in of_variants.items():
            if variant != other and set(of_seeds) & set(theirs):
                found.setdefault(reader, {})[variant] = paired_difference(of_seeds, theirs)
    return found


def _table(found: dict[str, dict[str, dict[str, Difference]]], other: str, known: Mapping[str, Variant]) -> Table:
    variants = list(dict.fromkeys(variant for of_reader in found.values() for variant in of_reader))
    columns = [(reader, metric) for reader in found for metric in TABLE_METRICS]
    return Table(
        TABLES[other],
        f"Difference to {known[other].title}, in points of percent.",
        ["variant", *(f"{short(reader)} {metric}" for reader, metric in columns)],
        [
            [_name(known[variant]), *(_cell(found[reader].get(variant, {}).get(metric)) for reader, metric in columns)]
            for variant in variants
        ],
        data=[
            _record(known[variant].title, reader, metric, one)
            for reader, of_variants in found.items()
            for variant, of_metrics in of_variants.items()
            for metric, one in of_metrics.items()
        ],
    )


def _record(title: str, reader: str, metric: str, one: Difference) -> dict[str, Value]:
    numbers = {"difference": one.value, "low": one.low, "high": one.high}
    return {
        "variant": title,
        "reader": reader,
        "metric": metric,
        **{name: None if math.isnan(value) else 100 * value for name, value in numbers.items()},
        "seeds": one.seeds,
    }


def _cell(one: Difference | None) -> Cell:
    if one is None or math.isnan(one.value):
        return Cell("-", None)
    text = f"{100 * one.value:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
    return Cell(text, 100 * one.value, bold=one.excludes_zero)


_ONE_SEED = (
    "One seed only: the intervals say what other test images might have given, not what other random numbers in "
    "training might have. A difference of a point or two can still be chance."
)


def _seeds(rows: list[Row]) -> str:
    seeds = sorted({row.seed for row in rows})
    if len(seeds) == 1:
        return f"One seed ({seeds[0]}): there is no spread over repetitions to judge these numbers by."
    return f"{len(seeds)} seeds: mean ± standard deviation over the seeds."


def _name(variant: Variant) -> Cell:
    return Cell(variant.title, variant.title)
