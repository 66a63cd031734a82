"""Writing of a report: one page, with the same content as Markdown, CSV and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sissi import __version__
from sissi.config.load import dump_experiment, flatten
from sissi.config.variants import WEAK_ONLY
from sissi.report.agreement import agreement_section
from sissi.report.classes import classes_section
from sissi.report.costs_and_settings import SETTINGS, costs_section, settings_section
from sissi.report.document import Document, Picture, Section
from sissi.report.headroom import headroom_section
from sissi.report.html import as_html, as_png
from sissi.report.labels import quality_section, start_section
from sissi.report.markdown import FIGURES, as_markdown
from sissi.report.pictures import pictures_section
from sissi.report.readers import readers_section
from sissi.report.report_data import ReportData, gather
from sissi.report.scores import BASELINE, differences_section, scores_section
from sissi.report.summary import summary_section
from sissi.results.stored_ablation import read_ablation
from sissi.results.table_1 import lengths
from sissi.runtime.tables import Table, as_csv
from sissi.tracking import open_existing_store


def write_report(run: str, out: Path, folder: Path) -> Path:
    """Write the report of an ablation to a folder: index.html, report.md, report.json, tables, figures, settings.

    Args:
        run: id of the ablation's run, or `latest`.
        out: folder of the report; it is created if necessary.
        folder: folder of tracking, with the store.

    Returns:
        Path of the page.

    Raises:
        TrackingError: there is no such ablation.
    """
    evidence = gather(read_ablation(open_existing_store(folder), run), folder)
    document = describe(evidence)
    pictures = {picture.name: as_png(picture) for picture in document.pictures()}
    for part in (FIGURES, "tables"):
        (out / part).mkdir(parents=True, exist_ok=True)
    for name, (png, _) in pictures.items():
        (out / FIGURES / f"{name}.png").write_bytes(png)
    for table in document.tables():
        (out / "tables" / f"{table.name}.csv").write_text(as_csv(table), encoding="utf-8")
    (out / "report.md").write_text(as_markdown(document), encoding="utf-8")
    (out / "report.json").write_text(as_json(document, evidence), encoding="utf-8")
    (out / SETTINGS).write_text(dump_experiment(evidence.record.experiment), encoding="utf-8")
    page = out / "index.html"
    page.write_text(as_html(document, pictures), encoding="utf-8")
    return page


def describe(evidence: ReportData) -> Document:
    """Make the report of an ablation."""
    record = evidence.record
    scored = bool(record.experiment.data.target_test)
    compared = [agreement_section(evidence)]
    if scored:
        compared = [headroom_section(evidence), *(differences_section(evidence, row) for row in (WEAK_ONLY, BASELINE))]
    return Document(
        title=f"Ablation {record.experiment.name}",
        lead=[
            f"Run {record.run.id}, {record.run.status.lower()}; sissi {__version__}. {_extent(evidence)}",
            *record.gaps(),
        ],
        sections=[
            summary_section(evidence),
            scores_section(evidence),
            *compared,
            *([classes_section(evidence)] if len(record.experiment.class_names) > 1 else []),
            start_section(evidence),
            quality_section(evidence),
            pictures_section(evidence),
            *([readers_section(evidence)] if scored else []),
            costs_section(evidence),
            settings_section(evidence),
        ],
    )


def as_json(document: Document, evidence: ReportData) -> str:
    """Content of the page as JSON."""
    content = {
        "run": evidence.record.run.id,
        "title": document.title,
        "lead": document.lead,
        "sections": [{"title": section.title, "blocks": _plain(section)} for section in document.sections],
        "settings": flatten(evidence.record.experiment),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _plain(section: Section) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    for block in section.blocks:
        if isinstance(block, Table):
            blocks.append({"table": block.name, "caption": block.explanation, "rows": block.records()})
        elif isinstance(block, Picture):
            blocks.append({"figure": f"{FIGURES}/{block.name}.png", "caption": block.caption})
        else:
            blocks.append({"text": block if isinstance(block, str) else block.text})
    return blocks


def _extent(evidence: ReportData) -> str:
    experiment = evidence.record.experiment
    images = f"{len(next(iter(evidence.readers.values())))} test images, " if evidence.readers else ""
    seeds = experiment.seeds
    named_seeds = f"one seed ({seeds[0]})" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"
    rows = evidence.record.rows
    epochs = lengths(rows, experiment.known_rows) if rows else f"{experiment.training.epochs} epochs each"
    return f"{images}{len(experiment.table_rows)} variants, {epochs}, {named_seeds}."
