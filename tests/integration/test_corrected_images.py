"""An ablation with corrected images: rows that use them, through the command."""

import csv
import json

import pytest

from sissi.tracking import open_store
from tests.integration.conftest import ROOT, sissi

pytestmark = pytest.mark.slow
SETTINGS = (
    "data.target_corrected=2",
    "training.epochs=3",
    "early_learning.max_epochs=2",
    "tracking.overlays=0",
    "variants=[corrected-first, recipe, corrected-only]",
)


def test_rows_learn_from_corrected_images_and_leave_their_labels_alone(tmp_path):
    options = [part for setting in SETTINGS for part in ("--set", setting)]
    ended = sissi("ablation", ROOT / "experiments/smoke.yaml", *options, "--out", "out", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    rows = list(csv.DictReader((tmp_path / "out/table.csv").open()))
    assert {(row["variant"], row["start_epoch"], row["status"]) for row in rows} == {
        ("corrected-first", "1", "ok"),
        ("recipe", "1", "ok"),
        ("corrected-only", "0", "ok"),
    }
    store = open_store(tmp_path / "mlruns")
    [demo] = (tmp_path / "mlruns/demo").glob("*/corrected.json")
    corrected = json.loads(demo.read_text())
    assert len(corrected["images"]) == 2 < len(corrected["annotations"])
    for run in store.children(store.latest_ablation().id):
        if run.name not in ("corrected-first", "recipe"):
            continue
        last = json.loads(store.artifact(run.id, "pseudo_labels/epoch_003.json").read_text())
        assert len(last["images"]) == 6
        for image in corrected["images"]:
            assert boxes_of(last, image["file_name"]) == pytest.approx(boxes_of(corrected, image["file_name"]), abs=0.1)


def boxes_of(coco, name):
    [image] = [image["id"] for image in coco["images"] if image["file_name"] == name]
    return sorted(number for one in coco["annotations"] if one["image_id"] == image for number in one["bbox"])


def test_without_corrected_images_the_rows_are_refused_in_a_sentence(tmp_path):
    ended = sissi(
        "ablation", ROOT / "experiments/smoke.yaml", "--set", "variants=[corrected-first, weak-only]", cwd=tmp_path
    )
    assert ended.returncode == 1
    assert "corrected-first: needs corrected images, and there are none: set data.target_corrected" in " ".join(
        ended.stderr.split()
    )
