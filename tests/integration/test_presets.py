"""All variants with a one-stage detector: nothing in a variant needs a second stage or anchors."""

import csv

import pytest

from sissi.config.variants import ORACLE, RECIPE, VARIANTS, WEAK_ONLY
from tests.integration.conftest import ROOT, sissi

pytestmark = pytest.mark.slow
TINY = (
    "data.target_train=3",
    "data.target_test=3",
    "data.source_train=2",
    "data.source_val=2",
    "training.epochs=2",
    "training.image_size=[64, 96]",
    "training.optimizer=sgd",
    "early_learning.max_epochs=1",
    "early_learning.min_epoch=1",
    "pseudo_labels.scales=[1.0]",
    "pseudo_labels.score=0.01",
    "detector.score_floor=0.005",
    "tracking.overlays=0",
)
ROWS = [name for name in VARIANTS if name not in (WEAK_ONLY, ORACLE)]


def test_the_six_variants_and_the_recipe_train_with_a_one_stage_detector(tmp_path):
    assert len(ROWS) == 7 and RECIPE in ROWS
    settings = (*TINY, "detector.preset=lite", f"variants=[{', '.join(ROWS)}]")
    options = [part for setting in settings for part in ("--set", setting)]
    ended = sissi("ablation", ROOT / "experiments/smoke.yaml", *options, "--out", "out", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    rows = list(csv.DictReader((tmp_path / "out/table.csv").open()))
    assert {row["variant"] for row in rows} == set(ROWS) and {row["status"] for row in rows} == {"ok"}
    assert {row["start_epoch"] for row in rows} == {"1"}
