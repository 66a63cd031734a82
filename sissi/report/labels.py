"""Sections on the start of correction (figure 7) and on the quality of the labels."""

from __future__ import annotations

from collections.abc import Mapping

from sissi.boxes import Boxes
from sissi.config.variants import Variant
from sissi.evaluation.label_quality import LabelQuality
from sissi.evaluation.label_quality import label_quality as quality_of
from sissi.figures import deceleration_curve, label_quality
from sissi.figures.curves import Curve
from sissi.method.deceleration import adele_start
from sissi.report.document import Picture, Section
from sissi.report.report_data import ReportData
from sissi.runtime.tables import Cell, Table
from sissi.tracking import RunRecord

GRID = (0.5, 0.6, 0.7, 0.8, 0.95)
"""Further thresholds of ADELE, whose start points figure 7 shows."""


def start_section(evidence: ReportData) -> Section:
    """Section with figure 7 of each seed, and the reason of each start point."""
    section = Section("When correction starts")
    record = evidence.record
    settings = record.experiment.deceleration
    for seed, trunk in sorted(record.trunks.items()):
        curve = [value for _, value in record.curve(trunk, "weak_labels/AP50")]
        if curve:
            start = adele_start(curve, settings)
            figure = deceleration_curve(
                curve, start.fits, start.epoch if start.found else None, settings.threshold, GRID
            )
            section.blocks.append(
                Picture(
                    f"figure_7_seed_{seed}",
                    figure,
                    f"Figure 7, seed {seed}. Left: AP50 of early learning on the training images against their initial "
                    f"labels, and the fit f(t) = a (1 − exp(−t^b / c)). Right: the relative change of its slope; "
                    f"correction of the ADELE rows starts where it exceeds the threshold. {start.reason}.",
                )
            )
    reasons = _reasons(evidence)
    section.blocks.append(reasons if reasons.rows else "No variant has left early learning yet.")
    return section


def _reasons(evidence: ReportData) -> Table:
    record = evidence.record
    rows = []
    for (variant, seed), run in sorted(record.branches.items(), key=lambda item: _order(record.known, item[0])):
        reason = record.text("start_point.txt", run) or "-"
        start = run.params.get("start_epoch", "-")
        title = record.known[variant].title
        after = int(start) if start.isdigit() else None
        rows.append([Cell(title, title), Cell(str(seed), seed), Cell(start, after), Cell(reason, reason)])
    caption = "Epoch at which each variant leaves early learning."
    return Table("starts", caption, ["variant", "seed", "after epoch", "why"], rows)


def quality_section(evidence: ReportData) -> Section:
    """Section on precision and recall of the pseudo labels over the cycles."""
    section = Section("Quality of the labels")
    record = evidence.record
    curves = {
        name: {
            variant: of_seeds
            for variant in record.variants
            if (of_seeds := label_curves(evidence, variant, f"labels/{name}"))
        }
        for name in ("precision", "recall")
    }
    if not curves["recall"]:
        section.blocks.append(
            "There are no reference labels of the training images (data.target_reference), so the quality of the "
            "pseudo labels is unknown."
        )
        return section
    initial = next(iter(initial_quality(evidence).values()), None)
    section.blocks += [
        Picture(
            "label_quality",
            label_quality(curves["precision"], curves["recall"], initial, record.known),
            "Precision and recall, at IoU 0.5, of the pseudo labels of each epoch against the reference labels of the "
            "training images. They select nothing. Dotted: the initial labels. With several seeds, each line is their "
            "mean at the epochs that all of them have, and each seed has a faint line.",
        ),
        _quality_table(evidence, curves),
        _accuracy_table(evidence),
    ]
    return section


def label_curves(evidence: ReportData, variant: str, key: str) -> list[Curve]:
    """Curve of a measure of the labels of a row for each seed that has one, such as `labels/recall`."""
    record = evidence.record
    curves = [record.curve(run, key) for (name, _), run in sorted(record.branches.items()) if name == variant]
    return [curve for curve in curves if curve]


def initial_quality(evidence: ReportData) -> dict[int, tuple[float, float]]:
    """Precision and recall of the initial labels by seed; they are equal for all seeds."""
    by_seed = {}
    for seed, trunk in evidence.record.trunks.items():
        precision, recall = (dict(evidence.record.curve(trunk, f"labels/{name}")) for name in ("precision", "recall"))
        if 0 in precision and 0 in recall:
            by_seed[seed] = (precision[0], recall[0])
    return by_seed


def _quality_table(evidence: ReportData, curves: dict[str, dict[str, list[Curve]]]) -> Table:
    record, rows = evidence.record, []
    for initial in list(initial_quality(evidence).values())[:1]:
        rows.append([Cell("initial labels", "initial labels"), *map(_percent, (initial[0], initial[0])),
                     *map(_percent, (initial[1], initial[1]))])  # fmt: skip
    for variant in curves["recall"]:
        ends = []
        for name in ("precision", "recall"):
            of_seeds = curves[name].get(variant, [])
            ends += [_mean([curve[end][1] for curve in of_seeds]) for end in (0, -1)]
        title = record.known[variant].title
        rows.append([Cell(title, title), *map(_percent, ends)])
    return Table(
        "label_quality",
        "Precision and recall of the labels in the first and the last cycle, in %; with several seeds their mean.",
        ["labels", "precision, first", "precision, last", "recall, first", "recall, last"],
        rows,
    )


def _accuracy_table(evidence: ReportData) -> Table:
    """Accuracy of the boxes in the first and last cycle, which shows whether boxes drift over the cycles."""
    record = evidence.record
    named = {"initial labels": list(record.trunks.values())[:1]}
    for variant in record.variants:
        if record.known[variant].corrects:
            of_seeds = [run for (name, _), run in sorted(record.branches.items()) if name == variant]
            named[record.known[variant].title] = of_seeds
    ends = {title: [pair for run in runs if (pair := _first_and_last(evidence, run))] for title, runs in named.items()}
    rows = []
    for title, pairs in ends.items():
        columns = [(name, end) for name in ("mean_iou", "size") for end in (0, 1)]
        values = [_mean([getattr(pair[end], name) for pair in pairs]) for name, end in columns]
        rows.append([Cell(title, title), *map(_percent, values)])
    return Table(
        "label_exactness",
        "Accuracy of the labels that match a reference box: mean IoU with it, and median of label area over reference "
        "area, in the first and the last cycle, in %; with several seeds their mean.",
        ["labels", "IoU, first", "IoU, last", "area, first", "area, last"],
        rows,
    )


def _first_and_last(evidence: ReportData, run: RunRecord) -> tuple[LabelQuality, LabelQuality] | None:
    """Quality of the first and the last labels of a run; None without labels."""
    labels = evidence.record.labels(run)
    if not labels:
        return None
    first, last = (_against(evidence.reference, labels[epoch].boxes) for epoch in (min(labels), max(labels)))
    return first, last


def _against(reference: Mapping[str, Boxes], labels: Mapping[str, Boxes]) -> LabelQuality:
    known = [name for name in reference if name in labels]
    return quality_of([labels[name] for name in known], [reference[name] for name in known])


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _percent(value: float | None) -> Cell:
    return Cell("-", None) if value is None else Cell(f"{100 * value:.1f}", 100 * value)


def _order(known: Mapping[str, Variant], key: tuple[str, int]) -> tuple[int, int]:
    return key[1], list(known).index(key[0])
