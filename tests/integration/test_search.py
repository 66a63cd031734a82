"""Studies through the command line, on the smoke experiment."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from sissi.tracking import open_store
from tests.integration.conftest import ROOT, sissi

pytestmark = pytest.mark.slow
THRESHOLDS = [0.001, 0.002, 0.9, 0.95]
SHORT = {"training.epochs": 3, "early_learning.max_epochs": 2, "tracking.overlays": 0}
"""Of studies in which the start points do not matter."""


def write(folder, **changes):
    content = {
        "name": "thresholds",
        "experiment": str(ROOT / "experiments/smoke.yaml"),
        "overrides": {"early_learning.max_epochs": 5, "tracking.overlays": 1},
        "variant": "plain-a",
        "trials": 4,
        "sampler": {"name": "grid"},
        "space": {"deceleration.threshold": {"choices": THRESHOLDS}},
    }
    folder.mkdir(exist_ok=True)
    (folder / "search.yaml").write_text(yaml.safe_dump(content | changes))
    return folder / "search.yaml"


def begin(folder, path):
    command = [str(Path(sys.executable).with_name("sissi")), "search", str(path), "--out", "out"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=folder, text=True, start_new_session=True, **pipes)


def trials(folder):
    return list(csv.DictReader((folder / "out/trials.csv").open()))


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A folder in which two processes have worked on one study at once, and what they said."""
    folder = tmp_path_factory.mktemp("studied")
    path = write(folder)
    both = [begin(folder, path) for _ in range(2)]
    told = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], "\n".join(told)
    return folder, "".join(told)


def test_two_processes_find_every_trial_once_below_one_run(studied):
    folder, _ = studied
    assert sorted(row["deceleration.threshold"] for row in trials(folder)) == [str(one) for one in THRESHOLDS]
    store = open_store(folder / "mlruns")
    [study] = store.find_runs("thresholds", "tags.`sissi.kind` = 'study'")
    runs = [run for run in store.children(study.id) if run.name.startswith("trial")]
    assert sorted(run.name for run in runs) == [f"trial {number:03d}" for number in range(4)]
    assert {run.status for run in [study, *runs]} == {"FINISHED"}
    assert all(run.metrics["objective"] == run.metrics["source_val/AP50"] for run in runs)
    assert {"searched/deceleration.threshold", "start_epoch"} <= set(runs[0].params)
    for name in ("trials.csv", "threshold.png", "history.png", "slice.png"):
        assert store.artifact(study.id, f"study/{name}").stat().st_size > 100


def test_each_distinct_start_epoch_is_trained_once(studied):
    folder, told = studied
    starts = [row["start_epoch"] for row in trials(folder)]
    assert len(set(starts)) == 2
    assert told.count("epoch 6/6, loss") == 2 and told.count("trunk: epoch 1/6") == 1


def test_a_trial_from_the_cache_is_bit_by_bit_one_from_scratch(studied, tmp_path):
    folder, _ = studied
    store = open_store(folder / "mlruns")
    shared = next(row for row in trials(folder) if row["shared"] == "True")
    value = shared["deceleration.threshold"]
    done = sissi(
        "run", ROOT / "experiments/smoke.yaml", "--variant", "plain-a", "--set", "early_learning.max_epochs=5",
        "--set", "tracking.overlays=1", "--set", f"deceleration.threshold={value}", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    other = open_store(tmp_path / "mlruns")
    [study] = store.find_runs("thresholds", "tags.`sissi.kind` = 'study'")
    trial = next(run for run in store.children(study.id) if run.name == f"trial {int(shared['trial']):03d}")
    scratch = next(run for run in other.children(other.latest_ablation().id) if run.name == "plain-a")
    for key in ("train/loss", "source_val/AP50", "source_val/loss", "labels/precision", "labels/recall"):
        assert store.history(trial.id, key) == other.history(scratch.id, key) != []
    weights = [
        torch.load(one.load_model_file(f"runs:/{run.id}/model"), weights_only=True)["state"]
        for one, run in ((store, trial), (other, scratch))
    ]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    labels = [one.artifact(run.id, "pseudo_labels/epoch_006.json") for one, run in ((store, trial), (other, scratch))]
    assert labels[0].read_text() == labels[1].read_text()


def test_a_study_that_is_done_trains_nothing_again(studied):
    folder, _ = studied
    before = trials(folder)
    done = sissi("search", "search.yaml", "--out", "out", cwd=folder)
    assert done.returncode == 0 and "epoch 1/6" not in done.stdout and trials(folder) == before


def test_a_killed_study_goes_on_with_the_trial_that_was_interrupted(tmp_path):
    path = write(tmp_path, overrides=SHORT)
    process = begin(tmp_path, path)
    for line in process.stdout:
        if line.startswith("trial") and "epoch" in line:
            os.killpg(process.pid, signal.SIGKILL)
            break
    process.wait()
    done = sissi("search", path, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "interrupted trials are run again" in done.stdout and "trunk: epoch" not in done.stdout
    complete = [row for row in trials(tmp_path) if row["state"] == "complete"]
    assert sorted(row["deceleration.threshold"] for row in complete) == [str(one) for one in THRESHOLDS]
    store = open_store(tmp_path / "mlruns")
    [study] = store.find_runs("thresholds", "tags.`sissi.kind` = 'study'")
    assert "RUNNING" not in {run.status for run in [study, *store.children(study.id)]}


def test_an_oracle_study_says_so_everywhere(tmp_path):
    path = write(
        tmp_path, name="oracle", objective="reader_1/AR", oracle=True, trials=1, overrides=SHORT,
        space={"deceleration.threshold": {"choices": [0.9]}},
    )  # fmt: skip
    done = sissi("search", path, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Oracle study" in (tmp_path / "out/trials.md").read_text()
    store = open_store(tmp_path / "mlruns")
    [study] = store.find_runs("oracle", "tags.`sissi.kind` = 'study'")
    assert "readers" in study.tags["sissi.oracle"]
    trial = next(run for run in store.children(study.id) if run.name == "trial 000")
    assert trial.metrics["objective"] == trial.metrics["reader_1/AR"]
