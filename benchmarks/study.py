"""A study of the deceleration threshold, against training one branch by itself for each distinct start epoch."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import NamedTuple

from benchmarks.commands import fresh, sissi
from benchmarks.row import Row, of_pairs, seconds

SMOKE = Path(__file__).parent.parent / "experiments" / "smoke.yaml"
TRIALS = 20
REPEATS = 3


def measure() -> list[Row]:
    """Everything from an empty store; and the same study once more, which trains nothing."""
    repeats = [_repeat() for _ in range(REPEATS)]
    starts = repeats[0].starts
    return [
        of_pairs(
            [(repeat.study, starts * repeat.branch) for repeat in repeats],
            what=f"threshold study of {TRIALS} trials on smoke.yaml",
            against=f"one `sissi run` for each of its {starts} distinct start epochs",
            goal=3,
            limited_by="a process and a run in MLflow for every trial",
        ),
        of_pairs(
            [(repeat.again, repeat.study) for repeat in repeats],
            what="the same study once more",
            against="the first time",
            goal=1,
            limited_by="importing torch and MLflow",
        ),
    ]


class Repeat(NamedTuple):
    """Seconds of one branch, of a study and of the same once more; distinct start epochs of its trials."""

    branch: float
    study: float
    again: float
    starts: int


def _repeat() -> Repeat:
    folder = fresh("study")
    folder.mkdir(parents=True)
    study = folder / "search.yaml"  # YAML reads JSON
    study.write_text(json.dumps(_search()))
    branch = seconds(lambda: sissi("benchmarks.tracked", "run", SMOKE, folder / "one", "--variant", "plain-a"))
    first, again = (seconds(lambda: _study(study, folder)) for _ in range(2))
    trials = csv.DictReader((folder / "out/trials.csv").read_text().splitlines())
    return Repeat(branch, first, again, len({row["start_epoch"] for row in trials}))


def _search() -> dict[str, object]:
    grid = {"low": 0.03, "high": 0.98, "step": 0.05}
    return {
        "name": "study", "experiment": str(SMOKE), "variant": "plain-a", "trials": TRIALS, "sampler": {"name": "grid"},
        "space": {"deceleration.threshold": grid}, "overrides": {"early_learning.max_epochs": 5},
    }  # fmt: skip


def _study(study: Path, folder: Path) -> str:
    return sissi("benchmarks.tracked", "search", study, folder / "many", "--out", str(folder / "out"))
