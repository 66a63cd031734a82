"""Three classes through the whole way, as commands: ablation, report, compare, suggest, labels, predict, evaluate."""

import json

import pandas as pd
import pytest

from tests.integration.conftest import ROOT, sissi

pytestmark = pytest.mark.slow
CLASSES = ("alive", "inhibited", "dead")
NAMED = "classes={alive: alive, inhib: inhibited, inhibited: inhibited, dead: dead}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    short = ("variants=[a+sissi-s, weak-only, oracle]", "training.epochs=4", "early_learning.max_epochs=2")
    settings = [part for setting in (NAMED, *short) for part in ("--set", setting)]
    done = sissi("ablation", ROOT / "experiments/smoke.yaml", "--out", "out", *settings, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def run(folder, *arguments):
    done = sissi(*arguments, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_scores_of_each_class_and_reader_are_beside_table_1(trained):
    folder, shown = trained
    table = pd.read_csv(folder / "out/classes.csv")
    assert set(table["class"]) == {*CLASSES, "mean"} and set(table["reader"]) == {"reader_1", "reader_2", "reader_3"}
    assert len(table) == 3 * 3 * 4
    assert "AP50 of each class" in shown and "AP50 of each class" in (folder / "out/table.md").read_text()


def test_metrics_of_classes_are_in_mlflow(trained):
    from sissi.tracking import open_store

    store = open_store(trained[0] / "mlruns")
    runs = {run.name: run for run in store.children(store.latest_ablation().id)}
    metrics = runs["a+sissi-s"].metrics
    assert {"labels/class_accuracy", "labels/dead/recall", "reader_1/mean/AP"} <= set(metrics)
    assert "weak_labels/alive/AP50" in runs["trunk"].metrics


def test_the_report_has_confusion_agreement_and_classes_of_labels(trained):
    folder, _ = trained
    run(folder, "report", "latest", "--out", "page")
    tables = {path.stem for path in (folder / "page/tables").iterdir()}
    assert {"classes_AP", "classes_AP50", "label_classes", "confusion", "class_agreement"} <= tables
    counts = pd.read_csv(folder / "page/tables/confusion.csv")
    assert list(counts.columns) == ["variant", "reader", "true", *CLASSES, "missed"] and len(counts) == 3 * 3 * 4
    compared = run(folder, "compare", "latest", "latest", "--out", "both")
    assert "AP of each class of each run" in compared and (folder / "both/classes.csv").exists()


def test_predictions_labels_and_suggestions_have_classes(trained):
    folder, _ = trained
    images = next((folder / "mlruns/demo").glob("*/cell_lab/dead"))
    model = ("latest", "--variant", "oracle")
    run(folder, "predict", model[0], images, *model[1:], "--out", "found", "--score", "0.1", "--format", "voc")
    counts = pd.read_csv(folder / "found/counts.csv")
    assert (counts[list(CLASSES)].sum(axis=1) == counts["count"]).all()
    tree = json.loads((folder / "found/predictions.json").read_text())
    assert [category["name"] for category in tree["categories"]] == list(CLASSES)
    run(folder, "labels", "latest", "--out", "labels.json", "--epoch", "0")
    names = {one["id"]: one["name"] for one in json.loads((folder / "labels.json").read_text())["categories"]}
    assert list(names.values()) == list(CLASSES)
    run(folder, "suggest", "latest", "--out", "next", "--count", "2")
    assert set(pd.read_csv(folder / "next/boxes.csv")["class"]) <= set(CLASSES)


def test_a_detector_is_not_evaluated_on_other_classes(trained):
    folder, _ = trained
    smoke = (ROOT / "experiments/smoke.yaml", "--model", "latest", "--variant", "oracle")
    assert "reader_1, dead" in run(folder, "evaluate", *smoke, "--set", NAMED)
    done = sissi("evaluate", *smoke, cwd=folder)
    assert done.returncode == 1 and "finds the classes alive, inhibited, dead, and the experiment has cell" in (
        " ".join((done.stdout + done.stderr).split())
    )
    done = sissi("ablation", smoke[0], "--set", "classes={alive: alive, dead: dead}", cwd=folder)
    assert done.returncode == 1
    assert "`classes` has nothing for labels of 'inhibited'" in " ".join((done.stdout + done.stderr).split())


def test_conversion_keeps_the_classes_that_are_mapped(trained):
    folder, _ = trained
    demo = next((folder / "mlruns/demo").glob("*/truth.json")).parent
    maps = [part for name in ("alive=living", "inhib=living", "dead=dead") for part in ("--map", name)]
    out = run(
        folder, *("data", "convert", demo / "truth.json", "--from", "coco", "--to", "yolo"), "--images",
        demo / "cell_lab", "--out", "yolo", *maps,
    )  # fmt: skip
    assert "as yolo" in out and (folder / "yolo/classes.txt").read_text() == "living\ndead\n"
