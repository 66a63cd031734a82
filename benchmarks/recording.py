"""The demo recorded in MLflow against the same without any recording."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ablation import SIX
from benchmarks.commands import fresh, sissi
from benchmarks.row import Row, compare
from benchmarks.subjects import DEMO, FOLDER
from sissi.data.demo.folder import write_demo_folder


def measure() -> list[Row]:
    """Whole ablations: what recording costs does not grow with an ablation, so a short one would mislead."""
    folder = FOLDER / "whole_demo"
    if not folder.exists():
        write_demo_folder(DEMO, [f"variants=[{', '.join(SIX)}]"], folder)
    return [
        compare(
            lambda: _ablation("tracked", folder / "experiment.yaml"),
            lambda: _ablation("untracked", folder / "experiment.yaml"),
            repeats=3,
            warm_up=False,
            what="ablation of six variants (the demo), recorded in MLflow",
            against="the same without any recording",
            goal=1.02,
            limited_by="importing MLflow and opening its store, once an ablation however long",
        )
    ]


def _ablation(kind: str, experiment: Path) -> None:
    sissi(f"benchmarks.{kind}", "ablation", experiment, fresh(f"recording/{kind}"))
