"""A whole ablation, whose variants share their work, against separate runs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.commands import fresh, sissi
from benchmarks.row import Row, of_pairs, seconds
from benchmarks.subjects import DEMO, FOLDER
from sissi.data.demo_folder import write_demo_folder
from sissi.variants import VARIANTS

SIX = [name for name, variant in VARIANTS.items() if variant.corrects and not variant.settings]
SMALLER = {
    "data.target_train": "24", "data.source_train": "32", "data.target_test": "9", "data.source_val": "8",
    "training.epochs": "8", "early_learning.max_epochs": "4", "early_learning.min_epoch": "2",
    "variants": f"[{', '.join(SIX)}]",
}  # fmt: skip
"""The demo, half as many images and a quarter as many epochs; the trunk has its share of half of them."""


def measure() -> list[Row]:
    """Each once: they take minutes, and begin with an empty cache."""
    experiment = small_experiment()
    shared, separate = fresh("ablation/shared"), fresh("ablation/separate")
    together = seconds(lambda: sissi("benchmarks.tracked", "ablation", experiment, shared))
    runs = seconds(lambda: [_one_run(experiment, name, separate / name) for name in SIX])
    cost = f"the demo with {', '.join(f'{key}={value}' for key, value in SMALLER.items() if key != 'variants')}"
    return [
        of_pairs(
            [(together, runs)],
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


def _one_run(experiment: Path, variant: str, folder: Path) -> str:
    return sissi("benchmarks.tracked", "run", experiment, folder, "--variant", variant)
