import subprocess
import sys
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from sissi.errors import SissiError
from sissi.search import study as study_module
from sissi.search.file import Search
from sissi.search.study import Study

THRESHOLD = {"deceleration.threshold": {"low": 0.1, "high": 0.8, "step": 0.1}}


def search(**changes):
    content = {"name": "test", "experiment": "x.yaml", "trials": 8, "sampler": {"name": "grid"}, "space": THRESHOLD}
    return Search.model_validate(content | changes)


def work_off(*studies):
    """Ask in turns until there is nothing left; the values of every trial."""
    values, left = [], list(studies)
    while left:
        study = left.pop(0)
        trial = study.ask()
        if trial is not None:
            values.append(study.suggest(trial))
            study.optuna.tell(trial, 0.5)
            left.append(study)
    return values


STORAGES = ["default", "journal:{}/study.log", "sqlite:///{}/other.db"]


@pytest.mark.parametrize("storage", STORAGES)
def test_two_workers_find_every_point_of_a_grid_once(tmp_path, storage):
    address = None if storage == "default" else storage.format(tmp_path)
    studies = [Study(search(storage=address), "one", tmp_path) for _ in range(2)]
    values = [point["deceleration.threshold"] for point in work_off(*studies)]
    assert sorted(values) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_a_waiting_trial_is_taken_alone(tmp_path, monkeypatch):
    study = Study(search(), "one", tmp_path)
    ask = study.optuna.ask
    alone = []
    monkeypatch.setattr(study.optuna, "ask", lambda: alone.append(study.exclusive().is_locked) or ask())
    assert len(work_off(study)) == 8 and all(alone)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_several_workers_together_run_as_many_trials_as_the_file_asks_for(tmp_path, sampler):
    studies = [Study(search(trials=5, sampler={"name": sampler}), "one", tmp_path) for _ in range(3)]
    assert len(work_off(*studies)) == 5
    assert len(work_off(Study(search(trials=7, sampler={"name": sampler}), "one", tmp_path))) == 2


def test_the_same_seed_proposes_the_same_values(tmp_path):
    runs = [work_off(Study(search(sampler={"name": "tpe", "seed": 3}), "one", tmp_path / name)) for name in "ab"]
    assert runs[0] == runs[1] and len({str(values) for values in runs[0]}) > 2


def test_choices_may_be_lists_and_whole_numbers_stay_whole(tmp_path):
    space = {
        "pseudo_labels.flips": {"choices": [["none"], ["none", "both"]]},
        "synthetic_images.margin": {"low": 2, "high": 9},
        "training.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    }
    seen = work_off(Study(search(space=space, sampler={"name": "random"}, trials=20), "one", tmp_path))
    again = work_off(Study(search(space=space, sampler={"name": "random"}, trials=21), "one", tmp_path))
    assert len(again) == 1
    assert {str(values["pseudo_labels.flips"]) for values in seen} == {"['none']", "['none', 'both']"}
    assert all(isinstance(values["synthetic_images.margin"], int) for values in seen)
    assert all(1e-4 <= values["training.learning_rate"] <= 1e-1 for values in seen)


KILLED = """
import os, pathlib, signal, sys
from tests.search.test_study import search
from sissi.search.study import Study
study = Study(search(), "one", pathlib.Path(sys.argv[1]))
done = study.ask()
study.suggest(done)
study.optuna.tell(done, 0.5)
study.suggest(study.ask())
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals that kill")
def test_the_trial_of_a_killed_process_is_run_again_and_finished_ones_are_kept(tmp_path):
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, cwd=Path.cwd())
    study = Study(search(), "one", tmp_path)
    assert study.repeated == 1
    assert len(work_off(study)) == 7
    trials = study.optuna.get_trials()
    assert Counter(trial.state for trial in trials) == {TrialState.COMPLETE: 8, TrialState.FAIL: 2}
    done = [trial.params["deceleration.threshold"] for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(set(done)) == 8


def test_a_trial_of_a_living_process_is_left_alone(tmp_path):
    first = Study(search(), "one", tmp_path)
    first.suggest(first.ask())
    second = Study(search(), "one", tmp_path)
    assert second.repeated == 0 and len(work_off(second)) == 7


@pytest.mark.parametrize("name", ["none", "median", "successive_halving", "hyperband"])
def test_a_trial_that_goes_badly_can_be_stopped(tmp_path, name):
    study = Study(
        search(pruner={"name": name, "startup_trials": 2, "warmup_cycles": 1}, sampler={"name": "random"}),
        "one",
        tmp_path,
    )
    for value in (0.8, 0.9, 0.7, 0.6, 0.75):
        trial = study.ask()
        study.suggest(trial)
        for epoch in range(1, 5):
            trial.report(value, epoch)
            trial.should_prune()
        study.optuna.tell(trial, value)
    bad = study.ask()
    study.suggest(bad)
    stopped = []
    for epoch in range(1, 5):
        bad.report(0.01, epoch)
        stopped.append(bad.should_prune())
    assert any(stopped) == (name != "none")


def test_a_storage_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(SissiError, match=r"storage sqlite:////nowhere/x\.db: cannot be used by Optuna"):
        Study(search(storage="sqlite:////nowhere/x.db"), "one", tmp_path)


def test_a_password_of_the_storage_is_not_shown(tmp_path):
    with pytest.raises(SissiError, match=r"storage nonesuch://host/db: cannot be used") as caught:
        Study(search(storage="nonesuch://me:hunter2@host/db"), "one", tmp_path)
    assert "hunter2" not in str(caught.value)
    study = Study(search(storage=f"sqlite:///file:{tmp_path}/other.db?uri=true&password=hunter2"), "one", tmp_path)
    assert study.address == f"sqlite:///file:{tmp_path}/other.db?uri=true&password=***"


@pytest.mark.parametrize("name", ["100 %", "a?b", "#1", "two words", "{x}", "größe", "a%20b", "a&b=c", "it's"])
def test_a_tracking_folder_may_have_any_name_for_optuna(tmp_path, name):
    (tmp_path / name).mkdir()
    optuna.create_study(storage=study_module.sqlite_address(tmp_path / name), study_name="x")
    assert (tmp_path / name / "optuna.db").is_file() and [path.name for path in tmp_path.iterdir()] == [name]
