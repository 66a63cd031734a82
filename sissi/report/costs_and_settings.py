"""Sections on the costs of an ablation, on its settings, and on how to repeat it."""

from __future__ import annotations

import math

from sissi.config.load import dump_experiment
from sissi.figures import costs
from sissi.report.document import Code, Picture, Section
from sissi.report.report_data import ReportData
from sissi.runtime.tables import Cell, Table
from sissi.tracking import RunRecord

COSTS = {"cost/wall_s": "time, s", "cost/cpu_s": "processor time, s", "cost/peak_memory_mb": "peak memory, MB"}
"""Names of the cost metrics of trunk and branches."""
SETTINGS = "experiment.yaml"


def costs_section(evidence: ReportData) -> Section:
    """Section on time and memory of each stage."""
    section = Section("Costs")
    stages = _stages(evidence)
    known = {key: name for key, name in COSTS.items() if any(key in run.metrics for run in stages.values())}
    if not known:
        section.blocks.append("This run has no recorded costs.")
        return section
    columns = {name: [run.metrics.get(key, math.nan) for run in stages.values()] for key, name in known.items()}
    rows = [
        [Cell(stage, stage), *(_number(values[index]) for values in columns.values())]
        for index, stage in enumerate(stages)
    ]
    section.blocks += [
        Picture("costs", costs(list(stages), columns), "Time and memory of each stage. Branches run side by side."),
        Table("costs", "The same as numbers.", ["stage", *columns], rows),
    ]
    return section


def settings_section(evidence: ReportData) -> Section:
    """Section on the exact settings, with the command that repeats the ablation."""
    record = evidence.record
    commit = record.run.tags.get("mlflow.source.git.commit")
    changed = record.run.tags.get("sissi.uncommitted_changes") == "true"
    section = Section("Settings, and how to repeat it")
    if commit:
        section.blocks.append(f"Code: commit {commit}{', with changes that were not committed' if changed else ''}.")
    section.blocks += [
        f"The file {SETTINGS} beside this page contains all settings. The same settings, images and code give the same "
        "table:",
        Code(f"sissi ablation {SETTINGS} --out again"),
        f"{SETTINGS}:",
        Code(dump_experiment(record.experiment)),
    ]
    problems = record.text("data_problems.txt")
    if problems and problems != "none":
        section.blocks += ["Problems in the images and labels:", Code(problems)]
    return section


def _stages(evidence: ReportData) -> dict[str, RunRecord]:
    """Runs by name: the trunk of each seed, followed by its branches."""
    record = evidence.record
    stages: dict[str, RunRecord] = {}
    for seed in record.seeds:
        runs = [record.trunks.get(seed), *(record.branches.get((variant, seed)) for variant in record.variants)]
        stages |= {run.name: run for run in runs if run is not None}
    return stages


def _number(value: float) -> Cell:
    return Cell("-", None) if math.isnan(value) else Cell(f"{value:,.0f}".replace(",", " "), value)
