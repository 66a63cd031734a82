"""The whole way, as a user goes it: through the command line, on the smoke experiment, into a real MLflow store."""

import csv
import json

import numpy as np
import pytest

from sissi.config.variants import DEFAULT, VARIANTS
from sissi.evaluation.headroom import ROUNDING
from tests.integration.conftest import ROOT, sissi

READERS = ("reader_1", "reader_2", "reader_3")
METRICS = ("AP50", "AP75", "AP", "AR", "AR_dense")
ADDED = {
    "adding": {"of": "a+sissi-s", "title": "A + SISSI (S), adding", "set": {"pseudo_labels.merge": "add"}},
    "same": {"of": "a+sissi-s", "set": {"pseudo_labels.merge": "replace"}},
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(smoke_folder):
    """A folder in which the smoke ablation has run."""
    return smoke_folder


@pytest.fixture(scope="module")
def store(folder):
    from sissi.tracking import open_store

    return open_store(folder / "mlruns")


@pytest.fixture(scope="module")
def again(tmp_path_factory):
    """A folder with the same ablation of two rows, and rows with settings; one job at a time."""
    other = tmp_path_factory.mktemp("again")
    done = sissi(
        "ablation", ROOT / "experiments/smoke.yaml", "--out", "out", "--set", "runtime.jobs=1",
        "--set", "variants=[a+sissi-s, baseline]", "--set", f"rows={json.dumps(ADDED)}", cwd=other,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (other / "stdout.txt").write_text(done.stdout)
    return other


def rows(folder, name="out"):
    return list(csv.DictReader((folder / name / "table.csv").open()))


def test_the_table_has_a_row_for_each_variant_and_reader(folder):
    assert [(row["variant"], row["reader"]) for row in rows(folder)] == [(v, r) for v in DEFAULT for r in READERS]
    assert all(0 <= float(row[metric]) <= 1 for row in rows(folder) for metric in METRICS)
    printed = (folder / "stdout.txt").read_text()
    assert all(VARIANTS[name].title in printed for name in DEFAULT)


def test_the_store_holds_what_the_table_says(folder, store):
    parent = store.latest_ablation()
    assert parent.status == "FINISHED"
    children = {run.name: run for run in store.children(parent.id)}
    assert set(children) == {"trunk", *DEFAULT} and {run.status for run in children.values()} == {"FINISHED"}
    for row in rows(folder):
        logged = store.run(children[row["variant"]].id).metrics
        assert all(logged[f"{row['reader']}/{metric}"] == float(row[metric]) for metric in METRICS)
        assert children[row["variant"]].params["start_epoch"] == row["start_epoch"]


def test_the_headroom_is_written_printed_and_logged(folder, store):
    written = list(csv.DictReader((folder / "out/headroom.csv").open()))
    six = [name for name in DEFAULT if VARIANTS[name].corrects]
    assert [(one["variant"], one["reader"], one["metric"]) for one in written] == [
        (name, reader, metric) for name in six for reader in READERS for metric in ("AP", "AR")
    ]
    assert "Share of the headroom" in (folder / "stdout.txt").read_text()
    parent = store.latest_ablation()
    assert store.artifact(parent.id, "table/headroom.csv").read_text() == (folder / "out/headroom.csv").read_text()
    table = {(row["variant"], row["reader"]): row for row in rows(folder)}
    metrics = {run.name: store.run(run.id).metrics for run in store.children(parent.id)}
    for one in written:
        floor, mine, ceiling = (
            float(table[name, one["reader"]][one["metric"]]) for name in ("weak-only", one["variant"], "oracle")
        )
        logged = metrics[one["variant"]].get(f"{one['reader']}/headroom_{one['metric']}")
        if ceiling - floor > ROUNDING:
            assert logged == float(one["value"]) == pytest.approx((mine - floor) / (ceiling - floor))
        else:
            assert logged is None and one["value"] == ""


def test_every_setting_is_a_parameter_and_the_experiment_can_be_repeated(folder, store):
    from sissi.config.load import load_experiment

    parent = store.latest_ablation()
    assert parent.params["training.learning_rate"] == "0.002"
    again = load_experiment(store.artifact(parent.id, "experiment.yaml"))
    assert again == load_experiment(ROOT / "experiments/smoke.yaml")


def test_every_epoch_of_trunk_and_branch_is_on_a_curve_once(folder, store):
    children = {run.name: run for run in store.children(store.latest_ablation().id)}
    for key in ("train/loss", "source_val/loss", "weak_labels/AP50"):
        assert [step for step, _ in store.history(children["trunk"].id, key)] == [1, 2, 3, 4]
    for name in DEFAULT:
        start = int(children[name].params["start_epoch"])
        steps = [step for step, _ in store.history(children[name].id, "train/loss")]
        assert steps == list(range(start + 1, 7))


def test_every_cycle_leaves_a_snapshot_of_the_pseudo_labels(folder, store):
    children = {run.name: run for run in store.children(store.latest_ablation().id)}
    run = children["a+sissi-s"]
    start = int(run.params["start_epoch"])
    for epoch in range(start + 1, 7):
        snapshot = json.loads(store.artifact(run.id, f"pseudo_labels/epoch_{epoch:03d}.json").read_text())
        assert len(snapshot["images"]) == 6
        count = dict(store.history(run.id, "labels/count"))[epoch]
        assert len(snapshot["annotations"]) == count


def test_variants_with_the_same_start_train_on_the_same_first_pseudo_labels(folder, store):
    children = {run.name: run for run in store.children(store.latest_ablation().id)}
    for group in (("baseline", "sissi-w", "sissi-s"), ("plain-a", "a+sissi-w", "a+sissi-s")):
        first = {
            store.artifact(
                children[name].id, f"pseudo_labels/epoch_{int(children[name].params['start_epoch']) + 1:03d}.json"
            ).read_text()
            for name in group
        }
        assert len(first) == 1


def test_the_same_seed_gives_the_same_table_whatever_runs_beside_it(folder, again):
    first = {(row["variant"], row["reader"]): row for row in rows(folder)}
    same = [row for row in rows(again) if row["variant"] not in ADDED]
    assert all(row == first[row["variant"], row["reader"]] for row in same)
    assert len(same) == 6


def test_a_logged_model_scores_what_the_table_says(folder, store):
    children = {run.name: run for run in store.children(store.latest_ablation().id)}
    model = f"runs:/{children['plain-a'].id}/model"
    done = sissi("evaluate", ROOT / "experiments/smoke.yaml", "--model", model, "--out", "scores", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    scores = json.loads((folder / "scores" / "scores.json").read_text())
    table = {row["reader"]: row for row in rows(folder) if row["variant"] == "plain-a"}
    for reader in READERS:
        assert scores[reader] == pytest.approx({metric: float(table[reader][metric]) for metric in METRICS}, abs=1e-6)


def test_the_demo_as_a_folder_runs_like_a_lab_s_own_images(folder):
    done = sissi("data", "demo", "pictures", "--experiment", ROOT / "experiments/smoke.yaml", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    done = sissi(
        "run", "pictures/experiment.yaml", "--variant", "plain-a", "--out", "files", "--set", "tracking.folder=third",
        cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    same = {row["reader"]: row for row in rows(folder) if row["variant"] == "plain-a"}
    assert all(row == same[row["reader"]] for row in rows(folder, "files")) and len(rows(folder, "files")) == 3


def test_a_logged_model_finds_in_the_test_images_what_its_run_recorded(folder, store):
    run = next(one for one in store.children(store.latest_ablation().id) if one.name == "plain-a")
    images = next((folder / "mlruns/demo").glob("*/cell_lab/test_labelled"))
    done = sissi("predict", f"runs:/{run.id}/model", images, "--out", "found", "--score", "0", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    trees = [folder / "found/predictions.json", store.artifact(run.id, "predictions/target_test.json")]
    found, recorded = ([one["bbox"] for one in json.loads(path.read_text())["annotations"]] for path in trees)
    assert len(found) == len(recorded) > 0
    np.testing.assert_allclose(sorted(found), sorted(recorded), atol=1e-2)


def test_suggestions_count_the_votes_of_variants_cycles_and_views(folder):
    done = sissi("suggest", "latest", "--out", "suggestions", "-n", "2", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    images = list(csv.DictReader((folder / "suggestions/suggestions.csv").open()))
    assert len(images) == 6 and {"variants", "cycles", "views"} <= set(images[0])
    assert [float(row["score"]) for row in images] == sorted((float(row["score"]) for row in images), reverse=True)
    assert len(json.loads((folder / "suggestions/labels/label_studio.json").read_text())) == 2


def test_rows_with_settings_share_the_trunk_and_stand_in_table_report_and_store(again):
    from sissi.tracking import open_store

    assert "a+sissi-s = same: epoch 6/6" in (again / "stdout.txt").read_text()  # equal work is done once
    read = {(row["variant"], row["reader"]): row for row in rows(again)}
    assert list(dict.fromkeys(name for name, _ in read)) == ["a+sissi-s", "baseline", "adding", "same"]
    for reader in READERS:
        assert read["a+sissi-s", reader] == {**read["same", reader], "variant": "a+sissi-s"}
    assert "A + SISSI (S), adding" in (again / "out/table.md").read_text()
    store = open_store(again / "mlruns")
    latest = store.latest_ablation()
    adding = next(run for run in store.children(latest.id) if run.name == "adding")
    assert adding.params["pseudo_labels.merge"] == "add" and adding.tags["sissi.variant"] == "adding"
    for command in (["report", "latest"], ["compare", latest.id, latest.id]):
        done = sissi(*command, "--out", "shown", cwd=again)
        assert done.returncode == 0, done.stdout + done.stderr
        text = (again / "shown" / f"{command[0]}.md").read_text()
        assert "A + SISSI (S), adding" in text
