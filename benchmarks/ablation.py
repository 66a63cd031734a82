"""A whole ablation, whose variants share their work, against separate runs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import fresh, sissi
from benchmarks.row import Row, compare
from benchmarks.subjects import DEMO, FOLDER
from sissi.config.variants import VARIANTS
from sissi.data.demo.folder import write_demo_folder

SIX = [name for name, variant in VARIANTS.items() if variant.corrects and not variant.settings]
SMALLER = {
    "data.target_train": "24", "data.source_train": "32", "data.target_test": "9", "data.source_val": "8",
    "training.epochs": "8", "early_learning.max_epochs": "4", "early_learning.min_epoch": "2",
    "variants": f"[{', '.join(SIX)}]",
}  # fmt: skip
"""The demo, half as many images and a quarter as many epochs; the trunk has its share of half of them."""


def measure() -> list[Row]:
    """They begin with an empty cache each time."""
    experiment = small_experiment()
    cost = f"the demo with {', '.join(f'{key}={value}' for key, value in SMALLER.items() if key != 'variants')}"
    return [
        compare(
            lambda: sissi("benchmarks.tracked", "ablation", experiment, fresh("ablation/shared")),
            lambda: _six_runs(experiment, fresh("ablation/separate")),
            repeats=3,
            warm_up=False,
            what=f"ablation of six variants ({cost})",
            against="six `sissi run` that share nothing",
            goal=0.6,
            limited_by="six branches on two cores",
        )
    ]


def small_experiment() -> Path:
    """An experiment file on images that are drawn once, so that drawing is nobody's time."""
    folder = FOLDER / "small_demo"
    if not folder.exists():
        write_demo_folder(DEMO, [f"{key}={value}" for key, value in SMALLER.items()], folder)
    return folder / "experiment.yaml"


def _six_runs(experiment: Path, folder: Path) -> None:
    for variant in SIX:
        sissi("benchmarks.tracked", "run", experiment, folder / variant, "--variant", variant)
