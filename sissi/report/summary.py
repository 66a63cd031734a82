"""Section at the top: in three sentences and a picture, which row is best, whether correction paid, and the labels."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from statistics import fmean

from sissi.config.variants import REFERENCES, WEAK_ONLY
from sissi.evaluation.bootstrap import Difference
from sissi.figures import summary
from sissi.figures.summary import Quality
from sissi.report.document import Picture, Section
from sissi.report.labels import initial_quality, label_curves
from sissi.report.report_data import ReportData
from sissi.report.scores import compare
from sissi.results.scores import short

Scores = dict[str, dict[str, float]]
"""AP by row and reader, the mean over seeds."""


def summary_section(evidence: ReportData) -> Section:
    """Section with three sentences on an ablation, and their picture."""
    section, scores = Section("Summary"), _scores(evidence)
    chosen = _best(scores)
    labels = {name: found for name in evidence.record.variants if (found := _last_labels(evidence, name))}
    initial = next(iter(initial_quality(evidence).values()), None)
    row = chosen or next((name for name in reversed(labels)), None)
    section.blocks.append(
        " ".join(
            [
                _which_is_best(evidence, scores, chosen),
                _whether_it_paid(evidence, chosen),
                _how_good_labels_became(evidence, row, labels, initial),
            ]
        )
    )
    if scores:
        figure = summary(
            {name: list(of.values()) for name, of in scores.items()}, labels, initial, evidence.record.known
        )
        shown = "AP of each row on the test images, against each reader."
        if labels:
            shown += " Right: precision and recall of the labels at IoU 0.5, against the reference labels."
        section.blocks.append(Picture("summary", figure, shown))
    return section


def _scores(evidence: ReportData) -> Scores:
    scores: Scores = {}
    for name in evidence.record.variants:
        rows = [row for row in evidence.record.rows if row.variant == name and isfinite(row.AP)]
        readers = dict.fromkeys(row.reader for row in rows)
        of = {reader: fmean(row.AP for row in rows if row.reader == reader) for reader in readers}
        scores |= {name: of} if of else {}
    return scores


def _best(scores: Scores) -> str | None:
    """The row with the highest AP in the mean over readers, without the reference rows; None without scores."""
    means = {name: fmean(of.values()) for name, of in scores.items() if name not in REFERENCES}
    return max(means, key=means.__getitem__, default=None)


def _which_is_best(evidence: ReportData, scores: Scores, best: str | None) -> str:
    if best is None:
        return "No row has a score, so none is best."
    known = evidence.record.known
    score = 100 * fmean(scores[best].values())
    said = f"Of the rows that correct labels {known[best].title} has the highest AP, {score:.1f} %"
    second = _best({name: of for name, of in scores.items() if name != best})
    if second is None:
        return f"{said}."
    ahead = _of(compare(evidence, second), best)
    sure = ahead and all(difference.low > 0 for difference in ahead.values())
    return f"{said}, {'surely' if sure else 'not surely'} more than {known[second].title}, the next."


def _whether_it_paid(evidence: ReportData, best: str | None) -> str:
    gains = _of(compare(evidence, WEAK_ONLY), best) if best and WEAK_ONLY in evidence.record.known else {}
    if not gains:
        return f"Whether correction paid is unknown: that takes scores of {WEAK_ONLY}, the row without it."
    told = ", ".join(
        f"{round(100 * gain.value, 1) + 0:+.1f} [{100 * gain.low:.1f}, {100 * gain.high:.1f}] ({short(reader)})"
        for reader, gain in gains.items()
    )
    if all(gain.low > 0 for gain in gains.values()):
        verdict = "Correction paid"
    elif all(gain.high < 0 for gain in gains.values()):
        verdict = "Correction did harm"
    else:
        verdict = "Whether correction paid is not sure"
    return f"{verdict}: against {WEAK_ONLY}, without correction, its AP differs by {told} points, with 95 % intervals."


def _how_good_labels_became(
    evidence: ReportData, row: str | None, labels: Mapping[str, Quality], initial: Quality | None
) -> str:
    if initial is None:
        return "How good the labels became is unknown, as there are no reference labels (data.target_reference)."
    if row is None or row not in labels:
        return "How good the labels became is not known yet: no row has corrected any."
    (precision, recall), title = labels[row], evidence.record.known[row].title
    return (
        f"Of the last labels of {title} {100 * precision:.0f} % are right and {100 * recall:.0f} % of the cells have "
        f"one; of the initial labels {100 * initial[0]:.0f} % and {100 * initial[1]:.0f} %."
    )


def _last_labels(evidence: ReportData, variant: str) -> Quality | None:
    """Precision and recall of the last labels of a row that corrects, the mean over seeds."""
    if not evidence.record.known[variant].corrects:
        return None
    ends = [
        [curve[-1][1] for curve in label_curves(evidence, variant, f"labels/{name}")]
        for name in ("precision", "recall")
    ]
    return (fmean(ends[0]), fmean(ends[1])) if all(ends) else None


def _of(by_reader: Mapping[str, Mapping[str, Mapping[str, Difference]]], row: str) -> dict[str, Difference]:
    """The difference in AP of a row for each reader that has one."""
    return {reader: of[row]["AP"] for reader, of in by_reader.items() if row in of}
