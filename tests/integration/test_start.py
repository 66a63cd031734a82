"""From a folder of images to corrected labels: start, ablation, labels, and what else can be done without readers."""

import csv
import json

import cv2
import pytest

from sissi.config import DemoData
from sissi.data.demo.series import target_image
from sissi.tracking import open_store
from tests.integration.conftest import sissi

pytestmark = pytest.mark.slow
DRAWN = DemoData(kind="demo", width=128, height=96, cells=(5, 9), seed=3)
ROWS = ("baseline", "a+sissi-s", "weak-only")
SMOKE = {
    "variants": f"[{', '.join(ROWS)}]",
    "training.epochs": 4,
    "early_learning": "{max_epochs: 2, min_epoch: 1}",
    "training.image_size": "[96, 128]",
    "data.drawn_source": "{train: 6, val: 3, cell_size: 23}",
    "pseudo_labels.flips": "[none]",
    "tracking.overlays": 1,
    "runtime.trunk_threads": 1,
}
"""Settings of a run that takes seconds."""


def done(*arguments, cwd):
    ended = sissi(*arguments, cwd=cwd)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with images, an experiment that a start wrote, and the results of its ablation, run from elsewhere."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "images").mkdir()
    for index in range(6):
        cv2.imwrite(str(folder / f"images/{index}.png"), target_image(DRAWN, "target_test", index).pixels)
    done("start", "images", "--out", "my-lab", "--cell-size", 23, cwd=folder)
    (folder / "elsewhere").mkdir()
    settings = [word for key, value in SMOKE.items() for word in ("--set", f"{key}={value}")]
    printed = done("ablation", "../my-lab/experiment.yaml", "--out", "out", *settings, cwd=folder / "elsewhere")
    (folder / "elsewhere/stdout.txt").write_text(printed)
    return folder / "elsewhere"


def test_the_table_says_that_nobody_scored_it_and_how_far_the_rows_agree(folder):
    printed = (folder / "stdout.txt").read_text()
    assert "no row is scored: there are no test images with readers" in printed
    assert "Nobody has scored these rows" in printed and "How far the rows agree" in printed and "AP75" not in printed
    rows = list(csv.DictReader((folder / "out/table.csv").open()))
    assert [(row["variant"], row["reader"], row["AP"]) for row in rows] == [(name, "", "nan") for name in ROWS]
    counts = list(csv.DictReader((folder / "out/counts.csv").open()))
    assert [row["image"] for row in counts] == [f"{index}.png" for index in range(6)]
    assert {*counts[0]} == {"image", "initial labels", *ROWS}


def test_labels_models_pictures_and_agreement_are_recorded(folder):
    store = open_store(folder / "mlruns")
    parent = store.latest_ablation()
    children = {run.name: run for run in store.children(parent.id)}
    assert parent.status == "FINISHED" and set(children) == {"trunk", *ROWS}
    counted = list(csv.DictReader((folder / "out/agreement.csv").open()))
    for line in counted:
        run = store.run(children[line["variant"]].id)
        assert run.metrics["detections/count"] == float(line["cells"])
        found = json.loads(store.artifact(run.id, "predictions/target_train.json").read_text())
        kept = [one for one in found["annotations"] if one["score"] >= 0.35]
        assert len(found["images"]) == 6 and len(kept) == int(line["cells"])
        assert store.load_model_file(f"runs:/{run.id}/model").exists()
    assert "labels/count" in children["a+sissi-s"].metrics


def test_the_same_command_again_trains_nothing_and_gives_the_same(folder):
    settings = [word for key, value in SMOKE.items() for word in ("--set", f"{key}={value}")]
    printed = done("ablation", "../my-lab/experiment.yaml", "--out", "again", *settings, cwd=folder)
    assert "epoch 3/4" not in printed
    for name in ("table.csv", "agreement.csv", "counts.csv"):
        assert (folder / "again" / name).read_bytes() == (folder / "out" / name).read_bytes()


def test_labels_report_comparison_suggestions_and_predictions_need_no_reader(folder):
    done("labels", "latest", "--out", "labels", "--format", "yolo", cwd=folder)
    assert len(list((folder / "labels").glob("[0-9].txt"))) == 6
    done("report", "latest", "--out", "report", cwd=folder)
    report = json.loads((folder / "report/report.json").read_text())
    titles = [section["title"] for section in report["sections"]]
    assert "Agreement of the rows" in titles and "Agreement of the readers" not in titles
    page = (folder / "report/report.md").read_text()
    assert "Nobody has scored these rows" in page and "Figure 8" in page and "F1 with other rows" in page
    assert "Baseline" in done("compare", "latest", "latest", "--out", "compared", cwd=folder)
    assert "6 images to be looked at first" in done("suggest", "latest", "--out", "next", "-n", 6, cwd=folder)
    assert "cells with a score" in done("predict", "latest", "../images", "--out", "found", cwd=folder)


def test_a_score_is_refused_in_a_sentence(folder):
    ended = sissi("evaluate", "../my-lab/experiment.yaml", "--model", "latest", cwd=folder)
    assert ended.returncode == 1 and "data.target_test: is not given, so nothing can be scored" in ended.stderr


def test_a_study_needs_no_reader_but_one_of_a_reader_s_metric_does(folder):
    search = {
        "name": "thresholds",
        "experiment": "../my-lab/experiment.yaml",
        "overrides": {
            "training.epochs": 2,
            "training.image_size": [96, 128],
            "early_learning": {"max_epochs": 1, "min_epoch": 1},
            "data.drawn_source": {"train": 6, "val": 3, "cell_size": 23},
            "pseudo_labels.flips": ["none"],
        },
        "trials": 1,
        "space": {"pseudo_labels.score": {"choices": [0.3]}},
    }
    (folder / "search.yaml").write_text(json.dumps(search))
    assert "trial 000" in done("search", "search.yaml", cwd=folder)
    (folder / "oracle.yaml").write_text(json.dumps(search | {"objective": "anna/AP", "oracle": True}))
    ended = sissi("search", "oracle.yaml", cwd=folder)
    assert ended.returncode == 1 and "the experiment has none" in ended.stderr
